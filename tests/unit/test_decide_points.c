/* SPDX-License-Identifier: Apache-2.0
 * Points that the formats leave open, as doc/decisions/0002 decides them: conditions in time,
 * families, kinds of policies, releases by a parent, held shares in dispute, metered sums at the
 * end of the range, usage told twice; and the numbers of assets as doc/format.md prints them. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"

#define AT(id, type, time, payload)                                                                \
    "{\"event_id\":\"" id "\",\"event_type\":\"" type "\",\"occurred_at\":\"2025-" time            \
    "Z\",\"payload\":" payload "}"
#define EV(id, type, day, payload) AT(id, type, day "T12:00:00", payload)
#define MONEY(a, c)                "{\"amount\":\"" a "\",\"currency\":\"" c "\"}"
#define SAT(a)                     MONEY(a, "SAT")
#define REVENUE(id, time, policy, amount)                                                          \
    AT(id, "revenue.received", time, "{\"policy\":\"" policy "\",\"amount\":" SAT(amount) "}")
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

static void lines(const char *json, const char *expected)
{
    applied(json);
    assert_string_equal(world_lines(w), expected);
}

static void refused(const char *json, enum mete_code code, const char *pointer)
{
    assert_int_equal(world_submit(w, 0, json), DECIDED_REFUSED);
    assert_string_equal(mete_code_name(w->err.code), mete_code_name(code));
    assert_string_equal(w->err.pointer, pointer);
}

/* --- conditions
 * ---------------------------------------------------------------------------------*/

#define ENTRY(version, condition, weight)                                                          \
    "{\"version\":" version ",\"conditions\":[\"" condition "\"],\"weight\":" weight "}"
#define TWO_STATES(metadata)                                                                       \
    EV("publish", "policy.published", "01-01",                                                     \
       "{\"manifest\":{\"id\":\"urn:t\",\"title\":\"t\",\"created_by\":\"me\",\"created_at\":"     \
       "\"2025-01-01T00:00:00Z\",\"contributors\":[{\"actor\":{\"id\":\"a\"},\"role\":\"r\","      \
       "\"weight\":0.1,\"temporal_splits\":[" ENTRY("1", "pre-release", "0.5") "," ENTRY(          \
           "2", "post-release", "0.2") "]}],\"metadata\":{" metadata "}}}")
#define SWITCH(id, time, name, active)                                                             \
    AT(id, "condition.changed", time,                                                              \
       "{\"policy\":\"urn:t\",\"condition\":\"" name "\",\"active\":" active "}")

static void test_a_condition_holds_from_its_moment_on(void **state)
{
    (void)state;
    applied(TWO_STATES(""));
    applied(SWITCH("c1", "02-10T00:00:00", "post-release", "true"));
    lines(REVENUE("e1", "02-09T23:59:59.999999", "urn:t", "10"), "1/u9");
    lines(REVENUE("e2", "02-10T00:00:00", "urn:t", "10"), "2/u8");
    /* a change that comes later and is dated earlier holds until the one that was known */
    applied(SWITCH("c2", "02-01T00:00:00", "post-release", "true"));
    applied(SWITCH("c3", "02-05T00:00:00", "post-release", "false"));
    lines(REVENUE("e3", "02-01T00:00:00", "urn:t", "10"), "2/u8");
    lines(REVENUE("e4", "02-05T00:00:00", "urn:t", "10"), "1/u9");
    lines(REVENUE("e5", "02-11T00:00:00", "urn:t", "10"), "2/u8");
    /* of two at one moment the later in the log */
    applied(SWITCH("c4", "02-10T00:00:00", "post-release", "false"));
    lines(REVENUE("e6", "02-11T00:00:00", "urn:t", "10"), "1/u9");
    assert_true(world_net(w, "a", "SAT") == 9); /* what was booked stays as it was */
}

static void test_a_change_too_many_is_refused_and_one_that_replaces_is_not(void **state)
{
    (void)state;
    struct buf value = {0};
    applied(TWO_STATES(""));
    buf_put_varint(&value, 4096);
    for (int i = 0; i < 4096; i++) {
        buf_put_sized(&value, TEXT("post-release"));
        buf_put_zigzag(&value, i);
        buf_put_u8(&value, 1);
    }
    struct key key = key_u32(KEY_CONDITION, 1);
    w->sink.set(w->sink.ctx, key_bytes(&key), buf_bytes(&value));
    buf_clear(&value);
    refused(SWITCH("c1", "02-01T00:00:00", "post-release", "false"), METE_LIMIT,
            "/payload/condition");
    applied("{\"event_id\":\"c2\",\"event_type\":\"condition.changed\",\"occurred_at\":"
            "\"1970-01-01T00:00:00.004095Z\",\"payload\":{\"policy\":\"urn:t\",\"condition\":"
            "\"post-release\",\"active\":false}}");
    lines(REVENUE("e1", "02-01T00:00:00", "urn:t", "10"), "1/u9");
}

