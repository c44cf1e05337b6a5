/* SPDX-License-Identifier: Apache-2.0
 * Rows, pages and tree nodes in memory. State follows from them as in any store, so it needs no
 * place here. */
#include "store/memory/memory.h"

#include "base/text.h"
#include "store/hash_seed.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE ((size_t)1 << 20)

struct memory_chunk {
    struct memory_chunk *older;
    size_t size;
    size_t used;
    uint8_t p[];
};

struct memory_store {
    struct memory_log *first;
    struct memory_log *last;
};

/* --- vectors -----------------------------------------------------------------------------------*/

void *vector_push(struct memory_vector *v, size_t size, size_t extra, char **tail)
{
    char *item = calloc(1, size + extra);
    METE_ASSERT(item != NULL);
    if (v->count == v->cap) {
        v->cap = v->cap == 0 ? 16 : v->cap * 2;
        v->item = realloc(v->item, v->cap * sizeof(void *));
        METE_ASSERT(v->item != NULL);
    }
    v->item[v->count++] = item;
    *tail = item + size;
    return item;
}

struct text tail_text(char **tail, struct text t)
{
    struct text copy = {*tail, t.len};
    if (t.len > 0) {
        memcpy(*tail, t.p, t.len);
    }
    *tail += t.len;
    return copy;
}

void vector_cut(struct memory_vector *v, size_t count)
{
    while (v->count > count) {
        free(v->item[--v->count]);
    }
}

void vector_clear(struct memory_vector *v)
{
    vector_cut(v, 0);
    free(v->item);
    *v = (struct memory_vector){0};
}

void memory_touch(struct memory_log *l, struct memory_vector *v, size_t index, size_t size)
{
    if (l->undo_count == l->undo_cap) {
        l->undo_cap = l->undo_cap == 0 ? 16 : l->undo_cap * 2;
        l->undo = realloc(l->undo, l->undo_cap * sizeof *l->undo);
        METE_ASSERT(l->undo != NULL);
    }
    void *before = malloc(size);
    METE_ASSERT(before != NULL);
    memcpy(before, v->item[index], size);
    l->undo[l->undo_count++] = (struct memory_undo){v, index, before, size};
}

/* --- events ------------------------------------------------------------------------------------*/

static uint8_t *bytes_new(struct memory_log *l, size_t size)
{
    struct memory_chunk *c = l->bytes;
    if (c == NULL || c->size - c->used < size) {
        size_t room = size > CHUNK_SIZE / 4 ? size : CHUNK_SIZE;
        c = malloc(sizeof *c + room);
        METE_ASSERT(c != NULL);
        *c = (struct memory_chunk){.older = l->bytes, .size = room};
        if (l->bytes != NULL && room != CHUNK_SIZE) { /* the current one is not full yet */
            c->older = l->bytes->older;
            l->bytes->older = c;
        } else {
            l->bytes = c;
        }
    }
    uint8_t *p = c->p + c->used;
    c->used += size;
    return p;
}

static struct memory_row *row_at(const struct memory_log *l, uint64_t seq)
{
    return &l->rows[(seq - 1) / ROWS_CHUNK][(seq - 1) % ROWS_CHUNK];
}

static void rows_grow(struct memory_log *l)
{
    size_t chunk = (size_t)l->size / ROWS_CHUNK;
    if (chunk == l->rows_cap) {
        size_t cap = l->rows_cap == 0 ? 16 : l->rows_cap * 2;
        l->rows = realloc(l->rows, cap * sizeof(struct memory_row *));
        METE_ASSERT(l->rows != NULL);
        memset(l->rows + l->rows_cap, 0, (cap - l->rows_cap) * sizeof(struct memory_row *));
        l->rows_cap = cap;
    }
    if (l->rows[chunk] == NULL) {
        l->rows[chunk] = malloc(ROWS_CHUNK * sizeof(struct memory_row));
        METE_ASSERT(l->rows[chunk] != NULL);
    }
}

static uint8_t *put(uint8_t *to, struct bytes from)
{
    if (from.len > 0) {
        memcpy(to, from.p, from.len);
    }
    return to + from.len;
}

