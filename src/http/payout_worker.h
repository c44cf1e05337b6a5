/* SPDX-License-Identifier: Apache-2.0
 * The worker of `mete serve`: a thread that does for all books of the store what `mete worker` does
 * for one, by the same door but without a socket. It waits for rails, and keeps nobody else
 * waiting. */
#ifndef METE_HTTP_PAYOUT_WORKER_H
#define METE_HTTP_PAYOUT_WORKER_H

#include "engine/worker.h"
#include "http/desk.h"

struct payout_worker;

/** `rail` stays the caller's and open until payout_worker_stop returns. */
void payout_worker_start(struct payout_worker **out, struct desk *d, const struct worker_rail *rail,
                         size_t rails);
/** Nothing new is begun. Does not wait. */
void payout_worker_quiesce(struct payout_worker *p);
/** Waits for the payment at hand; while the keeper still works. `p` may be NULL. */
void payout_worker_stop(struct payout_worker *p);

/** Of all books together. Any thread. */
void payout_worker_counts(struct payout_worker *p, struct worker_counts *out);

#endif
