/* SPDX-License-Identifier: Apache-2.0
 * The functions of mete/tracker.h. They copy, and leave the rest to the thread; those that wait say
 * for how long at most. */
#include "client/tracker_parts.h"

#include "base/text.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define THREAD_STACK ((size_t)512 << 10)
#define CURRENCY     "USD"

/* All trackers of this process: for exit() and fork(). */
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct mete_tracker *all;
static pthread_once_t process_once = PTHREAD_ONCE_INIT;

mete_time tracker_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (mete_time)now.tv_sec * TIME_SECOND_US + now.tv_nsec / 1000;
}

static bool is_mine(const struct mete_tracker *t)
{
    return t != NULL && t->owner == getpid();
}

void tracker_wake(struct mete_tracker *t)
{
    const uint64_t one = 1;
    ssize_t put = write(t->wake, &one, sizeof(one)); /* full: it is awake already */
    (void)put;
}

static struct timespec deadline_in(unsigned ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* --- fork and exit -----------------------------------------------------------------------------*/

static void fork_before(void)
{
    pthread_mutex_lock(&all_lock);
}

static void fork_in_parent(void)
{
    pthread_mutex_unlock(&all_lock);
}

/** A copy of the descriptor would keep the lock of a file whose owner is gone. */
static void fork_in_child(void)
{
    for (struct mete_tracker *t = all; t != NULL; t = t->next) {
        int fd = atomic_exchange(&t->spool.fd, -1);
        if (fd >= 0) {
            close(fd);
        }
    }
    all = NULL;
    pthread_mutex_unlock(&all_lock);
}

static void list_add(struct mete_tracker *t)
{
    pthread_mutex_lock(&all_lock);
    t->next = all;
    all = t;
    pthread_mutex_unlock(&all_lock);
}

static void list_remove(struct mete_tracker *t)
{
    pthread_mutex_lock(&all_lock);
    struct mete_tracker **at = &all;
    while (*at != NULL && *at != t) {
        at = &(*at)->next;
    }
    if (*at == t) {
        *at = t->next;
    }
    pthread_mutex_unlock(&all_lock);
}

/** True: the thread has finished. Needs the lock. */
static bool stop_and_wait(struct mete_tracker *t)
{
    const struct timespec until = deadline_in(t->o.close_wait_ms);
    t->stopping = true;
    tracker_wake(t);
    while (!t->finished && pthread_cond_timedwait(&t->changed, &t->lock, &until) == 0) {
    }
    return t->finished;
}

static void stop_all(void)
{
    pthread_mutex_lock(&all_lock);
    for (struct mete_tracker *t = all; t != NULL; t = t->next) {
        pthread_mutex_lock(&t->lock);
        bool join = stop_and_wait(t) && !t->joined;
        t->joined = t->joined || join;
        pthread_mutex_unlock(&t->lock);
        if (join) {
            pthread_join(t->thread, NULL);
        }
    }
    pthread_mutex_unlock(&all_lock);
}

void trackers_stop_at_exit(void)
{
    (void)atexit(stop_all);
}

static void process_watch(void)
{
    (void)pthread_atfork(fork_before, fork_in_parent, fork_in_child);
    trackers_stop_at_exit(); /* for programs that end before anything is sent */
}

/* --- open and close ----------------------------------------------------------------------------*/

void tracker_free(struct mete_tracker *t)
{
    if (t->wake >= 0) {
        close(t->wake);
    }
    free(t->pending);
    free(t->taken);
    options_clear(&t->o);
    free(t);
}

static void lock_make(struct mete_tracker *t)
{
    pthread_condattr_t monotonic;
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&t->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

/** Its thread takes none of the program's signals. */
static bool thread_start(struct mete_tracker *t)
{
    pthread_attr_t attr;
    sigset_t none;
    sigset_t before;
    sigfillset(&none);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    pthread_sigmask(SIG_SETMASK, &none, &before);
    int failed = pthread_create(&t->thread, &attr, tracker_work, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return failed == 0;
}

struct mete_tracker *mete_tracker_open(const struct mete_tracker_options *options)
{
    struct mete_tracker *t = options != NULL ? calloc(1, sizeof(*t)) : NULL;
    if (t == NULL) {
        return NULL;
    }
    if (!options_complete(&t->o, options)) {
        free(t);
        return NULL;
    }
    t->owner = getpid();
    t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    t->pending = malloc(t->o.memory_max);
    t->taken = malloc(t->o.memory_max);
    if (t->wake < 0 || t->pending == NULL || t->taken == NULL) {
        tracker_free(t);
        return NULL;
    }
    lock_make(t);
    spool_init(&t->spool, t->o.spool, text_of(t->o.cli_id));
    t->spool.interval = (mete_time)t->o.interval_s * TIME_SECOND_US;
    t->spool.size_max = t->o.disk_max;
    pthread_once(&process_once, process_watch);
    list_add(t);
    if (!thread_start(t)) {
        list_remove(t);
        tracker_free(t);
        return NULL;
    }
    return t;
}

void mete_tracker_close(struct mete_tracker *t)
{
    if (!is_mine(t)) {
        return;
    }
    list_remove(t);
    pthread_mutex_lock(&t->lock);
    bool finished = stop_and_wait(t);
    t->abandoned = !finished;
    pthread_t thread = t->thread; /* an abandoned tracker may be freed as soon as it is unlocked */
    pthread_mutex_unlock(&t->lock);
    if (!finished) {
        pthread_detach(thread);
        return;
    }
    if (!t->joined) {
        pthread_join(thread, NULL);
    }
    tracker_free(t);
}

/* --- recording ---------------------------------------------------------------------------------*/

static struct text text_or(const char *given, const char *otherwise)
{
    return text_of(given != NULL ? given : otherwise);
}

/** The line of a call; 0: it is not valid. */
static size_t line_of(const struct mete_tracker *t, const struct mete_tracker_call *c,
                      char line[CALL_LINE_MAX])
{
    const struct call call = {.at = c->at_us != 0 ? c->at_us : tracker_now(),
                              .calls = c->calls != 0 ? c->calls : 1,
                              .currency = text_or(c->currency, CURRENCY),
                              .policy = text_or(c->policy, t->o.cli_id),
                              .endpoint = text_of(c->endpoint),
                              .wallet = text_or(c->customer_wallet, t->o.customer_wallet)};
    struct call valid = call;
    if (!cost_parse(text_of(c->cost), &valid.cost) || !call_is_valid(&valid)) {
        return 0;
    }
    return call_format(&valid, line);
}

bool mete_tracker_record(struct mete_tracker *t, const struct mete_tracker_call *call)
{
    char line[CALL_LINE_MAX];
    if (!is_mine(t) || call == NULL) {
        return false;
    }
    size_t len = line_of(t, call, line);
    pthread_mutex_lock(&t->lock);
    bool room = !t->stopping && t->pending_len + len <= t->o.memory_max;
    bool taken = len > 0 && room;
    bool first = taken && t->pending_len == 0;
    if (taken) {
        memcpy(t->pending + t->pending_len, line, len);
        t->pending_len += len;
        t->pending_calls++;
        t->stats.recorded++;
    }
    t->stats.invalid += len == 0;
    t->stats.dropped_memory += len > 0 && !room;
    pthread_mutex_unlock(&t->lock);
    if (first) {
        tracker_wake(t);
    }
    return taken;
}

bool mete_track_call(struct mete_tracker *t, const char *endpoint, const char *cost)
{
    const struct mete_tracker_call call = {.endpoint = endpoint, .cost = cost};
    return mete_tracker_record(t, &call);
}

/* --- waiting and looking -----------------------------------------------------------------------*/

bool mete_tracker_report(struct mete_tracker *t, unsigned wait_ms)
{
    const struct timespec until = deadline_in(wait_ms);
    if (!is_mine(t)) {
        return false;
    }
    pthread_mutex_lock(&t->lock);
    uint64_t mine = ++t->report_wanted;
    tracker_wake(t);
    while (t->report_done < mine && !t->finished && wait_ms > 0 &&
           pthread_cond_timedwait(&t->changed, &t->lock, &until) == 0) {
    }
    bool done = t->report_done >= mine;
    pthread_mutex_unlock(&t->lock);
    return done;
}

bool mete_tracker_flush(struct mete_tracker *t, unsigned wait_ms)
{
    const struct timespec until = deadline_in(wait_ms);
    if (!is_mine(t)) {
        return false;
    }
    pthread_mutex_lock(&t->lock);
    const uint64_t mine = t->stats.recorded;
    const uint64_t dropped = t->stats.dropped_disk;
    while (t->settled < mine && !t->finished && wait_ms > 0 &&
           pthread_cond_timedwait(&t->changed, &t->lock, &until) == 0) {
    }
    bool done = t->settled >= mine && t->stats.dropped_disk == dropped;
    pthread_mutex_unlock(&t->lock);
    return done;
}

void mete_tracker_stats(struct mete_tracker *t, struct mete_tracker_stats *out)
{
    *out = (struct mete_tracker_stats){0};
    if (!is_mine(t)) {
        return;
    }
    pthread_mutex_lock(&t->lock);
    *out = t->stats;
    pthread_mutex_unlock(&t->lock);
}
