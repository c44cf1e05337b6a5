/* SPDX-License-Identifier: Apache-2.0
 * The random streams themselves. */
#include "oracle/gen.h"

#include <string.h>

#include "oracle/frac.h"

#define START        ((mete_time)20089 * TIME_DAY_US) /* 2025-01-01 */
#define WEIGHTS_LAST 13
#define SINGLE_LAST  15
#define ROLES_LAST   17

static uint64_t below(struct gen *g, uint64_t n)
{
    return rng_below(&g->rng, n);
}

static bool chance(struct gen *g, unsigned percent)
{
    return below(g, 100) < percent;
}

static int pick(struct gen *g, const int *from, size_t count)
{
    return from[below(g, count)];
}

/* --- values
 * -------------------------------------------------------------------------------------*/

static int any_party(struct gen *g)
{
    return (int)below(g, ORDINARY);
}

static int any_asset(struct gen *g)
{
    static const int often[] = {USD, USD, USD, USD, JPY, SAT, USDC, ETH, KWD, BTC, PTS, GEM};
    return chance(g, 2) ? NOWHERE : pick(g, often, ARRAY_LEN(often));
}

/* A usual asset: sums under one policy meet each other. */
static int main_asset(struct gen *g)
{
    return chance(g, 70) ? USD : any_asset(g);
}

static i128 any_amount(struct gen *g, int asset)
{
    switch (below(g, 6)) {
    case 0:
        return (i128)below(g, 12) + 1;
    case 1:
        return (i128)below(g, 300) + 1;
    case 2: /* sums meet thresholds exactly */
        return (i128)(below(g, 4) + 1) * 100;
    case 3:
        if (script_scale[asset] >= 18) /* beyond 64 bits */
            return exact_mul((i128)below(g, 1000000) + 1, (i128)1000000000000000000) +
                   (i128)below(g, 1000000000);
        return (i128)below(g, 10000000) + 1;
    case 4:
        return (i128)below(g, (uint64_t)1 << 61) + 1;
    default:
        return (i128)below(g, 1000000) + 1;
    }
}

/* Moments meet: whole days are frequent. */
static mete_time any_day(struct gen *g)
{
    int64_t from = START / TIME_DAY_US - 6;
    int64_t until = g->now / TIME_DAY_US + 5;
    return (from + (int64_t)below(g, (uint64_t)(until - from))) * TIME_DAY_US;
}

static mete_time event_time(struct gen *g)
{
    g->now += (mete_time)below(g, 4 * 3600) * TIME_SECOND_US;
    mete_time day = any_day(g);
    if (chance(g, 12) && day <= g->now)
        return day;
    if (chance(g, 8))
        return g->now - (mete_time)below(g, 10 * 86400) * TIME_SECOND_US;
    return g->now;
}

/* Sums to at most 1, mostly. `mode` decides how. */
static void weights_fill(struct gen *g, struct fraction *w, int count)
{
    static const int dens[] = {2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 20, 100, 100, 1000, 1000000};
    i128 den = pick(g, dens, ARRAY_LEN(dens));
    uint64_t mode = below(g, 10);
    i128 left = den;
    for (int i = 0; i < count; i++) {
        i128 num = left == 0 ? 0 : (i128)below(g, (uint64_t)left + 1);
        if (mode <= 2) { /* equal shares */
            w[i] = frac(1, (i128)count + (mode == 2 ? 1 : 0));
            continue;
        }
        if (mode == 3)
            num = 0;
        if (mode == 4 && i == count - 1)
            num = left + 1; /* above 1 */
        if (mode >= 7 && i == count - 1)
            num = left; /* exactly 1 */
        left = num > left ? 0 : left - num;
        w[i] = frac(num, den);
    }
}

/* --- policies
 * -----------------------------------------------------------------------------------*/

static uint32_t some_conditions(struct gen *g)
{
    uint32_t c = 1u << below(g, CONDITIONS);
    return chance(g, 20) ? c | 1u << below(g, CONDITIONS) : c;
}

