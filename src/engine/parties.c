/* SPDX-License-Identifier: Apache-2.0
 * What every party has, account by account, for books with millions of parties: accounts are read
 * in batches and nothing of them is kept but the totals. */
#include "engine/query.h"
#include "engine/walk.h"

#include "base/map.h"
#include "base/text.h"
#include "store/hash_seed.h"

#include <string.h>

#define ARENA_MAX ((size_t)4 << 30)

struct listing {
    struct engine *e;
    const struct view *view;
    const struct parties_query *q;
    uint32_t asset;   /* 0: all */
    struct map total; /* asset -> struct party_total */
    struct arena row;
    struct arena scratch;
    parties_visit *visit;
    void *arg;
    struct mete_err *err;
};

static enum mete_code unread(const struct listing *l)
{
    return mete_fail(l->err, METE_STORE_FAILED, "", "an account cannot be read");
}

static enum mete_code party_name(const struct listing *l, uint32_t number, struct party_row *row,
                                 struct arena *a)
{
    struct key key = key_u32(KEY_PARTY_NUMBER, number);
    struct bytes value;
    if (l->view->get(l->view->ctx, key_bytes(&key), &value) != VIEW_FOUND) {
        return unread(l);
    }
    struct reader r = reader_of(value);
    row->party = arena_text(a, read_sized(&r));
    row->kind = r.p < r.end ? arena_text(a, read_sized(&r)) : (struct text){0};
    return METE_OK;
}

static void total_add(struct listing *l, const struct party_row *row)
{
    struct bytes key = {(const uint8_t *)&row->asset.number, sizeof row->asset.number};
    struct party_total *t = map_put(&l->total, key, NULL);
    t->asset = row->asset;
    t->parties++;
    t->balance.pending += row->balance.pending;
    t->balance.disputed += row->balance.disputed;
    t->balance.cleared += row->balance.cleared;
    t->balance.debt += row->balance.debt;
    t->balance.paid += row->balance.paid;
}

/** *go_on is false once the visitor has seen enough. */
static enum mete_code account_visit(void *arg, const struct walk_key *k, bool *go_on)
{
    struct listing *l = arg;
    uint32_t party = key_read_u32(k->key, 1);
    uint32_t asset = key_read_u32(k->key, 5);
    struct party_row row = {0};
    if (l->asset != 0 && asset != l->asset) {
        return METE_OK;
    }
    arena_reset(&l->row);
    enum mete_code code = party_name(l, party, &row, &l->row);
    if (code != METE_OK || (l->q->kind.len > 0 && !text_eq(row.kind, l->q->kind))) {
        return code;
    }
    if (view_asset_number(l->view, asset, &row.asset) != VIEW_FOUND) {
        return unread(l);
    }
    arena_reset(&l->scratch);
    if (balance_at(l->view, &l->scratch, party, asset, l->q->at, &row.balance) == VIEW_MISSING) {
        return unread(l);
    }
    total_add(l, &row);
    *go_on = l->visit == NULL || l->visit(l->arg, &row);
    return METE_OK;
}

/** The accounts that are asked for: all, those after a party, or one party's. */
static enum mete_code range_of(const struct listing *l, struct key *from, struct key *until)
{
    struct text named = l->q->party.len > 0 ? l->q->party : l->q->after;
    uint32_t number = 0;
    *from = key_u32(KEY_ACCOUNT, PARTY_FIRST);
    *until = key_prefix_end(key_of(KEY_ACCOUNT));
    if (named.len == 0) {
        return METE_OK;
    }
    enum view_result found = view_party(l->view, named, &number);
    if (found != VIEW_FOUND) {
        return found == VIEW_MISSING
                   ? unread(l)
                   : mete_fail(l->err, METE_NOT_FOUND, "", "the log does not name this party");
    }
    *from = key_u32(KEY_ACCOUNT, number);
    if (l->q->party.len > 0) {
        *until = key_prefix_end(*from);
    } else {
        *from = key_prefix_end(*from);
    }
    return METE_OK;
}

static enum mete_code accounts_walk(struct listing *l)
{
    struct key from;
    struct key until;
    enum mete_code code = range_of(l, &from, &until);
    return code == METE_OK ? walk_each_key(l->e, &from, &until, account_visit, l, l->err) : code;
}

static int total_cmp(const struct party_total *x, const struct party_total *y)
{
    return strcmp(x->asset.code, y->asset.code);
}

/** In the order of their codes. */
static void totals_give(struct listing *l, struct arena *a, struct party_total **totals,
                        size_t *count)
{
    size_t i = 0;
    void *value;
    struct bytes key;
    *totals = arena_array(a, l->total.count, sizeof **totals);
    *count = 0;
    while (map_next(&l->total, &i, &key, &value)) {
        const struct party_total *t = value;
        size_t at = (*count)++;
        for (; at > 0 && total_cmp(&(*totals)[at - 1], t) > 0; at--) {
            (*totals)[at] = (*totals)[at - 1];
        }
        (*totals)[at] = *t;
    }
}

enum mete_code parties_list(struct engine *e, const struct parties_query *q, parties_visit *visit,
                            void *arg, struct arena *a, struct party_total **totals, size_t *count,
                            struct mete_err *err)
{
    struct listing l = {
        .e = e, .view = engine_view(e), .q = q, .visit = visit, .arg = arg, .err = err};
    struct asset asset = {0};
    if (q->asset.len > 0 && view_asset(l.view, q->asset, &asset) != VIEW_FOUND) {
        return mete_fail(err, METE_CURRENCY_UNKNOWN, "", "this book does not know the asset %.*s",
                         (int)q->asset.len, q->asset.p);
    }
    l.asset = asset.number;
    map_init(&l.total, sizeof(struct party_total), hash_seed());
    arena_init(&l.row, ARENA_MAX);
    arena_init(&l.scratch, ARENA_MAX);
    enum mete_code code = accounts_walk(&l);
    if (code == METE_OK && totals != NULL) {
        totals_give(&l, a, totals, count);
    }
    map_clear(&l.total);
    arena_clear(&l.row);
    arena_clear(&l.scratch);
    return code;
}
