/* SPDX-License-Identifier: Apache-2.0
 * Base64 is decoded as RFC 4648 has it, after padding that was left out has been put back. */
#include "wire/x402/header.h"

#include <string.h>

#include "base/encode.h"
#include "base/text.h"

enum mete_code x402_header_decode(struct arena *a, struct text value, struct text *out,
                                  struct mete_err *err)
{
    if (value.len == 0 || value.len > X402_HEADER_MAX) {
        return mete_fail(err, METE_X402_HEADER, "", "the header has to have 1 to %u characters",
                         X402_HEADER_MAX);
    }
    size_t missing = (4 - value.len % 4) % 4;
    bool is_padded = value.p[value.len - 1] == '=';
    char *padded = arena_alloc(a, value.len + missing);
    memcpy(padded, value.p, value.len);
    memset(padded + value.len, '=', missing);
    struct text in = {padded, value.len + (is_padded ? 0 : missing)};
    size_t len = 0;
    uint8_t *bytes = arena_alloc(a, in.len);
    if (!base64_decode(bytes, in.len, &len, in)) {
        return mete_fail(err, METE_X402_HEADER, "",
                         "the header is not base64 of the standard alphabet, in one line");
    }
    *out = bytes_text((struct bytes){bytes, len});
    return METE_OK;
}

static enum mete_code object_read(struct arena *a, struct text json, struct json **out,
                                  struct mete_err *err)
{
    enum mete_code code = json_parse(a, json, out, err);
    if (code == METE_OK && (*out)->type != JSON_OBJECT) {
        return mete_fail(err, METE_MEMBER_TYPE, "", "expected a JSON object");
    }
    return code;
}

enum mete_code x402_header_read(struct arena *a, struct text value, struct json **out,
                                struct mete_err *err)
{
    struct text json;
    enum mete_code code = x402_header_decode(a, value, &json, err);
    return code != METE_OK ? code : object_read(a, json, out, err);
}

void x402_header_write(struct buf *out, struct text json)
{
    size_t max = BASE64_TEXT_MAX(json.len);
    buf_reserve(out, max);
    out->len += base64_encode((char *)out->p + out->len, text_bytes(json));
}

enum mete_code x402_body_read(struct arena *a, struct text body, struct json **out,
                              struct mete_err *err)
{
    if (body.len > X402_BODY_MAX) {
        return mete_fail(err, METE_BODY_TOO_LARGE, "", "at most %u bytes are read here",
                         X402_BODY_MAX);
    }
    return object_read(a, body, out, err);
}
