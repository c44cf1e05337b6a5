/* SPDX-License-Identifier: Apache-2.0
 * Boxes that anybody with a public key can close and only the holder of its secret can open
 * (X25519, XSalsa20-Poly1305: libsodium's sealed boxes), and memory for such secrets that is
 * neither swapped nor dumped, and cannot be read by mistake. */
#ifndef METE_CRYPTO_BOX_H
#define METE_CRYPTO_BOX_H

#include "base/buf.h"
#include "base/types.h"

#define BOX_KEY_LEN  32u /* of either half */
#define BOX_OVERHEAD 48u /* a public key and a tag */

/** The public half of a secret; any 32 random bytes are one. */
void box_public(uint8_t out[BOX_KEY_LEN], const uint8_t secret[BOX_KEY_LEN]);
/** Appends the closed box. `seed`: random, of this box alone: the key pair that it is closed with,
 *  so that nobody sees that two hold the same. */
void box_seal(struct buf *out, const uint8_t public_key[BOX_KEY_LEN],
              const uint8_t seed[BOX_KEY_LEN], struct bytes plain);
/** Appends what is in the box; false when it was closed for another key, or a bit differs (then
 *  `out` is untouched). */
bool box_open(struct buf *out, const uint8_t secret[BOX_KEY_LEN], struct bytes box) METE_MUST_CHECK;

struct guarded;

/** `len` bytes between pages that cannot be touched, locked in memory where the limits allow, left
 *  out of core dumps. Nobody can read or write them until guarded_open. */
struct guarded *guarded_new(size_t len);
/** Makes them readable and writable until guarded_shut. */
uint8_t *guarded_open(struct guarded *g);
void guarded_shut(struct guarded *g);
/** Wipes them. NULL is allowed. */
void guarded_free(struct guarded *g);

#endif
