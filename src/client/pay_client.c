/* SPDX-License-Identifier: Apache-2.0
 * The door of the paying client, and its loop: libcurl's sockets in one epoll descriptor, so that
 * any loop can wait for it. */
#include "client/pay_parts.h"

#include "base/text.h"
#include "crypto/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#ifndef METE_VERSION
#define METE_VERSION "0.1.0"
#endif
#define EVENTS_MAX    64
#define PATH_LEN_MAX  4096
#define PARALLEL      16u
#define RETRIES       4u
#define RETRY_MIN_MS  250u
#define RETRY_MAX_MS  30000u
#define CONNECT_MS    10000u
#define ATTEMPT_MS    60000u
#define DELAY_MAX_MS  86400000u
#define REDIRECTS_MAX 50u
#define ANSWER_MAX    ((size_t)64 << 20)

static mete_time clock_read(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (mete_time)t.tv_sec * TIME_SECOND_US + t.tv_nsec / 1000;
}

mete_time pay_now(void)
{
    return clock_read(CLOCK_REALTIME);
}

mete_time pay_tick(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

/* --- libcurl's events --------------------------------------------------------------------------*/

static int on_socket(CURL *easy, curl_socket_t s, int what, void *arg, void *known)
{
    struct mete_client *c = arg;
    struct epoll_event ev = {.data.fd = s};
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(c->poll, EPOLL_CTL_DEL, s, NULL);
        return 0;
    }
    ev.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (epoll_ctl(c->poll, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, s, &ev) != 0) {
        (void)epoll_ctl(c->poll, known != NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, s, &ev);
    }
    (void)curl_multi_assign(c->multi, s, c);
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
    struct mete_client *c = arg;
    (void)multi;
    c->curl_due = ms < 0 ? TIME_NEVER : pay_tick() + (mete_time)ms * 1000;
    return 0;
}

