/* SPDX-License-Identifier: Apache-2.0
 * Writers: groups that are committed, rehearsed, given up in their midst; and disputes, which the
 * model judges before the engine does. */
#include "sim.h"

#include "base/text.h"
#include "core/event_type.h"

#include <string.h>

/* --- one event ---------------------------------------------------------------------------------*/

/** An id that stands in the log, or in the open group, is never taken again; one that does not is
 *  never called a repetition. */
static void check_once(struct sim *s, struct sim_book *b, struct text json)
{
    const struct submit_result *r = &b->real.last;
    struct model_known known = {0};
    struct hash sent = sha256(text_bytes(json));
    const struct hash *fresh = map_get(&b->fresh, text_bytes(r->event_id));
    bool stands = model_knows(&b->model, r->event_id, &known);
    bool again = r->status == SUBMIT_DUPLICATE || r->status == SUBMIT_CONFLICT;
    if (r->status == SUBMIT_REFUSED) {
        return; /* for its form, whatever its id */
    }
    sim_checked(s, CHECK_ONCE);
    if (again != (stands || fresh != NULL) || (again && stands && r->seq != known.seq)) {
        sim_die(s, "%s: %.*s is %s, and %s in the log", b->name, (int)r->event_id.len,
                r->event_id.p, submit_status_name(r->status), stands ? "stands" : "is not");
    }
    const struct hash *first = stands ? &known.sent : fresh;
    if (r->status == SUBMIT_CONFLICT && hash_eq(first, &sent)) {
        sim_die(s, "%s: the same bytes of %.*s are a conflict", b->name, (int)r->event_id.len,
                r->event_id.p);
    }
    if (!again) {
        *(struct hash *)map_put(&b->fresh, text_bytes(r->event_id), NULL) = sent;
    }
}

bool group_submit_one(struct sim *s, struct sim_book *b, struct text json, struct mete_err *err)
{
    enum submit_status status = scene_submit(&b->real, json);
    s->submitted++;
    s->counts.status[status]++;
    if (status == SUBMIT_FAILED) {
        *err = b->real.last.err;
        return false;
    }
    check_once(s, b, json);
    if (status == SUBMIT_APPLIED || status == SUBMIT_WAITING) {
        world_queued(b, json);
    }
    return true;
}

/** Mostly the next of the stream, sometimes one that was sent before. */
static bool submit_some(struct sim *s, struct sim_book *b, bool rehearsal, struct mete_err *err)
{
    static const uint64_t sizes[] = {1, 4, 30, 200};
    uint64_t count = 1 + rng_below(&s->rng, sizes[rng_below(&s->rng, ARRAY_LEN(sizes))]);
    for (uint64_t i = 0; i < count; i++) {
        if (!rehearsal && b->at == b->flow.count) {
            world_more(s, b);
        }
        size_t at = b->at;
        if (b->at > 0 && (rehearsal || rng_below(&s->rng, 20) == 0)) {
            at = rng_below(&s->rng, b->at); /* again */
        } else if (b->at < b->flow.count) {
            b->at++;
        } else {
            return true;
        }
        if (!group_submit_one(s, b, flow_text(&b->flow, at), err)) {
            return false;
        }
    }
    return true;
}

/* --- groups ------------------------------------------------------------------------------------*/

bool group_step(struct sim *s, struct sim_book *b, struct mete_err *err)
{
    size_t before = b->at;
    if (!submit_some(s, b, false, err) || engine_commit(b->real.engine, err) != METE_OK) {
        b->at = before < b->at ? before : b->at; /* its client sends it again */
        return false;
    }
    world_durable(s, b);
    return true;
}

bool group_rehearse(struct sim *s, struct sim_book *b, struct mete_err *err)
{
    size_t before = b->at;
    size_t left = b->flow.count - before;
    b->at += left > 0 ? rng_below(&s->rng, left < 40 ? left : 40) : 0; /* some never come before */
    bool ok = submit_some(s, b, rng_below(&s->rng, 2) == 0, err);
    b->at = before;
    if (ok) {
        engine_rollback(b->real.engine);
        world_forget(b);
        if (book_is_broken(engine_book(b->real.engine))) {
            return mete_fail(err, METE_STORE_FAILED, NULL, "broken by a rollback") == METE_OK;
        }
        world_compare(s, b, rng_below(&s->rng, 4) == 0);
    }
    return ok;
}

/** While one book's group is open no other one may begin. */
static void check_alone(struct sim *s, const struct sim_book *b)
{
    struct sim_book *other = &s->book[(b - s->book + 1) % s->books];
    const struct log_row row = {.seq = book_size(engine_book(other->real.engine)) + 1,
                                .event_id = TEXT("nobody")};
    struct mete_err err = {0};
    if (other != b && b->queued_count > 0 && !book_is_broken(engine_book(other->real.engine))) {
        SIM_CHECK(s, book_append(engine_book(other->real.engine), &row, &err) == STORE_FAILED);
        SIM_CHECK(s, err.code == METE_STORE_BUSY);
    }
}

/** A writer stops in the midst of a group, without a word: nothing of it is there afterwards. */
bool group_stop(struct sim *s, struct sim_book *b, struct mete_err *err)
{
    size_t before = b->at;
    bool ok = submit_some(s, b, false, err);
    b->at = before < b->at ? before : 0;
    if (!ok) {
        return false;
    }
    check_alone(s, b);
    world_forget(b);
    s->counts.stopped++;
    world_close(s);
    world_open(s);
    return true;
}

/* --- disputes ----------------------------------------------------------------------------------*/

