/* SPDX-License-Identifier: Apache-2.0
 * Four places for a key; a newcomer pushes out whoever stands where a rotating hand points. */
#include "store/state/point.h"

#include <stdlib.h>
#include <string.h>

#define WAYS          ((size_t)4)
#define COST_TYPICAL  ((size_t)128) /* bytes of an answer: sizes the table */
#define VALUE_LEN_MAX ((size_t)65536)

struct point {
    uint64_t hash;
    bool any;
    enum item_op op;
    uint16_t key_len;
    uint32_t value_len; /* packed when a sum */
    uint8_t room[];     /* key, value */
};

static size_t point_cost(const struct point *p)
{
    return sizeof *p + p->key_len + p->value_len + 16; /* and malloc's own */
}

void point_cache_init(struct point_cache *p, size_t size_max)
{
    *p = (struct point_cache){.size_max = size_max, .slot_count = WAYS};
    while (p->slot_count * COST_TYPICAL < size_max) {
        p->slot_count *= 2;
    }
}

void point_cache_clear(struct point_cache *p)
{
    for (size_t i = 0; p->slot != NULL && i < p->slot_count; i++) {
        free(p->slot[i]);
    }
    free(p->slot);
    point_cache_init(p, p->size_max);
}

static size_t set_of(const struct point_cache *p, uint64_t hash)
{
    return (size_t)(hash >> 16) & (p->slot_count - WAYS);
}

static struct point **find(const struct point_cache *p, struct bytes key, uint64_t hash)
{
    size_t set = p->slot == NULL ? 0 : set_of(p, hash);
    for (size_t i = set; p->slot != NULL && i < set + WAYS; i++) {
        struct point *at = p->slot[i];
        if (at != NULL && at->hash == hash && at->key_len == key.len &&
            memcmp(at->room, key.p, key.len) == 0) {
            return &p->slot[i];
        }
    }
    return NULL;
}

static void slot_free(struct point_cache *p, struct point **slot)
{
    if (*slot != NULL) {
        p->size -= point_cost(*slot);
        free(*slot);
        *slot = NULL;
    }
}

bool point_cache_get(const struct point_cache *p, struct bytes key, uint64_t hash, struct lookup *l)
{
    struct point **slot = find(p, key, hash);
    if (slot == NULL) {
        return false;
    }
    const struct point *at = *slot;
    if (at->any) {
        struct bytes value = {at->room + at->key_len, at->value_len};
        METE_ASSERT(lookup_under(l, at->op, value));
    }
    return true;
}

void point_cache_drop(struct point_cache *p, struct bytes key, uint64_t hash)
{
    struct point **slot = find(p, key, hash);
    if (slot != NULL) {
        slot_free(p, slot);
    }
}

static void evict(struct point_cache *p)
{
    while (p->size > p->size_max) {
        p->hand = (p->hand + 1) & (p->slot_count - 1);
        slot_free(p, &p->slot[p->hand]);
    }
}

void point_cache_put(struct point_cache *p, struct bytes key, uint64_t hash, const struct lookup *l)
{
    uint8_t packed[SUMS_PACKED_MAX];
    struct bytes value = {0};
    if (l->any && l->op == ITEM_PUT) {
        value = buf_bytes(l->value);
    } else if (l->any && l->op != ITEM_DELETE) {
        value = (struct bytes){packed, sums_pack(l->sums, packed)};
    }
    if (value.len > VALUE_LEN_MAX) {
        return;
    }
    if (p->slot == NULL) {
        p->slot = calloc(p->slot_count, sizeof(struct point *));
        METE_ASSERT(p->slot != NULL);
    }
    struct point *new = malloc(sizeof *new + key.len + value.len);
    METE_ASSERT(new != NULL);
    *new = (struct point){hash, l->any, l->op, (uint16_t)key.len, (uint32_t)value.len};
    memcpy(new->room, key.p, key.len);
    if (value.len > 0) {
        memcpy(new->room + key.len, value.p, value.len);
    }
    size_t set = set_of(p, hash);
    size_t place = set + (p->hand++ & (WAYS - 1));
    for (size_t i = set; i < set + WAYS; i++) {
        place = p->slot[i] == NULL ? i : place;
    }
    slot_free(p, &p->slot[place]);
    p->slot[place] = new;
    p->size += point_cost(new);
    evict(p);
}
