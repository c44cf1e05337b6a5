/* SPDX-License-Identifier: Apache-2.0
 * A request's way: an id, its row, who asks, its size, the first half of its handler here, the
 * second where the row says, one log line. Invariant: every path ends in exactly one finish(). */
#include "http/desk.h"
#include "store/wall.h"

#include "base/text.h"
#include "crypto/seal.h"
#include "engine/payout_claim.h"
#include "http/clerk.h"
#include "http/custom_metrics.h"
#include "http/descriptors.h"
#include "http/facilitator/facilitator.h"
#include "http/federation.h"
#include "http/feed.h"
#include "http/follow.h"
#include "http/idempotency.h"
#include "http/insights.h"
#include "http/intake.h"
#include "http/lines.h"
#include "http/log_pages.h"
#include "http/mcp/mcp.h"
#include "http/payday.h"
#include "http/payout_worker.h"
#include "http/piece.h"
#include "http/pump.h"
#include "http/query_args.h"
#include "http/refresh.h"
#include "http/relay_key.h"
#include "http/reply.h"
#include "http/request_line.h"
#include "http/routes.h"
#include "http/snapshots.h"
#include "http/streams.h"
#include "http/workers.h"
#include "store/steady.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ERRANDS      4 /* threads */
#define SNAPSHOTS    4 /* that rest between two uses */
#define LONG_ANSWERS 16u
#define HEARTBEAT_S  15u
#define SHORT_ROWS   1024u /* of the log, that one reading may have of the keeper's time */
#define BODY_LIGHT   ((size_t)4 << 10)
#define WEIGHT_MAX   ((size_t)12 << 20)
#define BODY_UNKNOWN ((size_t)64 << 10) /* of a request that has no route, or no key for it */

mete_time desk_now(void)
{
    return wall_now();
}

/* --- the end -----------------------------------------------------------------------------------*/

static void limit_header(struct exchange *x, const char *name, unsigned value)
{
    reply_header(x, name, arena_printf(&x->arena, "%u", value));
}

/** The end of one that another process asks for: the answer goes back by the relay. */
static void finish_relayed(struct desk *d, struct exchange *x, enum mete_code code)
{
    if (x->release != NULL) {
        x->release(x);
    }
    atomic_fetch_sub(&d->busy, 1);
    relay_end(d->relay, x, code);
}

/** All but handing it over. */
static void finish_here(struct desk *d, struct exchange *x)
{
    if (x->status == 0) { /* a handler that says nothing is a defect of ours, not the client's */
        reply_fail(x, METE_INTERNAL, NULL, "the handler gave no answer");
    }
    if (x->release != NULL) {
        x->release(x);
        x->release = NULL;
    }
    if (x->is_line) {
        buf_put_u8(&x->out, '\n');
    }
    idempotency_end(d->idempotency, x);
    if (x->who != NULL && x->who->limit > 0) {
        limit_header(x, "RateLimit-Limit", x->who->limit);
        limit_header(x, "RateLimit-Remaining", x->who->remaining);
        limit_header(x, "RateLimit-Reset", x->who->reset_s);
    }
    reply_header(x, "X-Request-Id", text_of(x->request_id));
    answers_add(d->answers, x, steady_now() - x->began_clock);
    atomic_fetch_sub(&d->weight, x->weight);
    atomic_fetch_sub(&d->busy, 1);
}

static void finish(struct desk *d, struct exchange *x)
{
    if (x->ended != NULL && x->route == &PIECE_ROUTE) {
        atomic_fetch_sub(&d->busy, 1);
        x->ended(x);
    } else if (x->ended != NULL) {
        finish_here(d, x);
        x->ended(x);
    } else if (x->relayed != NULL) {
        finish_relayed(d, x, METE_OK);
    } else {
        finish_here(d, x);
        server_done(x);
    }
}

/* --- the second half, elsewhere ----------------------------------------------------------------*/

