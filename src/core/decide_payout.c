/* SPDX-License-Identifier: Apache-2.0
 * payout.transfer_*: money on its way out, one step an event. It stands in mete:payout until a rail
 * has paid it, or it is the party's again. Which steps there are stands in machine.c; see
 * doc/decisions/0014-payouts.md. */
#include "core/economy.h"
#include "core/payout_work.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

#define SENDING_LOOK (30 * TIME_SECOND_US) /* whoever wrote it may still be about it */
#define LOOK_FIRST   (5 * TIME_SECOND_US)  /* at what nobody has said the end of; doubles */
#define LOOK_DOUBLES 10                    /* times: beyond LOOK_MAX */
#define LOOK_MAX     (3600 * TIME_SECOND_US)

/* A transfer as one event finds it and leaves it. */
struct step {
    struct work *w;
    uint64_t number;
    struct transfer was;
    struct transfer t;
    struct attempt attempt; /* that the event speaks of */
    struct group *g;        /* once money moves */
};

/* --- finding -----------------------------------------------------------------------------------*/

static enum decided transfer_find(struct step *s)
{
    struct work *w = s->w;
    struct text id = w->event->payout.transfer_id;
    s->number = payout_number(w, id);
    enum view_result found =
        s->number == 0 ? VIEW_ABSENT : view_transfer(w->view, s->number, &s->was);
    w->missing |= found == VIEW_MISSING;
    s->t = s->was;
    if (w->missing) {
        return DECIDED_NEEDS;
    }
    return found == VIEW_FOUND ? DECIDED_APPLIED
                               : work_refuse(w, METE_TRANSFER_UNKNOWN, "/payload/transfer_id",
                                             "there is no payout \"%.*s\"", (int)id.len, id.p);
}

/* --- leaving -----------------------------------------------------------------------------------*/

/** A payout that came to nothing holds further ones, unless a supervisor holds them already. */
static void hold_for_destination(struct work *w, uint32_t party)
{
    enum hold_kind held;
    w->missing |= view_hold(w->view, party, &held) == VIEW_MISSING;
    if (held == HOLD_NONE) {
        hold_put(w, party, HOLD_DESTINATION);
    }
}

/* --- money -------------------------------------------------------------------------------------*/

static void book(struct step *s, uint32_t party, i128 amount)
{
    if (amount == 0) {
        return;
    }
    s->g = s->g != NULL ? s->g : work_group(s->w, GROUP_TRANSFER, s->t.asset);
    group_move(s->w, s->g, party, amount);
}

/** What is still in mete:payout is the party's again. */
static void give_back(struct step *s)
{
    book(s, PARTY_PAYOUT, -s->t.held);
    book(s, s->t.party, s->t.held);
    s->t.held = 0;
}

/** The rail has paid `amount`: out of what was put aside, the rest of it back to the party. Nothing
 *  put aside any more: the party has had it twice, and owes it. */
static void pay(struct step *s, i128 amount)
{
    i128 held = s->t.held;
    book(s, PARTY_PAYOUT, -held);
    book(s, s->t.party, held - amount);
    book(s, PARTY_CLEARING, amount);
    s->t.held = 0;
    s->t.paid += amount;
    work_add(s->w, key_u32x2(KEY_PAID, s->t.party, s->t.asset), amount, 0, 0, 0);
}

static enum decided amount_take(struct step *s, bool given, const struct money *money,
                                const char *at, i128 *amount)
{
    struct asset asset;
    if (!given) {
        return DECIDED_APPLIED;
    }
    enum decided fine = work_money(s->w, money, at, &asset, amount);
    if (fine == DECIDED_APPLIED && asset.number != s->t.asset) {
        return work_refuse(s->w, METE_MEMBER_VALUE, at, "the payout is in another currency than %s",
                           asset.code);
    }
    return fine;
}

static enum decided step_take(struct step *s, unsigned guards)
{
    return work_step(s->w, MACHINE_TRANSFER, s->w->event->payout.transfer_id, s->t.state,
                     s->w->event->type, guards, &s->t.state);
}

/* --- attempts ----------------------------------------------------------------------------------*/

