/* SPDX-License-Identifier: Apache-2.0
 * Amounts, fractions, assets, fees and conditions. Random tests print their seed. */
#include "base/limits.h"
#include "base/rng.h"
#include "base/text.h"
#include "core/amount.h"
#include "core/asset.h"
#include "core/condition.h"
#include "core/fees.h"
#include "core/ratio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_MAX ((size_t)16 << 20)
#define ROUNDS    100000

static void seed_rng(struct rng *r)
{
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 20250202;
    print_message("# seed %llu (METE_TEST_SEED)\n", (unsigned long long)seed);
    rng_seed(r, seed);
}

static u128 random_u128(struct rng *r, unsigned bits)
{
    u128 v = (u128)rng_next(r) << 64 | rng_next(r);
    return v >> (128 - bits) >> rng_below(r, bits);
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

/* --- amounts
 * ------------------------------------------------------------------------------------*/

static void expect_amount(const char *text, unsigned scale, const char *minor)
{
    i128 got = -1;
    u128 expected = 0;
    assert_true(u128_parse(text_of(minor), &expected));
    if (amount_parse(text_of(text), scale, &got) != METE_OK) {
        fail_msg("\"%s\" is refused", text);
    }
    assert_i128(got, (i128)expected);
}

static void expect_no_amount(const char *text, unsigned scale, enum mete_code code)
{
    i128 got = -77;
    enum mete_code said = amount_parse(text_of(text), scale, &got);
    if (said != code) {
        fail_msg("\"%s\" gives %s", text, mete_code_name(said));
    }
    assert_i128(got, -77);
}

static void test_a_plain_decimal_becomes_minor_units(void **state)
{
    (void)state;
    expect_amount("1500.00", 2, "150000");
    expect_amount("1500", 2, "150000");
    expect_amount("0.01", 2, "1");
    expect_amount("0.010", 2, "1");
    expect_amount("0.5", 2, "50");
    expect_amount("0", 0, "0");
    expect_amount("0.00", 0, "0");
    expect_amount("007", 0, "7");
    expect_amount("12.000000000000000000000000000000000000000000000000", 3, "12000");
    expect_amount("1", 18, "1000000000000000000");
    expect_amount("9.999999999999999999", 18, "9999999999999999999"); /* 19 digits */
    expect_amount("10.000000000000000001", 18, "10000000000000000001");
    expect_amount("18446744073709551616", 0, "18446744073709551616");
    expect_amount("00000000000000000000000000000000000000000000000000042.5", 2, "4250");
}

static void test_anything_else_is_no_amount(void **state)
{
    (void)state;
    static const char *const BAD[] = {"",    ".",   "1.",    ".5",       "+1",   "-1",  "1e3",
                                      " 1",  "1 ",  "1,5",   "1.2.3",    "1..2", "0x1", "1.5-",
                                      "NaN", "1_0", "1.0e0", "\xd9\xa1", "12/1", ":",   "1.a"};
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        expect_no_amount(BAD[i], 2, METE_AMOUNT_INVALID);
    }
    i128 got = -77;
    assert_int_equal(amount_parse((struct text){"1\0", 2}, 2, &got), METE_AMOUNT_INVALID);
    assert_int_equal(amount_parse((struct text){NULL, 0}, 2, &got), METE_AMOUNT_INVALID);
    assert_i128(got, -77);
}

static void test_digits_beyond_the_scale_are_refused_not_rounded(void **state)
{
    (void)state;
    expect_no_amount("0.001", 2, METE_AMOUNT_SCALE);
    expect_no_amount("1.1", 0, METE_AMOUNT_SCALE);
    expect_no_amount("1.0000000000000000001", 18, METE_AMOUNT_SCALE);
    expect_no_amount("0.0100000000000000000000000000001", 2, METE_AMOUNT_SCALE);
}

