/* SPDX-License-Identifier: Apache-2.0
 * What random streams once found, in the fewest events that show it. */
#include "oracle/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define POLICY(id, time, more)                                                                     \
    "{'event_id':'" id "','event_type':'policy.published','occurred_at':'" time                    \
    "','payload':{'policy':{'id':'" id "'," more "}}}"
#define REVENUE(id, policy, amount)                                                                \
    "{'event_id':'" id                                                                             \
    "','event_type':'revenue.received','occurred_at':'2025-01-05T00:00:00Z','payload':{"           \
    "'amount':{'amount':'" amount "','currency':'USD'},'policy':'" policy "'}}"
#define REVERSAL(id, of, more)                                                                     \
    "{'event_id':'" id                                                                             \
    "','event_type':'revenue.reversed','occurred_at':'2025-01-06T00:00:00Z','payload':{"           \
    "'reverses':'" of "'" more "}}"
#define METERED(id, policy, cost, currency)                                                        \
    "{'event_id':'" id "','event_type':'usage.metered','occurred_at':'2025-01-05T00:00:00Z','"     \
    "payload':{'policy':'" policy "','endpoint':'/x','cost':{'amount':'" cost                      \
    "','currency':'" currency "'}}}"
#define CLOSE(id, policy)                                                                          \
    "{'event_id':'" id "','event_type':'metering.closed','occurred_at':'2025-01-06T00:00:00Z','"   \
    "payload':{'policy':'" policy "','day':'2025-01-05'}}"
#define CYCLE(id, policy, day, pool)                                                               \
    "{'event_id':'" id "','event_type':'cycle.closed','occurred_at':'2025-01-20T00:00:00Z','"      \
    "payload':{'policy':'" policy "','window_start':'2025-01-" day                                 \
    "T00:00:00Z','window_end':'2025-01-" day "T23:00:00Z','pool':{'amount':'" pool                 \
    "','currency':'USD'}}}"
#define USAGE(id, provider, day, calls)                                                            \
    "{'event_id':'" id                                                                             \
    "','event_type':'usage.reported','occurred_at':'2025-01-20T00:00:00Z','payload':{"             \
    "'platform_id':'x','provider':'" provider "','window_start':'2025-01-" day                     \
    "T01:00:00Z','window_end':'2025-01-" day "T02:00:00Z','calls':" calls "}}"

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

static void assert_net(const char *party, const char *asset, long long expected)
{
    i128 net = scene_net(&s, party, asset);
    if (net != (i128)expected)
        fail_msg("%s %s is %lld, not %lld", party, asset, (long long)net, expected);
}

static void test_carry_directly_below_carry_in_parts(void **state)
{
    (void)state;
    scene_apply(&s, POLICY("inner", "2025-01-01T00:00:00Z",
                           "'kind':'weights','rounding':'carry','shares':["
                           "{'policy':'leaf','weight':'1/3'},{'party':'b','weight':'2/3'}]"));
    scene_apply(&s, POLICY("leaf", "2025-01-01T00:00:00Z", "'kind':'single','party':'c'"));
    scene_apply(&s, POLICY("outer", "2025-01-01T00:00:00Z",
                           "'kind':'weights','rounding':'carry','shares':["
                           "{'policy':'inner','weight':'3/7'},{'party':'a','weight':'4/7'}]"));
    scene_apply(&s, REVENUE("r", "outer", "1.00"));
    for (int i = 0; i < 10; i++)
        scene_apply(&s,
                    "{'event_id':'back-%d','event_type':'revenue.reversed','occurred_at':"
                    "'2025-01-06T00:00:00Z','payload':{'reverses':'r','amount':"
                    "{'amount':'0.10','currency':'USD'}}}",
                    i);
    assert_net("a", "USD", 0);
    assert_net("b", "USD", 0);
    assert_net("c", "USD", 0);
    assert_net("mete:carry", "USD", 0);
}

