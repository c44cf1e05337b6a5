/* SPDX-License-Identifier: Apache-2.0
 * covers: F-058
 * Claims of payouts by hand: leases that begin, end and are forgotten, rails that nobody asked for,
 * and that thousands of them do not hide what is behind. */
#include "base/text.h"
#include "engine/internal.h"
#include "engine/payout_claim.h"
#include "engine/payout_step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW    ((mete_time)1735689600 * TIME_SECOND_US)
#define HIDERS 9000u /* more than one claim looks at */

static struct engine *e;
static struct payout_leases *leases;
static struct arena arena;

METE_PRINTF(2, 3) static void say(const char *id, const char *fmt, ...)
{
    const struct submit_options own = {.own = true, .no_quarantine = true};
    struct submit_result r;
    char rest[500], event[800];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(rest, sizeof rest, fmt, args);
    va_end(args);
    snprintf(event, sizeof event,
             "{'event_id':'%s','occurred_at':'2025-01-01T00:00:00Z','event_type':%s}", id, rest);
    for (char *c = event; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    engine_submit(e, text_of(event), &own, &r);
    if (r.status != SUBMIT_APPLIED) {
        fail_msg("%s: %s", event, r.err.text);
    }
}

/** A party with money, and a payout of it over a rail: the batch has the rail's name. */
static void payout(unsigned i, const char *rail)
{
    char id[32];
    snprintf(id, sizeof id, "r%u", i);
    say(id,
        "'revenue.received','payload':{'party':'p%u','amount':{'amount':'1.00','currency':"
        "'USD'}}",
        i);
    snprintf(id, sizeof id, "d%u", i);
    say(id, "'party.destination_set','payload':{'party':'p%u','rail':'%s','destination':'at %u'}",
        i, rail, i);
    snprintf(id, sizeof id, "t%u", i);
    say(id,
        "'payout.transfer_queued','payload':{'batch_id':'%s','party':'p%u','amount':"
        "{'amount':'1.00','currency':'USD'}}",
        rail, i);
}

static int set_up(void **state)
{
    static const char *const rails[] = {"one", "two"};
    struct mete_err err;
    const struct engine_options o = {.store = "memory:",
                                     .book = "main",
                                     .create_store = true,
                                     .create_book = true,
                                     .clock = CLOCK_EVENT,
                                     .salt_seed = 1};
    (void)state;
    assert_int_equal(engine_open(&e, &o, &err), METE_OK);
    leases = payout_leases_new();
    arena_init(&arena, (size_t)1 << 30);
    say("conf", "'book.configured','payload':{'clear_after_days':0}");
    for (unsigned i = 0; i < ARRAY_LEN(rails); i++) {
        say(rails[i], "'payout.batch_opened','payload':{'asset':'USD','rail':'%s'}", rails[i]);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    payout_leases_free(leases);
    arena_clear(&arena);
    engine_close(e);
    return 0;
}

static size_t claim(const char *rail, mete_time now, size_t max, struct payout_claim **rows)
{
    const struct text name = text_of(rail);
    const struct payout_claim_query q = {.now = now,
                                         .lease_until = now + 60 * TIME_SECOND_US,
                                         .max = max,
                                         .rail = &name,
                                         .rails = 1};
    struct mete_err err;
    size_t count = 0;
    if (payouts_claim(e, leases, &q, &arena, rows, &count, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
    return count;
}

static void a_lease_ends_by_time_or_by_a_step(void **state)
{
    struct payout_claim *rows;
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        payout(i, "one");
    }
    assert_int_equal(claim("one", NOW, 2, &rows), 2);
    assert_true(text_is(rows[0].due.transfer_id, "t0"));
    assert_true(text_is(rows[0].destination, "at 0"));
    assert_int_equal(rows[0].due.queued_at, NOW);
    assert_int_equal(claim("one", NOW, 9, &rows), 1);
    assert_true(text_is(rows[0].due.transfer_id, "t2"));
    assert_int_equal(claim("one", NOW + 59 * TIME_SECOND_US, 9, &rows), 0);
    payout_lease_end(leases, e, TEXT("t1"));
    assert_int_equal(claim("one", NOW + 59 * TIME_SECOND_US, 9, &rows), 1);
    assert_true(text_is(rows[0].due.transfer_id, "t1"));
    assert_int_equal(claim("one", NOW + 60 * TIME_SECOND_US, 9, &rows), 2);
}

static void what_is_not_due_is_not_claimed(void **state)
{
    struct payout_claim *rows;
    struct submit_result r;
    const struct payout_step s = {.type = EVENT_PAYOUT_TRANSFER_SENDING,
                                  .transfer_id = TEXT("t0"),
                                  .attempt = 1,
                                  .anchor = TEXT("a"),
                                  .has_body = true,
                                  .body = TEXT("the bytes"),
                                  .group = TEXT("g")};
    (void)state;
    payout(0, "one");
    payout_steps_take(e, NOW, &s, 1, false, &arena, &r);
    assert_int_equal(r.status, SUBMIT_APPLIED);
    assert_true(text_is(r.event_id, "t0.1.sending.0"));
    assert_int_equal(claim("one", NOW + 29 * TIME_SECOND_US, 9, &rows), 0);
    assert_int_equal(claim("one", NOW + 30 * TIME_SECOND_US, 9, &rows), 1);
    assert_int_equal(rows[0].body_count, 1);
    assert_true(text_is(rows[0].body[0], "the bytes"));
    assert_true(text_is(rows[0].anchor, "a") && text_is(rows[0].group, "g"));
    assert_int_equal(rows[0].sending_at, NOW);
    payout_claims_wipe(rows, 1);
    assert_true(rows[0].body[0].p[0] == '\0' && rows[0].destination.p[0] == '\0');
}

/* Two workers have one attempt: what the one that slept takes for dead, the other has sent again.
 */
static void what_is_dead_was_looked_at_last(void **state)
{
    struct payout_step s = {.type = EVENT_PAYOUT_TRANSFER_SENDING,
                            .transfer_id = TEXT("t0"),
                            .attempt = 1,
                            .has_look = true,
                            .anchor = TEXT("a")};
    struct payout_step dead = {.type = EVENT_PAYOUT_TRANSFER_FAILED,
                               .transfer_id = TEXT("t0"),
                               .attempt = 1,
                               .has_look = true,
                               .reason = TEXT("no")};
    struct submit_result r;
    (void)state;
    payout(0, "one");
    payout_steps_take(e, NOW, &s, 1, false, &arena, &r);
    assert_int_equal(r.status, SUBMIT_APPLIED);
    s.look = 1;
    payout_steps_take(e, NOW + 1, &s, 1, false, &arena, &r);
    assert_int_equal(r.status, SUBMIT_APPLIED);
    payout_steps_take(e, NOW + 2, &dead, 1, false, &arena, &r);
    assert_int_equal(r.status, SUBMIT_REFUSED);
    assert_int_equal(r.err.code, METE_STATE_FORBIDS);
    dead.look = 1;
    payout_steps_take(e, NOW + 3, &dead, 1, false, &arena, &r);
    assert_int_equal(r.status, SUBMIT_APPLIED);
    payout_steps_take(e, NOW + 4, &dead, 1, false, &arena, &r);
    assert_int_equal(r.status, SUBMIT_DUPLICATE); /* its answer was lost */
    s = (struct payout_step){.type = EVENT_PAYOUT_TRANSFER_SENDING,
                             .transfer_id = TEXT("t0"),
                             .attempt = 2,
                             .has_look = true,
                             .anchor = TEXT("b")};
    payout_steps_take(e, NOW + TIME_DAY_US, &s, 1, false, &arena, &r);
    assert_int_equal(r.status, SUBMIT_APPLIED);
    payout_steps_take(e, NOW + TIME_DAY_US, &dead, 1, false, &arena, &r);
    assert_int_equal(r.status, SUBMIT_DUPLICATE); /* also of an earlier attempt */
}

/* As it stood when the batch was opened. */
static void the_cap_of_a_batch_is_told(void **state)
{
    struct payout_claim *rows;
    (void)state;
    say("sch", "'book.configured','payload':{'clear_after_days':0,'payout_schedules':[{'id':'pull',"
               "'every':'demand','asset':'USD','rail':'three','fee':'0.01','fee_cap_bps':900}]}");
    say("three", "'payout.batch_opened','payload':{'asset':'USD','rail':'three','schedule':'pull',"
                 "'on_demand':true,'fee':'0.01','fee_cap_bps':250}");
    payout(0, "one");
    payout(1, "three");
    assert_int_equal(claim("three", NOW, 9, &rows), 1);
    assert_int_equal(rows[0].fee_max, 2); /* 2.5 % of 1.00 */
    assert_int_equal(claim("one", NOW, 9, &rows), 1);
    assert_int_equal(rows[0].fee_max, -1);
}

/* Those in front are of a rail that no worker has: each claim begins where the one before gave
 * up, and after the end at the beginning. */
static void many_do_not_hide_one(void **state)
{
    struct payout_claim *rows;
    size_t found = 0;
    (void)state;
    for (unsigned i = 0; i < HIDERS; i++) {
        payout(i, "one");
    }
    payout(HIDERS, "two");
    assert_int_equal(claim("two", NOW, 9, &rows), 0);
    assert_int_equal(claim("two", NOW, 9, &rows), 1);
    for (unsigned i = 0; i < 4 && found == 0; i++) {
        found = claim("two", NOW + 61 * TIME_SECOND_US, 9, &rows);
    }
    assert_int_equal(found, 1);
    for (found = 0; found < HIDERS;) {
        size_t more = claim("one", NOW + 61 * TIME_SECOND_US, CLAIM_MAX, &rows);
        assert_true(more > 0);
        found += more;
        arena_reset(&arena);
    }
    assert_int_equal(found, HIDERS);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ONE(a_lease_ends_by_time_or_by_a_step),
        ONE(what_is_not_due_is_not_claimed),
        ONE(what_is_dead_was_looked_at_last),
        ONE(the_cap_of_a_batch_is_told),
        ONE(many_do_not_hide_one),
    };
    return cmocka_run_group_tests_name("payout_claim", tests, NULL, NULL);
}
