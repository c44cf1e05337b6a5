/* SPDX-License-Identifier: Apache-2.0
 * Lookups touch, for each run: one segment's bounds, one line of its Bloom filter, and only on a
 * hit its first keys and one block. */
#include "store/state/run.h"

#include "base/text.h"
#include "store/state/bloom.h"

#include <stdlib.h>
#include <string.h>

struct run *run_new(uint64_t id, uint32_t level, uint64_t oldest, uint64_t newest)
{
    struct run *r = calloc(1, sizeof *r);
    METE_ASSERT(r != NULL && oldest <= newest);
    r->id = id;
    r->level = level;
    r->oldest = oldest;
    r->newest = newest;
    return r;
}

void run_free(struct run *r, struct cache *c)
{
    for (size_t i = r->begin; i < r->count; i++) {
        segment_free(r->segment[i], c);
    }
    free(r->segment);
    free(r->last);
    free(r);
}

uint64_t run_key_prefix(struct bytes key)
{
    uint64_t v = 0;
    if (key.len > 0) {
        memcpy(&v, key.p, key.len < sizeof v ? key.len : sizeof v);
    }
    return __builtin_bswap64(v);
}

void run_push(struct run *r, struct segment *s)
{
    METE_ASSERT(run_empty(r) || bytes_cmp(r->segment[r->count - 1]->last, s->first) < 0);
    if (r->count == r->cap) {
        r->cap = r->cap == 0 ? 8 : r->cap * 2;
        r->segment = realloc(r->segment, r->cap * sizeof(struct segment *));
        r->last = realloc(r->last, r->cap * sizeof *r->last);
        METE_ASSERT(r->segment != NULL && r->last != NULL);
    }
    r->last[r->count] = run_key_prefix(s->last);
    r->segment[r->count++] = s;
}

bool run_empty(const struct run *r)
{
    return r->begin == r->count;
}

bool lookup_under(struct lookup *l, enum item_op op, struct bytes value)
{
    METE_ASSERT(!l->final);
    bool first = !l->any;
    l->any = true;
    l->final = op != ITEM_ADD;
    if (first) {
        l->op = op;
    } else if (op == ITEM_PUT) {
        return false; /* a key is either set or added to */
    } else if (op != ITEM_ADD) {
        l->op = ITEM_SUM;
    }
    if (op == ITEM_PUT) {
        buf_reset(l->value);
        buf_put(l->value, value.p, value.len);
    } else if (op != ITEM_DELETE) {
        i128 sums[STATE_SUMS];
        if (!sums_unpack(value, sums)) {
            return false;
        }
        sums_add(l->sums, sums);
    }
    return true;
}

