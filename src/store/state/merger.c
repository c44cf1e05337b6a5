/* SPDX-License-Identifier: Apache-2.0
 * A heap of sources. Nothing is advanced before the next call, so that an item's bytes stay where
 * they are while the caller looks at them. */
#include "store/state/merger.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static const struct item *source_item(const struct source *s)
{
    return s->is_run ? &s->run.reader.item : &s->mem.item;
}

static bool source_valid(const struct source *s)
{
    return s->is_run ? s->run.valid : s->mem.valid;
}

static void source_note(struct source *s)
{
    uint64_t half[2] = {0, 0};
    if (source_valid(s)) {
        struct bytes key = source_item(s)->key;
        memcpy(half, key.p, key.len < sizeof half ? key.len : sizeof half);
    }
    s->prefix = (u128)__builtin_bswap64(half[0]) << 64 | __builtin_bswap64(half[1]);
}

static enum mete_code source_next(struct source *s, struct mete_err *err)
{
    enum mete_code code = METE_OK;
    if (s->is_run) {
        code = run_cursor_next(&s->run, err);
    } else {
        mem_cursor_next(&s->mem);
    }
    source_note(s);
    return code;
}

static int source_cmp(const struct source *a, const struct source *b)
{
    if (a->prefix != b->prefix) {
        return a->prefix < b->prefix ? -1 : 1;
    }
    return bytes_cmp(source_item(a)->key, source_item(b)->key);
}

/** Sources have the age of their place: on equal keys the newer comes first. */
static bool before(const struct merger *m, size_t a, size_t b)
{
    int c = source_cmp(&m->source[a], &m->source[b]);
    return c != 0 ? c < 0 : a < b;
}

static void sift_down(struct merger *m, size_t at)
{
    size_t moving = m->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= m->heap_count) {
            break;
        }
        if (child + 1 < m->heap_count && before(m, m->heap[child + 1], m->heap[child])) {
            child++;
        }
        if (!before(m, m->heap[child], moving)) {
            break;
        }
        m->heap[at] = m->heap[child];
        at = child;
    }
    m->heap[at] = moving;
}

static void heap_push(struct merger *m, size_t source)
{
    size_t at = m->heap_count++;
    while (at > 0 && before(m, source, m->heap[(at - 1) / 2])) {
        m->heap[at] = m->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    m->heap[at] = source;
}

static void heap_pop(struct merger *m)
{
    m->heap[0] = m->heap[--m->heap_count];
    if (m->heap_count > 0) {
        sift_down(m, 0);
    }
}

void merger_close(struct merger *m)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->source[i].is_run) {
            run_cursor_close(&m->source[i].run);
        }
    }
    free(m->source);
    free(m->heap);
    free(m->taken);
    *m = (struct merger){0};
}

enum mete_code merger_open(struct merger *m, const struct merger_input *in, struct cache *c,
                           struct bytes from, struct mete_err *err)
{
    size_t most = in->run_count + 1;
    *m = (struct merger){0};
    m->source = calloc(most, sizeof *m->source);
    m->heap = calloc(most, sizeof *m->heap);
    m->taken = calloc(most, sizeof *m->taken);
    METE_ASSERT(m->source != NULL && m->heap != NULL && m->taken != NULL);
    if (in->memtable != NULL) {
        mem_cursor_seek(&m->source[m->count++].mem, in->memtable, from);
    }
    for (size_t i = 0; i < in->run_count; i++) {
        struct source *s = &m->source[m->count++];
        s->is_run = true;
        enum mete_code code = run_cursor_seek(&s->run, in->run[i], c, in->use, from, err);
        if (code != METE_OK) {
            merger_close(m);
            return code;
        }
    }
    for (size_t i = 0; i < m->count; i++) {
        source_note(&m->source[i]);
        if (source_valid(&m->source[i])) {
            heap_push(m, i);
        }
    }
    return METE_OK;
}

enum mete_code merger_advance(struct merger *m, struct mete_err *err)
{
    enum mete_code code = METE_OK;
    if (m->root_taken) {
        m->root_taken = false;
        struct source *s = &m->source[m->heap[0]];
        code = source_next(s, err);
        if (code == METE_OK && source_valid(s)) {
            sift_down(m, 0);
        } else {
            heap_pop(m);
        }
        return code;
    }
    for (size_t i = 0; i < m->taken_count && code == METE_OK; i++) {
        struct source *s = &m->source[m->taken[i]];
        code = source_next(s, err);
        if (code == METE_OK && source_valid(s)) {
            heap_push(m, m->taken[i]);
        }
    }
    m->taken_count = 0;
    return code;
}

/** True when another source stands on the root's key. */
static bool root_has_equal(const struct merger *m)
{
    const struct source *root = &m->source[m->heap[0]];
    for (size_t child = 1; child <= 2 && child < m->heap_count; child++) {
        if (source_cmp(root, &m->source[m->heap[child]]) == 0) {
            return true;
        }
    }
    return false;
}

enum mete_code merger_next(struct merger *m, bool *more, struct mete_err *err)
{
    enum mete_code code = merger_advance(m, err);
    *more = false;
    if (code != METE_OK || m->heap_count == 0) {
        return code;
    }
    *more = true;
    if (!root_has_equal(m)) {
        m->root_taken = true;
        m->item = *source_item(&m->source[m->heap[0]]);
        m->items_in++;
        return METE_OK;
    }
    struct merged merged = {0};
    struct bytes key = source_item(&m->source[m->heap[0]])->key;
    bool ok = true;
    while (m->heap_count > 0) {
        size_t at = m->heap[0];
        const struct item *item = source_item(&m->source[at]);
        if (bytes_cmp(item->key, key) != 0) {
            break;
        }
        m->taken[m->taken_count++] = at;
        m->items_in++;
        if (!merged.final) {
            ok = merged_under(&merged, item->op, item->value) && ok;
        }
        heap_pop(m);
    }
    m->item = merged_item(&merged, key, m->packed);
    return ok ? METE_OK : mete_fail(err, METE_STORE_CORRUPT, NULL, "sums of the state are damaged");
}
