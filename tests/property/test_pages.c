/* SPDX-License-Identifier: Apache-2.0
 * Decisions of any size: a nest of policies with more than 10,000 leaves, a cycle with 20,000
 * providers, a release of 5,000 waiting events. Pages have at most LEGS_MAX legs, each balances,
 * and what they say together is what one page would have said. covers: B-020 B-021 F-110 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/text.h"
#include "oracle/scene.h"

#define LEAVES    3600 /* of each of three nested policies */
#define PROVIDERS 20000
#define WAITING   5000

static struct scene s;

static int set_up(void **state)
{
    (void)state;
    scene_open(&s);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_true(scene_balanced(&s));
    scene_close(&s);
    return 0;
}

static void assert_net(const char *party, long long expected)
{
    i128 net = scene_net(&s, party, "USD");
    if (net != (i128)expected)
        fail_msg("%s has %lld, not %lld", party, (long long)net, expected);
}

static void apply(const struct buf *json)
{
    scene_apply(&s, "%.*s", (int)json->len, (const char *)json->p);
}

/* --- a nest
 * -------------------------------------------------------------------------------------*/

static void nest_publish(const char *rounding)
{
    for (int k = 0; k < 3; k++) {
        struct buf b = {0};
        buf_printf(&b,
                   "{'event_id':'inner%d','event_type':'policy.published','occurred_at':"
                   "'2025-01-01T00:00:00Z','payload':{'policy':{'id':'inner%d','kind':'weights',"
                   "'rounding':'%s','shares':[",
                   k, k, rounding);
        for (int i = 0; i < LEAVES; i++)
            buf_printf(&b, "%s{'party':'l%d-%d','weight':'1/%d'}", i > 0 ? "," : "", k, i,
                       LEAVES + 1);
        buf_put_str(&b, "]}}}");
        apply(&b);
        buf_clear(&b);
    }
    scene_apply(&s, "{'event_id':'root','event_type':'policy.published','occurred_at':"
                    "'2025-01-01T00:00:00Z','payload':{'policy':{'id':'root','kind':'weights',"
                    "'shares':[{'policy':'inner0','weight':'1/4'},{'policy':'inner1','weight':"
                    "'1/4'},{'policy':'inner2','weight':'1/4'},{'party':'a','weight':'1/4'}]}}}");
}

static void revenue(const char *id, const char *policy, long long minor)
{
    scene_apply(&s,
                "{'event_id':'%s','event_type':'revenue.received','occurred_at':"
                "'2025-01-02T00:00:00Z','payload':{'amount':{'amount':'%lld.%02lld','currency':"
                "'USD'},'policy':'%s'}}",
                id, minor / 100, minor % 100, policy);
}

static uint32_t pages_of_last(void)
{
    assert_true(scene_pages_balanced(&s, s.last.seq));
    return book_page_count(engine_book(s.engine), s.last.seq) + 1;
}

/* The pages read together: lines in order, none lost, the stated digest. */
static void assert_joined(uint64_t seq, size_t allocations)
{
    struct decision d;
    struct mete_err err;
    uint64_t at;
    uint32_t page;
    size_t found = 0;
    i128 sum = 0;
    arena_reset(&s.arena);
    assert_int_equal(engine_decision(s.engine, seq, &s.arena, &d, &at, &page, &err), METE_OK);
    assert_int_equal(d.group_count, 1);
    for (uint32_t i = 0; i < d.group[0].line_count; i++) {
        found += d.group[0].line[i].kind == LINE_ALLOCATION;
        assert_true(d.group[0].line[i].kind != LINE_SUSPENSE);
        sum += d.group[0].line[i].amount;
    }
    assert_int_equal(found, allocations);
    assert_true(sum == d.group[0].gross);
}