struct task {
    struct work work; /* first: it leads back */
    struct desk *d;
    struct exchange *x;
    route_handler *errand; /* what comes before the handler, among the errands; NULL: nothing */
    bool away;             /* another process has the book */
    bool apart;            /* so it is read from a snapshot here */
};

/** A reading that the keeper is not to be held up by ends where it gets long, and is done again
 *  apart. What the store failed in is no answer, whatever the handler made of it. */
static void read_book(struct task *t, struct engine *e)
{
    struct exchange *x = t->x;
    struct mete_err err;
    bool bounded = x->route->place == PLACE_READ && !t->apart;
    engine_reading_begin(e, bounded ? SHORT_ROWS : UINT64_MAX);
    x->route->handle(t->d, e, x);
    enum reading_end r = engine_reading_end(e, &err);
    if (r != READING_GOOD) {
        reply_void(x);
    }
    if (r == READING_FAILED) {
        reply_problem(x, &err);
    }
    t->away = r == READING_LONG; /* see task_send_away */
}

static void handle(struct task *t, struct engine *e)
{
    struct exchange *x = t->x;
    if (!t->work.writes && e != NULL) {
        read_book(t, e);
    } else if (x->relayed == NULL || t->work.alone) {
        x->route->handle(t->d, e, x);
    } else if (relay_claim(x, e)) {
        x->route->handle(t->d, e, x);
        relay_decided(t->d->relay, x, e);
    }
}

static void task_run(struct work *w, struct engine *e, const struct mete_err *err)
{
    struct task *t = (struct task *)w;
    if (t->errand != NULL) {
        t->errand(t->d, e, t->x);
    } else if (e != NULL || w->book == NULL) {
        handle(t, e);
    } else if (err->code == METE_STORE_BUSY && t->d->relay != NULL && !t->apart) {
        t->away = true;
        relay_note_away(t->d->relay, w->book);
    } else if (err->code == METE_STORE_MISSING && route_is(t->x, ROUTE_NO_BOOK)) {
        t->x->route->handle(t->d, NULL, t->x);
    } else {
        reply_problem(t->x, err);
    }
}

static void task_put(struct task *t)
{
    struct desk *d = t->d;
    enum place place = t->x->route->place;
    bool apart = t->apart || place == PLACE_APART || place == PLACE_ASIDE;
    bool taken = t->errand != NULL ? workers_put(d->errands, &t->work)
                 : apart           ? workers_put(d->workers, &t->work)
                                   : keeper_put(d->keeper, &t->work);
    if (!taken) {
        reply_fail(t->x, METE_OVERLOADED, NULL, "too much is waiting already");
        finish(t->d, t->x);
    }
}

/** What writes is decided by the process that has the book; what reads is read here, as it stands
 * at the last commit. */
static void task_send_away(struct task *t)
{
    t->away = false;
    if (t->x->relayed != NULL) { /* the book has changed hands: its new process finds it */
        finish_relayed(t->d, t->x, METE_STORE_BUSY);
    } else if (!t->work.writes) {
        t->apart = true;
        task_put(t);
    } else if (!relay_put(t->d->relay, t->x, t->work.alone)) {
        reply_fail(t->x, METE_OVERLOADED, NULL, "too much is waiting already");
        finish(t->d, t->x);
    }
}

static void task_done(struct work *w, enum mete_code code, const struct mete_err *err)
{
    struct task *t = (struct task *)w;
    if (code == METE_STORE_BUSY && t->d->relay != NULL) { /* its group was refused as a whole */
        t->away = true;
    } else if (code != METE_OK) {
        t->x->reply_count = 0;
        reply_problem(t->x, err);
    }
    if (t->away) {
        task_send_away(t);
        return;
    }
    if (t->errand != NULL && t->x->status == 0) {
        t->errand = NULL;
        task_put(t);
        return;
    }
    if (w->writes && !w->alone && t->x->status < 300) {
        follow_news(t->d->follow);
    }
    if (t->x->relayed != NULL) {
        finish_relayed(t->d, t->x, code);
    } else {
        finish(t->d, t->x);
    }
}

