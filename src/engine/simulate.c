/* SPDX-License-Identifier: Apache-2.0
 * Replaying a book's events under draft policies. The same core decides; what the log guarantees
 * (form, signatures, unique ids) is not proven again. Nothing is written. */
#include "engine/simulate_parts.h"

#include "base/text.h"
#include "core/decision.h"
#include "engine/walk.h"
#include "store/hash_seed.h"
#include "store/steady.h"

#define ARENA_MAX ((size_t)4 << 30)

/* --- one decision
 * -------------------------------------------------------------------------------*/

static enum mete_code unread(struct simulate *x)
{
    *x->err = x->shadow.err;
    return x->shadow.failed && x->err->code != METE_OK
               ? x->err->code
               : mete_fail(x->err, METE_STORE_FAILED, "", "the book cannot be read");
}

/** Stores the pages of a decision, page 0 as the next row unless `first` says where they go. */
static void pages_put(struct simulate *x, struct decision *d, uint64_t seq, uint32_t first,
                      mete_time at)
{
    size_t *sizes;
    size_t offset = 0;
    buf_reset(&x->packed);
    uint32_t pages = decision_pack_pages(&x->work, &x->packed, d, &sizes);
    for (uint32_t i = 0; i < pages; i++) {
        struct bytes packed = {x->packed.p + offset, sizes[i]};
        struct decision page = *d;
        offset += sizes[i];
        if (first + i == 0) {
            shadow_row_add(&x->shadow, true, packed, at);
        } else {
            shadow_page_add(&x->shadow, seq, first + i, packed, at);
        }
        METE_ASSERT(pages == 1 || decision_unpack(&x->work, packed, &page));
        decision_apply(&page, seq, first + i, at, &x->shadow.sink);
    }
}

static enum mete_code releases(struct simulate *x, uint64_t seq, uint32_t page, mete_time at)
{
    bool pending = false;
    while (release_pending(&x->shadow.view, &pending) == VIEW_FOUND && pending) {
        struct decision d;
        struct mete_err why;
        arena_reset(&x->work);
        enum decided outcome = release_next(&x->work, &x->shadow.view, seq, page, at, &d, &why);
        if (x->shadow.failed || outcome == DECIDED_NEEDS || outcome == DECIDED_REFUSED) {
            return unread(x);
        }
        pages_put(x, &d, seq, page, at);
        page += d.pages;
    }
    return METE_OK;
}

enum mete_code simulate_step(struct simulate *x, const struct event *event, mete_time at,
                             bool *applied, struct mete_err *why)
{
    struct decision d;
    uint64_t seq = x->shadow.row_count + 1;
    struct decide_in in = {.view = &x->shadow.view, .event = event, .seq = seq, .recorded_at = at};
    arena_reset(&x->work);
    enum decided outcome = decide(&x->work, &in, &d, why);
    *applied = outcome == DECIDED_APPLIED || outcome == DECIDED_WAITING;
    if (x->shadow.failed || outcome == DECIDED_NEEDS) {
        return unread(x);
    }
    if (!*applied) {
        shadow_row_add(&x->shadow, false, (struct bytes){0}, at);
        return METE_OK;
    }
    pages_put(x, &d, seq, 0, at);
    enum mete_code code = releases(x, seq, d.pages, at);
    if (policy_cache_full(x->shadow.view.policies)) {
        policy_cache_forget(x->shadow.view.policies);
    }
    return code;
}

/* --- the log
 * ------------------------------------------------------------------------------------*/

static void refused_note(struct simulate *x, const struct event *event, const struct mete_err *why)
{
    struct simulation *out = x->out;
    if (out->refused_count < SIMULATE_REFUSED_MAX) {
        out->refused[out->refused_count] = (struct simulate_refused){
            arena_text(x->a, event->id), event_type_name(event->type), *why};
    }
    out->refused_count++;
}

/** Money that has left has left, also where the drafts would not have had it: it goes by way of
 *  mete:payout, as it did. False: it is no such settlement. */
