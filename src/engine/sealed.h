/* SPDX-License-Identifier: Apache-2.0
 * Private values: sealed beside the log, named in it by commitments alone. */
#ifndef METE_ENGINE_SEALED_H
#define METE_ENGINE_SEALED_H

#include "engine/internal.h"

#define COMMITMENT_PREFIX "commit:"

/** The prefix and 64 hexadecimal digits, as a commitment stands in the log. */
bool commitment_read(struct text t, struct hash *out) METE_MUST_CHECK;
/** What a JSON pointer names in a tree, or NULL. */
const struct json *sealed_place(const struct json *tree, struct text pointer);

/** Seals the private values of the event that gets this seq. */
enum store_result sealed_add(struct engine *e, const struct envelope *env,
                             uint64_t seq) METE_MUST_CHECK;
/** Appends salt and value (`plain`), sealed for this place. */
void sealed_close(struct engine *e, uint64_t seq, struct text pointer, struct bytes plain,
                  struct buf *out);
/** Appends salt and value; false when they do not open with this book's key. */
bool sealed_open(const struct engine *e, const struct sealed_value *v,
                 struct buf *plain) METE_MUST_CHECK;

/** One private value of the event at `seq`, opened, in `a`: wipe it. `p` NULL: it was erased.
 *  METE_SEAL_KEY, METE_STORE_FAILED. */
enum mete_code sealed_read(struct engine *e, uint64_t seq, struct text pointer, struct arena *a,
                           struct text *out, struct mete_err *err) METE_MUST_CHECK;

/** Commits the private values of an event that was sent again with the salts of the one at `seq`,
 *  whose bytes are `stored`. A value whose salt was erased cannot be compared: its commitment is
 *  taken from `stored`. METE_SEAL_KEY, or the store's code; in e->err too. */
enum mete_code sealed_recall(struct engine *e, struct prepared *p, uint64_t seq,
                             struct text stored) METE_MUST_CHECK;

#endif
