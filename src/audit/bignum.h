/* SPDX-License-Identifier: Apache-2.0
 * Unsigned integers of up to 1024 bits, by the school method: the auditor's own arithmetic, which
 * shares nothing with the one that it checks. Running over 1024 bits is a broken invariant:
 * fraction.h keeps every operand small enough that a product fits. */
#ifndef METE_AUDIT_BIGNUM_H
#define METE_AUDIT_BIGNUM_H

#include "base/types.h"

#define BIG_LIMBS 16 /* of 64 bits */

struct big {
    uint32_t n;            /* limbs in use; d[n - 1] is not 0 */
    uint64_t d[BIG_LIMBS]; /* lowest first; undefined from n on */
};

void big_set(struct big *out, u128 v);
/** False when the value needs more than 128 bits. */
bool big_get(const struct big *a, u128 *out) METE_MUST_CHECK;
bool big_is_zero(const struct big *a);
/** Position of the highest set bit plus one; 0 for zero. */
unsigned big_bits(const struct big *a);
int big_cmp(const struct big *a, const struct big *b);

/* Results may be the same object as an operand. */
void big_add(struct big *out, const struct big *a, const struct big *b);
void big_sub(struct big *out, const struct big *a, const struct big *b); /* needs a >= b */
void big_mul(struct big *out, const struct big *a, const struct big *b);
/** a = q * b + r with r < b; needs b > 0. `q` or `r` may be NULL. */
void big_divide(struct big *q, struct big *r, const struct big *a, const struct big *b);
/** Greatest common divisor; gcd(0, b) = b. */
void big_gcd(struct big *out, const struct big *a, const struct big *b);
void big_pow10(struct big *out, unsigned exponent);

#endif
