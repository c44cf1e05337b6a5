/* SPDX-License-Identifier: Apache-2.0
 * covers: R-009 R-021
 * Events that mete makes itself are said once, however often they are made: later, by another, or
 * read first and submitted later. What says something else under the same id is a conflict. */
#include "engine/own_event.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOON ((mete_time)1735732800 * TIME_SECOND_US) /* 2025-01-01T12:00:00Z */

static struct engine *e;
static struct arena arena;

/** The clock goes to `at`: an event says so. */
static void travel(mete_time at, const char *id)
{
    struct own_event event;
    const struct own_head head = {
        .id = text_of(id), .type = EVENT_PARTY_REGISTERED, .occurred_at = {true, at}};
    struct mete_err err;
    bool is_new;
    own_event_begin(&event, e, &head);
    jw_str(&event.w, "party", "p");
    assert_int_equal(own_event_submit(&event, &is_new, &err), METE_OK);
    assert_true(is_new);
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
    arena_init(&arena, (size_t)1 << 28);
    if (engine_open(&e, &o, &err) != METE_OK) {
        return -1;
    }
    travel(NOON, "first");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    engine_close(e);
    arena_clear(&arena);
    return 0;
}

/** A hold, as whoever `actor` is asks for it. */
static void hold_begin(struct own_event *event, const char *actor, const char *reason)
{
    const struct own_head head = {
        .id = TEXT("hold"), .type = EVENT_PAYOUT_HOLD_PLACED, .actor = text_of(actor)};
    own_event_begin(event, e, &head);
    jw_str(&event->w, "party", "p");
    jw_str(&event->w, "reason", reason);
}

static enum submit_status hold(const char *actor, const char *reason)
{
    struct own_event event;
    struct submit_result r;
    hold_begin(&event, actor, reason);
    own_event_end(&event, &r);
    return r.status;
}

static void said_later_or_by_another_it_is_the_first(void **state)
{
    mete_time at = 0;
    struct text actor = {0};
    (void)state;
    assert_false(own_event_recall(e, TEXT("hold"), &arena, &at, &actor));
    assert_int_equal(hold("key 1", "r"), SUBMIT_APPLIED);
    assert_int_equal(hold("key 1", "r"), SUBMIT_DUPLICATE);
    assert_int_equal(hold("key 2", "r"), SUBMIT_DUPLICATE);
    assert_int_equal(hold("", "r"), SUBMIT_DUPLICATE);
    travel(NOON + TIME_SECOND_US, "later");
    assert_int_equal(hold("key 1", "r"), SUBMIT_DUPLICATE);
    assert_true(own_event_recall(e, TEXT("hold"), &arena, &at, &actor));
    assert_int_equal(at, NOON);
    assert_true(text_is(actor, "key 1"));
}

static void who_says_something_else_contradicts(void **state)
{
    struct own_event event;
    struct mete_err err;
    bool is_new = true;
    (void)state;
    assert_int_equal(hold("key 1", "r"), SUBMIT_APPLIED);
    assert_int_equal(hold("key 1", "other"), SUBMIT_CONFLICT);
    hold_begin(&event, "key 1", "other");
    assert_int_equal(own_event_submit(&event, &is_new, &err), METE_CONFLICT);
    assert_false(is_new);
    hold_begin(&event, "key 3", "r");
    assert_int_equal(own_event_submit(&event, &is_new, &err), METE_OK);
    assert_false(is_new);
}

static void it_may_be_read_first_and_submitted_later(void **state)
{
    struct own_event event;
    struct submit_result r;
    struct prepared *p[2] = {prepared_new(), prepared_new()};
    (void)state;
    hold_begin(&event, "key 1", "r");
    own_event_prepare(&event, p[0]);
    engine_submit_prepared(e, p[0], &r);
    assert_int_equal(r.status, SUBMIT_APPLIED);
    travel(NOON + TIME_SECOND_US, "later");
    hold_begin(&event, "key 2", "r");
    own_event_prepare(&event, p[1]);
    engine_submit_prepared(e, p[1], &r);
    assert_int_equal(r.status, SUBMIT_DUPLICATE);
    prepared_free(p[0]);
    prepared_free(p[1]);
}

static void its_frame_says_all_that_is_known(void **state)
{
    struct own_event event;
    struct envelope whole;
    struct mete_err err;
    mete_time unused;
    const struct own_head head = {.id = TEXT("framed"),
                                  .type = EVENT_PARTY_REGISTERED,
                                  .occurred_at = {true, NOON + 5},
                                  .actor = TEXT("key \"1\""),
                                  .service = "payment",
                                  .campaign_id = TEXT("c1")};
    (void)state;
    own_event_begin(&event, e, &head);
    jw_str(&event.w, "party", "q");
    assert_int_equal(own_event_submit(&event, NULL, &err), METE_OK);
    assert_int_equal(engine_event(e, engine_seq_of(e, head.id), &arena, &whole, &unused, &err),
                     METE_OK);
    assert_int_equal(whole.event.type, EVENT_PARTY_REGISTERED);
    assert_int_equal(whole.event.occurred_at, NOON + 5);
    assert_true(text_eq(whole.event.actor_id, head.actor));
    assert_true(text_is(whole.event.producer, "control_plane"));
    assert_true(text_is(whole.event.service, "payment"));
    const struct json *correlation = json_get(whole.tree, "correlation");
    assert_true(text_is(json_get(correlation, "campaign_id")->text, "c1"));
    assert_true(text_is(json_get(json_get(whole.tree, "payload"), "party")->text, "q"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(said_later_or_by_another_it_is_the_first), TEST(who_says_something_else_contradicts),
        TEST(it_may_be_read_first_and_submitted_later), TEST(its_frame_says_all_that_is_known)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