/** The first segment whose last key is not below `key`; r->count when there is none. */
static size_t segment_for(const struct run *r, struct bytes key, uint64_t prefix)
{
    size_t lo = r->begin;
    size_t hi = r->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        bool below = r->last[mid] != prefix ? r->last[mid] < prefix
                                            : bytes_cmp(r->segment[mid]->last, key) < 0;
        if (below) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

static bool below_floor(const struct run *r, struct bytes key)
{
    return r->floor.len > 0 && bytes_cmp(key, (struct bytes){r->floor.b, r->floor.len}) <= 0;
}

static enum mete_code damaged(const struct segment *s, struct mete_err *err)
{
    return mete_fail(err, METE_STORE_CORRUPT, NULL, "segment %llu of the state is damaged",
                     (unsigned long long)s->id);
}

struct run_probe run_probe(const struct run *r, struct bytes key, uint64_t prefix, uint64_t hash)
{
    struct run_probe none = {NULL};
    size_t at = below_floor(r, key) ? r->count : segment_for(r, key, prefix);
    if (at == r->count || bytes_cmp(key, r->segment[at]->first) < 0) {
        return none;
    }
    struct segment *s = r->segment[at];
    if (s->index != NULL && class_has_bloom(key.p[0])) {
        __builtin_prefetch(s->view.bloom + bloom_line(s->view.bloom_size, hash));
    }
    return (struct run_probe){s};
}

#define BLOCK_NONE UINT32_MAX /* the filter rules the key out */

/** Which block of the segment may have the key. */
static enum mete_code filter(struct run_probe probe, struct cache *c, struct bytes key,
                             uint64_t hash, uint32_t *block_no, struct mete_err *err)
{
    struct segment *s = probe.segment;
    struct block *index = segment_index(s, c, err);
    if (index == NULL) {
        return err->code;
    }
    bool may = true;
    if (class_has_bloom(key.p[0])) {
        may = bloom_may_have(s->view.bloom, s->view.bloom_size, hash);
        c->stats->bloom_asked++;
        c->stats->bloom_passed += may;
    }
    *block_no = may ? index_block_of(&s->view, key) : BLOCK_NONE;
    cache_unpin(c, index);
    return METE_OK;
}

enum mete_code run_get(struct run_probe probe, struct cache *c, struct bytes key, uint64_t hash,
                       struct lookup *l, struct mete_err *err)
{
    struct segment *s = probe.segment;
    uint32_t block_no = BLOCK_NONE;
    if (s == NULL) {
        return METE_OK;
    }
    enum mete_code code = filter(probe, c, key, hash, &block_no, err);
    if (code != METE_OK || block_no == BLOCK_NONE) {
        return code;
    }
    struct block *b = cache_get(c, s->first_block + block_no, BLOCK_DATA, err);
    if (b == NULL) {
        return err->code;
    }
    struct block_reader reader;
    block_reader_seek(&reader, b->data, key);
    bool ok = !reader.damaged;
    if (reader.valid && bytes_cmp(reader.item.key, key) == 0) {
        ok = lookup_under(l, reader.item.op, reader.item.value);
    } else if (class_has_bloom(key.p[0])) {
        c->stats->bloom_false++;
    }
    cache_unpin(c, b);
    return ok ? METE_OK : damaged(s, err);
}

/* --- walking -----------------------------------------------------------------------------------*/

void run_cursor_close(struct run_cursor *rc)
{
    if (rc->block != NULL) {
        cache_unpin(rc->cache, rc->block);
        rc->block = NULL;
    }
    rc->valid = false;
}

static enum mete_code block_enter(struct run_cursor *rc, struct mete_err *err)
{
    run_cursor_close(rc);
    struct segment *s = rc->run->segment[rc->segment];
    rc->block = cache_get(rc->cache, s->first_block + rc->block_no, rc->use, err);
    return rc->block != NULL ? METE_OK : err->code;
}

/** Goes on to the next block, in the next segment if need be, until an item is there. */
static enum mete_code settle(struct run_cursor *rc, struct mete_err *err)
{
    while (!rc->reader.valid) {
        struct segment *s = rc->run->segment[rc->segment];
        if (rc->reader.damaged) {
            run_cursor_close(rc);
            return damaged(s, err);
        }
        if (++rc->block_no == s->blocks) {
            rc->block_no = 0;
            if (++rc->segment == rc->run->count) {
                run_cursor_close(rc);
                return METE_OK;
            }
        }
        enum mete_code code = block_enter(rc, err);
        if (code != METE_OK) {
            return code;
        }
        block_reader_first(&rc->reader, rc->block->data);
    }
    rc->valid = true;
    return METE_OK;
}

enum mete_code run_cursor_next(struct run_cursor *rc, struct mete_err *err)
{
    METE_ASSERT(rc->valid);
    block_reader_next(&rc->reader);
    return rc->reader.valid ? METE_OK : settle(rc, err);
}

enum mete_code run_cursor_seek(struct run_cursor *rc, struct run *r, struct cache *c,
                               enum block_use use, struct bytes from, struct mete_err *err)
{
    bool after_floor = below_floor(r, from) || (from.len == 0 && r->floor.len > 0);
    if (after_floor) {
        from = (struct bytes){r->floor.b, r->floor.len};
    }
    rc->run = r;
    rc->cache = c;
    rc->use = use;
    rc->block = NULL;
    rc->valid = false;
    rc->segment = segment_for(r, from, run_key_prefix(from));
    if (rc->segment == r->count) {
        return METE_OK;
    }
    struct block *index = segment_index(r->segment[rc->segment], c, err);
    if (index == NULL) {
        return err->code;
    }
    rc->block_no = index_block_of(&r->segment[rc->segment]->view, from);
    cache_unpin(c, index);
    enum mete_code code = block_enter(rc, err);
    if (code != METE_OK) {
        return code;
    }
    block_reader_seek(&rc->reader, rc->block->data, from);
    code = settle(rc, err);
    if (code == METE_OK && rc->valid && after_floor && bytes_cmp(rc->reader.item.key, from) == 0) {
        code = run_cursor_next(rc, err);
    }
    return code;
}
