/* SPDX-License-Identifier: Apache-2.0
 * A thread, a queue in front of it, and as many POSTs as there may be at once. Invariant: an ask is
 * in exactly one place: the inbox (under the lock), the queue, or a POST under way. */
#include "rails/line.h"

#include "base/text.h"
#include "rails/web_curl.h"
#include "store/steady.h"
#include "wire/json.h"
#include "wire/url.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOTAL_MS   10000u
#define POSTS      4u
#define POSTS_MOST 64u
#define BATCH      48u
#define ANSWER_MAX ((size_t)4 << 20)
#define IDLE_MS    1000

struct queue {
    struct line_ask *first, *last;
};

struct post {
    struct line *line;
    CURL *easy;
    bool is_busy;
    bool is_too_large;
    size_t node;
    struct queue asks;
    struct rpc_batch batch;
    struct buf text;
    struct buf answer;
    int64_t began_us;
};

struct node {
    char *url;
    char host[HOST_LEN_MAX + 1]; /* for people; "" when it is an address */
    _Atomic uint64_t failed;
};

struct line {
    struct line_options o;
    struct node node[LINE_NODES_MAX];
    size_t current; /* the node that answered last */
    CURLM *multi;
    struct curl_slist *headers;
    struct post *posts;
    struct queue queue;
    uint64_t next_id; /* of requests, so that an answer to others is seen */
    struct arena arena;
    struct rpc_answer *answers; /* of the POST that has just ended */
    pthread_t thread;
    pthread_mutex_t lock;
    struct queue inbox; /* under the lock */
    _Atomic bool is_closing;
    _Atomic uint64_t ask_count, request_count, post_count, failed_count, post_us;
    _Atomic unsigned waiting;
};

static void queue_add(struct queue *q, struct line_ask *ask)
{
    ask->next = NULL;
    *(q->last != NULL ? &q->last->next : &q->first) = ask;
    q->last = ask;
}

static struct line_ask *queue_take(struct queue *q)
{
    struct line_ask *ask = q->first;
    if (ask != NULL) {
        q->first = ask->next;
        q->last = q->first != NULL ? q->last : NULL;
    }
    return ask;
}

/* --- a POST goes out ---------------------------------------------------------------------------*/

static size_t body_take(char *p, size_t size, size_t count, void *arg)
{
    struct post *post = arg;
    if (post->answer.len + size * count > ANSWER_MAX) {
        post->is_too_large = true;
        return 0;
    }
    buf_put(&post->answer, p, size * count);
    return size * count;
}

/** Whether the first ask that waits goes out with those that the POST has. */
static bool fits(const struct line *l, const struct post *post)
{
    const struct line_ask *next = l->queue.first, *first = post->asks.first;
    return next != NULL && post->batch.count + next->count <= l->o.batch_max &&
           (first == NULL || (!first->is_alone && !next->is_alone && next->tried == first->tried));
}

/** As many as fit, which have failed at equally many nodes. */
static void post_fill(struct line *l, struct post *post)
{
    const unsigned tried = l->queue.first->tried;
    post->asks = (struct queue){0};
    post->node = (l->current + tried) % l->o.url_count;
    buf_reset(&post->text);
    rpc_batch_begin(&post->batch, &post->text, l->next_id);
    (void)rpc_request_plain(&post->batch, l->o.hello);
    while (fits(l, post)) {
        struct line_ask *ask = queue_take(&l->queue);
        const size_t before = post->batch.count;
        ask->write(ask, &post->batch);
        METE_ASSERT(post->batch.count == before + ask->count);
        queue_add(&post->asks, ask);
    }
    rpc_batch_end(&post->batch);
    l->next_id += post->batch.count;
}

