/* SPDX-License-Identifier: Apache-2.0
 * revenue.invoice_paid and what takes it back: revenue.refund_issued, revenue.chargeback. An
 * invoice finds its campaign through its user, else by its own word, else it is its app's owner's.
 */
#include "core/economy.h"
#include "core/refunds.h"

#include "base/limits.h"
#include "base/text.h"

#include <stdio.h>

/* --- whose it is -------------------------------------------------------------------------------*/

/** The campaign that the envelope names. One that is not there yet is waited for. */
static enum decided campaign_said(struct work *w, uint32_t *campaign)
{
    struct campaign unused;
    if (w->event->correlation.campaign_id.len == 0) {
        return DECIDED_APPLIED;
    }
    enum decided fine = campaign_named(w, campaign);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    enum view_result found = view_campaign(w->view, w->a, *campaign, &unused);
    w->missing |= found == VIEW_MISSING;
    return found == VIEW_ABSENT ? work_wait(w, METE_CAMPAIGN_UNKNOWN, wait_policy_key(*campaign),
                                            "/correlation/campaign_id")
                                : DECIDED_APPLIED;
}

static uint32_t app_owner(struct work *w)
{
    struct bytes value;
    if (w->event->app_id.len == 0) {
        return 0;
    }
    struct key key = key_text(KEY_APP, w->event->app_id);
    enum view_result found = w->view->get(w->view->ctx, key_bytes(&key), &value);
    w->missing |= found == VIEW_MISSING;
    if (found != VIEW_FOUND) {
        return 0;
    }
    struct reader r = reader_of(value);
    return (uint32_t)read_varint(&r);
}

enum decided invoice_target(struct work *w, uint32_t *campaign, uint32_t *owner)
{
    const struct event *e = w->event;
    *campaign = *owner = 0;
    if (e->correlation.user_id.len > 0) {
        *campaign = attribution_at(w, e->app_id, e->correlation.user_id, e->occurred_at);
    }
    if (*campaign != 0) {
        return DECIDED_APPLIED;
    }
    enum decided fine = campaign_said(w, campaign);
    if (fine == DECIDED_APPLIED && *campaign == 0 && !w->book.attribution_required) {
        *owner = app_owner(w);
    }
    return fine;
}

/* --- booking -----------------------------------------------------------------------------------*/

/** The revenue group of `gross`, split. The fees are those of the app, unless they are known. */
static enum decided invoice_split(struct work *w, uint32_t asset, i128 gross, uint32_t number,
                                  uint32_t owner)
{
    struct campaign c;
    i128 net = 0;
    enum decided fine = w->fees_known ? DECIDED_APPLIED : terms_find(w, w->event->app_id);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    if (number != 0 && view_campaign(w->view, w->a, number, &c) != VIEW_FOUND) {
        w->missing = true;
        return DECIDED_NEEDS;
    }
    if (number != 0 && c.asset != asset) {
        return work_wait(w, METE_CAMPAIGN_CURRENCY, wait_policy_key(number), "/payload/currency");
    }
    struct group *g = work_revenue_group(w, asset, gross);
    fine = split_fees(w, g, 0, &net);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    if (number == 0) {
        split_to_owner(w, g, owner, net);
        return DECIDED_APPLIED;
    }
    return split_by_contract(w, g, number, &c, net, w->event->occurred_at);
}

/** What a refund may call it by. */
static struct key payment_key(struct text reference)
{
    struct key key = key_of(KEY_PAYMENT);
    struct key hashed = key_event_id(reference);
    for (size_t i = 1; i < hashed.len; i++) {
        key_add_u8(&key, hashed.b[i]);
    }
    return key;
}

static void reference_put(struct work *w, struct text reference)
{
    struct buf value = {0};
    i128 waiting = 0;
    if (reference.len == 0) {
        return;
    }
    buf_put_varint(&value, w->in->seq);
    work_set(w, payment_key(reference), &value);
    buf_clear(&value);
    w->missing |= view_counter(w->view, COUNTER_WAITING, &waiting) == VIEW_MISSING;
    if (waiting > 0) {
        work_release(w, wait_payment_key(reference));
    }
}

/** Where later attributions and refunds find it. */
static void invoice_found_by(struct work *w)
{
    const struct event *e = w->event;
    if (e->correlation.user_id.len > 0) {
        struct key key = attribution_key(KEY_USER_REVENUE, e->app_id, e->correlation.user_id);
        const struct buf none = {0};
        key_add_u64(&key, w->in->seq);
        work_set(w, key, &none);
    }
    reference_put(w, e->invoice.payment_intent);
    if (!text_eq(e->correlation.transaction_id, e->invoice.payment_intent)) {
        reference_put(w, e->correlation.transaction_id);
    }
}

