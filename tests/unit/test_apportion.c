/* SPDX-License-Identifier: Apache-2.0
 * Dividing whole units and carrying fractions. Small cases are tried exhaustively against a
 * reference with plain fractions; large ones are checked against the definition of the rule, with
 * remainders computed by doubling and adding. Random tests print their seed. */
#include "base/i128.h"
#include "base/rng.h"
#include "core/apportion.h"
#include "core/carry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_MAX ((size_t)64 << 20)
#define LIMIT     ((u128)1 << 120)
#define MANY      400

static void seed_rng(struct rng *r)
{
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 20250201;
    print_message("# seed %llu (METE_TEST_SEED)\n", (unsigned long long)seed);
    rng_seed(r, seed);
}

/* Below `limit`, of any magnitude. */
static u128 random_below(struct rng *r, u128 limit)
{
    u128 v = ((u128)rng_next(r) << 64 | rng_next(r)) % limit;
    return v >> rng_below(r, 120);
}

static void assert_i128(i128 got, i128 expected)
{
    if (got != expected) {
        char a[I128_TEXT_MAX], b[I128_TEXT_MAX];
        i128_format(got, a);
        i128_format(expected, b);
        fail_msg("%s is not %s", a, b);
    }
}

/* --- largest remainder
 * --------------------------------------------------------------------------*/

struct given {
    i128 part[MANY];
    uint8_t extra[MANY];
    i128 rest;
};

static void divide(i128 amount, const u128 *weight, size_t count, u128 den, struct given *out)
{
    struct arena a;
    arena_init(&a, ARENA_MAX);
    memset(out, 0x5a, sizeof *out);
    apportion_largest(&a, amount, weight, count, den, out->part, out->extra, &out->rest);
    arena_clear(&a);
}

static void expect_division(i128 amount, const u128 *weight, size_t count, u128 den,
                            const int *part, int rest)
{
    struct given got;
    divide(amount, weight, count, den, &got);
    for (size_t i = 0; i < count; i++) {
        assert_i128(got.part[i], part[i]);
    }
    assert_i128(got.rest, rest);
}

static void test_units_go_to_the_largest_remainders_and_ties_in_listed_order(void **state)
{
    (void)state;
    expect_division(100, (u128[]){1, 1, 1}, 3, 3, (int[]){34, 33, 33}, 0);
    expect_division(200, (u128[]){1, 1, 1}, 3, 3, (int[]){67, 67, 66}, 0);
    expect_division(10, (u128[]){1, 2, 4}, 3, 7, (int[]){1, 3, 6}, 0); /* 1.43 2.86 5.71 */
    expect_division(1, (u128[]){3, 7}, 2, 10, (int[]){0, 1}, 0);
    expect_division(0, (u128[]){3, 7}, 2, 10, (int[]){0, 0}, 0);
    expect_division(7, (u128[]){0, 1}, 2, 1, (int[]){0, 7}, 0);
}

static void test_an_implicit_rest_competes_last(void **state)
{
    (void)state;
    expect_division(1, (u128[]){1}, 1, 2, (int[]){1}, 0);       /* a tie: the rest is last */
    expect_division(1, (u128[]){1}, 1, 3, (int[]){0}, 1);       /* 0.33 against 0.67 */
    expect_division(5, (u128[]){1, 1}, 2, 4, (int[]){1, 1}, 3); /* 1.25 1.25 2.5 */
    expect_division(100, (u128[]){60, 30}, 2, 100, (int[]){60, 30}, 10);
    expect_division(9, NULL, 0, 1, NULL, 9);
}

/* The rule written once more, unit by unit, with machine integers. */
static void reference(int amount, const int *weight, int count, int den, int *part, int *rest)
{
    int left[5], units = amount, sum = 0;
    for (int i = 0; i <= count; i++) {
        int w = i < count ? weight[i] : den - sum;
        sum += w;
        part[i] = amount * w / den;
        left[i] = amount * w - part[i] * den;
        units -= part[i];
    }
    for (; units > 0; units--) {
        int best = 0;
        for (int i = 1; i <= count; i++) {
            best = left[i] > left[best] ? i : best;
        }
        part[best]++;
        left[best] = -1;
    }
    *rest = part[count];
}