static void test_a_sibling_that_is_switched_off_decides_nothing(void **state)
{
    (void)state;
    applied(TWO_STATES("\"default_condition\":\"pre-release\""));
    applied(SWITCH("c1", "02-01T00:00:00", "post-release", "false"));
    lines(REVENUE("e1", "02-02T00:00:00", "urn:t", "10"), "5/u5");
    applied(SWITCH("c2", "02-03T00:00:00", "post-release", "true"));
    lines(REVENUE("e2", "02-04T00:00:00", "urn:t", "10"), "2/u8");
    lines(REVENUE("e3", "02-02T00:00:00", "urn:t", "10"), "5/u5");
}

/* --- metered costs
 * ------------------------------------------------------------------------------*/

/* Revenues of ETH until not even one of 2^81 wei fits. */
static void book_fill(void)
{
    unsigned long long amount = 600000000000000000;
    int refusals = 0;
    for (int i = 0; amount > 2000000; i++) {
        if (world_submitf(w,
                          "{\"event_id\":\"f%d\",\"event_type\":\"revenue.received\","
                          "\"occurred_at\":\"2025-01-02T00:00:00Z\",\"payload\":{\"party\":\"b\","
                          "\"amount\":{\"amount\":\"%llu\",\"currency\":\"ETH\"}}}",
                          i, amount) == DECIDED_REFUSED) {
            assert_int_equal(w->err.code, METE_AMOUNT_RANGE);
            refusals++;
            amount /= 2;
        }
    }
    assert_true(refusals > 30);
}

static void test_what_was_metered_can_be_closed_in_a_full_book(void **state)
{
    (void)state;
#define COST(id)                                                                                   \
    EV(id, "usage.metered", "01-02",                                                               \
       "{\"policy\":\"urn:m\",\"endpoint\":\"/\",\"cost\":" MONEY("1000000000000000", "ETH") "}")
    applied(EV("p", "policy.published", "01-01",
               "{\"policy\":{\"id\":\"urn:m\",\"kind\":\"single\",\"party\":\"a\"}}"));
    applied(COST("m1"));
    book_fill();
    refused(COST("m2"), METE_AMOUNT_RANGE, "/payload/cost/amount");
    lines(EV("d", "metering.closed", "01-03", "{\"policy\":\"urn:m\",\"day\":\"2025-01-02\"}"),
          "1000000000000000000000000000000000");
#undef COST
}

/* --- usage
 * --------------------------------------------------------------------------------------*/

#define USED(id, platform, batch, provider, calls)                                                 \
    EV(id, "usage.reported", "02-02",                                                              \
       "{\"platform_id\":\"" platform "\",\"provider\":\"" provider                                \
       "\",\"window_start\":\"2025-02-01T00:00:00Z\",\"window_end\":\"2025-02-01T01:00:00Z\","     \
       "\"calls\":" calls batch "}")
#define BATCH(id) ",\"batch_id\":\"" id "\""

static void test_a_batch_of_usage_counts_once(void **state)
{
    (void)state;
    uint32_t number;
    applied(
        EV("p", "policy.published", "01-01", "{\"policy\":{\"id\":\"urn:u\",\"kind\":\"usage\"}}"));
    applied(USED("u1", "f", BATCH("1"), "a", "3"));
    applied(USED("u2", "f", BATCH("1"), "a", "3"));
    applied(USED("u3", "f", BATCH("1"), "other", "900"));
    assert_int_equal(w->last.put_count, 0);
    assert_int_equal(view_party(&w->view, TEXT("other"), &number), VIEW_ABSENT);
    applied(USED("u4", "g", BATCH("1"), "b", "1")); /* another platform's */
    applied(USED("u5", "f", BATCH("2"), "b", "1"));
    applied(USED("u6", "f", "", "b", "1")); /* what names no batch always counts */
    applied(USED("u7", "f", "", "b", "1"));
    lines(EV("k", "cycle.closed", "02-03",
             "{\"policy\":\"urn:u\",\"window_start\":\"2025-02-01T00:00:00Z\",\"window_end\":"
             "\"2025-02-02T00:00:00Z\",\"pool\":" SAT("7") "}"),
          "3/4");
}

