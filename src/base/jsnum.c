/* SPDX-License-Identifier: Apache-2.0
 * ECMAScript number text. Up to 15 significant digits a decimal survives the way through a double
 * unchanged, so those literals are rewritten as text alone. Longer ones go through strtod and
 * printf; neither ever meets a decimal point, so no locale can change the outcome. */
#include "base/jsnum.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EASY_DIGITS_MAX  15     /* DBL_DIG */
#define EASY_POINT_MIN   (-306) /* from 10^-307 */
#define EASY_POINT_MAX   308    /* to below 10^308: all normal doubles */
#define SHORT_DIGITS_MAX 17     /* enough to name any double */
/* The longest decimal that lies halfway between two doubles has 767 digits; what follows can only
 * break that tie, so one nonzero digit stands for all of it. */
#define READ_DIGITS_MAX 800
#define EXPONENT_LIMIT  ((int64_t)1 << 40) /* far beyond every double and every literal's length */

/* A value sign * 0.d1d2d3... * 10^point, without zeros at either end of the digits. */
struct decimal {
    char digits[READ_DIGITS_MAX + 1];
    size_t count; /* 0 for zero */
    int64_t point;
    bool negative;
    bool cut; /* more digits followed; the last one kept stands for them */
};

/* Appends a digit of the literal; `zeros` counts the zeros that only matter when a digit follows.
 */
static void digit_add(struct decimal *d, char c, int64_t *zeros)
{
    if (c == '0') {
        *zeros += 1;
        return;
    }
    for (; *zeros > 0 && d->count < READ_DIGITS_MAX; (*zeros)--) {
        d->digits[d->count++] = '0';
    }
    *zeros = 0;
    if (d->count < READ_DIGITS_MAX) {
        d->digits[d->count++] = c;
    } else {
        d->digits[READ_DIGITS_MAX] = '1';
        d->cut = true;
    }
}

/* The exponent after 'e', held at +-EXPONENT_LIMIT. */
static int64_t read_exponent(const char *p, const char *end)
{
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) {
        p++;
    }
    int64_t v = 0;
    for (; p < end; p++) {
        v = v < EXPONENT_LIMIT / 16 ? v * 10 + (*p - '0') : EXPONENT_LIMIT;
    }
    return negative ? -v : v;
}

static void decimal_read(struct text t, struct decimal *d)
{
    const char *p = t.p;
    const char *end = t.p + t.len;
    d->count = 0;
    d->cut = false;
    d->point = 0;
    d->negative = p < end && *p == '-';
    p += d->negative;
    int64_t zeros = 0;
    bool fraction = false;
    for (; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            fraction = true;
            continue;
        }
        bool leading = d->count == 0 && *p == '0';
        if (!leading) {
            digit_add(d, *p, &zeros);
        }
        /* Integer digits move the point right; zeros between point and first digit, left. */
        d->point += fraction ? -(int64_t)leading : !leading;
    }
    if (p < end) {
        d->point += read_exponent(p + 1, end);
    }
    if (d->cut) {
        d->count = READ_DIGITS_MAX + 1;
    }
}

static double decimal_to_double(const struct decimal *d)
{
    char text[READ_DIGITS_MAX + 32];
    memcpy(text, d->digits, d->count);
    /* An exponent of 4 digits is beyond every double already. */
    int64_t exponent = d->point - (int64_t)d->count;
    exponent = exponent > 9999 ? 9999 : exponent < -9999 ? -9999 : exponent;
    snprintf(text + d->count, sizeof(text) - d->count, "e%d", (int)exponent);
    return strtod(text, NULL);
}

/* `count` digits of `v` > 0, correctly rounded, zeros at the end dropped. */
static void digits_of(double v, int count, struct decimal *d)
{
    char text[48];
    snprintf(text, sizeof(text), "%.*e", count - 1, v);
    const char *e = strchr(text, 'e');
    d->count = 0;
    for (const char *p = text; p < e; p++) {
        if (*p >= '0' && *p <= '9') {
            d->digits[d->count++] = *p;
        }
    }
    d->point = read_exponent(e + 1, text + strlen(text)) + 1;
    while (d->digits[d->count - 1] == '0') {
        d->count--;
    }
}

