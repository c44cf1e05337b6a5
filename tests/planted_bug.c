/* SPDX-License-Identifier: Apache-2.0
 * One bug on request, to prove that the sanitizers of this build really stop a program. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int plant(const char *bug, volatile int one)
{
    if (strcmp(bug, "overflow") == 0) {
        return INT_MAX + one;
    }
    char *p = malloc((size_t)one);
    if (p == NULL) {
        return 0;
    }
    if (strcmp(bug, "heap") == 0) {
        p[one] = 1;
    }
    int first = p[0] = 1;
    if (strcmp(bug, "leak") != 0) {
        free(p);
    }
    p = NULL;
    return first;
}

int main(int argc, char **argv)
{
    return plant(argc > 1 ? argv[1] : "none", argc > 0 ? 1 : 0) == 12345;
}
