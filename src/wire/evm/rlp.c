/* SPDX-License-Identifier: Apache-2.0
 * RLP: one byte below 0x80 stands for itself; 0x80.. and 0xc0.. begin strings and lists of up to 55
 * bytes, 0xb8.. and 0xf8.. longer ones by the length of their length. */
#include "wire/evm/rlp.h"

#include <string.h>

#define STRING_BASE 0x80
#define LIST_BASE   0xc0
#define SHORT_MAX   55
#define HEAD_MAX    9 /* the first byte and a length of 8 */

/* The bytes before a body of `len`; returns how many. */
static size_t head_write(uint8_t out[HEAD_MAX], uint8_t base, size_t len)
{
    if (len <= SHORT_MAX) {
        out[0] = (uint8_t)(base + len);
        return 1;
    }
    size_t count = 0;
    for (size_t rest = len; rest > 0; rest >>= 8) {
        count++;
    }
    out[0] = (uint8_t)(base + SHORT_MAX + count);
    for (size_t i = count; i > 0; i--) {
        out[i] = (uint8_t)len;
        len >>= 8;
    }
    return 1 + count;
}

void rlp_put_bytes(struct buf *out, struct bytes in)
{
    if (in.len != 1 || in.p[0] >= STRING_BASE) {
        uint8_t head[HEAD_MAX];
        buf_put(out, head, head_write(head, STRING_BASE, in.len));
    }
    if (in.len > 0) {
        buf_put(out, in.p, in.len);
    }
}

void rlp_put_u256(struct buf *out, struct u256 v)
{
    uint8_t word[U256_LEN];
    size_t size = u256_size(v);
    u256_to_be(v, word);
    rlp_put_bytes(out, (struct bytes){word + sizeof(word) - size, size});
}

void rlp_put_u64(struct buf *out, uint64_t v)
{
    rlp_put_u256(out, u256_of(v));
}

size_t rlp_list_begin(struct buf *out)
{
    return out->len;
}

void rlp_list_end(struct buf *out, size_t start)
{
    METE_ASSERT(start <= out->len);
    size_t len = out->len - start;
    uint8_t head[HEAD_MAX];
    size_t head_len = head_write(head, LIST_BASE, len);
    buf_reserve(out, head_len);
    memmove(out->p + start + head_len, out->p + start, len);
    memcpy(out->p + start, head, head_len);
    out->len += head_len;
}

/* A length of `count` bytes: without leading zeros, above what the short form holds. */
static bool length_read(struct bytes in, size_t count, size_t *len)
{
    if (in.len < count || in.p[0] == 0) {
        return false;
    }
    uint64_t v = 0;
    for (size_t i = 0; i < count; i++) {
        v = v << 8 | in.p[i];
    }
    if (v <= SHORT_MAX || v > in.len - count) {
        return false;
    }
    *len = (size_t)v;
    return true;
}

bool rlp_next(struct bytes *rest, struct rlp_item *out)
{
    if (rest->len == 0) {
        return false;
    }
    uint8_t first = rest->p[0];
    if (first < STRING_BASE) {
        *out = (struct rlp_item){.is_list = false, .body = {rest->p, 1}};
        *rest = (struct bytes){rest->p + 1, rest->len - 1};
        return true;
    }
    bool is_list = first >= LIST_BASE;
    struct bytes after = {rest->p + 1, rest->len - 1};
    size_t len = (size_t)(first - (is_list ? LIST_BASE : STRING_BASE));
    if (len > SHORT_MAX) {
        size_t count = len - SHORT_MAX;
        if (!length_read(after, count, &len)) {
            return false;
        }
        after = (struct bytes){after.p + count, after.len - count};
    }
    if (len > after.len || (!is_list && len == 1 && after.p[0] < STRING_BASE)) {
        return false;
    }
    *out = (struct rlp_item){.is_list = is_list, .body = {after.p, len}};
    *rest = (struct bytes){after.p + len, after.len - len};
    return true;
}

bool rlp_whole(struct bytes in, struct rlp_item *out)
{
    struct rlp_item item;
    if (!rlp_next(&in, &item) || in.len != 0) {
        return false;
    }
    *out = item;
    return true;
}

static bool next_body(struct bytes *rest, bool is_list, struct bytes *out)
{
    struct rlp_item item;
    struct bytes after = *rest;
    if (!rlp_next(&after, &item) || item.is_list != is_list) {
        return false;
    }
    *rest = after;
    *out = item.body;
    return true;
}

bool rlp_next_list(struct bytes *rest, struct bytes *items)
{
    return next_body(rest, true, items);
}

bool rlp_next_string(struct bytes *rest, struct bytes *out)
{
    return next_body(rest, false, out);
}

bool rlp_next_fixed(struct bytes *rest, uint8_t *out, size_t len)
{
    struct bytes after = *rest, body;
    if (!rlp_next_string(&after, &body) || body.len != len) {
        return false;
    }
    if (len > 0) {
        memcpy(out, body.p, len);
    }
    *rest = after;
    return true;
}

bool rlp_next_u256(struct bytes *rest, struct u256 *out)
{
    struct bytes after = *rest, body;
    if (!rlp_next_string(&after, &body) || (body.len > 0 && body.p[0] == 0) ||
        !u256_from_bytes(body, out)) {
        return false;
    }
    *rest = after;
    return true;
}

bool rlp_next_u64(struct bytes *rest, uint64_t *out)
{
    struct bytes after = *rest;
    struct u256 v;
    if (!rlp_next_u256(&after, &v) || !u256_to_u64(v, out)) {
        return false;
    }
    *rest = after;
    return true;
}

bool rlp_count(struct bytes items, size_t *count)
{
    struct rlp_item item;
    size_t n = 0;
    while (items.len > 0) {
        if (!rlp_next(&items, &item)) {
            return false;
        }
        n++;
    }
    *count = n;
    return true;
}
