/* SPDX-License-Identifier: Apache-2.0
 * The heart at its edges, against vectors worked out by hand: ties, windows, caps, carry inside
 * carry, pages, disputes that meet reversals, releases, and amounts at the end of the range.
 * covers: F-012 F-028 F-029 R-004 R-011 R-013 R-014 R-015 R-016 R-017 R-018 B-024 B-044 B-047 */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"

#define T(day)      "\"occurred_at\":\"2025-" day "T12:00:00Z\""
#define MONEY(a, c) "{\"amount\":\"" a "\",\"currency\":\"" c "\"}"
#define USD(a)      MONEY(a, "USD")
#define SAT(a)      MONEY(a, "SAT")
#define EV(id, type, day, payload)                                                                 \
    "{\"event_id\":\"" id "\",\"event_type\":\"" type "\"," T(day) ",\"payload\":" payload "}"
#define AT(id, type, time, payload)                                                                \
    "{\"event_id\":\"" id "\",\"event_type\":\"" type "\",\"occurred_at\":\"2025-" time            \
    "Z\",\"payload\":" payload "}"
#define SHARE(party, weight)  "{\"party\":\"" party "\",\"weight\":\"" weight "\"}"
#define SPLIT(policy, weight) "{\"policy\":\"" policy "\",\"weight\":\"" weight "\"}"
#define WEIGHTS(id, shares)                                                                        \
    "{\"policy\":{\"id\":\"" id "\",\"kind\":\"weights\",\"shares\":[" shares "]}}"
#define CARRY(id, shares)                                                                          \
    "{\"policy\":{\"id\":\"" id                                                                    \
    "\",\"kind\":\"weights\",\"rounding\":\"carry\",\"shares\":[" shares "]}}"
#define PUBLISH(id, payload) EV(id, "policy.published", "01-01", payload)
#define REVENUE(id, day, policy, money)                                                            \
    EV(id, "revenue.received", day, "{\"policy\":\"" policy "\",\"amount\":" money "}")
#define REVERSE(id, day, original, money)                                                          \
    EV(id, "revenue.reversed", day, "{\"reverses\":\"" original "\",\"amount\":" money "}")

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
        print_message("%.300s -> %d %s %s %s\n", json, (int)outcome, mete_code_name(w->err.code),
                      w->err.pointer, w->err.text);
    }
    assert_int_equal(outcome, DECIDED_APPLIED);
}

static void waits(const char *json, enum mete_code code)
{
    assert_int_equal(world_submit(w, 0, json), DECIDED_WAITING);
    assert_string_equal(mete_code_name((enum mete_code)w->last.wait_code), mete_code_name(code));
}

static void refused(const char *json, enum mete_code code, const char *pointer)
{
    assert_int_equal(world_submit(w, 0, json), DECIDED_REFUSED);
    assert_string_equal(mete_code_name(w->err.code), mete_code_name(code));
    assert_string_equal(w->err.pointer, pointer);
}

static void lines(const char *json, const char *expected)
{
    applied(json);
    assert_string_equal(world_lines(w), expected);
}

static void nets(const char *party, const char *asset, int expected)
{
    assert_true(world_net(w, party, asset) == expected);
}

/* Net of one of mete's own parties. */
static i128 own_net(uint32_t party, const char *asset)
{
    struct asset known;
    i128 sums[STATE_SUMS];
    assert_int_equal(view_asset(&w->plain, text_of(asset), &known), VIEW_FOUND);
    struct key key = key_account(party, known.number);
    (void)w->plain.sums(w->plain.ctx, key_bytes(&key), sums);
    return sums[1] - sums[0] + sums[3] - sums[2];
}

/* A policy of `count` equal shares for the parties p<first> and up. */
static void publish_many(const char *id, int first, int count)
{
    struct buf json = {0};
    buf_printf(
        &json,
        "{\"event_id\":\"pub:%s\",\"event_type\":\"policy.published\"," T(
            "01-01") ","
                     "\"payload\":{\"policy\":{\"id\":\"%s\",\"kind\":\"weights\",\"shares\":[",
        id, id);
    for (int i = 0; i < count; i++) {
        buf_printf(&json, "%s{\"party\":\"p%d\",\"weight\":\"1/%d\"}", i > 0 ? "," : "", first + i,
                   count);
    }
    buf_put_str(&json, "]}}}");
    buf_put_u8(&json, 0);
    applied((const char *)json.p);
    buf_clear(&json);
}

/* --- fees, versions, time
 * -----------------------------------------------------------------------*/

static void test_fees_take_at_most_what_those_before_them_left(void **state)
{
    (void)state;
    applied(EV("f", "fees.scheduled", "01-01",
               "{\"fees\":[{\"label\":\"a\",\"bps\":2000,\"payee\":\"fa\",\"children\":["
               "{\"label\":\"x\",\"share_bps\":3333,\"payee\":\"fx\"},"
               "{\"label\":\"y\",\"share_bps\":3333,\"payee\":\"fy\"}]},"
               "{\"label\":\"b\",\"fixed\":" SAT("5") ",\"payee\":\"fb\"},"
                                                      "{\"label\":\"c\",\"fixed\":" USD(
                                                          "5") ",\"payee\":\"fc\"}]}"));
    /* 20 % of 40 is 8: children floor(2.6664) = 2 each, 4 stay; then 5; 27 are shared */
    lines(EV("e1", "revenue.received", "01-02", "{\"party\":\"a\",\"amount\":" SAT("40") "}"),
          "f4/f2/f2/f5/f0/27");
    /* 90 of 100 are gone: of the 20 wanted 10 are left, children floor(3.333) = 3 each */
    lines(EV("e2", "revenue.received", "01-02",
             "{\"party\":\"a\",\"amount\":" SAT("100") ",\"fee\":" SAT("90") "}"),
          "f90/f4/f3/f3/f0/f0/0");
    lines(EV("e3", "revenue.received", "01-02",
             "{\"party\":\"a\",\"amount\":" SAT("7") ",\"fee\":" SAT("7") "}"),
          "f7/f0/f0/f0/f0/f0/0");
    refused(EV("e4", "revenue.received", "01-02",
               "{\"party\":\"a\",\"amount\":" SAT("7") ",\"fee\":" SAT("8") "}"),
            METE_FEE_EXCEEDS, "/payload/fee/amount");
}