static void test_amounts_end_below_two_to_the_120(void **state)
{
    (void)state;
    expect_amount("1329227995784915872903807060280344575", 0,
                  "1329227995784915872903807060280344575");
    expect_no_amount("1329227995784915872903807060280344576", 0, METE_AMOUNT_RANGE);
    expect_amount("1329227.995784915872903807060280344575", 30,
                  "1329227995784915872903807060280344575");
    expect_no_amount("1329227.995784915872903807060280344576", 30, METE_AMOUNT_RANGE);
    expect_no_amount("1329228", 30, METE_AMOUNT_RANGE);
    expect_no_amount("99999999999999999999999999999999999999999999999999999999999", 2,
                     METE_AMOUNT_RANGE);
    assert_true(amount_in_range(AMOUNT_LIMIT - 1) && amount_in_range(1 - AMOUNT_LIMIT));
    assert_false(amount_in_range(AMOUNT_LIMIT) || amount_in_range(-AMOUNT_LIMIT));
    assert_false(amount_in_range(I128_MAX) || amount_in_range(I128_MIN));
}

static void expect_text(i128 v, unsigned scale, const char *expected)
{
    char got[AMOUNT_TEXT_MAX];
    memset(got, 'x', sizeof got);
    assert_int_equal(amount_format(v, scale, got), strlen(expected));
    assert_string_equal(got, expected);
}

static void test_an_amount_is_written_with_all_its_decimals(void **state)
{
    (void)state;
    expect_text(-1250, 2, "-12.50");
    expect_text(0, 2, "0.00");
    expect_text(7, 2, "0.07");
    expect_text(-7, 3, "-0.007");
    expect_text(70, 2, "0.70");
    expect_text(100, 2, "1.00");
    expect_text(-12, 0, "-12");
    expect_text(1, 30, "0.000000000000000000000000000001");
    expect_text(I128_MIN, 0, "-170141183460469231731687303715884105728");
    expect_text(I128_MIN, 30, "-170141183.460469231731687303715884105728");
}

static void test_what_is_written_reads_back(void **state)
{
    (void)state;
    struct rng r;
    seed_rng(&r);
    for (int i = 0; i < ROUNDS; i++) {
        i128 v = (i128)random_u128(&r, 120);
        unsigned scale = (unsigned)rng_below(&r, 31);
        char text[AMOUNT_TEXT_MAX];
        size_t len = amount_format(v, scale, text);
        i128 got = -1;
        assert_int_equal(amount_parse((struct text){text, len}, scale, &got), METE_OK);
        assert_i128(got, v);
        if (scale > 0) { /* the same digits without the point are the number itself */
            memmove(text + len - scale - 1, text + len - scale, scale + 1);
        }
        u128 digits = 0;
        assert_true(u128_parse(text_of(text), &digits));
        assert_i128((i128)digits, v);
    }
}

static void test_basis_points_are_floored_and_exact_at_any_size(void **state)
{
    (void)state;
    assert_i128(amount_bps(150000, 200), 3000);
    assert_i128(amount_bps(99, 200), 1); /* 1.98 */
    assert_i128(amount_bps(49, 200), 0);
    assert_i128(amount_bps(AMOUNT_LIMIT - 1, 10000), AMOUNT_LIMIT - 1);
    struct rng r;
    seed_rng(&r);
    for (int i = 0; i < ROUNDS; i++) {
        i128 v = (i128)random_u128(&r, 120);
        uint32_t bps = (uint32_t)rng_below(&r, 10001);
        u128 rest;
        assert_i128(amount_bps(v, bps), (i128)u128_mul_div((u128)v, bps, 10000, &rest));
    }
}

/* --- fractions
 * ----------------------------------------------------------------------------------*/

static void expect_ratio(const char *text, u128 num, u128 den)
{
    struct ratio got = {0, 0};
    if (!ratio_parse(text_of(text), &got)) {
        fail_msg("\"%s\" is refused", text);
    }
    assert_i128((i128)got.num, (i128)num);
    assert_i128((i128)got.den, (i128)den);
}

