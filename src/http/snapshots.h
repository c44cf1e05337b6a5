/* SPDX-License-Identifier: Apache-2.0
 * Snapshots of books for readings apart from the keeper. A few rest between two uses, holding
 * nothing of the store, and are brought up to the last commit when they are taken: that costs by
 * what was written since, not by the length of the log. Any thread. */
#ifndef METE_HTTP_SNAPSHOTS_H
#define METE_HTTP_SNAPSHOTS_H

#include "engine/engine.h"

struct snapshots;

/** Keeps at most `rest_max` that nobody uses, of `cache_size` bytes of cache each; 0: 8 MiB. */
struct snapshots *snapshots_new(const char *store, unsigned rest_max, size_t cache_size);
/** All must have been given back. */
void snapshots_free(struct snapshots *s);

/** One of the book as it stands at its last commit, for this thread alone until snapshots_give.
 *  NULL, and why in *err: the book cannot be opened. */
struct engine *snapshots_take(struct snapshots *s, const char *book,
                              struct mete_err *err) METE_MUST_CHECK;
/** `e` may be NULL. */
void snapshots_give(struct snapshots *s, struct engine *e);

struct snapshots_stats {
    unsigned taken, resting;
};
void snapshots_stats(struct snapshots *s, struct snapshots_stats *out);

#endif
