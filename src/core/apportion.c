/* SPDX-License-Identifier: Apache-2.0
 * Largest remainders. Floors first; what the floors leave is a whole number of units, fewer than
 * there are shares with a remainder, and goes out one unit each. Which shares get one does not
 * depend on how they are found: the rule (remainder, then place in the list) is a total order. */
#include "core/apportion.h"

#include "base/i128.h"
#include "base/limits.h"

#include <string.h>

#define APPORTION_LIMIT ((u128)1 << AMOUNT_BITS_MAX)
#define FEW             24 /* up to so many shares: remainders on the stack, selected by insertion */
#define DIGIT_BITS      8
#define DIGITS          (1u << DIGIT_BITS)

/* The remainders of one division, in listed order, an implicit rest last. */
struct remainders {
    u128 *of;
    size_t count;
    u128 den; /* each is below it */
};

/* --- which remainder is the last to get a unit
 * ---------------------------------------------------*/

/* The `rank`-th largest (from 1) of a few, by keeping the largest seen so far in order. */
static u128 ranked_of_few(const u128 *of, size_t count, size_t rank)
{
    u128 top[FEW + 1];
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = kept;
        while (at > 0 && top[at - 1] < of[i]) {
            at--;
        }
        if (at >= rank) {
            continue;
        }
        size_t last = kept < rank ? kept++ : rank - 1;
        memmove(&top[at + 1], &top[at], (last - at) * sizeof *top);
        top[at] = of[i];
    }
    return top[rank - 1];
}

static unsigned bits_of(u128 v)
{
    uint64_t high = (uint64_t)(v >> 64);
    uint64_t low = (uint64_t)v;
    return high != 0  ? 128 - (unsigned)__builtin_clzll(high)
           : low != 0 ? 64 - (unsigned)__builtin_clzll(low)
                      : 0;
}

/* Keeps the candidates that share the digit, at `shift`, of the one ranked `*rank`; `*rank` becomes
 * its rank among them. Returns how many are kept. */
static size_t digit_narrow(u128 *candidate, size_t count, unsigned shift, size_t *rank)
{
    size_t with[DIGITS] = {0};
    for (size_t i = 0; i < count; i++) {
        with[(candidate[i] >> shift) & (DIGITS - 1)]++;
    }
    unsigned digit = DIGITS - 1;
    while (with[digit] < *rank) {
        *rank -= with[digit];
        digit--;
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (((candidate[i] >> shift) & (DIGITS - 1)) == digit) {
            candidate[kept++] = candidate[i];
        }
    }
    return kept;
}

/* The `rank`-th largest, digit by digit from the top: at most 15 passes over ever fewer, whatever
 * the weights are (a quickselect has inputs that make it quadratic, and weights come from outside).
 */
static u128 ranked(struct arena *scratch, const struct remainders *r, size_t rank)
{
    if (r->count <= FEW + 1) {
        return ranked_of_few(r->of, r->count, rank);
    }
    u128 *candidate = arena_array(scratch, r->count, sizeof *candidate);
    memcpy(candidate, r->of, r->count * sizeof *candidate);
    size_t count = r->count;
    unsigned shift = bits_of(r->den);
    while (shift > 0 && count > 1) {
        shift = shift > DIGIT_BITS ? shift - DIGIT_BITS : 0;
        count = digit_narrow(candidate, count, shift, &rank);
    }
    return candidate[0];
}

/* --- floors
 * -------------------------------------------------------------------------------------*/

/* The same when amount * den fits 64 bits. One division for all: with inverse = floor((2^64 - 1) /
 * den), the high half of product * inverse is at most 2 below product / den, and never above. */
static i128 floors_64(uint64_t amount, const u128 *weight, size_t count, struct remainders *r,
                      i128 *part)
{
    uint64_t den = (uint64_t)r->den;
    uint64_t inverse = UINT64_MAX / den;
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t product = amount * (uint64_t)weight[i];
        uint64_t floor = (uint64_t)((u128)product * inverse >> 64);
        uint64_t left = product - floor * den;
        while (left >= den) {
            left -= den;
            floor++;
        }
        r->of[i] = left;
        part[i] = (i128)floor;
        sum += floor;
    }
    return (i128)sum;
}