static void test_fractions_are_kept_in_lowest_terms(void **state)
{
    (void)state;
    expect_ratio("0.25", 1, 4);
    expect_ratio("1", 1, 1);
    expect_ratio("0", 0, 1);
    expect_ratio("0.375", 3, 8);
    expect_ratio("1/3", 1, 3);
    expect_ratio("2/6", 1, 3);
    expect_ratio("0/5", 0, 1);
    expect_ratio("12.50", 25, 2);
    expect_ratio("1.000", 1, 1);
    expect_ratio("0.3333333333", 3333333333, 10000000000);
    expect_ratio("0.500000000000000000000000000000000000000000000000000000", 1, 2);
    expect_ratio("0.000000000000000000000000000000000001", 1, u128_pow10(36));
    expect_ratio("0.0000000000000000000000000000000000008", 1, u128_pow10(37) / 8);
}

static void test_what_is_no_fraction_is_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "", ".5", "5.", "1/0", "0/0", "1/", "/3", "1/3/5", "1.5/3", "1/.5", "+1", "-1", "1e-3",
        " 1", "1 / 3", "0.1 ", "0..1", "1,5", ".", "0.-", "0x10", "½", "0.1/0.3", "1/-3", "1e400",
        /* 2^120 above, below, and neither after reduction */
        "1329227995784915872903807060280344576", "1/1329227995784915872903807060280344576",
        "0.0000000000000000000000000000000000001", /* 10^37 is above 2^120 */
        "0.333333333333333333333333333333333333333333333333333",
        "1000000000000000000000000000000000000000000000000000000000"};
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct ratio got = {7, 7};
        if (ratio_parse(text_of(BAD[i]), &got)) {
            fail_msg("\"%s\" is read", BAD[i]);
        }
        assert_true(got.num == 7 && got.den == 7);
    }
}

/* --- assets
 * -------------------------------------------------------------------------------------*/

static void test_numbers_of_assets_are_permanent(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        uint32_t number;
    } PINNED[] = {{"AED", 1},    {"EUR", 46},   {"JPY", 69},  {"USD", 145},
                  {"ZWG", 165},  {"AVAX", 166}, {"SAT", 173}, {"USDC", 175},
                  {"USDT", 176}, {"ANG", 177},  {"ZWL", 182}};
    for (size_t i = 0; i < ARRAY_LEN(PINNED); i++) {
        const struct asset *a = asset_builtin(text_of(PINNED[i].code));
        assert_non_null(a);
        assert_int_equal(a->number, PINNED[i].number);
    }
    assert_null(asset_builtin_number(0));
    assert_null(asset_builtin_number(183));
    assert_null(asset_builtin_number(ASSET_DEFINED_FIRST));
}

static void test_every_asset_is_found_by_code_and_by_number(void **state)
{
    (void)state;
    size_t i = 0;
    for (const struct asset *a; (a = asset_builtin_at(i)) != NULL; i++) {
        assert_int_equal(a->number, i + 1);
        assert_true(asset_code_valid(text_of(a->code)));
        assert_ptr_equal(asset_builtin(text_of(a->code)), a);
        assert_ptr_equal(asset_builtin_number(a->number), a);
    }
    assert_int_equal(i, 182);
}

static void test_minor_units_are_those_of_iso_4217(void **state)
{
    (void)state;
    static const char NONE[] =
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF ";
    static const char THREE[] = "BHD IQD JOD KWD LYD OMR TND ";
    static const char FOUR[] = "CLF UYW ";
    for (uint32_t n = 1; n <= 165; n++) {
        const struct asset *a = asset_builtin_number(n);
        char sought[ASSET_CODE_LEN_MAX + 2];
        snprintf(sought, sizeof sought, "%s ", a->code);
        int expected = strstr(NONE, sought) != NULL    ? 0
                       : strstr(THREE, sought) != NULL ? 3
                       : strstr(FOUR, sought) != NULL  ? 4
                                                       : 2;
        assert_int_equal(a->scale, expected);
    }
}

static void test_scales_of_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        unsigned scale;
    } TOKENS[] = {{"SAT", 0},  {"MSAT", 0},  {"BTC", 8}, {"USDC", 6}, {"USDT", 6}, {"EURC", 6},
                  {"ETH", 18}, {"AVAX", 18}, {"SOL", 9}, {"POL", 18}, {"BNB", 18}};
    for (size_t i = 0; i < ARRAY_LEN(TOKENS); i++) {
        const struct asset *a = asset_builtin(text_of(TOKENS[i].code));
        assert_non_null(a);
        assert_int_equal(a->scale, TOKENS[i].scale);
    }
}

