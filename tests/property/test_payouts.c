/* SPDX-License-Identifier: Apache-2.0
 * covers: F-058 F-059
 * Random worlds of payouts: parties earn, batches open and close, two workers that are killed at
 * any step drive what is due over a rail that lies (payout_rail.h), beside a naive model that says
 * which step may be taken and where the money is. After every step they agree; in the end the rail
 * has paid what the book says, and a replay of the log gives the same book.
 *   test_payouts [--seed N] [--runs R] [--steps S] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/balance.h"
#include "engine/payout_claim.h"
#include "engine/payouts.h"
#include "engine/query.h"
#include "engine/verify.h"
#include "oracle/scene.h"
#include "payout_rail.h"
#include "worlds.h"

#define PARTIES       6
#define BATCHES_MAX   200
#define TRANSFERS_MAX 600
#define ATTEMPTS_KEPT 4
#define AUDIT_EVERY   10 /* worlds */
#define STATES        TRANSFER_STATE_COUNT

#define COOL_OFF (COOL_OFF_HOURS * 3600 * TIME_SECOND_US)

static const char *const RAILS[] = {"stripe", "bank"};

struct m_attempt {
    char anchor[ANCHOR_MAX];
    enum attempt_outcome outcome;
    unsigned bodies;
    int64_t paid, returned;
};

struct m_transfer {
    char id[TRANSFER_ID_LEN + 1];
    int batch, party;
    enum transfer_state state;
    unsigned attempts;
    struct m_attempt attempt[ATTEMPTS_KEPT + 1]; /* from 1 */
    int64_t amount, held, paid, returned;
    bool stirred; /* by the step under way */
};

struct m_party {
    char id[8];
    int rail; /* -1: no destination */
    mete_time holds_from;
    enum hold_kind hold;
    int64_t earned;
};

struct m_batch {
    char id[16];
    int rail;
    bool is_closed;
    bool is_queued; /* to its end */
    struct payout_place behind;
};

enum worker_step {
    WORKER_IDLE,
    WORKER_PLAN,
    WORKER_SEND,
    WORKER_PROBE,
    WORKER_REPORT,
    WORKER_STEPS
};

struct worker {
    enum worker_step step;
    int transfer;
    struct transfer seen;
    unsigned attempt;
    char anchor[ANCHOR_MAX];
    enum rail_state answer;
};

struct world {
    struct scene s;
    struct rng rng;
    mete_time now;
    unsigned told;
    struct m_party party[PARTIES];
    struct m_batch batch[BATCHES_MAX];
    int batches;
    struct m_transfer transfer[TRANSFERS_MAX];
    int transfers;
    int64_t fees;
    struct worker worker[2];
    struct rail rail;
    bool fine;
};

static struct {
    uint64_t faults[FAULT_COUNT];
    uint64_t kills[WORKER_STEPS];
    uint64_t states[STATES];
    uint64_t applied[EVENT_TYPE_COUNT];
    uint64_t refused[EVENT_TYPE_COUNT];
    uint64_t unmade, early_returns, whole_returns, of_another, one_stands, failed_after_return,
        paid_twice, after_end, both_at_once, steps, audited, lost;
} seen;

static unsigned below(struct world *w, unsigned n)
{
    return (unsigned)rng_below(&w->rng, n);
}

#define wrong(w, ...) world_wrong(&(w)->fine, __VA_ARGS__)

/* --- saying ------------------------------------------------------------------------------------*/

