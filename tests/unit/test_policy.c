/* SPDX-License-Identifier: Apache-2.0
 * Compiling, weighing and packing policies. The three temporal policies are those of the published
 * manifests music-temporal, software-vesting and event-milestone, built by hand. */
#include "base/i128.h"
#include "base/limits.h"
#include "base/rng.h"
#include "base/text.h"
#include "core/apportion.h"
#include "core/condition.h"
#include "core/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_MAX ((size_t)64 << 20)

static struct ratio ratio(const char *text)
{
    struct ratio r = {0, 1};
    assert_true(ratio_parse(text_of(text), &r));
    return r;
}

static mete_time at(const char *text)
{
    mete_time t = 0;
    assert_int_equal(time_parse(text_of(text), &t), TIME_OK);
    return t;
}

static void assert_u128(u128 got, u128 expected)
{
    if (got != expected) {
        char a[I128_TEXT_MAX], b[I128_TEXT_MAX];
        u128_format(got, a);
        u128_format(expected, b);
        fail_msg("%s is not %s", a, b);
    }
}

/* --- compiling
 * ----------------------------------------------------------------------------------*/

static struct policy weights_policy(struct arena *a, const char *const *weight, uint32_t count)
{
    struct policy p = {.kind = POLICY_WEIGHTS,
                       .rounding = ROUNDING_LARGEST,
                       .sum_rule = SUM_AT_MOST_ONE,
                       .share_count = count};
    p.share = arena_array(a, count, sizeof *p.share);
    for (uint32_t i = 0; i < count; i++) {
        p.share[i].payee = TEXT("party");
        p.share[i].number = 16 + i;
        p.share[i].ratio = ratio(weight[i]);
    }
    return p;
}

static void expect_fault(struct policy p, enum mete_code code, const char *pointer)
{
    struct arena a;
    struct mete_err err = {0};
    arena_init(&a, ARENA_MAX);
    assert_int_equal(policy_compile(&a, &p, &err), code);
    assert_int_equal(err.code, code);
    assert_string_equal(err.pointer, pointer);
    assert_true(strlen(err.text) > 0);
    arena_clear(&a);
}

#define WEIGHTS(...) ((const char *const[]){__VA_ARGS__})
#define COUNT(list)  ((uint32_t)(sizeof(list) / sizeof(*(list))))

/* Compiles `weight` under `rule`: expects `den` and the numerators, or, with den 0, `code`. */
static void expect_sum(enum sum_rule rule, const char *const *weight, uint32_t count,
                       enum mete_code code, u128 den, const uint64_t *numerator)
{
    struct arena a;
    struct mete_err err = {0};
    arena_init(&a, ARENA_MAX);
    struct policy p = weights_policy(&a, weight, count);
    p.sum_rule = rule;
    assert_int_equal(policy_compile(&a, &p, &err), code);
    if (code == METE_OK) {
        assert_u128(p.den, den);
        for (uint32_t i = 0; i < count; i++) {
            assert_u128(p.share[i].weight, numerator[i]);
        }
    } else {
        assert_string_equal(err.pointer, "/shares");
    }
    arena_clear(&a);
}

#define FITS(rule, den, numerators, ...)                                                           \
    expect_sum(rule, WEIGHTS(__VA_ARGS__), COUNT(WEIGHTS(__VA_ARGS__)), METE_OK, den, numerators)
#define FAILS(rule, code, ...)                                                                     \
    expect_sum(rule, WEIGHTS(__VA_ARGS__), COUNT(WEIGHTS(__VA_ARGS__)), code, 0, NULL)
#define OVER(...) ((const uint64_t[]){__VA_ARGS__})

static void test_fractions_meet_over_the_least_common_denominator(void **state)
{
    (void)state;
    FITS(SUM_AT_MOST_ONE, 5, OVER(3, 2), "0.6", "0.4");
    FITS(SUM_AT_MOST_ONE, 12, OVER(3, 4, 2), "0.25", "1/3", "1/6"); /* 9/12: a rest stays */
    FITS(SUM_AT_MOST_ONE, 1, OVER(1, 0), "1", "0");
    FITS(SUM_AT_MOST_ONE, 3, OVER(1, 1, 1), "1/3", "1/3", "1/3");
    FITS(SUM_AT_MOST_ONE, 10000000000, OVER(3333333333, 6666666667), "0.3333333333",
         "0.6666666667");
}

