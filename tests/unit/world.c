/* SPDX-License-Identifier: Apache-2.0
 * See world.h. */
#include "world.h"

#include "base/text.h"
#include "core/balance.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world_value {
    bool is_sums;
    i128 sums[STATE_SUMS];
    uint8_t *p;
    size_t len;
    bool there;
};

static enum view_result get(void *ctx, struct bytes key, struct bytes *value)
{
    struct world *w = ctx;
    struct world_value *v = omap_get(&w->state, key);
    if (v == NULL || !v->there) {
        return VIEW_ABSENT;
    }
    *value = (struct bytes){v->p, v->len};
    return VIEW_FOUND;
}

static enum view_result sums(void *ctx, struct bytes key, i128 out[STATE_SUMS])
{
    struct world *w = ctx;
    struct world_value *v = omap_get(&w->state, key);
    memset(out, 0, STATE_SUMS * sizeof *out);
    if (v == NULL || !v->there) {
        return VIEW_ABSENT;
    }
    memcpy(out, v->sums, sizeof v->sums);
    return VIEW_FOUND;
}

static enum view_result scan(void *ctx, struct bytes from, struct bytes until, view_visit *visit,
                             void *arg)
{
    struct world *w = ctx;
    struct omap_node *n = omap_seek(&w->state, from);
    for (; n != NULL && bytes_cmp(omap_key(n), until) < 0; n = omap_next(n)) {
        struct world_value *v = omap_value(n);
        if (v->there && !visit(arg, omap_key(n), (struct bytes){v->p, v->len}, v->sums)) {
            break;
        }
    }
    return VIEW_FOUND;
}

static enum view_result decision_at(void *ctx, uint64_t seq, uint32_t page, struct bytes *packed)
{
    struct world *w = ctx;
    if (seq == 0 || seq > w->size || page >= w->row[seq].pages) {
        return VIEW_ABSENT;
    }
    *packed = w->row[seq].page[page];
    return VIEW_FOUND;
}

static enum view_result event_at(void *ctx, uint64_t seq, struct arena *a, struct event *event,
                                 mete_time *recorded_at)
{
    struct world *w = ctx;
    struct envelope *e = arena_alloc(a, sizeof *e);
    struct mete_err err;
    const struct envelope_options o = {.now = TIME_NEVER, .own = true};
    METE_ASSERT(envelope_read(a, text_of(w->row[seq].json), &o, e, &err) == METE_OK);
    *event = e->event;
    *recorded_at = w->row[seq].recorded_at;
    return VIEW_FOUND;
}

static uint64_t seq_at(void *ctx, mete_time t)
{
    (void)ctx;
    (void)t;
    return 1;
}

static void sink_set(void *ctx, struct bytes key, struct bytes value)
{
    struct world *w = ctx;
    struct world_value *v = omap_put(&w->state, key, NULL);
    free(v->p);
    v->p = malloc(value.len + 1);
    if (value.len > 0) {
        memcpy(v->p, value.p, value.len);
    }
    v->len = value.len;
    v->there = true;
}

static void sink_add(void *ctx, struct bytes key, const i128 add[STATE_SUMS])
{
    struct world *w = ctx;
    struct world_value *v = omap_put(&w->state, key, NULL);
    for (size_t i = 0; i < STATE_SUMS; i++) {
        v->sums[i] = v->there ? v->sums[i] + add[i] : add[i];
    }
    v->is_sums = true;
    v->there = true;
}

static void sink_remove(void *ctx, struct bytes key)
{
    struct world *w = ctx;
    struct world_value *v = omap_get(&w->state, key);
    if (v != NULL) {
        v->there = false;
    }
}

void world_open(struct world *w)
{
    memset(w, 0, sizeof *w);
    omap_init(&w->state, sizeof(struct world_value), 1);
    arena_init(&w->arena, (size_t)1 << 30);
    w->view = (struct view){w, get, sums, scan, decision_at, event_at, seq_at, NULL};
    w->plain = w->view;
    w->sink = (struct state_sink){w, sink_set, sink_add, sink_remove, true};
}

