/* SPDX-License-Identifier: Apache-2.0
 * One thread, one worker for each book, in turn. A book where nothing is due is asked less and
 * less often, so that many books cost little. */
#include "http/payout_worker.h"

#include "base/text.h"
#include "crypto/seal.h"
#include "http/router.h"
#include "store/steady.h"
#include "store/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BOOKS_LOOK (60 * TIME_SECOND_US) /* between looks for books that are new in the store */
#define IDLE_FIRST (TIME_SECOND_US / 2)
#define IDLE_MOST  (8 * TIME_SECOND_US)
#define IDLE_OWN   TIME_SECOND_US /* of the server's own book */
#define NAMES_MAX  ((size_t)16 << 20)

/* A question on its way through the desk. */
struct asked {
    struct exchange x; /* first: it leads back */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool over;
};

struct book_worker {
    struct book_worker *next;
    struct payout_worker *p;
    char *book;
    struct worker *worker;
    int64_t due; /* when it is asked next: steady_now */
    mete_time idle;
    bool failing; /* and this has been said */
};

struct payout_worker {
    struct desk *d;
    struct worker_rail rail[WORKER_RAILS_MAX];
    size_t rails;
    struct book_worker *book;
    int64_t books_due; /* steady_now */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    struct worker_counts counts; /* under the lock: as of the end of the last round */
};

/* --- the port ----------------------------------------------------------------------------------*/

