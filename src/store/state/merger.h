/* SPDX-License-Identifier: Apache-2.0
 * One ordered walk over the memory buffer and any number of runs: equal keys are laid over each
 * other, the newest on top. */
#ifndef METE_STORE_STATE_MERGER_H
#define METE_STORE_STATE_MERGER_H

#include "store/state/memtable.h"
#include "store/state/run.h"

struct source {
    u128 prefix; /* the first sixteen bytes of its key: decides most comparisons */
    bool is_run;
    union {
        struct run_cursor run;
        struct mem_cursor mem;
    };
};

struct merger {
    struct source *source; /* the newest first */
    size_t count;
    size_t *heap; /* of sources that stand on an item, by key, then age */
    size_t heap_count;
    size_t *taken; /* sources whose item is in the current one: to be advanced */
    size_t taken_count;
    bool root_taken;   /* the heap's root alone is; the common case */
    uint64_t items_in; /* items read */
    struct item item;
    uint8_t packed[SUMS_PACKED_MAX];
};

/** What is walked over. */
struct merger_input {
    struct memtable *memtable; /* NULL: none */
    struct run *const *run;    /* the newest first */
    size_t run_count;
    enum block_use use;
};
/** Prepares a walk from `from` on. */
enum mete_code merger_open(struct merger *m, const struct merger_input *in, struct cache *c,
                           struct bytes from, struct mete_err *err) METE_MUST_CHECK;
/** *more: m->item is the next key; it is valid until the next call. */
enum mete_code merger_next(struct merger *m, bool *more, struct mete_err *err) METE_MUST_CHECK;
/** Moves on from the current item, which is no longer valid. */
enum mete_code merger_advance(struct merger *m, struct mete_err *err) METE_MUST_CHECK;
void merger_close(struct merger *m);

#endif
