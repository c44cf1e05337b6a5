/* SPDX-License-Identifier: Apache-2.0
 * ECMAScript number text: the table of RFC 8785 appendix B, borders of every rule of
 * Number::toString, and properties of random literals. No binary floating point in here: what is
 * expected are texts. */
#include "base/jsnum.h"
#include "base/rng.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_number(const char *literal, enum jsnum result, const char *expected)
{
    char out[JSNUM_TEXT_MAX];
    size_t len = 0;
    enum jsnum actual = jsnum_format(text_of(literal), out, &len);
    if (actual != result || strcmp(out, expected) != 0 || len != strlen(expected)) {
        fail_msg("%.60s: result %d, \"%s\" instead of %d, \"%s\"", literal, (int)actual, out,
                 (int)result, expected);
    }
}

static void assert_exact(const char *literal, const char *expected)
{
    assert_number(literal, JSNUM_EXACT, expected);
}

static void assert_inexact(const char *literal, const char *expected)
{
    assert_number(literal, JSNUM_INEXACT, expected);
}

/* Source: RFC 8785 appendix B. The literal has up to 25 digits of the double's exact value. */
static void test_the_table_of_rfc_8785_appendix_b_holds(void **state)
{
    (void)state;
    static const char *const ROWS[][2] = {
        {"5e-324", "4.940656458412465441765688e-324"},
        {"-5e-324", "-4.940656458412465441765688e-324"},
        {"1.7976931348623157e+308", "1.797693134862315708145274e+308"},
        {"-1.7976931348623157e+308", "-1.797693134862315708145274e+308"},
        {"9007199254740992", "9.007199254740992000000000e+15"},
        {"-9007199254740992", "-9.007199254740992000000000e+15"},
        {"295147905179352830000", "2.95147905179352825856e+20"},
        {"9.999999999999997e+22", "9.9999999999999974834176e+22"},
        {"1e+23", "9.9999999999999991611392e+22"},
        {"1.0000000000000001e+23", "1.00000000000000008388608e+23"},
        {"999999999999999700000", "9.99999999999999737856e+20"},
        {"999999999999999900000", "9.99999999999999868928e+20"},
        {"1e+21", "1.000000000000000000000000e+21"},
        {"9.999999999999997e-7", "9.999999999999997429898750e-07"},
        {"0.000001", "9.999999999999999547481118e-07"},
        {"333333333.3333332", "3.333333333333331942558289e+08"},
        {"333333333.33333325", "3.333333333333332538604736e+08"},
        {"333333333.3333333", "3.333333333333333134651184e+08"},
        {"333333333.3333334", "3.333333333333333730697632e+08"},
        {"333333333.33333343", "3.333333333333334326744080e+08"},
        {"-0.0000033333333333333333", "-3.333333333333333323665864e-06"},
        {"1424953923781206.2", "1.42495392378120625e+15"},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        /* Only the literals that end in zeros need no more digits than are kept. */
        bool exact = strstr(ROWS[i][1], "00000e") != NULL;
        assert_number(ROWS[i][1], exact ? JSNUM_EXACT : JSNUM_INEXACT, ROWS[i][0]);
        assert_exact(ROWS[i][0], ROWS[i][0]);
    }
}

static void test_zero_has_one_form(void **state)
{
    (void)state;
    static const char *const ZEROS[] = {"0",
                                        "-0",
                                        "0.0",
                                        "-0.000",
                                        "0e5",
                                        "0E-5",
                                        "-0.0e+99999999999999999999",
                                        "0e-99999999999999999999"};
    for (size_t i = 0; i < ARRAY_LEN(ZEROS); i++) {
        assert_exact(ZEROS[i], "0");
    }
}

static void test_plain_and_exponent_form_change_at_the_right_size(void **state)
{
    (void)state;
    assert_exact("100000000000000000000", "100000000000000000000");
    assert_exact("1e20", "100000000000000000000");
    assert_exact("1000000000000000000000", "1e+21");
    assert_exact("123456789012345e6", "123456789012345000000");
    assert_exact("123456789012345e7", "1.23456789012345e+21");
    assert_exact("0.000001", "0.000001");
    assert_exact("0.0000001", "1e-7");
    assert_exact("0.00000123", "0.00000123");
    assert_exact("0.000000123", "1.23e-7");
    assert_exact("12.5", "12.5");
    assert_exact("-12.5", "-12.5");
    assert_exact("1e100", "1e+100");
    assert_exact("1.5e-100", "1.5e-100");
}

