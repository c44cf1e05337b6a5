/* SPDX-License-Identifier: Apache-2.0
 * The one door. Bytes come in; the event is read, its private values are replaced, it is compared
 * with what stands in the log under its id, decided, applied and queued: or refused and kept apart.
 */
#include "engine/sealed.h"

#include "base/limits.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "wire/tier.h"

#include <string.h>

const char *submit_status_name(enum submit_status s)
{
    static const char *const NAME[] = {"applied", "duplicate", "waiting",
                                       "refused", "conflict",  "failed"};
    METE_ASSERT((size_t)s < ARRAY_LEN(NAME));
    return NAME[s];
}

/* --- outcomes
 * -----------------------------------------------------------------------------------*/

/** What was queued of this event so far, its row without its pages perhaps, must not be stored: the
 *  whole group is given up. */
static void failed(struct engine *e, struct submit_result *r)
{
    e->failed = true;
    if (e->err.code == METE_OK) {
        (void)mete_fail(&e->err, METE_STORE_FAILED, "", "the store failed");
    }
    r->status = SUBMIT_FAILED;
    r->err = e->err;
}

/** What may be kept of a refused body: all of it, unless it has raw content that the book did not
 *  agree to keep. What cannot be read is then not kept at all. */
static struct text kept_of(struct engine *e, struct text body, struct buf *without)
{
    struct book_config book;
    struct arena a;
    if (!tier3_mentioned(body) || (view_book(&e->view, &book) != VIEW_MISSING && book.tier3)) {
        return body;
    }
    arena_init(&a, JSON_ARENA_MAX(EVENT_SIZE_MAX));
    bool is_read = body.len <= EVENT_SIZE_MAX && tier3_without(&a, body, without);
    arena_clear(&a);
    return is_read ? buf_text(without) : (struct text){0};
}

static void quarantine(struct engine *e, struct text body, struct text event_id,
                       const struct mete_err *why)
{
    struct buf without = {0};
    struct text kept = kept_of(e, body, &without);
    const struct quarantined q = {
        .received_at = engine_now(e),
        .event_id = event_id,
        .code = why->code,
        .pointer = text_of(why->pointer),
        .message = text_of(why->text),
        .body = {kept.p, kept.len < EVENT_SIZE_MAX ? kept.len : EVENT_SIZE_MAX},
        .cut = kept.len > EVENT_SIZE_MAX || (kept.len == 0 && body.len > 0),
        .attempts = 1};
    if (book_quarantine_add(e->book, &q, e->quarantine_max, &e->err) != STORE_OK) {
        e->failed = true;
    }
    e->queued++;
    buf_clear(&without);
}

void engine_refuse(struct engine *e, struct text body, const struct mete_err *why)
{
    numbers_outcome(e, SUBMIT_REFUSED);
    quarantine(e, body, (struct text){0}, why);
}

static void refused(struct engine *e, const struct prepared *p, enum submit_status status,
                    struct submit_result *r)
{
    r->status = status;
    if (!p->o.no_quarantine) {
        quarantine(e, buf_text(&p->json), r->event_id, &r->err);
    }
}

/* --- what stands in the log under the same id
 * ---------------------------------------------------*/

static bool same_bytes(struct engine *e, struct prepared *p, uint64_t seq)
{
    struct log_row row;
    struct mete_err unused;
    if (book_row(e->book, seq, &row, &e->err) != STORE_OK) {
        e->failed = true;
        return false;
    }
    if (p->env.private_count > 0) {
        row.event = text_bytes(arena_text(&p->arena, bytes_text(row.event)));
        if (sealed_recall(e, p, seq, bytes_text(row.event)) != METE_OK) {
            e->failed = true;
            return false;
        }
        buf_reset(&p->canonical);
        if (envelope_canonical(&p->env, &p->canonical, &unused) != METE_OK) {
            return false;
        }
    }
    return row.event.len == p->canonical.len &&
           memcmp(row.event.p, p->canonical.p, p->canonical.len) == 0;
}

static void known(struct engine *e, struct prepared *p, struct submit_result *r)
{
    if (same_bytes(e, p, r->seq)) {
        r->status = SUBMIT_DUPLICATE;
        return;
    }
    if (e->failed) {
        failed(e, r);
        return;
    }
    (void)mete_fail(&r->err, METE_CONFLICT, "/event_id",
                    "entry %llu of the log has this id and other bytes",
                    (unsigned long long)r->seq);
    refused(e, p, SUBMIT_CONFLICT, r);
}

/* --- queueing
 * -----------------------------------------------------------------------------------*/

