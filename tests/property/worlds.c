/* SPDX-License-Identifier: Apache-2.0 */
#include "worlds.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct worlds worlds_asked(int argc, char **argv, struct worlds unless)
{
    const char *given = getenv("METE_TEST_SEED");
    struct worlds w = unless;
    w.seed = given != NULL ? strtoull(given, NULL, 10) : w.seed;
    for (int i = 1; i + 1 < argc; i += 2) {
        const uint64_t n = strtoull(argv[i + 1], NULL, 10);
        w.seed = strcmp(argv[i], "--seed") == 0 ? n : w.seed;
        w.runs = strcmp(argv[i], "--runs") == 0 ? n : w.runs;
        w.steps = strcmp(argv[i], "--steps") == 0 ? n : w.steps;
    }
    return w;
}

void world_wrong(bool *fine, const char *fmt, ...)
{
    va_list args;
    if (*fine) {
        va_start(args, fmt);
        printf("# ");
        vprintf(fmt, args);
        printf("\n");
        va_end(args);
    }
    *fine = false;
}

bool world_facts(const struct world_fact *facts, size_t count)
{
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        printf("# %8llu  %s\n", (unsigned long long)facts[i].count, facts[i].what);
        all &= facts[i].count > 0;
    }
    return all;
}

bool world_audits(uint64_t count)
{
    printf("# %8llu  worlds audited\n", (unsigned long long)count);
    return count > 0 || getenv("METE_AUDIT") == NULL;
}
