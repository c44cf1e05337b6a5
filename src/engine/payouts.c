/* SPDX-License-Identifier: Apache-2.0
 * Plans are made by looking at every account once; queueing asks core about each of them again. */
#include "engine/payouts.h"

#include "engine/query.h"
#include "engine/walk.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "wire/json.h"

#include <stdlib.h>
#include <string.h>

void transfer_id_make(char out[TRANSFER_ID_LEN + 1], struct text book, struct text batch_id,
                      struct text party)
{
    struct buf all = {0};
    buf_put_sized(&all, book);
    buf_put_sized(&all, batch_id);
    buf_put_sized(&all, party);
    const struct hash h = sha256(buf_bytes(&all));
    buf_clear(&all);
    memcpy(out, "po_", 3);
    hex_encode(out + 3, (struct bytes){h.b, 16});
}

/* --- the plan ----------------------------------------------------------------------------------*/

struct plan {
    struct engine *e;
    const struct view *view;
    const struct payout_query *q;
    struct asset asset;
    i128 minimum;
    payout_visit *visit;
    void *arg;
    bool unread;
};

static enum mete_code destination_code(struct plan *p, uint32_t party)
{
    struct destination d;
    enum hold_kind held;
    enum view_result found = view_destination(p->view, party, &d);
    p->unread |= found == VIEW_MISSING || view_hold(p->view, party, &held) == VIEW_MISSING;
    if (p->unread) {
        return METE_STORE_FAILED;
    }
    return held != HOLD_NONE                                     ? METE_PARTY_HELD
           : found != VIEW_FOUND || !text_eq(d.rail, p->q->rail) ? METE_DESTINATION_MISSING
           : p->q->at < d.holds_from                             ? METE_DESTINATION_COOLING
                                                                 : METE_OK;
}

static bool account_look(void *arg, const struct party_row *account)
{
    struct plan *p = arg;
    uint32_t number = 0;
    struct payout_row row = {.party = account->party, .amount = account->balance.cleared};
    if (row.amount == 0) {
        return true;
    }
    p->unread |= view_party(p->view, account->party, &number) != VIEW_FOUND;
    row.code = row.amount <= p->minimum ? METE_BELOW_MINIMUM : destination_code(p, number);
    return !p->unread && p->visit(p->arg, &row);
}

enum mete_code payout_plan(struct engine *e, const struct payout_query *q, payout_visit *visit,
                           void *arg, struct mete_err *err)
{
    struct plan p = {.e = e, .view = engine_view(e), .q = q, .visit = visit, .arg = arg};
    struct book_config book;
    const struct parties_query accounts = {
        .at = q->at, .asset = q->asset, .party = q->party, .after = q->after};
    if (view_asset(p.view, q->asset, &p.asset) != VIEW_FOUND) {
        return mete_fail(err, METE_CURRENCY_UNKNOWN, "", "this book does not know the asset %.*s",
                         (int)q->asset.len, q->asset.p);
    }
    if (view_book(p.view, &book) == VIEW_MISSING) {
        return mete_fail(err, METE_STORE_FAILED, "", "the book's settings cannot be read");
    }
    p.minimum = payout_minimum(&book, &p.asset);
    enum mete_code code = parties_list(e, &accounts, account_look, &p, NULL, NULL, NULL, err);
    return code == METE_OK && p.unread
               ? mete_fail(err, METE_STORE_FAILED, "", "an account cannot be read")
               : code;
}

/* --- queueing ----------------------------------------------------------------------------------*/

struct queueing {
    struct engine *e;
    struct text batch_id;
    const struct payout_query *q;
    const struct asset *asset;
    struct payout_batch_progress *done;
    size_t left;
    struct row_kept {
        char party[256];
        i128 amount;
        enum mete_code code;
    } * row;
    size_t count;
};

/** A page of the plan is kept before the first event of it changes what the plan walks over. */
static bool row_keep(void *arg, const struct payout_row *row)
{
    struct queueing *k = arg;
    struct row_kept *kept = &k->row[k->count++];
    kept->amount = row->amount;
    kept->code = row->code;
    METE_ASSERT(text_copy(kept->party, sizeof kept->party, row->party));
    return k->count < k->left;
}