static void version(const char *id, const char *party, const char *from)
{
    assert_int_equal(
        world_submitf(
            w,
            "{\"event_id\":\"%s\",\"event_type\":\"policy.published\"," T(
                "01-01") ","
                         "\"payload\":{%s%s%s\"policy\":{\"id\":\"urn:v\",\"kind\":\"single\","
                         "\"party\":\"%s\"}}}",
            id, from != NULL ? "\"effective_from\":\"" : "", from != NULL ? from : "",
            from != NULL ? "\"," : "", party),
        DECIDED_APPLIED);
}

static void
test_the_latest_effective_date_that_has_come_wins_and_the_later_version_on_a_tie(void **state)
{
    (void)state;
    version("v1", "a", NULL);
    version("v2", "b", "2025-03-01");
    version("v3", "c", "2025-02-01");
    applied(REVENUE("e1", "01-31", "urn:v", SAT("1")));
    applied(REVENUE("e2", "02-15", "urn:v", SAT("2")));
    applied(REVENUE("e3", "03-15", "urn:v", SAT("4")));
    nets("a", "SAT", 1);
    nets("c", "SAT", 2);
    nets("b", "SAT", 4);
    version("v4", "d", "2025-03-01T00:00:00Z");
    applied(AT("e4", "revenue.received", "03-01T00:00:00",
               "{\"policy\":\"urn:v\",\"amount\":" SAT("8") "}"));
    applied(AT("e5", "revenue.received", "02-28T23:59:59.999999",
               "{\"policy\":\"urn:v\",\"amount\":" SAT("16") "}"));
    nets("d", "SAT", 8);
    nets("c", "SAT", 2 + 16);
}

static void test_a_first_version_with_a_date_lets_earlier_revenue_wait(void **state)
{
    (void)state;
    version("v1", "a", "2025-03-01");
    waits(REVENUE("e1", "02-28", "urn:v", SAT("3")), METE_POLICY_UNKNOWN);
    assert_true(own_net(PARTY_SUSPENSE, "SAT") == 3);
    version("v2", "b", "2025-02-28T12:00:00Z");
    assert_string_equal(world_booked(w, 2), "3");
    nets("b", "SAT", 3);
    assert_true(own_net(PARTY_SUSPENSE, "SAT") == 0);
}

#define MANIFEST(id, contributors, metadata)                                                       \
    PUBLISH("m", "{\"manifest\":{\"id\":\"" id "\",\"title\":\"t\",\"created_by\":\"x\","          \
                 "\"created_at\":\"2025-01-01T00:00:00Z\",\"contributors\":[" contributors         \
                 "],\"metadata\":{" metadata "}}}")

static void test_temporal_windows_include_both_ends_and_a_later_entry_wins_a_tie(void **state)
{
    (void)state;
    applied(MANIFEST("urn:t",
                     "{\"actor\":{\"id\":\"a\"},\"role\":\"r\",\"weight\":0.1,\"temporal_splits\":["
                     "{\"version\":2,\"effective_from\":\"2025-02-01\","
                     "\"effective_until\":\"2025-02-02\",\"weight\":0.5},"
                     "{\"version\":2,\"effective_from\":\"2025-02-02\",\"weight\":0.6},"
                     "{\"version\":1,\"effective_from\":\"2025-02-01\",\"weight\":0.7}]}",
                     ""));
    static const struct {
        const char *at;
        const char *lines;
    } CASES[] = {{"01-31T23:59:59.999999", "10/u90"},
                 {"02-01T00:00:00", "50/u50"},
                 {"02-01T23:59:59.999999", "50/u50"},
                 {"02-02T00:00:00", "60/u40"},
                 {"02-03T00:00:00", "60/u40"}};
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        assert_int_equal(world_submitf(w,
                                       "{\"event_id\":\"e%zu\",\"event_type\":\"revenue.received\","
                                       "\"occurred_at\":\"2025-%sZ\",\"payload\":{\"policy\":"
                                       "\"urn:t\",\"amount\":" SAT("100") "}}",
                                       i, CASES[i].at),
                         DECIDED_APPLIED);
        assert_string_equal(world_lines(w), CASES[i].lines);
    }
}

/* --- conditions
 * ---------------------------------------------------------------------------------*/

#define ENTRY(version, condition, weight)                                                          \
    "{\"version\":" version ",\"conditions\":[\"" condition "\"],\"weight\":" weight "}"

#define CONDITION(id, name, active)                                                                \
    EV(id, "condition.changed", "01-02",                                                           \
       "{\"policy\":\"urn:t\",\"condition\":\"" name "\",\"active\":" active "}")