static void elsewhere(struct desk *d, struct exchange *x)
{
    struct task *t = arena_alloc(&x->arena, sizeof *t);
    enum place place = x->route->place;
    bool writes = place == PLACE_WRITE;
    *t = (struct task){.work = {.book = place == PLACE_ASIDE ? NULL : x->who->book,
                                .writes = writes,
                                .create_book = d->o.create && strcmp(x->who->book, d->o.book) == 0,
                                .alone = writes && exchange_query_flag(x, "dry_run"),
                                .may_wait = insights_is_report(x),
                                .run = task_run,
                                .done = task_done},
                       .d = d,
                       .x = x,
                       .errand = writes ? federation_errand(d, x) : NULL};
    bool keepers = writes || place == PLACE_BOOK || place == PLACE_READ;
    if (keepers && d->relay != NULL && relay_is_away(d->relay, x->who->book)) {
        task_send_away(t);
    } else {
        task_put(t);
    }
}

/* --- the first half ----------------------------------------------------------------------------*/

/** What a path answers to is no secret: it stands in the OpenAPI document. Other origins are not
 *  told that their pages may ask (CORS): they may not. */
static void options_answer(struct exchange *x, struct text allow)
{
    reply_body(x, 204, NULL, (struct text){0});
    reply_header(x, "Allow", allow);
}

static bool route(struct desk *d, struct exchange *x)
{
    struct text allow;
    bool asks = text_is(x->method, "OPTIONS");
    if (asks && text_is(x->path, "*")) { /* of the server as a whole */
        options_answer(x, TEXT("GET, HEAD, POST, OPTIONS"));
        return false;
    }
    switch (route_find(x, d->o.roles, &allow)) {
    case ROUTE_FOUND:
        return true;
    case ROUTE_METHOD:
        if (asks) {
            options_answer(x, allow);
            return false;
        }
        reply_fail(x, METE_METHOD, NULL, "this path answers to %.*s", (int)allow.len, allow.p);
        reply_header(x, "Allow", allow);
        return false;
    case ROUTE_BROKEN:
        reply_fail(x, METE_REQUEST_INVALID, NULL, "the path has a broken escape or is no UTF-8");
        return false;
    case ROUTE_NONE:
        break;
    }
    reply_fail(x, METE_ROUTE_UNKNOWN, NULL,
               "there is no such path; GET /openapi.json describes those that there are");
    return false;
}

/** A body of small events takes some forty times its size when it is read. So only so many large
 *  ones are at work together; one alone always is. */
static bool weigh(struct desk *d, struct exchange *x)
{
    size_t weight = x->body.len > BODY_LIGHT ? x->body.len : 0;
    size_t others = atomic_fetch_add(&d->weight, weight);
    if (weight > 0 && others > 0 && others + weight > WEIGHT_MAX) {
        atomic_fetch_sub(&d->weight, weight);
        reply_fail(x, METE_OVERLOADED, NULL, "other large bodies are at work");
        return false;
    }
    x->weight = weight;
    return true;
}

/** Who asks, and may he? Of a request that another one makes it is known who asks. */
static bool ask(struct desk *d, struct exchange *x)
{
    struct mete_err err;
    if (route_is(x, ROUTE_OF_SITE) && !mcp_origin_may(d, x)) {
        reply_fail(x, METE_ORIGIN, NULL, "pages of another site may not ask here (Origin)");
        return false;
    }
    enum mete_code code = x->who != NULL
                              ? principal_check(x->who, x->route->scope, &err)
                              : authority_ask(d->authority, x, x->route->scope, x->began_at, &err);
    if (code != METE_OK) {
        reply_problem(x, &err);
        if (err.code == METE_UNAUTHORIZED) {
            reply_header(x, "WWW-Authenticate", text_of("Bearer"));
        }
        return false;
    }
    if (route_is(x, ROUTE_REAL)) {
        return arg_rehearsal_is_none(x);
    }
    return x->route->place != PLACE_WRITE || arg_rehearsal_is_clear(x);
}

