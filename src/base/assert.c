/* SPDX-License-Identifier: Apache-2.0
 * The last words of a process that found a broken invariant. The only output below the store:
 * one line to standard error by write(2), because neither stdio nor the heap can be trusted here.
 */
#include "base/types.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put(const char *s)
{
    size_t len = strlen(s);
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, s, len);
        if (n <= 0) {
            return;
        }
        s += n;
        len -= (size_t)n;
    }
}

static void put_line_number(int line)
{
    char digits[12];
    size_t i = sizeof(digits);
    digits[--i] = '\0';
    unsigned v = line > 0 ? (unsigned)line : 0;
    do {
        digits[--i] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    put(digits + i);
}

_Noreturn void mete_assert_failed(const char *what, const char *file, int line)
{
    put("mete: broken invariant: ");
    put(what);
    put(" (");
    put(file);
    put(":");
    put_line_number(line);
    put(")\n");
    abort();
}
