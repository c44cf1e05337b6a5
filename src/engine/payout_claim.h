/* SPDX-License-Identifier: Apache-2.0
 * What a worker is given to do: payouts that are due, leased to nobody else, with everything that
 * it takes to go on with them. A lease is a courtesy between workers, in memory; what keeps money
 * safe is the table of steps (doc/decisions/0014-payouts.md). */
#ifndef METE_ENGINE_PAYOUT_CLAIM_H
#define METE_ENGINE_PAYOUT_CLAIM_H

#include "engine/payouts.h"

#define CLAIM_MAX         1000u /* payouts of one claim */
#define CLAIM_RAILS_MAX   32u
#define CLAIM_LEASE_S     60u
#define CLAIM_LEASE_S_MAX 3600u

/** Leases of all books; used on one thread. */
struct payout_leases;
struct payout_leases *payout_leases_new(void);
void payout_leases_free(struct payout_leases *l);

struct payout_claim_query {
    mete_time now;
    mete_time lease_until;
    size_t max;
    const struct text *rail; /* those of these names alone */
    size_t rails;
};

struct payout_claim {
    struct payout_due due;
    struct text anchor; /* of the last attempt, as the two below; "" when it has none */
    struct text group;
    struct text body[ATTEMPT_BODIES_MAX]; /* opened: secrets; `p` NULL: it was erased */
    uint32_t body_count;
    struct text destination; /* a secret; `p` NULL: none on this rail, or erased */
    i128 fee_max;            /* that the rail may take beside it, as its batch says; -1: any */
    mete_time sending_at;    /* when the last attempt was committed first; 0: there is none */
};

/** Leases up to `max` payouts, the one that has been due longest first, and reads them; in `a`. */
enum mete_code payouts_claim(struct engine *e, struct payout_leases *l,
                             const struct payout_claim_query *q, struct arena *a,
                             struct payout_claim **rows, size_t *count,
                             struct mete_err *err) METE_MUST_CHECK;
/** Wipes what is secret in them. */
void payout_claims_wipe(struct payout_claim *rows, size_t count);
/** It was dealt with, and may be claimed again when it is due. */
void payout_lease_end(struct payout_leases *l, struct engine *e, struct text transfer_id);

#endif