static void test_recoupment_is_read_before_the_event_and_never_splits_it(void **state)
{
    (void)state;
    applied(MANIFEST("urn:t",
                     "{\"actor\":{\"id\":\"a\"},\"role\":\"r\",\"temporal_splits\":[" ENTRY(
                         "1", "pre-recoup", "0.5") "," ENTRY("2", "post-recoup", "0.2") "]}",
                     "\"recoup_threshold\":{\"amount\":1,\"currency\":\"USD\"},"
                     "\"default_condition\":\"pre-recoup\""));
    lines(REVENUE("e1", "01-02", "urn:t", USD("0.99")), "50/u49");   /* 49.5 each: the first */
    lines(REVENUE("e2", "01-02", "urn:t", USD("5.00")), "250/u250"); /* 0.99 before it */
    lines(REVENUE("e3", "01-02", "urn:t", SAT("10")), "2/u8");
    lines(REVENUE("e4", "01-02", "urn:t", USD("1.00")), "20/u80");
    /* refunded money recouped nothing: 6.99 - 6.00 leaves 0.99 */
    applied(EV("r2", "revenue.reversed", "01-03", "{\"reverses\":\"e2\"}"));
    applied(EV("r4", "revenue.reversed", "01-03", "{\"reverses\":\"e4\"}"));
    lines(REVENUE("e5", "01-04", "urn:t", USD("1.00")), "50/u50");
    /* a switch to off beats the computed one; the payload beats the switch */
    applied(CONDITION("c1", "post-recoup", "false"));
    lines(REVENUE("e6", "01-04", "urn:t", USD("1.00")), "0/u100");
    lines(EV("e7", "revenue.received", "01-04",
             "{\"policy\":\"urn:t\",\"amount\":" USD("1.00") ",\"conditions\":[\"post-recoup\"]}"),
          "20/u80");
}

static void test_a_default_condition_holds_until_its_family_is_decided(void **state)
{
    (void)state;
    applied(MANIFEST("urn:t",
                     "{\"actor\":{\"id\":\"a\"},\"role\":\"r\",\"temporal_splits\":[" ENTRY(
                         "1", "pre-release", "0.5") "," ENTRY("2", "post-release", "0.2") "]}",
                     "\"default_condition\":\"pre-release\""));
    lines(REVENUE("e1", "01-02", "urn:t", SAT("10")), "5/u5");
    applied(CONDITION("c1", "post-release", "true"));
    lines(REVENUE("e2", "01-02", "urn:t", SAT("10")), "2/u8");
    applied(CONDITION("c2", "post-release", "false"));
    lines(REVENUE("e3", "01-02", "urn:t", SAT("10")), "5/u5");
    applied(CONDITION("c3", "pre-release", "false"));
    lines(REVENUE("e4", "01-02", "urn:t", SAT("10")), "0/u10");
}

static void test_an_events_quantity_counts_once_for_a_policy_that_it_meets_twice(void **state)
{
    (void)state;
    applied(MANIFEST("urn:t",
                     "{\"actor\":{\"id\":\"a\"},\"role\":\"r\",\"temporal_splits\":[" ENTRY(
                         "1", "few", "0.5") "," ENTRY("2", "many", "1") "]}",
                     "\"ticket_thresholds\":[{\"name\":\"few\",\"condition\":\"< 20\"},"
                     "{\"name\":\"many\",\"condition\":\">= 20\"}]"));
    applied(PUBLISH("root", WEIGHTS("urn:root", SPLIT("urn:t", "1/2") "," SPLIT("urn:t", "1/2"))));
#define TICKETS(id, n)                                                                             \
    EV(id, "revenue.received", "01-02",                                                            \
       "{\"policy\":\"urn:root\",\"amount\":" SAT("20") ",\"quantity\":" n "}")
    lines(TICKETS("e1", "10"), "5/5/u10");
    lines(TICKETS("e2", "9"), "5/5/u10");
    lines(TICKETS("e3", "1"), "5/5/u10");
    lines(TICKETS("e4", "1"), "10/10");
    applied(EV("r1", "revenue.reversed", "01-03", "{\"reverses\":\"e2\"}"));
    lines(TICKETS("e5", "9"), "5/5/u10"); /* 21 - 9 */
    lines(TICKETS("e6", "1"), "10/10");
}

/* --- roles
 * --------------------------------------------------------------------------------------*/

static void contribution(const char *id, const char *party, const char *role, const char *weight)
{
    assert_int_equal(
        world_submitf(w,
                      "{\"event_id\":\"%s\",\"event_type\":\"contribution.recorded\"," T(
                          "01-01") ",\"payload\":{\"content_item_id\":\"i\",\"party\":"
                                   "\"%s\",\"role\":\"%s\",\"weight\":%s}}",
                      id, party, role, weight),
        DECIDED_APPLIED);
}

#define ITEM(id, money)                                                                            \
    EV(id, "revenue.received", "01-02", "{\"content_item_id\":\"i\",\"amount\":" money "}")

static void
test_every_contribution_gets_a_line_and_all_that_floors_leave_is_the_first_authors(void **state)
{
    (void)state;
    contribution("c1", "e", "editor", "9007199254740991");
    contribution("c2", "b", "editor", "1");
    contribution("c3", "e", "editor", "9007199254740991");
    contribution("c4", "curious", "curator", "5");
    lines(ITEM("e1", SAT("1000")), "49/0/49/u902"); /* pot 100: 49.99..., 0.00..., 49.99... */
    contribution("c5", "x", "author", "1");
    contribution("c6", "y", "author", "1");
    /* pots 707 -> 353 353, 101 -> 50 0 50; 1010 - 806 = 204 more for x */
    lines(ITEM("e2", SAT("1010")), "557/353/50/0/50");
    applied(EV("r2", "revenue.reversed", "01-03", "{\"reverses\":\"e2\"}"));
    nets("x", "SAT", 0);
    nets("e", "SAT", 98);
}

