/* SPDX-License-Identifier: Apache-2.0
 * The scanner of stream_scan.h. Sixty-four bytes become a bit mask for each kind of byte; the quote
 * mask becomes the mask of what is inside strings; only brackets outside are looked at. Blocks with
 * a backslash or a broken string, which are rare, go byte by byte. */
#include "wire/stream_scan.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BLOCK 64

/* Bit i speaks of byte i. */
struct masks {
    uint64_t quote;
    uint64_t bracket; /* of all four kinds */
    uint64_t special; /* backslash and line feed */
};

#ifdef __SSE2__
static inline uint64_t block_bits(__m128i a, __m128i b, __m128i c, __m128i d)
{
    uint64_t low = (unsigned)_mm_movemask_epi8(a) | (uint64_t)(unsigned)_mm_movemask_epi8(b) << 16;
    uint64_t high = (unsigned)_mm_movemask_epi8(c) | (uint64_t)(unsigned)_mm_movemask_epi8(d) << 16;
    return low | high << 32;
}

static inline __m128i equal_any(__m128i v, char a, char b)
{
    return _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(a)), _mm_cmpeq_epi8(v, _mm_set1_epi8(b)));
}

/* '[' and ']' differ from '{' and '}' in one bit alone. */
static inline __m128i equal_bracket(__m128i v)
{
    return equal_any(_mm_or_si128(v, _mm_set1_epi8(0x20)), '{', '}');
}

static inline struct masks block_masks(const uint8_t *p)
{
    const __m128i *from = (const __m128i *)(const void *)p;
    __m128i a = _mm_loadu_si128(from), b = _mm_loadu_si128(from + 1);
    __m128i c = _mm_loadu_si128(from + 2), d = _mm_loadu_si128(from + 3);
    __m128i quote = _mm_set1_epi8('"');
    return (struct masks){
        .quote = block_bits(_mm_cmpeq_epi8(a, quote), _mm_cmpeq_epi8(b, quote),
                            _mm_cmpeq_epi8(c, quote), _mm_cmpeq_epi8(d, quote)),
        .bracket =
            block_bits(equal_bracket(a), equal_bracket(b), equal_bracket(c), equal_bracket(d)),
        .special = block_bits(equal_any(a, '\\', '\n'), equal_any(b, '\\', '\n'),
                              equal_any(c, '\\', '\n'), equal_any(d, '\\', '\n'))};
}
#else
static inline struct masks block_masks(const uint8_t *p)
{
    struct masks m = {0};
    for (unsigned i = 0; i < BLOCK; i++) {
        uint64_t bit = UINT64_C(1) << i;
        uint8_t folded = p[i] | 0x20;
        m.quote |= p[i] == '"' ? bit : 0;
        m.bracket |= folded == '{' || folded == '}' ? bit : 0;
        m.special |= p[i] == '\\' || p[i] == '\n' ? bit : 0;
    }
    return m;
}
#endif

/* Bit i is the parity of the bits up to and including i: from each opening quote to before its
 * closing one. */
static inline uint64_t prefix_parity(uint64_t v)
{
    v ^= v << 1;
    v ^= v << 2;
    v ^= v << 4;
    v ^= v << 8;
    v ^= v << 16;
    return v ^ v << 32;
}

static bool step_string(struct scan *s, uint8_t c)
{
    if (!s->in_string) {
        return false;
    }
    if (s->escaped) {
        s->escaped = false;
    } else if (c == '\\') {
        s->escaped = true;
    } else if (c == '"') {
        s->in_string = false;
    }
    return true;
}

/* The plain way. */
static enum scan_result scan_bytes(struct scan *s, const uint8_t *p, size_t len, size_t *used)
{
    for (size_t i = 0; i < len; i++) {
        bool begins_line = s->new_line;
        s->new_line = p[i] == '\n';
        if (s->new_line) {
            s->in_string = s->escaped = false;
            s->lines++;
            continue;
        }
        if (begins_line && p[i] == '{') {
            s->new_line = true;
            *used = i;
            return SCAN_RESYNC;
        }
        if (step_string(s, p[i])) {
            continue;
        }
        uint8_t folded = p[i] | 0x20;
        s->in_string = p[i] == '"';
        s->depth += folded == '{';
        s->depth -= folded == '}';
        if (s->depth == 0) {
            *used = i + 1;
            return SCAN_END;
        }
    }
    *used = len;
    return SCAN_MORE;
}

/* Looks at brackets and line breaks, all outside strings, in their order. */
static enum scan_result scan_marks(struct scan *s, const uint8_t *p, size_t len, uint64_t marks,
                                   size_t *used)
{
    for (; marks != 0; marks &= marks - 1) {
        unsigned i = (unsigned)__builtin_ctzll(marks);
        if (p[i] == '\n') {
            s->lines++;
            if (i + 1 < len && p[i + 1] == '{') {
                s->new_line = true;
                *used = i + 1;
                return SCAN_RESYNC;
            }
            continue;
        }
        /* Of the brackets, the closing ones have this bit: 0x5d and 0x7d, not 0x5b and 0x7b. */
        s->depth += (p[i] & 0x04) != 0 ? (uint64_t)-1 : 1;
        if (s->depth == 0) {
            *used = i + 1;
            return SCAN_END;
        }
    }
    *used = len;
    return SCAN_MORE;
}

/* The way with masks serves blocks without a backslash and with whole strings on each line. */
static inline bool is_plain_block(const uint8_t *p, uint64_t special, uint64_t inside)
{
    if ((special & inside) != 0) {
        return false;
    }
    for (; special != 0; special &= special - 1) {
        if (p[__builtin_ctzll(special)] == '\\') {
            return false;
        }
    }
    return true;
}

/* `len` bytes at `p`, and BLOCK readable ones, the rest of which are blanks. */
static inline enum scan_result scan_block(struct scan *s, const uint8_t *p, size_t len,
                                          size_t *used)
{
    struct masks m = block_masks(p);
    uint64_t inside = prefix_parity(m.quote) ^ (s->in_string ? ~UINT64_C(0) : 0);
    if (s->escaped || s->new_line || (m.special != 0 && !is_plain_block(p, m.special, inside))) {
        return scan_bytes(s, p, len, used);
    }
    enum scan_result result = scan_marks(s, p, len, (m.bracket & ~inside) | m.special, used);
    bool more = result == SCAN_MORE;
    s->in_string = more && (inside >> (len - 1) & 1) != 0;
    s->new_line = more ? p[len - 1] == '\n' : s->new_line;
    return result;
}

enum scan_result scan_value(struct scan *s, const uint8_t *p, size_t len, size_t *used)
{
    size_t at = 0;
    METE_ASSERT(s->depth > 0);
    while (at < len) {
        uint8_t tail[BLOCK];
        size_t left = len - at;
        const uint8_t *block = p + at;
        if (left < BLOCK) {
            memset(tail, ' ', sizeof tail);
            memcpy(tail, block, left);
            block = tail;
        }
        size_t passed = 0;
        enum scan_result result = scan_block(s, block, left < BLOCK ? left : BLOCK, &passed);
        at += passed;
        if (result != SCAN_MORE) {
            *used = at;
            return result;
        }
    }
    *used = len;
    return SCAN_MORE;
}