static void test_base_weights_above_one_are_refused(void **state)
{
    (void)state;
    FAILS(SUM_AT_MOST_ONE, METE_WEIGHT_ABOVE_ONE, "0.6", "0.41");
    FAILS(SUM_AT_MOST_ONE, METE_WEIGHT_ABOVE_ONE, "1/3", "1/3", "1/3", "1/1000000");
    FAILS(SUM_AT_MOST_ONE, METE_WEIGHT_ABOVE_ONE, "1.5");
    FAILS(SUM_AT_MOST_ONE, METE_WEIGHT_ABOVE_ONE, "1000000000000000000000000000000000000",
          "1000000000000000000000000000000000000", "1/1000000007");
    FAILS(SUM_AT_MOST_ONE, METE_WEIGHT_ABOVE_ONE, "2", "2", "1/1000000007");
}

/* Numerators and sums that come back to something small modulo 2^128. */
static void test_weights_far_above_one_do_not_wrap_around(void **state)
{
    (void)state;
    static const char HIGH[] = "664613997892457936451903530140172288"; /* 2^119 */
    static const char LOW[] = "1/664613997892457936451903530140172288";
    FAILS(SUM_AT_MOST_ONE, METE_WEIGHT_ABOVE_ONE, HIGH, "1/1024");
    const char *weight[257];
    for (size_t i = 0; i < 256; i++) {
        weight[i] = "2";
    }
    weight[256] = LOW;
    expect_sum(SUM_AT_MOST_ONE, weight, 257, METE_WEIGHT_ABOVE_ONE, 0, NULL);
}

static void test_fair_1_0_takes_weights_up_to_1_0001_over_their_sum(void **state)
{
    (void)state;
    FITS(SUM_AT_MOST_1_0001, 10001, OVER(5000, 5001), "0.5", "0.5001");
    FITS(SUM_AT_MOST_1_0001, 10001, OVER(10001), "1.0001");
    FITS(SUM_AT_MOST_1_0001, 2, OVER(1, 1), "0.5", "0.5");
    FITS(SUM_AT_MOST_1_0001, 4, OVER(1, 2), "0.25", "0.5"); /* below 1 nothing is scaled */
    FAILS(SUM_AT_MOST_1_0001, METE_WEIGHT_ABOVE_ONE, "0.5", "0.500100001");
    FAILS(SUM_AT_MOST_1_0001, METE_WEIGHT_ABOVE_ONE, "0.9", "0.9");
}

static void test_fair_1_1_wants_one_within_a_millionth(void **state)
{
    (void)state;
    FITS(SUM_ONE_MILLIONTH, 2, OVER(1, 1), "0.5", "0.5");
    FITS(SUM_ONE_MILLIONTH, 1000001, OVER(500000, 500001), "0.5", "0.500001");
    FITS(SUM_ONE_MILLIONTH, 1000000, OVER(500000, 499999), "0.5", "0.499999");
    FAILS(SUM_ONE_MILLIONTH, METE_WEIGHT_SUM, "0.5", "0.5000010000000001");
    FAILS(SUM_ONE_MILLIONTH, METE_WEIGHT_SUM, "0.5", "0.4999989999999999");
    FAILS(SUM_ONE_MILLIONTH, METE_WEIGHT_SUM, "0.5");
    FAILS(SUM_ONE_MILLIONTH, METE_WEIGHT_SUM, "1.5", "1.5");
}

static void test_denominators_are_bounded(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, ARENA_MAX);
    /* 10^-24, 1/3^50: together above 2^120 */
    struct policy p = weights_policy(
        &a, WEIGHTS("0.5", "0.000000000000000000000001", "1/717897987691852588770249"), 3);
    expect_fault(p, METE_WEIGHT_RANGE, "/shares/2/weight");
    /* over 2^120 - 1 the sum, 1 and a little, is no denominator any more */
    p = weights_policy(&a, WEIGHTS("1", "1/1329227995784915872903807060280344575"), 2);
    p.sum_rule = SUM_AT_MOST_1_0001;
    expect_fault(p, METE_WEIGHT_RANGE, "/shares");
    struct mete_err err;
    p = weights_policy(&a, WEIGHTS("1/1329227995784915872903807060280344575"), 1);
    assert_int_equal(policy_compile(&a, &p, &err), METE_OK);
    assert_u128(p.den, (u128)AMOUNT_LIMIT - 1);
    arena_clear(&a);
}

