/* SPDX-License-Identifier: Apache-2.0
 * Signatures of producers. A producer for which a book has a registered key must sign what it says
 * over HTTP, each event or the whole request, and so must who leaves out who speaks: a stolen API
 * key alone then books nothing of his. Used on the keeper's thread alone, but for
 * signature_message. */
#ifndef METE_HTTP_SIGNATURE_H
#define METE_HTTP_SIGNATURE_H

#include "engine/engine.h"

struct signatures;
struct message_signatures;

/** An event that was not in the log yet is refused when it is signed and occurred more than
 *  `window_s` seconds ago: who found an old signed event cannot spend it. 0: no such bound. */
struct signatures *signatures_new(unsigned window_s);
void signatures_free(struct signatures *s);

/** The bytes that a signature covers: RFC 8785 of the envelope as its producer has it, private
 *  values and all, without `signature`. In `a`; `p` NULL: it cannot be read. */
struct text signature_message(struct arena *a, struct text event, const struct submit_options *o);

/* What came of verifying an event's signature before the event met its book. */
struct signature_verdict {
    bool known; /* a key was found; else nothing was verified */
    bool holds;
    bool is_public;
    struct hash material; /* of that key: the public key, or the commitment of the secret */
};

/** Verifies a signed event, `message` as signature_message has it, with the keys that `book` had
 *  when they were last read. Any thread. */
void signature_try(struct signatures *s, const char *book, const struct envelope *env,
                   struct text message, struct signature_verdict *out);

struct signed_event {
    const struct envelope *envelope;
    struct text producer; /* by the credential, else by the event itself; may be empty */
    bool of_party;        /* the key is bound to a party, which speaks of its own alone */
    struct text message;  /* signature_message; empty when it is not signed */
    const struct signature_verdict *verdict; /* of signature_try; NULL: it was not asked */
    struct message_signatures
        *request; /* of all that came with it; used when it is not; NULL: none */
};

/** METE_OK also for what needs no signature, and for what stands in the log already.
 *  METE_SIGNATURE_INVALID, METE_KEY_UNKNOWN, or the store's failure. */
enum mete_code signature_check(struct signatures *s, struct engine *e,
                               const struct signed_event *event,
                               struct mete_err *err) METE_MUST_CHECK;
/** Tells that an event of this type was submitted: keys may have changed. */
void signature_note(struct signatures *s, struct engine *e, enum event_type type);

#endif
