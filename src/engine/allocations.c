/* SPDX-License-Identifier: Apache-2.0
 * Listing allocations from the cursor on: the log is walked, or only the places that an index
 * names, and lines that fit are handed out. */
#include "engine/allocations.h"

#include "base/text.h"
#include "core/dispute.h"
#include "core/work.h"
#include "engine/lines.h"

#include <stdio.h>
#include <string.h>

#define ARENA_SIZE_MAX ((size_t)4 << 30)

struct list {
    struct engine *e;
    const struct allocations_query *q;
    allocations_visit *visit;
    void *arg;
    struct arena a;                /* of one decision */
    struct allocation_place after; /* rows up to here were handed out before */
    struct allocation_place last;  /* that was handed out or passed over */
    uint64_t left;                 /* rows */
    uint32_t party;                /* 0: all */
    uint64_t event_seq;            /* 0: all */
    bool full;
    struct mete_err *err;
    enum mete_code code;
};

/* --- cursors -----------------------------------------------------------------------------------*/

static bool number_take(struct text *t, uint64_t max, uint64_t *out)
{
    size_t i = 0;
    *out = 0;
    while (i < t->len && t->p[i] >= '0' && t->p[i] <= '9' && i < 19) {
        *out = *out * 10 + (uint64_t)(t->p[i++] - '0');
    }
    bool fine = i > 0 && *out <= max && (i == t->len || t->p[i] == '.');
    i += i < t->len;
    *t = (struct text){t->p + i, t->len - i};
    return fine;
}

bool allocation_cursor_read(struct text t, struct allocation_place *out)
{
    uint64_t n[4] = {0};
    for (size_t i = 0; i < ARRAY_LEN(n); i++) {
        if (!number_take(&t, i == 0 ? INT64_MAX : UINT32_MAX, &n[i])) {
            return false;
        }
    }
    *out = (struct allocation_place){n[0], (uint32_t)n[1], (uint32_t)n[2], (uint32_t)n[3]};
    return t.len == 0;
}

void allocation_cursor_write(const struct allocation_place *p, char out[ALLOCATION_CURSOR_MAX])
{
    snprintf(out, ALLOCATION_CURSOR_MAX, "%llu.%u.%u.%u", (unsigned long long)p->seq, p->page,
             p->group, p->line);
}

static bool is_after(struct allocation_place a, struct allocation_place b)
{
    if (a.seq != b.seq) {
        return a.seq > b.seq;
    }
    if (a.page != b.page) {
        return a.page > b.page;
    }
    return a.group != b.group ? a.group > b.group : a.line > b.line;
}

/* --- one line ----------------------------------------------------------------------------------*/

static void row_policies(struct engine *e, struct arena *a, const struct group *g, uint32_t line,
                         struct allocation_row *row)
{
    const struct view *v = engine_view(e);
    uint32_t node = g->line[line].node;
    struct text id;
    row->root_policy = lines_root_policy(v, a, g);
    while (node != NODE_NONE && g->node[node].rounding == NODE_ROLE) {
        node = g->node[node].parent;
    }
    if (node != NODE_NONE && view_policy_id(v, g->node[node].policy, &id) == VIEW_FOUND) {
        row->policy = arena_text(a, id);
        row->policy_version = g->node[node].version;
    }
    if (row->policy.len == 0) {
        row->policy = row->root_policy;
    }
}

static struct text party_text(struct engine *e, struct arena *a, uint32_t number)
{
    struct text id;
    return view_party_id(engine_view(e), number, &id) == VIEW_FOUND ? arena_text(a, id)
                                                                    : (struct text){0};
}

/** What went back of a line; zero when nothing did. */
static i128 reversed_of(struct engine *e, struct arena *a, const struct walk_item *item,
                        const struct allocation_place *at)
{
    struct reversed r;
    const struct group *g = &item->decision.group[at->group];
    return reversed_load(engine_view(e), a, at->seq, at->page, at->group, g, &r) == VIEW_FOUND
               ? r.line[at->line]
               : 0;
}

