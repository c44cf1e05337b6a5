/* SPDX-License-Identifier: Apache-2.0
 * The growing buffer and its reader. A value has exactly one encoding: the writers emit the
 * shortest varint and the readers refuse any other, so equal facts are equal bytes. */
#include "base/buf.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_CAP_MIN       ((size_t)64)
#define VARINT64_LEN_MAX  10
#define VARINT128_LEN_MAX 19

void buf_clear(struct buf *b)
{
    free(b->p);
    *b = (struct buf){0};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
}

static __attribute__((noinline)) void buf_grow(struct buf *b, size_t more)
{
    METE_ASSERT(more <= SIZE_MAX / 4 && b->len <= SIZE_MAX / 4);
    size_t cap = b->cap < BUF_CAP_MIN ? BUF_CAP_MIN : b->cap * 2;
    if (cap < b->len + more) {
        cap = b->len + more;
    }
    uint8_t *p = realloc(b->p, cap);
    METE_ASSERT(p != NULL);
    b->p = p;
    b->cap = cap;
}

void buf_reserve(struct buf *b, size_t more)
{
    if (b->cap - b->len < more) {
        buf_grow(b, more);
    }
}

void buf_put(struct buf *b, const void *p, size_t len)
{
    if (len == 0) {
        return;
    }
    buf_reserve(b, len);
    memcpy(b->p + b->len, p, len);
    b->len += len;
}

void buf_put_u8(struct buf *b, uint8_t v)
{
    buf_reserve(b, 1);
    b->p[b->len++] = v;
}

void buf_put_text(struct buf *b, struct text t)
{
    buf_put(b, t.p, t.len);
}

void buf_put_str(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    /* The room includes vsnprintf's own NUL, which `len` does not count. */
    size_t room = 128;
    for (;;) {
        buf_reserve(b, room);
        va_list args;
        va_start(args, fmt);
        int n = vsnprintf((char *)b->p + b->len, room, fmt, args);
        va_end(args);
        METE_ASSERT(n >= 0);
        if ((size_t)n < room) {
            b->len += (size_t)n;
            return;
        }
        room = (size_t)n + 1;
    }
}

struct bytes buf_bytes(const struct buf *b)
{
    return (struct bytes){b->p, b->len};
}

struct text buf_text(const struct buf *b)
{
    return (struct text){(const char *)b->p, b->len};
}

void buf_put_be16(struct buf *b, uint16_t v)
{
    v = htobe16(v);
    buf_put(b, &v, sizeof(v));
}

void buf_put_be32(struct buf *b, uint32_t v)
{
    v = htobe32(v);
    buf_put(b, &v, sizeof(v));
}

void buf_put_be64(struct buf *b, uint64_t v)
{
    v = htobe64(v);
    buf_put(b, &v, sizeof(v));
}

void buf_put_varint(struct buf *b, uint64_t v)
{
    buf_reserve(b, VARINT64_LEN_MAX);
    uint8_t *p = b->p + b->len;
    while (v >= 0x80) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    b->len = (size_t)(p - b->p);
}

void buf_put_varint128(struct buf *b, u128 v)
{
    buf_reserve(b, VARINT128_LEN_MAX);
    while (v > UINT64_MAX) {
        b->p[b->len++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    buf_put_varint(b, (uint64_t)v);
}

void buf_put_zigzag(struct buf *b, i128 v)
{
    u128 twice = (u128)v << 1;
    buf_put_varint128(b, v < 0 ? ~twice : twice);
}

void buf_put_sized(struct buf *b, struct text t)
{
    buf_put_varint(b, t.len);
    buf_put_text(b, t);
}

struct reader reader_of(struct bytes b)
{
    /* Arithmetic on NULL is undefined even for an offset of zero. */
    return (struct reader){.p = b.p, .end = b.len > 0 ? b.p + b.len : b.p};
}

static size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->p);
}

/* Nothing can be read after a failure, so all that follows reads as zero. */
static void reader_fail(struct reader *r)
{
    r->failed = true;
    r->p = r->end;
}

static bool reader_take(struct reader *r, void *out, size_t len)
{
    if (reader_left(r) < len) {
        reader_fail(r);
        return false;
    }
    memcpy(out, r->p, len);
    r->p += len;
    return true;
}

uint8_t read_u8(struct reader *r)
{
    uint8_t v = 0;
    return reader_take(r, &v, sizeof(v)) ? v : 0;
}

uint16_t read_be16(struct reader *r)
{
    uint16_t v = 0;
    return reader_take(r, &v, sizeof(v)) ? be16toh(v) : 0;
}

uint32_t read_be32(struct reader *r)
{
    uint32_t v = 0;
    return reader_take(r, &v, sizeof(v)) ? be32toh(v) : 0;
}

uint64_t read_be64(struct reader *r)
{
    uint64_t v = 0;
    return reader_take(r, &v, sizeof(v)) ? be64toh(v) : 0;
}

/* `top_max` is the largest last byte at the greatest length, where the type runs out of bits. */
static u128 varint_slow(struct reader *r, size_t len_max, uint8_t top_max)
{
    u128 v = 0;
    size_t left = reader_left(r);
    for (size_t i = 0; i < left && i < len_max; i++) {
        uint8_t byte = r->p[i];
        v |= (u128)(byte & 0x7f) << (7 * i);
        if (byte >= 0x80) {
            continue;
        }
        bool longer_than_needed = byte == 0 && i > 0;
        bool too_big = i == len_max - 1 && byte > top_max;
        if (longer_than_needed || too_big) {
            break;
        }
        r->p += i + 1;
        return v;
    }
    reader_fail(r);
    return 0;
}

/* Up to 9 bytes, which are 63 bits, without wide arithmetic. False leaves the verdict to
 * varint_slow. */
static bool varint_short(struct reader *r, uint64_t *out)
{
    uint64_t v = 0;
    size_t left = reader_left(r);
    for (size_t i = 0; i < left && i < 9; i++) {
        uint8_t byte = r->p[i];
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            if (byte == 0 && i > 0) {
                return false;
            }
            r->p += i + 1;
            *out = v;
            return true;
        }
    }
    return false;
}

uint64_t read_varint(struct reader *r)
{
    uint64_t v;
    if (varint_short(r, &v)) {
        return v;
    }
    /* 10 bytes have 70 bits: the last one may hold only bit 63. */
    return (uint64_t)varint_slow(r, VARINT64_LEN_MAX, 1);
}

u128 read_varint128(struct reader *r)
{
    uint64_t v;
    if (varint_short(r, &v)) {
        return v;
    }
    /* 19 bytes have 133 bits: the last one may hold only bits 126 and 127. */
    return varint_slow(r, VARINT128_LEN_MAX, 3);
}

i128 read_zigzag(struct reader *r)
{
    u128 v = read_varint128(r);
    u128 half = v >> 1;
    return (i128)((v & 1) != 0 ? ~half : half);
}

struct bytes read_bytes(struct reader *r, size_t len)
{
    if (reader_left(r) < len) {
        reader_fail(r);
        return (struct bytes){0};
    }
    struct bytes b = {r->p, len};
    if (len > 0) {
        r->p += len;
    }
    return b;
}

struct text read_sized(struct reader *r)
{
    struct bytes b = read_bytes(r, read_varint(r));
    return (struct text){(const char *)b.p, b.len};
}

bool reader_done(const struct reader *r)
{
    return !r->failed && r->p == r->end;
}
