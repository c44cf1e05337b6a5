/* SPDX-License-Identifier: Apache-2.0
 * Exact fractions as they are written in policies: "0.375", "1/3". */
#ifndef METE_CORE_RATIO_H
#define METE_CORE_RATIO_H

#include "base/types.h"

struct ratio {
    u128 num;
    u128 den; /* > 0, and below 2^120 */
};

/** "0.25", "1", ".5" is refused, "1/3"; result reduced. False when it is no such text or den or
 *  num reach 2^120. Values above 1 are read: who uses them decides. */
bool ratio_parse(struct text t, struct ratio *out) METE_MUST_CHECK;

#define RATIO_TEXT_MAX 96
/** "1.4" where that is exact, else "4/3"; what ratio_parse reads as the same. */
void ratio_format(struct ratio r, char out[RATIO_TEXT_MAX]);

#endif
