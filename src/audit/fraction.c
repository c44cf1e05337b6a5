/* SPDX-License-Identifier: Apache-2.0
 * Fractions over struct big. Invariant: lowest terms, denominator above zero, zero is 0/1. */
#include "audit/fraction.h"

#include <stdio.h>
#include <string.h>

#include "base/i128.h"
#include "base/limits.h"

#define DIGITS_MAX 130 /* decimal digits of a number read from text: below 2^432 */

struct frac frac_int(i128 v)
{
    struct frac f;
    f.negative = v < 0;
    big_set(&f.num, v < 0 ? (u128)0 - (u128)v : (u128)v);
    big_set(&f.den, 1);
    return f;
}

bool frac_of(struct frac *out, const struct big *num, const struct big *den)
{
    if (big_is_zero(den)) {
        return false;
    }
    struct big n = *num, d = *den, common;
    big_gcd(&common, &n, &d);
    if (big_bits(&common) > 1) {
        big_divide(&n, NULL, &n, &common);
        big_divide(&d, NULL, &d, &common);
    }
    if (big_bits(&n) > FRAC_BITS_MAX || big_bits(&d) > FRAC_BITS_MAX) {
        return false;
    }
    out->negative = false;
    out->num = n;
    out->den = d;
    return true;
}

bool frac_of_u128(struct frac *out, u128 num, u128 den)
{
    struct big n, d;
    big_set(&n, num);
    big_set(&d, den);
    return frac_of(out, &n, &d);
}

static bool signed_of(struct frac *out, bool negative, const struct big *num, const struct big *den)
{
    if (!frac_of(out, num, den)) {
        return false;
    }
    out->negative = negative && !big_is_zero(&out->num);
    return true;
}

/* a + b, or a - b when `flip`. */
static bool sum(struct frac *out, const struct frac *a, const struct frac *b, bool flip)
{
    struct big left, right, den, num;
    big_mul(&left, &a->num, &b->den);
    big_mul(&right, &b->num, &a->den);
    big_mul(&den, &a->den, &b->den);
    bool b_negative = flip ? !b->negative : b->negative;
    if (a->negative == b_negative) {
        big_add(&num, &left, &right);
        return signed_of(out, a->negative, &num, &den);
    }
    if (big_cmp(&left, &right) >= 0) {
        big_sub(&num, &left, &right);
        return signed_of(out, a->negative, &num, &den);
    }
    big_sub(&num, &right, &left);
    return signed_of(out, b_negative, &num, &den);
}

bool frac_add(struct frac *out, const struct frac *a, const struct frac *b)
{
    return sum(out, a, b, false);
}

bool frac_sub(struct frac *out, const struct frac *a, const struct frac *b)
{
    return sum(out, a, b, true);
}

bool frac_mul(struct frac *out, const struct frac *a, const struct frac *b)
{
    struct big num, den;
    big_mul(&num, &a->num, &b->num);
    big_mul(&den, &a->den, &b->den);
    return signed_of(out, a->negative != b->negative, &num, &den);
}

bool frac_div(struct frac *out, const struct frac *a, const struct frac *b)
{
    struct big num, den;
    big_mul(&num, &a->num, &b->den);
    big_mul(&den, &a->den, &b->num);
    return signed_of(out, a->negative != b->negative, &num, &den);
}

int frac_cmp(const struct frac *a, const struct frac *b)
{
    if (a->negative != b->negative) {
        return a->negative ? -1 : 1;
    }
    struct big left, right;
    big_mul(&left, &a->num, &b->den);
    big_mul(&right, &b->num, &a->den);
    int order = big_cmp(&left, &right);
    return a->negative ? -order : order;
}

bool frac_is_zero(const struct frac *a)
{
    return big_is_zero(&a->num);
}

bool frac_floor(const struct frac *a, i128 *out)
{
    struct big whole, rest;
    big_divide(&whole, &rest, &a->num, &a->den);
    u128 v;
    if (big_bits(&whole) > AMOUNT_BITS_MAX || !big_get(&whole, &v)) {
        return false;
    }
    *out = a->negative ? -(i128)v - (big_is_zero(&rest) ? 0 : 1) : (i128)v;
    return true;
}