static void test_other_codes_are_not_built_in(void **state)
{
    (void)state;
    static const char *const OTHER[] = {
        "",    "U",   "US",  "usd", "Usd",          "USDD", "USDCC", "ZZZ", "AAA",  "XAU",
        "XXX", "XTS", "XDR", "DEM", "\xff\xff\xff", "AE",   "EU",    "B",   "BTCX", "AVA"};
    for (size_t i = 0; i < ARRAY_LEN(OTHER); i++) {
        assert_null(asset_builtin(text_of(OTHER[i])));
    }
    assert_null(asset_builtin((struct text){"USD\0", 4}));
    assert_null(asset_builtin((struct text){NULL, 0}));
}

static void test_codes_that_a_book_may_define(void **state)
{
    (void)state;
    assert_true(asset_code_valid(TEXT("x")) && asset_code_valid(TEXT("eip155:1.USDC-e_2")));
    assert_true(asset_code_valid(TEXT("123456789012345678901234")));
    static const char *const BAD[] = {"", "1234567890123456789012345", "a b", "a/b", "é", "a\n"};
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_false(asset_code_valid(text_of(BAD[i])));
    }
}

/* --- fees
 * ---------------------------------------------------------------------------------------*/

#define USD 145u
#define EUR 46u

static struct fee_child wer1 = {TEXT("infrastructure_pattern_attribution"), 2500,
                                TEXT("did:ethr:0xWeR1Protocol"), 17};
static struct fee_child halves[] = {{TEXT("a"), 5000, TEXT("p"), 18},
                                    {TEXT("b"), 5000, TEXT("q"), 19}};

static struct fee fee_bps(uint32_t bps)
{
    return (struct fee){.label = TEXT("fee"), .bps = bps, .payee = TEXT("party"), .number = 16};
}

static struct fee fee_fixed(uint32_t asset, i128 amount)
{
    return (struct fee){.label = TEXT("fixed"),
                        .is_fixed = true,
                        .fixed_asset = asset,
                        .fixed_amount = amount,
                        .payee = TEXT("party"),
                        .number = 20};
}

static void expect_parts(struct fee *fee, uint32_t count, i128 gross, i128 taken,
                         const struct fee_part *expected, size_t parts)
{
    struct arena a;
    struct fee_part *got;
    struct fee_schedule s = {fee, count};
    i128 total = -1, sum = 0;
    arena_init(&a, ARENA_MAX);
    assert_int_equal(fee_schedule_apply(&a, &s, USD, gross, taken, &got, &total), parts);
    for (size_t i = 0; i < parts; i++) {
        assert_int_equal(got[i].fee, expected[i].fee);
        assert_int_equal(got[i].child, expected[i].child);
        assert_i128(got[i].amount, expected[i].amount);
        sum += expected[i].amount;
    }
    assert_i128(total, sum);
    arena_clear(&a);
}

static void test_the_parent_keeps_what_its_children_leave(void **state)
{
    (void)state;
    struct fee fee = fee_bps(200);
    fee.child = &wer1;
    fee.child_count = 1;
    expect_parts(&fee, 1, 150000, 0, (struct fee_part[]){{0, 0, 2250}, {0, 1, 750}}, 2);
    expect_parts(&fee, 1, 199, 0, (struct fee_part[]){{0, 0, 3}, {0, 1, 0}}, 2); /* 3.98, 0.75 */
    fee.child = halves;
    fee.child_count = 2;
    expect_parts(&fee, 1, 150, 0, (struct fee_part[]){{0, 0, 1}, {0, 1, 1}, {0, 2, 1}}, 3);
    expect_parts(&fee, 1, 0, 0, (struct fee_part[]){{0, 0, 0}, {0, 1, 0}, {0, 2, 0}}, 3);
}

