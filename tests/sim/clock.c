/* SPDX-License-Identifier: Apache-2.0
 * The clock of the simulation: every call of clock_gettime for the time of day comes here (the
 * linker wraps it); the other clocks are the machine's. It ticks a little at each look. */
#include "sim.h"

#include <time.h>

#define TICK_US 137

static mete_time now;

mete_time sim_clock(void)
{
    return now;
}

void sim_clock_set(mete_time to)
{
    now = to;
}

int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);

int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
    if (clock != CLOCK_REALTIME || now == 0) {
        return __real_clock_gettime(clock, t);
    }
    now += TICK_US;
    t->tv_sec = (time_t)(now / TIME_SECOND_US);
    t->tv_nsec = (long)(now % TIME_SECOND_US) * 1000;
    return 0;
}
