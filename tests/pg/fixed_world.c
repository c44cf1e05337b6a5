/* SPDX-License-Identifier: Apache-2.0
 * Preloaded into a program under test: the clock stands still at METE_TEST_NOW (microseconds), and
 * what libsodium draws is the same in each process, each length a sequence of its own. So two
 * stores that are given the same are the same to the last byte. */
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *out)
{
    static int (*real)(clockid_t, struct timespec *);
    const char *now = getenv("METE_TEST_NOW");
    if (clock == CLOCK_REALTIME && now != NULL) {
        int64_t us = 0;
        for (; *now >= '0' && *now <= '9'; now++) {
            us = us * 10 + (*now - '0');
        }
        out->tv_sec = us / 1000000;
        out->tv_nsec = us % 1000000 * 1000;
        return 0;
    }
    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    }
    return real(clock, out);
}

void randombytes_buf(void *out, size_t size);
void randombytes_buf(void *out, size_t size)
{
    static uint64_t drawn[64]; /* by length */
    uint64_t *count = &drawn[size % 64];
    uint64_t state = 88172645463325252u + size + ++*count * 1000003; /* xorshift64 */
    uint8_t *bytes = out;
    for (size_t i = 0; i < size; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes[i] = (uint8_t)(state >> 32);
    }
}
