/* SPDX-License-Identifier: Apache-2.0
 * The state of a book as its callers see it, and bringing it back: what the stored runs hold, and
 * the decisions of the log's tail applied again in the order in which they were stored. */
#include "base/text.h"
#include "core/decision.h"
#include "store/book.h"

#include <string.h>

#define REPLAY_ARENA_MAX ((size_t)1 << 30)

/* Written for reports only: a run of `mete run` that prints none does without. */
static bool is_unwanted(const struct book *b, struct bytes key)
{
    return b->no_entries && key.len > 0 && (key.p[0] == KEY_ENTRY || key.p[0] == KEY_PENDING);
}

void book_set(struct book *b, struct bytes key, struct bytes value)
{
    book_touch(b);
    if (!is_unwanted(b, key)) {
        state_set(&b->state, key, value);
    }
}

void book_add(struct book *b, struct bytes key, const i128 sums[STATE_SUMS])
{
    book_touch(b);
    if (!is_unwanted(b, key)) {
        state_add(&b->state, key, sums);
    }
}

void book_remove(struct book *b, struct bytes key)
{
    book_touch(b);
    if (!is_unwanted(b, key)) {
        state_remove(&b->state, key);
    }
}

/** Looks up; STORE_NONE also for what was removed. */
static enum store_result look_up(struct book *b, struct bytes key, struct lookup *found,
                                 struct mete_err *err)
{
    err = book_err(b, err);
    if (!book_usable(b, false, err) || state_get(&b->state, key, found, err) != METE_OK) {
        return STORE_FAILED;
    }
    return found->any && found->op != ITEM_DELETE ? STORE_OK : STORE_NONE;
}

void book_expect(struct book *b, struct bytes key)
{
    state_expect(&b->state, key);
}

enum store_result book_get(struct book *b, struct bytes key, struct bytes *value,
                           struct mete_err *err)
{
    struct lookup found;
    METE_ASSERT(key.len > 0 && !key_is_sums(key.p[0]));
    enum store_result r = look_up(b, key, &found, err);
    if (r == STORE_OK) {
        *value = buf_bytes(found.value);
    }
    return r;
}

enum store_result book_sums(struct book *b, struct bytes key, i128 sums[STATE_SUMS],
                            struct mete_err *err)
{
    struct lookup found;
    METE_ASSERT(key.len > 0 && key_is_sums(key.p[0]));
    enum store_result r = look_up(b, key, &found, err);
    memset(sums, 0, STATE_SUMS * sizeof *sums);
    if (r == STORE_OK) {
        memcpy(sums, found.sums, STATE_SUMS * sizeof *sums);
    }
    return r;
}

struct scan {
    state_visit *visit;
    void *arg;
    struct mete_err *err;
    bool failed;
};

static bool scan_item(void *arg, const struct item *item)
{
    struct scan *s = arg;
    i128 sums[STATE_SUMS];
    if (!key_is_sums(item->key.p[0])) {
        return s->visit(s->arg, item->key, item->value, NULL);
    }
    if (!sums_unpack(item->value, sums)) {
        (void)mete_fail(s->err, METE_STORE_CORRUPT, NULL, "sums of the state are damaged");
        s->failed = true;
        return false;
    }
    return s->visit(s->arg, item->key, (struct bytes){0}, sums);
}

enum store_result book_scan_state(struct book *b, struct bytes from, struct bytes until,
                                  state_visit *visit, void *arg, struct mete_err *err)
{
    err = book_err(b, err);
    struct scan s = {visit, arg, err, false};
    if (!book_usable(b, false, err) ||
        state_scan(&b->state, from, until, scan_item, &s, err) != METE_OK || s.failed) {
        return STORE_FAILED;
    }
    return STORE_OK;
}

const struct state_stats *book_stats(struct book *b)
{
    return state_stats_now(&b->state);
}

/* --- bringing it back --------------------------------------------------------------------------*/

static void sink_set(void *ctx, struct bytes key, struct bytes value)
{
    state_set(&((struct book *)ctx)->state, key, value);
}

static void sink_add(void *ctx, struct bytes key, const i128 sums[STATE_SUMS])
{
    state_add(&((struct book *)ctx)->state, key, sums);
}

static void sink_remove(void *ctx, struct bytes key)
{
    state_remove(&((struct book *)ctx)->state, key);
}