static void test_metered_close_that_waited_is_not_in_suspense(void **state)
{
    (void)state;
    scene_apply(&s, METERED("m", "p", "20", "USD"));
    assert_int_equal(scene_send(&s, CLOSE("c", "p")), SUBMIT_WAITING);
    scene_apply(&s, POLICY("p", "2025-01-01T00:00:00Z", "'kind':'single','party':'a'"));
    assert_net("a", "USD", 2000);
    assert_net("mete:suspense", "USD", 0);
    assert_net("mete:clearing", "USD", -2000);
}

static void test_cycle_that_waits_is_a_tick(void **state)
{
    (void)state;
    scene_apply(&s, POLICY("u", "2025-01-01T00:00:00Z", "'kind':'usage'"));
    assert_int_equal(scene_send(&s, CYCLE("c1", "u", "02", "10.00")), SUBMIT_WAITING);
    scene_apply(&s, USAGE("late", "a", "02", "5"));
    assert_int_equal(scene_send(&s, CYCLE("c2", "u", "03", "7.00")), SUBMIT_WAITING);
    assert_net("a", "USD", 1000);
    assert_net("mete:suspense", "USD", 700);
}

static void test_metered_costs_beyond_the_range(void **state)
{
    (void)state;
    scene_apply(&s, "{'event_id':'asset','event_type':'asset.defined','occurred_at':"
                    "'2025-01-01T00:00:00Z','payload':{'code':'FINE','scale':30}}");
    scene_apply(&s, POLICY("p", "2025-01-01T00:00:00Z", "'kind':'single','party':'a'"));
    assert_int_equal(scene_send(&s, METERED("m", "p", "1000000000000000000", "FINE")),
                     SUBMIT_REFUSED);
    assert_int_equal(s.last.err.code, METE_AMOUNT_RANGE);
    scene_apply(&s, METERED("n", "p", "1", "FINE"));
    scene_apply(&s, CLOSE("c", "p"));
}

static void test_nobodys_carry_goes_back_from_who_got_it(void **state)
{
    (void)state;
    scene_apply(&s, "{'event_id':'b1','event_type':'book.configured','occurred_at':"
                    "'2025-01-01T00:00:00Z','payload':{'unallocated':'old'}}");
    scene_apply(&s, POLICY("p", "2025-01-01T00:00:00Z",
                           "'kind':'weights','rounding':'carry','shares':["
                           "{'party':'a','weight':'1/2'}]"));
    scene_apply(&s, REVENUE("r", "p", "1.00"));
    scene_apply(&s, "{'event_id':'b2','event_type':'book.configured','occurred_at':"
                    "'2025-01-05T00:00:00Z','payload':{'unallocated':'new'}}");
    scene_apply(&s, REVERSAL("back", "r", ""));
    assert_net("old", "USD", 0);
    assert_net("new", "USD", 0);
}

static void test_reversal_without_amount_takes_every_currency(void **state)
{
    (void)state;
    scene_apply(&s, POLICY("p", "2025-01-01T00:00:00Z", "'kind':'single','party':'a'"));
    scene_apply(&s, METERED("m1", "p", "20", "USD"));
    scene_apply(&s, METERED("m2", "p", "30", "EUR"));
    scene_apply(&s, CLOSE("c", "p"));
    assert_net("a", "EUR", 3000);
    scene_apply(&s, REVERSAL("back", "c", ""));
    assert_net("a", "USD", 0);
    assert_net("a", "EUR", 0);
    assert_int_equal(scene_send(&s, REVERSAL("more", "c", "")), SUBMIT_REFUSED);
    assert_int_equal(s.last.err.code, METE_REVERSAL_EXCEEDS);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_carry_directly_below_carry_in_parts),
        CASE(test_metered_close_that_waited_is_not_in_suspense),
        CASE(test_cycle_that_waits_is_a_tick),
        CASE(test_metered_costs_beyond_the_range),
        CASE(test_nobodys_carry_goes_back_from_who_got_it),
        CASE(test_reversal_without_amount_takes_every_currency),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
