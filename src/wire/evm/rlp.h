/* SPDX-License-Identifier: Apache-2.0
 * RLP, the encoding of Ethereum's transactions (Yellow Paper, appendix B). The reader takes the one
 * shortest form of everything and nothing else, never copies, and reads no further than it is told.
 */
#ifndef METE_WIRE_EVM_RLP_H
#define METE_WIRE_EVM_RLP_H

#include "base/buf.h"
#include "base/u256.h"

/** Appends a string of bytes in its shortest form. */
void rlp_put_bytes(struct buf *out, struct bytes in);
/** Integers are strings of bytes, big-endian, without leading zeros: zero is the empty string. */
void rlp_put_u64(struct buf *out, uint64_t v);
void rlp_put_u256(struct buf *out, struct u256 v);
/** What is put between the two becomes a list: `start` is what rlp_list_begin returned. */
size_t rlp_list_begin(struct buf *out);
void rlp_list_end(struct buf *out, size_t start);

struct rlp_item {
    bool is_list;
    struct bytes body; /* of a list: its items, to be read by rlp_next; points into the input */
};

/** Takes the first item off *rest. False, with *rest as it was, at the end and when the item is not
 *  in its shortest form or longer than what is left. Items inside a list are not looked at. */
bool rlp_next(struct bytes *rest, struct rlp_item *out) METE_MUST_CHECK;
/** One item and nothing after it. */
bool rlp_whole(struct bytes in, struct rlp_item *out) METE_MUST_CHECK;

/* The next item as what it must be; false (and *rest as it was) when it is something else. */
bool rlp_next_list(struct bytes *rest, struct bytes *items) METE_MUST_CHECK;
bool rlp_next_string(struct bytes *rest, struct bytes *out) METE_MUST_CHECK;
/** Exactly `len` bytes. */
bool rlp_next_fixed(struct bytes *rest, uint8_t *out, size_t len) METE_MUST_CHECK;
/** Refuses leading zeros. */
bool rlp_next_u64(struct bytes *rest, uint64_t *out) METE_MUST_CHECK;
bool rlp_next_u256(struct bytes *rest, struct u256 *out) METE_MUST_CHECK;

/** The number of items of a list, or false when one of them is malformed. */
bool rlp_count(struct bytes items, size_t *count) METE_MUST_CHECK;

#endif