static bool settled(struct simulate *x, const struct event_settlement *s, enum event_type type,
                    enum mete_code why)
{
    struct event_transfer t;
    struct bytes id = text_bytes(s->settlement_id);
    if (type == EVENT_SETTLEMENT_INITIATED && why == METE_INSUFFICIENT_FUNDS) {
        t = (struct event_transfer){.from = arena_text(x->a, s->party),
                                    .to = text_of(party_system_name(PARTY_PAYOUT)),
                                    .amount = s->amount};
        t.amount.amount = arena_text(x->a, s->amount.amount);
        t.amount.currency = arena_text(x->a, s->amount.currency);
        *(struct event_transfer *)map_put(&x->settled, id, NULL) = t;
        x->out->uncovered++;
    } else {
        const struct event_transfer *begun = map_get(&x->settled, id);
        bool ended = type == EVENT_SETTLEMENT_PAID || type == EVENT_SETTLEMENT_FAILED;
        if (!ended || begun == NULL) {
            return false;
        }
        t = (struct event_transfer){.from = begun->to,
                                    .to = type == EVENT_SETTLEMENT_PAID
                                              ? text_of(party_system_name(PARTY_CLEARING))
                                              : begun->from,
                                    .amount = begun->amount};
    }
    simulate_move(x, &t);
    return true;
}

static enum mete_code event_replay(struct simulate *x, struct event *event, mete_time at)
{
    struct mete_err why;
    bool applied = false;
    if (event->type == EVENT_POLICY_PUBLISHED && simulate_replaced(x, event)) {
        shadow_row_add(&x->shadow, false, (struct bytes){0}, at);
        x->out->left_out++;
        return METE_OK;
    }
    enum mete_code code = simulate_step(x, event, at, &applied, &why);
    if (code != METE_OK || applied) {
        return code;
    }
    if (event->type == EVENT_WALLET_TRANSFERRED && why.code == METE_INSUFFICIENT_FUNDS) {
        simulate_move(x, &event->transfer);
        x->out->uncovered++;
    } else if (!settled(x, &event->settlement, event->type, why.code)) {
        refused_note(x, event, &why);
    }
    return METE_OK;
}

static bool row_replay(void *arg, const struct log_row *row)
{
    struct simulate *x = arg;
    struct envelope envelope;
    static const struct envelope_options STORED = {.stored = true, .now = TIME_NEVER};
    arena_reset(&x->parse);
    x->code = envelope_read(&x->parse, bytes_text(row->event), &STORED, &envelope, x->err);
    if (x->code == METE_OK) {
        x->code = event_replay(x, &envelope.event, row->recorded_at);
        x->out->events++;
    }
    return x->code == METE_OK;
}

static enum mete_code log_replay(struct simulate *x)
{
    struct book *book = engine_book(x->e);
    struct log_row first;
    mete_time at = TIME_MIN;
    uint64_t size = book_size(book);
    if (size > 0) {
        if (book_row(book, 1, &first, x->err) != STORE_OK) {
            return METE_STORE_FAILED;
        }
        at = first.recorded_at;
    }
    enum mete_code code = simulate_drafts(x, at);
    code = code == METE_OK ? walk_rows(x->e, 1, size + 1, row_replay, x, x->err) : code;
    return code == METE_OK ? x->code : code;
}

enum mete_code simulate_run(struct engine *e, const struct simulate_query *q, struct arena *a,
                            struct simulation *out, struct mete_err *err)
{
    struct simulate x = {.e = e, .q = q, .a = a, .out = out, .err = err};
    int64_t start = steady_now();
    uint64_t lead = 0;
    *out = (struct simulation){0};
    enum mete_code code = simulate_lead(&x, &lead);
    if (code != METE_OK) {
        return code;
    }
    shadow_init(&x.shadow, e, lead);
    map_init(&x.moved, sizeof(i128), hash_seed());
    map_init(&x.settled, sizeof(struct event_transfer), hash_seed());
    arena_init(&x.parse, ARENA_MAX);
    arena_init(&x.work, ARENA_MAX);
    code = log_replay(&x);
    code = code == METE_OK ? simulate_compare(&x) : code;
    shadow_clear(&x.shadow);
    map_clear(&x.moved);
    map_clear(&x.settled);
    arena_clear(&x.parse);
    arena_clear(&x.work);
    buf_clear(&x.packed);
    buf_clear(&x.key);
    out->elapsed_us = steady_now() - start;
    return code;
}
