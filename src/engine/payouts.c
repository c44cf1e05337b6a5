/* SPDX-License-Identifier: Apache-2.0
 * One payout by its number or its id. Who is paid stands in payout_plan.c. */
#include "engine/payouts.h"

#include "base/text.h"
#include "wire/envelope.h"

static struct text text_or_none(enum view_result found, struct text t)
{
    return found == VIEW_FOUND ? t : (struct text){0};
}

/** Everything that a worker needs to know of a transfer but its destination. */
enum mete_code payout_read(struct engine *e, struct arena *a, uint64_t number,
                           struct payout_due *row, struct mete_err *err)
{
    const struct view *v = engine_view(e);
    struct envelope *event = arena_alloc(a, sizeof *event);
    struct batch batch = {0};
    struct text party = {0};
    *row = (struct payout_due){.number = number};
    if (view_transfer(v, number, &row->transfer) != VIEW_FOUND ||
        view_batch(v, a, row->transfer.batch, &batch) != VIEW_FOUND ||
        view_asset_number(v, row->transfer.asset, &row->asset) != VIEW_FOUND) {
        return mete_fail(err, METE_STORE_FAILED, "", "a payout cannot be read");
    }
    enum mete_code code = engine_event(e, number, a, event, &row->queued_at, err);
    row->transfer_id = event->event.id;
    row->batch_id = event->event.payout.batch_id;
    row->rail = batch.rail;
    row->party = arena_text(a, text_or_none(view_party_id(v, row->transfer.party, &party), party));
    return code;
}

enum mete_code payout_find(struct engine *e, struct text transfer_id, struct arena *a,
                           struct payout_due *row, struct mete_err *err)
{
    uint64_t number = engine_seq_of(e, transfer_id);
    struct transfer t;
    if (number == 0 || view_transfer(engine_view(e), number, &t) != VIEW_FOUND) {
        return mete_fail(err, METE_TRANSFER_UNKNOWN, "", "there is no payout \"%.*s\"",
                         (int)transfer_id.len, transfer_id.p);
    }
    return payout_read(e, a, number, row, err);
}
