/* SPDX-License-Identifier: Apache-2.0
 * The figures of a run: one pass over the log, then the accounts are put in order and compared with
 * those that the book keeps. */
#include "engine/run_result.h"

#include "base/text.h"
#include "engine/run_books.h"

#include <stdlib.h>
#include <string.h>

#define RESULT_ARENA_MAX ((size_t)16 << 30)

void run_result_init(struct run_result *r)
{
    *r = (struct run_result){0};
    arena_init(&r->arena, RESULT_ARENA_MAX);
    r->books = run_books_new();
}

void run_result_clear(struct run_result *r)
{
    run_books_free(r->books);
    arena_clear(&r->arena);
    free(r->refused);
    *r = (struct run_result){0};
}

/* --- outcomes ----------------------------------------------------------------------------------*/

static void refused_note(struct run_result *r, const struct submit_result *s)
{
    if (r->refused_count == r->refused_cap) {
        r->refused_cap = r->refused_cap == 0 ? 16 : r->refused_cap * 2;
        r->refused = reallocarray(r->refused, r->refused_cap, sizeof *r->refused);
        METE_ASSERT(r->refused != NULL);
    }
    r->refused[r->refused_count++] =
        (struct run_refused){.event_id = arena_text(&r->arena, s->event_id),
                             .pointer = arena_text(&r->arena, text_of(s->err.pointer)),
                             .message = arena_text(&r->arena, text_of(s->err.text)),
                             .code = s->err.code};
}

void run_result_note(struct run_result *r, const struct submit_result *s)
{
    switch (s->status) {
    case SUBMIT_APPLIED:
    case SUBMIT_WAITING: /* it may be booked later: what still waits is taken off at the end */
        r->applied++;
        break;
    case SUBMIT_DUPLICATE:
        r->duplicate++;
        break;
    case SUBMIT_REFUSED:
    case SUBMIT_CONFLICT:
        refused_note(r, s);
        break;
    case SUBMIT_FAILED:
        break;
    }
}

/* --- one pass over the log ---------------------------------------------------------------------*/

struct reading {
    struct run_result *r;
    struct engine *e;
    struct mete_err *err;
    enum mete_code code;
    size_t total_cap;
    struct arena arena; /* of one decision */
    uint64_t seq;       /* the last row that was read */
    bool wants_book;    /* of that row: it needs more than its own bytes */
};

static struct run_total *total_of(struct reading *p, uint32_t number)
{
    struct run_result *r = p->r;
    for (size_t i = 0; i < r->total_count; i++) {
        if (r->total[i].asset.number == number) {
            return &r->total[i];
        }
    }
    if (r->total_count == p->total_cap) {
        p->total_cap = p->total_cap == 0 ? 8 : p->total_cap * 2;
        struct run_total *more = arena_array(&r->arena, p->total_cap, sizeof *more);
        if (r->total_count > 0) {
            memcpy(more, r->total, r->total_count * sizeof *more);
        }
        r->total = more;
    }
    struct run_total *t = &r->total[r->total_count++];
    METE_ASSERT(view_asset_number(engine_view(p->e), number, &t->asset) == VIEW_FOUND);
    return t;
}

static void revenue_add(struct run_total *t, const struct group *g)
{
    t->gross += g->gross;
    for (uint32_t i = 0; i < g->line_count; i++) {
        i128 amount = g->line[i].amount;
        switch ((enum line_kind)g->line[i].kind) {
        case LINE_FEE:
            t->fees += amount;
            break;
        case LINE_ALLOCATION:
            t->allocated += amount;
            break;
        case LINE_UNALLOCATED:
            t->unallocated += amount;
            break;
        case LINE_CARRY:
            t->carried += amount;
            break;
        case LINE_SUSPENSE:
        case LINE_TRANSFER:
            break; /* never of a revenue: the totals would not add up, and that is checked */
        }
    }
}

static bool decision_visit(void *arg, const struct walk_item *item)
{
    struct reading *p = arg;
    const struct decision *d = &item->decision;
    p->code = run_books_add(p->r->books, p->e, item, p->r->at, p->err);
    for (uint32_t i = 0; i < d->group_count && p->code == METE_OK; i++) {
        const struct group *g = &d->group[i];
        if (g->kind == GROUP_REVENUE || g->kind == GROUP_MORE) {
            revenue_add(total_of(p, g->asset), g);
        } else if (g->kind == GROUP_REVERSAL) {
            total_of(p, g->asset)->reversed -= g->gross;
        }
    }
    return p->code == METE_OK;
}

