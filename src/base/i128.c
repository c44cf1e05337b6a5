/* SPDX-License-Identifier: Apache-2.0
 * Exact arithmetic for money: 128-bit values, 256-bit intermediate products. Every quotient comes
 * with its remainder, so nothing is rounded here. */
#include "base/i128.h"

#include <string.h>

#define TEN_19     UINT64_C(10000000000000000000) /* the largest power of ten in 64 bits */
#define DIGITS_64  19
#define DIGITS_128 39
#define LCM_MAX    ((u128)1 << 120)

static uint64_t high64(u128 v)
{
    return (uint64_t)(v >> 64);
}

static uint64_t low64(u128 v)
{
    return (uint64_t)v;
}

/* Writes `v` so that it ends before `end`, with zeros up to `width` digits; returns the start. */
static char *digits_before(char *end, uint64_t v, unsigned width)
{
    char *p = end;
    while (v >= 100) {
        unsigned pair = (unsigned)(v % 100);
        v /= 100;
        *--p = (char)('0' + pair % 10);
        *--p = (char)('0' + pair / 10);
    }
    if (v >= 10) {
        *--p = (char)('0' + v % 10);
        v /= 10;
    }
    *--p = (char)('0' + v);
    while ((size_t)(end - p) < width) {
        *--p = '0';
    }
    return p;
}

size_t u128_format(u128 v, char out[I128_TEXT_MAX])
{
    char digits[DIGITS_128];
    char *end = digits + sizeof(digits);
    char *p = end;
    while (v > UINT64_MAX) {
        u128 rest = v / TEN_19;
        p = digits_before(p, low64(v - rest * TEN_19), DIGITS_64);
        v = rest;
    }
    /* The low part of a number such as 10^19 has leading zeros; a high part of 0 has no digits. */
    if (v > 0 || p == end) {
        p = digits_before(p, low64(v), 1);
    }
    size_t len = (size_t)(end - p);
    memcpy(out, p, len);
    out[len] = '\0';
    return len;
}

size_t i128_format(i128 v, char out[I128_TEXT_MAX])
{
    if (v >= 0) {
        return u128_format((u128)v, out);
    }
    /* Negated as unsigned, because -I128_MIN does not exist. */
    out[0] = '-';
    char magnitude[I128_TEXT_MAX];
    size_t len = u128_format(-(u128)v, magnitude);
    memcpy(out + 1, magnitude, len + 1);
    return len + 1;
}

/* One decimal digit more; false when it is no digit or the value would pass 2^128 - 1. */
static bool digit_append(u128 *v, char c)
{
    if (c < '0' || c > '9') {
        return false;
    }
    u128 next = 0;
    if (__builtin_mul_overflow(*v, (u128)10, &next) ||
        __builtin_add_overflow(next, (u128)(c - '0'), &next)) {
        return false;
    }
    *v = next;
    return true;
}

bool u128_parse(struct text t, u128 *out)
{
    if (t.len == 0) {
        return false;
    }
    uint64_t head = 0;
    size_t i = 0;
    for (; i < t.len && i < DIGITS_64; i++) {
        if (t.p[i] < '0' || t.p[i] > '9') {
            return false;
        }
        head = head * 10 + (uint64_t)(t.p[i] - '0');
    }
    u128 v = head;
    for (; i < t.len; i++) {
        if (!digit_append(&v, t.p[i])) {
            return false;
        }
    }
    *out = v;
    return true;
}

bool i128_add(i128 a, i128 b, i128 *out)
{
    i128 sum;
    if (__builtin_add_overflow(a, b, &sum)) {
        return false;
    }
    *out = sum;
    return true;
}

bool i128_sub(i128 a, i128 b, i128 *out)
{
    i128 difference;
    if (__builtin_sub_overflow(a, b, &difference)) {
        return false;
    }
    *out = difference;
    return true;
}

struct u256 u256_mul(u128 a, u128 b)
{
    u128 low = (u128)low64(a) * low64(b);
    u128 cross_a = (u128)high64(a) * low64(b);
    u128 cross_b = (u128)low64(a) * high64(b);
    u128 high = (u128)high64(a) * high64(b);
    /* Three terms below 2^64 each: the sum of the second column cannot overflow. */
    u128 column = (u128)high64(low) + low64(cross_a) + low64(cross_b);
    return (struct u256){
        .hi = high + high64(cross_a) + high64(cross_b) + high64(column),
        .lo = column << 64 | low64(low),
    };
}

bool u256_add(struct u256 a, struct u256 b, struct u256 *out)
{
    struct u256 sum;
    bool carry = __builtin_add_overflow(a.lo, b.lo, &sum.lo);
    if (__builtin_add_overflow(a.hi, b.hi, &sum.hi) ||
        __builtin_add_overflow(sum.hi, (u128)carry, &sum.hi)) {
        return false;
    }
    *out = sum;
    return true;
}

