/* SPDX-License-Identifier: Apache-2.0
 * One request and its answer. The request is complete and bounded when a handler sees it; the
 * answer is a value that is filled in, never something to be sent. So a handler cannot forget to
 * answer, cannot answer twice, and can be tested without a socket. */
#ifndef METE_HTTP_EXCHANGE_H
#define METE_HTTP_EXCHANGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"
#include "mete/error.h"

#define EXCHANGE_PARAMS_MAX  4
#define EXCHANGE_PAIRS_MAX   64 /* headers, and members of the query, each */
#define EXCHANGE_HEADERS_MAX 64 /* of the answer */
#define EXCHANGE_NOTES_MAX   3
#define REQUEST_ID_MAX       64

struct route;
struct principal;
struct sink;
struct source;

struct pair {
    struct text name;
    struct text value;
};

struct exchange {
    struct arena arena; /* everything below may point into it */

    /* the request */
    struct text method;
    struct text path;   /* as sent: its segments are decoded when the route is found */
    struct text target; /* as sent, with its query */
    struct pair query[EXCHANGE_PAIRS_MAX];
    size_t query_count;
    struct pair header[EXCHANGE_PAIRS_MAX];
    size_t header_count;
    struct buf body;
    size_t weight;    /* of the body, as the desk has counted it */
    size_t received;  /* bytes of the body as it came; stays when `body` was let go */
    struct text peer; /* address of the client; empty when unknown */
    bool is_tls;
    struct text client_certificate; /* subject of a verified one; empty */
    mete_time began_at;
    int64_t began_clock; /* the same by the steady clock, in microseconds */

    /* what routing made of it */
    const struct route *route; /* NULL: none */
    struct text param[EXCHANGE_PARAMS_MAX];
    struct principal *who; /* in `arena`; NULL before authority was asked */
    char request_id[REQUEST_ID_MAX + 1];
    void *work;    /* of the handler, between its two halves; in `arena` */
    void *promise; /* of the desk: the place that keeps this answer for a repeated request */
    void *relayed; /* of the relay: it came by another process (http/relay.h); NULL: it did not */
    struct sink *sink; /* takes the body as it comes, and `body` stays empty; NULL: none */
    void (*ended)(struct exchange *x);   /* of a piece of a stream (http/piece.h), or of a request
                                            that another one makes (desk_ask): its answer stands
                                            in it, and it is its maker's again; NULL: a request */
    void (*release)(struct exchange *x); /* frees what `work` holds outside of it; may be NULL */

    /* the answer */
    unsigned status; /* 0: not answered yet */
    const char *type;
    struct buf out;
    struct source *source; /* the body comes from it, and `out` is empty; NULL: `out` is the body.
                              The exchange's until the server takes it */
    uint64_t source_size;  /* bytes that the source has, when has_source_size; else nobody knows */
    bool has_source_size;
    uint64_t streamed; /* bytes that came from it */
    bool is_line;      /* `out` is one line of JSON: it gets its end when it is sent */
    struct pair reply[EXCHANGE_HEADERS_MAX];
    size_t reply_count;
    const char *code; /* of a problem; for the log line */
    const char *why;  /* of a failure of ours, for the log line alone; in `arena` */
    struct pair note[EXCHANGE_NOTES_MAX]; /* for the log line alone: what it was about */
    size_t note_count;
    unsigned retry_after_s; /* of a problem that passes; 0: one second */
};

void exchange_init(struct exchange *x);
void exchange_clear(struct exchange *x);

/** Case does not matter. Empty text when absent; `p` is then NULL. */
struct text exchange_header(const struct exchange *x, const char *name);
/** A member of the query, decoded; `p` NULL when absent. */
struct text exchange_query(const struct exchange *x, const char *name);
/** True for `name=true`, `name=1` and `name` alone. */
bool exchange_query_flag(const struct exchange *x, const char *name);

/** Percent-decodes into `a`. False: a broken escape, a zero byte or no UTF-8. */
bool percent_decode(struct arena *a, struct text in, bool plus_is_space,
                    struct text *out) METE_MUST_CHECK;

#endif
