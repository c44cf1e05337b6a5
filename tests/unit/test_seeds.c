/* SPDX-License-Identifier: Apache-2.0
 * The seed of the hash tables is nobody's business: a random one in every process, and whatever it
 * is, the same stream gives the same book and the same bytes in every answer. */
#include "engine/internal.h"
#include "engine/query.h"
#include "engine/run_result.h"
#include "store/book.h"
#include "store/hash_seed.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ARENA_MAX ((size_t)1 << 30)
#define PARTIES   600

/* --- a stream
 * --------------------------------------------------------------------------------------*/

static void file_read(struct buf *out)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/query/book.ndjson", getenv("METE_TEST_DATA"));
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fail_msg("cannot read %s", path);
        return;
    }
    for (size_t got = 1; got > 0;) {
        buf_reserve(out, 65536);
        got = fread(out->p + out->len, 1, 65536, f);
        out->len += got;
    }
    fclose(f);
}

/** So many parties and policies that tables grow, and the state goes to disk several times. */
static void many_put(struct buf *out)
{
    for (int i = 0; i < PARTIES; i++) {
        buf_printf(out,
                   "{\"event_id\":\"p%d\",\"event_type\":\"policy.published\",\"occurred_at\":"
                   "\"2025-07-01T00:00:00Z\",\"payload\":{\"policy\":{\"id\":\"urn:%d\",\"kind\":"
                   "\"weights\",\"shares\":[{\"party\":\"x%d\",\"weight\":\"1/3\"},{\"party\":"
                   "\"x%d\",\"weight\":\"1/2\"}]}}}\n",
                   i, i, i * 7 % PARTIES, (i * 7 + 1) % PARTIES);
        buf_printf(out,
                   "{\"event_id\":\"r%d\",\"event_type\":\"revenue.received\",\"occurred_at\":"
                   "\"2025-07-0%dT00:00:00Z\",\"payload\":{\"policy\":\"urn:%d\",\"amount\":"
                   "{\"amount\":\"%d.01\",\"currency\":\"%s\"}}}\n",
                   i, 1 + i % 5, i * 11 % (PARTIES + 5), i + 1, i % 3 == 0 ? "EUR" : "USD");
    }
}

struct input {
    struct text json;
};

static long source_read(void *ctx, void *buf, size_t size)
{
    struct input *s = ctx;
    size_t n = s->json.len < size ? s->json.len : size;
    if (n > 0) {
        memcpy(buf, s->json.p, n);
    }
    s->json.p += n;
    s->json.len -= n;
    return (long)n;
}

/* --- all that is said of the book
 * ------------------------------------------------------------------*/

static bool keep(void *ctx, struct buf *out)
{
    (void)ctx;
    (void)out;
    return true;
}

static void exports_put(struct engine *e, struct buf *out)
{
    static enum mete_code (*const EXPORT[])(struct engine *, const struct export_query *,
                                            struct buf *, struct mete_err *) = {
        export_csv, export_hledger, export_beancount, export_audit};
    const struct export_query q = {.from = TIME_ALWAYS, .until = TIME_NEVER, .flush = keep};
    struct mete_err err;
    for (size_t i = 0; i < ARRAY_LEN(EXPORT); i++) {
        assert_int_equal(EXPORT[i](e, &q, out, &err), METE_OK);
    }
}

static bool party_put(void *arg, const struct party_row *row)
{
    buf_put_text(arg, row->party);
    buf_printf(arg, " %s %llu\n", row->asset.code,
               (unsigned long long)(row->balance.pending + row->balance.cleared));
    return true;
}

static void report_put(struct engine *e, struct arena *a, struct buf *out)
{
    struct mete_err err;
    for (int by = REPORT_POLICY; by <= REPORT_ROLE; by++) {
        const struct report_query q = {
            .from = TIME_ALWAYS, .until = TIME_NEVER, .by = (enum report_by)by};
        struct report r;
        assert_int_equal(report_make(e, &q, a, &r, &err), METE_OK);
        for (size_t i = 0; i < r.row_count; i++) {
            buf_put_text(out, r.row[i].name);
            buf_printf(out, " %s %llu\n", r.row[i].asset.code, (unsigned long long)r.row[i].gross);
        }
        for (size_t i = 0; i < r.usage_count; i++) {
            buf_put_text(out, r.usage[i].provider);
        }
        for (size_t i = 0; i < r.waiting_count; i++) {
            buf_put_text(out, r.waiting[i].policy);
        }
    }
}

static void simulation_put(struct engine *e, struct arena *a, struct buf *out)
{
    const struct text draft = TEXT("{\"id\":\"urn:3\",\"kind\":\"weights\",\"shares\":["
                                   "{\"party\":\"new\",\"weight\":\"1\"}]}");
    const struct simulate_query q = {.document = &draft, .document_count = 1};
    struct simulation s;
    struct mete_err err;
    assert_int_equal(simulate_run(e, &q, a, &s, &err), METE_OK);
    for (size_t i = 0; i < s.row_count; i++) {
        buf_put_text(out, s.row[i].party);
        buf_printf(out, " %s %llu\n", s.row[i].asset.code, (unsigned long long)s.row[i].then);
    }
}