static void test_a_fee_takes_at_most_what_is_left(void **state)
{
    (void)state;
    struct fee fees[] = {fee_bps(6000), fee_fixed(USD, 30), fee_bps(10000), fee_fixed(USD, 5)};
    expect_parts(fees, 4, 100, 0,
                 (struct fee_part[]){{0, 0, 60}, {1, 0, 30}, {2, 0, 10}, {3, 0, 0}}, 4);
    expect_parts(fees, 4, 100, 55, (struct fee_part[]){{0, 0, 45}, {1, 0, 0}, {2, 0, 0}, {3, 0, 0}},
                 4);
    fees[0].child = halves;
    fees[0].child_count = 2;
    expect_parts(fees, 1, 100, 95, (struct fee_part[]){{0, 0, 1}, {0, 1, 2}, {0, 2, 2}}, 3);
}

static void test_a_fixed_fee_binds_its_own_asset_only(void **state)
{
    (void)state;
    struct fee fees[] = {fee_fixed(EUR, 30), fee_fixed(USD, 30)};
    expect_parts(fees, 2, 100, 0, (struct fee_part[]){{0, 0, 0}, {1, 0, 30}}, 2);
    expect_parts(fees, 2, 20, 0, (struct fee_part[]){{0, 0, 0}, {1, 0, 20}}, 2);
    expect_parts(NULL, 0, 20, 3, NULL, 0);
}

static void expect_fault(struct fee_schedule s, enum mete_code code, const char *pointer)
{
    struct mete_err err = {0};
    assert_int_equal(fee_schedule_check(&s, &err), code);
    assert_int_equal(err.code, code);
    assert_string_equal(err.pointer, pointer);
    assert_true(strlen(err.text) > 0);
    assert_int_equal(fee_schedule_check(&s, NULL), code);
}

static void test_faults_of_a_schedule_are_named_where_they_are(void **state)
{
    (void)state;
    struct mete_err err;
    struct fee_child children[FEES_MAX + 1];
    struct fee fees[FEES_MAX + 1];
    for (size_t i = 0; i <= FEES_MAX; i++) {
        fees[i] = fee_bps(10000);
        children[i] = (struct fee_child){TEXT("c"), 10000 / FEES_MAX, TEXT("p"), 0};
    }
    fees[1].child = children;
    fees[1].child_count = FEES_MAX;
    assert_int_equal(fee_schedule_check(&(struct fee_schedule){fees, FEES_MAX}, &err), METE_OK);
    assert_int_equal(fee_schedule_check(&(struct fee_schedule){NULL, 0}, &err), METE_OK);
    expect_fault((struct fee_schedule){fees, FEES_MAX + 1}, METE_SHARES_LIMIT, "/fees");
    fees[1].child_count = FEES_MAX + 1;
    expect_fault((struct fee_schedule){fees, 2}, METE_SHARES_LIMIT, "/fees/1/children");
    fees[1].child_count = FEES_MAX;
    children[FEES_MAX - 1].share_bps += 10000 % FEES_MAX; /* together exactly all of it */
    assert_int_equal(fee_schedule_check(&(struct fee_schedule){fees, 2}, &err), METE_OK);
    children[FEES_MAX - 1].share_bps++;
    expect_fault((struct fee_schedule){fees, 2}, METE_FEES_INVALID,
                 "/fees/1/children/31/share_bps");
    children[3].share_bps = 10001;
    expect_fault((struct fee_schedule){fees, 2}, METE_FEES_INVALID, "/fees/1/children/3/share_bps");
    children[3] = (struct fee_child){.share_bps = 1, .payee = TEXT("p")};
    expect_fault((struct fee_schedule){fees, 2}, METE_FEES_INVALID, "/fees/1/children/3/label");
    fees[1].child_count = 0;
    fees[2].bps = 10001;
    expect_fault((struct fee_schedule){fees, 3}, METE_FEES_INVALID, "/fees/2/bps");
    fees[2] = fee_bps(1);
    fees[2].payee = (struct text){NULL, 0};
    expect_fault((struct fee_schedule){fees, 3}, METE_FEES_INVALID, "/fees/2/payee");
    fees[0].label = (struct text){NULL, 0};
    expect_fault((struct fee_schedule){fees, 3}, METE_FEES_INVALID, "/fees/0/label");
}

