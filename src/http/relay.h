/* SPDX-License-Identifier: Apache-2.0
 * Requests that write a book which another process of the same database writes. They are put into
 * the store's inbox, sealed, and the one that has the book decides them; what it answers was stored
 * by the transaction that decided. A thread of its own does both sides. */
#ifndef METE_HTTP_RELAY_H
#define METE_HTTP_RELAY_H

#include "crypto/seal.h"
#include "engine/engine.h"
#include "http/exchange.h"
#include "store/inbox.h"

struct relay;

struct relay_options {
    const char *store;
    const char *node; /* as in the leases of this process */
    uint8_t key[SEAL_KEY_LEN];
    void *ctx;
    /** A request that was put has its answer in `x`; x is the caller's again. On the thread of the
     *  relay. */
    void (*answered)(void *ctx, struct exchange *x);
    /** A request of another process; relay_end gives it back. The same thread. */
    void (*arrived)(void *ctx, struct exchange *x);
    /** Some ten times a second: other processes may have written. The same thread. */
    void (*beat)(void *ctx);
};

void relay_start(struct relay **out, const struct relay_options *o);
/** Whoever waits is told that there was no answer. relay_put says no from then on. */
void relay_stop(struct relay *r);
/** After relay_stop, when nothing that arrived is at work any more. `r` may be NULL. */
void relay_free(struct relay *r);

/** Another process had the book a moment ago. Any thread. */
bool relay_is_away(struct relay *r, const char *book);
void relay_note_away(struct relay *r, const char *book);

/** Has the book's process decide `x`, which belongs to the relay until it is answered. False: too
 *  much waits already. Any thread; never blocks. `tries`: it will change nothing. */
bool relay_put(struct relay *r, struct exchange *x, bool tries) METE_MUST_CHECK;

/* For what arrived: x->relayed is set. */

/** In the group that decides: makes the request this group's. False: it is not there any more. */
bool relay_claim(struct exchange *x, struct engine *e) METE_MUST_CHECK;
/** In the same group, when `x` has its answer: stores it. */
void relay_decided(struct relay *r, struct exchange *x, struct engine *e);
/** It is done with; `code`: what became of its group. Frees `x`. Any thread. */
void relay_end(struct relay *r, struct exchange *x, enum mete_code code);

#endif
