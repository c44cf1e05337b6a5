/* SPDX-License-Identifier: Apache-2.0
 * 256-bit integers: known texts, strict readers, and arithmetic against a bitwise model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/text.h"
#include "base/u256.h"

#define MAX_DECIMAL "115792089237316195423570985008687907853269984665640564039457584007913129639935"

static struct u256 number(const char *decimal)
{
    struct u256 v;
    assert_true(u256_parse(text_of(decimal), &v));
    return v;
}

static void test_texts(void **state)
{
    (void)state;
    static const struct {
        const char *decimal;
        const char *quantity;
        size_t size;
    } ROWS[] = {
        {"0", "0x0", 0},
        {"1", "0x1", 1},
        {"15", "0xf", 1},
        {"16", "0x10", 1},
        {"255", "0xff", 1},
        {"256", "0x100", 2},
        {"10000000000000000000", "0x8ac7230489e80000", 8},
        {"18446744073709551616", "0x10000000000000000", 9},
        {"340282366920938463463374607431768211455", "0xffffffffffffffffffffffffffffffff", 16},
        {"340282366920938463463374607431768211456", "0x100000000000000000000000000000000", 17},
        {"100000000000000000000000000000000000000000000000000000000000000000000000000000",
         "0xdd15fe86affad91249ef0eb713f39ebeaa987b6e6fd2a0000000000000000000", 32},
        {MAX_DECIMAL, "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", 32},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct u256 v = number(ROWS[i].decimal), again;
        char decimal[U256_TEXT_MAX], quantity[U256_HEX_MAX];
        assert_int_equal(u256_format(v, decimal), strlen(ROWS[i].decimal));
        assert_string_equal(decimal, ROWS[i].decimal);
        assert_int_equal(u256_format_quantity(v, quantity), strlen(ROWS[i].quantity));
        assert_string_equal(quantity, ROWS[i].quantity);
        assert_true(u256_parse_quantity(text_of(quantity), &again) && u256_eq(v, again));
        assert_int_equal(u256_size(v), ROWS[i].size);
    }
}

static void test_readers_are_strict(void **state)
{
    (void)state;
    static const char *const DECIMALS[] = {
        "",
        "00",
        "01",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x10",
        "1,000",
        "/",
        ":",
        "115792089237316195423570985008687907853269984665640564039457584007913129639936",
        "200000000000000000000000000000000000000000000000000000000000000000000000000000",
        "1157920892373161954235709850086879078532699846656405640394575840079131296399350"};
    static const char *const QUANTITIES[] = {
        "",
        "0x",
        "0",
        "10",
        "0X1",
        "0x00",
        "0x01",
        "0x0g",
        "0xg",
        "0x ",
        "0x-1",
        "0x1 ",
        "x1",
        "0x1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0x10000000000000000000000000000000000000000000000000000000000000000"};
    struct u256 v = u256_of(7);
    for (size_t i = 0; i < ARRAY_LEN(DECIMALS); i++)
        if (u256_parse(text_of(DECIMALS[i]), &v))
            fail_msg("'%s' was read", DECIMALS[i]);
    for (size_t i = 0; i < ARRAY_LEN(QUANTITIES); i++)
        if (u256_parse_quantity(text_of(QUANTITIES[i]), &v))
            fail_msg("'%s' was read", QUANTITIES[i]);
    assert_true(u256_eq(v, u256_of(7)));
    assert_true(u256_parse_quantity(TEXT("0xAbC"), &v) && u256_eq(v, u256_of(0xabc)));
}

static void test_conversions(void **state)
{
    (void)state;
    uint64_t small = 7;
    i128 amount = 7;
    struct u256 v = number("18446744073709551615");
    assert_true(u256_to_u64(v, &small) && small == UINT64_MAX);
    assert_false(u256_to_u64(number("18446744073709551616"), &small));
    assert_false(u256_to_u64((struct u256){.hi = 1, .lo = 0}, &small));
    assert_true(small == UINT64_MAX);
    assert_true(u256_to_i128(number("170141183460469231731687303715884105727"), &amount));
    assert_true(amount == I128_MAX);
    assert_false(u256_to_i128(number("170141183460469231731687303715884105728"), &amount));
    assert_false(u256_to_i128((struct u256){.hi = 1, .lo = 0}, &amount));
    assert_true(amount == I128_MAX);
    assert_true(u256_of_i128(I128_MAX, &v) && v.hi == 0 && v.lo == (u128)I128_MAX);
    assert_false(u256_of_i128(-1, &v) || u256_of_i128(I128_MIN, &v));
    uint8_t many[33] = {1};
    assert_false(u256_from_bytes((struct bytes){many, 33}, &v));
    assert_true(u256_from_bytes((struct bytes){NULL, 0}, &v) && u256_is_zero(v));
    assert_true(u256_from_bytes((struct bytes){many, 2}, &v) && u256_eq(v, u256_of(256)));
    assert_true(u256_from_bytes((struct bytes){many, 32}, &v) && u256_size(v) == 32);
}

static void test_bounds_of_arithmetic(void **state)
{
    (void)state;
    struct u256 v = u256_of(7), one = u256_of(1);
    assert_false(u256_add(U256_MAX, one, &v));
    assert_false(u256_sub(u256_of(0), one, &v));
    assert_false(u256_mul_small(U256_MAX, 2, &v));
    struct u256 high = {.hi = (u128)1 << 64, .lo = 0}; /* 2^192 */
    assert_true(u256_mul_small(high, UINT64_MAX, &v) && v.hi >> 64 == UINT64_MAX);
    high.hi <<= 1;
    assert_false(u256_mul_small(high, UINT64_MAX, &v));
    assert_true(u256_sub((struct u256){.hi = 1, .lo = 0}, one, &v));
    assert_true(v.hi == 0 && v.lo == ~(u128)0);
    assert_true(u256_mul_small(U256_MAX, 1, &v) && u256_eq(v, U256_MAX));
    assert_true(u256_mul_small(U256_MAX, 0, &v) && u256_is_zero(v));
}

