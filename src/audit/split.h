/* SPDX-License-Identifier: Apache-2.0
 * Taking fees off and splitting what is left: policies in policies, roles, one party. Computed with
 * exact fractions; only the stated rounding decides who gets the odd units. */
#ifndef METE_AUDIT_SPLIT_H
#define METE_AUDIT_SPLIT_H

#include "audit/carry.h"
#include "audit/want.h"

/** One part of an amount that is divided by largest remainder. */
struct piece {
    const struct frac *weight; /* of the amount */
    i128 amount;               /* out */
    i128 floor;                /* out: of the exact share */
};

/** Divides `input` among pieces whose weights sum to 1: floors, then one unit each to the largest
 *  remainders, the earlier piece on a tie. False when a number is beyond reach. */
bool pieces_divide(struct arena *a, i128 input, struct piece *piece,
                   uint32_t count) METE_MUST_CHECK;

/** One share as it holds for this event. */
struct portion {
    struct text payee;
    bool is_policy;
    bool held;
    uint32_t entry;
    const struct frac *weight;
};

/** A split of `input` among portions; what their weights lack to 1 belongs to nobody. */
struct portions {
    struct text policy; /* empty for none */
    uint32_t version;
    enum rounding_kind rounding;
    bool rounding_open; /* the packed rounding is not prescribed */
    const struct portion *portion;
    uint32_t count;
    struct frac nobody;
};

/** Adds to `w` why this policy cannot be split now, if anything: unknown, above one, too deep. */
void split_judge(struct moment *m, struct want *w, struct text policy);

/** Fees of the payload and of the schedule in force; returns what is left to share. */
i128 split_charges(struct moment *m, struct want_group *g, bool has_fee, i128 fee);
/** Fees of one schedule, NULL for none, out of `left`; returns what is left of it. */
i128 split_schedule(struct moment *m, struct want_group *g, const struct schedule *s, i128 left);

/* Each splits all of `input` and ends the group's lines. split_judge found nothing before. */
void split_policy(struct moment *m, struct carry *c, struct want_group *g, struct text policy,
                  i128 input);
void split_portions(struct moment *m, struct carry *c, struct want_group *g,
                    const struct portions *p, i128 input);
void split_content(struct moment *m, struct want_group *g, struct text item, i128 input);
void split_party(struct moment *m, struct want_group *g, struct text party, i128 input);

#endif
