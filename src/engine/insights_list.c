/* SPDX-License-Identifier: Apache-2.0
 * Reading points and insight events in pages, from one series to the next: within a series only
 * what lies in the period is read, and a series that is not wanted costs one look. */
#include "engine/insights.h"

#include "base/encode.h"
#include "base/text.h"
#include "engine/insights_parts.h"
#include "engine/internal.h"

#include <string.h>

#define LOOKS_MAX  2000u  /* series of one page */
#define ROWS_MAX   20000u /* insight events looked at for one page */
#define CURSOR_MAX 4096u

/* --- cursors -----------------------------------------------------------------------------------*/

/** The name of the row with which the next page begins. */
static struct text cursor_write(struct arena *a, const struct text *part, size_t count, mete_time t)
{
    struct buf b = {0};
    for (size_t i = 0; i < count; i++) {
        buf_put_sized(&b, part[i]);
    }
    buf_put_be64(&b, (uint64_t)t);
    char *text = arena_alloc(a, BASE64_TEXT_MAX(b.len));
    struct text out = {text, base64url_encode(text, buf_bytes(&b))};
    buf_clear(&b);
    return out;
}

static bool cursor_read(struct arena *a, struct text cursor, struct text *part, size_t count,
                        mete_time *t)
{
    size_t len = 0;
    uint8_t *raw = arena_alloc(a, CURSOR_MAX);
    if (cursor.len > CURSOR_MAX || !base64url_decode(raw, CURSOR_MAX, &len, cursor)) {
        return false;
    }
    struct reader r = reader_of((struct bytes){raw, len});
    for (size_t i = 0; i < count; i++) {
        part[i] = read_sized(&r);
    }
    *t = (mete_time)read_be64(&r);
    return reader_done(&r);
}

static enum mete_code cursor_fail(struct mete_err *err)
{
    return mete_fail(err, METE_MEMBER_VALUE, NULL,
                     "this is no cursor: give the next of the page before, as it is");
}

/* --- points ------------------------------------------------------------------------------------*/

struct kpi_point kpi_name_copy(struct arena *a, const struct kpi_point *p)
{
    return (struct kpi_point){.app = arena_text(a, p->app),
                              .metric = arena_text(a, p->metric),
                              .bucket = arena_text(a, p->bucket),
                              .env = arena_text(a, p->env),
                              .tags = arena_text(a, p->tags),
                              .t = p->t};
}

struct first_point {
    struct arena *a;
    struct kpi_point *out;
    bool found;
};

static bool first_note(void *arg, const struct kpi_point *p)
{
    struct first_point *f = arg;
    *f->out = kpi_name_copy(f->a, p);
    f->found = true;
    return false;
}

enum mete_code kpi_first(struct engine *e, const struct kpi_point *at, const struct kpi_point *end,
                         struct arena *a, struct kpi_point *out, bool *found, struct mete_err *err)
{
    struct first_point first = {.a = a, .out = out};
    enum store_result r = book_kpi_scan(e->book, at, end, 1, first_note, &first, err);
    *found = first.found;
    return r == STORE_OK ? METE_OK : err->code;
}

static bool text_wanted(struct text wanted, struct text have)
{
    return wanted.len == 0 || text_eq(wanted, have);
}

static bool series_wanted(const struct kpi_query *q, const struct kpi_point *p)
{
    return text_wanted(q->app, p->app) && text_wanted(q->metric, p->metric) &&
           text_wanted(q->bucket, p->bucket) && text_wanted(q->env, p->env);
}

/** Where to look after a series that is not wanted: metrics of one app follow each other. */
static struct kpi_point series_skip(const struct kpi_query *q, const struct kpi_point *p)
{
    int c = q->metric.len > 0 ? text_cmp(p->metric, q->metric) : 0;
    struct kpi_point next = *p;
    next.t = TIME_NEVER;
    if (c != 0) {
        next = (struct kpi_point){
            .app = p->app, .metric = c < 0 ? q->metric : INSIGHT_APP_END, .t = TIME_ALWAYS};
    }
    return next;
}

/** Rows of the page that is being read. */
struct point_page {
    kpi_visit *visit;
    void *arg;
    size_t left;
    mete_time last;
    bool stopped; /* by whoever reads */
};

