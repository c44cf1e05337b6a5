/* SPDX-License-Identifier: Apache-2.0
 * The thread of a tracker: it takes what was recorded to the spool, makes reports when they are
 * due, sends them, and waits longer after each failure. Only here a tracker touches disk and
 * network. */
#include "client/tracker_parts.h"

#include "base/text.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define APPEND_MAX     ((size_t)64 << 10) /* bytes of one write */
#define APPEND_AGAIN   TIME_SECOND_US     /* after the disk failed */
#define BUSY_AGAIN     (TIME_SECOND_US / 10)
#define SYNC_AFTER     TIME_SECOND_US
#define WAIT_MAX       (60 * TIME_SECOND_US)
#define BACKOFF_DOUBLE 20u

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_prepare(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    trackers_stop_at_exit(); /* after libcurl's library has set its own end: so before it */
}

static void count(struct mete_tracker *t, uint64_t *counter, uint64_t by)
{
    pthread_mutex_lock(&t->lock);
    *counter += by;
    pthread_mutex_unlock(&t->lock);
}

static void error_note(struct mete_tracker *t, const char *what)
{
    pthread_mutex_lock(&t->lock);
    (void)text_copy(t->stats.last_error, sizeof(t->stats.last_error), text_of(what));
    pthread_mutex_unlock(&t->lock);
}

static void disk_error(struct mete_tracker *t, const char *what)
{
    char text[METE_TRACKER_ERROR_MAX];
    const char *why = strerrordesc_np(errno);
    (void)snprintf(text, sizeof(text), "%s: %s", what, why != NULL ? why : "failed");
    count(t, &t->stats.disk_errors, 1);
    error_note(t, text);
}

/* --- from memory to the spool ------------------------------------------------------------------*/

