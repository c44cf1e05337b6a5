/* SPDX-License-Identifier: Apache-2.0
 * The keys that a book has registered, as they stood at one moment. Invariant: a ring never changes
 * once it is made, so any thread may look into one that it has taken. */
#ifndef METE_HTTP_KEY_RING_H
#define METE_HTTP_KEY_RING_H

#include "crypto/sign.h"
#include "engine/engine.h"

struct key_ring;
struct secret;

struct ring_key {
    bool active;
    bool is_public;
    struct hash material; /* the public key, or the commitment of the secret */
    struct text producer; /* in the ring; may be empty */
    const struct secret *secret;
};

/** Reads the keys of a book's state and opens their secrets, but for those that `before` has open
 *  already (NULL: none). The keeper's thread. The caller has one use of *out. Errors: the store's;
 *  *out stays as it is. */
enum mete_code key_ring_read(struct key_ring **out, const struct key_ring *before, struct engine *e,
                             struct mete_err *err) METE_MUST_CHECK;
struct key_ring *key_ring_take(struct key_ring *r);
/** Ends one use; with the last one the secrets are wiped. NULL does nothing. */
void key_ring_release(struct key_ring *r);

/** NULL: no key of this id was registered. */
const struct ring_key *key_ring_find(const struct key_ring *r, struct text key_id);
size_t key_ring_count(const struct key_ring *r);
/** An active key is registered for this producer ("runtime", "control_plane"). */
bool key_ring_signs(const struct key_ring *r, struct text producer);

/** "ed25519" or "hmac-sha256" (RFC 2104). */
const char *ring_key_alg(const struct ring_key *key);
/** Does the signature, of `len` bytes, fit the message? False as well for a secret that is not
 *  there any more. */
bool ring_key_holds(const struct ring_key *key, struct bytes message, const uint8_t *signature,
                    size_t len);

#endif