/* Digits from *at on, appended to `value`; counts them, and those past `point` in *decimals. */
static bool digits(struct text t, size_t *at, struct big *value, unsigned *count)
{
    struct big ten, digit;
    big_set(&ten, 10);
    size_t from = *at;
    for (; *at < t.len && t.p[*at] >= '0' && t.p[*at] <= '9'; (*at)++) {
        if (++*count > DIGITS_MAX) {
            return false;
        }
        big_set(&digit, (u128)(t.p[*at] - '0'));
        big_mul(value, value, &ten);
        big_add(value, value, &digit);
    }
    return *at > from;
}

static bool exponent(struct text t, size_t *at, int *value)
{
    *value = 0;
    if (*at >= t.len || (t.p[*at] != 'e' && t.p[*at] != 'E')) {
        return true;
    }
    (*at)++;
    bool negative = *at < t.len && t.p[*at] == '-';
    if (*at < t.len && (t.p[*at] == '-' || t.p[*at] == '+')) {
        (*at)++;
    }
    size_t from = *at;
    for (; *at < t.len && t.p[*at] >= '0' && t.p[*at] <= '9'; (*at)++) {
        if (*value > DIGITS_MAX) {
            return false;
        }
        *value = *value * 10 + (t.p[*at] - '0');
    }
    if (negative) {
        *value = -*value;
    }
    return *at > from;
}

static bool scale(struct frac *out, const struct big *value, int power)
{
    if (power > DIGITS_MAX || power < -DIGITS_MAX) {
        return false;
    }
    struct big ten, one;
    big_set(&one, 1);
    big_pow10(&ten, (unsigned)(power < 0 ? -power : power));
    if (power < 0) {
        return frac_of(out, value, &ten);
    }
    struct big num;
    big_mul(&num, value, &ten);
    return frac_of(out, &num, &one);
}

static bool parse_ratio(struct frac *out, struct text t, size_t at, const struct big *num)
{
    struct big den;
    unsigned count = 0;
    big_set(&den, 0);
    at++; /* the slash */
    return digits(t, &at, &den, &count) && at == t.len && frac_of(out, num, &den);
}

bool frac_parse(struct frac *out, struct text t)
{
    struct big value;
    big_set(&value, 0);
    size_t at = t.len > 0 && t.p[0] == '-' ? 1 : 0;
    bool negative = at == 1;
    unsigned count = 0, whole;
    int power = 0;
    if (!digits(t, &at, &value, &count)) {
        return false;
    }
    if (at < t.len && t.p[at] == '/') {
        return !negative && parse_ratio(out, t, at, &value);
    }
    whole = count;
    if (at < t.len && t.p[at] == '.') {
        at++;
        if (!digits(t, &at, &value, &count)) {
            return false;
        }
    }
    if (!exponent(t, &at, &power) || at != t.len) {
        return false;
    }
    if (!scale(out, &value, power - (int)(count - whole))) {
        return false;
    }
    out->negative = negative && !big_is_zero(&out->num);
    return true;
}

/* At most 128 bits are printed in digits; anything longer as its number of bits. */
static void format_big(const struct big *a, char out[I128_TEXT_MAX])
{
    u128 v;
    if (big_get(a, &v)) {
        (void)u128_format(v, out);
    } else {
        (void)snprintf(out, I128_TEXT_MAX, "(%u bits)", big_bits(a));
    }
}

void frac_format(const struct frac *a, char out[FRAC_TEXT_MAX])
{
    char num[I128_TEXT_MAX], den[I128_TEXT_MAX];
    format_big(&a->num, num);
    format_big(&a->den, den);
    if (big_bits(&a->den) == 1) {
        (void)snprintf(out, FRAC_TEXT_MAX, "%s%s", a->negative ? "-" : "", num);
    } else {
        (void)snprintf(out, FRAC_TEXT_MAX, "%s%s/%s", a->negative ? "-" : "", num, den);
    }
}