static bool admit(struct desk *d, struct exchange *x)
{
    struct mete_err err;
    if (!ask(d, x)) {
        return false;
    }
    if (x->body.len > x->route->body_max) {
        reply_fail(x, METE_BODY_TOO_LARGE, NULL, "at most %zu bytes here", x->route->body_max);
        return false;
    }
    if (!weigh(d, x)) {
        return false;
    }
    if (idempotency_begin(d->idempotency, x, &err) != METE_OK) {
        reply_problem(x, &err);
    }
    return x->status == 0;
}

/** May whoever sends this head send the body that its route takes? */
static bool may_be_large(const struct desk *d, const struct exchange *x)
{
    const struct standing s = authority_standing(x, x->route->scope);
    return x->route->body_max <= BODY_UNKNOWN || authority_stands(d->authority, &s, desk_now());
}

static void turn_away(const struct desk *d, struct exchange *x, enum mete_code code)
{
    if (code == METE_BODY_TOO_LARGE && x->route != NULL && !may_be_large(d, x)) {
        reply_fail(x, METE_UNAUTHORIZED, NULL,
                   "more than %zu bytes are read from who has a key for this alone", BODY_UNKNOWN);
        reply_header(x, "WWW-Authenticate", text_of("Bearer"));
        return;
    }
    if (code == METE_BODY_TOO_LARGE) {
        bool events = route_is(x, ROUTE_ENDLESS);
        reply_fail(x, code, NULL, "at most %zu bytes here%s",
                   x->route != NULL ? x->route->body_max : BODY_UNKNOWN,
                   events ? "; application/x-ndjson may be of any length, but not with dry_run, "
                            "Idempotency-Key, Content-Digest or Signature-Input"
                          : "");
        return;
    }
    const char *why =
        code == METE_UNAUTHORIZED ? "this server asks for a client certificate"
        : code == METE_OVERLOADED
            ? "the bodies of other requests fill the memory for bodies"
            : "a header, the length or the query cannot be read, or could be read in two ways";
    reply_fail(x, code, NULL, "%s", why);
}

size_t desk_limit(void *desk, struct exchange *x)
{
    const struct desk *d = desk;
    struct text allow;
    bool large = route_find(x, d->o.roles, &allow) == ROUTE_FOUND && may_be_large(d, x);
    return large ? x->route->body_max : BODY_UNKNOWN;
}

static void came(struct desk *d, struct exchange *x)
{
    x->began_at = desk_now();
    x->began_clock = steady_now();
    atomic_fetch_add(&d->busy, 1);
    request_id_set(x);
    request_line_came(d, x);
}

void desk_begin(void *desk, struct exchange *x, size_t declared)
{
    struct desk *d = desk;
    struct mete_err err;
    if (!intake_wants(x, declared)) {
        return;
    }
    came(d, x);
    if (ask(d, x) && intake_begin(d->intakes, x, &err) != METE_OK) {
        reply_problem(x, &err);
    }
    if (x->sink == NULL) {
        finish(d, x);
    }
}

void desk_piece_put(struct desk *d, struct exchange *x)
{
    atomic_fetch_add(&d->busy, 1);
    elsewhere(d, x);
}

bool desk_has_room(const struct desk *d)
{
    struct keeper_stats s;
    keeper_stats(d->keeper, &s);
    return s.queued < s.queue_max / 2;
}

void desk_stream_done(struct desk *d, struct exchange *x)
{
    finish(d, x);
}

void desk_stream_gone(struct desk *d, struct exchange *x)
{
    finish_here(d, x);
}