static void test_temporal_weights_are_judged_one_by_one(void **state)
{
    (void)state;
    struct arena a;
    struct mete_err err;
    arena_init(&a, ARENA_MAX);
    struct policy p = weights_policy(&a, WEIGHTS("0.9", "0.8"), 2);
    struct split_entry entry[] = {
        {.version = 1, .from = TIME_ALWAYS, .until = TIME_NEVER, .ratio = ratio("1/3")},
        {.version = 2, .from = TIME_ALWAYS, .until = TIME_NEVER, .ratio = ratio("1")}};
    p.entry = entry;
    p.entry_count = 2;
    p.share[1].entry_count = 2;
    assert_int_equal(policy_compile(&a, &p, &err), METE_OK); /* 1.7 never meets */
    assert_true(policy_is_temporal(&p));
    assert_u128(p.den, 30);
    assert_u128(p.share[0].weight, 27);
    assert_u128(entry[0].weight, 10);
    assert_u128(entry[1].weight, 30);
    entry[1].ratio = ratio("1.01");
    expect_fault(p, METE_WEIGHT_INVALID, "/shares/1/temporal_splits/1/weight");
    entry[1].ratio = ratio("1");
    p.share[0].ratio = ratio("1.01");
    expect_fault(p, METE_WEIGHT_INVALID, "/shares/0/weight");
    entry[1].ratio = ratio("1/1329227995784915872903807060280344575");
    expect_fault(p, METE_WEIGHT_RANGE, "/shares/1/temporal_splits/1/weight");
    arena_clear(&a);
}

static void test_counts_are_bounded(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, ARENA_MAX);
    struct policy p = weights_policy(&a, WEIGHTS("1"), 1);
    struct policy wide = p;
    wide.share_count = SHARES_MAX + 1;
    expect_fault(wide, METE_SHARES_LIMIT, "/shares");
    wide = p;
    wide.entry_count = ENTRIES_MAX + 1;
    expect_fault(wide, METE_SHARES_LIMIT, "/shares");
    wide = p;
    wide.condition_count = CONDITIONS_MAX + 1;
    expect_fault(wide, METE_SHARES_LIMIT, "");
    wide = p;
    wide.role_count = SHARES_MAX + 1;
    expect_fault(wide, METE_SHARES_LIMIT, "/shares_bps");
    wide = p;
    wide.tier_count = SHARES_MAX + 1;
    expect_fault(wide, METE_SHARES_LIMIT, "/tiers");
    p.share_count = 0;
    expect_fault(p, METE_POLICY_INVALID, "/shares");
    arena_clear(&a);
}

static struct policy roles_policy(struct role_share *role, uint32_t count)
{
    return (struct policy){.kind = POLICY_ROLES,
                           .rounding = ROUNDING_AUTHOR,
                           .sum_rule = SUM_AT_MOST_ONE,
                           .role = role,
                           .role_count = count};
}

static void test_roles_have_names_and_at_most_all_of_it(void **state)
{
    (void)state;
    struct mete_err err;
    struct role_share role[] = {
        {TEXT("author"), 7000}, {TEXT("editor"), 1000}, {TEXT("distributor"), 2000}};
    struct policy p = roles_policy(role, 3);
    p.rounding = ROUNDING_LARGEST;
    assert_int_equal(policy_compile(NULL, &p, &err), METE_OK);
    assert_int_equal(p.rounding, ROUNDING_AUTHOR);
    assert_u128(p.den, 1);
    p.rounding = ROUNDING_CARRY;
    expect_fault(p, METE_POLICY_INVALID, "/rounding");
    role[2].bps = 2001;
    expect_fault(roles_policy(role, 3), METE_WEIGHT_ABOVE_ONE, "/shares_bps");
    role[2] = (struct role_share){TEXT("author"), 1};
    expect_fault(roles_policy(role, 3), METE_POLICY_INVALID, "/shares_bps");
    role[2] = (struct role_share){{NULL, 0}, 1};
    expect_fault(roles_policy(role, 3), METE_POLICY_INVALID, "/shares_bps");
    expect_fault(roles_policy(role, 0), METE_POLICY_INVALID, "/shares_bps");
    assert_int_equal(policy_compile(NULL,
                                    &(struct policy){.kind = POLICY_ROLES,
                                                     .rounding = ROUNDING_AUTHOR,
                                                     .role = role,
                                                     .role_count = 2},
                                    &err),
                     METE_OK); /* 80 %: the rest is unallocated */
}