static void assert_rest(uint64_t seq)
{
    struct book *b = engine_book(s.engine);
    struct buf all = {0};
    struct log_row row;
    struct mete_err err;
    struct decision d;
    uint32_t pages = book_page_count(b, seq);
    for (uint32_t page = 1; page <= pages; page++) {
        struct bytes packed;
        mete_time at;
        assert_int_equal(book_page(b, seq, page, &packed, &at, &err), STORE_OK);
        buf_put(&all, packed.p, packed.len);
    }
    assert_int_equal(book_row(b, seq, &row, &err), STORE_OK);
    arena_reset(&s.arena);
    assert_true(decision_unpack(&s.arena, row.decision, &d));
    assert_int_equal(d.pages, pages + 1);
    struct hash rest = sha256(buf_bytes(&all));
    assert_memory_equal(rest.b, d.rest.b, sizeof rest.b);
    buf_clear(&all);
}

static void nest_check(const char *rounding)
{
    nest_publish(rounding);
    /* each inner policy is given 3601 * 100, so that every leaf has 100 and the rest 100 */
    revenue("r", "root", 4LL * (LEAVES + 1) * 100);
    uint32_t pages = pages_of_last();
    uint64_t seq = s.last.seq;
    printf("# %d leaves in %u pages (%s)\n", 3 * LEAVES, pages, rounding);
    assert_true(pages >= 3);
    assert_rest(seq);
    assert_joined(seq, 3 * LEAVES + 1);
    assert_net("l0-0", 100);
    assert_net("l1-1800", 100);
    assert_net("l2-3599", 100);
    assert_net("mete:unallocated", 300);
    assert_net("mete:suspense", 0);
    assert_net("a", (LEAVES + 1) * 100);
}

static void nest_back(void)
{
    scene_apply(&s, "{'event_id':'x1','event_type':'revenue.reversed','occurred_at':"
                    "'2025-01-03T00:00:00Z','payload':{'reverses':'r','amount':{'amount':"
                    "'1234.56','currency':'USD'}}}");
    assert_true(pages_of_last() >= 3);
    assert_rest(s.last.seq);
    assert_true(scene_balanced(&s));
    scene_apply(&s, "{'event_id':'x2','event_type':'revenue.reversed','occurred_at':"
                    "'2025-01-03T00:00:00Z','payload':{'reverses':'r'}}");
    assert_true(pages_of_last() >= 3);
    struct buf balances = {0};
    scene_balances(&s, &balances);
    assert_int_equal(balances.len, 0);
    buf_clear(&balances);
}

static void test_nest_of_10800_leaves(void **state)
{
    (void)state;
    nest_check("largest");
    nest_back();
}

static void test_nest_of_10800_leaves_with_carry(void **state)
{
    (void)state;
    nest_check("carry");
    nest_back();
}

static void test_nest_that_waits(void **state)
{
    (void)state;
    scene_send(&s, "{'event_id':'r','event_type':'revenue.received','occurred_at':"
                   "'2025-01-02T00:00:00Z','payload':{'amount':{'amount':'14404.00','currency':"
                   "'USD'},'policy':'root'}}");
    assert_int_equal(s.last.status, SUBMIT_WAITING);
    assert_net("mete:suspense", 1440400);
    nest_publish("largest");
    assert_true(pages_of_last() >= 4);
    assert_joined(1, 3 * LEAVES + 1);
    assert_net("l0-0", 100);
    assert_net("mete:suspense", 0);
    nest_back();
}

/* --- a cycle
 * ------------------------------------------------------------------------------------*/

static void usage_publish(const char *rounding)
{
    scene_apply(&s,
                "{'event_id':'u','event_type':'policy.published','occurred_at':"
                "'2025-01-01T00:00:00Z','payload':{'policy':{'id':'u','kind':'usage',"
                "'rounding':'%s'}}}",
                rounding);
    for (int i = 0; i < PROVIDERS; i++)
        scene_apply(&s,
                    "{'event_id':'use-%d','event_type':'usage.reported','occurred_at':"
                    "'2025-01-02T00:00:00Z','payload':{'platform_id':'x','provider':'prov-%d',"
                    "'window_start':'2025-01-02T00:00:00Z','window_end':'2025-01-02T01:00:00Z',"
                    "'calls':%d}}",
                    i, i, 1 + i % 3);
}

