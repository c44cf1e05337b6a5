/* SPDX-License-Identifier: Apache-2.0
 * The soft limit of open files is what a process has asked for, the hard one what it may have. */
#include "http/descriptors.h"

#include <sys/resource.h>

unsigned descriptors_for(unsigned connections)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)connections + DESCRIPTORS_OWN;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return connections;
    }
    if (limit.rlim_cur < wanted && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
            return connections;
        }
    }
    if (limit.rlim_cur >= wanted) {
        return connections;
    }
    return limit.rlim_cur > 2 * DESCRIPTORS_OWN ? (unsigned)(limit.rlim_cur - DESCRIPTORS_OWN)
           : limit.rlim_cur >= 2                ? (unsigned)(limit.rlim_cur / 2)
                                                : 1;
}
