/* SPDX-License-Identifier: Apache-2.0
 * Rounding `carry`: a payee's credited sum is the floor of its exact cumulative entitlement. What
 * is remembered is only the difference between the two, as an exact fraction. */
#ifndef METE_CORE_CARRY_H
#define METE_CORE_CARRY_H

#include "base/buf.h"
#include "base/types.h"

/** Entitlement not credited yet: whole + num/den, 0 <= num < den. For a party whole is always 0;
 *  for a nested policy a reversal may leave any integer, which later events even out. */
struct residue {
    i128 whole;
    u128 num;
    u128 den; /* > 0, below 2^120 */
};

#define RESIDUE_ZERO ((struct residue){0, 0, 1})

/** Adds amount * weight / den (or takes it away, when `negative`) and credits the floor.
 *  Out:  the change of the credited sum: the result is then in [0, 1).
 *  In:   `never_below_zero`: credit at least 0 and keep what is missing (nested policies).
 *  False when no common denominator below 2^120 exists; nothing is changed then. */
bool residue_credit(struct residue *r, i128 amount, u128 weight, u128 den, bool negative,
                    bool never_below_zero, i128 *credit) METE_MUST_CHECK;

/** Takes amount * weight / den away and `posted` whole units with it: what a reversal of a nested
 *  policy does. False as above. */
bool residue_take(struct residue *r, i128 amount, u128 weight, u128 den,
                  i128 posted) METE_MUST_CHECK;

void residue_pack(struct buf *out, const struct residue *r);
bool residue_unpack(struct bytes in, struct residue *r) METE_MUST_CHECK;

#endif
