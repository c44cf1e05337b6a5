/* SPDX-License-Identifier: Apache-2.0
 * The checksum is the front of SHA-256 over block number and content, so a block that stands in
 * another's place is found out too. */
#include "store/state/cache.h"

#include "crypto/hash.h"
#include "store/memory_limit.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN   ((size_t)256)
#define CHANCES_DATA  1
#define CHANCES_INDEX 3

/* Of the memory that the process may have, for index blocks. */
#define INDEX_PART 8

static _Atomic size_t index_size; /* of all caches that are not strict */

static size_t index_max(void)
{
    return memory_limit() / INDEX_PART;
}

void cache_init(struct cache *c, const struct state_port *port, void *ctx,
                struct state_stats *stats, size_t size_max, bool is_strict)
{
    *c = (struct cache){
        .port = port, .ctx = ctx, .stats = stats, .size_max = size_max, .is_strict = is_strict};
}

static size_t block_cost(const struct block *b)
{
    return sizeof *b + b->data.len + BLOCK_CHECKSUM_LEN + sizeof(struct block *);
}

/* Block numbers are given in a row, so their low bits spread well. */
static size_t bucket_of(const struct cache *c, uint64_t id)
{
    return (size_t)id & (c->bucket_count - 1);
}

static struct block *find(const struct cache *c, uint64_t id)
{
    struct block *b = c->bucket_count == 0 ? NULL : c->bucket[bucket_of(c, id)];
    while (b != NULL && b->id != id) {
        b = b->chain;
    }
    return b;
}

static void buckets_grow(struct cache *c)
{
    size_t count = c->bucket_count == 0 ? BUCKETS_MIN : c->bucket_count * 2;
    struct block **old = c->bucket;
    size_t old_count = c->bucket_count;
    c->bucket = calloc(count, sizeof(struct block *));
    METE_ASSERT(c->bucket != NULL);
    c->bucket_count = count;
    for (size_t i = 0; i < old_count; i++) {
        for (struct block *b = old[i], *next; b != NULL; b = next) {
            next = b->chain;
            b->chain = c->bucket[bucket_of(c, b->id)];
            c->bucket[bucket_of(c, b->id)] = b;
        }
    }
    free(old);
}

static void enter(struct cache *c, struct block *b)
{
    if (c->count >= c->bucket_count) {
        buckets_grow(c);
    }
    struct block **bucket = &c->bucket[bucket_of(c, b->id)];
    b->chain = *bucket;
    *bucket = b;
    if (c->hand == NULL) {
        b->prev = b;
        b->next = b;
        c->hand = b;
    } else { /* behind the hand: it comes last */
        b->next = c->hand;
        b->prev = c->hand->prev;
        b->prev->next = b;
        c->hand->prev = b;
    }
    b->cached = true;
    c->count++;
    c->size += block_cost(b);
    if (b->is_index) {
        c->index_size += block_cost(b);
        index_size += c->is_strict ? 0 : block_cost(b);
    }
}

static void leave(struct cache *c, struct block *b)
{
    METE_ASSERT(b->pins == 0);
    struct block **at = &c->bucket[bucket_of(c, b->id)];
    while (*at != b) {
        at = &(*at)->chain;
    }
    *at = b->chain;
    if (c->hand == b) {
        c->hand = b->next == b ? NULL : b->next;
    }
    b->prev->next = b->next;
    b->next->prev = b->prev;
    if (b->owner != NULL) {
        *b->owner = NULL;
    }
    c->count--;
    c->size -= block_cost(b);
    if (b->is_index) {
        c->index_size -= block_cost(b);
        index_size -= c->is_strict ? 0 : block_cost(b);
    }
    free(b);
}

/** Whether blocks of this kind take more than they may. A cache whose index blocks are fewer than
 *  what it may have of data leaves it to others to make room for index blocks. */
static bool is_over(const struct cache *c, bool index)
{
    if (c->is_strict) {
        return c->size > c->size_max;
    }
    return index ? index_size > index_max() && c->index_size > c->size_max
                 : c->size - c->index_size > c->size_max;
}

