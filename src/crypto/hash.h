/* SPDX-License-Identifier: Apache-2.0
 * SHA-256, SHA-512 and HMAC-SHA-256 (FIPS 180-4, RFC 2104), thin over OpenSSL's libcrypto. */
#ifndef METE_CRYPTO_HASH_H
#define METE_CRYPTO_HASH_H

#include "base/types.h"

#define SHA256_LEN 32
#define SHA512_LEN 64

struct hash {
    uint8_t b[SHA256_LEN];
};

struct hash sha256(struct bytes in);
/** The hash of the concatenation of `count` pieces. */
struct hash sha256_parts(const struct bytes *parts, size_t count);
/** SHA-256 of what comes piece by piece. */
struct hashing;
struct hashing *hashing_new(void);
void hashing_add(struct hashing *h, struct bytes in);
/** The hash of all pieces; frees `h`. */
struct hash hashing_end(struct hashing *h);
struct hash hmac_sha256(struct bytes key, struct bytes in);
void sha512(uint8_t out[SHA512_LEN], struct bytes in);
bool hash_eq(const struct hash *a, const struct hash *b);
void hash_hex(const struct hash *h, char out[65]);
/** Compares without leaking where the difference is. */
bool crypto_equal(struct bytes a, struct bytes b);

#endif
