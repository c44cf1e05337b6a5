/* SPDX-License-Identifier: Apache-2.0
 * Held by the server as long as it may call the sink or the source, and by the loop until its turn
 * has come for the last time; who lets go last frees it. Order of locks: the deal's, then those of
 * the server and of the source. */
#include "gate/deal.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_MAX ((size_t)64 << 20)

size_t pipe_len(const struct pipe_bytes *p)
{
    return p->b.len - p->from;
}

void pipe_put(struct pipe_bytes *p, const void *data, size_t len)
{
    if (p->from > 0 && p->from >= p->b.len / 2) { /* what was taken makes room */
        memmove(p->b.p, p->b.p + p->from, p->b.len - p->from);
        p->b.len -= p->from;
        p->from = 0;
    }
    buf_put(&p->b, data, len);
}

size_t pipe_take(struct pipe_bytes *p, void *to, size_t max)
{
    size_t len = pipe_len(p) < max ? pipe_len(p) : max;
    if (len > 0) {
        memcpy(to, p->b.p + p->from, len);
        p->from += len;
    }
    return len;
}

static void let_go(struct deal *d)
{
    if (atomic_fetch_sub(&d->holders, 1) != 1) {
        return;
    }
    struct gate *g = d->g;
    METE_ASSERT(d->upstream.curl == NULL && d->ask.curl == NULL && !d->pay.is_begun);
    pay_identifier_end(d); /* of an answer that nobody took */
    curl_slist_free_all(d->headers);
    curl_slist_free_all(d->ask_headers);
    buf_clear(&d->up.b);
    buf_clear(&d->down.b);
    buf_clear(&d->ask_body);
    buf_clear(&d->ask_answer);
    buf_clear(&d->pay.settled);
    menu_drop(d->menu);
    pthread_mutex_destroy(&d->source.lock);
    pthread_mutex_destroy(&d->lock);
    arena_clear(&d->arena);
    free(d);
    atomic_fetch_sub(&g->deals, 1);
}

/* --- the answer is read ------------------------------------------------------------------------*/

static struct deal *of_source(struct source *s)
{
    return (struct deal *)s; /* its first member */
}

static long source_read(struct source *s, uint8_t *to, size_t size)
{
    struct deal *d = of_source(s);
    pthread_mutex_lock(&d->lock);
    long got = (long)pipe_take(&d->down, to, size);
    bool wake = d->down_waits && pipe_len(&d->down) <= DEAL_WINDOW / 2;
    if (got == 0 && (d->down_cut || d->has_left)) {
        got = SOURCE_BROKEN;
    } else if (got == 0 && d->down_ended) {
        got = SOURCE_END;
    }
    pthread_mutex_unlock(&d->lock);
    if (wake) {
        loop_put(d->loop, &d->turner);
    }
    return got;
}

static void source_close(struct source *s)
{
    struct deal *d = of_source(s);
    pthread_mutex_lock(&d->lock);
    d->is_closed = true;
    pthread_mutex_unlock(&d->lock);
    loop_put(d->loop, &d->turner);
    let_go(d);
}

/* --- the body comes ----------------------------------------------------------------------------*/

static struct deal *of_sink(struct sink *s)
{
    return (struct deal *)(void *)((char *)s - offsetof(struct deal, sink));
}

static bool sink_take(struct sink *s, struct bytes part)
{
    struct deal *d = of_sink(s);
    pthread_mutex_lock(&d->lock);
    pipe_put(&d->up, part.p, part.len);
    bool room = pipe_len(&d->up) < DEAL_WINDOW;
    bool wake = d->up_waits;
    d->up_full = !room;
    pthread_mutex_unlock(&d->lock);
    if (wake) {
        loop_put(d->loop, &d->turner);
    }
    return room;
}

static void sink_end(struct sink *s)
{
    struct deal *d = of_sink(s);
    pthread_mutex_lock(&d->lock);
    d->up_ended = true;
    pthread_mutex_unlock(&d->lock);
    loop_put(d->loop, &d->turner);
}

static void sink_gone(struct sink *s)
{
    struct deal *d = of_sink(s);
    pthread_mutex_lock(&d->lock);
    if (d->x != NULL) { /* it was not answered: nobody logs it */
        d->has_left = true;
        menu_drop(((struct tale *)d->x->work)->menu);
        d->x->work = NULL;
        d->x = NULL;
    }
    pthread_mutex_unlock(&d->lock);
    loop_put(d->loop, &d->turner);
    let_go(d);
}

/* --- beginning ---------------------------------------------------------------------------------*/

static void turner_drop(struct turner *t)
{
    let_go((struct deal *)(void *)((char *)t - offsetof(struct deal, turner)));
}

struct deal *deal_new(struct gate *g, struct exchange *x)
{
    struct deal *d = calloc(1, sizeof *d);
    METE_ASSERT(d != NULL && pthread_mutex_init(&d->lock, NULL) == 0);
    source_init(&d->source, source_read, source_close);
    d->sink = (struct sink){sink_take, sink_end, sink_gone};
    d->g = g;
    atomic_fetch_add(&g->deals, 1);
    d->loop = g->loop[atomic_fetch_add(&g->next_loop, 1) % GATE_LOOPS];
    d->turner.turn = deal_turn;
    d->turner.drop = turner_drop;
    d->upstream.owner = d->ask.owner = &d->turner;
    d->holders = 1; /* the loop */
    d->x = x;
    d->menu = ((const struct tale *)x->work)->menu;
    menu_hold(d->menu);
    d->fd = server_socket(x);
    arena_init(&d->arena, ARENA_MAX);
    d->method = arena_text(&d->arena, x->method);
    memcpy(d->request_id, x->request_id, sizeof d->request_id);
    d->up_ended = true;
    if (x->body.len > 0) { /* it is whole: its memory is the deal's from here on */
        d->has_body = true;
        d->body_size = x->body.len;
        d->up.b = x->body;
        x->body = (struct buf){0};
    }
    return d;
}

void deal_sink(struct deal *d, struct exchange *x)
{
    d->has_sink = d->has_body = true;
    d->up_ended = false;
    x->sink = &d->sink;
    atomic_fetch_add(&d->holders, 1);
}

void deal_go(struct deal *d)
{
    loop_put(d->loop, &d->turner);
}

void deal_give_up(struct deal *d)
{
    METE_ASSERT(!d->turner.is_known);
    let_go(d);
}
