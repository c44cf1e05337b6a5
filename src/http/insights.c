/* SPDX-License-Identifier: Apache-2.0
 * One bucket for each app, a count of the rows that are at work, and a thread that goes through the
 * books. A sweep is made of small works for the keeper, so whoever writes money waits for one. */
#include "http/insights.h"

#include "base/map.h"
#include "base/text.h"
#include "engine/insights.h"
#include "http/authority.h"
#include "http/desk.h"
#include "http/patrol.h"
#include "http/router.h"
#include "store/hash_seed.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define AT_WORK_MAX 4096u /* rows: one body of the largest kind beside another */
#define BODY_ROWS   32u   /* what a body costs besides: it is looked up and written on its own */
#define APPS_MAX    10000u
#define BURST_S     10u
#define SWEEP_ROWS  200u
#define SWEEP_PAUSE 50     /* ms between two steps */
#define SWEEP_EACH  600000 /* ms between two sweeps */
#define BOOKS_ARENA ((size_t)256 << 20)

/* Of an app: rows that it may still send. */
struct bucket {
    int64_t tokens; /* millionths of a row; may be owed */
    mete_time filled_at;
};

struct insights {
    struct desk *d;
    int64_t rate;         /* rows a second; 0: no bound */
    int64_t days;         /* 0: for ever */
    pthread_mutex_t lock; /* of the buckets */
    struct map bucket;    /* book and app -> struct bucket */
    struct patrol patrol; /* its thread runs when there is an age */
    _Atomic size_t at_work;
    _Atomic uint64_t rows, refused, swept;
};

/* --- letting in --------------------------------------------------------------------------------*/

/** Brings the bucket up to `now`, and takes the rows out when it is not empty. */
static bool bucket_take(const struct insights *all, struct bucket *b, size_t rows, mete_time now)
{
    int64_t full = all->rate * BURST_S * TIME_SECOND_US;
    int64_t since =
        b->filled_at == 0 || now < b->filled_at ? BURST_S * TIME_SECOND_US : now - b->filled_at;
    since = since < 2 * BURST_S * TIME_SECOND_US ? since : 2 * BURST_S * TIME_SECOND_US;
    if (b->filled_at == 0) {
        b->tokens = full;
    }
    b->tokens += since * all->rate;
    b->tokens = b->tokens < full ? b->tokens : full;
    b->filled_at = now;
    if (b->tokens <= 0) {
        return false;
    }
    b->tokens -=
        (int64_t)rows * TIME_SECOND_US; /* a large body is owed for, not refused for ever */
    return true;
}

static bool rate_take(struct insights *all, struct exchange *x, struct text app, size_t rows)
{
    struct buf name = {0};
    buf_put_sized(&name, text_of(x->who->book));
    buf_put_sized(&name, app);
    pthread_mutex_lock(&all->lock);
    if (all->bucket.count >= APPS_MAX) {
        map_reset(&all->bucket); /* names are anybody's: memory has a bound */
    }
    struct bucket *b = map_put(&all->bucket, buf_bytes(&name), NULL);
    bool taken = bucket_take(all, b, rows, x->began_at);
    int64_t owed = -b->tokens;
    pthread_mutex_unlock(&all->lock);
    buf_clear(&name);
    if (!taken) {
        x->retry_after_s = (unsigned)(owed / all->rate / TIME_SECOND_US) + 1;
    }
    return taken;
}

bool insights_is_report(const struct exchange *x)
{
    return route_is(x, ROUTE_REPORT);
}

bool insights_has_room(struct insights *all)
{
    return atomic_load(&all->at_work) + BODY_ROWS < AT_WORK_MAX && desk_has_room(all->d);
}