static void events_work(struct mete_client *c)
{
    struct epoll_event ev[EVENTS_MAX];
    int running;
    int n;
    do {
        n = epoll_wait(c->poll, ev, EVENTS_MAX, 0);
        for (int i = 0; i < n; i++) {
            const int in = ev[i].events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0;
            const int out = ev[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
            const int bad = ev[i].events & EPOLLERR ? CURL_CSELECT_ERR : 0;
            (void)curl_multi_socket_action(c->multi, ev[i].data.fd, in | out | bad, &running);
        }
    } while (n == EVENTS_MAX);
    if (c->curl_due <= pay_tick()) {
        c->curl_due = TIME_NEVER;
        (void)curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
}

static void messages_work(struct mete_client *c)
{
    int left;
    for (const CURLMsg *m = curl_multi_info_read(c->multi, &left); m != NULL;
         m = curl_multi_info_read(c->multi, &left)) {
        struct mete_client_request *r = NULL;
        if (m->msg != CURLMSG_DONE) {
            continue;
        }
        const CURLcode code = m->data.result; /* `m` is gone with its handle */
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&r);
        if (r->step == STEP_NODE) {
            pay_node_ended(r, code);
        } else {
            flow_ended(r, code);
        }
    }
}

static void delays_work(struct mete_client *c)
{
    struct mete_client_request *r = TAILQ_FIRST(&c->active);
    const mete_time now = pay_tick();
    while (r != NULL) {
        struct mete_client_request *next = TAILQ_NEXT(r, link);
        if (r->step == STEP_DELAY && r->due <= now) {
            flow_send(r);
        }
        r = next;
    }
}

static void queue_work(struct mete_client *c)
{
    struct mete_client_request *r;
    while (c->active_count < c->o.parallel && (r = TAILQ_FIRST(&c->queued)) != NULL) {
        TAILQ_REMOVE(&c->queued, r, link);
        TAILQ_INSERT_TAIL(&c->active, r, link);
        c->active_count++;
        r->step = STEP_DELAY;
        r->due = 0;
        r->begun = pay_tick();
        flow_start(r);
    }
}

size_t mete_client_work(struct mete_client *c)
{
    events_work(c);
    messages_work(c);
    delays_work(c);
    queue_work(c);
    return c->open_count;
}

int mete_client_fd(const struct mete_client *c)
{
    return c->poll;
}

int mete_client_timeout_ms(const struct mete_client *c)
{
    const struct mete_client_request *r;
    mete_time due = c->curl_due;
    TAILQ_FOREACH(r, &c->active, link)
    {
        due = r->step == STEP_DELAY && r->due < due ? r->due : due;
    }
    if (TAILQ_FIRST(&c->queued) != NULL && c->active_count < c->o.parallel) {
        return 0;
    }
    if (due == TIME_NEVER) {
        return -1;
    }
    const mete_time left = (due - pay_tick() + 999) / 1000;
    return left < 0 ? 0 : left > (mete_time)DELAY_MAX_MS ? (int)DELAY_MAX_MS : (int)left;
}

size_t mete_client_wait(struct mete_client *c, int wait_ms)
{
    const mete_time until = wait_ms < 0 ? TIME_NEVER : pay_tick() + (mete_time)wait_ms * 1000;
    struct epoll_event ev;
    for (;;) {
        const size_t open = mete_client_work(c);
        const mete_time now = pay_tick();
        if (open == 0 || TAILQ_FIRST(&c->done) != NULL || now >= until) {
            return open;
        }
        const mete_time left = until == TIME_NEVER ? TIME_NEVER : (until - now + 999) / 1000;
        const int own = mete_client_timeout_ms(c);
        const int ms = own >= 0 && own < left           ? own
                       : left > (mete_time)DELAY_MAX_MS ? -1
                                                        : (int)left;
        (void)epoll_wait(c->poll, &ev, 1, ms);
    }
}

struct mete_client_request *mete_client_next(struct mete_client *c)
{
    struct mete_client_request *r = TAILQ_FIRST(&c->done);
    if (r != NULL) {
        TAILQ_REMOVE(&c->done, r, link);
        r->is_shown = true;
    }
    return r;
}

/* --- the client --------------------------------------------------------------------------------*/

char *pay_keep(const char *s)
{
    char *copy = s != NULL ? strdup(s) : NULL;
    METE_ASSERT(s == NULL || copy != NULL);
    return copy;
}

static unsigned number_or(unsigned given, unsigned otherwise, unsigned most)
{
    const unsigned v = given != 0 ? given : otherwise;
    return v < most ? v : most;
}

static void options_keep(struct mete_client *c, const struct mete_client_options *o)
{
    c->o = *o;
    c->o.key = NULL;
    c->o.key_file = c->o.key_env = c->o.history_file = NULL;
    c->o.max_amount = c->o.max_per_host = c->o.max_per_day = c->o.max_total = NULL;
    c->o.networks = c->o.assets = c->o.schemes = c->o.recipients = c->o.rpc = NULL;
    c->o.ca_file = pay_keep(o->ca_file);
    c->o.proxy = pay_keep(o->proxy);
    c->o.user_agent = pay_keep(o->user_agent != NULL ? o->user_agent : "mete-client/" METE_VERSION);
    c->o.parallel = number_or(o->parallel, PARALLEL, 4096);
    c->o.retries = number_or(o->retries, RETRIES, 1000);
    c->o.retry_min_ms = number_or(o->retry_min_ms, RETRY_MIN_MS, DELAY_MAX_MS);
    c->o.retry_max_ms = number_or(o->retry_max_ms, RETRY_MAX_MS, DELAY_MAX_MS);
    c->o.connect_ms = number_or(o->connect_ms, CONNECT_MS, DELAY_MAX_MS);
    c->o.attempt_ms = number_or(o->attempt_ms, ATTEMPT_MS, DELAY_MAX_MS);
    c->o.redirects = number_or(o->redirects, 0, REDIRECTS_MAX);
    c->o.answer_max = o->answer_max != 0 ? o->answer_max : ANSWER_MAX;
}

/** The history is needed where something may be paid, or counted. */
static enum mete_client_error history_take(struct mete_client *c, const char *given, char *why)
{
    char usual[PATH_LEN_MAX];
    if (c->o.no_pay || (c->key == NULL && !c->o.dry_run)) {
        return METE_CLIENT_OK;
    }
    if (given == NULL && !history_usual(usual, sizeof usual)) {
        snprintf(why, METE_CLIENT_ERROR_MAX, "there is no home for the history: name a file");
        return METE_CLIENT_HISTORY;
    }
    const char *path = given != NULL ? given : usual;
    if (c->o.dry_run && access(path, F_OK) != 0) {
        return METE_CLIENT_OK; /* nothing was paid yet, and a dry run leaves nothing */
    }
    c->history = history_open(path, why);
    return c->history != NULL ? METE_CLIENT_OK : METE_CLIENT_HISTORY;
}

static bool loop_make(struct mete_client *c)
{
    uint64_t seed;
    c->poll = epoll_create1(EPOLL_CLOEXEC);
    c->multi = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_multi_init() : NULL;
    if (c->poll < 0 || c->multi == NULL) {
        return false;
    }
    random_bytes(&seed, sizeof seed);
    rng_seed(&c->rng, seed);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    return true;
}

static enum mete_client_error parts_open(struct mete_client *c, const struct mete_client_options *o,
                                         char *why)
{
    enum mete_client_error error = pay_key_open(o, &c->key, why);
    if (error == METE_CLIENT_OK) {
        error = pay_rules_read(&c->rules, o, why);
    } else {
        arena_init(&c->rules.arena, 1);
    }
    if (error == METE_CLIENT_OK) {
        error = history_take(c, o->history_file, why);
    }
    if (error == METE_CLIENT_OK && !loop_make(c)) {
        snprintf(why, METE_CLIENT_ERROR_MAX, "libcurl cannot begin");
        error = METE_CLIENT_MEMORY;
    }
    if (error == METE_CLIENT_OK && c->key != NULL) {
        evm_address_format(pay_key_address(c->key), c->address);
    }
    return error;
}

enum mete_client_error mete_client_open(const struct mete_client_options *options,
                                        struct mete_client **out, char *why)
{
    char room[METE_CLIENT_ERROR_MAX] = "";
    struct mete_client *c = calloc(1, sizeof *c);
    METE_ASSERT(c != NULL);
    c->poll = -1;
    c->curl_due = TIME_NEVER;
    TAILQ_INIT(&c->queued);
    TAILQ_INIT(&c->active);
    TAILQ_INIT(&c->done);
    options_keep(c, options);
    const enum mete_client_error error = parts_open(c, options, room);
    if (error != METE_CLIENT_OK) {
        mete_client_close(c);
    } else {
        *out = c;
    }
    if (why != NULL) {
        (void)text_copy(why, METE_CLIENT_ERROR_MAX, text_of(room));
    }
    return error;
}

static void list_free(struct pay_list *list)
{
    struct mete_client_request *r;
    while ((r = TAILQ_FIRST(list)) != NULL) {
        mete_client_request_free(r);
    }
}

void mete_client_close(struct mete_client *c)
{
    if (c == NULL) {
        return;
    }
    list_free(&c->queued);
    list_free(&c->active);
    list_free(&c->done);
    if (c->multi != NULL) {
        curl_multi_cleanup(c->multi);
    }
    if (c->poll >= 0) {
        (void)close(c->poll);
    }
    history_close(c->history);
    pay_key_close(c->key);
    pay_rules_clear(&c->rules);
    free((char *)(uintptr_t)c->o.ca_file);
    free((char *)(uintptr_t)c->o.proxy);
    free((char *)(uintptr_t)c->o.user_agent);
    free(c);
}

const char *mete_client_address(const struct mete_client *c)
{
    return c->address;
}
