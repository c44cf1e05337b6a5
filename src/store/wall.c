/* SPDX-License-Identifier: Apache-2.0 */
#include "store/wall.h"

#include <time.h>

mete_time wall_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (mete_time)t.tv_sec * TIME_SECOND_US + t.tv_nsec / 1000;
}
