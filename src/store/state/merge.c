/* SPDX-License-Identifier: Apache-2.0
 * Merging eight runs of a level into one of the next, a slice at a time. Each segment that is
 * finished moves the position: up to there the output counts, beyond it the inputs do. So a merge
 * loses at most one segment of work when the process ends, and space is given back as it goes. */
#include "store/state/state.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* Items a merge reads for each item written to the buffer. One is enough never to fall behind;
 * more keeps the number of runs, and so the cost of a lookup, low. */
#define PACE        3u
#define PACE_BEHIND 8u
#define RUNS_BEHIND 12u
#define SLICE_MIN   256u

struct merge *merge_new(const struct state *s, struct run *out, bool bottom)
{
    struct merge *m = calloc(1, sizeof *m);
    METE_ASSERT(m != NULL);
    m->out = out;
    m->bottom = bottom;
    m->builder = state_builder(s, out->level);
    return m;
}

void merge_free(struct merge *m)
{
    if (m->open) {
        merger_close(&m->merger);
    }
    segment_builder_clear(&m->builder);
    free(m);
}

static size_t runs_of(const struct state *s, unsigned level)
{
    size_t n = 0;
    for (size_t i = 0; i < s->run_count; i++) {
        n += s->run[i]->level == level && !s->run[i]->building;
    }
    return n;
}

/** Takes the oldest runs of the level as inputs, when there are enough. */
static void start(struct state *s, unsigned level)
{
    struct run *input[STATE_FAN_IN];
    size_t n = 0;
    bool bottom = true;
    for (size_t i = s->run_count; i-- > 0 && n < STATE_FAN_IN;) {
        struct run *r = s->run[i];
        if (r->level == level && !r->building) {
            input[n++] = r;
        } else if (n == 0) {
            bottom = false;
        }
    }
    if (n < STATE_FAN_IN) {
        return;
    }
    struct run *out = run_new(s->next_run++, level + 1, input[0]->oldest, input[n - 1]->newest);
    out->building = true;
    for (size_t i = 0; i < n; i++) {
        input[i]->merging = true;
        input[i]->floor.len = 0;
    }
    s->merge[level] = merge_new(s, out, bottom);
    state_run_insert(s, out);
    s->stats.merges_started++;
}

static size_t inputs_of(const struct state *s, unsigned level, struct run *input[STATE_FAN_IN])
{
    size_t n = 0;
    for (size_t i = 0; i < s->run_count; i++) {
        if (s->run[i]->level == level && s->run[i]->merging) {
            METE_ASSERT(n < STATE_FAN_IN);
            input[n++] = s->run[i];
        }
    }
    return n;
}

static enum mete_code segment_forget(struct state *s, struct run *r, struct mete_err *err)
{
    struct segment *g = r->segment[r->begin++];
    struct segment_row row = {
        .id = g->id, .run = r->id, .first_block = g->first_block, .blocks = g->blocks};
    segment_free(g, &s->cache);
    s->stats.segments_dropped++;
    return s->port->segment_drop(s->ctx, &row, err);
}

/** From now on keys up to the position are in the output alone. */
static enum mete_code cut_over(struct state *s, unsigned level, struct mete_err *err)
{
    struct merge *m = s->merge[level];
    struct merge_row row = {level, m->out->id, m->out->oldest, m->out->newest, m->position};
    struct bytes position = {m->position.b, m->position.len};
    struct run *input[STATE_FAN_IN];
    size_t n = inputs_of(s, level, input);
    enum mete_code code = s->port->merge_save(s->ctx, &row, err);
    for (size_t i = 0; i < n; i++) {
        struct run *r = input[i];
        r->floor = m->position;
        while (code == METE_OK && !run_empty(r) &&
               bytes_cmp(r->segment[r->begin]->last, position) <= 0) {
            code = segment_forget(s, r, err);
        }
    }
    return code;
}