static void calls_settled(struct mete_tracker *t, uint64_t calls, uint64_t *counter)
{
    pthread_mutex_lock(&t->lock);
    *counter += calls;
    t->settled += calls;
    t->taken_calls -= calls;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

/** False: there will be another time. */
static bool seal(struct mete_tracker *t)
{
    if (!spool_seal(&t->spool)) {
        disk_error(t, "a report cannot be written");
        t->look_at = tracker_now() + APPEND_AGAIN;
        return false;
    }
    t->look_at = 0;
    return true;
}

/** Whole lines of at most APPEND_MAX bytes, and how many they are. */
static struct text lines_next(const struct mete_tracker *t, uint64_t *calls)
{
    struct text all = {t->taken + t->taken_from, t->taken_len - t->taken_from};
    struct text rest = all;
    struct text line;
    size_t len = 0;
    *calls = 0;
    while (line_next(&rest, &line) && len + line.len + 1 <= APPEND_MAX) {
        len += line.len + 1;
        *calls += 1;
    }
    return (struct text){all.p, len};
}

/** True: all that was taken is settled. */
static bool taken_append(struct mete_tracker *t, mete_time now)
{
    while (t->taken_from < t->taken_len) {
        uint64_t calls;
        struct text lines = lines_next(t, &calls);
        enum spool_append how = spool_append(&t->spool, lines, now);
        if (how == SPOOL_FAILED) {
            disk_error(t, "the spool cannot be written");
            t->append_at = now + APPEND_AGAIN;
            return false;
        }
        t->taken_from += lines.len;
        calls_settled(t, calls, how == SPOOL_KEPT ? &t->stats.written : &t->stats.dropped_disk);
        if (t->spool.size + APPEND_MAX > SPOOL_FILE_MAX && !seal(t)) {
            t->append_at = now + APPEND_AGAIN;
            return false;
        }
    }
    t->append_at = 0;
    return true;
}

static void pending_take(struct mete_tracker *t)
{
    pthread_mutex_lock(&t->lock);
    char *empty = t->taken;
    t->taken = t->pending;
    t->taken_from = 0;
    t->taken_len = t->pending_len;
    t->taken_calls = t->pending_calls;
    t->pending = empty;
    t->pending_len = 0;
    t->pending_calls = 0;
    pthread_mutex_unlock(&t->lock);
}

/** True: nothing is left in memory. */
static bool drain(struct mete_tracker *t, mete_time now)
{
    bool was_clean = !t->spool.dirty;
    if (t->taken_from < t->taken_len && (now < t->append_at || !taken_append(t, now))) {
        return false;
    }
    pending_take(t);
    bool fine = taken_append(t, now);
    if (t->spool.dirty && was_clean) {
        t->sync_at = now + SYNC_AFTER;
    }
    return fine;
}

static void sync_when_due(struct mete_tracker *t, mete_time now)
{
    bool due = t->o.sync == METE_TRACKER_SYNC_EACH ||
               (t->o.sync == METE_TRACKER_SYNC_SECOND && now >= t->sync_at);
    if (t->spool.dirty && due && !spool_sync(&t->spool)) {
        disk_error(t, "the spool cannot be synced");
        t->sync_at = now + SYNC_AFTER;
    }
}

/* --- sending -----------------------------------------------------------------------------------*/

static void wake_clear(struct mete_tracker *t)
{
    uint64_t sum;
    ssize_t got = read(t->wake, &sum, sizeof(sum));
    (void)got;
}

static bool is_stopping(struct mete_tracker *t)
{
    pthread_mutex_lock(&t->lock);
    bool stopping = t->stopping;
    pthread_mutex_unlock(&t->lock);
    return stopping;
}

/** While an answer is awaited. */
static bool pump(void *ctx)
{
    struct mete_tracker *t = ctx;
    mete_time now = tracker_now();
    wake_clear(t);
    (void)drain(t, now);
    sync_when_due(t, now);
    return !is_stopping(t);
}

static void answer_count(struct mete_tracker *t, const struct post_answer *a)
{
    struct mete_tracker_stats *s = &t->stats;
    pthread_mutex_lock(&t->lock);
    s->attempts++;
    s->retries += t->failures > 0;
    s->acknowledged += a->result == POST_ACKNOWLEDGED;
    s->duplicates += a->result == POST_ACKNOWLEDGED && a->duplicate;
    s->refused += a->result == POST_REFUSED;
    s->put_off += a->result == POST_PUT_OFF;
    s->unreachable += a->result == POST_UNREACHABLE;
    s->broken += a->result == POST_BROKEN;
    if (a->error[0] != '\0') {
        (void)text_copy(s->last_error, sizeof(s->last_error), text_of(a->error));
    }
    pthread_mutex_unlock(&t->lock);
}

/** Twice as long after each failure, and half of it by chance: those who failed together do not
 * come back together. */
static void back_off(struct mete_tracker *t, unsigned retry_after_s)
{
    mete_time longest = (mete_time)t->o.retry_max_ms * 1000;
    unsigned doubled = t->failures < BACKOFF_DOUBLE ? t->failures : BACKOFF_DOUBLE;
    mete_time wait = ((mete_time)t->o.retry_min_ms * 1000) << doubled;
    wait = wait < longest ? wait : longest;
    wait = wait / 2 + (mete_time)rng_below(&t->rng, (uint64_t)(wait / 2 + 1));
    mete_time told = (mete_time)retry_after_s * TIME_SECOND_US;
    wait = wait > told ? wait : told;
    wait = wait < longest ? wait : longest;
    t->failures++;
    t->send_at = tracker_now() + wait;
    spool_set_not_before(&t->spool, t->send_at);
}

/** The name that an acknowledgement must carry is in the body's own name: "ID.N". */
static enum post_result report_send(struct mete_tracker *t, struct spool_report *r)
{
    char id[SPOOL_NAME_MAX];
    struct post_answer a;
    const char *end = strrchr(r->name, '.');
    (void)text_copy(id, sizeof(id), (struct text){r->name, (size_t)(end - r->name)});
    post_send(t->post, (struct text){r->body, r->len}, id, &a);
    answer_count(t, &a);
    enum spool_outcome how = a.result == POST_ACKNOWLEDGED ? SPOOL_ACKNOWLEDGED
                             : a.result == POST_REFUSED    ? SPOOL_REFUSED
                                                           : SPOOL_LATER;
    if (!spool_finish(&t->spool, r, how)) {
        disk_error(t, "a report cannot be removed");
    }
    if (how == SPOOL_LATER && a.result != POST_STOPPED) {
        back_off(t, a.retry_after_s);
    }
    return a.result;
}

/** True: go on with the next one. */
static bool report_try(struct mete_tracker *t, const char *name, unsigned *busy)
{
    struct spool_report r;
    enum spool_claim claim = spool_claim(&t->spool, name, &r);
    *busy += claim == SPOOL_BUSY;
    if (claim != SPOOL_CLAIMED) {
        return true;
    }
    enum post_result result = report_send(t, &r);
    if (result == POST_ACKNOWLEDGED) {
        t->failures = 0;
        spool_set_not_before(&t->spool, 0);
    }
    return result == POST_ACKNOWLEDGED || result == POST_REFUSED;
}

static bool post_ready(struct mete_tracker *t)
{
    const struct post_options o = {.url = t->o.url,
                                   .api_key = t->o.api_key,
                                   .timeout_ms = t->o.timeout_ms,
                                   .wake = t->wake,
                                   .pump = pump,
                                   .ctx = t};
    pthread_once(&curl_once, curl_prepare);
    t->post = t->post != NULL ? t->post : post_open(&o);
    return t->post != NULL;
}

static void send_all(struct mete_tracker *t, mete_time now)
{
    char(*name)[SPOOL_NAME_MAX];
    size_t names;
    unsigned busy = 0;
    bool fine = true;
    if (!post_ready(t) || !spool_list(&t->spool, &name, &names)) {
        t->send_at = now + APPEND_AGAIN;
        return;
    }
    for (size_t i = 0; i < names && fine; i++) {
        fine = report_try(t, name[i], &busy);
    }
    free(name);
    post_close(t->post); /* until the next report is due a server has better use for a connection */
    t->post = NULL;
    if (names == 0) {
        t->send_at = now + APPEND_AGAIN; /* a sealed file that cannot be made into reports yet */
    } else if (fine) {
        t->send_at = busy > 0 ? tracker_now() + BUSY_AGAIN : 0;
    }
    t->look_at = 0; /* others may have sent some of them, and there is room again */
}

/* --- the turn ----------------------------------------------------------------------------------*/

static void look(struct mete_tracker *t, bool all, mete_time now)
{
    if (!spool_look(&t->spool, all, now)) {
        disk_error(t, "the spool cannot be read");
    }
    t->look_at = now + t->spool.interval;
}

static bool own_is_due(const struct mete_tracker *t, mete_time now)
{
    return t->spool.fd >= 0 && now - t->spool.begun >= t->spool.interval;
}

static void stats_show(struct mete_tracker *t)
{
    pthread_mutex_lock(&t->lock);
    t->stats.torn = t->spool.torn;
    t->stats.spool_bytes = t->spool.bytes;
    t->stats.spool_reports = t->spool.reports;
    pthread_mutex_unlock(&t->lock);
}

static uint64_t report_wanted(struct mete_tracker *t)
{
    pthread_mutex_lock(&t->lock);
    uint64_t wanted = t->report_wanted;
    pthread_mutex_unlock(&t->lock);
    return wanted;
}

static void report_is_done(struct mete_tracker *t, uint64_t wanted)
{
    pthread_mutex_lock(&t->lock);
    t->report_done = wanted;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

/** May the server be asked now? Whoever is asked by the program does not wait. */
static bool may_send(struct mete_tracker *t, bool urgent, mete_time now)
{
    mete_time longest = (mete_time)t->o.retry_max_ms * 1000;
    if (urgent) {
        return true;
    }
    mete_time shared = spool_not_before(&t->spool, now, longest);
    t->send_at = t->send_at > shared ? t->send_at : shared;
    if (t->send_at - now > longest) {
        t->send_at = 0; /* the clock was put back */
    }
    return now >= t->send_at;
}

static void turn(struct mete_tracker *t, mete_time now)
{
    uint64_t wanted = report_wanted(t);
    bool urgent = wanted != t->report_begun;
    bool asked = wanted != t->report_done;
    bool clean = drain(t, now);
    t->report_seen = wanted;
    sync_when_due(t, now);
    if (urgent || own_is_due(t, now)) {
        bool sealed = seal(t);
        clean = clean && sealed;
        if (!sealed) {
            t->spool.begun = now - t->spool.interval + APPEND_AGAIN;
        }
    }
    if (urgent || now >= t->look_at) {
        look(t, urgent, now);
    }
    if (t->spool.reports > 0 && may_send(t, urgent, now)) {
        send_all(t, now);
    }
    t->report_begun = clean ? wanted : t->report_begun;
    if (asked && clean) {
        look(t, false, now);
        if (t->spool.reports == 0) {
            report_is_done(t, wanted);
        }
    }
    stats_show(t);
}

static void earlier(mete_time *at, mete_time other)
{
    *at = other < *at ? other : *at;
}

/** Until something was recorded or asked for, or it is time for something. */
static void wait(struct mete_tracker *t)
{
    struct pollfd p = {.fd = t->wake, .events = POLLIN};
    mete_time now = tracker_now();
    mete_time at = now + WAIT_MAX;
    earlier(&at, t->look_at);
    if (report_wanted(t) != t->report_seen) {
        at = now; /* it came while an answer was awaited: its signal is gone */
    }
    if (t->taken_from < t->taken_len) {
        earlier(&at, t->append_at);
    }
    if (t->spool.fd >= 0) {
        earlier(&at, t->spool.begun + t->spool.interval);
    }
    if (t->spool.dirty && t->o.sync == METE_TRACKER_SYNC_SECOND) {
        earlier(&at, t->sync_at);
    }
    if (t->spool.reports > 0) {
        earlier(&at, t->send_at);
    }
    mete_time ms = at > now ? (at - now) / 1000 + 1 : 0;
    (void)poll(&p, 1, (int)ms);
    wake_clear(t);
}

static void finish(struct mete_tracker *t)
{
    mete_time now = tracker_now();
    t->append_at = 0;
    if (!drain(t, now)) {
        pthread_mutex_lock(&t->lock);
        t->stats.dropped_disk += t->taken_calls + t->pending_calls;
        pthread_mutex_unlock(&t->lock);
    }
    if (t->o.sync != METE_TRACKER_SYNC_NEVER) {
        (void)spool_sync(&t->spool);
    }
    stats_show(t);
    spool_close(&t->spool);
}

void *tracker_work(void *tracker)
{
    struct mete_tracker *t = tracker;
    uint64_t seed = (uint64_t)tracker_now();
    ssize_t got = getrandom(&seed, sizeof(seed), GRND_NONBLOCK);
    (void)got; /* the time will do */
    rng_seed(&t->rng, seed);
    while (!is_stopping(t)) {
        turn(t, tracker_now());
        wait(t);
    }
    finish(t);
    pthread_mutex_lock(&t->lock);
    t->finished = true;
    bool abandoned = t->abandoned;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    if (abandoned) {
        tracker_free(t);
    }
    return NULL;
}