static void test_an_author_whose_role_has_no_share_still_takes_what_is_left(void **state)
{
    (void)state;
    applied(PUBLISH("p", "{\"policy\":{\"id\":\"urn:r\",\"kind\":\"roles\",\"shares_bps\":{"
                         "\"editor\":5000}}}"));
    contribution("c1", "ed", "editor", "1");
    lines(ITEM("e1", SAT("101")), "50/u51");
    contribution("c2", "au", "author", "1");
    lines(ITEM("e2", SAT("101")), "50/51");
}

static void test_no_event_can_name_where_the_roles_are_kept(void **state)
{
    (void)state;
    applied(PUBLISH("p", "{\"policy\":{\"id\":\"urn:r\",\"kind\":\"roles\",\"shares_bps\":{"
                         "\"author\":7000}}}"));
    waits(EV("k", "cycle.closed", "03-02",
             "{\"policy\":\"mete:roles\",\"window_start\":\"2025-02-01T00:00:00Z\",\"window_end\":"
             "\"2025-02-02T00:00:00Z\",\"pool\":" SAT("5") "}"),
          METE_POLICY_UNKNOWN);
    contribution("c1", "au", "author", "1");
    lines(ITEM("e1", SAT("10")), "10");
}

/* --- carry
 * --------------------------------------------------------------------------------------*/

static void test_carry_inside_carry_is_reversed_in_listed_order_and_to_zero(void **state)
{
    (void)state;
    applied(PUBLISH("in", CARRY("urn:in", SHARE("x", "1/2") "," SHARE("y", "1/2"))));
    applied(PUBLISH("out", CARRY("urn:out", SPLIT("urn:in", "1/2") "," SHARE("z", "1/2"))));
    lines(REVENUE("e1", "01-02", "urn:out", SAT("8")), "2/2/4");
    lines(REVERSE("r1", "01-03", "e1", SAT("4")), "-1/-1/-2");
    /* of the 4 given below, floor(4 * 6 / 8) = 3 are back: one more; x and y owe half each, and
     * their floors fall by one */
    lines(REVERSE("r2", "01-03", "e1", SAT("2")), "-1/-1/c1/-1");
    lines(REVERSE("r3", "01-03", "e1", SAT("2")), "c-1/-1");
    nets("x", "SAT", 0);
    nets("z", "SAT", 0);
    assert_true(own_net(PARTY_CARRY, "SAT") == 0);
    lines(REVENUE("e2", "01-04", "urn:out", SAT("8")), "2/2/4");
}

static void test_nobodys_carried_share_goes_back_from_who_got_it(void **state)
{
    (void)state;
    applied(EV("b1", "book.configured", "01-01", "{\"unallocated\":\"first\"}"));
    applied(PUBLISH("p", CARRY("urn:c", SHARE("a", "1/2"))));
    lines(REVENUE("e1", "01-02", "urn:c", SAT("10")), "5/u5");
    applied(EV("b2", "book.configured", "01-01", "{\"unallocated\":\"second\"}"));
    lines(EV("r1", "revenue.reversed", "01-03", "{\"reverses\":\"e1\"}"), "-5/u-5");
    nets("first", "SAT", 0);
    nets("second", "SAT", 0);
}

static void test_a_party_listed_twice_under_carry_has_one_entitlement(void **state)
{
    (void)state;
    applied(PUBLISH("p",
                    CARRY("urn:c", SHARE("a", "1/4") "," SHARE("b", "1/2") "," SHARE("a", "1/4"))));
    lines(REVENUE("e1", "01-02", "urn:c", SAT("1")), "0/0/0/c1");  /* a 1/4, then 2/4 */
    lines(REVENUE("e2", "01-02", "urn:c", SAT("1")), "0/1/1/c-1"); /* a 3/4, then 4/4; b 2/2 */
    applied(EV("r1", "revenue.reversed", "01-03", "{\"reverses\":\"e1\"}"));
    nets("a", "SAT", 0);
    nets("b", "SAT", 0);
    assert_true(own_net(PARTY_CARRY, "SAT") == 1);
}

static void test_entitlements_live_on_over_versions(void **state)
{
    (void)state;
    applied(PUBLISH("p1", CARRY("urn:c", SHARE("a", "1/3") "," SHARE("b", "2/3"))));
    lines(REVENUE("e1", "01-02", "urn:c", SAT("1")), "0/0/c1");
    applied(EV("p2", "policy.published", "01-03",
               CARRY("urn:c", SHARE("b", "1/2") "," SHARE("a", "1/2"))));
    /* b 2/3 + 1/2, a 1/3 + 1/2 */
    lines(REVENUE("e2", "01-04", "urn:c", SAT("1")), "1/0");
    lines(REVENUE("e3", "01-04", "urn:c", SAT("1")), "0/1"); /* b 1/6 + 1/2, a 5/6 + 1/2 */
    refused(EV("p3", "policy.published", "01-05",
               CARRY("urn:c", SHARE("a", "1/1329227995784915872903807060280344573"))),
            METE_WEIGHT_RANGE, "/payload/policy/shares");
}

/* --- held shares
 * --------------------------------------------------------------------------------*/

