/* SPDX-License-Identifier: Apache-2.0
 * The first that asks chooses; those that ask at the same time take what it chose. */
#include "store/hash_seed.h"

#include "crypto/seal.h"

#include <stdatomic.h>

static _Atomic uint64_t chosen; /* 0: not yet */

uint64_t hash_seed(void)
{
    uint64_t seed = atomic_load(&chosen);
    if (seed != 0) {
        return seed;
    }
    uint64_t mine;
    random_bytes(&mine, sizeof mine);
    mine |= 1;
    return atomic_compare_exchange_strong(&chosen, &seed, mine) ? mine : seed;
}

void hash_seed_set(uint64_t seed)
{
    atomic_store(&chosen, seed);
}
