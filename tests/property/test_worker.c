/* SPDX-License-Identifier: Apache-2.0
 * covers: F-058 F-059 F-060
 * Two workers at one book and three rails, through the real door, with faults of seeded dice: the
 * rail fails before and after it did something, the port loses questions, answers and whole groups,
 * workers die or sleep at every step while the other one goes on, the server forgets its leases. In
 * the end the rails have paid what the book says, nobody twice, nothing is lost.
 *   test_worker [--seed N] [--runs R] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "engine/internal.h"
#include "engine/payout_claim.h"
#include "engine/payouts.h"
#include "engine/worker.h"
#include "http/desk.h"
#include "http/routes.h"
#include "oracle/scene.h"
#include "worker_rail.h"
#include "worlds.h"

#define PARTIES    6
#define WORKERS    2
#define ROUNDS     40   /* with faults */
#define ROUNDS_MAX 3000 /* without, until all is at rest */
#define HOURS      (3600 * TIME_SECOND_US)

/* Where something can happen to a worker. */
#define POINTS(X)                                                                                  \
    X(CLAIM, "claim")                                                                              \
    X(PREPARE, "prepare")                                                                          \
    X(COMMIT, "commit")                                                                            \
    X(SEND, "send")                                                                                \
    X(REPORT, "report")                                                                            \
    X(PROBE, "probe")
enum point {
#define X(symbol, name) POINT_##symbol,
    POINTS(X)
#undef X
        POINT_COUNT
};

#define MISHAPS(X)                                                                                 \
    X(DIES_BEFORE, "worker dies before")                                                           \
    X(DIES_AFTER, "worker dies after")                                                             \
    X(SLEEPS_BEFORE, "worker sleeps before")                                                       \
    X(SLEEPS_AFTER, "worker sleeps after")                                                         \
    X(QUESTION_LOST, "question lost")                                                              \
    X(ANSWER_LOST, "answer lost")                                                                  \
    X(GROUP_LOST, "group rolled back")
enum mishap {
#define X(symbol, name) MISHAP_##symbol,
    MISHAPS(X)
#undef X
        MISHAP_COUNT
};

struct world;

struct actor {
    struct world *world;
    struct worker *worker;
    struct worker_rail rail[RAIL_KINDS];
    bool dead;
};

struct world {
    struct scene s;
    struct desk desk; /* its leases alone */
    struct rng rng;
    mete_time now;
    unsigned told, odds, depth;
    struct actor actor[WORKERS];
    struct rail_world rails;
    uint64_t fired[FAULT_COUNT][3];
    uint64_t mishaps[MISHAP_COUNT][POINT_COUNT];
    uint64_t ended;
    bool fine;
};

/* Runs in which it happened. */
static struct {
    uint64_t faults[FAULT_COUNT][3];
    uint64_t mishaps[MISHAP_COUNT][POINT_COUNT];
    uint64_t states[TRANSFER_STATE_COUNT];
    uint64_t transfers, attempts, paid, lied, twice_by_lies, in_doubt, restarts, rounds, ended;
    uint64_t anchors_taken, cancelled, outcomes[WORKER_CALLS][RAIL_REPLACE + 1];
} seen;

static unsigned below(struct world *w, unsigned n)
{
    return (unsigned)rng_below(&w->rng, n);
}

#define wrong(w, ...) world_wrong(&(w)->fine, __VA_ARGS__)

static void now_set(struct world *w, mete_time more)
{
    w->now += more;
    w->s.engine->clock_last = w->now;
}

