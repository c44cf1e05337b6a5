/* SPDX-License-Identifier: Apache-2.0
 * A request from its turn to its end: attempts, delays, redirections. What an answer to a payment
 * means is in pay_paid.c, what a price means in pay_judge.c. */
#include "client/pay_parts.h"

#include "base/text.h"
#include "wire/x402/price.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHIFT_MAX 20
#define STOPPED   "the caller has stopped the answer"

/* --- the end -----------------------------------------------------------------------------------*/

bool flow_hand_over(struct mete_client_request *r)
{
    struct pay_answer *a = &r->answer;
    if (r->take != NULL && !a->is_streamed && a->status != 0) {
        a->is_streamed = true;
        a->streamed = a->body.len;
        a->is_stopped = !r->take(r->user, 0, NULL, 0) ||
                        (a->body.len > 0 && !r->take(r->user, 0, a->body.p, a->body.len));
        a->is_answered = a->is_answered && !a->is_stopped;
    }
    return !a->is_stopped;
}

static void answer_show(struct mete_client_request *r)
{
    const struct pay_answer *a = &r->answer;
    if (!flow_hand_over(r) && r->result.error == METE_CLIENT_OK) {
        r->result.error = METE_CLIENT_BROKEN;
        (void)text_copy(r->result.text, sizeof r->result.text, TEXT(STOPPED));
    }
    r->result.status = a->status;
    r->result.is_whole = a->is_answered;
    r->result.body_len = a->is_streamed ? a->streamed : a->body.len;
    r->result.ms = (uint64_t)((pay_tick() - r->begun) / 1000);
}

void flow_finish(struct mete_client_request *r, enum mete_client_error error, const char *fmt, ...)
{
    struct mete_client *c = r->client;
    va_list args;
    METE_ASSERT(r->step != STEP_DONE);
    va_start(args, fmt);
    vsnprintf(r->result.text, sizeof r->result.text, fmt, args);
    va_end(args);
    r->result.error = error;
    answer_show(r);
    if (r->entry != NULL) {
        if (history_lock(c->history)) {
            history_release(c->history, r->entry);
            history_unlock(c->history);
        }
        r->entry = NULL;
    }
    if (r->has_offers) {
        pay_offers_clear(&r->offers);
        r->has_offers = false;
    }
    TAILQ_REMOVE(r->step == STEP_QUEUED ? &c->queued : &c->active, r, link);
    c->active_count -= r->step != STEP_QUEUED;
    c->open_count--;
    r->step = STEP_DONE;
    TAILQ_INSERT_TAIL(&c->done, r, link);
}

void flow_stop(struct mete_client_request *r)
{
    r->is_stopping = true;
    (void)text_copy(r->answer.why, sizeof r->answer.why, TEXT("it was stopped"));
    if (r->easy != NULL) {
        transfer_end(r, CURLE_ABORTED_BY_CALLBACK);
    }
    pay_node_stop(r);
    if (r->entry != NULL) {
        paid_stop(r);
    } else {
        flow_finish(r, METE_CLIENT_BROKEN, "%s", r->answer.why);
    }
}

/* --- delays ------------------------------------------------------------------------------------*/

/** Doubles with each failure; half of it is by chance, so that many do not come back together. */
static mete_time delay_us(struct mete_client_request *r)
{
    const struct mete_client_options *o = &r->client->o;
    const unsigned shift = r->failures < SHIFT_MAX ? r->failures : SHIFT_MAX;
    const uint64_t wanted = (uint64_t)o->retry_min_ms << shift;
    const uint64_t most = wanted < o->retry_max_ms ? wanted : o->retry_max_ms;
    const uint64_t told = (uint64_t)r->answer.retry_after_s * 1000;
    const uint64_t own = most / 2 + rng_below(&r->client->rng, most / 2 + 1);
    return (mete_time)(own > told ? own : told) * 1000;
}

bool flow_delay(struct mete_client_request *r)
{
    const struct mete_client_options *o = &r->client->o;
    const mete_time delay = delay_us(r);
    const mete_time now = pay_tick();
    if (o->no_retry || r->failures >= o->retries ||
        (uint64_t)r->answer.retry_after_s * 1000 > o->retry_max_ms ||
        (r->until != TIME_NEVER && now + delay >= r->until)) {
        return false;
    }
    r->failures++;
    r->due = now + delay;
    r->step = STEP_DELAY;
    return true;
}

