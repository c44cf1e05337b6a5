/* SPDX-License-Identifier: Apache-2.0
 * A ring of bytes. The thread asks before it writes, and writes no more at once than a pipe takes
 * that has room at all: so it can always be told to end. */
#include "http/lines.h"
#include "store/wall.h"

#include "base/text.h"
#include "base/time.h"
#include "store/steady.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOTICE_MAX 128
#define LOOK_MS    50
#define CLOSE_MS   1000u

struct lines {
    int fd;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* something waits, or all is written */
    char *ring;
    size_t first;
    size_t len;
    uint64_t dropped; /* lines, not told yet */
    uint64_t told;
    bool writing; /* some of them are out of the ring, and not written */
    bool stopping;
};

static void ring_add(struct lines *l, struct text t)
{
    size_t at = (l->first + l->len) % LINES_ROOM;
    size_t head = t.len < LINES_ROOM - at ? t.len : LINES_ROOM - at;
    memcpy(l->ring + at, t.p, head);
    memcpy(l->ring, t.p + head, t.len - head);
    l->len += t.len;
}

static void notice_add(struct lines *l)
{
    char at[TIME_TEXT_MAX];
    struct buf out = {0};
    time_format(wall_now(), at);
    buf_printf(&out,
               "{\"at\":\"%s\",\"level\":\"WARNING\",\"message\":\"%llu lines "
               "dropped\",\"dropped\":%llu}\n",
               at, (unsigned long long)l->dropped, (unsigned long long)l->dropped);
    METE_ASSERT(out.len <= NOTICE_MAX);
    ring_add(l, buf_text(&out));
    buf_clear(&out);
    l->told += l->dropped;
    l->dropped = 0;
}

void lines_put(struct lines *l, struct text line)
{
    pthread_mutex_lock(&l->lock);
    size_t need = line.len + (l->dropped > 0 ? NOTICE_MAX : 0);
    if (need > LINES_ROOM - l->len) {
        l->dropped++;
    } else {
        if (l->dropped > 0) {
            notice_add(l);
        }
        ring_add(l, line);
        pthread_cond_broadcast(&l->changed);
    }
    pthread_mutex_unlock(&l->lock);
}

uint64_t lines_dropped(struct lines *l)
{
    pthread_mutex_lock(&l->lock);
    uint64_t dropped = l->told + l->dropped;
    pthread_mutex_unlock(&l->lock);
    return dropped;
}

/* --- the thread --------------------------------------------------------------------------------*/

/** Whole lines, as many as a pipe takes at once; a longer one in pieces. */
static size_t chunk_take(struct lines *l, char chunk[PIPE_BUF])
{
    size_t len = l->len < PIPE_BUF ? l->len : PIPE_BUF;
    for (size_t i = 0; i < len; i++) {
        chunk[i] = l->ring[(l->first + i) % LINES_ROOM];
    }
    const char *end = memrchr(chunk, '\n', len);
    len = end != NULL ? (size_t)(end - chunk) + 1 : len;
    l->first = (l->first + len) % LINES_ROOM;
    l->len -= len;
    l->writing = true;
    return len;
}

static bool is_stopping(struct lines *l)
{
    pthread_mutex_lock(&l->lock);
    bool stopping = l->stopping;
    pthread_mutex_unlock(&l->lock);
    return stopping;
}

/** Waits for room for as long as it takes; false: it is to end, or nobody will ever read. */
static bool chunk_write(struct lines *l, const char *p, size_t len)
{
    while (len > 0) {
        struct pollfd f = {.fd = l->fd, .events = POLLOUT};
        int ready = poll(&f, 1, LOOK_MS);
        if (ready > 0 && (f.revents & (POLLOUT | POLLERR | POLLNVAL)) != 0) {
            ssize_t n = write(l->fd, p, len);
            if (n < 0 && errno != EINTR && errno != EAGAIN) {
                return false;
            }
            p += n > 0 ? n : 0;
            len -= n > 0 ? (size_t)n : 0;
        } else if (is_stopping(l)) {
            return false;
        }
    }
    return true;
}

static void *write_on(void *arg)
{
    struct lines *l = arg;
    char chunk[PIPE_BUF];
    pthread_mutex_lock(&l->lock);
    while (!l->stopping) {
        if (l->len == 0 && l->dropped > 0) {
            notice_add(l);
        }
        if (l->len == 0) {
            pthread_cond_wait(&l->changed, &l->lock);
            continue;
        }
        size_t len = chunk_take(l, chunk);
        pthread_mutex_unlock(&l->lock);
        (void)chunk_write(l, chunk, len);
        pthread_mutex_lock(&l->lock);
        l->writing = false;
        pthread_cond_broadcast(&l->changed);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* --- begin and end -----------------------------------------------------------------------------*/

struct lines *lines_open(int fd)
{
    struct lines *l = calloc(1, sizeof *l);
    METE_ASSERT(l != NULL);
    l->fd = fd;
    l->ring = malloc(LINES_ROOM);
    METE_ASSERT(l->ring != NULL);
    METE_ASSERT(pthread_mutex_init(&l->lock, NULL) == 0);
    steady_cond_init(&l->changed);
    METE_ASSERT(pthread_create(&l->thread, NULL, write_on, l) == 0);
    return l;
}

void lines_flush(struct lines *l, unsigned ms)
{
    const struct timespec until = steady_after(ms);
    pthread_mutex_lock(&l->lock);
    while ((l->len > 0 || l->writing || l->dropped > 0) &&
           pthread_cond_timedwait(&l->changed, &l->lock, &until) == 0) {
    }
    pthread_mutex_unlock(&l->lock);
}

void lines_close(struct lines *l)
{
    if (l == NULL) {
        return;
    }
    lines_flush(l, CLOSE_MS);
    pthread_mutex_lock(&l->lock);
    l->stopping = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l->ring);
    free(l);
}
