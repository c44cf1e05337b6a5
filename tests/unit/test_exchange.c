/* SPDX-License-Identifier: Apache-2.0
 * Rates of exchange and conversions by them, in exact numbers.
 * covers: F-042 F-050 F-059 */
#include "world.h"

#include "core/fx.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define T(day)      "\"occurred_at\":\"2025-" day "T12:00:00Z\""
#define MONEY(a, c) "{\"amount\":\"" a "\",\"currency\":\"" c "\"}"
#define EV(id, type, day, payload)                                                                 \
    "{\"event_id\":\"" id "\",\"event_type\":\"" type "\"," T(day) ",\"payload\":" payload "}"
#define RATE(id, day, base, quote, rate)                                                           \
    EV(id, "fx.rate_set", day,                                                                     \
       "{\"base\":\"" base "\",\"quote\":\"" quote "\",\"rate\":\"" rate                           \
       "\",\"provider\":\"ECB\",\"as_of\":\"2025-" day "T00:00:00Z\"}")
#define CONVERT(id, day, party, amount, currency, to, more)                                        \
    EV(id, "fx.converted", day,                                                                    \
       "{\"party\":\"" party "\",\"amount\":" MONEY(amount, currency) ",\"to\":\"" to "\"" more    \
                                                                      "}")

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
    world_check(*state);
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

static void refused(const char *json, enum mete_code code, const char *pointer)
{
    assert_int_equal(world_submit(w, 0, json), DECIDED_REFUSED);
    assert_string_equal(mete_code_name(w->err.code), mete_code_name(code));
    assert_string_equal(w->err.pointer, pointer);
}

static void earned(void)
{
    applied(EV("b", "book.configured", "01-01", "{\"clear_after_days\":0}"));
    applied(EV("e1", "revenue.received", "01-02",
               "{\"party\":\"a\",\"amount\":" MONEY("100.00", "USD") "}"));
}

static const char *balance(const char *asset)
{
    return world_balance(w, "a", asset, "2025-02-01T12:00:00Z");
}

static void test_the_rate_of_the_pair(void **state)
{
    (void)state;
    earned();
    applied(RATE("r1", "01-03", "USD", "EUR", "0.9173"));
    applied(CONVERT("c1", "01-04", "a", "33.33", "USD", "EUR", ""));
    assert_string_equal(balance("USD"), "0/0/6667/0");
    assert_string_equal(balance("EUR"), "0/0/3057/0"); /* 30.573609, rounded down */
    assert_true(world_net(w, "mete:exchange", "USD") == 3333);
    assert_true(world_net(w, "mete:exchange", "EUR") == -3057);
    assert_int_equal(w->last.group[0].target_seq, 3);
    assert_int_equal(w->last.group[1].target_seq, 3);
}

static void test_the_other_way_round(void **state)
{
    (void)state;
    earned();
    applied(RATE("r1", "01-03", "EUR", "USD", "3"));
    applied(CONVERT("c1", "01-04", "a", "100.00", "USD", "EUR", ""));
    assert_string_equal(balance("EUR"), "0/0/3333/0"); /* a third, rounded once */
}

static void test_over_the_euro_with_one_rounding(void **state)
{
    (void)state;
    earned();
    applied(RATE("r1", "01-03", "EUR", "USD", "1.0389"));
    applied(RATE("r2", "01-03", "EUR", "JPY", "162.57"));
    applied(CONVERT("c1", "01-04", "a", "1.00", "USD", "JPY", ""));
    assert_string_equal(balance("JPY"), "0/0/156/0"); /* 156.48; over 0.96 EUR it were 156.07 */
    assert_int_equal(w->last.group[0].target_seq, 3);
    assert_int_equal(w->last.group[1].target_seq, 4);
}

static void test_scales_far_apart(void **state)
{
    (void)state;
    earned();
    applied(EV("as", "asset.defined", "01-03", "{\"code\":\"WEI18\",\"scale\":18}"));
    applied(RATE("r1", "01-03", "USD", "WEI18", "0.000312500000000001"));
    applied(CONVERT("c1", "01-04", "a", "99.99", "USD", "WEI18", ""));
    assert_true(world_net(w, "a", "WEI18") == (i128)31246875000000099);
    applied(CONVERT("c2", "01-04", "a", "0.031246875000000099", "WEI18", "USD", ""));
    assert_string_equal(balance("USD"), "0/0/9999/0"); /* 99.98 came back of 99.99 */
}

