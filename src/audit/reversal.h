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

/** The event that is taken back, NULL when it is unknown, and what it would wait for. */
struct reversal_of {
    struct record *record;
    struct want_wait wait;
};

/** Why the reversal cannot be booked now. */
void reversal_judge(struct reversing *r, struct moment *m, struct want *w,
                    const struct reversal_of *of);
/** Its groups; remembers what is taken back, and lowers what policies have split so far. Returns
 *  how much it takes back. */
i128 reversal_split(struct reversing *r, struct moment *m, struct want *w,
                    const struct reversal_of *of);
/** All that is left of a booking goes back. */
void reversal_rest(struct reversing *r, struct moment *m, struct want *w, struct booking *booking);
/** An amount goes back from one group of a booking. */
void reversal_again(struct reversing *r, struct moment *m, struct want *w, struct booking *booking,
                    uint32_t index, i128 amount);

#endif
