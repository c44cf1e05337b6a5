/* SPDX-License-Identifier: Apache-2.0
 * In-memory dictionaries from bytes to a fixed-size value.
 *   map   hash table, no order: the fast one.
 *   omap  skip list in byte order of its keys: for ranges.
 * Keys are copied in. Values are zeroed when first made. Pointers to values stay valid until the
 * next insertion (map) or the removal of that key (omap). */
#ifndef METE_BASE_MAP_H
#define METE_BASE_MAP_H

#include "base/types.h"

struct map {
    struct map_slot *slots;
    size_t slot_count; /* power of two, 0 when empty */
    size_t count;
    size_t value_size;
    size_t key_bytes; /* memory of the copied keys */
    struct map_chunk *chunk;
    uint64_t seed;
};

void map_init(struct map *m, size_t value_size, uint64_t seed);
/** The value of `key`, made when absent; *made tells (may be NULL). */
void *map_put(struct map *m, struct bytes key, bool *made);
/** The value of `key`, or NULL. */
void *map_get(const struct map *m, struct bytes key);
/** Visits all in no order; `i` starts at 0; false at the end. */
bool map_next(const struct map *m, size_t *i, struct bytes *key, void **value);
/** Bytes of memory held. */
size_t map_memory(const struct map *m);
void map_reset(struct map *m); /* forget all, keep the table */
void map_clear(struct map *m);

struct omap {
    struct omap_node *head;
    size_t count;
    size_t value_size;
    size_t memory;
    uint64_t random;
};

void omap_init(struct omap *m, size_t value_size, uint64_t seed);
void *omap_put(struct omap *m, struct bytes key, bool *made);
void *omap_get(const struct omap *m, struct bytes key);
bool omap_remove(struct omap *m, struct bytes key);
/** The first node whose key is >= `from` (all bytes), or NULL; then omap_next until NULL. */
struct omap_node *omap_seek(const struct omap *m, struct bytes from);
struct omap_node *omap_next(const struct omap_node *n);
struct bytes omap_key(const struct omap_node *n);
void *omap_value(struct omap_node *n);
void omap_clear(struct omap *m);

#endif
