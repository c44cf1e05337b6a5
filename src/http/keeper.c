/* SPDX-License-Identifier: Apache-2.0
 * One queue, one thread. Invariant: between two rounds no book has an open group, so one book's
 * failure is never another's. */
#include "http/keeper.h"
#include "store/wall.h"

#include "base/text.h"
#include "store/steady.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BOOKS_MAX 16u
#define QUEUE_MAX 4096u
#define GROUP_MAX 512u
/* Everybody's requests wait as long for a database that was lost. */
#define PATIENCE_MS 600u
#define NAME_MAX_   256

struct open_book {
    char name[NAME_MAX_];
    struct engine *e;
    uint64_t used;       /* round of its last use */
    uint64_t count_from; /* the first row of the log that custom metrics have yet to see */
};

struct keeper {
    struct keeper_options o;
    char *store_name;
    struct store *store;
    struct known_books *known;
    struct open_book *book;
    unsigned book_count;
    uint64_t round;
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct work *first;
    struct work **last;
    unsigned queued;
    bool stopping;
    /* written on the keeper's thread, read on any */
    _Atomic uint64_t reads, writes, failed_groups;
    _Atomic int64_t round_began; /* of the steady clock; 0: it waits for work */
    _Atomic unsigned books;
    struct histogram commit_time;
    struct histogram group_size;
};

/* --- books -------------------------------------------------------------------------------------*/

static void book_close_at(struct keeper *k, unsigned i)
{
    known_books_close(k->known, k->book[i].name, k->book[i].e);
    engine_close(k->book[i].e);
    k->book[i] = k->book[--k->book_count];
    k->books = k->book_count;
}

static void book_make_room(struct keeper *k)
{
    unsigned oldest = 0;
    if (k->book_count < k->o.books_max) {
        return;
    }
    for (unsigned i = 1; i < k->book_count; i++) {
        if (k->book[i].used < k->book[oldest].used) {
            oldest = i;
        }
    }
    book_close_at(k, oldest);
}

static struct engine *book_open_named(struct keeper *k, const struct work *w, struct mete_err *err)
{
    struct engine_options o = {.store = k->store_name,
                               .in_store = k->store,
                               .book = w->book,
                               .cache_size = k->o.cache_size / k->o.books_max};
    struct engine *e = NULL;
    book_make_room(k);
    enum mete_code code = engine_open(&e, &o, err);
    if (code == METE_STORE_MISSING && w->create_book) {
        o.create_book = true;
        code = engine_open(&e, &o, err);
    }
    if (code == METE_STORE_EXISTS) { /* another process has just made it */
        o.create_book = false;
        code = engine_open(&e, &o, err);
    }
    return code == METE_OK ? e : NULL;
}

/** METE_STORE_FAILED: the store cannot be asked now, and what is in memory may be good yet. Other
 *  failures: it is old, or cannot be read any more. */
static enum mete_code book_check(struct engine *e, struct mete_err *err)
{
    return book_is_broken(engine_book(e)) ? METE_STORE_BUSY : book_held(engine_book(e), err);
}

static struct engine *book_get_engine(struct keeper *k, const struct work *w, struct mete_err *err)
{
    for (unsigned i = 0; i < k->book_count; i++) {
        if (strcmp(k->book[i].name, w->book) == 0) {
            enum mete_code code = book_check(k->book[i].e, err);
            if (code != METE_OK && code != METE_STORE_FAILED) {
                book_close_at(k, i);
                break;
            }
            k->book[i].used = k->round;
            return code == METE_OK ? k->book[i].e : NULL;
        }
    }
    if (strlen(w->book) >= NAME_MAX_) {
        (void)mete_fail(err, METE_STORE_MISSING, NULL, "no book has so long a name");
        return NULL;
    }
    struct engine *e = book_open_named(k, w, err);
    if (e != NULL) {
        struct open_book *b = &k->book[k->book_count++];
        memcpy(b->name, w->book, strlen(w->book) + 1);
        b->e = e;
        b->used = k->round;
        b->count_from = book_size(engine_book(e)) + 1;
        k->books = k->book_count;
    }
    return e;
}

/** After a failure the book is opened anew when it is next asked for. */
static void book_forget(struct keeper *k, const struct engine *e)
{
    for (unsigned i = 0; i < k->book_count; i++) {
        if (k->book[i].e == e) {
            book_close_at(k, i);
            return;
        }
    }
}