struct replay {
    struct book *b;
    struct arena arena;
    struct state_sink sink;
    uint64_t next; /* the first event that was not applied yet */
    bool grows;    /* the tree has no leaves of these events yet */
    struct mete_err *err;
    bool failed;
};

static bool apply(struct replay *r, struct bytes packed, uint64_t seq, uint32_t page,
                  mete_time recorded_at)
{
    struct decision d;
    arena_reset(&r->arena);
    if (!decision_unpack(&r->arena, packed, &d)) {
        (void)mete_fail(r->err, METE_STORE_CORRUPT, NULL,
                        "page %u of the decision on event %llu is damaged", page,
                        (unsigned long long)seq);
        r->failed = true;
        return false;
    }
    decision_apply(&d, seq, page, recorded_at, &r->sink);
    r->b->state.stats.rebuilt_rows++;
    return true;
}

static bool replay_row(void *arg, const struct log_row *row)
{
    struct replay *r = arg;
    struct log_row checked = *row;
    if (book_row_check(r->b, &checked, r->err) != STORE_OK) {
        r->failed = true;
        return false;
    }
    struct key key = key_event_id(checked.event_id);
    book_event_id_put(r->b, &key, checked.seq);
    if (r->grows) {
        tree_follow(&r->b->tree, &checked.leaf);
    }
    return apply(r, checked.decision, checked.seq, 0, checked.recorded_at);
}

/** The events up to `until` that are still to be applied. */
static bool replay_events(struct replay *r, uint64_t until)
{
    if (r->next <= until) {
        uint64_t from = r->next;
        r->next = until + 1;
        if (r->b->port->scan(r->b->log, from, until + 1, replay_row, r, r->err) != STORE_OK) {
            r->failed = true;
        }
    }
    return !r->failed;
}

static bool replay_page(void *arg, const struct page_row *row)
{
    struct replay *r = arg;
    return replay_events(r, row->after) &&
           apply(r, row->packed, row->seq, row->page, row->recorded_at);
}

/** What was stored after the first `size` events and `pages` pages. */
static bool replay_tail(struct book *b, uint64_t size, uint64_t pages, struct mete_err *err)
{
    struct replay r = {.b = b,
                       .sink = {b, sink_set, sink_add, sink_remove, !b->no_entries},
                       .next = size + 1,
                       .grows = b->tree.merkle.size < b->found.size,
                       .err = err};
    arena_init(&r.arena, REPLAY_ARENA_MAX);
    bool ok = b->port->scan_pages(b->log, pages + 1, replay_page, &r, err) == STORE_OK;
    ok = ok && !r.failed && replay_events(&r, b->found.size);
    arena_clear(&r.arena);
    return ok;
}

static bool shape_read(struct book *b, struct hash *out, struct mete_err *err)
{
    return !b->read_only || b->port->wake == NULL ||
           b->port->state->shape(b->log, out, err) == METE_OK;
}

enum mete_code book_load(struct book *b, struct mete_err *err)
{
    state_reset(&b->state);
    b->root_size = UINT64_MAX;
    b->tail_known = false;
    if (b->port->find(b->log, &b->found, err) != STORE_OK ||
        tree_load(&b->tree, b->found.size, err) != STORE_OK ||
        state_load(&b->state, err) != METE_OK || !shape_read(b, &b->shape, err) ||
        !replay_tail(b, b->found.flushed_size, b->found.flushed_pages, err)) {
        return err->code;
    }
    return METE_OK;
}

/** Merging goes on between flushes: the runs are then others, with the same in them. */
static bool runs_follow(struct book *b, struct mete_err *err)
{
    struct hash shape;
    if (!shape_read(b, &shape, err)) {
        return false;
    }
    if (hash_eq(&shape, &b->shape)) {
        return true;
    }
    b->shape = shape;
    state_runs_reset(&b->state);
    return state_load(&b->state, err) == METE_OK;
}

enum mete_code book_advance(struct book *b, struct mete_err *err)
{
    struct log_found before = b->found;
    if (b->port->find(b->log, &b->found, err) != STORE_OK) {
        return err->code;
    }
    if (b->found.flushed_size != before.flushed_size ||
        b->found.flushed_pages != before.flushed_pages || b->found.size < before.size ||
        b->found.pages < before.pages) {
        return book_load(b, err);
    }
    b->root_size = UINT64_MAX;
    b->tail_known = false;
    return runs_follow(b, err) && replay_tail(b, before.size, before.pages, err) ? METE_OK
                                                                                 : err->code;
}
