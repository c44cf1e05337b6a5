/* SPDX-License-Identifier: Apache-2.0
 * covers: F-044 F-055 F-058 F-113 R-009 R-021 R-032 M-070
 * Schedules by the clock: a period is opened when it is due, once, also when the clerk was away for
 * several; batches that are open are filled page by page by whoever comes; who asks on demand. */
#include "engine/destination.h"
#include "engine/payouts.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct engine *e;
static struct arena arena;
static unsigned told;

METE_PRINTF(3, 4) static void say(const char *at, const char *type, const char *payload, ...)
{
    const struct submit_options o = {.own = true};
    struct submit_result r;
    struct buf b = {0};
    char text[1000];
    va_list args;
    va_start(args, payload);
    (void)vsnprintf(text, sizeof text, payload, args);
    va_end(args);
    buf_printf(
        &b, "{\"event_id\":\"e%u\",\"event_type\":\"%s\",\"occurred_at\":\"%s\",\"payload\":{%s}}",
        told++, type, at, text);
    engine_submit(e, buf_text(&b), &o, &r);
    if (r.status != SUBMIT_APPLIED) {
        fail_msg("%s is %s: %s", type, submit_status_name(r.status), r.err.text);
    }
    buf_clear(&b);
}

static void commit(void)
{
    struct mete_err err;
    assert_int_equal(engine_commit(e, &err), METE_OK);
}

/** The clock goes to `at`: an event says so. */
static void travel(const char *at)
{
    say(at, "party.registered", "\"party\":\"nobody\"");
    commit();
}

static void earn(const char *at, const char *party, const char *amount)
{
    say(at, "revenue.received",
        "\"party\":\"%s\",\"amount\":{\"amount\":\"%s\",\"currency\":\"USD\"}", party, amount);
}

static int set_up(void **state)
{
    struct mete_err err;
    const struct engine_options o = {.store = "memory:",
                                     .book = "main",
                                     .create_store = true,
                                     .create_book = true,
                                     .clock = CLOCK_EVENT,
                                     .salt_seed = 1};
    (void)state;
    told = 0;
    arena_init(&arena, (size_t)1 << 28);
    if (engine_open(&e, &o, &err) != METE_OK) {
        return -1;
    }
    say("2026-10-10T00:00:00Z", "book.configured",
        "\"clear_after_days\":2,\"payout_schedules\":["
        "{\"id\":\"monthly\",\"every\":\"month\",\"on\":3,\"at\":\"06:30\",\"asset\":\"USD\","
        "\"rail\":\"bank\",\"minimum\":\"10.00\"},"
        "{\"id\":\"pull\",\"every\":\"demand\",\"asset\":\"USD\",\"rail\":\"bank\","
        "\"maximum\":\"5.00\"}]");
    for (unsigned i = 0; i < 6; i++) {
        char party[16], amount[16];
        snprintf(party, sizeof party, "p%u", i);
        snprintf(amount, sizeof amount, "%u.00", 7 + i);
        earn("2026-10-10T00:00:00Z", party, amount);
        say("2026-10-10T00:00:00Z", "party.destination_set",
            "\"party\":\"p%u\",\"rail\":\"bank\",\"destination\":\"DE%u\"", i, i);
    }
    commit();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    engine_close(e);
    arena_clear(&arena);
    return 0;
}

/** Until nothing is due, pages of `max`; how many steps that took. */
static unsigned clerk_run(size_t max)
{
    struct payout_clerk clerk = {0};
    struct payout_batch_progress done;
    struct mete_err err;
    unsigned steps = 0;
    for (bool due = true; steps < 100; steps++) {
        assert_int_equal(payout_clerk_look(e, &clerk, &due, &err), METE_OK);
        if (!due) {
            break;
        }
        assert_int_equal(payout_clerk_step(e, &clerk, max, &done, &err), METE_OK);
        commit();
    }
    return steps;
}

static bool batch_is(const char *id, struct batch_row *row)
{
    struct mete_err err;
    return payout_batch_find(e, text_of(id), &arena, row, &err) == METE_OK;
}

static void a_period_is_opened_when_it_is_due(void **state)
{
    struct batch_row row;
    (void)state;
    travel("2026-11-03T06:29:59Z");
    assert_int_equal(clerk_run(100), 0);
    assert_false(batch_is("monthly/2026-10", &row));
    travel("2026-11-03T06:30:00Z");
    assert_true(clerk_run(100) > 0);
    assert_true(batch_is("monthly/2026-10", &row));
    assert_true(row.batch.is_closed);
    assert_true(row.sums[BATCH_TRANSFERS] == 3); /* 10, 11 and 12; the others are carried on */
    assert_true(row.sums[BATCH_AMOUNT] == 3300);
    assert_string_equal(batch_status(&row), "under way");
    assert_int_equal(clerk_run(100), 0);
}

