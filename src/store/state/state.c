/* SPDX-License-Identifier: Apache-2.0
 * Reading and writing the state, and turning the memory buffer into runs. Invariant: for any key,
 * what stands in the buffer hides (or adds to) what stands in the runs, a newer run an older. */
#include "store/state/state.h"

#include "base/text.h"
#include "store/hash_seed.h"
#include "store/state/bloom.h"

#include <stdlib.h>
#include <string.h>

#define MEMTABLE_MIN   ((size_t)16 << 10)
#define MEMTABLE_MAX   ((size_t)64 << 20) /* more makes a flush a pause that one would notice */
#define CACHE_MIN      ((size_t)64 << 10)
#define PROBES_AT_ONCE ((size_t)16)

static size_t clamp(size_t v, size_t min, size_t max)
{
    return v < min ? min : v > max ? max : v;
}

void state_init(struct state *s, const struct state_port *port, void *ctx, size_t memory,
                bool is_strict)
{
    *s = (struct state){.port = port, .ctx = ctx};
    /* Three eighths for the buffer, an eighth for what sorting and merging take for a while, a
     * sixteenth for single answers, the rest for blocks. */
    s->memtable_max = clamp(memory / 8 * 3, MEMTABLE_MIN, MEMTABLE_MAX);
    size_t others = s->memtable_max + memory / 8 + memory / 16;
    size_t rest = memory > others ? memory - others : 0;
    memtable_init(&s->memtable, hash_seed());
    point_cache_init(&s->points, memory / 16);
    cache_init(&s->cache, port, ctx, &s->stats, clamp(rest, CACHE_MIN, SIZE_MAX), is_strict);
    s->next_segment = 1;
    s->next_run = 1;
    s->next_flush = 1;
    s->next_block = 1;
}

static void runs_clear(struct state *s)
{
    for (size_t i = 0; i < STATE_LEVELS_MAX; i++) {
        if (s->merge[i] != NULL) {
            merge_free(s->merge[i]);
            s->merge[i] = NULL;
        }
    }
    for (size_t i = 0; i < s->run_count; i++) {
        run_free(s->run[i], &s->cache);
    }
    s->run_count = 0;
}

void state_runs_reset(struct state *s)
{
    runs_clear(s);
    point_cache_clear(&s->points);
    cache_clear(&s->cache);
}

void state_reset(struct state *s)
{
    state_runs_reset(s);
    memtable_clear(&s->memtable);
    s->items_before = 0;
    s->growth = 0;
}

void state_clear(struct state *s)
{
    state_reset(s);
    free(s->run);
    s->run = NULL;
    buf_clear(&s->value);
}

/* --- the list of runs --------------------------------------------------------------------------*/

void state_run_insert(struct state *s, struct run *r)
{
    if (s->run_count == s->run_cap) {
        s->run_cap = s->run_cap == 0 ? 16 : s->run_cap * 2;
        s->run = realloc(s->run, s->run_cap * sizeof(struct run *));
        METE_ASSERT(s->run != NULL);
    }
    size_t at = 0;
    while (at < s->run_count && s->run[at]->newest > r->newest) {
        at++;
    }
    memmove(s->run + at + 1, s->run + at, (s->run_count - at) * sizeof(struct run *));
    s->run[at] = r;
    s->run_count++;
}

void state_run_remove(struct state *s, struct run *r)
{
    size_t at = 0;
    while (s->run[at] != r) {
        at++;
        METE_ASSERT(at < s->run_count);
    }
    s->run_count--;
    memmove(s->run + at, s->run + at + 1, (s->run_count - at) * sizeof(struct run *));
    run_free(r, &s->cache);
}

static struct run *run_by_id(struct state *s, uint64_t id)
{
    for (size_t i = 0; i < s->run_count; i++) {
        if (s->run[i]->id == id) {
            return s->run[i];
        }
    }
    return NULL;
}

static void raise_to(uint64_t *next, uint64_t used)
{
    if (*next <= used) {
        *next = used + 1;
    }
}

/** Segments come in the order of run and first key. */
static bool load_segment(void *arg, const struct segment_row *row)
{
    struct state *s = arg;
    struct run *r = run_by_id(s, row->run);
    if (row->level >= STATE_LEVELS_MAX || row->first.len == 0 || row->last.len == 0 ||
        row->blocks == 0 || row->oldest > row->newest) {
        return false;
    }
    if (r == NULL) {
        r = run_new(row->run, row->level, row->oldest, row->newest);
        state_run_insert(s, r);
    } else if (bytes_cmp(r->segment[r->count - 1]->last,
                         (struct bytes){row->first.b, row->first.len}) >= 0) {
        return false;
    }
    run_push(r, segment_new(row));
    raise_to(&s->next_segment, row->id);
    raise_to(&s->next_run, row->run);
    raise_to(&s->next_flush, row->newest);
    return true;
}

