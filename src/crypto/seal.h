/* SPDX-License-Identifier: Apache-2.0
 * Values that only the holder of the store's key can read (XChaCha20-Poly1305), and the salted
 * commitments that stand for them in the log. Thin over libsodium. */
#ifndef METE_CRYPTO_SEAL_H
#define METE_CRYPTO_SEAL_H

#include "base/buf.h"
#include "base/types.h"
#include "crypto/hash.h"

#define SEAL_KEY_LEN   32
#define SEAL_NONCE_LEN 24
#define SEAL_OVERHEAD  40 /* nonce and tag */
#define SALT_LEN       16

/** Appends nonce, ciphertext and tag. `context` is authenticated, not stored. */
void seal(struct buf *out, const uint8_t key[SEAL_KEY_LEN], const uint8_t nonce[SEAL_NONCE_LEN],
          struct bytes context, struct bytes plain);
/** Appends the plain bytes; false when key, context or a bit differs (then `out` is untouched). */
bool seal_open(struct buf *out, const uint8_t key[SEAL_KEY_LEN], struct bytes context,
               struct bytes sealed) METE_MUST_CHECK;

/** SHA-256("mete-commitment-v1" || salt || value). */
struct hash commitment(const uint8_t salt[SALT_LEN], struct bytes value);

/** Fills `out` from the operating system's generator. Lives here because libsodium has it; called
 *  by engine and cli only, never below them. */
void random_bytes(void *out, size_t len);
void secret_wipe(void *p, size_t len);
/** Compares in a time that does not tell where two secrets differ. */
bool secret_eq(const void *a, const void *b, size_t len);

#endif
