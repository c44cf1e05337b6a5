/* SPDX-License-Identifier: Apache-2.0
 * A store that fails, at every place where the engine asks it for something (the calls are wrapped
 * by the linker). Invariant: the event is said to have failed, nothing of its group is stored, and
 * when it is sent again the book ends as if nothing had happened. */
#include "engine/erase.h"
#include "engine/internal.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- the failing store
 * --------------------------------------------------------------------------------------*/

static uint64_t calls;
static uint64_t fails_at; /* the call that fails; 0: none */
static bool shows_first;  /* a scan that fails has shown its range by then */
static uint64_t forgets;

static bool fails(struct mete_err *err)
{
    if (++calls != fails_at) {
        return false;
    }
    (void)mete_fail(err, METE_STORE_FAILED, "", "the disk is gone");
    return true;
}

/* X(what is wrapped, its parameters, how they are handed on) */
#define WRAPPED(X)                                                                                 \
    X(book_get, (struct book * b, struct bytes key, struct bytes * value, struct mete_err * err),  \
      (b, key, value, err))                                                                        \
    X(book_sums,                                                                                   \
      (struct book * b, struct bytes key, i128 sums[STATE_SUMS], struct mete_err * err),           \
      (b, key, sums, err))                                                                         \
    X(book_row, (struct book * b, uint64_t seq, struct log_row * row, struct mete_err * err),      \
      (b, seq, row, err))                                                                          \
    X(book_page,                                                                                   \
      (struct book * b, uint64_t seq, uint32_t page, struct bytes * packed, mete_time * at,        \
       struct mete_err * err),                                                                     \
      (b, seq, page, packed, at, err))                                                             \
    X(book_append, (struct book * b, const struct log_row *row, struct mete_err *err),             \
      (b, row, err))                                                                               \
    X(book_append_page,                                                                            \
      (struct book * b, uint64_t seq, uint32_t page, struct bytes packed, mete_time at,            \
       struct mete_err * err),                                                                     \
      (b, seq, page, packed, at, err))                                                             \
    X(book_seal_add, (struct book * b, const struct sealed_value *v, struct mete_err *err),        \
      (b, v, err))                                                                                 \
    X(book_seals,                                                                                  \
      (struct book * b, uint64_t seq, struct text party, sealed_visit * visit, void *arg,          \
       struct mete_err *err),                                                                      \
      (b, seq, party, visit, arg, err))                                                            \
    X(book_quarantine_add,                                                                         \
      (struct book * b, const struct quarantined *q, uint64_t max, struct mete_err *err),          \
      (b, q, max, err))

#define X(name, parameters, arguments)                                                             \
    enum store_result __real_##name parameters;                                                    \
    enum store_result __wrap_##name parameters;                                                    \
    enum store_result __wrap_##name parameters                                                     \
    {                                                                                              \
        return fails(err) ? STORE_FAILED : __real_##name arguments;                                \
    }
WRAPPED(X)
#undef X

enum store_result __real_book_scan_state(struct book *b, struct bytes from, struct bytes until,
                                         state_visit *visit, void *arg, struct mete_err *err);
enum store_result __wrap_book_scan_state(struct book *b, struct bytes from, struct bytes until,
                                         state_visit *visit, void *arg, struct mete_err *err);
enum store_result __wrap_book_scan_state(struct book *b, struct bytes from, struct bytes until,
                                         state_visit *visit, void *arg, struct mete_err *err)
{
    bool failing = fails(err);
    enum store_result r = STORE_OK;
    if (!failing || shows_first) {
        r = __real_book_scan_state(b, from, until, visit, arg, failing ? NULL : err);
    }
    return failing ? STORE_FAILED : r;
}

void __real_policy_cache_forget(struct policy_cache *c);
void __wrap_policy_cache_forget(struct policy_cache *c);
void __wrap_policy_cache_forget(struct policy_cache *c)
{
    forgets++;
    __real_policy_cache_forget(c);
}

/* --- a stream
 * --------------------------------------------------------------------------------------*/

#define EVENT(id, type, payload)                                                                   \
    "{\"event_id\":\"" id "\",\"event_type\":\"" type                                              \
    "\",\"occurred_at\":\"2025-07-01T00:00:00Z\",\"payload\":" payload "}"
