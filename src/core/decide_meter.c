/* SPDX-License-Identifier: Apache-2.0
 * CLI usage: costs far below one minor unit are added up exactly, and each close of a day books the
 * whole minor units as revenue; what is below one is carried to the next close. A close takes every
 * open cost dated on or before its day, so that late reports are never lost. What is open is always
 * within the range of amounts: a report that would leave it is refused, so that closes never are.
 */
#include "core/work.h"

#include "base/i128.h"
#include "base/limits.h"
#include "base/text.h"

/* --- the range of what is open
 * ------------------------------------------------------------------*/

/* Large costs are counted, over all policies of an asset; 2^40 others cannot add up to as much.
 * Both stay far enough below the range that even a split over many pages has room. */
#define OPEN_SHIFT  8
#define LARGE_SHIFT (OPEN_SHIFT + 1 + 40)

/** The first cost, in 10^-18, that is beyond the range of amounts or of sums. */
static i128 meter_limit(unsigned scale)
{
    if (scale >= METER_SCALE) {
        return AMOUNT_LIMIT / (i128)u128_pow10(scale - METER_SCALE);
    }
    return SUM_LIMIT_IN;
}

static bool is_large(i128 cost, unsigned scale)
{
    return cost >= meter_limit(scale) >> LARGE_SHIFT;
}

/** Sum 1: the large costs of an asset that are open. No policy has the number 0. */
static struct key open_key(uint32_t asset)
{
    return key_u32x3(KEY_METER_REST, 0, asset, 0);
}

/** Whole minor units of an exact cost, and the rest that is carried. */
static i128 meter_minor(i128 cost, unsigned scale, i128 *rest)
{
    if (scale >= METER_SCALE) {
        *rest = 0;
        return cost * (i128)u128_pow10(scale - METER_SCALE);
    }
    i128 unit = (i128)u128_pow10(METER_SCALE - scale);
    *rest = cost % unit;
    return cost / unit;
}

/** Counts a large cost as open; false when there is no room for it. */
static bool open_add(struct work *w, const struct asset *asset, i128 cost)
{
    i128 sums[STATE_SUMS] = {0};
    i128 rest;
    struct key key = open_key(asset->number);
    struct key clearing = key_account(PARTY_CLEARING, asset->number);
    w->missing |= w->view->sums(w->view->ctx, key_bytes(&key), sums) == VIEW_MISSING;
    i128 most = meter_limit(asset->scale) >> OPEN_SHIFT;
    if (cost > most || sums[1] > most - cost) {
        return false;
    }
    work_add(w, key, 0, cost, 0, 0);
    return work_sums_fit(w, clearing, meter_minor(sums[1] + cost, asset->scale, &rest) + 1,
                         SUM_LIMIT_IN);
}

enum decided decide_metered(struct work *w)
{
    const struct event_metered *e = &w->event->metered;
    struct asset asset;
    i128 unused = 0;
    i128 cost = 0;
    struct money none = {.amount = TEXT("0"), .currency = e->cost.currency};
    enum decided fine = work_money(w, &none, "/payload/cost", &asset, &unused);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    enum mete_code code = amount_parse(e->cost.amount, METER_SCALE, &cost);
    if (code != METE_OK) {
        return work_refuse(w, code, "/payload/cost/amount",
                           "a metered cost is a plain decimal with at most %d decimals",
                           METER_SCALE);
    }
    struct version *versions = NULL;
    size_t count = 0;
    uint32_t policy = work_policy(w, e->policy, &versions, &count);
    uint32_t customer = e->customer_wallet.len > 0 ? work_party(w, e->customer_wallet) : 0;
    int32_t day = time_day(e->at.set ? e->at.at : w->event->occurred_at);
    struct key key = key_u32x3(KEY_METER, policy, (uint32_t)day, asset.number);
    key_add_u32(&key, customer);
    bool large = is_large(cost, asset.scale);
    if (large && !open_add(w, &asset, cost)) {
        return work_refuse(w, METE_AMOUNT_RANGE, "/payload/cost/amount",
                           "with this cost, what is metered in %s and not closed yet would leave "
                           "its range; close the day first, or report less",
                           asset.code);
    }
    work_add(w, key, cost, (i128)e->calls, large ? cost : 0, 0);
    return DECIDED_APPLIED;
}

