/* SPDX-License-Identifier: Apache-2.0
 * libcurl's multi interface with one request: so that it can be broken off at once, and calls are
 * written to disk while an answer is awaited. */
#include "client/post.h"

#include "base/text.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef METE_VERSION
#define METE_VERSION "0.1.0"
#endif
#define ANSWER_MAX     ((size_t)256 << 10) /* what is read of an answer; the rest is thrown away */
#define CONNECT_MAX_MS 10000L
#define POLL_MS        1000
#define RETRY_AFTER_S  86400

struct post {
    struct post_options o;
    CURLM *multi;
    CURL *easy;
    struct curl_slist *header;
    char answer[ANSWER_MAX + 1];
    size_t len;
};

static size_t answer_take(char *data, size_t size, size_t count, void *ctx)
{
    struct post *p = ctx;
    size_t room = ANSWER_MAX - p->len;
    size_t take = size * count < room ? size * count : room;
    memcpy(p->answer + p->len, data, take);
    p->len += take;
    return size * count;
}

static bool header_add(struct post *p, const char *line)
{
    struct curl_slist *more = curl_slist_append(p->header, line);
    p->header = more != NULL ? more : p->header;
    return more != NULL;
}

static bool headers_make(struct post *p)
{
    char key[1024];
    bool fine = header_add(p, "Content-Type: application/json") &&
                header_add(p, "Accept: application/json") && header_add(p, "Expect:");
    if (fine && p->o.api_key != NULL && strpbrk(p->o.api_key, "\r\n") == NULL) {
        int len = snprintf(key, sizeof(key), "Authorization: Bearer %s", p->o.api_key);
        fine = len > 0 && (size_t)len < sizeof(key) && header_add(p, key);
    }
    return fine;
}

/** What is the same for every request. */
static void easy_set(struct post *p)
{
    long timeout = (long)p->o.timeout_ms;
    curl_easy_setopt(p->easy, CURLOPT_URL, p->o.url);
    curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER, p->header);
    curl_easy_setopt(p->easy, CURLOPT_USERAGENT, "mete-tracker/" METE_VERSION);
    curl_easy_setopt(p->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(p->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(p->easy, CURLOPT_FOLLOWLOCATION, 0L); /* a key goes to nobody else */
    curl_easy_setopt(p->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(p->easy, CURLOPT_QUICK_EXIT, 1L); /* do not wait for a resolver that hangs */
    curl_easy_setopt(p->easy, CURLOPT_TIMEOUT_MS, timeout);
    curl_easy_setopt(p->easy, CURLOPT_CONNECTTIMEOUT_MS,
                     timeout < CONNECT_MAX_MS ? timeout : CONNECT_MAX_MS);
    curl_easy_setopt(p->easy, CURLOPT_WRITEFUNCTION, answer_take);
    curl_easy_setopt(p->easy, CURLOPT_WRITEDATA, p);
}

struct post *post_open(const struct post_options *o)
{
    struct post *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return NULL;
    }
    p->o = *o;
    p->multi = curl_multi_init();
    p->easy = curl_easy_init();
    if (p->multi == NULL || p->easy == NULL || !headers_make(p)) {
        post_close(p);
        return NULL;
    }
    easy_set(p);
    return p;
}

void post_close(struct post *p)
{
    if (p == NULL) {
        return;
    }
    curl_easy_cleanup(p->easy);
    curl_multi_cleanup(p->multi);
    curl_slist_free_all(p->header);
    free(p);
}

/** True when the transfer ended by itself, and how. */
static bool transfer(struct post *p, CURLcode *how)
{
    struct curl_waitfd wake = {.fd = p->o.wake, .events = CURL_WAIT_POLLIN};
    int running = 1;
    int left = 0;
    while (curl_multi_perform(p->multi, &running) == CURLM_OK && running > 0) {
        wake.revents = 0;
        if (curl_multi_poll(p->multi, &wake, 1, POLL_MS, NULL) != CURLM_OK) {
            break;
        }
        if (wake.revents != 0 && !p->o.pump(p->o.ctx)) {
            return false;
        }
    }
    const CURLMsg *m = curl_multi_info_read(p->multi, &left);
    *how = m != NULL && m->msg == CURLMSG_DONE ? m->data.result : CURLE_FAILED_INIT;
    return true;
}

static enum post_result failure_of(CURLcode how)
{
    bool connected = how == CURLE_GOT_NOTHING || how == CURLE_RECV_ERROR ||
                     how == CURLE_SEND_ERROR || how == CURLE_PARTIAL_FILE ||
                     how == CURLE_OPERATION_TIMEDOUT || how == CURLE_WEIRD_SERVER_REPLY;
    return connected ? POST_BROKEN : POST_UNREACHABLE;
}

static void answer_read(struct post *p, const char *name, struct post_answer *out)
{
    long status = 0;
    curl_off_t after = 0;
    curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(p->easy, CURLINFO_RETRY_AFTER, &after);
    p->answer[p->len] = '\0';
    bool named = strstr(p->answer, name) != NULL;
    out->retry_after_s = after > 0 ? (unsigned)(after < RETRY_AFTER_S ? after : RETRY_AFTER_S) : 0;
    out->duplicate = strstr(p->answer, "\"duplicate\"") != NULL;
    if (status >= 200 && status < 300 && named) {
        out->result = POST_ACKNOWLEDGED;
        return;
    }
    bool never = status == 400 || status == 409 || status == 413 || status == 422;
    out->result = never ? POST_REFUSED : POST_PUT_OFF;
    (void)snprintf(out->error, sizeof(out->error), "the server answered %ld%s", status,
                   status >= 200 && status < 300 ? ", but does not name the report" : "");
}

void post_send(struct post *p, struct text body, const char *name, struct post_answer *out)
{
    CURLcode how = CURLE_OK;
    *out = (struct post_answer){.result = POST_STOPPED};
    p->len = 0;
    curl_easy_setopt(p->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    curl_easy_setopt(p->easy, CURLOPT_POSTFIELDS, body.p);
    if (curl_multi_add_handle(p->multi, p->easy) != CURLM_OK) {
        out->result = POST_UNREACHABLE;
        return;
    }
    if (transfer(p, &how)) {
        if (how == CURLE_OK) {
            answer_read(p, name, out);
        } else {
            out->result = failure_of(how);
            (void)snprintf(out->error, sizeof(out->error), "no answer: %s",
                           curl_easy_strerror(how));
        }
    }
    curl_multi_remove_handle(p->multi, p->easy);
}
