/* SPDX-License-Identifier: Apache-2.0
 * The auditor's own integers and fractions: known values, and identities over random numbers. The
 * seed is printed; METE_TEST_SEED repeats a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit/fraction.h"
#include "audit/split.h"
#include "base/arena.h"
#include "base/i128.h"
#include "base/rng.h"
#include "base/text.h"

static struct rng rng;

static void seed_rng(void)
{
    const char *given = getenv("METE_TEST_SEED");
    u128 seed = 20251121;
    if (given != NULL && !u128_parse(text_of(given), &seed))
        fail_msg("METE_TEST_SEED is not a number");
    print_message("# seed %llu\n", (unsigned long long)seed);
    rng_seed(&rng, (uint64_t)seed);
}

/* Up to `limbs` limbs; small numbers, powers of two and all-ones limbs come often. */
static struct big random_big(uint32_t limbs)
{
    struct big v;
    v.n = (uint32_t)rng_below(&rng, limbs + 1);
    for (uint32_t i = 0; i < v.n; i++) {
        uint64_t kind = rng_below(&rng, 4);
        v.d[i] = kind == 0 ? UINT64_MAX : kind == 1 ? 0 : rng_next(&rng);
    }
    if (v.n > 0 && rng_below(&rng, 4) == 0)
        v.d[v.n - 1] = rng_below(&rng, 3);
    while (v.n > 0 && v.d[v.n - 1] == 0)
        v.n--;
    return v;
}

static void assert_big(const struct big *a, const struct big *b)
{
    assert_int_equal(big_cmp(a, b), 0);
    assert_int_equal(a->n, b->n);
}

static struct big of(u128 v)
{
    struct big b;
    big_set(&b, v);
    return b;
}

static void test_known_integers(void **state)
{
    (void)state;
    struct big a, b, expect;
    u128 v;
    big_pow10(&a, 38);
    assert_true(big_get(&a, &v) && v == u128_pow10(38));
    big_pow10(&a, 300); /* 10^300 has 997 bits */
    assert_int_equal(big_bits(&a), 997);
    assert_false(big_get(&a, &v));
    big_pow10(&b, 150);
    big_mul(&expect, &b, &b);
    assert_big(&a, &expect);
    big_divide(&a, &expect, &a, &b);
    assert_big(&a, &b);
    assert_true(big_is_zero(&expect));
    a = of((u128)1 << 64);
    b = of(1);
    big_sub(&a, &a, &b);
    assert_true(big_get(&a, &v) && v == UINT64_MAX && a.n == 1);
    big_add(&a, &a, &b);
    assert_true(big_get(&a, &v) && v == (u128)1 << 64 && big_bits(&a) == 65);
}

static void test_integers_agree_with_the_machine(void **state)
{
    (void)state;
    for (int i = 0; i < 100000; i++) {
        uint64_t x = rng_next(&rng) >> rng_below(&rng, 64);
        uint64_t y = (rng_next(&rng) >> rng_below(&rng, 64)) | 1;
        struct big a = of(x), b = of(y), c, r;
        u128 v;
        big_add(&c, &a, &b);
        assert_true(big_get(&c, &v) && v == (u128)x + y);
        big_mul(&c, &a, &b);
        assert_true(big_get(&c, &v) && v == (u128)x * y);
        assert_int_equal(big_cmp(&a, &b), x < y ? -1 : x > y);
        big_divide(&c, &r, &a, &b);
        assert_true(big_get(&c, &v) && v == x / y);
        assert_true(big_get(&r, &v) && v == x % y);
        if (x >= y) {
            big_sub(&c, &a, &b);
            assert_true(big_get(&c, &v) && v == x - y);
        }
    }
}