static void what_was_due_before_the_schedule_was_made_is_not_caught_up(void **state)
{
    struct batch_row row;
    (void)state;
    travel("2026-10-20T00:00:00Z");
    assert_int_equal(clerk_run(100), 0);
    assert_false(batch_is("monthly/2026-09", &row));
}

static void periods_that_were_missed_are_caught_up_by_one(void **state)
{
    struct batch_row row;
    (void)state;
    travel("2027-02-20T00:00:00Z");
    earn("2027-02-20T00:00:00Z", "p0", "100.00"); /* clears after the cut-off */
    commit();
    (void)clerk_run(100);
    assert_true(batch_is("monthly/2027-01", &row));
    assert_true(row.sums[BATCH_AMOUNT] == 3300);
    assert_false(batch_is("monthly/2026-12", &row));
    assert_false(batch_is("monthly/2026-10", &row));
    travel("2027-03-03T07:00:00Z"); /* what was below the minimum has grown */
    (void)clerk_run(100);
    assert_true(batch_is("monthly/2027-02", &row));
    assert_true(row.sums[BATCH_TRANSFERS] == 1 && row.sums[BATCH_AMOUNT] == 10700);
}

/* Each page by a clerk that knows nothing of the one before, as after a crash. */
static void a_batch_that_was_left_is_gone_on_with(void **state)
{
    struct mete_err err;
    struct batch_row row;
    struct payout_batch_progress done;
    (void)state;
    travel("2026-11-03T06:30:00Z");
    for (unsigned i = 0; i < 3; i++) {
        struct payout_clerk fresh = {0};
        assert_int_equal(payout_clerk_step(e, &fresh, 3 + i, &done, &err), METE_OK);
        assert_false(done.is_done);
        if (i == 1) {
            engine_rollback(e); /* it died before the commit */
        } else {
            commit();
        }
    }
    assert_true(batch_is("monthly/2026-10", &row));
    assert_false(row.batch.is_closed);
    (void)clerk_run(1);
    assert_true(batch_is("monthly/2026-10", &row));
    assert_true(row.batch.is_closed);
    assert_true(row.sums[BATCH_TRANSFERS] == 3 && row.sums[BATCH_AMOUNT] == 3300);
}

static void on_demand_once_a_day_up_to_the_maximum(void **state)
{
    struct mete_err err;
    struct text id;
    bool is_new;
    struct batch_row row;
    const struct payout_ask ask = {.party = TEXT("p3"), .schedule = TEXT("pull")};
    const struct payout_ask more = {
        .party = TEXT("p3"), .schedule = TEXT("pull"), .amount = TEXT("5.01")};
    (void)state;
    assert_int_equal(payout_request(e, &ask, &arena, &id, &is_new, &err), METE_INSUFFICIENT_FUNDS);
    travel("2026-10-13T12:00:00Z");
    assert_int_equal(payout_request(e, &more, &arena, &id, &is_new, &err), METE_PAYOUT_LIMIT);
    assert_int_equal(payout_request(e, &ask, &arena, &id, &is_new, &err), METE_OK);
    assert_true(is_new);
    assert_int_equal(payout_request(e, &ask, &arena, &id, &is_new, &err), METE_PAYOUT_LIMIT);
    commit();
    assert_true(batch_is("pull/2026-10-13", &row));
    assert_true(row.sums[BATCH_AMOUNT] == 500);
    assert_int_equal(clerk_run(100), 0); /* others may still ask */
    travel("2026-10-14T00:00:00Z");
    assert_int_equal(clerk_run(100), 1);
    assert_true(batch_is("pull/2026-10-13", &row));
    assert_true(row.batch.is_closed);
    assert_true(row.sums[BATCH_TRANSFERS] == 1);
    assert_int_equal(payout_request(e, &ask, &arena, &id, &is_new, &err), METE_OK);
    commit();
    assert_true(batch_is("pull/2026-10-14", &row));
}

/** All schedules of the book from now on. */
static void schedules_are(const char *list)
{
    char at[TIME_TEXT_MAX];
    time_format(engine_now(e), at);
    say(at, "book.configured", "\"payout_schedules\":[%s]", list);
    commit();
}

#define OTHER(id, every, asset, bounds)                                                            \
    "{\"id\":\"" id "\",\"every\":\"" every "\",\"asset\":\"" asset "\",\"rail\":\"bank\"" bounds  \
    "}"

