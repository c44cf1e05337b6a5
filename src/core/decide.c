/* SPDX-License-Identifier: Apache-2.0
 * The one way from an event to its decision: configuration, the type's own function, and what every
 * decision leaves behind. */
#include "core/work.h"

#include "base/i128.h"
#include "base/limits.h"
#include "base/text.h"

#include <string.h>

/* Types that are not in the table are refused as type_not_yet. */
static enum decided (*const DECIDE[EVENT_TYPE_COUNT])(struct work *w) = {
    [EVENT_BOOK_CONFIGURED] = decide_book,
    [EVENT_ASSET_DEFINED] = decide_asset,
    [EVENT_APP_REGISTERED] = decide_app,
    [EVENT_FEES_SCHEDULED] = decide_fees,
    [EVENT_PARTY_REGISTERED] = decide_party,
    [EVENT_PARTY_DESTINATION_SET] = decide_destination,
    [EVENT_KEY_REGISTERED] = decide_key,
    [EVENT_KEY_REVOKED] = decide_key_revoked,
    [EVENT_POLICY_PUBLISHED] = decide_policy,
    [EVENT_CONTRIBUTION_RECORDED] = decide_contribution,
    [EVENT_USAGE_REPORTED] = decide_usage,
    [EVENT_USAGE_METERED] = decide_metered,
    [EVENT_METERING_CLOSED] = decide_metering_close,
    [EVENT_CYCLE_CLOSED] = decide_cycle,
    [EVENT_CONDITION_CHANGED] = decide_condition,
    [EVENT_REVENUE_RECEIVED] = decide_revenue,
    [EVENT_REVENUE_REVERSED] = decide_reversal,
    [EVENT_ALLOCATION_DISPUTED] = decide_dispute,
    [EVENT_ALLOCATION_EVIDENCE_ADDED] = decide_dispute,
    [EVENT_ALLOCATION_ESCALATED] = decide_dispute,
    [EVENT_ALLOCATION_OVERRIDDEN] = decide_dispute,
    [EVENT_ALLOCATION_UPHELD] = decide_dispute,
    [EVENT_CLEARED_THROUGH] = decide_clearing,
    [EVENT_WALLET_TRANSFERRED] = decide_transfer,
    [EVENT_FX_RATE_SET] = decide_rate,
    [EVENT_FX_CONVERTED] = decide_conversion,
    [EVENT_CAMPAIGN_CREATED] = decide_campaign_created,
    [EVENT_CAMPAIGN_UPDATED] = decide_campaign_updated,
    [EVENT_CAMPAIGN_OPENED_FOR_FUNDING] = decide_campaign_moved,
    [EVENT_CAMPAIGN_FUNDING_CLOSED] = decide_campaign_moved,
    [EVENT_CAMPAIGN_ACTIVATED] = decide_campaign_moved,
    [EVENT_CAMPAIGN_PAUSED] = decide_campaign_moved,
    [EVENT_CAMPAIGN_RESUMED] = decide_campaign_moved,
    [EVENT_CAMPAIGN_COMPLETED] = decide_campaign_moved,
    [EVENT_CAMPAIGN_CANCELLED] = decide_campaign_moved,
    [EVENT_ROUND_CREATED] = decide_round,
    [EVENT_ROUND_APPROVED] = decide_round,
    [EVENT_ROUND_OPENED] = decide_round,
    [EVENT_ROUND_CLOSED] = decide_round,
    [EVENT_ROUND_CANCELLED] = decide_round,
    [EVENT_COMMITMENT_CREATED] = decide_commitment,
    [EVENT_COMMITMENT_CONFIRMED] = decide_commitment,
    [EVENT_COMMITMENT_CANCELLED] = decide_commitment,
    [EVENT_SPEND_GRANT_CREATED] = decide_grant,
    [EVENT_SPEND_GRANT_DEPLOYED] = decide_grant,
    [EVENT_SPEND_AUTHORIZED] = decide_grant,
    [EVENT_SPEND_EXECUTED] = decide_grant,
    [EVENT_SPEND_REFUNDED] = decide_grant,
    [EVENT_KPI_REPORTED] = decide_fact,
    [EVENT_CREATIVE_GENERATED] = decide_fact,
    [EVENT_CREATIVE_LAUNCHED] = decide_fact,
    [EVENT_ATTRIBUTION_ASSIGNED] = decide_attribution,
    [EVENT_ATTRIBUTION_UPDATED] = decide_attribution,
    [EVENT_INVOICE_PAID] = decide_invoice,
    [EVENT_REFUND_ISSUED] = decide_reversal,
    [EVENT_CHARGEBACK] = decide_reversal,
    [EVENT_SUBSCRIPTION_CANCELLED] = decide_fact,
    [EVENT_TERMS_SET] = decide_terms,
    [EVENT_ROYALTY_ENABLED] = decide_terms,
    [EVENT_ROYALTY_DISABLED] = decide_terms,
    [EVENT_SETTLEMENT_INITIATED] = decide_settlement,
    [EVENT_SETTLEMENT_PAID] = decide_settlement,
    [EVENT_SETTLEMENT_FAILED] = decide_settlement,
    [EVENT_PAYOUT_BATCH_OPENED] = decide_batch,
    [EVENT_PAYOUT_BATCH_CLOSED] = decide_batch,
    [EVENT_PAYOUT_TRANSFER_QUEUED] = decide_queued,
    [EVENT_PAYOUT_TRANSFER_SENDING] = decide_payout,
    [EVENT_PAYOUT_TRANSFER_SENT] = decide_payout,
    [EVENT_PAYOUT_TRANSFER_UNKNOWN] = decide_payout,
    [EVENT_PAYOUT_TRANSFER_PAID] = decide_payout,
    [EVENT_PAYOUT_TRANSFER_FAILED] = decide_payout,
    [EVENT_PAYOUT_TRANSFER_FAILED_PERMANENT] = decide_payout,
    [EVENT_PAYOUT_TRANSFER_RETURNED] = decide_payout,
    [EVENT_PAYOUT_TRANSFER_CANCELLED] = decide_payout,
    [EVENT_PAYOUT_HOLD_PLACED] = decide_hold,
    [EVENT_PAYOUT_HOLD_RELEASED] = decide_hold,
    [EVENT_X402_RESERVED] = decide_x402,
    [EVENT_X402_RELEASED] = decide_x402,
    [EVENT_X402_SETTLING] = decide_x402,
    [EVENT_X402_REPLACED] = decide_x402,
    [EVENT_X402_SETTLED] = decide_x402,
    [EVENT_X402_FAILED] = decide_x402,
    [EVENT_X402_CONFIRMED] = decide_x402,
    [EVENT_X402_UNDONE] = decide_x402,
    [EVENT_X402_POLICY_SET] = decide_x402_policy,
    [EVENT_X402_LISTED] = decide_x402_listing,
    [EVENT_X402_UNLISTED] = decide_x402_listing,
};

