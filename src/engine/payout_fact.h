/* SPDX-License-Identifier: Apache-2.0
 * What is learnt of a payment outside of a worker's turn: by a webhook, an account statement, a
 * return. Facts come late, twice and in any order; each is booked once, as the steps that lead from
 * where the payout stands to what the fact says (doc/decisions/0014-payouts.md). */
#ifndef METE_ENGINE_PAYOUT_FACT_H
#define METE_ENGINE_PAYOUT_FACT_H

#include "engine/payouts.h"

enum payout_fact_kind {
    FACT_PAID,
    FACT_REJECTED, /* nothing moved by this attempt, and nothing will */
    FACT_RETURNED  /* it was paid, and is back */
};

struct payout_fact {
    enum payout_fact_kind kind;
    struct text transfer_id;
    uint32_t attempt;
    struct text rail; /* who tells it: "" any. A payout over another rail is not meant */
    bool has_amount;
    i128 amount; /* that arrived, or came back; minor units of the payout's asset */
    bool final;  /* of REJECTED: no new attempt would help */
    struct text reference, proof, reason, remediation; /* "": not said */
};

enum payout_fact_outcome {
    FACT_BOOKED,
    FACT_KNOWN,    /* it stands in the book already */
    FACT_FOREIGN,  /* there is no such payout, attempt, or it went over another rail */
    FACT_UNBOOKED, /* it is true, and the book has no place for it: for people to see; err */
    FACT_REFUSED,  /* it contradicts what is booked, or comes too early: err */
    FACT_FAILED    /* the store failed: err */
};

/** In the group at hand. */
enum payout_fact_outcome payout_fact_take(struct engine *e, mete_time now,
                                          const struct payout_fact *f, struct arena *a,
                                          struct mete_err *err) METE_MUST_CHECK;

/** The rail of a fact's payout and how its attempt stands. False: there is none, or *err says that
 *  the store failed. */
bool payout_attempt_find(struct engine *e, struct text transfer_id, uint32_t number,
                         struct arena *a, struct payout_due *row, struct attempt *attempt,
                         struct mete_err *err) METE_MUST_CHECK;

#endif
