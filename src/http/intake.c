/* SPDX-License-Identifier: Apache-2.0
 * A stream is worked on by the server's threads, which bring its bytes, and by one thread for all,
 * to which pieces come back. Invariant: a stream from which nobody reads has a piece on its way, or
 * stands in the queue of those that wait for room or for their key's rate: so it goes on. Locks are
 * taken in this order: a stream's own, then any other; the queue's holds nothing else. */
#include "http/intake.h"

#include "base/text.h"
#include "http/accept.h"
#include "http/cutter.h"
#include "http/desk.h"
#include "http/piece.h"
#include "http/reply.h"
#include "http/router.h"
#include "http/sink.h"
#include "http/streams.h"
#include "http/tally.h"
#include "store/steady.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define DECLARED_MAX ((size_t)4 << 20)   /* a body of known length up to this is read as a whole */
#define RESULTS_MAX  ((size_t)64 << 20)  /* of longer ones not every outcome is told */
#define PIECE_BYTES  ((size_t)256 << 10) /* of one piece; one event may be more */
#define PIECE_EVENTS 1000u
#define BYTES_MAX    ((size_t)4 << 20) /* of the pieces of all streams; see weigh() of the desk */
#define ARENA_MAX    ((size_t)64 << 10)
#define LOOK_MS      10 /* between looks at those who wait for room */
#define RETRY_S      5u

enum state {
    OPEN,
    WHOLE,  /* all of its body has come */
    BROKEN, /* it ends now, as `why` says */
    LEFT    /* its client has left: what came of whole events is decided */
};

struct intake {
    struct stream place; /* first: it leads back */
    struct sink sink;
    struct intakes *all;
    struct intake *next; /* in the queue */
    bool queued;         /* under the lock of the queue */
    _Atomic unsigned holders;
    _Atomic bool key_ended;
    _Atomic bool draining;

    pthread_mutex_t lock; /* all below */
    struct exchange *x;   /* NULL: it was answered, or its client left */
    struct arena arena;
    struct principal who;
    char request_id[REQUEST_ID_MAX + 1];
    enum state state;
    struct mete_err why;
    struct cutter *cutter;
    struct piece *filling; /* NULL: nothing to fill it with was cut yet */
    struct piece *flying;  /* is decided; NULL: none */
    struct tally tally;
    size_t events_max;   /* of a piece */
    int64_t paced_until; /* by the steady clock: its key has had enough until then */
    bool resting;        /* nobody reads from its client */
};

struct intakes {
    struct desk *d;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct piece *landed;   /* newest first */
    struct intake *waiting; /* the one that waits longest first */
    struct intake **last;
    _Atomic bool stopping;
    bool stopped; /* the thread has ended */
    _Atomic unsigned open;
    _Atomic unsigned flying;
    _Atomic size_t bytes;
    _Atomic uint64_t events, waits;
};

static struct intake *intake_of(struct sink *s)
{
    return (struct intake *)((char *)s - offsetof(struct intake, sink));
}

/* --- holding, and waiting ----------------------------------------------------------------------*/

static void let_go(struct intake *in)
{
    if (atomic_fetch_sub(&in->holders, 1) > 1) {
        return;
    }
    METE_ASSERT(in->flying == NULL && in->x == NULL);
    if (in->filling != NULL) {
        atomic_fetch_sub(&in->all->bytes, in->filling->weight);
    }
    piece_free(in->filling);
    cutter_free(in->cutter);
    tally_clear(&in->tally);
    arena_clear(&in->arena);
    pthread_mutex_destroy(&in->lock);
    atomic_fetch_sub(&in->all->open, 1);
    free(in);
}

/** Has the thread look at it soon, wherever it is now. False: the thread has ended. */
static bool queue_put(struct intake *in)
{
    struct intakes *all = in->all;
    pthread_mutex_lock(&all->lock);
    bool there = !all->stopped;
    if (there && !in->queued) {
        in->queued = true;
        atomic_fetch_add(&in->holders, 1);
        in->next = NULL;
        *all->last = in;
        all->last = &in->next;
        pthread_cond_signal(&all->changed);
    }
    pthread_mutex_unlock(&all->lock);
    return there;
}

/** On the heartbeat's thread, or on whichever drains: under the lock of all places. */
static void place_tell(struct stream *s, enum stream_news news)
{
    struct intake *in = (struct intake *)s;
    switch (news) {
    case STREAM_BEAT:
        return;
    case STREAM_KEY_ENDED:
        in->key_ended = true;
        break;
    case STREAM_DRAIN:
        in->draining = true;
        break;
    }
    (void)queue_put(in);
}

/* --- the end -----------------------------------------------------------------------------------*/

/** Ends it unless it has ended: nothing more of it is read or put. */
static void break_off(struct intake *in, const struct mete_err *why)
{
    if (in->state == OPEN || in->state == WHOLE) {
        in->state = BROKEN;
        in->why = *why;
    }
}

