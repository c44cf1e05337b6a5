/* SPDX-License-Identifier: Apache-2.0
 * One policy at a time: what is noted of it, the registry's answer, and what is new as events in
 * one group. What was published here in between wins: then nothing is added. */
#include "http/refresh.h"

#include "base/text.h"
#include "engine/publication.h"
#include "http/desk.h"
#include "http/patrol.h"
#include "http/registry.h"
#include "http/snapshots.h"

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
    struct patrol patrol;
    mete_time rest; /* while it gives no answer; 0: it does */
    mete_time rest_until;
    _Atomic uint64_t looks, published, refused, failures;
};

/* --- the keeper's part -------------------------------------------------------------------------*/

struct job {
    struct patrol_job job; /* first: it leads back */
    struct registry_fetch *f;
    struct text id;   /* that was looked after */
    struct text etag; /* of the version that was here */
    unsigned published;
    unsigned refused;
    struct mete_err why; /* of the last that was refused */
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
        j->job.code = err->code;
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

static void drafts_publish(struct refresh *r, struct registry_fetch *f, const char *book)
{
    struct job j = {.job.work = {.book = book, .writes = true, .run = job_run},
                    .f = f,
                    .id = f->want[0].id,
                    .etag = f->want[0].etag};
    if (!patrol_do(&r->patrol, r->d->keeper, &j.job) || j.job.code != METE_OK) {
        return; /* the next look finds it again */
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
    for (size_t i = 0; i < count && !patrol_is_stopping(&r->patrol); i++) {
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
    do {
        tick(r, &a);
        arena_reset(&a);
    } while (patrol_rest(&r->patrol, TICK_MS));
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
    patrol_init(&r->patrol);
    patrol_start(&r->patrol, refresh_on, r);
    *out = r;
}

void refresh_stop(struct refresh *r)
{
    if (r != NULL) {
        patrol_stop(&r->patrol);
    }
}

void refresh_free(struct refresh *r)
{
    if (r != NULL) {
        patrol_free(&r->patrol);
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
