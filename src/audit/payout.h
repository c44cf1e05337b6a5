/* SPDX-License-Identifier: Apache-2.0
 * Money on its way out as the payout.* events tell of it: batches, transfers and their attempts,
 * what a worker is to look at and when, who is held, where money goes. Derived from decision
 * 0014. */
#ifndef METE_AUDIT_PAYOUT_H
#define METE_AUDIT_PAYOUT_H

#include "audit/book.h"
#include "audit/want.h"

#define PAYOUT_ATTEMPTS_MAX 4u
#define PAYOUT_BODIES_MAX   16u
#define PAYOUT_ANCHOR_LEN   16u /* of the hash of rail and anchor */

struct audit;
struct export_line;

struct payout_batch {
    uint64_t seq;
    bool is_closed;
    struct asset *asset;
    struct text rail;
    mete_time cutoff_at;
    bool on_demand;    /* this and what follows as it was opened */
    i128 minimum, fee; /* minor units */
    uint64_t fee_cap_bps;
    i128 count, amount, resting, paid;
    bool exported;
};

struct payout_attempt {
    const char *outcome; /* "open", "dead", "paid", "returned", "unmade" */
    uint8_t anchor[PAYOUT_ANCHOR_LEN];
    i128 paid, returned; /* by it, of that */
    uint64_t made;
    uint64_t body[PAYOUT_BODIES_MAX]; /* seqs of the events that have one */
    uint32_t bodies;
    bool exported, anchor_exported;
};

struct payout {
    uint64_t seq;
    struct payout_batch *batch;
    const char *state;
    struct text party;
    uint32_t attempts, looks;
    struct payout_attempt attempt[PAYOUT_ATTEMPTS_MAX + 1]; /* from 1 */
    i128 amount, held, paid, returned;
    mete_time due; /* TIME_NEVER: at rest */
    bool exported, outbox_exported, listed;
};

struct payout_place {
    struct text rail;
    mete_time holds_from;
    uint64_t set_by;
    bool exported;
};

struct payout_hold {
    const char *why; /* NULL: not held */
    uint64_t since;
    bool exported;
};

struct payouts {
    struct arena *keep;
    struct map batch_of, transfer_of;    /* id of the event -> pointer */
    struct map batch_numbered, numbered; /* seq -> pointer */
    struct map in_batch;                 /* seq of a batch, party -> struct payout * */
    struct map anchor_of;                /* anchor -> struct payout * */
    struct map place_of, hold_of;        /* party -> pointer */
};

void payouts_init(struct payouts *p, struct arena *keep);
void payouts_clear(struct payouts *p);

/** Judges an event that is booked, wants its lines, and remembers it. */
void payout_take(struct audit *a, struct moment *m, struct want *w);
void payout_place_take(struct audit *a, struct moment *m);

bool payout_rests(const struct payout *t);

/* state_payout.c */
/** False when the line is of another kind. */
bool state_check_payout(struct audit *a, const struct export_line *line);
void state_missing_payout(struct audit *a);

#endif
