/* SPDX-License-Identifier: Apache-2.0
 * Amounts: signed 128-bit integers in an asset's smallest unit, |amount| < 2^120. Text in, text
 * out; never rounded, never a float. */
#ifndef METE_CORE_AMOUNT_H
#define METE_CORE_AMOUNT_H

#include "base/arena.h"
#include "base/i128.h"
#include "base/types.h"
#include "mete/error.h"

#define AMOUNT_LIMIT    ((i128)1 << 120)
#define AMOUNT_TEXT_MAX 80

/** As it stood in the payload: a plain decimal and a currency code. */
struct money {
    struct text amount;
    struct text currency;
    bool is_minor;      /* `amount` counts the smallest units */
    struct text member; /* of the payload that says it, for errors; empty: as the decision knows */
};

/** A decimal text ("1500", "0.01") to minor units of `scale`. No sign, no exponent; at most `scale`
 *  decimals unless those beyond are zeros.
 *  Errors: METE_AMOUNT_INVALID, METE_AMOUNT_SCALE, METE_AMOUNT_RANGE. *out is untouched then. */
enum mete_code amount_parse(struct text t, unsigned scale, i128 *out) METE_MUST_CHECK;

/** True when |v| < 2^120. */
bool amount_in_range(i128 v);

/** The decimal form with exactly `scale` decimals, "-12.50"; NUL-terminated; returns the length. */
size_t amount_format(i128 v, unsigned scale, char out[AMOUNT_TEXT_MAX]);

/** floor(amount * bps / 10000) of an amount >= 0 and bps in 0..10000. */
i128 amount_bps(i128 amount, uint32_t bps);

#endif