static uint64_t compare_all_amounts(const int *weight, int count, int den)
{
    u128 wide[4];
    for (int i = 0; i < count; i++) {
        wide[i] = (u128)weight[i];
    }
    for (int amount = 0; amount <= 40; amount++) {
        struct given got;
        int part[5], rest, sum = 0;
        reference(amount, weight, count, den, part, &rest);
        divide(amount, wide, (size_t)count, (u128)den, &got);
        for (int i = 0; i < count; i++) {
            assert_i128(got.part[i], part[i]);
            assert_true(abs(part[i] * den - amount * weight[i]) < den);
            assert_int_equal(got.extra[i], part[i] - amount * weight[i] / den);
            sum += part[i];
        }
        assert_i128(got.rest, rest);
        assert_int_equal(sum + rest, amount);
    }
    return 41;
}

static uint64_t compare_all_weights(int *weight, int filled, int count, int left, int den)
{
    if (filled == count) {
        return compare_all_amounts(weight, count, den);
    }
    uint64_t tried = 0;
    for (weight[filled] = 0; weight[filled] <= left; weight[filled]++) {
        tried += compare_all_weights(weight, filled + 1, count, left - weight[filled], den);
    }
    return tried;
}

static void test_every_small_division_is_as_the_reference_says(void **state)
{
    (void)state;
    uint64_t tried = 0;
    for (int den = 1; den <= 7; den++) {
        for (int count = 0; count <= 4; count++) {
            int weight[4];
            tried += compare_all_weights(weight, 0, count, den, den);
        }
    }
    assert_true(tried == 41 * 1281); /* over den, the sum of C(den + 5, 4) */
}

/* a * b mod m, by doubling and adding; m < 2^120. */
static u128 product_modulo(u128 a, u128 b, u128 m)
{
    u128 sum = 0;
    for (a %= m; b > 0; b >>= 1) {
        sum = (b & 1) != 0 ? (sum + a) % m : sum;
        a = a * 2 % m;
    }
    return sum;
}

struct division {
    i128 amount;
    u128 den;
    size_t count;
    u128 weight[MANY];
    u128 remainder[MANY + 1]; /* the rest's is the last */
};

static void division_random(struct rng *r, struct division *d)
{
    static const size_t COUNTS[] = {1, 2, 5, 20, 24, 25, 26, 120, MANY};
    d->amount = (i128)random_below(r, LIMIT);
    d->count = COUNTS[rng_below(r, ARRAY_LEN(COUNTS))];
    u128 each = random_below(r, (LIMIT - 1) / d->count) + 1;
    uint64_t kinds = rng_below(r, 3);
    u128 sum = 0;
    for (size_t i = 0; i < d->count; i++) {
        u128 some = kinds == 0 ? random_below(r, each) : each - rng_below(r, kinds) % each;
        d->weight[i] = some;
        sum += some;
    }
    u128 room = rng_below(r, 2) == 0 ? 0 : random_below(r, LIMIT - sum);
    d->den = sum + room > 0 ? sum + room : 1;
    u128 left = d->den;
    for (size_t i = 0; i < d->count; i++) {
        d->remainder[i] = product_modulo((u128)d->amount, d->weight[i], d->den);
        left -= d->weight[i];
    }
    d->remainder[d->count] = product_modulo((u128)d->amount, left, d->den);
}

/* (part - extra) * den + remainder is exactly amount * weight. */
static void assert_floor(const struct division *d, size_t i, i128 part, uint8_t extra)
{
    struct u256 whole = u256_mul((u128)(part - extra), d->den);
    struct u256 sum;
    assert_true(u256_add(whole, (struct u256){0, d->remainder[i]}, &sum));
    assert_int_equal(u256_cmp(sum, u256_mul((u128)d->amount, d->weight[i])), 0);
}

