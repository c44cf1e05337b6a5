/* SPDX-License-Identifier: Apache-2.0
 * A bounded buffer with a thread that writes into it and a source that reads from it. Whichever of
 * the two ends last frees it. */
#include "http/pump.h"

#include "base/text.h"
#include "http/desk.h"
#include "http/reply.h"
#include "http/streams.h"
#include "store/steady.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROOM      ((size_t)64 << 10)
#define ARENA_MAX ((size_t)1 << 20)
#define LONGEST_S 3600 /* its snapshot keeps what was deleted since from being cleared away */

struct pumps {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned running;
};

struct pump {
    struct stream stream; /* first: it leads back */
    struct pumps *all;
    struct arena arena;
    pump_run *run;
    void *job;
    struct buf line; /* the writer's */
    struct json_writer w;
    struct timespec until; /* when it has taken too long */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned holders;
    uint8_t room[ROOM]; /* a ring */
    size_t from;
    size_t len;
    bool hungry; /* the source found nothing, and is to be woken */
    bool over;   /* no more will be written */
    bool broken;
    _Atomic bool gone; /* nobody reads any more */
};

/* --- for both ends -----------------------------------------------------------------------------*/

struct pump *pump_new(void)
{
    struct pump *p = calloc(1, sizeof *p);
    METE_ASSERT(p != NULL);
    arena_init(&p->arena, ARENA_MAX);
    METE_ASSERT(pthread_mutex_init(&p->lock, NULL) == 0);
    steady_cond_init(&p->changed);
    p->holders = 1;
    return p;
}

struct arena *pump_arena(struct pump *p)
{
    return &p->arena;
}

const _Atomic bool *pump_gone(const struct pump *p)
{
    return &p->gone;
}

static void pump_release(struct pump *p)
{
    pthread_mutex_lock(&p->lock);
    bool last = --p->holders == 0;
    pthread_mutex_unlock(&p->lock);
    if (last) {
        buf_clear(&p->line);
        arena_clear(&p->arena);
        pthread_cond_destroy(&p->changed);
        pthread_mutex_destroy(&p->lock);
        pthread_mutex_destroy(&p->stream.source.lock);
        free(p);
    }
}

/* --- the writer --------------------------------------------------------------------------------*/

/** Waits for room; false: it is not worth it any more. */
static bool room_wait(struct pump *p)
{
    while (p->len == ROOM && !p->gone && !p->broken) {
        if (pthread_cond_timedwait(&p->changed, &p->lock, &p->until) != 0) {
            p->broken = true;
        }
    }
    return !p->gone && !p->broken;
}

static void wake(struct pump *p)
{
    if (p->hungry && !p->gone) {
        p->hungry = false;
        source_wake(&p->stream.source);
    }
}

struct json_writer *pump_line(struct pump *p)
{
    buf_reset(&p->line);
    jw_init(&p->w, &p->line, false);
    return &p->w;
}

bool pump_line_end(struct pump *p)
{
    buf_put_u8(&p->line, '\n');
    return pump_put(p, buf_text(&p->line));
}

bool pump_put(struct pump *p, struct text lines)
{
    bool wanted = true;
    pthread_mutex_lock(&p->lock);
    for (size_t at = 0; at < lines.len && (wanted = room_wait(p));) {
        size_t to = (p->from + p->len) % ROOM;
        size_t size = ROOM - p->len < ROOM - to ? ROOM - p->len : ROOM - to;
        size = size < lines.len - at ? size : lines.len - at;
        memcpy(p->room + to, lines.p + at, size);
        p->len += size;
        at += size;
        wake(p);
    }
    wanted = wanted && !p->gone && !p->broken; /* also when there was nothing to wait with */
    pthread_mutex_unlock(&p->lock);
    return wanted;
}