static bool unpacks(struct bytes packed)
{
    struct arena a;
    struct fee_schedule s;
    arena_init(&a, ARENA_MAX);
    bool good = fee_schedule_unpack(&a, packed, &s);
    if (good) {
        struct buf again = {0};
        fee_schedule_pack(&again, &s);
        assert_int_equal(again.len, packed.len);
        assert_memory_equal(again.p, packed.p, packed.len);
        buf_clear(&again);
    }
    arena_clear(&a);
    return good;
}

static void test_a_schedule_reads_back_and_a_cut_one_is_refused(void **state)
{
    (void)state;
    struct fee fees[] = {fee_bps(200), fee_fixed(USD, AMOUNT_LIMIT - 1), fee_bps(0)};
    fees[0].child = &wer1;
    fees[0].child_count = 1;
    fees[1].child = halves;
    fees[1].child_count = 2;
    struct buf b = {0};
    fee_schedule_pack(&b, &(struct fee_schedule){fees, 3});
    assert_true(unpacks(buf_bytes(&b)));
    for (size_t len = 0; len < b.len; len++) {
        assert_false(unpacks((struct bytes){b.p, len}));
    }
    struct arena a;
    struct fee_schedule got;
    arena_init(&a, ARENA_MAX);
    assert_true(fee_schedule_unpack(&a, buf_bytes(&b), &got));
    assert_int_equal(got.fee_count, 3);
    assert_true(text_is(got.fee[0].child[0].label, "infrastructure_pattern_attribution"));
    assert_int_equal(got.fee[0].bps, 200);
    assert_int_equal(got.fee[0].child[0].number, 17);
    assert_int_equal(got.fee[0].payee.len, 0);
    assert_true(got.fee[1].is_fixed && got.fee[1].fixed_asset == USD);
    assert_i128(got.fee[1].fixed_amount, AMOUNT_LIMIT - 1);
    arena_clear(&a);
    buf_put_u8(&b, 0);
    assert_false(unpacks(buf_bytes(&b)));
    buf_clear(&b);
}

static void test_a_damaged_schedule_is_refused_or_a_schedule(void **state)
{
    (void)state;
    struct rng r;
    seed_rng(&r);
    struct fee fees[] = {fee_bps(200), fee_fixed(USD, 30)};
    fees[0].child = halves;
    fees[0].child_count = 2;
    struct buf b = {0};
    int refused = 0;
    fee_schedule_pack(&b, &(struct fee_schedule){fees, 2});
    for (int i = 0; i < 20000; i++) {
        size_t at = rng_below(&r, b.len);
        uint8_t was = b.p[at];
        b.p[at] ^= (uint8_t)(1 + rng_below(&r, 255));
        refused += !unpacks(buf_bytes(&b));
        b.p[at] = was;
    }
    assert_true(refused > 1000);
    buf_clear(&b);
}

/* --- conditions
 * ---------------------------------------------------------------------------------*/

static void test_families_follow_from_the_name(void **state)
{
    (void)state;
    static const struct {
        const char *name, *family;
    } CASES[] = {{"pre-recoup", "recoup"},
                 {"post-recoup", "recoup"},
                 {"pre-release", "release"},
                 {"post-release", "release"},
                 {"tickets-under-500", "tickets"},
                 {"tickets-over-1000", "tickets"},
                 {"early-bird", "sales"},
                 {"standard", "sales"},
                 {"standard-sales", "sales"},
                 {"late", "sales"},
                 {"founder-vesting", "founder-vesting"},
                 {"preview", "preview"},
                 {"", ""}};
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        assert_true(text_is(condition_family(text_of(CASES[i].name)), CASES[i].family));
    }
}

#define BIT(i) ((uint64_t)1 << (i))

enum { PRE, POST, UNDER, OVER, EARLY, STANDARD, VIP, ALONE };

static struct text names[] = {TEXT("pre-recoup"),
                              TEXT("post-recoup"),
                              TEXT("tickets-under-500"),
                              TEXT("tickets-over-500"),
                              TEXT("early-bird"),
                              TEXT("standard-sales"),
                              TEXT("vip"),
                              TEXT("alone")};

