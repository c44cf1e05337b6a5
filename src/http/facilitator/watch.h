/* SPDX-License-Identifier: Apache-2.0
 * What happens to a settlement after its bytes are committed: they are sent, sent again, replaced
 * when they wait too long, and followed until nothing can undo them. Takes up by itself whatever
 * the book has open, of this process or another one; so a crash at any point costs time alone.
 * Invariant: what goes to a node stands in the book already. */
#ifndef METE_HTTP_FACILITATOR_WATCH_H
#define METE_HTTP_FACILITATOR_WATCH_H

#include "engine/x402.h"
#include "http/desk.h"
#include "http/histogram.h"
#include "rails/x402/scheme.h"

struct watch;

enum watch_outcome {
    WATCH_SETTLED, /* the money has moved */
    WATCH_FAILED,  /* the chain has refused it */
    WATCH_PENDING, /* nobody knows yet */
};

/** Somebody waits for a payment. The caller's until `done` was called. */
struct watch_waiter {
    struct watch_waiter *next;
    int64_t until_us;               /* of the steady clock */
    char refusal[CASE_MESSAGE_MAX]; /* when it is pending: what a node says against it, or "" */
    /** On any thread. Texts live until it returns. */
    void (*done)(struct watch_waiter *w, enum watch_outcome outcome, struct text transaction,
                 struct text reason);
};

/** `replace_s`: seconds that a transaction is waited for before another one with a higher fee takes
 *  its place. */
void watch_start(struct watch **out, struct desk *d, const struct nets *nets, unsigned replace_s);
/** Whoever waits does so for some seconds at most from now on. */
void watch_quiesce(struct watch *w);
/** Whoever waits is told that it is pending. While the desk still works. `w` may be NULL. */
void watch_stop(struct watch *w);

/** Takes up a payment that is settling, and lets somebody wait for it (NULL: nobody). `w`'s memory
 *  of it is its own. Any thread. */
void watch_add(struct watch *w, const char *id, const struct x402_status *status,
               struct watch_waiter *waiter);

struct watch_stats {
    unsigned open;     /* settling: sent, not mined */
    unsigned followed; /* mined, not final */
    int64_t oldest_us; /* how long the oldest of those that are not mined has waited */
    uint64_t sent, sent_again, replaced, settled, failed, confirmed, undone;
    const struct histogram *settle_time; /* microseconds from the bytes to the receipt */
};
void watch_stats(struct watch *w, struct watch_stats *out);

#endif
