/* SPDX-License-Identifier: Apache-2.0
 * Repeatable random numbers for tests, simulations and skip lists. Never for secrets. */
#ifndef METE_BASE_RNG_H
#define METE_BASE_RNG_H

#include "base/types.h"

struct rng {
    uint64_t s[4]; /* xoshiro256** */
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
/** Uniform in 0 .. below-1; needs below > 0. */
uint64_t rng_below(struct rng *r, uint64_t below);

#endif
