/* SPDX-License-Identifier: Apache-2.0
 * What a request does next, on its loop. An answer whose length is known and small is settled when
 * it is whole, so nobody pays for one that was cut off; any other when its head is there, before a
 * byte of it leaves. */
#include "base/text.h"
#include "gate/deal.h"
#include "store/steady.h"

#include <string.h>
#include <sys/socket.h>

static void step_to(struct deal *d, enum deal_step step)
{
    d->step = step;
    d->began_us = steady_now();
}

static void settle(struct deal *d)
{
    step_to(d, DEAL_SETTLE);
    pay_settle(d);
}

/** Looks whether the client is still there. A connection of which one half is closed counts as
 *  left: HTTP has no use for it. */
static bool has_left(struct deal *d)
{
    char next;
    pthread_mutex_lock(&d->lock);
    bool open = (d->x != NULL || d->is_source) && !d->is_closed;
    bool unread = d->has_sink && !d->up_ended; /* the server reads, and sees it itself */
    bool gone = open && !unread && recv(d->fd, &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    if ((gone || d->g->is_stopping) && !d->has_left) {
        d->has_left = true;
        d->is_stopped = !gone;
        if (d->is_source && !d->is_closed) {
            source_wake(&d->source);
        }
    }
    bool left = d->has_left || (d->is_closed && !d->down_ended);
    pthread_mutex_unlock(&d->lock);
    return left;
}

/* --- the upstream ------------------------------------------------------------------------------*/

/** While its body still comes, only an answer that is whole can be sent. */
static bool is_uploading(struct deal *d)
{
    pthread_mutex_lock(&d->lock);
    bool uploading = d->has_sink && !d->up_ended && !d->has_left;
    pthread_mutex_unlock(&d->lock);
    return uploading && !upstream_is_whole(d);
}

/** There is no room for more of its answer. */
static bool is_stuck(struct deal *d)
{
    pthread_mutex_lock(&d->lock);
    bool full = d->down_waits;
    pthread_mutex_unlock(&d->lock);
    return full;
}

static void upstream_failed(struct deal *d)
{
    bool is_late =
        d->upstream.has_ended ? d->upstream.code == CURLE_OPERATION_TIMEDOUT : !is_stuck(d);
    const char *more = d->pay.is_settled ? " The payment was settled: bring the same one again."
                                         : " Nothing was charged.";
    struct text what = arena_printf(&d->arena, "The server behind this gate gave no answer%s.%s",
                                    is_late ? " in time" : " that can be passed on", more);
    d->tale.reason = d->head_full            ? "the head of its answer is too large"
                     : d->upstream.has_ended ? curl_easy_strerror(d->upstream.code)
                     : d->head_done          ? "no end of an answer in time"
                                             : "no head of an answer in time";
    pay_release(d);
    pay_served(d, false);
    answer_problem(d, GATE_UPSTREAM, is_late ? 504 : 502,
                   is_late ? "upstream_timeout" : "upstream_failed", what.p);
    step_to(d, DEAL_DELIVER);
}

static bool is_bodiless(const struct deal *d)
{
    return text_is(d->method, "HEAD") || d->status == 204 || d->status == 304;
}

/** Its end is near and small enough to wait for. */
static bool is_worth_waiting(const struct deal *d)
{
    return !d->upstream.has_ended && (is_bodiless(d) || (d->has_size && d->size <= DEAL_WHOLE));
}

static void deliver(struct deal *d)
{
    pay_served(d, d->status < 500);
    step_to(d, DEAL_DELIVER);
}

/** It is passed on as soon as it can be. */
static void answer_look(struct deal *d)
{
    if (!is_uploading(d)) {
        answer_deliver(d);
    } else if (d->upstream.has_ended || is_stuck(d)) {
        upstream_failed(d);
    }
}

/** What is settled when it is whole, or when it can be sent, is waited for. True: not yet. */
static bool is_early(struct deal *d)
{
    if (is_worth_waiting(d)) {
        if (steady_now() - d->began_us > (int64_t)d->g->o.upstream_ms * 1000) {
            upstream_failed(d);
        }
        return true;
    }
    if (d->status >= 400 || !is_uploading(d)) {
        return false;
    }
    if (d->upstream.has_ended || is_stuck(d)) {
        upstream_failed(d);
    }
    return true;
}

static void head_judge(struct deal *d)
{
    bool unsettled = d->pay.is_paid && !d->pay.is_settled;
    bool was_cut = d->upstream.has_ended && d->upstream.code != CURLE_OK;
    if (d->pay.is_paid && is_early(d)) {
        return;
    }
    if (was_cut && pipe_len(&d->down) <= DEAL_WHOLE) { /* nothing of it was delivered: say so */
        upstream_failed(d);
    } else if (unsettled && d->status >= 400) {
        d->tale.outcome = GATE_UNCHARGED;
        pay_release(d);
        deliver(d);
    } else if (unsettled) {
        settle(d);
    } else {
        deliver(d);
    }
}

static void upstream_look(struct deal *d)
{
    unsigned ms = d->g->o.upstream_ms;
    upstream_resume(d);
    if (d->head_done) {
        if (d->tale.upstream_status == 0) {
            histogram_add(&d->g->meters.upstream, steady_now() - d->began_us);
            d->began_us = steady_now(); /* from here on it is for the rest */
        }
        d->tale.upstream_status = d->status;
        head_judge(d);
    } else if (d->upstream.has_ended || steady_now() - d->began_us > (int64_t)ms * 1000) {
        if (d->has_sink && !d->upstream.has_ended) {
            pthread_mutex_lock(&d->lock);
            bool uploading = !d->up_ended || pipe_len(&d->up) > 0;
            pthread_mutex_unlock(&d->lock);
            if (uploading) { /* its clock begins when the request is through */
                d->began_us = steady_now();
                return;
            }
        }
        upstream_failed(d);
    }
}

static void upstream_ask(struct deal *d)
{
    upstream_begin(d);
    step_to(d, DEAL_UPSTREAM);
}

void deal_verified(struct deal *d)
{
    if (d->pay.settles_first) {
        settle(d);
    } else {
        upstream_ask(d);
    }
}

void deal_settled(struct deal *d, bool has_client)
{
    if (!has_client) {
        deal_left(d); /* and gets nothing now: it may bring the same payment again */
    } else if (d->upstream.curl != NULL) {
        deliver(d);
    } else {
        upstream_ask(d); /* settled first */
    }
}

/* --- turns -------------------------------------------------------------------------------------*/

static void begin(struct deal *d)
{
    if (!d->pay.is_paid) {
        upstream_ask(d);
    } else if (d->pay.is_pending && d->pay.is_told) {
        pay_settled_before(d);
        upstream_ask(d);
    } else if (d->pay.is_pending) {
        settle(d);
    } else { /* also what settles first: two gates may have it, and one alone is given it */
        pay_verify(d);
        step_to(d, DEAL_VERIFY);
    }
}

void deal_left(struct deal *d)
{
    pay_release(d);
    pay_served(d, false);
    answer_problem(d, GATE_LEFT, 503, "client_left", "The client has gone.");
    step_to(d, DEAL_DELIVER);
}

/** Its client went away: nothing is begun any more. What the facilitator is at is seen through: it
 *  holds a reservation, or moves money. */
static void left(struct deal *d)
{
    bool is_asking = d->step == DEAL_VERIFY || d->step == DEAL_SETTLE || d->step == DEAL_PAUSE;
    if (!is_asking && !d->is_answered) {
        deal_left(d);
    }
}

/** What the answer still needs is passed on; the end, when there is nothing any more. */
static void deliver_look(struct deal *d)
{
    upstream_resume(d);
    if (!d->is_answered) {
        answer_look(d);
    }
    if (!d->is_answered) {
        return;
    }
    pthread_mutex_lock(&d->lock);
    bool nobody = d->is_closed || !d->is_source; /* reads it */
    if (d->upstream.has_ended && !d->down_ended && !d->down_cut) {
        d->down_ended = d->upstream.code == CURLE_OK;
        d->down_cut = !d->down_ended;
        if (d->is_source && !d->is_closed) {
            source_wake(&d->source);
        }
    }
    pthread_mutex_unlock(&d->lock);
    if (nobody || d->upstream.has_ended) {
        loop_end(d->loop, &d->upstream);
    }
    if (d->ask.has_ended) {
        pay_ask_end(d);
    }
    if (nobody && d->ask.curl == NULL) {
        step_to(d, DEAL_OVER);
    }
}

static void step_turn(struct deal *d)
{
    switch (d->step) {
    case DEAL_BEGIN:
        begin(d);
        break;
    case DEAL_VERIFY:
        if (d->ask.has_ended) {
            histogram_add(&d->g->meters.verify, steady_now() - d->began_us);
            pay_verified(d);
        }
        break;
    case DEAL_UPSTREAM:
        upstream_look(d);
        break;
    case DEAL_SETTLE:
        if (d->ask.has_ended) {
            histogram_add(&d->g->meters.settle, steady_now() - d->began_us);
            pay_settled(d);
        }
        break;
    case DEAL_PAUSE:
        if (steady_now() >= d->pause_until) {
            settle(d);
        }
        break;
    case DEAL_DELIVER:
        deliver_look(d);
        break;
    case DEAL_OVER:
        break;
    }
}

void deal_turn(struct turner *t)
{
    struct deal *d = (struct deal *)(void *)((char *)t - offsetof(struct deal, turner));
    enum deal_step before;
    if (has_left(d)) {
        left(d);
    }
    do { /* a step that has ended at once leads to the next one */
        before = d->step;
        step_turn(d);
    } while (d->step != before);
    if (d->step == DEAL_OVER) {
        loop_end(d->loop, &d->upstream);
        loop_done(d->loop, t);
    }
}
