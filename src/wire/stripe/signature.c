/* SPDX-License-Identifier: Apache-2.0
 * The signature of Stripe's webhooks: t=SECONDS,v1=HEX[,v1=HEX...] over "SECONDS.BODY". */
#include "wire/stripe/stripe.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/hash.h"

#define HEADER_LEN_MAX 4096

/** The next "name=value" of the header; false at its end. A part without '=' has no value. */
static bool part_next(struct text *rest, struct text *name, struct text *value)
{
    size_t end = 0;
    if (rest->len == 0) {
        return false;
    }
    while (end < rest->len && rest->p[end] != ',') {
        end++;
    }
    size_t equals = 0;
    while (equals < end && rest->p[equals] != '=') {
        equals++;
    }
    *name = (struct text){rest->p, equals};
    *value = equals < end ? (struct text){rest->p + equals + 1, end - equals - 1}
                          : (struct text){rest->p, 0};
    size_t used = end < rest->len ? end + 1 : end;
    *rest = (struct text){rest->p + used, rest->len - used};
    return true;
}

/** The moment, once, and at least one v1. */
static bool header_read(struct text header, struct text *seconds, int64_t *at)
{
    struct text rest = header;
    struct text name;
    struct text value;
    unsigned moments = 0;
    unsigned signatures = 0;
    while (part_next(&rest, &name, &value)) {
        if (text_is(name, "t")) {
            moments++;
            *seconds = value;
        }
        signatures += text_is(name, "v1");
    }
    return header.len <= HEADER_LEN_MAX && moments == 1 && signatures > 0 &&
           webhook_seconds(*seconds, at);
}

static struct hash expected(struct text seconds, struct bytes body, struct text secret)
{
    struct buf signed_bytes = {0};
    buf_put_text(&signed_bytes, seconds);
    buf_put_u8(&signed_bytes, '.');
    buf_put(&signed_bytes, body.p, body.len);
    struct hash h = hmac_sha256(text_bytes(secret), buf_bytes(&signed_bytes));
    buf_clear(&signed_bytes);
    return h;
}

enum webhook_verdict stripe_signature_check(struct text header, struct bytes body,
                                            struct text secret, int64_t now, int64_t tolerance_s)
{
    struct text seconds = {0};
    struct text name;
    struct text value;
    int64_t at = 0;
    bool fits = false;
    if (secret.len == 0 || !header_read(header, &seconds, &at)) {
        return WEBHOOK_HEADER;
    }
    const struct hash want = expected(seconds, body, secret);
    for (struct text rest = header; part_next(&rest, &name, &value);) {
        uint8_t got[SHA256_LEN];
        if (text_is(name, "v1") && hex_decode(got, sizeof got, value)) {
            fits |= crypto_equal((struct bytes){want.b, sizeof want.b},
                                 (struct bytes){got, sizeof got});
        }
    }
    if (!fits) {
        return WEBHOOK_SIGNATURE;
    }
    return at < now - tolerance_s || at > now + tolerance_s ? WEBHOOK_STALE : WEBHOOK_GOOD;
}
