/* SPDX-License-Identifier: Apache-2.0
 * What apps report of themselves, beside the log of a book: values of metrics over time, and things
 * that happened. No leaf of the log, no effect on money. This only keeps rows under their names and
 * hands them out in order; which of two values holds is the engine's to say. */
#ifndef METE_STORE_INSIGHT_H
#define METE_STORE_INSIGHT_H

#include "store/store.h"

/** The value of a metric in one bucket. Its name is all but v, unit, sent_at and received_at. No
 *  text of a name holds a zero byte. */
struct kpi_point {
    struct text app;
    struct text metric;
    struct text bucket; /* "1m" */
    struct text env;
    struct text tags; /* JSON (RFC 8785) */
    mete_time t;
    struct text v;    /* a plain decimal; never empty */
    struct text unit; /* may be empty */
    mete_time sent_at;
    mete_time received_at;
};

enum insight_kind {
    INSIGHT_EVENT = 1,
    INSIGHT_BATCH = 2 /* the dedupeKey of a batch of points */
};

/** Its name is kind, app, env and id. */
struct insight {
    enum insight_kind kind;
    struct text app;
    struct text env;
    struct text id;
    mete_time t;
    struct text type; /* the rest may be empty */
    struct text severity;
    struct text message;
    struct text data; /* JSON (RFC 8785) */
    struct hash sha256;
    mete_time received_at;
};

/* Order: of points app, metric, bucket, env, tags, t; of insights kind, app, t, env, id. Texts by
 * their bytes. */
int kpi_point_cmp(const struct kpi_point *a, const struct kpi_point *b);
int insight_cmp(const struct insight *a, const struct insight *b);
/** Comes after every app there can be. */
#define INSIGHT_APP_END TEXT("\xff")

/* Reading: what the group at hand wrote counts already. */

/** What stands under the names of `want`: found[i], its texts in `a`; v empty: nothing. */
enum store_result book_kpi_find(struct book *b, const struct kpi_point *want, size_t count,
                                struct arena *a, struct kpi_point *found,
                                struct mete_err *err) METE_MUST_CHECK;
/** found[i].sha256 and .t; received_at TIME_NEVER: nothing. */
enum store_result book_insight_find(struct book *b, const struct insight *want, size_t count,
                                    struct insight *found, struct mete_err *err) METE_MUST_CHECK;

typedef bool kpi_visit(void *arg, const struct kpi_point *p);
typedef bool insight_visit(void *arg, const struct insight *i);
/** At most `limit` rows with names from `from` up to before `until`, in order. */
enum store_result book_kpi_scan(struct book *b, const struct kpi_point *from,
                                const struct kpi_point *until, size_t limit, kpi_visit *visit,
                                void *arg, struct mete_err *err) METE_MUST_CHECK;
enum store_result book_insight_scan(struct book *b, const struct insight *from,
                                    const struct insight *until, size_t limit, insight_visit *visit,
                                    void *arg, struct mete_err *err) METE_MUST_CHECK;

/* Writing: part of the current group. Each name stands once in what is given. */

/** Makes rows, or puts them in the place of those that have the same name. */
enum store_result book_kpi_put(struct book *b, const struct kpi_point *p, size_t count,
                               struct mete_err *err) METE_MUST_CHECK;
enum store_result book_insight_put(struct book *b, const struct insight *i, size_t count,
                                   struct mete_err *err) METE_MUST_CHECK;
/** Rows that are not there are nothing to remove. */
enum store_result book_kpi_remove(struct book *b, const struct kpi_point *p, size_t count,
                                  struct mete_err *err) METE_MUST_CHECK;
enum store_result book_insight_remove(struct book *b, const struct insight *i, size_t count,
                                      struct mete_err *err) METE_MUST_CHECK;

#endif