enum decided decide_invoice(struct work *w)
{
    struct asset asset;
    i128 gross = 0;
    uint32_t campaign = 0;
    uint32_t owner = 0;
    const struct event *e = w->event;
    enum decided fine =
        work_money(w, &e->invoice.gross, "/payload/gross_amount_cents", &asset, &gross);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    w->money_asset = asset.number;
    w->money = gross;
    w->waits_for_user = e->correlation.user_id.len > 0;
    w->wait_user = wait_user_key(e->app_id, e->correlation.user_id);
    fine = invoice_target(w, &campaign, &owner);
    if (fine == DECIDED_APPLIED && campaign == 0 && owner == 0) {
        fine = work_wait(w, METE_UNATTRIBUTED, wait_app_key(e->app_id), "/correlation/user_id");
    }
    if (fine != DECIDED_APPLIED || w->missing) {
        return w->missing ? DECIDED_NEEDS : fine;
    }
    if (gross > 0) { /* a trial costs nothing, and yet it was an invoice */
        fine = invoice_split(w, asset.number, gross, campaign, owner);
    }
    if (fine == DECIDED_APPLIED) {
        invoice_found_by(w);
    }
    return w->missing ? DECIDED_NEEDS : fine;
}

/* --- anew --------------------------------------------------------------------------------------*/

enum decided refund_noted(struct work *w, uint64_t seq, i128 amount)
{
    struct refund_note *before = NULL;
    size_t count = 0;
    struct buf value = {0};
    if (view_refunds(w->view, w->a, seq, &before, &count) == VIEW_MISSING) {
        w->missing = true;
        return DECIDED_NEEDS;
    }
    if (count >= REFUNDS_MAX) {
        return work_refuse(w, METE_LIMIT, "/payload", "at most %d refunds of one invoice",
                           REFUNDS_MAX);
    }
    struct refund_note *all = arena_array(w->a, count + 1, sizeof *all);
    for (size_t i = 0; i < count; i++) {
        all[i] = before[i];
    }
    all[count] = (struct refund_note){amount, w->in->seq};
    refunds_pack(&value, all, count + 1);
    work_set(w, refunds_key(seq), &value);
    buf_clear(&value);
    return DECIDED_APPLIED;
}

/** The same as if the attribution had come first: all that is left goes back, the whole is booked
 *  anew, and what was taken back of it is taken back again, one by one. */
enum decided invoice_rebook(struct work *w, uint32_t campaign, uint32_t owner,
                            const struct decision *was, uint64_t was_seq, uint32_t was_page)
{
    struct refund_note *refund = NULL;
    size_t refund_count = 0;
    const struct group *old = invoice_group(was);
    if (old == NULL) {
        return DECIDED_APPLIED;
    }
    if (view_refunds(w->view, w->a, w->in->seq, &refund, &refund_count) == VIEW_MISSING) {
        w->missing = true;
        return DECIDED_NEEDS;
    }
    reverse_rest(w, was, was_seq, was_page);
    if (old->fee_version != 0 &&
        view_fees_version(w->view, w->a, old->fee_version, &w->fees) != VIEW_FOUND) {
        w->missing = true;
        return DECIDED_NEEDS;
    }
    w->fees_version = old->fee_version;
    w->fees_known = true;
    uint32_t index = w->out->group_count;
    enum decided fine = invoice_split(w, old->asset, old->gross, campaign, owner);
    if (fine == DECIDED_APPLIED && refund_count > 0) {
        reverse_again(w, index, refund, refund_count);
    }
    return w->missing ? DECIDED_NEEDS : fine;
}

/* --- taking back -------------------------------------------------------------------------------*/

struct key wait_payment_key(struct text reference)
{
    char text[EVENT_ID_LEN_MAX + 16];
    int n = snprintf(text, sizeof text, "payment %.*s", (int)reference.len, reference.p);
    return wait_event_key((struct text){text, (size_t)n});
}

/** The id of the invoice that a refund names, or what it waits for. */
enum decided refund_original(struct work *w, uint64_t *seq)
{
    const struct event_reversal *e = &w->event->reversal;
    bool by_id = e->reverses.len > 0;
    bool by_intent = e->payment_intent.len > 0;
    struct text name = by_id       ? e->reverses
                       : by_intent ? e->payment_intent
                                   : w->event->correlation.transaction_id;
    struct key key = by_id ? key_event_id(name) : payment_key(name);
    struct bytes value;
    switch (w->view->get(w->view->ctx, key_bytes(&key), &value)) {
    case VIEW_FOUND: {
        struct reader r = reader_of(value);
        *seq = read_varint(&r);
        return DECIDED_APPLIED;
    }
    case VIEW_MISSING:
        w->missing = true;
        return DECIDED_NEEDS;
    case VIEW_ABSENT:
        break;
    }
    return work_wait(w, METE_ORIGINAL_UNKNOWN,
                     by_id ? wait_event_key(name) : wait_payment_key(name),
                     by_id       ? "/payload/reverses"
                     : by_intent ? "/payload/stripe_payment_intent_id"
                                 : "/correlation/transaction_id");
}