static const struct {
    enum event_type type;
    const char *name;
    unsigned share;
} SAID[] = {{EVENT_ALLOCATION_DISPUTED, "allocation.disputed", 6},
            {EVENT_ALLOCATION_EVIDENCE_ADDED, "allocation.evidence_added", 1},
            {EVENT_ALLOCATION_ESCALATED, "allocation.escalated", 2},
            {EVENT_ALLOCATION_OVERRIDDEN, "allocation.overridden", 2},
            {EVENT_ALLOCATION_UPHELD, "allocation.upheld", 2}};

/** Mostly what may be said. */
static size_t said_draw(struct sim *s, const struct model_allocation *a)
{
    uint64_t at = rng_below(&s->rng, 13);
    if (a->state == MODEL_CLEAN && rng_below(&s->rng, 4) != 0) {
        return 0;
    }
    if (a->state == MODEL_DISPUTED && at < SAID[0].share) {
        return 1 + rng_below(&s->rng, ARRAY_LEN(SAID) - 1);
    }
    size_t i = 0;
    while (at >= SAID[i].share) {
        at -= SAID[i++].share;
    }
    return i;
}

/** One that was disputed, whatever became of it; any one; or one of the youngest that something can
 *  still be said about. */
static size_t allocation_draw(struct sim *s, struct model *m)
{
    size_t count = m->allocation_count;
    size_t youngest = count < 400 ? count : 400;
    if (rng_below(&s->rng, 5) == 0) {
        return rng_below(&s->rng, count);
    }
    if (m->spoken_count > 0 && rng_below(&s->rng, 2) == 0) {
        return m->spoken[rng_below(&s->rng, m->spoken_count)];
    }
    size_t drawn = count - 1;
    for (int i = 0; i < 40; i++) {
        drawn = count - 1 - rng_below(&s->rng, youngest);
        const struct model_allocation *a = &m->allocation[drawn];
        if (a->state == MODEL_DISPUTED || a->state == MODEL_ESCALATED ||
            (a->state == MODEL_CLEAN && a->due > sim_clock())) {
            break;
        }
    }
    return drawn;
}

static void write_dispute(struct sim *s, struct buf *out, size_t said, struct text id)
{
    buf_printf(out,
               "{\"event_id\":\"dispute-%llu\",\"event_type\":\"%s\",\"occurred_at\":"
               "\"2026-01-01T00:00:00Z\",\"payload\":{\"allocation_id\":\"",
               (unsigned long long)s->submitted, SAID[said].name);
    buf_put_text(out, id);
    buf_put_str(out, "\",\"reason\":\"sim\"");
    if (SAID[said].type == EVENT_ALLOCATION_UPHELD && rng_below(&s->rng, 2) == 0) {
        buf_printf(out, ",\"reallocate_to\":\"p%u\"", (unsigned)rng_below(&s->rng, 24));
    }
    buf_put_str(out, "}}");
}

/** The moment at which the engine decided lies between two looks at the clock. */
static void check_dispute(struct sim *s, struct sim_book *b, const struct model_allocation *a,
                          enum event_type type, mete_time from)
{
    mete_time until = sim_clock();
    enum submit_status status = b->real.last.status;
    from = from > b->last ? from : b->last;
    until = until > b->last ? until : b->last;
    bool then = model_allows(a, type, from);
    bool later = model_allows(a, type, until);
    sim_checked(s, CHECK_DISPUTES);
    if (then == later && (status == SUBMIT_APPLIED) != then) {
        sim_die(s, "%s: event %d in state %d of %.*s is %s: %s", b->name, (int)type, (int)a->state,
                (int)a->id.len, a->id.p, submit_status_name(status), b->real.last.err.text);
    }
    *(status == SUBMIT_APPLIED ? &s->counts.disputed : &s->counts.undisputed) += 1;
}

/** The days after which money clears, and disputes end. */
static bool configure(struct sim *s, struct sim_book *b, struct mete_err *err)
{
    struct buf json = {0};
    buf_printf(&json,
               "{\"event_id\":\"days-%llu\",\"event_type\":\"book.configured\",\"occurred_at\":"
               "\"2026-01-01T00:00:00Z\",\"payload\":{\"clear_after_days\":%u,"
               "\"dispute_auto_clear_days\":%u}}",
               (unsigned long long)s->submitted, (unsigned)rng_below(&s->rng, 15),
               (unsigned)rng_below(&s->rng, 20));
    bool ok = group_submit_one(s, b, buf_text(&json), err);
    buf_clear(&json);
    return ok;
}

/** One event about an allocation, in a group of its own. */
static bool dispute_once(struct sim *s, struct sim_book *b, size_t index, struct mete_err *err)
{
    struct buf json = {0};
    struct model_allocation *a = &b->model.allocation[index];
    size_t said = said_draw(s, a);
    mete_time from = sim_clock();
    write_dispute(s, &json, said, a->id);
    bool ok = group_submit_one(s, b, buf_text(&json), err);
    if (ok) {
        check_dispute(s, b, a, SAID[said].type, from);
        ok = engine_commit(b->real.engine, err) == METE_OK;
    }
    if (ok) {
        world_durable(s, b);
    }
    buf_clear(&json);
    return ok;
}

/** What is said about a share, one thing after the other. */
bool group_dispute(struct sim *s, struct sim_book *b, struct mete_err *err)
{
    if (b->model.allocation_count == 0) {
        return true;
    }
    if (rng_below(&s->rng, 6) == 0 && !configure(s, b, err)) {
        return false;
    }
    size_t index = allocation_draw(s, &b->model);
    uint64_t count = 1 + rng_below(&s->rng, 4);
    bool ok = true;
    for (uint64_t i = 0; i < count && ok && !fault_disk_is_dark(); i++) {
        ok = dispute_once(s, b, index, err);
    }
    if (ok) {
        world_compare(s, b, rng_below(&s->rng, 4) == 0);
    }
    return ok;
}
