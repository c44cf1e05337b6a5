/* SPDX-License-Identifier: Apache-2.0
 * 256 bits as two halves, and as four 64-bit limbs (lowest first) where digits are made. */
#include "base/u256.h"

#include <string.h>

#define LIMBS     4
#define DIGIT_MAX 78 /* of 2^256 - 1 */
#define TEN_19    UINT64_C(10000000000000000000)

static void limbs_of(struct u256 v, uint64_t limb[LIMBS])
{
    limb[0] = (uint64_t)v.lo;
    limb[1] = (uint64_t)(v.lo >> 64);
    limb[2] = (uint64_t)v.hi;
    limb[3] = (uint64_t)(v.hi >> 64);
}

static struct u256 limbs_join(const uint64_t limb[LIMBS])
{
    return (struct u256){.hi = (u128)limb[3] << 64 | limb[2], .lo = (u128)limb[1] << 64 | limb[0]};
}

struct u256 u256_of(u128 v)
{
    return (struct u256){.hi = 0, .lo = v};
}

bool u256_is_zero(struct u256 v)
{
    return (v.hi | v.lo) == 0;
}

bool u256_eq(struct u256 a, struct u256 b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

bool u256_to_u64(struct u256 v, uint64_t *out)
{
    if (v.hi != 0 || v.lo > UINT64_MAX) {
        return false;
    }
    *out = (uint64_t)v.lo;
    return true;
}

bool u256_to_i128(struct u256 v, i128 *out)
{
    if (v.hi != 0 || v.lo > (u128)I128_MAX) {
        return false;
    }
    *out = (i128)v.lo;
    return true;
}

bool u256_of_i128(i128 v, struct u256 *out)
{
    if (v < 0) {
        return false;
    }
    *out = u256_of((u128)v);
    return true;
}

bool u256_sub(struct u256 a, struct u256 b, struct u256 *out)
{
    if (u256_cmp(a, b) < 0) {
        return false;
    }
    *out = (struct u256){.hi = a.hi - b.hi - (a.lo < b.lo), .lo = a.lo - b.lo};
    return true;
}

/* limb = limb * by + carry; what does not fit is returned. */
static uint64_t limbs_scale(uint64_t limb[LIMBS], uint64_t by, uint64_t carry)
{
    for (size_t i = 0; i < LIMBS; i++) {
        u128 product = (u128)limb[i] * by + carry;
        limb[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
    return carry;
}

/* limb = limb / by; the remainder is returned. */
static uint64_t limbs_divide(uint64_t limb[LIMBS], uint64_t by)
{
    uint64_t rest = 0;
    for (size_t i = LIMBS; i-- > 0;) {
        u128 part = (u128)rest << 64 | limb[i];
        limb[i] = (uint64_t)(part / by);
        rest = (uint64_t)(part % by);
    }
    return rest;
}

bool u256_mul_small(struct u256 a, uint64_t by, struct u256 *out)
{
    uint64_t limb[LIMBS];
    limbs_of(a, limb);
    if (limbs_scale(limb, by, 0) != 0) {
        return false;
    }
    *out = limbs_join(limb);
    return true;
}

struct u256 u256_from_be(const uint8_t in[U256_LEN])
{
    struct u256 v = {0};
    for (size_t i = 0; i < 16; i++) {
        v.hi = v.hi << 8 | in[i];
        v.lo = v.lo << 8 | in[16 + i];
    }
    return v;
}

void u256_to_be(struct u256 v, uint8_t out[U256_LEN])
{
    for (size_t i = 16; i-- > 0;) {
        out[i] = (uint8_t)v.hi;
        out[16 + i] = (uint8_t)v.lo;
        v.hi >>= 8;
        v.lo >>= 8;
    }
}

bool u256_from_bytes(struct bytes in, struct u256 *out)
{
    uint8_t word[U256_LEN] = {0};
    if (in.len > sizeof(word)) {
        return false;
    }
    if (in.len > 0) {
        memcpy(word + sizeof(word) - in.len, in.p, in.len);
    }
    *out = u256_from_be(word);
    return true;
}

size_t u256_size(struct u256 v)
{
    uint8_t word[U256_LEN];
    u256_to_be(v, word);
    size_t zeros = 0;
    while (zeros < sizeof(word) && word[zeros] == 0) {
        zeros++;
    }
    return sizeof(word) - zeros;
}

bool u256_parse(struct text t, struct u256 *out)
{
    if (t.len == 0 || t.len > DIGIT_MAX || (t.p[0] == '0' && t.len > 1)) {
        return false;
    }
    uint64_t limb[LIMBS] = {0};
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] < '0' || t.p[i] > '9' || limbs_scale(limb, 10, (uint64_t)(t.p[i] - '0')) != 0) {
            return false;
        }
    }
    *out = limbs_join(limb);
    return true;
}

size_t u256_format(struct u256 v, char out[U256_TEXT_MAX])
{
    char digits[5 * 19]; /* five groups of 19 hold 78 digits */
    uint64_t limb[LIMBS];
    limbs_of(v, limb);
    for (size_t end = sizeof(digits); end > 0; end -= 19) {
        uint64_t group = limbs_divide(limb, TEN_19);
        for (size_t i = end; i-- > end - 19;) {
            digits[i] = (char)('0' + group % 10);
            group /= 10;
        }
    }
    size_t start = 0;
    while (start < sizeof(digits) - 1 && digits[start] == '0') {
        start++;
    }
    size_t len = sizeof(digits) - start;
    memcpy(out, digits + start, len);
    out[len] = '\0';
    return len;
}

struct text u256_text(struct arena *a, struct u256 v)
{
    char digits[U256_TEXT_MAX];
    const size_t len = u256_format(v, digits);
    return arena_text(a, (struct text){digits, len});
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool u256_parse_quantity(struct text t, struct u256 *out)
{
    if (t.len < 3 || t.len > U256_HEX_MAX - 1 || t.p[0] != '0' || t.p[1] != 'x' ||
        (t.p[2] == '0' && t.len > 3)) {
        return false;
    }
    struct u256 v = {0};
    for (size_t i = 2; i < t.len; i++) {
        int digit = hex_digit(t.p[i]);
        if (digit < 0) {
            return false;
        }
        v.hi = v.hi << 4 | v.lo >> 124;
        v.lo = v.lo << 4 | (unsigned)digit;
    }
    *out = v;
    return true;
}

size_t u256_format_quantity(struct u256 v, char out[U256_HEX_MAX])
{
    static const char DIGITS[] = "0123456789abcdef";
    size_t count = 1;
    for (struct u256 rest = v; rest.hi != 0 || rest.lo > 15; count++) {
        rest.lo = rest.lo >> 4 | rest.hi << 124;
        rest.hi >>= 4;
    }
    out[0] = '0';
    out[1] = 'x';
    out[2 + count] = '\0';
    for (size_t i = count; i-- > 0;) {
        out[2 + i] = DIGITS[(unsigned)v.lo & 15];
        v.lo = v.lo >> 4 | v.hi << 124;
        v.hi >>= 4;
    }
    return 2 + count;
}
