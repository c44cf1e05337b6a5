/* SPDX-License-Identifier: Apache-2.0
 * One place for what every waiting thread needs, and what is easily forgotten. */
#include "store/steady.h"

#include "base/types.h"

int64_t steady_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct timespec steady_at(int64_t us)
{
    return (struct timespec){.tv_sec = (time_t)(us / 1000000),
                             .tv_nsec = (long)(us % 1000000) * 1000};
}

void steady_cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;
    METE_ASSERT(pthread_condattr_init(&attr) == 0);
    METE_ASSERT(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    METE_ASSERT(pthread_cond_init(c, &attr) == 0);
    pthread_condattr_destroy(&attr);
}

struct timespec steady_after(int64_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += (long)(ms % 1000) * 1000000L;
    t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000L;
    t.tv_nsec %= 1000000000L;
    return t;
}
