/* SPDX-License-Identifier: Apache-2.0
 * Residues: what is owed but not credited yet, as whole + num/den in lowest terms, so that equal
 * residues are equal bytes in whatever order they came about. */
#include "core/carry.h"

#include "base/i128.h"
#include "base/limits.h"

#define RESIDUE_FORMAT 1
#define DEN_LIMIT      ((u128)1 << AMOUNT_BITS_MAX)
#define WHOLE_LIMIT    ((i128)1 << 126) /* sums of two stay inside 128 bits */

static unsigned twos_of(u128 v)
{
    uint64_t low = (uint64_t)v;
    return low != 0 ? (unsigned)__builtin_ctzll(low)
                    : 64 + (unsigned)__builtin_ctzll((uint64_t)(v >> 64));
}

/* Denominators are mostly powers of two and ten: without the twos little is left for Euclid. */
static void residue_reduce(struct residue *r)
{
    if (r->num == 0) {
        r->den = 1;
        return;
    }
    unsigned num_twos = twos_of(r->num);
    unsigned den_twos = twos_of(r->den);
    unsigned common_twos = num_twos < den_twos ? num_twos : den_twos;
    r->num >>= common_twos;
    r->den >>= common_twos;
    u128 den_odd = r->den >> (den_twos - common_twos);
    u128 common = den_odd == 1 ? 1 : u128_gcd(den_odd, r->num);
    if (common > 1) {
        r->num /= common;
        r->den /= common;
    }
}

static bool den_common(u128 a, u128 b, u128 *out)
{
    if (a == b || b == 1) {
        *out = a;
        return true;
    }
    if (a == 1) {
        *out = b;
        return true;
    }
    return u128_lcm(a, b, out) && *out < DEN_LIMIT;
}

/* r + amount * weight / den, or r - it; not reduced. */
static bool residue_move(struct residue *r, i128 amount, u128 weight, u128 den, bool negative)
{
    METE_ASSERT(amount >= 0 && amount < (i128)DEN_LIMIT);
    METE_ASSERT(weight <= den && den > 0 && den < DEN_LIMIT && r->num < r->den);
    u128 common, rest;
    if (!den_common(r->den, den, &common)) {
        return false;
    }
    /* floor and fraction; both fractions are below `common`, their sum below 2^121 */
    i128 whole = (i128)u128_mul_div((u128)amount, weight, den, &rest);
    u128 step = rest * (common / den);
    u128 num = r->num * (common / r->den);
    if (negative) {
        bool borrow = num < step;
        num = borrow ? num + common - step : num - step;
        whole = -whole - borrow;
    } else {
        num += step;
        bool over = num >= common;
        num -= over ? common : 0;
        whole += over;
    }
    whole += r->whole;
    if (whole >= WHOLE_LIMIT || whole <= -WHOLE_LIMIT) {
        return false;
    }
    *r = (struct residue){whole, num, common};
    return true;
}

bool residue_credit(struct residue *r, i128 amount, u128 weight, u128 den, bool negative,
                    bool never_below_zero, i128 *credit)
{
    struct residue moved = *r;
    if (!residue_move(&moved, amount, weight, den, negative)) {
        return false;
    }
    residue_reduce(&moved);
    *credit = never_below_zero && moved.whole < 0 ? 0 : moved.whole;
    moved.whole -= *credit;
    *r = moved;
    return true;
}

bool residue_take(struct residue *r, i128 amount, u128 weight, u128 den, i128 posted)
{
    METE_ASSERT(posted > -WHOLE_LIMIT && posted < WHOLE_LIMIT);
    struct residue moved = *r;
    if (!residue_move(&moved, amount, weight, den, true)) {
        return false;
    }
    residue_reduce(&moved);
    moved.whole += posted;
    if (moved.whole >= WHOLE_LIMIT || moved.whole <= -WHOLE_LIMIT) {
        return false;
    }
    *r = moved;
    return true;
}

void residue_pack(struct buf *out, const struct residue *r)
{
    METE_ASSERT(r->den > 0 && r->num < r->den);
    buf_put_u8(out, RESIDUE_FORMAT);
    buf_put_zigzag(out, r->whole);
    buf_put_varint128(out, r->num);
    buf_put_varint128(out, r->den);
}

bool residue_unpack(struct bytes in, struct residue *r)
{
    struct reader reader = reader_of(in);
    uint8_t format = read_u8(&reader);
    struct residue read;
    read.whole = read_zigzag(&reader);
    read.num = read_varint128(&reader);
    read.den = read_varint128(&reader);
    if (format != RESIDUE_FORMAT || !reader_done(&reader) || read.den == 0 ||
        read.den >= DEN_LIMIT || read.num >= read.den || read.whole >= WHOLE_LIMIT ||
        read.whole <= -WHOLE_LIMIT) {
        return false;
    }
    *r = read;
    return true;
}