static struct policy usage_policy(struct tier *tier, uint32_t count)
{
    return (struct policy){.kind = POLICY_USAGE,
                           .rounding = ROUNDING_LARGEST,
                           .sum_rule = SUM_AT_MOST_ONE,
                           .calls_weight = {1, 1},
                           .kib_weight = {0, 1},
                           .tier = tier,
                           .tier_count = count};
}

static void test_usage_measures_something(void **state)
{
    (void)state;
    struct mete_err err;
    struct tier tier[] = {{TEXT("p"), 16, {3, 2}}, {TEXT("q"), 17, {1, 1}}};
    struct policy p = usage_policy(tier, 2);
    assert_int_equal(policy_compile(NULL, &p, &err), METE_OK);
    p.rounding = ROUNDING_CARRY;
    assert_int_equal(policy_compile(NULL, &p, &err), METE_OK);
    p.rounding = ROUNDING_AUTHOR;
    expect_fault(p, METE_POLICY_INVALID, "/rounding");
    p = usage_policy(tier, 2);
    p.calls_weight.num = 0;
    expect_fault(p, METE_POLICY_INVALID, "/calls_weight");
    p.kib_weight.num = 1;
    assert_int_equal(policy_compile(NULL, &p, &err), METE_OK);
    tier[1].factor = (struct ratio){0, 1};
    expect_fault(usage_policy(tier, 2), METE_POLICY_INVALID, "/tiers");
    tier[0].factor = (struct ratio){1, ((u128)1 << 119) - 1};
    tier[1].factor = (struct ratio){1, ((u128)1 << 118) - 1};
    expect_fault(usage_policy(tier, 2), METE_WEIGHT_RANGE, "/tiers");
}

static void test_a_single_policy_has_one_party(void **state)
{
    (void)state;
    struct arena a;
    struct mete_err err;
    arena_init(&a, ARENA_MAX);
    struct policy p = weights_policy(&a, WEIGHTS("1", "0"), 2);
    p.kind = POLICY_SINGLE;
    expect_fault(p, METE_POLICY_INVALID, "/party");
    p.share_count = 1;
    p.share[0].is_policy = true;
    expect_fault(p, METE_POLICY_INVALID, "/party");
    p.share[0].is_policy = false;
    assert_int_equal(policy_compile(&a, &p, &err), METE_OK);
    assert_u128(p.share[0].weight, p.den);
    p.kind = (enum policy_kind)9;
    expect_fault(p, METE_POLICY_INVALID, "/kind");
    arena_clear(&a);
}

/* --- the published temporal manifests
 * -----------------------------------------------------------*/

#define ENTRIES 10
#define NAMES   6

struct temporal {
    struct policy p;
    struct share share[3];
    struct split_entry entry[ENTRIES];
    struct text name[NAMES];
};

static void temporal_begin(struct temporal *t, uint32_t shares)
{
    memset(t, 0, sizeof *t);
    t->p = (struct policy){.id = TEXT("urn:fair:temporal"),
                           .kind = POLICY_WEIGHTS,
                           .rounding = ROUNDING_LARGEST,
                           .sum_rule = SUM_AT_MOST_ONE,
                           .share = t->share,
                           .share_count = shares,
                           .entry = t->entry,
                           .condition = t->name};
    for (uint32_t i = 0; i < shares; i++) {
        t->share[i].ratio = (struct ratio){0, 1};
        t->share[i].number = 16 + i;
    }
}

static void temporal_entry(struct temporal *t, uint32_t share, uint32_t version, const char *from,
                           const char *until, uint64_t conditions, const char *weight)
{
    struct share *s = &t->share[share];
    METE_ASSERT(t->p.entry_count < ENTRIES);
    s->entry_first = s->entry_count == 0 ? t->p.entry_count : s->entry_first;
    s->entry_count++;
    t->entry[t->p.entry_count++] =
        (struct split_entry){.version = version,
                             .from = at(from),
                             .until = until == NULL ? TIME_NEVER : at(until),
                             .conditions = conditions,
                             .ratio = ratio(weight),
                             .description = TEXT("why")};
}

static uint64_t temporal_name(struct temporal *t, const char *name)
{
    METE_ASSERT(t->p.condition_count < NAMES);
    t->name[t->p.condition_count] = text_of(name);
    return (uint64_t)1 << t->p.condition_count++;
}

static void temporal_end(struct temporal *t)
{
    struct mete_err err;
    assert_int_equal(policy_compile(NULL, &t->p, &err), METE_OK);
}

