/* SPDX-License-Identifier: Apache-2.0
 * What everybody has now and would have had: the two ledgers side by side, joined by party id,
 * since the numbers of parties differ between them. */
#include "engine/simulate_parts.h"

#include "base/text.h"
#include "core/amount.h"
#include "engine/walk.h"
#include "store/hash_seed.h"

#include <stdlib.h>
#include <string.h>

static struct bytes row_key(struct simulate *x, struct text party, uint32_t asset)
{
    buf_reset(&x->key);
    buf_put_be32(&x->key, asset);
    buf_put_text(&x->key, party);
    return buf_bytes(&x->key);
}

void simulate_move(struct simulate *x, const struct event_transfer *t)
{
    struct asset asset;
    i128 amount;
    if (view_asset(&x->shadow.view, t->amount.currency, &asset) != VIEW_FOUND ||
        amount_parse(t->amount.amount, asset.scale, &amount) != METE_OK) {
        return; /* the decision was refused for want of money, so it was read before */
    }
    *(i128 *)map_put(&x->moved, row_key(x, t->from, asset.number), NULL) -= amount;
    *(i128 *)map_put(&x->moved, row_key(x, t->to, asset.number), NULL) += amount;
}

struct compare {
    struct simulate *x;
    struct map row; /* asset, party -> struct simulate_row */
};

static struct simulate_row *row_of(struct compare *c, struct text party, const struct asset *asset)
{
    bool made = false;
    struct simulate_row *row = map_put(&c->row, row_key(c->x, party, asset->number), &made);
    if (made) {
        row->party = arena_text(c->x->a, party);
        row->asset = *asset;
    }
    return row;
}

static i128 net(const i128 *sums)
{
    return sums[1] - sums[0] + sums[3] - sums[2];
}

struct now {
    struct compare *c;
    struct names names;
};

static enum mete_code now_visit(void *arg, const struct walk_key *k, bool *go_on)
{
    struct now *n = arg;
    (void)go_on;
    struct text party = names_party(&n->names, key_read_u32(k->key, 1));
    const struct asset *asset = names_asset(&n->names, key_read_u32(k->key, 5));
    row_of(n->c, party, asset)->now = net(k->sums);
    names_trim(&n->names);
    return METE_OK;
}

static enum mete_code now_add(struct compare *c)
{
    struct engine *e = c->x->e;
    const struct key from = key_u32(KEY_ACCOUNT, PARTY_CLEARING + 1);
    const struct key until = key_prefix_end(key_of(KEY_ACCOUNT));
    struct now n = {.c = c};
    names_init(&n.names, engine_view(e));
    enum mete_code code = walk_each_key(e, &from, &until, now_visit, &n, c->x->err);
    names_clear(&n.names);
    return code;
}

static void then_add(struct compare *c)
{
    struct names names;
    size_t i = 0;
    uint32_t party, number;
    const i128 *sums;
    names_init(&names, &c->x->shadow.view);
    while (shadow_account_next(&c->x->shadow, &i, &party, &number, &sums)) {
        if (party != PARTY_CLEARING) {
            const struct asset *asset = names_asset(&names, number);
            row_of(c, names_party(&names, party), asset)->then = net(sums);
        }
        names_trim(&names);
    }
    struct bytes key;
    void *value;
    i = 0;
    while (map_next(&c->x->moved, &i, &key, &value)) {
        const struct asset *asset = names_asset(&names, key_read_u32(key, 0));
        row_of(c, bytes_text((struct bytes){key.p + 4, key.len - 4}), asset)->then +=
            *(i128 *)value;
    }
    names_clear(&names);
}

static int row_cmp(const void *x, const void *y)
{
    const struct simulate_row *a = x;
    const struct simulate_row *b = y;
    int order = text_cmp(a->party, b->party);
    return order != 0 ? order : text_cmp(text_of(a->asset.code), text_of(b->asset.code));
}

static void rows_give(struct compare *c)
{
    struct simulation *out = c->x->out;
    size_t i = 0;
    struct bytes key;
    void *value;
    out->row = arena_array(c->x->a, c->row.count, sizeof *out->row);
    while (map_next(&c->row, &i, &key, &value)) {
        const struct simulate_row *row = value;
        out->row[out->row_count++] = *row;
        out->changed += row->now != row->then;
    }
    if (out->row_count > 0) {
        qsort(out->row, out->row_count, sizeof *out->row, row_cmp);
    }
}

static struct simulate_total *total_of(struct simulate *x, const struct asset *asset)
{
    struct simulation *out = x->out;
    for (size_t i = 0; i < out->total_count; i++) {
        if (out->total[i].asset.number == asset->number) {
            return &out->total[i];
        }
    }
    if ((out->total_count & (out->total_count - 1)) == 0) { /* full: it doubles */
        struct simulate_total *more = arena_array(x->a, 2 * out->total_count + 1, sizeof *more);
        if (out->total_count > 0) {
            memcpy(more, out->total, out->total_count * sizeof *more);
        }
        out->total = more;
    }
    out->total[out->total_count].asset = *asset;
    return &out->total[out->total_count++];
}

static void totals_give(struct simulate *x)
{
    for (size_t i = 0; i < x->out->row_count; i++) {
        const struct simulate_row *row = &x->out->row[i];
        struct simulate_total *total = total_of(x, &row->asset);
        total->now += row->now;
        total->then += row->then;
        total->moved += row->then > row->now ? row->then - row->now : 0;
        total->parties += row->then != row->now;
    }
}

uint64_t simulation_rate(const struct simulation *s)
{
    return s->elapsed_us > 0 ? s->events * 1000000 / (uint64_t)s->elapsed_us : 0;
}

enum mete_code simulate_compare(struct simulate *x)
{
    struct compare c = {.x = x};
    map_init(&c.row, sizeof(struct simulate_row), hash_seed());
    enum mete_code code = now_add(&c);
    if (code == METE_OK) {
        then_add(&c);
        rows_give(&c);
        totals_give(x);
    }
    map_clear(&c.row);
    return code;
}
