/* SPDX-License-Identifier: Apache-2.0
 * Money on its way out, as a book remembers it: batches, transfers, their attempts, what a worker
 * has to do next, and who is held. Numbers of batches and transfers are the seqs of the events that
 * made them; their ids are those events' ids. See doc/decisions/0014-payouts.md. */
#ifndef METE_CORE_PAYOUT_H
#define METE_CORE_PAYOUT_H

#include "core/machine.h"
#include "core/schedule.h"
#include "core/view.h"

#define ATTEMPTS_MAX_OUT 4 /* the first attempt and three more (design §3) */

/* What it was opened for stays, whatever becomes of its schedule. */
struct batch {
    bool is_closed;
    bool on_demand; /* those who ask are paid, nobody else */
    uint32_t asset;
    struct text rail;
    mete_time cutoff_at;
    struct payout_bounds bounds;
};

/* Sums of KEY_BATCH_SUMS; what is paid is less what came back. */
enum batch_sum { BATCH_TRANSFERS, BATCH_AMOUNT, BATCH_RESTING, BATCH_PAID };

struct transfer {
    uint8_t state; /* enum transfer_state */
    uint64_t batch;
    uint32_t party;
    uint32_t asset;
    uint32_t attempts; /* made so far; the last one may still be open */
    uint32_t looks;    /* at the last attempt, since it was made, that did not end it; sending its
                          bytes again is one */
    i128 amount;       /* minor units, what the party was to get */
    i128 held;         /* of it, still in mete:payout */
    i128 paid;         /* what the rails have paid, over all attempts */
    i128 returned;
    mete_time due; /* when a worker looks at it next; TIME_NEVER at rest */
};

enum attempt_outcome {
    ATTEMPT_OPEN,
    ATTEMPT_DEAD,
    ATTEMPT_PAID,
    ATTEMPT_RETURNED,
    ATTEMPT_UNMADE /* it could not be prepared: nothing was ever at the rail */
};

#define ATTEMPT_BODIES_MAX 16u

struct attempt {
    uint8_t outcome;
    uint8_t anchor[16]; /* first half of SHA-256 over rail and anchor, each behind its length; zeros
                           of one that is unmade */
    i128 paid;          /* minor units, by this attempt; what the rail said, or what came back */
    i128 returned;      /* of it; once, when the outcome is ATTEMPT_RETURNED */
    uint64_t made;      /* seq of the event that made it */
    uint64_t body[ATTEMPT_BODIES_MAX]; /* seqs of the events that brought one, oldest first */
    uint32_t body_count;
};

enum hold_kind {
    HOLD_NONE,
    HOLD_DESTINATION, /* placed by a payout that failed for good, or came back; a new destination
                         ends it */
    HOLD_SUPERVISOR   /* ended by a supervisor alone */
};

/** Where a party's money goes; the place itself is sealed beside the log. */
struct destination {
    struct text rail;     /* points into state */
    uint64_t seq;         /* of the event beside which it is sealed */
    mete_time holds_from; /* one that took the place of another waits */
};

bool batch_unpack(struct arena *a, struct bytes packed, struct batch *out) METE_MUST_CHECK;
void batch_pack(struct buf *out, const struct batch *b);
bool transfer_unpack(struct bytes packed, struct transfer *out) METE_MUST_CHECK;
void transfer_pack(struct buf *out, const struct transfer *t);
/** Its text points into `packed`. */
bool destination_unpack(struct bytes packed, struct destination *out) METE_MUST_CHECK;
void destination_pack(struct buf *out, const struct destination *d);
bool attempt_unpack(struct bytes packed, struct attempt *out) METE_MUST_CHECK;
void attempt_pack(struct buf *out, const struct attempt *t);

/** What a cleared balance has to exceed: as the book says for this asset, else 500 sats, else 0. */
i128 payout_minimum(const struct book_config *book, const struct asset *asset);

/** True in a state in which nothing is to be done any more. */
bool transfer_rests(uint8_t state);

struct key key_transfer(uint64_t transfer);
struct key key_attempt(uint64_t transfer, uint32_t attempt);
struct key key_outbox(mete_time due, uint64_t transfer);
struct key key_batch_number(uint64_t batch);
struct key key_batch_party(uint64_t batch, uint32_t party);
#define BATCH_ALL 0u /* no batch has this number */
/** How many transfers of the batch are in the state, and their amounts: the first two sums. Of
 *  BATCH_ALL, how many of the book: their assets differ. */
struct key key_batch_state(uint64_t batch, uint8_t state);
struct key key_party_transfer(uint32_t party, uint64_t transfer);
/** What an anchor is found by, in all books' rails alike. */
struct key key_anchor(struct text rail, struct text anchor);

enum view_result view_transfer(const struct view *v, uint64_t number, struct transfer *out);
enum view_result view_batch(const struct view *v, struct arena *a, uint64_t number,
                            struct batch *out);
enum view_result view_destination(const struct view *v, uint32_t party, struct destination *out);
enum view_result view_hold(const struct view *v, uint32_t party, enum hold_kind *kind);

#endif
