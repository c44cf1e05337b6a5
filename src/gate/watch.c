/* SPDX-License-Identifier: Apache-2.0
 * Asks the facilitator what it takes: at the start, every few minutes, and more often as long as it
 * does not answer. What it said last holds until it says something else; before that nothing is
 * sold. A redirect is no answer: what follows it may be anybody's. */
#include "base/text.h"
#include "gate/parts.h"
#include "store/steady.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_US   (300 * INT64_C(1000000))
#define RETRY_US   (2 * INT64_C(1000000))
#define ANSWER_MAX ((size_t)256 << 10)

struct watch {
    struct turner turner;
    struct gate *g;
    struct loop *loop;
    struct transfer ask;
    struct curl_slist *headers;
    struct buf answer;
    int64_t next_at;
    bool has_failed; /* and it was said */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_closing;
    bool is_closed;
};

static size_t answer_take(char *p, size_t size, size_t count, void *arg)
{
    struct watch *w = arg;
    size_t len = size * count;
    if (w->answer.len + len > ANSWER_MAX) {
        return 0;
    }
    buf_put(&w->answer, p, len);
    return len;
}

static void ask_end(struct watch *w)
{
    loop_end(w->loop, &w->ask);
    curl_slist_free_all(w->headers);
    w->headers = NULL;
}

static void failed(struct watch *w, const char *why)
{
    if (!w->has_failed) {
        gate_note(w->g, "ERROR", "facilitator_unavailable", "why", text_of(why));
    }
    w->has_failed = true;
    w->next_at = steady_now() + RETRY_US;
}

static void answered(struct watch *w)
{
    long status = 0;
    char why[64];
    curl_easy_getinfo(w->ask.curl, CURLINFO_RESPONSE_CODE, &status);
    (void)snprintf(why, sizeof why, "its answer to /supported, of status %ld, cannot be read",
                   status);
    if (w->ask.code != CURLE_OK) {
        failed(w, curl_easy_strerror(w->ask.code));
    } else if (status >= 300 && status < 400) {
        failed(w, "it redirects /supported: give the URL that it leads to");
    } else if (status != 200 || !gate_menu_supported(w->g, buf_text(&w->answer))) {
        failed(w, why);
    } else {
        gate_note(w->g, "INFO", "facilitator_answers", NULL, (struct text){0});
        w->has_failed = false;
        w->next_at = steady_now() + AGAIN_US;
    }
    ask_end(w);
}

static bool is_closing(struct watch *w)
{
    pthread_mutex_lock(&w->lock);
    bool closing = w->is_closing;
    pthread_mutex_unlock(&w->lock);
    return closing;
}

static void turn(struct turner *t)
{
    struct watch *w = (struct watch *)t;
    if (is_closing(w)) {
        ask_end(w);
        loop_done(w->loop, t);
        return;
    }
    if (w->ask.has_ended && w->ask.curl != NULL) {
        answered(w);
    }
    if (w->ask.curl == NULL && steady_now() >= w->next_at) {
        buf_reset(&w->answer);
        w->ask.curl = loop_handle(w->loop);
        w->headers = gate_ask(w->g, w->ask.curl, "/supported", NULL, "gate");
        curl_easy_setopt(w->ask.curl, CURLOPT_WRITEFUNCTION, answer_take);
        curl_easy_setopt(w->ask.curl, CURLOPT_WRITEDATA, w);
        loop_begin(w->loop, &w->ask);
    }
    stats_flush(w->g->stats, false);
}

static void drop(struct turner *t)
{
    struct watch *w = (struct watch *)t;
    pthread_mutex_lock(&w->lock);
    w->is_closed = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void gate_watch_open(struct gate *g)
{
    struct watch *w = calloc(1, sizeof *w);
    METE_ASSERT(w != NULL && pthread_mutex_init(&w->lock, NULL) == 0);
    METE_ASSERT(pthread_cond_init(&w->changed, NULL) == 0);
    w->turner = (struct turner){.turn = turn, .drop = drop};
    w->ask.owner = &w->turner;
    w->g = g;
    w->loop = g->loop[0];
    g->watch = w;
    loop_put(w->loop, &w->turner);
}

void gate_watch_close(struct gate *g)
{
    struct watch *w = g->watch;
    if (w == NULL) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->is_closing = true;
    pthread_mutex_unlock(&w->lock);
    loop_put(w->loop, &w->turner);
    pthread_mutex_lock(&w->lock);
    while (!w->is_closed) {
        pthread_cond_wait(&w->changed, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
    buf_clear(&w->answer);
    free(w);
    g->watch = NULL;
}
