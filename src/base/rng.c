/* SPDX-License-Identifier: Apache-2.0
 * xoshiro256** (Blackman and Vigna), its state filled by splitmix64 so that any seed will do. */
#include "base/rng.h"

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void rng_seed(struct rng *r, uint64_t seed)
{
    for (size_t i = 0; i < ARRAY_LEN(r->s); i++) {
        r->s[i] = splitmix64(&seed);
    }
}

static uint64_t rotate_left(uint64_t v, unsigned by)
{
    return v << by | v >> (64 - by);
}

uint64_t rng_next(struct rng *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t rng_below(struct rng *r, uint64_t below)
{
    METE_ASSERT(below > 0);
    /* The high word of random * below is uniform once the low words under 2^64 mod below are
     * drawn again. */
    uint64_t unfair = -below % below;
    for (;;) {
        u128 product = (u128)rng_next(r) * below;
        if ((uint64_t)product >= unfair) {
            return (uint64_t)(product >> 64);
        }
    }
}