static void attempt_put(struct step *s, uint32_t index)
{
    struct buf value = {0};
    attempt_pack(&value, &s->attempt);
    work_set(s->w, key_attempt(s->number, index), &value);
    buf_clear(&value);
}

static enum view_result attempt_read(struct step *s, uint32_t index, struct attempt *out)
{
    struct work *w = s->w;
    struct key key = key_attempt(s->number, index);
    struct bytes value;
    enum view_result found = index == 0 || index > s->t.attempts
                                 ? VIEW_ABSENT
                                 : w->view->get(w->view->ctx, key_bytes(&key), &value);
    w->missing |= found == VIEW_MISSING;
    METE_ASSERT(found != VIEW_FOUND || attempt_unpack(value, out));
    return found;
}

/** An attempt, which has to have been made. */
static enum decided attempt_load(struct step *s, uint32_t index)
{
    enum view_result found = attempt_read(s, index, &s->attempt);
    if (s->w->missing) {
        return DECIDED_NEEDS;
    }
    return found == VIEW_FOUND ? DECIDED_APPLIED
                               : work_refuse(s->w, METE_MEMBER_VALUE, "/payload/attempt",
                                             "%" PRIu32 " attempts have been made", s->t.attempts);
}

/** What the attempts but one came to. An attempt of which a part came back is not paid any more:
 *  the rest is what that cost. */
static enum guard others_guard(struct step *s, uint32_t but)
{
    enum guard others = GUARD_UNPAID;
    for (uint32_t i = 1; i <= s->t.attempts; i++) {
        struct attempt other;
        if (i == but || attempt_read(s, i, &other) != VIEW_FOUND) {
            continue;
        }
        if (other.outcome == ATTEMPT_PAID) {
            return GUARD_PAID_BEFORE;
        }
        others = other.outcome == ATTEMPT_RETURNED ? GUARD_CAME_BACK : others;
    }
    return others;
}

/** The attempt that the event names. */
static enum decided attempt_find(struct step *s)
{
    return attempt_load(s, (uint32_t)s->w->event->payout.attempt);
}

/** The attempt of this event becomes the last one, still without an anchor. */
static void attempt_begin(struct step *s, enum attempt_outcome outcome)
{
    s->t.attempts = (uint32_t)s->w->event->payout.attempt;
    s->t.looks = 0;
    s->attempt = (struct attempt){.outcome = (uint8_t)outcome, .made = s->w->in->seq};
}

/** One that was made, and could have reached the rail. */
static enum decided attempt_was_made(struct step *s)
{
    return s->attempt.outcome != ATTEMPT_UNMADE
               ? DECIDED_APPLIED
               : work_refuse(s->w, METE_STATE_FORBIDS, "/payload/attempt",
                             "this attempt could not be prepared: nothing of it was ever sent");
}

static struct text rail_of(struct step *s)
{
    struct batch b = {0};
    s->w->missing |= view_batch(s->w->view, s->w->a, s->t.batch, &b) == VIEW_MISSING;
    return b.rail;
}

/** What the event's anchor makes of it: a new attempt, or the last one again. */
static unsigned anchor_guards(struct step *s, struct key *anchor, bool *used)
{
    struct work *w = s->w;
    const struct event_payout *e = &w->event->payout;
    uint32_t index = (uint32_t)e->attempt;
    struct bytes unused;
    *anchor = key_anchor(rail_of(s), e->anchor);
    enum view_result found = w->view->get(w->view->ctx, key_bytes(anchor), &unused);
    w->missing |= found == VIEW_MISSING;
    *used = found == VIEW_FOUND;
    if (!*used) {
        return index <= ATTEMPTS_MAX_OUT ? GUARD_BIT(GUARD_NEW_ATTEMPT) : 0;
    }
    bool is_last = index == s->t.attempts && attempt_find(s) == DECIDED_APPLIED &&
                   memcmp(s->attempt.anchor, anchor->b + 1, sizeof s->attempt.anchor) == 0;
    return is_last ? GUARD_BIT(GUARD_SAME_ANCHOR) : 0;
}

