/* SPDX-License-Identifier: Apache-2.0
 * Random books of every kind of event: their statements, reports, explanations and exports must
 * agree with the ledger, and simulating without a draft must change nothing.
 *   test_query_random [--seed N] [--books B] [--events M] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle/compare.h"
#include "query/check.h"

static uint64_t option(int argc, char **argv, const char *name, uint64_t otherwise)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], name) == 0) {
            return strtoull(argv[i + 1], NULL, 0);
        }
    }
    return otherwise;
}

/** One stream through the engine; what it has left is then asked about. */
static bool one_book(uint64_t seed, uint64_t events)
{
    static struct compare c;
    static uint64_t seen[SEEN_COUNT], kinds[EV_KINDS], statuses[SUBMIT_FAILED + 1], codes[200];
    compare_begin(&c, seed, seen);
    c.kind_seen = kinds;
    c.status_seen = statuses;
    c.code_seen = codes;
    bool same = true;
    for (uint64_t i = 0; i < events && same && !oracle_tainted(c.oracle); i++) {
        same = compare_step(&c);
    }
    same = same && check_all(c.engine);
    compare_end(&c);
    return same;
}

int main(int argc, char **argv)
{
    bool small = getenv("METE_TEST_SMALL") != NULL;
    uint64_t seed = option(argc, argv, "--seed", 20250601);
    uint64_t books = option(argc, argv, "--books", small ? 1 : 12);
    uint64_t events = option(argc, argv, "--events", small ? 80 : 300);
    printf("# seed %llu, %llu books of %llu events\n1..%llu\n", (unsigned long long)seed,
           (unsigned long long)books, (unsigned long long)events, (unsigned long long)books);
    bool all = true;
    for (uint64_t i = 0; i < books; i++) {
        bool fine = one_book(seed + i, events);
        printf("%sok %llu - the answers about book %llu agree\n", fine ? "" : "not ",
               (unsigned long long)i + 1, (unsigned long long)(seed + i));
        fflush(stdout);
        all = all && fine;
    }
    return all ? 0 : 1;
}
