/* SPDX-License-Identifier: Apache-2.0
 * One lock for all of it: whoever waits is woken by all that may concern him, and looks again. */
#include "http/patrol.h"

#include "store/steady.h"

void patrol_init(struct patrol *p)
{
    *p = (struct patrol){.runs = false};
    METE_ASSERT(pthread_mutex_init(&p->lock, NULL) == 0);
    steady_cond_init(&p->changed);
}

void patrol_start(struct patrol *p, void *(*run)(void *arg), void *arg)
{
    METE_ASSERT(pthread_create(&p->thread, NULL, run, arg) == 0);
    p->runs = true;
}

static void flag_set(struct patrol *p, bool *flag)
{
    pthread_mutex_lock(&p->lock);
    *flag = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

void patrol_stop(struct patrol *p)
{
    flag_set(p, &p->stopping);
    if (p->runs) {
        pthread_join(p->thread, NULL);
        p->runs = false;
    }
}

void patrol_free(struct patrol *p)
{
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
}

bool patrol_is_stopping(struct patrol *p)
{
    pthread_mutex_lock(&p->lock);
    bool stopping = p->stopping;
    pthread_mutex_unlock(&p->lock);
    return stopping;
}

/** `news` NULL: nothing but the end shortens it. */
static bool rest(struct patrol *p, int64_t ms, bool *news)
{
    const struct timespec until = steady_after(ms);
    pthread_mutex_lock(&p->lock);
    while (!p->stopping && !(news != NULL && p->news) &&
           pthread_cond_timedwait(&p->changed, &p->lock, &until) == 0) {
    }
    if (news != NULL) {
        *news = p->news;
        p->news = false;
    }
    bool goes_on = !p->stopping;
    pthread_mutex_unlock(&p->lock);
    return goes_on;
}

bool patrol_rest(struct patrol *p, int64_t ms)
{
    return rest(p, ms, NULL);
}

bool patrol_rest_for_news(struct patrol *p, int64_t ms, bool *news)
{
    return rest(p, ms, news);
}

void patrol_wake(struct patrol *p)
{
    flag_set(p, &p->news);
}

static void job_done(struct work *w, enum mete_code code, const struct mete_err *err)
{
    struct patrol_job *j = (struct patrol_job *)w;
    if (code != METE_OK && j->code == METE_OK) {
        j->code = code;
        j->err = *err;
    }
    flag_set(j->patrol, &j->over);
}

bool patrol_do(struct patrol *p, struct keeper *k, struct patrol_job *j)
{
    j->patrol = p;
    j->over = false;
    j->code = METE_OK;
    j->work.done = job_done;
    if (!keeper_put(k, &j->work)) {
        return false;
    }
    pthread_mutex_lock(&p->lock);
    while (!j->over) {
        pthread_cond_wait(&p->changed, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return true;
}
