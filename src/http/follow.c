/* SPDX-License-Identifier: Apache-2.0
 * The follower. Where it stands is kept in the book, in the group of the events that it read, so
 * that it goes on there after any end. */
#include "http/follow.h"

#include "base/i128.h"
#include "base/text.h"
#include "http/reply.h"
#include "http/routes.h"
#include "store/steady.h"

#include <pthread.h>
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
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    bool wake;
    bool news;
    bool follows;
    bool placed;               /* `after` is known */
    uint64_t after;            /* events of the other log that are here */
    bool failing;              /* the last look failed, and was complained about */
    _Atomic mete_time read_at; /* when all was here, last; 0: never */
};

/* --- the keeper's part -------------------------------------------------------------------------*/

struct job {
    struct work work; /* first: it leads back */
    struct follow *f;
    const struct json *events; /* NULL: only find out where to begin */
    uint64_t next;
    struct arena a;
    bool over;
    enum mete_code code;
    struct mete_err err;
};

static void place_read(struct job *j, struct engine *e)
{
    struct text value;
    u128 after = 0;
    if (book_meta_get(engine_book(e), PLACE_NAME, &j->a, &value, &j->err) == STORE_OK) {
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
            j->code =
                mete_fail(&j->err, METE_UPSTREAM, NULL, "a row of the feed is of another kind");
            return;
        }
        if (o.recorded_at >
            desk_now() + AHEAD_US) { /* all that came later would stand there, too */
            j->code =
                mete_fail(&j->err, METE_UPSTREAM, NULL, "a row of the feed is from the future");
            return;
        }
        last = o.recorded_at > last ? o.recorded_at : last;
        o.recorded_at = last;
        engine_submit(e, event->raw, &o, &r);
        if (r.status == SUBMIT_FAILED || r.status == SUBMIT_REFUSED ||
            r.status == SUBMIT_CONFLICT) {
            j->code = r.err.code;
            j->err = r.err;
            return;
        }
    }
    struct text value = {digits, u128_format(j->next, digits)};
    if (book_meta_set(engine_book(e), PLACE_NAME, value, &j->err) == STORE_FAILED) {
        j->code = METE_STORE_FAILED;
    }
}

static void job_run(struct work *w, struct engine *e, const struct mete_err *err)
{
    struct job *j = (struct job *)w;
    if (e == NULL) {
        j->code = err->code;
        j->err = *err;
    } else if (j->events == NULL) {
        place_read(j, e);
    } else {
        events_take(j, e);
    }
}

static void job_done(struct work *w, enum mete_code code, const struct mete_err *err)
{
    struct job *j = (struct job *)w;
    struct follow *f = j->f;
    if (code != METE_OK && j->code == METE_OK) {
        j->code = code;
        j->err = *err;
    }
    pthread_mutex_lock(&f->lock);
    j->over = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static enum mete_code job_wait(struct job *j, struct mete_err *err)
{
    struct follow *f = j->f;
    j->work = (struct work){.book = f->d->o.book,
                            .writes = j->events != NULL,
                            .create_book = f->d->o.create,
                            .run = job_run,
                            .done = job_done};
    if (!keeper_put(f->d->keeper, &j->work)) {
        return mete_fail(err, METE_OVERLOADED, NULL, "too much is waiting already");
    }
    pthread_mutex_lock(&f->lock);
    while (!j->over) {
        pthread_cond_wait(&f->changed, &f->lock);
    }
    pthread_mutex_unlock(&f->lock);
    if (j->code != METE_OK) {
        *err = j->err;
    }
    return j->code;
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
        j.over = false;
    }
    code = code == METE_OK ? page_get(f, &page, err) : code;
    code = code == METE_OK ? page_take(&j, buf_text(&page), more, err) : code;
    buf_clear(&page);
    arena_clear(&j.a);
    return code;
}

static bool is_stopping(struct follow *f)
{
    pthread_mutex_lock(&f->lock);
    bool stopping = f->stopping;
    pthread_mutex_unlock(&f->lock);
    return stopping;
}

static void look_all(struct follow *f)
{
    struct mete_err err = {.code = METE_OK};
    bool more = true;
    enum mete_code code = METE_OK;
    while (more && code == METE_OK && !is_stopping(f)) {
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
    pthread_mutex_lock(&f->lock);
    while (!f->stopping) {
        bool news = f->news;
        f->wake = f->news = false;
        pthread_mutex_unlock(&f->lock);
        if (f->follows) {
            look_all(f);
        }
        if (news && peers_options_of(f->d->peers)->wallet != NULL) {
            tell(f);
        }
        pthread_mutex_lock(&f->lock);
        const struct timespec until = steady_after(LOOK_S * 1000);
        while (!f->stopping && !f->wake && !f->news &&
               pthread_cond_timedwait(&f->changed, &f->lock, &until) == 0) {
        }
    }
    pthread_mutex_unlock(&f->lock);
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
    METE_ASSERT(pthread_mutex_init(&f->lock, NULL) == 0);
    steady_cond_init(&f->changed);
    METE_ASSERT(pthread_create(&f->thread, NULL, follow_on, f) == 0);
    *out = f;
}

static void flag_set(struct follow *f, bool *flag)
{
    pthread_mutex_lock(&f->lock);
    *flag = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

void follow_stop(struct follow *f)
{
    if (f == NULL) {
        return;
    }
    flag_set(f, &f->stopping);
    pthread_join(f->thread, NULL);
}

void follow_free(struct follow *f)
{
    if (f == NULL) {
        return;
    }
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
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
        flag_set(f, &f->wake);
    }
}

void follow_news(struct follow *f)
{
    if (f != NULL) {
        flag_set(f, &f->news);
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
