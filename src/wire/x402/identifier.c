/* SPDX-License-Identifier: Apache-2.0
 * payment-identifier: {"info":{"required":bool,"id":text},"schema":...}. */
#include "wire/x402/identifier.h"

#include "base/text.h"
#include "wire/x402/member.h"

bool x402_identifier_ok(struct text id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.p[i];
        if (!char_is_letter(c) && !char_is_digit(c) && c != '_' && c != '-') {
            return false;
        }
    }
    return id.len >= X402_IDENTIFIER_MIN && id.len <= X402_IDENTIFIER_MAX;
}

static const struct json *info_of(const struct json *extensions)
{
    return json_get(json_get(extensions, X402_EXTENSION_IDENTIFIER), "info");
}

enum mete_code x402_identifier_read(const struct x402_payload *p, const char *at, struct text *id,
                                    struct mete_err *err)
{
    const struct form_in in = {NULL, p->json, at, err};
    const struct json *j = json_get(info_of(p->extensions), "id");
    *id = TEXT("");
    if (j == NULL || j->type == JSON_NULL) {
        return METE_OK;
    }
    enum mete_code code = form_type(&in, j, JSON_STRING);
    if (code == METE_OK && !x402_identifier_ok(j->text)) {
        return form_fail(&in, j, METE_MEMBER_VALUE, "expected %d to %d of A-Z a-z 0-9 _ -",
                         X402_IDENTIFIER_MIN, X402_IDENTIFIER_MAX);
    }
    if (code == METE_OK) {
        *id = j->text;
    }
    return code;
}

bool x402_identifier_advertised(const struct json *extensions)
{
    return info_of(extensions) != NULL;
}

void x402_identifier_advertise(struct buf *out, bool is_required)
{
    buf_printf(out,
               "{\"info\":{\"required\":%s},\"schema\":{\"$schema\":"
               "\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","
               "\"properties\":{\"required\":{\"type\":\"boolean\"},\"id\":{\"type\":\"string\","
               "\"minLength\":%d,\"maxLength\":%d,\"pattern\":\"^[a-zA-Z0-9_-]+$\"}},"
               "\"required\":[\"required\"]}}",
               is_required ? "true" : "false", X402_IDENTIFIER_MIN, X402_IDENTIFIER_MAX);
}

void x402_identifier_write(struct buf *out, const struct json *advertised, struct text id)
{
    static const char *const ID[] = {"id", NULL};
    static const char *const INFO[] = {"info", NULL};
    METE_ASSERT(x402_identifier_ok(id));
    buf_put_str(out, "{\"info\":{\"id\":");
    json_put_string(out, id);
    members_put(out, json_get(advertised, "info"), ID, true);
    buf_put_u8(out, '}');
    members_put(out, advertised, INFO, true);
    buf_put_u8(out, '}');
}
