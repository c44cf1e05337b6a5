/* SPDX-License-Identifier: Apache-2.0
 * One look a period, and one at the beginning. The moment is rounded down to whole periods, so that
 * it is the same whoever says it. */
#include "http/clerk.h"

#include "base/text.h"
#include "engine/clearing.h"
#include "http/desk.h"
#include "http/patrol.h"
#include "http/trouble.h"
#include "store/store.h"

#include <stdlib.h>

#define TICK_MS     500 /* between looks at the clock, which may jump */
#define BOOKS_ARENA ((size_t)256 << 20)

struct clerk {
    struct desk *d;
    mete_time period;
    mete_time done; /* through which all books have been seen to, but for those in trouble */
    struct trouble trouble;
    struct patrol patrol;
};

/* --- the keeper's part -------------------------------------------------------------------------*/

struct job {
    struct patrol_job job; /* first: it leads back */
    mete_time through;
};

static void job_run(struct work *w, struct engine *e, const struct mete_err *why)
{
    struct job *j = (struct job *)w;
    struct clearing unused;
    if (e == NULL) {
        j->job.err = *why;
        j->job.code = why->code;
        return;
    }
    j->job.code = clearing_tend(e, j->through, &unused, &j->job.err);
}

/** What becomes of a book. One that another process writes is that one's. */
static void outcome_say(struct clerk *c, const char *book, const struct patrol_job *j)
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
    struct job j = {.job.work = {.book = book, .writes = true, .may_wait = true, .run = job_run},
                    .through = through};
    if (patrol_do(&c->patrol, c->d->keeper, &j.job)) {
        outcome_say(c, book, &j.job);
    } else {
        (void)trouble_add(&c->trouble, book, NULL); /* too much is waiting already */
    }
}

/* --- all books ---------------------------------------------------------------------------------*/

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
    for (size_t i = 0; read && i < count && !patrol_is_stopping(&c->patrol); i++) {
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
    do {
        tick(c);
    } while (patrol_rest(&c->patrol, TICK_MS));
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
    patrol_init(&c->patrol);
    patrol_start(&c->patrol, clerk_on, c);
    *out = c;
}

void clerk_stop(struct clerk *c)
{
    if (c != NULL) {
        patrol_stop(&c->patrol);
    }
}

void clerk_free(struct clerk *c)
{
    if (c != NULL) {
        trouble_clear(&c->trouble);
        patrol_free(&c->patrol);
        free(c);
    }
}
