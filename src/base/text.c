/* SPDX-License-Identifier: Apache-2.0
 * Comparing, checking and hashing texts. Order is always that of unsigned bytes, never that of a
 * locale. */
#include "base/text.h"

#include <string.h>

struct text text_of(const char *s)
{
    return (struct text){s, s == NULL ? 0 : strlen(s)};
}

bool text_eq(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool text_is(struct text a, const char *literal)
{
    return text_eq(a, text_of(literal));
}

bool text_starts(struct text a, const char *prefix)
{
    size_t len = strlen(prefix);
    return a.len >= len && (len == 0 || memcmp(a.p, prefix, len) == 0);
}

int bytes_cmp(struct bytes a, struct bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.p, b.p, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

int text_cmp(struct text a, struct text b)
{
    return bytes_cmp(text_bytes(a), text_bytes(b));
}

struct bytes text_bytes(struct text t)
{
    return (struct bytes){(const uint8_t *)t.p, t.len};
}

struct text bytes_text(struct bytes b)
{
    return (struct text){(const char *)b.p, b.len};
}

bool text_copy(char *out, size_t size, struct text t)
{
    METE_ASSERT(size > 0);
    size_t len = t.len < size ? t.len : size - 1;
    if (len > 0) {
        memcpy(out, t.p, len);
    }
    out[len] = '\0';
    return len == t.len;
}

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static uint64_t load32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

/* The first byte after the ASCII that starts at `p`. */
static const uint8_t *skip_ascii(const uint8_t *p, const uint8_t *end)
{
    const uint64_t high_bits = UINT64_C(0x8080808080808080);
    while (end - p >= 16 && ((load64(p) | load64(p + 8)) & high_bits) == 0) {
        p += 16;
    }
    while (p < end && *p < 0x80) {
        p++;
    }
    return p;
}

/* Length of the character that starts with the byte `lead`, and in low and high the bounds of its
 * second byte, which is where overlong forms, surrogates and values past U+10FFFF show. 0 when no
 * character starts so. Source: RFC 3629 section 4. */
static size_t utf8_shape(uint8_t lead, uint8_t *low, uint8_t *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
        return 2;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        *low = lead == 0xe0 ? 0xa0 : 0x80;
        *high = lead == 0xed ? 0x9f : 0xbf;
        return 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        *low = lead == 0xf0 ? 0x90 : 0x80;
        *high = lead == 0xf4 ? 0x8f : 0xbf;
        return 4;
    }
    return 0;
}

bool text_is_utf8(struct text t)
{
    if (t.len == 0) {
        return true;
    }
    const uint8_t *p = (const uint8_t *)t.p;
    const uint8_t *end = p + t.len;
    while ((p = skip_ascii(p, end)) < end) {
        uint8_t low, high;
        size_t len = utf8_shape(*p, &low, &high);
        if (len == 0 || (size_t)(end - p) < len || p[1] < low || p[1] > high) {
            return false;
        }
        for (size_t i = 2; i < len; i++) {
            if ((p[i] & 0xc0) != 0x80) {
                return false;
            }
        }
        p += len;
    }
    return true;
}

/* Folding the 128-bit product lets every input bit reach the whole word in one multiplication. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    u128 product = (u128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Odd constants with half of their bits set: the hex digits of pi after the point. */
#define HASH_K0 UINT64_C(0x243f6a8885a308d3)
#define HASH_K1 UINT64_C(0x13198a2e03707345)
#define HASH_K2 UINT64_C(0xa4093822299f31d1)

uint64_t bytes_hash(struct bytes b, uint64_t seed)
{
    const uint8_t *p = b.p;
    size_t left = b.len;
    /* The seed is in both factors: nobody can choose a key that makes one of them zero. It is
     * turned in one of them: else their difference is known, and with it keys whose factors are
     * swapped. */
    uint64_t state = seed ^ HASH_K0;
    const uint64_t key = (seed << 23 | seed >> 41) ^ HASH_K1;
    while (left > 16) {
        state = mix(load64(p) ^ key, load64(p + 8) ^ state);
        p += 16;
        left -= 16;
    }
    uint64_t head = 0;
    uint64_t tail = 0;
    if (left >= 8) {
        head = load64(p);
        tail = load64(p + left - 8);
    } else if (left >= 4) {
        head = load32(p);
        tail = load32(p + left - 4);
    } else if (left > 0) {
        /* First, middle and last byte: all of them for 1, 2 and 3. */
        head = (uint64_t)p[0] << 16 | (uint64_t)p[left / 2] << 8 | p[left - 1];
    }
    state = mix(head ^ key, tail ^ state);
    return mix(state ^ HASH_K2, (uint64_t)b.len ^ key);
}

bool char_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool char_is_digit(char c)
{
    return c >= '0' && c <= '9';
}