/** Stores the packed pages in e->packed (but not page 0 of an event: it is in the event's row) and
 *  applies each. */
static bool pages_write(struct engine *e, uint64_t seq, uint32_t first, const struct decision *d,
                        const size_t *sizes, mete_time at)
{
    size_t offset = 0;
    for (uint32_t i = 0; i < d->pages; i++) {
        struct bytes packed = {e->packed.p + offset, sizes[i]};
        offset += sizes[i];
        if (first + i > 0 &&
            book_append_page(e->book, seq, first + i, packed, at, &e->err) != STORE_OK) {
            return false;
        }
        if (d->pages == 1) {
            decision_apply(d, seq, first, at, &e->sink);
            break;
        }
        struct decision page;
        METE_ASSERT(decision_unpack(&e->arena, packed, &page));
        decision_apply(&page, seq, first + i, at, &e->sink);
    }
    e->queued_bytes += e->packed.len;
    numbers_decision(e, d);
    return true;
}

static bool page_append(struct engine *e, uint64_t seq, uint32_t first, struct decision *d,
                        mete_time at)
{
    size_t *sizes;
    buf_reset(&e->packed);
    (void)decision_pack_pages(&e->arena, &e->packed, d, &sizes);
    return pages_write(e, seq, first, d, sizes, at);
}

/** The first page goes into the event's own row, the others after it. */
static bool event_append(struct engine *e, const struct prepared *p, struct decision *d,
                         uint64_t seq, mete_time at)
{
    size_t *sizes;
    buf_reset(&e->packed);
    (void)decision_pack_pages(&e->arena, &e->packed, d, &sizes);
    struct log_row row = {.seq = seq,
                          .recorded_at = at,
                          .event_id = p->env.event.id,
                          .id_key = &p->id_key,
                          .event = buf_bytes(&p->canonical),
                          .signature = text_bytes(p->env.signature_raw),
                          .decision = {e->packed.p, sizes[0]}};
    struct hash decision_hash = sha256(row.decision);
    row.leaf = merkle_leaf(&p->hash, &decision_hash, at);
    if (book_append(e->book, &row, &e->err) != STORE_OK) {
        return false;
    }
    e->queued++;
    e->queued_bytes += p->canonical.len;
    return pages_write(e, seq, 0, d, sizes, at);
}

/** Between two decisions: a decision's policies stay where they are until it is stored. */
static void policies_trim(struct engine *e)
{
    if (policy_cache_full(e->policies)) {
        policy_cache_forget(e->policies);
    }
}

/** Decides, until nothing is left, what the event released. */
static bool releases_run(struct engine *e, uint64_t seq, mete_time at)
{
    bool pending = false;
    uint32_t page = book_page_count(e->book, seq) + 1;
    while (release_pending(&e->view, &pending) == VIEW_FOUND && pending) {
        struct decision d;
        struct mete_err err;
        arena_reset(&e->arena);
        enum decided outcome = release_next(&e->arena, &e->view, seq, page, at, &d, &err);
        if (e->failed || outcome == DECIDED_NEEDS || outcome == DECIDED_REFUSED) {
            e->failed = true;
            return false;
        }
        if (!page_append(e, seq, page, &d, at)) {
            return false;
        }
        page += d.pages;
        e->queued++;
        policies_trim(e);
    }
    return !e->failed;
}

static void decided(struct engine *e, const struct prepared *p, struct decision *d, mete_time at,
                    struct submit_result *r)
{
    r->seq = book_size(e->book) + 1;
    if (sealed_add(e, &p->env, r->seq) != STORE_OK || !event_append(e, p, d, r->seq, at) ||
        !releases_run(e, r->seq, at)) {
        failed(e, r);
        return;
    }
    e->clock_last = at;
    policies_trim(e);
}

static mete_time record_time(const struct engine *e, const struct prepared *p)
{
    if (p->o.recorded_at != 0) {
        return p->o.recorded_at;
    }
    return e->clock == CLOCK_EVENT ? p->env.event.occurred_at : engine_now(e);
}

/** What core makes of it. Of what is refused, or failed, *r tells already. */
static enum decided decided_now(struct engine *e, struct prepared *p, mete_time at,
                                struct decision *d, struct submit_result *r)
{
    const struct decide_in in = {
        .view = &e->view, .event = &p->env.event, .seq = book_size(e->book) + 1, .recorded_at = at};
    enum decided outcome = decide(&e->arena, &in, d, &r->err);
    if (e->failed || outcome == DECIDED_NEEDS) {
        failed(e, r);
        return DECIDED_NEEDS;
    }
    if (outcome == DECIDED_REFUSED) {
        refused(e, p, SUBMIT_REFUSED, r);
    }
    return outcome;
}