/* The next larger decimal with `count` digits. */
static void digits_increment(struct decimal *d, size_t count)
{
    while (d->count < count) {
        d->digits[d->count++] = '0';
    }
    while (d->count > 0 && d->digits[d->count - 1] == '9') {
        d->count--;
    }
    if (d->count == 0) {
        d->digits[d->count++] = '1';
        d->point++;
        return;
    }
    d->digits[d->count - 1]++;
}

/* The shortest decimal that reads back as `v` > 0, and the closest to `v` among those. */
static void shortest_of(double v, struct decimal *d)
{
    int fraction_exponent;
    bool lopsided = frexp(v, &fraction_exponent) == 0.5;
    /* A normal double has one decimal of up to 15 digits at most: rounding to 15 finds it. */
    int count = isnormal(v) ? EASY_DIGITS_MAX : 1;
    for (; count < SHORT_DIGITS_MAX; count++) {
        digits_of(v, count, d);
        if (decimal_to_double(d) == v) {
            return;
        }
        if (lopsided) {
            /* Above a power of two the doubles lie twice as far apart as below it, so the second
             * closest decimal may read back where the closest does not. */
            digits_of(v, count, d);
            digits_increment(d, (size_t)count);
            if (decimal_to_double(d) == v) {
                return;
            }
        }
    }
    digits_of(v, SHORT_DIGITS_MAX, d);
}

static char *put(char *p, const char *s, size_t len)
{
    memcpy(p, s, len);
    return p + len;
}

static char *put_zeros(char *p, int64_t count)
{
    for (; count > 0; count--) {
        *p++ = '0';
    }
    return p;
}

/* ECMA-262 Number::toString, steps 6 to 12, for at most 17 digits; returns the end. */
static char *decimal_write(const struct decimal *d, char *p)
{
    int64_t count = (int64_t)d->count;
    int64_t point = d->point;
    if (count <= point && point <= 21) {
        p = put(p, d->digits, d->count);
        return put_zeros(p, point - count);
    }
    if (0 < point && point <= 21) {
        p = put(p, d->digits, (size_t)point);
        *p++ = '.';
        return put(p, d->digits + point, (size_t)(count - point));
    }
    if (-6 < point && point <= 0) {
        p = put(p, "0.", 2);
        p = put_zeros(p, -point);
        return put(p, d->digits, d->count);
    }
    *p++ = d->digits[0];
    if (count > 1) {
        *p++ = '.';
        p = put(p, d->digits + 1, d->count - 1);
    }
    return p + snprintf(p, 8, "e%+d", (int)(point - 1));
}

static void finish(const struct decimal *d, bool negative, char out[JSNUM_TEXT_MAX], size_t *len)
{
    char *p = out;
    if (negative) {
        *p++ = '-';
    }
    p = decimal_write(d, p);
    *p = '\0';
    *len = (size_t)(p - out);
}

static enum jsnum put_zero(enum jsnum result, char out[JSNUM_TEXT_MAX], size_t *len)
{
    memcpy(out, "0", 2);
    *len = 1;
    return result;
}

enum jsnum jsnum_format(struct text t, char out[JSNUM_TEXT_MAX], size_t *len)
{
    struct decimal read;
    decimal_read(t, &read);
    if (read.count == 0) {
        return put_zero(JSNUM_EXACT, out, len); /* also for -0, as RFC 8785 wants */
    }
    if (read.count <= EASY_DIGITS_MAX && read.point >= EASY_POINT_MIN &&
        read.point <= EASY_POINT_MAX) {
        finish(&read, read.negative, out, len);
        return JSNUM_EXACT;
    }
    double v = decimal_to_double(&read);
    if (isinf(v)) {
        return JSNUM_RANGE;
    }
    if (v == 0) {
        return put_zero(JSNUM_INEXACT, out, len);
    }
    struct decimal written;
    shortest_of(v, &written);
    finish(&written, read.negative, out, len);
    bool same = written.count == read.count && written.point == read.point &&
                memcmp(written.digits, read.digits, read.count) == 0;
    return same ? JSNUM_EXACT : JSNUM_INEXACT;
}