void world_close(struct world *w)
{
    for (struct omap_node *n = omap_seek(&w->state, (struct bytes){0}); n != NULL;
         n = omap_next(n)) {
        free(((struct world_value *)omap_value(n))->p);
    }
    for (uint64_t i = 1; i <= w->size; i++) {
        free(w->row[i].json);
        for (uint32_t k = 0; k < w->row[i].pages; k++) {
            free((void *)(uintptr_t)w->row[i].page[k].p);
        }
        free(w->row[i].page);
    }
    omap_clear(&w->state);
    arena_clear(&w->arena);
}

static void store_pages(struct world *w, struct world_row *row, struct decision *d, uint64_t seq)
{
    size_t *sizes;
    size_t offset = 0;
    struct buf packed = {0};
    uint32_t first = row->pages;
    uint32_t pages = decision_pack_pages(&w->arena, &packed, d, &sizes);
    for (uint32_t i = 0; i < pages; i++) {
        uint8_t *copy = malloc(sizes[i]);
        struct decision page;
        row->page = realloc(row->page, (row->pages + 1) * sizeof *row->page);
        METE_ASSERT(copy != NULL && row->page != NULL);
        memcpy(copy, packed.p + offset, sizes[i]);
        offset += sizes[i];
        row->page[row->pages++] = (struct bytes){copy, sizes[i]};
        METE_ASSERT(decision_unpack(&w->arena, row->page[first + i], &page));
        decision_apply(&page, seq, first + i, row->recorded_at, &w->sink);
    }
    buf_clear(&packed);
}

/* A view that a test puts in the place of ours may lack things; each attempt finds out more. */
#define ATTEMPTS_MAX 10000

static bool release_is_pending(struct world *w)
{
    bool pending = false;
    enum view_result found = VIEW_MISSING;
    for (int i = 0; i < ATTEMPTS_MAX && found == VIEW_MISSING; i++) {
        found = release_pending(&w->view, &pending);
    }
    METE_ASSERT(found == VIEW_FOUND);
    return pending;
}

static void release(struct world *w, struct world_row *row, uint64_t seq)
{
    while (release_is_pending(w)) {
        struct decision d;
        struct mete_err err;
        enum decided outcome = DECIDED_NEEDS;
        for (int i = 0; i < ATTEMPTS_MAX && outcome == DECIDED_NEEDS; i++) {
            outcome =
                release_next(&w->arena, &w->view, seq, row->pages, row->recorded_at, &d, &err);
        }
        METE_ASSERT(outcome == DECIDED_APPLIED || outcome == DECIDED_WAITING);
        store_pages(w, row, &d, seq);
    }
}

enum decided world_submit(struct world *w, mete_time recorded_at, const char *json)
{
    struct envelope e;
    const struct envelope_options o = {.now = TIME_NEVER, .own = true};
    arena_reset(&w->arena);
    w->err = (struct mete_err){0};
    if (envelope_read(&w->arena, text_of(json), &o, &e, &w->err) != METE_OK) {
        return DECIDED_REFUSED;
    }
    uint64_t seq = w->size + 1;
    struct decide_in in = {&w->view, &e.event, seq,
                           recorded_at != 0 ? recorded_at : e.event.occurred_at};
    enum decided outcome = DECIDED_NEEDS;
    for (int i = 0; i < ATTEMPTS_MAX && outcome == DECIDED_NEEDS; i++) {
        outcome = decide(&w->arena, &in, &w->last, &w->err);
    }
    METE_ASSERT(outcome != DECIDED_NEEDS);
    if (outcome == DECIDED_REFUSED) {
        return outcome;
    }
    METE_ASSERT(seq <= WORLD_EVENTS_MAX);
    struct world_row *row = &w->row[seq];
    *row = (struct world_row){.json = strdup(json), .recorded_at = in.recorded_at};
    w->size = seq;
    store_pages(w, row, &w->last, seq);
    struct key key = key_event_id(e.event.id);
    struct buf value = {0};
    buf_put_varint(&value, seq);
    sink_set(w, key_bytes(&key), buf_bytes(&value));
    buf_clear(&value);
    release(w, row, seq);
    world_check(w);
    return outcome;
}

