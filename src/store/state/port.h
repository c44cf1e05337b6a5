/* SPDX-License-Identifier: Apache-2.0
 * What the state layer needs of whoever keeps its blocks: a store implements it once. All of it
 * happens inside the store's transaction; nothing here is durable before that commits. */
#ifndef METE_STORE_STATE_PORT_H
#define METE_STORE_STATE_PORT_H

#include "base/types.h"
#include "core/key.h"
#include "crypto/hash.h"
#include "mete/error.h"

/** A bounded copy of a key. */
struct bound {
    uint16_t len;
    uint8_t b[STATE_KEY_MAX];
};

/** A piece of a sorted run: blocks first_block .. first_block + blocks - 1 hold its items, the one
 *  after them its index. Never changed, only dropped. */
struct segment_row {
    uint64_t id;
    uint64_t run; /* segments of one run do not overlap */
    uint32_t level;
    uint64_t oldest; /* flushes that the run covers, */
    uint64_t newest; /* first and last: a higher one hides a lower */
    uint64_t first_block;
    uint32_t blocks;
    uint64_t items;
    uint64_t size; /* bytes of all its blocks, index included */
    struct bound first;
    struct bound last;
};

/** A merge that is not done yet: of the runs of `level` that cover oldest..newest, the keys up to
 *  `position` count no more; run `run` has what became of them. */
struct merge_row {
    uint32_t level;
    uint64_t run;
    uint64_t oldest;
    uint64_t newest;
    struct bound position;
};

struct state_load {
    void *arg;
    bool (*segment)(void *arg, const struct segment_row *row);
    bool (*merge)(void *arg, const struct merge_row *row);
    uint64_t next_block; /* out: the first number that is free */
};

/** A `merge` of state_load whose `arg` is a struct buf: appends what tells merges apart. */
bool merge_row_shape(void *arg, const struct merge_row *row);

/* Each returns METE_OK, or the code it filled `err` with. */
struct state_port {
    enum mete_code (*load)(void *ctx, struct state_load *load, struct mete_err *err);
    enum mete_code (*block_write)(void *ctx, uint64_t id, struct bytes data, struct mete_err *err);
    /** *data is valid until the next call. */
    enum mete_code (*block_read)(void *ctx, uint64_t id, struct bytes *data, struct mete_err *err);
    enum mete_code (*segment_add)(void *ctx, const struct segment_row *row, struct mete_err *err);
    /** Forgets the segment and its blocks. */
    enum mete_code (*segment_drop)(void *ctx, const struct segment_row *row, struct mete_err *err);
    enum mete_code (*merge_save)(void *ctx, const struct merge_row *row, struct mete_err *err);
    enum mete_code (*merge_drop)(void *ctx, uint32_t level, struct mete_err *err);
    /** For readers that go on with a later snapshot, else NULL: what differs when the segments or
     *  merges that are stored do, as long as nothing was flushed in between. */
    enum mete_code (*shape)(void *ctx, struct hash *out, struct mete_err *err);
};

#endif
