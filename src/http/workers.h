/* SPDX-License-Identifier: Apache-2.0
 * Threads for readings that take long: each has a snapshot of the book while it reads, so that
 * nobody who writes waits for them. */
#ifndef METE_HTTP_WORKERS_H
#define METE_HTTP_WORKERS_H

#include "http/keeper.h"

struct snapshots;
struct workers;

void workers_start(struct workers **out, struct snapshots *snapshots, unsigned threads);
/** A work whose `book` is NULL is run without an engine. False when too much waits already. Never
 * blocks. */
bool workers_put(struct workers *p, struct work *w) METE_MUST_CHECK;
/** Finishes what has queued. workers_put says no from then on. */
void workers_stop(struct workers *p);
/** After workers_stop, when nobody can put any more. */
void workers_free(struct workers *p);

struct workers_stats {
    unsigned queued, queue_max;
};
void workers_stats(struct workers *p, struct workers_stats *out);

#endif