static bool load_merge(void *arg, const struct merge_row *row)
{
    struct state *s = arg;
    struct run *out = run_by_id(s, row->run);
    if (row->level + 1 >= STATE_LEVELS_MAX || row->oldest > row->newest ||
        s->merge[row->level] != NULL) {
        return false;
    }
    if (out == NULL) {
        out = run_new(row->run, row->level + 1, row->oldest, row->newest);
        state_run_insert(s, out);
    }
    out->building = true;
    bool bottom = true;
    for (size_t i = 0; i < s->run_count; i++) {
        struct run *r = s->run[i];
        bottom = bottom && r->newest >= row->oldest;
        if (r->level == row->level && r->oldest >= row->oldest && r->newest <= row->newest) {
            r->merging = true;
            r->floor = row->position;
        }
    }
    s->merge[row->level] = merge_new(s, out, bottom);
    s->merge[row->level]->position = row->position;
    raise_to(&s->next_run, row->run);
    return true;
}

enum mete_code state_load(struct state *s, struct mete_err *err)
{
    if (s->port == NULL) {
        return METE_OK;
    }
    struct state_load load = {s, load_segment, load_merge, 1};
    enum mete_code code = s->port->load(s->ctx, &load, err);
    s->next_block = load.next_block > s->next_block ? load.next_block : s->next_block;
    return code;
}

/* --- writing -----------------------------------------------------------------------------------*/

void state_set(struct state *s, struct bytes key, struct bytes value)
{
    METE_ASSERT(s->scanning == 0);
    memtable_set(&s->memtable, key, value);
}

void state_add(struct state *s, struct bytes key, const i128 sums[STATE_SUMS])
{
    METE_ASSERT(s->scanning == 0);
    memtable_add(&s->memtable, key, sums);
}

void state_remove(struct state *s, struct bytes key)
{
    METE_ASSERT(s->scanning == 0);
    memtable_remove(&s->memtable, key);
}

/* --- reading -----------------------------------------------------------------------------------*/

/** What the buffer says; l->final when that is the whole answer. */
static void buffer_get(struct state *s, struct bytes key, struct lookup *l)
{
    struct mem_found found;
    if (!memtable_get(&s->memtable, key, &found)) {
        return;
    }
    l->any = true;
    l->op = found.op;
    l->final = found.op != ITEM_ADD;
    if (found.op == ITEM_PUT) {
        buf_reset(l->value);
        buf_put(l->value, found.value.p, found.value.len);
    } else if (found.op != ITEM_DELETE) {
        memcpy(l->sums, found.sums, sizeof l->sums);
    }
}

/* Ids of events are asked for once, mostly in vain: they would only push others out. */
static bool is_point_cached(uint8_t class)
{
    return class != KEY_EVENT_ID;
}

/** Asks the runs in groups: first all are told what will be asked of them, so that their answers
 *  come from memory at the same time, not one after the other. */
static enum mete_code probe_runs(struct state *s, struct bytes key, uint64_t hash, struct lookup *l,
                                 struct mete_err *err)
{
    struct run_probe probe[PROBES_AT_ONCE];
    uint64_t prefix = run_key_prefix(key);
    enum mete_code code = METE_OK;
    for (size_t i = 0; i < s->run_count && !l->final; i += PROBES_AT_ONCE) {
        size_t n = s->run_count - i < PROBES_AT_ONCE ? s->run_count - i : PROBES_AT_ONCE;
        for (size_t k = 0; k < n; k++) {
            probe[k] = run_probe(s->run[i + k], key, prefix, hash);
        }
        for (size_t k = 0; k < n && !l->final; k++) {
            code = run_get(probe[k], &s->cache, key, hash, l, err);
            if (code != METE_OK) {
                return code;
            }
        }
    }
    return code;
}

static enum mete_code runs_get(struct state *s, struct bytes key, struct lookup *l,
                               struct mete_err *err)
{
    if (s->run_count == 0) {
        return METE_OK;
    }
    uint64_t hash = bloom_hash(key);
    bool cached = is_point_cached(key.p[0]);
    s->stats.gets++;
    if (cached && point_cache_get(&s->points, key, hash, l)) {
        s->stats.point_hits++;
        return METE_OK;
    }
    enum mete_code code = probe_runs(s, key, hash, l, err);
    if (code != METE_OK) {
        return code;
    }
    if (cached) {
        point_cache_put(&s->points, key, hash, l);
    }
    return METE_OK;
}

void state_expect(struct state *s, struct bytes key)
{
    memtable_expect(&s->memtable, key);
}

enum mete_code state_get(struct state *s, struct bytes key, struct lookup *found,
                         struct mete_err *err)
{
    METE_ASSERT(key.len > 0 && key.len <= STATE_KEY_MAX);
    *found = (struct lookup){.value = &s->value};
    buffer_get(s, key, found);
    if (found->final) {
        return METE_OK;
    }
    struct lookup below = {.value = &s->value};
    enum mete_code code = runs_get(s, key, &below, err);
    if (code != METE_OK || !below.any) {
        return code;
    }
    if (!found->any) {
        *found = below;
    } else if (below.op != ITEM_DELETE) {
        sums_add(found->sums, below.sums);
    }
    return METE_OK;
}

