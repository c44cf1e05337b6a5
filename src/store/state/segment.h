/* SPDX-License-Identifier: Apache-2.0
 * Segments: pieces of about a megabyte of a sorted run, written whole and never changed. A segment
 * is built in memory and knows its blocks by an index block: Bloom filter and first keys. */
#ifndef METE_STORE_STATE_SEGMENT_H
#define METE_STORE_STATE_SEGMENT_H

#include "store/state/block.h"
#include "store/state/cache.h"
#include "store/state/port.h"

#define SEGMENT_BLOCKS_MAX 64u

/** Where things are in an index block. */
struct index_view {
    const uint8_t *bloom;
    size_t bloom_size;
    const uint8_t *keys;   /* first keys of the blocks, one after the other */
    const uint8_t *places; /* where they end, 32 bits each */
    uint32_t blocks;
    bool damaged;
};

struct segment {
    struct block *index;    /* when it is in the cache; */
    struct index_view view; /* then this is what it says */
    struct bytes first;     /* keys, owned */
    struct bytes last;
    uint64_t id;
    uint64_t first_block;
    uint32_t blocks;
    uint64_t items;
    uint64_t size;
    uint8_t room[];
};

struct segment *segment_new(const struct segment_row *row);
/** Also forgets what the cache has of it. */
void segment_free(struct segment *s, struct cache *c);
size_t segment_memory(const struct segment *s);

/** The index block, pinned, and s->view; NULL with `err` filled. */
struct block *segment_index(struct segment *s, struct cache *c, struct mete_err *err);
/** The block that may have `key`: the last whose first key is not above it, else 0. */
uint32_t index_block_of(const struct index_view *v, struct bytes key);

/** Keys of this class are in the Bloom filter: those that are looked up one by one. */
bool class_has_bloom(uint8_t class);

struct segment_builder {
    uint32_t blocks_max; /* at most SEGMENT_BLOCKS_MAX; 0 means that */
    unsigned bloom_bits; /* a key; 0: BLOOM_BITS_FEW */
    struct block_writer block;
    struct buf data; /* finished blocks, one after the other */
    uint32_t end[SEGMENT_BLOCKS_MAX];
    uint32_t blocks;
    struct buf keys; /* first keys of the blocks */
    uint32_t key_end[SEGMENT_BLOCKS_MAX];
    uint64_t *hash; /* of the keys for the Bloom filter */
    size_t hashes;
    size_t hash_cap;
    uint64_t items;
    struct bound first;
    struct bound last;
};

void segment_builder_clear(struct segment_builder *b);
bool segment_builder_empty(const struct segment_builder *b);
void segment_builder_add(struct segment_builder *b, const struct item *item);
/** Enough for one segment. */
bool segment_builder_full(const struct segment_builder *b);
/** Writes what was added as blocks from row->first_block on, fills the rest of `row` (its id, run,
 *  level and flushes are the caller's) and empties the builder. */
enum mete_code segment_builder_write(struct segment_builder *b, struct cache *c,
                                     struct segment_row *row, struct mete_err *err);
size_t segment_builder_memory(const struct segment_builder *b);

#endif
