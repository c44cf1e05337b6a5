/* SPDX-License-Identifier: Apache-2.0
 * libsodium, and nothing of our own. */
#include "crypto/box.h"

#include <sodium.h>
#include <stdlib.h>

_Static_assert(BOX_KEY_LEN == crypto_box_PUBLICKEYBYTES, "public key");
_Static_assert(BOX_KEY_LEN == crypto_box_SECRETKEYBYTES, "secret key");
_Static_assert(BOX_OVERHEAD == crypto_box_SEALBYTES, "overhead");

static void sodium_prepare(void)
{
    METE_ASSERT(sodium_init() >= 0);
}

void box_public(uint8_t out[BOX_KEY_LEN], const uint8_t secret[BOX_KEY_LEN])
{
    sodium_prepare();
    METE_ASSERT(crypto_scalarmult_base(out, secret) == 0);
}

/** The box of libsodium's crypto_box_seal, by parts, since that one draws its key pair itself: the
 *  public key of the pair, then crypto_box under BLAKE2b-192(its public key, the other's). */
void box_seal(struct buf *out, const uint8_t public_key[BOX_KEY_LEN],
              const uint8_t seed[BOX_KEY_LEN], struct bytes plain)
{
    uint8_t own[BOX_KEY_LEN];
    uint8_t secret[BOX_KEY_LEN];
    uint8_t nonce[crypto_box_NONCEBYTES];
    crypto_generichash_state state;
    sodium_prepare();
    METE_ASSERT(crypto_box_seed_keypair(own, secret, seed) == 0);
    crypto_generichash_init(&state, NULL, 0, sizeof nonce);
    crypto_generichash_update(&state, own, sizeof own);
    crypto_generichash_update(&state, public_key, BOX_KEY_LEN);
    crypto_generichash_final(&state, nonce, sizeof nonce);
    buf_put(out, own, sizeof own);
    buf_reserve(out, plain.len + crypto_box_MACBYTES);
    METE_ASSERT(crypto_box_easy(out->p + out->len, plain.p, plain.len, nonce, public_key, secret) ==
                0);
    out->len += plain.len + crypto_box_MACBYTES;
    sodium_memzero(secret, sizeof secret);
}

bool box_open(struct buf *out, const uint8_t secret[BOX_KEY_LEN], struct bytes box)
{
    uint8_t public_key[BOX_KEY_LEN];
    if (box.len < BOX_OVERHEAD) {
        return false;
    }
    box_public(public_key, secret);
    buf_reserve(out, box.len - BOX_OVERHEAD + 1); /* + 1: a place to write even when empty */
    if (crypto_box_seal_open(out->p + out->len, box.p, box.len, public_key, secret) != 0) {
        return false;
    }
    out->len += box.len - BOX_OVERHEAD;
    return true;
}

/* --- guarded memory ----------------------------------------------------------------------------*/

struct guarded {
    uint8_t *p;
};

struct guarded *guarded_new(size_t len)
{
    sodium_prepare();
    struct guarded *g = malloc(sizeof *g);
    METE_ASSERT(g != NULL);
    g->p = sodium_malloc(len);
    METE_ASSERT(g->p != NULL);
    guarded_shut(g);
    return g;
}

uint8_t *guarded_open(struct guarded *g)
{
    METE_ASSERT(sodium_mprotect_readwrite(g->p) == 0);
    return g->p;
}

void guarded_shut(struct guarded *g)
{
    METE_ASSERT(sodium_mprotect_noaccess(g->p) == 0);
}

void guarded_free(struct guarded *g)
{
    if (g != NULL) {
        sodium_free(g->p);
        free(g);
    }
}
