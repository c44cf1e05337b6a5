/* SPDX-License-Identifier: Apache-2.0
 * Points and insights of a book: the door to the store that has them, and their order. */
#include "store/insight.h"

#include "base/text.h"
#include "store/book.h"

static int time_cmp(mete_time a, mete_time b)
{
    return (a > b) - (a < b);
}

int kpi_point_cmp(const struct kpi_point *a, const struct kpi_point *b)
{
    int c = text_cmp(a->app, b->app);
    c = c != 0 ? c : text_cmp(a->metric, b->metric);
    c = c != 0 ? c : text_cmp(a->bucket, b->bucket);
    c = c != 0 ? c : text_cmp(a->env, b->env);
    c = c != 0 ? c : text_cmp(a->tags, b->tags);
    return c != 0 ? c : time_cmp(a->t, b->t);
}

int insight_cmp(const struct insight *a, const struct insight *b)
{
    int c = (a->kind > b->kind) - (a->kind < b->kind);
    c = c != 0 ? c : text_cmp(a->app, b->app);
    c = c != 0 ? c : time_cmp(a->t, b->t);
    c = c != 0 ? c : text_cmp(a->env, b->env);
    return c != 0 ? c : text_cmp(a->id, b->id);
}

enum store_result book_kpi_find(struct book *b, const struct kpi_point *want, size_t count,
                                struct arena *a, struct kpi_point *found, struct mete_err *err)
{
    err = book_err(b, err);
    return book_usable(b, false, err) ? b->port->kpi_find(b->log, want, count, a, found, err)
                                      : STORE_FAILED;
}

enum store_result book_insight_find(struct book *b, const struct insight *want, size_t count,
                                    struct insight *found, struct mete_err *err)
{
    err = book_err(b, err);
    return book_usable(b, false, err) ? b->port->insight_find(b->log, want, count, found, err)
                                      : STORE_FAILED;
}

enum store_result book_kpi_scan(struct book *b, const struct kpi_point *from,
                                const struct kpi_point *until, size_t limit, kpi_visit *visit,
                                void *arg, struct mete_err *err)
{
    err = book_err(b, err);
    return book_usable(b, false, err)
               ? b->port->kpi_scan(b->log, from, until, limit, visit, arg, err)
               : STORE_FAILED;
}

enum store_result book_insight_scan(struct book *b, const struct insight *from,
                                    const struct insight *until, size_t limit, insight_visit *visit,
                                    void *arg, struct mete_err *err)
{
    err = book_err(b, err);
    return book_usable(b, false, err)
               ? b->port->insight_scan(b->log, from, until, limit, visit, arg, err)
               : STORE_FAILED;
}

enum store_result book_kpi_put(struct book *b, const struct kpi_point *p, size_t count,
                               struct mete_err *err)
{
    err = book_err(b, err);
    if (!book_usable(b, true, err)) {
        return STORE_FAILED;
    }
    return book_wrote(b, b->port->kpi_put(b->log, p, count, err));
}

enum store_result book_insight_put(struct book *b, const struct insight *i, size_t count,
                                   struct mete_err *err)
{
    err = book_err(b, err);
    if (!book_usable(b, true, err)) {
        return STORE_FAILED;
    }
    return book_wrote(b, b->port->insight_put(b->log, i, count, err));
}

enum store_result book_kpi_remove(struct book *b, const struct kpi_point *p, size_t count,
                                  struct mete_err *err)
{
    err = book_err(b, err);
    if (!book_usable(b, true, err)) {
        return STORE_FAILED;
    }
    return book_wrote(b, b->port->kpi_remove(b->log, p, count, err));
}

enum store_result book_insight_remove(struct book *b, const struct insight *i, size_t count,
                                      struct mete_err *err)
{
    err = book_err(b, err);
    if (!book_usable(b, true, err)) {
        return STORE_FAILED;
    }
    return book_wrote(b, b->port->insight_remove(b->log, i, count, err));
}