/* --- the range of sums
 * ------------------------------------------------------------------------------*/

static i128 magnitude(i128 v)
{
    return v < 0 ? -v : v;
}

static bool account_fits(struct work *w, uint32_t party, uint32_t asset, i128 more, i128 limit)
{
    return work_sums_fit(w, key_account(party, asset), more, limit);
}

/** True when all accounts of the group have room for `more`; cut into pages, all that is still to
 *  come goes through suspense once a page. */
static bool group_fits(struct work *w, const struct group *g, i128 more)
{
    /* metered money was let in when its cost was reported */
    bool comes_in = g->kind == GROUP_REVENUE && w->event->type != EVENT_METERING_CLOSED;
    i128 limit = comes_in ? SUM_LIMIT_IN : SUM_LIMIT;
    i128 through = 0;
    bool fits =
        magnitude(g->gross) < SUM_LARGE || account_fits(w, g->source, g->asset, more, limit);
    for (uint32_t i = 0; i < g->line_count && fits; i++) {
        const struct line *l = &g->line[i];
        fits = magnitude(l->amount) < SUM_LARGE || account_fits(w, l->party, g->asset, more, limit);
    }
    if (more < SUM_LARGE || g->line_count < LEGS_MAX || !fits) {
        return fits;
    }
    i128 pages = g->line_count / (LEGS_MAX / 2) + 1;
    return !__builtin_mul_overflow(more, pages, &through) &&
           account_fits(w, PARTY_SUSPENSE, g->asset, through, limit);
}

static bool decision_fits(struct work *w)
{
    const struct decision *d = w->out;
    i128 all = 0;
    bool fits = true;
    for (uint32_t i = 0; i < d->group_count; i++) {
        const struct group *g = &d->group[i];
        fits = fits && i128_add(all, magnitude(g->gross), &all);
        for (uint32_t k = 0; k < g->line_count && fits; k++) {
            fits = i128_add(all, magnitude(g->line[k].amount), &all);
        }
    }
    for (uint32_t i = 0; i < d->group_count && fits && all >= SUM_LARGE; i++) {
        const struct group *g = &d->group[i];
        bool bounded = g->kind == GROUP_REVERSAL || g->kind == GROUP_UPHELD; /* by what it undoes */
        fits = bounded || group_fits(w, g, all);
    }
    return fits;
}

static bool outcome_fits(struct work *w, enum decided outcome)
{
    if (outcome == DECIDED_APPLIED) {
        return decision_fits(w);
    }
    if (outcome != DECIDED_WAITING || w->released || w->money < SUM_LARGE) {
        return true;
    }
    return account_fits(w, PARTY_CLEARING, w->money_asset, w->money, SUM_LIMIT_IN) &&
           account_fits(w, PARTY_SUSPENSE, w->money_asset, w->money, SUM_LIMIT_IN);
}

