/* SPDX-License-Identifier: Apache-2.0
 * One walk over the log. Payments are read where the ledger counts them (KEY_PAID of each
 * decision), so that a year's forms and the balances cannot differ. */
#include "engine/tax.h"

#include "base/map.h"
#include "base/text.h"
#include "core/key.h"
#include "engine/lines.h"
#include "engine/walk.h"
#include "engine/words.h"
#include "store/hash_seed.h"

#include <stdlib.h>

#define ARENA_MAX ((size_t)4 << 30)

struct tally {
    struct engine *e;
    const struct tax_query *q;
    uint32_t only;  /* party; 0: all */
    struct map row; /* party, asset -> struct tax_row * in `a` */
    struct arena *a;
    struct arena scratch; /* of one decision */
    struct names names;
    enum mete_code code;
    struct mete_err *err;
};

/** NULL: not one that is asked for. */
static struct tax_row *row_of(struct tally *t, uint32_t party, uint32_t asset)
{
    bool made = false;
    uint32_t key[2] = {party, asset};
    if (party < PARTY_FIRST || (t->only != 0 && party != t->only)) {
        return NULL;
    }
    struct tax_row **slot =
        map_put(&t->row, (struct bytes){(const uint8_t *)key, sizeof key}, &made);
    if (made) {
        *slot = arena_alloc(t->a, sizeof **slot);
        **slot = (struct tax_row){.party = arena_text(t->a, names_party(&t->names, party)),
                                  .asset = *names_asset(&t->names, asset)};
    }
    return *slot;
}

/* --- one decision ------------------------------------------------------------------------------*/

/** Money on its way out: what is counted of it are the payments. */
static bool is_leaving(enum event_type type)
{
    return (type >= EVENT_PAYOUT_BATCH_OPENED && type <= EVENT_PAYOUT_BATCH_CLOSED) ||
           type == EVENT_SETTLEMENT_INITIATED || type == EVENT_SETTLEMENT_PAID ||
           type == EVENT_SETTLEMENT_FAILED;
}

static void line_add(struct tally *t, const struct group *g, uint32_t party, i128 amount)
{
    struct tax_row *row = row_of(t, party, g->asset);
    if (row == NULL) {
        return;
    }
    switch ((enum group_kind)g->kind) {
    case GROUP_REVENUE:
    case GROUP_SUSPENSE:
    case GROUP_MORE:
        row->earned += amount;
        break;
    case GROUP_REVERSAL:
        row->reversed -= amount;
        break;
    case GROUP_TRANSFER:
    case GROUP_UPHELD:
        row->moved += amount;
        break;
    }
}

static void group_add(struct tally *t, const struct group *g, enum event_type type)
{
    if (g->kind == GROUP_TRANSFER && is_leaving(type)) {
        return;
    }
    for (uint32_t i = 0; i < g->line_count; i++) {
        line_add(t, g, g->line[i].party, g->line[i].amount);
    }
    if (g->source >= PARTY_FIRST && g->gross != 0) {
        line_add(t, g, g->source, -g->gross);
    }
}

static void payment_add(struct tally *t, const struct put *p)
{
    if (p->op != PUT_ADD || p->key.len < 9 || p->key.p[0] != KEY_PAID || p->sums[0] == 0) {
        return;
    }
    struct tax_row *row = row_of(t, key_read_u32(p->key, 1), key_read_u32(p->key, 5));
    if (row == NULL) {
        return;
    }
    row->payments += p->sums[0] > 0;
    row->paid += p->sums[0] > 0 ? p->sums[0] : 0;
    row->returned -= p->sums[0] < 0 ? p->sums[0] : 0;
}

static bool item_visit(void *arg, const struct walk_item *item)
{
    struct tally *t = arg;
    struct walk_head head;
    const struct decision *d = &item->decision;
    if (d->group_count == 0) { /* whatever is paid is booked */
        return true;
    }
    arena_reset(&t->scratch);
    t->code = walk_head_of(&t->scratch, item->bytes, &head, t->err);
    mete_time at = t->q->recorded ? item->recorded_at : head.occurred_at;
    if (t->code != METE_OK || at < t->q->from || at >= t->q->until) {
        return t->code == METE_OK;
    }
    for (uint32_t i = 0; i < d->group_count; i++) {
        group_add(t, &d->group[i], head.type);
    }
    for (uint32_t i = 0; i < d->put_count; i++) {
        payment_add(t, &d->put[i]);
    }
    names_trim(&t->names);
    return true;
}

