/* SPDX-License-Identifier: Apache-2.0
 * Which conditions of a policy hold for one event: given by its payload, switched by
 * condition.changed, computed from what came before, or by default. */
#ifndef METE_AUDIT_FACTS_H
#define METE_AUDIT_FACTS_H

#include "audit/want.h"

bool facts_hold(const struct moment *m, const struct book_policy *p, const struct rules *r,
                struct text condition);

/** The weight that holds for a share, and its number: 0 base, else 1 + index of the entry. */
const struct frac *facts_weight(const struct moment *m, const struct book_policy *p,
                                const struct rules *r, const struct rules_share *s,
                                uint32_t *entry);

#endif