/** Single quotes become double ones. */
METE_PRINTF(4, 5)
static bool say(struct world *w, const char *id, enum event_type type, const char *payload, ...)
{
    const struct submit_options o = {.own = true, .no_quarantine = true};
    char text[600], all[900], at[TIME_TEXT_MAX];
    va_list args;
    va_start(args, payload);
    (void)vsnprintf(text, sizeof text, payload, args);
    va_end(args);
    w->now += TIME_SECOND_US / 100;
    time_format(w->now, at);
    snprintf(all, sizeof all,
             "{'event_id':'%s%u','event_type':'%s','occurred_at':'%s','payload':{%s}}", id,
             w->told++, event_type_name(type), at, text);
    for (char *c = all; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    engine_submit(w->s.engine, text_of(all), &o, &w->s.last);
    bool applied = w->s.last.status == SUBMIT_APPLIED;
    seen.applied[type] += applied;
    seen.refused[type] += !applied;
    if (!applied && w->s.last.status != SUBMIT_REFUSED)
        wrong(w, "%s: %s %s", all, submit_status_name(w->s.last.status), w->s.last.err.text);
    if (getenv("METE_TEST_SHOW") != NULL)
        printf("# %s %s\n", applied ? "applied" : w->s.last.err.text, all);
    return applied;
}

static const char *usd(int64_t minor)
{
    static char text[4][64];
    static unsigned next;
    char *out = text[next++ % 4];
    snprintf(out, 64, "{'amount':'%lld.%02lld','currency':'USD'}", (long long)(minor / 100),
             (long long)(minor % 100));
    return out;
}

/* --- the model ---------------------------------------------------------------------------------*/

static bool at_rest(const struct m_transfer *t)
{
    return t->state == TRANSFER_PAID || t->state == TRANSFER_RETURNED ||
           t->state == TRANSFER_CANCELLED || t->state == TRANSFER_FAILED_PERMANENT;
}

static bool in_flight(const struct m_transfer *t)
{
    return t->state == TRANSFER_SENDING || t->state == TRANSFER_SENT ||
           t->state == TRANSFER_UNKNOWN;
}

static bool may_be_paid(const struct world *w, int party, int rail)
{
    const struct m_party *p = &w->party[party];
    return p->hold == HOLD_NONE && p->rail == rail && w->now >= p->holds_from;
}

static int64_t has(const struct world *w, int party)
{
    int64_t net = w->party[party].earned;
    for (int i = 0; i < w->transfers; i++) {
        const struct m_transfer *t = &w->transfer[i];
        net -= t->party == party ? t->held + t->paid - t->returned : 0;
    }
    return net;
}

static void hold(struct world *w, const struct m_transfer *t)
{
    struct m_party *p = &w->party[t->party];
    p->hold = p->hold == HOLD_NONE ? HOLD_DESTINATION : p->hold;
}

/** What happened has to be what may happen. */
static bool agreed(struct world *w, struct m_transfer *t, const char *what, bool applied, bool may)
{
    if (applied != may)
        wrong(w, "%s of %s (state %d, %u attempts) was %s: %s", what, t->id, t->state, t->attempts,
              applied ? "applied" : "refused", applied ? "it may not be" : w->s.last.err.text);
    t->stirred |= applied;
    return applied && may;
}

#define NAMED "'transfer_id':'%s'"

static bool say_sending(struct world *w, struct m_transfer *t, unsigned attempt, const char *anchor)
{
    bool used = false;
    bool body = below(w, 3) > 0;
    for (int i = 0; i < w->transfers; i++) {
        for (unsigned k = 1; k <= w->transfer[i].attempts; k++)
            used |= anchor[0] != '\0' && strcmp(w->transfer[i].attempt[k].anchor, anchor) == 0;
    }
    bool ready = t->state == TRANSFER_QUEUED || t->state == TRANSFER_FAILED;
    bool again =
        in_flight(t) && attempt == t->attempts && strcmp(t->attempt[attempt].anchor, anchor) == 0;
    bool anew = ready && !used && attempt == t->attempts + 1 && attempt <= ATTEMPTS_KEPT;
    w->now += TIME_SECOND_US / 100; /* as say will, for the cool-off */
    body &= !again || t->attempt[attempt].bodies < ATTEMPT_BODIES_MAX;
    bool may = again || (anew && may_be_paid(w, t->party, w->batch[t->batch].rail));
    w->now -= TIME_SECOND_US / 100;
    bool applied = say(w, "e", EVENT_PAYOUT_TRANSFER_SENDING, NAMED ",'attempt':%u,'anchor':'%s'%s",
                       t->id, attempt, anchor, body ? ",'body':'pay somebody'" : "");
    if (!agreed(w, t, "sending", applied, may))
        return false;
    for (unsigned k = 1; anew && k < attempt; k++) {
        if (t->attempt[k].outcome == ATTEMPT_OPEN)
            wrong(w, "two attempts of %s are alive", t->id);
    }
    if (anew) {
        t->attempts = attempt;
        t->attempt[attempt] = (struct m_attempt){.outcome = ATTEMPT_OPEN};
        snprintf(t->attempt[attempt].anchor, ANCHOR_MAX, "%s", anchor);
    }
    t->attempt[attempt].bodies += body;
    t->state = TRANSFER_SENDING;
    return true;
}

static void say_noted(struct world *w, struct m_transfer *t, unsigned attempt, bool sent)
{
    bool may = in_flight(t) && attempt == t->attempts;
    bool applied = say(w, "e", sent ? EVENT_PAYOUT_TRANSFER_SENT : EVENT_PAYOUT_TRANSFER_UNKNOWN,
                       NAMED ",'attempt':%u", t->id, attempt);
    if (agreed(w, t, "sent or unknown", applied, may))
        t->state = sent ? TRANSFER_SENT : TRANSFER_UNKNOWN;
}

static bool open_left(const struct m_transfer *t)
{
    return t->attempts > 0 && t->attempt[t->attempts].outcome == ATTEMPT_OPEN;
}

static void say_paid(struct world *w, struct m_transfer *t, const struct rail_payment *p)
{
    unsigned k = p->attempt;
    bool may = k <= t->attempts &&
               (t->attempt[k].outcome == ATTEMPT_OPEN || t->attempt[k].outcome == ATTEMPT_DEAD);
    char more[200] = "";
    if (p->paid != t->amount || below(w, 2) == 0)
        snprintf(more, sizeof more, ",'amount':%s", usd(p->paid));
    if (p->fee != 0)
        snprintf(more + strlen(more), sizeof more - strlen(more), ",'fee':%s", usd(p->fee));
    bool applied = say(w, "e", EVENT_PAYOUT_TRANSFER_PAID, NAMED ",'attempt':%u%s", t->id, k, more);
    if (!agreed(w, t, "paid", applied, may))
        return;
    seen.after_end += at_rest(t) && t->state != TRANSFER_PAID;
    seen.paid_twice += t->paid > 0;
    t->attempt[k].outcome = ATTEMPT_PAID;
    t->attempt[k].paid = p->paid;
    t->held = 0;
    t->paid += p->paid;
    w->fees += p->fee;
    if (!open_left(t))
        t->state = TRANSFER_PAID;
}

/** Nothing was ever at the rail. */
static void say_unprepared(struct world *w, struct m_transfer *t, unsigned attempt)
{
    bool is_idle = t->state == TRANSFER_QUEUED || t->state == TRANSFER_FAILED;
    bool may = is_idle && attempt == t->attempts + 1 && attempt <= ATTEMPTS_KEPT;
    bool applied = say(w, "e", EVENT_PAYOUT_TRANSFER_FAILED,
                       NAMED ",'attempt':%u,'reason':'r','unprepared':true", t->id, attempt);
    if (!agreed(w, t, "unprepared", applied, may))
        return;
    t->attempts = attempt;
    t->attempt[attempt] = (struct m_attempt){.outcome = ATTEMPT_UNMADE};
    t->state = TRANSFER_FAILED;
    seen.unmade++;
}

/** Of a payout of which no attempt may still pay. */
static enum transfer_state came_to(const struct m_transfer *t)
{
    unsigned of[ATTEMPT_UNMADE + 1] = {0};
    for (unsigned k = 1; k <= t->attempts; k++)
        of[t->attempt[k].outcome]++;
    return of[ATTEMPT_PAID] > 0       ? TRANSFER_PAID
           : of[ATTEMPT_RETURNED] > 0 ? TRANSFER_RETURNED
                                      : TRANSFER_FAILED;
}

static void say_failed(struct world *w, struct m_transfer *t, unsigned attempt)
{
    bool may = in_flight(t) && attempt == t->attempts && open_left(t);
    bool applied = say(w, "e", EVENT_PAYOUT_TRANSFER_FAILED, NAMED ",'attempt':%u,'reason':'r'",
                       t->id, attempt);
    if (!agreed(w, t, "failed", applied, may))
        return;
    t->attempt[attempt].outcome = ATTEMPT_DEAD;
    t->state = came_to(t);
    seen.failed_after_return += t->state == TRANSFER_RETURNED;
}

static bool say_returned(struct world *w, struct m_transfer *t, const struct rail_payment *p)
{
    unsigned k = p->attempt;
    struct m_attempt *a = &t->attempt[k];
    bool made = k <= t->attempts;
    bool late = made && a->outcome == ATTEMPT_PAID && p->returned <= a->paid;
    bool early = made && a->outcome == ATTEMPT_OPEN && t->state == TRANSFER_SENT &&
                 p->returned <= t->amount && p->returned >= t->held;
    bool whole = made && p->returned == (a->outcome == ATTEMPT_PAID ? a->paid : t->amount);
    char amount[100] = "";
    if (!whole || below(w, 2) == 0)
        snprintf(amount, sizeof amount, ",'amount':%s", usd(p->returned));
    bool applied = say(w, "e", EVENT_PAYOUT_TRANSFER_RETURNED, NAMED ",'attempt':%u%s,'reason':'r'",
                       t->id, k, amount);
    if (!agreed(w, t, "returned", applied, late || early))
        return false;
    seen.whole_returns += amount[0] == '\0';
    a->outcome = ATTEMPT_RETURNED;
    a->returned = p->returned;
    hold(w, t);
    if (early) {
        seen.early_returns++;
        t->state = came_to(t);
        t->held = 0;
        a->paid = p->returned;
        t->paid += p->returned;
    } else if (!open_left(t)) {
        t->state = came_to(t);
        seen.one_stands += t->state == TRANSFER_PAID;
    }
    t->returned += p->returned;
    return true;
}

/** More than an attempt paid, or of one that did not pay, however much the others did. */
static void say_returned_wrongly(struct world *w, struct m_transfer *t)
{
    unsigned k = 1 + below(w, ATTEMPTS_KEPT);
    const struct m_attempt *a = &t->attempt[k];
    if (k > t->attempts || (a->outcome == ATTEMPT_OPEN && t->state == TRANSFER_SENT))
        return;
    int64_t paid = a->outcome == ATTEMPT_PAID ? a->paid : 0;
    int64_t of_others = t->paid - t->returned - paid;
    int64_t more = of_others > 0 ? of_others : t->amount;
    int64_t amount = paid + 1 + (int64_t)below(w, (unsigned)more);
    seen.of_another += of_others > 0;
    bool applied = say(w, "e", EVENT_PAYOUT_TRANSFER_RETURNED,
                       NAMED ",'attempt':%u,'amount':%s,'reason':'r'", t->id, k, usd(amount));
    (void)agreed(w, t, "returned", applied, false);
}

static void say_ended(struct world *w, struct m_transfer *t, enum event_type type)
{
    bool may = t->state == TRANSFER_QUEUED || t->state == TRANSFER_FAILED;
    bool applied = say(w, "e", type, NAMED ",'reason':'r'", t->id);
    if (!agreed(w, t, "ended", applied, may))
        return;
    t->held = 0;
    t->state = TRANSFER_CANCELLED;
    if (type == EVENT_PAYOUT_TRANSFER_FAILED_PERMANENT) {
        t->state = TRANSFER_FAILED_PERMANENT;
        hold(w, t);
    }
}

/** Books what the rail says of a payment, by whoever was told. */
static void report(struct world *w, const struct rail_payment *p, enum rail_state said)
{
    struct m_transfer *t = &w->transfer[p->transfer];
    bool whole = p->returned == p->paid && p->fee == 0;
    switch (said) {
    case RAIL_PENDING:
        say_noted(w, t, p->attempt, true);
        break;
    case RAIL_PAID:
        say_paid(w, t, p);
        break;
    case RAIL_DEAD:
        say_failed(w, t, p->attempt);
        break;
    case RAIL_RETURNED:
        if (whole && say_returned(w, t, p))
            break;
        say_paid(w, t, p);
        (void)say_returned(w, t, p);
        break;
    case RAIL_ABSENT:
    case RAIL_SILENT:
        break;
    }
}

/* --- workers -----------------------------------------------------------------------------------*/

static int transfer_named(const struct world *w, struct text id)
{
    for (int i = 0; i < w->transfers; i++) {
        if (text_eq(id, text_of(w->transfer[i].id)))
            return i;
    }
    return -1;
}

static void worker_look(struct world *w, struct worker *k)
{
    const struct text rails[] = {text_of(RAILS[0]), text_of(RAILS[1])};
    const struct payout_claim_query q = {.now = w->now,
                                         .lease_until = w->now, /* workers sleep: no lease holds */
                                         .max = 4,
                                         .rail = rails,
                                         .rails = 2};
    struct payout_leases *leases = payout_leases_new();
    struct payout_claim *rows;
    struct mete_err err;
    size_t count;
    struct arena a;
    arena_init(&a, (size_t)1 << 26);
    if (payouts_claim(w->s.engine, leases, &q, &a, &rows, &count, &err) != METE_OK)
        wrong(w, "payouts_claim: %s", err.text);
    else if (count > 0) {
        const struct payout_due *row = &rows[below(w, (unsigned)count)].due;
        k->transfer = transfer_named(w, row->transfer_id);
        k->seen = row->transfer;
        k->step = WORKER_PLAN;
        if (k->transfer < 0)
            wrong(w, "a row of the outbox is of no payout that was queued");
    }
    payout_leases_free(leases);
    arena_clear(&a);
}

/** Stripe's keys follow from the attempt; a Lightning invoice is another for each worker. */
static void anchor_make(struct world *w, const struct worker *k, char out[ANCHOR_MAX])
{
    if (below(w, 3) > 0)
        snprintf(out, ANCHOR_MAX, "k%d-%u", k->transfer, k->attempt);
    else
        snprintf(out, ANCHOR_MAX, "i%d-%u-%u", k->transfer, k->attempt, w->told);
}

static void worker_begin(struct world *w, struct worker *k)
{
    struct m_transfer *t = &w->transfer[k->transfer];
    k->step = WORKER_IDLE;
    if (k->seen.attempts == ATTEMPTS_MAX_OUT) {
        say_ended(w, t, EVENT_PAYOUT_TRANSFER_FAILED_PERMANENT);
        return;
    }
    k->attempt = k->seen.attempts + 1;
    if (!w->rail.honest && below(w, 6) == 0) { /* its host is away */
        say_unprepared(w, t, k->attempt);
        return;
    }
    anchor_make(w, k, k->anchor);
    if (say_sending(w, t, k->attempt, k->anchor))
        k->step = WORKER_SEND;
    else if (!may_be_paid(w, t->party, w->batch[t->batch].rail) && below(w, 4) == 0)
        say_ended(w, t, EVENT_PAYOUT_TRANSFER_CANCELLED);
}

static void worker_again(struct world *w, struct worker *k)
{
    struct m_transfer *t = &w->transfer[k->transfer];
    k->attempt = k->seen.attempts;
    snprintf(k->anchor, sizeof k->anchor, "%s", t->attempt[k->attempt].anchor);
    k->step = WORKER_PROBE;
    if (below(w, 3) == 0)
        k->step = say_sending(w, t, k->attempt, k->anchor) ? WORKER_SEND : WORKER_IDLE;
}

static void worker_report(struct world *w, struct worker *k)
{
    struct m_transfer *t = &w->transfer[k->transfer];
    const struct rail_payment *p = rail_find(&w->rail, k->anchor);
    k->step = WORKER_IDLE;
    if (k->answer == RAIL_SILENT)
        say_noted(w, t, k->attempt, false);
    else if (p != NULL)
        /* What it heard may be old by now. */
        report(w, p, k->answer == RAIL_PAID && p->state == RAIL_RETURNED ? RAIL_PAID : k->answer);
}

static void worker_step(struct world *w, struct worker *k)
{
    if (!w->rail.honest && below(w, 25) == 0) {
        seen.kills[k->step]++;
        k->step = WORKER_IDLE;
    }
    switch (k->step) {
    case WORKER_IDLE:
        worker_look(w, k);
        break;
    case WORKER_PLAN:
        if (k->seen.state == TRANSFER_QUEUED || k->seen.state == TRANSFER_FAILED)
            worker_begin(w, k);
        else
            worker_again(w, k);
        break;
    case WORKER_PROBE:
        k->answer = rail_probe(&w->rail, k->anchor);
        k->step = WORKER_REPORT;
        if (k->answer == RAIL_ABSENT)
            k->step = say_sending(w, &w->transfer[k->transfer], k->attempt, k->anchor)
                          ? WORKER_SEND
                          : WORKER_IDLE;
        break;
    case WORKER_SEND:
        k->answer = rail_send(&w->rail, k->anchor, k->transfer, k->attempt,
                              w->transfer[k->transfer].amount);
        k->step = WORKER_REPORT;
        break;
    case WORKER_REPORT:
    case WORKER_STEPS:
        worker_report(w, k);
        break;
    }
    seen.both_at_once += w->worker[0].step > WORKER_PLAN && w->worker[1].step > WORKER_PLAN &&
                         w->worker[0].transfer == w->worker[1].transfer;
}

/** The process dies before what the step decided is durable: all of it has to be as if it had not
 *  been. A step that decides does not speak to the rail. */
static void worker_lost(struct world *w, struct worker *k)
{
    static struct world before;
    if (k->step == WORKER_SEND || k->step == WORKER_PROBE)
        return;
    scene_commit(&w->s);
    before = *w;
    worker_step(w, k);
    engine_rollback(w->s.engine);
    before.s = w->s;
    before.rng = w->rng;
    before.now = w->now;
    before.told = w->told;
    before.fine = w->fine;
    *w = before;
    for (int i = 0; i < 2; i++)
        w->worker[i].step = WORKER_IDLE;
    seen.lost++;
}

/* --- what people do ----------------------------------------------------------------------------*/

static void earn(struct world *w)
{
    struct m_party *p = &w->party[below(w, PARTIES)];
    int64_t amount = 1 + (int64_t)below(w, below(w, 3) == 0 ? 10 : 100000);
    if (say(w, "r", EVENT_REVENUE_RECEIVED, "'party':'%s','amount':%s", p->id, usd(amount)))
        p->earned += amount;
    else
        wrong(w, "revenue: %s", w->s.last.err.text);
}

static void destination_change(struct world *w)
{
    struct m_party *p = &w->party[below(w, PARTIES)];
    int rail = below(w, 4) == 0;
    if (!say(w, "d", EVENT_PARTY_DESTINATION_SET, "'party':'%s','rail':'%s','destination':'d%u'",
             p->id, RAILS[rail], w->told))
        wrong(w, "destination: %s", w->s.last.err.text);
    p->holds_from = p->rail >= 0 ? w->now + COOL_OFF : w->now;
    p->rail = rail;
    p->hold = p->hold == HOLD_DESTINATION ? HOLD_NONE : p->hold;
}

static void hold_change(struct world *w)
{
    struct m_party *p = &w->party[below(w, PARTIES)];
    bool place = below(w, 4) == 0;
    bool applied = say(w, "h", place ? EVENT_PAYOUT_HOLD_PLACED : EVENT_PAYOUT_HOLD_RELEASED,
                       "'party':'%s','reason':'r'", p->id);
    if (applied != (place || p->hold != HOLD_NONE))
        wrong(w, "a hold of %s: %s", p->id, w->s.last.err.text);
    p->hold = place ? HOLD_SUPERVISOR : HOLD_NONE;
}

static void batch_open(struct world *w)
{
    struct m_batch *b = &w->batch[w->batches];
    if (w->batches == BATCHES_MAX)
        return;
    *b = (struct m_batch){.rail = below(w, 4) == 0};
    snprintf(b->id, sizeof b->id, "b%u", w->told);
    if (!say(w, "b", EVENT_PAYOUT_BATCH_OPENED, "'asset':'USD','rail':'%s'", RAILS[b->rail]))
        wrong(w, "batch: %s", w->s.last.err.text);
    w->batches++;
}

static void batch_close(struct world *w)
{
    if (w->batches == 0)
        return;
    int i = (int)below(w, (unsigned)w->batches);
    bool may = !w->batch[i].is_closed;
    if (say(w, "c", EVENT_PAYOUT_BATCH_CLOSED, "'batch_id':'%s'", w->batch[i].id) != may)
        wrong(w, "closing batch %s: %s", w->batch[i].id, w->s.last.err.text);
    w->batch[i].is_closed |= may;
}

static bool in_batch(const struct world *w, int batch, int party)
{
    for (int i = 0; i < w->transfers; i++) {
        if (w->transfer[i].batch == batch && w->transfer[i].party == party)
            return true;
    }
    return false;
}

/** Whoever the model would pay has been queued, with what it has; nobody else. */
static unsigned queued_take(struct world *w, int batch, const bool *expected, const int64_t *amount)
{
    unsigned taken = 0;
    for (int i = 0; i < PARTIES; i++) {
        struct m_transfer t = {.batch = batch, .party = i, .state = TRANSFER_QUEUED};
        struct payout_due row;
        struct mete_err err;
        struct arena a;
        if (in_batch(w, batch, i))
            continue;
        arena_init(&a, (size_t)1 << 24);
        transfer_id_make(t.id, TEXT("main"), text_of(w->batch[batch].id), text_of(w->party[i].id));
        bool found = payout_find(w->s.engine, text_of(t.id), &a, &row, &err) == METE_OK;
        t.amount = t.held = found ? (int64_t)row.transfer.amount : 0;
        arena_clear(&a);
        if (found && (!expected[i] || t.amount != amount[i]))
            wrong(w, "party %d was queued in %s for %lld, has %lld", i, w->batch[batch].id,
                  (long long)t.amount, (long long)amount[i]);
        if (found && w->transfers < TRANSFERS_MAX) {
            w->transfer[w->transfers++] = t;
            taken++;
        }
    }
    return taken;
}

/** A page of a batch; what comes after it may never be asked for, or from the beginning again. */
static void batch_queue(struct world *w)
{
    bool expected[PARTIES];
    int64_t amount[PARTIES];
    struct payout_batch_progress done;
    struct mete_err err;
    if (w->batches == 0 || w->transfers + PARTIES > TRANSFERS_MAX)
        return;
    int i = w->batches - 1 - (int)below(w, w->batches < 3 ? (unsigned)w->batches : 3);
    struct m_batch *b = &w->batch[i];
    if (below(w, 5) == 0)
        b->behind = (struct payout_place){0};
    w->now = engine_now(w->s.engine);
    for (int k = 0; k < PARTIES; k++) {
        amount[k] = has(w, k);
        expected[k] = !b->is_closed && amount[k] > 0 && may_be_paid(w, k, b->rail);
    }
    struct payout_query q = {
        .asset = TEXT("USD"), .rail = text_of(RAILS[b->rail]), .at = w->now, .behind = b->behind};
    if (payout_queue(w->s.engine, text_of(b->id), &q, 1 + below(w, 2 * PARTIES), &done, &err) !=
        METE_OK) {
        wrong(w, "payout_queue: %s", err.text);
        return;
    }
    bool whole = b->behind.party == 0 && done.is_done;
    b->behind = done.behind;
    unsigned taken = queued_take(w, i, expected, amount);
    if (taken != done.queued)
        wrong(w, "%u were queued, %llu are said", taken, (unsigned long long)done.queued);
    for (int k = 0; k < PARTIES && whole; k++) {
        if (expected[k] && !in_batch(w, i, k))
            wrong(w, "party %d was left out of %s", k, b->id);
    }
}

static void supervisor_cancel(struct world *w)
{
    if (w->transfers > 0)
        say_ended(w, &w->transfer[below(w, (unsigned)w->transfers)],
                  EVENT_PAYOUT_TRANSFER_CANCELLED);
}

/** A bank that mixes up its returns; it speaks of payouts that were paid twice, when there are. */
static void muddle(struct world *w)
{
    struct m_transfer *t = NULL;
    unsigned from = w->transfers > 0 ? below(w, (unsigned)w->transfers) : 0;
    for (int i = 0; i < w->transfers; i++) {
        struct m_transfer *other = &w->transfer[((int)from + i) % w->transfers];
        t = t == NULL || other->paid - other->returned > t->paid - t->returned ? other : t;
    }
    if (t != NULL)
        say_returned_wrongly(w, t);
}

/** Somebody who is no worker of ours, or one that slept for very long. */
static void rogue(struct world *w)
{
    char anchor[ANCHOR_MAX];
    if (w->transfers == 0)
        return;
    struct m_transfer *t = &w->transfer[below(w, (unsigned)w->transfers)];
    unsigned attempt = 1 + below(w, 5);
    snprintf(anchor, sizeof anchor, "x%u", w->told);
    unsigned other = t->attempts > 0 ? 1 + below(w, t->attempts) : 0;
    if (other > 0 && t->attempt[other].anchor[0] != '\0' && below(w, 2) == 0)
        snprintf(anchor, sizeof anchor, "%s", t->attempt[other].anchor);
    if (below(w, 4) == 0)
        say_unprepared(w, t, attempt);
    else if (below(w, 3) == 0)
        say_noted(w, t, attempt, below(w, 2) == 0);
    else
        (void)say_sending(w, t, attempt, anchor);
}

static void notice_deliver(struct world *w)
{
    int i = rail_notice(&w->rail);
    if (i < 0)
        return;
    const struct rail_payment *p = &w->rail.payment[i];
    enum rail_state said = p->state;
    /* An older answer overtaken by a newer one. */
    if (p->state == RAIL_RETURNED && below(w, 2) == 0)
        said = RAIL_PAID;
    else if (p->state == RAIL_PAID && p->was_dead && below(w, 2) == 0)
        said = RAIL_DEAD;
    report(w, p, said);
    if (said != p->state)
        rail_notice_again(&w->rail, i);
}

/* --- what must hold ----------------------------------------------------------------------------*/

struct rows {
    struct world *w;
    int count;
};

static bool row_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    struct rows *r = arg;
    (void)value;
    (void)sums;
    (void)key;
    r->count++;
    return true;
}

