/* SPDX-License-Identifier: Apache-2.0
 * What everybody has: added up from the model's postings, and as the engine lists it. */
#include "base/i128.h"
#include "base/text.h"
#include "engine/query.h"
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct account {
    i128 net, pending, disputed;
};

static struct account *account_of(struct map *all, uint32_t party, uint32_t asset)
{
    const uint32_t key[2] = {party, asset};
    return map_put(all, (struct bytes){(const uint8_t *)key, sizeof key}, NULL);
}

static struct text party_name(const struct model *m, uint32_t party)
{
    if (party < PARTY_FIRST) {
        const char *name = party_system_name(party);
        return text_of(name != NULL ? name : "");
    }
    return party - PARTY_FIRST < m->party_count ? m->party[party - PARTY_FIRST] : TEXT("?");
}

bool model_account(const struct model *m, struct rng *rng, uint64_t size, struct text *party,
                   uint32_t *asset)
{
    for (int i = 0; i < 8 && m->posting_count > 0; i++) {
        const struct model_posting *p = &m->posting[rng_below(rng, m->posting_count)];
        if (p->party >= PARTY_FIRST && p->seq <= size) {
            *party = party_name(m, p->party);
            *asset = p->asset;
            return true;
        }
    }
    return false;
}

i128 model_net(const struct model *m, struct text party, uint32_t asset, uint64_t size)
{
    i128 net = 0;
    uint32_t number = 0;
    for (size_t i = 0; i < m->party_count; i++) {
        if (text_eq(m->party[i], party)) {
            number = PARTY_FIRST + (uint32_t)i;
        }
    }
    for (size_t i = 0; i < m->posting_count && m->posting[i].seq <= size; i++) {
        const struct model_posting *p = &m->posting[i];
        net += p->party == number && p->asset == asset ? p->amount : 0;
    }
    return net;
}

/* --- lists -------------------------------------------------------------------------------------*/

struct listing {
    char **line;
    size_t count, cap;
};

static void listing_add(struct listing *l, struct text party, struct text asset,
                        const struct account *a)
{
    char net[I128_TEXT_MAX];
    char pending[I128_TEXT_MAX];
    char disputed[I128_TEXT_MAX];
    if (a->net == 0 && a->pending == 0 && a->disputed == 0) {
        return;
    }
    if (l->count == l->cap) {
        l->cap = l->cap == 0 ? 64 : l->cap * 2;
        l->line = realloc(l->line, l->cap * sizeof *l->line);
        METE_ASSERT(l->line != NULL);
    }
    i128_format(a->net, net);
    i128_format(a->pending, pending);
    i128_format(a->disputed, disputed);
    METE_ASSERT(asprintf(&l->line[l->count++], "%.*s %.*s %s %s %s\n", (int)party.len, party.p,
                         (int)asset.len, asset.p, net, pending, disputed) > 0);
}

static int line_cmp(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void listing_end(struct listing *l, struct buf *out)
{
    if (l->count > 0) {
        qsort(l->line, l->count, sizeof *l->line, line_cmp);
    }
    for (size_t i = 0; i < l->count; i++) {
        buf_put_str(out, l->line[i]);
        free(l->line[i]);
    }
    free(l->line);
}

static void accounts_add_up(const struct model *m, mete_time at, struct map *all)
{
    for (size_t i = 0; i < m->posting_count; i++) {
        const struct model_posting *p = &m->posting[i];
        account_of(all, p->party, p->asset)->net += p->amount;
    }
    for (size_t i = 0; i < m->allocation_count; i++) {
        const struct model_allocation *a = &m->allocation[i];
        bool held =
            a->state == MODEL_ESCALATED || (a->state == MODEL_DISPUTED && at <= a->holds_until);
        if (held) {
            account_of(all, a->party, a->asset)->disputed += a->left;
        } else if (a->state == MODEL_CLEAN && at < a->due) {
            account_of(all, a->party, a->asset)->pending += a->left;
        }
    }
}

void model_balances(struct model *m, struct engine *e, mete_time at, struct buf *out)
{
    struct map all;
    struct listing l = {0};
    struct bytes key;
    void *value;
    size_t i = 0;
    map_init(&all, sizeof(struct account), 1);
    accounts_add_up(m, at, &all);
    while (map_next(&all, &i, &key, &value)) {
        uint32_t id[2];
        struct asset asset;
        memcpy(id, key.p, sizeof id);
        if (id[0] >= PARTY_FIRST &&
            view_asset_number(engine_view(e), id[1], &asset) == VIEW_FOUND) {
            listing_add(&l, party_name(m, id[0]), text_of(asset.code), value);
        }
    }
    map_clear(&all);
    listing_end(&l, out);
}

static bool row_add(void *arg, const struct party_row *row)
{
    const struct balance *b = &row->balance;
    const struct account a = {b->pending + b->disputed + b->cleared - b->debt, b->pending,
                              b->disputed};
    listing_add(arg, row->party, text_of(row->asset.code), &a);
    return true;
}

bool engine_balances(struct engine *e, mete_time at, struct buf *out, struct mete_err *err)
{
    struct listing l = {0};
    const struct parties_query q = {.at = at};
    bool ok = parties_list(e, &q, row_add, &l, NULL, NULL, NULL, err) == METE_OK;
    listing_end(&l, out);
    return ok;
}