enum mete_code insights_enter(struct insights *all, struct exchange *x, struct text app,
                              size_t rows, struct mete_err *err)
{
    enum mete_code code = METE_OK;
    size_t others = atomic_fetch_add(&all->at_work, rows + BODY_ROWS);
    if ((others > 0 && others + rows + BODY_ROWS > AT_WORK_MAX) || !desk_has_room(all->d)) {
        code = mete_fail(err, METE_OVERLOADED, NULL,
                         "other reports are at work; money goes before them");
    } else if (all->rate > 0 && x->relayed == NULL && !rate_take(all, x, app, rows)) {
        code = mete_fail(err, METE_RATE_LIMITED, NULL, "more than %lld rows a second of one app",
                         (long long)all->rate);
    }
    if (code != METE_OK) {
        insights_leave(all, rows);
    }
    atomic_fetch_add(code == METE_OK ? &all->rows : &all->refused, rows);
    return code;
}

void insights_leave(struct insights *all, size_t rows)
{
    atomic_fetch_sub(&all->at_work, rows + BODY_ROWS);
}

mete_time insights_oldest(const struct insights *all, mete_time now)
{
    return all->days == 0 ? TIME_ALWAYS : now - all->days * TIME_DAY_US;
}

void insights_stats(struct insights *all, struct insights_stats *out)
{
    *out = (struct insights_stats){.rows = all->rows, .refused = all->refused, .swept = all->swept};
}

/* --- sweeping ----------------------------------------------------------------------------------*/

struct sweep {
    struct patrol_job job; /* first: it leads back */
    struct insights *all;
    struct insights_sweep place;
    uint64_t removed;
    bool done; /* the book has been gone through */
    bool failed;
};

static void sweep_run(struct work *w, struct engine *e, const struct mete_err *why)
{
    struct sweep *s = (struct sweep *)w;
    struct mete_err err;
    (void)why;
    s->removed = 0;
    s->failed = e == NULL || insights_sweep(e, &s->place, insights_oldest(s->all, engine_now(e)),
                                            SWEEP_ROWS, &s->removed, &s->done, &err) != METE_OK;
}

/** One step of a book, when little enough waits for it. */
static bool step(struct insights *all, struct sweep *s)
{
    if (!desk_has_room(all->d) || !patrol_do(&all->patrol, all->d->keeper, &s->job)) {
        return true; /* the next look finds it where it was */
    }
    s->failed = s->failed || s->job.code != METE_OK;
    all->swept += s->failed ? 0 : s->removed;
    return !s->failed && !s->done;
}

/** A book that another process writes is that one's to sweep. */
static void book_sweep(struct insights *all, const char *book)
{
    struct sweep s = {
        .job.work = {.book = book, .writes = true, .may_wait = true, .run = sweep_run}, .all = all};
    while (step(all, &s) && patrol_rest(&all->patrol, SWEEP_PAUSE)) {
    }
    insights_sweep_clear(&s.place);
}

static void *sweep_on(void *arg)
{
    struct insights *all = arg;
    do {
        struct arena a;
        struct mete_err unused;
        struct text *name;
        size_t count;
        arena_init(&a, BOOKS_ARENA);
        bool read = store_books_at(all->d->o.store, &a, &name, &count, &unused) == METE_OK;
        for (size_t i = 0; read && i < count && patrol_rest(&all->patrol, SWEEP_PAUSE); i++) {
            book_sweep(all, name[i].p);
        }
        arena_clear(&a);
    } while (patrol_rest(&all->patrol, SWEEP_EACH));
    return NULL;
}

/* --- for others --------------------------------------------------------------------------------*/

void insights_start(struct insights **out, struct desk *d)
{
    struct insights *all = calloc(1, sizeof *all);
    METE_ASSERT(all != NULL);
    all->d = d;
    all->rate = d->o.insights_rate;
    all->days = d->o.insights_days;
    map_init(&all->bucket, sizeof(struct bucket), hash_seed());
    METE_ASSERT(pthread_mutex_init(&all->lock, NULL) == 0);
    patrol_init(&all->patrol);
    if (all->days > 0) {
        patrol_start(&all->patrol, sweep_on, all);
    }
    *out = all;
}

void insights_stop(struct insights *all)
{
    if (all != NULL) {
        patrol_stop(&all->patrol);
    }
}

void insights_free(struct insights *all)
{
    if (all != NULL) {
        map_clear(&all->bucket);
        patrol_free(&all->patrol);
        pthread_mutex_destroy(&all->lock);
        free(all);
    }
}
