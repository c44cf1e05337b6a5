/* SPDX-License-Identifier: Apache-2.0
 * A destination as it lies beside the log: masked for people, and closed for the worker when the
 * store announces a worker's key. */
#ifndef METE_ENGINE_DESTINATION_H
#define METE_ENGINE_DESTINATION_H

#include "base/arena.h"
#include "crypto/box.h"

/** True for the value of party.destination_set. */
bool destination_is_at(struct text pointer);

/** As far as it may be shown: "a…e@example.org", "…4711". An object shows nothing. In `a`. */
struct text destination_mask(struct arena *a, struct text destination);

/* What stands in the place of a plain value. Points into what was read. */
struct destination_box {
    struct bytes public_key;
    struct text masked;
    struct bytes box;
};

/** Appends a value that only the holder of the secret opens. */
void destination_box_put(struct buf *out, const uint8_t public_key[BOX_KEY_LEN],
                         struct bytes destination);
/** "box:KEY:BASE64", as a worker is told it (payout_keys_open). In `a`. */
struct text destination_box_text(struct arena *a, const struct destination_box *b);
/** False: it is a plain value. */
bool destination_box_read(struct bytes value, struct destination_box *out) METE_MUST_CHECK;

#endif
