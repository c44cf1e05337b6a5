/* SPDX-License-Identifier: Apache-2.0
 * The worker: takes what is due, has the rails move the money, and says what became of it. All it
 * knows of a book is what the two routes of the worker's door tell it; it may die, sleep, lose its
 * lease or be started twice at any moment without money moving twice
 * (doc/decisions/0014-payouts.md). One thread uses it. */
#ifndef METE_ENGINE_WORKER_H
#define METE_ENGINE_WORKER_H

#include "base/buf.h"
#include "rails/rail.h"

#define WORKER_CLAIMS    "/v1/payouts/claims"
#define WORKER_STEPS     "/v1/payouts/steps"
#define WORKER_RAILS_MAX 32u

/** A rail that is open. */
struct worker_rail {
    const struct rail_kind *kind;
    struct rail *rail;
};

struct worker_port {
    /** POSTs a JSON body, appends the answer's body to *answer, and returns its HTTP status. 0: no
     *  whole answer came, *answer says why in words, and nobody knows whether it was received. */
    unsigned (*ask)(void *ctx, const char *path, struct text body, struct buf *answer);
    void *ctx;
};

/** A payout that came to its end. Texts live until the call returns. */
struct worker_ended {
    struct text transfer_id;
    struct text party;
    const char *rail;
    const char *step;   /* "paid", "failed_permanent", "cancelled" */
    struct text amount; /* "60.00 USD" */
    struct text reason; /* "" when it was paid */
};

struct payout_keys;

struct worker_options {
    struct worker_port port;
    const struct worker_rail *rail; /* the caller's; stay open as long as the worker */
    size_t rails;
    size_t max;                    /* payouts of a claim; 0: 100 */
    unsigned lease_s;              /* 0: 60 */
    struct text book;              /* as rails are told it; copied */
    struct payout_keys *keys;      /* that open destinations; the caller's. NULL: they come open */
    mete_time (*clock)(void *ctx); /* how late it has become in a round; NULL: no later */
    void (*ended)(void *ctx, const struct worker_ended *p); /* may be NULL */
    void *ctx;
};

enum worker_call { WORKER_PREPARE, WORKER_SEND, WORKER_PROBE, WORKER_CALLS };

/** Since it was made. */
struct worker_counts {
    uint64_t rounds;
    uint64_t claimed;
    uint64_t outcome[WORKER_CALLS][RAIL_REPLACE + 1]; /* what rails answered, payment by payment */
    uint64_t refused;                                 /* steps that the book did not take */
    uint64_t unanswered;                              /* questions to the port */
};

struct worker_round {
    size_t claimed;
    bool failed;             /* the port gave no answer, or a bad one: why */
    mete_time wait;          /* microseconds until the next round makes sense */
    char why[RAIL_TEXT_MAX]; /* also of what cannot be gone on with; "" */
};

struct worker;
struct worker *worker_new(const struct worker_options *o);
void worker_free(struct worker *w);

/** Claims once and sees each claimed payout through as far as it goes now. `now` is the time that
 *  rails are told. Blocks as long as the rails do. */
void worker_run(struct worker *w, mete_time now, struct worker_round *out);

void worker_counts_read(const struct worker *w, struct worker_counts *out);
const char *worker_call_name(enum worker_call c);

#endif
