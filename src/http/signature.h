/* SPDX-License-Identifier: Apache-2.0
 * Signatures of producers. A producer for which a book has a registered key must sign what it says
 * over HTTP, and so must who leaves out who speaks: a stolen API key alone then books nothing of
 * his. Used on the keeper's thread alone, but for
 * signature_message. */
#ifndef METE_HTTP_SIGNATURE_H
#define METE_HTTP_SIGNATURE_H

#include "engine/engine.h"

struct signatures;

/** An event that was not in the log yet is refused when it is signed and occurred more than
 *  `window_s` seconds ago: who found an old signed event cannot spend it. 0: no such bound. */
struct signatures *signatures_new(unsigned window_s);
void signatures_free(struct signatures *s);

/** The bytes that a signature covers: RFC 8785 of the envelope as its producer has it, private
 *  values and all, without `signature`. In `a`; `p` NULL: it cannot be read. */
struct text signature_message(struct arena *a, struct text event, const struct submit_options *o);

struct signed_event {
    const struct envelope *envelope;
    struct text producer; /* by the credential, else by the event itself; may be empty */
    bool of_party;        /* the key is bound to a party, which speaks of its own alone */
    struct text message;  /* signature_message; empty when it is not signed */
};

/** METE_OK also for what needs no signature, and for what stands in the log already.
 *  METE_SIGNATURE_INVALID, METE_KEY_UNKNOWN, or the store's failure. */
enum mete_code signature_check(struct signatures *s, struct engine *e,
                               const struct signed_event *event,
                               struct mete_err *err) METE_MUST_CHECK;
/** Tells that an event of this type was submitted: keys may have changed. */
void signature_note(struct signatures *s, struct engine *e, enum event_type type);

#endif