/** Most decisions are complete in their row; these are not. */
static bool needs_book(const struct decision *d)
{
    bool needs = d->pages > 1;
    for (uint32_t i = 0; i < d->put_count; i++) {
        uint8_t class_byte = d->put[i].key.len > 0 ? d->put[i].key.p[0] : 0;
        needs |= class_byte == KEY_QUEUE || class_byte == KEY_DISPUTE;
    }
    return needs;
}

/** The fast way: nothing is copied. Stops at a row that makes reading the book necessary, which is
 *  not allowed inside a scan. */
static bool row_visit(void *arg, const struct log_row *row)
{
    struct reading *p = arg;
    struct walk_item item = {
        .seq = row->seq, .event_seq = row->seq, .recorded_at = row->recorded_at};
    arena_reset(&p->arena);
    p->seq = row->seq;
    if (!decision_unpack(&p->arena, row->decision, &item.decision)) {
        p->code =
            mete_fail(p->err, METE_STORE_CORRUPT, "", "the decision of entry %llu cannot be read",
                      (unsigned long long)row->seq);
        return false;
    }
    p->wants_book = needs_book(&item.decision);
    return !p->wants_book && decision_visit(p, &item);
}

static enum mete_code log_read(struct reading *p, uint64_t until)
{
    struct book *book = engine_book(p->e);
    while (p->code == METE_OK && p->seq + 1 < until) {
        uint64_t before = p->seq;
        p->wants_book = false;
        if (book_scan_log(book, p->seq + 1, until, row_visit, p, p->err) == STORE_FAILED) {
            return METE_STORE_FAILED;
        }
        if (p->code == METE_OK && p->seq == before) {
            return mete_fail(p->err, METE_STORE_CORRUPT, "", "entry %llu is missing",
                             (unsigned long long)before + 1);
        }
        if (p->code == METE_OK && p->wants_book) {
            enum mete_code code = walk_log(p->e, p->seq, p->seq + 1, decision_visit, p, p->err);
            p->code = code != METE_OK ? code : p->code;
        }
    }
    return p->code;
}

static bool newest_visit(void *arg, const struct log_row *row)
{
    mete_time *newest = arg;
    *newest = row->recorded_at > *newest ? row->recorded_at : *newest;
    return true;
}

/* --- accounts ----------------------------------------------------------------------------------*/

static enum mete_code unequal(struct mete_err *err, struct text party, const struct asset *asset)
{
    return mete_fail(err, METE_PROOF_FAILED, "",
                     "the account of %.*s in %s is not what the log sums to", (int)party.len,
                     party.p, asset->code);
}

/** One account of the log, compared with the one that the book keeps. */
static enum mete_code party_put(struct run_result *r, const struct view *v,
                                const struct run_account *a, struct mete_err *err)
{
    struct run_party *p = &r->party[r->party_count];
    struct text id;
    i128 sums[STATE_SUMS] = {0};
    struct key key = key_account(a->party, a->asset);
    METE_ASSERT(view_party_id(v, a->party, &id) == VIEW_FOUND);
    p->party = arena_text(&r->arena, id); /* before anything else is read: `id` is the view's */
    METE_ASSERT(view_asset_number(v, a->asset, &p->asset) == VIEW_FOUND);
    (void)v->sums(v->ctx, key_bytes(&key), sums);
    if (a->net != sums[1] - sums[0] + sums[3] - sums[2]) {
        return unequal(err, p->party, &p->asset);
    }
    if (a->party < PARTY_FIRST) {
        return METE_OK;
    }
    i128 free = a->net - a->pending - a->disputed;
    p->pending = a->pending;
    p->disputed = a->disputed;
    p->cleared = free > 0 ? free : 0;
    p->paid = 0;
    p->debt = free < 0 ? -free : 0;
    r->party_count++;
    return METE_OK;
}

static int asset_cmp(const struct asset *a, const struct asset *b)
{
    int order = strcmp(a->code, b->code);
    return order != 0 ? order : (int)a->scale - (int)b->scale;
}