enum decided work_decide(struct work *w)
{
    enum decided (*decide_type)(struct work *) = DECIDE[w->event->type];
    if (decide_type == NULL) {
        return work_refuse(w, METE_TYPE_NOT_YET, "/event_type", "\"%s\" is not handled yet",
                           event_type_name(w->event->type));
    }
    if (w->event->tier3 != NULL && !w->book.tier3) {
        return work_refuse(w, METE_TIER_OFF, w->event->tier3,
                           "this is of data tier 3, and this book keeps tiers 1 and 2; the raw "
                           "content was not kept");
    }
    enum decided outcome = decide_type(w);
    if (!outcome_fits(w, outcome)) {
        return work_refuse(w, METE_AMOUNT_RANGE, "/payload",
                           "the sums of an account would leave their range; use an asset with "
                           "fewer decimals");
    }
    return outcome;
}

static void residues_put(struct work *w)
{
    struct buf packed = {0};
    struct omap_node *node = omap_seek(&w->residue, (struct bytes){0});
    for (; node != NULL; node = omap_next(node)) {
        struct bytes key = omap_key(node);
        struct key k = {.len = key.len};
        memcpy(k.b, key.p, key.len);
        buf_reset(&packed);
        residue_pack(&packed, omap_value(node));
        work_set(w, k, &packed);
    }
    buf_clear(&packed);
}

/** An event that waits for a policy below others is on their lists too. */
static void way_put(struct work *w)
{
    struct buf way = {0};
    if (w->wait_way_count < 2) {
        return;
    }
    for (uint32_t i = 0; i < w->wait_way_count; i++) {
        struct key key = wait_below_key(w->wait_way[i]);
        key_add_u64(&key, w->in->seq);
        buf_put_varint(&way, w->wait_way[i]);
        if (i > 0) {
            const struct buf none = {0};
            work_set(w, key, &none);
        }
    }
    work_set(w, wait_way_key(w->in->seq), &way);
    buf_clear(&way);
}

/** An invoice that waits for something else waits for its user as well. */
static void user_put(struct work *w)
{
    struct buf value = {0};
    struct key key = w->wait_user;
    if (!w->waits_for_user) {
        return;
    }
    struct bytes other = key_bytes(&w->wait_key);
    buf_put(&value, other.p, other.len);
    key_add_u64(&key, w->in->seq);
    work_set(w, key, &value);
    buf_clear(&value);
}

/** An event that waits keeps the policy names it brought, its money in suspense, and its place. A
 *  cycle that waits still lets those before it try again. */
static void waiting_put(struct work *w)
{
    struct decision *d = w->out;
    d->wait_code = w->wait_code;
    d->party_count = 0;
    d->group_count = 0;
    d->put_count = w->stays;
    if (w->money != 0 && !w->released) {
        struct group *g = work_group(w, GROUP_SUSPENSE, w->money_asset);
        g->gross = w->money;
        struct line *line = group_line(w->a, g);
        line->kind = LINE_SUSPENSE;
        line->party = PARTY_SUSPENSE;
        line->amount = w->money;
    }
    struct key key = w->wait_key;
    bool for_event = key.b[1] == WAIT_EVENT;
    key_add_u64(&key, w->in->seq);
    struct buf value = {0};
    buf_put_varint(&value, w->wait_code);
    buf_put_sized(&value, text_of(w->wait_pointer));
    work_set(w, key, &value);
    buf_clear(&value);
    way_put(w);
    user_put(w);
    if (for_event) {
        work_add(w, key_of(KEY_COUNTER), 0, 0, 0, 1);
    }
}

/** True when the event brought money that others may be waiting to reverse. */
static bool is_original(const struct decision *d)
{
    for (uint32_t i = 0; i < d->group_count; i++) {
        if (d->group[i].kind == GROUP_REVENUE) {
            return true;
        }
    }
    return false;
}

enum decided work_finish(struct work *w, enum decided outcome)
{
    if (outcome == DECIDED_WAITING) {
        waiting_put(w);
    } else if (outcome == DECIDED_APPLIED) {
        residues_put(w);
        i128 waiting = 0;
        if (view_counter(w->view, COUNTER_WAITING, &waiting) == VIEW_MISSING) {
            w->missing = true;
        }
        if (waiting > 0 && is_original(w->out)) {
            work_release(w, wait_event_key(w->event->id));
        }
        decision_check(w->out);
    }
    return w->missing ? DECIDED_NEEDS : outcome;
}

enum decided decide(struct arena *a, const struct decide_in *in, struct decision *out,
                    struct mete_err *err)
{
    struct work w;
    work_begin(&w, a, in, out, err);
    enum decided outcome = work_decide(&w);
    if (w.missing) {
        outcome = DECIDED_NEEDS;
    }
    if (outcome == DECIDED_APPLIED || outcome == DECIDED_WAITING) {
        outcome = work_finish(&w, outcome);
        if (w.release_count > 0) {
            work_queue(&w, NULL, 0);
        }
    }
    work_end(&w);
    return outcome;
}

enum decided need(struct arena *a, const struct decide_in *in)
{
    struct decision unused;
    struct mete_err err;
    enum decided outcome = decide(a, in, &unused, &err);
    return outcome == DECIDED_NEEDS ? DECIDED_NEEDS : DECIDED_APPLIED;
}
