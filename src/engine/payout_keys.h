/* SPDX-License-Identifier: Apache-2.0
 * The keys of the worker, which alone opens destinations. Their secrets lie in a file of the
 * worker, newest first; the public half of the newest stands in the key file of the store, and
 * everybody who writes there seals destinations to it. */
#ifndef METE_ENGINE_PAYOUT_KEYS_H
#define METE_ENGINE_PAYOUT_KEYS_H

#include "base/arena.h"
#include "crypto/box.h"
#include "engine/engine.h"

#define PAYOUT_KEYS_MAX 16u /* older ones are forgotten when there are more */

struct payout_keys;

/** Reads a file of the worker; its secrets stay in guarded memory. METE_FILE, METE_SEAL_KEY: it
 *  holds none, or others may read it. */
enum mete_code payout_keys_read(struct payout_keys **out, const char *path,
                                struct mete_err *err) METE_MUST_CHECK;
void payout_keys_free(struct payout_keys *k);
size_t payout_keys_count(const struct payout_keys *k);
/** The public half of the newest. */
void payout_keys_public(const struct payout_keys *k, uint8_t out[BOX_KEY_LEN]);

/** Opens a destination as payout_destination_read hands it out, into `a`; one that was not sealed
 * to a worker is handed back as it is. `k` NULL: no keys. METE_SEAL_KEY: sealed to a key that is
 * not here. Wipe what came out. */
enum mete_code payout_keys_open(struct payout_keys *k, struct text sealed, struct arena *a,
                                struct text *out, struct mete_err *err) METE_MUST_CHECK;

/** Puts a new key first in the file, which is made (mode 0600) when it is missing and appears whole
 *  or as it was. */
enum mete_code payout_keys_add(const char *path, uint8_t public_key[BOX_KEY_LEN],
                               struct mete_err *err) METE_MUST_CHECK;

/** Writes the public half into the key file of a store. Who opens the store from then on seals
 *  destinations to it. METE_FILE. */
enum mete_code payout_key_announce(const char *key_file, const uint8_t public_key[BOX_KEY_LEN],
                                   struct mete_err *err) METE_MUST_CHECK;

/** Seals all destinations of a book to the key that its store announces now, as far as `k` opens
 *  them; *count were sealed anew, *left could not be opened. In the group at hand. */
enum mete_code payout_keys_reseal(struct engine *e, struct payout_keys *k, uint64_t *count,
                                  uint64_t *left, struct mete_err *err) METE_MUST_CHECK;

#endif