int u256_cmp(struct u256 a, struct u256 b)
{
    if (a.hi != b.hi) {
        return a.hi < b.hi ? -1 : 1;
    }
    return (a.lo > b.lo) - (a.lo < b.lo);
}

/* The 64-bit quotient of (*rest * 2^64 + limb) / d, with *rest < d before and after. `d` has its
 * top bit set. This is one step of schoolbook division in base 2^64 (Knuth, TAOCP 2, 4.3.1 D). */
static uint64_t div_step(u128 *rest, uint64_t limb, u128 d)
{
    uint64_t d_high = high64(d);
    u128 guess = *rest / d_high; /* may pass 64 bits by 1; its product with a limb fits still */
    u128 left = *rest - guess * d_high;
    /* The guess is at most 2 too large. With two limbs in `d` this test sees all of it, so what it
     * lets pass is exact; a `left` past 64 bits always passes. */
    while (high64(left) == 0 && guess * low64(d) > (left << 64 | limb)) {
        guess--;
        left += d_high;
    }
    /* Modulo 2^128, where the true difference lies below d. */
    *rest = (left << 64 | limb) - guess * low64(d);
    return low64(guess);
}

/* n / d for n.hi < d < 2^64: plain long division with 64-bit limbs. */
static u128 div_by_limb(struct u256 n, uint64_t d, u128 *remainder)
{
    u128 part = n.hi << 64 | high64(n.lo);
    u128 high = part / d;
    part = (part - high * d) << 64 | low64(n.lo);
    u128 low = part / d;
    *remainder = part - low * d;
    return high << 64 | low;
}

u128 u256_div(struct u256 n, u128 d, u128 *remainder)
{
    METE_ASSERT(d > 0);
    METE_ASSERT(n.hi < d); /* else the quotient has more than 128 bits */
    if (n.hi == 0) {
        u128 quotient = n.lo / d;
        *remainder = n.lo - quotient * d;
        return quotient;
    }
    if (high64(d) == 0) {
        return div_by_limb(n, low64(d), remainder);
    }
    unsigned shift = (unsigned)__builtin_clzll(high64(d));
    if (shift > 0) {
        /* n.hi < d, so no bit leaves at the top. */
        n.hi = n.hi << shift | n.lo >> (128 - shift);
        n.lo <<= shift;
        d <<= shift;
    }
    u128 rest = n.hi;
    u128 high = div_step(&rest, high64(n.lo), d);
    u128 low = div_step(&rest, low64(n.lo), d);
    *remainder = rest >> shift;
    return high << 64 | low;
}

u128 u128_mul_div(u128 a, u128 b, u128 d, u128 *remainder)
{
    METE_ASSERT(d > 0);
    if (high64(a | b) != 0) {
        return u256_div(u256_mul(a, b), d, remainder);
    }
    u128 product = (u128)low64(a) * low64(b);
    if (high64(product | d) == 0) {
        *remainder = low64(product) % low64(d);
        return low64(product) / low64(d);
    }
    u128 quotient = product / d;
    *remainder = product - quotient * d;
    return quotient;
}

static uint64_t gcd64(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

u128 u128_gcd(u128 a, u128 b)
{
    while (high64(a | b) != 0 && b != 0) {
        u128 rest = a % b;
        a = b;
        b = rest;
    }
    return b == 0 ? a : gcd64(low64(a), low64(b));
}

bool u128_lcm(u128 a, u128 b, u128 *out)
{
    u128 multiple = 0;
    if (a != 0 && b != 0 && __builtin_mul_overflow(a / u128_gcd(a, b), b, &multiple)) {
        return false;
    }
    if (multiple > LCM_MAX) {
        return false;
    }
    *out = multiple;
    return true;
}

u128 u128_pow10(unsigned exponent)
{
    static const uint64_t POWERS[] = {
        UINT64_C(1),
        UINT64_C(10),
        UINT64_C(100),
        UINT64_C(1000),
        UINT64_C(10000),
        UINT64_C(100000),
        UINT64_C(1000000),
        UINT64_C(10000000),
        UINT64_C(100000000),
        UINT64_C(1000000000),
        UINT64_C(10000000000),
        UINT64_C(100000000000),
        UINT64_C(1000000000000),
        UINT64_C(10000000000000),
        UINT64_C(100000000000000),
        UINT64_C(1000000000000000),
        UINT64_C(10000000000000000),
        UINT64_C(100000000000000000),
        UINT64_C(1000000000000000000),
        TEN_19,
    };
    METE_ASSERT(exponent <= 38);
    return exponent <= DIGITS_64 ? POWERS[exponent] : (u128)TEN_19 * POWERS[exponent - DIGITS_64];
}
