/* SPDX-License-Identifier: Apache-2.0
 * Forgetting a person: the private values about a party go, and what was refused and names it, for
 * that was kept as it came, and what apps reported of it. The log and every amount stay. */
#ifndef METE_ENGINE_ERASE_H
#define METE_ENGINE_ERASE_H

#include "engine/engine.h"

struct erased {
    uint64_t values;      /* sealed ones */
    uint64_t quarantined; /* refused events whose bytes name the party */
    uint64_t insights;    /* points and insight events that name it */
};

/** What party_erase would erase. METE_NOT_FOUND when nothing knows the party. */
enum mete_code party_erasable(struct engine *e, struct text party, struct erased *out,
                              struct mete_err *err) METE_MUST_CHECK;
/** Erases it, durably; the head of the log is as before. */
enum mete_code party_erase(struct engine *e, struct text party, struct erased *out,
                           struct mete_err *err) METE_MUST_CHECK;

#endif
