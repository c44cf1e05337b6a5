/* SPDX-License-Identifier: Apache-2.0
 * Invariant: a turner that is done is in no list; libcurl is called by this thread alone, but for
 * curl_multi_wakeup. */
#include "gate/loop.h"
#include "store/steady.h"

#include <pthread.h>
#include <stdlib.h>

#define TICK_MS     100
#define HANDLES_MAX 256 /* kept for later */

struct loop {
    pthread_t thread;
    pthread_mutex_t lock;
    CURLM *multi;
    struct turner *first; /* of all; the thread's own */
    struct turner *queue; /* under the lock, the last one first */
    bool is_stopping;
    bool is_awake; /* under the lock: it looks at the queue before it sleeps */
    CURL *handle[HANDLES_MAX];
    size_t handle_count;
};

void loop_put(struct loop *l, struct turner *t)
{
    pthread_mutex_lock(&l->lock);
    bool is_new = !t->is_queued && !t->is_done;
    bool wake = is_new && !l->is_awake;
    if (is_new) {
        t->is_queued = true;
        t->queued = l->queue;
        l->queue = t;
        l->is_awake = true;
    }
    pthread_mutex_unlock(&l->lock);
    if (wake) {
        METE_ASSERT(curl_multi_wakeup(l->multi) == CURLM_OK);
    }
}

CURL *loop_handle(struct loop *l)
{
    CURL *c = l->handle_count > 0 ? l->handle[--l->handle_count] : curl_easy_init();
    METE_ASSERT(c != NULL);
    return c;
}

void loop_begin(struct loop *l, struct transfer *t)
{
    curl_easy_setopt(t->curl, CURLOPT_PRIVATE, t);
    METE_ASSERT(curl_multi_add_handle(l->multi, t->curl) == CURLM_OK);
    t->is_running = true;
    t->has_ended = false;
}

void loop_end(struct loop *l, struct transfer *t)
{
    if (t->curl == NULL) {
        return;
    }
    if (t->is_running) {
        METE_ASSERT(curl_multi_remove_handle(l->multi, t->curl) == CURLM_OK);
    }
    t->is_running = false;
    curl_easy_reset(t->curl);
    if (l->handle_count < HANDLES_MAX) {
        l->handle[l->handle_count++] = t->curl;
    } else {
        curl_easy_cleanup(t->curl);
    }
    t->curl = NULL;
}

void loop_done(struct loop *l, struct turner *t)
{
    METE_ASSERT(t->is_known && !t->is_done);
    *(t->before != NULL ? &t->before->next : &l->first) = t->next;
    if (t->next != NULL) {
        t->next->before = t->before;
    }
    pthread_mutex_lock(&l->lock);
    t->is_done = true;
    bool is_queued = t->is_queued; /* then the queue still leads to it */
    pthread_mutex_unlock(&l->lock);
    if (!is_queued) {
        t->drop(t);
    }
}

static void meet(struct loop *l, struct turner *t)
{
    if (!t->is_known) {
        t->is_known = true;
        t->next = l->first;
        if (t->next != NULL) {
            t->next->before = t;
        }
        l->first = t;
    }
}

/** The turns of all that were put. */
static void queue_take(struct loop *l)
{
    struct turner *in_order = NULL;
    pthread_mutex_lock(&l->lock);
    struct turner *t = l->queue;
    l->queue = NULL;
    while (t != NULL) { /* it was built the last one first */
        struct turner *next = t->queued;
        t->queued = in_order;
        in_order = t;
        t = next;
    }
    pthread_mutex_unlock(&l->lock);
    while (in_order != NULL) {
        t = in_order;
        pthread_mutex_lock(&l->lock);
        in_order = t->queued;
        t->is_queued = false;
        bool is_done = t->is_done;
        pthread_mutex_unlock(&l->lock);
        if (is_done) {
            t->drop(t);
            continue;
        }
        meet(l, t);
        t->turn(t); /* it may be gone after that */
    }
}

static void messages_take(struct loop *l)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(l->multi, &left)) != NULL) {
        void *private = NULL;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
        struct transfer *t = private;
        METE_ASSERT(m->msg == CURLMSG_DONE && t != NULL);
        METE_ASSERT(curl_multi_remove_handle(l->multi, t->curl) == CURLM_OK);
        t->is_running = false;
        t->has_ended = true;
        t->code = code;
        loop_put(l, t->owner);
    }
}

/** Everybody looks at the clock now and then, and whether its client is still there. */
static void tick(struct loop *l)
{
    for (struct turner *t = l->first; t != NULL; t = t->next) {
        loop_put(l, t);
    }
}

static bool sleep_may(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
    bool empty = l->queue == NULL;
    l->is_awake = !empty;
    pthread_mutex_unlock(&l->lock);
    return empty;
}

static bool is_over(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
    bool over = l->is_stopping && l->queue == NULL;
    pthread_mutex_unlock(&l->lock);
    return over;
}

static void *work(void *arg)
{
    struct loop *l = arg;
    int64_t ticked = steady_now();
    int running;
    while (!is_over(l)) {
        queue_take(l);
        METE_ASSERT(curl_multi_perform(l->multi, &running) == CURLM_OK);
        messages_take(l);
        if (steady_now() - ticked >= TICK_MS * 1000) {
            ticked = steady_now();
            tick(l);
        }
        if (sleep_may(l)) {
            int count;
            METE_ASSERT(curl_multi_poll(l->multi, NULL, 0, TICK_MS, &count) == CURLM_OK);
            pthread_mutex_lock(&l->lock);
            l->is_awake = true;
            pthread_mutex_unlock(&l->lock);
        }
    }
    return NULL;
}

struct loop *loop_open(void)
{
    struct loop *l = calloc(1, sizeof *l);
    METE_ASSERT(l != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    METE_ASSERT(pthread_mutex_init(&l->lock, NULL) == 0);
    l->multi = curl_multi_init();
    l->is_awake = true;
    METE_ASSERT(l->multi != NULL);
    curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, 256L);
    METE_ASSERT(pthread_create(&l->thread, NULL, work, l) == 0);
    return l;
}

void loop_close(struct loop *l)
{
    if (l == NULL) {
        return;
    }
    pthread_mutex_lock(&l->lock);
    l->is_stopping = true;
    pthread_mutex_unlock(&l->lock);
    METE_ASSERT(curl_multi_wakeup(l->multi) == CURLM_OK);
    pthread_join(l->thread, NULL);
    METE_ASSERT(l->first == NULL);
    for (size_t i = 0; i < l->handle_count; i++) {
        curl_easy_cleanup(l->handle[i]);
    }
    curl_multi_cleanup(l->multi);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
