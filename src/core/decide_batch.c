/* SPDX-License-Identifier: Apache-2.0
 * payout.batch_*, payout.transfer_queued and payout.hold_*: what is to be paid out, and to whom
 * nothing is. What is queued leaves the party's cleared balance and stands in mete:payout. */
#include "core/balance.h"
#include "core/economy.h"
#include "core/payout_work.h"

#include "base/text.h"

static enum decided batch_find(struct work *w, struct text id, uint64_t *number, struct batch *b)
{
    *number = payout_number(w, id);
    enum view_result found = *number == 0 ? VIEW_ABSENT : view_batch(w->view, w->a, *number, b);
    w->missing |= found == VIEW_MISSING;
    if (w->missing) {
        return DECIDED_NEEDS;
    }
    return found == VIEW_FOUND ? DECIDED_APPLIED
                               : work_refuse(w, METE_BATCH_UNKNOWN, "/payload/batch_id",
                                             "there is no batch \"%.*s\"", (int)id.len, id.p);
}

/* --- batches -----------------------------------------------------------------------------------*/

static void batch_put(struct work *w, uint64_t number, const struct batch *b)
{
    struct buf value = {0};
    batch_pack(&value, b);
    work_set(w, key_batch_number(number), &value);
    buf_clear(&value);
}

/** A decimal of the batch's asset; "": 0. */
static enum decided bound_take(struct work *w, struct text given, const char *at, i128 *amount)
{
    const struct money m = {.amount = given, .currency = w->event->payout.asset};
    struct asset unused;
    return given.len == 0 ? DECIDED_APPLIED : work_money(w, &m, at, &unused, amount);
}

static enum decided batch_opened(struct work *w)
{
    const struct event_payout *e = &w->event->payout;
    struct asset asset;
    enum view_result found = view_asset(w->view, e->asset, &asset);
    if (found != VIEW_FOUND) {
        w->missing |= found == VIEW_MISSING;
        return w->missing ? DECIDED_NEEDS
                          : work_refuse(w, METE_CURRENCY_UNKNOWN, "/payload/asset",
                                        "no asset \"%.*s\"", (int)e->asset.len, e->asset.p);
    }
    struct batch b = {.on_demand = e->on_demand,
                      .asset = asset.number,
                      .rail = e->rail,
                      .cutoff_at = e->cutoff_at.set ? e->cutoff_at.at : w->now,
                      .bounds = {.fee_cap_bps = (uint32_t)e->fee_cap_bps}};
    enum decided fine = bound_take(w, e->minimum, "/payload/minimum", &b.bounds.minimum);
    fine = fine == DECIDED_APPLIED ? bound_take(w, e->fee_expected, "/payload/fee", &b.bounds.fee)
                                   : fine;
    if (fine == DECIDED_APPLIED) {
        batch_put(w, w->in->seq, &b);
    }
    return fine;
}

static enum decided batch_closed(struct work *w)
{
    struct text id = w->event->payout.batch_id;
    uint64_t number = 0;
    struct batch b;
    uint8_t to;
    enum decided fine = batch_find(w, id, &number, &b);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    fine = work_step(w, MACHINE_BATCH, id, b.is_closed ? BATCH_CLOSED : BATCH_OPEN, w->event->type,
                     0, &to);
    b.is_closed = true;
    if (fine == DECIDED_APPLIED) {
        batch_put(w, number, &b);
    }
    return w->missing ? DECIDED_NEEDS : fine;
}

enum decided decide_batch(struct work *w)
{
    return w->event->type == EVENT_PAYOUT_BATCH_OPENED ? batch_opened(w) : batch_closed(w);
}

/* --- queueing ----------------------------------------------------------------------------------*/

/** Design §3: a payout needs a cleared balance that exceeds the minimum, here one that had cleared
 *  by the batch's cut-off. */
