/* SPDX-License-Identifier: Apache-2.0
 * Blocks in memory, checked when they are loaded, bounded in bytes. A block in use is pinned.
 * The second chance decides who goes; index blocks get more of them. They hold the filters of runs:
 * to do without one costs a read for every key that is not there, so all caches of the process
 * together may have an eighth of the process's memory for them, unless a cache is strict. */
#ifndef METE_STORE_STATE_CACHE_H
#define METE_STORE_STATE_CACHE_H

#include "base/buf.h"
#include "store/state/port.h"
#include "store/state/stats.h"

struct block {
    uint64_t id;
    uint32_t pins;
    uint8_t chances;
    bool cached;
    bool is_index;
    struct block **owner; /* set to NULL when it goes; may be NULL */
    struct block *chain;  /* of the same hash bucket */
    struct block *prev;   /* ring of all cached blocks */
    struct block *next;
    struct bytes data; /* without its checksum */
    _Alignas(64) uint8_t room[];
};

struct cache {
    const struct state_port *port;
    void *ctx;
    struct state_stats *stats;
    size_t size_max; /* of data blocks; strict: of all */
    size_t size;     /* of all */
    size_t index_size;
    bool is_strict;
    struct block **bucket;
    size_t bucket_count;
    size_t count;
    struct block *hand;
};

#define BLOCK_CHECKSUM_LEN ((size_t)8)

/** `is_strict`: index blocks count to `size_max` like the others. */
void cache_init(struct cache *c, const struct state_port *port, void *ctx,
                struct state_stats *stats, size_t size_max, bool is_strict);
void cache_clear(struct cache *c);

enum block_use {
    BLOCK_ONCE, /* read past it: not kept */
    BLOCK_DATA,
    BLOCK_INDEX
};

/** A pinned block, or NULL with `err` filled. METE_STORE_CORRUPT when its checksum is wrong. */
struct block *cache_get(struct cache *c, uint64_t id, enum block_use use, struct mete_err *err);
void cache_unpin(struct cache *c, struct block *b);
/** Forgets a block that is not pinned, when it is here. */
void cache_drop(struct cache *c, uint64_t id);

/** Writes a block with its checksum. */
enum mete_code cache_write(struct cache *c, uint64_t id, struct buf *data, struct mete_err *err);

#endif
