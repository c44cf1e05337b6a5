/* SPDX-License-Identifier: Apache-2.0
 * Two dictionaries: by key, and by the moment at which an entry may be forgotten. What is being
 * served is in the first alone, so it is never forgotten. */
#include "gate/once.h"

#include "base/buf.h"
#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define DUE_LEN (8 + sizeof(struct hash))

struct entry {
    enum once_state state;
    struct hash payload;
    int64_t until;
    struct once_note note;
};

struct once {
    pthread_mutex_t lock;
    size_t count_max;
    struct omap by_key;
    struct omap by_time; /* SERVED and PENDING alone */
};

static struct bytes key_bytes(const struct hash *key)
{
    return (struct bytes){key->b, sizeof key->b};
}

static struct bytes due_bytes(const struct hash *key, int64_t until, uint8_t out[DUE_LEN])
{
    for (size_t i = 0; i < 8; i++) {
        out[i] = (uint8_t)((uint64_t)until >> (56 - 8 * i));
    }
    memcpy(out + 8, key->b, sizeof key->b);
    return (struct bytes){out, DUE_LEN};
}

struct once *once_open(size_t count_max)
{
    struct once *o = calloc(1, sizeof *o);
    METE_ASSERT(o != NULL && pthread_mutex_init(&o->lock, NULL) == 0);
    o->count_max = count_max;
    omap_init(&o->by_key, sizeof(struct entry), 1);
    omap_init(&o->by_time, 1, 2);
    return o;
}

void once_close(struct once *o)
{
    if (o != NULL) {
        omap_clear(&o->by_key);
        omap_clear(&o->by_time);
        pthread_mutex_destroy(&o->lock);
        free(o);
    }
}

static void entry_forget(struct once *o, const struct hash *key, const struct entry *e)
{
    uint8_t due[DUE_LEN];
    if (e->state == ONCE_SERVED || e->state == ONCE_PENDING) {
        METE_ASSERT(omap_remove(&o->by_time, due_bytes(key, e->until, due)));
    }
    METE_ASSERT(omap_remove(&o->by_key, key_bytes(key)));
}

/** Makes room for one. False: all are being served. */
static bool room_make(struct once *o, int64_t now)
{
    struct omap_node *first;
    while ((first = omap_seek(&o->by_time, (struct bytes){0})) != NULL) {
        struct bytes due = omap_key(first);
        int64_t until = 0;
        struct hash key;
        for (size_t i = 0; i < 8; i++) {
            until = until * 256 + due.p[i];
        }
        memcpy(key.b, due.p + 8, sizeof key.b);
        if (until > now && o->by_key.count < o->count_max) {
            break;
        }
        entry_forget(o, &key, omap_get(&o->by_key, key_bytes(&key)));
    }
    return o->by_key.count < o->count_max;
}

enum once_state once_begin(struct once *o, const struct hash *key, const struct hash *payload,
                           int64_t now, struct once_note *note)
{
    *note = (struct once_note){0};
    pthread_mutex_lock(&o->lock);
    struct entry *e = omap_get(&o->by_key, key_bytes(key));
    enum once_state state = e != NULL || room_make(o, now) ? ONCE_NEW : ONCE_FULL;
    if (e != NULL) {
        bool is_same = memcmp(e->payload.b, payload->b, sizeof payload->b) == 0;
        state = e->state == ONCE_PENDING && !is_same ? ONCE_SERVING : e->state;
        *note = e->note;
        if (state == ONCE_PENDING) {
            uint8_t due[DUE_LEN];
            METE_ASSERT(omap_remove(&o->by_time, due_bytes(key, e->until, due)));
            e->state = ONCE_SERVING;
        }
    } else if (state == ONCE_NEW) {
        e = omap_put(&o->by_key, key_bytes(key), NULL);
        e->state = ONCE_SERVING;
        e->payload = *payload;
    }
    pthread_mutex_unlock(&o->lock);
    return state;
}

void once_forget(struct once *o, const struct hash *key)
{
    pthread_mutex_lock(&o->lock);
    struct entry *e = omap_get(&o->by_key, key_bytes(key));
    METE_ASSERT(e != NULL && e->state == ONCE_SERVING);
    entry_forget(o, key, e);
    pthread_mutex_unlock(&o->lock);
}

static void keep(struct once *o, const struct hash *key, enum once_state state, int64_t until,
                 const struct once_note *note)
{
    uint8_t due[DUE_LEN];
    pthread_mutex_lock(&o->lock);
    struct entry *e = omap_get(&o->by_key, key_bytes(key));
    METE_ASSERT(e != NULL && e->state == ONCE_SERVING && until >= 0);
    e->state = state;
    e->until = until;
    e->note = *note;
    (void)omap_put(&o->by_time, due_bytes(key, until, due), NULL);
    pthread_mutex_unlock(&o->lock);
}

void once_served(struct once *o, const struct hash *key, int64_t until,
                 const struct once_note *note)
{
    keep(o, key, ONCE_SERVED, until, note);
}

void once_pending(struct once *o, const struct hash *key, int64_t until,
                  const struct once_note *note)
{
    keep(o, key, ONCE_PENDING, until, note);
}

size_t once_count(struct once *o)
{
    pthread_mutex_lock(&o->lock);
    size_t count = o->by_key.count;
    pthread_mutex_unlock(&o->lock);
    return count;
}