static void entry_fill(struct gen *g, struct script_entry *e, struct fraction weight)
{
    e->version = (uint32_t)below(g, 3);
    e->from = chance(g, 40) ? any_day(g) : TIME_ALWAYS;
    e->until = chance(g, 30) ? any_day(g) : TIME_NEVER;
    if (e->until < e->from)
        e->until = TIME_NEVER;
    e->conditions = chance(g, 60) ? some_conditions(g) : 0;
    e->weight = weight;
}

/* One that the policy computes, if it computes any. */
static uint32_t own_condition(struct gen *g, const struct script_policy *p)
{
    int own[6];
    size_t count = 0;
    if (p->has_recoup) {
        own[count++] = PRE_RECOUP;
        own[count++] = POST_RECOUP;
    }
    for (int i = 0; i < p->threshold_count; i++)
        own[count++] = p->threshold[i].condition;
    for (int i = 0; i < p->period_count; i++)
        own[count++] = p->period[i].condition;
    return count == 0 ? some_conditions(g) : 1u << pick(g, own, count);
}

static void entries_fill(struct gen *g, struct script_policy *p)
{
    struct fraction weight[ENTRIES][SHARES];
    for (int k = 0; k < ENTRIES; k++)
        weights_fill(g, weight[k], p->share_count);
    for (int i = 0; i < p->share_count; i++) {
        struct script_share *s = &p->share[i];
        s->entry_count = (int)below(g, ENTRIES + 1);
        for (int k = 0; k < s->entry_count; k++)
            entry_fill(g, &s->entry[k], weight[k][i]);
    }
    /* A whole family that changes together, as manifests do it. */
    if (!chance(g, 60))
        return;
    uint32_t condition = chance(g, 70) ? own_condition(g, p) : some_conditions(g);
    for (int i = 0; i < p->share_count; i++) {
        struct script_entry *e = &p->share[i].entry[0];
        *e = (struct script_entry){1, TIME_ALWAYS, TIME_NEVER, condition, weight[0][i]};
        p->share[i].entry_count = 1;
    }
}

static void threshold_add(struct gen *g, struct script_policy *p, int condition, enum script_op op)
{
    p->threshold[p->threshold_count++] = (struct script_threshold){condition, op, below(g, 60) + 1};
}

static void metadata_fill(struct gen *g, struct script_policy *p)
{
    static const int defaults[] = {PRE_RECOUP, TICKETS_UNDER, EARLY_BIRD, STANDARD_SALES, PROMO};
    if (g->plain)
        return;
    if (chance(g, 50)) {
        p->has_recoup = true;
        p->recoup_asset = USD;
        p->recoup_amount = chance(g, 50) ? (i128)below(g, 8) * 100 : (i128)below(g, 3000000);
    }
    if (chance(g, 40)) {
        threshold_add(g, p, TICKETS_UNDER, chance(g, 50) ? OP_LT : OP_LE);
        threshold_add(g, p, TICKETS_OVER, chance(g, 50) ? OP_GE : OP_GT);
    }
    if (chance(g, 40)) {
        mete_time a = any_day(g);
        mete_time b = a + (mete_time)(1 + below(g, 10)) * TIME_DAY_US;
        p->period[p->period_count++] = (struct script_period){EARLY_BIRD, a, b};
        if (chance(g, 60))
            p->period[p->period_count++] = (struct script_period){
                STANDARD, b + (chance(g, 50) ? 0 : TIME_SECOND_US), b + 8 * TIME_DAY_US};
    }
    if (chance(g, 40))
        p->default_condition = pick(g, defaults, ARRAY_LEN(defaults));
}

static int nested_policy(struct gen *g, int own)
{
    if (chance(g, 3))
        return (int)below(g, WEIGHTS_LAST + 1); /* a circle, perhaps */
    if (chance(g, 60) || own >= WEIGHTS_LAST)
        return own + 1;
    return own + 1 + (int)below(g, (uint64_t)(SINGLE_LAST - own));
}

static void shares_fill(struct gen *g, struct script_policy *p)
{
    struct fraction w[SHARES];
    p->share_count = 1 + (int)below(g, chance(g, 15) ? SHARES : 4);
    weights_fill(g, w, p->share_count);
    for (int i = 0; i < p->share_count; i++) {
        struct script_share *s = &p->share[i];
        s->is_policy = p->id < SINGLE_LAST && chance(g, 25) && !(p->carry && g->no_deep_carry);
        s->payee = s->is_policy ? nested_policy(g, p->id) : any_party(g);
        if (!s->is_policy && i > 0 && !p->share[i - 1].is_policy && chance(g, 10))
            s->payee = p->share[i - 1].payee;
        s->weight = w[i];
    }
}

