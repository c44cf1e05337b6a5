/* SPDX-License-Identifier: Apache-2.0
 * Nothing assumes that history fits memory: millions of parties in a store with a small cache end
 * at the same head, and the same balances, as in a book that is all in memory. Each run is a
 * process of its own, so that its memory can be measured. covers: V-082 V-086
 *   METE_TEST_PARTIES: how many (5,000,000; under a sanitizer 200,000). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "oracle/scene.h"
#include "store/state/stats.h"

#define SHARES      1000
#define GROUP       64
#define MORE        600 /* revenues at the end, all over the book */
#define SAMPLE_STEP 331

#if defined(__SANITIZE_ADDRESS__)
#define PARTIES_DEFAULT 200000
#define CACHE           ((size_t)4 << 20)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PARTIES_DEFAULT 200000
#define CACHE           ((size_t)4 << 20)
#endif
#endif
#ifndef CACHE
#define PARTIES_DEFAULT 5000000
#define CACHE           ((size_t)64 << 20)
#define RSS_MAX_KIB     (300 << 10)
#endif

struct result {
    uint64_t size;
    struct hash root;
    struct hash balances; /* of every SAMPLE_STEP-th party, and of mete's own */
    struct state_stats stats;
    double seconds;
};

static int policies;

/* --- one run
 * ------------------------------------------------------------------------------------*/

static void publish(struct scene *s, struct buf *b, int policy)
{
    buf_reset(b);
    buf_printf(b,
               "{\"event_id\":\"p%d\",\"event_type\":\"policy.published\",\"occurred_at\":"
               "\"2025-01-01T00:00:00Z\",\"payload\":{\"policy\":{\"id\":\"p%d\",\"kind\":"
               "\"weights\",\"shares\":[",
               policy, policy);
    for (int i = 0; i < SHARES; i++)
        buf_printf(b, "%s{\"party\":\"%d/%d\",\"weight\":\"1/1001\"}", i > 0 ? "," : "", policy, i);
    buf_put_str(b, "]}}}");
    assert_int_equal(scene_submit(s, buf_text(b)), SUBMIT_APPLIED);
}

static void revenue(struct scene *s, int number, int policy, uint64_t cents)
{
    scene_apply(s,
                "{'event_id':'r%d','event_type':'revenue.received','occurred_at':"
                "'2025-01-02T00:00:00Z','payload':{'policy':'p%d','amount':{'amount':'%llu.%02llu',"
                "'currency':'USD'}}}",
                number, policy, (unsigned long long)cents / 100, (unsigned long long)cents % 100);
}

static void commit_sometimes(struct scene *s, int i)
{
    if (i % GROUP == GROUP - 1)
        scene_commit(s);
}

static void fill(struct scene *s)
{
    struct buf b = {0};
    struct rng r;
    rng_seed(&r, 20250131);
    for (int i = 0; i < policies; i++) {
        publish(s, &b, i);
        commit_sometimes(s, i);
    }
    for (int i = 0; i < policies; i++) {
        revenue(s, i, i, 1 + rng_below(&r, 100000));
        commit_sometimes(s, i);
    }
    for (int i = 0; i < MORE; i++) {
        int policy = (int)rng_below(&r, (uint64_t)policies);
        if (i % 3 == 2)
            (void)scene_send(s,
                             "{'event_id':'x%d','event_type':'revenue.reversed','occurred_at':"
                             "'2025-01-03T00:00:00Z','payload':{'reverses':'r%d'}}",
                             i, policy);
        else
            revenue(s, policies + i, policy, 1 + rng_below(&r, 1000000));
        commit_sometimes(s, i);
    }
    scene_commit(s);
    buf_clear(&b);
}

