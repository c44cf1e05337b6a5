/* SPDX-License-Identifier: Apache-2.0
 * Plain fractions of 128-bit numbers for the oracle. What does not fit aborts: the generator's
 * sizes are bounded so that it never happens. */
#ifndef METE_TESTS_ORACLE_FRAC_H
#define METE_TESTS_ORACLE_FRAC_H

#include <stdio.h>
#include <stdlib.h>

#include "oracle/script.h"

static inline i128 exact_mul(i128 a, i128 b)
{
    i128 r;
    if (__builtin_mul_overflow(a, b, &r)) {
        fprintf(stderr, "oracle: a product is beyond 128 bits\n");
        abort();
    }
    return r;
}

static inline i128 exact_add(i128 a, i128 b)
{
    i128 r;
    if (__builtin_add_overflow(a, b, &r)) {
        fprintf(stderr, "oracle: a sum is beyond 128 bits\n");
        abort();
    }
    return r;
}

static inline i128 greatest_divisor(i128 a, i128 b)
{
    if (a < 0)
        a = -a;
    while (b != 0) {
        i128 r = a % b;
        a = b;
        b = r;
    }
    return a;
}

static inline struct fraction frac(i128 num, i128 den)
{
    i128 g = greatest_divisor(num, den);
    return g == 0 ? (struct fraction){0, 1} : (struct fraction){num / g, den / g};
}

static inline struct fraction frac_add(struct fraction a, struct fraction b)
{
    i128 g = greatest_divisor(a.den, b.den);
    i128 left = exact_mul(a.num, b.den / g);
    i128 right = exact_mul(b.num, a.den / g);
    return frac(exact_add(left, right), exact_mul(a.den / g, b.den));
}

static inline struct fraction frac_neg(struct fraction a)
{
    return (struct fraction){-a.num, a.den};
}

static inline struct fraction frac_mul(struct fraction a, struct fraction b)
{
    struct fraction x = frac(a.num, b.den);
    struct fraction y = frac(b.num, a.den);
    return frac(exact_mul(x.num, y.num), exact_mul(x.den, y.den));
}

static inline struct fraction frac_div(struct fraction a, struct fraction b)
{
    return frac_mul(a, (struct fraction){b.den, b.num});
}

static inline i128 frac_floor(struct fraction a)
{
    i128 q = a.num / a.den;
    return a.num % a.den < 0 ? q - 1 : q;
}

/* a - floor(a) */
static inline struct fraction frac_rest(struct fraction a)
{
    return (struct fraction){a.num - frac_floor(a) * a.den, a.den};
}

static inline int frac_cmp(struct fraction a, struct fraction b)
{
    struct fraction d = frac_add(a, frac_neg(b));
    return d.num > 0 ? 1 : d.num < 0 ? -1 : 0;
}

#endif