static void post_send(struct line *l, struct post *post)
{
    post_fill(l, post);
    post->is_busy = true;
    post->is_too_large = false;
    post->began_us = steady_now();
    buf_reset(&post->answer);
    curl_easy_setopt(post->easy, CURLOPT_URL, l->node[post->node].url);
    curl_easy_setopt(post->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->text.len);
    curl_easy_setopt(post->easy, CURLOPT_POSTFIELDS, (const char *)post->text.p);
    METE_ASSERT(curl_multi_add_handle(l->multi, post->easy) == CURLM_OK);
    atomic_fetch_add(&l->post_count, 1);
    atomic_fetch_add(&l->request_count, post->batch.count);
}

static void posts_send(struct line *l)
{
    for (size_t i = 0; i < l->o.posts_max && l->queue.first != NULL; i++) {
        if (!l->posts[i].is_busy) {
            post_send(l, &l->posts[i]);
        }
    }
}

/* --- and comes back ----------------------------------------------------------------------------*/

static enum mete_code failed(const struct line *l, const struct post *post, enum mete_code code,
                             struct mete_err *err, const char *what)
{
    const struct node *n = &l->node[post->node];
    return mete_fail(err, code, "", "node %zu of %zu%s%s%s: %s", post->node + 1, l->o.url_count,
                     n->host[0] != '\0' ? " (" : "", n->host, n->host[0] != '\0' ? ")" : "", what);
}

static enum mete_code answers_read(struct line *l, struct post *post, struct mete_err *err)
{
    struct mete_err wrong;
    arena_reset(&l->arena);
    enum mete_code code = rpc_answers_read(&l->arena, buf_text(&post->answer), post->batch.first_id,
                                           l->answers, post->batch.count, &wrong);
    if (code != METE_OK) {
        url_hide(wrong.text, strlen(wrong.text), l->node[post->node].url);
        return failed(l, post, code, err, wrong.text);
    }
    if (l->answers[0].is_error || !l->o.is_right(l->o.ctx, l->answers[0].result)) {
        return failed(l, post, METE_CHAIN_OTHER, err, "it is of another network");
    }
    rpc_answers_hide(&l->arena, l->answers, post->batch.count, l->node[post->node].url);
    return METE_OK;
}

static enum mete_code post_judge(struct line *l, struct post *post, CURLcode code,
                                 struct mete_err *err)
{
    long status = 0;
    curl_easy_getinfo(post->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK) {
        return failed(l, post, METE_CHAIN_UNREACHABLE, err,
                      post->is_too_large ? "its answer is too long" : curl_easy_strerror(code));
    }
    if (status != 200) {
        char what[40];
        (void)snprintf(what, sizeof what, "HTTP status %ld", status);
        return failed(l, post, METE_CHAIN_UNREACHABLE, err, what);
    }
    return answers_read(l, post, err);
}

static void ask_done(struct line *l, struct line_ask *ask, enum mete_code code,
                     const struct rpc_answer *answers, const struct mete_err *err)
{
    ask->tried = 0;
    ask->is_alone = false;
    atomic_fetch_sub(&l->waiting, 1);
    ask->done(ask, code, answers, err);
}

/** Before what came later: to the next node, if there is one; or, `apart`, each by itself to the
 *  same. */
static void asks_again(struct line *l, struct queue asks, bool apart, enum mete_code code,
                       const struct mete_err *err)
{
    struct queue again = {0};
    struct line_ask *ask;
    while ((ask = queue_take(&asks)) != NULL) {
        ask->is_alone |= apart;
        ask->tried += !apart;
        if (ask->tried < l->o.url_count) {
            queue_add(&again, ask);
        } else {
            ask_done(l, ask, code, NULL, err);
        }
    }
    while ((ask = queue_take(&l->queue)) != NULL) {
        queue_add(&again, ask);
    }
    l->queue = again;
}

