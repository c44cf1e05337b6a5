/* SPDX-License-Identifier: Apache-2.0
 * What the state layer did, counted since the book was opened: for tests, benches and tuning. */
#ifndef METE_STORE_STATE_STATS_H
#define METE_STORE_STATE_STATS_H

#include "base/types.h"

struct state_stats {
    uint64_t flushes;
    uint64_t flushed_items;
    uint64_t merges_started;
    uint64_t merges_done;
    uint64_t merged_in;  /* items read by merges */
    uint64_t merged_out; /* items written by them */
    uint64_t dropped;    /* removals that reached the oldest run */
    uint64_t segments_written;
    uint64_t segments_dropped;
    uint64_t blocks_written;
    uint64_t blocks_read;
    uint64_t block_bytes_written;
    uint64_t cache_hits;
    uint64_t gets;       /* looked up below the memory buffer */
    uint64_t point_hits; /* answered by the point cache */
    uint64_t bloom_asked;
    uint64_t bloom_passed;
    uint64_t bloom_false;  /* passed, and the key was not there */
    uint64_t rebuilt_rows; /* log rows applied again at open */
    /* now */
    size_t memory; /* bytes: buffer, caches, indexes of runs */
    size_t memtable_items;
    size_t runs;
    size_t segments;
    unsigned levels;
    uint64_t run_bytes;
};

#endif
