/* SPDX-License-Identifier: Apache-2.0
 * Index block: Bloom filter, first keys, where each of them ends (32 bits big-endian), number of
 * blocks, size of the filter. */
#include "store/state/segment.h"

#include "base/text.h"
#include "store/state/bloom.h"

#include <stdlib.h>
#include <string.h>

#define PLACE_SIZE ((size_t)4)

static uint32_t be32_at(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}

bool class_has_bloom(uint8_t class)
{
    return class != KEY_ENTRY && class != KEY_PENDING;
}

struct segment *segment_new(const struct segment_row *row)
{
    struct segment *s = malloc(sizeof *s + row->first.len + row->last.len);
    METE_ASSERT(s != NULL);
    *s = (struct segment){.id = row->id,
                          .first_block = row->first_block,
                          .blocks = row->blocks,
                          .items = row->items,
                          .size = row->size};
    memcpy(s->room, row->first.b, row->first.len);
    memcpy(s->room + row->first.len, row->last.b, row->last.len);
    s->first = (struct bytes){s->room, row->first.len};
    s->last = (struct bytes){s->room + row->first.len, row->last.len};
    return s;
}

void segment_free(struct segment *s, struct cache *c)
{
    for (uint32_t i = 0; i <= s->blocks; i++) {
        cache_drop(c, s->first_block + i);
    }
    free(s);
}

size_t segment_memory(const struct segment *s)
{
    return sizeof *s + s->first.len + s->last.len + sizeof(struct segment *);
}

static struct index_view index_view_of(const struct block *index)
{
    struct index_view v = {.damaged = true};
    struct bytes d = index->data;
    if (d.len < 2 * PLACE_SIZE) {
        return v;
    }
    v.blocks = be32_at(d.p + d.len - 2 * PLACE_SIZE);
    v.bloom_size = be32_at(d.p + d.len - PLACE_SIZE);
    size_t tail = (2 + (size_t)v.blocks) * PLACE_SIZE;
    if (v.blocks == 0 || tail > d.len || v.bloom_size > d.len - tail ||
        v.bloom_size % BLOOM_LINE != 0) {
        return v;
    }
    v.bloom = d.p;
    v.keys = d.p + v.bloom_size;
    v.places = d.p + d.len - tail;
    v.damaged = be32_at(v.places + (v.blocks - 1) * PLACE_SIZE) != (size_t)(v.places - v.keys);
    return v;
}

struct block *segment_index(struct segment *s, struct cache *c, struct mete_err *err)
{
    struct block *b = s->index;
    if (b != NULL) {
        b->pins++;
        b->chances = 3;
        return b;
    }
    b = cache_get(c, s->first_block + s->blocks, BLOCK_INDEX, err);
    if (b == NULL) {
        return NULL;
    }
    struct index_view v = index_view_of(b);
    if (v.damaged || v.blocks != s->blocks) {
        cache_unpin(c, b);
        mete_fail(err, METE_STORE_CORRUPT, NULL, "the index of segment %llu is damaged",
                  (unsigned long long)s->id);
        return NULL;
    }
    b->owner = &s->index;
    s->index = b;
    s->view = v;
    return b;
}

static struct bytes first_key(const struct index_view *v, uint32_t i)
{
    uint32_t begin = i == 0 ? 0 : be32_at(v->places + (i - 1) * PLACE_SIZE);
    uint32_t end = be32_at(v->places + i * PLACE_SIZE);
    size_t max = (size_t)(v->places - v->keys);
    if (begin > end || end > max) { /* the checksum held: our own mistake, but never read wild */
        return (struct bytes){v->keys, 0};
    }
    return (struct bytes){v->keys + begin, end - begin};
}