static enum mete_code finish(struct state *s, unsigned level, struct mete_err *err)
{
    struct merge *m = s->merge[level];
    struct run *input[STATE_FAN_IN];
    size_t n = inputs_of(s, level, input);
    enum mete_code code = METE_OK;
    if (!segment_builder_empty(&m->builder)) {
        code = state_segment_write(s, &m->builder, m->out, err);
    }
    s->merge[level] = NULL;
    m->out->building = false;
    if (run_empty(m->out)) {
        state_run_remove(s, m->out);
    }
    merge_free(m);
    for (size_t i = 0; i < n; i++) {
        while (code == METE_OK && !run_empty(input[i])) {
            code = segment_forget(s, input[i], err);
        }
        state_run_remove(s, input[i]);
    }
    s->stats.merges_done++;
    return code == METE_OK ? s->port->merge_drop(s->ctx, level, err) : code;
}

static enum mete_code open_merger(struct state *s, unsigned level, struct mete_err *err)
{
    struct merge *m = s->merge[level];
    struct run *input[STATE_FAN_IN];
    size_t n = inputs_of(s, level, input);
    const struct merger_input in = {NULL, input, n, BLOCK_ONCE};
    enum mete_code code = merger_open(&m->merger, &in, &s->cache, (struct bytes){0}, err);
    m->open = code == METE_OK;
    return code;
}

static void take(struct state *s, struct merge *m)
{
    const struct item *item = &m->merger.item;
    if (m->bottom && item->op == ITEM_DELETE) {
        s->stats.dropped++;
    } else {
        segment_builder_add(&m->builder, item);
        s->stats.merged_out++;
    }
}

/** The sources move on first: what they leave behind may be dropped. */
static enum mete_code segment_end(struct state *s, unsigned level, struct mete_err *err)
{
    struct merge *m = s->merge[level];
    struct bytes key = m->merger.item.key;
    m->position.len = (uint16_t)key.len;
    memcpy(m->position.b, key.p, key.len);
    enum mete_code code = merger_advance(&m->merger, err);
    code = code == METE_OK ? state_segment_write(s, &m->builder, m->out, err) : code;
    return code == METE_OK ? cut_over(s, level, err) : code;
}

/** Reads up to `budget` items. *done: the merge is over and gone. */
static enum mete_code slice(struct state *s, unsigned level, uint64_t budget, bool *done,
                            struct mete_err *err)
{
    struct merge *m = s->merge[level];
    enum mete_code code = m->open ? METE_OK : open_merger(s, level, err);
    uint64_t until = m->merger.items_in + budget;
    *done = false;
    while (code == METE_OK && m->merger.items_in < until) {
        uint64_t before = m->merger.items_in;
        bool more = false;
        code = merger_next(&m->merger, &more, err);
        if (code != METE_OK) {
            break;
        }
        if (!more) {
            *done = true;
            return finish(s, level, err);
        }
        s->stats.merged_in += m->merger.items_in - before;
        take(s, m);
        if (segment_builder_full(&m->builder)) {
            code = segment_end(s, level, err);
        }
    }
    return code;
}

enum mete_code state_merge_slice(struct state *s, struct mete_err *err)
{
    uint64_t growth = s->growth + (s->memtable.entries - s->items_before);
    s->growth = 0;
    s->items_before = s->memtable.entries;
    enum mete_code code = METE_OK;
    for (unsigned level = 0; level + 1 < STATE_LEVELS_MAX && code == METE_OK; level++) {
        size_t runs = runs_of(s, level);
        if (s->merge[level] == NULL && runs >= STATE_FAN_IN) {
            start(s, level);
        }
        if (s->merge[level] != NULL) {
            bool done;
            uint64_t pace = runs > RUNS_BEHIND ? PACE_BEHIND : PACE;
            code = slice(s, level, growth * pace + SLICE_MIN, &done, err);
        }
    }
    return code;
}

bool merge_row_shape(void *arg, const struct merge_row *row)
{
    struct buf *out = arg;
    buf_put_varint(out, row->level);
    buf_put_varint(out, row->run);
    buf_put_varint(out, row->oldest);
    buf_put_varint(out, row->newest);
    buf_put_sized(out, (struct text){(const char *)row->position.b, row->position.len});
    return true;
}
