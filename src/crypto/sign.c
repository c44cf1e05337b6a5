/* SPDX-License-Identifier: Apache-2.0
 * Ed25519 by libsodium, and the did:key names of public keys: "did:key:z" and the base58btc of the
 * multicodec ed01 and the key. Secret keys exist only inside a call and are wiped before it ends.
 */
#include "crypto/sign.h"

#include "base/encode.h"
#include "base/text.h"

#include <sodium.h>
#include <string.h>

#define DID_PREFIX     "did:key:z"
#define DID_METHOD_LEN 8 /* "did:key:" */
#define MULTICODEC_LEN 2
#define MULTIKEY_LEN   (MULTICODEC_LEN + ED25519_PUBLIC_LEN)

_Static_assert(ED25519_PUBLIC_LEN == crypto_sign_PUBLICKEYBYTES, "public key length");
_Static_assert(ED25519_SEED_LEN == crypto_sign_SEEDBYTES, "seed length");
_Static_assert(ED25519_SIGNATURE_LEN == crypto_sign_BYTES, "signature length");

static const uint8_t MULTICODEC_ED25519[MULTICODEC_LEN] = {0xed, 0x01};

static void pair_of_seed(uint8_t public_key[ED25519_PUBLIC_LEN],
                         uint8_t secret[crypto_sign_SECRETKEYBYTES],
                         const uint8_t seed[ED25519_SEED_LEN])
{
    METE_ASSERT(sodium_init() >= 0);
    METE_ASSERT(crypto_sign_seed_keypair(public_key, secret, seed) == 0);
}

void ed25519_public(uint8_t public_key[ED25519_PUBLIC_LEN], const uint8_t seed[ED25519_SEED_LEN])
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    pair_of_seed(public_key, secret, seed);
    sodium_memzero(secret, sizeof(secret));
}

void ed25519_sign(uint8_t signature[ED25519_SIGNATURE_LEN], const uint8_t seed[ED25519_SEED_LEN],
                  struct bytes message)
{
    uint8_t public_key[ED25519_PUBLIC_LEN];
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    pair_of_seed(public_key, secret, seed);
    METE_ASSERT(crypto_sign_detached(signature, NULL, message.p, message.len, secret) == 0);
    sodium_memzero(secret, sizeof(secret));
}

bool ed25519_verify(const uint8_t signature[ED25519_SIGNATURE_LEN],
                    const uint8_t public_key[ED25519_PUBLIC_LEN], struct bytes message)
{
    METE_ASSERT(sodium_init() >= 0);
    return crypto_sign_verify_detached(signature, message.p, message.len, public_key) == 0;
}

void did_key_format(char out[DID_KEY_TEXT_MAX], const uint8_t public_key[ED25519_PUBLIC_LEN])
{
    uint8_t multikey[MULTIKEY_LEN];
    memcpy(multikey, MULTICODEC_ED25519, MULTICODEC_LEN);
    memcpy(multikey + MULTICODEC_LEN, public_key, ED25519_PUBLIC_LEN);
    char base58[180];
    size_t len = base58_encode(base58, (struct bytes){multikey, sizeof(multikey)});
    METE_ASSERT(sizeof(DID_PREFIX) + len <= DID_KEY_TEXT_MAX);
    memcpy(out, DID_PREFIX, sizeof(DID_PREFIX) - 1);
    memcpy(out + sizeof(DID_PREFIX) - 1, base58, len + 1);
}

/* Cuts "#fragment" off `did`; false when the fragment is not the key's own name. */
static bool cut_fragment(struct text *did)
{
    const char *hash = did->len == 0 ? NULL : memchr(did->p, '#', did->len);
    if (hash == NULL) {
        return true;
    }
    struct text name = {did->p + DID_METHOD_LEN, (size_t)(hash - did->p) - DID_METHOD_LEN};
    struct text fragment = {hash + 1, did->len - (size_t)(hash - did->p) - 1};
    did->len = (size_t)(hash - did->p);
    return text_eq(name, fragment);
}

bool did_key_parse(uint8_t public_key[ED25519_PUBLIC_LEN], struct text did)
{
    const size_t prefix_len = sizeof(DID_PREFIX) - 1;
    if (!text_starts(did, DID_PREFIX) || !cut_fragment(&did)) {
        return false;
    }
    uint8_t multikey[MULTIKEY_LEN];
    size_t len = 0;
    struct text base58 = {did.p + prefix_len, did.len - prefix_len};
    if (!base58_decode(multikey, sizeof(multikey), &len, base58) || len != sizeof(multikey) ||
        memcmp(multikey, MULTICODEC_ED25519, MULTICODEC_LEN) != 0) {
        return false;
    }
    memcpy(public_key, multikey + MULTICODEC_LEN, ED25519_PUBLIC_LEN);
    return true;
}
