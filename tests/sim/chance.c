/* SPDX-License-Identifier: Apache-2.0
 * Where random numbers come from, for the whole process: keys, salts, seeds of hash tables, the
 * names in a write-ahead log. Threads cannot be had: whoever helps another one does it in turn. */
#include "sim.h"

#include "crypto/seal.h"
#include "store/hash_seed.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>

static struct rng chance;

static const char *name(void)
{
    return "sim";
}

static uint32_t next(void)
{
    return (uint32_t)rng_next(&chance);
}

static void fill(void *const to, const size_t len)
{
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)to)[i] = (uint8_t)rng_next(&chance);
    }
}

void sim_chance(uint64_t seed)
{
    static struct randombytes_implementation own = {
        .implementation_name = name, .random = next, .buf = fill};
    METE_ASSERT(randombytes_set_implementation(&own) == 0);
    METE_ASSERT(sodium_init() >= 0); /* it takes some the first time: not those of a life */
    rng_seed(&chance, seed);
    hash_seed_set(rng_next(&chance) | 1);
    fault_disk_chance(rng_next(&chance));
}

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*start)(void *),
                          void *arg);

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*start)(void *),
                          void *arg)
{
    (void)t;
    (void)attr;
    (void)start;
    (void)arg;
    return EAGAIN;
}
