/* SPDX-License-Identifier: Apache-2.0
 * Keccak-256 as Ethereum uses it: the sponge with its first padding (0x01), which is not the
 * SHA3-256 of FIPS 202 (0x06). Own code, because neither libcrypto 3.0 nor libsodium has this
 * padding. */
#ifndef METE_CRYPTO_KECCAK_H
#define METE_CRYPTO_KECCAK_H

#include "crypto/hash.h"

#define KECCAK256_RATE 136 /* bytes that one permutation takes in */

/** A hash under way. It holds no pointers: copying it forks the hash. */
struct keccak {
    uint64_t lane[25];
    size_t used; /* bytes of the present block that are in, below KECCAK256_RATE */
};

/** Begins a hash. */
void keccak_init(struct keccak *k);
void keccak_add(struct keccak *k, struct bytes in);
/** The hash of everything that was added. `k` needs keccak_init before it is used again. */
struct hash keccak_end(struct keccak *k);

struct hash keccak256(struct bytes in);
/** The hash of the concatenation of `count` pieces. */
struct hash keccak256_parts(const struct bytes *parts, size_t count);

#endif
