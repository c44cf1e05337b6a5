/* SPDX-License-Identifier: Apache-2.0
 * One request as its caller sees it: what may be asked, what came of it, and its end. */
#include "client/pay_parts.h"

#include "base/text.h"
#include "wire/x402/payload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX       ((size_t)256 << 20)
#define METHOD_LEN_MAX 15u

static bool is_method(const char *m)
{
    size_t n = 0;
    for (; m[n] != '\0'; n++) {
        if (n >= METHOD_LEN_MAX || m[n] < 'A' || m[n] > 'Z') {
            return false;
        }
    }
    return n > 0;
}

/** A line of the request's header: one line, and none of those that are the client's own. */
static bool is_line(const char *line)
{
    static const char *const OWN[] = {X402_HEADER_SIGNATURE, X402_HEADER_V1_PAYMENT,
                                      "Content-Length", "Transfer-Encoding", "Host"};
    const char *colon = strchr(line, ':');
    if (colon == NULL || colon == line || strpbrk(line, "\r\n") != NULL) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(OWN); i++) {
        if (strlen(OWN[i]) == (size_t)(colon - line) &&
            strncasecmp(OWN[i], line, (size_t)(colon - line)) == 0) {
            return false;
        }
    }
    return true;
}

static const char *lines_keep(struct mete_client_request *r, const char *const *header)
{
    for (size_t i = 0; header != NULL && header[i] != NULL; i++) {
        struct curl_slist *more = NULL;
        if (i >= PAY_HEADERS_MAX || !is_line(header[i])) {
            return "a header is written 'Name: value', in one line; those of payments, Host and of "
                   "lengths are the client's own";
        }
        more = curl_slist_append(r->header, header[i]);
        METE_ASSERT(more != NULL);
        r->header = more;
    }
    return NULL;
}

/** The same key means the same request: one payment. */
static void key_make(struct mete_client_request *r)
{
    const struct hash body = sha256(buf_bytes(&r->body));
    const struct bytes asked[] = {text_bytes(text_of(r->method)),
                                  text_bytes(TEXT("\n")),
                                  text_bytes(text_of(r->url)),
                                  text_bytes(TEXT("\n")),
                                  {body.b, sizeof body.b}};
    const struct bytes named[] = {text_bytes(TEXT("id\n")), text_bytes(text_of(r->id))};
    r->asked = sha256_parts(asked, ARRAY_LEN(asked));
    r->key = r->id == NULL ? r->asked : sha256_parts(named, ARRAY_LEN(named));
}

/** NULL, or what is wrong. */
static const char *ask_keep(struct mete_client_request *r, const struct mete_client_ask *ask,
                            char *room)
{
    const char *method = ask->method != NULL ? ask->method : ask->body_len > 0 ? "POST" : "GET";
    const char *wrong = ask->url == NULL ? "it is missing" : url_refused(r->client, ask->url);
    if (wrong != NULL) {
        snprintf(room, METE_CLIENT_ERROR_MAX, "the URL is refused: %s", wrong);
        return room;
    }
    if (!is_method(method)) {
        return "a method is 1 to 15 capital letters";
    }
    if (ask->body_len > BODY_MAX) {
        return "the body is too large";
    }
    if (ask->id != NULL && (ask->id[0] == '\0' || strlen(ask->id) > METE_CLIENT_ID_MAX)) {
        return "an id has 1 to 128 bytes";
    }
    r->limit = r->client->rules.request;
    if (ask->max_amount != NULL &&
        !pay_limit_read(&r->limit, "max_amount", ask->max_amount, room)) {
        return room;
    }
    r->url = pay_keep(ask->url);
    char *fragment = strchr(r->url, '#');
    if (fragment != NULL) {
        *fragment = '\0';
    }
    r->url_now = pay_keep(r->url);
    r->method = pay_keep(method);
    r->id = pay_keep(ask->id);
    buf_put(&r->body, ask->body, ask->body_len);
    return lines_keep(r, ask->header);
}

static void request_drop(struct mete_client_request *r)
{
    transfer_stop(r);
    pay_node_stop(r);
    if (r->has_offers) {
        pay_offers_clear(&r->offers);
    }
    curl_slist_free_all(r->header);
    buf_clear(&r->body);
    buf_clear(&r->node_body);
    buf_clear(&r->node_answer);
    answer_clear(&r->answer);
    free(r->url);
    free(r->url_now);
    free(r->method);
    free(r->id);
    free(r);
}

enum mete_client_error mete_client_start(struct mete_client *c, const struct mete_client_ask *ask,
                                         struct mete_client_request **out, char *why)
{
    char room[METE_CLIENT_ERROR_MAX] = "";
    struct mete_client_request *r = calloc(1, sizeof *r);
    METE_ASSERT(r != NULL);
    r->client = c;
    const char *wrong = ask_keep(r, ask, room);
    if (wrong != NULL) {
        if (why != NULL) {
            snprintf(why, METE_CLIENT_ERROR_MAX, "%s", wrong);
        }
        request_drop(r);
        return METE_CLIENT_USAGE;
    }
    key_make(r);
    r->take = ask->take;
    r->user = ask->user;
    r->begun = pay_tick();
    r->until = ask->total_ms > 0 ? r->begun + (mete_time)ask->total_ms * 1000 : TIME_NEVER;
    r->step = STEP_QUEUED;
    TAILQ_INSERT_TAIL(&c->queued, r, link);
    c->open_count++;
    if (out != NULL) {
        *out = r;
    }
    return METE_CLIENT_OK;
}

void mete_client_request_free(struct mete_client_request *r)
{
    if (r == NULL) {
        return;
    }
    if (r->step != STEP_DONE) { /* its payment stays as it is: sent, or unknown */
        r->take = NULL;
        transfer_stop(r);
        pay_node_stop(r);
        flow_finish(r, METE_CLIENT_BROKEN, "the request was broken off");
    }
    if (!r->is_shown) {
        TAILQ_REMOVE(&r->client->done, r, link);
    }
    request_drop(r);
}

void mete_client_stop(struct mete_client *c)
{
    struct mete_client_request *r;
    while ((r = TAILQ_FIRST(&c->active)) != NULL || (r = TAILQ_FIRST(&c->queued)) != NULL) {
        flow_stop(r);
    }
}

const struct mete_client_result *mete_client_result(const struct mete_client_request *r)
{
    return &r->result;
}

const char *mete_client_body(const struct mete_client_request *r, size_t *len)
{
    struct buf *b = (struct buf *)(uintptr_t)&r->answer.body;
    buf_reserve(b, 1);
    b->p[b->len] = '\0';
    *len = b->len;
    return (const char *)b->p;
}

const char *mete_client_header(const struct mete_client_request *r, size_t *len)
{
    *len = r->answer.header.len;
    return r->answer.header.p != NULL ? (const char *)r->answer.header.p : "";
}

const char *mete_client_url(const struct mete_client_request *r)
{
    return r->url_now;
}

void *mete_client_user(const struct mete_client_request *r)
{
    return r->user;
}
