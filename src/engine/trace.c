/* SPDX-License-Identifier: Apache-2.0
 * Finding reversals. Every reversal posts to some of the parties of the original, so that it stands
 * among their later entries; some of these accounts are busy and others are not. They are read
 * turn by turn until the amounts found make up what is known to be reversed. */
#include "engine/trace.h"

#include "base/limits.h"
#include "base/text.h"
#include "core/work.h"

#include <string.h>

#define STREAMS_AT_ONCE 8u
#define KEYS_FIRST      32u
#define KEYS_MAX        2048u
#define ARENA_MAX       ((size_t)4 << 30)
#define DISPUTE_ROWS    8192u

struct stream {
    uint32_t party;
    struct key from;
    bool ended;
};

struct trace {
    struct engine *e;
    struct arena *a;
    const struct walk_item *booking;
    uint32_t group;
    uint32_t line;
    i128 missing; /* reversed, but by events that are not found yet */
    struct trace_hit *first;
    struct arena keys;
    struct arena item;
    struct mete_err *err;
};

/* --- one decision that may hold reversals
 * -------------------------------------------------------*/

static bool hit_known(const struct trace *t, uint64_t seq, uint32_t page, uint32_t group)
{
    for (const struct trace_hit *h = t->first; h != NULL; h = h->next) {
        if (h->seq == seq && h->page == page && h->group == group) {
            return true;
        }
    }
    return false;
}

static void hit_insert(struct trace *t, struct trace_hit *hit)
{
    struct trace_hit **at = &t->first;
    while (*at != NULL &&
           ((*at)->seq < hit->seq || ((*at)->seq == hit->seq && (*at)->page <= hit->page))) {
        at = &(*at)->next;
    }
    hit->next = *at;
    *at = hit;
}

static enum mete_code hit_add(struct trace *t, const struct walk_item *item, uint32_t group)
{
    const struct group *g = &item->decision.group[group];
    struct walk_head head;
    enum mete_code code = walk_head_of(&t->item, item->bytes, &head, t->err);
    if (code != METE_OK) {
        return code;
    }
    struct trace_hit *hit = arena_alloc(t->a, sizeof *hit);
    *hit = (struct trace_hit){.seq = item->seq,
                              .page = item->page,
                              .group = group,
                              .event_id = arena_text(t->a, head.event_id),
                              .occurred_at = head.occurred_at,
                              .gross = -g->gross,
                              .den = g->den};
    for (uint32_t i = 0; i < g->line_count; i++) {
        if (g->line[i].share == t->line) {
            hit->line -= g->line[i].amount;
            hit->line_left = g->line[i].weight;
        }
    }
    hit_insert(t, hit);
    t->missing -= hit->gross;
    return METE_OK;
}

static enum mete_code entry_look(struct trace *t, struct bytes key)
{
    struct walk_item item;
    arena_reset(&t->item);
    enum mete_code code =
        walk_one(t->e, &t->item, key_read_u64(key, 9), key_read_u32(key, 17), &item, t->err);
    for (uint32_t i = 0; code == METE_OK && i < item.decision.group_count; i++) {
        const struct group *g = &item.decision.group[i];
        if (g->kind == GROUP_REVERSAL && g->target_seq == t->booking->seq &&
            g->target_page == t->booking->page && g->target_group == t->group &&
            !hit_known(t, item.seq, item.page, i)) {
            code = hit_add(t, &item, i);
        }
    }
    return code;
}

/** What is booked anew takes back in the same decision what had been taken back before. */
static enum mete_code own_look(struct trace *t)
{
    const struct walk_item *b = t->booking;
    enum mete_code code = METE_OK;
    for (uint32_t i = 0; i < b->decision.group_count && code == METE_OK; i++) {
        const struct group *g = &b->decision.group[i];
        if (g->kind == GROUP_REVERSAL && g->target_seq == b->seq && g->target_page == b->page &&
            g->target_group == t->group) {
            code = hit_add(t, b, i);
        }
    }
    return code;
}

/* --- the accounts
 * -------------------------------------------------------------------------------*/

static void stream_add(struct trace *t, struct stream *stream, size_t *count, uint32_t party)
{
    for (size_t i = 0; i < *count; i++) {
        if (stream[i].party == party) {
            return;
        }
    }
    const struct group *g = &t->booking->decision.group[t->group];
    stream[(*count)++] = (struct stream){
        party, key_entry(party, g->asset, t->booking->seq, t->booking->page + 1), false};
}