static bool page_point(void *arg, const struct kpi_point *p)
{
    struct point_page *page = arg;
    page->left--;
    page->last = p->t;
    page->stopped = !page->visit(page->arg, p);
    return !page->stopped;
}

/** The points of one series that are wanted; `at`: where the next look begins. */
static enum mete_code series_read(struct engine *e, const struct kpi_query *q,
                                  const struct kpi_point *series, struct kpi_point *at,
                                  struct point_page *page, struct mete_err *err)
{
    struct kpi_point from = *series;
    struct kpi_point until = *series;
    from.t = series->t > q->from ? series->t : q->from;
    until.t = q->until;
    *at = *series;
    at->t = TIME_NEVER;
    if (book_kpi_scan(e->book, &from, &until, page->left, page_point, page, err) != STORE_OK) {
        return err->code;
    }
    if (page->left == 0 || page->stopped) {
        at->t = page->last + 1;
    }
    return METE_OK;
}

static enum mete_code points_begin(const struct kpi_query *q, struct arena *a, struct kpi_point *at,
                                   struct mete_err *err)
{
    struct text part[5];
    *at = (struct kpi_point){.app = q->app, .metric = q->metric, .t = TIME_ALWAYS};
    if (q->app.len == 0) {
        at->metric = (struct text){0};
    }
    if (q->cursor.len == 0) {
        return METE_OK;
    }
    if (!cursor_read(a, q->cursor, part, ARRAY_LEN(part), &at->t)) {
        return cursor_fail(err);
    }
    at->app = part[0];
    at->metric = part[1];
    at->bucket = part[2];
    at->env = part[3];
    at->tags = part[4];
    return METE_OK;
}

static struct text point_cursor(struct arena *a, const struct kpi_point *at)
{
    const struct text part[] = {at->app, at->metric, at->bucket, at->env, at->tags};
    return cursor_write(a, part, ARRAY_LEN(part), at->t);
}

/** The end of the app that is asked for. */
static struct kpi_point points_end(const struct kpi_query *q)
{
    return q->app.len > 0 ? (struct kpi_point){.app = q->app, .metric = INSIGHT_APP_END}
                          : (struct kpi_point){.app = INSIGHT_APP_END};
}

enum mete_code kpi_list(struct engine *e, const struct kpi_query *q, struct arena *a,
                        kpi_visit *visit, void *arg, struct text *next, struct mete_err *err)
{
    struct kpi_point at;
    struct point_page page = {.visit = visit, .arg = arg, .left = q->limit};
    const struct kpi_point end = points_end(q);
    *next = (struct text){0};
    enum mete_code code = points_begin(q, a, &at, err);
    for (unsigned looks = 0; code == METE_OK && looks < LOOKS_MAX; looks++) {
        struct kpi_point first;
        bool found;
        code = kpi_first(e, &at, &end, a, &first, &found, err);
        if (code != METE_OK || !found) {
            return code;
        }
        if (page.left == 0 || page.stopped) {
            break;
        }
        if (series_wanted(q, &first)) {
            code = series_read(e, q, &first, &at, &page, err);
        } else {
            at = series_skip(q, &first);
        }
    }
    *next = code == METE_OK ? point_cursor(a, &at) : *next;
    return code;
}

/* --- insight events ----------------------------------------------------------------------------*/

struct event_page {
    const struct insight_query *q;
    struct arena *a;
    insight_visit *visit;
    void *arg;
    size_t left;
    size_t looks;
    struct insight last; /* its name, in `a` */
    bool stopped;
};

static bool event_wanted(const struct insight_query *q, const struct insight *i)
{
    return text_wanted(q->env, i->env) && text_wanted(q->type, i->type) &&
           text_wanted(q->severity, i->severity);
}

static bool page_event(void *arg, const struct insight *i)
{
    struct event_page *page = arg;
    bool wanted = event_wanted(page->q, i);
    page->looks--;
    page->left -= wanted;
    page->stopped = wanted && !page->visit(page->arg, i);
    if (page->left == 0 || page->looks == 0 || page->stopped) {
        page->last = insight_name_copy(page->a, i);
        return false;
    }
    return true;
}

