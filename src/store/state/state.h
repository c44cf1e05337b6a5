/* SPDX-License-Identifier: Apache-2.0
 * The state of one book: a sorted dictionary with blind writes, as a log-structured merge store.
 * Writes go to a memory buffer; when that is full it becomes a sorted run; eight runs of a level
 * become one of the next, a slice at a time, inside the writer's commits. The buffer itself is not
 * stored: it follows from the tail of the log. Memory is bounded but for what is one item. */
#ifndef METE_STORE_STATE_STATE_H
#define METE_STORE_STATE_STATE_H

#include "store/state/cache.h"
#include "store/state/memtable.h"
#include "store/state/merger.h"
#include "store/state/point.h"
#include "store/state/run.h"
#include "store/state/stats.h"

#define STATE_FAN_IN     8u  /* runs that become one */
#define STATE_LEVELS_MAX 24u /* 8^24 flushes */

struct merge {
    struct run *out;
    bool bottom; /* nothing older than its inputs: removals end here */
    struct merger merger;
    bool open;
    struct segment_builder builder;
    struct bound position; /* the last key of the last segment */
};

struct state {
    const struct state_port *port; /* NULL: everything stays in memory */
    void *ctx;
    struct memtable memtable;
    size_t memtable_max;
    uint32_t segment_blocks; /* blocks of a segment; 0: as many as one may have */
    struct cache cache;
    struct point_cache points;
    struct run **run; /* the newest first; outputs of merges stand before their inputs */
    size_t run_count;
    size_t run_cap;
    struct merge *merge[STATE_LEVELS_MAX]; /* by the level of their inputs */
    uint64_t next_segment;
    uint64_t next_run;
    uint64_t next_flush;
    uint64_t next_block;
    size_t items_before; /* in the buffer at the last slice of merging */
    uint64_t growth;     /* and written since, but flushed already */
    unsigned scanning;   /* scans going on: nobody may write */
    struct buf value;    /* of the last get */
    struct state_stats stats;
};

/** `memory`: bytes for buffer and caches together; filters of runs beside it, unless `is_strict`.
 *  Loads nothing yet. */
void state_init(struct state *s, const struct state_port *port, void *ctx, size_t memory,
                bool is_strict);
/** Reads which runs there are. */
enum mete_code state_load(struct state *s, struct mete_err *err) METE_MUST_CHECK;
void state_clear(struct state *s);
/** Forgets everything in memory; state_load and the log bring it back. */
void state_reset(struct state *s);
/** The same for what was read of the runs; the buffer stays. */
void state_runs_reset(struct state *s);

void state_set(struct state *s, struct bytes key, struct bytes value);
void state_add(struct state *s, struct bytes key, const i128 sums[STATE_SUMS]);
void state_remove(struct state *s, struct bytes key);

/** `key` will be asked for soon (a hint). */
void state_expect(struct state *s, struct bytes key);
/** What stands for `key`: found->any false when nothing does. found->value points to s->value. */
enum mete_code state_get(struct state *s, struct bytes key, struct lookup *found,
                         struct mete_err *err) METE_MUST_CHECK;

/** Visits [from, until) in order, without removals; `until` empty: to the end. */
typedef bool state_item_visit(void *arg, const struct item *item);
enum mete_code state_scan(struct state *s, struct bytes from, struct bytes until,
                          state_item_visit *visit, void *arg, struct mete_err *err) METE_MUST_CHECK;

/** True when the buffer has outgrown its share. */
bool state_full(const struct state *s);
/** Turns the buffer into a run and empties it. */
enum mete_code state_flush(struct state *s, struct mete_err *err) METE_MUST_CHECK;
/** One slice of every merge that is due, in proportion to what was written since the last one. */
enum mete_code state_merge_slice(struct state *s, struct mete_err *err) METE_MUST_CHECK;

const struct state_stats *state_stats_now(struct state *s);

/* For state*.c only. */
void state_run_insert(struct state *s, struct run *r);
void state_run_remove(struct state *s, struct run *r);
enum mete_code state_segment_write(struct state *s, struct segment_builder *b, struct run *r,
                                   struct mete_err *err) METE_MUST_CHECK;
/** A builder for segments of a run of this level. */
struct segment_builder state_builder(const struct state *s, unsigned level);
struct merge *merge_new(const struct state *s, struct run *out, bool bottom);
void merge_free(struct merge *m);

#endif