static void test_a_share_that_waits_for_a_countersignature_holds_all_that_is_below_it(void **state)
{
    (void)state;
    applied(PUBLISH("leaf", WEIGHTS("urn:leaf", SHARE("x", "1/2") "," SPLIT("urn:one", "1/2"))));
    applied(
        PUBLISH("one", "{\"policy\":{\"id\":\"urn:one\",\"kind\":\"single\",\"party\":\"y\"}}"));
    applied(MANIFEST("urn:m",
                     "{\"actor\":{\"ref\":\"urn:leaf\"},\"role\":\"r\",\"weight\":0.5,"
                     "\"attestation\":{\"issuer\":\"i\"}},"
                     "{\"actor\":{\"id\":\"z\"},\"role\":\"r\",\"weight\":0.5}",
                     ""));
    lines(REVENUE("e1", "01-02", "urn:m", SAT("8")), "2/2/4");
    assert_string_equal(world_balance(w, "x", "SAT", "2026-01-02T12:00:00Z"), "2/0/0/0");
    assert_string_equal(world_balance(w, "y", "SAT", "2026-01-02T12:00:00Z"), "2/0/0/0");
    assert_string_equal(world_balance(w, "z", "SAT", "2026-01-02T12:00:00Z"), "0/0/4/0");
    applied(EV("o1", "allocation.overridden", "01-03",
               "{\"allocation_id\":\"e1/1.1\",\"reason\":\"signed\"}"));
    assert_string_equal(world_balance(w, "x", "SAT", "2025-01-03T12:00:00Z"), "0/0/2/0");
}

/* --- waiting and releases
 * -----------------------------------------------------------------------*/

static void test_a_close_of_metered_costs_that_waited_brings_its_money_from_outside(void **state)
{
    (void)state;
    applied(EV("m1", "usage.metered", "01-02",
               "{\"policy\":\"urn:late\",\"endpoint\":\"/x\",\"cost\":" USD("0.059") "}"));
    waits(EV("d1", "metering.closed", "01-03", "{\"policy\":\"urn:late\",\"day\":\"2025-01-02\"}"),
          METE_POLICY_UNKNOWN);
    assert_true(own_net(PARTY_SUSPENSE, "USD") == 0);
    applied(PUBLISH("p", WEIGHTS("urn:late", SHARE("a", "1"))));
    assert_string_equal(world_booked(w, 2), "5");
    assert_true(own_net(PARTY_SUSPENSE, "USD") == 0);
    assert_true(own_net(PARTY_CLEARING, "USD") == -5);
}

#define CYCLE(id, from, to, pool)                                                                  \
    EV(id, "cycle.closed", "03-02",                                                                \
       "{\"policy\":\"urn:u\",\"window_start\":\"2025-02-" from "T00:00:00Z\",\"window_end\":"     \
       "\"2025-02-" to "T00:00:00Z\",\"pool\":" MONEY(pool, "USDC") "}")

#define USED(id, provider, start, calls)                                                           \
    EV(id, "usage.reported", "03-01",                                                              \
       "{\"platform_id\":\"f\",\"provider\":\"" provider "\",\"window_start\":\"2025-02-" start    \
       "Z\",\"window_end\":\"2025-02-27T00:00:00Z\",\"calls\":" calls "}")

static void test_a_cycle_that_waits_still_lets_those_before_it_try_again(void **state)
{
    (void)state;
    applied(PUBLISH("u", "{\"policy\":{\"id\":\"urn:u\",\"kind\":\"usage\"}}"));
    waits(CYCLE("k1", "01", "02", "0.000007"), METE_USAGE_NONE);
    applied(USED("u1", "a", "01T00:00:00", "3"));
    waits(CYCLE("k2", "05", "06", "0.000009"), METE_USAGE_NONE);
    assert_string_equal(world_booked(w, 2), "7");
    assert_string_equal(world_booked(w, 4), "waiting");
    assert_int_equal(w->row[4].pages, 2); /* its own, and the first cycle's: not itself again */
    applied(USED("u2", "a", "05T00:00:00", "3"));
    applied(CYCLE("k3", "07", "08", "0"));
    assert_string_equal(world_booked(w, 4), "9");
    assert_true(own_net(PARTY_SUSPENSE, "USDC") == 0);
}

static void test_a_window_begins_with_its_start_and_ends_before_its_end(void **state)
{
    (void)state;
    applied(PUBLISH("u", "{\"policy\":{\"id\":\"urn:u\",\"kind\":\"usage\"}}"));
    applied(USED("u1", "before", "01T23:59:59.999999", "1"));
    applied(USED("u2", "first", "02T00:00:00", "1"));
    applied(USED("u3", "last", "02T23:59:59.999999", "1"));
    applied(USED("u4", "after", "03T00:00:00", "1"));
    lines(CYCLE("k1", "02", "03", "0.000003"), "2/1"); /* a tie: the one heard of first */
    nets("first", "USDC", 2);
    nets("before", "USDC", 0);
    lines(CYCLE("k2", "01", "02", "0.000003"), "3");
}