static void asked_ended(struct exchange *x)
{
    struct asked *a = (struct asked *)x;
    pthread_mutex_lock(&a->lock);
    a->over = true;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

static void asked_wait(struct asked *a)
{
    pthread_mutex_lock(&a->lock);
    while (!a->over) {
        pthread_cond_wait(&a->changed, &a->lock);
    }
    pthread_mutex_unlock(&a->lock);
}

static void exchange_fill(struct exchange *x, const struct book_worker *b, const char *path,
                          struct text body)
{
    exchange_init(x);
    x->method = TEXT("POST");
    x->path = x->target = text_of(path);
    buf_put_text(&x->body, body);
    x->who = arena_alloc(&x->arena, sizeof *x->who);
    *x->who = (struct principal){.book = b->book,
                                 .scopes = UINT32_C(1) << SCOPE_PAYOUT_WORK,
                                 .signatures = authority_signatures(b->p->d->authority)};
    memcpy(x->request_id, "worker", sizeof "worker");
    x->began_at = desk_now();
    x->began_clock = steady_now();
    x->ended = asked_ended;
}

/** A worker's port: what a client with a key of the scope payout:work would be answered. */
static unsigned port_ask(void *ctx, const char *path, struct text body, struct buf *answer)
{
    struct book_worker *b = ctx;
    struct asked a = {.over = false};
    struct text unused;
    pthread_mutex_init(&a.lock, NULL);
    pthread_cond_init(&a.changed, NULL);
    exchange_fill(&a.x, b, path, body);
    METE_ASSERT(route_find(&a.x, ROLE_ALL, &unused) == ROUTE_FOUND);
    a.x.route->prepare(b->p->d, NULL, &a.x);
    if (a.x.status == 0) {
        desk_piece_put(b->p->d, &a.x);
        asked_wait(&a);
    }
    unsigned status = a.x.status;
    buf_put_text(answer, buf_text(&a.x.out));
    if (a.x.release != NULL) {
        a.x.release(&a.x);
    }
    secret_wipe(a.x.out.p, a.x.out.cap);
    secret_wipe(a.x.body.p, a.x.body.cap);
    arena_wipe(&a.x.arena);
    exchange_clear(&a.x);
    pthread_cond_destroy(&a.changed);
    pthread_mutex_destroy(&a.lock);
    return status;
}

/* --- books -------------------------------------------------------------------------------------*/

/** Without the party: who reads the log of the machine need not know who earns what. */
static void ended_say(void *ctx, const struct worker_ended *e)
{
    struct book_worker *b = ctx;
    desk_say(b->p->d, "payout %.*s of book %s: %.*s over %s: %s%s%.*s", (int)e->transfer_id.len,
             e->transfer_id.p, b->book, (int)e->amount.len, e->amount.p, e->rail, e->step,
             e->reason.len > 0 ? ": " : "", (int)e->reason.len, e->reason.p);
}

static mete_time clock_now(void *ctx)
{
    (void)ctx;
    return desk_now();
}

static void book_begin(struct payout_worker *p, const char *name)
{
    for (const struct book_worker *b = p->book; b != NULL; b = b->next) {
        if (strcmp(b->book, name) == 0) {
            return;
        }
    }
    struct book_worker *b = calloc(1, sizeof *b);
    METE_ASSERT(b != NULL);
    *b = (struct book_worker){.next = p->book, .p = p, .book = strdup(name), .idle = IDLE_FIRST};
    METE_ASSERT(b->book != NULL);
    const struct worker_options o = {.port = {port_ask, b},
                                     .rail = p->rail,
                                     .rails = p->rails,
                                     .book = text_of(b->book),
                                     .keys = p->d->o.payout_keys,
                                     .clock = clock_now,
                                     .ended = ended_say,
                                     .ctx = b};
    b->worker = worker_new(&o);
    p->book = b;
}

/** Also of those that nobody has asked for since the program began: they may have payouts that a
 *  process before it left in the midst. */
static void books_look(struct payout_worker *p)
{
    struct text *name;
    struct mete_err unused;
    struct arena a;
    size_t count;
    p->books_due = steady_now() + BOOKS_LOOK;
    arena_init(&a, NAMES_MAX);
    if (store_books_at(p->d->o.store, &a, &name, &count, &unused) == METE_OK) {
        for (size_t i = 0; i < count; i++) {
            book_begin(p, arena_text(&a, name[i]).p);
        }
    }
    arena_clear(&a);
}

/* --- the thread --------------------------------------------------------------------------------*/

static bool stops(struct payout_worker *p)
{
    pthread_mutex_lock(&p->lock);
    bool now = p->stopping;
    pthread_mutex_unlock(&p->lock);
    return now;
}

/** What is wrong is said when it begins, and its end. */
static void failure_say(struct book_worker *b, const struct worker_round *r)
{
    bool failing = r->why[0] != '\0';
    if (failing && !b->failing) {
        desk_say(b->p->d, "payouts of book %s: %s; trying on", b->book, r->why);
    } else if (!failing && b->failing && r->claimed > 0) {
        desk_say(b->p->d, "payouts of book %s go on", b->book);
    }
    b->failing = failing || (b->failing && r->claimed == 0);
}

static void book_run(struct book_worker *b)
{
    struct worker_round r;
    worker_run(b->worker, desk_now(), &r);
    failure_say(b, &r);
    mete_time most = strcmp(b->book, b->p->d->o.book) == 0 ? IDLE_OWN : IDLE_MOST;
    b->idle = r.claimed > 0 ? IDLE_FIRST : 2 * b->idle;
    b->idle = b->idle < most ? b->idle : most;
    b->due = steady_now() + (r.failed ? r.wait : r.claimed > 0 ? 0 : b->idle);
}

static void counts_add(struct worker_counts *to, const struct worker_counts *more)
{
    to->rounds += more->rounds;
    to->claimed += more->claimed;
    to->refused += more->refused;
    to->unanswered += more->unanswered;
    for (int c = 0; c < WORKER_CALLS; c++) {
        for (int o = 0; o <= RAIL_REPLACE; o++) {
            to->outcome[c][o] += more->outcome[c][o];
        }
    }
}

static void counts_show(struct payout_worker *p)
{
    struct worker_counts all = {0};
    for (const struct book_worker *b = p->book; b != NULL; b = b->next) {
        struct worker_counts one;
        worker_counts_read(b->worker, &one);
        counts_add(&all, &one);
    }
    pthread_mutex_lock(&p->lock);
    p->counts = all;
    pthread_mutex_unlock(&p->lock);
}

/** Until the next book is due, or the end. */
static void rest(struct payout_worker *p)
{
    int64_t until = p->books_due;
    for (const struct book_worker *b = p->book; b != NULL; b = b->next) {
        until = b->due < until ? b->due : until;
    }
    const struct timespec at = steady_at(until);
    pthread_mutex_lock(&p->lock);
    while (!p->stopping && pthread_cond_timedwait(&p->changed, &p->lock, &at) == 0) {
    }
    pthread_mutex_unlock(&p->lock);
}

static void *work(void *arg)
{
    struct payout_worker *p = arg;
    while (!stops(p)) {
        if (steady_now() >= p->books_due) {
            books_look(p);
        }
        for (struct book_worker *b = p->book; b != NULL && !stops(p); b = b->next) {
            if (steady_now() >= b->due) {
                book_run(b);
            }
        }
        counts_show(p);
        rest(p);
    }
    return NULL;
}

void payout_worker_start(struct payout_worker **out, struct desk *d, const struct worker_rail *rail,
                         size_t rails)
{
    struct payout_worker *p = calloc(1, sizeof *p);
    METE_ASSERT(p != NULL && rails > 0 && rails <= WORKER_RAILS_MAX);
    *p = (struct payout_worker){.d = d, .rails = rails};
    memcpy(p->rail, rail, rails * sizeof *rail);
    pthread_mutex_init(&p->lock, NULL);
    steady_cond_init(&p->changed);
    book_begin(p, d->o.book);
    METE_ASSERT(pthread_create(&p->thread, NULL, work, p) == 0);
    *out = p;
}

void payout_worker_quiesce(struct payout_worker *p)
{
    if (p != NULL) {
        pthread_mutex_lock(&p->lock);
        p->stopping = true;
        pthread_cond_signal(&p->changed);
        pthread_mutex_unlock(&p->lock);
    }
}

void payout_worker_stop(struct payout_worker *p)
{
    if (p == NULL) {
        return;
    }
    payout_worker_quiesce(p);
    pthread_join(p->thread, NULL);
    for (struct book_worker *b = p->book, *next; b != NULL; b = next) {
        next = b->next;
        worker_free(b->worker);
        free(b->book);
        free(b);
    }
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void payout_worker_counts(struct payout_worker *p, struct worker_counts *out)
{
    pthread_mutex_lock(&p->lock);
    *out = p->counts;
    pthread_mutex_unlock(&p->lock);
}
