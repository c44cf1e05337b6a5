/* SPDX-License-Identifier: Apache-2.0
 * What apps report of themselves, kept beside the log of a book: taken in, read in pages, swept
 * when it is old. Nothing here decides anything: no leaf, no posting, no balance.
 *
 * A point has one value. Said again with the same value it is a duplicate; with another one, what
 * was sent later holds: a bucket is corrected by sending it again, and a batch that was held up
 * cannot undo that. An insight event says one thing for ever. */
#ifndef METE_ENGINE_INSIGHTS_H
#define METE_ENGINE_INSIGHTS_H

#include "engine/engine.h"
#include "store/insight.h"
#include "wire/insight.h"

/* --- taking in: part of the group at hand ------------------------------------------------------*/

struct kpi_counts {
    uint64_t inserted;
    uint64_t updated;    /* another value than before */
    uint64_t duplicates; /* the same value */
    uint64_t stale;      /* a value that was sent later stands there already */
};

/** METE_CONFLICT: its dedupeKey came with other points before. */
enum mete_code kpi_add(struct engine *e, const struct insight_body *body, struct arena *a,
                       struct kpi_counts *out, struct mete_err *err) METE_MUST_CHECK;

enum insight_outcome { INSIGHT_INSERTED, INSIGHT_DUPLICATE, INSIGHT_CONFLICT };
/** outcome[i] of each of body->event: INSIGHT_CONFLICT when its id said something else before. */
enum mete_code insight_add(struct engine *e, const struct insight_body *body, struct arena *a,
                           enum insight_outcome *outcome, struct mete_err *err) METE_MUST_CHECK;

/* --- reading -----------------------------------------------------------------------------------*/

struct kpi_query {
    struct text app; /* empty: any, as of the others */
    struct text metric;
    struct text bucket;
    struct text env;
    mete_time from;     /* TIME_ALWAYS */
    mete_time until;    /* before it; TIME_NEVER */
    struct text cursor; /* the `next` of the page before; empty: from the first */
    size_t limit;       /* points of a page */
};
/** By app, metric, bucket, env, tags and time. *next, in `a`: of the page that follows; empty:
 * there is none. A page may be short, even empty, and not be the last. METE_MEMBER_VALUE: no
 * cursor. */
enum mete_code kpi_list(struct engine *e, const struct kpi_query *q, struct arena *a,
                        kpi_visit *visit, void *arg, struct text *next,
                        struct mete_err *err) METE_MUST_CHECK;

struct insight_query {
    struct text app;
    struct text env;
    struct text type;
    struct text severity;
    mete_time from;
    mete_time until;
    struct text cursor;
    size_t limit;
};
/** By app, time, env and id; otherwise as kpi_list. */
enum mete_code insight_list(struct engine *e, const struct insight_query *q, struct arena *a,
                            insight_visit *visit, void *arg, struct text *next,
                            struct mete_err *err) METE_MUST_CHECK;

/** What all of an insight's contents come to: stands in its row. */
struct hash insight_sum(const struct insight *i);

struct insights_held {
    uint64_t points, series, events;
    mete_time oldest; /* TIME_NEVER: there is nothing */
};
/** Reads all of it. METE_STORE_CORRUPT: a row is not what was written. */
enum mete_code insights_verify(struct engine *e, struct insights_held *out,
                               struct mete_err *err) METE_MUST_CHECK;

/* --- throwing away -----------------------------------------------------------------------------*/

/** Where a sweep goes on; zeroed: at the beginning. */
struct insights_sweep {
    struct buf place;
    bool events; /* the points are done */
};

/** One small step: removes at most `rows` of what is older than `before`. *done: the end was
 *  reached, and the next step begins anew. The group is the caller's to commit. */
enum mete_code insights_sweep(struct engine *e, struct insights_sweep *s, mete_time before,
                              size_t rows, uint64_t *removed, bool *done,
                              struct mete_err *err) METE_MUST_CHECK;
void insights_sweep_clear(struct insights_sweep *s);

/** Counts, and with `remove` removes, what names a party: points by their app or a tag, events by
 *  their app or anything they say. The group is the caller's to commit. */
enum mete_code insights_naming(struct engine *e, struct text party, bool remove, uint64_t *count,
                               struct mete_err *err) METE_MUST_CHECK;

#endif