/** An event of somebody's; single quotes become double ones. True: it was taken. */
METE_PRINTF(3, 4)
static bool say(struct world *w, enum event_type type, const char *payload, ...)
{
    const struct submit_options o = {.own = true, .no_quarantine = true};
    char text[600], all[900], at[TIME_TEXT_MAX];
    struct mete_err err;
    va_list args;
    va_start(args, payload);
    (void)vsnprintf(text, sizeof text, payload, args);
    va_end(args);
    now_set(w, TIME_SECOND_US / 100);
    time_format(w->now, at);
    snprintf(all, sizeof all,
             "{'event_id':'e%u','event_type':'%s','occurred_at':'%s','payload':{%s}}", w->told++,
             event_type_name(type), at, text);
    for (char *c = all; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    engine_submit(w->s.engine, text_of(all), &o, &w->s.last);
    bool taken = w->s.last.status == SUBMIT_APPLIED;
    if (engine_commit(w->s.engine, &err) != METE_OK) {
        wrong(w, "commit: %s", err.text);
    }
    return taken;
}

/* --- the door ----------------------------------------------------------------------------------*/

/** A request as the desk would handle it; `lost`: its group is rolled back. */
static unsigned door(struct world *w, const char *path, struct text body, bool lost,
                     struct buf *answer)
{
    bool claims = strcmp(path, WORKER_CLAIMS) == 0;
    struct exchange x;
    struct mete_err err;
    exchange_init(&x);
    buf_put_text(&x.body, body);
    (claims ? payout_claims_prepare : payout_steps_prepare)(&w->desk, NULL, &x);
    if (x.status == 0) {
        w->s.engine->clock_last = w->now;
        (claims ? payout_claims_post : payout_steps_post)(&w->desk, w->s.engine, &x);
    }
    if (lost) {
        engine_rollback(w->s.engine);
        x.status = 503;
    } else if (engine_commit(w->s.engine, &err) != METE_OK) {
        wrong(w, "commit: %s", err.text);
    }
    if (x.status != 200 && !lost) {
        wrong(w, "%s answers %u: %.*s", path, x.status, (int)x.out.len, (const char *)x.out.p);
    }
    buf_put_text(answer, buf_text(&x.out));
    unsigned status = x.status;
    exchange_clear(&x);
    return status;
}

/* --- mishaps -----------------------------------------------------------------------------------*/

static void worker_turn(struct actor *a);

static bool happens(struct world *w, enum mishap m, enum point p)
{
    bool now = w->odds > 0 && below(w, w->odds) == 0;
    w->mishaps[m][p] += now;
    return now;
}

/** For so long that its leases are over, and the other worker does what it would have done. */
static void sleep_long(struct actor *a)
{
    struct world *w = a->world;
    struct actor *other = &w->actor[a == &w->actor[0]];
    w->depth++;
    for (unsigned i = 1 + below(w, 3); i > 0; i--) {
        now_set(w, (below(w, 4) == 0 ? 4000 : 65) * TIME_SECOND_US);
        (void)rail_world_tick(&w->rails);
        worker_turn(other);
    }
    w->depth--;
}

/** False: the worker is dead, and does nothing any more. */
static bool goes_on(struct actor *a, enum point p, bool after)
{
    struct world *w = a->world;
    if (!a->dead && w->depth == 0 && happens(w, MISHAP_SLEEPS_BEFORE + (int)after, p)) {
        sleep_long(a);
    }
    if (!a->dead && happens(w, MISHAP_DIES_BEFORE + (int)after, p)) {
        a->dead = true;
    }
    return !a->dead;
}

static bool gate(void *ctx, unsigned call, bool after)
{
    static const enum point at[] = {POINT_PREPARE, POINT_SEND, POINT_PROBE};
    return goes_on(ctx, at[call], after);
}

static unsigned ask(void *ctx, const char *path, struct text body, struct buf *answer)
{
    struct actor *a = ctx;
    struct world *w = a->world;
    bool sending = memmem(body.p, body.len, "\"sending\"", 9) != NULL;
    enum point p = strcmp(path, WORKER_CLAIMS) == 0 ? POINT_CLAIM
                   : sending                        ? POINT_COMMIT
                                                    : POINT_REPORT;
    if (!goes_on(a, p, false) || happens(w, MISHAP_QUESTION_LOST, p)) {
        return 0;
    }
    unsigned status = door(w, path, body, happens(w, MISHAP_GROUP_LOST, p), answer);
    seen.anchors_taken += memmem(answer->p, answer->len, "anchor_used", 11) != NULL;
    if (!goes_on(a, p, true) || happens(w, MISHAP_ANSWER_LOST, p)) {
        buf_reset(answer);
        return 0;
    }
    return status;
}

static mete_time world_clock(void *ctx)
{
    return ((struct actor *)ctx)->world->now;
}

static void ended(void *ctx, const struct worker_ended *e)
{
    struct actor *a = ctx;
    (void)e;
    a->world->ended++;
}

static void actor_begin(struct actor *a)
{
    struct world *w = a->world;
    const struct rail_gate g = {gate, a};
    for (unsigned k = 0; k < RAIL_KINDS; k++) {
        a->rail[k] = (struct worker_rail){&RAIL_DOUBLES[k], rail_double_new(&w->rails, &g, k)};
    }
    const struct worker_options o = {.port = {ask, a},
                                     .rail = a->rail,
                                     .rails = RAIL_KINDS,
                                     .max = 1 + below(w, 8),
                                     .book = TEXT("main"),
                                     .clock = below(w, 2) == 0 ? world_clock : NULL,
                                     .ended = ended,
                                     .ctx = a};
    a->worker = worker_new(&o);
    a->dead = false;
}

static void actor_end(struct actor *a)
{
    struct worker_counts c;
    worker_counts_read(a->worker, &c);
    for (int i = 0; i < WORKER_CALLS; i++) {
        for (int k = 0; k <= RAIL_REPLACE; k++) {
            seen.outcomes[i][k] += c.outcome[i][k];
        }
    }
    worker_free(a->worker);
    for (unsigned k = 0; k < RAIL_KINDS; k++) {
        rail_double_free(a->rail[k].rail);
    }
}

static void worker_turn(struct actor *a)
{
    struct worker_round r;
    seen.rounds++;
    worker_run(a->worker, a->world->now, &r);
    if (a->dead) {
        actor_end(a);
        actor_begin(a);
        seen.restarts++;
    }
}

/* --- what must hold ----------------------------------------------------------------------------*/

/** A party is in the batch of its rail's name, or in that of its other name. */
static bool transfer_of(struct world *w, unsigned party, char id[TRANSFER_ID_LEN + 1],
                        struct transfer *t)
{
    char batch[8], name[8];
    uint64_t number = 0;
    snprintf(name, sizeof name, "p%u", party);
    for (unsigned i = 0; i < 2 && number == 0; i++) {
        snprintf(batch, sizeof batch, "b%u%s", party % RAIL_KINDS, i == 1 ? "x" : "");
        transfer_id_make(id, TEXT("main"), text_of(batch), text_of(name));
        number = engine_seq_of(w->s.engine, text_of(id));
    }
    return number != 0 && view_transfer(engine_view(w->s.engine), number, t) == VIEW_FOUND;
}

static bool in_flight(const struct transfer *t)
{
    return t->state == TRANSFER_SENDING || t->state == TRANSFER_SENT ||
           t->state == TRANSFER_UNKNOWN;
}

/** What the rail has paid and the book does not know yet is visibly in doubt, and will be looked
 *  at. */
static void check_entry(struct world *w, const struct entry *x, const struct transfer *t,
                        uint64_t number)
{
    const struct view *v = engine_view(w->s.engine);
    struct key key = key_attempt(number, x->attempt);
    struct bytes value;
    struct attempt a = {0};
    if (x->lied || x->state == ENTRY_DEAD) {
        return;
    }
    if (v->get(v->ctx, key_bytes(&key), &value) != VIEW_FOUND || !attempt_unpack(value, &a)) {
        wrong(w, "%s was sent, and the book knows no such attempt", x->anchor);
        return;
    }
    struct key row = key_outbox(t->due, number);
    bool looked_at = v->get(v->ctx, key_bytes(&row), &value) == VIEW_FOUND;
    if (a.outcome == ATTEMPT_DEAD || a.outcome == ATTEMPT_UNMADE) {
        wrong(w, "%s is alive, and the book says that it is dead", x->anchor);
    }
    if (a.outcome == ATTEMPT_OPEN && !(in_flight(t) && looked_at)) {
        wrong(w, "%s is alive, and nobody will look at it", x->anchor);
    }
    seen.in_doubt += a.outcome == ATTEMPT_OPEN && x->state == ENTRY_PAID;
}

static void check(struct world *w)
{
    if (w->rails.broken) {
        wrong(w, "%s", w->rails.why);
    }
    for (unsigned i = 0; i < PARTIES; i++) {
        char id[TRANSFER_ID_LEN + 1];
        struct transfer t;
        if (!transfer_of(w, i, id, &t)) {
            continue;
        }
        for (size_t k = 0; k < w->rails.count; k++) {
            if (strcmp(w->rails.entry[k].transfer, id) == 0) {
                check_entry(w, &w->rails.entry[k], &t, engine_seq_of(w->s.engine, text_of(id)));
            }
        }
    }
}

/** A webhook tells of what a rail did after it had said that it would not. */
static void tell_of_lies(struct world *w)
{
    for (size_t i = 0; i < w->rails.count; i++) {
        const struct entry *x = &w->rails.entry[i];
        struct buf answer = {0};
        char body[400], fee[80] = "";
        if (!x->lied || x->state != ENTRY_PAID) {
            continue;
        }
        if (x->fee > 0) {
            snprintf(fee, sizeof fee, ",\"fee\":{\"amount\":\"0.%02d\",\"currency\":\"USD\"}",
                     (int)x->fee);
        }
        snprintf(body, sizeof body,
                 "{\"steps\":[{\"transfer_id\":\"%s\",\"attempt\":%u,\"step\":\"paid\","
                 "\"amount\":{\"amount\":\"%d.%02d\",\"currency\":\"USD\"}%s}]}",
                 x->transfer, x->attempt, (int)(x->paid / 100), (int)(x->paid % 100), fee);
        (void)door(w, WORKER_STEPS, text_of(body), false, &answer);
        buf_clear(&answer);
        seen.lied++;
    }
}

static void check_transfer(struct world *w, const char *id, const struct transfer *t, i128 *fees)
{
    i128 paid = 0;
    unsigned honest = 0, payments = 0;
    for (size_t i = 0; i < w->rails.count; i++) {
        const struct entry *x = &w->rails.entry[i];
        bool theirs = strcmp(x->transfer, id) == 0 && x->state == ENTRY_PAID;
        paid += theirs ? x->paid : 0;
        *fees += theirs ? x->fee : 0;
        payments += theirs;
        honest += theirs && !x->lied;
    }
    if (paid != t->paid) {
        wrong(w, "%s: the rail paid %lld, the book says %lld", id, (long long)paid,
              (long long)t->paid);
    }
    if (honest > 1) {
        wrong(w, "%s was paid %u times", id, honest);
    }
    if (t->held != 0 || t->due != TIME_NEVER) {
        wrong(w, "%s is at rest in state %u with %lld put aside", id, t->state, (long long)t->held);
    }
    seen.twice_by_lies += payments > 1;
    seen.paid += payments;
    seen.states[t->state]++;
    seen.transfers++;
    seen.attempts += t->attempts;
}

static const char *const RAIL_NAMES[] = {"invoice", "key", "nonce", "invoices"};

static bool all_rest(struct world *w)
{
    const struct text rails[] = {text_of(RAIL_NAMES[0]), text_of(RAIL_NAMES[1]),
                                 text_of(RAIL_NAMES[2]), text_of(RAIL_NAMES[3])};
    const struct payout_claim_query q = {
        .now = w->now + 100000 * HOURS, .max = 1, .rail = rails, .rails = ARRAY_LEN(rails)};
    struct payout_leases *leases = payout_leases_new(); /* whoever has it */
    struct mete_err err;
    struct payout_claim *rows;
    struct arena a;
    size_t count = 0;
    arena_init(&a, (size_t)1 << 26);
    if (payouts_claim(w->s.engine, leases, &q, &a, &rows, &count, &err) != METE_OK) {
        wrong(w, "payouts_claim: %s", err.text);
    }
    payout_leases_free(leases);
    arena_clear(&a);
    return count == 0;
}

static void check_end(struct world *w)
{
    i128 fees = 0;
    for (unsigned i = 0; i < PARTIES; i++) {
        char id[TRANSFER_ID_LEN + 1];
        struct transfer t;
        if (transfer_of(w, i, id, &t)) {
            check_transfer(w, id, &t, &fees);
        }
    }
    if (!scene_balanced(&w->s) || scene_net(&w->s, "mete:payout", "USD") != 0) {
        wrong(w, "money is not conserved");
    }
    if (scene_net(&w->s, "mete:rail_fees", "USD") != -fees) {
        wrong(w, "mete:rail_fees has %lld, the rails took %lld",
              (long long)scene_net(&w->s, "mete:rail_fees", "USD"), (long long)fees);
    }
}

/* --- a run -------------------------------------------------------------------------------------*/

static void set_up(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    rng_seed(&w->rng, seed);
    w->fine = true;
    w->rails.rng = &w->rng;
    w->rails.fired = w->fired;
    w->desk.leases = payout_leases_new();
    scene_open_store(&w->s, "memory:", 0);
    now_set(w, (mete_time)1735689600 * TIME_SECOND_US);
    (void)say(w, EVENT_BOOK_CONFIGURED, "'clear_after_days':0");
    for (unsigned i = 0; i < PARTIES; i++) {
        const char *rail = i % RAIL_KINDS == 0 && below(w, 2) == 0
                               ? "invoices"
                               : RAIL_DOUBLES[i % RAIL_KINDS].name;
        (void)say(w, EVENT_REVENUE_RECEIVED,
                  "'party':'p%u','amount':{'amount':'%u.%02u','currency':'USD'}", i,
                  1 + below(w, 500), below(w, 100));
        (void)say(w, EVENT_PARTY_DESTINATION_SET, "'party':'p%u','rail':'%s','destination':'d%u'",
                  i, rail, i);
    }
}

static void batches_queue(struct world *w)
{
    for (unsigned k = 0; k < 4; k++) {
        char batch[16];
        struct payout_batch_progress done;
        struct mete_err err;
        const struct submit_options own = {.own = true};
        char event[300], at[TIME_TEXT_MAX];
        snprintf(batch, sizeof batch, k == 3 ? "b0x" : "b%u", k);
        time_format(w->now, at);
        snprintf(
            event, sizeof event,
            "{\"event_id\":\"%s\",\"event_type\":\"payout.batch_opened\",\"occurred_at\":\"%s\","
            "\"payload\":{\"asset\":\"USD\",\"rail\":\"%s\"}}",
            batch, at, RAIL_NAMES[k]);
        engine_submit(w->s.engine, text_of(event), &own, &w->s.last);
        const struct payout_query q = {
            .asset = TEXT("USD"), .rail = text_of(RAIL_NAMES[k]), .at = w->now};
        if (payout_queue(w->s.engine, text_of(batch), &q, 100, &done, &err) != METE_OK) {
            wrong(w, "payout_queue: %s", err.text);
        }
        scene_commit(&w->s);
    }
}

/** What people do meanwhile, and the server. */
static void others_act(struct world *w)
{
    unsigned dice = below(w, 60);
    unsigned party = below(w, PARTIES);
    if (dice == 0) {
        (void)say(w, EVENT_PAYOUT_HOLD_PLACED, "'party':'p%u','reason':'r'", party);
    } else if (dice == 1) {
        (void)say(w, EVENT_PAYOUT_HOLD_RELEASED, "'party':'p%u','reason':'r'", party);
    } else if (dice == 2) {
        (void)say(w, EVENT_PARTY_DESTINATION_SET,
                  "'party':'p%u','rail':'%s','destination':'other%u'", party,
                  RAIL_DOUBLES[party % RAIL_KINDS].name, w->told);
    } else if (dice == 3) {
        payout_leases_free(w->desk.leases);
        w->desk.leases = payout_leases_new();
    }
}

static void turn(struct world *w)
{
    worker_turn(&w->actor[below(w, WORKERS)]);
    if (below(w, 3) == 0) {
        (void)rail_world_tick(&w->rails);
    }
    now_set(w, (below(w, 12) == 0 ? 3700 : below(w, 3) == 0 ? 65 : 6) * TIME_SECOND_US);
    check(w);
}

/** Everybody is honest and awake from now on: it all comes to an end. */
static void drain(struct world *w)
{
    w->odds = w->rails.odds = 0;
    for (int i = 0; i < ROUNDS_MAX && w->fine && !all_rest(w); i++) {
        turn(w);
    }
    if (w->fine && !all_rest(w)) {
        wrong(w, "some payouts never come to an end");
    }
    while (rail_world_tick(&w->rails)) {
    }
    tell_of_lies(w);
}

static void note(const struct world *w)
{
    for (int f = 0; f < FAULT_COUNT; f++) {
        for (int c = 0; c < 3; c++) {
            seen.faults[f][c] += w->fired[f][c] > 0;
        }
    }
    for (int m = 0; m < MISHAP_COUNT; m++) {
        for (int p = 0; p < POINT_COUNT; p++) {
            seen.mishaps[m][p] += w->mishaps[m][p] > 0;
        }
    }
    seen.ended += w->ended;
}

static bool one_run(uint64_t seed)
{
    static struct world w;
    set_up(&w, seed);
    batches_queue(&w);
    w.odds = 6 + below(&w, 60);
    w.rails.odds = 4 + below(&w, 30);
    for (unsigned i = 0; i < WORKERS; i++) {
        w.actor[i].world = &w;
        actor_begin(&w.actor[i]);
    }
    for (unsigned i = 0; i < ROUNDS && w.fine; i++) {
        turn(&w);
        others_act(&w);
    }
    drain(&w);
    if (w.fine) {
        check_end(&w);
    }
    note(&w);
    for (unsigned i = 0; i < WORKERS; i++) {
        actor_end(&w.actor[i]);
    }
    if (!w.fine) {
        printf("# seed %llu\n", (unsigned long long)seed);
    }
    payout_leases_free(w.desk.leases);
    scene_close(&w.s);
    return w.fine;
}

/* --- all ---------------------------------------------------------------------------------------*/

static void print_row(const char *name, const uint64_t *count, int columns)
{
    printf("# %-32s", name);
    for (int i = 0; i < columns; i++) {
        if (count[i] > 0) {
            printf("%9llu", (unsigned long long)count[i]);
        } else {
            printf("%9s", "-");
        }
    }
    printf("\n");
}

/** False: one of them never happened anywhere. */
static bool print_tables(void)
{
    static const char *const fault[] = {
#define X(symbol, name) name,
        RAIL_FAULTS(X)
#undef X
    };
    static const char *const mishap[] = {
#define X(symbol, name) name,
        MISHAPS(X)
#undef X
    };
    bool all = true;
    printf("# runs in which it happened, by step\n# %-32s%9s%9s%9s\n", "the rail", "prepare",
           "send", "probe");
    for (int f = 0; f < FAULT_COUNT; f++) {
        print_row(fault[f], seen.faults[f], 3);
        all &= seen.faults[f][0] + seen.faults[f][1] + seen.faults[f][2] > 0;
    }
    printf("# %-32s", "the way");
#define X(symbol, name) printf("%9s", name);
    POINTS(X)
#undef X
    printf("\n");
    for (int m = 0; m < MISHAP_COUNT; m++) {
        print_row(mishap[m], seen.mishaps[m], POINT_COUNT);
        for (int p = 0; p < POINT_COUNT; p++) {
            bool can = m < MISHAP_QUESTION_LOST || p == POINT_CLAIM || p == POINT_COMMIT ||
                       p == POINT_REPORT;
            all &= !can || seen.mishaps[m][p] > 0;
        }
    }
    return all;
}

static void print_sums(void)
{
    const struct machine *m = machine_of(MACHINE_TRANSFER);
    const struct {
        const char *name;
        uint64_t count;
    } sums[] = {{"payouts", seen.transfers},
                {"attempts", seen.attempts},
                {"payments that the rails made", seen.paid},
                {"of them after a rail had said that they were dead", seen.lied},
                {"payouts that were paid twice by that", seen.twice_by_lies},
                {"looks at a payment that the book did not know of yet", seen.in_doubt},
                {"anchors that were taken", seen.anchors_taken},
                {"rounds of workers", seen.rounds},
                {"workers that died", seen.restarts},
                {"ends that were told", seen.ended}};
    for (size_t i = 0; i < ARRAY_LEN(sums); i++) {
        printf("# %9llu  %s\n", (unsigned long long)sums[i].count, sums[i].name);
    }
    for (int i = 0; i < TRANSFER_STATE_COUNT; i++) {
        if (seen.states[i] > 0) {
            printf("# %9llu  ended as %s\n", (unsigned long long)seen.states[i], m->state[i]);
        }
    }
    for (int c = 0; c < WORKER_CALLS; c++) {
        for (int o = 0; o <= RAIL_REPLACE; o++) {
            if (seen.outcomes[c][o] > 0) {
                printf("# %9llu  %s: %s\n", (unsigned long long)seen.outcomes[c][o],
                       worker_call_name((enum worker_call)c),
                       rail_outcome_name((enum rail_outcome)o));
            }
        }
    }
}

int main(int argc, char **argv)
{
    const struct worlds w =
        worlds_asked(argc, argv, (struct worlds){.seed = 20261121, .runs = 10000});
    uint64_t done = 0;
    bool fine = true;
    printf("1..2\n# seed %llu\n", (unsigned long long)w.seed);
    for (; done < w.runs && fine; done++) {
        fine = one_run(w.seed + done);
    }
    bool happened = print_tables();
    print_sums();
    happened &= seen.anchors_taken > 0 && seen.in_doubt > 0 && seen.twice_by_lies > 0 &&
                seen.states[TRANSFER_CANCELLED] > 0 && seen.states[TRANSFER_FAILED_PERMANENT] > 0;
    printf("%sok 1 - %llu runs: the rails paid what the book says, nobody twice, nothing is lost\n",
           fine ? "" : "not ", (unsigned long long)done);
    printf("%sok 2 - every fault fired at every step\n", happened ? "" : "not ");
    return fine && happened ? 0 : 1;
}