/* What 1,000 units are worth to each share with these facts. */
static void expect_thousandths(const struct temporal *t, const struct condition_facts *f,
                               const int *expected)
{
    uint64_t active = condition_active(&t->p, f);
    for (uint32_t i = 0; i < t->p.share_count; i++) {
        uint32_t entry = 99;
        u128 weight = policy_weight_at(&t->p, i, f->occurred_at, active, &entry);
        assert_int_equal(apportion_floor(1000, weight, t->p.den), expected[i]);
        assert_u128(weight, entry == 0 ? t->share[i].weight
                                       : t->entry[t->share[i].entry_first + entry - 1].weight);
    }
}

static void test_music_turns_from_halves_to_a_fifth_once_recouped(void **state)
{
    (void)state;
    static const char FROM[] = "2025-04-01T00:00:00Z";
    struct temporal t;
    temporal_begin(&t, 2);
    uint64_t pre = temporal_name(&t, "pre-recoup"), post = temporal_name(&t, "post-recoup");
    temporal_entry(&t, 0, 1, FROM, NULL, pre, "0.5");
    temporal_entry(&t, 0, 2, FROM, NULL, post, "0.2");
    temporal_entry(&t, 1, 1, FROM, NULL, pre, "0.5");
    temporal_entry(&t, 1, 2, FROM, NULL, post, "0.8");
    t.p.has_recoup = true;
    t.p.recoup_amount = 500000;
    t.p.default_condition = TEXT("pre-recoup");
    temporal_end(&t);
    struct condition_facts f = {.occurred_at = at("2025-05-01T00:00:00Z"), .net = 0};
    expect_thousandths(&t, &f, (int[]){500, 500});
    f.net = 499999;
    expect_thousandths(&t, &f, (int[]){500, 500});
    f.net = 500000;
    expect_thousandths(&t, &f, (int[]){200, 800});
    f.occurred_at = at(FROM);
    expect_thousandths(&t, &f, (int[]){200, 800});
    f.occurred_at--; /* before it begins the base weights hold, which are absent */
    expect_thousandths(&t, &f, (int[]){0, 0});
}

static void test_software_vests_year_by_year(void **state)
{
    (void)state;
    struct temporal t;
    temporal_begin(&t, 2);
    static const char *const WEIGHT[2][4] = {{"0.25", "0.375", "0.5", "0.625"},
                                             {"0.75", "0.625", "0.5", "0.375"}};
    for (uint32_t s = 0; s < 2; s++) {
        temporal_entry(&t, s, 1, "2025-01-01T00:00:00Z", "2025-12-31T23:59:59Z", 0, WEIGHT[s][0]);
        temporal_entry(&t, s, 2, "2026-01-01T00:00:00Z", "2026-12-31T23:59:59Z", 0, WEIGHT[s][1]);
        temporal_entry(&t, s, 3, "2027-01-01T00:00:00Z", "2027-12-31T23:59:59Z", 0, WEIGHT[s][2]);
        temporal_entry(&t, s, 4, "2028-01-01T00:00:00Z", NULL, 0, WEIGHT[s][3]);
    }
    temporal_end(&t);
    static const struct {
        const char *at;
        int part[2];
    } CASES[] = {{"2024-12-31T23:59:59Z", {0, 0}},     {"2025-01-01T00:00:00Z", {250, 750}},
                 {"2025-12-31T23:59:59Z", {250, 750}}, {"2026-06-01T00:00:00Z", {375, 625}},
                 {"2027-06-01T00:00:00Z", {500, 500}}, {"2028-01-01T00:00:00Z", {625, 375}},
                 {"2099-01-01T00:00:00Z", {625, 375}}};
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        expect_thousandths(&t, &(struct condition_facts){.occurred_at = at(CASES[i].at)},
                           CASES[i].part);
    }
}

static struct sales_period period[2];
static struct threshold threshold[4] = {{1, THRESHOLD_LT, 500},
                                        {2, THRESHOLD_GE, 500},
                                        {4, THRESHOLD_LT, 1000},
                                        {5, THRESHOLD_GE, 1000}};

