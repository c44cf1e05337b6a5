/* SPDX-License-Identifier: Apache-2.0
 * The scanner of stream_scan.h. Sixty-four bytes become a bit mask for each kind of byte; the quote
 * mask becomes the mask of what is inside strings; brackets outside are counted, and looked at one
 * by one only where the value may end. Blocks with a backslash or a broken string, which are rare,
 * go byte by byte. */
#include "wire/stream_scan.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BLOCK 64

/* Bit i speaks of byte i. */
struct masks {
    uint64_t quote;
    uint64_t backslash;
    uint64_t open;  /* { and [ */
    uint64_t close; /* } and ] */
    uint64_t line;  /* line feed */
};

#ifdef __SSE2__
static uint64_t bits(__m128i equal, unsigned shift)
{
    return (uint64_t)(unsigned)_mm_movemask_epi8(equal) << shift;
}

static struct masks block_masks(const uint8_t *p)
{
    struct masks m = {0};
    for (unsigned i = 0; i < BLOCK; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        /* '[' and ']' differ from '{' and '}' in this bit alone. */
        __m128i folded = _mm_or_si128(v, _mm_set1_epi8(0x20));
        m.quote |= bits(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), i);
        m.backslash |= bits(_mm_cmpeq_epi8(v, _mm_set1_epi8('\\')), i);
        m.open |= bits(_mm_cmpeq_epi8(folded, _mm_set1_epi8('{')), i);
        m.close |= bits(_mm_cmpeq_epi8(folded, _mm_set1_epi8('}')), i);
        m.line |= bits(_mm_cmpeq_epi8(v, _mm_set1_epi8('\n')), i);
    }
    return m;
}
#else
static struct masks block_masks(const uint8_t *p)
{
    struct masks m = {0};
    for (unsigned i = 0; i < BLOCK; i++) {
        uint64_t bit = UINT64_C(1) << i;
        uint8_t folded = p[i] | 0x20;
        m.quote |= p[i] == '"' ? bit : 0;
        m.backslash |= p[i] == '\\' ? bit : 0;
        m.open |= folded == '{' ? bit : 0;
        m.close |= folded == '}' ? bit : 0;
        m.line |= p[i] == '\n' ? bit : 0;
    }
    return m;
}
#endif

/* Bit i is the parity of the bits up to and including i: from each opening quote to before its
 * closing one. */
static uint64_t prefix_parity(uint64_t v)
{
    for (unsigned shift = 1; shift < 64; shift *= 2)
        v ^= v << shift;
    return v;
}

static bool step_string(struct scan *s, uint8_t c)
{
    if (!s->in_string)
        return false;
    if (s->escaped)
        s->escaped = false;
    else if (c == '\\')
        s->escaped = true;
    else if (c == '"')
        s->in_string = false;
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
        if (step_string(s, p[i]))
            continue;
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

/* Looks at brackets and line breaks in their order; `from` is outside any string. */
static enum scan_result scan_marks(struct scan *s, const uint8_t *p, size_t len, struct masks m,
                                   size_t *used)
{
    uint64_t marks = m.open | m.close | m.line;
    while (marks != 0) {
        unsigned i = (unsigned)__builtin_ctzll(marks);
        uint64_t bit = UINT64_C(1) << i;
        marks &= marks - 1;
        if ((m.line & bit) != 0) {
            s->lines++;
            if (i + 1 < len && p[i + 1] == '{') {
                s->new_line = true;
                *used = i + 1;
                return SCAN_RESYNC;
            }
            continue;
        }
        s->depth += (m.open & bit) != 0;
        s->depth -= (m.close & bit) != 0;
        if (s->depth == 0) {
            s->new_line = false;
            *used = i + 1;
            return SCAN_END;
        }
    }
    *used = len;
    return SCAN_MORE;
}

/* `len` bytes at `p`, and BLOCK readable ones, the rest of which are blanks. */
static enum scan_result scan_block(struct scan *s, const uint8_t *p, size_t len, size_t *used)
{
    struct masks m = block_masks(p);
    uint64_t inside = prefix_parity(m.quote) ^ (s->in_string ? ~UINT64_C(0) : 0);
    bool broken_string = (inside & m.line) != 0;
    if (m.backslash != 0 || s->escaped || broken_string || s->new_line)
        return scan_bytes(s, p, len, used);
    m.open &= ~inside;
    m.close &= ~inside;
    enum scan_result result = SCAN_MORE;
    *used = len;
    size_t closed = (size_t)__builtin_popcountll(m.close);
    if (m.line == 0 && closed < s->depth)
        s->depth += (size_t)__builtin_popcountll(m.open) - closed;
    else
        result = scan_marks(s, p, len, m, used);
    if (result == SCAN_MORE) {
        s->in_string = (inside >> (len - 1) & 1) != 0;
        s->new_line = (m.line >> (len - 1) & 1) != 0;
    } else {
        s->in_string = false;
    }
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
