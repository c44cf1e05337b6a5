/* SPDX-License-Identifier: Apache-2.0
 * Writing what a decision makes of a payout. */
#include "core/payout_work.h"

#include "base/text.h"

uint64_t payout_number(struct work *w, struct text id)
{
    struct key key = key_event_id(id);
    struct bytes value;
    enum view_result found = w->view->get(w->view->ctx, key_bytes(&key), &value);
    w->missing |= found == VIEW_MISSING;
    if (found != VIEW_FOUND) {
        return 0;
    }
    struct reader r = reader_of(value);
    return read_varint(&r);
}

static void outbox_move(struct work *w, uint64_t number, mete_time was, mete_time due)
{
    const struct buf none = {0};
    if (was == due) {
        return;
    }
    if (was != TIME_NEVER) {
        work_remove(w, key_outbox(was, number));
    }
    if (due != TIME_NEVER) {
        work_set(w, key_outbox(due, number), &none);
    }
}

void transfer_put(struct work *w, uint64_t number, const struct transfer *was, struct transfer *t)
{
    struct buf value = {0};
    t->due = transfer_rests(t->state) ? TIME_NEVER : t->due;
    outbox_move(w, number, was->due, t->due);
    transfer_pack(&value, t);
    work_set(w, key_transfer(number), &value);
    buf_clear(&value);
    struct key sums = key_batch_number(t->batch);
    sums.b[0] = KEY_BATCH_SUMS;
    bool queued = was->state == TRANSFER_NONE;
    int rests = (int)transfer_rests(t->state) - (int)transfer_rests(was->state);
    if (t->state != was->state) {
        if (!queued) {
            work_add(w, key_batch_state(was->batch, was->state), -1, -was->amount, 0, 0);
            work_add(w, key_batch_state(BATCH_ALL, was->state), -1, 0, 0, 0);
        }
        work_add(w, key_batch_state(t->batch, t->state), 1, t->amount, 0, 0);
        work_add(w, key_batch_state(BATCH_ALL, t->state), 1, 0, 0, 0);
    }
    if (t->held != was->held) {
        work_add(w, key_u32x2(KEY_PAID, t->party, t->asset), 0, t->held - was->held, 0, 0);
    }
    i128 paid = t->paid - t->returned - (was->paid - was->returned);
    if (queued || rests != 0 || paid != 0) {
        work_add(w, sums, queued ? 1 : 0, queued ? t->amount : 0, rests, paid);
    }
}

void hold_put(struct work *w, uint32_t party, enum hold_kind kind)
{
    struct buf value = {0};
    buf_put_u8(&value, (uint8_t)kind);
    buf_put_varint(&value, w->in->seq);
    work_set(w, key_u32(KEY_HOLD, party), &value);
    buf_clear(&value);
}

static enum decided destination_check(struct work *w, uint32_t party, struct text rail,
                                      const char *at)
{
    struct destination d;
    enum view_result found = view_destination(w->view, party, &d);
    w->missing |= found == VIEW_MISSING;
    if (found != VIEW_FOUND || !text_eq(d.rail, rail)) {
        return work_refuse(w, METE_DESTINATION_MISSING, at,
                           "the party has no destination on the rail %.*s", (int)rail.len, rail.p);
    }
    if (w->now < d.holds_from) {
        char from[TIME_TEXT_MAX];
        time_format(d.holds_from, from);
        return work_refuse(w, METE_DESTINATION_COOLING, at,
                           "its destination was changed and holds from %s on", from);
    }
    return DECIDED_APPLIED;
}

enum decided payable_check(struct work *w, uint32_t party, struct text rail, const char *at)
{
    enum hold_kind held;
    w->missing |= view_hold(w->view, party, &held) == VIEW_MISSING;
    if (held != HOLD_NONE) {
        return work_refuse(w, METE_PARTY_HELD, at, "payouts to this party are held%s",
                           held == HOLD_SUPERVISOR ? " by a supervisor" : " after one that failed");
    }
    return destination_check(w, party, rail, at);
}
