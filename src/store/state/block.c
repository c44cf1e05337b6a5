/* SPDX-License-Identifier: Apache-2.0
 * Item: varint shared, varint rest, op | min(len, 63) << 2, [varint len - 63,] rest of the key,
 * value. Then the places of the restarts and their count, 32 bits big-endian each. */
#include "store/state/block.h"

#include "base/text.h"

#include <string.h>

#define RESTART_EVERY 16
#define LEN_INLINE    63u
#define ITEM_HEAD_MAX ((size_t)12)
#define PLACE_SIZE    ((size_t)4)

void block_writer_reset(struct block_writer *w)
{
    buf_reset(&w->out);
    buf_reset(&w->restarts);
    w->since_restart = 0;
    w->restart_count = 0;
    w->key_len = 0;
}

void block_writer_clear(struct block_writer *w)
{
    buf_clear(&w->out);
    buf_clear(&w->restarts);
    *w = (struct block_writer){0};
}

bool block_writer_empty(const struct block_writer *w)
{
    return w->restart_count == 0;
}

bool block_writer_full(const struct block_writer *w, const struct item *item)
{
    size_t more = ITEM_HEAD_MAX + item->key.len + item->value.len + 2 * PLACE_SIZE;
    return !block_writer_empty(w) && w->out.len + w->restarts.len + more > BLOCK_SIZE_MAX;
}

static size_t shared_len(const struct block_writer *w, struct bytes key)
{
    size_t max = w->key_len < key.len ? w->key_len : key.len;
    size_t n = 0;
    while (n < max && w->key[n] == key.p[n]) {
        n++;
    }
    return n;
}

void block_writer_add(struct block_writer *w, const struct item *item)
{
    size_t shared = 0;
    METE_ASSERT(item->key.len > 0 && item->key.len <= STATE_KEY_MAX);
    if (w->restart_count == 0 || w->since_restart == RESTART_EVERY) {
        buf_put_be32(&w->restarts, (uint32_t)w->out.len);
        w->restart_count++;
        w->since_restart = 0;
    } else {
        shared = shared_len(w, item->key);
    }
    w->since_restart++;
    size_t rest = item->key.len - shared;
    size_t len = item->value.len;
    buf_reserve(&w->out, ITEM_HEAD_MAX + rest + len);
    buf_put_varint(&w->out, shared);
    buf_put_varint(&w->out, rest);
    buf_put_u8(&w->out, (uint8_t)(item->op | (len < LEN_INLINE ? len : LEN_INLINE) << 2));
    if (len >= LEN_INLINE) {
        buf_put_varint(&w->out, len - LEN_INLINE);
    }
    buf_put(&w->out, item->key.p + shared, rest);
    buf_put(&w->out, item->value.p, len);
    memcpy(w->key + shared, item->key.p + shared, rest);
    w->key_len = item->key.len;
}

void block_writer_finish(struct block_writer *w)
{
    buf_put(&w->out, w->restarts.p, w->restarts.len);
    buf_put_be32(&w->out, w->restart_count);
}

/* --- reading -----------------------------------------------------------------------------------*/

static uint32_t be32_at(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}

static void reader_damaged(struct block_reader *r)
{
    r->damaged = true;
    r->valid = false;
}

static bool reader_open(struct block_reader *r, struct bytes block)
{
    r->valid = false;
    r->damaged = false;
    r->item.key.len = 0;
    if (block.len < 2 * PLACE_SIZE) {
        reader_damaged(r);
        return false;
    }
    r->restart_count = be32_at(block.p + block.len - PLACE_SIZE);
    if (r->restart_count == 0 || r->restart_count > block.len / PLACE_SIZE - 1) {
        reader_damaged(r);
        return false;
    }
    r->begin = block.p;
    r->end = block.p + block.len - PLACE_SIZE * (1 + (size_t)r->restart_count);
    r->next = r->begin;
    return true;
}

/** The numbers of an item's head; nearly always one byte each. */
static bool take_head(struct block_reader *r, size_t *shared, size_t *rest, uint8_t *op_len,
                      size_t *len)
{
    const uint8_t *p = r->next;
    if (r->end - p >= 3 && p[0] < 0x80 && p[1] < 0x80 && p[2] >> 2 != LEN_INLINE) {
        *shared = p[0];
        *rest = p[1];
        *op_len = p[2];
        *len = p[2] >> 2;
        r->next = p + 3;
        return true;
    }
    struct reader in = {p, r->end, false};
    *shared = read_varint(&in);
    *rest = read_varint(&in);
    *op_len = read_u8(&in);
    *len = *op_len >> 2;
    if (*len == LEN_INLINE) {
        uint64_t more = read_varint(&in);
        in.failed = in.failed || more > UINT32_MAX;
        *len += more;
    }
    r->next = in.p;
    return !in.failed;
}

void block_reader_next(struct block_reader *r)
{
    size_t shared;
    size_t rest;
    size_t len;
    uint8_t head;
    if (r->next == r->end) {
        r->valid = false;
        return;
    }
    if (!take_head(r, &shared, &rest, &head, &len)) {
        reader_damaged(r);
        return;
    }
    size_t left = (size_t)(r->end - r->next);
    if (shared > r->item.key.len || rest > STATE_KEY_MAX - shared || rest > left ||
        len > left - rest || shared + rest == 0) {
        reader_damaged(r);
        return;
    }
    memcpy(r->key + shared, r->next, rest);
    r->item.key = (struct bytes){r->key, shared + rest};
    r->item.op = (enum item_op)(head & 3);
    r->item.value = (struct bytes){r->next + rest, len};
    r->next += rest + len;
    r->valid = true;
}

void block_reader_first(struct block_reader *r, struct bytes block)
{
    if (reader_open(r, block)) {
        block_reader_next(r);
    }
}

/** Moves to restart `i` and reads it; its key is whole. */
static void restart_read(struct block_reader *r, uint32_t i)
{
    uint32_t place = be32_at(r->end + (size_t)i * PLACE_SIZE);
    r->item.key.len = 0;
    if (place >= (size_t)(r->end - r->begin)) {
        reader_damaged(r);
        return;
    }
    r->next = r->begin + place;
    block_reader_next(r);
}

void block_reader_seek(struct block_reader *r, struct bytes block, struct bytes key)
{
    if (!reader_open(r, block)) {
        return;
    }
    uint32_t lo = 0; /* the last restart that is known to be below `key`, or 0 */
    uint32_t hi = r->restart_count;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        restart_read(r, mid);
        if (r->damaged) {
            return;
        }
        if (bytes_cmp(r->item.key, key) < 0) {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    restart_read(r, lo);
    while (r->valid && bytes_cmp(r->item.key, key) < 0) {
        block_reader_next(r);
    }
}