/* --- disputes
 * -----------------------------------------------------------------------------------*/

#define DISPUTE(what, id, time, allocation)                                                        \
    AT(id, "allocation." what, time, "{\"allocation_id\":\"" allocation "\",\"reason\":\"r\"}")

static void balance(const char *party, const char *at, const char *expected)
{
    assert_string_equal(world_balance(w, party, "SAT", at), expected);
}

static void test_a_dispute_does_not_clear_what_is_not_due(void **state)
{
    (void)state;
    applied(EV("b", "book.configured", "01-01", "{\"dispute_auto_clear_days\":2}"));
    applied(AT("e1", "revenue.received", "01-02T00:00:00",
               "{\"party\":\"a\",\"amount\":" SAT("10") "}"));
    applied(DISPUTE("disputed", "d1", "01-03T00:00:00", "e1/1"));
    balance("a", "2025-01-05T00:00:00Z", "0/10/0/0");
    balance("a", "2025-01-05T00:00:00.000001Z", "0/10/0/0"); /* its two days are over */
    balance("a", "2025-01-08T23:59:59.999999Z", "0/10/0/0");
    balance("a", "2025-01-09T00:00:00Z", "0/0/10/0");
    /* close to the due moment the days are the longer */
    applied(AT("e2", "revenue.received", "02-02T00:00:00",
               "{\"party\":\"b\",\"amount\":" SAT("10") "}"));
    applied(DISPUTE("disputed", "d2", "02-08T00:00:00", "e2/1"));
    balance("b", "2025-02-10T00:00:00Z", "0/10/0/0");
    balance("b", "2025-02-10T00:00:00.000001Z", "0/0/10/0");
    /* days that end exactly when it is due: the last moment is still the dispute's */
    applied(AT("e3", "revenue.received", "03-02T00:00:00",
               "{\"party\":\"c\",\"amount\":" SAT("10") "}"));
    applied(DISPUTE("disputed", "d3", "03-07T00:00:00", "e3/1"));
    balance("c", "2025-03-09T00:00:00Z", "0/10/0/0");
    balance("c", "2025-03-09T00:00:00.000001Z", "0/0/10/0");
}

static void test_a_dispute_does_not_countersign(void **state)
{
    (void)state;
    applied(EV("p", "policy.published", "01-01",
               "{\"manifest\":{\"id\":\"urn:m\",\"title\":\"t\",\"created_by\":\"me\","
               "\"created_at\":\"2025-01-01T00:00:00Z\",\"contributors\":[{\"actor\":{\"id\":"
               "\"x\"},\"role\":\"r\",\"weight\":0.5,\"attestation\":{\"issuer\":\"i\"}}]}}"));
    applied(REVENUE("e1", "01-02T00:00:00", "urn:m", "8"));
    applied(REVENUE("e2", "01-02T00:00:00", "urn:m", "8"));
    balance("x", "2026-01-01T00:00:00Z", "8/0/0/0");
    applied(DISPUTE("disputed", "d1", "01-03T00:00:00", "e1/1"));
    balance("x", "2025-01-03T00:00:00Z", "4/4/0/0");
    balance("x", "2026-01-01T00:00:00Z", "4/4/0/0");
    applied(DISPUTE("escalated", "s1", "02-03T00:00:00", "e1/1"));
    balance("x", "2026-01-01T00:00:00Z", "4/4/0/0");
    applied(DISPUTE("overridden", "o1", "02-04T00:00:00", "e1/1"));
    balance("x", "2026-01-01T00:00:00Z", "4/0/4/0");
    applied(DISPUTE("disputed", "d2", "02-04T00:00:00", "e2/1"));
    applied(AT("u2", "allocation.upheld", "03-04T00:00:00",
               "{\"allocation_id\":\"e2/1\",\"reason\":\"r\",\"reallocate_to\":\"y\"}"));
    balance("x", "2026-01-01T00:00:00Z", "0/0/4/0");
    balance("y", "2025-03-04T00:00:00Z", "0/0/4/0");
}

/* --- kinds of policies
 * --------------------------------------------------------------------------*/

