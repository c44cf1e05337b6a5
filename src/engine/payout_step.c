/* SPDX-License-Identifier: Apache-2.0
 * Steps into events. All or none is decided by looking first: a step of one payout changes nothing
 * that a `sending` of another depends on but the anchors, and those are compared here. */
#include "engine/payout_step.h"

#include "base/text.h"
#include "core/payout.h"
#include "engine/internal.h"
#include "engine/own_event.h"
#include "engine/payouts.h"

#include <inttypes.h>

static const struct {
    const char *name;
    enum event_type type;
} STEPS[] = {{"sending", EVENT_PAYOUT_TRANSFER_SENDING},
             {"sent", EVENT_PAYOUT_TRANSFER_SENT},
             {"unknown", EVENT_PAYOUT_TRANSFER_UNKNOWN},
             {"paid", EVENT_PAYOUT_TRANSFER_PAID},
             {"failed", EVENT_PAYOUT_TRANSFER_FAILED},
             {"failed_permanent", EVENT_PAYOUT_TRANSFER_FAILED_PERMANENT},
             {"returned", EVENT_PAYOUT_TRANSFER_RETURNED},
             {"cancelled", EVENT_PAYOUT_TRANSFER_CANCELLED}};

bool payout_step_type(struct text name, enum event_type *out)
{
    for (size_t i = 0; i < ARRAY_LEN(STEPS); i++) {
        if (text_is(name, STEPS[i].name)) {
            *out = STEPS[i].type;
            return true;
        }
    }
    return false;
}

const char *payout_step_name(enum event_type type)
{
    for (size_t i = 0; i < ARRAY_LEN(STEPS); i++) {
        if (STEPS[i].type == type) {
            return STEPS[i].name;
        }
    }
    METE_ASSERT(false);
    return NULL;
}

/* --- the event ---------------------------------------------------------------------------------*/

static bool is_look(enum event_type type)
{
    return type == EVENT_PAYOUT_TRANSFER_SENDING || type == EVENT_PAYOUT_TRANSFER_SENT ||
           type == EVENT_PAYOUT_TRANSFER_UNKNOWN;
}

/** What a worker that does not say which look it took means: the next. */
static uint32_t look_next(const struct payout_step *s, const struct transfer *t)
{
    return s->attempt > t->attempts ? 0 : t->looks + 1;
}

/** Facts happen once to an attempt, ends once to a payout; looks are counted. */
static struct text step_id(struct arena *a, const struct payout_step *s, const struct transfer *t)
{
    const char *name = s->unprepared ? "unprepared" : payout_step_name(s->type);
    struct text id = s->transfer_id;
    if (is_look(s->type)) {
        return arena_printf(a, "%.*s.%" PRIu32 ".%s.%" PRIu32, (int)id.len, id.p, s->attempt, name,
                            s->has_look ? s->look : look_next(s, t));
    }
    return s->attempt > 0
               ? arena_printf(a, "%.*s.%" PRIu32 ".%s", (int)id.len, id.p, s->attempt, name)
               : arena_printf(a, "%.*s.%s", (int)id.len, id.p, name);
}

static void texts_write(struct json_writer *w, const struct payout_step *s)
{
    const struct {
        const char *name;
        struct text text;
    } members[] = {{"anchor", s->anchor},           {"group", s->group},
                   {"reference", s->reference},     {"reason", s->reason},
                   {"remediation", s->remediation}, {"proof", s->proof}};
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (members[i].text.len > 0) {
            jw_text(w, members[i].name, members[i].text);
        }
    }
}

static void payload_write(struct json_writer *w, const struct payout_step *s, struct text party)
{
    jw_text(w, "transfer_id", s->transfer_id);
    if (s->attempt > 0) {
        jw_int(w, "attempt", s->attempt);
    }
    texts_write(w, s);
    if (s->has_body) {
        jw_text(w, "body", s->body);
    }
    if (s->type == EVENT_PAYOUT_TRANSFER_SENDING) {
        jw_text(w, "party", party);
    }
    if (s->unprepared) {
        jw_bool(w, "unprepared", true);
    }
    if (s->amount.len > 0) {
        jw_raw(w, "amount", s->amount);
    }
    if (s->fee.len > 0) {
        jw_raw(w, "fee", s->fee);
    }
    if (s->retry_at.set) {
        jw_time(w, "retry_at", s->retry_at.at);
    }
}