static enum decided balance_check(struct work *w, const struct transfer *t, mete_time cutoff,
                                  const struct asset *asset)
{
    mete_time at = cutoff < w->now ? cutoff : w->now;
    struct balance have = {0};
    i128 total[STATE_SUMS] = {0};
    struct key account = key_account(t->party, t->asset);
    struct arena scratch;
    char text[AMOUNT_TEXT_MAX];
    arena_init(&scratch, (size_t)1 << 30);
    w->missing |= w->view->sums(w->view->ctx, key_bytes(&account), total) == VIEW_MISSING;
    const struct account_at of = account_at_make(t->party, t->asset, at, total);
    w->missing |= balance_of(w->view, &scratch, &of, &have) == VIEW_MISSING;
    arena_clear(&scratch);
    i128 minimum = payout_minimum(&w->book, asset);
    amount_format(have.cleared, asset->scale, text);
    if (have.cleared < t->amount) {
        return work_refuse(w, METE_INSUFFICIENT_FUNDS, "/payload/amount/amount",
                           "the party has %s %s to be paid out", text, asset->code);
    }
    if (have.cleared <= minimum) {
        return work_refuse(w, METE_BELOW_MINIMUM, "/payload/amount/amount",
                           "%s %s do not exceed the minimum", text, asset->code);
    }
    return DECIDED_APPLIED;
}

/** What the batch was opened for. */
static enum decided bounds_check(struct work *w, const struct batch *b, i128 amount)
{
    enum mete_code code = bounds_judge(&b->bounds, amount);
    return code == METE_OK
               ? DECIDED_APPLIED
               : work_refuse(w, code, "/payload/amount/amount",
                             code == METE_BELOW_MINIMUM
                                 ? "the batch pays no less than its minimum"
                                 : "the rail's fee would be more than the batch lets it");
}

static enum decided party_check(struct work *w, uint64_t batch, const struct batch *b,
                                uint32_t party)
{
    struct bytes unused;
    struct key key = key_batch_party(batch, party);
    enum decided fine = payable_check(w, party, b->rail, "/payload/party");
    enum view_result twice = w->view->get(w->view->ctx, key_bytes(&key), &unused);
    w->missing |= twice == VIEW_MISSING;
    if (fine == DECIDED_APPLIED && twice == VIEW_FOUND) {
        return work_refuse(w, METE_STATE_FORBIDS, "/payload/party",
                           "this batch has a payout to the party already");
    }
    return fine;
}

enum decided decide_queued(struct work *w)
{
    const struct event_payout *e = &w->event->payout;
    const struct transfer none = {.due = TIME_NEVER};
    struct transfer t = none;
    struct asset asset;
    struct batch b;
    enum decided fine = batch_find(w, e->batch_id, &t.batch, &b);
    fine = fine == DECIDED_APPLIED ? work_money(w, &e->amount, "/payload/amount", &asset, &t.amount)
                                   : fine;
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    if (b.is_closed || asset.number != b.asset || t.amount == 0) {
        return work_refuse(w, METE_MEMBER_VALUE, "/payload/amount",
                           b.is_closed ? "the batch is closed"
                                       : "an amount above zero, in the batch's currency");
    }
    t.party = work_party(w, e->party);
    t.asset = asset.number;
    fine = party_check(w, t.batch, &b, t.party);
    fine = fine == DECIDED_APPLIED ? bounds_check(w, &b, t.amount) : fine;
    fine = fine == DECIDED_APPLIED ? balance_check(w, &t, b.cutoff_at, &asset) : fine;
    if (fine != DECIDED_APPLIED || w->missing) {
        return w->missing ? DECIDED_NEEDS : fine;
    }
    t.state = TRANSFER_QUEUED;
    t.held = t.amount;
    t.due = w->now;
    struct group *g = work_group(w, GROUP_TRANSFER, t.asset);
    group_move(w, g, t.party, -t.amount);
    group_move(w, g, PARTY_PAYOUT, t.amount);
    struct buf number = {0};
    buf_put_varint(&number, w->in->seq);
    work_set(w, key_batch_party(t.batch, t.party), &number);
    buf_reset(&number);
    buf_put_varint(&number, t.asset);
    work_set(w, key_party_transfer(t.party, w->in->seq), &number);
    buf_clear(&number);
    transfer_put(w, w->in->seq, &none, &t);
    return DECIDED_APPLIED;
}

/* --- holds -------------------------------------------------------------------------------------*/

enum decided decide_hold(struct work *w)
{
    uint32_t party = work_party(w, w->event->payout.party);
    enum hold_kind held;
    w->missing |= view_hold(w->view, party, &held) == VIEW_MISSING;
    if (w->event->type == EVENT_PAYOUT_HOLD_PLACED) {
        hold_put(w, party, HOLD_SUPERVISOR);
    } else if (held == HOLD_NONE && !w->missing) {
        return work_refuse(w, METE_STATE_FORBIDS, "/payload/party", "the party is not held");
    } else {
        work_remove(w, key_u32(KEY_HOLD, party));
    }
    return w->missing ? DECIDED_NEEDS : DECIDED_APPLIED;
}