static struct policy policy_with_conditions(void)
{
    return (struct policy){
        .kind = POLICY_WEIGHTS, .den = 1, .condition = names, .condition_count = ARRAY_LEN(names)};
}

static void test_recoup_turns_at_the_threshold(void **state)
{
    (void)state;
    struct policy p = policy_with_conditions();
    struct condition_facts f = {.net = 499999};
    assert_int_equal(condition_active(&p, &f), 0);
    p.has_recoup = true;
    p.recoup_amount = 500000;
    assert_int_equal(condition_active(&p, &f), BIT(PRE));
    f.net = 500000;
    assert_int_equal(condition_active(&p, &f), BIT(POST));
    p.default_condition = names[PRE];
    assert_int_equal(condition_active(&p, &f), BIT(POST));
    p.condition_count = POST; /* "post-recoup" is not used: the family is decided all the same */
    assert_int_equal(condition_active(&p, &f), 0);
}

static void test_thresholds_compare_with_the_quantity_before(void **state)
{
    (void)state;
    static const enum threshold_op OPS[] = {THRESHOLD_LT, THRESHOLD_LE, THRESHOLD_GE, THRESHOLD_GT};
    static const bool HOLDS[][3] = {{1, 0, 0}, {1, 1, 0}, {0, 1, 1}, {0, 0, 1}};
    for (size_t op = 0; op < ARRAY_LEN(OPS); op++) {
        struct threshold t = {UNDER, OPS[op], 500};
        struct policy p = policy_with_conditions();
        p.threshold = &t;
        p.threshold_count = 1;
        for (int i = 0; i < 3; i++) {
            struct condition_facts f = {.quantity = 499 + i};
            assert_int_equal(condition_active(&p, &f), HOLDS[op][i] ? BIT(UNDER) : 0);
        }
    }
    struct threshold most = {OVER, THRESHOLD_GE, UINT64_MAX};
    struct policy p = policy_with_conditions();
    p.threshold = &most;
    p.threshold_count = 1;
    assert_int_equal(condition_active(&p, &(struct condition_facts){.quantity = I128_MAX}),
                     BIT(OVER));
}

static void test_sales_periods_hold_at_both_ends(void **state)
{
    (void)state;
    struct sales_period period[] = {{EARLY, 100, 200}, {STANDARD, 201, TIME_NEVER}};
    struct policy p = policy_with_conditions();
    p.period = period;
    p.period_count = 2;
    static const mete_time AT[] = {99, 100, 200, 201, TIME_MAX};
    static const uint64_t ACTIVE[] = {0, BIT(EARLY), BIT(EARLY), BIT(STANDARD), BIT(STANDARD)};
    for (size_t i = 0; i < ARRAY_LEN(AT); i++) {
        assert_int_equal(condition_active(&p, &(struct condition_facts){.occurred_at = AT[i]}),
                         ACTIVE[i]);
    }
}

static void test_payload_and_switches_are_added_and_off_yields_only_to_the_payload(void **state)
{
    (void)state;
    struct policy p = policy_with_conditions();
    struct condition_switch on[] = {{TEXT("alone"), true}, {TEXT("unknown"), true}};
    struct condition_switch off[] = {{TEXT("post-recoup"), false}};
    struct condition_facts f = {.net = 1, .payload = &names[VIP], .payload_count = 1};
    p.has_recoup = true;
    f.switched = on;
    f.switched_count = 2;
    assert_int_equal(condition_active(&p, &f), BIT(POST) | BIT(VIP) | BIT(ALONE));
    f.switched = off;
    f.switched_count = 1;
    assert_int_equal(condition_active(&p, &f), BIT(VIP));
    f.payload = &names[POST];
    assert_int_equal(condition_active(&p, &f), BIT(POST));
}

