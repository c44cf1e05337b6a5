/* SPDX-License-Identifier: Apache-2.0
 * Threads for readings that take long: each opens the book as it stands, reads, and closes it, so
 * that nobody who writes waits for them. */
#ifndef METE_HTTP_WORKERS_H
#define METE_HTTP_WORKERS_H

#include "http/keeper.h"

struct workers;

enum mete_code workers_start(struct workers **out, const char *store, unsigned threads,
                             struct mete_err *err) METE_MUST_CHECK;
/** False when too much waits already. Never blocks. */
bool workers_put(struct workers *p, struct work *w) METE_MUST_CHECK;
/** Finishes what has queued. workers_put says no from then on. */
void workers_stop(struct workers *p);
/** After workers_stop, when nobody can put any more. */
void workers_free(struct workers *p);

struct workers_stats {
    unsigned queued, queue_max;
    unsigned threads;
    unsigned snapshots; /* books that are open for readings now */
};
void workers_stats(struct workers *p, struct workers_stats *out);

#endif