static void roles_fill(struct gen *g, struct script_policy *p)
{
    uint32_t left = 10000;
    p->role_count = 0;
    /* In the order of their names: the canonical form of an object has no other. */
    static const int by_name[] = {AUTHOR, CURATOR, DISTRIBUTOR, EDITOR, TRANSLATOR};
    for (size_t i = 0; i < ARRAY_LEN(by_name); i++) {
        if (by_name[i] != AUTHOR && chance(g, 40))
            continue;
        uint32_t bps = (uint32_t)below(g, left + 1);
        left -= bps;
        p->role[p->role_count] = by_name[i];
        p->role_bps[p->role_count++] = bps;
    }
}

static void usage_fill(struct gen *g, struct script_policy *p)
{
    static const struct fraction some[] = {{1, 1}, {2, 1}, {1, 2}, {1, 3}, {3, 4}, {0, 1}};
    if (chance(g, 50))
        p->calls_weight = some[below(g, 5)];
    if (chance(g, 50))
        p->kib_weight = some[below(g, ARRAY_LEN(some))];
    p->tier_count = (int)below(g, 4);
    for (int i = 0; i < p->tier_count; i++) {
        p->tier_party[i] = i * 7 + (int)below(g, 7);
        p->tier[i] = some[below(g, 5)];
    }
}

/* Of another kind than the id has mostly. Not under carry: usage is measured in parts that the
 * oracle's fractions cannot be brought together with. */
static void kind_change(struct gen *g, struct script_policy *p)
{
    if (p->id % 3 == 0) {
        p->kind = P_USAGE;
        usage_fill(g, p);
    } else if (p->id % 3 == 1) {
        p->kind = P_SINGLE;
        p->share_count = 1;
        p->share[0].payee = any_party(g);
    } else {
        p->kind = P_ROLES;
        roles_fill(g, p);
    }
}

static void policy_fill(struct gen *g, struct script_event *e)
{
    struct script_policy *p = &e->policy;
    p->id = (int)below(g, POLICIES);
    p->default_condition = NONE;
    if (p->id % 4 != 3 && chance(g, 4)) {
        kind_change(g, p);
    } else if (p->id > ROLES_LAST) {
        p->kind = P_USAGE;
        p->carry = p->id % 4 == 3;
        usage_fill(g, p);
    } else if (p->id > SINGLE_LAST) {
        p->kind = P_ROLES;
        roles_fill(g, p);
    } else if (p->id > WEIGHTS_LAST) {
        p->kind = P_SINGLE;
        p->share_count = 1;
        p->share[0].payee = any_party(g);
    } else {
        p->kind = p->id % 4 == 3 || chance(g, 40) ? P_WEIGHTS : P_MANIFEST;
        p->carry = p->kind == P_WEIGHTS && p->id % 4 == 3;
        shares_fill(g, p);
        if (p->kind == P_MANIFEST && chance(g, 60)) {
            metadata_fill(g, p);
            entries_fill(g, p);
        }
    }
    if (chance(g, 30))
        e->effective_from = any_day(g);
}

static void fees_fill(struct gen *g, struct script_event *e)
{
    static const int bps[] = {0, 1, 33, 200, 300, 2500, 5000, 10000};
    struct script_fees *s = &e->fees;
    s->count = (int)below(g, 4);
    for (int i = 0; i < s->count; i++) {
        struct script_fee *f = &s->fee[i];
        f->fixed = chance(g, 25);
        f->asset = main_asset(g);
        f->amount = (i128)below(g, 60);
        f->bps = (uint32_t)pick(g, bps, ARRAY_LEN(bps) - (chance(g, 70) ? 2 : 0));
        f->payee = any_party(g);
        f->child_count = chance(g, 50) ? (int)below(g, 4) : 0;
        for (int k = 0; k < f->child_count; k++) {
            f->child[k].bps = (uint32_t)below(g, 3334);
            f->child[k].payee = any_party(g);
        }
    }
    if (chance(g, 30))
        e->effective_from = any_day(g);
}

