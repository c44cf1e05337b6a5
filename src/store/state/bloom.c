/* SPDX-License-Identifier: Apache-2.0
 * Six bits in one line of 512. */
#include "store/state/bloom.h"

#include <string.h>

#define PROBES 6
#define K1     UINT64_C(0x9e3779b97f4a7c15)
#define K2     UINT64_C(0xd6e8feb86659fd93)

static uint64_t load_le(const uint8_t *p, size_t len)
{
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++) {
        v |= (uint64_t)p[i] << (8 * i);
    }
    return v;
}

static uint64_t stir(uint64_t h)
{
    h ^= h >> 32;
    h *= K2;
    h ^= h >> 32;
    h *= K2;
    return h ^ h >> 32;
}

uint64_t bloom_hash(struct bytes key)
{
    uint64_t h = K1 ^ key.len;
    size_t i = 0;
    for (; i + 8 <= key.len; i += 8) {
        h = stir(h ^ load_le(key.p + i, 8)) * K1;
    }
    return stir(h ^ load_le(key.p + i, key.len - i));
}

size_t bloom_size(size_t keys, unsigned bits_per_key)
{
    return (keys * bits_per_key + 8 * BLOOM_LINE - 1) / (8 * BLOOM_LINE) * BLOOM_LINE;
}

/** The line: the high half scaled to their number. The bits: 9 of the rest for each probe. */
size_t bloom_line(size_t size, uint64_t hash)
{
    return (size_t)((hash >> 32) * (size / BLOOM_LINE) >> 32) * BLOOM_LINE;
}

void bloom_add(uint8_t *filter, size_t size, uint64_t hash)
{
    uint8_t *line = filter + bloom_line(size, hash);
    uint64_t bits = hash * K1;
    for (unsigned i = 0; i < PROBES; i++, bits >>= 9) {
        line[(bits & 511) / 8] |= (uint8_t)(1u << (bits & 7));
    }
}

bool bloom_may_have(const uint8_t *filter, size_t size, uint64_t hash)
{
    if (size == 0) {
        return false;
    }
    const uint8_t *line = filter + bloom_line(size, hash);
    uint64_t bits = hash * K1;
    for (unsigned i = 0; i < PROBES; i++, bits >>= 9) {
        if ((line[(bits & 511) / 8] & 1u << (bits & 7)) == 0) {
            return false;
        }
    }
    return true;
}