/* --- the close of a day
 * -------------------------------------------------------------------------*/

struct meters {
    struct work *w;
    struct omap total; /* asset, customer -> i128 cost in 10^-18 */
};

static bool meter_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)value;
    struct meters *m = arg;
    struct bytes who = {key.p + 9, 8}; /* asset, customer */
    i128 *total = omap_put(&m->total, who, NULL);
    METE_ASSERT(i128_add(*total, sums[0], total));
    if (sums[2] != 0) {
        work_add(m->w, open_key(key_read_u32(key, 9)), 0, -sums[2], 0, 0);
    }
    struct key done = {.len = key.len};
    for (size_t i = 0; i < key.len; i++) {
        done.b[i] = key.p[i];
    }
    work_remove(m->w, done);
    return m->total.count < SPLIT_LINES_MAX;
}

static void meters_load(struct meters *m, uint32_t policy, int32_t day)
{
    struct key from = key_u32(KEY_METER, policy);
    struct key until = key_u32x2(KEY_METER, policy, (uint32_t)day + 1);
    if (m->w->view->scan(m->w->view->ctx, key_bytes(&from), key_bytes(&until), meter_visit, m) ==
        VIEW_MISSING) {
        m->w->missing = true;
    }
}

/** Books one customer's day in one currency. */
static enum decided meter_book(struct work *w, uint32_t policy, uint32_t asset_number,
                               uint32_t customer, i128 cost)
{
    struct asset asset;
    i128 net = 0;
    i128 rest = 0;
    i128 sums[STATE_SUMS] = {0};
    struct key rest_key = key_u32x3(KEY_METER_REST, policy, asset_number, customer);
    w->missing |= w->view->sums(w->view->ctx, key_bytes(&rest_key), sums) == VIEW_MISSING;
    if (view_asset_number(w->view, asset_number, &asset) != VIEW_FOUND) {
        w->missing = true;
        return DECIDED_NEEDS;
    }
    i128 gross = meter_minor(cost + sums[0], asset.scale, &rest);
    METE_ASSERT(amount_in_range(gross));
    work_add(w, rest_key, rest - sums[0], 0, 0, 0);
    if (gross == 0) {
        return DECIDED_APPLIED;
    }
    struct group *g = work_revenue_group(w, asset_number, gross);
    g->source = PARTY_CLEARING; /* a close that waits holds no money in suspense */
    g->source_seq = 0;
    g->customer = customer;
    enum decided fine = split_fees(w, g, 0, &net);
    return fine != DECIDED_APPLIED
               ? fine
               : split_by_policy(w, g, policy, net, w->event->occurred_at, NULL);
}

enum decided decide_metering_close(struct work *w)
{
    const struct event_metering_close *e = &w->event->metering;
    struct version *versions = NULL;
    size_t count = 0;
    uint32_t policy = work_policy(w, e->policy, &versions, &count);
    if (version_at(versions, count, w->event->occurred_at) == NULL) {
        return work_wait(w, METE_POLICY_UNKNOWN, wait_policy_key(policy), "/payload/policy");
    }
    struct meters m = {.w = w};
    omap_init(&m.total, sizeof(i128), 5);
    meters_load(&m, policy, e->day);
    enum decided done = DECIDED_APPLIED;
    struct omap_node *node = omap_seek(&m.total, (struct bytes){0});
    size_t lines = 0;
    for (; node != NULL && done == DECIDED_APPLIED; node = omap_next(node)) {
        struct bytes who = omap_key(node);
        done = meter_book(w, policy, key_read_u32(who, 0), key_read_u32(who, 4),
                          *(i128 *)omap_value(node));
        lines += w->out->group_count > 0 ? w->out->group[w->out->group_count - 1].line_count : 0;
        if (lines > SPLIT_LINES_MAX && done == DECIDED_APPLIED) {
            done = work_wait(w, METE_SHARES_LIMIT, wait_policy_key(policy), "/payload/policy");
        }
    }
    omap_clear(&m.total);
    return done;
}