void flow_send(struct mete_client_request *r)
{
    if (!transfer_begin(r)) {
        transfer_stop(r);
        if (r->entry != NULL) {
            paid_give_up(r);
        } else {
            flow_finish(r, METE_CLIENT_MEMORY, "libcurl cannot begin the request");
        }
    }
}

/* --- the beginning -----------------------------------------------------------------------------*/

/** A payment of an earlier run, or process, goes on. */
static void adopt(struct mete_client_request *r, struct pay_entry *e)
{
    r->entry = e;
    r->is_get = strcmp(e->method, r->method) != 0; /* a redirection had made it one */
    r->is_adopted = true;
    r->result.is_resent = true;
    r->carries = true;
    r->is_out = true;
    r->was_paid = e->state == METE_CLIENT_STATE_PAID || e->state == METE_CLIENT_STATE_OWED;
    r->was_unknown = !r->was_paid && (e->state != METE_CLIENT_STATE_UNPAID ||
                                      e->valid_until_s <= pay_now() / TIME_SECOND_US);
    if (r->was_unknown) {
        e->state = METE_CLIENT_STATE_OPEN;
    }
    free(r->url_now);
    r->url_now = strdup(e->url);
    METE_ASSERT(r->url_now != NULL);
    paid_note(r, e->state,
              r->was_paid      ? METE_CLIENT_MONEY_PAID
              : r->was_unknown ? METE_CLIENT_MONEY_UNKNOWN
                               : METE_CLIENT_MONEY_UNPAID);
}

void flow_start(struct mete_client_request *r)
{
    struct mete_client *c = r->client;
    bool is_busy = false;
    struct pay_entry *e = NULL;
    if (c->history != NULL && !c->o.no_pay && !c->o.dry_run) {
        if (!history_lock(c->history)) {
            flow_finish(r, METE_CLIENT_HISTORY, "%s", history_why(c->history));
            return;
        }
        e = history_claim(c->history, &r->key, pay_now(), c->rules.node_count > 0, &is_busy);
        history_unlock(c->history);
    }
    if (is_busy && r->id != NULL) {
        flow_finish(r, METE_CLIENT_BUSY, "the request with the id %s is under way", r->id);
        return;
    }
    if (e != NULL) {
        r->entry = e;
        if (r->id != NULL && e->has_asked && !hash_eq(&e->asked, &r->asked)) {
            flow_finish(r, METE_CLIENT_ID_TAKEN, "the id %s names another request: %s %.*s", r->id,
                        e->method, (int)strcspn(e->url, "?"), e->url);
            return;
        }
        adopt(r, e);
    }
    flow_send(r);
}

/* --- redirections ------------------------------------------------------------------------------*/

static bool is_redirect(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static char *location_resolve(const char *base, const char *location)
{
    char *out = NULL;
    char *copy = NULL;
    CURLU *u = curl_url();
    if (u != NULL && curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK &&
        curl_url_set(u, CURLUPART_URL, location, 0) == CURLUE_OK &&
        curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_URL, &out, 0) == CURLUE_OK) {
        copy = strdup(out);
        curl_free(out);
    }
    curl_url_cleanup(u);
    return copy;
}

/** A redirection that is not followed. A payment that went along may have been taken before it. */
static void dead_end(struct mete_client_request *r, const char *wrong)
{
    char *why = r->answer.why;
    if (wrong != NULL) {
        snprintf(why, sizeof r->answer.why, "the redirection is refused: %s", wrong);
    } else {
        snprintf(why, sizeof r->answer.why, "there are too many redirections");
    }
    if (r->entry != NULL) {
        r->was_unknown = !r->was_paid;
        paid_give_up(r);
    } else {
        flow_finish(r, wrong != NULL ? METE_CLIENT_URL_REFUSED : METE_CLIENT_REDIRECTS, "%s", why);
    }
}