static enum store_result append(void *log, const struct log_row *row, struct mete_err *err)
{
    struct memory_log *l = log;
    (void)err;
    METE_ASSERT(row->event.len <= UINT32_MAX && row->decision.len <= UINT32_MAX);
    rows_grow(l);
    uint8_t *p = bytes_new(l, row->event.len + row->signature.len + row->decision.len);
    l->size++;
    *row_at(l, l->size) = (struct memory_row){row->recorded_at,
                                              p,
                                              (uint32_t)row->event.len,
                                              (uint32_t)row->signature.len,
                                              (uint32_t)row->decision.len,
                                              row->leaf};
    put(put(put(p, row->event), row->signature), row->decision);
    return STORE_OK;
}

static void row_fill(const struct memory_log *l, uint64_t seq, struct log_row *out)
{
    const struct memory_row *r = row_at(l, seq);
    *out = (struct log_row){.seq = seq,
                            .recorded_at = r->recorded_at,
                            .event = {r->p, r->event_len},
                            .signature = {r->p + r->event_len, r->signature_len},
                            .decision = {r->p + r->event_len + r->signature_len, r->decision_len},
                            .leaf = r->leaf};
}

static enum store_result row(void *log, uint64_t seq, struct log_row *out, struct mete_err *err)
{
    const struct memory_log *l = log;
    (void)err;
    if (seq == 0 || seq > l->size) {
        return STORE_NONE;
    }
    row_fill(l, seq, out);
    return STORE_OK;
}

static enum store_result recorded_at(void *log, uint64_t seq, mete_time *out, struct mete_err *err)
{
    (void)err;
    *out = row_at(log, seq)->recorded_at;
    return STORE_OK;
}

static enum store_result scan(void *log, uint64_t from, uint64_t until, log_visit *visit, void *arg,
                              struct mete_err *err)
{
    const struct memory_log *l = log;
    (void)err;
    for (uint64_t seq = from; seq < until && seq <= l->size; seq++) {
        struct log_row at;
        row_fill(l, seq, &at);
        if (!visit(arg, &at)) {
            break;
        }
    }
    return STORE_OK;
}

/* --- pages -------------------------------------------------------------------------------------*/

static struct key page_key(uint64_t seq, uint32_t page)
{
    struct key k = {.len = 0};
    key_add_u64(&k, seq);
    key_add_u32(&k, page);
    return k;
}

/* Page 0 never stands here: its key holds the number of pages. */
static void page_index(struct memory_log *l, const struct page_row *row, size_t index)
{
    struct key at = page_key(row->seq, row->page);
    struct key count = page_key(row->seq, 0);
    *(uint64_t *)map_put(&l->page_at, key_bytes(&at), NULL) = index;
    ++*(uint64_t *)map_put(&l->page_at, key_bytes(&count), NULL);
}

static enum store_result append_page(void *log, const struct page_row *row, struct mete_err *err)
{
    struct memory_log *l = log;
    char *tail;
    (void)err;
    page_index(l, row, l->page.count);
    struct page_row *copy = vector_push(&l->page, sizeof *copy, row->packed.len, &tail);
    *copy = *row;
    copy->packed = text_bytes(tail_text(&tail, bytes_text(row->packed)));
    return STORE_OK;
}

static enum store_result page(void *log, uint64_t seq, uint32_t number, struct page_row *out,
                              struct mete_err *err)
{
    struct memory_log *l = log;
    struct key k = page_key(seq, number);
    (void)err;
    const uint64_t *index = number == 0 ? NULL : map_get(&l->page_at, key_bytes(&k));
    if (index == NULL) {
        return STORE_NONE;
    }
    *out = *(const struct page_row *)l->page.item[*index];
    return STORE_OK;
}

static enum store_result page_count(void *log, uint64_t seq, uint32_t *count, struct mete_err *err)
{
    struct memory_log *l = log;
    struct key k = page_key(seq, 0);
    (void)err;
    const uint64_t *found = map_get(&l->page_at, key_bytes(&k));
    *count = found == NULL ? 0 : (uint32_t)*found;
    return STORE_OK;
}

static enum store_result scan_pages(void *log, uint64_t number, page_visit *visit, void *arg,
                                    struct mete_err *err)
{
    struct memory_log *l = log;
    (void)err;
    for (size_t i = (size_t)number - 1; i < l->page.count; i++) {
        if (!visit(arg, l->page.item[i])) {
            break;
        }
    }
    return STORE_OK;
}

