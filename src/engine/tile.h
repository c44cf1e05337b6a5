/* SPDX-License-Identifier: Apache-2.0
 * The log in tiles, as C2SP tlog-tiles cuts it: of every eighth level of the tree the hashes, 256
 * at a time, and what the leaves are made of. A full tile never changes. */
#ifndef METE_ENGINE_TILE_H
#define METE_ENGINE_TILE_H

#include "engine/engine.h"

#define TILE_WIDTH     256u
#define TILE_BITS      8u  /* levels of the tree from one level of tiles to the next */
#define TILE_ENTRY_LEN 72u /* what a leaf is the hash of: two hashes and a time */

struct tile {
    unsigned level; /* of the tiles: 0 has the leaves; no more than 63 */
    uint64_t index;
    unsigned width; /* 1 to 256 hashes; below 256: a part of it, from its beginning */
};

/** Hashes of the complete subtrees of 2^(8 level) leaves, 32 bytes each, appended to `out`.
 *  METE_NOT_FOUND when the log is not that long. */
enum mete_code tile_read(struct engine *e, const struct tile *t, struct buf *out,
                         struct mete_err *err) METE_MUST_CHECK;
/** What the leaves of a tile of level 0 are made of, each with its length before it in two bytes:
 *  SHA-256 of the event, SHA-256 of the decision, recorded_at in microseconds. */
enum mete_code tile_entries_read(struct engine *e, const struct tile *t, struct buf *out,
                                 struct mete_err *err) METE_MUST_CHECK;

#endif
