/* SPDX-License-Identifier: Apache-2.0
 * How reader and writer find, many bytes at a time, the next byte of a string that needs a closer
 * look. Private to json*.c. Nothing is read outside p..end. */
#ifndef METE_WIRE_JSON_SCAN_H
#define METE_WIRE_JSON_SCAN_H

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/types.h"

#define JSON_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/** Eight bytes, the first one lowest. */
static inline uint64_t json_load64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

static inline void json_store64(void *p, uint64_t v)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    memcpy(p, &v, sizeof v);
}

/** `len` bytes, fewer than eight, the first one lowest and zeros above. */
static inline uint64_t json_load_short(const void *from, size_t len)
{
    const uint8_t *p = from;
    if (len >= 4) {
        uint32_t head, tail; /* they overlap where they agree */
        memcpy(&head, p, 4);
        memcpy(&tail, p + len - 4, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        head = __builtin_bswap32(head);
        tail = __builtin_bswap32(tail);
#endif
        return head | (uint64_t)tail << (8 * (len - 4));
    }
    if (len == 0) {
        return 0;
    }
    return p[0] | (uint64_t)p[len / 2] << (8 * (len / 2)) | (uint64_t)p[len - 1] << (8 * (len - 1));
}

/** Bit 7 of a byte is set where `v` has a zero byte; right up to and including the first one. */
static inline uint64_t json_zero_bytes(uint64_t v)
{
    return (v - JSON_EACH(1)) & ~v & JSON_EACH(0x80);
}

/** Bit 7 of a byte is set where `v` has a byte that cannot stand in a string as it is; right up to
 *  and including the first one. */
static inline uint64_t json_escape_bytes(uint64_t v)
{
    uint64_t low = (v - JSON_EACH(0x20)) & ~v & JSON_EACH(0x80);
    return low | json_zero_bytes(v ^ JSON_EACH('"')) | json_zero_bytes(v ^ JSON_EACH('\\'));
}

static inline bool json_byte_plain(uint8_t c, bool stop_at_high)
{
    return c >= 0x20 && c != '"' && c != '\\' && !(stop_at_high && c >= 0x80);
}

/** The first quote, backslash or control character at or after `p` (with `stop_at_high`: or byte
 *  above 0x7f), or `end`. */
static inline const uint8_t *json_plain_end(const uint8_t *p, const uint8_t *end, bool stop_at_high)
{
#ifdef __SSE2__
    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
        __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
                                    _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        __m128i stop = _mm_or_si128(low, ends);
        if (stop_at_high) {
            stop = _mm_or_si128(stop, v);
        }
        unsigned mask = (unsigned)_mm_movemask_epi8(stop);
        if (mask != 0) {
            return p + __builtin_ctz(mask);
        }
        p += 16;
    }
#endif
    while (end - p >= 8) {
        uint64_t v = json_load64(p);
        uint64_t stop = json_escape_bytes(v);
        if (stop_at_high) {
            stop |= v & JSON_EACH(0x80);
        }
        if (stop != 0) {
            return p + __builtin_ctzll(stop) / 8;
        }
        p += 8;
    }
    while (p < end && json_byte_plain(*p, stop_at_high)) {
        p++;
    }
    return p;
}

#endif
