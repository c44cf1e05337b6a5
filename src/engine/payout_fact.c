/* SPDX-License-Identifier: Apache-2.0
 * Facts into steps. Whether a step may be taken core decides; here is only which ones lead there.
 */
#include "engine/payout_fact.h"

#include "base/text.h"
#include "engine/internal.h"
#include "engine/payout_step.h"
#include "wire/json_values.h"

bool payout_attempt_find(struct engine *e, struct text transfer_id, uint32_t number,
                         struct arena *a, struct payout_due *row, struct attempt *attempt,
                         struct mete_err *err)
{
    const struct view *v = engine_view(e);
    struct bytes value;
    err->code = METE_OK;
    if (payout_find(e, transfer_id, a, row, err) != METE_OK) {
        return false;
    }
    if (number == 0 || number > row->transfer.attempts) {
        return false;
    }
    struct key key = key_attempt(row->number, number);
    if (v->get(v->ctx, key_bytes(&key), &value) != VIEW_FOUND) {
        (void)mete_fail(err, METE_STORE_FAILED, "", "an attempt of a payout cannot be read");
        return false;
    }
    return attempt_unpack(value, attempt) && attempt->outcome != ATTEMPT_UNMADE;
}

static struct text money_text(struct arena *a, const struct asset *asset, i128 amount)
{
    struct buf out = {0};
    struct json_writer w;
    jw_init(&w, &out, false);
    jw_money(&w, NULL, amount, asset);
    struct text json = arena_text(a, buf_text(&out));
    buf_clear(&out);
    return json;
}

/** One step; FACT_BOOKED, FACT_REFUSED, FACT_FAILED. */
static enum payout_fact_outcome step(struct engine *e, mete_time now, const struct payout_step *s,
                                     struct arena *a, struct mete_err *err)
{
    struct submit_result r;
    payout_steps_take(e, now, s, 1, false, a, &r);
    *err = r.err;
    return r.status == SUBMIT_APPLIED || r.status == SUBMIT_DUPLICATE ? FACT_BOOKED
           : r.status == SUBMIT_FAILED                                ? FACT_FAILED
                                                                      : FACT_REFUSED;
}

static enum payout_fact_outcome paid_take(struct engine *e, mete_time now,
                                          const struct payout_fact *f, const struct payout_due *row,
                                          struct arena *a, struct mete_err *err)
{
    i128 amount = f->kind == FACT_PAID && f->has_amount ? f->amount : row->transfer.amount;
    const struct payout_step s = {.type = EVENT_PAYOUT_TRANSFER_PAID,
                                  .transfer_id = f->transfer_id,
                                  .attempt = f->attempt,
                                  .amount = money_text(a, &row->asset, amount),
                                  .reference = f->reference,
                                  .proof = f->proof};
    return step(e, now, &s, a, err);
}

static enum payout_fact_outcome rejected_take(struct engine *e, mete_time now,
                                              const struct payout_fact *f,
                                              const struct payout_due *row, struct arena *a,
                                              struct mete_err *err)
{
    const struct payout_step failed = {.type = EVENT_PAYOUT_TRANSFER_FAILED,
                                       .transfer_id = f->transfer_id,
                                       .attempt = f->attempt,
                                       .reason = f->reason};
    const struct payout_step ended = {.type = EVENT_PAYOUT_TRANSFER_FAILED_PERMANENT,
                                      .transfer_id = f->transfer_id,
                                      .reason = f->reason,
                                      .remediation = f->remediation};
    /* Nothing is put aside any more when an attempt before it was paid: then it is at rest. */
    bool ends = f->final && f->attempt == row->transfer.attempts && row->transfer.held > 0;
    enum payout_fact_outcome done = step(e, now, &failed, a, err);
    return done == FACT_BOOKED && ends ? step(e, now, &ended, a, err) : done;
}

static enum payout_fact_outcome returned_take(struct engine *e, mete_time now,
                                              const struct payout_fact *f,
                                              const struct payout_due *row,
                                              const struct attempt *attempt, struct arena *a,
                                              struct mete_err *err)
{
    bool was_paid = attempt->outcome == ATTEMPT_PAID;
    i128 paid = was_paid ? attempt->paid : row->transfer.amount;
    i128 amount = f->has_amount ? f->amount : paid;
    /* From `sent` all of it comes back at once; else it was paid, and a part of it is back. */
    bool is_sent =
        attempt->outcome == ATTEMPT_OPEN && row->transfer.state == TRANSFER_SENT && amount == paid;
    const struct payout_step s = {.type = EVENT_PAYOUT_TRANSFER_RETURNED,
                                  .transfer_id = f->transfer_id,
                                  .attempt = f->attempt,
                                  .amount = money_text(a, &row->asset, amount),
                                  .reason = f->reason,
                                  .reference = f->reference};
    if (!was_paid && !is_sent) {
        enum payout_fact_outcome done = paid_take(e, now, f, row, a, err);
        if (done != FACT_BOOKED) {
            return done;
        }
    }
    return step(e, now, &s, a, err);
}

/** An attempt comes back once (core); what comes back of it later is for people to see. */
static enum payout_fact_outcome again_take(const struct payout_fact *f,
                                           const struct attempt *attempt, struct mete_err *err)
{
    if (!f->has_amount || f->amount <= attempt->returned) {
        return FACT_KNOWN;
    }
    (void)mete_fail(err, METE_STATE_FORBIDS, "",
                    "a further part of this payment came back: a return is booked once, so settle "
                    "the difference by hand");
    return FACT_UNBOOKED;
}

enum payout_fact_outcome payout_fact_take(struct engine *e, mete_time now,
                                          const struct payout_fact *f, struct arena *a,
                                          struct mete_err *err)
{
    struct payout_due row;
    struct attempt attempt;
    if (!payout_attempt_find(e, f->transfer_id, f->attempt, a, &row, &attempt, err)) {
        return err->code == METE_STORE_FAILED ? FACT_FAILED : FACT_FOREIGN;
    }
    if (f->rail.len > 0 && !text_eq(f->rail, row.rail)) {
        return FACT_FOREIGN;
    }
    bool was_paid = attempt.outcome == ATTEMPT_PAID || attempt.outcome == ATTEMPT_RETURNED;
    switch (f->kind) {
    case FACT_PAID:
        return was_paid ? FACT_KNOWN : paid_take(e, now, f, &row, a, err);
    case FACT_REJECTED:
        return attempt.outcome == ATTEMPT_DEAD ? FACT_KNOWN
                                               : rejected_take(e, now, f, &row, a, err);
    case FACT_RETURNED:
        return attempt.outcome == ATTEMPT_RETURNED
                   ? again_take(f, &attempt, err)
                   : returned_take(e, now, f, &row, &attempt, a, err);
    }
    METE_ASSERT(false);
    return FACT_FAILED;
}
