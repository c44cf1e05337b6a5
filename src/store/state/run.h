/* SPDX-License-Identifier: Apache-2.0
 * A sorted run: segments in key order that together hold what one flush, or the merge of several,
 * wrote. Looking up and walking. */
#ifndef METE_STORE_STATE_RUN_H
#define METE_STORE_STATE_RUN_H

#include "store/state/segment.h"

struct run {
    uint64_t id;
    uint32_t level;
    uint64_t oldest; /* flushes it covers; no two runs of a state overlap, but a merge's output */
    uint64_t newest; /* and its inputs, which then share no keys */
    struct segment **segment;
    uint64_t *last; /* first eight bytes of the last key of each, as a number */
    size_t begin;   /* those before were merged away */
    size_t count;
    size_t cap;
    bool building;      /* output of a merge that is not done */
    bool merging;       /* input of such a merge */
    struct bound floor; /* then: keys up to this one count no more; len 0: all count */
};

struct run *run_new(uint64_t id, uint32_t level, uint64_t oldest, uint64_t newest);
void run_free(struct run *r, struct cache *c);
/** Appends a segment (owned from now on); its keys are above all that are there. */
void run_push(struct run *r, struct segment *s);
bool run_empty(const struct run *r);

/** What was found about one key so far, from the newest place to the oldest. */
struct lookup {
    bool any;
    bool final; /* nothing older matters */
    enum item_op op;
    struct buf *value; /* ITEM_PUT: copied here */
    i128 sums[STATE_SUMS];
};
bool lookup_under(struct lookup *l, enum item_op op, struct bytes value) METE_MUST_CHECK;

/** A lookup in one run that is on its way: where the key would be. */
struct run_probe {
    struct segment *segment; /* NULL: not in this run */
};
/** Finds the segment, and calls for the line of its filter that will be asked. */
struct run_probe run_probe(const struct run *r, struct bytes key, uint64_t prefix, uint64_t hash);
/** Adds what that segment has of `key`. `hash` is its bloom_hash. */
enum mete_code run_get(struct run_probe probe, struct cache *c, struct bytes key, uint64_t hash,
                       struct lookup *l, struct mete_err *err) METE_MUST_CHECK;
/** The first eight bytes of a key, as a number that orders like them. */
uint64_t run_key_prefix(struct bytes key);

struct run_cursor {
    struct run *run;
    struct cache *cache;
    enum block_use use;
    size_t segment;
    uint32_t block_no;
    struct block *block; /* pinned while the cursor stands in it */
    struct block_reader reader;
    bool valid;
};
/** Stands on the first item not below `from` that counts. */
enum mete_code run_cursor_seek(struct run_cursor *rc, struct run *r, struct cache *c,
                               enum block_use use, struct bytes from,
                               struct mete_err *err) METE_MUST_CHECK;
enum mete_code run_cursor_next(struct run_cursor *rc, struct mete_err *err) METE_MUST_CHECK;
void run_cursor_close(struct run_cursor *rc);

#endif
