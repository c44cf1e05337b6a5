/* SPDX-License-Identifier: Apache-2.0
 * Waiting by the clock that nobody sets: for all threads from the store up. */
#ifndef METE_STORE_STEADY_H
#define METE_STORE_STEADY_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/** Microseconds by that clock: only their differences mean something. */
int64_t steady_now(void);
/** A condition whose timed waits end at moments of CLOCK_MONOTONIC. */
void steady_cond_init(pthread_cond_t *c);
/** The moment in `ms` milliseconds, for such a wait. */
struct timespec steady_after(int64_t ms);
/** A moment of steady_now, for such a wait. */
struct timespec steady_at(int64_t us);

#endif