/* --- a round -----------------------------------------------------------------------------------*/

static void run_one(struct keeper *k, struct work *w, struct engine **e)
{
    struct mete_err err = {.code = METE_OK};
    *e = book_get_engine(k, w, &err);
    w->run(w, *e, &err);
}

static void run_reads(struct keeper *k, struct work **queue)
{
    for (struct work **at = queue; *at != NULL;) {
        struct work *w = *at;
        if (w->writes) {
            at = &w->next;
            continue;
        }
        struct engine *e;
        *at = w->next;
        run_one(k, w, &e);
        atomic_fetch_add(&k->reads, 1);
        w->done(w, METE_OK, NULL);
    }
}

static enum mete_code group_commit(struct keeper *k, struct engine *e, struct mete_err *err)
{
    int64_t begin = steady_now();
    enum mete_code code = engine_commit(e, err);
    histogram_add(&k->commit_time, steady_now() - begin);
    atomic_fetch_add(&k->failed_groups, code != METE_OK);
    if (code != METE_OK) {
        book_forget(k, e);
    }
    return code;
}

/** What a group has made durable. */
static void group_count(struct keeper *k, struct engine *e)
{
    for (unsigned i = 0; i < k->book_count; i++) {
        struct open_book *b = &k->book[i];
        if (b->e == e) {
            struct book *book = engine_book(e);
            b->count_from = custom_metrics_count(k->o.metrics, b->name, book, b->count_from,
                                                 book_size(book) + 1);
        }
    }
}

static void tell_all(struct work *w, enum mete_code code, const struct mete_err *err)
{
    while (w != NULL) {
        struct work *next = w->next;
        w->done(w, code, err);
        w = next;
    }
}

/** A rehearsal: decided in a group of its own, which is thrown away. That costs by what is not yet
 *  written out, so that goes first. */
static void run_alone(struct keeper *k, struct work *w)
{
    struct mete_err err = {.code = METE_OK};
    struct engine *e = book_get_engine(k, w, &err);
    if (e != NULL) {
        book_settle(engine_book(e));
    }
    w->run(w, e, &err);
    if (e != NULL) {
        engine_rollback(e);
    }
    w->done(w, METE_OK, NULL);
}

/** Takes the works of the same book and kind as `first` out of the queue, runs them, and commits.
 */
static void run_group(struct keeper *k, struct work **queue, const struct work *first)
{
    const char *book = first->book;
    bool may_wait = first->may_wait;
    struct work *group = NULL;
    struct work **last = &group;
    struct engine *e = NULL;
    int64_t size = 0;
    for (struct work **at = queue; *at != NULL;) {
        struct work *w = *at;
        if (w->alone || w->may_wait != may_wait || strcmp(w->book, book) != 0) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        w->next = NULL;
        *last = w;
        last = &w->next;
        run_one(k, w, &e);
        size++;
    }
    atomic_fetch_add(&k->writes, (uint64_t)size);
    histogram_add(&k->group_size, size);
    struct mete_err err = {.code = METE_OK};
    enum mete_code code = e != NULL ? group_commit(k, e, &err) : METE_OK;
    if (e != NULL && code == METE_OK) {
        group_count(k, e);
        if (k->o.committed != NULL) {
            k->o.committed(k->o.ctx, book);
        }
    }
    tell_all(group, code, &err);
}

/** The first that may not wait, else the first. */
static struct work **next_write(struct work **queue)
{
    for (struct work **at = queue; *at != NULL; at = &(*at)->next) {
        if (!(*at)->may_wait) {
            return at;
        }
    }
    return queue;
}

static void run_writes(struct keeper *k, struct work **queue)
{
    while (*queue != NULL) {
        struct work **at = next_write(queue);
        struct work *w = *at;
        if (w->alone) {
            *at = w->next;
            run_alone(k, w);
        } else {
            run_group(k, queue, w);
        }
    }
}

/** What has queued, at most group_max works; NULL when the keeper is to stop and nothing is left.
 */
static struct work *queue_take(struct keeper *k)
{
    pthread_mutex_lock(&k->lock);
    while (k->first == NULL && !k->stopping) {
        pthread_cond_wait(&k->changed, &k->lock);
    }
    struct work *taken = k->first;
    struct work **at = &k->first;
    for (unsigned n = 0; *at != NULL && n < k->o.group_max; n++) {
        at = &(*at)->next;
        k->queued--;
    }
    struct work *rest = *at;
    *at = NULL;
    k->first = rest;
    if (rest == NULL) {
        k->last = &k->first;
    }
    pthread_mutex_unlock(&k->lock);
    return taken;
}