static int party_cmp(const void *a, const void *b)
{
    const struct run_party *x = a;
    const struct run_party *y = b;
    int order = text_cmp(x->party, y->party);
    return order != 0 ? order : asset_cmp(&x->asset, &y->asset);
}

static int total_cmp(const void *a, const void *b)
{
    return asset_cmp(&((const struct run_total *)a)->asset, &((const struct run_total *)b)->asset);
}

static enum mete_code parties_collect(struct run_result *r, struct engine *e, struct mete_err *err)
{
    struct bytes key;
    void *value;
    enum mete_code code = METE_OK;
    r->party = arena_array(&r->arena, r->books->account.count + 1, sizeof *r->party);
    for (size_t i = 0; code == METE_OK && map_next(&r->books->account, &i, &key, &value);) {
        code = party_put(r, engine_view(e), value, err);
    }
    if (r->party_count > 0) {
        qsort(r->party, r->party_count, sizeof *r->party, party_cmp);
    }
    return code;
}

static enum mete_code totals_check(struct run_result *r, struct mete_err *err)
{
    for (size_t i = 0; i < r->total_count; i++) {
        const struct run_total *t = &r->total[i];
        if (t->gross != t->fees + t->allocated + t->unallocated + t->carried) {
            return mete_fail(err, METE_PROOF_FAILED, "",
                             "fees, allocations and the rest are not the gross in %s",
                             t->asset.code);
        }
    }
    if (r->total_count > 0) {
        qsort(r->total, r->total_count, sizeof *r->total, total_cmp);
    }
    return METE_OK;
}

/* --- what waits --------------------------------------------------------------------------------*/

static int waiting_cmp(const void *a, const void *b)
{
    const struct run_waiting *x = a;
    const struct run_waiting *y = b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static enum mete_code waiting_name(struct run_result *r, struct engine *e, struct run_waiting *w,
                                   struct mete_err *err)
{
    struct arena a;
    struct envelope envelope;
    mete_time unused;
    arena_init(&a, RESULT_ARENA_MAX);
    enum mete_code code = engine_event(e, w->seq, &a, &envelope, &unused, err);
    if (code == METE_OK) {
        w->event_id = arena_text(&r->arena, envelope.event.id);
    }
    arena_clear(&a);
    return code;
}

static enum mete_code waiting_collect(struct run_result *r, struct engine *e, struct mete_err *err)
{
    struct bytes key;
    void *value;
    enum mete_code code = METE_OK;
    r->waiting = arena_array(&r->arena, r->books->waiting.count + 1, sizeof *r->waiting);
    for (size_t i = 0; map_next(&r->books->waiting, &i, &key, &value);) {
        const struct run_waiting *w = value;
        if (w->code != METE_OK) {
            r->waiting[r->waiting_count++] = *w;
        }
    }
    if (r->waiting_count > 0) {
        qsort(r->waiting, r->waiting_count, sizeof *r->waiting, waiting_cmp);
    }
    for (size_t i = 0; i < r->waiting_count && code == METE_OK; i++) {
        code = waiting_name(r, e, &r->waiting[i], err);
    }
    r->applied -= r->applied > r->waiting_count ? r->waiting_count : r->applied;
    return code;
}

enum mete_code run_result_read(struct run_result *r, struct engine *e, mete_time at,
                               struct mete_err *err)
{
    struct reading p = {.r = r, .e = e, .err = err, .code = METE_OK};
    uint64_t until = book_head(engine_book(e)).size + 1;
    r->head = book_head(engine_book(e));
    r->at = at;
    if (at == TIME_ALWAYS) {
        r->at = TIME_MIN;
        if (book_scan_log(engine_book(e), 1, until, newest_visit, &r->at, err) == STORE_FAILED) {
            return METE_STORE_FAILED;
        }
    }
    arena_init(&p.arena, RESULT_ARENA_MAX);
    enum mete_code code = log_read(&p, until);
    arena_clear(&p.arena);
    if (code != METE_OK) {
        return code;
    }
    run_books_settle(r->books, r->at);
    code = parties_collect(r, e, err);
    code = code == METE_OK ? totals_check(r, err) : code;
    return code == METE_OK ? waiting_collect(r, e, err) : code;
}