static void post_end(struct line *l, struct post *post, CURLcode result)
{
    struct mete_err err;
    struct queue asks = post->asks;
    enum mete_code code = post_judge(l, post, result, &err);
    curl_multi_remove_handle(l->multi, post->easy);
    post->is_busy = false;
    atomic_fetch_add(&l->post_us, (uint64_t)(steady_now() - post->began_us));
    if (code != METE_OK) {
        atomic_fetch_add(&l->failed_count, 1);
        atomic_fetch_add(&l->node[post->node].failed, 1);
        const bool is_spoilt = post->is_too_large || code == METE_RPC_ANSWER;
        asks_again(l, asks, is_spoilt && asks.first != asks.last, code, &err);
        return;
    }
    l->current = post->node;
    const struct rpc_answer *at = l->answers + 1;
    for (struct line_ask *ask; (ask = queue_take(&asks)) != NULL;) {
        const struct rpc_answer *own = at;
        at += ask->count;
        ask_done(l, ask, METE_OK, own, NULL);
    }
}

static void posts_end(struct line *l)
{
    int left;
    CURLMsg *m;
    while ((m = curl_multi_info_read(l->multi, &left)) != NULL) {
        void *post = NULL;
        METE_ASSERT(m->msg == CURLMSG_DONE);
        CURLcode result = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &post);
        post_end(l, post, result);
    }
}

/* --- the thread --------------------------------------------------------------------------------*/

static void inbox_take(struct line *l)
{
    pthread_mutex_lock(&l->lock);
    struct queue came = l->inbox;
    l->inbox = (struct queue){0};
    pthread_mutex_unlock(&l->lock);
    for (struct line_ask *ask; (ask = queue_take(&came)) != NULL;) {
        queue_add(&l->queue, ask);
    }
}

/** Whoever waits is told; who asks again while it is told, too. */
static void all_end(struct line *l)
{
    struct mete_err err;
    (void)mete_fail(&err, METE_CHAIN_UNREACHABLE, "", "the program is about to end");
    for (size_t i = 0; i < l->o.posts_max; i++) {
        if (l->posts[i].is_busy) {
            curl_multi_remove_handle(l->multi, l->posts[i].easy);
            for (struct line_ask *ask; (ask = queue_take(&l->posts[i].asks)) != NULL;) {
                ask_done(l, ask, err.code, NULL, &err);
            }
        }
    }
    inbox_take(l);
    for (struct line_ask *ask; (ask = queue_take(&l->queue)) != NULL; inbox_take(l)) {
        ask_done(l, ask, err.code, NULL, &err);
    }
}

static bool can_send(const struct line *l)
{
    size_t i = 0;
    while (i < l->o.posts_max && l->posts[i].is_busy) {
        i++;
    }
    return l->queue.first != NULL && i < l->o.posts_max;
}

static void *line_run(void *arg)
{
    struct line *l = arg;
    while (!atomic_load(&l->is_closing)) {
        int running;
        inbox_take(l);
        posts_send(l);
        (void)curl_multi_perform(l->multi, &running);
        posts_end(l);
        if (!can_send(l)) {
            (void)curl_multi_poll(l->multi, NULL, 0, IDLE_MS, NULL);
        }
    }
    all_end(l);
    return NULL;
}

void line_put(struct line *l, struct line_ask *q)
{
    METE_ASSERT(q->count > 0 && q->count < l->o.batch_max);
    q->tried = 0;
    q->is_alone = false;
    atomic_fetch_add(&l->waiting, 1);
    atomic_fetch_add(&l->ask_count, 1);
    if (pthread_equal(pthread_self(), l->thread)) { /* an ask that follows from another's answer */
        queue_add(&l->queue, q);
        return;
    }
    pthread_mutex_lock(&l->lock);
    const bool is_first = l->inbox.first == NULL;
    queue_add(&l->inbox, q);
    pthread_mutex_unlock(&l->lock);
    if (is_first) {
        (void)curl_multi_wakeup(l->multi);
    }
}

/* --- opening and closing -----------------------------------------------------------------------*/