/* --- the tree ----------------------------------------------------------------------------------*/

static enum store_result node_put(void *log, unsigned level, uint64_t index, const struct hash *h,
                                  struct mete_err *err)
{
    struct memory_log *l = log;
    struct memory_nodes *n = &l->node[level / 8 - 1];
    (void)err;
    METE_ASSERT(index == n->count);
    if (n->count == n->cap) {
        n->cap = n->cap == 0 ? 64 : n->cap * 2;
        n->h = realloc(n->h, n->cap * sizeof *n->h);
        METE_ASSERT(n->h != NULL);
    }
    n->h[n->count++] = *h;
    return STORE_OK;
}

static enum store_result nodes(void *log, unsigned level, uint64_t first, unsigned count,
                               struct hash *out, struct mete_err *err)
{
    struct memory_log *l = log;
    (void)err;
    for (unsigned i = 0; i < count; i++) {
        if (level == 0) {
            METE_ASSERT(first + i < l->size);
            out[i] = row_at(l, first + i + 1)->leaf;
        } else {
            METE_ASSERT(first + i < l->node[level / 8 - 1].count);
            out[i] = l->node[level / 8 - 1].h[first + i];
        }
    }
    return STORE_OK;
}

/* --- groups ------------------------------------------------------------------------------------*/

/** What went for good gives back its texts. */
static void undo_forget(struct memory_log *l)
{
    for (size_t i = 0; i < l->undo_count; i++) {
        struct memory_undo *u = &l->undo[i];
        void **item = &u->vector->item[u->index];
        if (((struct memory_mark *)*item)->gone) {
            *item = realloc(*item, u->size);
            METE_ASSERT(*item != NULL);
        }
        free(u->before);
    }
    l->undo_count = 0;
}

static enum store_result commit(void *log, struct mete_err *err)
{
    struct memory_log *l = log;
    (void)err;
    l->committed_size = l->size;
    l->page.committed = l->page.count;
    l->checkpoint.committed = l->checkpoint.count;
    l->seal.committed = l->seal.count;
    l->refused.committed = l->refused.count;
    l->meta.committed = l->meta.count;
    for (unsigned i = 0; i < NODE_LEVELS; i++) {
        l->node[i].committed = l->node[i].count;
    }
    undo_forget(l);
    memory_insights_settle(l, true);
    return STORE_OK;
}

static void rollback(void *log)
{
    struct memory_log *l = log;
    while (l->undo_count > 0) {
        struct memory_undo *u = &l->undo[--l->undo_count];
        memcpy(u->vector->item[u->index], u->before, u->size);
        free(u->before);
    }
    l->size = l->committed_size; /* the bytes stay behind: it happens seldom */
    vector_cut(&l->page, l->page.committed);
    vector_cut(&l->checkpoint, l->checkpoint.committed);
    vector_cut(&l->seal, l->seal.committed);
    vector_cut(&l->refused, l->refused.committed);
    vector_cut(&l->meta, l->meta.committed);
    for (unsigned i = 0; i < NODE_LEVELS; i++) {
        l->node[i].count = l->node[i].committed;
    }
    memory_quarantine_recount(l);
    memory_insights_settle(l, false);
    map_clear(&l->page_at);
    for (size_t i = 0; i < l->page.count; i++) {
        page_index(l, l->page.item[i], i);
    }
}

static enum store_result find(void *log, struct log_found *out, struct mete_err *err)
{
    const struct memory_log *l = log;
    (void)err;
    *out = (struct log_found){.size = l->size, .pages = l->page.count};
    out->recorded_at = l->size == 0 ? 0 : row_at(l, l->size)->recorded_at;
    return STORE_OK;
}

static void log_close(void *log)
{
    rollback(log); /* the book stays in the store, as it was committed */
}

/* --- the store ---------------------------------------------------------------------------------*/

static enum mete_code store_new(void **out, const char *name, const struct store_options *options,
                                struct mete_err *err)
{
    (void)name;
    (void)options;
    (void)err;
    *out = calloc(1, sizeof(struct memory_store));
    METE_ASSERT(*out != NULL);
    return METE_OK;
}