/* --- the whole ---------------------------------------------------------------------------------*/

static int row_cmp(const void *x, const void *y)
{
    const struct tax_row *a = x;
    const struct tax_row *b = y;
    int parties = text_cmp(a->party, b->party);
    return parties != 0 ? parties : text_cmp(text_of(a->asset.code), text_of(b->asset.code));
}

static void rows_give(struct tally *t, struct tax_row **rows, size_t *count)
{
    size_t i = 0;
    struct bytes key;
    void *value;
    *count = 0;
    *rows = arena_array(t->a, t->row.count, sizeof **rows);
    while (map_next(&t->row, &i, &key, &value)) {
        (*rows)[(*count)++] = **(struct tax_row **)value;
    }
    if (*count > 0) {
        qsort(*rows, *count, sizeof **rows, row_cmp);
    }
}

/** Entries that can belong to the period: an event occurs at most a little after it is recorded,
 * and may be recorded at any time after it occurred. */
static enum mete_code walk(struct tally *t)
{
    const struct view *view = engine_view(t->e);
    struct book *book = engine_book(t->e);
    mete_time first = t->q->from > TIME_MIN + FUTURE_US_MAX ? t->q->from - FUTURE_US_MAX : TIME_MIN;
    uint64_t until = book_size(book) + 1;
    if (t->q->recorded && t->q->until <= TIME_MAX) {
        until = book_seq_at(book, t->q->until);
    }
    enum mete_code code =
        walk_log(t->e, view->seq_at(view->ctx, first), until, item_visit, t, t->err);
    return code == METE_OK ? t->code : code;
}

enum mete_code tax_totals(struct engine *e, const struct tax_query *q, struct arena *a,
                          struct tax_row **rows, size_t *count, struct mete_err *err)
{
    struct tally t = {.e = e, .q = q, .a = a, .err = err};
    if (q->party.len > 0 && !lines_party(engine_view(e), q->party, &t.only)) {
        return mete_fail(err, METE_NOT_FOUND, "", "no party %.*s in this book", (int)q->party.len,
                         q->party.p);
    }
    map_init(&t.row, sizeof(struct tax_row *), hash_seed());
    arena_init(&t.scratch, ARENA_MAX);
    names_init(&t.names, engine_view(e));
    enum mete_code code = walk(&t);
    if (code == METE_OK) {
        rows_give(&t, rows, count);
    }
    map_clear(&t.row);
    arena_clear(&t.scratch);
    names_clear(&t.names);
    return engine_sound(e, code, err);
}

/* --- periods -----------------------------------------------------------------------------------*/

bool tax_period(struct text period, int32_t offset_s, struct tax_query *out)
{
    mete_time shift = (mete_time)offset_s * TIME_SECOND_US;
    if (!time_parse_period(period, &out->from, &out->until)) {
        return false;
    }
    out->from -= shift;
    out->until -= shift;
    return true;
}

static bool two_digits(const char *p, int32_t max, int32_t *out)
{
    *out = (p[0] - '0') * 10 + (p[1] - '0');
    return p[0] >= '0' && p[0] <= '9' && p[1] >= '0' && p[1] <= '9' && *out <= max;
}

bool tax_offset_parse(struct text t, int32_t *offset_s)
{
    int32_t hours, minutes;
    *offset_s = 0;
    if (text_is(t, "Z")) {
        return true;
    }
    if (t.len != 6 || (t.p[0] != '+' && t.p[0] != '-') || t.p[3] != ':' ||
        !two_digits(t.p + 1, 14, &hours) || !two_digits(t.p + 4, 59, &minutes)) {
        return false;
    }
    *offset_s = (hours * 3600 + minutes * 60) * (t.p[0] == '-' ? -1 : 1);
    return true;
}