static void keep_too(void *ctx)
{
    (void)ctx;
}

static void result_put(struct engine *e, struct buf *out)
{
    struct run_result r;
    struct mete_err err;
    run_result_init(&r);
    assert_int_equal(run_result_read(&r, e, TIME_ALWAYS, &err), METE_OK);
    assert_int_equal(run_result_write(&r, e, out, keep_too, NULL, &err), METE_OK);
    run_result_clear(&r);
}

static void answers_put(struct engine *e, struct buf *out)
{
    struct arena a;
    struct mete_err err;
    struct party_total *totals;
    size_t count = 0;
    const struct parties_query all = {.at = TIME_NEVER};
    arena_init(&a, ARENA_MAX);
    exports_put(e, out);
    assert_int_equal(parties_list(e, &all, party_put, out, &a, &totals, &count, &err), METE_OK);
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "%s %llu\n", totals[i].asset.code, (unsigned long long)totals[i].parties);
    }
    report_put(e, &a, out);
    simulation_put(e, &a, out);
    result_put(e, out);
    arena_clear(&a);
}

/* --- the same for any seed
 * --------------------------------------------------------------------------*/

/** The key file stays: its public half stands in the answers. */
static void file_remove(const char *path)
{
    static const char *const MORE[] = {"", "-wal", "-shm", ".lock"};
    char name[256];
    for (size_t i = 0; i < ARRAY_LEN(MORE); i++) {
        snprintf(name, sizeof name, "%s%s", path, MORE[i]);
        (void)unlink(name);
    }
}

/** The head of the stream's book and all answers about it. */
static struct hash book_make(const char *store, uint64_t seed, struct text stream, struct buf *out)
{
    const struct engine_options o = {.store = store,
                                     .create_store = true,
                                     .create_book = true,
                                     .cache_size = 1 << 18,
                                     .strict_cache = true,
                                     .clock = CLOCK_EVENT,
                                     .salt_seed = 1};
    struct engine *e = NULL;
    struct mete_err err = {.text = ""};
    struct input s = {stream};
    struct ingest_counts n = {0};
    const struct ingest in = {.read = source_read, .read_ctx = &s, .group_max = 100};
    file_remove(store);
    hash_seed_set(seed);
    assert_int_equal(engine_open(&e, &o, &err), METE_OK);
    assert_true(engine_book(e)->state.memtable.seed == seed);
    assert_int_equal(ingest_stream(e, &in, &n, &err), METE_OK);
    assert_true(n.applied + n.waiting > 2 * PARTIES && n.waiting > 5 && n.refused == 0);
    answers_put(e, out);
    struct hash root = book_head(engine_book(e)).root;
    engine_close(e);
    file_remove(store);
    return root;
}

static void seeds_agree(const char *store)
{
    static const uint64_t SEED[] = {1, 2, 0x6d657465, UINT64_MAX, 0x8000000000000000};
    struct buf stream = {0};
    struct buf first = {0};
    file_read(&stream);
    many_put(&stream);
    struct hash root = book_make(store, SEED[0], buf_text(&stream), &first);
    assert_true(first.len > 500000);
    for (size_t i = 1; i < ARRAY_LEN(SEED); i++) {
        struct buf other = {0};
        struct hash head = book_make(store, SEED[i], buf_text(&stream), &other);
        assert_memory_equal(&head, &root, sizeof root);
        assert_int_equal(other.len, first.len);
        assert_memory_equal(other.p, first.p, first.len);
        buf_clear(&other);
    }
    hash_seed_set(0);
    buf_clear(&first);
    buf_clear(&stream);
}

static void test_any_seed_gives_the_same_book_in_memory(void **state)
{
    (void)state;
    seeds_agree("memory:");
}

static void test_any_seed_gives_the_same_book_in_a_file(void **state)
{
    char path[64];
    (void)state;
    snprintf(path, sizeof path, "/tmp/mete-test-seeds-%ld.db", (long)getpid());
    seeds_agree(path);
    snprintf(path, sizeof path, "/tmp/mete-test-seeds-%ld.db.key", (long)getpid());
    (void)unlink(path);
}

static void test_a_process_has_one_seed_and_it_is_random(void **state)
{
    (void)state;
    hash_seed_set(0);
    uint64_t one = hash_seed();
    assert_true(one != 0);
    assert_true(hash_seed() == one);
    hash_seed_set(0);
    assert_true(hash_seed() != one);
    hash_seed_set(5);
    assert_true(hash_seed() == 5);
    hash_seed_set(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_process_has_one_seed_and_it_is_random),
        cmocka_unit_test(test_any_seed_gives_the_same_book_in_memory),
        cmocka_unit_test(test_any_seed_gives_the_same_book_in_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