static void waits(const char *json, enum mete_code code)
{
    assert_int_equal(world_submit(w, 0, json), DECIDED_WAITING);
    assert_string_equal(mete_code_name((enum mete_code)w->last.wait_code), mete_code_name(code));
}

static i128 suspense(void)
{
    struct asset sat;
    i128 sums[STATE_SUMS];
    assert_int_equal(view_asset(&w->view, TEXT("SAT"), &sat), VIEW_FOUND);
    struct key key = key_account(PARTY_SUSPENSE, sat.number);
    (void)w->view.sums(w->view.ctx, key_bytes(&key), sums);
    return sums[1] - sums[0];
}

#define POLICY(id, day, policy, more)                                                              \
    EV(id, "policy.published", day,                                                                \
       "{\"policy\":{\"id\":\"" policy "\"," more "},\"effective_from\":\"2025-01-01\"}")
#define ROLES                 "\"kind\":\"roles\",\"shares_bps\":{\"author\":10000}"
#define USAGE                 "\"kind\":\"usage\""
#define ONE(p)                "\"kind\":\"single\",\"party\":\"" p "\""
#define WEIGHTS(shares)       "\"kind\":\"weights\",\"shares\":[" shares "]"
#define SHARE(party, weight)  "{\"party\":\"" party "\",\"weight\":\"" weight "\"}"
#define SPLIT(policy, weight) "{\"policy\":\"" policy "\",\"weight\":\"" weight "\"}"

static void test_revenue_waits_for_a_policy_of_a_kind_that_splits_it(void **state)
{
    (void)state;
    applied(POLICY("p1", "01-01", "urn:r", ROLES));
    applied(POLICY("p2", "01-01", "urn:u", USAGE));
    waits(REVENUE("e1", "02-01T00:00:00", "urn:r", "10"), METE_POLICY_KIND);
    waits(REVENUE("e2", "02-01T00:00:00", "urn:u", "5"), METE_POLICY_KIND);
    assert_string_equal(decision_wait_pointer(&w->last), "/payload/policy");
    assert_true(suspense() == 15);
    waits(AT("b", "revenue.reversed", "02-01T00:00:00", "{\"reverses\":\"e1\"}"),
          METE_ORIGINAL_UNKNOWN);
    applied(POLICY("p3", "02-02", "urn:u", ONE("a")));
    assert_string_equal(world_booked(w, 4), "5");
    assert_string_equal(world_booked(w, 3), "waiting");
    applied(POLICY("p4", "02-03", "urn:r", WEIGHTS(SHARE("a", "1/2"))));
    assert_string_equal(world_booked(w, 3), "5/u5");
    assert_true(suspense() == 0);
    assert_true(world_net(w, "a", "SAT") == 5);
    /* the roles that were published hold on for content */
    lines(AT("e3", "revenue.received", "02-04T00:00:00",
             "{\"content_item_id\":\"c\",\"amount\":" SAT("3") "}"),
          "u3");
    assert_int_equal(w->last.group[0].node[0].policy, 1);
}

static void test_a_cycle_of_another_kind_is_refused_and_one_in_the_log_waits(void **state)
{
    (void)state;
#define CYCLE(id, policy)                                                                          \
    EV(id, "cycle.closed", "02-03",                                                                \
       "{\"policy\":\"" policy                                                                     \
       "\",\"window_start\":\"2025-02-01T00:00:00Z\",\"window_end\":\"2025-02-02T00:00:00Z\","     \
       "\"pool\":" SAT("7") "}")
    applied(USED("u1", "f", "", "b", "1"));
    waits(CYCLE("k1", "urn:u"), METE_POLICY_UNKNOWN);
    applied(POLICY("p1", "02-03", "urn:u", ONE("a")));
    assert_string_equal(world_booked(w, 2), "waiting");
    refused(CYCLE("k2", "urn:u"), METE_POLICY_KIND, "/payload/policy");
    applied(POLICY("p2", "02-03", "urn:u", USAGE));
    assert_string_equal(world_booked(w, 2), "7");
#undef CYCLE
}