static void log_free(struct memory_log *l)
{
    for (struct memory_chunk *c = l->bytes, *older; c != NULL; c = older) {
        older = c->older;
        free(c);
    }
    for (size_t i = 0; i < l->rows_cap; i++) {
        free(l->rows[i]);
    }
    for (unsigned i = 0; i < NODE_LEVELS; i++) {
        free(l->node[i].h);
    }
    undo_forget(l);
    free(l->undo);
    free(l->rows);
    vector_clear(&l->page);
    vector_clear(&l->checkpoint);
    vector_clear(&l->seal);
    vector_clear(&l->refused);
    map_clear(&l->page_at);
    map_clear(&l->refused_at);
    vector_clear(&l->meta);
    memory_insights_clear(l);
    free(l);
}

static void store_free(void *store)
{
    struct memory_store *s = store;
    for (struct memory_log *l = s->first, *next; l != NULL; l = next) {
        next = l->next;
        log_free(l);
    }
    free(s);
}

static enum store_result store_names(void *store, struct arena *a, struct text **names,
                                     size_t *count, struct mete_err *err)
{
    const struct memory_store *s = store;
    (void)err;
    *count = 0;
    for (const struct memory_log *l = s->first; l != NULL; l = l->next) {
        ++*count;
    }
    *names = arena_array(a, *count + 1, sizeof **names);
    size_t i = 0;
    for (const struct memory_log *l = s->first; l != NULL; l = l->next) {
        (*names)[i++] = arena_text(a, l->name);
    }
    return STORE_OK;
}

static struct memory_log *log_new(struct memory_store *s, struct text name)
{
    struct memory_log *l = calloc(1, sizeof *l + name.len);
    METE_ASSERT(l != NULL);
    memcpy(l + 1, name.p, name.len);
    l->name = (struct text){(const char *)(l + 1), name.len};
    map_init(&l->page_at, sizeof(uint64_t), hash_seed());
    map_init(&l->refused_at, sizeof(size_t), hash_seed());
    if (s->last == NULL) {
        s->first = l;
    } else {
        s->last->next = l;
    }
    s->last = l;
    return l;
}

static enum mete_code log_open(void **log, void *store, struct text name, bool create,
                               struct mete_err *err)
{
    struct memory_store *s = store;
    struct memory_log *l = s->first;
    while (l != NULL && !text_eq(l->name, name)) {
        l = l->next;
    }
    if (l != NULL && create) {
        return mete_fail(err, METE_STORE_EXISTS, NULL, "the book exists already");
    }
    if (l == NULL && !create) {
        return mete_fail(err, METE_STORE_MISSING, NULL, "there is no such book in this store");
    }
    *log = l != NULL ? l : log_new(s, name);
    return METE_OK;
}

static const struct log_port memory_log_port = {
    .in_process = true,
    .find = find,
    .close = log_close,
    .append = append,
    .append_page = append_page,
    .commit = commit,
    .rollback = rollback,
    .row = row,
    .recorded_at = recorded_at,
    .page = page,
    .page_count = page_count,
    .scan = scan,
    .scan_pages = scan_pages,
    .node_put = node_put,
    .nodes = nodes,
    .checkpoint_add = memory_checkpoint_add,
    .checkpoints = memory_checkpoints,
    .seal_add = memory_seal_add,
    .seals = memory_seals,
    .seal_erase = memory_seal_erase,
    .quarantine_add = memory_quarantine_add,
    .quarantine_remove = memory_quarantine_remove,
    .quarantine = memory_quarantine,
    .meta_get = memory_meta_get,
    .meta_set = memory_meta_set,
    .metas = memory_metas,
    .kpi_find = memory_kpi_find,
    .kpi_put = memory_kpi_put,
    .kpi_remove = memory_kpi_remove,
    .kpi_scan = memory_kpi_scan,
    .insight_find = memory_insight_find,
    .insight_put = memory_insight_put,
    .insight_remove = memory_insight_remove,
    .insight_scan = memory_insight_scan,
};

const struct store_port memory_store_port = {
    .open = store_new,
    .close = store_free,
    .books = store_names,
    .book_open = log_open,
    .log = &memory_log_port,
};