/* Who got a unit stands before everyone who did not, by remainder and then by place. */
static void assert_order(const struct division *d, const struct given *got, uint8_t rest_extra)
{
    size_t worst = SIZE_MAX, best = SIZE_MAX;
    for (size_t i = 0; i <= d->count; i++) {
        u128 v = d->remainder[i];
        bool has = i < d->count ? got->extra[i] == 1 : rest_extra == 1;
        if (has && (worst == SIZE_MAX || v <= d->remainder[worst])) {
            worst = i;
        }
        if (!has && (best == SIZE_MAX || v > d->remainder[best])) {
            best = i;
        }
    }
    assert_true(worst == SIZE_MAX || best == SIZE_MAX || d->remainder[worst] > d->remainder[best] ||
                (d->remainder[worst] == d->remainder[best] && worst < best));
}

static void test_random_divisions_conserve_and_keep_the_rule(void **state)
{
    (void)state;
    struct rng r;
    seed_rng(&r);
    for (int round = 0; round < 3000; round++) {
        struct division d;
        struct given got;
        division_random(&r, &d);
        divide(d.amount, d.weight, d.count, d.den, &got);
        i128 sum = got.rest;
        u128 left = d.den;
        for (size_t i = 0; i < d.count; i++) {
            assert_true(got.extra[i] <= 1);
            assert_floor(&d, i, got.part[i], got.extra[i]);
            sum += got.part[i];
            left -= d.weight[i];
        }
        assert_i128(sum, d.amount);
        i128 rest_floor = apportion_floor(d.amount, left, d.den);
        assert_true(got.rest == rest_floor || got.rest == rest_floor + 1);
        assert_order(&d, &got, (uint8_t)(got.rest - rest_floor));
    }
}

static bool remainders_differ(const struct division *d)
{
    for (size_t i = 0; i <= d->count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (d->remainder[i] == d->remainder[k]) {
                return false;
            }
        }
    }
    return true;
}

static void test_without_ties_the_order_of_shares_does_not_matter(void **state)
{
    (void)state;
    struct rng r;
    seed_rng(&r);
    int compared = 0;
    for (int round = 0; round < 1500; round++) {
        struct division d;
        struct given before, after;
        division_random(&r, &d);
        if (!remainders_differ(&d)) {
            continue;
        }
        divide(d.amount, d.weight, d.count, d.den, &before);
        for (size_t i = d.count; i > 1; i--) {
            size_t k = rng_below(&r, i);
            u128 weight = d.weight[i - 1];
            i128 part = before.part[i - 1];
            d.weight[i - 1] = d.weight[k];
            d.weight[k] = weight;
            before.part[i - 1] = before.part[k];
            before.part[k] = part;
        }
        divide(d.amount, d.weight, d.count, d.den, &after);
        assert_memory_equal(before.part, after.part, d.count * sizeof *after.part);
        compared++;
    }
    assert_true(compared > 100);
}

static void test_two_hundred_thousand_shares_are_divided_exactly(void **state)
{
    (void)state;
    enum { COUNT = 200000 };
    struct arena a;
    arena_init(&a, ARENA_MAX);
    u128 *weight = arena_array(&a, COUNT, sizeof *weight);
    i128 *part = arena_array(&a, COUNT, sizeof *part);
    u128 sum = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        weight[i] = i % 2 == 0 ? i + 1 : 2 * COUNT - i; /* organ pipes */
        sum += weight[i];
    }
    i128 total = 0, rest = 0;
    apportion_largest(&a, 12345678901, weight, COUNT, sum, part, NULL, &rest);
    for (uint32_t i = 0; i < COUNT; i++) {
        total += part[i];
    }
    assert_i128(total, 12345678901);
    assert_i128(rest, 0);
    arena_clear(&a);
}

