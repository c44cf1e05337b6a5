/* SPDX-License-Identifier: Apache-2.0
 * Reading the log decision by decision. Rows are copied out of the store in batches, because a
 * visitor may read the book too. */
#include "engine/walk.h"

#include "base/text.h"
#include "core/decision.h"

#include <string.h>

/* Batches grow: who stops after one page of rows has not read megabytes. */
#define BATCH_FIRST ((size_t)64 << 10)
#define BATCH_BYTES ((size_t)4 << 20)
#define ARENA_MAX   ((size_t)4 << 30)
#define TAIL_FIRST  64u /* log entries looked back at first; then four times as many */
#define KEYS_FIRST  64u /* keys of the first page; then twice as many */
#define KEYS_MOST   2048u

/* --- one decision
 * -------------------------------------------------------------------------------*/

static enum mete_code damaged(uint64_t seq, struct mete_err *err)
{
    return mete_fail(err, METE_STORE_CORRUPT, "", "the decision of entry %llu cannot be read",
                     (unsigned long long)seq);
}

static struct bytes keep(struct arena *a, struct bytes b)
{
    return text_bytes(arena_text(a, bytes_text(b)));
}

static enum mete_code page_read(struct engine *e, struct arena *a, uint64_t seq, uint32_t page,
                                struct decision *d, mete_time *recorded_at, struct mete_err *err)
{
    struct bytes packed;
    struct log_row row;
    enum store_result found;
    if (page == 0) {
        found = book_row(engine_book(e), seq, &row, err);
        packed = row.decision;
        *recorded_at = row.recorded_at;
    } else {
        found = book_page(engine_book(e), seq, page, &packed, recorded_at, err);
    }
    if (found == STORE_FAILED) {
        return METE_STORE_FAILED;
    }
    if (found == STORE_NONE) {
        return METE_NOT_FOUND;
    }
    return decision_unpack(a, keep(a, packed), d) ? METE_OK : damaged(seq, err);
}

/** Joins the further pages of the decision whose first page was read. */
static enum mete_code pages_join(struct engine *e, struct arena *a, struct walk_item *item,
                                 struct mete_err *err)
{
    struct decision *d = &item->decision;
    if (d->pages <= 1) {
        return METE_OK;
    }
    struct decision *more = arena_array(a, d->pages - 1, sizeof *more);
    for (uint32_t i = 1; i < d->pages; i++) {
        mete_time at;
        enum mete_code code = page_read(e, a, item->seq, item->page + i, &more[i - 1], &at, err);
        if (code != METE_OK) {
            return code == METE_NOT_FOUND ? damaged(item->seq, err) : code;
        }
    }
    decision_join(a, d, more, d->pages - 1);
    return METE_OK;
}

/** Fills event_seq and bytes: the event itself, or the one that the release was about. */
static enum mete_code event_attach(struct engine *e, struct arena *a, struct walk_item *item,
                                   struct mete_err *err)
{
    struct log_row row;
    item->event_seq = item->decision.about != 0 ? item->decision.about : item->seq;
    enum store_result found = book_row(engine_book(e), item->event_seq, &row, err);
    if (found != STORE_OK) {
        return found == STORE_NONE ? damaged(item->event_seq, err) : METE_STORE_FAILED;
    }
    item->bytes = keep(a, row.event);
    return METE_OK;
}

enum mete_code walk_one(struct engine *e, struct arena *a, uint64_t seq, uint32_t page,
                        struct walk_item *item, struct mete_err *err)
{
    *item = (struct walk_item){.seq = seq, .page = page};
    enum mete_code code = page_read(e, a, seq, page, &item->decision, &item->recorded_at, err);
    while (code == METE_OK && item->page > 0 && item->decision.about == 0) {
        item->page--; /* a further page: its decision began before */
        code = page_read(e, a, seq, item->page, &item->decision, &item->recorded_at, err);
    }
    if (code == METE_NOT_FOUND) {
        return damaged(seq, err);
    }
    code = code == METE_OK ? pages_join(e, a, item, err) : code;
    return code == METE_OK ? event_attach(e, a, item, err) : code;
}

enum mete_code walk_head_of(struct arena *a, struct bytes event, struct walk_head *out,
                            struct mete_err *err)
{
    enum mete_code code = json_parse(a, bytes_text(event), &out->tree, err);
    if (code != METE_OK) {
        return code;
    }
    const struct json *id = json_get(out->tree, "event_id");
    const struct json *type = json_get(out->tree, "event_type");
    const struct json *at = json_get(out->tree, "occurred_at");
    if (id == NULL || type == NULL || at == NULL || !event_type_of(type->text, &out->type) ||
        time_parse(at->text, &out->occurred_at) != TIME_OK) {
        return mete_fail(err, METE_STORE_CORRUPT, "", "a stored event has no readable header");
    }
    out->event_id = id->text;
    return METE_OK;
}