/* (a + b) - b = a; (a + b) * c = a * c + b * c; q * b + r = a and r < b. */
static void test_integer_identities(void **state)
{
    (void)state;
    for (int i = 0; i < 30000; i++) {
        struct big a = random_big(5), b = random_big(5), c = random_big(5), x, y, z;
        big_add(&x, &a, &b);
        big_sub(&y, &x, &b);
        assert_big(&y, &a);
        big_mul(&x, &x, &c);
        big_mul(&y, &a, &c);
        big_mul(&z, &b, &c);
        big_add(&y, &y, &z);
        assert_big(&x, &y);
        if (big_is_zero(&b))
            continue;
        a = random_big(10);
        big_divide(&x, &y, &a, &b);
        assert_true(big_cmp(&y, &b) < 0);
        big_mul(&x, &x, &b);
        big_add(&x, &x, &y);
        assert_big(&x, &a);
    }
}

/* The divisor divides both, and what is left has no common divisor. */
static void test_gcd(void **state)
{
    (void)state;
    for (int i = 0; i < 3000; i++) {
        struct big a = random_big(3), b = random_big(3), c = random_big(2), g, q, r;
        struct big one = of(1);
        big_mul(&a, &a, &c);
        big_mul(&b, &b, &c);
        big_gcd(&g, &a, &b);
        if (big_is_zero(&a) || big_is_zero(&b)) {
            assert_big(&g, big_is_zero(&a) ? &b : &a);
            continue;
        }
        big_divide(&q, &r, &g, &c);
        assert_true(big_is_zero(&r));
        big_divide(&a, &r, &a, &g);
        assert_true(big_is_zero(&r));
        big_divide(&b, &r, &b, &g);
        assert_true(big_is_zero(&r));
        big_gcd(&g, &a, &b);
        assert_big(&g, &one);
    }
}

static struct frac parse(const char *text)
{
    struct frac f;
    if (!frac_parse(&f, text_of(text)))
        fail_msg("%s is not read", text);
    return f;
}

static void assert_shows(const struct frac *f, const char *text)
{
    char shown[FRAC_TEXT_MAX];
    frac_format(f, shown);
    assert_string_equal(shown, text);
}

static void test_fractions_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } good[] = {
        {"0", "0"},
        {"-0", "0"},
        {"0.0", "0"},
        {"0.25", "1/4"},
        {"1.50", "3/2"},
        {"1e3", "1000"},
        {"1e-7", "1/10000000"},
        {"2.5E+1", "25"},
        {"-0.5", "-1/2"},
        {"2/6", "1/3"},
        {"10/5", "2"},
        {"0/7", "0"},
        {"1e21", "1000000000000000000000"},
    };
    static const char *const bad[] = {"",     ".5",   "5.",    "1/0",   "1/",  "/3",  "1/2/3",
                                      "a",    "+1",   " 1",    "1 ",    "1e",  "1e+", "--1",
                                      "-1/2", "0x10", "1.2.3", "1e999", "1/2 "};
    struct frac f;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        f = parse(good[i].text);
        assert_shows(&f, good[i].shown);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(frac_parse(&f, text_of(bad[i])));
}

static struct frac random_frac(uint32_t limbs)
{
    struct frac f;
    struct big num = random_big(limbs), den = random_big(limbs), one = of(1);
    if (big_is_zero(&den))
        den = one;
    assert_true(frac_of(&f, &num, &den));
    f.negative = !frac_is_zero(&f) && rng_below(&rng, 2) == 0;
    return f;
}

static void assert_same(const struct frac *a, const struct frac *b)
{
    assert_int_equal(frac_cmp(a, b), 0);
    assert_int_equal(a->negative, b->negative);
    assert_big(&a->num, &b->num);
    assert_big(&a->den, &b->den);
}

static void test_fraction_identities(void **state)
{
    (void)state;
    for (int i = 0; i < 3000; i++) {
        struct frac a = random_frac(2), b = random_frac(2), c = random_frac(2), x, y, z;
        assert_true(frac_add(&x, &a, &b) && frac_sub(&x, &x, &b));
        assert_same(&x, &a);
        assert_true(frac_add(&x, &a, &b) && frac_add(&y, &b, &a));
        assert_same(&x, &y);
        assert_true(frac_mul(&x, &x, &c));
        assert_true(frac_mul(&y, &a, &c) && frac_mul(&z, &b, &c) && frac_add(&y, &y, &z));
        assert_same(&x, &y);
        assert_int_equal(frac_cmp(&a, &b), -frac_cmp(&b, &a));
        assert_true(frac_sub(&x, &a, &b));
        assert_int_equal(frac_cmp(&a, &b), frac_is_zero(&x) ? 0 : x.negative ? -1 : 1);
        if (!frac_is_zero(&b)) {
            assert_true(frac_div(&x, &a, &b) && frac_mul(&x, &x, &b));
            assert_same(&x, &a);
        }
    }
}

