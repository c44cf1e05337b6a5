/* SPDX-License-Identifier: Apache-2.0
 * One process with many trackers, for tests: track_many NAME COUNT CALLS URL SPOOL SECONDS.
 * Tracker i records CALLS calls over its time, of costs that follow from NAME and i alone, and asks
 * for reports meanwhile and until the server has everything. It prints one JSON object: what was
 * recorded, in 10^-18, and its counters. Options beside: METE_API_KEY. */
#include <mete/tracker.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COST_STEPS 900001u
#define COUNT_MAX  1000u
#define COUNTERS(X)                                                                                \
    X(recorded)                                                                                    \
    X(invalid)                                                                                     \
    X(dropped_memory)                                                                              \
    X(dropped_disk)                                                                                \
    X(written)                                                                                     \
    X(attempts)                                                                                    \
    X(retries)                                                                                     \
    X(unreachable)                                                                                 \
    X(broken)                                                                                      \
    X(put_off)                                                                                     \
    X(acknowledged)                                                                                \
    X(duplicates)                                                                                  \
    X(refused)                                                                                     \
    X(disk_errors)

struct many {
    struct mete_tracker *tracker[COUNT_MAX];
    unsigned count;
    unsigned calls;
    uint64_t seed;
    uint64_t cost; /* in 10^-6 */
    uint64_t recorded;
    int64_t longest_ns; /* of one call of the API */
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static void record_one(struct many *m, struct mete_tracker *t)
{
    static const char *const ENDPOINT[] = {"/v1/charges", "/v1/pages", "/v1/messages"};
    static const char *const WALLET[] = {"did:wallet:1", "did:wallet:2"};
    uint64_t cost = next(&m->seed) % COST_STEPS;
    uint64_t calls = 1 + next(&m->seed) % 3;
    char text[32];
    (void)snprintf(text, sizeof(text), "0.%06" PRIu64, cost);
    const struct mete_tracker_call call = {.endpoint = ENDPOINT[next(&m->seed) % 3],
                                           .cost = text,
                                           .calls = calls,
                                           .customer_wallet = WALLET[next(&m->seed) % 2]};
    int64_t began = now_ns();
    bool taken = mete_tracker_record(t, &call);
    int64_t took = now_ns() - began;
    m->longest_ns = took > m->longest_ns ? took : m->longest_ns;
    m->cost += taken ? cost : 0;
    m->recorded += taken ? calls : 0;
}

static void pause_ns(int64_t ns)
{
    const struct timespec t = {.tv_sec = (time_t)(ns / 1000000000),
                               .tv_nsec = (long)(ns % 1000000000)};
    if (ns > 0) {
        nanosleep(&t, NULL);
    }
}

/** A call of each in turn, spread over `seconds`; a fifth of them ask for a report each time. */
static void run(struct many *m, int64_t seconds)
{
    int64_t began = now_ns();
    for (unsigned c = 0; c < m->calls; c++) {
        for (unsigned i = 0; i < m->count; i++) {
            record_one(m, m->tracker[i]);
            if ((c + i) % 5 == 0) {
                (void)mete_tracker_report(m->tracker[i], 0);
            }
        }
        pause_ns(began + seconds * 1000000000 * (c + 1) / m->calls - now_ns());
    }
}

/** True: the server has everything. */
static bool settle(struct many *m, unsigned wait_s)
{
    int64_t until = now_ns() + (int64_t)wait_s * 1000000000;
    bool all = true;
    for (unsigned i = 0; i < m->count; i++) {
        (void)mete_tracker_report(m->tracker[i], 0);
    }
    for (unsigned i = 0; i < m->count; i++) {
        int64_t left = (until - now_ns()) / 1000000;
        all = mete_tracker_report(m->tracker[i], left > 0 ? (unsigned)left : 1) && all;
    }
    return all;
}

static void show(struct many *m, bool all)
{
    struct mete_tracker_stats sum = {0};
    for (unsigned i = 0; i < m->count; i++) {
        struct mete_tracker_stats s;
        mete_tracker_stats(m->tracker[i], &s);
#define X(member) sum.member += s.member;
        COUNTERS(X)
#undef X
        if (s.last_error[0] != '\0') {
            fprintf(stderr, "last error: %s\n", s.last_error);
        }
    }
    printf("{\"all\":%s,\"cost_micro\":%" PRIu64 ",\"calls\":%" PRIu64 ",\"longest_us\":%" PRId64,
           all ? "true" : "false", m->cost, m->recorded, m->longest_ns / 1000);
#define X(member) printf(",\"" #member "\":%" PRIu64, sum.member);
    COUNTERS(X)
#undef X
    printf("}\n");
}

int main(int argc, char **argv)
{
    static struct many m;
    if (argc != 7) {
        fputs("usage: track_many NAME COUNT CALLS URL SPOOL SECONDS\n", stderr);
        return 2;
    }
    m.count = (unsigned)strtoul(argv[2], NULL, 10);
    m.calls = (unsigned)strtoul(argv[3], NULL, 10);
    m.seed = strtoull(argv[1], NULL, 10);
    m.count = m.count < COUNT_MAX ? m.count : COUNT_MAX;
    for (unsigned i = 0; i < m.count; i++) {
        char spool[512];
        /* four trackers of this process, and those of all others with the same SPOOL, share one */
        (void)snprintf(spool, sizeof(spool), "%s/%u", argv[5], i / 4);
        const struct mete_tracker_options o = {.cli_id = "urn:fair:cli:many",
                                               .url = argv[4],
                                               .spool = spool,
                                               .interval_s = 3600,
                                               .retry_min_ms = 50,
                                               .retry_max_ms = 1000,
                                               .timeout_ms = 10000,
                                               .memory_max = 16384};
        m.tracker[i] = mete_tracker_open(&o);
    }
    run(&m, (int64_t)strtoul(argv[6], NULL, 10));
    show(&m, settle(&m, 120));
    for (unsigned i = 0; i < m.count; i++) {
        mete_tracker_close(m.tracker[i]);
    }
    return 0;
}