/* Floors into `part`, remainders into r->of; returns the sum of the floors. */
static i128 floors(i128 amount, const u128 *weight, size_t count, struct remainders *r, i128 *part)
{
    u128 most = 0;
    if (!__builtin_mul_overflow((u128)amount, r->den, &most) && most <= UINT64_MAX) {
        return floors_64((uint64_t)amount, weight, count, r, part);
    }
    u128 sum = 0;
    for (size_t i = 0; i < count; i++) {
        u128 floor = u128_mul_div((u128)amount, weight[i], r->den, &r->of[i]);
        part[i] = (i128)floor;
        sum += floor;
    }
    return (i128)sum;
}

static u128 weights_left(const u128 *weight, size_t count, u128 den)
{
    u128 left = den;
    for (size_t i = 0; i < count; i++) {
        METE_ASSERT(weight[i] <= left);
        left -= weight[i];
    }
    return left;
}

/* Gives `units` out: to every remainder above the one ranked last, then, in listed order, to those
 * equal to it. Returns 1 when the implicit rest, after `count` listed ones, gets one. */
static i128 units_give(struct arena *scratch, const struct remainders *r, size_t count,
                       size_t units, i128 *part, uint8_t *extra)
{
    u128 last = ranked(scratch, r, units);
    size_t above = 0;
    for (size_t i = 0; i < r->count; i++) {
        above += r->of[i] > last;
    }
    size_t equal = units - above;
    i128 rest = 0;
    for (size_t i = 0; i < r->count; i++) {
        bool gets = r->of[i] > last;
        if (r->of[i] == last && equal > 0) {
            equal--;
            gets = true;
        }
        if (i == count) {
            rest = gets;
            break;
        }
        part[i] += gets;
        if (extra != NULL) {
            extra[i] = gets;
        }
    }
    return rest;
}

void apportion_largest(struct arena *scratch, i128 amount, const u128 *weight, size_t count,
                       u128 den, i128 *part, uint8_t *extra, i128 *rest)
{
    METE_ASSERT(amount >= 0 && (u128)amount < APPORTION_LIMIT && den > 0 && den < APPORTION_LIMIT);
    u128 few[FEW + 1];
    struct remainders r = {few, count, den};
    if (count > FEW) {
        r.of = arena_array(scratch, count + 1, sizeof *r.of);
    }
    u128 left = weights_left(weight, count, den);
    i128 given = floors(amount, weight, count, &r, part);
    *rest = 0;
    if (left > 0) {
        *rest = (i128)u128_mul_div((u128)amount, left, den, &r.of[r.count++]);
        given += *rest;
    }
    if (extra != NULL && count > 0) {
        memset(extra, 0, count);
    }
    /* The remainders sum to units * den and each is below den: fewer units than remainders. */
    i128 units = amount - given;
    METE_ASSERT(units >= 0 && (units == 0 || (u128)units < r.count));
    if (units > 0) {
        *rest += units_give(scratch, &r, count, (size_t)units, part, extra);
    }
}

i128 apportion_floor(i128 amount, u128 weight, u128 den)
{
    METE_ASSERT(amount >= 0 && (u128)amount < APPORTION_LIMIT);
    METE_ASSERT(weight <= den && den < APPORTION_LIMIT);
    u128 remainder;
    return (i128)u128_mul_div((u128)amount, weight, den, &remainder);
}

/* No part exceeds what is left of its line: with S the sum of `left`, amount <= S, so the exact
 * share amount * left[i] / S is at most left[i]. The part is that share's floor, or its ceiling
 * when there is a remainder, and the ceiling of something at most left[i] is at most left[i],
 * because left[i] is whole. For amount == S every share is exactly left[i]: nothing is left. */
void apportion_reversal(struct arena *scratch, i128 amount, const i128 *left, size_t count,
                        i128 *part)
{
    u128 sum = 0;
    for (size_t i = 0; i < count; i++) {
        METE_ASSERT(left[i] >= 0 && (u128)left[i] < APPORTION_LIMIT - sum);
        sum += (u128)left[i];
    }
    METE_ASSERT(amount >= 0 && (u128)amount <= sum);
    if (sum == 0) {
        if (count > 0) {
            memset(part, 0, count * sizeof *part);
        }
        return;
    }
    /* signed and unsigned forms of one type may alias; none is negative */
    i128 rest;
    apportion_largest(scratch, amount, (const u128 *)left, count, sum, part, NULL, &rest);
    METE_ASSERT(rest == 0);
}