static void piece_drop(struct intake *in, struct piece **p)
{
    if (*p != NULL) {
        atomic_fetch_sub(&in->all->bytes, (*p)->weight);
        piece_free(*p);
        *p = NULL;
    }
}

/** After this `x` is the server's. */
static void answer(struct intake *in)
{
    struct exchange *x = in->x;
    if (x == NULL) {
        return;
    }
    if (in->state == BROKEN) {
        tally_fail(&in->tally, x, &in->why);
    } else {
        tally_reply(&in->tally, x, cutter_is_plain(in->cutter));
    }
    in->x = NULL;
    streams_leave(&in->place);
    desk_stream_done(in->all->d, x);
}

/* --- going on ----------------------------------------------------------------------------------*/

/** The end of a piece, on the thread of whoever decided it: no more than a note. */
static void piece_note(struct exchange *x)
{
    struct piece *p = (struct piece *)x;
    struct intakes *all = ((struct intake *)p->owner)->all;
    pthread_mutex_lock(&all->lock);
    p->next = all->landed;
    all->landed = p;
    pthread_cond_signal(&all->changed);
    pthread_mutex_unlock(&all->lock);
}

static bool has_room(const struct intakes *all)
{
    return atomic_load(&all->bytes) < BYTES_MAX;
}

static bool is_full(const struct intake *in)
{
    const struct piece *p = in->filling;
    return p != NULL && (p->count >= in->events_max || p->x.body.len >= PIECE_BYTES);
}

/** Reads events out of what came. True: all that is there was read. */
static bool fill(struct intake *in)
{
    struct cutting c = {.line = 0};
    while (!is_full(in) && has_room(in->all) && steady_now() >= in->paced_until) {
        if (!cutter_next(in->cutter, &c)) {
            return true;
        }
        if (in->filling == NULL) {
            in->filling = piece_new(&in->who, in->request_id, piece_note);
            in->filling->owner = in;
        }
        size_t before = in->filling->weight;
        piece_add(in->filling, &c);
        atomic_fetch_add(&in->all->bytes, in->filling->weight - before);
    }
    return false;
}

/** May a piece be put now? Single requests go first: a stream can wait. */
static bool may_put(const struct intake *in)
{
    const struct intakes *all = in->all;
    return !all->stopping && steady_now() >= in->paced_until && desk_has_room(all->d);
}

static void put(struct intake *in)
{
    struct intakes *all = in->all;
    struct piece *p = in->filling;
    in->filling = NULL;
    in->flying = p;
    atomic_fetch_add(&in->holders, 1);
    atomic_fetch_add(&all->flying, 1);
    atomic_fetch_add(&all->events, p->count);
    in->paced_until = steady_now() + authority_charge(all->d->authority, &in->place.standing,
                                                      p->count, desk_now());
    desk_piece_put(all->d, &p->x);
}

/** Does what can be done now. True: it wants more bytes. */
static bool go(struct intake *in)
{
    bool wants = in->state != BROKEN && fill(in);
    while (in->flying == NULL && in->filling != NULL && in->state != BROKEN && may_put(in)) {
        put(in);
        wants = fill(in);
    }
    if (in->flying != NULL) {
        return wants && in->state == OPEN;
    }
    if (in->state == BROKEN) {
        piece_drop(in, &in->filling);
        answer(in);
        return true; /* and throws away what comes */
    }
    if (in->filling != NULL || !wants) {
        if (!queue_put(in)) {
            piece_drop(in, &in->filling);
        }
        return false;
    }
    if (in->state == WHOLE) {
        answer(in);
    }
    return in->state == OPEN;
}

/** Goes on, and has the client go on when it waits for that. */
static void go_on(struct intake *in)
{
    if (go(in) && in->resting && in->x != NULL && in->state == OPEN) {
        in->resting = false;
        server_go_on(in->x);
    }
}

/* --- pieces that come back ---------------------------------------------------------------------*/

/** Why a piece was not stored, as its answer says. */
static struct mete_err why_of(const struct exchange *x)
{
    struct mete_err err;
    enum mete_code code = METE_INTERNAL;
    if (x->code != NULL) {
        (void)mete_code_of(x->code, strlen(x->code), &code);
    }
    (void)mete_fail(&err, code, NULL,
                    "the events after those that are durable were not stored; send them again, "
                    "or all of them: what is stored is not stored twice");
    return err;
}

static void land(struct intake *in, struct piece *p)
{
    struct mete_err err;
    METE_ASSERT(in->flying == p);
    if (p->x.status != 200) {
        err = why_of(&p->x);
        if (in->x != NULL) {
            in->x->retry_after_s = p->x.retry_after_s;
        }
        break_off(in, &err);
    } else if (!tally_add(&in->tally, p)) {
        (void)mete_fail(&err, METE_INTERNAL, NULL,
                        "what became of the events after these is not known; send all again");
        break_off(in, &err);
    }
    if (in->state == LEFT && p->x.status != 200) {
        in->state = BROKEN;
    }
    piece_drop(in, &in->flying);
}