/* --- stretches of the log
 * -----------------------------------------------------------------------*/

struct copied {
    struct log_row row;
    struct copied *next;
};

struct batch {
    struct arena a;
    struct copied *first;
    struct copied *last;
    size_t size_max;
};

static bool row_copy(void *arg, const struct log_row *row)
{
    struct batch *b = arg;
    struct copied *c = arena_alloc(&b->a, sizeof *c);
    c->row = (struct log_row){.seq = row->seq,
                              .recorded_at = row->recorded_at,
                              .event = keep(&b->a, row->event),
                              .decision = keep(&b->a, row->decision),
                              .leaf = row->leaf};
    if (b->last == NULL) {
        b->first = c;
    } else {
        b->last->next = c;
    }
    b->last = c;
    return b->a.size < b->size_max;
}

enum mete_code walk_rows(struct engine *e, uint64_t from, uint64_t until, log_visit *visit,
                         void *arg, struct mete_err *err)
{
    struct batch b = {.size_max = BATCH_FIRST};
    enum mete_code code = METE_OK;
    arena_init(&b.a, ARENA_MAX);
    for (bool go_on = true; go_on && from < until;) {
        b.first = b.last = NULL;
        arena_reset(&b.a);
        if (book_scan_log(engine_book(e), from, until, row_copy, &b, err) == STORE_FAILED) {
            code = METE_STORE_FAILED;
            break;
        }
        b.size_max = b.size_max < BATCH_BYTES ? b.size_max * 2 : BATCH_BYTES;
        go_on = b.last != NULL;
        from = go_on ? b.last->row.seq + 1 : until;
        for (const struct copied *c = b.first; c != NULL && go_on; c = c->next) {
            go_on = visit(arg, &c->row);
        }
    }
    arena_clear(&b.a);
    return code;
}

/** True when the decision opened releases: they stand in further pages at the same place. */
static bool opens_release(const struct decision *d)
{
    for (uint32_t i = 0; i < d->put_count; i++) {
        if (d->put[i].op == PUT_SET && d->put[i].key.len > 0 && d->put[i].key.p[0] == KEY_QUEUE) {
            return true;
        }
    }
    return false;
}

struct walk {
    struct engine *e;
    walk_visit *visit;
    void *arg;
    struct arena a; /* of one decision */
    bool stop;
    enum mete_code code;
    struct mete_err *err;
};

static enum mete_code releases_visit(struct walk *w, uint64_t seq, uint32_t page)
{
    while (!w->stop) {
        arena_reset(&w->a);
        struct walk_item item = {.seq = seq, .page = page};
        enum mete_code code =
            page_read(w->e, &w->a, seq, page, &item.decision, &item.recorded_at, w->err);
        if (code == METE_NOT_FOUND) {
            return METE_OK;
        }
        code = code == METE_OK ? pages_join(w->e, &w->a, &item, w->err) : code;
        code = code == METE_OK ? event_attach(w->e, &w->a, &item, w->err) : code;
        if (code != METE_OK) {
            return code;
        }
        w->stop = !w->visit(w->arg, &item);
        page += item.decision.pages;
    }
    return METE_OK;
}

static bool row_visit(void *arg, const struct log_row *row)
{
    struct walk *w = arg;
    struct walk_item item = {.seq = row->seq,
                             .event_seq = row->seq,
                             .recorded_at = row->recorded_at,
                             .bytes = row->event};
    arena_reset(&w->a);
    if (!decision_unpack(&w->a, row->decision, &item.decision)) {
        w->code = damaged(row->seq, w->err);
        return false;
    }
    bool releases = opens_release(&item.decision);
    uint32_t pages = item.decision.pages;
    w->code = pages_join(w->e, &w->a, &item, w->err);
    if (w->code != METE_OK) {
        return false;
    }
    w->stop = !w->visit(w->arg, &item);
    if (releases) {
        w->code = releases_visit(w, row->seq, pages);
    }
    return w->code == METE_OK && !w->stop;
}

enum mete_code walk_log(struct engine *e, uint64_t from, uint64_t until, walk_visit *visit,
                        void *arg, struct mete_err *err)
{
    struct walk w = {.e = e, .visit = visit, .arg = arg, .err = err};
    arena_init(&w.a, ARENA_MAX);
    enum mete_code code = walk_rows(e, from, until, row_visit, &w, err);
    arena_clear(&w.a);
    return code == METE_OK ? w.code : code;
}

/* --- ranges of state
 * ----------------------------------------------------------------------------*/

struct gather {
    struct arena *a;
    struct walk_keys *out;
    size_t max;
    size_t cap;
};

static void *grown(struct arena *a, const void *from, size_t count, size_t cap, size_t size)
{
    void *to = arena_array(a, cap, size);
    if (count > 0) {
        memcpy(to, from, count * size);
    }
    return to;
}