/* floor(f) <= f < floor(f) + 1, below zero too. */
static void test_floor(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        i128 floor;
    } known[] = {{"0", 0}, {"0.999", 0}, {"1", 1}, {"-0.001", -1}, {"-1", -1}, {"-1.5", -2}};
    i128 v;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        struct frac f = parse(known[i].text);
        assert_true(frac_floor(&f, &v) && v == known[i].floor);
    }
    for (int i = 0; i < 20000; i++) {
        struct frac f = random_frac(2), low, high;
        if (!frac_floor(&f, &v))
            continue;
        low = frac_int(v);
        high = frac_int(v + 1);
        assert_true(frac_cmp(&low, &f) <= 0 && frac_cmp(&f, &high) < 0);
    }
    struct frac large = parse("1329227995784915872903807060280344576"); /* 2^120 */
    assert_false(frac_floor(&large, &v));
}

static void test_too_large_is_said(void **state)
{
    (void)state;
    struct frac a = parse("1e130"), b;
    assert_true(frac_mul(&b, &a, &a) == false);
    b = parse("1e-130");
    assert_false(frac_mul(&b, &b, &b));
}

/* Largest remainder by its definition: nobody is further than one unit from the exact share, all is
 * given out, and no one who got a unit had a smaller remainder than one who did not. */
static void check_pieces(const struct piece *p, uint32_t count, i128 input)
{
    i128 sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(p[i].amount == p[i].floor || p[i].amount == p[i].floor + 1);
        sum += p[i].amount;
        for (uint32_t k = 0; k < count; k++) {
            struct frac whole = frac_int(input), x, y, floor;
            if (p[i].amount == p[i].floor || p[k].amount != p[k].floor)
                continue;
            floor = frac_int(p[i].floor);
            assert_true(frac_mul(&x, &whole, p[i].weight) && frac_sub(&x, &x, &floor));
            floor = frac_int(p[k].floor);
            assert_true(frac_mul(&y, &whole, p[k].weight) && frac_sub(&y, &y, &floor));
            int order = frac_cmp(&x, &y);
            assert_true(order > 0 || (order == 0 && i < k));
        }
    }
    assert_true(sum == input);
}

static void test_pieces(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1u << 24);
    for (int i = 0; i < 3000; i++) {
        struct frac weight[7];
        struct piece piece[7];
        uint64_t part[7], total = 1; /* a total of 0 is no weight */
        uint32_t count = 1 + (uint32_t)rng_below(&rng, 6);
        for (uint32_t k = 0; k < count; k++)
            total += part[k] = rng_below(&rng, 3) == 0 ? 7 : rng_below(&rng, 1u << 20);
        part[0]++;
        for (uint32_t k = 0; k < count; k++) {
            assert_true(frac_of_u128(&weight[k], part[k], total));
            piece[k].weight = &weight[k];
        }
        i128 input = (i128)(rng_next(&rng) >> rng_below(&rng, 64));
        assert_true(pieces_divide(&arena, input, piece, count));
        check_pieces(piece, count, input);
        arena_reset(&arena);
    }
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_integers),
        cmocka_unit_test(test_integers_agree_with_the_machine),
        cmocka_unit_test(test_integer_identities),
        cmocka_unit_test(test_gcd),
        cmocka_unit_test(test_fractions_are_read),
        cmocka_unit_test(test_fraction_identities),
        cmocka_unit_test(test_floor),
        cmocka_unit_test(test_too_large_is_said),
        cmocka_unit_test(test_pieces),
    };
    seed_rng();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
