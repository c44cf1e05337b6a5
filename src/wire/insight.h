/* SPDX-License-Identifier: Apache-2.0
 * What apps report of themselves: bodies of points (values of metrics over time) and of insight
 * events. An item that is wrong is told apart and does not spoil the others. Nothing personal is
 * let in: the search for it is that of the log. */
#ifndef METE_WIRE_INSIGHT_H
#define METE_WIRE_INSIGHT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"
#include "mete/error.h"

#define KPI_POINTS_MAX     2000u /* of one body */
#define INSIGHT_EVENTS_MAX 500u  /* of one body */
#define INSIGHT_TAGS_MAX   16u
#define INSIGHT_TAGS_SIZE  1024u /* bytes of all tags, as JSON */
#define INSIGHT_DATA_SIZE  (64u << 10)

struct kpi_item {
    struct text metric;
    mete_time t;
    struct text v; /* a plain decimal: digits, perhaps a sign and a point, nothing superfluous */
    struct text unit;
};

struct insight_item {
    struct text id;
    mete_time t;
    struct text type;
    struct text severity;
    struct text message;
    struct text data; /* RFC 8785; empty: none */
    size_t index;     /* in the array that came */
};

/** One that is refused. */
struct insight_flaw {
    size_t index;     /* in the array that came */
    struct text name; /* metric or eventId, as far as it could be read */
    struct mete_err err;
};

struct insight_body {
    struct text app;
    struct text env; /* "prod" unless said */
    struct text bucket;
    struct text tags;       /* RFC 8785; "{}": none */
    struct text dedupe_key; /* empty: none */
    mete_time sent_at;      /* TIME_ALWAYS: not said */
    struct kpi_item *point; /* those that are good, in order */
    struct insight_item *event;
    size_t count;
    struct insight_flaw *flaw;
    size_t flaw_count;
};

struct insight_options {
    struct text app; /* that the request's header names; empty: none */
    mete_time now;
    mete_time oldest; /* items before it are refused: they would not be kept; TIME_ALWAYS: none */
};

/** The arena that reading a body of `len` bytes may take. */
#define INSIGHT_ARENA_MAX(len) (JSON_ARENA_MAX(len) + 8 * (len) + ((size_t)4 << 20))

/** Everything in `a` or in `json`. METE_NO_POINTS, METE_NO_EVENTS, METE_APP_MISMATCH and others:
 * the whole body is refused. */
enum mete_code kpi_body_read(struct arena *a, struct text json, const struct insight_options *o,
                             struct insight_body *out, struct mete_err *err) METE_MUST_CHECK;
enum mete_code insight_body_read(struct arena *a, struct text json, const struct insight_options *o,
                                 struct insight_body *out, struct mete_err *err) METE_MUST_CHECK;

/** A number as JSON or people write it, as a plain decimal of the same value. False: it is none, or
 *  has more than 40 digits on a side of its point. */
bool decimal_plain(struct arena *a, struct text number, struct text *out) METE_MUST_CHECK;
/** "30s", "1m", "6h", "1d", "1w": a count from 1 to 9999 and a unit. */
bool bucket_is_good(struct text bucket);

#endif