static struct hash sample(struct scene *s)
{
    struct buf all = {0};
    for (long i = 0; i < (long)policies * SHARES; i += SAMPLE_STEP) {
        char party[40];
        snprintf(party, sizeof party, "%ld/%ld", i / SHARES, i % SHARES);
        i128 net = scene_net(s, party, "USD");
        buf_put(&all, &net, sizeof net);
    }
    i128 nobody = scene_net(s, "mete:unallocated", "USD");
    buf_put(&all, &nobody, sizeof nobody);
    struct hash h = sha256(buf_bytes(&all));
    buf_clear(&all);
    return h;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(const char *store, size_t cache, struct result *out)
{
    struct scene s;
    double begun = now();
    scene_open_store(&s, store, cache);
    fill(&s);
    out->size = book_head(engine_book(s.engine)).size;
    out->root = scene_root(&s);
    out->balances = sample(&s);
    out->stats = *book_stats(engine_book(s.engine));
    scene_close(&s);
    out->seconds = now() - begun;
}

/* --- processes
 * ----------------------------------------------------------------------------------*/

/* The most memory it held, in KiB. */
static long in_child(const char *store, size_t cache, struct result *out)
{
    int pipes[2];
    int status = 0;
    struct rusage usage;
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        run(store, cache, out);
        _exit(write(pipes[1], out, sizeof *out) == (ssize_t)sizeof *out ? 0 : 1);
    }
    close(pipes[1]);
    ssize_t got = read(pipes[0], out, sizeof *out);
    close(pipes[0]);
    assert_int_equal(wait4(child, &status, 0, &usage), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(got, sizeof *out);
    return usage.ru_maxrss;
}

static void print_run(const char *what, const struct result *r, long rss)
{
    const struct state_stats *st = &r->stats;
    printf("# %s: %llu events, %.1f s, %ld MiB at most; %llu flushes, %llu merges, %zu runs on %u "
           "levels, %llu MiB in runs\n",
           what, (unsigned long long)r->size, r->seconds, rss >> 10,
           (unsigned long long)st->flushes, (unsigned long long)st->merges_done, st->runs,
           st->levels, (unsigned long long)st->run_bytes >> 20);
}

static void remove_store(const char *directory, const char *file)
{
    static const char *const endings[] = {"", "-wal", "-shm", ".key", "-journal", ".lock"};
    char path[300];
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        snprintf(path, sizeof path, "%s%s", file, endings[i]);
        (void)unlink(path);
    }
    if (rmdir(directory) != 0)
        printf("# left behind: %s (%s)\n", directory, strerror(errno));
}

static void test_small_cache_ends_at_the_same_head(void **state)
{
    const char *given = getenv("METE_TEST_PARTIES");
    const char *parent = getenv("TMPDIR");
    char directory[200];
    char file[220];
    char url[240];
    struct result small = {0};
    struct result large = {0};
    (void)state;
    policies = (given != NULL ? (int)strtoull(given, NULL, 10) : PARTIES_DEFAULT) / SHARES;
    snprintf(directory, sizeof directory, "%s/mete-cache-XXXXXX", parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(directory));
    snprintf(file, sizeof file, "%s/m.db", directory);
    snprintf(url, sizeof url, "sqlite:%s", file);
    printf("# %d parties, %zu MiB of cache\n", policies * SHARES, CACHE >> 20);
    long small_rss = in_child(url, CACHE, &small);
    print_run("small cache", &small, small_rss);
    remove_store(directory, file);
    long large_rss = in_child("memory:", (size_t)16 << 30, &large);
    print_run("all in memory", &large, large_rss);
    assert_int_equal(small.size, large.size);
    assert_memory_equal(small.root.b, large.root.b, sizeof small.root.b);
    assert_memory_equal(small.balances.b, large.balances.b, sizeof small.balances.b);
    assert_true(small.stats.flushes > 0 && small.stats.merges_done > 0);
#ifdef RSS_MAX_KIB
    assert_true(small_rss < RSS_MAX_KIB);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_small_cache_ends_at_the_same_head)};
    setvbuf(stdout, NULL, _IOLBF, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