static void check_attempts(struct world *w, const struct m_transfer *m, uint64_t number)
{
    const struct view *v = engine_view(w->s.engine);
    for (unsigned i = 1; i <= m->attempts; i++) {
        const struct m_attempt *k = &m->attempt[i];
        struct key key = key_attempt(number, i);
        struct bytes value;
        struct attempt a;
        METE_ASSERT(v->get(v->ctx, key_bytes(&key), &value) == VIEW_FOUND);
        METE_ASSERT(attempt_unpack(value, &a));
        if (a.outcome != (uint8_t)k->outcome || a.paid != k->paid || a.returned != k->returned)
            wrong(w, "attempt %u of %s: %d, paid %lld, returned %lld should be %d, %lld, %lld", i,
                  m->id, a.outcome, (long long)a.paid, (long long)a.returned, k->outcome,
                  (long long)k->paid, (long long)k->returned);
    }
}

static void check_transfer(struct world *w, struct m_transfer *m, int64_t *waiting)
{
    const struct view *v = engine_view(w->s.engine);
    struct transfer t;
    struct bytes value;
    uint64_t number = engine_seq_of(w->s.engine, text_of(m->id));
    if (view_transfer(v, number, &t) != VIEW_FOUND) {
        wrong(w, "%s is gone", m->id);
        return;
    }
    if (t.state != (uint8_t)m->state || t.attempts != m->attempts || t.amount != m->amount ||
        t.held != m->held || t.paid != m->paid || t.returned != m->returned)
        wrong(w,
              "%s: state %d, attempts %u, held %lld, paid %lld, returned %lld should be %d, %u, "
              "%lld, %lld, %lld",
              m->id, t.state, t.attempts, (long long)t.held, (long long)t.paid,
              (long long)t.returned, m->state, m->attempts, (long long)m->held, (long long)m->paid,
              (long long)m->returned);
    check_attempts(w, m, number);
    struct key row = key_outbox(t.due, number);
    bool there = v->get(v->ctx, key_bytes(&row), &value) == VIEW_FOUND;
    if (at_rest(m) ? t.due != TIME_NEVER : !there)
        wrong(w, "%s (state %d) has no row in the outbox, or is due at rest", m->id, m->state);
    if (m->stirred && !at_rest(m) && t.due <= w->now)
        wrong(w, "%s (state %d) is due again at once", m->id, m->state);
    m->stirred = false;
    *waiting += !at_rest(m);
}

