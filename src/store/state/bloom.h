/* SPDX-License-Identifier: Apache-2.0
 * A Bloom filter of 64-byte lines: one key touches one line, so asking costs one cache miss. The
 * hash is part of the stored format (doc/format.md) and the same on every machine. */
#ifndef METE_STORE_STATE_BLOOM_H
#define METE_STORE_STATE_BLOOM_H

#include "base/types.h"

#define BLOOM_LINE ((size_t)64)
/* Bits a key: about one false hit in 100 and in 700. */
#define BLOOM_BITS_FEW  10u
#define BLOOM_BITS_MANY 16u

uint64_t bloom_hash(struct bytes key);
/** Bytes of a filter for `keys` keys: a multiple of BLOOM_LINE; 0 for none. */
size_t bloom_size(size_t keys, unsigned bits_per_key);
/** Where the line of a key begins. */
size_t bloom_line(size_t size, uint64_t hash);
void bloom_add(uint8_t *filter, size_t size, uint64_t hash);
/** False when the key was certainly not added. */
bool bloom_may_have(const uint8_t *filter, size_t size, uint64_t hash);

#endif
