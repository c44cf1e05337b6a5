/* SPDX-License-Identifier: Apache-2.0
 * Each payment is served once by this gate, whatever its facilitator remembers: which payments are
 * being served, and which were. Bounded; what is forgotten first is what has run out, and what was
 * served longest ago: a chain takes no nonce twice. Any thread. */
#ifndef METE_GATE_ONCE_H
#define METE_GATE_ONCE_H

#include "crypto/hash.h"
#include "mete/error.h"

/** What is remembered of a payment; texts with NUL, empty when there is nothing. */
struct once_note {
    char transaction[128];
    char reservation[129]; /* that its settlement carries */
    char amount[80];       /* that is settled, when it is another one than was asked for */
    bool is_told;          /* it was settled, and stands in the file of --stats */
};

enum once_state {
    ONCE_NEW,     /* it is the asker's now: one of the four below ends that */
    ONCE_SERVING, /* another request is at it */
    ONCE_SERVED,
    ONCE_PENDING, /* its settlement was begun and nobody knows its end: it is the asker's again */
    ONCE_FULL     /* too many payments at once */
};

struct once;

/** `count_max` payments are remembered. */
struct once *once_open(size_t count_max);
void once_close(struct once *o);
/** Reads what a gate before this one wrote to `path`, and writes there from now on, so that a gate
 *  that died forgets nothing: what it was settling is pending. One gate a file. METE_FILE. */
enum mete_code once_keep_in(struct once *o, const char *path, int64_t now,
                            struct mete_err *err) METE_MUST_CHECK;

/** Hears why a line cannot be written to that file: that payment is remembered in memory alone
 *  until there is room for all. Told once, and anew after that. Called under a lock: it calls
 *  nothing here. */
typedef void once_failure(void *ctx, const char *why);
/** Before the first payment. */
void once_on_failure(struct once *o, once_failure *failure, void *ctx);

/** Asks for a payment: key is its network, asset, payer and nonce; `payload` what was signed. With
 *  another payload of the same key, ONCE_SERVING or ONCE_SERVED. `note` is that of a payment that
 *  was served, or is pending. `now` in seconds. */
enum once_state once_begin(struct once *o, const struct hash *key, const struct hash *payload,
                           int64_t now, struct once_note *note);
/** Looks without asking for it: ONCE_NEW, ONCE_SERVING, ONCE_SERVED or ONCE_PENDING. */
enum once_state once_look(struct once *o, const struct hash *key, int64_t now,
                          struct once_note *note);
/** Its settlement is begun: written before anybody is asked for it. Or it is known by now, and
 *  nothing was served for it yet: a gate that dies leaves it pending either way. */
void once_settling(struct once *o, const struct hash *key, int64_t until,
                   const struct once_note *note);
/** It was not served, and may be brought again. */
void once_forget(struct once *o, const struct hash *key);
/** It was served (or is to be settled by its own payload alone): nobody else gets anything for it
 *  until `until`, in seconds. */
void once_served(struct once *o, const struct hash *key, int64_t until,
                 const struct once_note *note);
void once_pending(struct once *o, const struct hash *key, int64_t until,
                  const struct once_note *note);
size_t once_count(struct once *o);

#endif
