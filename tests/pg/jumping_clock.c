/* SPDX-License-Identifier: Apache-2.0
 * Preloaded into a program under test: its wall clock is off by as many seconds as the file
 * METE_TEST_CLOCK says (eight bytes, as this machine writes them), and jumps when they change. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static int64_t off_by(void)
{
    static const volatile int64_t *seconds;
    const char *name = getenv("METE_TEST_CLOCK");
    if (seconds == NULL && name != NULL) {
        int fd = open(name, O_RDONLY | O_CLOEXEC);
        void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *seconds, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED) {
            abort(); /* a clock that stands still would prove nothing */
        }
        seconds = p;
    }
    return seconds == NULL ? 0 : *seconds;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    }
    int result = real(clock, out);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) {
        out->tv_sec += off_by();
    }
    return result;
}

time_t time(time_t *out)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (out != NULL) {
        *out = t.tv_sec;
    }
    return t.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec t;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &t);
    out->tv_sec = t.tv_sec;
    out->tv_usec = t.tv_nsec / 1000;
    return 0;
}
