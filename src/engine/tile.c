/* SPDX-License-Identifier: Apache-2.0
 * Tiles from the hashes that the store keeps. */
#include "engine/tile.h"

/** The tile ends inside the complete subtrees that there are. */
static bool is_there(struct engine *e, const struct tile *t)
{
    METE_ASSERT(t->width > 0 && t->width <= TILE_WIDTH && t->level < 64);
    uint64_t size = book_size(engine_book(e));
    uint64_t nodes = t->level * TILE_BITS < 64 ? size >> (t->level * TILE_BITS) : 0;
    return t->index < UINT64_MAX / TILE_WIDTH && t->index * TILE_WIDTH + t->width <= nodes;
}

static enum mete_code not_there(struct mete_err *err)
{
    return mete_fail(err, METE_NOT_FOUND, NULL, "the log has not grown so far");
}

enum mete_code tile_read(struct engine *e, const struct tile *t, struct buf *out,
                         struct mete_err *err)
{
    if (!is_there(e, t)) {
        return not_there(err);
    }
    for (unsigned i = 0; i < t->width; i++) {
        struct hash h;
        enum store_result r = book_tree_hash(engine_book(e), t->level * TILE_BITS,
                                             t->index * TILE_WIDTH + i, &h, err);
        if (r != STORE_OK) {
            return r == STORE_NONE
                       ? mete_fail(err, METE_STORE_CORRUPT, "", "a hash of the tree is not there")
                       : METE_STORE_FAILED;
        }
        buf_put(out, h.b, sizeof h.b);
    }
    return METE_OK;
}

static bool entry_put(void *arg, const struct log_row *row)
{
    struct buf *out = arg;
    struct hash event = sha256(row->event);
    struct hash decision = sha256(row->decision);
    buf_put_be16(out, TILE_ENTRY_LEN);
    buf_put(out, event.b, sizeof event.b);
    buf_put(out, decision.b, sizeof decision.b);
    buf_put_be64(out, (uint64_t)row->recorded_at);
    return true;
}

enum mete_code tile_entries_read(struct engine *e, const struct tile *t, struct buf *out,
                                 struct mete_err *err)
{
    METE_ASSERT(t->level == 0);
    if (!is_there(e, t)) {
        return not_there(err);
    }
    uint64_t first = t->index * TILE_WIDTH + 1;
    return book_scan_log(engine_book(e), first, first + t->width, entry_put, out, err) ==
                   STORE_FAILED
               ? METE_STORE_FAILED
               : METE_OK;
}
