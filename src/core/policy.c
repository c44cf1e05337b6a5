/* SPDX-License-Identifier: Apache-2.0
 * Compiling a policy: fractions become whole numbers over one denominator, sums are judged by the
 * rule of the document's generation. And what a share weighs at a moment. Names are not looked up
 * here. */
#include "core/policy.h"

#include "base/i128.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/text.h"

#include <stdio.h>

#define DEN_LIMIT ((u128)1 << AMOUNT_BITS_MAX)
#define BPS_ONE   10000u

/* Above 1 by no more than 1/part is taken as 1. */
#define TOLERANCE_1_0 10000u
#define TOLERANCE_1_1 1000000u

/* --- names -------------------------------------------------------------------------------------*/

const char *policy_kind_name(enum policy_kind kind)
{
    switch (kind) {
    case POLICY_WEIGHTS:
        return "weights";
    case POLICY_ROLES:
        return "roles";
    case POLICY_USAGE:
        return "usage";
    case POLICY_SINGLE:
        return "single";
    case POLICY_CONTRACT:
        return "contract";
    }
    return "?";
}

const char *rounding_name(enum rounding rounding)
{
    switch (rounding) {
    case ROUNDING_LARGEST:
        return "largest";
    case ROUNDING_AUTHOR:
        return "author";
    case ROUNDING_CARRY:
        return "carry";
    }
    return "?";
}

const char *policy_signature_name(uint32_t signature)
{
    static const char *const NAME[] = {"none", "verified", "key unknown"};
    return signature < ARRAY_LEN(NAME) ? NAME[signature] : "?";
}

/* --- bounds
 * -------------------------------------------------------------------------------------*/

static enum mete_code limit_check(uint32_t count, uint32_t max, const char *pointer,
                                  const char *what, struct mete_err *err)
{
    if (count <= max) {
        return METE_OK;
    }
    return mete_fail(err, METE_SHARES_LIMIT, pointer, "a policy has at most %u %s, not %u", max,
                     what, count);
}

static enum mete_code limits_check(const struct policy *p, struct mete_err *err)
{
    const struct {
        uint32_t count, max;
        const char *pointer, *what;
    } limit[] = {
        {p->share_count, SHARES_MAX, "/shares", "shares"},
        {p->entry_count, ENTRIES_MAX, "/shares", "temporal entries"},
        {p->role_count, SHARES_MAX, "/shares_bps", "roles"},
        {p->tier_count, SHARES_MAX, "/tiers", "tiers"},
        {p->condition_count, CONDITIONS_MAX, "", "distinct conditions"},
        {p->threshold_count, CONDITIONS_MAX, "/metadata/ticket_thresholds", "thresholds"},
        {p->period_count, CONDITIONS_MAX, "/metadata/ticket_sales_periods", "sales periods"},
    };
    enum mete_code code = METE_OK;
    for (size_t i = 0; i < ARRAY_LEN(limit) && code == METE_OK; i++) {
        code = limit_check(limit[i].count, limit[i].max, limit[i].pointer, limit[i].what, err);
    }
    return code;
}

/* Indices come from the reader of the document, not from the document. */
static void indices_assert(const struct policy *p)
{
    uint64_t known =
        p->condition_count == 64 ? UINT64_MAX : ((uint64_t)1 << p->condition_count) - 1;
    for (uint32_t i = 0; i < p->share_count; i++) {
        const struct share *s = &p->share[i];
        METE_ASSERT(s->ratio.den > 0);
        METE_ASSERT(s->entry_count == 0 || (s->entry_first < p->entry_count &&
                                            s->entry_count <= p->entry_count - s->entry_first));
    }
    for (uint32_t i = 0; i < p->entry_count; i++) {
        METE_ASSERT(p->entry[i].ratio.den > 0 && (p->entry[i].conditions & ~known) == 0);
    }
    for (uint32_t i = 0; i < p->threshold_count; i++) {
        METE_ASSERT(p->threshold[i].condition < p->condition_count);
    }
    for (uint32_t i = 0; i < p->period_count; i++) {
        METE_ASSERT(p->period[i].condition < p->condition_count);
    }
}

