/* SPDX-License-Identifier: Apache-2.0
 * Reading exact fractions. What is written as a decimal is kept as a fraction: 0.1 is 1/10. */
#include "core/ratio.h"

#include "base/i128.h"
#include "base/limits.h"
#include "core/amount.h"

#define RATIO_LIMIT  ((u128)1 << AMOUNT_BITS_MAX)
#define DECIMALS_MAX 38 /* 10^38 is the largest power of ten below 2^128 */

static bool ratio_of(u128 num, u128 den, struct ratio *out)
{
    u128 common = u128_gcd(num, den);
    if (den == 0 || num / common >= RATIO_LIMIT || den / common >= RATIO_LIMIT) {
        return false;
    }
    *out = (struct ratio){num / common, den / common};
    return true;
}

static bool fraction_parse(struct text t, size_t slash, struct ratio *out)
{
    u128 num, den;
    return u128_parse((struct text){t.p, slash}, &num) &&
           u128_parse((struct text){t.p + slash + 1, t.len - slash - 1}, &den) &&
           ratio_of(num, den, out);
}

/* The digits of "12.5" are read as 125 and divided by 10^1: `head` + `tail` in one number. */
static bool decimal_parse(struct text head, struct text tail, struct ratio *out)
{
    u128 num, part;
    if (!u128_parse(head, &num)) {
        return false;
    }
    while (tail.len > 1 && tail.p[tail.len - 1] == '0') {
        tail.len--;
    }
    if (!u128_parse(tail, &part) || tail.len > DECIMALS_MAX) {
        return false;
    }
    u128 den = u128_pow10((unsigned)tail.len);
    u128 sum;
    return !__builtin_mul_overflow(num, den, &sum) && !__builtin_add_overflow(sum, part, &sum) &&
           ratio_of(sum, den, out);
}

bool ratio_parse(struct text t, struct ratio *out)
{
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] == '/') {
            return fraction_parse(t, i, out);
        }
        if (t.p[i] == '.') {
            struct text head = {t.p, i};
            struct text tail = {t.p + i + 1, t.len - i - 1};
            return decimal_parse(head, tail, out);
        }
    }
    u128 whole;
    return u128_parse(t, &whole) && ratio_of(whole, 1, out);
}

#define PLACES_MAX 30 /* of an amount */

void ratio_format(struct ratio r, char out[RATIO_TEXT_MAX])
{
    for (unsigned places = 0; places <= PLACES_MAX; places++) {
        u128 scaled;
        u128 ten = u128_pow10(places);
        if (ten % r.den == 0 && !__builtin_mul_overflow(r.num, ten / r.den, &scaled) &&
            scaled < RATIO_LIMIT) {
            amount_format((i128)scaled, places, out);
            return;
        }
    }
    size_t len = i128_format((i128)r.num, out);
    out[len] = '/';
    (void)i128_format((i128)r.den, out + len + 1);
}
