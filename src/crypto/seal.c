/* SPDX-License-Identifier: Apache-2.0
 * Sealing by libsodium. A sealed value is nonce (24 bytes), ciphertext and tag (16 bytes); the
 * context binds it to its place, so that one cannot stand for another. */
#include "crypto/seal.h"

#include <sodium.h>

_Static_assert(SEAL_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key length");
_Static_assert(SEAL_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce length");
_Static_assert(SEAL_OVERHEAD == SEAL_NONCE_LEN + crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "overhead");

/* Picks the fast code of this processor. Repeating it is cheap and safe from any thread. */
static void sodium_prepare(void)
{
    METE_ASSERT(sodium_init() >= 0);
}

void seal(struct buf *out, const uint8_t key[SEAL_KEY_LEN], const uint8_t nonce[SEAL_NONCE_LEN],
          struct bytes context, struct bytes plain)
{
    sodium_prepare();
    buf_reserve(out, plain.len + SEAL_OVERHEAD);
    buf_put(out, nonce, SEAL_NONCE_LEN);
    unsigned long long len = 0;
    int failed = crypto_aead_xchacha20poly1305_ietf_encrypt(
        out->p + out->len, &len, plain.p, plain.len, context.p, context.len, NULL, nonce, key);
    METE_ASSERT(failed == 0 && len == plain.len + SEAL_OVERHEAD - SEAL_NONCE_LEN);
    out->len += len;
}

bool seal_open(struct buf *out, const uint8_t key[SEAL_KEY_LEN], struct bytes context,
               struct bytes sealed)
{
    if (sealed.len < SEAL_OVERHEAD) {
        return false;
    }
    sodium_prepare();
    buf_reserve(out, sealed.len - SEAL_OVERHEAD + 1); /* + 1: a place to write even when empty */
    unsigned long long len = 0;
    int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
        out->p + out->len, &len, NULL, sealed.p + SEAL_NONCE_LEN, sealed.len - SEAL_NONCE_LEN,
        context.p, context.len, sealed.p, key);
    if (failed != 0) {
        return false;
    }
    METE_ASSERT(len == sealed.len - SEAL_OVERHEAD);
    out->len += len;
    return true;
}

struct hash commitment(const uint8_t salt[SALT_LEN], struct bytes value)
{
    static const char DOMAIN[] = "mete-commitment-v1";
    struct bytes parts[] = {
        {(const uint8_t *)DOMAIN, sizeof(DOMAIN) - 1},
        {salt, SALT_LEN},
        value,
    };
    return sha256_parts(parts, ARRAY_LEN(parts));
}

void random_bytes(void *out, size_t len)
{
    sodium_prepare();
    randombytes_buf(out, len);
}

void secret_wipe(void *p, size_t len)
{
    sodium_memzero(p, len);
}

bool secret_eq(const void *a, const void *b, size_t len)
{
    return sodium_memcmp(a, b, len) == 0;
}
