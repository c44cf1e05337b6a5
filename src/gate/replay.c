/* SPDX-License-Identifier: Apache-2.0
 * Entries by id, and in the order in which they ended: the first of those is forgotten first. What
 * runs is in no order, and not forgotten. */
#include "gate/replay.h"

#include "base/map.h"
#include "base/text.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct hash request;
    bool is_running;
    int64_t until;
    uint64_t order; /* of what has ended */
    uint8_t *answer;
    size_t len;
};

struct replay {
    pthread_mutex_t lock;
    size_t count_max;
    size_t bytes_max;
    size_t bytes;
    uint64_t ended;
    struct omap by_id;
    struct omap by_order; /* big-endian order, to the entry's id */
};

struct id {
    char p[128];
    size_t len;
};

struct replay *replay_open(size_t count_max, size_t bytes_max)
{
    struct replay *r = calloc(1, sizeof *r);
    METE_ASSERT(r != NULL && pthread_mutex_init(&r->lock, NULL) == 0);
    r->count_max = count_max;
    r->bytes_max = bytes_max;
    omap_init(&r->by_id, sizeof(struct entry), 3);
    omap_init(&r->by_order, sizeof(struct id), 4);
    return r;
}

static struct bytes order_bytes(uint64_t order, uint8_t out[8])
{
    for (size_t i = 0; i < 8; i++) {
        out[i] = (uint8_t)(order >> (56 - 8 * i));
    }
    return (struct bytes){out, 8};
}

static void forget_first(struct replay *r)
{
    struct omap_node *first = omap_seek(&r->by_order, (struct bytes){0});
    METE_ASSERT(first != NULL);
    const struct id id = *(const struct id *)omap_value(first);
    struct bytes key = {(const uint8_t *)id.p, id.len};
    struct entry *e = omap_get(&r->by_id, key);
    uint8_t order[8];
    METE_ASSERT(e != NULL && !e->is_running);
    METE_ASSERT(omap_remove(&r->by_order, order_bytes(e->order, order)));
    r->bytes -= e->len;
    free(e->answer);
    METE_ASSERT(omap_remove(&r->by_id, key));
}

void replay_close(struct replay *r)
{
    if (r == NULL) {
        return;
    }
    while (r->by_order.count > 0) {
        forget_first(r);
    }
    omap_clear(&r->by_id);
    omap_clear(&r->by_order);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static bool first_is_old(const struct replay *r, int64_t now)
{
    struct omap_node *first = omap_seek(&r->by_order, (struct bytes){0});
    if (first == NULL) {
        return false;
    }
    const struct id *id = omap_value(first);
    const struct entry *e = omap_get(&r->by_id, (struct bytes){(const uint8_t *)id->p, id->len});
    return e->until <= now;
}

/** Makes room for one more, or for `more` bytes. */
static void tidy(struct replay *r, int64_t now, size_t more)
{
    while (first_is_old(r, now) || (r->by_order.count > 0 && (r->by_id.count >= r->count_max ||
                                                              r->bytes + more > r->bytes_max))) {
        forget_first(r);
    }
}

enum replay_state replay_begin(struct replay *r, struct text id, const struct hash *request,
                               int64_t now, struct buf *answer)
{
    enum replay_state state = REPLAY_NEW;
    pthread_mutex_lock(&r->lock);
    struct entry *e = omap_get(&r->by_id, text_bytes(id));
    if (e != NULL && (e->is_running || e->until > now)) {
        state = !hash_eq(&e->request, request) ? REPLAY_OTHER
                : e->is_running                ? REPLAY_RUNNING
                : e->len == 0                  ? REPLAY_LOST
                                               : REPLAY_ANSWERED;
        if (state == REPLAY_ANSWERED) {
            buf_put(answer, e->answer, e->len);
        }
        pthread_mutex_unlock(&r->lock);
        return state;
    }
    tidy(r, now, 0);
    if (r->by_id.count >= r->count_max) {
        state = REPLAY_FULL;
    } else {
        e = omap_put(&r->by_id, text_bytes(id), NULL);
        *e = (struct entry){.request = *request, .is_running = true};
    }
    pthread_mutex_unlock(&r->lock);
    return state;
}

void replay_end(struct replay *r, struct text id, int64_t now, const struct buf *answer)
{
    uint8_t order[8];
    struct id kept = {.len = id.len};
    pthread_mutex_lock(&r->lock);
    struct entry *e = omap_get(&r->by_id, text_bytes(id));
    METE_ASSERT(e != NULL && e->is_running && id.len <= sizeof kept.p);
    if (answer == NULL) {
        METE_ASSERT(omap_remove(&r->by_id, text_bytes(id)));
        pthread_mutex_unlock(&r->lock);
        return;
    }
    if (answer->len > 0 && answer->len <= r->bytes_max) {
        tidy(r, now, answer->len);
        e->answer = malloc(answer->len);
        METE_ASSERT(e->answer != NULL);
        memcpy(e->answer, answer->p, answer->len);
        e->len = answer->len;
        r->bytes += answer->len;
    }
    e->is_running = false;
    e->until = now + REPLAY_KEPT_S;
    e->order = ++r->ended;
    memcpy(kept.p, id.p, id.len);
    *(struct id *)omap_put(&r->by_order, order_bytes(e->order, order), NULL) = kept;
    pthread_mutex_unlock(&r->lock);
}