static void what_was_opened_on_demand_pays_those_who_asked_alone(void **state)
{
    static const char *const later[] = {"", OTHER("pull", "day", "USD", ""),
                                        OTHER("pull", "month", "JPY", ""),
                                        OTHER("other", "demand", "USD", "")};
    const struct payout_ask ask = {.party = TEXT("p3"), .schedule = TEXT("pull")};
    for (size_t i = 0; i < ARRAY_LEN(later); i++) {
        struct mete_err err;
        struct batch_row row;
        struct text id;
        bool is_new;
        assert_int_equal(i == 0 ? 0 : tear_down(state) + set_up(state), 0);
        travel("2026-10-13T12:00:00Z");
        assert_int_equal(payout_request(e, &ask, &arena, &id, &is_new, &err), METE_OK);
        commit();
        schedules_are(later[i]);
        (void)clerk_run(100);
        assert_true(batch_is("pull/2026-10-13", &row));
        assert_false(row.batch.is_closed);
        assert_true(row.sums[BATCH_TRANSFERS] == 1);
        travel("2026-10-14T00:00:00Z");
        (void)clerk_run(100);
        assert_true(batch_is("pull/2026-10-13", &row));
        assert_true(row.batch.is_closed);
        assert_true(row.sums[BATCH_TRANSFERS] == 1 && row.sums[BATCH_AMOUNT] == 500);
    }
}

static void an_open_batch_keeps_the_bounds_it_was_opened_with(void **state)
{
    static const char *const later[] = {"", OTHER("monthly", "month", "USD", ""),
                                        OTHER("monthly", "demand", "USD", ""),
                                        OTHER("monthly", "month", "JPY", ",\"minimum\":\"8\""),
                                        OTHER("monthly", "month", "USD", ",\"minimum\":\"11.50\"")};
    for (size_t i = 0; i < ARRAY_LEN(later); i++) {
        struct mete_err err;
        struct batch_row row;
        struct payout_batch_progress done;
        struct payout_clerk clerk = {0};
        assert_int_equal(i == 0 ? 0 : tear_down(state) + set_up(state), 0);
        travel("2026-11-03T06:30:00Z");
        assert_int_equal(payout_clerk_step(e, &clerk, 1, &done, &err), METE_OK);
        commit();
        schedules_are(later[i]);
        (void)clerk_run(2);
        assert_true(batch_is("monthly/2026-10", &row));
        assert_true(row.batch.is_closed);
        assert_true(row.sums[BATCH_TRANSFERS] == 3 && row.sums[BATCH_AMOUNT] == 3300);
    }
}

/* 10.00, 11.00 and 12.00 at a fee of 0.30 which may be 2.5 %: 12.00 alone. */
static void an_open_batch_keeps_what_its_fee_may_be(void **state)
{
    struct mete_err err;
    struct batch_row row;
    struct payout_batch_progress done;
    struct payout_clerk clerk = {0};
    (void)state;
    schedules_are(OTHER("monthly", "month", "USD", ",\"fee\":\"0.30\",\"fee_cap_bps\":250"));
    travel("2026-11-03T06:30:00Z");
    assert_int_equal(payout_clerk_step(e, &clerk, 1, &done, &err), METE_OK);
    commit();
    schedules_are("");
    (void)clerk_run(2);
    assert_true(batch_is("monthly/2026-10", &row));
    assert_true(row.sums[BATCH_TRANSFERS] == 1 && row.sums[BATCH_AMOUNT] == 1200);
}

static void who_asks_later_in_the_day_has_the_bounds_of_the_first(void **state)
{
    struct mete_err err;
    struct text id;
    bool is_new;
    const struct payout_ask first = {.party = TEXT("p3"), .schedule = TEXT("pull")};
    const struct payout_ask later = {.party = TEXT("p4"), .schedule = TEXT("pull")};
    const struct payout_ask next = {.party = TEXT("p5"), .schedule = TEXT("pull")};
    (void)state;
    travel("2026-10-13T12:00:00Z");
    assert_int_equal(payout_request(e, &first, &arena, &id, &is_new, &err), METE_OK);
    commit();
    schedules_are(OTHER("pull", "demand", "USD", ",\"minimum\":\"100.00\""));
    assert_int_equal(payout_request(e, &later, &arena, &id, &is_new, &err), METE_OK);
    commit();
    travel("2026-10-14T12:00:00Z");
    assert_int_equal(payout_request(e, &next, &arena, &id, &is_new, &err), METE_BELOW_MINIMUM);
}