static void check_party(struct world *w, int i, int64_t *net_of_all)
{
    const struct view *v = engine_view(w->s.engine);
    struct balance b;
    struct asset usd_asset;
    uint32_t number;
    struct arena a;
    int64_t leaving = 0, paid = 0;
    if (view_party(v, text_of(w->party[i].id), &number) != VIEW_FOUND)
        return;
    for (int k = 0; k < w->transfers; k++) {
        const struct m_transfer *t = &w->transfer[k];
        leaving += t->party == i ? t->held : 0;
        paid += t->party == i ? t->paid - t->returned : 0;
    }
    int64_t net = has(w, i);
    arena_init(&a, (size_t)1 << 24);
    METE_ASSERT(view_asset(v, TEXT("USD"), &usd_asset) == VIEW_FOUND);
    (void)!balance_at(v, &a, number, usd_asset.number, w->now, &b);
    arena_clear(&a);
    if (b.leaving != leaving || b.paid != paid || b.cleared != (net > 0 ? net : 0) ||
        b.debt != (net < 0 ? -net : 0))
        wrong(w, "party %d: cleared %lld, debt %lld, leaving %lld, paid %lld; has %lld, %lld, %lld",
              i, (long long)b.cleared, (long long)b.debt, (long long)b.leaving, (long long)b.paid,
              (long long)net, (long long)leaving, (long long)paid);
    *net_of_all += leaving;
}

