/* SPDX-License-Identifier: Apache-2.0
 * One thread that asks others by libcurl: the upstream and the facilitator, on connections that are
 * kept open. What it does for a request is that request's business: its turn is called when
 * something has happened. */
#ifndef METE_GATE_LOOP_H
#define METE_GATE_LOOP_H

#include "base/buf.h"
#include "base/types.h"

#include <curl/curl.h>

struct loop;
struct turner;

/** Embedded in what a loop looks after. */
struct turner {
    void (*turn)(struct turner *t); /* on the loop's thread: after loop_put, when a transfer of its
                                       own has ended, and at each tick */
    void (*drop)(struct turner *t); /* the loop knows it no more; on the loop's thread, once */
    /* the loop's own */
    struct turner *next, *before; /* of all */
    struct turner *queued;
    bool is_queued;
    bool is_known;
    bool is_done;
};

/** A transfer: what CURLOPT_PRIVATE points to. */
struct transfer {
    struct turner *owner;
    CURL *curl;      /* NULL: there is none */
    bool is_running; /* in the loop */
    bool has_ended;
    CURLcode code; /* of its end */
};

struct loop *loop_open(void);
/** Every turner has to be done. */
void loop_close(struct loop *l);

/** Has its turn soon; nothing when it is done. Any thread, as long as it is there. The first time,
 *  the loop learns of it. */
void loop_put(struct loop *l, struct turner *t);

/* On the loop's thread alone. */

/** A handle with nothing set; of those that were used before when there are any. */
CURL *loop_handle(struct loop *l);
/** Begins a transfer whose options are set. */
void loop_begin(struct loop *l, struct transfer *t);
/** Takes a transfer out, ended or not, and its handle back. */
void loop_end(struct loop *l, struct transfer *t);
/** Its turn is not called any more; `drop` is, now or soon. */
void loop_done(struct loop *l, struct turner *t);

#endif
