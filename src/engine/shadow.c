/* SPDX-License-Identifier: Apache-2.0
 * State in memory, as fast as it gets: hash tables where nobody asks for ranges, a skip list where
 * somebody does. */
#include "engine/shadow.h"

#include "base/text.h"
#include "core/decision.h"
#include "engine/internal.h"
#include "store/hash_seed.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE ((size_t)4 << 20)
#define ARENA_MAX  ((size_t)4 << 30)
#define CACHE_SIZE ((size_t)64 << 20)

struct shadow_chunk {
    struct shadow_chunk *older;
    size_t size;
    size_t used;
    uint8_t p[];
};

struct shadow_value {
    uint8_t *p; /* NULL: removed */
    uint32_t len;
    uint32_t cap;
};

struct shadow_item {
    i128 sums[STATE_SUMS];
    struct shadow_value value;
};

/* --- bytes
 * --------------------------------------------------------------------------------------*/

static const uint8_t *keep(struct shadow *s, struct bytes b)
{
    struct shadow_chunk *c = s->chunk;
    if (c == NULL || c->size - c->used < b.len) {
        size_t size = b.len > CHUNK_SIZE ? b.len : CHUNK_SIZE;
        c = malloc(sizeof *c + size);
        METE_ASSERT(c != NULL);
        *c = (struct shadow_chunk){.older = s->chunk, .size = size};
        s->chunk = c;
    }
    uint8_t *p = c->p + c->used;
    memcpy(p, b.p, b.len);
    c->used += b.len;
    return p;
}

static void value_set(struct shadow_value *v, struct bytes b)
{
    if (v->p == NULL || v->cap < b.len) {
        size_t cap = b.len < 16 ? 16 : b.len;
        METE_ASSERT(cap <= UINT32_MAX);
        v->p = realloc(v->p, cap);
        METE_ASSERT(v->p != NULL);
        v->cap = (uint32_t)cap;
    }
    if (b.len > 0) {
        memcpy(v->p, b.p, b.len);
    }
    v->len = (uint32_t)b.len;
}

static void value_clear(struct shadow_value *v)
{
    free(v->p);
    *v = (struct shadow_value){0};
}

/** Classes that are read by ranges while deciding. */
static bool ordered_class(struct bytes key)
{
    switch (key.p[0]) {
    case KEY_WAITING:
    case KEY_BELOW:
    case KEY_DISPUTED:
    case KEY_ENTRY:
    case KEY_PENDING:
    case KEY_USAGE:
    case KEY_METER:
    case KEY_CHILD:
    case KEY_CAMPAIGN:
    case KEY_INVESTMENT:
    case KEY_USER_REVENUE:
    case KEY_WAIT_USER:
        return true;
    default:
        return false;
    }
}

/* --- the sink
 * -----------------------------------------------------------------------------------*/

static void sink_set(void *ctx, struct bytes key, struct bytes value)
{
    struct shadow *s = ctx;
    if (ordered_class(key)) {
        struct shadow_item *item = omap_put(&s->ordered, key, NULL);
        value_set(&item->value, value);
    } else {
        value_set(map_put(&s->value, key, NULL), value);
    }
}

static void sink_add(void *ctx, struct bytes key, const i128 sums[STATE_SUMS])
{
    struct shadow *s = ctx;
    if (key.p[0] == KEY_PENDING && !s->entries) {
        return; /* a dispute's own: it comes again when entries are made */
    }
    i128 *to = ordered_class(key) ? ((struct shadow_item *)omap_put(&s->ordered, key, NULL))->sums
                                  : map_put(&s->sums, key, NULL);
    for (size_t i = 0; i < STATE_SUMS; i++) {
        to[i] += sums[i];
    }
}

static void sink_remove(void *ctx, struct bytes key)
{
    struct shadow *s = ctx;
    if (ordered_class(key)) {
        struct shadow_item *item = omap_get(&s->ordered, key);
        if (item != NULL) {
            value_clear(&item->value);
            (void)omap_remove(&s->ordered, key);
        }
    } else {
        struct shadow_value *v = map_get(&s->value, key);
        if (v != NULL) {
            value_clear(v);
        }
    }
}

/* --- entries, once somebody asks
 * ----------------------------------------------------------------*/

static void entries_set(void *ctx, struct bytes key, struct bytes value)
{
    if (key.p[0] == KEY_ENTRY) {
        sink_set(ctx, key, value);
    }
}

static void entries_add(void *ctx, struct bytes key, const i128 sums[STATE_SUMS])
{
    if (key.p[0] == KEY_PENDING) {
        sink_add(ctx, key, sums);
    }
}