static void check_batch(struct world *w, int i)
{
    const struct view *v = engine_view(w->s.engine);
    i128 sums[STATE_SUMS] = {0};
    int64_t want[4] = {0};
    struct key key = key_batch_number(engine_seq_of(w->s.engine, text_of(w->batch[i].id)));
    for (int k = 0; k < w->transfers; k++) {
        const struct m_transfer *t = &w->transfer[k];
        if (t->batch != i)
            continue;
        want[BATCH_TRANSFERS]++;
        want[BATCH_AMOUNT] += t->amount;
        want[BATCH_RESTING] += at_rest(t);
        want[BATCH_PAID] += t->paid - t->returned;
    }
    key.b[0] = KEY_BATCH_SUMS;
    (void)!v->sums(v->ctx, key_bytes(&key), sums);
    for (int k = 0; k < 4; k++) {
        if (sums[k] != want[k])
            wrong(w, "batch %s: sum %d is %lld, counted %lld", w->batch[i].id, k,
                  (long long)sums[k], (long long)want[k]);
    }
}

static void check(struct world *w)
{
    const struct view *v = engine_view(w->s.engine);
    struct key from = key_of(KEY_OUTBOX);
    struct key until = key_prefix_end(from);
    struct rows rows = {.w = w};
    int64_t waiting = 0, held = 0;
    for (int i = 0; i < w->transfers; i++)
        check_transfer(w, &w->transfer[i], &waiting);
    (void)!v->scan(v->ctx, key_bytes(&from), key_bytes(&until), row_visit, &rows);
    if (rows.count != waiting)
        wrong(w, "the outbox has %d rows for %lld payouts", rows.count, (long long)waiting);
    for (int i = 0; i < PARTIES; i++)
        check_party(w, i, &held);
    for (int i = 0; i < w->batches; i++)
        check_batch(w, i);
    if (!scene_balanced(&w->s))
        wrong(w, "money is not conserved");
    if (scene_net(&w->s, "mete:payout", "USD") != held)
        wrong(w, "mete:payout is not what is held");
    if (scene_net(&w->s, "mete:rail_fees", "USD") != -w->fees)
        wrong(w, "mete:rail_fees is not what rails took");
    if (w->rail.broken)
        wrong(w, "the rail was asked for a second payment while the first was alive");
}

