/* SPDX-License-Identifier: Apache-2.0
 * Integers of 128 and 256 bits: exact products, quotients and decimal text. */
#ifndef METE_BASE_I128_H
#define METE_BASE_I128_H

#include "base/types.h"

struct u256 {
    u128 hi;
    u128 lo;
};

#define I128_TEXT_MAX 41 /* sign, 39 digits, NUL */
#define I128_MAX      ((i128)(~(u128)0 >> 1))
#define I128_MIN      (-I128_MAX - 1)

/** Writes the decimal form with NUL; returns its length. */
size_t i128_format(i128 v, char out[I128_TEXT_MAX]);
size_t u128_format(u128 v, char out[I128_TEXT_MAX]);

/** Reads digits only (no sign, no space, at least one digit); false on anything else or overflow.
 */
bool u128_parse(struct text t, u128 *out) METE_MUST_CHECK;

bool i128_add(i128 a, i128 b, i128 *out) METE_MUST_CHECK; /* false on overflow, out untouched */
bool i128_sub(i128 a, i128 b, i128 *out) METE_MUST_CHECK;

struct u256 u256_mul(u128 a, u128 b);
bool u256_add(struct u256 a, struct u256 b, struct u256 *out) METE_MUST_CHECK;
int u256_cmp(struct u256 a, struct u256 b);

/** floor(n / d) and the remainder. Needs d > 0; asserts that the quotient fits 128 bits. */
u128 u256_div(struct u256 n, u128 d, u128 *remainder);

/** floor(a * b / d), remainder in *remainder; needs d > 0 and a result below 2^128. */
u128 u128_mul_div(u128 a, u128 b, u128 d, u128 *remainder);

u128 u128_gcd(u128 a, u128 b);
/** Least common multiple; false when it exceeds 2^120. */
bool u128_lcm(u128 a, u128 b, u128 *out) METE_MUST_CHECK;
/** 10^exponent for 0 <= exponent <= 38. */
u128 u128_pow10(unsigned exponent);

#endif
