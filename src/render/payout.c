/* SPDX-License-Identifier: Apache-2.0
 * Plans, batches and payouts as JSON. Amounts are minor units; a destination is masked already. */
#include "render/render.h"

#include "base/text.h"

static const char *state_name(uint8_t state)
{
    return machine_of(MACHINE_TRANSFER)->state[state];
}

void payout_plan_row_json(struct json_writer *w, struct arena *a, const struct payout_row *row,
                          const struct asset *asset)
{
    jw_object(w, NULL);
    jw_text(w, "party", row->party);
    jw_bool(w, "is_paid", row->code == METE_OK);
    jw_i128(w, "amount_minor", row->amount);
    jw_i128(w, "disputed_minor", row->disputed);
    jw_i128(w, "debt_minor", row->debt);
    jw_str(w, "code", row->code == METE_OK ? NULL : mete_code_name(row->code));
    jw_text(w, "what", payout_row_words(a, row, asset));
    jw_end_object(w);
    jw_spill(w);
}

void payout_tally_json(struct json_writer *w, const struct payout_tally *t,
                       const struct asset *asset)
{
    jw_object(w, "totals");
    jw_asset(w, asset);
    jw_int(w, "paid", (int64_t)t->paid);
    jw_int(w, "left_out", (int64_t)t->left_out);
    jw_i128(w, "amount_minor", t->amount);
    jw_i128(w, "carried_minor", t->carried);
    jw_end_object(w);
}

void payout_batch_members(struct json_writer *w, const struct batch_row *row)
{
    jw_text(w, "batch_id", row->id);
    jw_str(w, "status", batch_status(row));
    jw_text_or_null(w, "schedule", row->schedule);
    jw_text_or_null(w, "period", row->period);
    jw_text(w, "rail", row->batch.rail);
    jw_asset(w, &row->asset);
    jw_time(w, "opened_at", row->opened_at);
    jw_time(w, "cutoff_at", row->batch.cutoff_at);
    jw_i128(w, "transfers", row->sums[BATCH_TRANSFERS]);
    jw_i128(w, "amount_minor", row->sums[BATCH_AMOUNT]);
    jw_i128(w, "resting", row->sums[BATCH_RESTING]);
    jw_i128(w, "paid_minor", row->sums[BATCH_PAID]);
    jw_array(w, "states");
    for (unsigned s = TRANSFER_NONE + 1; s < TRANSFER_STATE_COUNT; s++) {
        if (row->count[s] != 0) {
            jw_object(w, NULL);
            jw_str(w, "state", state_name((uint8_t)s));
            jw_i128(w, "transfers", row->count[s]);
            jw_i128(w, "amount_minor", row->amount[s]);
            jw_end_object(w);
        }
    }
    jw_end_array(w);
}

void payout_batch_json(struct json_writer *w, const struct batch_row *row)
{
    jw_object(w, NULL);
    payout_batch_members(w, row);
    jw_end_object(w);
    jw_spill(w);
}

static void payout_members(struct json_writer *w, const struct payout_due *p)
{
    jw_text(w, "transfer_id", p->transfer_id);
    jw_text(w, "batch_id", p->batch_id);
    jw_text(w, "party", p->party);
    jw_text(w, "rail", p->rail);
    jw_asset(w, &p->asset);
    jw_str(w, "state", state_name(p->transfer.state));
    jw_i128(w, "amount_minor", p->transfer.amount);
    jw_i128(w, "held_minor", p->transfer.held);
    jw_i128(w, "paid_minor", p->transfer.paid);
    jw_i128(w, "returned_minor", p->transfer.returned);
    jw_int(w, "attempts", p->transfer.attempts);
    jw_time(w, "due_at", p->transfer.due);
}

void payout_json(struct json_writer *w, const struct payout_due *p)
{
    jw_object(w, NULL);
    payout_members(w, p);
    jw_end_object(w);
    jw_spill(w);
}

static void step_json(struct json_writer *w, const struct payout_moment *s)
{
    jw_object(w, NULL);
    jw_int(w, "seq", (int64_t)s->seq);
    jw_time(w, "recorded_at", s->recorded_at);
    jw_str(w, "event_type", s->event_type);
    if (s->attempt > 0) {
        jw_int(w, "attempt", s->attempt);
    } else {
        jw_null(w, "attempt");
    }
    jw_text_or_null(w, "reason", s->reason);
    jw_text_or_null(w, "reference", s->reference);
    jw_text_or_null(w, "remediation", s->remediation);
    jw_end_object(w);
}

static void line_json(struct json_writer *w, const struct payout_line *l)
{
    jw_object(w, NULL);
    jw_text_or_null(w, "source", l->source);
    jw_str(w, "what", l->what);
    jw_i128(w, "amount_minor", l->amount);
    jw_int(w, "postings", (int64_t)l->count);
    jw_end_object(w);
}

static const char *hold_name(enum hold_kind hold)
{
    static const char *const names[] = {NULL, "destination", "supervisor"};
    return names[hold];
}

void payout_whole_json(struct json_writer *w, const struct payout_whole *p)
{
    jw_object(w, NULL);
    payout_members(w, &p->due);
    jw_time(w, "queued_at", p->queued_at);
    jw_text_or_null(w, "destination", p->masked);
    jw_str(w, "hold", hold_name(p->hold));
    jw_text_or_null(w, "remediation", payout_remediation(p));
    jw_array(w, "lines");
    for (size_t i = 0; i < p->line_count; i++) {
        line_json(w, &p->line[i]);
    }
    jw_end_array(w);
    jw_array(w, "steps");
    for (size_t i = 0; i < p->step_count; i++) {
        step_json(w, &p->step[i]);
    }
    jw_end_array(w);
    jw_end_object(w);
}