static void submit_new(struct engine *e, struct prepared *p, struct submit_result *r)
{
    struct decision d;
    mete_time at = record_time(e, p);
    enum decided outcome = decided_now(e, p, at, &d, r);
    if (outcome == DECIDED_APPLIED || outcome == DECIDED_WAITING) {
        r->status = outcome == DECIDED_WAITING ? SUBMIT_WAITING : SUBMIT_APPLIED;
        if (outcome == DECIDED_WAITING) {
            (void)mete_fail(&r->err, (enum mete_code)d.wait_code, decision_wait_pointer(&d), "%s",
                            mete_code_meaning((enum mete_code)d.wait_code));
        }
        decided(e, p, &d, at, r);
    }
}

void engine_expect(struct engine *e, const struct prepared *p)
{
    if (p->code == METE_OK) {
        book_expect(e->book, key_bytes(&p->id_key));
    }
}

static void submit(struct engine *e, struct prepared *p, struct submit_result *r)
{
    if (e->failed) {
        failed(e, r);
        return;
    }
    e->err.code = METE_OK;
    arena_reset(&e->arena);
    if (p->code != METE_OK) {
        r->err = p->err;
        refused(e, p, SUBMIT_REFUSED, r);
        return;
    }
    r->seq = engine_seq_of_key(e, &p->id_key);
    if (e->failed) {
        failed(e, r);
    } else if (r->seq != 0) {
        known(e, p, r);
    } else {
        submit_new(e, p, r);
    }
}

void engine_submit_prepared(struct engine *e, struct prepared *p, struct submit_result *r)
{
    *r = (struct submit_result){.status = SUBMIT_FAILED, .event_id = p->env.id};
    submit(e, p, r);
    numbers_outcome(e, r->status);
}

void engine_try_prepared(struct engine *e, struct prepared *p, struct submit_result *r)
{
    bool no_quarantine = p->o.no_quarantine;
    *r = (struct submit_result){.status = SUBMIT_FAILED, .event_id = p->env.id};
    p->o.no_quarantine = true;
    r->seq = !e->failed && p->code == METE_OK ? engine_seq_of_key(e, &p->id_key) : 0;
    if (e->failed || p->code != METE_OK || r->seq != 0) {
        submit(e, p, r); /* which queues nothing then */
    } else {
        struct decision unused;
        e->err.code = METE_OK;
        arena_reset(&e->arena);
        enum decided outcome = decided_now(e, p, record_time(e, p), &unused, r);
        if (outcome == DECIDED_APPLIED || outcome == DECIDED_WAITING) {
            r->status = outcome == DECIDED_APPLIED ? SUBMIT_APPLIED : SUBMIT_WAITING;
        }
        policies_trim(e);
    }
    p->o.no_quarantine = no_quarantine;
}

void engine_submit(struct engine *e, struct text json, const struct submit_options *o,
                   struct submit_result *r)
{
    engine_prepare(e, e->prepared, json, o);
    engine_submit_prepared(e, e->prepared, r);
}

/* --- groups
 * -------------------------------------------------------------------------------------*/

/** What a caller can do something about, else METE_STORE_FAILED. */
static enum mete_code why_not(const struct mete_err *err)
{
    return err->code == METE_STORE_BUSY || err->code == METE_STORE_FULL ? err->code
                                                                        : METE_STORE_FAILED;
}

enum mete_code engine_commit(struct engine *e, struct mete_err *err)
{
    if (e->failed) {
        *err = e->err;
        engine_rollback(e);
        return why_not(err);
    }
    /* also when no event is queued: notes are written into groups without one */
    bool durable = book_commit(e->book, err) == STORE_OK;
    if (!durable) {
        e->generation = engine_generation_next();
        policy_cache_forget(e->policies);
    }
    numbers_settle(e, durable);
    e->queued = 0;
    e->queued_bytes = 0;
    if (durable) {
        return METE_OK;
    }
    return why_not(err);
}

void engine_rollback(struct engine *e)
{
    book_rollback(e->book);
    e->generation = engine_generation_next();
    if (e->queued > 0 || e->failed) {
        policy_cache_forget(e->policies);
        e->clock_last = book_head(e->book).recorded_at;
    }
    numbers_settle(e, false);
    e->failed = false;
    e->queued = 0;
    e->queued_bytes = 0;
}