/** Finds the row of a request, lets it in, and has it answered. */
static void proceed(struct desk *d, struct exchange *x)
{
    bool goes_on = route(d, x) && admit(d, x);
    if (goes_on && x->route->prepare != NULL) {
        x->route->prepare(d, NULL, x);
    }
    if (!goes_on || x->status != 0) {
        finish(d, x);
    } else if (x->route->place == PLACE_HERE) {
        x->route->handle(d, NULL, x);
        finish(d, x);
    } else if (x->route->place == PLACE_LATER) {
        x->route->handle(d, NULL, x);
    } else {
        elsewhere(d, x);
    }
}

void desk_handle(void *desk, struct exchange *x, enum mete_code turned_away)
{
    struct desk *d = desk;
    came(d, x);
    if (turned_away != METE_OK) {
        turn_away(d, x, turned_away);
        finish(d, x);
    } else {
        proceed(d, x);
    }
}

void desk_ask(struct desk *d, struct exchange *x)
{
    METE_ASSERT(x->who != NULL && x->ended != NULL);
    x->began_at = desk_now();
    x->began_clock = steady_now();
    atomic_fetch_add(&d->busy, 1);
    proceed(d, x);
}

/* --- by way of other processes -----------------------------------------------------------------*/

static void relayed_answered(void *ctx, struct exchange *x)
{
    finish(ctx, x);
}

/** Who asks was judged by the process that the request reached; the rest of its way is as usual. */
static void relayed_arrived(void *ctx, struct exchange *x)
{
    struct desk *d = ctx;
    struct text allow;
    x->began_at = desk_now();
    x->began_clock = steady_now();
    x->who->signatures = authority_signatures(d->authority);
    atomic_fetch_add(&d->busy, 1);
    bool found = piece_route_find(x) || route_find(x, ROLE_ALL, &allow) == ROUTE_FOUND;
    if (!found || x->route->place != PLACE_WRITE) {
        reply_fail(x, METE_ROUTE_UNKNOWN, NULL, "the process that has the book knows no such path");
    } else if (x->route->prepare != NULL) {
        x->route->prepare(d, NULL, x);
    }
    if (x->status == 0) {
        elsewhere(d, x);
    } else {
        finish(d, x);
    }
}

static void relayed_beat(void *ctx)
{
    log_pages_news(((struct desk *)ctx)->log_pages, NULL);
}

static enum mete_code relay_open(struct desk *d, struct mete_err *err)
{
    struct relay_options o = {.store = d->o.store,
                              .node = d->node,
                              .ctx = d,
                              .answered = relayed_answered,
                              .arrived = relayed_arrived,
                              .beat = relayed_beat};
    enum mete_code code = relay_key_read(d->o.store, d->o.book, o.key, err);
    if (code == METE_OK) {
        relay_start(&d->relay, &o);
    }
    secret_wipe(o.key, sizeof o.key);
    return code;
}

/* --- opening and closing -----------------------------------------------------------------------*/

struct opening {
    struct work work; /* first: it leads back */
    struct mete_err err;
    _Atomic bool over;
};

static void opening_run(struct work *w, struct engine *e, const struct mete_err *err)
{
    struct opening *o = (struct opening *)w;
    o->err = e == NULL ? *err : (struct mete_err){.code = METE_OK};
}

static void opening_done(struct work *w, enum mete_code code, const struct mete_err *err)
{
    (void)code;
    (void)err;
    atomic_store(&((struct opening *)w)->over, true);
}

/** Opens the book, and makes it: long readings, which cannot make one, come only after this. */
static enum mete_code book_open_first(struct desk *d, struct mete_err *err)
{
    const struct timespec step = {.tv_nsec = 1000000};
    struct opening o = {.work = {.book = d->o.book,
                                 .create_book = d->o.create,
                                 .run = opening_run,
                                 .done = opening_done}};
    METE_ASSERT(keeper_put(d->keeper, &o.work)); /* its queue is empty */
    while (!atomic_load(&o.over)) {
        nanosleep(&step, NULL);
    }
    *err = o.err;
    return o.err.code;
}

