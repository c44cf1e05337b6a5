/* SPDX-License-Identifier: Apache-2.0
 * Disputes are found by their records in the state, and what was said of one by the list of what
 * decisions are about; the log is not walked. */
#include "engine/disputes.h"

#include "base/text.h"
#include "core/clearing.h"
#include "crypto/seal.h"
#include "engine/walk.h"

#include <stdio.h>
#include <string.h>

#define ROW_ARENA ((size_t)4 << 30)
#define STEPS_MAX 10000u /* of one share: evidence may be added without end */

/* --- states ------------------------------------------------------------------------------------*/

static const char *const STATES[] = {"open",   "disputed",   "escalated",
                                     "upheld", "overridden", "lapsed"};

bool dispute_state_known(struct text state)
{
    for (size_t i = 0; i < ARRAY_LEN(STATES); i++) {
        if (text_is(state, STATES[i])) {
            return true;
        }
    }
    return false;
}

static const char *state_at(const struct dispute *d, mete_time at)
{
    return d->state == DISPUTE_DISPUTED && at > d->auto_clear_at ? "lapsed"
                                                                 : dispute_state_name(d->state);
}

static bool is_open(const char *state)
{
    return strcmp(state, "disputed") == 0 || strcmp(state, "escalated") == 0;
}

static bool state_fits(struct text wanted, const char *state)
{
    return wanted.len == 0 || text_is(wanted, state) || (text_is(wanted, "open") && is_open(state));
}

static void dispute_fill(struct dispute_row *row, const struct dispute *d, mete_time at)
{
    row->state = state_at(d, at);
    row->held = is_open(row->state) ? d->amount : 0;
    row->opened_at = d->opened_at;
    row->changed_at = d->changed_at;
    row->clears_at = d->state == DISPUTE_DISPUTED ? d->auto_clear_at : TIME_NEVER;
}

/* --- the list ----------------------------------------------------------------------------------*/

struct list {
    struct engine *e;
    const struct disputes_query *q;
    disputes_visit *visit;
    void *arg;
    struct arena a; /* of one row */
    uint32_t party; /* 0: all */
    uint64_t left;  /* rows */
    uint64_t looks; /* so far */
    struct allocation_place last;
    bool full;
    struct mete_err *err;
};

static struct allocation_place place_of(struct bytes key)
{
    return (struct allocation_place){key_read_u64(key, 1), key_read_u32(key, 9),
                                     key_read_u32(key, 13), key_read_u32(key, 17)};
}

static enum mete_code row_load(struct engine *e, struct arena *a, const struct allocation_place *p,
                               mete_time at, struct allocation_row *row, struct mete_err *err)
{
    struct walk_item *item = arena_alloc(a, sizeof *item);
    struct walk_head head;
    enum mete_code code = walk_one(e, a, p->seq, p->page, item, err);
    code = code == METE_OK ? walk_head_of(a, item->bytes, &head, err) : code;
    if (code == METE_OK) {
        *row = allocation_row_make(e, a, at, item, &head, p->group, p->line);
    }
    return code;
}

/** By the record alone, before the log is read for it. The owner is the share's party, unless it
 *  was given to another. */
static bool may_fit(const struct list *l, const struct dispute *d)
{
    return state_fits(l->q->state, state_at(d, l->q->at)) &&
           (l->party == 0 || d->owner == l->party || d->state == DISPUTE_UPHELD);
}

static bool row_fits(const struct list *l, const struct dispute_row *row)
{
    const struct disputes_query *q = l->q;
    return (q->party.len == 0 || text_eq(q->party, row->share.party)) &&
           (q->policy.len == 0 || text_eq(q->policy, row->share.policy) ||
            text_eq(q->policy, row->share.root_policy));
}

static enum mete_code one_visit(struct list *l, struct bytes key, struct bytes value)
{
    struct dispute d;
    struct dispute_row row;
    const struct allocation_place place = place_of(key);
    METE_ASSERT(dispute_unpack(value, &d));
    arena_reset(&l->a);
    l->looks++;
    bool fits = may_fit(l, &d);
    enum mete_code code =
        fits ? row_load(l->e, &l->a, &place, l->q->at, &row.share, l->err) : METE_OK;
    if (code != METE_OK) {
        return code;
    }
    if (fits) {
        dispute_fill(&row, &d, l->q->at);
    }
    if (!fits || !row_fits(l, &row)) {
        l->last = place;
        l->full = l->q->look_max != 0 && l->looks >= l->q->look_max;
    } else if (l->left == 0) {
        l->full = true;
    } else {
        l->left--;
        l->last = place;
        l->full = !l->visit(l->arg, &row);
    }
    return METE_OK;
}

