/* SPDX-License-Identifier: Apache-2.0
 * Copying a log: rows with the decisions that stand in them, pages in the place where they stood.
 * The state follows from that here as it does when a book is opened. What stands beside the log is
 * compared by its contents. */
#include "store/copy.h"

#include "base/map.h"
#include "base/text.h"
#include "core/decision.h"
#include "store/book.h"
#include "store/copy_insight.h"
#include "store/hash_seed.h"

#include <string.h>

#define GROUP_ROWS     4096u
#define GROUP_BYTES    ((size_t)8 << 20)
#define ARENA_SIZE_MAX ((size_t)1 << 30)

struct copying {
    struct book *from;
    struct book *to;
    struct book_copied *out;
    copy_tell *tell;
    void *tell_arg;
    struct arena arena; /* of one decision, or one value */
    struct state_sink sink;
    uint64_t next; /* the first event that is not copied */
    unsigned rows; /* of the open group */
    size_t bytes;
    struct mete_err *err;
    bool failed;
};

static bool fail(struct copying *c)
{
    c->failed = true;
    return false;
}

static bool wrote(struct copying *c, enum store_result r)
{
    return r == STORE_OK || fail(c);
}

static bool group_commit(struct copying *c)
{
    c->rows = 0;
    c->bytes = 0;
    if (book_commit(c->to, c->err) != STORE_OK) {
        return fail(c);
    }
    if (c->tell != NULL) {
        c->tell(c->tell_arg, book_size(c->to), book_size(c->from));
    }
    return true;
}

/** Counts what was written, and ends a group that is large enough. */
static bool group_grow(struct copying *c, size_t bytes)
{
    c->rows++;
    c->bytes += bytes;
    return (c->rows < GROUP_ROWS && c->bytes < GROUP_BYTES) || group_commit(c);
}

/* --- the log -----------------------------------------------------------------------------------*/

static void sink_set(void *ctx, struct bytes key, struct bytes value)
{
    book_set(ctx, key, value);
}

static void sink_add(void *ctx, struct bytes key, const i128 sums[STATE_SUMS])
{
    book_add(ctx, key, sums);
}

static void sink_remove(void *ctx, struct bytes key)
{
    book_remove(ctx, key);
}

static bool apply(struct copying *c, struct bytes packed, uint64_t seq, uint32_t page,
                  mete_time recorded_at)
{
    struct decision d;
    arena_reset(&c->arena);
    if (!decision_unpack(&c->arena, packed, &d)) {
        (void)mete_fail(c->err, METE_STORE_CORRUPT, NULL,
                        "page %u of the decision on event %llu is damaged", page,
                        (unsigned long long)seq);
        return fail(c);
    }
    decision_apply(&d, seq, page, recorded_at, &c->sink);
    return true;
}

static bool copy_row(void *arg, const struct log_row *row)
{
    struct copying *c = arg;
    c->out->events++;
    return wrote(c, book_append(c->to, row, c->err)) &&
           apply(c, row->decision, row->seq, 0, row->recorded_at) &&
           group_grow(c, row->event.len + row->decision.len);
}

/** The events up to `until` that are not copied yet. */
static bool copy_events(struct copying *c, uint64_t until)
{
    uint64_t from = c->next;
    if (from > until) {
        return true;
    }
    c->next = until + 1;
    if (book_scan_log(c->from, from, until + 1, copy_row, c, c->err) != STORE_OK) {
        return fail(c);
    }
    return !c->failed;
}

static bool copy_page(void *arg, const struct page_row *row)
{
    struct copying *c = arg;
    c->out->pages++;
    return copy_events(c, row->after) &&
           wrote(c, book_append_page(c->to, row->seq, row->page, row->packed, row->recorded_at,
                                     c->err)) &&
           apply(c, row->packed, row->seq, row->page, row->recorded_at) &&
           group_grow(c, row->packed.len);
}

static bool copy_log(struct copying *c)
{
    const struct book *from = c->from;
    uint64_t pages = c->to->found.pages;
    if (from->port->scan_pages(from->log, pages + 1, copy_page, c, c->err) != STORE_OK) {
        return fail(c);
    }
    return !c->failed && copy_events(c, book_size(c->from)) && group_commit(c);
}

static bool read_node(void *ctx, unsigned level, uint64_t index, struct hash *out)
{
    struct copying *c = ctx;
    return book_tree_hash(c->from, level, index, out, c->err) == STORE_OK;
}