static struct authority_options authority_of(const struct desk_options *o)
{
    return (struct authority_options){.store = o->store,
                                      .book = o->book,
                                      .admin_key = o->admin_key,
                                      .loopback = o->loopback,
                                      .rate = o->rate,
                                      .burst = o->burst != 0 ? o->burst : 2 * o->rate,
                                      .replay_window_s = o->replay_window_s};
}

static void committed(void *desk, const char *book)
{
    const struct desk *d = desk;
    if (d->log_pages != NULL) {
        log_pages_news(d->log_pages, book);
    }
}

/** What answers that go on for long need. An eighth of the connections is left for others. */
static enum mete_code streams_open(struct desk *d, struct mete_err *err)
{
    const struct log_pages_options po = {.store = d->o.store,
                                         .render = feed_row_event,
                                         .follow = feed_follows,
                                         .resume = feed_resume,
                                         .ctx = d};
    unsigned connections = server_connections_max(&d->o.server);
    unsigned live = d->o.streams != 0 ? d->o.streams : connections / 2;
    unsigned most = connections - (connections + 7) / 8;
    live = live < most ? live : most;
    const struct streams_options so = {
        .authority = d->authority,
        .live_max = live,
        .long_max = LONG_ANSWERS,
        .per_key_max = d->o.streams_per_key != 0 ? d->o.streams_per_key : (live + 3) / 4,
        .beat_s = d->o.heartbeat_s != 0 ? d->o.heartbeat_s : HEARTBEAT_S};
    streams_start(&d->streams, &so);
    d->pumps = pumps_new();
    intakes_start(&d->intakes, d);
    return log_pages_start(&d->log_pages, &po, err);
}

static void facilitator_open(struct desk *d)
{
    const struct facilitator_options o = {.nets = d->o.nets,
                                          .is_public = d->o.facilitator_public,
                                          .rate = d->o.facilitator_rate,
                                          .refuses_repeats = d->o.refuses_repeats,
                                          .wait_s = d->o.settle_wait_s,
                                          .replace_s = d->o.replace_after_s};
    facilitator_start(&d->facilitator, d, &o);
    d->x402_signer = facilitator_signs(d->facilitator);
}

static enum mete_code parts_open(struct desk *d, struct mete_err *err)
{
    const struct keeper_options ko = {.store = d->o.store,
                                      .node = d->node,
                                      .create_store = d->o.create,
                                      .cache_size = d->o.cache_size,
                                      .committed = committed,
                                      .ctx = d,
                                      .metrics = d->o.metrics};
    bool remote = store_is_remote(d->o.store);
    enum mete_code code = keeper_start(&d->keeper, &ko, err);
    code = code == METE_OK ? book_open_first(d, err) : code;
    if (code != METE_OK && !(remote && code == METE_STORE_BUSY)) { /* another process has it */
        return code;
    }
    const struct authority_options ao = authority_of(&d->o);
    code = authority_open(&d->authority, &ao, err);
    if (code == METE_OK) {
        code = streams_open(d, err);
    }
    if (code == METE_OK) {
        d->snapshots = snapshots_new(d->o.store, SNAPSHOTS, 0);
        workers_start(&d->workers, d->snapshots, d->o.workers);
        workers_start(&d->errands, d->snapshots, ERRANDS);
        follow_start(&d->follow, d);
        refresh_start(&d->refresh, d);
        clerk_start(&d->clerk, d);
        insights_start(&d->insights, d);
        facilitator_open(d);
        code = remote ? relay_open(d, err) : METE_OK; /* requests arrive from now on */
    }
    if (code == METE_OK) {
        payday_start(&d->payday, d); /* it asks the relay */
        facilitator_begin(d->facilitator);
        code = server_start(&d->server, &d->o.server, err);
    }
    if (code == METE_OK && d->o.rails > 0 && (d->o.roles & ROLE_WORKER) != 0) {
        payout_worker_start(&d->payouts, d, d->o.rail, d->o.rails);
    }
    return code;
}

