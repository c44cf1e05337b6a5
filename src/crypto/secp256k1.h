/* SPDX-License-Identifier: Apache-2.0
 * ECDSA on secp256k1 as Lightning (BOLT 11) and EVM chains use it, thin over libsecp256k1: keys,
 * signatures that tell their signer, verification. Addresses and what is hashed belong to their
 * protocols. Every function may be called from any thread. */
#ifndef METE_CRYPTO_SECP256K1_H
#define METE_CRYPTO_SECP256K1_H

#include "base/types.h"
#include "crypto/hash.h"

#define SECP_SECRET_LEN       32
#define SECP_COMPRESSED_LEN   33 /* 02 or 03, x */
#define SECP_UNCOMPRESSED_LEN 65 /* 04, x, y */
#define SECP_RS_LEN           64 /* r, s: 32 bytes each, big-endian */

struct secp_signature {
    uint8_t rs[SECP_RS_LEN];
    uint8_t recovery; /* 0..3: which of the points with this r is meant (SEC 1, 4.1.6) */
};

/** True when `secret` is a private key: above zero and below the order of the curve. */
bool secp_secret_ok(const uint8_t secret[SECP_SECRET_LEN]) METE_MUST_CHECK;

/** True when `key` is a point of the curve in one of the two forms of SEC 1: 33 bytes that begin
 *  with 02 or 03, or 65 bytes that begin with 04. */
bool secp_public_ok(struct bytes key) METE_MUST_CHECK;

/** The public key of a private key; false (and `out` zeroed) when secp_secret_ok is false. */
bool secp_public_compressed(uint8_t out[SECP_COMPRESSED_LEN],
                            const uint8_t secret[SECP_SECRET_LEN]) METE_MUST_CHECK;
bool secp_public_uncompressed(uint8_t out[SECP_UNCOMPRESSED_LEN],
                              const uint8_t secret[SECP_SECRET_LEN]) METE_MUST_CHECK;

/** The long form of a public key; false (and `out` zeroed) when secp_public_ok is false. */
bool secp_uncompress(uint8_t out[SECP_UNCOMPRESSED_LEN], struct bytes key) METE_MUST_CHECK;

/** Signs a hash. The same key and hash always give the same signature (nonce by RFC 6979,
 *  SHA-256), and s is in the lower half of the order. False when secp_secret_ok is false. */
bool secp_sign(struct secp_signature *out, const uint8_t secret[SECP_SECRET_LEN],
               const struct hash *hash) METE_MUST_CHECK;

/** The key that made the signature, compressed. Takes s of both halves, as BOLT 11 asks of readers;
 *  who must refuse the upper one asks secp_low_s. False (and `out` zeroed) when r, s or the
 * recovery id are out of range or name no point. Another hash gives another key, not false. */
bool secp_recover(uint8_t out[SECP_COMPRESSED_LEN], const struct secp_signature *signature,
                  const struct hash *hash) METE_MUST_CHECK;
/** The same key in its long form: cheaper than secp_recover and secp_uncompress. */
bool secp_recover_uncompressed(uint8_t out[SECP_UNCOMPRESSED_LEN],
                               const struct secp_signature *signature,
                               const struct hash *hash) METE_MUST_CHECK;

/** True when r and s are in 1..order-1 and s is in the lower half. */
bool secp_low_s(const uint8_t rs[SECP_RS_LEN]) METE_MUST_CHECK;

/** Whether `key` (either form) signed `hash`. False also for s in the upper half. */
bool secp_verify(const uint8_t rs[SECP_RS_LEN], struct bytes key,
                 const struct hash *hash) METE_MUST_CHECK;

#endif
