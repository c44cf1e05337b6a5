/* SPDX-License-Identifier: Apache-2.0
 * A pool over one queue. */
#include "http/workers.h"

#include "http/snapshots.h"

#include <pthread.h>
#include <stdlib.h>

#define THREADS     2u
#define THREADS_MAX 64u
#define QUEUE_MAX   64u

struct workers {
    struct snapshots *snapshots;
    pthread_t thread[THREADS_MAX];
    unsigned threads;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct work *first;
    struct work **last;
    unsigned queued;
    bool stopping;
};

static void work_do(const struct workers *p, struct work *w)
{
    struct mete_err err = {.code = METE_OK};
    struct engine *e = w->book != NULL ? snapshots_take(p->snapshots, w->book, &err) : NULL;
    w->run(w, e, &err);
    snapshots_give(p->snapshots, e);
    w->done(w, METE_OK, NULL);
}

static void *work_on(void *arg)
{
    struct workers *p = arg;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->first == NULL && !p->stopping) {
            pthread_cond_wait(&p->changed, &p->lock);
        }
        struct work *w = p->first;
        if (w == NULL) {
            break;
        }
        p->first = w->next;
        p->last = p->first == NULL ? &p->first : p->last;
        p->queued--;
        pthread_mutex_unlock(&p->lock);
        work_do(p, w);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

void workers_start(struct workers **out, struct snapshots *snapshots, unsigned threads)
{
    struct workers *p = calloc(1, sizeof *p);
    METE_ASSERT(p != NULL);
    p->snapshots = snapshots;
    p->last = &p->first;
    p->threads = threads == 0 ? THREADS : threads > THREADS_MAX ? THREADS_MAX : threads;
    METE_ASSERT(pthread_mutex_init(&p->lock, NULL) == 0);
    METE_ASSERT(pthread_cond_init(&p->changed, NULL) == 0);
    for (unsigned i = 0; i < p->threads; i++) {
        METE_ASSERT(pthread_create(&p->thread[i], NULL, work_on, p) == 0);
    }
    *out = p;
}

bool workers_put(struct workers *p, struct work *w)
{
    pthread_mutex_lock(&p->lock);
    bool room = !p->stopping && p->queued < QUEUE_MAX;
    if (room) {
        w->next = NULL;
        *p->last = w;
        p->last = &w->next;
        p->queued++;
        pthread_cond_signal(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    return room;
}

void workers_stop(struct workers *p)
{
    if (p == NULL) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->threads; i++) {
        pthread_join(p->thread[i], NULL);
    }
}

void workers_free(struct workers *p)
{
    if (p == NULL) {
        return;
    }
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void workers_stats(struct workers *p, struct workers_stats *out)
{
    pthread_mutex_lock(&p->lock);
    *out = (struct workers_stats){.queued = p->queued, .queue_max = QUEUE_MAX};
    pthread_mutex_unlock(&p->lock);
}
