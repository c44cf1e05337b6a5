/* SPDX-License-Identifier: Apache-2.0
 * Writes the load of the benchmarks: `events N` revenue events under policies with five shares, or
 * `journal N` the equivalent postings (one debit, five credits a transaction) for hledger and
 * ledger, or `policies` the policies themselves; `usage N`: what platforms counted in one day, and
 * `cycle` the close that distributes that day's pool by it. Repeatable. */
#include "base/i128.h"
#include "base/rng.h"
#include "base/text.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLICIES  1000u
#define SHARES    5u
#define PROVIDERS 5000u
#define PLATFORMS 20u

static const unsigned WEIGHT[SHARES] = {40, 25, 20, 10, 5};

static unsigned long cents(struct rng *r)
{
    return (unsigned long)(100 + rng_below(r, 500000));
}

static void events(unsigned long count)
{
    struct rng r;
    char time[TIME_TEXT_MAX];
    rng_seed(&r, 1);
    for (unsigned long i = 0; i < count; i++) {
        unsigned long amount = cents(&r);
        unsigned policy = (unsigned)rng_below(&r, POLICIES);
        mete_time at = (mete_time)1735689600 * TIME_SECOND_US +
                       (mete_time)(i * 31536000ULL / (count + 1)) * TIME_SECOND_US;
        time_format(at, time);
        printf("{\"event_id\":\"evt_%016lx%08lx\",\"event_type\":\"revenue.received\","
               "\"occurred_at\":\"%s\",\"source\":{\"producer\":\"control_plane\","
               "\"service\":\"payment\",\"app_id\":\"app_%u\",\"environment\":\"prod\"},"
               "\"payload\":{\"policy\":\"urn:bench:%u\",\"amount\":{\"amount\":\"%lu.%02lu\","
               "\"currency\":\"USD\"},\"source\":\"streaming\",\"source_ref\":\"invoice-%lu\"}}\n",
               (unsigned long)rng_next(&r), i, time, policy % 20, policy, amount / 100,
               amount % 100, i);
    }
}

static void policies(void)
{
    for (unsigned p = 0; p < POLICIES; p++) {
        printf("{\"event_id\":\"policy_%u\",\"event_type\":\"policy.published\","
               "\"occurred_at\":\"2025-01-01T00:00:00Z\",\"payload\":{\"policy\":{"
               "\"id\":\"urn:bench:%u\",\"kind\":\"weights\",\"shares\":[",
               p, p);
        for (unsigned s = 0; s < SHARES; s++) {
            printf("%s{\"party\":\"did:bench:%u\",\"weight\":\"0.%02u\"}", s == 0 ? "" : ",",
                   (p * SHARES + s) * 7919 % 4000, WEIGHT[s]);
        }
        printf("]}}}\n");
    }
}

static void journal(unsigned long postings)
{
    struct rng r;
    rng_seed(&r, 1);
    for (unsigned long i = 0; i < postings / (SHARES + 1); i++) {
        unsigned long amount = cents(&r);
        unsigned policy = (unsigned)rng_below(&r, POLICIES);
        unsigned long left = amount;
        char day[11];
        time_format_day(20089 + (int32_t)(i * 365 * (SHARES + 1) / postings), day);
        printf("%s * evt_%lu\n", day, i);
        for (unsigned s = 0; s < SHARES; s++) {
            unsigned long part = s == SHARES - 1 ? left : amount * WEIGHT[s] / 100;
            left -= part;
            printf("    parties:p%u  -%lu.%02lu USD\n", (policy * SHARES + s) * 7919 % 4000,
                   part / 100, part % 100);
        }
        printf("    clearing  %lu.%02lu USD\n\n", amount / 100, amount % 100);
        (void)rng_next(&r);
    }
}

static void usage(unsigned long count)
{
    struct rng r;
    rng_seed(&r, 2);
    printf("{\"event_id\":\"policy_usage\",\"event_type\":\"policy.published\",\"occurred_at\":"
           "\"2025-01-01T00:00:00Z\",\"payload\":{\"policy\":{\"id\":\"urn:bench:usage\","
           "\"kind\":\"usage\",\"rounding\":\"largest\"}}}\n");
    for (unsigned long i = 0; i < count; i++) {
        unsigned platform = (unsigned)rng_below(&r, PLATFORMS);
        unsigned provider = (unsigned)rng_below(&r, PROVIDERS);
        unsigned long calls = (unsigned long)(1 + rng_below(&r, 100000));
        printf("{\"event_id\":\"batch_%08lx\",\"event_type\":\"usage.reported\",\"occurred_at\":"
               "\"2025-01-02T00:01:00Z\",\"payload\":{\"platform_id\":\"platform-%u\",\"provider\":"
               "\"did:bench:%u\",\"window_start\":\"2025-01-01T00:00:00Z\",\"window_end\":"
               "\"2025-01-02T00:00:00Z\",\"calls\":%lu,\"bytes\":%lu,\"batch_id\":\"%lu\"}}\n",
               i, platform, provider, calls, calls * 2048, i);
    }
}

static void cycle(void)
{
    printf("{\"event_id\":\"cycle\",\"event_type\":\"cycle.closed\",\"occurred_at\":"
           "\"2025-01-02T00:10:00Z\",\"payload\":{\"policy\":\"urn:bench:usage\",\"window_start\":"
           "\"2025-01-01T00:00:00Z\",\"window_end\":\"2025-01-02T00:00:00Z\",\"pool\":{"
           "\"amount\":\"1234567.890123\",\"currency\":\"USDC\"}}}\n");
}

int main(int argc, char **argv)
{
    u128 count = 1000000;
    if (argc > 2 && !u128_parse(text_of(argv[2]), &count)) {
        fprintf(stderr, "not a number: %s\n", argv[2]);
        return 2;
    }
    if (argc > 1 && strcmp(argv[1], "events") == 0) {
        events((unsigned long)count);
    } else if (argc > 1 && strcmp(argv[1], "policies") == 0) {
        policies();
    } else if (argc > 1 && strcmp(argv[1], "journal") == 0) {
        journal((unsigned long)count);
    } else if (argc > 1 && strcmp(argv[1], "usage") == 0) {
        usage((unsigned long)count);
    } else if (argc > 1 && strcmp(argv[1], "cycle") == 0) {
        cycle();
    } else {
        fprintf(stderr, "usage: bench_gen_revenue policies | events N | journal POSTINGS | "
                        "usage N | cycle\n");
        return 2;
    }
    return 0;
}
