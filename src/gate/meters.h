/* SPDX-License-Identifier: Apache-2.0
 * What a gate counts, for GET /metrics. */
#ifndef METE_GATE_METERS_H
#define METE_GATE_METERS_H

#include "http/exposition.h"

/** What became of a request. */
#define GATE_OUTCOMES(X)                                                                           \
    X(FREE, "free")               /* nothing was asked for it */                                   \
    X(ASKED, "asked")             /* 402: no payment was there */                                  \
    X(REFUSED, "refused")         /* 402: the payment does not do */                               \
    X(PAID, "paid")               /* settled and delivered */                                      \
    X(REPEATED, "repeated")       /* an answer that was paid for, once more */                     \
    X(UNCHARGED, "uncharged")     /* the upstream's answer was an error */                         \
    X(UNSETTLED, "unsettled")     /* the settlement failed; nothing was delivered */               \
    X(PENDING, "pending")         /* nobody knows yet whether it was settled */                    \
    X(UNAVAILABLE, "unavailable") /* no facilitator, or it takes nothing that is asked for */      \
    X(UPSTREAM, "upstream")       /* the upstream gave no answer */                                \
    X(INVALID, "invalid")         /* not a request that is let through */                          \
    X(LEFT, "left")               /* the client went away */

enum gate_outcome {
#define X(symbol, word) GATE_##symbol,
    GATE_OUTCOMES(X)
#undef X
        GATE_OUTCOME_COUNT
};
const char *gate_outcome_word(enum gate_outcome o);

struct meters {
    _Atomic uint64_t outcome[GATE_OUTCOME_COUNT];
    _Atomic uint64_t settled_unserved; /* paid, and its client had gone */
    _Atomic bool is_stale;             /* the file of the configuration was refused last */
    struct histogram verify, settle, upstream, unpaid, request;
};

void meters_init(struct meters *m);
/** What is counted elsewhere. */
struct meters_more {
    size_t payments; /* held in memory now */
    size_t requests; /* under way */
    size_t routes;
    size_t routes_closed; /* of them, cannot be sold now */
};
/** Whole. */
void meters_write(struct meters *m, struct exposition *e, const struct meters_more *more);

#endif
