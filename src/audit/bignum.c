/* SPDX-License-Identifier: Apache-2.0
 * School arithmetic on 64-bit limbs. Every function leaves its result trimmed: the highest limb in
 * use is not zero. */
#include "audit/bignum.h"

#include <string.h>

static void trim(struct big *a)
{
    while (a->n > 0 && a->d[a->n - 1] == 0) {
        a->n--;
    }
}

void big_set(struct big *out, u128 v)
{
    out->d[0] = (uint64_t)v;
    out->d[1] = (uint64_t)(v >> 64);
    out->n = 2;
    trim(out);
}

bool big_get(const struct big *a, u128 *out)
{
    if (a->n > 2) {
        return false;
    }
    u128 v = a->n > 1 ? (u128)a->d[1] << 64 : 0;
    *out = a->n > 0 ? v | a->d[0] : v;
    return true;
}

bool big_is_zero(const struct big *a)
{
    return a->n == 0;
}

unsigned big_bits(const struct big *a)
{
    if (a->n == 0) {
        return 0;
    }
    return 64 * a->n - (unsigned)__builtin_clzll(a->d[a->n - 1]);
}

int big_cmp(const struct big *a, const struct big *b)
{
    if (a->n != b->n) {
        return a->n < b->n ? -1 : 1;
    }
    for (uint32_t i = a->n; i-- > 0;) {
        if (a->d[i] != b->d[i]) {
            return a->d[i] < b->d[i] ? -1 : 1;
        }
    }
    return 0;
}

void big_add(struct big *out, const struct big *a, const struct big *b)
{
    uint32_t n = a->n > b->n ? a->n : b->n;
    u128 carry = 0;
    for (uint32_t i = 0; i < n; i++) {
        carry += i < a->n ? a->d[i] : 0;
        carry += i < b->n ? b->d[i] : 0;
        out->d[i] = (uint64_t)carry;
        carry >>= 64;
    }
    if (carry != 0) {
        METE_ASSERT(n < BIG_LIMBS);
        out->d[n++] = (uint64_t)carry;
    }
    out->n = n;
}

void big_sub(struct big *out, const struct big *a, const struct big *b)
{
    METE_ASSERT(big_cmp(a, b) >= 0);
    uint64_t borrow = 0;
    uint32_t n = a->n;
    for (uint32_t i = 0; i < n; i++) {
        u128 take = (u128)(i < b->n ? b->d[i] : 0) + borrow;
        u128 have = a->d[i];
        borrow = have < take;
        out->d[i] = (uint64_t)(have - take);
    }
    METE_ASSERT(borrow == 0);
    out->n = n;
    trim(out);
}

void big_mul(struct big *out, const struct big *a, const struct big *b)
{
    uint64_t product[2 * BIG_LIMBS];
    uint32_t n = a->n + b->n;
    memset(product, 0, n * sizeof product[0]);
    for (uint32_t i = 0; i < a->n; i++) {
        u128 carry = 0;
        for (uint32_t j = 0; j < b->n; j++) {
            carry += (u128)a->d[i] * b->d[j] + product[i + j];
            product[i + j] = (uint64_t)carry;
            carry >>= 64;
        }
        product[i + b->n] = (uint64_t)carry;
    }
    while (n > 0 && product[n - 1] == 0) {
        n--;
    }
    METE_ASSERT(n <= BIG_LIMBS);
    memcpy(out->d, product, n * sizeof product[0]);
    out->n = n;
}

/* Doubles and adds a bit: the step of a long division in base two. */
static void double_and_add(struct big *a, unsigned bit)
{
    uint64_t carry = bit;
    for (uint32_t i = 0; i < a->n; i++) {
        uint64_t high = a->d[i] >> 63;
        a->d[i] = a->d[i] << 1 | carry;
        carry = high;
    }
    if (carry != 0) {
        METE_ASSERT(a->n < BIG_LIMBS);
        a->d[a->n++] = carry;
    }
}

static void divide_by_limb(struct big *q, struct big *r, const struct big *a, uint64_t b)
{
    u128 rest = 0;
    q->n = a->n;
    for (uint32_t i = a->n; i-- > 0;) {
        rest = rest << 64 | a->d[i];
        q->d[i] = (uint64_t)(rest / b);
        rest %= b;
    }
    trim(q);
    big_set(r, rest);
}

static void divide_bitwise(struct big *q, struct big *r, const struct big *a, const struct big *b)
{
    q->n = a->n;
    memset(q->d, 0, a->n * sizeof q->d[0]);
    r->n = 0;
    for (unsigned i = big_bits(a); i-- > 0;) {
        double_and_add(r, a->d[i / 64] >> (i % 64) & 1);
        if (big_cmp(r, b) >= 0) {
            big_sub(r, r, b);
            q->d[i / 64] |= UINT64_C(1) << (i % 64);
        }
    }
    trim(q);
}

void big_divide(struct big *q, struct big *r, const struct big *a, const struct big *b)
{
    METE_ASSERT(b->n > 0);
    struct big quotient, rest;
    if (b->n == 1) {
        divide_by_limb(&quotient, &rest, a, b->d[0]);
    } else {
        divide_bitwise(&quotient, &rest, a, b);
    }
    if (q != NULL) {
        *q = quotient;
    }
    if (r != NULL) {
        *r = rest;
    }
}

static unsigned trailing_zeros(const struct big *a)
{
    uint32_t i = 0;
    while (a->d[i] == 0) {
        i++;
    }
    return 64 * i + (unsigned)__builtin_ctzll(a->d[i]);
}

static void shift_right(struct big *a, unsigned bits)
{
    uint32_t limbs = bits / 64;
    unsigned low = bits % 64;
    METE_ASSERT(limbs <= a->n);
    for (uint32_t i = limbs; i < a->n; i++) {
        uint64_t v = a->d[i] >> low;
        if (low != 0 && i + 1 < a->n) {
            v |= a->d[i + 1] << (64 - low);
        }
        a->d[i - limbs] = v;
    }
    a->n -= limbs;
    trim(a);
}

/* Both odd. Subtracting the smaller and dropping twos keeps the divisor and ends at it. */
static void gcd_odd(struct big *x, struct big *y)
{
    for (int order; (order = big_cmp(x, y)) != 0;) {
        struct big *larger = order > 0 ? x : y;
        big_sub(larger, larger, order > 0 ? y : x);
        shift_right(larger, trailing_zeros(larger));
    }
}

void big_gcd(struct big *out, const struct big *a, const struct big *b)
{
    if (a->n == 0 || b->n == 0) {
        *out = a->n == 0 ? *b : *a;
        return;
    }
    struct big x = *a, y = *b;
    unsigned x_twos = trailing_zeros(&x), y_twos = trailing_zeros(&y);
    shift_right(&x, x_twos);
    shift_right(&y, y_twos);
    gcd_odd(&x, &y);
    for (unsigned i = x_twos < y_twos ? x_twos : y_twos; i > 0; i--) {
        double_and_add(&x, 0);
    }
    *out = x;
}

void big_pow10(struct big *out, unsigned exponent)
{
    struct big ten;
    big_set(&ten, 10);
    big_set(out, 1);
    for (unsigned i = 0; i < exponent; i++) {
        big_mul(out, out, &ten);
    }
}
