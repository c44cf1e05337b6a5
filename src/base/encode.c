/* SPDX-License-Identifier: Apache-2.0
 * Text forms of bytes. A decoder accepts exactly what its encoder writes (hex also in upper case)
 * and looks at the whole text before it writes anything, so a refusal leaves the output alone. */
#include "base/encode.h"

#include <string.h>

#define BASE58_BYTES_MAX 128
#define BASE58_TEXT_MAX  180

/* One more than the value of a digit; 0: it is none. */
static const uint8_t HEX[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static int hex_value(char c)
{
    return HEX[(uint8_t)c] - 1;
}

void hex_encode(char *out, struct bytes in)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < in.len; i++) {
        out[2 * i] = DIGITS[in.p[i] >> 4];
        out[2 * i + 1] = DIGITS[in.p[i] & 15];
    }
    out[2 * in.len] = '\0';
}

bool hex_decode(uint8_t *out, size_t len, struct text in)
{
    if (in.len % 2 != 0 || in.len / 2 != len) {
        return false;
    }
    for (size_t i = 0; i < in.len; i++) {
        if (hex_value(in.p[i]) < 0) {
            return false;
        }
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(hex_value(in.p[2 * i]) << 4 | hex_value(in.p[2 * i + 1]));
    }
    return true;
}

static const char STANDARD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char URL_SAFE[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t base64_write(char *out, struct bytes in, const char *alphabet, bool padded)
{
    char *p = out;
    for (size_t i = 0; i < in.len; i += 3) {
        size_t count = in.len - i < 3 ? in.len - i : 3;
        unsigned group = (unsigned)in.p[i] << 16;
        group |= count > 1 ? (unsigned)in.p[i + 1] << 8 : 0;
        group |= count > 2 ? in.p[i + 2] : 0;
        for (size_t k = 0; k < count + 1; k++) {
            *p++ = alphabet[group >> (18 - 6 * k) & 63];
        }
        for (size_t k = count; padded && k < 3; k++) {
            *p++ = '=';
        }
    }
    *p = '\0';
    return (size_t)(p - out);
}

size_t base64_encode(char *out, struct bytes in)
{
    return base64_write(out, in, STANDARD, true);
}

size_t base64url_encode(char *out, struct bytes in)
{
    return base64_write(out, in, URL_SAFE, false);
}

/* `last` has the two characters that differ between the alphabets. */
static int base64_value(char c, const char *last)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == last[0] ? 62 : c == last[1] ? 63 : -1;
}

/* The characters of `in`, without padding, as bytes. */
static bool base64_read(uint8_t *out, size_t max, size_t *len, struct text in, const char *last)
{
    /* 4 characters are 3 bytes; 2 or 3 at the end are 1 or 2, with 4 or 2 bits that must be 0. */
    size_t tail = in.len % 4;
    size_t total = in.len / 4 * 3 + (tail > 0 ? tail - 1 : 0);
    if (tail == 1 || total > max) {
        return false;
    }
    for (size_t i = 0; i < in.len; i++) {
        if (base64_value(in.p[i], last) < 0) {
            return false;
        }
    }
    unsigned stray_mask = tail == 2 ? 15 : tail == 3 ? 3 : 0;
    if (tail > 0 && ((unsigned)base64_value(in.p[in.len - 1], last) & stray_mask) != 0) {
        return false;
    }
    unsigned bits = 0;
    unsigned bit_count = 0;
    uint8_t *p = out;
    for (size_t i = 0; i < in.len; i++) {
        bits = bits << 6 | (unsigned)base64_value(in.p[i], last);
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            *p++ = (uint8_t)(bits >> bit_count);
        }
    }
    *len = total;
    return true;
}

bool base64_decode(uint8_t *out, size_t max, size_t *len, struct text in)
{
    if (in.len % 4 != 0) {
        return false;
    }
    for (int i = 0; i < 2 && in.len > 0 && in.p[in.len - 1] == '='; i++) {
        in.len--;
    }
    return base64_read(out, max, len, in, STANDARD + 62);
}

bool base64url_decode(uint8_t *out, size_t max, size_t *len, struct text in)
{
    return base64_read(out, max, len, in, URL_SAFE + 62);
}

static const char BASE58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/* number = number * by + carry on `len` digits of `base`, lowest digit first. Returns the new
 * length. */
static size_t digits_scale(uint8_t *digits, size_t len, unsigned base, unsigned by, unsigned carry)
{
    for (size_t i = 0; i < len; i++) {
        carry += digits[i] * by;
        digits[i] = (uint8_t)(carry % base);
        carry /= base;
    }
    while (carry > 0) {
        digits[len++] = (uint8_t)(carry % base);
        carry /= base;
    }
    return len;
}

size_t base58_encode(char *out, struct bytes in)
{
    METE_ASSERT(in.len <= BASE58_BYTES_MAX);
    uint8_t digits[BASE58_TEXT_MAX];
    size_t zeros = 0;
    while (zeros < in.len && in.p[zeros] == 0) {
        out[zeros++] = BASE58[0];
    }
    size_t count = 0;
    for (size_t i = zeros; i < in.len; i++) {
        count = digits_scale(digits, count, 58, 256, in.p[i]);
    }
    for (size_t i = 0; i < count; i++) {
        out[zeros + i] = BASE58[digits[count - 1 - i]];
    }
    out[zeros + count] = '\0';
    return zeros + count;
}

bool base58_decode(uint8_t *out, size_t max, size_t *len, struct text in)
{
    /* Each character adds less than a byte, so the digits never outgrow the text. */
    if (in.len >= BASE58_TEXT_MAX) {
        return false;
    }
    uint8_t digits[BASE58_TEXT_MAX];
    size_t zeros = 0;
    while (zeros < in.len && in.p[zeros] == BASE58[0]) {
        zeros++;
    }
    size_t count = 0;
    for (size_t i = zeros; i < in.len; i++) {
        const char *at = memchr(BASE58, in.p[i], sizeof(BASE58) - 1);
        if (at == NULL) {
            return false;
        }
        count = digits_scale(digits, count, 256, 58, (unsigned)(at - BASE58));
    }
    size_t total = zeros + count;
    if (total > max || total > BASE58_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < total; i++) {
        out[i] = i < zeros ? 0 : digits[total - 1 - i];
    }
    *len = total;
    return true;
}