/** The destination has to be a beginning of the source. */
static bool check_beginning(struct copying *c)
{
    struct hash root;
    uint64_t size = book_size(c->to);
    bool same = size <= book_size(c->from) && c->to->found.pages <= c->from->found.pages;
    if (same && !merkle_root_at(read_node, c, size, &root)) {
        return fail(c);
    }
    struct log_head head = book_head(c->to);
    if (same && hash_eq(&root, &head.root)) {
        return true;
    }
    (void)mete_fail(c->err, METE_STORE_EXISTS, NULL,
                    "the book of that name at the destination is not a beginning of this one");
    return fail(c);
}

/* --- checkpoints -------------------------------------------------------------------------------*/

static bool count_checkpoint(void *arg, const struct checkpoint *cp)
{
    uint64_t *count = arg;
    (void)cp;
    ++*count;
    return true;
}

struct checkpoints {
    struct copying *c;
    uint64_t skip;
};

static bool copy_checkpoint(void *arg, const struct checkpoint *cp)
{
    struct checkpoints *list = arg;
    if (list->skip > 0) {
        list->skip--;
        return true;
    }
    list->c->out->checkpoints++;
    return wrote(list->c, book_checkpoint_add(list->c->to, cp, list->c->err));
}

static bool copy_checkpoints(struct copying *c)
{
    struct checkpoints list = {.c = c};
    if (book_checkpoints(c->to, count_checkpoint, &list.skip, c->err) != STORE_OK ||
        book_checkpoints(c->from, copy_checkpoint, &list, c->err) != STORE_OK) {
        return fail(c);
    }
    return !c->failed && group_commit(c);
}

/* --- sealed values -----------------------------------------------------------------------------*/

struct seals {
    struct copying *c;
    struct map have;  /* places of values: hashes */
    struct map party; /* parties that lost a value */
};

static struct hash seal_place(const struct sealed_value *v)
{
    uint8_t seq[8];
    for (size_t i = 0; i < sizeof seq; i++) {
        seq[i] = (uint8_t)(v->seq >> (8 * i));
    }
    const struct bytes parts[] = {
        {seq, sizeof seq}, text_bytes(v->pointer), {v->commitment.b, sizeof v->commitment.b}};
    return sha256_parts(parts, ARRAY_LEN(parts));
}

static bool seal_note(void *arg, const struct sealed_value *v)
{
    struct seals *s = arg;
    struct hash place = seal_place(v);
    (void)map_put(&s->have, (struct bytes){place.b, sizeof place.b}, NULL);
    return true;
}

/** A value that the source has no more: its party was erased there. */
static bool seal_miss(void *arg, const struct sealed_value *v)
{
    struct seals *s = arg;
    struct hash place = seal_place(v);
    if (map_get(&s->have, (struct bytes){place.b, sizeof place.b}) == NULL) {
        (void)map_put(&s->party, text_bytes(v->party), NULL);
    }
    return true;
}

static bool seal_copy(void *arg, const struct sealed_value *v)
{
    struct seals *s = arg;
    struct hash place = seal_place(v);
    if (map_get(&s->have, (struct bytes){place.b, sizeof place.b}) != NULL) {
        return true;
    }
    s->c->out->sealed++;
    return wrote(s->c, book_seal_add(s->c->to, v, s->c->err)) && group_grow(s->c, v->sealed.len);
}

static bool seals_erase(struct seals *s)
{
    struct bytes party;
    void *unused;
    for (size_t i = 0; map_next(&s->party, &i, &party, &unused);) {
        uint64_t count;
        if (!wrote(s->c, book_seal_erase(s->c->to, bytes_text(party), &count, s->c->err))) {
            return false;
        }
        s->c->out->erased += count;
    }
    return group_commit(s->c);
}

static bool seals_read(struct seals *s, struct book *b, sealed_visit *visit)
{
    enum store_result r = book_seals(b, 0, (struct text){0}, visit, s, s->c->err);
    return r == STORE_OK ? !s->c->failed : fail(s->c);
}

static bool copy_seals(struct copying *c)
{
    struct seals s = {.c = c};
    map_init(&s.have, 1, hash_seed());
    map_init(&s.party, 1, hash_seed());
    bool fine =
        seals_read(&s, c->from, seal_note) && seals_read(&s, c->to, seal_miss) && seals_erase(&s);
    map_reset(&s.have);
    fine = fine && seals_read(&s, c->to, seal_note) && seals_read(&s, c->from, seal_copy) &&
           group_commit(c);
    map_clear(&s.have);
    map_clear(&s.party);
    return fine;
}

/* --- quarantine --------------------------------------------------------------------------------*/

struct refused {
    struct copying *c;
    struct map have; /* bodies, by their hashes */
    uint64_t gone[GROUP_ROWS];
    size_t gone_count;
};

