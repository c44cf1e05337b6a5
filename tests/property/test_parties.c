/* SPDX-License-Identifier: Apache-2.0
 * Memory is bounded by what is used, not by history: 5,000,000 parties under a cache of 64 MiB end
 * at the same head as with one that holds everything. METE_TEST_SMALL: 200,000 parties under 4 MiB.
 * Each book is made by a process of its own, so that its memory can be told. */
#include "base/buf.h"
#include "base/rng.h"
#include "base/text.h"
#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHARES 1000u
#define EXTRA  2000u

struct outcome {
    struct hash root;
    uint64_t size;
    uint64_t parties;
    long rss_kib;
};

static void policy_event(struct buf *out, unsigned policy)
{
    buf_reset(out);
    buf_printf(out,
               "{\"event_id\":\"p%u\",\"event_type\":\"policy.published\",\"occurred_at\":"
               "\"2025-01-01T00:00:00Z\",\"payload\":{\"policy\":{\"id\":\"urn:p:%u\",\"kind\":"
               "\"weights\",\"shares\":[",
               policy, policy);
    for (unsigned i = 0; i < SHARES; i++) {
        buf_printf(out, "%s{\"party\":\"did:party:%u\",\"weight\":\"1/1000\"}", i == 0 ? "" : ",",
                   policy * SHARES + i);
    }
    buf_put_str(out, "]}}}");
}

static void revenue_event(struct buf *out, unsigned number, unsigned policy, unsigned cents)
{
    buf_reset(out);
    buf_printf(out,
               "{\"event_id\":\"r%u\",\"event_type\":\"revenue.received\",\"occurred_at\":"
               "\"2025-01-02T00:00:00Z\",\"payload\":{\"policy\":\"urn:p:%u\",\"amount\":{"
               "\"amount\":\"%u.%02u\",\"currency\":\"USD\"}}}",
               number, policy, cents / 100, cents % 100);
}

static void submit(struct engine *e, const struct buf *event)
{
    struct submit_result r;
    struct mete_err err;
    engine_submit(e, buf_text(event), NULL, &r);
    METE_ASSERT(r.status == SUBMIT_APPLIED);
    if (engine_queued_bytes(e) > (8u << 20)) {
        METE_ASSERT(engine_commit(e, &err) == METE_OK);
    }
}

static void book_fill(struct engine *e, unsigned policies)
{
    struct buf event = {0};
    struct rng rng;
    struct mete_err err;
    rng_seed(&rng, 20250131);
    for (unsigned p = 0; p < policies; p++) {
        policy_event(&event, p);
        submit(e, &event);
    }
    for (unsigned p = 0; p < policies; p++) {
        revenue_event(&event, p, p, 1 + (unsigned)rng_below(&rng, 10000000));
        submit(e, &event);
    }
    for (unsigned i = 0; i < EXTRA; i++) {
        revenue_event(&event, policies + i, (unsigned)rng_below(&rng, policies),
                      1 + (unsigned)rng_below(&rng, 10000000));
        submit(e, &event);
    }
    METE_ASSERT(engine_commit(e, &err) == METE_OK);
    buf_clear(&event);
}

/** Makes the book and writes its outcome into `fd`. */
_Noreturn static void child(const char *dir, size_t cache, unsigned policies, int fd)
{
    char path[512];
    struct engine *e;
    struct mete_err err;
    struct rusage usage;
    struct outcome o = {0};
    snprintf(path, sizeof path, "%s/%zu.db", dir, cache);
    const struct engine_options options = {.store = path,
                                           .create_store = true,
                                           .create_book = true,
                                           .cache_size = cache,
                                           .strict_cache = true,
                                           .clock = CLOCK_EVENT,
                                           .salt_seed = 1};
    METE_ASSERT(engine_open(&e, &options, &err) == METE_OK);
    book_fill(e, policies);
    i128 parties = 0;
    METE_ASSERT(view_counter(engine_view(e), COUNTER_PARTIES, &parties) == VIEW_FOUND);
    struct log_head head = book_head(engine_book(e));
    o.root = head.root;
    o.size = head.size;
    o.parties = (uint64_t)parties;
    engine_close(e);
    getrusage(RUSAGE_SELF, &usage);
    o.rss_kib = usage.ru_maxrss;
    METE_ASSERT(write(fd, &o, sizeof o) == sizeof o);
    _exit(0);
}

static bool book_make(const char *dir, size_t cache, unsigned policies, struct outcome *o)
{
    int ends[2];
    int status = 0;
    METE_ASSERT(pipe(ends) == 0);
    fflush(stdout);
    pid_t pid = fork();
    METE_ASSERT(pid >= 0);
    if (pid == 0) {
        child(dir, cache, policies, ends[1]);
    }
    close(ends[1]);
    bool got = read(ends[0], o, sizeof *o) == sizeof *o;
    close(ends[0]);
    METE_ASSERT(waitpid(pid, &status, 0) == pid);
    printf("# cache %zu MiB: %llu events, %llu parties, %ld MiB resident at most\n", cache >> 20,
           (unsigned long long)o->size, (unsigned long long)o->parties, o->rss_kib / 1024);
    return got && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void dir_remove(const char *dir)
{
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    METE_ASSERT(system(command) == 0);
}

int main(void)
{
    char dir[] = "/tmp/mete-parties-XXXXXX";
    bool small = getenv("METE_TEST_SMALL") != NULL;
    unsigned policies = small ? 200 : 5000;
    size_t little = small ? (size_t)4 << 20 : (size_t)64 << 20;
    size_t plenty = small ? (size_t)512 << 20 : (size_t)8 << 30;
    struct outcome a = {0};
    struct outcome b = {0};
    METE_ASSERT(mkdtemp(dir) != NULL);
    bool made = book_make(dir, little, policies, &a) && book_make(dir, plenty, policies, &b);
    dir_remove(dir);
    printf("%s 1 - both books are made\n", made ? "ok" : "not ok");
    printf("%s 2 - all parties are there\n",
           a.parties == (uint64_t)policies * SHARES ? "ok" : "not ok");
    printf("%s 3 - a small cache ends at the same head\n",
           a.size == b.size && hash_eq(&a.root, &b.root) ? "ok" : "not ok");
    printf("%s 4 - a small cache takes less memory\n", a.rss_kib < b.rss_kib ? "ok" : "not ok");
    printf("1..4\n");
    return 0;
}