static void post_open(struct line *l, struct post *post)
{
    const struct web_options o = {
        .allow_http = l->o.allow_http, .total_ms = l->o.total_ms, .keep_alive = true};
    post->line = l;
    post->easy = curl_easy_init();
    METE_ASSERT(post->easy != NULL);
    web_curl_set(post->easy, &o);
    curl_easy_setopt(post->easy, CURLOPT_HTTPHEADER, l->headers);
    curl_easy_setopt(post->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(post->easy, CURLOPT_WRITEFUNCTION, body_take);
    curl_easy_setopt(post->easy, CURLOPT_WRITEDATA, post);
    curl_easy_setopt(post->easy, CURLOPT_PRIVATE, post);
}

static void node_open(struct node *n, const char *url)
{
    struct url parts;
    n->url = strdup(url);
    METE_ASSERT(n->url != NULL);
    if (url_read(text_of(url), &parts) == NULL && host_is_domain(parts.host)) {
        (void)text_copy(n->host, sizeof n->host, parts.host);
    }
}

void line_open(struct line **out, const struct line_options *o)
{
    METE_ASSERT(o->url_count > 0 && o->url_count <= LINE_NODES_MAX);
    struct line *l = calloc(1, sizeof *l);
    METE_ASSERT(l != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    l->o = *o;
    l->o.total_ms = o->total_ms != 0 ? o->total_ms : TOTAL_MS;
    l->o.posts_max = o->posts_max != 0 ? o->posts_max : POSTS;
    l->o.batch_max = o->batch_max != 0 ? o->batch_max : BATCH;
    METE_ASSERT(l->o.posts_max <= POSTS_MOST && l->o.batch_max >= 8);
    for (size_t i = 0; i < o->url_count; i++) {
        node_open(&l->node[i], o->url[i]);
    }
    l->next_id = 1;
    arena_init(&l->arena, JSON_ARENA_MAX(ANSWER_MAX) + ANSWER_MAX);
    l->multi = curl_multi_init();
    l->headers = curl_slist_append(NULL, "Content-Type: application/json");
    l->headers = curl_slist_append(l->headers, "Expect:");
    l->posts = calloc(l->o.posts_max, sizeof *l->posts);
    l->answers = calloc(l->o.batch_max, sizeof *l->answers);
    METE_ASSERT(l->multi != NULL && l->headers != NULL && l->posts != NULL && l->answers != NULL);
    for (size_t i = 0; i < l->o.posts_max; i++) {
        post_open(l, &l->posts[i]);
    }
    pthread_mutex_init(&l->lock, NULL);
    METE_ASSERT(pthread_create(&l->thread, NULL, line_run, l) == 0);
    *out = l;
}

void line_close(struct line *l)
{
    if (l == NULL) {
        return;
    }
    atomic_store(&l->is_closing, true);
    (void)curl_multi_wakeup(l->multi);
    pthread_join(l->thread, NULL);
    for (size_t i = 0; i < l->o.posts_max; i++) {
        curl_easy_cleanup(l->posts[i].easy);
        buf_clear(&l->posts[i].text);
        buf_clear(&l->posts[i].answer);
    }
    for (size_t i = 0; i < l->o.url_count; i++) {
        free(l->node[i].url);
    }
    curl_multi_cleanup(l->multi);
    curl_slist_free_all(l->headers);
    pthread_mutex_destroy(&l->lock);
    arena_clear(&l->arena);
    free(l->answers);
    free(l->posts);
    free(l);
}

void line_stats(struct line *l, struct line_stats *out)
{
    *out = (struct line_stats){.asks = atomic_load(&l->ask_count),
                               .requests = atomic_load(&l->request_count),
                               .posts = atomic_load(&l->post_count),
                               .failed_posts = atomic_load(&l->failed_count),
                               .post_us = atomic_load(&l->post_us),
                               .waiting = atomic_load(&l->waiting)};
    for (size_t i = 0; i < l->o.url_count; i++) {
        out->nodes_failed[i] = atomic_load(&l->node[i].failed);
    }
}