/** Whether a proof of death comes too late: whoever has looked since may have sent the bytes again,
 *  or further ones, of which it knows nothing. */
static bool is_stale(const struct payout_step *s, const struct transfer *t)
{
    return s->type == EVENT_PAYOUT_TRANSFER_FAILED && !s->unprepared && s->has_look &&
           s->attempt == t->attempts && s->look < t->looks;
}

/** One step, read as an event. False: there is no such payout, or it comes too late, and r says so.
 */
static bool step_prepare(struct engine *e, mete_time now, const struct payout_step *s,
                         struct arena *a, struct prepared *p, struct submit_result *r)
{
    struct payout_due row;
    struct own_event event;
    *r = (struct submit_result){.status = SUBMIT_REFUSED};
    if (payout_find(e, s->transfer_id, a, &row, &r->err) != METE_OK) {
        r->status = engine_sound(e, METE_OK, &r->err) == METE_OK ? r->status : SUBMIT_FAILED;
        return false;
    }
    const struct own_head head = {.id = step_id(a, s, &row.transfer),
                                  .type = s->type,
                                  .occurred_at = {true, now},
                                  .actor = s->actor};
    if (is_stale(s, &row.transfer) && engine_seq_of(e, head.id) == 0) {
        (void)mete_fail(&r->err, METE_STATE_FORBIDS, "",
                        "the attempt was looked at, or sent again, since: look at it once more");
        return false;
    }
    own_event_begin(&event, e, &head);
    payload_write(&event.w, s, row.party);
    own_event_prepare(&event, p);
    return true;
}

static void step_take(struct engine *e, mete_time now, const struct payout_step *s, struct arena *a,
                      struct submit_result *r)
{
    if (step_prepare(e, now, s, a, e->prepared, r)) {
        engine_submit_prepared(e, e->prepared, r);
        r->event_id = arena_text(a, r->event_id);
    }
}

/* --- all or none -------------------------------------------------------------------------------*/

static bool same_twice(const struct payout_step *s, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (text_eq(s[k].transfer_id, s[i].transfer_id) || text_eq(s[k].anchor, s[i].anchor)) {
            return true;
        }
    }
    return false;
}

static bool taken(const struct submit_result *r)
{
    return r->status == SUBMIT_APPLIED || r->status == SUBMIT_DUPLICATE;
}

/** True: each of them can be taken, and so can all together. */
static bool steps_try(struct engine *e, mete_time now, const struct payout_step *s, size_t count,
                      struct arena *a, struct submit_result *r)
{
    bool fine = true;
    for (size_t i = 0; i < count; i++) {
        if (s[i].type != EVENT_PAYOUT_TRANSFER_SENDING || same_twice(s, i)) {
            r[i] = (struct submit_result){.status = SUBMIT_REFUSED};
            (void)mete_fail(&r[i].err, METE_REQUEST_INVALID, "",
                            "steps that are taken together are sending, each of a payout and an "
                            "anchor of its own");
        } else if (step_prepare(e, now, &s[i], a, e->prepared, &r[i])) {
            engine_try_prepared(e, e->prepared, &r[i]);
            r[i].event_id = arena_text(a, r[i].event_id);
        }
        fine &= taken(&r[i]);
    }
    return fine;
}

static void leave_out(struct submit_result *r, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (r[i].status == SUBMIT_APPLIED) {
            r[i].status = SUBMIT_REFUSED;
            (void)mete_fail(&r[i].err, METE_STEP_LEFT_OUT, "",
                            "another step of the request was refused");
        }
    }
}

void payout_steps_take(struct engine *e, mete_time now, const struct payout_step *s, size_t count,
                       bool whole, struct arena *a, struct submit_result *r)
{
    if (whole && !steps_try(e, now, s, count, a, r)) {
        leave_out(r, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        step_take(e, now, &s[i], a, &r[i]);
        METE_ASSERT(!whole || taken(&r[i]) || r[i].status == SUBMIT_FAILED);
    }
}
