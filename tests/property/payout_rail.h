/* SPDX-License-Identifier: Apache-2.0
 * A rail that lies, for tests of payouts: it forgets to answer before and after it did something,
 * pays late what it had declared dead, pays another amount, takes fees, sends money back, tells of
 * all that in any order and more than once. It remembers by anchor and pays none of them twice. */
#ifndef METE_TESTS_PROPERTY_PAYOUT_RAIL_H
#define METE_TESTS_PROPERTY_PAYOUT_RAIL_H

#include "base/rng.h"
#include "base/types.h"

#define RAIL_PAYMENTS_MAX 2000
#define RAIL_NOTICES_MAX  8000
#define ANCHOR_MAX        64

/* X(symbol, what the table of a run calls it) */
#define RAIL_FAULTS(X)                                                                             \
    X(TIMEOUT_BEFORE, "timeout before sending")                                                    \
    X(TIMEOUT_AFTER, "timeout after sending")                                                      \
    X(PROBE_SILENT, "probe without an answer")                                                     \
    X(REJECTED, "rejected")                                                                        \
    X(FAILED_LATER, "accepted, then failed")                                                       \
    X(LATE_SUCCESS, "paid after it was declared dead")                                             \
    X(WRONG_AMOUNT, "wrong amount")                                                                \
    X(FEE, "fee taken")                                                                            \
    X(RETURNED, "returned")                                                                        \
    X(RETURNED_LESS, "returned less a fee")                                                        \
    X(UNTOLD, "paid and said nothing")                                                             \
    X(TOLD_TWICE, "duplicate answer")                                                              \
    X(SENT_AGAIN, "the same anchor again")

enum rail_fault {
#define X(symbol, name) FAULT_##symbol,
    RAIL_FAULTS(X)
#undef X
        FAULT_COUNT
};

enum rail_state { RAIL_ABSENT, RAIL_PENDING, RAIL_PAID, RAIL_DEAD, RAIL_RETURNED, RAIL_SILENT };

struct rail_payment {
    char anchor[ANCHOR_MAX];
    int transfer;
    unsigned attempt;
    enum rail_state state;
    bool was_dead; /* told so, or could have been */
    bool lies;     /* dead now, paid later */
    int64_t asked; /* minor units */
    int64_t paid;  /* once it was */
    int64_t fee;
    int64_t returned;
};

struct rail {
    struct rng *rng;
    struct rail_payment payment[RAIL_PAYMENTS_MAX];
    int count;
    int notice[RAIL_NOTICES_MAX]; /* payments that somebody is to be told about */
    int notices;
    bool honest; /* from now on */
    bool broken; /* somebody made it pay a second attempt while a first was alive */
    uint64_t *fired;
};

struct rail_payment *rail_find(struct rail *r, const char *anchor);
/** What is said to whoever sends: RAIL_SILENT, or the payment's state. */
enum rail_state rail_send(struct rail *r, const char *anchor, int transfer, unsigned attempt,
                          int64_t amount);
enum rail_state rail_probe(struct rail *r, const char *anchor);
/** Something happens to one of the payments. False: nothing is left to happen by itself. */
bool rail_tick(struct rail *r);
/** Takes any of the notices; -1: none. */
int rail_notice(struct rail *r);
void rail_notice_again(struct rail *r, int payment);

#endif
