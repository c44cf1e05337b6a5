/* SPDX-License-Identifier: Apache-2.0
 * A growing byte buffer, and the variable-length integers of the packed formats (doc/format.md).
 * A reader never reads past its end: it turns `failed` and returns zeros from then on. */
#ifndef METE_BASE_BUF_H
#define METE_BASE_BUF_H

#include "base/types.h"

struct buf {
    uint8_t *p;
    size_t len;
    size_t cap;
};

/** A zeroed struct buf is empty and valid. */
void buf_clear(struct buf *b); /* gives the memory back */
void buf_reset(struct buf *b); /* len = 0, keeps the memory */
void buf_reserve(struct buf *b, size_t more);
void buf_put(struct buf *b, const void *p, size_t len);
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_text(struct buf *b, struct text t); /* the characters alone */
void buf_put_str(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) METE_PRINTF(2, 3);
struct bytes buf_bytes(const struct buf *b);
struct text buf_text(const struct buf *b);

/** Big-endian, so that byte order is numeric order in keys. */
void buf_put_be16(struct buf *b, uint16_t v);
void buf_put_be32(struct buf *b, uint32_t v);
void buf_put_be64(struct buf *b, uint64_t v);

/** LEB128: seven bits a byte, lowest first. Always the shortest form. */
void buf_put_varint(struct buf *b, uint64_t v);
void buf_put_varint128(struct buf *b, u128 v);
/** Zigzag (0, -1, 1, -2 ...) then LEB128. */
void buf_put_zigzag(struct buf *b, i128 v);
/** varint length, then the characters. */
void buf_put_sized(struct buf *b, struct text t);

struct reader {
    const uint8_t *p;
    const uint8_t *end;
    bool failed; /* ran past the end, or a varint was too long or not the shortest form */
};

struct reader reader_of(struct bytes b);
uint8_t read_u8(struct reader *r);
uint16_t read_be16(struct reader *r);
uint32_t read_be32(struct reader *r);
uint64_t read_be64(struct reader *r);
uint64_t read_varint(struct reader *r);
u128 read_varint128(struct reader *r);
i128 read_zigzag(struct reader *r);
struct bytes read_bytes(struct reader *r, size_t len);
struct text read_sized(struct reader *r);
/** All was read and nothing failed. */
bool reader_done(const struct reader *r);

#endif