uint32_t index_block_of(const struct index_view *v, struct bytes key)
{
    uint32_t lo = 0;
    uint32_t hi = v->blocks;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (bytes_cmp(first_key(v, mid), key) <= 0) {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    return lo;
}

/* --- building ----------------------------------------------------------------------------------*/

void segment_builder_clear(struct segment_builder *b)
{
    block_writer_clear(&b->block);
    buf_clear(&b->data);
    buf_clear(&b->keys);
    free(b->hash);
    *b = (struct segment_builder){.blocks_max = b->blocks_max, .bloom_bits = b->bloom_bits};
}

static void builder_reset(struct segment_builder *b)
{
    block_writer_reset(&b->block);
    buf_reset(&b->data);
    buf_reset(&b->keys);
    b->blocks = 0;
    b->hashes = 0;
    b->items = 0;
}

bool segment_builder_empty(const struct segment_builder *b)
{
    return b->items == 0;
}

bool segment_builder_full(const struct segment_builder *b)
{
    uint32_t max = b->blocks_max == 0 ? SEGMENT_BLOCKS_MAX : b->blocks_max;
    return b->blocks + 1 >= max; /* one more is open */
}

size_t segment_builder_memory(const struct segment_builder *b)
{
    return b->data.cap + b->keys.cap + b->block.out.cap + b->hash_cap * sizeof *b->hash;
}

static void bound_set(struct bound *to, struct bytes key)
{
    to->len = (uint16_t)key.len;
    memcpy(to->b, key.p, key.len);
}

static void block_end(struct segment_builder *b)
{
    METE_ASSERT(b->blocks < SEGMENT_BLOCKS_MAX);
    block_writer_finish(&b->block);
    buf_put(&b->data, b->block.out.p, b->block.out.len);
    METE_ASSERT(b->data.len <= UINT32_MAX);
    b->end[b->blocks++] = (uint32_t)b->data.len;
    block_writer_reset(&b->block);
}

static void hash_push(struct segment_builder *b, struct bytes key)
{
    if (b->hashes == b->hash_cap) {
        b->hash_cap = b->hash_cap == 0 ? 4096 : b->hash_cap * 2;
        b->hash = realloc(b->hash, b->hash_cap * sizeof *b->hash);
        METE_ASSERT(b->hash != NULL);
    }
    b->hash[b->hashes++] = bloom_hash(key);
}

void segment_builder_add(struct segment_builder *b, const struct item *item)
{
    if (block_writer_full(&b->block, item)) {
        block_end(b);
    }
    if (block_writer_empty(&b->block)) {
        buf_put(&b->keys, item->key.p, item->key.len);
        b->key_end[b->blocks] = (uint32_t)b->keys.len;
    }
    if (b->items == 0) {
        bound_set(&b->first, item->key);
    }
    if (class_has_bloom(item->key.p[0])) {
        hash_push(b, item->key);
    }
    block_writer_add(&b->block, item);
    b->items++;
}

static void index_build(const struct segment_builder *b, struct buf *out)
{
    size_t size = bloom_size(b->hashes, b->bloom_bits == 0 ? BLOOM_BITS_FEW : b->bloom_bits);
    buf_reserve(out, size + b->keys.len + (b->blocks + 2) * PLACE_SIZE + BLOCK_CHECKSUM_LEN);
    if (size > 0) {
        memset(out->p, 0, size);
    }
    out->len = size;
    for (size_t i = 0; i < b->hashes; i++) {
        bloom_add(out->p, size, b->hash[i]);
    }
    buf_put(out, b->keys.p, b->keys.len);
    for (uint32_t i = 0; i < b->blocks; i++) {
        buf_put_be32(out, b->key_end[i]);
    }
    buf_put_be32(out, b->blocks);
    buf_put_be32(out, (uint32_t)size);
}

enum mete_code segment_builder_write(struct segment_builder *b, struct cache *c,
                                     struct segment_row *row, struct mete_err *err)
{
    METE_ASSERT(b->items > 0);
    struct buf out = {0};
    bound_set(&b->last, (struct bytes){b->block.key, b->block.key_len});
    if (!block_writer_empty(&b->block)) {
        block_end(b);
    }
    enum mete_code code = METE_OK;
    row->size = 0;
    for (uint32_t i = 0; i < b->blocks && code == METE_OK; i++) {
        uint32_t begin = i == 0 ? 0 : b->end[i - 1];
        buf_reset(&out);
        buf_put(&out, b->data.p + begin, b->end[i] - begin);
        code = cache_write(c, row->first_block + i, &out, err);
        row->size += out.len;
    }
    if (code == METE_OK) {
        buf_reset(&out);
        index_build(b, &out);
        code = cache_write(c, row->first_block + b->blocks, &out, err);
        row->size += out.len;
    }
    row->blocks = b->blocks;
    row->items = b->items;
    row->first = b->first;
    row->last = b->last;
    buf_clear(&out);
    builder_reset(b);
    return code;
}
