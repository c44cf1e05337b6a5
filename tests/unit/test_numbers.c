/* SPDX-License-Identifier: Apache-2.0
 * What the operators of a book look at: each outcome counted once it is durable and never else, and
 * what waits, by what it waits for. */
#include "base/text.h"
#include "engine/numbers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DAY "2025-01-01T00:00:00Z"

static struct engine *e;

static int set_up(void **state)
{
    struct mete_err err;
    const struct engine_options o = {.store = "memory:",
                                     .book = "main",
                                     .create_store = true,
                                     .create_book = true,
                                     .clock = CLOCK_EVENT,
                                     .salt_seed = 1,
                                     .quarantine_max = 3};
    (void)state;
    return engine_open(&e, &o, &err) == METE_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    engine_close(e);
    return 0;
}

static void say(enum submit_status wanted, const char *id, const char *type, const char *at,
                const char *payload)
{
    struct submit_result r;
    struct buf b = {0};
    buf_printf(&b, "{\"event_id\":\"%s\",\"event_type\":\"%s\",\"occurred_at\":\"%s\",", id, type,
               at);
    buf_printf(&b, "\"payload\":%s}", payload);
    engine_submit(e, buf_text(&b), NULL, &r);
    if (r.status != wanted) {
        fail_msg("%s is %s: %s", id, submit_status_name(r.status), r.err.text);
    }
    buf_clear(&b);
}

static void revenue(enum submit_status wanted, const char *id, const char *policy, const char *at)
{
    char payload[256];
    snprintf(payload, sizeof payload,
             "{\"policy\":\"%s\",\"amount\":{\"amount\":\"1.00\",\"currency\":\"USD\"}}", policy);
    say(wanted, id, "revenue.received", at, payload);
}

static void publish(const char *id, const char *policy, const char *at)
{
    char payload[256];
    snprintf(payload, sizeof payload,
             "{\"policy\":{\"id\":\"%s\",\"kind\":\"weights\",\"shares\":["
             "{\"party\":\"a\",\"weight\":\"1/2\"},{\"party\":\"b\",\"weight\":\"1/2\"}]}}",
             policy);
    say(SUBMIT_APPLIED, id, "policy.published", at, payload);
}

static struct book_numbers numbers(void)
{
    struct book_numbers n;
    struct mete_err err;
    assert_int_equal(book_numbers_read(e, &n, &err), METE_OK);
    return n;
}

static void commit(void)
{
    struct mete_err err;
    assert_int_equal(engine_commit(e, &err), METE_OK);
}

static void check_counts(uint64_t applied, uint64_t duplicate, uint64_t waiting, uint64_t refused,
                         uint64_t conflict)
{
    const struct engine_counts c = numbers().counts;
    assert_int_equal(c.outcome[SUBMIT_APPLIED], applied);
    assert_int_equal(c.outcome[SUBMIT_DUPLICATE], duplicate);
    assert_int_equal(c.outcome[SUBMIT_WAITING], waiting);
    assert_int_equal(c.outcome[SUBMIT_REFUSED], refused);
    assert_int_equal(c.outcome[SUBMIT_CONFLICT], conflict);
}

static void outcomes_count_when_they_are_durable(void **state)
{
    (void)state;
    publish("p", "urn:p", DAY);
    revenue(SUBMIT_APPLIED, "r1", "urn:p", DAY);
    revenue(SUBMIT_DUPLICATE, "r1", "urn:p", DAY);
    revenue(SUBMIT_CONFLICT, "r1", "urn:q", DAY);
    revenue(SUBMIT_WAITING, "r2", "urn:q", DAY);
    say(SUBMIT_REFUSED, "x", "revenue.received", DAY, "{}");
    engine_refuse(e, TEXT("no event"), &(struct mete_err){.code = METE_JSON_SYNTAX});
    check_counts(0, 0, 0, 0, 0);
    commit();
    check_counts(2, 1, 1, 2, 1);
    assert_int_equal(numbers().counts.allocations, 2);
    assert_int_equal(numbers().size, 3);
    assert_int_equal(numbers().quarantined, 3); /* the conflict, too */
    assert_int_equal(numbers().quarantine_max, 3);
    revenue(SUBMIT_APPLIED, "r3", "urn:p", DAY);
    revenue(SUBMIT_WAITING, "r4", "urn:q", DAY);
    engine_rollback(e);
    check_counts(2, 1, 1, 2, 1);
    revenue(SUBMIT_DUPLICATE, "r1", "urn:p", DAY); /* a group of nothing else */
    commit();
    check_counts(2, 2, 1, 2, 1);
    assert_int_equal(numbers().counts.allocations, 2);
    publish("q", "urn:q", DAY); /* books what waited */
    commit();
    assert_int_equal(numbers().counts.allocations, 4);
    check_counts(3, 2, 1, 2, 1);
}

static void check_waits(enum wait_reason r, uint64_t count, const char *since)
{
    const struct waits w = numbers().waits;
    mete_time at = 0;
    assert_true(since == NULL || time_parse(text_of(since), &at) == TIME_OK);
    assert_int_equal(w.count[r], count);
    assert_int_equal(w.oldest_at[r], at);
}

static void what_waits_is_seen_by_its_reason(void **state)
{
    static const char cycle[] = "{\"policy\":\"urn:u\",\"window_start\":\"" DAY
                                "\",\"window_end\":\"2025-01-02T00:00:00Z\","
                                "\"pool\":{\"amount\":\"7\",\"currency\":\"SAT\"}}";
    (void)state;
    for (unsigned r = 0; r < WAIT_REASONS; r++) {
        check_waits((enum wait_reason)r, 0, NULL);
    }
    revenue(SUBMIT_WAITING, "w1", "urn:z", "2025-02-01T00:00:00Z"); /* the oldest is no first key */
    revenue(SUBMIT_WAITING, "w2", "urn:a", "2025-02-02T00:00:00Z");
    revenue(SUBMIT_WAITING, "w3", "urn:z", "2025-02-03T00:00:00Z");
    say(SUBMIT_WAITING, "back", "revenue.reversed", "2025-02-04T00:00:00Z",
        "{\"reverses\":\"nowhere\"}");
    say(SUBMIT_APPLIED, "u", "policy.published", "2025-02-05T00:00:00Z",
        "{\"policy\":{\"id\":\"urn:u\",\"kind\":\"usage\"}}");
    say(SUBMIT_WAITING, "c", "cycle.closed", "2025-02-06T00:00:00Z", cycle);
    commit();
    check_waits(WAITS_FOR_POLICY, 3, "2025-02-01T00:00:00Z");
    check_waits(WAITS_FOR_EVENT, 1, "2025-02-04T00:00:00Z");
    check_waits(WAITS_FOR_USAGE, 1, "2025-02-06T00:00:00Z");
    check_waits(WAITS_STUCK, 0, NULL);
    publish("z", "urn:z", "2025-02-07T00:00:00Z");
    commit();
    check_waits(WAITS_FOR_POLICY, 1, "2025-02-02T00:00:00Z");
    publish("a", "urn:a", "2025-02-08T00:00:00Z");
    check_waits(WAITS_FOR_POLICY, 0, NULL);
    engine_rollback(e);
    check_waits(WAITS_FOR_POLICY, 1, "2025-02-02T00:00:00Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(outcomes_count_when_they_are_durable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_waits_is_seen_by_its_reason, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
