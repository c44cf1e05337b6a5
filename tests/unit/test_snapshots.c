/* SPDX-License-Identifier: Apache-2.0
 * covers: F-070
 * Snapshots that go on with the book: after any writing, flushing and merging, one that was woken
 * holds what one that is opened anew holds. */
#include "http/snapshots.h"

#include "base/rng.h"
#include "base/text.h"
#include "store/book.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUNDS 250
#define CACHE  ((size_t)64 << 10) /* so small that the writer flushes and merges all the time */

static char dir[64];
static char store[128];
static struct engine *writer;
static unsigned made;

static int set_up(void **state)
{
    struct mete_err err;
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/mete-snapshots-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(store, sizeof store, "%s/s.db", dir);
    const struct engine_options o = {.store = store,
                                     .book = "main",
                                     .create_store = true,
                                     .create_book = true,
                                     .cache_size = CACHE,
                                     .strict_cache = true,
                                     .salt_seed = 1};
    made = 0;
    assert_int_equal(engine_open(&writer, &o, &err), METE_OK);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const files[] = {"", "-wal", "-shm", "-journal", ".key", ".lock"};
    char path[256];
    (void)state;
    engine_close(writer);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof path, "%s%s", store, files[i]);
        unlink(path);
    }
    rmdir(dir);
    return 0;
}

static enum submit_status submit(const char *type, const char *payload)
{
    char event[1024];
    struct submit_result r;
    snprintf(event, sizeof event,
             "{\"event_id\":\"e%u\",\"event_type\":\"%s\",\"occurred_at\":\"2025-01-01T00:00:00Z\","
             "\"payload\":%s}",
             ++made, type, payload);
    engine_submit(writer, text_of(event), NULL, &r);
    return r.status;
}

/** Now and then one that waits, for a policy that a later call publishes: further pages. */
static void submit_any(struct rng *rng)
{
    char payload[700];
    unsigned policy = (unsigned)rng_below(rng, 40);
    if (rng_below(rng, 3) == 0) {
        snprintf(payload, sizeof payload,
                 "{\"policy\":{\"id\":\"urn:%u\",\"kind\":\"weights\",\"shares\":["
                 "{\"party\":\"did:a%u\",\"weight\":\"0.6\"},"
                 "{\"party\":\"did:b%u\",\"weight\":\"0.4\"}]}}",
                 policy, made, made % 7);
        (void)submit("policy.published", payload);
        return;
    }
    snprintf(payload, sizeof payload,
             "{\"policy\":\"urn:%u\",\"amount\":{\"amount\":\"%u.01\",\"currency\":\"USD\"}}",
             policy, 1 + made % 90);
    (void)submit("revenue.received", payload);
}

static void commit(void)
{
    struct mete_err err;
    assert_int_equal(engine_commit(writer, &err), METE_OK);
}

struct digest {
    struct hash h;
    size_t items;
};

static void digest_add(struct digest *d, struct bytes b)
{
    const struct bytes parts[] = {{d->h.b, sizeof d->h.b}, b};
    d->h = sha256_parts(parts, ARRAY_LEN(parts));
}

static bool digest_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    struct digest *d = arg;
    digest_add(d, key);
    digest_add(d, value);
    if (sums != NULL) {
        digest_add(d, (struct bytes){(const uint8_t *)sums, STATE_SUMS * sizeof *sums});
    }
    d->items++;
    return true;
}

static struct digest digest_of(struct engine *e)
{
    struct digest d = {.items = 0};
    struct mete_err err;
    struct log_head head = book_head(engine_book(e));
    digest_add(&d, (struct bytes){head.root.b, sizeof head.root.b});
    digest_add(&d, (struct bytes){(const uint8_t *)&head.recorded_at, sizeof head.recorded_at});
    uint32_t pages = book_page_count(engine_book(e), head.size);
    digest_add(&d, (struct bytes){(const uint8_t *)&pages, sizeof pages});
    for (unsigned level = 0; head.size >> level > 0; level++) {
        struct hash node;
        uint64_t last = (head.size >> level) - 1;
        assert_int_equal(book_tree_hash(engine_book(e), level, last, &node, &err), STORE_OK);
        digest_add(&d, (struct bytes){node.b, sizeof node.b});
    }
    assert_int_equal(book_scan_state(engine_book(e), (struct bytes){0}, (struct bytes){0},
                                     digest_visit, &d, &err),
                     STORE_OK);
    return d;
}

