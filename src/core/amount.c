/* SPDX-License-Identifier: Apache-2.0
 * Decimal texts to minor units and back. Digits are only moved, never rounded: a text with more
 * decimals than its asset has is refused. */
#include "core/amount.h"

#include "base/limits.h"

#include <string.h>

#define DIGITS_64   19 /* any so many digits fit 64 bits */
#define BPS         10000
#define BPS_FAST_TO ((i128)1 << 50) /* times 10000 stays below 2^64 */

/* A plain decimal, taken apart: the digits before and after the point. */
struct decimal {
    struct text whole;
    struct text part;
};

static size_t digits_count(const char *p, const char *end)
{
    const char *from = p;
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }
    return (size_t)(p - from);
}

static bool decimal_split(struct text t, struct decimal *out)
{
    if (t.len == 0) {
        return false;
    }
    const char *end = t.p + t.len;
    out->whole = (struct text){t.p, digits_count(t.p, end)};
    out->part = (struct text){end, 0};
    const char *p = t.p + out->whole.len;
    if (out->whole.len == 0 || p == end) {
        return out->whole.len > 0;
    }
    out->part = (struct text){p + 1, digits_count(p + 1, end)};
    return *p == '.' && out->part.len > 0 && out->part.p + out->part.len == end;
}

static uint64_t digits_append(uint64_t v, struct text digits)
{
    for (size_t i = 0; i < digits.len; i++) {
        v = v * 10 + (uint64_t)(digits.p[i] - '0');
    }
    return v;
}

/* One digit more; false once the value leaves the range of amounts. */
static bool digit_append(i128 *v, char c)
{
    *v = *v * 10 + (c - '0');
    return *v < AMOUNT_LIMIT;
}

static bool decimal_value(const struct decimal *d, unsigned scale, i128 *out)
{
    i128 v = 0;
    for (size_t i = 0; i < d->whole.len; i++) {
        if (!digit_append(&v, d->whole.p[i])) {
            return false;
        }
    }
    for (unsigned i = 0; i < scale; i++) {
        if (!digit_append(&v, i < d->part.len ? d->part.p[i] : '0')) {
            return false;
        }
    }
    *out = v;
    return true;
}

enum mete_code amount_parse(struct text t, unsigned scale, i128 *out)
{
    METE_ASSERT(scale <= SCALE_MAX);
    struct decimal d;
    if (!decimal_split(t, &d)) {
        return METE_AMOUNT_INVALID;
    }
    while (d.part.len > scale && d.part.p[d.part.len - 1] == '0') {
        d.part.len--;
    }
    if (d.part.len > scale) {
        return METE_AMOUNT_SCALE;
    }
    if (d.whole.len + scale <= DIGITS_64) {
        uint64_t v = digits_append(digits_append(0, d.whole), d.part);
        *out = (i128)(v * (uint64_t)u128_pow10(scale - (unsigned)d.part.len));
        return METE_OK;
    }
    return decimal_value(&d, scale, out) ? METE_OK : METE_AMOUNT_RANGE;
}

bool amount_in_range(i128 v)
{
    return v < AMOUNT_LIMIT && v > -AMOUNT_LIMIT;
}

size_t amount_format(i128 v, unsigned scale, char out[AMOUNT_TEXT_MAX])
{
    METE_ASSERT(scale <= SCALE_MAX);
    char digits[I128_TEXT_MAX];
    size_t len = i128_format(v, digits);
    size_t sign = v < 0 ? 1 : 0;
    const char *d = digits + sign;
    size_t count = len - sign;
    size_t whole = count > scale ? count - scale : 0;
    char *p = out;
    memcpy(p, digits, sign);
    p += sign;
    if (whole == 0) {
        *p++ = '0';
    }
    memcpy(p, d, whole);
    p += whole;
    if (scale > 0) {
        *p++ = '.';
        size_t zeros = scale - (count - whole);
        memset(p, '0', zeros);
        memcpy(p + zeros, d + whole, count - whole);
        p += scale;
    }
    *p = '\0';
    return (size_t)(p - out);
}

i128 amount_bps(i128 amount, uint32_t bps)
{
    METE_ASSERT(amount >= 0 && bps <= BPS);
    if (amount < BPS_FAST_TO) {
        return (i128)((uint64_t)amount * bps / BPS);
    }
    /* amount * bps could pass 128 bits. With amount = 10000 q + r it is 10000 q bps + r bps, and
     * the first term divides without a remainder. */
    i128 q = amount / BPS;
    i128 r = amount - q * BPS;
    return q * bps + r * bps / BPS;
}