#define REVENUE(id, policy)                                                                        \
    EVENT(id, "revenue.received",                                                                  \
          "{\"policy\":\"" policy "\",\"amount\":{\"amount\":\"5.00\",\"currency\":\"USD\"}}")

/* After the events of tests/data/query/book.ndjson. */
static const char *const MORE[] = {
    EVENT("name", "party.registered", "{\"party\":\"a\",\"display_name\":\"Alice\"}"),
    EVENT("name", "party.registered", "{\"party\":\"a\",\"display_name\":\"Alice\"}"),
    EVENT("name", "party.registered", "{\"party\":\"a\",\"display_name\":\"Bob\"}"),
    EVENT("bad", "party.registered", "{\"party\":\"mete:carry\"}"),
    "{\"event_id\":\"broken\"",
    REVENUE("wait-a", "urn:later"),
    REVENUE("wait-b", "urn:later"),
    REVENUE("wait-c", "urn:inner"),
    EVENT("wait-d", "revenue.reversed", "{\"reverses\":\"wait-a\"}"),
    EVENT(
        "outer", "policy.published",
        "{\"policy\":{\"id\":\"urn:later\",\"kind\":\"weights\",\"rounding\":\"carry\",\"shares\":["
        "{\"party\":\"a\",\"weight\":\"1/3\"},{\"policy\":\"urn:inner\",\"weight\":\"2/3\"}]}}"),
    EVENT("inner", "policy.published",
          "{\"policy\":{\"id\":\"urn:inner\",\"kind\":\"weights\",\"shares\":["
          "{\"party\":\"b\",\"weight\":\"1/2\"},{\"party\":\"c\",\"weight\":\"1/4\"}]}}"),
    EVENT(
        "outer-2", "policy.published",
        "{\"policy\":{\"id\":\"urn:later\",\"kind\":\"weights\",\"rounding\":\"carry\",\"shares\":["
        "{\"party\":\"a\",\"weight\":\"1/7\"}]}}"),
    REVENUE("after", "urn:later"),
    EVENT("back", "revenue.reversed",
          "{\"reverses\":\"after\",\"amount\":{\"amount\":\"1.00\",\"currency\":\"USD\"}}"),
};

#define EVENTS_MAX 64
#define GROUP      5 /* events of one commit */

static struct {
    char *file;
    struct text event[EVENTS_MAX];
    size_t count;
    struct hash root; /* of the book that they make */
    uint64_t size;
} stream;

static void event_add(struct text event)
{
    assert_true(stream.count < EVENTS_MAX);
    stream.event[stream.count++] = event;
}

static void file_read(void)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/query/book.ndjson", getenv("METE_TEST_DATA"));
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fail_msg("cannot read %s", path);
        return;
    }
    stream.file = calloc(1, 1 << 20);
    assert_non_null(stream.file);
    size_t len = fread(stream.file, 1, (1 << 20) - 1, f);
    fclose(f);
    for (char *p = stream.file; p < stream.file + len;) {
        size_t line = strcspn(p, "\n");
        event_add((struct text){p, line});
        p += line + 1;
    }
}

static struct engine *book_new(size_t cache_size, uint64_t salt_seed)
{
    const struct engine_options o = {.store = "memory:",
                                     .create_store = true,
                                     .create_book = true,
                                     .cache_size = cache_size,
                                     .strict_cache = true,
                                     .clock = CLOCK_EVENT,
                                     .salt_seed = salt_seed};
    struct engine *e = NULL;
    struct mete_err err;
    assert_int_equal(engine_open(&e, &o, &err), METE_OK);
    return e;
}

static void submit_well(struct engine *e, struct text event)
{
    struct submit_result r;
    engine_submit(e, event, NULL, &r);
    if (r.status == SUBMIT_FAILED) {
        fail_msg("%.*s: %s", (int)event.len, event.p, r.err.text);
    }
}

/** Sends the group again from its first event, as whoever was told of the failure does. */
static void group_again(struct engine *e, size_t first, size_t until)
{
    struct mete_err err;
    for (size_t i = first; i < until; i++) {
        submit_well(e, stream.event[i]);
    }
    assert_int_equal(engine_commit(e, &err), METE_OK);
}

