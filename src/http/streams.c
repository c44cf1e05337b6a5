/* SPDX-License-Identifier: Apache-2.0
 * One list, one lock, one thread that goes through it on every beat. Invariant: what is told
 * something is in the list, and the list is locked meanwhile, so it cannot be freed under it. */
#include "http/streams.h"

#include "base/text.h"
#include "http/desk.h"
#include "http/reply.h"
#include "store/steady.h"

#include <stdlib.h>
#include <time.h>

#define RETRY_S 5u /* places come back when clients go, which takes them longer than a moment */

struct streams {
    struct streams_options o;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct stream *first;
    unsigned count[2]; /* by kind */
    uint64_t refused;
    bool draining;
    bool stopping;
};

static void look_at(struct streams *all, struct stream *s, mete_time now)
{
    bool good = authority_stands(all->o.authority, &s->standing, now);
    s->tell(s, good ? STREAM_BEAT : STREAM_KEY_ENDED);
}

static void *beat(void *arg)
{
    struct streams *all = arg;
    struct timespec until = steady_after(0);
    pthread_mutex_lock(&all->lock);
    while (!all->stopping) {
        until.tv_sec += all->o.beat_s;
        while (!all->stopping && pthread_cond_timedwait(&all->changed, &all->lock, &until) == 0) {
        }
        mete_time now = desk_now();
        for (struct stream *s = all->first; s != NULL && !all->stopping; s = s->next) {
            look_at(all, s, now);
        }
    }
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

void streams_start(struct streams **out, const struct streams_options *o)
{
    struct streams *all = calloc(1, sizeof *all);
    METE_ASSERT(all != NULL && o->beat_s > 0);
    all->o = *o;
    METE_ASSERT(pthread_mutex_init(&all->lock, NULL) == 0);
    steady_cond_init(&all->changed);
    METE_ASSERT(pthread_create(&all->thread, NULL, beat, all) == 0);
    *out = all;
}

void streams_stop(struct streams *all)
{
    if (all == NULL) {
        return;
    }
    pthread_mutex_lock(&all->lock);
    all->draining = true;
    all->stopping = true;
    pthread_cond_broadcast(&all->changed);
    pthread_mutex_unlock(&all->lock);
    pthread_join(all->thread, NULL);
}

void streams_free(struct streams *all)
{
    if (all == NULL) {
        return;
    }
    METE_ASSERT(all->first == NULL);
    pthread_cond_destroy(&all->changed);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

static unsigned count_of_key(const struct streams *all, const struct standing *who)
{
    unsigned count = 0;
    for (const struct stream *s = all->first; s != NULL; s = s->next) {
        count += standing_same_key(&s->standing, who);
    }
    return count;
}

/** What is full; NULL: there is room. */
static const char *full(const struct streams *all, const struct stream *s)
{
    unsigned most = s->kind == STREAM_LIVE ? all->o.live_max : all->o.long_max;
    if (all->draining) {
        return "the server is shutting down";
    }
    if (all->count[s->kind] >= most) {
        return s->kind == STREAM_LIVE ? "all places for streams are taken"
                                      : "all places for long answers are taken";
    }
    return count_of_key(all, &s->standing) >= all->o.per_key_max
               ? "this key has all the streams that it may have"
               : NULL;
}

enum mete_code streams_enter(struct streams *all, struct stream *s, struct exchange *x,
                             enum scope scope, struct mete_err *err)
{
    s->standing = authority_standing(x, scope);
    pthread_mutex_lock(&all->lock);
    const char *why = full(all, s);
    if (why == NULL) {
        s->all = all;
        s->before = NULL;
        s->next = all->first;
        if (s->next != NULL) {
            s->next->before = s;
        }
        all->first = s;
        all->count[s->kind]++;
    }
    all->refused += why != NULL;
    pthread_mutex_unlock(&all->lock);
    if (why != NULL) {
        x->retry_after_s = RETRY_S;
        return mete_fail(err, METE_OVERLOADED, NULL, "%s", why);
    }
    return METE_OK;
}

void streams_leave(struct stream *s)
{
    struct streams *all = s->all;
    if (all == NULL) {
        return;
    }
    pthread_mutex_lock(&all->lock);
    if (s->next != NULL) {
        s->next->before = s->before;
    }
    *(s->before != NULL ? &s->before->next : &all->first) = s->next;
    all->count[s->kind]--;
    s->all = NULL;
    pthread_mutex_unlock(&all->lock);
}

void streams_drain(struct streams *all)
{
    pthread_mutex_lock(&all->lock);
    all->draining = true;
    for (struct stream *s = all->first; s != NULL; s = s->next) {
        s->tell(s, STREAM_DRAIN);
    }
    pthread_mutex_unlock(&all->lock);
}

void streams_stats(struct streams *all, struct streams_stats *out)
{
    pthread_mutex_lock(&all->lock);
    *out = (struct streams_stats){.live = all->count[STREAM_LIVE],
                                  .live_max = all->o.live_max,
                                  .lines = all->count[STREAM_LONG],
                                  .lines_max = all->o.long_max,
                                  .refused = all->refused};
    pthread_mutex_unlock(&all->lock);
}