static void entries_remove(void *ctx, struct bytes key)
{
    (void)ctx;
    (void)key;
}

static void entries_of(struct shadow *s, uint64_t seq, uint32_t page, const struct shadow_row *row)
{
    const struct state_sink only = {s, entries_set, entries_add, entries_remove, true};
    struct decision d;
    arena_reset(&s->scratch);
    METE_ASSERT(decision_unpack(&s->scratch, (struct bytes){row->decision, row->len}, &d));
    decision_apply(&d, seq, page, row->recorded_at, &only);
}

/** Most simulations never ask for a balance: entries are made of the decisions when one does. */
static void entries_begin(struct shadow *s)
{
    size_t i = 0;
    struct bytes key;
    void *value;
    s->entries = true;
    s->sink.wants_entries = true;
    for (size_t k = 0; k < s->row_count; k++) {
        if (s->row[k].decision != NULL) {
            entries_of(s, k + 1, 0, &s->row[k]);
        }
    }
    while (map_next(&s->page, &i, &key, &value)) {
        entries_of(s, key_read_u64(key, 0), key_read_u32(key, 8), value);
    }
}

/* --- the view
 * -----------------------------------------------------------------------------------*/

static const struct shadow_row *row_at(const struct shadow *s, uint64_t seq)
{
    bool there = seq >= 1 && seq <= s->row_count && s->row[seq - 1].decision != NULL;
    return there ? &s->row[seq - 1] : NULL;
}

/** Event ids are looked up in the real book; what did not happen yet, or not here, is absent. */
static enum view_result id_get(struct shadow *s, struct bytes key, struct bytes *value)
{
    struct bytes real;
    struct mete_err err;
    enum store_result found = book_get(engine_book(s->source), key, &real, &err);
    if (found == STORE_FAILED) {
        s->failed = true;
        s->err = err;
    }
    if (found != STORE_OK) {
        return VIEW_ABSENT;
    }
    struct reader r = reader_of(real);
    uint64_t seq = read_varint(&r) + s->lead;
    if (row_at(s, seq) == NULL) {
        return VIEW_ABSENT;
    }
    buf_reset(&s->id_value);
    buf_put_varint(&s->id_value, seq);
    *value = buf_bytes(&s->id_value);
    return VIEW_FOUND;
}

static enum view_result view_get(void *ctx, struct bytes key, struct bytes *value)
{
    struct shadow *s = ctx;
    if (key.p[0] == KEY_EVENT_ID) {
        return id_get(s, key, value);
    }
    const struct shadow_value *v = NULL;
    if (ordered_class(key)) {
        const struct shadow_item *item = omap_get(&s->ordered, key);
        v = item != NULL ? &item->value : NULL;
    } else {
        v = map_get(&s->value, key);
    }
    if (v == NULL || v->p == NULL) {
        return VIEW_ABSENT;
    }
    *value = (struct bytes){v->p, v->len};
    return VIEW_FOUND;
}

static enum view_result view_sums(void *ctx, struct bytes key, i128 sums[STATE_SUMS])
{
    struct shadow *s = ctx;
    const i128 *found = NULL;
    if (ordered_class(key)) {
        const struct shadow_item *item = omap_get(&s->ordered, key);
        found = item != NULL ? item->sums : NULL;
    } else {
        found = map_get(&s->sums, key);
    }
    for (size_t i = 0; i < STATE_SUMS; i++) {
        sums[i] = found != NULL ? found[i] : 0;
    }
    return found != NULL ? VIEW_FOUND : VIEW_ABSENT;
}

static enum view_result view_scan(void *ctx, struct bytes from, struct bytes until,
                                  view_visit *visit, void *arg)
{
    struct shadow *s = ctx;
    METE_ASSERT(from.len > 0 && ordered_class(from));
    if (!s->entries && (from.p[0] == KEY_ENTRY || from.p[0] == KEY_PENDING)) {
        entries_begin(s);
    }
    struct omap_node *node = omap_seek(&s->ordered, from);
    for (; node != NULL && bytes_cmp(omap_key(node), until) < 0; node = omap_next(node)) {
        const struct shadow_item *item = omap_value(node);
        const struct bytes value = {item->value.p, item->value.len};
        if (!visit(arg, omap_key(node), value, item->sums)) {
            break;
        }
    }
    return VIEW_FOUND;
}

