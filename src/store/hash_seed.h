/* SPDX-License-Identifier: Apache-2.0
 * One secret for the hash tables of this process: whoever chooses ids must not be able to choose
 * which of them collide. Nothing that is stored, shown or sent may depend on it. */
#ifndef METE_STORE_HASH_SEED_H
#define METE_STORE_HASH_SEED_H

#include "base/types.h"

/** Random, the same for the life of the process; from any thread. */
uint64_t hash_seed(void);
/** For tests: tables made from now on use this one; 0: a random one again. */
void hash_seed_set(uint64_t seed);

#endif