static void *keep(void *arg)
{
    struct keeper *k = arg;
    struct work *queue;
    while ((queue = queue_take(k)) != NULL) {
        k->round++;
        k->round_began = steady_now();
        run_reads(k, &queue);
        run_writes(k, &queue);
        k->round_began = 0;
    }
    while (k->book_count > 0) {
        book_close_at(k, 0);
    }
    return NULL;
}

/* --- for others --------------------------------------------------------------------------------*/

enum mete_code keeper_start(struct keeper **out, const struct keeper_options *o,
                            struct mete_err *err)
{
    struct keeper *k = calloc(1, sizeof *k);
    METE_ASSERT(k != NULL);
    k->o = *o;
    k->o.books_max = o->books_max != 0 ? o->books_max : BOOKS_MAX;
    k->o.queue_max = o->queue_max != 0 ? o->queue_max : QUEUE_MAX;
    k->o.group_max = o->group_max != 0 ? o->group_max : GROUP_MAX;
    k->o.cache_size = o->cache_size != 0 ? o->cache_size : (size_t)64 << 20;
    k->last = &k->first;
    k->commit_time.bounds = &histogram_of_time;
    k->group_size.bounds = &histogram_of_count;
    const struct store_options so = {.create = o->create_store,
                                     .now = wall_now(),
                                     .node = o->node,
                                     .patience_ms = PATIENCE_MS,
                                     .no_wait = true};
    enum mete_code code = store_open(&k->store, o->store, &so, err);
    if (code != METE_OK) {
        free(k);
        return code;
    }
    k->known = known_books_new();
    k->store_name = strdup(o->store);
    k->book = calloc(k->o.books_max, sizeof *k->book);
    METE_ASSERT(k->store_name != NULL && k->book != NULL);
    METE_ASSERT(pthread_mutex_init(&k->lock, NULL) == 0);
    METE_ASSERT(pthread_cond_init(&k->changed, NULL) == 0);
    METE_ASSERT(pthread_create(&k->thread, NULL, keep, k) == 0);
    *out = k;
    return METE_OK;
}

bool keeper_put(struct keeper *k, struct work *w)
{
    pthread_mutex_lock(&k->lock);
    bool room = !k->stopping && k->queued < k->o.queue_max;
    if (room) {
        w->next = NULL;
        *k->last = w;
        k->last = &w->next;
        k->queued++;
        pthread_cond_signal(&k->changed);
    }
    pthread_mutex_unlock(&k->lock);
    return room;
}

void keeper_stop(struct keeper *k)
{
    if (k == NULL) {
        return;
    }
    pthread_mutex_lock(&k->lock);
    k->stopping = true;
    pthread_cond_signal(&k->changed);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
}

void keeper_free(struct keeper *k)
{
    if (k == NULL) {
        return;
    }
    store_close(k->store);
    pthread_cond_destroy(&k->changed);
    pthread_mutex_destroy(&k->lock);
    known_books_free(k->known);
    free(k->book);
    free(k->store_name);
    free(k);
}

void keeper_stats(struct keeper *k, struct keeper_stats *out)
{
    int64_t began = k->round_began;
    int64_t now = steady_now();
    *out = (struct keeper_stats){.reads = k->reads, /* each is whole; together they may lag */
                                 .writes = k->writes,
                                 .groups = histogram_count(&k->commit_time),
                                 .failed_groups = k->failed_groups,
                                 .books = k->books,
                                 .queue_max = k->o.queue_max,
                                 .round_us = began != 0 && now > began ? now - began : 0,
                                 .commit_time = &k->commit_time,
                                 .group_size = &k->group_size};
    pthread_mutex_lock(&k->lock);
    out->queued = k->queued;
    pthread_mutex_unlock(&k->lock);
}

void keeper_look(struct keeper *k, const char *name)
{
    for (unsigned i = 0; i < k->book_count; i++) {
        if (name == NULL || strcmp(k->book[i].name, name) == 0) {
            known_books_look(k->known, k->book[i].name, k->book[i].e);
        }
    }
}

struct known_books *keeper_known_books(struct keeper *k)
{
    return k->known;
}