/* A batch of one's own may have the name of a period, and be one that everybody is paid by. */
static void who_asks_is_not_put_into_another_batch(void **state)
{
    struct mete_err err;
    struct text id;
    bool is_new;
    const struct batch_request own = {
        .batch_id = TEXT("pull/2026-10-13"), .asset = TEXT("USD"), .rail = TEXT("bank")};
    const struct payout_ask ask = {.party = TEXT("p3"), .schedule = TEXT("pull")};
    (void)state;
    travel("2026-10-13T12:00:00Z");
    assert_int_equal(payout_batch_open(e, &own, &arena, &id, &is_new, &err), METE_OK);
    assert_int_equal(payout_request(e, &ask, &arena, &id, &is_new, &err), METE_CONFLICT);
}

static void a_period_says_what_its_batch_is(void **state)
{
    struct mete_err err;
    struct payout_period p;
    bool due;
    (void)state;
    travel("2026-11-03T06:29:59Z");
    assert_int_equal(payout_period_find(e, TEXT("monthly"), TEXT(""), &arena, &p, &err), METE_OK);
    assert_true(text_eq(p.batch_id, TEXT("monthly/2026-09"))); /* the newest that is due */
    assert_int_equal(payout_period_due(e, &arena, &due, &p, &err), METE_OK);
    assert_false(due); /* from before the schedule */
    travel("2026-11-03T06:30:00Z");
    assert_int_equal(payout_period_due(e, &arena, &due, &p, &err), METE_OK);
    assert_true(due && text_eq(p.batch_id, TEXT("monthly/2026-10")));
    assert_true(!p.on_demand && p.plan_at == p.cutoff_at && p.cutoff_at == p.period.until - 1);
    assert_true(p.bounds.minimum == 1000);
    (void)clerk_run(100);
    assert_int_equal(payout_period_due(e, &arena, &due, &p, &err), METE_OK);
    assert_false(due);
    assert_int_equal(payout_period_find(e, TEXT("pull"), TEXT(""), &arena, &p, &err), METE_OK);
    assert_true(p.on_demand && text_eq(p.batch_id, TEXT("pull/2026-11-03")));
    assert_true(p.plan_at == engine_now(e) && p.cutoff_at == p.period.until - 1);
    assert_int_equal(payout_period_find(e, TEXT("monthly"), TEXT("2026-W01"), &arena, &p, &err),
                     METE_REQUEST_INVALID);
    assert_non_null(strstr(err.text, "named like 2026-11"));
    assert_int_equal(payout_period_find(e, TEXT("none"), TEXT(""), &arena, &p, &err),
                     METE_SCHEDULE_UNKNOWN);
}

/* In one and the same moment: who asks later, asks for what is done. */
static void a_hold_is_placed_once_whoever_asks_again(void **state)
{
    struct mete_err err;
    struct payout_act act = {.party = TEXT("p1"), .reason = TEXT("asked"), .actor = TEXT("key 1")};
    (void)state;
    assert_int_equal(payout_hold(e, &act, &err), METE_OK);
    act.actor = TEXT("key 2");
    assert_int_equal(payout_hold(e, &act, &err), METE_OK);
    act.reason = TEXT("another");
    assert_int_equal(payout_hold(e, &act, &err), METE_OK);
    commit();
}

static void destinations_are_masked(void **state)
{
    static const struct {
        const char *from;
        const char *to;
    } cases[] = {{"alice@example.org", "a\xe2\x80\xa6"
                                       "e@example.org"},
                 {"al@example.org", "a\xe2\x80\xa6@example.org"},
                 {"DE02120300000000202051", "\xe2\x80\xa6"
                                            "2051"},
                 {"0x52908400098527886E0F7030069857D2E4169EE7", "\xe2\x80\xa6"
                                                                "9EE7"},
                 {"acct_1", "a\xe2\x80\xa6"
                            "1"},
                 {"", ""},
                 {"{\"iban\":\"DE02\"}", ""}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct text masked = destination_mask(&arena, text_of(cases[i].from));
        assert_true(text_eq(masked, text_of(cases[i].to)));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_period_is_opened_when_it_is_due),
        TEST(what_was_due_before_the_schedule_was_made_is_not_caught_up),
        TEST(periods_that_were_missed_are_caught_up_by_one),
        TEST(a_batch_that_was_left_is_gone_on_with),
        TEST(on_demand_once_a_day_up_to_the_maximum),
        TEST(what_was_opened_on_demand_pays_those_who_asked_alone),
        TEST(an_open_batch_keeps_the_bounds_it_was_opened_with),
        TEST(an_open_batch_keeps_what_its_fee_may_be),
        TEST(who_asks_later_in_the_day_has_the_bounds_of_the_first),
        TEST(who_asks_is_not_put_into_another_batch),
        TEST(a_period_says_what_its_batch_is),
        TEST(a_hold_is_placed_once_whoever_asks_again),
        TEST(destinations_are_masked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