static void test_floor_drops_the_fraction_only(void **state)
{
    (void)state;
    assert_i128(apportion_floor(100, 1, 3), 33);
    assert_i128(apportion_floor(100, 3, 3), 100);
    assert_i128(apportion_floor(0, 1, 3), 0);
    i128 most = (i128)(LIMIT - 1);
    assert_i128(apportion_floor(most, LIMIT - 2, LIMIT - 1), (i128)(LIMIT - 2));
}

/* --- reversal
 * -----------------------------------------------------------------------------------*/

static void reverse(i128 amount, i128 *left, size_t count, const int *expected)
{
    struct arena a;
    i128 part[8];
    arena_init(&a, ARENA_MAX);
    apportion_reversal(&a, amount, left, count, part);
    for (size_t i = 0; i < count; i++) {
        assert_i128(part[i], expected[i]);
        left[i] -= part[i];
    }
    arena_clear(&a);
}

static void test_partial_reversals_end_at_exactly_zero(void **state)
{
    (void)state;
    i128 left[] = {6, 6, 2};
    reverse(10, left, 3, (int[]){4, 4, 2});
    reverse(1, left, 3, (int[]){1, 0, 0});
    reverse(3, left, 3, (int[]){1, 2, 0});
    reverse(0, left, 3, (int[]){0, 0, 0});
}

static void reverse_everything(struct rng *r, i128 *left, size_t count, i128 sum)
{
    struct arena a;
    i128 part[MANY];
    arena_init(&a, ARENA_MAX);
    while (sum > 0) {
        i128 amount = rng_below(r, 4) == 0 ? sum : (i128)random_below(r, (u128)sum) + 1;
        i128 total = 0;
        memset(part, 0x5a, sizeof part);
        apportion_reversal(&a, amount, left, count, part);
        for (size_t i = 0; i < count; i++) {
            assert_true(part[i] >= 0 && part[i] <= left[i]);
            left[i] -= part[i];
            total += part[i];
        }
        assert_i128(total, amount);
        sum -= amount;
    }
    for (size_t i = 0; i < count; i++) {
        assert_i128(left[i], 0);
    }
    arena_clear(&a);
}

static void test_any_sequence_of_reversals_is_monotone_and_ends_at_zero(void **state)
{
    (void)state;
    struct rng r;
    seed_rng(&r);
    for (int round = 0; round < 2000; round++) {
        i128 left[MANY];
        size_t count = 1 + rng_below(&r, round % 10 == 0 ? MANY : 7);
        u128 bound = rng_below(&r, 2) == 0 ? 12 : (LIMIT - 1) / count;
        i128 sum = 0;
        for (size_t i = 0; i < count; i++) {
            left[i] = (i128)random_below(&r, bound);
            sum += left[i];
        }
        reverse_everything(&r, left, count, sum);
    }
}

/* --- carry
 * --------------------------------------------------------------------------------------*/

static const u128 DENS[] = {1, 2, 3, 7, 10, 16, 100, 360, 9973};
#define DENS_COMMON ((i128)16 * 9 * 25 * 7 * 9973) /* of all of them */

struct step {
    i128 amount;
    u128 weight;
    u128 den;
    bool negative;
};

static struct step step_random(struct rng *r)
{
    struct step s = {.den = DENS[rng_below(r, ARRAY_LEN(DENS))]};
    s.weight = rng_below(r, (uint64_t)s.den + 1);
    s.amount = (i128)(rng_next(r) >> rng_below(r, 64));
    s.negative = rng_below(r, 3) == 0;
    return s;
}

/* In units of 1 / DENS_COMMON. */
static i128 step_exact(const struct step *s)
{
    i128 v = s->amount * (i128)s->weight * (DENS_COMMON / (i128)s->den);
    return s->negative ? -v : v;
}

static i128 floor_of(i128 v)
{
    i128 q = v / DENS_COMMON;
    return q - (v % DENS_COMMON < 0);
}