static void test_spellings_of_one_value_become_one(void **state)
{
    (void)state;
    static const char *const SAME[] = {"12.5",
                                       "12.50",
                                       "1.25e1",
                                       "1.25E+1",
                                       "125e-1",
                                       "125000e-4",
                                       "0.0125e3",
                                       "0.00000000000000000000125e22",
                                       "12.500000000000000000000000000000",
                                       "12500000000000000000000000000000e-30",
                                       "0.125e0000000000000000000000002"};
    for (size_t i = 0; i < ARRAY_LEN(SAME); i++) {
        assert_exact(SAME[i], "12.5");
    }
}

static void test_digits_that_a_double_loses_are_inexact(void **state)
{
    (void)state;
    assert_exact("9007199254740991", "9007199254740991");
    assert_inexact("9007199254740993", "9007199254740992");
    assert_inexact("12345678901234567890", "12345678901234567000");
    assert_inexact("0.1000000000000000055511151231257827", "0.1");
    assert_inexact("0.30000000000000001", "0.3");
    assert_exact("0.30000000000000004", "0.30000000000000004");
    assert_inexact("1.0000000000000001", "1");
    assert_exact("1.0000000000000002", "1.0000000000000002");
    assert_inexact("100000000000000000000000000000000001e-35", "1");
    assert_inexact("-1e-400", "0");
    assert_inexact("2.4e-324", "0");
    assert_inexact("3e-324", "5e-324");
    assert_exact("5e-324", "5e-324");
    assert_inexact("4e-324", "5e-324");
    assert_exact("1.5e-323", "1.5e-323");
    assert_exact("1e-308", "1e-308");
    assert_exact("2.225073858507201e-308", "2.225073858507201e-308");
    assert_exact("2.2250738585072014e-308", "2.2250738585072014e-308");
}

/* 2^-44 is 5.684341886080801486968994140625e-14: its closest 16 digits read back as another
 * double, the next larger ones as itself. So it is with 2^-778 and 2^-957. */
static void test_powers_of_two_take_the_shorter_neighbour(void **state)
{
    (void)state;
    assert_inexact("5.684341886080801486968994140625e-14", "5.684341886080802e-14");
    assert_exact("5.684341886080802e-14", "5.684341886080802e-14");
    assert_inexact("6.290184345309700496315465335321e-235", "6.290184345309701e-235");
    assert_inexact("8.209073602596752498672058578330e-289", "8.209073602596753e-289");
    assert_exact("9.007199254740992e15", "9007199254740992");
}

static void test_halfway_values_round_to_even_and_see_every_digit(void **state)
{
    (void)state;
    assert_inexact("9007199254740993.0", "9007199254740992");
    assert_inexact("9007199254740995", "9007199254740996");
    char literal[3000];
    memset(literal, '0', sizeof(literal));
    memcpy(literal, "9007199254740993.", 17);
    memcpy(literal + 2500, "1", 2); /* just above halfway, far beyond what is kept */
    assert_inexact(literal, "9007199254740994");
    memcpy(literal, "9007199254740992.", 17);
    memset(literal + 17, '9', 2483);
    assert_inexact(literal, "9007199254740992");
}

static void test_more_than_a_double_is_out_of_range(void **state)
{
    (void)state;
    static const char *const OUT[] = {"1e309",
                                      "2e308",
                                      "-1e309",
                                      "1.7976931348623159e308",
                                      "1e99999999999999999999",
                                      "-123456789e301",
                                      "0.00001e314"};
    for (size_t i = 0; i < ARRAY_LEN(OUT); i++) {
        char out[JSNUM_TEXT_MAX];
        size_t len = 42;
        assert_int_equal(jsnum_format(text_of(OUT[i]), out, &len), JSNUM_RANGE);
        assert_int_equal(len, 42);
    }
    assert_exact("1.7976931348623157e308", "1.7976931348623157e+308");
    assert_inexact("1.7976931348623158e308", "1.7976931348623157e+308");
    assert_exact("9.99999999999999e307", "9.99999999999999e+307");
    assert_exact("1e308", "1e+308");
    assert_exact("0.00001e313", "1e+308");
}

static void test_long_literals_with_far_exponents_are_read(void **state)
{
    (void)state;
    static char literal[200100];
    memset(literal, '0', sizeof(literal));
    memcpy(literal, "0.", 2);
    memcpy(literal + 200000, "25e199999", 10); /* 2.5 * 10^-199999 * 10^199999 */
    assert_exact(literal, "2.5");
    memset(literal, '0', sizeof(literal));
    literal[0] = '7';
    memcpy(literal + 200000, "e-199999", 9); /* 7 and 199999 zeros, then all of them taken away */
    assert_exact(literal, "7");
}