struct allocation_row allocation_row_make(struct engine *e, struct arena *a, mete_time now,
                                          const struct walk_item *item,
                                          const struct walk_head *head, uint32_t group,
                                          uint32_t line)
{
    const struct group *g = &item->decision.group[group];
    const struct lines_spot spot = {group, line, g->line[line].amount};
    const struct view *v = engine_view(e);
    struct dispute dispute = {0};
    char path[PATH_TEXT_MAX];
    struct allocation_row row = {.at = {item->seq, item->page, group, line},
                                 .event_id = head->event_id,
                                 .amount = g->line[line].amount,
                                 .booked_at = item->recorded_at};
    (void)line_path(g, group, line, path);
    row.reversed = reversed_of(e, a, item, &row.at);
    row.id = arena_printf(a, "%.*s/%s", (int)head->event_id.len, head->event_id.p, path);
    row.party = party_text(e, a, g->line[line].party);
    row.role = lines_role(v, a, g, line);
    row.state = lines_state(v, item, &spot, now, &row.clears_at);
    (void)view_asset_number(v, g->asset, &row.asset);
    row_policies(e, a, g, line, &row);
    if (dispute_of(v, item->seq, item->page, group, line, &dispute) == VIEW_FOUND &&
        dispute.state == DISPUTE_UPHELD) {
        row.held_by = party_text(e, a, dispute.owner);
    }
    return row;
}

static bool row_fits(const struct list *l, const struct allocation_row *row)
{
    const struct allocations_query *q = l->q;
    bool policy = q->policy.len == 0 || text_eq(q->policy, row->policy) ||
                  text_eq(q->policy, row->root_policy);
    return policy && (q->state.len == 0 || text_is(q->state, row->state));
}

/* --- the walk ----------------------------------------------------------------------------------*/

static bool is_wanted(const struct list *l, const struct line *line, struct allocation_place at)
{
    return line->kind == LINE_ALLOCATION && (l->party == 0 || line->party == l->party) &&
           is_after(at, l->after);
}

/** False: the page is full. */
static bool line_visit(struct list *l, const struct walk_item *item, const struct walk_head *head,
                       struct allocation_place at)
{
    const struct allocation_row row =
        allocation_row_make(l->e, &l->a, l->q->at, item, head, at.group, at.line);
    if (row_fits(l, &row)) {
        if (l->left == 0) {
            l->full = true;
            return false;
        }
        l->left--;
        l->full = !l->visit(l->arg, &row);
    }
    l->last = at;
    return !l->full;
}

/** The event is read only when one of its lines is wanted. */
static bool group_visit(struct list *l, const struct walk_item *item, struct walk_head *head,
                        uint32_t number)
{
    const struct group *g = &item->decision.group[number];
    for (uint32_t i = 0; i < g->line_count && g->kind == GROUP_REVENUE; i++) {
        const struct allocation_place at = {item->seq, item->page, number, i};
        if (!is_wanted(l, &g->line[i], at)) {
            continue;
        }
        if (head->tree == NULL) {
            arena_reset(&l->a);
            l->code = walk_head_of(&l->a, item->bytes, head, l->err);
        }
        if (l->code != METE_OK || !line_visit(l, item, head, at)) {
            return false;
        }
    }
    return true;
}

static bool item_visit(void *arg, const struct walk_item *item)
{
    struct list *l = arg;
    struct walk_head head = {.tree = NULL};
    if (l->event_seq != 0 && item->event_seq != l->event_seq) {
        return true;
    }
    for (uint32_t g = 0; g < item->decision.group_count; g++) {
        if (!group_visit(l, item, &head, g)) {
            return false;
        }
    }
    return true;
}

/* --- where to look -----------------------------------------------------------------------------*/

/** The entries of all accounts of a party. */
static enum mete_code places_of_party(struct list *l, struct arena *a, uint64_t from,
                                      struct walk_places *out)
{
    struct walk_keys accounts;
    struct key begin = key_u32(KEY_ACCOUNT, l->party);
    struct key end = key_prefix_end(begin);
    enum mete_code code =
        walk_keys(l->e, a, key_bytes(&begin), key_bytes(&end), ASSETS_ALL, &accounts, l->err);
    if (code != METE_OK) {
        return code;
    }
    *out = (struct walk_places){.range = arena_array(a, accounts.count, sizeof *out->range),
                                .count = accounts.count};
    for (size_t i = 0; i < out->count; i++) {
        uint32_t asset = key_read_u32(accounts.key[i], 5);
        out->range[i] =
            (struct walk_range){.from = key_entry(l->party, asset, from, 0),
                                .until = key_prefix_end(key_u32x2(KEY_ENTRY, l->party, asset)),
                                .seq_at = 9};
    }
    return METE_OK;
}