static void test_entitlements_of_usage_and_of_weights_meet_over_one_denominator(void **state)
{
    (void)state;
    applied(POLICY("p1", "01-01", "urn:c", USAGE ",\"rounding\":\"carry\""));
    /* an odd denominator of more than 60 bits has no room beside 2^60 */
    refused(POLICY("p2", "01-02", "urn:c",
                   WEIGHTS(SHARE("a", "1/2305843009213693951")) ",\"rounding\":\"carry\""),
            METE_WEIGHT_RANGE, "/payload/policy/shares");
    applied(POLICY("p3", "01-02", "urn:c", WEIGHTS(SHARE("a", "1/3")) ",\"rounding\":\"carry\""));
    lines(REVENUE("e1", "02-01T00:00:00", "urn:c", "10"), "3/u6/c1");
}

/* --- releases by a parent
 * -----------------------------------------------------------------------*/

/** Nothing of the class is left in the state. */
static bool nothing_of(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)key;
    (void)value;
    (void)sums;
    *(bool *)arg = false;
    return false;
}

static bool is_empty(enum key_class class)
{
    bool empty = true;
    struct key from = key_of(class);
    struct key until = key_prefix_end(from);
    (void)w->view.scan(w->view.ctx, key_bytes(&from), key_bytes(&until), nothing_of, &empty);
    return empty;
}

static void test_a_parent_that_does_without_releases_what_waits_below_it(void **state)
{
    (void)state;
    applied(POLICY("p1", "01-01", "urn:root", WEIGHTS(SPLIT("urn:mid", "1"))));
    applied(POLICY("p2", "01-01", "urn:mid", WEIGHTS(SPLIT("urn:leaf", "1"))));
    waits(REVENUE("e1", "02-01T00:00:00", "urn:root", "10"), METE_POLICY_UNKNOWN);
    waits(REVENUE("e2", "02-01T00:00:00", "urn:mid", "20"), METE_POLICY_UNKNOWN);
    waits(REVENUE("e3", "02-01T00:00:00", "urn:root", "30"), METE_POLICY_UNKNOWN);
    /* the root does without: what came in by the middle waits on */
    applied(POLICY("p3", "02-02", "urn:root", WEIGHTS(SHARE("a", "1"))));
    assert_string_equal(world_booked(w, 3), "10");
    assert_string_equal(world_booked(w, 4), "waiting");
    assert_string_equal(world_booked(w, 5), "30");
    applied(POLICY("p4", "02-02", "urn:mid", WEIGHTS(SHARE("b", "1/2"))));
    assert_string_equal(world_booked(w, 4), "10/u10");
    assert_true(suspense() == 0);
    assert_true(is_empty(KEY_WAITING) && is_empty(KEY_BELOW) && is_empty(KEY_QUEUE));
}

static void test_what_waits_moves_to_the_lists_of_its_new_way(void **state)
{
    (void)state;
    applied(POLICY("p1", "01-01", "urn:root",
                   WEIGHTS(SPLIT("urn:a", "1/2") "," SPLIT("urn:b", "1/2"))));
    applied(POLICY("p2", "01-01", "urn:b", WEIGHTS(SPLIT("urn:c", "1"))));
    waits(REVENUE("e1", "02-01T00:00:00", "urn:root", "10"), METE_POLICY_UNKNOWN);
    applied(POLICY("p3", "02-02", "urn:a", ONE("a"))); /* now c is to blame, by way of b */
    assert_string_equal(world_booked(w, 3), "waiting");
    assert_int_equal(w->row[4].pages, 2);
    applied(POLICY("p4", "02-02", "urn:a", ONE("x"))); /* not on that way: no further attempt */
    assert_int_equal(w->row[5].pages, 1);
    applied(POLICY("p5", "02-02", "urn:root", WEIGHTS(SPLIT("urn:b", "1")))); /* waits on, on it */
    assert_int_equal(w->row[6].pages, 2);
    applied(POLICY("p6", "02-02", "urn:b", ONE("b")));
    assert_string_equal(world_booked(w, 3), "10");
    assert_true(is_empty(KEY_WAITING) && is_empty(KEY_BELOW));
}