struct insight insight_name_copy(struct arena *a, const struct insight *i)
{
    return (struct insight){.kind = i->kind,
                            .app = arena_text(a, i->app),
                            .env = arena_text(a, i->env),
                            .id = arena_text(a, i->id),
                            .t = i->t};
}

struct first_event {
    struct arena *a;
    struct insight *out;
    bool found;
};

static bool first_event_note(void *arg, const struct insight *i)
{
    struct first_event *f = arg;
    *f->out = insight_name_copy(f->a, i);
    f->found = true;
    return false;
}

enum mete_code insight_first(struct engine *e, const struct insight *at, const struct insight *end,
                             struct arena *a, struct insight *out, bool *found,
                             struct mete_err *err)
{
    struct first_event first = {.a = a, .out = out};
    enum store_result r = book_insight_scan(e->book, at, end, 1, first_event_note, &first, err);
    *found = first.found;
    return r == STORE_OK ? METE_OK : err->code;
}

/** The name that comes right after: no id holds a zero byte. */
static struct insight event_after(struct arena *a, const struct insight *i)
{
    char *id = arena_alloc(a, i->id.len + 1); /* zeroed */
    struct insight next = {.kind = i->kind, .app = i->app, .env = i->env, .t = i->t};
    memcpy(id, i->id.p, i->id.len);
    next.id = (struct text){id, i->id.len + 1};
    return next;
}

/** The events of one app that are wanted; `at`: where the next look begins. */
static enum mete_code app_read(struct engine *e, const struct insight_query *q,
                               const struct insight *first, struct insight *at,
                               struct event_page *page, struct mete_err *err)
{
    const struct insight until = {.kind = INSIGHT_EVENT, .app = first->app, .t = q->until};
    struct insight from = *first;
    if (q->from > from.t) {
        from = (struct insight){.kind = INSIGHT_EVENT, .app = first->app, .t = q->from};
    }
    *at = (struct insight){.kind = INSIGHT_EVENT, .app = first->app, .t = TIME_NEVER};
    if (book_insight_scan(e->book, &from, &until, page->looks, page_event, page, err) != STORE_OK) {
        return err->code;
    }
    if (page->left == 0 || page->looks == 0 || page->stopped) {
        *at = event_after(page->a, &page->last);
    }
    return METE_OK;
}

static enum mete_code events_begin(const struct insight_query *q, struct arena *a,
                                   struct insight *at, struct mete_err *err)
{
    struct text part[3];
    *at = (struct insight){.kind = INSIGHT_EVENT, .app = q->app, .t = TIME_ALWAYS};
    if (q->cursor.len == 0) {
        return METE_OK;
    }
    if (!cursor_read(a, q->cursor, part, ARRAY_LEN(part), &at->t)) {
        return cursor_fail(err);
    }
    at->app = part[0];
    at->env = part[1];
    at->id = part[2];
    return METE_OK;
}

static struct text event_cursor(struct arena *a, const struct insight *at)
{
    const struct text part[] = {at->app, at->env, at->id};
    return cursor_write(a, part, ARRAY_LEN(part), at->t);
}

static struct insight events_end(const struct insight_query *q)
{
    return q->app.len > 0 ? (struct insight){.kind = INSIGHT_EVENT, .app = q->app, .t = TIME_NEVER}
                          : (struct insight){.kind = INSIGHT_EVENT, .app = INSIGHT_APP_END};
}

enum mete_code insight_list(struct engine *e, const struct insight_query *q, struct arena *a,
                            insight_visit *visit, void *arg, struct text *next,
                            struct mete_err *err)
{
    struct insight at;
    struct event_page page = {
        .q = q, .a = a, .visit = visit, .arg = arg, .left = q->limit, .looks = ROWS_MAX};
    const struct insight end = events_end(q);
    *next = (struct text){0};
    enum mete_code code = events_begin(q, a, &at, err);
    for (unsigned looks = 0; code == METE_OK && looks < LOOKS_MAX; looks++) {
        struct insight first;
        bool found;
        code = insight_first(e, &at, &end, a, &first, &found, err);
        if (code != METE_OK || !found) {
            return code;
        }
        if (page.left == 0 || page.looks == 0 || page.stopped) {
            break;
        }
        code = app_read(e, q, &first, &at, &page, err);
    }
    *next = code == METE_OK ? event_cursor(a, &at) : *next;
    return code;
}
