/* SPDX-License-Identifier: Apache-2.0
 * Ed25519 (RFC 8032) and did:key names of its public keys, thin over libsodium. */
#ifndef METE_CRYPTO_SIGN_H
#define METE_CRYPTO_SIGN_H

#include "base/types.h"

#define ED25519_PUBLIC_LEN    32
#define ED25519_SEED_LEN      32
#define ED25519_SIGNATURE_LEN 64
#define DID_KEY_TEXT_MAX      80

/** The public key of a secret seed. */
void ed25519_public(uint8_t public_key[ED25519_PUBLIC_LEN], const uint8_t seed[ED25519_SEED_LEN]);
void ed25519_sign(uint8_t signature[ED25519_SIGNATURE_LEN], const uint8_t seed[ED25519_SEED_LEN],
                  struct bytes message);
/** False also for non-canonical signatures and keys of small order. */
bool ed25519_verify(const uint8_t signature[ED25519_SIGNATURE_LEN],
                    const uint8_t public_key[ED25519_PUBLIC_LEN],
                    struct bytes message) METE_MUST_CHECK;

/** "did:key:z6Mk..." (multicodec ed01, base58btc); NUL-terminated. Source: did:key method, W3C CCG
 */
void did_key_format(char out[DID_KEY_TEXT_MAX], const uint8_t public_key[ED25519_PUBLIC_LEN]);
/** Reads did:key, also with a "#fragment" that repeats the key; false for any other key type. */
bool did_key_parse(uint8_t public_key[ED25519_PUBLIC_LEN], struct text did) METE_MUST_CHECK;

#endif
