/* SPDX-License-Identifier: Apache-2.0
 * What state is made of on its way between buffer, blocks and readers: a key and the newest thing
 * that happened to it there. Newer items are laid over older ones; that is all that merging is. */
#ifndef METE_STORE_STATE_ITEM_H
#define METE_STORE_STATE_ITEM_H

#include "base/buf.h"
#include "base/types.h"
#include "core/key.h"

enum item_op {
    ITEM_DELETE = 0, /* nothing below counts */
    ITEM_PUT = 1,    /* `value` as it was set */
    ITEM_ADD = 2,    /* packed sums, to be added to what is below */
    ITEM_SUM = 3     /* packed sums that start anew: added after a delete */
};

struct item {
    struct bytes key;
    enum item_op op;
    struct bytes value;
};

/** Packed sums: a mask of those that are not zero, then each of them zigzag. */
#define SUMS_PACKED_MAX (1 + STATE_SUMS * 19)

/** Returns the length. */
size_t sums_pack(const i128 sums[STATE_SUMS], uint8_t out[SUMS_PACKED_MAX]);
bool sums_unpack(struct bytes packed, i128 sums[STATE_SUMS]) METE_MUST_CHECK;
/** to += more. An overflow of 128 bits is a broken invariant: core bounds every amount. */
void sums_add(i128 to[STATE_SUMS], const i128 more[STATE_SUMS]);

/** What stands for a key while its items are read from the newest to the oldest. */
struct merged {
    bool any;   /* something was laid down */
    bool final; /* nothing older matters */
    enum item_op op;
    struct bytes value; /* ITEM_PUT; of a sum that came alone: packed */
    bool summed;        /* `sums` holds the value */
    i128 sums[STATE_SUMS];
};

/** Lays an older item under what is there; false when its sums are damaged. */
bool merged_under(struct merged *m, enum item_op op, struct bytes value) METE_MUST_CHECK;
/** The outcome as one item (`key` is the caller's); `room` holds repacked sums. */
struct item merged_item(const struct merged *m, struct bytes key, uint8_t room[SUMS_PACKED_MAX]);

#endif