static void test_a_reversal_is_booked_right_after_the_original_it_waited_for(void **state)
{
    (void)state;
    waits(REVERSE("r1", "01-02", "e1", SAT("3")), METE_ORIGINAL_UNKNOWN);
    waits(REVENUE("e1", "01-02", "urn:late", SAT("10")), METE_POLICY_UNKNOWN);
    waits(REVERSE("r2", "01-02", "e1", SAT("9")), METE_ORIGINAL_UNKNOWN);
    waits(REVENUE("e2", "01-02", "urn:late", SAT("5")), METE_POLICY_UNKNOWN);
    applied(PUBLISH("p", WEIGHTS("urn:late", SHARE("a", "1"))));
    static const uint64_t ORDER[] = {2, 1, 3, 4};
    assert_int_equal(w->row[5].pages, 5);
    for (uint32_t page = 1; page < 5; page++) {
        struct decision d;
        assert_true(decision_unpack(&w->arena, w->row[5].page[page], &d));
        assert_int_equal(d.about, ORDER[page - 1]);
    }
    assert_string_equal(world_booked(w, 1), "-3");
    assert_string_equal(world_booked(w, 3), "waiting"); /* 9 of 7: refused, and kept for good */
    nets("a", "SAT", 12);
}

static void test_a_step_of_a_release_is_as_small_however_much_waits(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++) {
        assert_int_equal(
            world_submitf(
                w,
                "{\"event_id\":\"e%d\",\"event_type\":\"revenue.received\"," T(
                    "01-02") ",\"payload\":{\"policy\":\"urn:late\",\"amount\":" SAT("5") "}}",
                i),
            DECIDED_WAITING);
        assert_int_equal(
            world_submitf(w,
                          "{\"event_id\":\"r%d\",\"event_type\":\"revenue.reversed\"," T(
                              "01-02") ",\"payload\":{\"reverses\":\"e%d\"}}",
                          i, i),
            DECIDED_WAITING);
    }
    applied(PUBLISH("p", WEIGHTS("urn:late", SHARE("a", "1"))));
    assert_int_equal(w->row[61].pages, 61);
    for (uint32_t page = 1; page < 61; page++) {
        assert_true(w->row[61].page[page].len < 300); /* a queue that grows would show */
    }
    nets("a", "SAT", 0);
}

static void test_a_publication_that_closes_a_circle_from_afar_is_refused(void **state)
{
    (void)state;
    applied(PUBLISH("a", WEIGHTS("urn:a", SPLIT("urn:b", "1/2"))));
    applied(PUBLISH("b", WEIGHTS("urn:b", SHARE("x", "1/2") "," SPLIT("urn:c", "1/2"))));
    waits(REVENUE("e1", "01-02", "urn:a", SAT("8")), METE_POLICY_UNKNOWN);
    refused(PUBLISH("c1", WEIGHTS("urn:c", SPLIT("urn:d", "1/4") "," SPLIT("urn:a", "1/4"))),
            METE_POLICY_CYCLE, "/payload/policy/shares/1");
    refused(PUBLISH("c2", WEIGHTS("urn:c", SPLIT("urn:c", "1/4"))), METE_POLICY_CYCLE,
            "/payload/policy/shares/0");
    applied(PUBLISH("c3", WEIGHTS("urn:c", SHARE("y", "1"))));
    assert_string_equal(world_booked(w, 3), "2/2/u4");
    refused(PUBLISH("c4", WEIGHTS("urn:c", SPLIT("urn:b", "1"))), METE_POLICY_CYCLE,
            "/payload/policy/shares/0");
}

static void chain(int length)
{
    for (int i = 1; i <= length; i++) {
        assert_int_equal(
            world_submitf(
                w,
                "{\"event_id\":\"c%d\",\"event_type\":\"policy.published\"," T(
                    "01-01") ","
                             "\"payload\":{\"policy\":{\"id\":\"urn:%d\",\"kind\":\"weights\","
                             "\"shares\":[{\"%s\":\"urn:%d\",\"weight\":\"1\"}]}}}",
                i, i, i == length ? "party" : "policy", i + 1),
            DECIDED_APPLIED);
    }
}

static void test_sixteen_policies_inside_each_other_are_split(void **state)
{
    (void)state;
    chain(16);
    lines(REVENUE("e1", "01-02", "urn:1", SAT("9")), "9");
}

/* --- metering
 * -----------------------------------------------------------------------------------*/

#define METERED(id, money, customer)                                                               \
    EV(id, "usage.metered", "01-02",                                                               \
       "{\"policy\":\"urn:m\",\"endpoint\":\"/x\",\"cost\":" money                                 \
       ",\"customer_wallet\":\"" customer "\"}")
#define CLOSE(id)                                                                                  \
    EV(id, "metering.closed", "01-03", "{\"policy\":\"urn:m\",\"day\":\"2025-01-02\"}")

static void test_a_whole_reversal_of_a_metered_day_takes_back_every_currency(void **state)
{
    (void)state;
    applied(PUBLISH("p", WEIGHTS("urn:m", SHARE("a", "1"))));
    applied(METERED("m1", USD("0.03"), "k"));
    applied(METERED("m2", MONEY("2", "JPY"), "k"));
    applied(METERED("m3", USD("0.04"), "l"));
    lines(CLOSE("d1"), "2/3/4"); /* assets by number: JPY before USD */
    lines(REVERSE("r1", "01-03", "d1", USD("0.02")), "-1/-1"); /* 6/7 and 8/7 */
    refused(REVERSE("r2", "01-03", "d1", USD("0.06")), METE_REVERSAL_EXCEEDS,
            "/payload/amount/amount");
    lines(EV("r3", "revenue.reversed", "01-03", "{\"reverses\":\"d1\"}"), "-2/-2/-3");
    nets("a", "USD", 0);
    nets("a", "JPY", 0);
}

