/* SPDX-License-Identifier: Apache-2.0
 * Finding the objects; what they hold is read where it is read for HTTP. */
#include "wire/x402/mcp.h"

#include "base/text.h"

static const struct json *meta_of(const struct json *j, const char *name)
{
    return json_get(json_get(j, "_meta"), name);
}

enum mete_code x402_mcp_payment_read(struct arena *a, const struct json *params,
                                     struct x402_payload *out, bool *is_there, struct mete_err *err)
{
    const struct json *j = meta_of(params, X402_MCP_PAYMENT);
    *is_there = j != NULL;
    return j == NULL ? METE_OK : x402_payload_read(a, j, "/_meta/x402~1payment", out, err);
}

static bool is_payment_required(const struct json *j)
{
    return json_get(j, "x402Version") != NULL && json_get(j, "accepts") != NULL;
}

/* Servers of before structuredContent have it as text alone. */
static const struct json *text_content(struct arena *a, const struct json *result)
{
    const struct json *content = json_get(result, "content");
    bool is_list = content != NULL && content->type == JSON_ARRAY;
    const struct json *text = is_list ? json_get(content->child, "text") : NULL;
    struct json *j = NULL;
    bool is_text = text != NULL && text->type == JSON_STRING && text->text.len <= X402_BODY_MAX;
    return is_text && json_parse(a, text->text, &j, NULL) == METE_OK ? j : NULL;
}

enum mete_code x402_mcp_required_read(struct arena *a, const struct json *result,
                                      struct x402_required *out, bool *is_there,
                                      struct mete_err *err)
{
    const struct json *j = json_get(result, "structuredContent");
    const char *at = "/structuredContent";
    const struct json *is_error = json_get(result, "isError");
    *is_there = false;
    if (is_error == NULL || !json_is_true(is_error)) {
        return METE_OK;
    }
    if (!is_payment_required(j)) {
        at = "/content/0/text";
        j = text_content(a, result);
    }
    *is_there = is_payment_required(j);
    return *is_there ? x402_required_read(a, j, at, out, err) : METE_OK;
}

enum mete_code x402_mcp_settled_read(struct arena *a, const struct json *result,
                                     struct x402_settled *out, bool *is_there, struct mete_err *err)
{
    const struct json *j = meta_of(result, X402_MCP_RESPONSE);
    *is_there = j != NULL;
    return j == NULL ? METE_OK
                     : x402_settled_read_json(a, j, "/_meta/x402~1payment-response", out, err);
}

void x402_mcp_required_write(struct buf *out, struct text required)
{
    struct json_writer w;
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    jw_bool(&w, "isError", true);
    jw_raw(&w, "structuredContent", required);
    jw_array(&w, "content");
    jw_object(&w, NULL);
    jw_str(&w, "type", "text");
    jw_text(&w, "text", required);
    jw_end_object(&w);
    jw_end_array(&w);
    jw_end_object(&w);
}