/** Where its bytes stand, when the event brings some. */
static enum decided body_note(struct step *s)
{
    if (!s->w->event->payout.has_body) {
        return DECIDED_APPLIED;
    }
    if (s->attempt.body_count == ATTEMPT_BODIES_MAX) {
        return work_refuse(s->w, METE_MEMBER_VALUE, "/payload/body",
                           "an attempt has at most %u bodies", ATTEMPT_BODIES_MAX);
    }
    s->attempt.body[s->attempt.body_count++] = s->w->in->seq;
    return DECIDED_APPLIED;
}

static enum decided party_check(struct step *s)
{
    struct text party = s->w->event->payout.party;
    uint32_t number = 0;
    if (party.len == 0) {
        return DECIDED_APPLIED;
    }
    s->w->missing |= view_party(s->w->view, party, &number) == VIEW_MISSING;
    return number == s->t.party ? DECIDED_APPLIED
                                : work_refuse(s->w, METE_MEMBER_VALUE, "/payload/party",
                                              "the payout is to another party");
}

static enum decided send_again(struct step *s)
{
    enum decided fine = body_note(s);
    if (fine == DECIDED_APPLIED) {
        s->t.looks++;
        attempt_put(s, s->t.attempts);
    }
    return fine;
}

static enum decided send_anew(struct step *s, struct key anchor)
{
    struct work *w = s->w;
    const struct event_payout *e = &w->event->payout;
    struct buf value = {0};
    if ((uint32_t)e->attempt != s->t.attempts + 1) {
        return work_refuse(w, METE_MEMBER_VALUE, "/payload/attempt", "the next attempt is %" PRIu32,
                           s->t.attempts + 1);
    }
    enum decided fine = payable_check(w, s->t.party, rail_of(s), "/payload/transfer_id");
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    attempt_begin(s, ATTEMPT_OPEN);
    memcpy(s->attempt.anchor, anchor.b + 1, sizeof s->attempt.anchor);
    fine = body_note(s);
    attempt_put(s, s->t.attempts);
    buf_put_varint(&value, s->number);
    buf_put_varint(&value, (uint64_t)e->attempt);
    work_set(w, anchor, &value);
    buf_clear(&value);
    return fine;
}

static enum decided sending(struct step *s)
{
    struct work *w = s->w;
    struct key anchor;
    bool used;
    unsigned guards = anchor_guards(s, &anchor, &used);
    if (used && guards == 0 && !w->missing) {
        return work_refuse(w, METE_ANCHOR_USED, "/payload/anchor",
                           "an attempt of another payout, or an earlier one, has this anchor");
    }
    enum decided fine = party_check(s);
    fine = fine == DECIDED_APPLIED ? step_take(s, guards) : fine;
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    return used ? send_again(s) : send_anew(s, anchor);
}

/* --- what became of it -------------------------------------------------------------------------*/

static enum decided paid(struct step *s)
{
    const struct event_payout *e = &s->w->event->payout;
    i128 amount = s->t.amount;
    i128 fee = 0;
    enum decided fine = attempt_find(s);
    fine = fine == DECIDED_APPLIED ? attempt_was_made(s) : fine;
    fine = fine == DECIDED_APPLIED
               ? amount_take(s, e->has_amount, &e->amount, "/payload/amount", &amount)
               : fine;
    fine =
        fine == DECIDED_APPLIED ? amount_take(s, e->has_fee, &e->fee, "/payload/fee", &fee) : fine;
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    unsigned which = s->attempt.outcome >= ATTEMPT_PAID      ? 0
                     : (uint32_t)e->attempt == s->t.attempts ? GUARD_BIT(GUARD_LAST_ATTEMPT)
                                                             : GUARD_BIT(GUARD_EARLIER_ATTEMPT);
    fine = step_take(s, which);
    if (fine == DECIDED_APPLIED) {
        s->attempt.outcome = ATTEMPT_PAID;
        s->attempt.paid = amount;
        attempt_put(s, (uint32_t)e->attempt);
        pay(s, amount);
        book(s, PARTY_RAIL_FEES, -fee);
        book(s, PARTY_CLEARING, fee);
    }
    return fine;
}

/** It could not even be prepared: it counts, or it would be tried for ever. The event says that it
 *  means this: another worker may have made the attempt of that number meanwhile. */