static void test_metered_costs_stay_within_the_range_of_amounts(void **state)
{
    (void)state;
    applied(EV("a1", "asset.defined", "01-02", "{\"code\":\"ZZZ\",\"scale\":30}"));
    applied(PUBLISH("p", WEIGHTS("urn:m", SHARE("a", "1"))));
    refused(METERED("m1", MONEY("400000000000000000", "ZZZ"), "k"), METE_AMOUNT_RANGE,
            "/payload/cost/amount"); /* 4 * 10^47 of 10^-30 */
    /* open costs of an asset share one room, 2^112 of 10^-30: 5192 */
    applied(METERED("m2", MONEY("3000", "ZZZ"), "k"));
    refused(METERED("m3", MONEY("2193", "ZZZ"), "k"), METE_AMOUNT_RANGE, "/payload/cost/amount");
    applied(METERED("m4", MONEY("2192", "ZZZ"), "l"));
    refused(METERED("m5", MONEY("0.5", "ZZZ"), "l"), METE_AMOUNT_RANGE, "/payload/cost/amount");
    applied(METERED("m6", USD("0.01"), "l"));
    applied(METERED("m7", MONEY("0.0000000001", "ZZZ"), "l")); /* too small to matter */
    applied(CLOSE("d1"));
    assert_int_equal(w->last.group_count, 3);
    applied(METERED("m8", MONEY("5192", "ZZZ"), "k")); /* there is room again */
    applied(CLOSE("d2"));
    assert_int_equal(w->last.group_count, 1);
    nets("a", "USD", 1);
}

/* --- disputes
 * -----------------------------------------------------------------------------------*/

static void test_what_was_reversed_before_a_dispute_is_not_due_twice(void **state)
{
    (void)state;
    applied(EV("e1", "revenue.received", "01-02", "{\"party\":\"a\",\"amount\":" SAT("10") "}"));
    applied(EV("e2", "revenue.received", "01-02", "{\"party\":\"a\",\"amount\":" SAT("1") "}"));
    applied(REVERSE("r1", "01-03", "e1", SAT("4")));
    applied(
        EV("d1", "allocation.disputed", "01-04", "{\"allocation_id\":\"e1/1\",\"reason\":\"r\"}"));
    assert_string_equal(world_balance(w, "a", "SAT", "2025-01-08T23:59:59Z"), "1/6/0/0");
    assert_string_equal(world_balance(w, "a", "SAT", "2025-01-09T11:59:59.999999Z"), "1/6/0/0");
    assert_string_equal(world_balance(w, "a", "SAT", "2025-01-09T12:00:00Z"), "0/6/1/0");
    assert_string_equal(world_balance(w, "a", "SAT", "2025-01-18T12:00:00Z"), "0/6/1/0");
    assert_string_equal(world_balance(w, "a", "SAT", "2025-01-18T12:00:00.000001Z"), "0/0/7/0");
    applied(REVERSE("r2", "01-05", "e1", SAT("6")));
    assert_string_equal(world_balance(w, "a", "SAT", "2025-01-09T10:00:00Z"), "1/0/0/0");
    applied(EV("u1", "allocation.upheld", "01-06",
               "{\"allocation_id\":\"e1/1\",\"reason\":\"r\",\"reallocate_to\":\"b\"}"));
    assert_int_equal(w->last.group_count, 0); /* nothing is left to change hands */
}

static void test_a_day_whose_sums_cancel_out_is_still_looked_at(void **state)
{
    (void)state;
    applied(PUBLISH("p", CARRY("urn:c", SHARE("a", "1/2") "," SHARE("b", "1/2"))));
    applied(AT("e1", "revenue.received", "01-02T10:00:00",
               "{\"policy\":\"urn:c\",\"amount\":" SAT("1") "}"));
    applied(AT("e2", "revenue.received", "01-02T12:00:00",
               "{\"policy\":\"urn:c\",\"amount\":" SAT("1") "}"));
    assert_string_equal(world_lines(w), "1/1/c-1");
    lines(EV("r1", "revenue.reversed", "01-03", "{\"reverses\":\"e1\"}"), "-1/-1/c1");
    /* at 11:00 what e1's reversal took is due, what e2 gave is not */
    assert_string_equal(world_balance(w, "a", "SAT", "2025-01-09T11:00:00Z"), "1/0/0/1");
    assert_string_equal(world_balance(w, "a", "SAT", "2025-01-09T12:00:00Z"), "0/0/0/0");
}

/* --- pages
 * --------------------------------------------------------------------------------------*/

static void two_times_2500(void)
{
    publish_many("urn:x", 0, 2500);
    publish_many("urn:y", 2500, 2500);
    applied(PUBLISH("root", WEIGHTS("urn:root", SPLIT("urn:x", "1/2") "," SPLIT("urn:y", "1/2"))));
    applied(REVENUE("e1", "01-02", "urn:root", SAT("10000")));
    assert_int_equal(w->row[4].pages, 2);
}

static void test_pages_balance_and_are_taken_back_to_zero(void **state)
{
    (void)state;
    two_times_2500();
    assert_true(own_net(PARTY_SUSPENSE, "SAT") == 0);
    nets("p0", "SAT", 2);
    nets("p4999", "SAT", 2);
    applied(REVERSE("r1", "01-03", "e1", SAT("5003")));
    assert_int_equal(w->row[5].pages, 2);
    nets("p0", "SAT", 0); /* 1.0006 of each: the three largest remainders are the first three */
    nets("p2", "SAT", 0);
    nets("p3", "SAT", 1);
    nets("p4999", "SAT", 1);
    applied(EV("r2", "revenue.reversed", "01-03", "{\"reverses\":\"e1\"}"));
    nets("p4999", "SAT", 0);
    assert_true(own_net(PARTY_SUSPENSE, "SAT") == 0 && own_net(PARTY_CLEARING, "SAT") == 0);
}

