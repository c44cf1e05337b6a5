/* SPDX-License-Identifier: Apache-2.0
 * The follower. Where it stands is kept in the book, in the group of the events that it read, so
 * that it goes on there after any end. */
#include "http/follow.h"

#include "base/i128.h"
#include "base/text.h"
#include "http/patrol.h"
#include "http/reply.h"
#include "http/routes.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PAGE       500
#define LOOK_S     2 /* seconds between looks when nobody says that there is news */
#define PLACE_NAME "follow:after"
#define ARENA_MAX  ((size_t)1 << 31)
#define AHEAD_US   (5 * 60 * TIME_SECOND_US) /* that the other's clock may go before ours */

struct follow {
    struct desk *d;
    struct patrol patrol;
    _Atomic bool news; /* for those who follow us */
    bool follows;
    bool placed;               /* `after` is known */
    uint64_t after;            /* events of the other log that are here */
    bool failing;              /* the last look failed, and was complained about */
    _Atomic mete_time read_at; /* when all was here, last; 0: never */
};

/* --- the keeper's part -------------------------------------------------------------------------*/

struct job {
    struct patrol_job job; /* first: it leads back */
    struct follow *f;
    const struct json *events; /* NULL: only find out where to begin */
    uint64_t next;
    struct arena a;
};

static void place_read(struct job *j, struct engine *e)
{
    struct text value;
    u128 after = 0;
    if (book_meta_get(engine_book(e), PLACE_NAME, &j->a, &value, &j->job.err) == STORE_OK) {
        (void)!u128_parse(value, &after);
    }
    j->f->after = (uint64_t)after;
}

/** Events come as the log has them. Moments are those of the other log, too: what follows from them
 *  is then the same, and so is the head of the log when nothing else is written here. */
static void events_take(struct job *j, struct engine *e)
{
    mete_time last = book_head(engine_book(e)).recorded_at;
    char digits[I128_TEXT_MAX];
    for (const struct json *row = j->events->child; row != NULL; row = row->next) {
        const struct json *at = json_get(row, "recorded_at");
        const struct json *event = json_get(row, "event");
        struct submit_options o = {.stored = true, .no_quarantine = true};
        struct submit_result r;
        if (at == NULL || event == NULL || time_parse(at->text, &o.recorded_at) != TIME_OK) {
            j->job.code =
                mete_fail(&j->job.err, METE_UPSTREAM, NULL, "a row of the feed is of another kind");
            return;
        }
        if (o.recorded_at >
            desk_now() + AHEAD_US) { /* all that came later would stand there, too */
            j->job.code =
                mete_fail(&j->job.err, METE_UPSTREAM, NULL, "a row of the feed is from the future");
            return;
        }
        last = o.recorded_at > last ? o.recorded_at : last;
        o.recorded_at = last;
        engine_submit(e, event->raw, &o, &r);
        if (r.status == SUBMIT_FAILED || r.status == SUBMIT_REFUSED ||
            r.status == SUBMIT_CONFLICT) {
            j->job.code = r.err.code;
            j->job.err = r.err;
            return;
        }
    }
    struct text value = {digits, u128_format(j->next, digits)};
    if (book_meta_set(engine_book(e), PLACE_NAME, value, &j->job.err) == STORE_FAILED) {
        j->job.code = METE_STORE_FAILED;
    }
}

static void job_run(struct work *w, struct engine *e, const struct mete_err *err)
{
    struct job *j = (struct job *)w;
    if (e == NULL) {
        j->job.code = err->code;
        j->job.err = *err;
    } else if (j->events == NULL) {
        place_read(j, e);
    } else {
        events_take(j, e);
    }
}

static enum mete_code job_wait(struct job *j, struct mete_err *err)
{
    struct follow *f = j->f;
    j->job.work = (struct work){.book = f->d->o.book,
                                .writes = j->events != NULL,
                                .create_book = f->d->o.create,
                                .run = job_run};
    if (!patrol_do(&f->patrol, f->d->keeper, &j->job)) {
        return mete_fail(err, METE_OVERLOADED, NULL, "too much is waiting already");
    }
    if (j->job.code != METE_OK) {
        *err = j->job.err;
    }
    return j->job.code;
}

/* --- looking -----------------------------------------------------------------------------------*/

static enum mete_code page_get(struct follow *f, struct buf *out, struct mete_err *err)
{
    char path[96];
    unsigned status = 0;
    const char *service = peers_options_of(f->d->peers)->distribution;
    snprintf(path, sizeof path, "/v1/events?after=%llu&limit=%d&derived=false",
             (unsigned long long)f->after, PAGE);
    enum mete_code code =
        peers_call(f->d->peers, service, text_of(path), (struct text){0}, out, &status, err);
    return code == METE_OK && status != 200
               ? mete_fail(err, METE_UPSTREAM, NULL, "%s answers with status %u", service, status)
               : code;
}