static enum decided failed_unprepared(struct step *s)
{
    int32_t attempt = s->w->event->payout.attempt;
    if ((uint32_t)attempt != s->t.attempts + 1) {
        return work_refuse(s->w, METE_MEMBER_VALUE, "/payload/attempt",
                           "the next attempt is %" PRIu32, s->t.attempts + 1);
    }
    unsigned guards = attempt <= ATTEMPTS_MAX_OUT ? GUARD_BIT(GUARD_NEW_ATTEMPT) : 0;
    enum decided fine = step_take(s, guards);
    if (fine == DECIDED_APPLIED) {
        attempt_begin(s, ATTEMPT_UNMADE);
        attempt_put(s, (uint32_t)attempt);
    }
    return fine;
}

/** The rail has proven that nothing moved. */
static enum decided failed(struct step *s)
{
    const struct event_payout *e = &s->w->event->payout;
    if (e->unprepared) {
        return failed_unprepared(s);
    }
    enum decided fine = attempt_find(s);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    if ((uint32_t)e->attempt != s->t.attempts || s->attempt.outcome != ATTEMPT_OPEN) {
        return work_refuse(s->w, METE_STATE_FORBIDS, "/payload/attempt",
                           "the outcome of attempt %" PRId32 " is known", e->attempt);
    }
    fine = step_take(s, GUARD_BIT(others_guard(s, (uint32_t)e->attempt)));
    if (fine == DECIDED_APPLIED) {
        s->attempt.outcome = ATTEMPT_DEAD;
        attempt_put(s, (uint32_t)e->attempt);
    }
    return fine;
}

/** The attempt that came back: as the event says, else the one that is sent, else the last paid. */
static enum decided returned_find(struct step *s, uint32_t *index)
{
    *index = (uint32_t)s->w->event->payout.attempt;
    if (*index != 0 || s->t.state == TRANSFER_SENT) {
        *index = *index != 0 ? *index : s->t.attempts;
        return attempt_load(s, *index);
    }
    for (*index = s->t.attempts; *index > 1; --*index) {
        if (attempt_load(s, *index) == DECIDED_APPLIED && s->attempt.outcome == ATTEMPT_PAID) {
            return DECIDED_APPLIED;
        }
    }
    return attempt_load(s, *index);
}

/** What was paid comes back from outside. */
static void come_back(struct step *s, i128 amount)
{
    book(s, PARTY_CLEARING, -amount);
    book(s, s->t.party, amount);
    work_add(s->w, key_u32x2(KEY_PAID, s->t.party, s->t.asset), -amount, 0, 0, 0);
}

/** How much of the attempt can come back, at least and at most. It may be back before anybody said
 *  that it was paid: then it was both, and what was put aside (nothing, when an earlier attempt was
 *  paid) is the party's again. */
static enum decided returned_range(struct step *s, i128 *least, i128 *most)
{
    bool was_paid = s->attempt.outcome == ATTEMPT_PAID;
    bool is_open = s->attempt.outcome == ATTEMPT_OPEN;
    if (!was_paid && !is_open) {
        return work_refuse(s->w, METE_STATE_FORBIDS, "/payload/attempt",
                           "this attempt was not paid, or came back already");
    }
    *most = was_paid ? s->attempt.paid : s->t.amount;
    *least = is_open && s->t.held > 0 ? s->t.held : 0;
    return DECIDED_APPLIED;
}

/** What is paid and comes back while a later one is under way leaves that alone; else what the
 *  others came to says whether anything is paid. */
static enum guard returned_guard(struct step *s, uint32_t index)
{
    if (s->attempt.outcome == ATTEMPT_PAID && !transfer_rests(s->t.state)) {
        return GUARD_EARLIER_ATTEMPT;
    }
    return others_guard(s, index) == GUARD_PAID_BEFORE ? GUARD_PAID_BEFORE : GUARD_CAME_BACK;
}

