/* SPDX-License-Identifier: Apache-2.0
 * libmicrohttpd knows only inactivity, and a byte now and then is activity. Invariant: a link in
 * the list has an open socket, because the list is locked while sockets are shut down and while a
 * link leaves it. */
#include "http/link.h"
#include "store/steady.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#define LATE_LOOK_MS  250
#define SECOND        INT64_C(1000000)
#define ANSWER_BYTES  (16 << 10) /* a second: who takes an answer more slowly is not reading it */
#define IDLE_CROWDED  (1 * SECOND)
#define NEW_CROWDED   (5 * SECOND)
#define NEW_MAY_SPEAK (1 * SECOND)
#define LEFT_AFTER    (1 * SECOND)
#define OVER_MAX      (5 * SECOND) /* so long a client may take to see that it was answered */

struct link {
    struct link *next;
    struct link *before;
    int fd;
    _Atomic enum link_stage stage;
    _Atomic int64_t since; /* of this stage; microseconds of the monotonic clock */
    _Atomic int64_t until; /* 0: no bound */
    int64_t slack;         /* of a stream: microseconds that its client may still waste */
    bool cut;              /* under the lock of the list */
};

struct links {
    struct links_options o;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct link *first;
    unsigned count;
    bool stopping;
    _Atomic uint64_t cuts;
};

/* --- cutting off -------------------------------------------------------------------------------*/

static bool is_crowded(const struct links *all)
{
    return all->count > all->o.connections_max - all->o.connections_max / 8;
}

/** Who asks nothing makes room for who does. */
static bool makes_room(const struct link *l, int64_t now)
{
    enum link_stage stage = l->stage;
    return (stage == LINK_IDLE && now - l->since > IDLE_CROWDED) ||
           (stage == LINK_NEW && now - l->since > NEW_CROWDED);
}

/** In the middle of its request, of which nothing more will come. libmicrohttpd does not see the
 * end of a connection that comes together with the bytes before it. */
static bool is_left(const struct link *l, int64_t now)
{
    char next;
    enum link_stage stage = l->stage;
    return (stage == LINK_READING || stage == LINK_FLOWING) && now - l->since > LEFT_AFTER &&
           recv(l->fd, &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void cut_late(struct links *all, int64_t now)
{
    bool crowded = is_crowded(all);
    for (struct link *l = all->first; l != NULL; l = l->next) {
        int64_t until = l->until;
        bool late = until != 0 && now > until;
        if (!l->cut && (late || (crowded && makes_room(l, now)) || is_left(l, now))) {
            shutdown(l->fd, SHUT_RDWR); /* the server's thread sees the end and closes it */
            l->cut = true;
            atomic_fetch_add(&all->cuts, 1);
        }
    }
}

static void *watch(void *arg)
{
    struct links *all = arg;
    pthread_mutex_lock(&all->lock);
    while (!all->stopping) {
        const struct timespec t = steady_after(LATE_LOOK_MS);
        pthread_cond_timedwait(&all->changed, &all->lock, &t);
        cut_late(all, steady_now());
    }
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

/* --- for others --------------------------------------------------------------------------------*/

struct links *links_open(const struct links_options *o)
{
    struct links *all = calloc(1, sizeof *all);
    METE_ASSERT(all != NULL);
    all->o = *o;
    METE_ASSERT(pthread_mutex_init(&all->lock, NULL) == 0);
    steady_cond_init(&all->changed);
    METE_ASSERT(pthread_create(&all->thread, NULL, watch, all) == 0);
    return all;
}

void links_close(struct links *all)
{
    if (all == NULL) {
        return;
    }
    METE_ASSERT(all->first == NULL);
    pthread_mutex_lock(&all->lock);
    all->stopping = true;
    pthread_cond_signal(&all->changed);
    pthread_mutex_unlock(&all->lock);
    pthread_join(all->thread, NULL);
    pthread_cond_destroy(&all->changed);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

struct link *link_open(struct links *all, int fd)
{
    struct link *l = calloc(1, sizeof *l);
    METE_ASSERT(l != NULL);
    l->fd = fd;
    link_move(all, l, LINK_NEW, 0);
    pthread_mutex_lock(&all->lock);
    l->next = all->first;
    if (l->next != NULL) {
        l->next->before = l;
    }
    all->first = l;
    all->count++;
    pthread_mutex_unlock(&all->lock);
    return l;
}

void link_close(struct links *all, struct link *l)
{
    pthread_mutex_lock(&all->lock);
    if (l->next != NULL) {
        l->next->before = l->before;
    }
    *(l->before != NULL ? &l->before->next : &all->first) = l->next;
    all->count--;
    pthread_mutex_unlock(&all->lock);
    free(l);
}

void link_move(const struct links *all, struct link *l, enum link_stage to, size_t size)
{
    int64_t now = steady_now();
    int64_t bound = all->o.request_s * SECOND;
    bool first = to == LINK_READING && l->stage == LINK_NEW;
    if (to == LINK_OVER && bound > OVER_MAX) {
        bound = OVER_MAX;
    }
    if (to == LINK_WORKING) {
        l->until = 0;
    } else if (!first) { /* the first request's clock began with the connection */
        l->until = now + bound + (int64_t)(size / ANSWER_BYTES) * SECOND;
    }
    l->since = now;
    l->stage = to;
}

/** Who takes blocks as fast as ANSWER_BYTES a second keeps all of its slack; who is slower uses it
 *  up, a quick block gives some back. So dripping does not help here either. */
void link_stream(const struct links *all, struct link *l, size_t size)
{
    int64_t now = steady_now();
    int64_t bound = all->o.request_s * SECOND;
    int64_t until = l->until;
    if (l->stage != LINK_STREAMING) {
        l->stage = LINK_STREAMING;
        l->since = now;
        l->slack = bound;
    } else if (until != 0) {
        l->slack = until - now < bound ? until - now : bound;
    }
    l->until = size > 0 ? now + l->slack + (int64_t)size * SECOND / ANSWER_BYTES : 0;
}

unsigned links_request_s(const struct links *all)
{
    return all->o.request_s;
}

static bool is_busy(const struct link *l, int64_t now)
{
    int waiting = 0; /* bytes that came and were not read yet */
    enum link_stage stage = l->stage;
    if (stage != LINK_NEW && stage != LINK_IDLE) {
        return stage != LINK_OVER;
    }
    return (stage == LINK_NEW && now - l->since < NEW_MAY_SPEAK) ||
           (ioctl(l->fd, FIONREAD, &waiting) == 0 && waiting > 0);
}

unsigned links_busy(struct links *all)
{
    unsigned count = 0;
    int64_t now = steady_now();
    pthread_mutex_lock(&all->lock);
    for (const struct link *l = all->first; l != NULL; l = l->next) {
        count += !l->cut && is_busy(l, now);
    }
    pthread_mutex_unlock(&all->lock);
    return count;
}

unsigned links_count(struct links *all)
{
    pthread_mutex_lock(&all->lock);
    unsigned count = all->count;
    pthread_mutex_unlock(&all->lock);
    return count;
}

uint64_t links_cut(const struct links *all)
{
    return all->cuts;
}