static void event_milestone(struct temporal *t)
{
    static const char *const FROM[] = {"2025-01-01T00:00:00Z", "2025-06-01T00:00:00Z"};
    static const char *const UNTIL[] = {"2025-05-31T23:59:59Z", "2025-08-14T23:59:59Z"};
    static const char *const WEIGHT[2][4] = {{"0.70", "0.65", "0.60", "0.55"},
                                             {"0.25", "0.30", "0.35", "0.40"}};
    static const char *const NAME[] = {"early-bird",     "tickets-under-500",  "tickets-over-500",
                                       "standard-sales", "tickets-under-1000", "tickets-over-1000"};
    temporal_begin(t, 3);
    for (size_t i = 0; i < ARRAY_LEN(NAME); i++) {
        (void)temporal_name(t, NAME[i]);
    }
    for (uint32_t s = 0; s < 2; s++) {
        temporal_entry(t, s, 1, FROM[0], UNTIL[0], 1 | 2, WEIGHT[s][0]);
        temporal_entry(t, s, 2, FROM[0], UNTIL[0], 1 | 4, WEIGHT[s][1]);
        temporal_entry(t, s, 3, FROM[1], UNTIL[1], 8 | 16, WEIGHT[s][2]);
        temporal_entry(t, s, 4, FROM[1], UNTIL[1], 8 | 32, WEIGHT[s][3]);
    }
    temporal_entry(t, 2, 1, FROM[0], UNTIL[0], 1, "0.05");
    temporal_entry(t, 2, 2, FROM[1], UNTIL[1], 8, "0.05");
    period[0] = (struct sales_period){0, at(FROM[0]), at(UNTIL[0])};
    period[1] = (struct sales_period){3, at(FROM[1]), at(UNTIL[1])};
    t->p.period = period;
    t->p.period_count = 2;
    t->p.threshold = threshold;
    t->p.threshold_count = 4;
    temporal_end(t);
}

static void test_an_event_pays_by_period_and_tickets_sold(void **state)
{
    (void)state;
    struct temporal t;
    event_milestone(&t);
    static const struct {
        const char *at;
        int quantity;
        int part[3];
    } CASES[] = {{"2025-03-01T00:00:00Z", 0, {700, 250, 50}},
                 {"2025-03-01T00:00:00Z", 499, {700, 250, 50}},
                 {"2025-05-31T23:59:59Z", 500, {650, 300, 50}},
                 {"2025-06-01T00:00:00Z", 500, {600, 350, 50}},
                 {"2025-07-01T00:00:00Z", 999, {600, 350, 50}},
                 {"2025-07-01T00:00:00Z", 1000, {550, 400, 50}},
                 {"2025-08-15T00:00:00Z", 1000, {0, 0, 0}}};
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct condition_facts f = {.occurred_at = at(CASES[i].at), .quantity = CASES[i].quantity};
        expect_thousandths(&t, &f, CASES[i].part);
    }
}

static void test_the_highest_version_holds_and_the_later_of_equals(void **state)
{
    (void)state;
    static const char FROM[] = "2025-01-01T00:00:00Z";
    struct temporal t;
    uint32_t entry;
    temporal_begin(&t, 2);
    uint64_t named = temporal_name(&t, "named");
    temporal_entry(&t, 1, 7, FROM, NULL, 0, "0.1");
    temporal_entry(&t, 1, 9, FROM, NULL, named, "0.2");
    temporal_entry(&t, 1, 7, FROM, NULL, 0, "0.3");
    temporal_entry(&t, 1, 3, FROM, NULL, 0, "0.4");
    t.share[1].ratio = ratio("0.5");
    temporal_end(&t);
    assert_u128(t.p.den, 10);
    assert_u128(policy_weight_at(&t.p, 1, at(FROM), 0, &entry), 3);
    assert_int_equal(entry, 3);
    assert_u128(policy_weight_at(&t.p, 1, at(FROM), named, &entry), 2);
    assert_int_equal(entry, 2);
    assert_u128(policy_weight_at(&t.p, 1, at(FROM) - 1, named, &entry), 5);
    assert_int_equal(entry, 0);
    assert_u128(policy_weight_at(&t.p, 0, at(FROM), named, &entry), 0);
    assert_int_equal(entry, 0);
}

/* --- packing
 * ------------------------------------------------------------------------------------*/

/* True when the bytes are a policy; it then packs to the same bytes. */
static bool unpacks(struct bytes packed)
{
    struct arena a;
    struct policy p;
    arena_init(&a, ARENA_MAX);
    bool good = policy_unpack(&a, packed, &p);
    if (good) {
        struct buf again = {0};
        policy_pack(&again, &p);
        assert_int_equal(again.len, packed.len);
        assert_memory_equal(again.p, packed.p, packed.len);
        buf_clear(&again);
        for (uint32_t i = 0; i < p.share_count; i++) { /* whatever it is, it can be used */
            uint32_t entry;
            assert_true(policy_weight_at(&p, i, 0, UINT64_MAX, &entry) <= p.den);
        }
        (void)condition_active(&p, &(struct condition_facts){0});
    }
    arena_clear(&a);
    return good;
}

