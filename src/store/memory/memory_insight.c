/* SPDX-License-Identifier: Apache-2.0
 * Points and insights in memory: sorted arrays of rows. Who changes them first in a group keeps the
 * array as it was, so that a rollback puts it back. For tests: adding one costs by their number. */
#include "base/text.h"
#include "store/memory/memory.h"

#include <stdlib.h>
#include <string.h>

typedef int row_cmp(const void *a, const void *b);

static int point_cmp(const void *a, const void *b)
{
    return kpi_point_cmp(a, b);
}

static int event_cmp(const void *a, const void *b)
{
    return insight_cmp(a, b);
}

/** The first row that is not before `key`. */
static size_t rows_seek(const struct memory_rows *r, row_cmp *cmp, const void *key)
{
    size_t from = 0;
    size_t until = r->count;
    while (from < until) {
        size_t mid = from + (until - from) / 2;
        if (cmp(r->row[mid], key) < 0) {
            from = mid + 1;
        } else {
            until = mid;
        }
    }
    return from;
}

static void rows_touch(struct memory_rows *r)
{
    if (r->before != NULL) {
        return;
    }
    r->before = malloc((r->count + 1) * sizeof *r->before);
    METE_ASSERT(r->before != NULL);
    if (r->count > 0) {
        memcpy(r->before, r->row, r->count * sizeof *r->before);
    }
    r->before_count = r->count;
}

static void rows_remove(struct memory_rows *r, size_t at)
{
    rows_touch(r);
    memmove(r->row + at, r->row + at + 1, (r->count - at - 1) * sizeof *r->row);
    r->count--;
}

static void rows_insert(struct memory_rows *r, size_t at, void *row)
{
    rows_touch(r);
    if (r->count == r->cap) {
        r->cap = r->cap == 0 ? 16 : r->cap * 2;
        r->row = realloc(r->row, r->cap * sizeof *r->row);
        METE_ASSERT(r->row != NULL);
    }
    memmove(r->row + at + 1, r->row + at, (r->count - at) * sizeof *r->row);
    r->row[at] = row;
    r->count++;
}

static void rows_settle(struct memory_rows *r, bool keep)
{
    if (r->before != NULL && !keep) {
        for (size_t i = 0; i < r->before_count; i++) {
            r->row[i] = r->before[i];
        }
        r->count = r->before_count;
    }
    free(r->before);
    r->before = NULL;
}

void memory_insights_settle(struct memory_log *l, bool keep)
{
    rows_settle(&l->point, keep);
    rows_settle(&l->insight, keep);
}

void memory_insights_clear(struct memory_log *l)
{
    struct memory_rows *rows[] = {&l->point, &l->insight};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rows_settle(rows[i], true);
        vector_clear(&rows[i]->all);
        free(rows[i]->row);
    }
}

/* --- points ------------------------------------------------------------------------------------*/

static const struct kpi_point *point_at(const struct memory_log *l, const struct kpi_point *p,
                                        size_t *at)
{
    *at = rows_seek(&l->point, point_cmp, p);
    const struct kpi_point *have = *at < l->point.count ? l->point.row[*at] : NULL;
    return have != NULL && kpi_point_cmp(have, p) == 0 ? have : NULL;
}

enum store_result memory_kpi_find(void *log, const struct kpi_point *want, size_t count,
                                  struct arena *a, struct kpi_point *found, struct mete_err *err)
{
    size_t at;
    (void)a; /* rows stay where they are */
    (void)err;
    for (size_t i = 0; i < count; i++) {
        const struct kpi_point *have = point_at(log, &want[i], &at);
        found[i] = have != NULL ? *have : (struct kpi_point){0};
    }
    return STORE_OK;
}

enum store_result memory_kpi_put(void *log, const struct kpi_point *p, size_t count,
                                 struct mete_err *err)
{
    struct memory_log *l = log;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        size_t at;
        char *tail;
        size_t extra = p[i].app.len + p[i].metric.len + p[i].bucket.len + p[i].env.len +
                       p[i].tags.len + p[i].v.len + p[i].unit.len;
        struct kpi_point *own = vector_push(&l->point.all, sizeof *own, extra, &tail);
        *own = p[i];
        own->app = tail_text(&tail, p[i].app);
        own->metric = tail_text(&tail, p[i].metric);
        own->bucket = tail_text(&tail, p[i].bucket);
        own->env = tail_text(&tail, p[i].env);
        own->tags = tail_text(&tail, p[i].tags);
        own->v = tail_text(&tail, p[i].v);
        own->unit = tail_text(&tail, p[i].unit);
        if (point_at(l, own, &at) != NULL) {
            rows_remove(&l->point, at);
        }
        rows_insert(&l->point, at, own);
    }
    return STORE_OK;
}

