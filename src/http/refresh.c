/* SPDX-License-Identifier: Apache-2.0
 * One policy at a time: what is noted of it, the registry's answer, and what is new as events in
 * one group. What was published here in between wins: then nothing is added. */
#include "http/refresh.h"

#include "base/text.h"
#include "engine/publication.h"
#include "http/registry.h"
#include "http/snapshots.h"
#include "store/steady.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define TICK_MS  500
#define AT_ONCE  64u /* policies of one tick */
#define FETCH_US (20 * TIME_SECOND_US)
#define REST_FIRST                                                                                 \
    TIME_SECOND_US /* after a look without an answer; then twice as long each time                 \
                    */
#define REST_MOST  (300 * TIME_SECOND_US)
#define MEMORY_MAX ((size_t)1 << 30)

struct refresh {
    struct desk *d;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    mete_time rest; /* while it gives no answer; 0: it does */
    mete_time rest_until;
    _Atomic uint64_t looks, published, refused, failures;
};

/* --- the keeper's part -------------------------------------------------------------------------*/

struct job {
    struct work work; /* first: it leads back */
    struct refresh *r;
    struct registry_fetch *f;
    struct text id;   /* that was looked after */
    struct text etag; /* of the version that was here */
    unsigned published;
    unsigned refused;
    struct mete_err why; /* of the last that was refused */
    bool over;
    enum mete_code code;
};

static void draft_submit(struct job *j, struct engine *e, const struct draft *d)
{
    struct submit_result r = {.status = SUBMIT_DUPLICATE};
    const struct submit_options o = {.no_quarantine = true};
    if (engine_seq_of(e, d->event_id) == 0) {
        engine_submit(e, draft_event(j->f->a, d, engine_now(e)), &o, &r);
    }
    if (r.status == SUBMIT_APPLIED) {
        j->published++;
    } else if (r.status != SUBMIT_DUPLICATE) {
        j->refused++;
        j->why = r.err;
    }
    registry_note(e, d->registry_id, d->registry_etag); /* a refused one is not asked for again */
}

static void job_run(struct work *w, struct engine *e, const struct mete_err *err)
{
    struct job *j = (struct job *)w;
    if (e == NULL) {
        j->code = err->code;
        return;
    }
    struct text noted = registry_noted(e, j->f->a, j->id);
    if (noted.p == NULL || !text_eq(noted, j->etag)) {
        return;
    }
    for (size_t i = j->f->drafts; i-- > 0;) {
        draft_submit(j, e, &j->f->draft[i]);
    }
}

