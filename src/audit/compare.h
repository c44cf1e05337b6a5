/* SPDX-License-Identifier: Apache-2.0
 * Holding a decision against what it must say, and naming where they part. */
#ifndef METE_AUDIT_COMPARE_H
#define METE_AUDIT_COMPARE_H

#include "audit/want.h"

/** Reports every difference between `w` and the groups that the book stored. */
void compare_decision(struct moment *m, struct want *w, const struct found_group *group,
                      uint32_t count);
/** Whether the lines of each group add up to its gross; for every page, whatever it decides. */
void compare_balance(struct moment *m, const struct found_group *group, uint32_t count);

#endif