static enum view_result view_decision(void *ctx, uint64_t seq, uint32_t page, struct bytes *packed)
{
    struct shadow *s = ctx;
    struct key key = {.len = 0};
    key_add_u64(&key, seq);
    key_add_u32(&key, page);
    const struct shadow_row *row = page == 0 ? row_at(s, seq) : map_get(&s->page, key_bytes(&key));
    if (row == NULL) {
        return VIEW_ABSENT;
    }
    *packed = (struct bytes){row->decision, row->len};
    return VIEW_FOUND;
}

static enum view_result view_event(void *ctx, uint64_t seq, struct arena *a, struct event *event,
                                   mete_time *recorded_at)
{
    struct shadow *s = ctx;
    struct envelope *envelope = arena_alloc(a, sizeof *envelope);
    METE_ASSERT(seq > s->lead);
    if (engine_event(s->source, seq - s->lead, a, envelope, recorded_at, &s->err) != METE_OK) {
        s->failed = true;
        return VIEW_ABSENT;
    }
    *event = envelope->event;
    return VIEW_FOUND;
}

static uint64_t view_seq_at(void *ctx, mete_time t)
{
    const struct shadow *s = ctx;
    if (s->source->clock == CLOCK_EVENT) {
        return 1; /* times of such a book need not rise */
    }
    size_t low = 0;
    size_t high = s->row_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->row[middle].recorded_at < t) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low + 1;
}

/* --- life
 * ---------------------------------------------------------------------------------------*/

void shadow_init(struct shadow *s, struct engine *source, uint64_t lead)
{
    *s = (struct shadow){.source = source, .lead = lead};
    s->view = (struct view){s,
                            view_get,
                            view_sums,
                            view_scan,
                            view_decision,
                            view_event,
                            view_seq_at,
                            policy_cache_new(CACHE_SIZE)};
    s->sink = (struct state_sink){s, sink_set, sink_add, sink_remove, false};
    map_init(&s->value, sizeof(struct shadow_value), hash_seed());
    map_init(&s->sums, sizeof(i128[STATE_SUMS]), hash_seed());
    omap_init(&s->ordered, sizeof(struct shadow_item), hash_seed());
    map_init(&s->page, sizeof(struct shadow_row), hash_seed());
    arena_init(&s->scratch, ARENA_MAX);
}

void shadow_clear(struct shadow *s)
{
    size_t i = 0;
    struct bytes key;
    void *value;
    while (map_next(&s->value, &i, &key, &value)) {
        value_clear(value);
    }
    struct omap_node *node = omap_seek(&s->ordered, (struct bytes){0});
    for (; node != NULL; node = omap_next(node)) {
        value_clear(&((struct shadow_item *)omap_value(node))->value);
    }
    while (s->chunk != NULL) {
        struct shadow_chunk *older = s->chunk->older;
        free(s->chunk);
        s->chunk = older;
    }
    policy_cache_free(s->view.policies);
    map_clear(&s->value);
    map_clear(&s->sums);
    omap_clear(&s->ordered);
    map_clear(&s->page);
    arena_clear(&s->scratch);
    buf_clear(&s->id_value);
    free(s->row);
}

void shadow_row_add(struct shadow *s, bool decided, struct bytes packed, mete_time recorded_at)
{
    if (s->row_count == s->row_cap) {
        s->row_cap = s->row_cap == 0 ? 4096 : s->row_cap * 2;
        s->row = realloc(s->row, s->row_cap * sizeof *s->row);
        METE_ASSERT(s->row != NULL);
    }
    METE_ASSERT(packed.len <= UINT32_MAX);
    s->row[s->row_count++] = (struct shadow_row){decided ? keep(s, packed) : NULL,
                                                 decided ? (uint32_t)packed.len : 0, recorded_at};
}

void shadow_page_add(struct shadow *s, uint64_t seq, uint32_t page, struct bytes packed,
                     mete_time recorded_at)
{
    struct key key = {.len = 0};
    key_add_u64(&key, seq);
    key_add_u32(&key, page);
    METE_ASSERT(packed.len <= UINT32_MAX);
    struct shadow_row *row = map_put(&s->page, key_bytes(&key), NULL);
    *row = (struct shadow_row){keep(s, packed), (uint32_t)packed.len, recorded_at};
}

bool shadow_account_next(const struct shadow *s, size_t *i, uint32_t *party, uint32_t *asset,
                         const i128 **sums)
{
    struct bytes key;
    void *value;
    while (map_next(&s->sums, i, &key, &value)) {
        if (key.p[0] == KEY_ACCOUNT) {
            *party = key_read_u32(key, 1);
            *asset = key_read_u32(key, 5);
            *sums = value;
            return true;
        }
    }
    return false;
}