/* --- the end -----------------------------------------------------------------------------------*/

static bool all_rest(const struct world *w)
{
    for (int i = 0; i < w->transfers; i++) {
        if (!at_rest(&w->transfer[i]))
            return false;
    }
    return true;
}

/** The rail is honest from now on: all comes to rest, and its statement is booked. */
static void drain(struct world *w)
{
    w->rail.honest = true;
    for (int i = 0; i < 20000 && w->fine && !all_rest(w); i++) {
        worker_step(w, &w->worker[i % 2]);
        if (i % 4 == 0)
            (void)rail_tick(&w->rail);
        if (i % 16 == 0) {
            check(w);
            w->now += 600 * TIME_SECOND_US;
        }
    }
    if (!all_rest(w))
        wrong(w, "some payouts never come to rest");
    while (rail_tick(&w->rail))
        continue;
    for (int i = 0; i < w->rail.count; i++)
        report(w, &w->rail.payment[i], w->rail.payment[i].state);
    for (int i = 0; i < w->rail.count && w->fine; i++) {
        const struct rail_payment *p = &w->rail.payment[i];
        enum attempt_outcome o = w->transfer[p->transfer].attempt[p->attempt].outcome;
        if ((p->state == RAIL_PAID) != (o == ATTEMPT_PAID) ||
            (p->state == RAIL_RETURNED) != (o == ATTEMPT_RETURNED))
            wrong(w, "the statement has %s as %d, the book as %d", p->anchor, p->state, o);
    }
}