static enum mete_code key_visit(void *arg, const struct walk_key *k, bool *go_on)
{
    struct list *l = arg;
    enum mete_code code = one_visit(l, k->key, k->value);
    *go_on = !l->full;
    return code;
}

static enum mete_code walk(struct list *l)
{
    const struct key after = dispute_key(l->last.seq, l->last.page, l->last.group, l->last.line);
    const struct key from =
        l->last.seq == 0 ? key_of(KEY_DISPUTE) : walk_key_after(key_bytes(&after));
    const struct key until = key_prefix_end(key_of(KEY_DISPUTE));
    return walk_each_key(l->e, &from, &until, key_visit, l, l->err);
}

enum mete_code disputes_list(struct engine *e, const struct disputes_query *q,
                             disputes_visit *visit, void *arg, char next[ALLOCATION_CURSOR_MAX],
                             struct mete_err *err)
{
    struct list l = {.e = e, .q = q, .visit = visit, .arg = arg, .left = q->limit, .err = err};
    next[0] = '\0';
    if (q->after.len > 0 && !allocation_cursor_read(q->after, &l.last)) {
        return mete_fail(err, METE_REQUEST_INVALID, NULL, "this cursor was never handed out");
    }
    if (q->state.len > 0 && !dispute_state_known(q->state)) {
        return mete_fail(err, METE_REQUEST_INVALID, NULL,
                         "state is open, disputed, escalated, upheld, overridden or lapsed");
    }
    if (q->party.len > 0 && view_party(engine_view(e), q->party, &l.party) != VIEW_FOUND) {
        return mete_fail(err, METE_NOT_FOUND, NULL, "the log does not name this party");
    }
    arena_init(&l.a, ROW_ARENA);
    enum mete_code code = walk(&l);
    arena_clear(&l.a);
    if (code == METE_OK && l.full) {
        allocation_cursor_write(&l.last, next);
    }
    return code;
}

/* --- one share ---------------------------------------------------------------------------------*/

struct search {
    struct arena *a;
    struct text id;
    struct allocation_row *row;
    bool found;
};

static bool share_look(void *arg, const struct allocation_row *row)
{
    struct search *s = arg;
    s->found = text_eq(row->id, s->id);
    if (s->found) {
        *s->row = *row;
    }
    return !s->found;
}

static enum mete_code share_find(struct engine *e, struct text id, mete_time at, struct arena *a,
                                 struct allocation_row *out, struct mete_err *err)
{
    char next[ALLOCATION_CURSOR_MAX];
    struct search s = {.a = a, .id = id, .row = out};
    size_t slash = id.len;
    while (slash > 0 && id.p[slash - 1] != '/') {
        slash--;
    }
    const struct allocations_query q = {
        .at = at, .event_id = {id.p, slash > 0 ? slash - 1 : 0}, .limit = UINT64_MAX};
    enum mete_code code =
        q.event_id.len == 0 ? METE_NOT_FOUND : allocations_list(e, &q, share_look, &s, next, err);
    if (code != METE_OK && code != METE_NOT_FOUND) {
        return code;
    }
    if (!s.found) {
        return mete_fail(err, METE_ALLOCATION_UNKNOWN, NULL, "there is no such allocation");
    }
    const struct allocation_place place = out->at; /* its texts went with the walk */
    return row_load(e, a, &place, at, out, err);
}

/* --- what was said of it -----------------------------------------------------------------------*/

struct opening {
    const struct engine *e;
    struct arena *a;
    struct share_step *step;
};

static bool private_visit(void *arg, const struct sealed_value *v)
{
    struct opening *o = arg;
    struct buf plain = {0};
    bool reason = text_is(v->pointer, "/payload/reason");
    if ((reason || text_is(v->pointer, "/payload/evidence")) && engine_has_keys(o->e) &&
        engine_unseal(o->e, v, &plain)) {
        struct text value =
            arena_text(o->a, (struct text){(char *)plain.p + SALT_LEN, plain.len - SALT_LEN});
        *(reason ? &o->step->reason : &o->step->evidence) = value;
        o->step->is_sealed = o->step->is_sealed && !reason;
    }
    secret_wipe(plain.p, plain.len);
    buf_clear(&plain);
    return true;
}

static const char *step_state(enum event_type type)
{
    switch ((int)type) {
    case EVENT_ALLOCATION_DISPUTED:
        return "disputed";
    case EVENT_ALLOCATION_ESCALATED:
        return "escalated";
    case EVENT_ALLOCATION_OVERRIDDEN:
        return "overridden";
    case EVENT_ALLOCATION_UPHELD:
        return "upheld";
    default:
        return "evidence";
    }
}