/** All lines that were ever disputed. */
static struct walk_places places_of_disputes(struct arena *a, uint64_t from)
{
    struct walk_range *r = arena_alloc(a, sizeof *r);
    r->from = key_of(KEY_DISPUTE);
    key_add_u64(&r->from, from);
    r->until = key_prefix_end(key_of(KEY_DISPUTE));
    r->seq_at = 1;
    return (struct walk_places){.range = r, .count = 1};
}

static bool is_of_disputes(const struct allocations_query *q)
{
    return text_is(q->state, "disputed") || text_is(q->state, "upheld");
}

/** By an index where there is one. */
static enum mete_code look(struct list *l, uint64_t from, uint64_t until)
{
    struct arena a;
    struct walk_places places;
    enum mete_code code = METE_OK;
    if (l->event_seq != 0 || (l->party == 0 && !is_of_disputes(l->q))) {
        return walk_log(l->e, from, until, item_visit, l, l->err);
    }
    arena_init(&a, ARENA_SIZE_MAX);
    if (l->party != 0) {
        code = places_of_party(l, &a, from, &places);
    } else {
        places = places_of_disputes(&a, from);
    }
    code = code == METE_OK ? walk_at(l->e, &places, item_visit, l, l->err) : code;
    arena_clear(&a);
    return code;
}

/** Where an event was booked: it may have waited. */
static enum mete_code event_range(struct list *l, uint64_t *from, uint64_t *until)
{
    struct decision decision;
    uint32_t page;
    uint64_t booked;
    l->event_seq = engine_seq_of(l->e, l->q->event_id);
    if (l->event_seq == 0) {
        return mete_fail(l->err, METE_NOT_FOUND, NULL, "no event of this book has this id");
    }
    enum mete_code code =
        engine_decision(l->e, l->event_seq, &l->a, &decision, &booked, &page, l->err);
    if (code == METE_OK) {
        *from = *from > booked ? *from : booked;
        *until = booked + 1;
    }
    return code;
}

static enum mete_code range_find(struct list *l, uint64_t *from, uint64_t *until)
{
    const struct allocations_query *q = l->q;
    if (q->after.len > 0 && !allocation_cursor_read(q->after, &l->after)) {
        return mete_fail(l->err, METE_REQUEST_INVALID, NULL, "this cursor was never handed out");
    }
    if (q->party.len > 0 && view_party(engine_view(l->e), q->party, &l->party) != VIEW_FOUND) {
        return mete_fail(l->err, METE_NOT_FOUND, NULL, "the log does not name this party");
    }
    *from = l->after.seq > 0 ? l->after.seq : 1;
    *until = book_size(engine_book(l->e)) + 1;
    return q->event_id.len > 0 ? event_range(l, from, until) : METE_OK;
}

enum mete_code allocations_list(struct engine *e, const struct allocations_query *q,
                                allocations_visit *visit, void *arg,
                                char next[ALLOCATION_CURSOR_MAX], struct mete_err *err)
{
    struct list l = {.e = e, .q = q, .visit = visit, .arg = arg, .left = q->limit, .err = err};
    uint64_t from = 1;
    uint64_t end = 1;
    next[0] = '\0';
    arena_init(&l.a, ARENA_SIZE_MAX);
    enum mete_code code = range_find(&l, &from, &end);
    bool indexed = l.event_seq == 0 && (l.party != 0 || is_of_disputes(q));
    uint64_t until =
        q->look_max != 0 && !indexed && end - from > q->look_max ? from + q->look_max : end;
    l.last = l.after;
    code = code == METE_OK ? look(&l, from, until) : code;
    code = code == METE_OK ? l.code : code;
    if (code == METE_OK && !l.full && until < end) {
        l.last = (struct allocation_place){.seq = until - 1, .page = UINT32_MAX};
    }
    if (code == METE_OK && (l.full || until < end)) {
        allocation_cursor_write(&l.last, next);
    }
    arena_clear(&l.a);
    return code;
}