static size_t samples(struct arena *a, struct buf *packed)
{
    static struct temporal t;
    static struct role_share role[] = {{TEXT("author"), 7000}, {TEXT("editor"), 1000}};
    static struct tier tier[] = {{{NULL, 0}, 16, {3, 2}}, {{NULL, 0}, 17, {1, 1}}};
    struct mete_err err;
    event_milestone(&t);
    t.p.title = TEXT("Summer Music Festival");
    t.p.owner = TEXT("did:ethr:0xOrganizerWallet");
    t.p.has_recoup = true;
    t.p.recoup_amount = AMOUNT_LIMIT - 1;
    t.p.recoup_asset = 145;
    t.p.default_condition = TEXT("early-bird");
    t.p.signature = 2;
    memset(t.p.hash.b, 0xab, sizeof t.p.hash.b);
    t.share[1].is_policy = true;
    t.share[2].held = true;
    t.share[2].role = TEXT("promoter");
    struct policy roles = roles_policy(role, 2);
    struct policy usage = usage_policy(tier, 2);
    struct policy wide =
        weights_policy(a, WEIGHTS("1/1329227995784915872903807060280344575", "0"), 2);
    struct policy single = weights_policy(a, WEIGHTS("1"), 1);
    single.kind = POLICY_SINGLE;
    wide.rounding = ROUNDING_CARRY;
    struct policy *all[] = {&t.p, &roles, &usage, &wide, &single};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        assert_int_equal(policy_compile(a, all[i], &err), METE_OK);
        policy_pack(&packed[i], all[i]);
    }
    return ARRAY_LEN(all);
}

#define SAMPLES 5

static void test_a_policy_reads_back_and_a_cut_one_is_refused(void **state)
{
    (void)state;
    struct arena a;
    struct buf packed[SAMPLES] = {0};
    arena_init(&a, ARENA_MAX);
    size_t count = samples(&a, packed);
    assert_int_equal(count, SAMPLES);
    for (size_t i = 0; i < count; i++) {
        assert_true(unpacks(buf_bytes(&packed[i])));
        for (size_t len = 0; len < packed[i].len; len++) {
            assert_false(unpacks((struct bytes){packed[i].p, len}));
        }
        buf_put_u8(&packed[i], 0);
        assert_false(unpacks(buf_bytes(&packed[i])));
        buf_clear(&packed[i]);
    }
    arena_clear(&a);
}

#define DEN_AT 40 /* after the head, the hash, three empty texts and the signature */

static void test_a_policy_over_nothing_is_refused(void **state)
{
    (void)state;
    struct role_share role = {TEXT("author"), 7000};
    struct policy p = roles_policy(&role, 1);
    struct mete_err err;
    struct buf b = {0};
    assert_int_equal(policy_compile(NULL, &p, &err), METE_OK);
    policy_pack(&b, &p);
    assert_int_equal(b.p[DEN_AT], 1);
    b.p[DEN_AT] = 2;
    assert_true(unpacks(buf_bytes(&b)));
    b.p[DEN_AT] = 0;
    assert_false(unpacks(buf_bytes(&b)));
    buf_clear(&b);
}

