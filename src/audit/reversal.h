/* SPDX-License-Identifier: Apache-2.0
 * Taking back some or all of what an event brought, over what is still left of its lines. */
#ifndef METE_AUDIT_REVERSAL_H
#define METE_AUDIT_REVERSAL_H

#include "audit/carry.h"
#include "audit/journal.h"
#include "audit/want.h"

struct reversing {
    struct journal *journal;
    struct carry *carry;
};

/** Why the reversal cannot be booked now. */
void reversal_judge(struct reversing *r, struct moment *m, struct want *w);
/** Its groups; remembers what is taken back, and lowers what policies have split so far. */
void reversal_split(struct reversing *r, struct moment *m, struct want *w);

#endif