static void *pump_on(void *arg)
{
    struct pump *p = arg;
    struct pumps *all = p->all;
    struct mete_err err;
    bool good = p->run(p, p->job, &err) == METE_OK;
    pthread_mutex_lock(&p->lock);
    p->over = true;
    p->broken = p->broken || !good;
    wake(p);
    pthread_mutex_unlock(&p->lock);
    pump_release(p);
    pthread_mutex_lock(&all->lock);
    all->running--;
    pthread_cond_broadcast(&all->changed);
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

/* --- the reader --------------------------------------------------------------------------------*/

static long room_read(struct source *s, uint8_t *to, size_t size)
{
    struct pump *p = (struct pump *)s;
    pthread_mutex_lock(&p->lock);
    size_t len = ROOM - p->from < p->len ? ROOM - p->from : p->len;
    long got = p->broken ? SOURCE_BROKEN : p->len == 0 && p->over ? SOURCE_END : 0;
    if (got != SOURCE_BROKEN && len > 0) {
        len = len < size ? len : size;
        memcpy(to, p->room + p->from, len);
        p->from = (p->from + len) % ROOM;
        p->len -= len;
        got = (long)len;
    }
    p->hungry = got == 0;
    if (p->len <= ROOM / 2) { /* the writer wakes for more than a line */
        pthread_cond_signal(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    return got;
}

static void reader_close(struct source *s)
{
    struct pump *p = (struct pump *)s;
    streams_leave(&p->stream);
    pthread_mutex_lock(&p->lock);
    p->gone = true;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->lock);
    pump_release(p);
}

static void reader_tell(struct stream *s, enum stream_news news)
{
    struct pump *p = (struct pump *)s;
    if (news != STREAM_KEY_ENDED) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->broken = true;
    pthread_cond_signal(&p->changed);
    wake(p);
    pthread_mutex_unlock(&p->lock);
}

/* --- beginning ---------------------------------------------------------------------------------*/

struct pumps *pumps_new(void)
{
    struct pumps *all = calloc(1, sizeof *all);
    METE_ASSERT(all != NULL);
    METE_ASSERT(pthread_mutex_init(&all->lock, NULL) == 0);
    METE_ASSERT(pthread_cond_init(&all->changed, NULL) == 0);
    return all;
}

void pumps_free(struct pumps *all)
{
    if (all == NULL) {
        return;
    }
    pthread_mutex_lock(&all->lock);
    while (all->running > 0) {
        pthread_cond_wait(&all->changed, &all->lock);
    }
    pthread_mutex_unlock(&all->lock);
    pthread_cond_destroy(&all->changed);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

static bool thread_begin(struct pump *p)
{
    pthread_t thread;
    pthread_mutex_lock(&p->all->lock);
    p->all->running++;
    p->holders = 2;
    bool begun = pthread_create(&thread, NULL, pump_on, p) == 0;
    if (begun) {
        (void)pthread_detach(thread);
    } else {
        p->holders = 1;
        p->all->running--;
    }
    pthread_mutex_unlock(&p->all->lock);
    return begun;
}

void pump_answer(struct pump *p, struct desk *d, struct exchange *x, pump_run *run, void *job)
{
    struct mete_err err;
    source_init(&p->stream.source, room_read, reader_close);
    p->stream.kind = STREAM_LONG;
    p->stream.tell = reader_tell;
    p->all = d->pumps;
    p->run = run;
    p->job = job;
    p->until = steady_after((int64_t)LONGEST_S * 1000);
    enum mete_code code = streams_enter(d->streams, &p->stream, x, x->route->scope, &err);
    if (code == METE_OK && !thread_begin(p)) {
        code = mete_fail(&err, METE_OVERLOADED, NULL, "there is no thread for a long answer");
    }
    if (code != METE_OK) {
        reader_close(&p->stream.source);
        reply_problem(x, &err);
        return;
    }
    reply_stream(x, TYPE_NDJSON, &p->stream.source);
    reply_header(x, "Cache-Control", text_of("no-store"));
    reply_header(x, "Vary", text_of("Accept"));
}