static void event_write(struct buf *out, const struct queueing *k, const struct row_kept *row)
{
    char id[TRANSFER_ID_LEN + 1];
    char at[TIME_TEXT_MAX];
    char amount[AMOUNT_TEXT_MAX];
    struct json_writer w;
    transfer_id_make(id, text_of(engine_book_name(k->e)), k->batch_id, text_of(row->party));
    time_format(engine_now(k->e), at);
    amount_format(row->amount, k->asset->scale, amount);
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    jw_str(&w, "event_id", id);
    jw_str(&w, "event_type", event_type_name(EVENT_PAYOUT_TRANSFER_QUEUED));
    jw_str(&w, "occurred_at", at);
    jw_object(&w, "payload");
    jw_text(&w, "batch_id", k->batch_id);
    jw_str(&w, "party", row->party);
    jw_object(&w, "amount");
    jw_str(&w, "amount", amount);
    jw_str(&w, "currency", k->asset->code);
    jw_end_object(&w);
    jw_end_object(&w);
    jw_end_object(&w);
    jw_spill(&w);
}

/** What the plan would pay, core is asked to queue; it looks at the party once more. */
static enum mete_code row_submit(struct queueing *k, const struct row_kept *row, struct buf *event,
                                 struct mete_err *err)
{
    const struct submit_options o = {.own = true, .no_quarantine = true};
    struct submit_result r;
    if (row->code != METE_OK) {
        k->done->left_out++;
        return METE_OK;
    }
    buf_reset(event);
    event_write(event, k, row);
    engine_submit(k->e, buf_text(event), &o, &r);
    if (r.status == SUBMIT_FAILED) {
        *err = r.err;
        return r.err.code;
    }
    k->done->queued += r.status == SUBMIT_APPLIED;
    /* A conflict: the party has more now than when this batch queued it. */
    bool known = r.status == SUBMIT_DUPLICATE || r.status == SUBMIT_CONFLICT;
    k->done->known += known;
    k->done->left_out += r.status != SUBMIT_APPLIED && !known;
    return METE_OK;
}

enum mete_code payout_queue(struct engine *e, struct text batch_id, const struct payout_query *q,
                            size_t max, struct payout_batch_progress *done, struct mete_err *err)
{
    struct asset asset;
    struct buf event = {0};
    struct queueing k = {
        .e = e, .batch_id = batch_id, .q = q, .asset = &asset, .done = done, .left = max};
    *done = (struct payout_batch_progress){0};
    k.row = calloc(max, sizeof *k.row);
    METE_ASSERT(k.row != NULL);
    enum mete_code code = payout_plan(e, q, row_keep, &k, err);
    if (code == METE_OK && view_asset(engine_view(e), q->asset, &asset) != VIEW_FOUND) {
        code = mete_fail(err, METE_STORE_FAILED, "", "the asset cannot be read");
    }
    for (size_t i = 0; i < k.count && code == METE_OK; i++) {
        code = row_submit(&k, &k.row[i], &event, err);
    }
    done->is_done = k.count < max;
    if (k.count > 0) {
        METE_ASSERT(text_copy(done->after, sizeof done->after, text_of(k.row[k.count - 1].party)));
    }
    buf_clear(&event);
    free(k.row);
    return code;
}

/* --- the outbox --------------------------------------------------------------------------------*/

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

enum mete_code payouts_due(struct engine *e, mete_time now, size_t max, struct arena *a,
                           struct payout_due **rows, size_t *count, struct mete_err *err)
{
    struct key from = key_of(KEY_OUTBOX);
    struct key until = key_of(KEY_OUTBOX);
    struct walk_keys keys;
    key_add_time(&until, now + 1);
    *count = 0;
    enum mete_code code = walk_keys(e, a, key_bytes(&from), key_bytes(&until), max, &keys, err);
    if (code != METE_OK) {
        return code;
    }
    *rows = arena_array(a, keys.count, sizeof **rows);
    for (size_t i = 0; i < keys.count && code == METE_OK; i++) {
        uint64_t number = key_read_u64(keys.key[i], 9);
        code = payout_read(e, a, number, &(*rows)[i], err);
        *count += code == METE_OK;
    }
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