/* --- money
 * --------------------------------------------------------------------------------------*/

static void revenue_fill(struct gen *g, struct script_event *e)
{
    uint64_t to = below(g, 100);
    e->asset = main_asset(g);
    e->amount = any_amount(g, e->asset);
    e->target = to < 70 ? TO_POLICY : to < 90 ? TO_ITEM : TO_PARTY;
    e->policy_id = (int)below(g, chance(g, 3) ? POLICIES : SINGLE_LAST + 1);
    e->item = (int)below(g, ITEMS);
    e->party = any_party(g);
    if (chance(g, 20))
        e->fee = chance(g, 10)
                     ? e->amount + (i128)below(g, 2)
                     : (i128)below(g, (uint64_t)(e->amount >> 64 != 0 ? 99 : e->amount + 1));
    if (chance(g, 25))
        e->conditions = some_conditions(g);
    if (chance(g, 40))
        e->quantity = below(g, 25);
}

static const struct script_event *revenue_sent(struct gen *g)
{
    for (int i = 0; i < 40 && g->sent_count > 0; i++) {
        const struct script_event *e = g->sent[below(g, (uint64_t)g->sent_count)];
        if (e->kind == EV_REVENUE || e->kind == EV_CYCLE || e->kind == EV_METERING)
            return e;
    }
    return NULL;
}

/* Products of two amounts must fit the oracle's numbers. */
static bool small(i128 amount)
{
    return amount >> 62 == 0;
}

static bool reversal_fill(struct gen *g, const struct oracle *o, struct script_event *e)
{
    const struct script_event *of = revenue_sent(g);
    if (of == NULL)
        return false;
    int asset = of->asset;
    i128 left = oracle_left(o, of->id, &asset);
    if (of->kind == EV_METERING && left == 0)
        return false;
    e->original = of->id;
    e->asset = chance(g, 2) ? JPY : asset;
    i128 gross = of->kind == EV_METERING ? left : of->amount;
    bool at_once = !small(gross) || oracle_inexact(o, of->id);
    e->whole = at_once || chance(g, 25);
    if (at_once && (left != gross || oracle_touched(o, of->id)))
        return false;
    if (left == 0)
        left = gross; /* waits, or is refused */
    if (left == 0)
        return false;
    e->amount = chance(g, 4)    ? left + 1
                : chance(g, 30) ? left
                                : (i128)below(g, (uint64_t)(small(left) ? left : 1)) + 1;
    return true;
}

/* The original comes later, or never. */
static void reversal_early(struct gen *g, struct script_event *e)
{
    e->original = chance(g, 30) ? 100000000 + (int)below(g, 5) : g->next_id + (int)below(g, 3);
    e->whole = true;
}

static void metered_fill(struct gen *g, struct script_event *e)
{
    static const i128 unit[] = {1, 1000000000000, 3333333333333333, 10000000000000000,
                                1000000000000000000};
    e->policy_id = chance(g, 80) ? (int)below(g, 3) : (int)below(g, SINGLE_LAST + 1);
    e->asset = chance(g, 60) ? USD : any_asset(g);
    e->amount = unit[below(g, ARRAY_LEN(unit))] * (i128)(below(g, 100) + 1);
    e->party = chance(g, 50) ? NONE : (int)below(g, 4) * 5;
    e->window_start = chance(g, 30) ? e->at - TIME_DAY_US : e->at;
}

static void usage_event_fill(struct gen *g, struct script_event *e)
{
    e->party = any_party(g);
    e->window_start = g->now - g->now % (TIME_DAY_US / 4);
    e->window_end = e->window_start + TIME_DAY_US / 4;
    e->calls = chance(g, 10) ? 0 : below(g, chance(g, 60) ? 4 : 100000);
    e->bytes = chance(g, 50) ? 0 : below(g, 1000000);
    e->batch = chance(g, 50) ? NONE : (int)below(g, 40);
}

