/* SPDX-License-Identifier: Apache-2.0
 * Forgetting a person: the private values about a party go, the log and every amount stay. */
#ifndef METE_ENGINE_ERASE_H
#define METE_ENGINE_ERASE_H

#include "engine/engine.h"

/** Erases what is sealed about a party, durably. *count values are gone; the head is as before.
 *  METE_NOT_FOUND when the log does not name the party. */
enum mete_code party_erase(struct engine *e, struct text party, uint64_t *count,
                           struct mete_err *err) METE_MUST_CHECK;
/** How many values party_erase would erase. */
enum mete_code party_sealed_count(struct engine *e, struct text party, uint64_t *count,
                                  struct mete_err *err) METE_MUST_CHECK;

#endif