static struct u256 random_number(struct rng *r)
{
    uint8_t b[U256_LEN] = {0};
    size_t size = rng_below(r, U256_LEN + 1);
    for (size_t i = U256_LEN - size; i < U256_LEN; i++)
        b[i] = (uint8_t)(rng_below(r, 4) == 0 ? 0xff * rng_below(r, 2) : rng_next(r));
    return u256_from_be(b);
}

/* a * by as repeated doubling and adding; false past 256 bits. */
static bool product_by_bits(struct u256 a, uint64_t by, struct u256 *out)
{
    struct u256 sum = {0};
    for (int bit = 63; bit >= 0; bit--) {
        if (!u256_add(sum, sum, &sum) || ((by >> bit & 1) != 0 && !u256_add(sum, a, &sum)))
            return false;
    }
    *out = sum;
    return true;
}

static void test_random_numbers(void **state)
{
    (void)state;
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = 20261121;
    if (given != NULL)
        seed = bytes_hash(text_bytes(text_of(given)), 0);
    struct rng r;
    rng_seed(&r, seed);
    size_t fitted = 0;
    for (size_t i = 0; i < 20000; i++) {
        struct u256 a = random_number(&r), b = random_number(&r), c, d;
        char decimal[U256_TEXT_MAX], quantity[U256_HEX_MAX];
        uint8_t be[U256_LEN];
        assert_true(u256_parse((struct text){decimal, u256_format(a, decimal)}, &c));
        assert_true(u256_eq(a, c));
        size_t len = u256_format_quantity(a, quantity);
        assert_true(u256_parse_quantity((struct text){quantity, len}, &c) && u256_eq(a, c));
        u256_to_be(a, be);
        assert_true(u256_eq(u256_from_be(be), a));
        size_t size = u256_size(a);
        assert_true(u256_from_bytes((struct bytes){be + U256_LEN - size, size}, &c));
        assert_true(u256_eq(a, c) && (size == 0 || be[U256_LEN - size] != 0));
        assert_int_equal(u256_sub(a, b, &c), u256_cmp(a, b) >= 0);
        if (u256_cmp(a, b) >= 0)
            assert_true(u256_add(c, b, &d) && u256_eq(d, a));
        uint64_t by = rng_next(&r) >> rng_below(&r, 64);
        bool fits = product_by_bits(a, by, &d);
        assert_int_equal(u256_mul_small(a, by, &c), fits);
        assert_true(!fits || u256_eq(c, d));
        fitted += fits;
    }
    print_message("# seed %llu: 20000 numbers, %zu products fitted\n", (unsigned long long)seed,
                  fitted);
    assert_true(fitted > 1000 && fitted < 19000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),          cmocka_unit_test(test_readers_are_strict),
        cmocka_unit_test(test_conversions),    cmocka_unit_test(test_bounds_of_arithmetic),
        cmocka_unit_test(test_random_numbers),
    };
    return cmocka_run_group_tests_name("u256", tests, NULL, NULL);
}