static enum decided returned(struct step *s)
{
    const struct event_payout *e = &s->w->event->payout;
    uint32_t index = 0;
    i128 least = 0, most = 0;
    enum decided fine = returned_find(s, &index);
    fine = fine == DECIDED_APPLIED ? returned_range(s, &least, &most) : fine;
    i128 amount = most;
    fine = fine == DECIDED_APPLIED
               ? amount_take(s, e->has_amount, &e->amount, "/payload/amount", &amount)
               : fine;
    if (fine == DECIDED_APPLIED && (amount > most || amount < least)) {
        return work_refuse(s->w, METE_MEMBER_VALUE, "/payload/amount",
                           "as much as this attempt paid, or less, can come back");
    }
    fine = fine == DECIDED_APPLIED ? step_take(s, GUARD_BIT(returned_guard(s, index))) : fine;
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    if (s->attempt.outcome == ATTEMPT_PAID) {
        come_back(s, amount);
    } else {
        give_back(s);
        s->attempt.paid = amount;
        s->t.paid += amount;
    }
    s->t.returned += amount;
    s->attempt.returned = amount;
    s->attempt.outcome = ATTEMPT_RETURNED;
    attempt_put(s, index);
    hold_for_destination(s->w, s->t.party);
    return DECIDED_APPLIED;
}

static enum decided ended(struct step *s)
{
    enum decided fine = step_take(s, 0);
    if (fine == DECIDED_APPLIED) {
        give_back(s);
        if (s->t.state == TRANSFER_FAILED_PERMANENT) {
            hold_for_destination(s->w, s->t.party);
        }
    }
    return fine;
}

static enum decided noted(struct step *s)
{
    enum decided fine = attempt_find(s);
    if (fine == DECIDED_APPLIED && (uint32_t)s->w->event->payout.attempt != s->t.attempts) {
        return work_refuse(s->w, METE_MEMBER_VALUE, "/payload/attempt",
                           "a later attempt has been made");
    }
    s->t.looks++;
    return fine == DECIDED_APPLIED ? step_take(s, 0) : fine;
}

/** After so many looks at it that were in vain. */
static mete_time look_wait(uint32_t looks)
{
    uint32_t doubled = looks > LOOK_DOUBLES ? LOOK_DOUBLES : looks > 0 ? looks - 1 : 0;
    mete_time wait = LOOK_FIRST << doubled;
    return wait < LOOK_MAX ? wait : LOOK_MAX;
}

/** After so many attempts that failed. */
static mete_time retry_wait(uint32_t attempts)
{
    static const mete_time wait[] = {60 * TIME_SECOND_US, 600 * TIME_SECOND_US,
                                     3600 * TIME_SECOND_US};
    uint32_t i = attempts > 0 ? attempts - 1 : 0;
    return wait[i < ARRAY_LEN(wait) ? i : ARRAY_LEN(wait) - 1];
}

static mete_time due_next(const struct step *s)
{
    const struct event_payout *e = &s->w->event->payout;
    if (e->retry_at.set) {
        return e->retry_at.at;
    }
    if (s->t.state == TRANSFER_SENDING) {
        return s->w->now + SENDING_LOOK;
    }
    return s->w->now +
           (s->t.state == TRANSFER_FAILED ? retry_wait(s->t.attempts) : look_wait(s->t.looks));
}

typedef enum decided step_of(struct step *s);

enum decided decide_payout(struct work *w)
{
    static step_of *const steps[EVENT_TYPE_COUNT] = {
        [EVENT_PAYOUT_TRANSFER_SENDING] = sending,
        [EVENT_PAYOUT_TRANSFER_SENT] = noted,
        [EVENT_PAYOUT_TRANSFER_UNKNOWN] = noted,
        [EVENT_PAYOUT_TRANSFER_PAID] = paid,
        [EVENT_PAYOUT_TRANSFER_FAILED] = failed,
        [EVENT_PAYOUT_TRANSFER_FAILED_PERMANENT] = ended,
        [EVENT_PAYOUT_TRANSFER_RETURNED] = returned,
        [EVENT_PAYOUT_TRANSFER_CANCELLED] = ended,
    };
    struct step s = {.w = w};
    enum decided fine = transfer_find(&s);
    fine = fine == DECIDED_APPLIED ? steps[w->event->type](&s) : fine;
    if (fine == DECIDED_APPLIED) {
        s.t.due = due_next(&s);
        about_payout(w, w->event->payout.transfer_id);
        transfer_put(w, s.number, &s.was, &s.t);
    }
    return w->missing ? DECIDED_NEEDS : fine;
}
