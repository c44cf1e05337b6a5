/* SPDX-License-Identifier: Apache-2.0
 * Totals of what was booked in a period. Originals are counted where they belong in time, reversals
 * where they happened; a reversal has the policy, source and role of its original. */
#include "engine/report_parts.h"

#include "base/limits.h"
#include "base/map.h"
#include "base/text.h"
#include "engine/lines.h"
#include "engine/walk.h"
#include "engine/words.h"
#include "store/hash_seed.h"

#include <stdlib.h>

#define ARENA_MAX ((size_t)4 << 30)

struct tally {
    struct engine *e;
    const struct view *view;
    const struct report_query *q;
    struct report *out;
    mete_time year; /* first moment of the year to date; q->from unless by party */
    struct map row; /* name, asset -> struct report_row * in `a` */
    struct buf key;
    struct arena *a;      /* of the answer */
    struct arena scratch; /* of one decision */
    struct names names;
    enum mete_code code;
    struct mete_err *err;
};

/* Where amounts of one group go: everything but the line is known. */
struct place {
    const struct group *g;     /* the group that was booked */
    const struct group *split; /* the revenue: g itself, or the original of a reversal */
    const struct asset *asset;
    struct text source;
    bool in_period; /* else only in the year to date */
};

static struct report_row *row_of(struct tally *t, struct text name, const struct asset *asset)
{
    bool made = false;
    buf_reset(&t->key);
    buf_put_be32(&t->key, asset->number);
    buf_put_text(&t->key, name);
    struct report_row **slot = map_put(&t->row, buf_bytes(&t->key), &made);
    if (made) {
        *slot = arena_alloc(t->a, sizeof **slot);
        (*slot)->name = arena_text(t->a, name);
        (*slot)->asset = *asset;
    }
    return *slot;
}

/* --- lines into columns
 * -------------------------------------------------------------------------*/

static void line_add(struct report_row *row, enum line_kind kind, i128 amount)
{
    switch (kind) {
    case LINE_FEE:
        row->fees += amount;
        break;
    case LINE_ALLOCATION:
    case LINE_TRANSFER:
        row->allocated += amount;
        break;
    case LINE_UNALLOCATED:
        row->unallocated += amount;
        break;
    case LINE_CARRY:
        row->carried += amount;
        break;
    case LINE_SUSPENSE:
        break;
    }
}

/** Policy, source, currency: a group goes into one row. */
static void whole_add(struct tally *t, const struct place *p, struct text name)
{
    struct report_row *row = row_of(t, name, p->asset);
    if (p->g->kind == GROUP_REVERSAL) {
        row->reversed -= p->g->gross;
        return;
    }
    if (p->g->kind != GROUP_REVENUE) {
        return;
    }
    row->gross += p->g->gross;
    row->count++;
    for (uint32_t i = 0; i < p->g->line_count; i++) {
        line_add(row, (enum line_kind)p->g->line[i].kind, p->g->line[i].amount);
    }
}

static void party_add(struct tally *t, const struct place *p)
{
    for (uint32_t i = 0; i < p->g->line_count; i++) {
        const struct line *l = &p->g->line[i];
        struct report_row *row = row_of(t, names_party(&t->names, l->party), p->asset);
        row->year_to_date += l->amount;
        if (!p->in_period) {
            continue;
        }
        if (p->g->kind == GROUP_REVERSAL) {
            row->reversed -= l->amount;
            continue;
        }
        row->gross += l->amount;
        row->count++;
        line_add(row, (enum line_kind)l->kind, l->amount);
    }
}

/** Allocations alone: fees and the rest have no role. */
static void role_add(struct tally *t, const struct place *p)
{
    bool reversal = p->g->kind == GROUP_REVERSAL;
    for (uint32_t i = 0; i < p->g->line_count; i++) {
        const struct line *l = &p->g->line[i];
        uint32_t line = reversal ? l->share : i;
        if ((p->g->kind != GROUP_REVENUE && !reversal) || line >= p->split->line_count ||
            p->split->line[line].kind != LINE_ALLOCATION) {
            continue;
        }
        struct text role = lines_role(t->view, &t->scratch, p->split, line);
        struct report_row *row = row_of(t, role, p->asset);
        row->reversed -= reversal ? l->amount : 0;
        row->gross += reversal ? 0 : l->amount;
        row->allocated += reversal ? 0 : l->amount;
        row->count += reversal ? 0 : 1;
    }
}

static void place_add(struct tally *t, const struct place *p)
{
    switch (t->q->by) {
    case REPORT_POLICY:
        whole_add(t, p, lines_root_policy(t->view, &t->scratch, p->split));
        break;
    case REPORT_SOURCE:
        whole_add(t, p, p->source);
        break;
    case REPORT_CURRENCY:
        whole_add(t, p, text_of(p->asset->code));
        break;
    case REPORT_PARTY:
        party_add(t, p);
        break;
    case REPORT_ROLE:
        role_add(t, p);
        break;
    }
}

/* --- decisions
 * ----------------------------------------------------------------------------------*/

static struct text source_of(const struct walk_head *head)
{
    const struct json *source = json_get(json_get(head->tree, "payload"), "source");
    if (head->type == EVENT_METERING_CLOSED) {
        return report_source(TEXT("cli_usage"));
    }
    if (head->type == EVENT_CYCLE_CLOSED) {
        return TEXT("usage");
    }
    return source != NULL ? report_source(source->text) : TEXT("");
}