/** The line's own party first, then who holds it since a dispute, then the others. */
static struct stream *streams_find(struct trace *t, size_t *count)
{
    const struct group *g = &t->booking->decision.group[t->group];
    struct stream *stream = arena_array(&t->keys, (size_t)g->line_count + 2, sizeof *stream);
    *count = 0;
    if (t->line < g->line_count) {
        struct dispute d;
        stream_add(t, stream, count, g->line[t->line].party);
        if (dispute_of(engine_view(t->e), t->booking->seq, t->booking->page, t->group, t->line,
                       &d) == VIEW_FOUND) {
            stream_add(t, stream, count, d.owner);
        }
    }
    for (uint32_t i = 0; i < g->line_count && i < LEGS_MAX; i++) {
        if (g->line[i].amount != 0) {
            stream_add(t, stream, count, g->line[i].party);
        }
    }
    return stream;
}

static enum mete_code stream_read(struct trace *t, struct stream *s, size_t max)
{
    const struct group *g = &t->booking->decision.group[t->group];
    struct key until = key_prefix_end(key_u32x2(KEY_ENTRY, s->party, g->asset));
    struct arena a;
    struct walk_keys keys;
    arena_init(&a, ARENA_MAX);
    enum mete_code code =
        walk_keys(t->e, &a, key_bytes(&s->from), key_bytes(&until), max, &keys, t->err);
    for (size_t i = 0; i < keys.count && code == METE_OK && t->missing != 0; i++) {
        code = entry_look(t, keys.key[i]);
    }
    s->ended = !keys.more;
    if (keys.more) {
        s->from = walk_key_after(keys.key[keys.count - 1]);
    }
    arena_clear(&a);
    return code;
}

/** Reads some streams turn by turn, ever more at a time, until nothing is missing. */
static enum mete_code streams_read(struct trace *t, struct stream *stream, size_t count)
{
    enum mete_code code = METE_OK;
    size_t max = KEYS_FIRST;
    for (bool any = true; any && code == METE_OK && t->missing != 0;) {
        any = false;
        for (size_t i = 0; i < count && code == METE_OK && t->missing != 0; i++) {
            if (!stream[i].ended) {
                code = stream_read(t, &stream[i], max);
                any = true;
            }
        }
        max = max < KEYS_MAX ? max * 2 : max;
    }
    return code;
}

enum mete_code trace_reversals(struct engine *e, struct arena *a, const struct walk_item *booking,
                               uint32_t group, uint32_t line, struct trace_hit **out,
                               struct mete_err *err)
{
    struct trace t = {.e = e, .a = a, .booking = booking, .group = group, .line = line, .err = err};
    const struct group *g = &booking->decision.group[group];
    struct reversed reversed;
    *out = NULL;
    if (reversed_load(engine_view(e), a, booking->seq, booking->page, group, g, &reversed) ==
        VIEW_MISSING) {
        return mete_fail(err, METE_STORE_FAILED, "", "what was reversed cannot be read");
    }
    t.missing = reversed.gross;
    if (t.missing == 0) {
        return METE_OK;
    }
    arena_init(&t.keys, ARENA_MAX);
    arena_init(&t.item, ARENA_MAX);
    size_t count = 0;
    struct stream *stream = streams_find(&t, &count);
    enum mete_code code = own_look(&t);
    for (size_t i = 0; i < count && code == METE_OK && t.missing != 0; i += STREAMS_AT_ONCE) {
        size_t some = count - i < STREAMS_AT_ONCE ? count - i : STREAMS_AT_ONCE;
        code = streams_read(&t, &stream[i], some);
    }
    arena_clear(&t.keys);
    arena_clear(&t.item);
    *out = t.first;
    return code;
}

/* --- disputes
 * -----------------------------------------------------------------------------------*/

struct dispute_search {
    struct arena *a;
    struct arena row;
    struct text allocation_id;
    mete_time at;
    uint32_t rows;
    struct text found;
};

static bool dispute_row(void *arg, const struct log_row *row)
{
    struct dispute_search *s = arg;
    struct walk_head head;
    struct mete_err unused;
    arena_reset(&s->row);
    if (row->recorded_at != s->at || s->rows++ > DISPUTE_ROWS ||
        walk_head_of(&s->row, row->event, &head, &unused) != METE_OK) {
        return false;
    }
    const struct json *id = json_get(json_get(head.tree, "payload"), "allocation_id");
    if (id != NULL && text_eq(id->text, s->allocation_id)) {
        s->found = arena_text(s->a, head.event_id);
    }
    return true;
}

struct text trace_dispute_event(struct engine *e, struct arena *a, struct text allocation_id,
                                mete_time at)
{
    struct dispute_search s = {.a = a, .allocation_id = allocation_id, .at = at};
    struct mete_err unused;
    arena_init(&s.row, ARENA_MAX);
    uint64_t size = book_size(engine_book(e));
    if (book_scan_log(engine_book(e), book_seq_at(engine_book(e), at), size + 1, dispute_row, &s,
                      &unused) == STORE_FAILED) {
        s.found = (struct text){0};
    }
    arena_clear(&s.row);
    return s.found;
}