/** Every key on its own too: single answers are kept apart. */
static bool ask_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    struct engine *e = arg;
    struct mete_err err;
    struct bytes got;
    i128 got_sums[STATE_SUMS];
    if (sums != NULL) {
        assert_int_equal(book_sums(engine_book(e), key, got_sums, &err), STORE_OK);
        assert_memory_equal(got_sums, sums, sizeof got_sums);
    } else {
        assert_int_equal(book_get(engine_book(e), key, &got, &err), STORE_OK);
        assert_int_equal(got.len, value.len);
        assert_memory_equal(got.p, value.p, value.len);
    }
    return true;
}

static void compare(struct snapshots *s)
{
    const struct engine_options o = {.store = store, .book = "main", .read_only = true};
    struct engine *anew;
    struct mete_err err;
    struct engine *e = snapshots_take(s, "main", &err);
    assert_non_null(e);
    assert_int_equal(book_size(engine_book(e)), made); /* all that was committed */
    assert_int_equal(engine_open(&anew, &o, &err), METE_OK);
    struct digest wanted = digest_of(anew);
    struct digest got = digest_of(e);
    assert_int_equal(got.items, wanted.items);
    assert_true(hash_eq(&got.h, &wanted.h));
    assert_int_equal(book_scan_state(engine_book(anew), (struct bytes){0}, (struct bytes){0},
                                     ask_visit, e, &err),
                     STORE_OK);
    engine_close(anew);
    snapshots_give(s, e);
}

static void woken_holds_what_a_new_one_holds(void **state)
{
    struct rng rng;
    struct snapshots *often = snapshots_new(store, 1, CACHE);
    struct snapshots *seldom = snapshots_new(store, 1, CACHE);
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 20250131;
    (void)state;
    print_message("# seed %llu (METE_TEST_SEED)\n", (unsigned long long)seed);
    rng_seed(&rng, seed);
    engine_book(writer)->state.segment_blocks = 2; /* merges that last for several commits */
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (uint64_t n = rng_below(&rng, 8) == 0 ? rng_below(&rng, 60) : 1; n > 0; n--) {
            submit_any(&rng);
        }
        commit();
        compare(often);
        if (rng_below(&rng, 9) == 0) {
            compare(seldom);
        }
    }
    const struct state_stats *stats = book_stats(engine_book(writer));
    print_message("# %u events, %llu flushes, %llu merges\n", made,
                  (unsigned long long)stats->flushes, (unsigned long long)stats->merges_started);
    assert_true(stats->flushes > 8 && stats->merges_started > 0);
    snapshots_free(often);
    snapshots_free(seldom);
}

/* One that rests holds nothing: the write-ahead log can be copied back whole and begin anew. */
static void one_that_rests_holds_nothing(void **state)
{
    struct snapshots *s = snapshots_new(store, 2, 0);
    struct mete_err err;
    sqlite3 *db;
    int frames = 0;
    int copied = 0;
    (void)state;
    submit("party.registered", "{\"party\":\"did:x\"}");
    commit();
    struct engine *e = snapshots_take(s, "main", &err);
    assert_non_null(e);
    submit("party.registered", "{\"party\":\"did:y\"}");
    commit();
    assert_int_equal(book_size(engine_book(e)), 1); /* as it was taken */
    assert_int_equal(sqlite3_open(store, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "select * from book", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, &frames, &copied),
        SQLITE_BUSY);
    snapshots_give(s, e);
    assert_int_equal(
        sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, &frames, &copied),
        SQLITE_OK);
    sqlite3_close(db);
    e = snapshots_take(s, "main", &err);
    assert_int_equal(book_size(engine_book(e)), 2);
    snapshots_give(s, e);
    snapshots_free(s);
}

/* However many are in use, few rest; and each belongs to its taker alone. */
static void few_rest(void **state)
{
    struct snapshots *s = snapshots_new(store, 2, 0);
    struct engine *e[5];
    struct mete_err err;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(e); i++) {
        e[i] = snapshots_take(s, "main", &err);
        assert_non_null(e[i]);
        for (size_t k = 0; k < i; k++) {
            assert_ptr_not_equal(e[i], e[k]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(e); i++) {
        snapshots_give(s, e[i]);
    }
    assert_ptr_equal(snapshots_take(s, "main", &err), e[4]); /* the freshest */
    assert_ptr_equal(snapshots_take(s, "main", &err), e[3]);
    snapshots_give(s, e[3]);
    snapshots_give(s, e[4]);
    assert_null(snapshots_take(s, "other", &err));
    assert_int_equal(err.code, METE_STORE_MISSING);
    snapshots_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(woken_holds_what_a_new_one_holds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_rests_holds_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(few_rest, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