/* --- the thread --------------------------------------------------------------------------------*/

static void news_look(struct intake *in)
{
    struct mete_err err;
    if (in->key_ended) {
        (void)mete_fail(&err, METE_UNAUTHORIZED, NULL, "the key has ended");
        break_off(in, &err);
    } else if (in->draining && (in->state == OPEN || in->all->stopping)) {
        if (in->x != NULL) {
            in->x->retry_after_s = RETRY_S;
        }
        (void)mete_fail(&err, METE_OVERLOADED, NULL, "the server is shutting down");
        break_off(in, &err);
    }
    if (in->all->stopping && in->state == LEFT) {
        in->state = BROKEN;
    }
}

static void landed_look(struct intakes *all, struct piece *landed)
{
    while (landed != NULL) {
        struct piece *p = landed;
        struct intake *in = p->owner;
        landed = p->next;
        pthread_mutex_lock(&in->lock);
        land(in, p);
        go_on(in);
        pthread_mutex_unlock(&in->lock);
        let_go(in);
        atomic_fetch_sub(&all->flying, 1);
    }
}

static void waiting_look(struct intake *waiting)
{
    while (waiting != NULL) {
        struct intake *in = waiting;
        waiting = in->next;
        pthread_mutex_lock(&in->all->lock);
        in->queued = false;
        pthread_mutex_unlock(&in->all->lock);
        pthread_mutex_lock(&in->lock);
        news_look(in);
        go_on(in);
        pthread_mutex_unlock(&in->lock);
        let_go(in);
    }
}

/** Waits until there is something to do. Those in the queue have been looked at just now, so they
 *  have a moment; whatever comes back meanwhile may make room for them. */
static void pause_a_moment(struct intakes *all)
{
    const struct timespec until = steady_after(LOOK_MS);
    if (all->landed == NULL && all->waiting != NULL) {
        (void)pthread_cond_timedwait(&all->changed, &all->lock, &until);
    }
    while (all->landed == NULL && all->waiting == NULL && (!all->stopping || all->flying > 0)) {
        pthread_cond_wait(&all->changed, &all->lock);
    }
}

static void *work_on(void *arg)
{
    struct intakes *all = arg;
    pthread_mutex_lock(&all->lock);
    while (!all->stopping || all->landed != NULL || all->waiting != NULL || all->flying > 0) {
        struct piece *landed = all->landed;
        struct intake *waiting = all->waiting;
        all->landed = NULL;
        all->waiting = NULL;
        all->last = &all->waiting;
        pthread_mutex_unlock(&all->lock);
        landed_look(all, landed);
        waiting_look(waiting);
        pthread_mutex_lock(&all->lock);
        pause_a_moment(all);
    }
    all->stopped = true;
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

/* --- bytes that come ---------------------------------------------------------------------------*/

/** Only so much memory for events whose end has not come. */
static void hold(struct intake *in)
{
    struct mete_err err;
    if (in->x != NULL && !server_hold(in->x, cutter_pending(in->cutter))) {
        (void)mete_fail(&err, METE_OVERLOADED, NULL,
                        "the bodies of other requests fill the memory for bodies");
        break_off(in, &err);
        (void)go(in);
    }
}

static bool sink_take(struct sink *s, struct bytes part)
{
    struct intake *in = intake_of(s);
    bool wants = true;
    pthread_mutex_lock(&in->lock);
    if (in->state == OPEN) {
        cutter_push(in->cutter, part, false);
        if (in->x->received > RESULTS_MAX) {
            tally_too_long(&in->tally);
        }
        wants = go(in);
        hold(in);
        wants = wants || in->state != OPEN;
    }
    in->resting = !wants;
    atomic_fetch_add(&in->all->waits, !wants);
    pthread_mutex_unlock(&in->lock);
    return wants;
}

static void sink_end(struct sink *s)
{
    struct intake *in = intake_of(s);
    pthread_mutex_lock(&in->lock);
    if (in->state == OPEN) {
        in->x->began_clock = steady_now(); /* from here on its client waits for us */
        cutter_push(in->cutter, (struct bytes){0}, true);
        in->state = WHOLE;
        (void)go(in);
    }
    pthread_mutex_unlock(&in->lock);
}

static void sink_gone(struct sink *s)
{
    struct intake *in = intake_of(s);
    struct mete_err err;
    pthread_mutex_lock(&in->lock);
    if (in->x != NULL) {
        (void)mete_fail(&err, METE_REQUEST_INVALID, NULL, "the client left");
        tally_fail(&in->tally, in->x, &err);
        streams_leave(&in->place);
        desk_stream_gone(in->all->d, in->x);
        in->x = NULL;
    }
    if (in->state == OPEN || in->state == WHOLE) {
        in->state = LEFT;
        (void)go(in);
    }
    pthread_mutex_unlock(&in->lock);
    let_go(in);
}

/* --- for the desk ------------------------------------------------------------------------------*/

static bool is_ndjson(const struct exchange *x)
{
    static const char *const types[] = {TYPE_NDJSON, "application/ndjson"};
    struct text type = exchange_header(x, "Content-Type");
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        size_t len = strlen(types[i]);
        if (type.len >= len && strncasecmp(type.p, types[i], len) == 0 &&
            (type.len == len || strchr("; \t", type.p[len]) != NULL)) {
            return true;
        }
    }
    return false;
}