enum store_result memory_kpi_remove(void *log, const struct kpi_point *p, size_t count,
                                    struct mete_err *err)
{
    struct memory_log *l = log;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        size_t at;
        if (point_at(l, &p[i], &at) != NULL) {
            rows_remove(&l->point, at);
        }
    }
    return STORE_OK;
}

enum store_result memory_kpi_scan(void *log, const struct kpi_point *from,
                                  const struct kpi_point *until, size_t limit, kpi_visit *visit,
                                  void *arg, struct mete_err *err)
{
    const struct memory_log *l = log;
    (void)err;
    for (size_t i = rows_seek(&l->point, point_cmp, from); limit > 0 && i < l->point.count; i++) {
        if (kpi_point_cmp(l->point.row[i], until) >= 0 || !visit(arg, l->point.row[i])) {
            break;
        }
        limit--;
    }
    return STORE_OK;
}

/* --- insights ----------------------------------------------------------------------------------*/

/** By its id: its time may be another one. */
static const struct insight *insight_at(const struct memory_log *l, const struct insight *want,
                                        size_t *at)
{
    for (*at = 0; *at < l->insight.count; ++*at) {
        const struct insight *have = l->insight.row[*at];
        if (have->kind == want->kind && text_eq(have->app, want->app) &&
            text_eq(have->env, want->env) && text_eq(have->id, want->id)) {
            return have;
        }
    }
    return NULL;
}

enum store_result memory_insight_find(void *log, const struct insight *want, size_t count,
                                      struct insight *found, struct mete_err *err)
{
    size_t at;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        const struct insight *have = insight_at(log, &want[i], &at);
        found[i] = (struct insight){.received_at = TIME_NEVER};
        if (have != NULL) {
            found[i].t = have->t;
            found[i].sha256 = have->sha256;
            found[i].received_at = have->received_at;
        }
    }
    return STORE_OK;
}

enum store_result memory_insight_put(void *log, const struct insight *in, size_t count,
                                     struct mete_err *err)
{
    struct memory_log *l = log;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        size_t at;
        char *tail;
        size_t extra = in[i].app.len + in[i].env.len + in[i].id.len + in[i].type.len +
                       in[i].severity.len + in[i].message.len + in[i].data.len;
        struct insight *own = vector_push(&l->insight.all, sizeof *own, extra, &tail);
        *own = in[i];
        own->app = tail_text(&tail, in[i].app);
        own->env = tail_text(&tail, in[i].env);
        own->id = tail_text(&tail, in[i].id);
        own->type = tail_text(&tail, in[i].type);
        own->severity = tail_text(&tail, in[i].severity);
        own->message = tail_text(&tail, in[i].message);
        own->data = tail_text(&tail, in[i].data);
        if (insight_at(l, own, &at) != NULL) {
            rows_remove(&l->insight, at);
        }
        rows_insert(&l->insight, rows_seek(&l->insight, event_cmp, own), own);
    }
    return STORE_OK;
}

enum store_result memory_insight_remove(void *log, const struct insight *in, size_t count,
                                        struct mete_err *err)
{
    struct memory_log *l = log;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        size_t at;
        if (insight_at(l, &in[i], &at) != NULL) {
            rows_remove(&l->insight, at);
        }
    }
    return STORE_OK;
}

enum store_result memory_insight_scan(void *log, const struct insight *from,
                                      const struct insight *until, size_t limit,
                                      insight_visit *visit, void *arg, struct mete_err *err)
{
    const struct memory_log *l = log;
    (void)err;
    for (size_t i = rows_seek(&l->insight, event_cmp, from); limit > 0 && i < l->insight.count;
         i++) {
        if (insight_cmp(l->insight.row[i], until) >= 0 || !visit(arg, l->insight.row[i])) {
            break;
        }
        limit--;
    }
    return STORE_OK;
}
