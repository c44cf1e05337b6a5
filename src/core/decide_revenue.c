/* SPDX-License-Identifier: Apache-2.0
 * revenue.received: money came in; who gets it. */
#include "core/work.h"

#include "base/text.h"

/** The fee that the payload carries: in the revenue's own currency, at most the gross. */
static enum decided payload_fee(struct work *w, const struct asset *asset, i128 gross, i128 *fee)
{
    const struct event_revenue *r = &w->event->revenue;
    struct asset fee_asset;
    *fee = 0;
    if (!r->has_fee) {
        return DECIDED_APPLIED;
    }
    enum decided fine = work_money(w, &r->fee, "/payload/fee", &fee_asset, fee);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    if (fee_asset.number != asset->number) {
        return work_refuse(w, METE_MEMBER_VALUE, "/payload/fee/currency",
                           "the fee must be in %s, like the amount", asset->code);
    }
    if (*fee > gross) {
        return work_refuse(w, METE_FEE_EXCEEDS, "/payload/fee/amount",
                           "the fee is more than the gross amount");
    }
    return DECIDED_APPLIED;
}

static enum decided split_target(struct work *w, struct group *g, i128 net)
{
    const struct event_revenue *r = &w->event->revenue;
    mete_time at = w->event->occurred_at;
    switch (r->target) {
    case TARGET_CONTENT:
        return split_by_roles(w, g, r->target_id, net, at);
    case TARGET_PARTY:
        return split_single(w, g, r->target_id, net);
    case TARGET_POLICY:
        break;
    }
    struct version *versions = NULL;
    size_t count = 0;
    uint32_t policy = work_policy(w, r->target_id, &versions, &count);
    return split_by_policy(w, g, policy, net, at, r);
}

enum decided decide_revenue(struct work *w)
{
    const struct event_revenue *r = &w->event->revenue;
    struct asset asset;
    i128 gross = 0;
    i128 fee = 0;
    i128 net = 0;
    enum decided fine = work_money(w, &r->amount, "/payload/amount", &asset, &gross);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    if (gross == 0) {
        return work_refuse(w, METE_AMOUNT_ZERO, "/payload/amount/amount",
                           "a revenue must be above zero");
    }
    fine = payload_fee(w, &asset, gross, &fee);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    w->money_asset = asset.number;
    w->money = gross;
    struct group *g = work_revenue_group(w, asset.number, gross);
    g->quantity = r->quantity;
    fine = split_fees(w, g, fee, &net);
    return fine != DECIDED_APPLIED ? fine : split_target(w, g, net);
}