static void job_done(struct work *w, enum mete_code code, const struct mete_err *err)
{
    struct job *j = (struct job *)w;
    struct refresh *r = j->r;
    (void)err;
    j->code = code != METE_OK ? code : j->code;
    pthread_mutex_lock(&r->lock);
    j->over = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void drafts_publish(struct refresh *r, struct registry_fetch *f, const char *book)
{
    struct job j = {.work = {.book = book, .writes = true, .run = job_run, .done = job_done},
                    .r = r,
                    .f = f,
                    .id = f->want[0].id,
                    .etag = f->want[0].etag};
    if (!keeper_put(r->d->keeper, &j.work)) {
        return; /* the next look finds it again */
    }
    pthread_mutex_lock(&r->lock);
    while (!j.over) {
        pthread_cond_wait(&r->changed, &r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    if (j.code != METE_OK) {
        return;
    }
    r->published += j.published;
    r->refused += j.refused;
    if (j.published > 0) {
        desk_say(r->d, "the registry has newer policies: %u published", j.published);
    }
    if (j.refused > 0) {
        desk_say(r->d, "a policy of the registry is refused: %s", j.why.text);
    }
}

/* --- looking -----------------------------------------------------------------------------------*/

/** What to ask for: a policy that came from the registry, and what it contains. */
static bool want(struct registry_fetch *f, struct text id)
{
    struct publication p;
    struct mete_err unused;
    struct text etag = registry_noted(f->e, f->a, id);
    if (etag.p == NULL) {
        return false; /* published here by somebody else */
    }
    registry_want_newer(f, id, etag);
    if (publication_version(f->e, f->a, id, 0, &p, &unused) == METE_OK) {
        registry_want_nested(f, p.policy);
    }
    return true;
}

/** METE_UPSTREAM: the registry gives no answer. */
static enum mete_code look_after(struct refresh *r, struct arena *a, const struct policy_due *due)
{
    struct mete_err err;
    struct registry_fetch *f = arena_alloc(a, sizeof *f);
    enum mete_code code = METE_OK;
    *f = (struct registry_fetch){
        .peers = r->d->peers, .a = a, .book = due->book, .until = desk_now() + FETCH_US};
    f->e = snapshots_take(r->d->snapshots, due->book.p, &err);
    bool asks = f->e != NULL && want(f, due->id);
    if (asks) {
        code = registry_fetch(f);
    }
    snapshots_give(r->d->snapshots, f->e);
    f->e = NULL;
    if (code != METE_OK) {
        r->failures++;
        if (r->rest == 0) {
            desk_say(r->d, "looking for newer policies: %s", f->err.text);
        }
        return code;
    }
    r->looks += asks;
    if (f->drafts > 0) {
        drafts_publish(r, f, due->book.p);
    }
    peers_policy_checked(r->d->peers, due, desk_now());
    return METE_OK;
}

static bool is_stopping(struct refresh *r)
{
    pthread_mutex_lock(&r->lock);
    bool stopping = r->stopping;
    pthread_mutex_unlock(&r->lock);
    return stopping;
}

static void rest_longer(struct refresh *r)
{
    r->rest = r->rest == 0 ? REST_FIRST : r->rest * 2 < REST_MOST ? r->rest * 2 : REST_MOST;
    r->rest_until = desk_now() + r->rest;
}

static void tick(struct refresh *r, struct arena *a)
{
    struct policy_due due[AT_ONCE];
    mete_time now = desk_now();
    if (now < r->rest_until && r->rest_until - now <= REST_MOST) { /* the clock may be set back */
        return;
    }
    size_t count = peers_policies_due(r->d->peers, now, a, due, AT_ONCE);
    for (size_t i = 0; i < count && !is_stopping(r); i++) {
        if (look_after(r, a, &due[i]) != METE_OK) {
            rest_longer(r);
            return;
        }
        if (r->rest > 0) {
            desk_say(r->d, "looking for newer policies: the registry answers again");
        }
        r->rest = r->rest_until = 0;
    }
}

static void *refresh_on(void *arg)
{
    struct refresh *r = arg;
    struct arena a;
    arena_init(&a, MEMORY_MAX);
    pthread_mutex_lock(&r->lock);
    while (!r->stopping) {
        pthread_mutex_unlock(&r->lock);
        tick(r, &a);
        arena_reset(&a);
        pthread_mutex_lock(&r->lock);
        const struct timespec until = steady_after(TICK_MS);
        while (!r->stopping && pthread_cond_timedwait(&r->changed, &r->lock, &until) == 0) {
        }
    }
    pthread_mutex_unlock(&r->lock);
    arena_clear(&a);
    return NULL;
}

/* --- for others --------------------------------------------------------------------------------*/

void refresh_start(struct refresh **out, struct desk *d)
{
    const struct peers_options *o = peers_options_of(d->peers);
    struct refresh *r;
    *out = NULL;
    if (o->registry == NULL || o->refresh_s == 0 || (d->o.roles & ROLE_MANIFESTS) != 0) {
        return;
    }
    r = calloc(1, sizeof *r);
    METE_ASSERT(r != NULL);
    r->d = d;
    METE_ASSERT(pthread_mutex_init(&r->lock, NULL) == 0);
    steady_cond_init(&r->changed);
    METE_ASSERT(pthread_create(&r->thread, NULL, refresh_on, r) == 0);
    *out = r;
}

void refresh_stop(struct refresh *r)
{
    if (r != NULL) {
        pthread_mutex_lock(&r->lock);
        r->stopping = true;
        pthread_cond_broadcast(&r->changed);
        pthread_mutex_unlock(&r->lock);
        pthread_join(r->thread, NULL);
    }
}

void refresh_free(struct refresh *r)
{
    if (r != NULL) {
        pthread_cond_destroy(&r->changed);
        pthread_mutex_destroy(&r->lock);
        free(r);
    }
}

void refresh_stats(const struct refresh *r, struct refresh_stats *out)
{
    *out = (struct refresh_stats){.looks = 0};
    if (r != NULL) {
        *out = (struct refresh_stats){.looks = r->looks,
                                      .published = r->published,
                                      .refused = r->refused,
                                      .failures = r->failures};
    }
}