static bool wants_lines(const struct exchange *x)
{
    static const char *const offer[] = {TYPE_JSON, TYPE_NDJSON, NULL};
    return accept_pick(x, offer) == 1;
}

bool intake_wants(const struct exchange *x, size_t declared)
{
    static const char *const whole[] = {"Idempotency-Key", "Content-Digest", "Signature-Input"};
    if (!route_is(x, ROUTE_ENDLESS) || !is_ndjson(x) || exchange_query_flag(x, "dry_run")) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
        if (exchange_header(x, whole[i]).p != NULL) {
            return false; /* about the body as a whole */
        }
    }
    return declared > DECLARED_MAX || wants_lines(x);
}

/** A copy that lives as long as the stream's pieces. */
static void who_copy(struct intake *in, const struct principal *who)
{
    struct arena *a = &in->arena;
    in->who = *who;
    in->who.key_id = arena_text(a, who->key_id);
    in->who.book = arena_text(a, text_of(who->book)).p;
    in->who.party = arena_text(a, who->party);
    in->who.producer = arena_text(a, who->producer);
    in->who.service = arena_text(a, who->service);
    in->who.request = NULL;
}

static struct intake *intake_new(struct intakes *all, struct exchange *x)
{
    struct intake *in = calloc(1, sizeof *in);
    METE_ASSERT(in != NULL);
    *in = (struct intake){.place = {.kind = STREAM_LIVE, .tell = place_tell},
                          .sink = {sink_take, sink_end, sink_gone},
                          .all = all,
                          .holders = 1,
                          .events_max = PIECE_EVENTS};
    METE_ASSERT(pthread_mutex_init(&in->lock, NULL) == 0);
    arena_init(&in->arena, ARENA_MAX);
    who_copy(in, x->who);
    memcpy(in->request_id, x->request_id, sizeof in->request_id);
    if (x->who->limit > 0 && x->who->limit < PIECE_EVENTS) {
        in->events_max = x->who->limit; /* else it would wait for long after one piece */
    }
    in->cutter = cutter_new();
    tally_init(&in->tally, wants_lines(x));
    atomic_fetch_add(&all->open, 1);
    return in;
}

enum mete_code intake_begin(struct intakes *all, struct exchange *x, struct mete_err *err)
{
    if (!has_room(all) || !desk_has_room(all->d)) {
        return mete_fail(err, METE_OVERLOADED, NULL, "too much is waiting already");
    }
    struct intake *in = intake_new(all, x);
    in->x = x;
    enum mete_code code = streams_enter(all->d->streams, &in->place, x, x->route->scope, err);
    if (code != METE_OK) {
        in->x = NULL;
        let_go(in);
        return code;
    }
    x->sink = &in->sink;
    return METE_OK;
}

void intakes_start(struct intakes **out, struct desk *d)
{
    struct intakes *all = calloc(1, sizeof *all);
    METE_ASSERT(all != NULL);
    all->d = d;
    all->last = &all->waiting;
    METE_ASSERT(pthread_mutex_init(&all->lock, NULL) == 0);
    steady_cond_init(&all->changed);
    METE_ASSERT(pthread_create(&all->thread, NULL, work_on, all) == 0);
    *out = all;
}

void intakes_stop(struct intakes *all)
{
    if (all == NULL) {
        return;
    }
    pthread_mutex_lock(&all->lock);
    all->stopping = true;
    pthread_cond_signal(&all->changed);
    pthread_mutex_unlock(&all->lock);
    pthread_join(all->thread, NULL);
}

void intakes_free(struct intakes *all)
{
    if (all == NULL) {
        return;
    }
    METE_ASSERT(all->open == 0);
    pthread_cond_destroy(&all->changed);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

void intakes_stats(struct intakes *all, struct intakes_stats *out)
{
    *out = (struct intakes_stats){.open = all->open,
                                  .bytes = all->bytes,
                                  .bytes_max = BYTES_MAX,
                                  .events = all->events,
                                  .waits = all->waits};
}