/** The group that a reversal takes back from, and its event's source. */
static enum mete_code original_attach(struct tally *t, struct place *p)
{
    struct walk_item *original = arena_alloc(&t->scratch, sizeof *original);
    struct walk_head head;
    enum mete_code code =
        walk_one(t->e, &t->scratch, p->g->target_seq, p->g->target_page, original, t->err);
    code = code == METE_OK ? walk_head_of(&t->scratch, original->bytes, &head, t->err) : code;
    if (code == METE_OK) {
        METE_ASSERT(p->g->target_group < original->decision.group_count);
        p->split = &original->decision.group[p->g->target_group];
        p->source = source_of(&head);
    }
    return code;
}

static enum mete_code group_add(struct tally *t, const struct group *g,
                                const struct walk_head *head, bool in_period)
{
    struct place p = {.g = g,
                      .split = g,
                      .asset = names_asset(&t->names, g->asset),
                      .source = source_of(head),
                      .in_period = in_period};
    bool counted = g->kind == GROUP_REVENUE || g->kind == GROUP_REVERSAL ||
                   (g->kind == GROUP_UPHELD && t->q->by == REPORT_PARTY);
    if (!counted) {
        return METE_OK;
    }
    enum mete_code code = g->kind == GROUP_REVERSAL ? original_attach(t, &p) : METE_OK;
    if (code == METE_OK) {
        place_add(t, &p);
    }
    return code;
}

static bool item_visit(void *arg, const struct walk_item *item)
{
    struct tally *t = arg;
    struct walk_head head;
    t->out->events++;
    if (item->decision.group_count == 0) {
        return true;
    }
    arena_reset(&t->scratch);
    t->code = walk_head_of(&t->scratch, item->bytes, &head, t->err);
    mete_time at = t->q->recorded ? item->recorded_at : head.occurred_at;
    if (t->code != METE_OK || at < t->year || at >= t->q->until) {
        return t->code == METE_OK;
    }
    for (uint32_t i = 0; i < item->decision.group_count && t->code == METE_OK; i++) {
        t->code = group_add(t, &item->decision.group[i], &head, at >= t->q->from);
    }
    names_trim(&t->names);
    return t->code == METE_OK;
}

/* --- the report
 * ---------------------------------------------------------------------------------*/

static int row_cmp(const void *x, const void *y)
{
    const struct report_row *a = x;
    const struct report_row *b = y;
    int names = text_cmp(a->name, b->name);
    return names != 0 ? names : text_cmp(text_of(a->asset.code), text_of(b->asset.code));
}

static void rows_give(struct tally *t)
{
    size_t i = 0;
    struct bytes key;
    void *value;
    t->out->row = arena_array(t->a, t->row.count, sizeof *t->out->row);
    while (map_next(&t->row, &i, &key, &value)) {
        const struct report_row *row = *(struct report_row **)value;
        t->out->row[t->out->row_count++] = *row;
    }
    if (t->out->row_count > 0) {
        qsort(t->out->row, t->out->row_count, sizeof *t->out->row, row_cmp);
    }
}

/** The first moment of the year that the period ends in. */
static mete_time year_of(mete_time until)
{
    char day[11];
    mete_time from = TIME_MIN;
    mete_time unused;
    mete_time last = until > TIME_MAX ? TIME_MAX : until - 1;
    time_format_day(time_day(last < TIME_MIN ? TIME_MIN : last), day);
    METE_ASSERT(time_parse_period((struct text){day, 4}, &from, &unused));
    return from;
}

/** Events that can belong to the period: an event occurs at most a little after it is recorded. */
static void stretch(const struct tally *t, uint64_t *from, uint64_t *until)
{
    uint64_t end = book_size(engine_book(t->e)) + 1;
    mete_time first = t->year > FUTURE_US_MAX ? t->year - FUTURE_US_MAX : TIME_MIN;
    *from = t->view->seq_at(t->view->ctx, first);
    *until = end;
    if (t->q->recorded && t->q->until <= TIME_MAX) {
        *until = book_seq_at(engine_book(t->e), t->q->until);
    }
}

enum mete_code report_make(struct engine *e, const struct report_query *q, struct arena *a,
                           struct report *out, struct mete_err *err)
{
    struct tally t = {
        .e = e, .view = engine_view(e), .q = q, .out = out, .year = q->from, .a = a, .err = err};
    uint64_t from, until;
    *out = (struct report){0};
    if (q->by == REPORT_PARTY && year_of(q->until) < q->from) {
        t.year = year_of(q->until);
    }
    map_init(&t.row, sizeof(struct report_row *), hash_seed());
    arena_init(&t.scratch, ARENA_MAX);
    names_init(&t.names, t.view);
    stretch(&t, &from, &until);
    enum mete_code code = walk_log(e, from, until, item_visit, &t, err);
    code = code == METE_OK ? t.code : code;
    if (code == METE_OK) {
        rows_give(&t);
        code = report_usage_add(e, q, a, &t.names, out, err);
    }
    code = code == METE_OK ? report_waiting_add(e, a, &t.names, out, err) : code;
    map_clear(&t.row);
    buf_clear(&t.key);
    arena_clear(&t.scratch);
    names_clear(&t.names);
    return code;
}

static const char *const by_names[] = {[REPORT_POLICY] = "policy",
                                       [REPORT_PARTY] = "party",
                                       [REPORT_SOURCE] = "source",
                                       [REPORT_CURRENCY] = "currency",
                                       [REPORT_ROLE] = "role"};

const char *report_by_name(enum report_by by)
{
    return by_names[by];
}

bool report_by_of(struct text name, enum report_by *by)
{
    for (size_t i = 0; i < ARRAY_LEN(by_names); i++) {
        if (text_is(name, by_names[i])) {
            *by = (enum report_by)i;
            return true;
        }
    }
    return false;
}