static void assert_residue(const struct residue *r, i128 credited, i128 exact)
{
    assert_true(r->den > 0 && r->num < r->den && DENS_COMMON % (i128)r->den == 0);
    assert_true(u128_gcd(r->num, r->den) == 1);
    i128 num = (i128)r->num * (DENS_COMMON / (i128)r->den);
    assert_i128((credited + r->whole) * DENS_COMMON + num, exact);
}

static i128 credit_all(const struct step *step, size_t count, struct residue *r, i128 *exact)
{
    i128 credited = 0;
    *exact = 0;
    *r = RESIDUE_ZERO;
    for (size_t i = 0; i < count; i++) {
        i128 credit;
        assert_true(residue_credit(r, step[i].amount, step[i].weight, step[i].den, step[i].negative,
                                   false, &credit));
        credited += credit;
        *exact += step_exact(&step[i]);
        assert_i128(credited, floor_of(*exact));
        assert_i128(r->whole, 0);
        assert_residue(r, credited, *exact);
    }
    return credited;
}

static void test_credited_is_the_floor_of_the_exact_sum_in_any_order(void **state)
{
    (void)state;
    struct rng r;
    seed_rng(&r);
    for (int round = 0; round < 3000; round++) {
        struct step step[24];
        struct residue first, second;
        i128 exact;
        for (size_t i = 0; i < ARRAY_LEN(step); i++) {
            step[i] = step_random(&r);
        }
        i128 credited = credit_all(step, ARRAY_LEN(step), &first, &exact);
        for (size_t i = ARRAY_LEN(step); i > 1; i--) {
            size_t k = rng_below(&r, i);
            struct step swap = step[i - 1];
            step[i - 1] = step[k];
            step[k] = swap;
        }
        assert_i128(credit_all(step, ARRAY_LEN(step), &second, &exact), credited);
        assert_true(first.num == second.num && first.den == second.den);
    }
}

static void test_a_credit_that_may_not_be_negative_is_caught_up_later(void **state)
{
    (void)state;
    struct rng rng;
    seed_rng(&rng);
    int held_back = 0;
    for (int round = 0; round < 3000; round++) {
        struct residue r = RESIDUE_ZERO;
        i128 credited = 0, exact = 0;
        for (int i = 0; i < 24; i++) {
            struct step s = step_random(&rng);
            i128 credit = 0;
            exact += step_exact(&s);
            if (s.negative) {
                i128 posted = (i128)rng_below(&rng, (uint64_t)s.amount / 2 + 1);
                assert_true(residue_take(&r, s.amount, s.weight, s.den, posted));
                credited -= posted;
            } else {
                assert_true(residue_credit(&r, s.amount, s.weight, s.den, false, true, &credit));
                assert_true(credit >= 0);
                assert_true(credit == 0 ? r.whole <= 0 : r.whole == 0);
                held_back += r.whole < 0;
                credited += credit;
            }
            assert_residue(&r, credited, exact);
        }
    }
    assert_true(held_back > 100);
}

static void test_a_reversal_credits_back_to_nothing(void **state)
{
    (void)state;
    struct residue r = RESIDUE_ZERO;
    i128 credit;
    assert_true(residue_credit(&r, 100, 1, 3, false, false, &credit));
    assert_i128(credit, 33);
    assert_true(r.whole == 0 && r.num == 1 && r.den == 3);
    assert_true(residue_credit(&r, 101, 1, 3, false, false, &credit));
    assert_i128(credit, 34);
    assert_true(r.num == 0 && r.den == 1);
    assert_true(residue_credit(&r, 100, 1, 3, true, false, &credit));
    assert_i128(credit, -34);
    assert_true(residue_credit(&r, 101, 1, 3, true, false, &credit));
    assert_i128(credit, -33);
    assert_true(r.whole == 0 && r.num == 0 && r.den == 1);
}

