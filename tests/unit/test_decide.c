/* SPDX-License-Identifier: Apache-2.0
 * The heart against hand-made vectors: what each kind of event does to the money.
 * covers: F-011 F-017 F-018 F-019 F-024 F-025 F-028 F-029 R-003 R-004 R-006 R-007 R-011 R-013 R-014
 * covers: B-022 B-023 B-024 B-040 B-041 B-043 B-044 B-046 B-047 V-100 */
#include "world.h"

#include "core/dispute.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define T(day) "\"occurred_at\":\"2025-" day "T12:00:00Z\""
#define USD(a) "{\"amount\":\"" a "\",\"currency\":\"USD\"}"
#define SAT(a) "{\"amount\":\"" a "\",\"currency\":\"SAT\"}"
#define EV(id, type, day, payload)                                                                 \
    "{\"event_id\":\"" id "\",\"event_type\":\"" type "\"," T(day) ",\"payload\":" payload "}"

static struct world *w;

static int setup(void **state)
{
    w = calloc(1, sizeof *w);
    assert_non_null(w);
    world_open(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static void applied(const char *json)
{
    enum decided outcome = world_submit(w, 0, json);
    if (outcome != DECIDED_APPLIED) {
        print_message("%s -> %d %s %s %s\n", json, outcome, mete_code_name(w->err.code),
                      w->err.pointer, w->err.text);
    }
    assert_int_equal(outcome, DECIDED_APPLIED);
}

static void waits(const char *json, enum mete_code code)
{
    assert_int_equal(world_submit(w, 0, json), DECIDED_WAITING);
    assert_int_equal(w->last.wait_code, code);
}

static void refused(const char *json, enum mete_code code, const char *pointer)
{
    assert_int_equal(world_submit(w, 0, json), DECIDED_REFUSED);
    assert_string_equal(mete_code_name(w->err.code), mete_code_name(code));
    assert_string_equal(w->err.pointer, pointer);
}

static void preset_fair(void)
{
    applied(EV("b", "book.configured", "01-01", "{\"clear_after_days\":0}"));
    applied(EV("f", "fees.scheduled", "01-01",
               "{\"fees\":[{\"label\":\"infrastructure\",\"bps\":200,\"payee\":\"foundation\","
               "\"children\":[{\"label\":\"pattern\",\"share_bps\":2500,\"payee\":\"wer1\"}]}]}"));
}

static void policy(const char *id, const char *shares, const char *extra)
{
    static int n;
    assert_int_equal(world_submitf(w,
                                   "{\"event_id\":\"pol%d\",\"event_type\":\"policy.published\"," T(
                                       "01-01") ","
                                                "\"payload\":{\"policy\":{\"id\":\"%s\",\"kind\":"
                                                "\"weights\",\"shares\":[%s]"
                                                "%s}}}",
                                   n++, id, shares, extra),
                     DECIDED_APPLIED);
}

static void test_fees_come_first_and_the_rest_is_shared(void **state)
{
    (void)state;
    preset_fair();
    policy("urn:p", "{\"party\":\"a\",\"weight\":\"0.6\"},{\"party\":\"b\",\"weight\":\"0.4\"}",
           "");
    applied(EV("e1", "revenue.received", "01-31",
               "{\"policy\":\"urn:p\",\"amount\":" USD("1500.00") "}"));
    assert_string_equal(world_lines(w), "f2250/f750/88200/58800");
    assert_true(world_net(w, "a", "USD") == 88200);
    assert_true(world_net(w, "wer1", "USD") == 750);
    assert_string_equal(world_balance(w, "b", "USD", "2025-01-31T12:00:00Z"), "0/0/58800/0");
}

static void contributions(void)
{
    applied(EV("c1", "contribution.recorded", "01-01",
               "{\"content_item_id\":\"i\",\"party\":\"au\",\"role\":\"author\",\"weight\":1}"));
    applied(EV("c2", "contribution.recorded", "01-01",
               "{\"content_item_id\":\"i\",\"party\":\"ed\",\"role\":\"editor\",\"weight\":1}"));
    applied(EV("c3", "contribution.recorded", "01-01",
               "{\"content_item_id\":\"i\",\"party\":\"di\",\"role\":\"distributor\","
               "\"weight\":1}"));
}

static void test_roles_floor_and_the_first_author_takes_the_rest(void **state)
{
    (void)state;
    contributions();
    applied(EV("e1", "revenue.received", "01-02",
               "{\"content_item_id\":\"i\",\"amount\":" SAT("101") "}"));
    assert_string_equal(world_lines(w), "71/10/20");
    applied(EV("e2", "revenue.received", "01-02",
               "{\"content_item_id\":\"i\",\"amount\":" SAT("1000") ",\"fee\":" SAT("50") "}"));
    assert_string_equal(world_lines(w), "f50/665/95/190");
    applied(EV("e3", "revenue.received", "01-02",
               "{\"content_item_id\":\"i\",\"amount\":" SAT("1") "}"));
    assert_string_equal(world_lines(w), "1/0/0");
    applied(EV("e4", "revenue.received", "01-02",
               "{\"content_item_id\":\"nobody\",\"amount\":" SAT("10") "}"));
    assert_string_equal(world_lines(w), "u10");
    assert_string_equal(world_balance(w, "au", "SAT", "2025-01-09T11:59:59Z"), "737/0/0/0");
    assert_string_equal(world_balance(w, "au", "SAT", "2025-01-09T12:00:00Z"), "0/0/737/0");
}

static void test_reversals_take_back_in_proportion_and_end_at_zero(void **state)
{
    (void)state;
    policy("urn:q",
           "{\"party\":\"a\",\"weight\":\"6/14\"},{\"party\":\"b\",\"weight\":\"6/14\"},"
           "{\"party\":\"c\",\"weight\":\"2/14\"}",
           "");
    applied(
        EV("e1", "revenue.received", "01-02", "{\"policy\":\"urn:q\",\"amount\":" SAT("14") "}"));
    assert_string_equal(world_lines(w), "6/6/2");
    applied(
        EV("r1", "revenue.reversed", "01-03", "{\"reverses\":\"e1\",\"amount\":" SAT("10") "}"));
    assert_string_equal(world_lines(w), "-4/-4/-2");
    applied(EV("r2", "revenue.reversed", "01-03", "{\"reverses\":\"e1\",\"amount\":" SAT("1") "}"));
    assert_string_equal(world_lines(w), "-1");
    applied(EV("r3", "revenue.reversed", "01-03", "{\"reverses\":\"e1\",\"amount\":" SAT("3") "}"));
    assert_string_equal(world_lines(w), "-1/-2");
    assert_true(world_net(w, "a", "SAT") == 0 && world_net(w, "c", "SAT") == 0);
    refused(EV("r4", "revenue.reversed", "01-03", "{\"reverses\":\"e1\",\"amount\":" SAT("1") "}"),
            METE_REVERSAL_EXCEEDS, "/payload/amount/amount");
}

static void test_revenue_waits_for_its_policy_and_is_booked_in_order(void **state)
{
    (void)state;
    preset_fair();
    waits(EV("e1", "revenue.received", "01-02",
             "{\"policy\":\"urn:late\",\"amount\":" USD("10.00") "}"),
          METE_POLICY_UNKNOWN);
    waits(EV("r1", "revenue.reversed", "01-03", "{\"reverses\":\"e1\",\"amount\":" USD("5.00") "}"),
          METE_ORIGINAL_UNKNOWN);
    waits(EV("e2", "revenue.received", "01-04",
             "{\"policy\":\"urn:late\",\"amount\":" USD("1.00") "}"),
          METE_POLICY_UNKNOWN);
    assert_true(world_net(w, "mete:suspense", "USD") == 1100);
    policy("urn:late", "{\"party\":\"a\",\"weight\":\"1\"}", "");
    assert_string_equal(world_booked(w, 3), "f15/f5/980");
    assert_string_equal(world_booked(w, 5), "f2/f0/98");
    assert_string_equal(world_booked(w, 4), "f-8/f-2/-490");
    assert_true(world_net(w, "a", "USD") == 588);
    assert_true(world_net(w, "mete:suspense", "USD") == 0);
}

static void test_nested_policies_split_the_whole_units_they_were_given(void **state)
{
    (void)state;
    policy("urn:leaf", "{\"party\":\"x\",\"weight\":\"1/3\"},{\"party\":\"y\",\"weight\":\"2/3\"}",
           "");
    policy("urn:root",
           "{\"policy\":\"urn:leaf\",\"weight\":\"0.5\"},{\"party\":\"z\",\"weight\":\"0.25\"}",
           "");
    applied(EV("e1", "revenue.received", "01-02",
               "{\"policy\":\"urn:root\",\"amount\":" SAT("101") "}"));
    /* 50.5 / 25.25 / rest 25.25: floors 50, 25, 25, the unit goes to 0.5 */
    assert_string_equal(world_lines(w), "17/34/25/u25");
    refused(EV("cyc", "policy.published", "01-02",
               "{\"policy\":{\"id\":\"urn:leaf\",\"kind\":\"weights\",\"shares\":[{\"policy\":"
               "\"urn:root\",\"weight\":\"1\"}]}}"),
            METE_POLICY_CYCLE, "/payload/policy/shares/0");
}

static void test_carry_keeps_everyone_at_the_floor_of_what_is_due(void **state)
{
    (void)state;
    policy("urn:c",
           "{\"party\":\"a\",\"weight\":\"1/3\"},{\"party\":\"b\",\"weight\":\"1/3\"},"
           "{\"party\":\"c\",\"weight\":\"1/3\"}",
           ",\"rounding\":\"carry\"");
    static const char *const LINES[] = {"0/0/0/c1", "0/0/0/c1", "1/1/1/c-2"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            world_submitf(
                w,
                "{\"event_id\":\"e%d\",\"event_type\":\"revenue.received\"," T(
                    "01-02") ",\"payload\":{\"policy\":\"urn:c\",\"amount\":" SAT("1") "}}",
                i),
            DECIDED_APPLIED);
        assert_string_equal(world_lines(w), LINES[i]);
    }
    applied(EV("r0", "revenue.reversed", "01-03", "{\"reverses\":\"e0\"}"));
    assert_string_equal(world_lines(w), "-1/-1/-1/c2");
    applied(EV("r1", "revenue.reversed", "01-03", "{\"reverses\":\"e1\"}"));
    applied(EV("r2", "revenue.reversed", "01-03", "{\"reverses\":\"e2\"}"));
    assert_true(world_net(w, "a", "SAT") == 0 && world_net(w, "c", "SAT") == 0);
}

static void usage(const char *id, const char *provider, const char *day, int calls)
{
    assert_int_equal(
        world_submitf(
            w,
            "{\"event_id\":\"%s\",\"event_type\":\"usage.reported\"," T(
                "03-01") ","
                         "\"payload\":{\"platform_id\":\"f\",\"provider\":\"%s\",\"window_start\":"
                         "\"2025-02-%sT00:00:00Z\",\"window_end\":\"2025-02-%sT12:00:00Z\","
                         "\"calls\":%d}}",
            id, provider, day, day, calls),
        DECIDED_APPLIED);
}

#define CYCLE(id, from, to, pool)                                                                  \
    EV(id, "cycle.closed", "03-02",                                                                \
       "{\"policy\":\"urn:u\",\"window_start\":\"2025-02-" from "T00:00:00Z\",\"window_end\":"     \
       "\"2025-02-" to "T00:00:00Z\",\"pool\":{\"amount\":\"" pool "\",\"currency\":\"USDC\"}}")

static void test_a_pool_is_shared_by_measured_usage(void **state)
{
    (void)state;
    applied(
        EV("u", "policy.published", "01-01", "{\"policy\":{\"id\":\"urn:u\",\"kind\":\"usage\"}}"));
    waits(CYCLE("k0", "01", "02", "1.000000"), METE_USAGE_NONE);
    usage("u1", "tiny", "01", 1);
    usage("u2", "big", "01", 999999);
    usage("u3", "big", "02", 7);
    applied(CYCLE("k1", "02", "03", "0.000010"));
    assert_string_equal(world_lines(w), "10");
    /* the cycle that waited was tried again right after, and one call is worth one micro-unit */
    assert_string_equal(world_booked(w, 2), "1/999999");
    refused(EV("x", "cycle.closed", "03-02",
               "{\"policy\":\"urn:p\",\"window_start\":\"2025-02-01T00:00:00Z\",\"window_end\":"
               "\"2025-01-01T00:00:00Z\",\"pool\":{\"amount\":\"1\",\"currency\":\"USDC\"}}"),
            METE_TIME_ORDER, "/payload/window_end");
}

#define METERED(id, day, cost)                                                                     \
    EV(id, "usage.metered", day,                                                                   \
       "{\"policy\":\"urn:m\",\"endpoint\":\"/x\",\"cost\":" USD(                                  \
           cost) ",\"customer_wallet\":\"cw\"}")

static void test_metered_costs_add_up_exactly_and_the_rest_is_carried(void **state)
{
    (void)state;
    policy("urn:m", "{\"party\":\"a\",\"weight\":\"1\"}", "");
    applied(METERED("m1", "01-02", "0.0049"));
    applied(METERED("m2", "01-02", "0.0099"));
    applied(METERED("m3", "01-03", "0.0152"));
    applied(EV("d1", "metering.closed", "01-03", "{\"policy\":\"urn:m\",\"day\":\"2025-01-02\"}"));
    assert_string_equal(world_lines(w), "1"); /* 0.0148: one cent, 0.0048 carried */
    applied(EV("d2", "metering.closed", "01-04", "{\"policy\":\"urn:m\",\"day\":\"2025-01-03\"}"));
    assert_string_equal(world_lines(w), "2"); /* 0.0048 + 0.0152 = 0.02 */
    applied(EV("d3", "metering.closed", "01-05", "{\"policy\":\"urn:m\",\"day\":\"2025-01-04\"}"));
    assert_string_equal(world_lines(w), "");
}

static void test_a_cleared_and_spent_amount_leaves_a_debt_that_earnings_recover(void **state)
{
    (void)state;
    preset_fair();
    applied(
        EV("e1", "revenue.received", "01-02", "{\"party\":\"a\",\"amount\":" USD("100.00") "}"));
    applied(EV("t1", "wallet.transferred", "01-03",
               "{\"from\":\"a\",\"to\":\"b\",\"amount\":" USD("98.00") "}"));
    refused(EV("t2", "wallet.transferred", "01-03",
               "{\"from\":\"a\",\"to\":\"b\",\"amount\":" USD("0.01") "}"),
            METE_INSUFFICIENT_FUNDS, "/payload/amount/amount");
    applied(EV("r1", "revenue.reversed", "01-04", "{\"reverses\":\"e1\"}"));
    assert_string_equal(world_balance(w, "a", "USD", "2025-01-04T12:00:00Z"), "0/0/0/9800");
    applied(EV("e2", "revenue.received", "01-05", "{\"party\":\"a\",\"amount\":" USD("50.00") "}"));
    assert_string_equal(world_balance(w, "a", "USD", "2025-01-05T12:00:00Z"), "0/0/0/4900");
    applied(
        EV("e3", "revenue.received", "01-05", "{\"party\":\"a\",\"amount\":" USD("100.00") "}"));
    assert_string_equal(world_balance(w, "a", "USD", "2025-01-05T12:00:00Z"), "0/0/4900/0");
}

static void test_disputes_hold_money_back_until_decided_or_too_old(void **state)
{
    (void)state;
    contributions();
    applied(EV("e1", "revenue.received", "01-02",
               "{\"content_item_id\":\"i\",\"amount\":" SAT("100") "}"));
    applied(EV("d1", "allocation.disputed", "01-05",
               "{\"allocation_id\":\"e1/1.1\",\"reason\":\"r\"}"));
    assert_string_equal(world_balance(w, "au", "SAT", "2025-01-10T12:00:00Z"), "0/70/0/0");
    refused(
        EV("d2", "allocation.disputed", "01-05", "{\"allocation_id\":\"e1/1.1\",\"reason\":\"r\"}"),
        METE_STATE_FORBIDS, "/payload/allocation_id");
    assert_string_equal(world_balance(w, "au", "SAT", "2025-01-19T12:00:00Z"), "0/70/0/0");
    assert_string_equal(world_balance(w, "au", "SAT", "2025-01-19T12:00:00.000001Z"), "0/0/70/0");
    applied(EV("d3", "allocation.escalated", "01-06",
               "{\"allocation_id\":\"e1/1.1\",\"reason\":\"r\"}"));
    assert_string_equal(world_balance(w, "au", "SAT", "2025-03-19T12:00:00Z"), "0/70/0/0");
    applied(
        EV("r1", "revenue.reversed", "01-07", "{\"reverses\":\"e1\",\"amount\":" SAT("10") "}"));
    assert_string_equal(world_balance(w, "au", "SAT", "2025-03-19T12:00:00Z"), "0/63/0/0");
    applied(EV("d4", "allocation.upheld", "02-01",
               "{\"allocation_id\":\"e1/1.1\",\"reason\":\"r\",\"reallocate_to\":\"ghost\"}"));
    assert_string_equal(world_balance(w, "au", "SAT", "2025-03-19T12:00:00Z"), "0/0/0/0");
    assert_string_equal(world_balance(w, "ghost", "SAT", "2025-03-19T12:00:00Z"), "0/0/63/0");
    applied(EV("r2", "revenue.reversed", "02-07", "{\"reverses\":\"e1\"}"));
    assert_true(world_net(w, "ghost", "SAT") == 0 && world_net(w, "ed", "SAT") == 0);
    refused(
        EV("d5", "allocation.disputed", "02-08", "{\"allocation_id\":\"e1/2.2\",\"reason\":\"r\"}"),
        METE_STATE_FORBIDS, "/payload/allocation_id");
    refused(
        EV("d6", "allocation.disputed", "02-08", "{\"allocation_id\":\"e1/9.1\",\"reason\":\"r\"}"),
        METE_ALLOCATION_UNKNOWN, "/payload/allocation_id");
}

static void test_an_allocation_clears_at_its_moment_and_a_dispute_after_its_own(void **state)
{
    (void)state;
    struct dispute d = {.state = DISPUTE_NONE};
    assert_int_equal(allocation_state_at(1000, &d, 999), ALLOCATION_PENDING);
    assert_int_equal(allocation_state_at(1000, &d, 1000), ALLOCATION_CLEARED);
    d = (struct dispute){.state = DISPUTE_DISPUTED, .auto_clear_at = 1000};
    assert_int_equal(allocation_state_at(0, &d, 1000), ALLOCATION_DISPUTED);
    assert_int_equal(allocation_state_at(0, &d, 1001), ALLOCATION_CLEARED);
}

static void test_pending_money_cannot_be_transferred(void **state)
{
    (void)state;
    applied(
        EV("e1", "revenue.received", "01-02", "{\"party\":\"a\",\"amount\":" USD("100.00") "}"));
    refused(EV("t1", "wallet.transferred", "01-03",
               "{\"from\":\"a\",\"to\":\"b\",\"amount\":" USD("1.00") "}"),
            METE_INSUFFICIENT_FUNDS, "/payload/amount/amount");
    applied(EV("t2", "wallet.transferred", "01-09",
               "{\"from\":\"a\",\"to\":\"b\",\"amount\":" USD("1.00") "}"));
}

static void test_versions_bind_what_comes_after_them(void **state)
{
    (void)state;
    policy("urn:v", "{\"party\":\"a\",\"weight\":\"1\"}", "");
    applied(EV("v2", "policy.published", "02-01",
               "{\"policy\":{\"id\":\"urn:v\",\"kind\":\"weights\",\"shares\":[{\"party\":\"b\","
               "\"weight\":\"1\"}]}}"));
    applied(
        EV("e0", "revenue.received", "01-31", "{\"policy\":\"urn:v\",\"amount\":" SAT("5") "}"));
    applied(
        EV("e1", "revenue.received", "02-01", "{\"policy\":\"urn:v\",\"amount\":" SAT("7") "}"));
    assert_true(world_net(w, "a", "SAT") == 5 && world_net(w, "b", "SAT") == 7);
}

static void test_unknown_currencies_and_bad_amounts_are_refused(void **state)
{
    (void)state;
    refused(EV("x1", "revenue.received", "01-02",
               "{\"party\":\"a\",\"amount\":{\"amount\":\"1\",\"currency\":\"ZZZ\"}}"),
            METE_CURRENCY_UNKNOWN, "/payload/amount/currency");
    refused(EV("x2", "revenue.received", "01-02", "{\"party\":\"a\",\"amount\":" USD("0.001") "}"),
            METE_AMOUNT_SCALE, "/payload/amount/amount");
    refused(EV("x3", "revenue.received", "01-02", "{\"party\":\"a\",\"amount\":" USD("0") "}"),
            METE_AMOUNT_ZERO, "/payload/amount/amount");
    applied(EV("a1", "asset.defined", "01-02", "{\"code\":\"ZZZ\",\"scale\":30}"));
    applied(EV("x4", "revenue.received", "01-02",
               "{\"party\":\"a\",\"amount\":{\"amount\":\"1\",\"currency\":\"ZZZ\"}}"));
    refused(EV("x5", "revenue.received", "01-02",
               "{\"party\":\"a\",\"amount\":{\"amount\":\"1329228\",\"currency\":\"ZZZ\"}}"),
            METE_AMOUNT_RANGE, "/payload/amount/amount");
    refused(EV("a2", "asset.defined", "01-02", "{\"code\":\"USD\",\"scale\":3}"), METE_ASSET_EXISTS,
            "/payload/scale");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_fees_come_first_and_the_rest_is_shared),
        CASE(test_roles_floor_and_the_first_author_takes_the_rest),
        CASE(test_reversals_take_back_in_proportion_and_end_at_zero),
        CASE(test_revenue_waits_for_its_policy_and_is_booked_in_order),
        CASE(test_nested_policies_split_the_whole_units_they_were_given),
        CASE(test_carry_keeps_everyone_at_the_floor_of_what_is_due),
        CASE(test_a_pool_is_shared_by_measured_usage),
        CASE(test_metered_costs_add_up_exactly_and_the_rest_is_carried),
        CASE(test_a_cleared_and_spent_amount_leaves_a_debt_that_earnings_recover),
        CASE(test_disputes_hold_money_back_until_decided_or_too_old),
        CASE(test_an_allocation_clears_at_its_moment_and_a_dispute_after_its_own),
        CASE(test_pending_money_cannot_be_transferred),
        CASE(test_versions_bind_what_comes_after_them),
        CASE(test_unknown_currencies_and_bad_amounts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
