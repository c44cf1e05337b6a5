/* SPDX-License-Identifier: Apache-2.0
 * Points and insight events: values as exact decimals, which of two values holds whatever order
 * they come in, pages, and a sweep in small steps under a clock that the test sets.
 * covers: M-091 M-092 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/text.h"
#include "engine/insights.h"

#define NOW ((mete_time)1750000000 * TIME_SECOND_US)

static int setup(void **state)
{
    struct engine *e;
    struct mete_err err;
    const struct engine_options o = {.store = "memory:",
                                     .create_store = true,
                                     .create_book = true,
                                     .clock = CLOCK_EVENT,
                                     .now = NOW};
    assert_int_equal(engine_open(&e, &o, &err), METE_OK);
    *state = e;
    return 0;
}

static int teardown(void **state)
{
    engine_close(*state);
    return 0;
}

/* --- values ------------------------------------------------------------------------------------*/

static void plain(const char *in, const char *wanted)
{
    struct arena a;
    struct text out = {0};
    arena_init(&a, 1 << 20);
    bool good = decimal_plain(&a, text_of(in), &out);
    if (good != (wanted != NULL) || (good && !text_is(out, wanted))) {
        fail_msg("\"%s\" is \"%.*s\" instead of \"%s\"", in, (int)out.len, out.p, wanted);
    }
    arena_clear(&a);
}

static void test_values_are_exact_decimals(void **state)
{
    static const char *const good[][2] = {
        {"0", "0"},
        {"-0", "0"},
        {"0.0", "0"},
        {"0e9", "0"},
        {"1", "1"},
        {"-1", "-1"},
        {"007", "7"},
        {"1.50", "1.5"},
        {"100", "100"},
        {"1e2", "100"},
        {"1E+2", "100"},
        {"1.25e1", "12.5"},
        {"5e-3", "0.005"},
        {"0.050", "0.05"},
        {"12345.678e-2", "123.45678"},
        {"-0.001e3", "-1"},
        {"1e39", "1000000000000000000000000000000000000000"},
        {"1e-40", "0.0000000000000000000000000000000000000001"},
        {"0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"},
        {"00000000000000000000000000000000000000000000000001", "1"}};
    static const char *const bad[] = {
        "",    "-",    ".",   ".5",  "1.",    "1.e1",  "+1",
        "1e",  "1e+",  "1 ",  " 1",  "1,5",   "1.2.3", "0x1",
        "NaN", "1e40", "Inf", "--1", "1e-41", "1e1.0", "1e99999999999999999999"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        plain(good[i][0], good[i][1]);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        plain(bad[i], NULL);
    }
}

