/* SPDX-License-Identifier: Apache-2.0
 * A block: some 16 KiB of sorted items, each key without what it shares with the one before. Every
 * sixteenth item has its whole key, so that a search need not read from the start (doc/format.md).
 * Nothing here knows where blocks are kept. */
#ifndef METE_STORE_STATE_BLOCK_H
#define METE_STORE_STATE_BLOCK_H

#include "base/buf.h"
#include "core/key.h"
#include "store/state/item.h"

/** A row of this size fills a 16 KiB page of SQLite and does not spill over. */
#define BLOCK_SIZE_MAX ((size_t)16256)

struct block_writer {
    struct buf out;
    struct buf restarts;
    unsigned since_restart;
    uint32_t restart_count;
    uint8_t key[STATE_KEY_MAX]; /* of the last item */
    size_t key_len;
};

/** A zeroed writer is empty. */
void block_writer_reset(struct block_writer *w);
void block_writer_clear(struct block_writer *w);
bool block_writer_empty(const struct block_writer *w);
/** True when the item would make it larger than BLOCK_SIZE_MAX. One item alone always fits. */
bool block_writer_full(const struct block_writer *w, const struct item *item);
/** Keys come in rising order. */
void block_writer_add(struct block_writer *w, const struct item *item);
/** Ends the block; w->out holds it until the reset. */
void block_writer_finish(struct block_writer *w);

/** Reads a finished block. Turns `damaged` instead of reading past its end. */
struct block_reader {
    const uint8_t *begin;
    const uint8_t *end;  /* of the items */
    const uint8_t *next; /* item after the current one */
    uint32_t restart_count;
    bool valid;
    bool damaged;
    struct item item; /* when valid; the key lives in `key` */
    uint8_t key[STATE_KEY_MAX];
};
void block_reader_first(struct block_reader *r, struct bytes block);
/** Stands on the first item whose key is not below `key`. */
void block_reader_seek(struct block_reader *r, struct bytes block, struct bytes key);
void block_reader_next(struct block_reader *r);

#endif