static void check_statement(struct world *w)
{
    for (int i = 0; i < w->transfers; i++) {
        int64_t paid = 0, returned = 0;
        for (int k = 0; k < w->rail.count; k++) {
            const struct rail_payment *p = &w->rail.payment[k];
            paid += p->transfer == i ? p->paid : 0;
            returned += p->transfer == i ? p->returned : 0;
        }
        if (paid != w->transfer[i].paid || returned != w->transfer[i].returned)
            wrong(w, "%s: the rail paid %lld and took back %lld, the book says %lld and %lld",
                  w->transfer[i].id, (long long)paid, (long long)returned,
                  (long long)w->transfer[i].paid, (long long)w->transfer[i].returned);
        seen.states[w->transfer[i].state]++;
    }
}

static void check_replay(struct world *w)
{
    struct verify_report unused;
    struct mete_err err;
    scene_commit(&w->s);
    if (book_verify(w->s.engine, &unused, &err) != METE_OK)
        wrong(w, "a replay differs: %s", err.text);
}

static void check_audit(struct world *w, uint64_t seed)
{
    bool asked = false;
    if (seed % AUDIT_EVERY == 0 && !scene_audited(&w->s, &asked))
        wrong(w, "the auditor differs");
    seen.audited += asked;
}

/* --- a run -------------------------------------------------------------------------------------*/

static void set_up(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    rng_seed(&w->rng, seed);
    w->fine = true;
    w->rail.rng = &w->rng;
    w->rail.fired = seen.faults;
    w->now = (mete_time)1735689600 * TIME_SECOND_US;
    scene_open_store(&w->s, "memory:", seed % 3 == 0 ? 1 : 0); /* or nothing is remembered */
    for (int i = 0; i < PARTIES; i++) {
        w->party[i].rail = -1;
        snprintf(w->party[i].id, sizeof w->party[i].id, "p%d", i);
    }
    if (!say(w, "s", EVENT_BOOK_CONFIGURED, "'clear_after_days':0"))
        wrong(w, "book: %s", w->s.last.err.text);
    for (int i = 0; i < 2 * PARTIES; i++) {
        earn(w);
        destination_change(w);
    }
    w->now += 2 * COOL_OFF;
}