static bool refused_note(void *arg, const struct quarantined *q)
{
    struct refused *r = arg;
    struct hash body = sha256(text_bytes(q->body));
    (void)map_put(&r->have, (struct bytes){body.b, sizeof body.b}, NULL);
    return true;
}

static bool refused_miss(void *arg, const struct quarantined *q)
{
    struct refused *r = arg;
    struct hash body = sha256(text_bytes(q->body));
    if (map_get(&r->have, (struct bytes){body.b, sizeof body.b}) == NULL) {
        r->gone[r->gone_count++] = q->id;
    }
    return r->gone_count < ARRAY_LEN(r->gone);
}

static bool refused_copy(void *arg, const struct quarantined *q)
{
    struct refused *r = arg;
    struct hash body = sha256(text_bytes(q->body));
    if (map_get(&r->have, (struct bytes){body.b, sizeof body.b}) != NULL) {
        return true;
    }
    r->c->out->quarantined++;
    return wrote(r->c, book_quarantine_add(r->c->to, q, UINT64_MAX, r->c->err)) &&
           group_grow(r->c, q->body.len);
}

static bool refused_read(struct refused *r, struct book *b, uint64_t after, quarantine_visit *visit)
{
    enum store_result result = book_quarantine(b, after, visit, r, r->c->err);
    return result == STORE_OK ? !r->c->failed : fail(r->c);
}

/** Removes what the source has no more. */
static bool refused_drop(struct refused *r)
{
    do {
        r->gone_count = 0;
        if (!refused_read(r, r->c->to, 0, refused_miss)) {
            return false;
        }
        for (size_t i = 0; i < r->gone_count; i++) {
            if (book_quarantine_remove(r->c->to, r->gone[i], r->c->err) == STORE_FAILED) {
                return fail(r->c);
            }
        }
    } while (r->gone_count > 0 && group_commit(r->c));
    return !r->c->failed;
}

static bool copy_quarantine(struct copying *c)
{
    static const struct refused none;
    struct refused *r = arena_alloc(&c->arena, sizeof *r);
    *r = none;
    r->c = c;
    map_init(&r->have, 1, hash_seed());
    bool fine = refused_read(r, c->from, 0, refused_note) && refused_drop(r);
    map_reset(&r->have);
    fine = fine && refused_read(r, c->to, 0, refused_note) &&
           refused_read(r, c->from, 0, refused_copy) && group_commit(c);
    map_clear(&r->have);
    return fine;
}

/* --- named values ------------------------------------------------------------------------------*/

static bool copy_named(void *arg, struct text name, struct text value)
{
    struct copying *c = arg;
    struct text have;
    arena_reset(&c->arena);
    const char *own = arena_text(&c->arena, name).p;
    enum store_result r = book_meta_get(c->to, own, &c->arena, &have, c->err);
    if (r == STORE_FAILED || (r == STORE_OK && text_eq(have, value))) {
        return r != STORE_FAILED || fail(c);
    }
    c->out->named++;
    return wrote(c, book_meta_set(c->to, own, value, c->err));
}

static bool copy_all_named(struct copying *c)
{
    if (book_metas(c->from, copy_named, c, c->err) != STORE_OK) {
        return fail(c);
    }
    return !c->failed && group_commit(c);
}

enum mete_code book_copy(struct book *from, struct book *to, copy_tell *tell, void *arg,
                         struct book_copied *out, struct mete_err *err)
{
    struct mete_err unused;
    struct copying c = {.from = from,
                        .to = to,
                        .out = out,
                        .tell = tell,
                        .tell_arg = arg,
                        .sink = {to, sink_set, sink_add, sink_remove, true},
                        .next = book_size(to) + 1,
                        .err = err != NULL ? err : &unused};
    *out = (struct book_copied){.before = book_size(to)};
    arena_init(&c.arena, ARENA_SIZE_MAX);
    bool fine = check_beginning(&c) && copy_log(&c) && copy_checkpoints(&c) && copy_seals(&c);
    arena_reset(&c.arena);
    fine = fine && copy_quarantine(&c) && copy_all_named(&c) &&
           copy_insights(from, to, &out->insights, c.err);
    if (!fine) {
        book_rollback(to);
    }
    struct log_head head = book_head(to);
    struct log_head want = book_head(from);
    out->size = head.size;
    out->root = head.root;
    arena_clear(&c.arena);
    if (fine && (head.size != want.size || !hash_eq(&head.root, &want.root))) {
        return mete_fail(c.err, METE_PROOF_FAILED, NULL, "the copy has another head");
    }
    return fine ? METE_OK : c.err->code;
}
