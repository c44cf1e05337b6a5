/* SPDX-License-Identifier: Apache-2.0
 * Waiting by the clock that nobody sets: for all threads from the store up. */
#ifndef METE_STORE_STEADY_H
#define METE_STORE_STEADY_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/** A condition whose timed waits end at moments of CLOCK_MONOTONIC. */
void steady_cond_init(pthread_cond_t *c);
/** The moment in `ms` milliseconds, for such a wait. */
struct timespec steady_after(int64_t ms);

#endif