static void test_the_last_rate_holds_until_it_is_old(void **state)
{
    (void)state;
    earned();
    refused(CONVERT("c0", "01-03", "a", "1.00", "USD", "EUR", ""), METE_RATE_MISSING,
            "/payload/to");
    applied(RATE("r1", "01-03", "USD", "EUR", "0.5"));
    applied(RATE("r2", "01-04", "USD", "EUR", "0.75"));
    applied(CONVERT("c1", "01-10", "a", "1.00", "USD", "EUR", ""));
    assert_string_equal(balance("EUR"), "0/0/75/0");
    refused(CONVERT("c2", "01-11", "a", "1.00", "USD", "EUR", ""), METE_RATE_OLD, "/payload/to");
    applied(RATE("r3", "01-11", "EUR", "USD", "2"));
    applied(CONVERT("c3", "01-11", "a", "1.00", "USD", "EUR", "")); /* an old one hides no other */
    assert_string_equal(balance("EUR"), "0/0/125/0");
}

static void test_what_is_refused_moves_nothing(void **state)
{
    (void)state;
    earned();
    applied(RATE("r1", "01-03", "USD", "JPY", "0.9"));
    refused(CONVERT("c1", "01-04", "a", "100.01", "USD", "JPY", ""), METE_INSUFFICIENT_FUNDS,
            "/payload/amount/amount");
    refused(CONVERT("c2", "01-04", "b", "10.00", "USD", "JPY", ""), METE_INSUFFICIENT_FUNDS,
            "/payload/amount/amount");
    refused(CONVERT("c3", "01-04", "a", "1.11", "USD", "JPY", ""), METE_AMOUNT_ZERO,
            "/payload/amount/amount"); /* 0.999 yen */
    refused(CONVERT("c4", "01-04", "a", "1.00", "USD", "USD", ""), METE_MEMBER_VALUE,
            "/payload/to");
    refused(CONVERT("c5", "01-04", "a", "1.00", "USD", "NOPE", ""), METE_CURRENCY_UNKNOWN,
            "/payload/to");
    refused(CONVERT("c6", "01-04", "a", "10.00", "USD", "JPY", ",\"at_least\":" MONEY("10", "JPY")),
            METE_RATE_WORSE, "/payload/at_least");
    refused(CONVERT("c7", "01-04", "a", "10.00", "USD", "JPY", ",\"at_least\":" MONEY("9", "EUR")),
            METE_MEMBER_VALUE, "/payload/at_least/currency");
    applied(RATE("r2", "01-04", "USD", "SAT", "1000000000000000000000000000000000000"));
    refused(CONVERT("c8", "01-04", "a", "100.00", "USD", "SAT", ""), METE_AMOUNT_RANGE,
            "/payload/amount/amount");
    assert_string_equal(balance("USD"), "0/0/10000/0");
    applied(CONVERT("c9", "01-04", "a", "10.00", "USD", "JPY", ",\"at_least\":" MONEY("9", "JPY")));
    assert_string_equal(balance("JPY"), "0/0/9/0");
}

static void test_a_rate_that_nobody_can_compute_with_is_none(void **state)
{
    (void)state;
    earned();
    applied(RATE("r1", "01-03", "USD", "EUR",
                 "0.00000000000000000000000000000000000000000000000000000000000000000001"));
    refused(CONVERT("c1", "01-04", "a", "1.00", "USD", "EUR", ""), METE_RATE_MISSING,
            "/payload/to");
    applied(RATE("r2", "01-04", "USD", "EUR", "0.25"));
    applied(CONVERT("c2", "01-04", "a", "1.00", "USD", "EUR", ""));
    assert_string_equal(balance("EUR"), "0/0/25/0");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_the_rate_of_the_pair),
        CASE(test_the_other_way_round),
        CASE(test_over_the_euro_with_one_rounding),
        CASE(test_scales_far_apart),
        CASE(test_the_last_rate_holds_until_it_is_old),
        CASE(test_what_is_refused_moves_nothing),
        CASE(test_a_rate_that_nobody_can_compute_with_is_none),
    };
    return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