static void test_a_parent_releases_in_the_order_of_the_log(void **state)
{
    (void)state;
    applied(POLICY("p1", "01-01", "urn:root", WEIGHTS(SPLIT("urn:leaf", "1"))));
    applied(POLICY("p2", "01-01", "urn:roles", ROLES));
    applied(POLICY("p3", "01-01", "urn:more", WEIGHTS(SPLIT("urn:root", "1"))));
    waits(REVENUE("e1", "02-01T00:00:00", "urn:more", "1"), METE_POLICY_UNKNOWN);
    waits(REVENUE("e2", "02-01T00:00:00", "urn:root", "2"), METE_POLICY_UNKNOWN);
    applied(POLICY("p4", "02-02", "urn:leaf", ROLES));
    waits(REVENUE("e3", "02-01T00:00:00", "urn:root", "3"), METE_POLICY_KIND);
    waits(REVENUE("e4", "02-01T00:00:00", "urn:leaf", "4"), METE_POLICY_KIND);
    applied(
        POLICY("p5", "02-03", "urn:root", WEIGHTS(SHARE("a", "1/3")) ",\"rounding\":\"carry\""));
    /* 1/3 of 1, of 2, of 3: each finds what those before it left */
    assert_string_equal(world_booked(w, 4), "0/c1");
    assert_string_equal(world_booked(w, 5), "1/u2/c-1");
    assert_string_equal(world_booked(w, 7), "1/u2");
    assert_string_equal(world_booked(w, 8), "waiting");
}

/* Seventeen inside each other, each of which split when it was the root. */
static void test_what_is_nested_too_deep_is_released_from_anywhere_on_the_way(void **state)
{
    (void)state;
    for (int i = 16; i >= 0; i--) {
        assert_int_equal(
            world_submitf(w,
                          "{\"event_id\":\"p%d\",\"event_type\":\"policy.published\","
                          "\"occurred_at\":\"2025-01-01T00:00:00Z\",\"payload\":{\"policy\":{"
                          "\"id\":\"urn:%d\",\"kind\":\"weights\",\"shares\":[{\"%s\":\"urn:%d\","
                          "\"weight\":\"1\"}]}}}",
                          i, i, i == 16 ? "party" : "policy", i + 1),
            DECIDED_APPLIED);
    }
    waits(REVENUE("e1", "02-01T00:00:00", "urn:0", "7"), METE_POLICY_DEPTH);
    lines(REVENUE("e2", "02-01T00:00:00", "urn:1", "7"), "7");
    applied(POLICY("fix", "02-02", "urn:9", ONE("a")));
    assert_string_equal(world_booked(w, 18), "7");
    assert_true(world_net(w, "a", "SAT") == 7);
    assert_true(is_empty(KEY_WAITING) && is_empty(KEY_BELOW));
}

/* --- the numbers of assets
 * ----------------------------------------------------------------------*/

static char *document(const char *name)
{
    char path[4096];
    const char *data = getenv("METE_TEST_DATA");
    assert_non_null(data);
    snprintf(path, sizeof path, "%s/../../doc/%s", data, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, f) > 1000);
    fclose(f);
    return text;
}

static void test_the_numbers_of_assets_are_those_that_the_format_prints(void **state)
{
    (void)state;
    char *text = document("format.md");
    uint32_t number = 1;
    for (; asset_builtin_number(number) != NULL; number++) {
        const struct asset *a = asset_builtin_number(number);
        char row[64];
        bool last = asset_builtin_number(number + 1) == NULL;
        snprintf(row, sizeof row, "%u %s/%u%s", number, a->code, a->scale, last ? "." : ",");
        if (strstr(text, row) == NULL) {
            fail_msg("doc/format.md lacks %s", row);
        }
    }
    assert_true(number > 100);
    free(text);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(test_a_condition_holds_from_its_moment_on),
        ROW(test_a_change_too_many_is_refused_and_one_that_replaces_is_not),
        ROW(test_a_sibling_that_is_switched_off_decides_nothing),
        ROW(test_what_was_metered_can_be_closed_in_a_full_book),
        ROW(test_a_batch_of_usage_counts_once),
        ROW(test_a_dispute_does_not_clear_what_is_not_due),
        ROW(test_a_dispute_does_not_countersign),
        ROW(test_revenue_waits_for_a_policy_of_a_kind_that_splits_it),
        ROW(test_a_cycle_of_another_kind_is_refused_and_one_in_the_log_waits),
        ROW(test_entitlements_of_usage_and_of_weights_meet_over_one_denominator),
        ROW(test_a_parent_that_does_without_releases_what_waits_below_it),
        ROW(test_what_waits_moves_to_the_lists_of_its_new_way),
        ROW(test_a_parent_releases_in_the_order_of_the_log),
        ROW(test_what_is_nested_too_deep_is_released_from_anywhere_on_the_way),
        ROW(test_the_numbers_of_assets_are_those_that_the_format_prints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
