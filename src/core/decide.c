/* SPDX-License-Identifier: Apache-2.0
 * The one way from an event to its decision: configuration, the type's own function, and what every
 * decision leaves behind. */
#include "core/work.h"

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
    [EVENT_WALLET_TRANSFERRED] = decide_transfer,
    [EVENT_FX_RATE_SET] = decide_rate,
};

enum decided work_decide(struct work *w)
{
    enum decided (*decide_type)(struct work *) = DECIDE[w->event->type];
    if (decide_type == NULL) {
        return work_refuse(w, METE_TYPE_NOT_YET, "/event_type", "\"%s\" is not handled yet",
                           event_type_name(w->event->type));
    }
    return decide_type(w);
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

/** An event that waits keeps the policy names it brought, its money in suspense, and its place. A
 *  cycle that waits still lets those before it try again. */
static void waiting_put(struct work *w)
{
    struct decision *d = w->out;
    d->wait_code = w->wait_code;
    d->party_count = 0;
    d->group_count = 0;
    d->put_count = 0;
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
