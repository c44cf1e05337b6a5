/* SPDX-License-Identifier: Apache-2.0
 * Exact fractions in lowest terms. Numerator and denominator stay within FRAC_BITS_MAX bits, so
 * that a product of two never leaves a struct big; an operation whose result would not fit says
 * so and the auditor reports the event that asked for it. */
#ifndef METE_AUDIT_FRACTION_H
#define METE_AUDIT_FRACTION_H

#include "audit/bignum.h"

#define FRAC_BITS_MAX 448

struct frac {
    bool negative; /* never for zero */
    struct big num;
    struct big den; /* > 0; no common divisor with num */
};

struct frac frac_int(i128 v);
/** num/den reduced; false when it needs more bits, or den is 0. */
bool frac_of(struct frac *out, const struct big *num, const struct big *den) METE_MUST_CHECK;
bool frac_of_u128(struct frac *out, u128 num, u128 den) METE_MUST_CHECK;

/* Results may be the same object as an operand; false (result untouched) when one would not fit. */
bool frac_add(struct frac *out, const struct frac *a, const struct frac *b) METE_MUST_CHECK;
bool frac_sub(struct frac *out, const struct frac *a, const struct frac *b) METE_MUST_CHECK;
bool frac_mul(struct frac *out, const struct frac *a, const struct frac *b) METE_MUST_CHECK;
bool frac_div(struct frac *out, const struct frac *a, const struct frac *b) METE_MUST_CHECK;

int frac_cmp(const struct frac *a, const struct frac *b);
bool frac_is_zero(const struct frac *a);
/** The largest integer that is not above; false when it is beyond 2^120. */
bool frac_floor(const struct frac *a, i128 *out) METE_MUST_CHECK;

/** A decimal as JSON or a money string writes it ("0.25", "1e-7", "-3"), or "num/den". */
bool frac_parse(struct frac *out, struct text t) METE_MUST_CHECK;

/** "num/den", or the integer; at least FRAC_TEXT_MAX bytes; long ones are cut. */
#define FRAC_TEXT_MAX 100
void frac_format(const struct frac *a, char out[FRAC_TEXT_MAX]);

#endif
