/* SPDX-License-Identifier: Apache-2.0
 * One look a period, and one at the beginning. The moment is rounded down to whole periods, so that
 * it is the same whoever says it. */
#include "http/clerk.h"

#include "base/text.h"
#include "engine/clearing.h"
#include "http/trouble.h"
#include "store/steady.h"

#include <pthread.h>
#include <stdlib.h>

#define TICK_MS     500 /* between looks at the clock, which may jump */
#define BOOKS_ARENA ((size_t)256 << 20)

struct clerk {
    struct desk *d;
    mete_time period;
    mete_time done; /* through which all books have been seen to, but for those in trouble */
    struct trouble trouble;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
};

/* --- the keeper's part -------------------------------------------------------------------------*/

struct job {
    struct work work; /* first: it leads back */
    struct clerk *c;
    mete_time through;
    bool over;
    enum mete_code code;
    struct mete_err err;
};

static void job_run(struct work *w, struct engine *e, const struct mete_err *why)
{
    struct job *j = (struct job *)w;
    struct clearing unused;
    if (e == NULL) {
        j->err = *why;
        j->code = why->code;
        return;
    }
    j->code = clearing_tend(e, j->through, &unused, &j->err);
}

static void job_done(struct work *w, enum mete_code code, const struct mete_err *err)
{
    struct job *j = (struct job *)w;
    struct clerk *c = j->c;
    if (code != METE_OK) {
        j->code = code;
        j->err = *err;
    }
    pthread_mutex_lock(&c->lock);
    j->over = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

/** What becomes of a book. One that another process writes is that one's. */
static void outcome_say(struct clerk *c, const char *book, const struct job *j)
{
    if (j->code != METE_OK && j->code != METE_STORE_BUSY && j->code != METE_CLEARING_KNOWN) {
        if (trouble_add(&c->trouble, book, j->err.text)) {
            desk_say(c->d,
                     "book %s: its log does not say what has cleared: %s; tried again, ever "
                     "more rarely",
                     book, j->err.text);
        }
    } else if (trouble_end(&c->trouble, book)) {
        desk_say(c->d, "book %s: its log says again what has cleared", book);
    }
}

static void book_clear(struct clerk *c, const char *book, mete_time through)
{
    struct job j = {
        .work = {.book = book, .writes = true, .may_wait = true, .run = job_run, .done = job_done},
        .c = c,
        .through = through};
    if (!keeper_put(c->d->keeper, &j.work)) {
        (void)trouble_add(&c->trouble, book, NULL); /* too much is waiting already */
        return;
    }
    pthread_mutex_lock(&c->lock);
    while (!j.over) {
        pthread_cond_wait(&c->changed, &c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    outcome_say(c, book, &j);
}

/* --- all books ---------------------------------------------------------------------------------*/

static bool is_stopping(struct clerk *c)
{
    pthread_mutex_lock(&c->lock);
    bool stopping = c->stopping;
    pthread_mutex_unlock(&c->lock);
    return stopping;
}

static void tick(struct clerk *c)
{
    struct arena a;
    struct text *name = NULL;
    size_t count = 0;
    struct mete_err unused;
    mete_time now = desk_now();
    mete_time through = now - now % c->period;
    bool all = through != c->done;
    if (!all && !trouble_is_due(&c->trouble)) {
        return;
    }
    arena_init(&a, BOOKS_ARENA);
    bool read = store_books_at(c->d->o.store, &a, &name, &count, &unused) == METE_OK;
    for (size_t i = 0; read && i < count && !is_stopping(c); i++) {
        const char *book = name[i].p;
        if (all || (trouble_has(&c->trouble, book) && !trouble_rests(&c->trouble, book))) {
            book_clear(c, book, through);
        }
    }
    c->done = read ? through : c->done;
    arena_clear(&a);
}

static void *clerk_on(void *arg)
{
    struct clerk *c = arg;
    pthread_mutex_lock(&c->lock);
    while (!c->stopping) {
        pthread_mutex_unlock(&c->lock);
        tick(c);
        pthread_mutex_lock(&c->lock);
        const struct timespec until = steady_after(TICK_MS);
        while (!c->stopping && pthread_cond_timedwait(&c->changed, &c->lock, &until) == 0) {
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* --- for others --------------------------------------------------------------------------------*/

void clerk_start(struct clerk **out, struct desk *d)
{
    struct clerk *c;
    *out = NULL;
    if ((d->o.roles & ROLE_WORKER) == 0 || d->o.clear_hours == 0) {
        return;
    }
    c = calloc(1, sizeof *c);
    METE_ASSERT(c != NULL);
    c->d = d;
    c->period = (mete_time)d->o.clear_hours * 3600 * TIME_SECOND_US;
    c->done = TIME_ALWAYS;
    METE_ASSERT(pthread_mutex_init(&c->lock, NULL) == 0);
    steady_cond_init(&c->changed);
    METE_ASSERT(pthread_create(&c->thread, NULL, clerk_on, c) == 0);
    *out = c;
}

void clerk_stop(struct clerk *c)
{
    if (c != NULL) {
        pthread_mutex_lock(&c->lock);
        c->stopping = true;
        pthread_cond_broadcast(&c->changed);
        pthread_mutex_unlock(&c->lock);
        pthread_join(c->thread, NULL);
    }
}

void clerk_free(struct clerk *c)
{
    if (c != NULL) {
        trouble_clear(&c->trouble);
        pthread_cond_destroy(&c->changed);
        pthread_mutex_destroy(&c->lock);
        free(c);
    }
}