/* --- weights
 * ------------------------------------------------------------------------------------*/

struct place {
    char pointer[64];
};

static struct place share_place(uint32_t share)
{
    struct place at;
    snprintf(at.pointer, sizeof at.pointer, "/shares/%u/weight", share);
    return at;
}

static struct place entry_place(uint32_t share, uint32_t entry)
{
    struct place at;
    snprintf(at.pointer, sizeof at.pointer, "/shares/%u/temporal_splits/%u/weight", share, entry);
    return at;
}

static enum mete_code den_widen(u128 *den, u128 by, const char *pointer, struct mete_err *err)
{
    u128 wider;
    if (*den % by == 0) {
        return METE_OK;
    }
    if (!u128_lcm(*den, by, &wider) || wider >= DEN_LIMIT) {
        return mete_fail(err, METE_WEIGHT_RANGE, pointer,
                         "with this one the weights have no common denominator below 2^120; "
                         "write fewer decimals");
    }
    *den = wider;
    return METE_OK;
}

static enum mete_code den_find(struct policy *p, struct mete_err *err)
{
    p->den = 1;
    for (uint32_t i = 0; i < p->share_count; i++) {
        const struct share *s = &p->share[i];
        enum mete_code code = den_widen(&p->den, s->ratio.den, share_place(i).pointer, err);
        for (uint32_t k = 0; k < s->entry_count && code == METE_OK; k++) {
            code = den_widen(&p->den, p->entry[s->entry_first + k].ratio.den,
                             entry_place(i, k).pointer, err);
        }
        if (code != METE_OK) {
            return code;
        }
    }
    return METE_OK;
}

static bool is_above(struct ratio r, u128 limit)
{
    return r.num / r.den > limit || (r.num / r.den == limit && r.num % r.den > 0);
}

static u128 ratio_over(struct ratio r, u128 den)
{
    return r.num * (den / r.den);
}

static enum mete_code sum_above(const struct policy *p, struct mete_err *err)
{
    if (p->sum_rule == SUM_ONE_MILLIONTH) {
        return mete_fail(err, METE_WEIGHT_SUM, "/shares",
                         "the weights sum to more than 1.000001; lower them");
    }
    return mete_fail(err, METE_WEIGHT_ABOVE_ONE, "/shares",
                     "the weights sum to more than 1; lower them, what is missing to 1 stays "
                     "unallocated");
}

/* Base weights over p->den and their sum, which stops growing once it is far above 1. */
static enum mete_code weights_sum(struct policy *p, u128 *sum, struct mete_err *err)
{
    *sum = 0;
    for (uint32_t i = 0; i < p->share_count; i++) {
        struct share *s = &p->share[i];
        if (is_above(s->ratio, 2)) {
            return sum_above(p, err);
        }
        s->weight = ratio_over(s->ratio, p->den);
        *sum += s->weight;
        if (*sum > 2 * p->den) {
            return sum_above(p, err);
        }
    }
    return METE_OK;
}

/* True when `excess` over 1, in parts of `den`, is at most 1/part. */
static bool is_within(u128 excess, u128 den, uint32_t part)
{
    return u256_cmp(u256_mul(excess, part), (struct u256){0, den}) <= 0;
}

/* The sum is inside the tolerance of its generation: the weights are taken over their sum, which
 * makes them exactly 1 together. */
static enum mete_code sum_judge_above(struct policy *p, u128 sum, struct mete_err *err)
{
    bool tolerated = false;
    switch (p->sum_rule) {
    case SUM_AT_MOST_ONE:
        break;
    case SUM_AT_MOST_1_0001:
        tolerated = is_within(sum - p->den, p->den, TOLERANCE_1_0);
        break;
    case SUM_ONE_MILLIONTH:
        tolerated = is_within(sum - p->den, p->den, TOLERANCE_1_1);
        break;
    }
    if (!tolerated) {
        return sum_above(p, err);
    }
    if (sum >= DEN_LIMIT) {
        return mete_fail(err, METE_WEIGHT_RANGE, "/shares",
                         "the weights divided by their sum have no denominator below 2^120; "
                         "write fewer decimals");
    }
    p->den = sum;
    return METE_OK;
}

