/* SPDX-License-Identifier: Apache-2.0
 * Keccak-f[1600] on 64-bit lanes and its sponge with capacity 512 (the Keccak reference, version
 * 3.0, sections 1.2 and 2.2). Lane (x, y) stands at x + 5 * y. Time depends on lengths only. */
#include "crypto/keccak.h"

#include <string.h>

#define LANES  25
#define ROUNDS 24

static const uint64_t ROUND_CONSTANTS[ROUNDS] = {
    UINT64_C(0x0000000000000001), UINT64_C(0x0000000000008082), UINT64_C(0x800000000000808a),
    UINT64_C(0x8000000080008000), UINT64_C(0x000000000000808b), UINT64_C(0x0000000080000001),
    UINT64_C(0x8000000080008081), UINT64_C(0x8000000000008009), UINT64_C(0x000000000000008a),
    UINT64_C(0x0000000000000088), UINT64_C(0x0000000080008009), UINT64_C(0x000000008000000a),
    UINT64_C(0x000000008000808b), UINT64_C(0x800000000000008b), UINT64_C(0x8000000000008089),
    UINT64_C(0x8000000000008003), UINT64_C(0x8000000000008002), UINT64_C(0x8000000000000080),
    UINT64_C(0x000000000000800a), UINT64_C(0x800000008000000a), UINT64_C(0x8000000080008081),
    UINT64_C(0x8000000000008080), UINT64_C(0x0000000080000001), UINT64_C(0x8000000080008008),
};

static inline uint64_t rotate(uint64_t v, unsigned by)
{
    return by == 0 ? v : v << by | v >> (64 - by);
}

static inline uint64_t column(const uint64_t a[LANES], unsigned x)
{
    return a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
}

/* One lane after theta, rho and pi, for row `y` of the result: pi takes it from (x + 3y, x). */
#define MOVED(x, y, by) rotate(a[((x) + 3 * (y)) % 5 + 5 * (x)] ^ d[((x) + 3 * (y)) % 5], by)

/* The row `y` of the result; the five numbers are the rotations of rho. */
#define ROW(y, by0, by1, by2, by3, by4)                                                            \
    do {                                                                                           \
        const uint64_t b0 = MOVED(0, y, by0), b1 = MOVED(1, y, by1), b2 = MOVED(2, y, by2),        \
                       b3 = MOVED(3, y, by3), b4 = MOVED(4, y, by4);                               \
        e[5 * (y)] = b0 ^ (~b1 & b2);                                                              \
        e[5 * (y) + 1] = b1 ^ (~b2 & b3);                                                          \
        e[5 * (y) + 2] = b2 ^ (~b3 & b4);                                                          \
        e[5 * (y) + 3] = b3 ^ (~b4 & b0);                                                          \
        e[5 * (y) + 4] = b4 ^ (~b0 & b1);                                                          \
    } while (0)

static inline void round_apply(const uint64_t a[LANES], uint64_t e[LANES], uint64_t constant)
{
    const uint64_t c[5] = {column(a, 0), column(a, 1), column(a, 2), column(a, 3), column(a, 4)};
    const uint64_t d[5] = {
        c[4] ^ rotate(c[1], 1), c[0] ^ rotate(c[2], 1), c[1] ^ rotate(c[3], 1),
        c[2] ^ rotate(c[4], 1), c[3] ^ rotate(c[0], 1),
    };
    ROW(0, 0, 44, 43, 21, 14);
    ROW(1, 28, 20, 3, 45, 61);
    ROW(2, 1, 6, 25, 8, 18);
    ROW(3, 27, 36, 10, 15, 56);
    ROW(4, 62, 55, 39, 41, 2);
    e[0] ^= constant;
}

static void permute(uint64_t lane[LANES])
{
    uint64_t other[LANES];
    for (unsigned i = 0; i < ROUNDS; i += 2) {
        round_apply(lane, other, ROUND_CONSTANTS[i]);
        round_apply(other, lane, ROUND_CONSTANTS[i + 1]);
    }
}

static inline uint64_t lane_read(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

static void byte_xor(struct keccak *k, size_t at, uint8_t v)
{
    k->lane[at / 8] ^= (uint64_t)v << (8 * (at % 8));
}

static void block_absorb(struct keccak *k, const uint8_t *p)
{
    for (size_t i = 0; i < KECCAK256_RATE / 8; i++) {
        k->lane[i] ^= lane_read(p + 8 * i);
    }
    permute(k->lane);
}

void keccak_init(struct keccak *k)
{
    memset(k, 0, sizeof(*k));
}

void keccak_add(struct keccak *k, struct bytes in)
{
    METE_ASSERT(k->used < KECCAK256_RATE);
    size_t i = 0;
    while (i < in.len) {
        if (k->used == 0 && in.len - i >= KECCAK256_RATE) {
            block_absorb(k, in.p + i);
            i += KECCAK256_RATE;
            continue;
        }
        if (k->used % 8 == 0 && in.len - i >= 8) {
            k->lane[k->used / 8] ^= lane_read(in.p + i);
            k->used += 8;
            i += 8;
        } else {
            byte_xor(k, k->used++, in.p[i++]);
        }
        if (k->used == KECCAK256_RATE) {
            permute(k->lane);
            k->used = 0;
        }
    }
}

struct hash keccak_end(struct keccak *k)
{
    METE_ASSERT(k->used < KECCAK256_RATE);
    byte_xor(k, k->used, 0x01);
    byte_xor(k, KECCAK256_RATE - 1, 0x80);
    permute(k->lane);
    struct hash h;
    for (size_t i = 0; i < sizeof(h.b); i++) {
        h.b[i] = (uint8_t)(k->lane[i / 8] >> (8 * (i % 8)));
    }
    return h;
}

struct hash keccak256_parts(const struct bytes *parts, size_t count)
{
    struct keccak k;
    keccak_init(&k);
    for (size_t i = 0; i < count; i++) {
        keccak_add(&k, parts[i]);
    }
    return keccak_end(&k);
}

struct hash keccak256(struct bytes in)
{
    return keccak256_parts(&in, 1);
}
