/* SPDX-License-Identifier: Apache-2.0
 * The store alone: synthetic revenue events with random ids and six postings each, without parsing
 * and deciding. Prints the rate of every half million, so that a decline shows. What is measured
 * includes hashing the leaf, looking up the id, packing and applying the decision, and the commit.
 *
 * usage: bench_store [events [group [accounts [event-bytes [cache-MiB [url]]]]]] */
#include "base/rng.h"
#include "base/text.h"
#include "core/decision.h"
#include "core/view.h"
#include "store/state/stats.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINES      5u
#define REPORT     500000u
#define START_TIME ((mete_time)1750000000 * TIME_SECOND_US)

struct bench {
    struct rng rng;
    struct book *book;
    uint64_t accounts;
    size_t event_bytes;
    char event[65536];
    struct buf packed;
    struct state_sink sink;
};

static double seconds(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint64_t rss_kib(void)
{
    unsigned long size = 0;
    unsigned long resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f != NULL) {
        if (fscanf(f, "%lu %lu", &size, &resident) != 2) {
            resident = 0;
        }
        fclose(f);
    }
    return resident * (uint64_t)(sysconf(_SC_PAGESIZE) / 1024);
}

static uint64_t file_bytes(const char *url)
{
    struct stat st;
    return stat(url, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void stop(const struct mete_err *err)
{
    fprintf(stderr, "bench_store: %s: %s\n", mete_code_name(err->code), err->text);
    exit(1);
}

static void sink_set(void *ctx, struct bytes key, struct bytes value)
{
    book_set(ctx, key, value);
}

static void sink_add(void *ctx, struct bytes key, const i128 sums[STATE_SUMS])
{
    book_add(ctx, key, sums);
}

static void sink_remove(void *ctx, struct bytes key)
{
    book_remove(ctx, key);
}

/** Canonical bytes of about event_bytes bytes with a random id. */
static struct text make_event(struct bench *b, size_t *id_len)
{
    int n = snprintf(b->event, sizeof b->event,
                     "{\"event_id\":\"evt_%016llx%016llx\",\"event_type\":\"revenue.received\","
                     "\"occurred_at\":\"2025-06-15T12:00:00Z\",\"payload\":{\"filler\":\"",
                     (unsigned long long)rng_next(&b->rng), (unsigned long long)rng_next(&b->rng));
    size_t len = (size_t)n;
    *id_len = 4 + 32;
    if (len + 3 < b->event_bytes) {
        memset(b->event + len, 'x', b->event_bytes - 3 - len);
        len = b->event_bytes - 3;
    }
    memcpy(b->event + len, "\"}}", 3);
    return (struct text){b->event, len + 3};
}

static void make_decision(struct bench *b, struct decision *d, struct group *g, struct node *node,
                          struct line *line, mete_time at)
{
    memset(node, 0, sizeof *node);
    *node = (struct node){.policy = 1 + (uint32_t)rng_below(&b->rng, 100),
                          .version = 1,
                          .parent = NODE_NONE,
                          .rounding = 1,
                          .weight = 0,
                          .den = LINES,
                          .counted = true};
    i128 gross = 0;
    for (unsigned i = 0; i < LINES; i++) {
        i128 amount = 100 + (i128)rng_below(&b->rng, 10000);
        line[i] = (struct line){.kind = LINE_ALLOCATION,
                                .party = PARTY_FIRST + (uint32_t)rng_below(&b->rng, b->accounts),
                                .share = i,
                                .weight = 1,
                                .amount = amount};
        gross += amount;
    }
    node->input = gross;
    *g = (struct group){.kind = GROUP_REVENUE,
                        .asset = 1,
                        .gross = gross,
                        .source = PARTY_CLEARING,
                        .clears_at = at + 7 * TIME_DAY_US,
                        .node = node,
                        .node_count = 1,
                        .line = line,
                        .line_count = LINES};
    *d = (struct decision){.rules_version = 1, .pages = 1, .group = g, .group_count = 1};
}

static void one_event(struct bench *b, uint64_t seq)
{
    struct mete_err err;
    struct decision d;
    struct group g;
    struct node node;
    struct line line[LINES];
    size_t id_len;
    /* a day passes every 50,000 events */
    mete_time at = START_TIME + (mete_time)seq * (TIME_DAY_US / 50000);
    struct text event = make_event(b, &id_len);
    struct text id = {event.p + sizeof "{\"event_id\":\"" - 1, id_len};
    struct key key = key_event_id(id);
    struct bytes value;
    if (book_get(b->book, key_bytes(&key), &value, &err) != STORE_NONE) {
        stop(&err);
    }
    make_decision(b, &d, &g, &node, line, at);
    buf_reset(&b->packed);
    decision_pack(&b->packed, &d);
    struct log_row row = {.seq = seq,
                          .recorded_at = at,
                          .event_id = id,
                          .event = text_bytes(event),
                          .decision = buf_bytes(&b->packed)};
    row.leaf = log_row_leaf(&row);
    if (book_append(b->book, &row, &err) != STORE_OK) {
        stop(&err);
    }
    decision_apply(&d, seq, 0, at, &b->sink);
}

static void print_stats(struct book *book)
{
    const struct state_stats *t = book_stats(book);
    printf("state: %llu flushes of %llu items, %llu merges, %llu items in, %llu out, %zu runs in "
           "%u levels, %zu segments, %llu bytes of runs, %llu written, memory %zu\n",
           (unsigned long long)t->flushes, (unsigned long long)t->flushed_items,
           (unsigned long long)t->merges_done, (unsigned long long)t->merged_in,
           (unsigned long long)t->merged_out, t->runs, t->levels, t->segments,
           (unsigned long long)t->run_bytes, (unsigned long long)t->block_bytes_written, t->memory);
    printf(
        "reads: %llu gets, bloom %llu asked %llu passed %llu false, blocks %llu read %llu hits\n",
        (unsigned long long)t->gets, (unsigned long long)t->bloom_asked,
        (unsigned long long)t->bloom_passed, (unsigned long long)t->bloom_false,
        (unsigned long long)t->blocks_read, (unsigned long long)t->cache_hits);
}

/** All events, with a line for every half million. */
static void run(struct bench *b, uint64_t events, uint64_t group, const char *path)
{
    struct mete_err err;
    uint64_t from = book_size(b->book);
    double wall = seconds(CLOCK_MONOTONIC);
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    double worst = 0;
    printf("%10s %10s %8s %10s %9s %9s %6s\n", "events", "events/s", "CPU us", "worst ms",
           "B/event", "RSS MiB", "runs");
    for (uint64_t i = 1; i <= events; i++) {
        one_event(b, from + i);
        if (i % group == 0 || i == events) {
            double begin = seconds(CLOCK_MONOTONIC);
            if (book_commit(b->book, &err) != STORE_OK) {
                stop(&err);
            }
            double took = seconds(CLOCK_MONOTONIC) - begin;
            worst = took > worst ? took : worst;
        }
        if (i % REPORT == 0 || i == events) {
            uint64_t n = i % REPORT == 0 ? REPORT : i % REPORT;
            double now = seconds(CLOCK_MONOTONIC);
            double cpu_now = seconds(CLOCK_PROCESS_CPUTIME_ID);
            printf("%10llu %10.0f %8.2f %10.1f %9llu %9llu %6zu\n", (unsigned long long)(from + i),
                   (double)n / (now - wall), (cpu_now - cpu) * 1e6 / (double)n, worst * 1e3,
                   (unsigned long long)(file_bytes(path) / (from + i)),
                   (unsigned long long)(rss_kib() / 1024), book_stats(b->book)->runs);
            fflush(stdout);
            wall = seconds(CLOCK_MONOTONIC);
            cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
            worst = 0;
        }
    }
}

static uint64_t number(int argc, char **argv, int at, uint64_t fallback)
{
    u128 v = fallback;
    if (argc > at && !u128_parse(text_of(argv[at]), &v)) {
        fprintf(stderr, "bench_store: not a number: %s\n", argv[at]);
        exit(2);
    }
    return (uint64_t)v;
}

int main(int argc, char **argv)
{
    static struct bench b;
    struct store *s;
    struct mete_err err;
    uint64_t events = number(argc, argv, 1, 10000000);
    uint64_t group = number(argc, argv, 2, 1000);
    b.accounts = number(argc, argv, 3, 100000);
    b.event_bytes = (size_t)number(argc, argv, 4, 976);
    size_t cache = (size_t)number(argc, argv, 5, 64) << 20;
    const char *url = argc > 6 ? argv[6] : "bench_store.db";
    const char *path = text_starts(text_of(url), "sqlite:") ? url + 7 : url;
    struct store_options options = {.create = true, .cache_size = cache, .now = START_TIME};
    bool fresh = file_bytes(path) == 0;
    if (b.event_bytes > sizeof b.event || b.accounts == 0 || group == 0) {
        fprintf(stderr, "bench_store: out of range\n");
        return 2;
    }
    rng_seed(&b.rng, fresh ? 1 : file_bytes(path));
    if (store_open(&s, url, &options, &err) != METE_OK ||
        book_open(&b.book, s, TEXT("main"), fresh, &err) != METE_OK) {
        stop(&err);
    }
    b.sink = (struct state_sink){b.book, sink_set, sink_add, sink_remove, true};
    run(&b, events, group, path);
    print_stats(b.book);
    double begin = seconds(CLOCK_MONOTONIC);
    struct hash root = book_head(b.book).root;
    book_close(b.book);
    store_close(s);
    double closed = seconds(CLOCK_MONOTONIC);
    if (store_open(&s, url, &options, &err) != METE_OK) {
        stop(&err);
    }
    if (strcmp(url, "memory:") != 0) {
        if (book_open(&b.book, s, TEXT("main"), false, &err) != METE_OK) {
            stop(&err);
        }
        struct hash again = book_head(b.book).root;
        printf("close %.0f ms, open %.0f ms, %llu rows read again, the head is %s\n",
               (closed - begin) * 1e3, (seconds(CLOCK_MONOTONIC) - closed) * 1e3,
               (unsigned long long)book_stats(b.book)->rebuilt_rows,
               hash_eq(&root, &again) ? "the same" : "ANOTHER");
        book_close(b.book);
    }
    store_close(s);
    buf_clear(&b.packed);
    return 0;
}