static enum mete_code sum_judge(struct policy *p, u128 sum, struct mete_err *err)
{
    if (sum > p->den) {
        return sum_judge_above(p, sum, err);
    }
    if (p->sum_rule == SUM_ONE_MILLIONTH && !is_within(p->den - sum, p->den, TOLERANCE_1_1)) {
        return mete_fail(err, METE_WEIGHT_SUM, "/shares",
                         "the weights sum to less than 0.999999; raise them to 1");
    }
    return METE_OK;
}

static enum mete_code weight_above(const char *pointer, struct mete_err *err)
{
    return mete_fail(err, METE_WEIGHT_INVALID, pointer,
                     "a weight is at most 1; write a decimal such as 0.25 or a fraction such as "
                     "1/3");
}

static enum mete_code entries_compile(struct policy *p, uint32_t share, struct mete_err *err)
{
    const struct share *s = &p->share[share];
    for (uint32_t k = 0; k < s->entry_count; k++) {
        struct split_entry *e = &p->entry[s->entry_first + k];
        if (is_above(e->ratio, 1)) {
            return weight_above(entry_place(share, k).pointer, err);
        }
        e->weight = ratio_over(e->ratio, p->den);
    }
    return METE_OK;
}

/* Which weights meet depends on the event: only each by itself can be judged now. */
static enum mete_code temporal_compile(struct policy *p, struct mete_err *err)
{
    for (uint32_t i = 0; i < p->share_count; i++) {
        struct share *s = &p->share[i];
        if (is_above(s->ratio, 1)) {
            return weight_above(share_place(i).pointer, err);
        }
        s->weight = ratio_over(s->ratio, p->den);
        enum mete_code code = entries_compile(p, i, err);
        if (code != METE_OK) {
            return code;
        }
    }
    return METE_OK;
}

static enum mete_code weights_compile(struct policy *p, struct mete_err *err)
{
    if (p->share_count == 0) {
        return mete_fail(err, METE_POLICY_INVALID, "/shares", "a policy has at least one share");
    }
    enum mete_code code = den_find(p, err);
    if (code != METE_OK) {
        return code;
    }
    if (policy_is_temporal(p)) {
        return temporal_compile(p, err);
    }
    u128 sum;
    code = weights_sum(p, &sum, err);
    return code == METE_OK ? sum_judge(p, sum, err) : code;
}

/* --- other kinds
 * --------------------------------------------------------------------------------*/

/* The first role that was listed before, or role_count. */
static uint32_t role_repeated(const struct policy *p)
{
    struct map seen;
    uint32_t i = 0;
    bool made = true;
    map_init(&seen, 1, 1);
    for (; i < p->role_count; i++) {
        (void)map_put(&seen, text_bytes(p->role[i].role), &made);
        if (!made) {
            break;
        }
    }
    map_clear(&seen);
    return i;
}

static enum mete_code roles_compile(struct policy *p, struct mete_err *err)
{
    uint64_t sum = 0;
    if (p->role_count == 0) {
        return mete_fail(err, METE_POLICY_INVALID, "/shares_bps",
                         "a roles policy names at least one role");
    }
    for (uint32_t i = 0; i < p->role_count; i++) {
        sum += p->role[i].bps;
        if (p->role[i].role.len == 0) {
            return mete_fail(err, METE_POLICY_INVALID, "/shares_bps", "a role has a name");
        }
    }
    if (sum > BPS_ONE) {
        return mete_fail(err, METE_WEIGHT_ABOVE_ONE, "/shares_bps",
                         "the roles have %llu basis points together; at most 10000",
                         (unsigned long long)sum);
    }
    uint32_t twice = role_repeated(p);
    if (twice < p->role_count) {
        return mete_fail(err, METE_POLICY_INVALID, "/shares_bps",
                         "the role \"%.*s\" is listed twice; keep one of them",
                         (int)p->role[twice].role.len, p->role[twice].role.p);
    }
    p->rounding = ROUNDING_AUTHOR;
    return METE_OK;
}