static void cycle_close(long long minor)
{
    scene_apply(&s,
                "{'event_id':'cycle','event_type':'cycle.closed','occurred_at':"
                "'2025-01-03T00:00:00Z','payload':{'policy':'u','window_start':"
                "'2025-01-02T00:00:00Z','window_end':'2025-01-03T00:00:00Z','pool':{'amount':"
                "'%lld.%02lld','currency':'USD'}}}",
                minor / 100, minor % 100);
}

static void test_cycle_of_20000_providers(void **state)
{
    (void)state;
    usage_publish("largest");
    long long calls = 0;
    for (int i = 0; i < PROVIDERS; i++)
        calls += 1 + i % 3;
    cycle_close(7 * calls);
    uint32_t pages = pages_of_last();
    printf("# %d providers in %u pages\n", PROVIDERS, pages);
    assert_true(pages >= PROVIDERS / LEGS_MAX);
    assert_rest(s.last.seq);
    assert_joined(s.last.seq, PROVIDERS);
    for (int i = 0; i < PROVIDERS; i += 97) {
        char party[32];
        snprintf(party, sizeof party, "prov-%d", i);
        assert_net(party, 7 * (1 + i % 3));
    }
}

/* Fewer units than providers: whoever was heard of first gets one. */
static void test_cycle_with_too_little(void **state)
{
    (void)state;
    usage_publish("largest");
    cycle_close(5);
    assert_joined(s.last.seq, PROVIDERS);
    for (int i = 0; i < 16; i++) { /* the remainders of three calls are the largest */
        char party[32];
        snprintf(party, sizeof party, "prov-%d", i);
        assert_net(party, i % 3 == 2 && i < 15 ? 1 : 0);
    }
}

/* --- a release
 * ----------------------------------------------------------------------------------*/

static void test_release_of_5000_events(void **state)
{
    (void)state;
    for (int i = 0; i < WAITING; i++) {
        scene_send(&s,
                   "{'event_id':'w%d','event_type':'revenue.received','occurred_at':"
                   "'2025-01-02T00:00:00Z','payload':{'amount':{'amount':'%d.01','currency':"
                   "'USD'},'policy':'late'}}",
                   i, 1 + i % 5);
        assert_int_equal(s.last.status, SUBMIT_WAITING);
    }
    for (int i = 0; i < WAITING; i += 10)
        scene_send(&s,
                   "{'event_id':'b%d','event_type':'revenue.reversed','occurred_at':"
                   "'2025-01-02T00:00:00Z','payload':{'reverses':'w%d'}}",
                   i, i);
    i128 held = scene_net(&s, "mete:suspense", "USD");
    assert_true(held == 3LL * 100 * WAITING + WAITING);
    scene_apply(&s, "{'event_id':'late','event_type':'policy.published','occurred_at':"
                    "'2025-01-03T00:00:00Z','payload':{'policy':{'id':'late','kind':'weights',"
                    "'shares':[{'party':'a','weight':'1/2'},{'party':'b','weight':'1/2'}]}}}");
    uint32_t pages = pages_of_last();
    printf("# %d events and their reversals released in %u pages\n", WAITING, pages - 1);
    assert_int_equal(pages - 1, WAITING + WAITING / 10);
    assert_net("mete:suspense", 0);
    i128 back = 0;
    for (int i = 0; i < WAITING; i += 10)
        back += 100 * (1 + i % 5) + 1;
    assert_true(scene_net(&s, "a", "USD") + scene_net(&s, "b", "USD") == held - back);
    for (int i = 0; i < WAITING; i += 501)
        assert_joined((uint64_t)i + 1, 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_nest_of_10800_leaves),  CASE(test_nest_of_10800_leaves_with_carry),
        CASE(test_nest_that_waits),       CASE(test_cycle_of_20000_providers),
        CASE(test_cycle_with_too_little), CASE(test_release_of_5000_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