static void test_the_default_holds_until_something_decides_its_family(void **state)
{
    (void)state;
    struct policy p = policy_with_conditions();
    struct condition_facts f = {0};
    p.default_condition = names[PRE];
    assert_int_equal(condition_active(&p, &f), BIT(PRE));
    f.payload = &names[ALONE]; /* of another family */
    f.payload_count = 1;
    assert_int_equal(condition_active(&p, &f), BIT(PRE) | BIT(ALONE));
    f.payload = &names[POST];
    assert_int_equal(condition_active(&p, &f), BIT(POST));
    struct condition_switch s[] = {{TEXT("post-recoup"), true}};
    f = (struct condition_facts){.switched = s, .switched_count = 1};
    assert_int_equal(condition_active(&p, &f), BIT(POST));
    s[0].active = false; /* it says only that it is not post-recoup */
    assert_int_equal(condition_active(&p, &f), BIT(PRE));
    s[0] = (struct condition_switch){TEXT("pre-recoup"), false};
    assert_int_equal(condition_active(&p, &f), 0);
}

static void test_a_name_that_no_entry_uses_decides_a_family_too(void **state)
{
    (void)state;
    struct policy p = policy_with_conditions();
    struct text after = TEXT("post-recoup");
    struct condition_switch s = {TEXT("post-recoup"), true};
    p.default_condition = names[PRE];
    p.condition_count = 1; /* pre-recoup alone */
    assert_int_equal(condition_active(&p, &(struct condition_facts){0}), BIT(PRE));
    assert_int_equal(
        condition_active(&p, &(struct condition_facts){.payload = &after, .payload_count = 1}), 0);
    assert_int_equal(
        condition_active(&p, &(struct condition_facts){.switched = &s, .switched_count = 1}), 0);
}

static void test_periods_of_any_name_are_one_family(void **state)
{
    (void)state;
    struct sales_period vip = {VIP, 100, 200};
    struct policy p = policy_with_conditions();
    p.period = &vip;
    p.period_count = 1;
    p.default_condition = names[STANDARD];
    assert_int_equal(condition_active(&p, &(struct condition_facts){.occurred_at = 150}), BIT(VIP));
    assert_int_equal(condition_active(&p, &(struct condition_facts){.occurred_at = 250}),
                     BIT(STANDARD));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_decimal_becomes_minor_units),
        cmocka_unit_test(test_anything_else_is_no_amount),
        cmocka_unit_test(test_digits_beyond_the_scale_are_refused_not_rounded),
        cmocka_unit_test(test_amounts_end_below_two_to_the_120),
        cmocka_unit_test(test_an_amount_is_written_with_all_its_decimals),
        cmocka_unit_test(test_what_is_written_reads_back),
        cmocka_unit_test(test_basis_points_are_floored_and_exact_at_any_size),
        cmocka_unit_test(test_fractions_are_kept_in_lowest_terms),
        cmocka_unit_test(test_what_is_no_fraction_is_refused),
        cmocka_unit_test(test_numbers_of_assets_are_permanent),
        cmocka_unit_test(test_every_asset_is_found_by_code_and_by_number),
        cmocka_unit_test(test_minor_units_are_those_of_iso_4217),
        cmocka_unit_test(test_scales_of_tokens),
        cmocka_unit_test(test_other_codes_are_not_built_in),
        cmocka_unit_test(test_codes_that_a_book_may_define),
        cmocka_unit_test(test_the_parent_keeps_what_its_children_leave),
        cmocka_unit_test(test_a_fee_takes_at_most_what_is_left),
        cmocka_unit_test(test_a_fixed_fee_binds_its_own_asset_only),
        cmocka_unit_test(test_faults_of_a_schedule_are_named_where_they_are),
        cmocka_unit_test(test_a_schedule_reads_back_and_a_cut_one_is_refused),
        cmocka_unit_test(test_a_damaged_schedule_is_refused_or_a_schedule),
        cmocka_unit_test(test_families_follow_from_the_name),
        cmocka_unit_test(test_recoup_turns_at_the_threshold),
        cmocka_unit_test(test_thresholds_compare_with_the_quantity_before),
        cmocka_unit_test(test_sales_periods_hold_at_both_ends),
        cmocka_unit_test(test_payload_and_switches_are_added_and_off_yields_only_to_the_payload),
        cmocka_unit_test(test_the_default_holds_until_something_decides_its_family),
        cmocka_unit_test(test_a_name_that_no_entry_uses_decides_a_family_too),
        cmocka_unit_test(test_periods_of_any_name_are_one_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
