/* SPDX-License-Identifier: Apache-2.0
 * Invariant: secrets are compared with the work that one needs for all of them, and every
 * signature that a header has is looked at. */
#include "wire/webhook.h"

#include "base/buf.h"
#include "base/encode.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/seal.h"

#include <string.h>

#define SECRET_MAX     ((size_t)512) /* bytes of a decoded one */
#define SECRET_TEXT    ((size_t)700)
#define HEADER_LEN_MAX ((size_t)4096)
#define SECONDS_DIGITS 12

bool webhook_seconds(struct text t, int64_t *out)
{
    int64_t v = 0;
    if (t.len == 0 || t.len > SECONDS_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] < '0' || t.p[i] > '9') {
            return false;
        }
        v = v * 10 + (t.p[i] - '0');
    }
    *out = v;
    return true;
}

/** The last digit without the bits that stand for no byte, as lenient readers see it. */
static char last_digit(char c, size_t rest)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    size_t unused = rest == 2 ? 15 : 3;
    return at != NULL ? digits[(size_t)(at - digits) & ~unused] : c;
}

/** Some tools leave the padding out. */
static bool secret_decode(struct text secret, uint8_t out[SECRET_MAX], size_t *len)
{
    char padded[SECRET_TEXT + 4];
    static const struct text prefix = {"whsec_", 6};
    if (text_starts(secret, prefix.p)) {
        secret = (struct text){secret.p + prefix.len, secret.len - prefix.len};
    }
    if (secret.len == 0 || secret.len > SECRET_TEXT) {
        return false;
    }
    memcpy(padded, secret.p, secret.len);
    size_t n = secret.len;
    if (n % 4 > 1) {
        padded[n - 1] = last_digit(padded[n - 1], n % 4);
    }
    while (n % 4 != 0) {
        padded[n++] = '=';
    }
    bool good = base64_decode(out, SECRET_MAX, len, (struct text){padded, n}) && *len > 0;
    secret_wipe(padded, sizeof padded);
    return good;
}

static struct hash expected(const struct webhook_headers *h, struct bytes body, struct bytes key)
{
    struct buf all = {0};
    buf_put_text(&all, h->id);
    buf_put_u8(&all, '.');
    buf_put_text(&all, h->timestamp);
    buf_put_u8(&all, '.');
    buf_put(&all, body.p, body.len);
    const struct hash sum = hmac_sha256(key, buf_bytes(&all));
    buf_clear(&all);
    return sum;
}

/** One of "v1,BASE64", with spaces between. */
static bool any_fits(struct text signatures, const struct hash *want)
{
    bool fits = false;
    for (size_t i = 0; i < signatures.len;) {
        size_t end = i;
        uint8_t got[SHA256_LEN];
        size_t len = 0;
        while (end < signatures.len && signatures.p[end] != ' ') {
            end++;
        }
        const struct text one = {signatures.p + i, end - i};
        if (text_starts(one, "v1,") &&
            base64_decode(got, sizeof got, &len, (struct text){one.p + 3, one.len - 3})) {
            fits |= crypto_equal((struct bytes){want->b, sizeof want->b}, (struct bytes){got, len});
        }
        i = end + 1;
    }
    return fits;
}

enum webhook_verdict webhook_standard_check(const struct webhook_headers *h, struct bytes body,
                                            struct text secret, int64_t now, int64_t tolerance_s,
                                            int64_t *at)
{
    uint8_t key[SECRET_MAX];
    size_t len = 0;
    if (h->id.len == 0 || h->signature.len == 0 || h->signature.len > HEADER_LEN_MAX ||
        !webhook_seconds(h->timestamp, at) || !secret_decode(secret, key, &len)) {
        return WEBHOOK_HEADER;
    }
    const struct hash want = expected(h, body, (struct bytes){key, len});
    secret_wipe(key, sizeof key);
    if (!any_fits(h->signature, &want)) {
        return WEBHOOK_SIGNATURE;
    }
    return *at < now - tolerance_s || *at > now + tolerance_s ? WEBHOOK_STALE : WEBHOOK_GOOD;
}

enum webhook_verdict webhook_plain_check(struct text header, struct bytes body, struct text secret)
{
    uint8_t got[SHA256_LEN];
    static const struct text prefix = {"sha256=", 7};
    if (text_starts(header, prefix.p)) {
        header = (struct text){header.p + prefix.len, header.len - prefix.len};
    }
    if (header.len == 0 || secret.len == 0) {
        return WEBHOOK_HEADER;
    }
    const struct hash want = hmac_sha256(text_bytes(secret), body);
    return header.len == 2 * sizeof got && hex_decode(got, sizeof got, header) &&
                   crypto_equal((struct bytes){want.b, sizeof want.b},
                                (struct bytes){got, sizeof got})
               ? WEBHOOK_GOOD
               : WEBHOOK_SIGNATURE;
}