/** No more connections than there can be open files, so that the store has its own. */
static void connections_bound(struct desk *d)
{
    unsigned wanted = server_connections_max(&d->o.server);
    unsigned most = descriptors_for(wanted);
    d->o.server.connections_max = most;
    if (most < wanted) {
        desk_say(d, "%u connections instead of %u: the system allows no more open files", most,
                 wanted);
    }
}

enum mete_code desk_open(struct desk **out, const struct desk_options *o, struct mete_err *err)
{
    struct desk *d = calloc(1, sizeof *d);
    METE_ASSERT(d != NULL);
    d->o = *o;
    d->log = o->log;
    d->log_level = o->log_level;
    d->o.roles = o->roles != 0 ? o->roles : ROLE_ALL;
    d->o.server.handle = desk_handle;
    d->o.server.limit = desk_limit;
    d->o.server.begin = desk_begin;
    d->o.server.log = request_line_end;
    d->o.server.ctx = d;
    d->started_at = desk_now();
    store_node_name(d->node);
    d->answers = answers_new();
    d->idempotency = idempotency_new();
    d->leases = payout_leases_new();
    d->lines = lines_open(STDERR_FILENO);
    peers_open(&d->peers, &o->peers);
    connections_bound(d);
    enum mete_code code = parts_open(d, err);
    if (code != METE_OK) {
        desk_close(d);
        return code;
    }
    *out = d;
    return METE_OK;
}

void desk_adjust(struct desk *d, const struct desk_options *o)
{
    const struct authority_options ao = authority_of(o);
    authority_adjust(d->authority, &ao);
    peers_key_set(d->peers, o->peers.key);
    atomic_store(&d->log, o->log);
    atomic_store(&d->log_level, o->log_level);
}

void desk_quiesce(struct desk *d)
{
    atomic_store(&d->state, DESK_DRAINING);
    payout_worker_quiesce(d->payouts);
    facilitator_quiesce(d->facilitator);
    server_quiesce(d->server);
    streams_drain(d->streams);
}

bool desk_is_drained(const struct desk *d)
{
    return atomic_load(&d->busy) == 0 && server_busy(d->server) == 0;
}

/** In this order: when the server is stopped, nothing may still hold an exchange. A request that is
 *  complete only now still gets an answer: that nobody takes work any more. */
void desk_close(struct desk *d)
{
    if (d->streams != NULL) {
        streams_drain(d->streams);
    }
    payout_worker_stop(d->payouts);
    facilitator_stop(d->facilitator);
    follow_stop(d->follow);
    relay_stop(d->relay);
    refresh_stop(d->refresh);
    clerk_stop(d->clerk);
    insights_stop(d->insights);
    payday_stop(d->payday);
    workers_stop(d->errands);
    workers_stop(d->workers);
    keeper_stop(d->keeper);
    intakes_stop(d->intakes);
    streams_stop(d->streams);
    log_pages_stop(d->log_pages);
    server_stop(d->server);
    intakes_free(d->intakes);
    insights_free(d->insights);
    payday_free(d->payday);
    pumps_free(d->pumps);
    log_pages_free(d->log_pages);
    streams_free(d->streams);
    follow_free(d->follow);
    refresh_free(d->refresh);
    clerk_free(d->clerk);
    workers_free(d->errands);
    workers_free(d->workers);
    snapshots_free(d->snapshots);
    relay_free(d->relay);
    authority_close(d->authority);
    keeper_free(d->keeper);
    custom_metrics_free(d->o.metrics);
    idempotency_free(d->idempotency);
    payout_leases_free(d->leases);
    peers_close(d->peers);
    answers_free(d->answers);
    lines_close(d->lines);
    free(d);
}