static void cycle_fill(struct gen *g, struct script_event *e)
{
    e->policy_id = ROLES_LAST + 1 + (int)below(g, POLICIES - ROLES_LAST - 1);
    e->asset = main_asset(g);
    e->amount = chance(g, 8) ? 0 : (i128)below(g, chance(g, 50) ? 30 : 100000000) + 1;
    e->window_start = g->now - g->now % TIME_DAY_US;
    if (chance(g, 20))
        e->window_start -= TIME_DAY_US * (mete_time)below(g, 30);
    e->window_end = e->window_start + TIME_DAY_US * (mete_time)(1 + below(g, 3));
    if (chance(g, 10)) { /* long before anything happened */
        e->window_start = START - 50 * TIME_DAY_US;
        e->window_end = e->window_start + TIME_DAY_US;
    }
}

/* Now, not in the past: what was cleared then may be gone since. */
static void transfer_fill(struct gen *g, const struct oracle *o, struct script_event *e)
{
    e->at = g->now;
    e->asset = chance(g, 80) ? USD : any_asset(g);
    e->party = any_party(g);
    e->party_to = (e->party + 1 + (int)below(g, ORDINARY - 1)) % ORDINARY;
    i128 has = oracle_balance(o, e->party, e->asset);
    e->amount = has <= 0 || chance(g, 20) ? (i128)below(g, 100000) + 1
                : chance(g, 20)           ? has
                : chance(g, 20)           ? has + 1
                                          : (i128)below(g, small(has) ? (uint64_t)has : 99) + 1;
}

static void asset_fill(struct gen *g, const struct oracle *o, struct script_event *e)
{
    static const int some[] = {PTS, GEM, PTS, GEM, USD};
    e->asset = pick(g, some, ARRAY_LEN(some));
    e->scale = script_scale[e->asset];
    if (oracle_knows(o, e->asset) && chance(g, 20))
        e->scale++; /* another scale than it has */
}

/* --- events
 * -------------------------------------------------------------------------------------*/

static bool event_fill(struct gen *g, const struct oracle *o, struct script_event *e)
{
    switch (e->kind) {
    case EV_POLICY:
        policy_fill(g, e);
        if (e->policy.has_recoup && chance(g, 40)) /* exactly what has come so far */
            e->policy.recoup_amount = oracle_net(o, e->policy.id, USD);
        return true;
    case EV_FEES:
        fees_fill(g, e);
        return true;
    case EV_BOOK:
        e->party = any_party(g);
        e->day = 0;
        return true;
    case EV_ASSET:
        asset_fill(g, o, e);
        return true;
    case EV_PARTY:
        e->party = any_party(g);
        return true;
    case EV_CONTRIBUTION:
        e->item = (int)below(g, ITEMS - 1); /* the last one never has any */
        e->party = any_party(g);
        e->role = e->item == 2 ? 1 + (int)below(g, ROLES - 1) : (int)below(g, ROLES);
        e->weight = chance(g, 50) ? 1 : below(g, 100) + 1;
        return true;
    case EV_USAGE:
        usage_event_fill(g, e);
        return true;
    case EV_METERED:
        metered_fill(g, e);
        return true;
    case EV_METERING:
        e->policy_id = chance(g, 80) ? (int)below(g, 3) : (int)below(g, SINGLE_LAST + 1);
        e->day = time_day(g->now) - (int32_t)below(g, 3);
        return true;
    case EV_CYCLE:
        cycle_fill(g, e);
        return true;
    case EV_CONDITION:
        e->policy_id = (int)below(g, WEIGHTS_LAST + 1);
        e->condition = (int)below(g, CONDITIONS);
        e->active = chance(g, 50);
        return true;
    case EV_REVENUE:
        revenue_fill(g, e);
        return true;
    case EV_REVERSAL:
        if (chance(g, 6)) {
            reversal_early(g, e);
            return true;
        }
        return reversal_fill(g, o, e);
    case EV_TRANSFER:
        transfer_fill(g, o, e);
        return true;
    case EV_KINDS:
        break;
    }
    METE_ASSERT(false);
}

