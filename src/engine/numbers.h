/* SPDX-License-Identifier: Apache-2.0
 * What the operators of a book look at: how much came in and what became of it, how much waits and
 * since when. Counting costs next to nothing; only what waits is read, and seldom. */
#ifndef METE_ENGINE_NUMBERS_H
#define METE_ENGINE_NUMBERS_H

#include "core/machine.h"
#include "engine/engine.h"

/** Since the book was opened, of what is durable: rehearsals and failed groups are not in it. */
struct engine_counts {
    uint64_t outcome[SUBMIT_FAILED]; /* events, by enum submit_status */
    uint64_t allocations;            /* shares of revenue */
};

/* What an event may wait for. */
enum wait_reason {
    WAITS_FOR_POLICY,
    WAITS_FOR_EVENT, /* that it reverses */
    WAITS_FOR_USAGE, /* of its cycle's window */
    WAITS_STUCK,     /* what it waited for came, and it was refused then */
    WAIT_REASONS
};
const char *wait_reason_name(enum wait_reason r);

struct waits {
    uint64_t count[WAIT_REASONS];
    uint64_t oldest[WAIT_REASONS];     /* seq; 0: none */
    mete_time oldest_at[WAIT_REASONS]; /* when that was recorded; 0: none */
    bool moved;                        /* since it was read */
    int64_t read_at, cost;             /* microseconds: of a steady clock, and of this thread */
};

struct book_numbers {
    struct engine_counts counts;
    uint64_t size;         /* of the log */
    mete_time recorded_at; /* of the last event, in microseconds; 0: none */
    uint64_t quarantined;
    uint64_t quarantine_max;
    struct waits waits;
    uint64_t payouts[TRANSFER_STATE_COUNT]; /* by their state */
    mete_time payout_due;                   /* since when the outbox's first row is due, or when it
                                               will be; 0: none */
    uint64_t state_memory;                  /* bytes */
    uint64_t state_runs;
};

/** Also of a book that has failed. */
const struct engine_counts *engine_counts_of(const struct engine *e);
/** Between two groups. What waits may be older than now when much of it does: reading it takes at
 *  most a hundredth of the thread's time. METE_STORE_FAILED. */
enum mete_code book_numbers_read(struct engine *e, struct book_numbers *out,
                                 struct mete_err *err) METE_MUST_CHECK;

#endif