static void gather_grow(struct gather *g)
{
    struct walk_keys *k = g->out;
    g->cap = g->cap == 0 ? 16 : g->cap * 2;
    g->cap = g->cap < g->max ? g->cap : g->max;
    k->key = grown(g->a, k->key, k->count, g->cap, sizeof *k->key);
    k->value = grown(g->a, k->value, k->count, g->cap, sizeof *k->value);
    k->sums = grown(g->a, k->sums, k->count, g->cap, sizeof *k->sums);
}

static bool key_gather(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    struct gather *g = arg;
    struct walk_keys *k = g->out;
    if (k->count == g->max) {
        k->more = true;
        return false;
    }
    if (k->count == g->cap) {
        gather_grow(g);
    }
    k->key[k->count] = keep(g->a, key);
    k->value[k->count] = keep(g->a, value);
    if (sums != NULL) {
        memcpy(k->sums[k->count], sums, sizeof *k->sums);
    }
    k->count++;
    return true;
}

enum mete_code walk_keys(struct engine *e, struct arena *a, struct bytes from, struct bytes until,
                         size_t max, struct walk_keys *out, struct mete_err *err)
{
    struct gather g = {.a = a, .out = out, .max = max};
    *out = (struct walk_keys){.count = 0};
    enum store_result r = book_scan_state(engine_book(e), from, until, key_gather, &g, err);
    return r == STORE_FAILED ? METE_STORE_FAILED : METE_OK;
}

static enum mete_code page_visit(const struct walk_keys *keys, walk_key_visit *visit, void *arg,
                                 bool *go_on)
{
    enum mete_code code = METE_OK;
    for (size_t i = 0; i < keys->count && code == METE_OK && *go_on; i++) {
        const struct walk_key k = {keys->key[i], keys->value[i], keys->sums[i]};
        code = visit(arg, &k, go_on);
    }
    return code;
}

enum mete_code walk_each_key(struct engine *e, const struct key *from, const struct key *until,
                             walk_key_visit *visit, void *arg, struct mete_err *err)
{
    struct key at = *from;
    struct walk_keys keys = {.more = true};
    struct arena a;
    bool go_on = true;
    enum mete_code code = METE_OK;
    arena_init(&a, ARENA_MAX);
    /* Who stops early has little read in vain, who does not seeks seldom. */
    for (size_t max = KEYS_FIRST; code == METE_OK && keys.more && go_on;
         max = max < KEYS_MOST ? 2 * max : max) {
        arena_reset(&a);
        code = walk_keys(e, &a, key_bytes(&at), key_bytes(until), max, &keys, err);
        code = code == METE_OK ? page_visit(&keys, visit, arg, &go_on) : code;
        at = keys.count > 0 ? walk_key_after(keys.key[keys.count - 1]) : at;
    }
    arena_clear(&a);
    return code;
}

/* The newest entries met so far: a ring. */
struct tail {
    struct {
        uint64_t seq;
        uint32_t page;
    } * at;
    size_t size;
    uint64_t met;
};

static bool tail_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)value;
    (void)sums;
    struct tail *t = arg;
    size_t i = (size_t)(t->met++ % t->size);
    t->at[i].seq = key_read_u64(key, 9);
    t->at[i].page = key_read_u32(key, 17);
    return true;
}

enum mete_code walk_tail(struct engine *e, uint32_t party, uint32_t asset, size_t count,
                         uint64_t *seq, uint32_t *page, struct mete_err *err)
{
    struct arena a;
    struct key until = key_prefix_end(key_u32x2(KEY_ENTRY, party, asset));
    uint64_t size = book_size(engine_book(e));
    uint64_t window = TAIL_FIRST;
    enum store_result r = STORE_OK;
    struct tail t = {.size = count};
    arena_init(&a, ARENA_MAX);
    t.at = arena_array(&a, count, sizeof *t.at);
    *seq = 0;
    *page = 0;
    for (uint64_t from = 1; from > 0 && t.met <= count && r != STORE_FAILED; window *= 4) {
        from = window > size ? 0 : size - window + 1;
        struct key begin = key_entry(party, asset, from, 0);
        t.met = 0;
        r = book_scan_state(engine_book(e), key_bytes(&begin), key_bytes(&until), tail_visit, &t,
                            err);
    }
    if (t.met > count) {
        *seq = t.at[t.met % count].seq;
        *page = t.at[t.met % count].page;
    }
    arena_clear(&a);
    return r == STORE_FAILED ? METE_STORE_FAILED : METE_OK;
}

struct key walk_key_after(struct bytes key)
{
    struct key k = {.len = key.len};
    METE_ASSERT(key.len < STATE_KEY_MAX);
    memcpy(k.b, key.p, key.len);
    key_add_u8(&k, 0);
    return k;
}
