/* SPDX-License-Identifier: Apache-2.0
 * One book at a time, one page at a time. A page takes some milliseconds of the keeper's; then it
 * rests for as long, so that at most half of the keeper's time goes here. */
#include "http/payday.h"

#include "base/text.h"
#include "engine/payouts.h"
#include "http/desk.h"
#include "http/patrol.h"
#include "http/trouble.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_FIRST  128u
#define PAGE_LEAST  32u
#define PAGE_MOST   1024u
#define PAGE_SHORT  2000 /* us: twice as many accounts next time */
#define PAGE_LONG   5000 /* us: half as many */
#define LOOK_EVERY  1000 /* ms */
#define BOOKS_EVERY 60   /* looks, between two at which books there are */
#define BOOKS_FEW   8u   /* more are not all looked at each time: the keeper has room for some */
#define BOOKS_ARENA ((size_t)256 << 20)

struct payday {
    struct desk *d;
    struct patrol patrol;
    struct arena names;
    struct text *book;
    struct payout_clerk *clerk; /* one a book */
    size_t books;
    size_t page; /* accounts */
    struct trouble trouble;
};

/* --- the keeper's part -------------------------------------------------------------------------*/

struct job {
    struct patrol_job job; /* first: it leads back */
    struct payday *p;
    struct payout_clerk *clerk;
    struct payout_batch_progress done;
    bool due;
    int64_t took; /* us */
};

static void job_run(struct work *w, struct engine *e, const struct mete_err *err)
{
    struct job *j = (struct job *)w;
    mete_time began = desk_now();
    if (e == NULL) {
        j->job.code = err->code;
        j->job.err = *err;
    } else if (!w->writes) {
        j->job.code = payout_clerk_look(e, j->clerk, &j->due, &j->job.err);
    } else {
        j->job.code = payout_clerk_step(e, j->clerk, j->p->page, &j->done, &j->job.err);
    }
    j->took = desk_now() - began;
}

/** False: too much is waiting already. */
static bool job_wait(struct job *j)
{
    struct desk *d = j->p->d;
    return desk_has_room(d) && patrol_do(&j->p->patrol, d->keeper, &j->job);
}

/* --- pages -------------------------------------------------------------------------------------*/

static void page_fit(struct payday *p, int64_t took)
{
    if (took > PAGE_LONG && p->page > PAGE_LEAST) {
        p->page /= 2;
    } else if (took < PAGE_SHORT && p->page < PAGE_MOST) {
        p->page *= 2;
    }
}

/** Another process has the book, or it is just being opened: no failure. */
static bool is_failure(const struct job *j)
{
    return j->job.code != METE_OK && j->job.code != METE_STORE_BUSY &&
           j->job.code != METE_STORE_MISSING;
}

static void outcome_say(struct payday *p, const struct job *j)
{
    const char *book = j->job.work.book;
    if (is_failure(j)) {
        if (trouble_add(&p->trouble, book, j->job.err.text)) {
            desk_say(p->d, "payouts of book %s are not queued: %s; tried again, ever more rarely",
                     book, j->job.err.text);
        }
    } else if (trouble_end(&p->trouble, book)) {
        desk_say(p->d, "payouts of book %s are queued again", book);
    }
}

static bool look(struct payday *p, struct job *j)
{
    j->job.work.writes = false;
    if (!job_wait(j)) {
        return false;
    }
    if (j->job.code != METE_OK || !j->due) { /* else it has to be seen whether it can be done */
        outcome_say(p, j);
    }
    return j->job.code == METE_OK && j->due;
}

/** As long as something is due; a failure is looked at again with the next look. */
static void book_run(struct payday *p, size_t i)
{
    struct job j = {.job.work = {.book = p->book[i].p, .may_wait = true, .run = job_run},
                    .p = p,
                    .clerk = &p->clerk[i]};
    while (look(p, &j)) {
        mete_time began = desk_now();
        j.job.work.writes = true;
        bool ran = job_wait(&j);
        int64_t whole = (desk_now() - began) / 1000; /* ms; the wait and the commit too */
        if (ran) {
            outcome_say(p, &j);
        }
        if (ran && j.job.code != METE_OK) {
            p->clerk[i] = (struct payout_clerk){0};
            return;
        }
        page_fit(p, ran ? j.took : PAGE_LONG);
        if (!patrol_rest(&p->patrol, ran && whole < LOOK_EVERY ? 1 + whole : LOOK_EVERY / 10)) {
            return;
        }
    }
}

/* --- books -------------------------------------------------------------------------------------*/

/** Which books there are; what was known of each is begun anew, which costs time alone. */
static void books_find(struct payday *p)
{
    struct mete_err unused;
    arena_reset(&p->names);
    p->books = 0;
    if (store_books_at(p->d->o.store, &p->names, &p->book, &p->books, &unused) != METE_OK) {
        p->books = 0;
        return;
    }
    p->clerk = arena_array(&p->names, p->books, sizeof *p->clerk);
    for (size_t i = 0; i < p->books; i++) {
        p->clerk[i] = (struct payout_clerk){0};
    }
}

/** Is the book looked at now? In a store that several processes share, others' books are left to
 *  them between two looks at all. */
static bool is_looked_at(const struct payday *p, struct text book, bool all, bool news)
{
    bool own = text_is(book, p->d->o.book);
    if (trouble_rests(&p->trouble, book.p)) {
        return false;
    }
    if (p->d->relay != NULL) {
        return all || ((own || news) && !relay_is_away(p->d->relay, book.p));
    }
    return all || own || news || p->books <= BOOKS_FEW;
}

static void *payday_on(void *arg)
{
    struct payday *p = arg;
    unsigned looks = 0;
    bool news = false;
    do {
        bool all = looks++ % BOOKS_EVERY == 0;
        if (all) {
            books_find(p);
        }
        for (size_t i = 0; i < p->books; i++) {
            if (is_looked_at(p, p->book[i], all, news)) {
                book_run(p, i);
            }
        }
    } while (patrol_rest_for_news(&p->patrol, LOOK_EVERY, &news));
    return NULL;
}

/* --- for others --------------------------------------------------------------------------------*/

void payday_start(struct payday **out, struct desk *d)
{
    *out = NULL;
    if ((d->o.roles & ROLE_WORKER) == 0) {
        return;
    }
    struct payday *p = calloc(1, sizeof *p);
    METE_ASSERT(p != NULL);
    p->d = d;
    p->page = PAGE_FIRST;
    arena_init(&p->names, BOOKS_ARENA);
    patrol_init(&p->patrol);
    patrol_start(&p->patrol, payday_on, p);
    *out = p;
}

void payday_stop(struct payday *p)
{
    if (p != NULL) {
        patrol_stop(&p->patrol);
    }
}

void payday_free(struct payday *p)
{
    if (p != NULL) {
        arena_clear(&p->names);
        trouble_clear(&p->trouble);
        patrol_free(&p->patrol);
        free(p);
    }
}

void payday_news(struct payday *p)
{
    if (p != NULL) {
        patrol_wake(&p->patrol);
    }
}