static enum script_kind any_kind(struct gen *g)
{
    uint64_t sum = 0;
    for (int i = 0; i < EV_KINDS; i++)
        sum += g->share[i];
    uint64_t at = below(g, sum);
    for (int i = 0; i < EV_KINDS; i++) {
        if (at < g->share[i])
            return (enum script_kind)i;
        at -= g->share[i];
    }
    METE_ASSERT(false);
}

static struct script_event *event_new(struct gen *g, const struct oracle *o)
{
    struct script_event *e = calloc(1, sizeof *e);
    METE_ASSERT(e != NULL);
    do {
        memset(e, 0, sizeof *e);
        e->kind = any_kind(g);
        e->fee = NONE;
        e->effective_from = TIME_ALWAYS;
        e->at = event_time(g);
        e->id = g->next_id;
    } while (!event_fill(g, o, e));
    g->next_id++;
    return e;
}

static void sent_add(struct gen *g, struct script_event *e)
{
    g->sent = realloc(g->sent, sizeof(struct script_event *) * (size_t)(g->sent_count + 1));
    g->sent[g->sent_count++] = e;
}

static const uint32_t profiles[4][EV_KINDS] = {
    /* policy fees book asset party contribution usage metered metering cycle condition revenue
       reversal transfer */
    {14, 2, 1, 1, 2, 5, 8, 8, 3, 4, 4, 40, 16, 6},
    {25, 1, 0, 1, 1, 1, 1, 1, 1, 1, 10, 50, 12, 0},
    {8, 2, 1, 1, 1, 1, 30, 25, 8, 14, 1, 5, 8, 3},
    {5, 2, 2, 1, 1, 14, 1, 1, 1, 1, 1, 50, 20, 5},
};

void gen_begin(struct gen *g, uint64_t seed)
{
    memset(g, 0, sizeof *g);
    rng_seed(&g->rng, seed);
    g->now = START;
    g->next_id = 1;
    g->repeats = 9;
    memcpy(g->share, profiles[seed % ARRAY_LEN(profiles)], sizeof g->share);
    g->transfers = g->share[EV_TRANSFER] > 0;
    if (!g->transfers)
        return;
    g->share[EV_BOOK] = g->share[EV_BOOK] > 0 ? g->share[EV_BOOK] : 1;
}

void gen_end(struct gen *g)
{
    for (int i = 0; i < g->sent_count; i++)
        free(g->sent[i]);
    free(g->sent);
}

/* Everything clears at once where money is transferred. */
static struct script_event *event_first(struct gen *g)
{
    struct script_event *e = calloc(1, sizeof *e);
    METE_ASSERT(e != NULL);
    e->kind = EV_BOOK;
    e->id = g->next_id++;
    e->at = START - 60 * TIME_DAY_US;
    e->effective_from = TIME_ALWAYS;
    e->party = any_party(g);
    return e;
}

static const struct script_event *event_again(struct gen *g, const struct oracle *o, bool changed)
{
    const struct script_event *e = g->sent[below(g, (uint64_t)g->sent_count)];
    while (e->kind == EV_TRANSFER && !oracle_has(o, e->id)) /* its moment has gone */
        e = g->sent[below(g, (uint64_t)g->sent_count)];
    if (!changed)
        return e;
    struct script_event *other = calloc(1, sizeof *other);
    METE_ASSERT(other != NULL);
    *other = *e;
    other->body = 1 - e->body;
    sent_add(g, other);
    return other;
}

void gen_next(struct gen *g, const struct oracle *o, struct gen_item *item)
{
    uint64_t what = below(g, 100);
    buf_reset(&item->json);
    item->event = NULL;
    item->fresh = false;
    item->broken = METE_OK;
    if (g->sent_count > 0 && what < g->repeats / 3) {
        item->broken = gen_broken(&item->json, below(g, gen_broken_count()), g->next_id++, g->now);
        return;
    }
    if (g->sent_count > 0 && what < g->repeats) {
        item->event = event_again(g, o, what < g->repeats / 2);
        script_write(&item->json, item->event, &g->rng);
        return;
    }
    struct script_event *e = g->sent_count == 0 && g->transfers ? event_first(g) : event_new(g, o);
    sent_add(g, e);
    item->event = e;
    item->fresh = true;
    script_write(&item->json, e, chance(g, 20) ? &g->rng : NULL);
}