/** Sends a group; one call in it fails. What is said of it, and what is left of it. */
static void group_send(struct engine *e, size_t first, size_t until)
{
    struct mete_err err = {.text = ""};
    struct log_head before = book_head(engine_book(e));
    bool told = false;
    for (size_t i = first; i < until && !told; i++) {
        struct submit_result r;
        uint64_t called = calls;
        engine_submit(e, stream.event[i], NULL, &r);
        bool hit = called < fails_at && fails_at <= calls;
        /* keeping a refused event may fail after the answer is known: the commit tells then */
        if (hit && r.status != SUBMIT_FAILED && r.status != SUBMIT_REFUSED &&
            r.status != SUBMIT_CONFLICT) {
            fail_msg("call %llu fails, event %zu is said to be %s", (unsigned long long)fails_at, i,
                     submit_status_name(r.status));
        }
        told = r.status == SUBMIT_FAILED;
        assert_true(!told || fails_at <= calls);
        assert_true(!told || strstr(r.err.text, "the disk is gone") != NULL);
    }
    bool hit = fails_at != 0 && fails_at <= calls;
    enum mete_code code = engine_commit(e, &err);
    if (!hit) {
        assert_int_equal(code, METE_OK);
        return;
    }
    fails_at = 0;
    assert_int_equal(code, METE_STORE_FAILED);
    assert_non_null(strstr(err.text, "the disk is gone"));
    struct log_head after = book_head(engine_book(e));
    assert_int_equal(after.size, before.size);
    assert_memory_equal(&after.root, &before.root, sizeof after.root);
    assert_int_equal(engine_queued(e), 0);
    group_again(e, first, until);
}

static void stream_send(struct engine *e)
{
    for (size_t i = 0; i < stream.count; i += GROUP) {
        group_send(e, i, i + GROUP < stream.count ? i + GROUP : stream.count);
    }
}

static int stream_make(void **state)
{
    (void)state;
    file_read();
    for (size_t i = 0; i < ARRAY_LEN(MORE); i++) {
        event_add(text_of(MORE[i]));
    }
    struct engine *e = book_new(0, 1);
    calls = 0;
    stream_send(e);
    stream.root = book_head(engine_book(e)).root;
    stream.size = book_size(engine_book(e));
    engine_close(e);
    return 0;
}

static int stream_free(void **state)
{
    (void)state;
    free(stream.file);
    return 0;
}

static void test_every_failure_is_told_and_leaves_nothing(void **state)
{
    (void)state;
    uint64_t all = calls;
    assert_true(all > 300 && stream.size > 40);
    for (uint64_t i = 0; i < 2 * all; i++) {
        struct engine *e = book_new(0, 1);
        calls = 0;
        fails_at = 1 + i / 2;
        shows_first = i % 2 == 0;
        stream_send(e);
        assert_int_equal(fails_at, 0);
        struct log_head head = book_head(engine_book(e));
        assert_int_equal(head.size, stream.size);
        assert_memory_equal(&head.root, &stream.root, sizeof head.root);
        engine_close(e);
    }
}

/** One publication releases many events, each of a policy of its own: the unpacked ones are dropped
 *  between two releases, not only after the last. */
static void test_a_long_release_forgets_policies_on_its_way(void **state)
{
    enum { POLICIES = 20 };
    (void)state;
    struct engine *e = book_new(8, 1); /* bytes: the cache is full with the first policy */
    char event[512];
    for (int i = 0; i < POLICIES; i++) {
        snprintf(event, sizeof event,
                 EVENT("p%d", "policy.published",
                       "{\"policy\":{\"id\":\"urn:%d\",\"kind\":\"weights\",\"shares\":["
                       "{\"policy\":\"urn:late\",\"weight\":\"1\"}]}}"),
                 i, i);
        submit_well(e, text_of(event));
        snprintf(event, sizeof event, REVENUE("r%d", "urn:%d"), i, i);
        submit_well(e, text_of(event));
    }
    forgets = 0;
    submit_well(e, TEXT(EVENT("late", "policy.published",
                              "{\"policy\":{\"id\":\"urn:late\",\"kind\":\"weights\",\"shares\":["
                              "{\"party\":\"a\",\"weight\":\"1\"}]}}")));
    assert_int_equal(book_page_count(engine_book(e), 2 * POLICIES + 1), POLICIES);
    assert_true(forgets >= POLICIES);
    engine_close(e);
}