static void test_buckets_are_counts_of_a_unit(void **state)
{
    static const char *const good[] = {"1s", "30s", "1m", "6h", "1d", "2w", "9999m"};
    static const char *const bad[] = {"",   "m",  "0m",     "01m", "1",
                                      "1M", "1y", "99999m", "1 m", "-1m"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(bucket_is_good(text_of(good[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(bucket_is_good(text_of(bad[i])));
    }
}

/* --- points ------------------------------------------------------------------------------------*/

static struct insight_body body_of(struct kpi_item *item, size_t count, mete_time sent_at)
{
    return (struct insight_body){.app = TEXT("a"),
                                 .env = TEXT("prod"),
                                 .bucket = TEXT("1m"),
                                 .tags = TEXT("{}"),
                                 .sent_at = sent_at,
                                 .point = item,
                                 .count = count};
}

static struct kpi_counts add_one(struct engine *e, mete_time t, const char *v, mete_time sent_at)
{
    struct arena a;
    struct mete_err err;
    struct kpi_counts n;
    struct kpi_item item = {.metric = TEXT("m"), .t = t, .v = text_of(v)};
    const struct insight_body body = body_of(&item, 1, sent_at);
    arena_init(&a, 1 << 20);
    assert_int_equal(kpi_add(e, &body, &a, &n, &err), METE_OK);
    arena_clear(&a);
    return n;
}

static bool value_keep(void *arg, const struct kpi_point *p)
{
    (void)text_copy(arg, 16, p->v);
    return true;
}

/** What stands at a moment. */
static void value_at(struct engine *e, mete_time t, char out[16])
{
    struct arena a;
    struct text next;
    struct mete_err err;
    const struct kpi_query q = {.from = t, .until = t + 1, .limit = 10};
    out[0] = '\0';
    arena_init(&a, 1 << 20);
    assert_int_equal(kpi_list(e, &q, &a, value_keep, out, &next, &err), METE_OK);
    assert_int_equal(next.len, 0);
    arena_clear(&a);
}

/* Each moment is told five times, at different times of sending, by three senders of two values: in
 * whatever order that comes, what was sent last stands in the end. */
static void test_what_was_sent_last_holds_in_any_order(void **state)
{
    struct engine *e = *state;
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 20261121;
    struct rng r;
    rng_seed(&r, seed);
    print_message("# seed %llu (METE_TEST_SEED)\n", (unsigned long long)seed);
    for (mete_time t = 1; t <= 200; t++) {
        unsigned order[5] = {0, 1, 2, 3, 4};
        char value[5][16];
        char have[16];
        uint64_t inserted = 0;
        for (unsigned i = 0; i < 5; i++) {
            snprintf(value[i], sizeof value[i], "%u", (unsigned)rng_below(&r, 2));
        }
        for (unsigned i = 4; i > 0; i--) {
            unsigned k = (unsigned)rng_below(&r, i + 1);
            unsigned swap = order[i];
            order[i] = order[k];
            order[k] = swap;
        }
        for (unsigned i = 0; i < 5; i++) {
            struct kpi_counts n = add_one(e, t, value[order[i]], 1000 + order[i]);
            assert_int_equal(n.inserted + n.updated + n.duplicates + n.stale, 1);
            inserted += n.inserted;
        }
        value_at(e, t, have);
        assert_string_equal(have, value[4]);
        assert_int_equal(inserted, 1);
    }
}

/* --- pages -------------------------------------------------------------------------------------*/

struct seen {
    uint64_t points;
    mete_time last;
    char metric[8];
    uint64_t stop_at; /* 0: never */
};

static bool seen_note(void *arg, const struct kpi_point *p)
{
    struct seen *s = arg;
    s->points++;
    if (!text_is(p->metric, s->metric)) {
        s->last = -1;
        (void)text_copy(s->metric, sizeof s->metric, p->metric);
    }
    assert_true(p->t > s->last); /* no row twice, none out of order */
    s->last = p->t;
    return s->points != s->stop_at;
}

static void fill(struct engine *e, unsigned metrics, unsigned points)
{
    struct arena a;
    struct mete_err err;
    struct kpi_counts n;
    arena_init(&a, 64 << 20);
    struct kpi_item *item = arena_array(&a, metrics * points, sizeof *item);
    for (unsigned i = 0; i < metrics * points; i++) {
        item[i] = (struct kpi_item){.metric = arena_printf(&a, "m%u", i / points),
                                    .t = (mete_time)(i % points) * TIME_DAY_US,
                                    .v = TEXT("1")};
    }
    const struct insight_body body = body_of(item, metrics * points, TIME_ALWAYS);
    assert_int_equal(kpi_add(e, &body, &a, &n, &err), METE_OK);
    assert_int_equal(n.inserted, metrics * points);
    arena_clear(&a);
}

static uint64_t read_all(struct engine *e, struct kpi_query *q, struct seen *s)
{
    struct arena a;
    struct mete_err err;
    uint64_t calls = 0;
    arena_init(&a, 64 << 20);
    do {
        struct text next;
        assert_int_equal(kpi_list(e, q, &a, seen_note, s, &next, &err), METE_OK);
        q->cursor = next;
        calls++;
        s->stop_at += s->stop_at != 0 ? 1 : 0;
    } while (q->cursor.len > 0);
    arena_clear(&a);
    return calls;
}

static void test_pages_have_every_row_once(void **state)
{
    struct engine *e = *state;
    fill(e, 5, 40);
    for (size_t limit = 1; limit <= 201; limit += 20) {
        struct seen s = {.last = -1};
        struct kpi_query q = {.from = TIME_ALWAYS, .until = TIME_NEVER, .limit = limit};
        (void)read_all(e, &q, &s);
        assert_int_equal(s.points, 200);
    }
    struct seen some = {.last = -1};
    struct kpi_query few = {
        .metric = TEXT("m3"), .from = 10 * TIME_DAY_US, .until = 20 * TIME_DAY_US, .limit = 3};
    assert_int_equal(read_all(e, &few, &some), 4);
    assert_int_equal(some.points, 10);
    struct seen stopped = {.last = -1, .stop_at = 1}; /* whoever reads may stop at any row */
    struct kpi_query whole = {.from = TIME_ALWAYS, .until = TIME_NEVER, .limit = 1000};
    assert_int_equal(read_all(e, &whole, &stopped), 200);
    assert_int_equal(stopped.points, 200);
}

/* --- sweeping ----------------------------------------------------------------------------------*/

static uint64_t sweep(struct engine *e, mete_time before, size_t rows, uint64_t *most)
{
    struct insights_sweep s = {0};
    struct mete_err err;
    uint64_t all = 0;
    bool done = false;
    *most = 0;
    for (unsigned steps = 0; !done && steps < 10000; steps++) {
        uint64_t removed;
        assert_int_equal(insights_sweep(e, &s, before, rows, &removed, &done, &err), METE_OK);
        assert_int_equal(engine_commit(e, &err), METE_OK);
        *most = removed > *most ? removed : *most;
        all += removed;
    }
    assert_true(done);
    insights_sweep_clear(&s);
    return all;
}

static void add_events(struct engine *e, unsigned count)
{
    struct arena a;
    struct mete_err err;
    enum insight_outcome outcome[200];
    arena_init(&a, 16 << 20);
    struct insight_item *item = arena_array(&a, count, sizeof *item);
    for (unsigned i = 0; i < count; i++) {
        item[i] = (struct insight_item){
            .id = arena_printf(&a, "e%u", i), .t = (mete_time)i * TIME_DAY_US, .type = TEXT("x")};
    }
    struct insight_body body = body_of(NULL, count, TIME_ALWAYS);
    body.event = item;
    assert_int_equal(insight_add(e, &body, &a, outcome, &err), METE_OK);
    assert_int_equal(outcome[0], INSIGHT_INSERTED);
    arena_clear(&a);
}

static void test_a_sweep_goes_in_small_steps(void **state)
{
    struct engine *e = *state;
    struct insights_held held;
    struct mete_err err;
    uint64_t most;
    fill(e, 100, 50); /* more series than one step looks at */
    add_events(e, 50);
    assert_int_equal(engine_commit(e, &err), METE_OK);
    assert_int_equal(sweep(e, 0, 7, &most), 0); /* nothing is older than the beginning */
    assert_int_equal(sweep(e, 10 * TIME_DAY_US, 7, &most), 101 * 10);
    assert_int_equal(most, 7);
    assert_int_equal(insights_verify(e, &held, &err), METE_OK);
    assert_int_equal(held.points, 100 * 40);
    assert_int_equal(held.series, 100);
    assert_int_equal(held.events, 40);
    assert_int_equal(held.oldest, 10 * TIME_DAY_US);
    assert_int_equal(sweep(e, 10 * TIME_DAY_US, 7, &most), 0); /* the moment itself is kept */
    assert_int_equal(sweep(e, TIME_NEVER, 1000, &most), 101 * 40);
    assert_int_equal(insights_verify(e, &held, &err), METE_OK);
    assert_int_equal(held.points + held.events, 0);
    assert_int_equal(held.oldest, TIME_NEVER);
}

/** By CLOCK_EVENT it is when the last event was. */
static void clock_set(struct engine *e)
{
    struct submit_result r;
    engine_submit(
        e,
        TEXT("{\"event_id\":\"now\",\"event_type\":\"app.registered\",\"occurred_at\":"
             "\"2025-06-15T15:06:40Z\",\"payload\":{\"app_id\":\"a\",\"owner\":\"did:o\"}}"),
        NULL, &r);
    assert_int_equal(r.status, SUBMIT_APPLIED);
    assert_int_equal(engine_now(e), NOW);
}

static void test_keys_of_batches_go_when_they_are_old(void **state)
{
    struct engine *e = *state;
    struct arena a;
    struct mete_err err;
    struct kpi_counts n;
    uint64_t most;
    struct kpi_item item = {.metric = TEXT("m"), .t = NOW, .v = TEXT("1")};
    struct insight_body body = body_of(&item, 1, TIME_ALWAYS);
    body.dedupe_key = TEXT("k");
    clock_set(e);
    arena_init(&a, 1 << 20);
    assert_int_equal(kpi_add(e, &body, &a, &n, &err), METE_OK);
    assert_int_equal(n.inserted, 1);
    item.v = TEXT("2");
    assert_int_equal(kpi_add(e, &body, &a, &n, &err), METE_CONFLICT);
    assert_int_equal(sweep(e, NOW, 10, &most), 0); /* it came now, by the clock of the test */
    assert_int_equal(kpi_add(e, &body, &a, &n, &err), METE_CONFLICT);
    assert_int_equal(sweep(e, NOW + 1, 10, &most), 2);
    assert_int_equal(kpi_add(e, &body, &a, &n, &err), METE_OK);
    assert_int_equal(n.inserted, 1);
    arena_clear(&a);
}

/* --- erasing -----------------------------------------------------------------------------------*/

static void test_messages_name_whole_words(void **state)
{
    static const struct {
        const char *message;
        bool names;
    } cases[] = {{"did:x", true},
                 {"did:x left", true},
                 {"(did:x)", true},
                 {"because of did:x", true},
                 {"did:xy left", false},
                 {"adid:x", false},
                 {"did:xy, did:x", true},
                 {"DID:X", false},
                 {"", false}};
    struct engine *e = *state;
    struct mete_err err;
    struct arena a;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum insight_outcome outcome;
        uint64_t count;
        struct insight_item item = {
            .id = TEXT("e"), .t = 1, .type = TEXT("x"), .message = text_of(cases[i].message)};
        struct insight_body body = body_of(NULL, 1, TIME_ALWAYS);
        body.event = &item;
        assert_int_equal(insight_add(e, &body, &a, &outcome, &err), METE_OK);
        assert_int_equal(insights_naming(e, TEXT("did:x"), false, &count, &err), METE_OK);
        assert_int_equal(count, cases[i].names);
        assert_int_equal(insights_naming(e, TEXT("did:x"), true, &count, &err), METE_OK);
        assert_int_equal(insights_naming(e, TEXT("did:x"), false, &count, &err), METE_OK);
        assert_int_equal(count, 0);
        engine_rollback(e);
    }
    arena_clear(&a);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_exact_decimals),
        cmocka_unit_test(test_buckets_are_counts_of_a_unit),
        CASE(test_what_was_sent_last_holds_in_any_order),
        CASE(test_pages_have_every_row_once),
        CASE(test_a_sweep_goes_in_small_steps),
        CASE(test_keys_of_batches_go_when_they_are_old),
        CASE(test_messages_name_whole_words),
    };
    return cmocka_run_group_tests_name("insights", tests, NULL, NULL);
}