static enum mete_code step_read(struct engine *e, uint64_t seq, struct arena *a,
                                struct share_step *step, struct mete_err *err)
{
    struct envelope envelope;
    mete_time recorded_at;
    enum mete_code code = engine_event(e, seq, a, &envelope, &recorded_at, err);
    if (code != METE_OK) {
        return code;
    }
    *step = (struct share_step){.state = step_state(envelope.event.type),
                                .at = recorded_at,
                                .event_id = arena_text(a, envelope.event.id),
                                .seq = seq,
                                .actor = arena_text(a, envelope.event.actor_id),
                                .is_sealed = true};
    struct opening o = {.e = e, .a = a, .step = step};
    return book_seals(engine_book(e), seq, (struct text){0}, private_visit, &o, err) == STORE_OK
               ? METE_OK
               : err->code;
}

static void booked_step(const struct allocation_row *row, struct share_step *step)
{
    *step = (struct share_step){
        .state = "pending", .at = row->booked_at, .event_id = row->event_id, .seq = row->at.seq};
}

/** The watermark that covers a moment; none yet: step->seq stays 0. */
static enum mete_code watermark_find(struct engine *e, struct arena *a, struct share_step *step,
                                     struct mete_err *err)
{
    struct walk_keys keys;
    struct envelope envelope;
    mete_time unused;
    struct key from = key_cleared(step->at);
    struct key until = key_prefix_end(key_of(KEY_CLEARED));
    enum mete_code code = walk_keys(e, a, key_bytes(&from), key_bytes(&until), 1, &keys, err);
    if (code != METE_OK || keys.count == 0) {
        return code;
    }
    struct reader r = reader_of(keys.value[0]);
    step->seq = read_varint(&r);
    code = engine_event(e, step->seq, a, &envelope, &unused, err);
    step->event_id = code == METE_OK ? arena_text(a, envelope.event.id) : (struct text){0};
    return code;
}

/** When the clock has cleared it; TIME_NEVER: it has not. */
static mete_time cleared_at(const struct share_history *h)
{
    const struct dispute_row *row = &h->row;
    if (!h->is_disputed) {
        return strcmp(row->share.state, "cleared") == 0 ? row->share.clears_at : TIME_NEVER;
    }
    return strcmp(row->state, "lapsed") == 0 ? row->clears_at + 1 : TIME_NEVER;
}

/** By its time: evidence may come after the clock has cleared the share. */
static void step_insert(struct share_history *h, const struct share_step *step)
{
    size_t i = h->count++;
    for (; i > 0 && h->step[i - 1].at > step->at; i--) {
        h->step[i] = h->step[i - 1];
    }
    h->step[i] = *step;
}

static enum mete_code steps_read(struct engine *e, struct arena *a, struct share_history *h,
                                 struct mete_err *err)
{
    struct walk_keys keys;
    struct key from = key_about_allocation(h->row.share.id);
    struct key until = key_prefix_end(from);
    enum mete_code code =
        walk_keys(e, a, key_bytes(&from), key_bytes(&until), STEPS_MAX, &keys, err);
    if (code != METE_OK) {
        return code;
    }
    h->step = arena_array(a, keys.count + 2, sizeof *h->step);
    booked_step(&h->row.share, &h->step[h->count++]);
    for (size_t i = 0; i < keys.count && code == METE_OK; i++) {
        code =
            step_read(e, key_read_u64(keys.key[i], KEY_ABOUT_SEQ_AT), a, &h->step[h->count++], err);
    }
    mete_time at = cleared_at(h);
    if (code == METE_OK && at != TIME_NEVER) {
        struct share_step cleared = {.state = "cleared", .at = at};
        code = watermark_find(e, a, &cleared, err);
        step_insert(h, &cleared);
    }
    return code;
}

enum mete_code share_history(struct engine *e, struct text allocation_id, mete_time at,
                             struct arena *a, struct share_history *out, struct mete_err *err)
{
    struct dispute d;
    *out = (struct share_history){.count = 0};
    enum mete_code code = share_find(e, allocation_id, at, a, &out->row.share, err);
    if (code != METE_OK) {
        return engine_sound(e, code, err);
    }
    const struct allocation_place *p = &out->row.share.at;
    out->is_disputed =
        dispute_of(engine_view(e), p->seq, p->page, p->group, p->line, &d) == VIEW_FOUND;
    if (out->is_disputed) {
        dispute_fill(&out->row, &d, at);
    }
    return engine_sound(e, steps_read(e, a, out, err), err);
}