/* --- private values that are sent again
 * ------------------------------------------------------------------*/

#define PROFILE(kind, name, ip)                                                                    \
    "{\"event_id\":\"profile\",\"event_type\":\"party.registered\","                               \
    "\"occurred_at\":\"2025-07-01T00:00:00Z\",\"source\":{\"producer\":\"control_plane\","         \
    "\"service\":\"payment\",\"app_id\":\"demo\",\"environment\":\"prod\",\"ip\":\"" ip            \
    "\"},\"payload\":{\"party\":\"a\",\"kind\":\"" kind "\",\"display_name\":\"" name "\"}}"

static const char ALICE[] = PROFILE("human", "Alice", "10.0.0.1");
static const char BOB[] = PROFILE("human", "Bob", "10.0.0.1");
static const char ELSEWHERE[] = PROFILE("human", "Alice", "10.0.0.2");
static const char AGENT[] = PROFILE("agent", "Alice", "10.0.0.1");

static void answers(struct engine *e, const char *event, enum submit_status wanted)
{
    struct submit_result r;
    engine_submit(e, text_of(event), NULL, &r);
    if (r.status != wanted) {
        fail_msg("%s, not %s: %s", submit_status_name(r.status), submit_status_name(wanted),
                 r.err.text);
    }
}

static struct engine *profile_book(void)
{
    struct engine *e = book_new(0, 0);
    struct mete_err err;
    answers(e, ALICE, SUBMIT_APPLIED);
    assert_int_equal(engine_commit(e, &err), METE_OK);
    return e;
}

static void test_private_values_are_compared(void **state)
{
    (void)state;
    struct engine *e = profile_book();
    answers(e, ALICE, SUBMIT_DUPLICATE);
    answers(e, BOB, SUBMIT_CONFLICT);
    answers(e, ELSEWHERE, SUBMIT_CONFLICT);
    answers(e, AGENT, SUBMIT_CONFLICT);
    engine_close(e);
}

static void test_an_erased_value_is_not_compared_but_all_else_is(void **state)
{
    (void)state;
    struct engine *e = profile_book();
    struct erased gone;
    struct mete_err err;
    assert_int_equal(party_erase(e, TEXT("a"), &gone, &err), METE_OK);
    assert_int_equal(gone.values, 1);
    struct log_head head = book_head(engine_book(e));
    answers(e, ALICE, SUBMIT_DUPLICATE);
    answers(e, BOB, SUBMIT_DUPLICATE);
    answers(e, ELSEWHERE, SUBMIT_CONFLICT);
    answers(e, AGENT, SUBMIT_CONFLICT);
    assert_int_equal(book_size(engine_book(e)), head.size);
    engine_close(e);
}

static void test_salts_that_cannot_be_read_are_a_failure(void **state)
{
    (void)state;
    struct mete_err err;
    struct engine *e = profile_book();
    calls = fails_at = 0;
    answers(e, ALICE, SUBMIT_DUPLICATE);
    uint64_t all = calls;
    assert_int_equal(all, 3); /* the id, the row, the sealed values */
    for (fails_at = 1; fails_at <= all; fails_at++) {
        calls = 0;
        answers(e, ALICE, SUBMIT_FAILED);
        assert_int_equal(engine_commit(e, &err), METE_STORE_FAILED);
    }
    fails_at = 0;
    answers(e, ALICE, SUBMIT_DUPLICATE);
    engine_close(e);
}

static void test_another_key_is_a_failure(void **state)
{
    (void)state;
    struct submit_result r;
    struct engine *e = profile_book();
    e->seal_key[0] ^= 1;
    engine_submit(e, text_of(ALICE), NULL, &r);
    assert_int_equal(r.status, SUBMIT_FAILED);
    assert_int_equal(r.err.code, METE_SEAL_KEY);
    engine_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_failure_is_told_and_leaves_nothing),
        cmocka_unit_test(test_a_long_release_forgets_policies_on_its_way),
        cmocka_unit_test(test_private_values_are_compared),
        cmocka_unit_test(test_an_erased_value_is_not_compared_but_all_else_is),
        cmocka_unit_test(test_salts_that_cannot_be_read_are_a_failure),
        cmocka_unit_test(test_another_key_is_a_failure),
    };
    return cmocka_run_group_tests(tests, stream_make, stream_free);
}
