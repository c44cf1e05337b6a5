/* SPDX-License-Identifier: Apache-2.0
 * Payouts of a book: who would be paid, queueing them, what a worker has to look at, and how they
 * stand. What each step does to the money is decided in core (doc/decisions/0014-payouts.md). */
#ifndef METE_ENGINE_PAYOUTS_H
#define METE_ENGINE_PAYOUTS_H

#include "core/payout.h"
#include "engine/engine.h"

#define TRANSFER_ID_LEN 35u /* what a bank's EndToEndId takes (ISO 20022 Max35Text) */

/** "po_" and the first half of SHA-256 over book, batch and party, in hexadecimal: the same however
 *  often a batch is begun again. */
void transfer_id_make(char out[TRANSFER_ID_LEN + 1], struct text book, struct text batch_id,
                      struct text party);

/** Who is paid by a batch over one rail in one asset. */
struct payout_query {
    struct text asset; /* a code */
    struct text rail;
    mete_time at;      /* balances and holds of this moment */
    struct text party; /* this one alone; "" all */
    struct text after; /* the parties behind this one, in the order the log named them; "" all */
};

struct payout_row {
    struct text party;
    i128 amount;         /* what has cleared */
    enum mete_code code; /* METE_OK: it would be paid; else why not */
};

/** False: enough. */
typedef bool payout_visit(void *arg, const struct payout_row *row);

/** Every party with something cleared in the asset, paid or left out. Changes nothing, needs memory
 *  for one batch of accounts. METE_CURRENCY_UNKNOWN, METE_NOT_FOUND (`party`, `after`). */
enum mete_code payout_plan(struct engine *e, const struct payout_query *q, payout_visit *visit,
                           void *arg, struct mete_err *err) METE_MUST_CHECK;

struct payout_batch_progress {
    uint64_t queued; /* transfers of this step */
    uint64_t known;  /* had been queued before */
    uint64_t left_out;
    bool is_done;
    char after[256]; /* go on behind this party */
};

/** Queues the next `max` accounts of a batch that is open, from `q->after` on: events in the open
 *  group, not committed. Doing it again queues nothing twice. */
enum mete_code payout_queue(struct engine *e, struct text batch_id, const struct payout_query *q,
                            size_t max, struct payout_batch_progress *done,
                            struct mete_err *err) METE_MUST_CHECK;

struct payout_due {
    uint64_t number;
    struct text transfer_id; /* in the arena, as all texts */
    struct text batch_id;
    struct text party;
    struct text rail;
    struct asset asset;
    struct transfer transfer;
    mete_time queued_at;
};

/** What is due at `now`, oldest first, at most `max`; in `a`. */
enum mete_code payouts_due(struct engine *e, mete_time now, size_t max, struct arena *a,
                           struct payout_due **rows, size_t *count,
                           struct mete_err *err) METE_MUST_CHECK;

/** One transfer by its number, which has to be one. */
enum mete_code payout_read(struct engine *e, struct arena *a, uint64_t number,
                           struct payout_due *row, struct mete_err *err) METE_MUST_CHECK;

/** One transfer by its id. METE_TRANSFER_UNKNOWN. */
enum mete_code payout_find(struct engine *e, struct text transfer_id, struct arena *a,
                           struct payout_due *row, struct mete_err *err) METE_MUST_CHECK;

#endif