static void test_an_unpacked_policy_says_what_the_compiled_one_said(void **state)
{
    (void)state;
    struct arena a;
    struct buf packed[SAMPLES] = {0};
    struct policy p;
    arena_init(&a, ARENA_MAX);
    (void)samples(&a, packed);
    assert_true(policy_unpack(&a, buf_bytes(&packed[0]), &p));
    assert_true(text_is(p.id, "urn:fair:temporal") && text_is(p.title, "Summer Music Festival"));
    assert_true(text_is(p.owner, "did:ethr:0xOrganizerWallet") && p.signature == 2);
    assert_true(p.hash.b[0] == 0xab && p.hash.b[31] == 0xab);
    assert_true(p.kind == POLICY_WEIGHTS && p.rounding == ROUNDING_LARGEST);
    assert_int_equal(p.sum_rule, SUM_AT_MOST_ONE);
    assert_u128(p.den, 20);
    assert_true(p.share_count == 3 && p.entry_count == 10 && p.condition_count == 6);
    assert_true(!p.share[0].is_policy && p.share[1].is_policy && !p.share[1].held);
    assert_true(p.share[2].held && p.share[2].number == 18 && p.share[2].payee.len == 0);
    assert_true(text_is(p.share[2].role, "promoter") && p.share[2].entry_first == 8);
    assert_true(p.entry[9].version == 2 && p.entry[9].conditions == 8);
    assert_u128(p.entry[0].weight, 14);
    assert_true(p.entry[0].from == at("2025-01-01T00:00:00Z"));
    assert_true(text_is(p.entry[3].description, "why"));
    assert_true(text_is(p.condition[5], "tickets-over-1000"));
    assert_true(p.threshold_count == 4 && p.threshold[1].op == THRESHOLD_GE);
    assert_true(p.threshold[3].quantity == 1000 && p.threshold[3].condition == 5);
    assert_true(p.period_count == 2 && p.period[1].until == at("2025-08-14T23:59:59Z"));
    assert_true(p.has_recoup && p.recoup_asset == 145 && p.recoup_amount == AMOUNT_LIMIT - 1);
    assert_true(text_is(p.default_condition, "early-bird"));
    assert_true(policy_unpack(&a, buf_bytes(&packed[1]), &p));
    assert_true(p.role_count == 2 && p.role[1].bps == 1000 && text_is(p.role[0].role, "author"));
    assert_true(policy_unpack(&a, buf_bytes(&packed[2]), &p));
    assert_true(p.tier_count == 2 && p.tier[0].number == 16 && p.tier[0].factor.num == 3);
    assert_true(p.calls_weight.num == 1 && p.kib_weight.num == 0 && p.kib_weight.den == 1);
    for (size_t i = 0; i < SAMPLES; i++) {
        buf_clear(&packed[i]);
    }
    arena_clear(&a);
}

static void test_a_damaged_policy_is_refused_or_a_policy(void **state)
{
    (void)state;
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 20250203;
    struct rng r;
    struct arena a;
    struct buf packed[SAMPLES] = {0};
    int refused = 0;
    print_message("# seed %llu (METE_TEST_SEED)\n", (unsigned long long)seed);
    rng_seed(&r, seed);
    arena_init(&a, ARENA_MAX);
    (void)samples(&a, packed);
    for (int round = 0; round < 40000; round++) {
        struct buf *b = &packed[rng_below(&r, SAMPLES)];
        uint8_t copy[4096];
        assert_true(b->len <= sizeof copy);
        memcpy(copy, b->p, b->len);
        for (uint64_t n = 1 + rng_below(&r, 3); n > 0; n--) {
            copy[rng_below(&r, b->len)] = (uint8_t)rng_next(&r);
        }
        refused += !unpacks((struct bytes){copy, b->len});
    }
    assert_true(refused > 5000);
    for (size_t i = 0; i < SAMPLES; i++) {
        buf_clear(&packed[i]);
    }
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fractions_meet_over_the_least_common_denominator),
        cmocka_unit_test(test_base_weights_above_one_are_refused),
        cmocka_unit_test(test_weights_far_above_one_do_not_wrap_around),
        cmocka_unit_test(test_fair_1_0_takes_weights_up_to_1_0001_over_their_sum),
        cmocka_unit_test(test_fair_1_1_wants_one_within_a_millionth),
        cmocka_unit_test(test_denominators_are_bounded),
        cmocka_unit_test(test_temporal_weights_are_judged_one_by_one),
        cmocka_unit_test(test_counts_are_bounded),
        cmocka_unit_test(test_roles_have_names_and_at_most_all_of_it),
        cmocka_unit_test(test_usage_measures_something),
        cmocka_unit_test(test_a_single_policy_has_one_party),
        cmocka_unit_test(test_music_turns_from_halves_to_a_fifth_once_recouped),
        cmocka_unit_test(test_software_vests_year_by_year),
        cmocka_unit_test(test_an_event_pays_by_period_and_tickets_sold),
        cmocka_unit_test(test_the_highest_version_holds_and_the_later_of_equals),
        cmocka_unit_test(test_a_policy_reads_back_and_a_cut_one_is_refused),
        cmocka_unit_test(test_a_policy_over_nothing_is_refused),
        cmocka_unit_test(test_an_unpacked_policy_says_what_the_compiled_one_said),
        cmocka_unit_test(test_a_damaged_policy_is_refused_or_a_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