static void one_step(struct world *w)
{
    unsigned dice = below(w, 100);
    if (dice < 2)
        worker_lost(w, &w->worker[below(w, 2)]);
    else if (dice < 50)
        worker_step(w, &w->worker[below(w, 2)]);
    else if (dice < 62)
        notice_deliver(w);
    else if (dice < 70)
        (void)rail_tick(&w->rail);
    else if (dice < 77)
        earn(w);
    else if (dice < 84)
        batch_queue(w);
    else if (dice < 88)
        batch_open(w);
    else if (dice < 89)
        batch_close(w);
    else if (dice < 91)
        destination_change(w);
    else if (dice < 93)
        hold_change(w);
    else if (dice < 94)
        supervisor_cancel(w);
    else if (dice < 96)
        rogue(w);
    else if (dice < 97)
        muddle(w);
    else
        w->now += (below(w, 8) == 0 ? 100000 : below(w, 2) == 0 ? 7200 : 40) * TIME_SECOND_US;
}

static bool one_run(uint64_t seed, uint64_t steps)
{
    static struct world w;
    set_up(&w, seed);
    for (uint64_t i = 0; i < steps && w.fine; i++) {
        one_step(&w);
        check(&w);
        seen.steps++;
    }
    if (w.fine)
        check_audit(&w, seed); /* while some of it is on its way */
    if (w.fine)
        drain(&w);
    if (w.fine)
        check(&w);
    check_statement(&w);
    if (w.fine)
        check_replay(&w);
    if (w.fine)
        check_audit(&w, seed);
    if (!w.fine)
        printf("# seed %llu\n", (unsigned long long)seed);
    scene_close(&w.s);
    return w.fine;
}

/* --- all ---------------------------------------------------------------------------------------*/

static bool print_seen(void)
{
    static const char *const fault[] = {
#define X(symbol, name) name,
        RAIL_FAULTS(X)
#undef X
    };
    static const char *const step[] = {"at rest", "before planning", "before sending",
                                       "before probing", "before reporting"};
    const struct machine *m = machine_of(MACHINE_TRANSFER);
    bool all = true;
    for (int i = 0; i < FAULT_COUNT; i++) {
        printf("# %8llu  %s\n", (unsigned long long)seen.faults[i], fault[i]);
        all &= seen.faults[i] > 0;
    }
    for (int i = 0; i < WORKER_STEPS; i++) {
        printf("# %8llu  worker killed %s\n", (unsigned long long)seen.kills[i], step[i]);
        all &= seen.kills[i] > 0;
    }
    for (int i = 0; i < EVENT_TYPE_COUNT; i++) {
        if (seen.applied[i] + seen.refused[i] > 0)
            printf("# %8llu  %s applied, %llu refused\n", (unsigned long long)seen.applied[i],
                   event_type_name((enum event_type)i), (unsigned long long)seen.refused[i]);
    }
    for (int i = 0; i < STATES; i++) {
        if (seen.states[i] > 0)
            printf("# %8llu  ended as %s\n", (unsigned long long)seen.states[i], m->state[i]);
    }
    printf("# %8llu  process lost before its commit\n", (unsigned long long)seen.lost);
    printf("# %8llu  could not be prepared\n", (unsigned long long)seen.unmade);
    printf("# %8llu  both workers at one payout\n", (unsigned long long)seen.both_at_once);
    printf("# %8llu  back before it was said to be paid\n", (unsigned long long)seen.early_returns);
    printf("# %8llu  came back, and nobody said how much\n",
           (unsigned long long)seen.whole_returns);
    printf("# %8llu  more came back than the attempt paid, not more than all did\n",
           (unsigned long long)seen.of_another);
    printf("# %8llu  one came back, another stays paid\n", (unsigned long long)seen.one_stands);
    printf("# %8llu  failed after the one before came back\n",
           (unsigned long long)seen.failed_after_return);
    printf("# %8llu  a second attempt paid too\n", (unsigned long long)seen.paid_twice);
    all &= world_audits(seen.audited);
    printf("# %8llu  paid after its end\n", (unsigned long long)seen.after_end);
    return all && seen.lost > 0 && seen.unmade > 0 && seen.both_at_once > 0 &&
           seen.early_returns > 0 && seen.whole_returns > 0 && seen.of_another > 0 &&
           seen.one_stands > 0 && seen.failed_after_return > 0 && seen.paid_twice > 0 &&
           seen.after_end > 0 && seen.states[TRANSFER_FAILED_PERMANENT] > 0 &&
           seen.applied[EVENT_PAYOUT_BATCH_CLOSED] > 0;
}

int main(int argc, char **argv)
{
    const struct worlds w =
        worlds_asked(argc, argv, (struct worlds){.seed = 20261121, .runs = 300, .steps = 500});
    uint64_t done = 0;
    bool fine = true;
    printf("1..2\n# seed %llu\n", (unsigned long long)w.seed);
    for (; done < w.runs && fine; done++)
        fine = one_run(w.seed + done, w.steps);
    bool happened = print_seen();
    printf("%sok 1 - %llu worlds of %llu steps: as the model says, paid what the rail paid\n",
           fine ? "" : "not ", (unsigned long long)done, (unsigned long long)w.steps);
    printf("%sok 2 - every fault fired\n", happened ? "" : "not ");
    return fine && happened ? 0 : 1;
}
