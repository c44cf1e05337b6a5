/* SPDX-License-Identifier: Apache-2.0
 * The ones that rest, in a row. */
#include "http/snapshots.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_DEFAULT ((size_t)8 << 20)

struct snapshots {
    char *store;
    size_t cache_size;
    pthread_mutex_t lock;
    struct engine **resting; /* the one used longest ago is first */
    unsigned count;
    unsigned max;
    _Atomic unsigned taken;
};

struct snapshots *snapshots_new(const char *store, unsigned rest_max, size_t cache_size)
{
    struct snapshots *s = calloc(1, sizeof *s);
    METE_ASSERT(s != NULL && rest_max > 0);
    s->store = strdup(store);
    s->resting = calloc(rest_max, sizeof(struct engine *));
    METE_ASSERT(s->store != NULL && s->resting != NULL);
    s->max = rest_max;
    s->cache_size = cache_size != 0 ? cache_size : CACHE_DEFAULT;
    METE_ASSERT(pthread_mutex_init(&s->lock, NULL) == 0);
    return s;
}

void snapshots_free(struct snapshots *s)
{
    if (s == NULL) {
        return;
    }
    for (unsigned i = 0; i < s->count; i++) {
        engine_close(s->resting[i]);
    }
    pthread_mutex_destroy(&s->lock);
    free(s->resting);
    free(s->store);
    free(s);
}

static struct engine *resting_remove(struct snapshots *s, unsigned i)
{
    struct engine *e = s->resting[i];
    s->count--;
    memmove(&s->resting[i], &s->resting[i + 1], (s->count - i) * sizeof(struct engine *));
    return e;
}

/** The one of this book that was used last: the least is missing in it. */
static struct engine *resting_take(struct snapshots *s, const char *book)
{
    struct engine *e = NULL;
    pthread_mutex_lock(&s->lock);
    for (unsigned i = s->count; i-- > 0 && e == NULL;) {
        if (strcmp(engine_book_name(s->resting[i]), book) == 0) {
            e = resting_remove(s, i);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return e;
}

struct engine *snapshots_take(struct snapshots *s, const char *book, struct mete_err *err)
{
    const struct engine_options o = {.store = s->store,
                                     .book = book,
                                     .read_only = true,
                                     .cache_size = s->cache_size,
                                     .strict_cache = true};
    struct engine *e = resting_take(s, book);
    if (e == NULL || engine_wake(e, err) != METE_OK) {
        engine_close(e);
        e = NULL;
        if (engine_open(&e, &o, err) != METE_OK) {
            return NULL;
        }
    }
    atomic_fetch_add(&s->taken, 1);
    return e;
}

void snapshots_give(struct snapshots *s, struct engine *e)
{
    struct engine *over = e;
    atomic_fetch_sub(&s->taken, e != NULL);
    if (e != NULL && engine_rest(e)) {
        pthread_mutex_lock(&s->lock);
        over = s->count == s->max ? resting_remove(s, 0) : NULL;
        s->resting[s->count++] = e;
        pthread_mutex_unlock(&s->lock);
    }
    engine_close(over);
}

void snapshots_stats(struct snapshots *s, struct snapshots_stats *out)
{
    out->taken = s->taken;
    pthread_mutex_lock(&s->lock);
    out->resting = s->count;
    pthread_mutex_unlock(&s->lock);
}
