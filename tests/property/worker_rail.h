/* SPDX-License-Identifier: Apache-2.0
 * Three rails in memory for tests of the worker, and the truth about what they paid: one whose
 * anchor is another each time (an invoice), one whose anchor follows from the attempt (a key), one
 * that pays groups in the same bytes under a number that counts (a nonce). They fail where the
 * test's dice say, and pay nothing twice by themselves. */
#ifndef METE_TESTS_PROPERTY_WORKER_RAIL_H
#define METE_TESTS_PROPERTY_WORKER_RAIL_H

#include "base/rng.h"
#include "rails/rail.h"

#define ENTRIES_MAX 4096
#define RAIL_KINDS  3

/* X(symbol, what the table of a run calls it) */
#define RAIL_FAULTS(X)                                                                             \
    X(DOWN, "host is away")                                                                        \
    X(BAD_PLACE, "no such account")                                                                \
    X(TIMEOUT_BEFORE, "timeout, not done")                                                         \
    X(TIMEOUT_AFTER, "timeout, done")                                                              \
    X(ERROR_AFTER, "error 500, done")                                                              \
    X(DROPPED, "taken, then lost")                                                                 \
    X(REJECTED, "rejected")                                                                        \
    X(TRANSIENT, "refused for now")                                                                \
    X(SLOW, "accepted, paid later")                                                                \
    X(FAILED_LATER, "accepted, failed later")                                                      \
    X(SILENT, "no answer to a probe")                                                              \
    X(TWICE, "the same bytes again")                                                               \
    X(FEE_BUMP, "stuck until its fee is raised")                                                   \
    X(FEE, "a fee taken")                                                                          \
    X(AMOUNT, "another amount paid")                                                               \
    X(TALK, "a reason with an e-mail address")                                                     \
    X(LIE, "said to be dead, paid later")

enum rail_fault {
#define X(symbol, name) FAULT_##symbol,
    RAIL_FAULTS(X)
#undef X
        FAULT_COUNT
};

/* What is true of an anchor at its rail. */
enum entry_state { ENTRY_PENDING, ENTRY_PAID, ENTRY_DEAD };

struct entry {
    char anchor[80];
    char transfer[40];
    uint32_t attempt;
    enum entry_state state;
    bool fails; /* pending: it will */
    bool stuck; /* pending, until `bodies` grows */
    bool lies;  /* dead, and will be paid */
    bool lied;  /* whatever became of it since */
    size_t bodies;
    i128 asked, paid, fee;
};

/* One for a whole world: the other side of all workers' rails. */
struct rail_world {
    struct rng *rng;
    unsigned odds; /* a fault in so many calls; 0: none from now on */
    struct entry entry[ENTRIES_MAX];
    size_t count;
    unsigned invoices;
    unsigned nonce;       /* next one that was not used */
    uint64_t (*fired)[3]; /* by fault, then prepare, send, probe */
    bool broken;          /* two attempts of a payout were alive, or bytes changed: why */
    char why[200];
};

/** A test's way into every call, before and after it: false, and nothing is done any more. */
struct rail_gate {
    bool (*pass)(void *ctx, unsigned call, bool after);
    void *ctx;
};

extern const struct rail_kind RAIL_DOUBLES[RAIL_KINDS];

/** One worker's end of a rail. */
struct rail *rail_double_new(struct rail_world *w, const struct rail_gate *gate, unsigned kind);
void rail_double_free(struct rail *r);

/** Time goes by: something pending is paid, or fails. False: nothing is pending. */
bool rail_world_tick(struct rail_world *w);
struct entry *rail_world_find(struct rail_world *w, struct text anchor);

#endif