enum decided world_submitf(struct world *w, const char *fmt, ...)
{
    static char json[65536];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(json, sizeof json, fmt, args);
    va_end(args);
    METE_ASSERT(n > 0 && (size_t)n < sizeof json);
    return world_submit(w, 0, json);
}

static const char *lines_of(const struct decision *d)
{
    static char out[65536];
    size_t len = 0;
    out[0] = 0;
    for (uint32_t i = 0; i < d->group_count; i++) {
        for (uint32_t k = 0; k < d->group[i].line_count; k++) {
            const struct line *l = &d->group[i].line[k];
            char amount[I128_TEXT_MAX];
            static const char *const KIND[] = {"", "f", "", "u", "c", "s", "t"};
            i128_format(l->amount, amount);
            len += (size_t)snprintf(out + len, sizeof out - len, "%s%s%s", len > 0 ? "/" : "",
                                    KIND[l->kind], amount);
        }
    }
    return out;
}

const char *world_lines(struct world *w)
{
    struct decision d;
    METE_ASSERT(decision_unpack(&w->arena, w->row[w->size].page[0], &d));
    return lines_of(&d);
}

const char *world_booked(struct world *w, uint64_t seq)
{
    struct key key = key_of(KEY_BOOKED);
    struct bytes value;
    struct decision d;
    key_add_u64(&key, seq);
    if (get(w, key_bytes(&key), &value) != VIEW_FOUND) {
        return "waiting";
    }
    struct reader r = reader_of(value);
    uint64_t at = read_varint(&r);
    METE_ASSERT(decision_unpack(&w->arena, w->row[at].page[read_varint(&r)], &d));
    return lines_of(&d);
}

/** Of a party that the log named, or of one that mete itself is; 0: neither. */
static uint32_t number_of(struct world *w, const char *party)
{
    uint32_t number;
    for (number = 1; number < PARTY_FIRST; number++) {
        const char *name = party_system_name(number);
        if (name != NULL && strcmp(name, party) == 0) {
            return number;
        }
    }
    return view_party(&w->view, text_of(party), &number) == VIEW_FOUND ? number : 0;
}

i128 world_net(struct world *w, const char *party, const char *asset)
{
    struct asset known;
    i128 total[STATE_SUMS] = {0};
    METE_ASSERT(view_asset(&w->view, text_of(asset), &known) == VIEW_FOUND);
    uint32_t number = number_of(w, party);
    if (number == 0) {
        return 0;
    }
    struct key key = key_account(number, known.number);
    (void)sums(w, key_bytes(&key), total);
    return total[1] - total[0] + total[3] - total[2];
}

const char *world_balance(struct world *w, const char *party, const char *asset, const char *at)
{
    static char out[256];
    uint32_t number;
    struct asset known;
    struct balance b;
    mete_time when = 0;
    char text[4][I128_TEXT_MAX];
    struct arena scratch;
    arena_init(&scratch, (size_t)1 << 28);
    METE_ASSERT(time_parse(text_of(at), &when) == TIME_OK);
    METE_ASSERT(view_asset(&w->view, text_of(asset), &known) == VIEW_FOUND);
    METE_ASSERT(view_party(&w->view, text_of(party), &number) == VIEW_FOUND);
    METE_ASSERT(balance_at(&w->view, &scratch, number, known.number, when, &b) != VIEW_MISSING);
    arena_clear(&scratch);
    i128_format(b.pending, text[0]);
    i128_format(b.disputed, text[1]);
    i128_format(b.cleared, text[2]);
    i128_format(b.debt, text[3]);
    snprintf(out, sizeof out, "%s/%s/%s/%s", text[0], text[1], text[2], text[3]);
    return out;
}

void world_check(struct world *w)
{
    i128 total = 0;
    for (struct omap_node *n = omap_seek(&w->state, (struct bytes){0}); n != NULL;
         n = omap_next(n)) {
        struct world_value *v = omap_value(n);
        if (omap_key(n).p[0] == KEY_ACCOUNT && v->there) {
            /* assets are mixed here on purpose: each sums to zero, so all do */
            total += v->sums[1] - v->sums[0] + v->sums[3] - v->sums[2];
        }
    }
    METE_ASSERT(total == 0);
}
