/* SPDX-License-Identifier: Apache-2.0
 * Dividing whole units by exact shares. Every function conserves: what goes in comes out. */
#ifndef METE_CORE_APPORTION_H
#define METE_CORE_APPORTION_H

#include "base/arena.h"
#include "base/types.h"

/** Largest remainder: part[i] = floor(amount * weight[i] / den) and then one unit each to the
 *  largest remainders, ties in listed order. When the weights sum below `den`, an implicit last
 *  share holds the difference and competes like the others; its part is *rest.
 *  In:  0 <= amount < 2^120; 0 < den < 2^120; sum of weights <= den; `scratch` for working memory.
 *  Out: part[i] and extra[i] (0 or 1: the unit that rounding added; may be NULL); *rest; all >= 0;
 *       sum of parts + *rest == amount. */
void apportion_largest(struct arena *scratch, i128 amount, const u128 *weight, size_t count,
                       u128 den, i128 *part, uint8_t *extra, i128 *rest);

/** floor(amount * weight / den) for 0 <= amount < 2^120, weight <= den < 2^120. */
i128 apportion_floor(i128 amount, u128 weight, u128 den);

/** Takes `amount` out of what is left of some lines, by largest remainder in line order:
 *  part[i] <= left[i], sum of parts == amount. In: left[i] >= 0, amount <= sum of left. */
void apportion_reversal(struct arena *scratch, i128 amount, const i128 *left, size_t count,
                        i128 *part);

#endif