/** The payment stays with the origin that asked for it. */
static void follow(struct mete_client_request *r, const char *location)
{
    char *to = location_resolve(r->url_now, location);
    const char *wrong = to == NULL ? "it is malformed" : url_refused(r->client, to);
    if (wrong != NULL || r->redirects >= r->client->o.redirects) {
        free(to);
        dead_end(r, wrong);
        return;
    }
    const unsigned status = r->answer.status;
    r->is_get = r->is_get || (status == 303 && strcmp(r->method, "HEAD") != 0) ||
                ((status == 301 || status == 302) && strcmp(r->method, "POST") == 0);
    r->redirects++;
    r->carries = r->entry != NULL && origin_eq(r->entry->url, to);
    r->was_unknown = r->was_unknown || (r->entry != NULL && !r->carries && !r->was_paid);
    free(r->url_now);
    r->url_now = to;
    flow_send(r);
}

bool flow_is_redirected(const struct mete_client_request *r)
{
    char *location;
    if (!r->answer.is_answered || !is_redirect(r->answer.status) || r->client->o.redirects == 0 ||
        !answer_header(&r->answer, "Location", &location)) {
        return false;
    }
    free(location);
    return true;
}

void flow_redirected(struct mete_client_request *r)
{
    char *location;
    METE_ASSERT(answer_header(&r->answer, "Location", &location));
    follow(r, location);
    free(location);
}

/* --- answers without a payment -----------------------------------------------------------------*/

bool flow_may_repeat(const struct mete_client_request *r)
{
    static const char *const METHODS[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
    for (size_t i = 0; i < ARRAY_LEN(METHODS); i++) {
        if (strcmp(r->is_get ? "GET" : r->method, METHODS[i]) == 0) {
            return true;
        }
    }
    return false;
}

/** Whether the same request may get another answer a little later. */
static bool is_passing(const struct mete_client_request *r, unsigned status)
{
    return status == 429 || status == 503 ||
           ((status == 500 || status == 502 || status == 504) && flow_may_repeat(r));
}

bool flow_is_last(const struct mete_client_request *r, unsigned status)
{
    if (r->client->o.no_pay) {
        return !(is_redirect(status) && r->client->o.redirects > 0) && !is_passing(r, status);
    }
    return status >= 200 && status < 400 && !(is_redirect(status) && r->client->o.redirects > 0);
}

static void lost(struct mete_client_request *r)
{
    const struct pay_answer *a = &r->answer;
    if (a->is_refused) {
        flow_finish(r, METE_CLIENT_URL_REFUSED, "%s",
                    r->client->o.public_only ? "its host is not on the public Internet"
                                             : "http is for this machine alone");
    } else if (a->is_too_large && a->status == STATUS_PRICE) {
        flow_finish(r, METE_CLIENT_TOO_LARGE, "a price larger than %zu bytes", PAY_PRICE_MAX);
    } else if (a->is_too_large) {
        flow_finish(r, METE_CLIENT_TOO_LARGE,
                    "the answer is larger than %zu bytes, or its header "
                    "than %zu",
                    r->client->o.answer_max, PAY_HEADER_MAX);
    } else if (a->is_stopped) {
        flow_finish(r, METE_CLIENT_BROKEN, STOPPED);
    } else if ((a->is_sent && !flow_may_repeat(r)) || !flow_delay(r)) {
        flow_finish(r, a->is_sent ? METE_CLIENT_BROKEN : METE_CLIENT_NOT_SENT, "%s",
                    a->why[0] != '\0' ? a->why : "the answer was cut off in its head");
    }
}

static void plain_ended(struct mete_client_request *r)
{
    const unsigned status = r->answer.status;
    if (!r->answer.is_answered) {
        lost(r);
    } else if (status == STATUS_PRICE) {
        judge_required(r);
    } else if (is_passing(r, status) && flow_delay(r)) {
        return;
    } else {
        flow_finish(r, METE_CLIENT_OK, "%s", "");
    }
}

void flow_ended(struct mete_client_request *r, CURLcode code)
{
    transfer_end(r, code);
    if (r->entry != NULL) {
        paid_ended(r);
    } else if (flow_is_redirected(r)) {
        flow_redirected(r);
    } else {
        plain_ended(r);
    }
}