static enum mete_code page_take(struct job *j, struct text page, bool *more, struct mete_err *err)
{
    struct json *root = NULL;
    int64_t next = 0;
    if (json_parse(&j->a, page, &root, err) != METE_OK) {
        return err->code;
    }
    j->events = json_get(root, "events");
    const struct json *number = json_get(root, "next");
    if (j->events == NULL || j->events->type != JSON_ARRAY || number == NULL ||
        !json_int(number, 0, INT64_MAX, &next)) {
        return mete_fail(err, METE_UPSTREAM, NULL, "the feed is of another kind");
    }
    j->next = (uint64_t)next;
    if (j->next < j->f->after) {
        return mete_fail(err, METE_UPSTREAM, NULL, "the feed goes backwards");
    }
    *more = j->next > j->f->after && json_is_true(json_get(root, "more"));
    enum mete_code code = j->events->count > 0 ? job_wait(j, err) : METE_OK;
    j->f->after = code == METE_OK ? j->next : j->f->after;
    return code;
}

/** Reads one page. *more: there is another one. */
static enum mete_code look(struct follow *f, bool *more, struct mete_err *err)
{
    struct job j = {.f = f};
    struct buf page = {0};
    enum mete_code code = METE_OK;
    arena_init(&j.a, ARENA_MAX);
    *more = false;
    if (!f->placed) {
        code = job_wait(&j, err);
        f->placed = code == METE_OK;
    }
    code = code == METE_OK ? page_get(f, &page, err) : code;
    code = code == METE_OK ? page_take(&j, buf_text(&page), more, err) : code;
    buf_clear(&page);
    arena_clear(&j.a);
    return code;
}

static void look_all(struct follow *f)
{
    struct mete_err err = {.code = METE_OK};
    bool more = true;
    enum mete_code code = METE_OK;
    while (more && code == METE_OK && !patrol_is_stopping(&f->patrol)) {
        code = look(f, &more, &err);
    }
    if (code != METE_OK && !f->failing) {
        desk_say(f->d, "following the distributions service: %s", err.text);
    }
    f->failing = code != METE_OK;
    if (code == METE_OK && !more) {
        f->read_at = desk_now();
    }
}

/** Nobody depends on it: who is not told looks by itself. */
static void tell(const struct follow *f)
{
    struct buf out = {0};
    struct mete_err unused;
    unsigned status;
    (void)!peers_call(f->d->peers, peers_options_of(f->d->peers)->wallet, TEXT("/v1/follow"),
                      TEXT(""), &out, &status, &unused);
    buf_clear(&out);
}

static void *follow_on(void *arg)
{
    struct follow *f = arg;
    bool unused;
    do {
        bool news = atomic_exchange(&f->news, false);
        if (f->follows) {
            look_all(f);
        }
        if (news && peers_options_of(f->d->peers)->wallet != NULL) {
            tell(f);
        }
    } while (patrol_rest_for_news(&f->patrol, LOOK_S * 1000, &unused));
    return NULL;
}

/* --- for others --------------------------------------------------------------------------------*/

void follow_start(struct follow **out, struct desk *d)
{
    const struct peers_options *o = peers_options_of(d->peers);
    bool reads = (d->o.roles & (ROLE_WALLET | ROLE_DASHBOARD)) != 0 &&
                 (d->o.roles & ROLE_DISTRIBUTIONS) == 0;
    struct follow *f;
    *out = NULL;
    if (o->wallet == NULL && (o->distribution == NULL || !reads)) {
        return;
    }
    f = calloc(1, sizeof *f);
    METE_ASSERT(f != NULL);
    f->d = d;
    f->follows = reads && o->distribution != NULL;
    patrol_init(&f->patrol);
    patrol_start(&f->patrol, follow_on, f);
    *out = f;
}

void follow_stop(struct follow *f)
{
    if (f == NULL) {
        return;
    }
    patrol_stop(&f->patrol);
}

void follow_free(struct follow *f)
{
    if (f == NULL) {
        return;
    }
    patrol_free(&f->patrol);
    free(f);
}

bool follow_reads(const struct follow *f, mete_time *read_at)
{
    *read_at = f != NULL ? f->read_at : 0;
    return f != NULL && f->follows;
}

void follow_wake(struct follow *f)
{
    if (f != NULL) {
        patrol_wake(&f->patrol);
    }
}

void follow_news(struct follow *f)
{
    if (f != NULL) {
        atomic_store(&f->news, true);
        patrol_wake(&f->patrol);
    }
}

void follow_post(struct desk *d, struct engine *e, struct exchange *x)
{
    struct json_writer w;
    (void)e;
    follow_wake(d->follow);
    reply_json(x, 202, &w);
    jw_object(&w, NULL);
    jw_bool(&w, "follows", d->follow != NULL);
    jw_end_object(&w);
}