/** Makes room. What is pinned stays, so the bound may be passed by what one reader holds. */
static void evict(struct cache *c)
{
    size_t looked = 0;
    while ((is_over(c, false) || is_over(c, true)) && c->hand != NULL &&
           looked < (CHANCES_INDEX + 2) * c->count) {
        struct block *b = c->hand;
        c->hand = b->next;
        looked++;
        if (b->pins > 0 || !is_over(c, b->is_index)) {
            continue;
        }
        if (b->chances > 0) {
            b->chances--;
            continue;
        }
        leave(c, b);
    }
}

static void checksum(uint64_t id, struct bytes data, uint8_t out[BLOCK_CHECKSUM_LEN])
{
    uint8_t number[8];
    for (size_t i = 0; i < sizeof number; i++) {
        number[i] = (uint8_t)(id >> (56 - 8 * i));
    }
    const struct bytes parts[] = {{number, sizeof number}, data};
    struct hash h = sha256_parts(parts, ARRAY_LEN(parts));
    memcpy(out, h.b, BLOCK_CHECKSUM_LEN);
}

static struct block *load(struct cache *c, uint64_t id, struct mete_err *err)
{
    struct bytes data;
    uint8_t sum[BLOCK_CHECKSUM_LEN];
    if (c->port->block_read(c->ctx, id, &data, err) != METE_OK) {
        return NULL;
    }
    c->stats->blocks_read++;
    if (data.len >= BLOCK_CHECKSUM_LEN) {
        data.len -= BLOCK_CHECKSUM_LEN;
        checksum(id, data, sum);
    }
    if (data.len == 0 || memcmp(sum, data.p + data.len, BLOCK_CHECKSUM_LEN) != 0) {
        mete_fail(err, METE_STORE_CORRUPT, NULL, "block %llu of the state is damaged",
                  (unsigned long long)id);
        return NULL;
    }
    size_t size = (sizeof(struct block) + data.len + 63) / 64 * 64;
    struct block *b = aligned_alloc(64, size);
    METE_ASSERT(b != NULL);
    *b = (struct block){.id = id};
    memcpy(b->room, data.p, data.len);
    b->data = (struct bytes){b->room, data.len};
    return b;
}

struct block *cache_get(struct cache *c, uint64_t id, enum block_use use, struct mete_err *err)
{
    struct block *b = find(c, id);
    if (b != NULL) {
        c->stats->cache_hits++;
    } else {
        b = load(c, id, err);
        if (b == NULL) {
            return NULL;
        }
        b->is_index = use == BLOCK_INDEX;
        if (use != BLOCK_ONCE) {
            enter(c, b);
        }
    }
    b->pins++;
    if (use != BLOCK_ONCE) {
        b->chances = use == BLOCK_INDEX ? CHANCES_INDEX : CHANCES_DATA;
        evict(c);
    }
    return b;
}

void cache_unpin(struct cache *c, struct block *b)
{
    METE_ASSERT(b->pins > 0);
    b->pins--;
    if (b->pins == 0 && !b->cached) {
        free(b);
    } else if (b->pins == 0) {
        evict(c);
    }
}

void cache_drop(struct cache *c, uint64_t id)
{
    struct block *b = find(c, id);
    if (b != NULL) {
        leave(c, b);
    }
}

void cache_clear(struct cache *c)
{
    while (c->hand != NULL) {
        leave(c, c->hand);
    }
    free(c->bucket);
    cache_init(c, c->port, c->ctx, c->stats, c->size_max, c->is_strict);
}

enum mete_code cache_write(struct cache *c, uint64_t id, struct buf *data, struct mete_err *err)
{
    uint8_t sum[BLOCK_CHECKSUM_LEN];
    checksum(id, buf_bytes(data), sum);
    buf_put(data, sum, sizeof sum);
    c->stats->blocks_written++;
    c->stats->block_bytes_written += data->len;
    return c->port->block_write(c->ctx, id, buf_bytes(data), err);
}