static void test_a_dispute_on_a_later_page_leaves_its_due_day(void **state)
{
    (void)state;
    two_times_2500();
    applied(EV("e2", "revenue.received", "01-02", "{\"party\":\"p4899\",\"amount\":" SAT("1") "}"));
    applied(EV("d1", "allocation.disputed", "01-04",
               "{\"allocation_id\":\"e1/2.2400\",\"reason\":\"r\"}"));
    assert_string_equal(world_balance(w, "p4899", "SAT", "2025-01-08T10:00:00Z"), "1/2/0/0");
    assert_string_equal(world_balance(w, "p4899", "SAT", "2025-01-09T10:00:00Z"), "1/2/0/0");
    assert_string_equal(world_balance(w, "p4898", "SAT", "2025-01-09T10:00:00Z"), "2/0/0/0");
    assert_string_equal(world_balance(w, "p4898", "SAT", "2025-01-09T12:00:00Z"), "0/0/2/0");
    applied(EV("r1", "revenue.reversed", "01-05", "{\"reverses\":\"e1\"}"));
    assert_string_equal(world_balance(w, "p4899", "SAT", "2025-01-09T10:00:00Z"), "1/0/0/0");
    assert_string_equal(world_balance(w, "p4898", "SAT", "2025-01-09T10:00:00Z"), "0/0/0/0");
}

static void test_pages_are_joined_in_memory_in_proportion_to_their_lines(void **state)
{
    (void)state;
    enum { LINES = 60000 };
    struct arena a;
    struct buf packed = {0};
    size_t *sizes;
    arena_init(&a, (size_t)1 << 30);
    struct group g = {.kind = GROUP_REVENUE, .asset = 1, .gross = LINES, .source = PARTY_CLEARING};
    g.line = arena_array(&a, LINES, sizeof *g.line);
    g.line_count = LINES;
    for (uint32_t i = 0; i < LINES; i++) {
        g.line[i] =
            (struct line){.kind = LINE_ALLOCATION, .party = 16 + i, .node = NODE_NONE, .amount = 1};
    }
    struct decision d = {.rules_version = 1, .group = &g, .group_count = 1};
    uint32_t pages = decision_pack_pages(&a, &packed, &d, &sizes);
    struct decision *page = arena_array(&a, pages, sizeof *page);
    size_t offset = 0;
    for (uint32_t i = 0; i < pages; i++) {
        assert_true(decision_unpack(&a, (struct bytes){packed.p + offset, sizes[i]}, &page[i]));
        decision_check(&page[i]);
        offset += sizes[i];
    }
    size_t before = a.size;
    decision_join(&a, &page[0], page + 1, pages - 1);
    assert_true(a.size - before < 2 * LINES * sizeof(struct line));
    assert_int_equal(page[0].group_count, 1);
    assert_int_equal(page[0].group[0].line_count, LINES);
    for (uint32_t i = 0; i < LINES; i++) {
        assert_int_equal(page[0].group[0].line[i].party, 16 + i);
    }
    decision_check(&page[0]);
    arena_clear(&a);
    buf_clear(&packed);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_fees_take_at_most_what_those_before_them_left),
        CASE(test_the_latest_effective_date_that_has_come_wins_and_the_later_version_on_a_tie),
        CASE(test_a_first_version_with_a_date_lets_earlier_revenue_wait),
        CASE(test_temporal_windows_include_both_ends_and_a_later_entry_wins_a_tie),
        CASE(test_recoupment_is_read_before_the_event_and_never_splits_it),
        CASE(test_a_default_condition_holds_until_its_family_is_decided),
        CASE(test_an_events_quantity_counts_once_for_a_policy_that_it_meets_twice),
        CASE(test_every_contribution_gets_a_line_and_all_that_floors_leave_is_the_first_authors),
        CASE(test_an_author_whose_role_has_no_share_still_takes_what_is_left),
        CASE(test_no_event_can_name_where_the_roles_are_kept),
        CASE(test_carry_inside_carry_is_reversed_in_listed_order_and_to_zero),
        CASE(test_nobodys_carried_share_goes_back_from_who_got_it),
        CASE(test_a_party_listed_twice_under_carry_has_one_entitlement),
        CASE(test_entitlements_live_on_over_versions),
        CASE(test_a_share_that_waits_for_a_countersignature_holds_all_that_is_below_it),
        CASE(test_a_close_of_metered_costs_that_waited_brings_its_money_from_outside),
        CASE(test_a_cycle_that_waits_still_lets_those_before_it_try_again),
        CASE(test_a_window_begins_with_its_start_and_ends_before_its_end),
        CASE(test_a_reversal_is_booked_right_after_the_original_it_waited_for),
        CASE(test_a_step_of_a_release_is_as_small_however_much_waits),
        CASE(test_a_publication_that_closes_a_circle_from_afar_is_refused),
        CASE(test_sixteen_policies_inside_each_other_are_split),
        CASE(test_a_whole_reversal_of_a_metered_day_takes_back_every_currency),
        CASE(test_metered_costs_stay_within_the_range_of_amounts),
        CASE(test_what_was_reversed_before_a_dispute_is_not_due_twice),
        CASE(test_a_day_whose_sums_cancel_out_is_still_looked_at),
        CASE(test_pages_balance_and_are_taken_back_to_zero),
        CASE(test_a_dispute_on_a_later_page_leaves_its_due_day),
        CASE(test_pages_are_joined_in_memory_in_proportion_to_their_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