static enum mete_code usage_compile(struct policy *p, struct mete_err *err)
{
    METE_ASSERT(p->calls_weight.den > 0 && p->kib_weight.den > 0);
    if (p->calls_weight.num == 0 && p->kib_weight.num == 0) {
        return mete_fail(err, METE_POLICY_INVALID, "/calls_weight",
                         "calls_weight and kib_weight are both 0: nothing would be measured");
    }
    u128 den = 1;
    for (uint32_t i = 0; i < p->tier_count; i++) {
        METE_ASSERT(p->tier[i].factor.den > 0);
        if (p->tier[i].factor.num == 0) {
            return mete_fail(err, METE_POLICY_INVALID, "/tiers",
                             "the tier of \"%.*s\" is 0; a tier is above 0",
                             (int)p->tier[i].provider.len, p->tier[i].provider.p);
        }
        enum mete_code code = den_widen(&den, p->tier[i].factor.den, "/tiers", err);
        if (code != METE_OK) {
            return code;
        }
    }
    return METE_OK;
}

static enum mete_code single_compile(struct policy *p, struct mete_err *err)
{
    if (p->share_count != 1 || p->share[0].is_policy || p->share[0].entry_count > 0) {
        return mete_fail(err, METE_POLICY_INVALID, "/party",
                         "a policy of kind single names one party");
    }
    p->share[0].weight = 1;
    return METE_OK;
}

static enum mete_code rounding_check(const struct policy *p, struct mete_err *err)
{
    bool roles = p->kind == POLICY_ROLES;
    if (p->rounding == ROUNDING_LARGEST || (p->rounding == ROUNDING_AUTHOR && roles) ||
        (p->rounding == ROUNDING_CARRY && !roles)) {
        return METE_OK;
    }
    return mete_fail(err, METE_POLICY_INVALID, "/rounding",
                     roles ? "a roles policy rounds in favour of the first author"
                           : "only a roles policy can round in favour of the author");
}

enum mete_code policy_compile(struct arena *a, struct policy *p, struct mete_err *err)
{
    (void)a;
    enum mete_code code = limits_check(p, err);
    if (code == METE_OK) {
        indices_assert(p);
        code = rounding_check(p, err);
    }
    if (code != METE_OK) {
        return code;
    }
    p->den = 1;
    switch (p->kind) {
    case POLICY_WEIGHTS:
        return weights_compile(p, err);
    case POLICY_ROLES:
        return roles_compile(p, err);
    case POLICY_USAGE:
        return usage_compile(p, err);
    case POLICY_SINGLE:
        return single_compile(p, err);
    case POLICY_CONTRACT:
        break; /* made by a campaign's events alone */
    }
    return mete_fail(err, METE_POLICY_INVALID, "/kind", "not a kind of policy");
}

/* --- at a moment
 * --------------------------------------------------------------------------------*/

u128 policy_weight_at(const struct policy *p, uint32_t share, mete_time at, uint64_t active,
                      uint32_t *entry)
{
    METE_ASSERT(share < p->share_count);
    const struct share *s = &p->share[share];
    const struct split_entry *best = NULL;
    *entry = 0;
    for (uint32_t i = 0; i < s->entry_count; i++) {
        const struct split_entry *e = &p->entry[s->entry_first + i];
        bool holds = e->from <= at && at <= e->until && (e->conditions & ~active) == 0;
        if (holds && (best == NULL || e->version >= best->version)) {
            best = e;
            *entry = i + 1;
        }
    }
    return best != NULL ? best->weight : s->weight;
}

bool policy_is_temporal(const struct policy *p)
{
    for (uint32_t i = 0; i < p->share_count; i++) {
        if (p->share[i].entry_count > 0) {
            return true;
        }
    }
    return false;
}