static void test_sums_of_the_widest_amounts_are_exact(void **state)
{
    (void)state;
    struct rng rng;
    seed_rng(&rng);
    for (int round = 0; round < 2000; round++) {
        u128 den = LIMIT - 1 - random_below(&rng, LIMIT / 2);
        struct residue r = RESIDUE_ZERO;
        struct u256 exact = {0, 0};
        i128 credited = 0, credit;
        for (int i = 0; i < 12; i++) {
            u128 weight = random_below(&rng, den) + 1;
            i128 amount = (i128)(LIMIT - 1 - random_below(&rng, LIMIT));
            assert_true(residue_credit(&r, amount, weight, den, false, false, &credit));
            assert_true(u256_add(exact, u256_mul((u128)amount, weight), &exact));
            credited += credit;
        }
        u128 rest;
        assert_i128(credited, (i128)u256_div(exact, den, &rest));
        assert_true(u256_cmp(u256_mul(r.num, den), u256_mul(rest, r.den)) == 0);
    }
}

static void test_fractions_without_a_common_denominator_change_nothing(void **state)
{
    (void)state;
    u128 den = ((u128)1 << 118) - 1; /* has no factor in common with 2^119 - 1 */
    struct residue r = {0, 5, ((u128)1 << 119) - 1};
    struct residue before = r;
    i128 credit = 77;
    assert_false(residue_credit(&r, 100, 1, den, false, false, &credit));
    assert_false(residue_take(&r, 100, 1, den, 3));
    assert_i128(credit, 77);
    assert_true(r.whole == before.whole && r.num == before.num && r.den == before.den);
}

static void test_a_residue_reads_back_and_damage_is_refused(void **state)
{
    (void)state;
    struct residue wide = {-(((i128)1 << 119) + 7), LIMIT - 2, LIMIT - 1};
    struct residue got = RESIDUE_ZERO;
    struct buf b = {0};
    residue_pack(&b, &wide);
    assert_true(residue_unpack(buf_bytes(&b), &got));
    assert_true(got.whole == wide.whole && got.num == wide.num && got.den == wide.den);
    for (size_t len = 0; len < b.len; len++) {
        assert_false(residue_unpack((struct bytes){b.p, len}, &got));
    }
    buf_put_u8(&b, 0);
    assert_false(residue_unpack(buf_bytes(&b), &got));
    static const uint8_t BAD[][4] = {
        {2, 0, 0, 1}, /* another format */
        {1, 0, 0, 0}, /* over nothing */
        {1, 0, 3, 3}, /* not below 1 */
    };
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_false(residue_unpack((struct bytes){BAD[i], sizeof BAD[i]}, &got));
    }
    assert_true(residue_unpack((struct bytes){(const uint8_t[]){1, 1, 2, 3}, 4}, &got));
    assert_true(got.whole == -1 && got.num == 2 && got.den == 3);
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units_go_to_the_largest_remainders_and_ties_in_listed_order),
        cmocka_unit_test(test_an_implicit_rest_competes_last),
        cmocka_unit_test(test_every_small_division_is_as_the_reference_says),
        cmocka_unit_test(test_random_divisions_conserve_and_keep_the_rule),
        cmocka_unit_test(test_without_ties_the_order_of_shares_does_not_matter),
        cmocka_unit_test(test_two_hundred_thousand_shares_are_divided_exactly),
        cmocka_unit_test(test_floor_drops_the_fraction_only),
        cmocka_unit_test(test_partial_reversals_end_at_exactly_zero),
        cmocka_unit_test(test_any_sequence_of_reversals_is_monotone_and_ends_at_zero),
        cmocka_unit_test(test_credited_is_the_floor_of_the_exact_sum_in_any_order),
        cmocka_unit_test(test_a_credit_that_may_not_be_negative_is_caught_up_later),
        cmocka_unit_test(test_a_reversal_credits_back_to_nothing),
        cmocka_unit_test(test_sums_of_the_widest_amounts_are_exact),
        cmocka_unit_test(test_fractions_without_a_common_denominator_change_nothing),
        cmocka_unit_test(test_a_residue_reads_back_and_damage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
