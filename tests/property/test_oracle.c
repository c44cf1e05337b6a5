/* SPDX-License-Identifier: Apache-2.0
 * Random streams through the engine and through the oracle, compared after every event. Prints how
 * often everything happened and fails when something never did.
 *   test_oracle [--seed N] [--events M] [--seconds S] [--stream L]
 * Without arguments it runs streams of 1,200 events from a fixed seed for 20 seconds, and
 * longer when something has not happened yet. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "oracle/compare.h"

#define CODES_MAX 200
#define PATIENCE  10 /* times the wanted seconds */

struct run {
    uint64_t seed;
    uint64_t events; /* 0: by time */
    uint64_t seconds;
    uint64_t stream;
    uint64_t done;
    uint64_t seen[SEEN_COUNT];
    uint64_t kinds[EV_KINDS];
    uint64_t statuses[SUBMIT_FAILED + 1];
    uint64_t codes[CODES_MAX];
};

static struct compare c; /* the stream that is being compared */

/* A broken invariant stops the program: say where. */
static void aborted(int signal_number)
{
    (void)signal_number;
    char text[96];
    int n = snprintf(text, sizeof text, "stopped at seed %llu, step %llu:\n",
                     (unsigned long long)c.seed, (unsigned long long)c.step);
    ssize_t unused = write(STDERR_FILENO, text, (size_t)n);
    unused = write(STDERR_FILENO, c.item.json.p, c.item.json.len);
    (void)unused;
}

static uint64_t number(const char *s)
{
    return strtoull(s, NULL, 0);
}

static void arguments(struct run *r, int argc, char **argv)
{
    *r = (struct run){.seed = 20250131, .seconds = 20, .stream = 1200};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seed") == 0)
            r->seed = number(argv[i + 1]);
        if (strcmp(argv[i], "--events") == 0)
            r->events = number(argv[i + 1]);
        if (strcmp(argv[i], "--seconds") == 0)
            r->seconds = number(argv[i + 1]);
        if (strcmp(argv[i], "--stream") == 0)
            r->stream = number(argv[i + 1]);
    }
}

static bool one_stream(struct run *r, uint64_t seed)
{
    bool same = true;
    compare_begin(&c, seed, r->seen);
    c.kind_seen = r->kinds;
    c.status_seen = r->statuses;
    c.code_seen = r->codes;
    for (uint64_t i = 0; i < r->stream && same && !oracle_tainted(c.oracle); i++) {
        same = compare_step(&c);
        r->done++;
    }
    compare_end(&c);
    return same;
}

static bool everything_happened(const struct run *r)
{
    bool all = true;
    for (int i = 0; i < EV_KINDS; i++)
        all &= r->kinds[i] > 0;
    for (int i = 0; i < SUBMIT_FAILED; i++)
        all &= r->statuses[i] > 0;
    for (int i = 0; i < SEEN_COUNT; i++)
        all &= r->seen[i] > 0;
    return all;
}

/** By time: on a slow machine it goes on until the rarest thing has happened too. */
static bool enough(const struct run *r, time_t begun)
{
    uint64_t past = (uint64_t)(time(NULL) - begun);
    if (r->events > 0)
        return r->done >= r->events;
    return past >= r->seconds && (everything_happened(r) || past >= r->seconds * PATIENCE);
}

static void print_count(const char *text, uint64_t count)
{
    printf("# %10llu  %s\n", (unsigned long long)count, text);
}

static void print_counts(const struct run *r)
{
    for (int i = 0; i < EV_KINDS; i++)
        print_count(script_kind_name[i], r->kinds[i]);
    for (int i = 0; i < SUBMIT_FAILED; i++)
        print_count(submit_status_name((enum submit_status)i), r->statuses[i]);
    for (int i = 0; i < SEEN_COUNT; i++)
        print_count(oracle_seen_text[i], r->seen[i]);
    for (int i = 1; i < CODES_MAX; i++) {
        if (r->codes[i] > 0)
            print_count(mete_code_name((enum mete_code)i), r->codes[i]);
    }
}

int main(int argc, char **argv)
{
    struct run r;
    bool same = true;
    time_t begun = time(NULL);
    signal(SIGABRT, aborted);
    arguments(&r, argc, argv);
    printf("# seed %llu, streams of %llu events\n", (unsigned long long)r.seed,
           (unsigned long long)r.stream);
    for (uint64_t i = 0; same && (i == 0 || !enough(&r, begun)); i++)
        same = one_stream(&r, r.seed + i);
    bool all = everything_happened(&r);
    print_counts(&r);
    printf("# %llu events\n1..2\n", (unsigned long long)r.done);
    printf("%sok 1 - engine and oracle agree\n", same ? "" : "not ");
    printf("%sok 2 - everything happened at least once\n", all ? "" : "not ");
    return same && all ? 0 : 1;
}