enum mete_code state_scan(struct state *s, struct bytes from, struct bytes until,
                          state_item_visit *visit, void *arg, struct mete_err *err)
{
    struct merger m;
    const struct merger_input in = {&s->memtable, s->run, s->run_count, BLOCK_DATA};
    enum mete_code code = merger_open(&m, &in, &s->cache, from, err);
    if (code != METE_OK) {
        return code;
    }
    s->scanning++;
    bool more = true;
    while (more && (code = merger_next(&m, &more, err)) == METE_OK && more) {
        if (until.len > 0 && bytes_cmp(m.item.key, until) >= 0) {
            break;
        }
        more = m.item.op == ITEM_DELETE || visit(arg, &m.item);
    }
    s->scanning--;
    merger_close(&m);
    return code;
}

/* --- flushing ----------------------------------------------------------------------------------*/

bool state_full(const struct state *s)
{
    return s->port != NULL && s->memtable.memory > s->memtable_max;
}

/* Young runs are many and hold few of the keys: there, a better filter costs little memory and
 * spares most of the blocks that would be read in vain. */
struct segment_builder state_builder(const struct state *s, unsigned level)
{
    return (struct segment_builder){.blocks_max = s->segment_blocks,
                                    .bloom_bits = level <= 1 ? BLOOM_BITS_MANY : BLOOM_BITS_FEW};
}

enum mete_code state_segment_write(struct state *s, struct segment_builder *b, struct run *r,
                                   struct mete_err *err)
{
    struct segment_row row = {.id = s->next_segment++,
                              .run = r->id,
                              .level = r->level,
                              .oldest = r->oldest,
                              .newest = r->newest,
                              .first_block = s->next_block};
    enum mete_code code = segment_builder_write(b, &s->cache, &row, err);
    if (code == METE_OK) {
        s->next_block += row.blocks + 1;
        s->stats.segments_written++;
        code = s->port->segment_add(s->ctx, &row, err);
    }
    if (code == METE_OK) {
        run_push(r, segment_new(&row));
    }
    return code;
}

/** With nothing below, a removal says nothing. */
static bool is_needless(const struct state *s, const struct item *item)
{
    return item->op == ITEM_DELETE && s->run_count == 0;
}

static enum mete_code flush_items(struct state *s, struct run *r, struct segment_builder *b,
                                  struct mete_err *err)
{
    struct mem_cursor c;
    enum mete_code code = METE_OK;
    mem_cursor_seek(&c, &s->memtable, (struct bytes){0});
    for (; c.valid && code == METE_OK; mem_cursor_next(&c)) {
        if (is_point_cached(c.item.key.p[0]) && s->points.size > 0) {
            point_cache_drop(&s->points, c.item.key, bloom_hash(c.item.key));
        }
        if (is_needless(s, &c.item)) {
            continue;
        }
        segment_builder_add(b, &c.item);
        s->stats.flushed_items++;
        if (segment_builder_full(b)) {
            code = state_segment_write(s, b, r, err);
        }
    }
    if (code == METE_OK && !segment_builder_empty(b)) {
        code = state_segment_write(s, b, r, err);
    }
    return code;
}

enum mete_code state_flush(struct state *s, struct mete_err *err)
{
    METE_ASSERT(s->port != NULL && s->scanning == 0);
    memtable_sort(&s->memtable);
    if (s->memtable.entries == 0) {
        return METE_OK;
    }
    struct segment_builder builder = state_builder(s, 0);
    struct run *r = run_new(s->next_run++, 0, s->next_flush, s->next_flush);
    s->next_flush++;
    enum mete_code code = flush_items(s, r, &builder, err);
    segment_builder_clear(&builder);
    if (code != METE_OK || run_empty(r)) {
        run_free(r, &s->cache);
    } else {
        state_run_insert(s, r);
        s->stats.flushes++;
    }
    if (code == METE_OK) {
        s->growth += s->memtable.entries - s->items_before;
        s->items_before = 0;
        memtable_reset(&s->memtable);
    }
    return code;
}

static size_t runs_memory(const struct state *s)
{
    size_t sum = 0;
    for (size_t i = 0; i < s->run_count; i++) {
        const struct run *r = s->run[i];
        for (size_t k = r->begin; k < r->count; k++) {
            sum += segment_memory(r->segment[k]);
        }
    }
    for (size_t i = 0; i < STATE_LEVELS_MAX; i++) {
        sum += s->merge[i] == NULL ? 0 : segment_builder_memory(&s->merge[i]->builder);
    }
    return sum;
}

const struct state_stats *state_stats_now(struct state *s)
{
    struct state_stats *t = &s->stats;
    t->memory = s->memtable.memory + s->cache.size + s->points.size + runs_memory(s);
    t->memtable_items = s->memtable.entries;
    t->runs = s->run_count;
    t->segments = 0;
    t->levels = 0;
    t->run_bytes = 0;
    for (size_t i = 0; i < s->run_count; i++) {
        const struct run *r = s->run[i];
        t->segments += r->count - r->begin;
        t->levels = r->level + 1 > t->levels ? r->level + 1 : t->levels;
        for (size_t k = r->begin; k < r->count; k++) {
            t->run_bytes += r->segment[k]->size;
        }
    }
    return t;
}