/* A random literal of JSON's grammar with `digits` digits in all. */
static size_t random_literal(struct rng *r, size_t digits, char out[64])
{
    char *p = out;
    size_t whole = rng_below(r, digits) + 1;
    if (rng_below(r, 2) == 0) {
        *p++ = '-';
    }
    if (rng_below(r, 4) == 0) {
        *p++ = '0';
        whole = 0;
    }
    for (size_t i = 0; i < digits; i++) {
        if (i == whole) {
            *p++ = '.';
        }
        bool first_of_whole = i == 0 && whole > 0;
        *p++ = (char)('0' + (first_of_whole ? 1 + rng_below(r, 9) : rng_below(r, 10)));
    }
    if (rng_below(r, 2) == 0) {
        p += snprintf(p, 8, "e%d", (int)rng_below(r, 640) - 320);
    }
    *p = '\0';
    return (size_t)(p - out);
}

static void test_formatting_twice_changes_nothing(void **state)
{
    (void)state;
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 20250131;
    print_message("# seed %llu (METE_TEST_SEED)\n", (unsigned long long)seed);
    struct rng r;
    rng_seed(&r, seed);
    size_t exact = 0, inexact = 0, range = 0;
    for (int i = 0; i < 100000; i++) {
        char literal[64], once[JSNUM_TEXT_MAX], twice[JSNUM_TEXT_MAX];
        size_t len = random_literal(&r, 1 + rng_below(&r, 24), literal);
        enum jsnum result = jsnum_format((struct text){literal, len}, once, &len);
        exact += result == JSNUM_EXACT;
        inexact += result == JSNUM_INEXACT;
        range += result == JSNUM_RANGE;
        if (result == JSNUM_RANGE) {
            continue;
        }
        assert_int_equal(len, strlen(once));
        assert_true(len < JSNUM_TEXT_MAX);
        if (jsnum_format(text_of(once), twice, &len) != JSNUM_EXACT || strcmp(once, twice) != 0) {
            fail_msg("%s became %s, then %s", literal, once, twice);
        }
    }
    assert_true(exact > 10000 && inexact > 10000 && range > 500);
}

/* Up to 15 digits nothing is lost, whatever the spelling: d * 10^e is written back digit by digit.
 */
static void test_fifteen_digits_always_survive(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 15);
    for (int i = 0; i < 100000; i++) {
        char literal[64], out[JSNUM_TEXT_MAX];
        size_t len = 0;
        unsigned long long digits = 100000000000000 + rng_below(&r, 900000000000000);
        digits -= digits % 10 == 0;                 /* keeps the digits free of a zero at the end */
        int exponent = (int)rng_below(&r, 287) + 8; /* up to 294: from e+21 to e+307 */
        snprintf(literal, sizeof(literal), "%llue%d", digits, exponent - 1);
        assert_int_equal(jsnum_format(text_of(literal), out, &len), JSNUM_EXACT);
        char expected[64];
        char text[16];
        snprintf(text, sizeof(text), "%llu", digits);
        snprintf(expected, sizeof(expected), "%c.%se+%d", text[0], text + 1, exponent + 13);
        assert_string_equal(out, expected);
        snprintf(literal, sizeof(literal), "%llue-%d", digits, exponent + 13);
        assert_int_equal(jsnum_format(text_of(literal), out, &len), JSNUM_EXACT);
        if (exponent > 12) {
            snprintf(expected, sizeof(expected), "%c.%se-%d", text[0], text + 1, exponent - 1);
            assert_string_equal(out, expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_of_rfc_8785_appendix_b_holds),
        cmocka_unit_test(test_zero_has_one_form),
        cmocka_unit_test(test_plain_and_exponent_form_change_at_the_right_size),
        cmocka_unit_test(test_spellings_of_one_value_become_one),
        cmocka_unit_test(test_digits_that_a_double_loses_are_inexact),
        cmocka_unit_test(test_powers_of_two_take_the_shorter_neighbour),
        cmocka_unit_test(test_halfway_values_round_to_even_and_see_every_digit),
        cmocka_unit_test(test_more_than_a_double_is_out_of_range),
        cmocka_unit_test(test_long_literals_with_far_exponents_are_read),
        cmocka_unit_test(test_formatting_twice_changes_nothing),
        cmocka_unit_test(test_fifteen_digits_always_survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
