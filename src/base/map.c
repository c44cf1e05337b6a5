/* SPDX-License-Identifier: Apache-2.0
 * Hash table with linear probing. A slot is a cached hash and a pointer to an entry; an entry is
 * value, key length and key side by side in a chunk, so growing moves 16 bytes an entry and a hit
 * touches two places. At least a quarter of the slots is empty, so every search ends. */
#include "base/map.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN      ((size_t)16)
#define CHUNK_SIZE_MIN ((size_t)1024)
#define CHUNK_SIZE_MAX ((size_t)1 << 20)
#define ALIGN_MIN      ((size_t)8)
#define ALIGN_MAX      ((size_t)16)

struct map_slot {
    uint64_t hash;
    uint8_t *entry; /* NULL when the slot is empty */
};

struct map_chunk {
    struct map_chunk *older;
    size_t size; /* bytes of `data` */
    size_t used;
    _Alignas(ALIGN_MAX) uint8_t data[];
};

void map_init(struct map *m, size_t value_size, uint64_t seed)
{
    METE_ASSERT(value_size <= UINT32_MAX);
    *m = (struct map){.value_size = value_size, .seed = seed};
}

static struct bytes entry_key(const struct map *m, const uint8_t *entry)
{
    uint32_t len;
    memcpy(&len, entry + m->value_size, sizeof(len));
    return (struct bytes){entry + m->value_size + sizeof(len), len};
}

/* sizeof a type is a multiple of its alignment: 16 is needed only where 16 divides the size. */
static size_t entry_align(const struct map *m)
{
    return m->value_size > 0 && m->value_size % ALIGN_MAX == 0 ? ALIGN_MAX : ALIGN_MIN;
}

static void chunk_add(struct map *m, size_t need)
{
    size_t size = m->chunk == NULL ? CHUNK_SIZE_MIN : m->chunk->size * 2;
    if (size > CHUNK_SIZE_MAX) {
        size = CHUNK_SIZE_MAX;
    }
    if (size < need) {
        size = need;
    }
    struct map_chunk *c = malloc(sizeof(*c) + size);
    METE_ASSERT(c != NULL);
    c->older = m->chunk;
    c->size = size;
    c->used = 0;
    m->chunk = c;
    m->key_bytes += sizeof(*c) + size;
}

static uint8_t *entry_new(struct map *m, struct bytes key)
{
    METE_ASSERT(key.len <= UINT32_MAX);
    uint32_t len = (uint32_t)key.len;
    size_t align = entry_align(m);
    size_t need = (m->value_size + sizeof(len) + key.len + align - 1) & ~(align - 1);
    if (m->chunk == NULL || m->chunk->size - m->chunk->used < need) {
        chunk_add(m, need);
    }
    uint8_t *entry = m->chunk->data + m->chunk->used;
    m->chunk->used += need;
    memset(entry, 0, m->value_size);
    memcpy(entry + m->value_size, &len, sizeof(len));
    if (key.len > 0) {
        memcpy(entry + m->value_size + sizeof(len), key.p, key.len);
    }
    return entry;
}

/* Where `key` is, or the empty slot where it would be. Needs slots. */
static struct map_slot *slot_find(const struct map *m, struct bytes key, uint64_t hash)
{
    size_t mask = m->slot_count - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct map_slot *slot = &m->slots[i];
        if (slot->entry == NULL) {
            return slot;
        }
        if (slot->hash != hash) {
            continue;
        }
        struct bytes other = entry_key(m, slot->entry);
        if (other.len == key.len && (key.len == 0 || memcmp(other.p, key.p, key.len) == 0)) {
            return slot;
        }
    }
}

static void map_grow(struct map *m)
{
    size_t count = m->slot_count == 0 ? SLOTS_MIN : m->slot_count * 2;
    struct map_slot *slots = calloc(count, sizeof(*slots));
    METE_ASSERT(slots != NULL);
    size_t mask = count - 1;
    for (size_t i = 0; i < m->slot_count; i++) {
        if (m->slots[i].entry == NULL) {
            continue;
        }
        size_t to = m->slots[i].hash & mask;
        while (slots[to].entry != NULL) {
            to = (to + 1) & mask;
        }
        slots[to] = m->slots[i];
    }
    free(m->slots);
    m->slots = slots;
    m->slot_count = count;
}

void *map_put(struct map *m, struct bytes key, bool *made)
{
    uint64_t hash = bytes_hash(key, m->seed);
    struct map_slot *slot = m->slot_count == 0 ? NULL : slot_find(m, key, hash);
    bool absent = slot == NULL || slot->entry == NULL;
    if (made != NULL) {
        *made = absent;
    }
    if (!absent) {
        return slot->entry;
    }
    if (m->count >= m->slot_count / 4 * 3) {
        map_grow(m);
        slot = slot_find(m, key, hash);
    }
    *slot = (struct map_slot){hash, entry_new(m, key)};
    m->count++;
    return slot->entry;
}

void *map_get(const struct map *m, struct bytes key)
{
    if (m->count == 0) {
        return NULL;
    }
    return slot_find(m, key, bytes_hash(key, m->seed))->entry;
}

bool map_next(const struct map *m, size_t *i, struct bytes *key, void **value)
{
    while (*i < m->slot_count) {
        uint8_t *entry = m->slots[(*i)++].entry;
        if (entry != NULL) {
            *key = entry_key(m, entry);
            *value = entry;
            return true;
        }
    }
    return false;
}

size_t map_memory(const struct map *m)
{
    return m->slot_count * sizeof(*m->slots) + m->key_bytes;
}

void map_reset(struct map *m)
{
    struct map_chunk *keep = m->chunk;
    if (keep != NULL) {
        for (struct map_chunk *c = keep->older, *older; c != NULL; c = older) {
            older = c->older;
            free(c);
        }
        keep->older = NULL;
        keep->used = 0;
        m->key_bytes = sizeof(*keep) + keep->size;
    }
    if (m->count > 0) {
        memset(m->slots, 0, m->slot_count * sizeof(*m->slots));
    }
    m->count = 0;
}

void map_clear(struct map *m)
{
    map_reset(m);
    free(m->chunk);
    free(m->slots);
    map_init(m, m->value_size, m->seed);
}
