/* SPDX-License-Identifier: Apache-2.0
 * What payments by x402 add up to, read from sums that settling has kept: by days and resources,
 * not by payments. */
#include "engine/x402_list.h"

#include "base/map.h"
#include "base/text.h"
#include "engine/walk.h"

#include <string.h>

#define BATCH_KEYS 512u
#define ARENA_MAX  ((size_t)1 << 30)

bool x402_by_of(struct text name, enum x402_by *out)
{
    static const char *const names[] = {"day", "resource", "network"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (text_is(name, names[i])) {
            *out = (enum x402_by)i;
            return true;
        }
    }
    return false;
}

struct adding {
    struct engine *e;
    const struct x402_revenue_query *q;
    uint8_t resource[X402_HASH_LEN]; /* of q->resource */
    struct omap rows;                /* group -> struct sum_row */
    struct omap gas;                 /* network -> three sums */
    struct mete_err *err;
};

struct sum_row {
    i128 sum[STATE_SUMS];
    uint32_t parts; /* keys that were added */
};

/* --- walking -----------------------------------------------------------------------------------*/

typedef void key_visit(struct adding *x, struct bytes key, const i128 *sums);

static enum mete_code range_walk(struct adding *x, struct key from, struct key until,
                                 key_visit *visit)
{
    struct walk_keys keys = {.more = true};
    struct arena a;
    enum mete_code code = METE_OK;
    arena_init(&a, ARENA_MAX);
    while (code == METE_OK && keys.more) {
        arena_reset(&a);
        code = walk_keys(x->e, &a, key_bytes(&from), key_bytes(&until), BATCH_KEYS, &keys, x->err);
        for (size_t i = 0; i < keys.count && code == METE_OK; i++) {
            visit(x, keys.key[i], keys.sums[i]);
            from = walk_key_after(keys.key[i]);
        }
    }
    arena_clear(&a);
    return code;
}

static struct text network_of(struct bytes key, size_t at)
{
    return bytes_text((struct bytes){key.p + at, key.len - at});
}

/** A row of sums into its group: day or resource, asset, and the network where it matters. */
static void sums_visit(struct adding *x, struct bytes key, const i128 *sums)
{
    const struct x402_revenue_query *q = x->q;
    struct text network = network_of(key, X402_SUMS_NETWORK_AT);
    struct buf group = {0};
    bool made;
    if ((q->network.len > 0 && !text_eq(network, q->network)) ||
        (q->resource.len > 0 &&
         memcmp(key.p + X402_SUMS_RESOURCE_AT, x->resource, X402_HASH_LEN) != 0)) {
        return;
    }
    buf_put(&group, key.p + X402_SUMS_DAY_AT, q->by == X402_BY_DAY ? 4 : 0);
    buf_put(&group, key.p + X402_SUMS_RESOURCE_AT, q->by == X402_BY_RESOURCE ? X402_HASH_LEN : 0);
    buf_put(&group, key.p + X402_SUMS_ASSET_AT, 4);
    buf_put_text(&group, network);
    struct sum_row *row = omap_put(&x->rows, buf_bytes(&group), &made);
    buf_clear(&group);
    *row = made ? (struct sum_row){0} : *row;
    for (size_t i = 0; i < STATE_SUMS; i++) {
        row->sum[i] += sums[i];
    }
    row->parts++;
}

static void gas_visit(struct adding *x, struct bytes key, const i128 *sums)
{
    struct text network = network_of(key, 5);
    bool made;
    if (x->q->network.len > 0 && !text_eq(network, x->q->network)) {
        return;
    }
    struct sum_row *row = omap_put(&x->gas, text_bytes(network), &made);
    *row = made ? (struct sum_row){0} : *row;
    for (size_t i = 0; i < STATE_SUMS; i++) {
        row->sum[i] += sums[i];
    }
}

/** Which sums say it: those of a day, of a resource on a day, or of a resource on all days. */
static enum mete_code rows_walk(struct adding *x)
{
    static const uint8_t every[X402_HASH_LEN];
    const struct x402_revenue_query *q = x->q;
    bool of_resource = q->by == X402_BY_RESOURCE || q->resource.len > 0;
    enum x402_scope scope = !of_resource ? X402_OF_DAY : X402_OF_DAY_RESOURCE;
    struct key from = key_x402_sums(scope, q->from_day, every);
    struct key until = key_x402_sums(scope, q->until_day + 1, every);
    if (of_resource && q->all_days && q->by != X402_BY_DAY) {
        from = key_x402_sums(X402_OF_RESOURCE, 0, every);
        until = from;
        until.len = 2;
        until = key_prefix_end(until);
    } else if (q->all_days) {
        from.len = 2;
        until = key_prefix_end(from);
    }
    return range_walk(x, from, until, sums_visit);
}

static enum mete_code gas_walk(struct adding *x)
{
    const struct x402_revenue_query *q = x->q;
    struct key from = key_of(KEY_X402_GAS);
    struct key until = key_prefix_end(from);
    if (!q->all_days) {
        from = key_x402_gas(q->from_day, (struct text){0});
        until = key_x402_gas(q->until_day + 1, (struct text){0});
    }
    return range_walk(x, from, until, gas_visit);
}

/* --- rows --------------------------------------------------------------------------------------*/

static struct text resource_name(struct engine *e, const uint8_t *hash, struct arena *a)
{
    struct key key = key_x402_resource(hash);
    const struct view *v = engine_view(e);
    struct x402_known_resource r;
    struct bytes value;
    return v->get(v->ctx, key_bytes(&key), &value) == VIEW_FOUND && x402_resource_unpack(value, &r)
               ? arena_text(a, r.resource)
               : (struct text){0};
}

static void row_fill(struct adding *x, struct omap_node *node, struct arena *a,
                     struct x402_revenue_row *out)
{
    const struct sum_row *sum = omap_value(node);
    struct bytes key = omap_key(node);
    size_t at = 0;
    *out = (struct x402_revenue_row){0};
    if (x->q->by == X402_BY_DAY) {
        out->day = (int32_t)key_read_u32(key, 0);
        at = 4;
    } else if (x->q->by == X402_BY_RESOURCE) {
        out->resource = resource_name(x->e, key.p, a);
        at = X402_HASH_LEN;
    }
    (void)view_asset_number(engine_view(x->e), key_read_u32(key, at), &out->asset);
    out->network = arena_text(a, network_of(key, at + 4));
    out->settlements = sum->sum[X402_SUM_COUNT];
    out->value = sum->sum[X402_SUM_VALUE];
    out->failures = sum->sum[X402_SUM_FAILED];
    out->payers = sum->parts == 1 ? sum->sum[X402_SUM_PAYERS] : -1;
}

static size_t omap_len(struct omap *m)
{
    size_t count = 0;
    for (struct omap_node *n = omap_seek(m, (struct bytes){0}); n != NULL; n = omap_next(n)) {
        count++;
    }
    return count;
}

static void result_fill(struct adding *x, struct arena *a, struct x402_revenue *out)
{
    out->row = arena_array(a, omap_len(&x->rows), sizeof *out->row);
    out->gas = arena_array(a, omap_len(&x->gas), sizeof *out->gas);
    for (struct omap_node *n = omap_seek(&x->rows, (struct bytes){0}); n != NULL;
         n = omap_next(n)) {
        struct x402_revenue_row *row = &out->row[out->row_count++];
        row_fill(x, n, a, row);
        out->settlements += row->settlements;
        out->failures += row->failures;
    }
    for (struct omap_node *n = omap_seek(&x->gas, (struct bytes){0}); n != NULL; n = omap_next(n)) {
        const struct sum_row *sum = omap_value(n);
        out->gas[out->gas_count++] =
            (struct x402_gas_row){.network = arena_text(a, bytes_text(omap_key(n))),
                                  .transactions = sum->sum[X402_GAS_TRANSACTIONS],
                                  .used = sum->sum[X402_GAS_USED],
                                  .cost = sum->sum[X402_GAS_COST]};
    }
}

enum mete_code x402_revenue(struct engine *e, const struct x402_revenue_query *q, struct arena *a,
                            struct x402_revenue *out, struct mete_err *err)
{
    struct adding x = {.e = e, .q = q, .err = err};
    *out = (struct x402_revenue){0};
    x402_hash(q->resource, x.resource);
    omap_init(&x.rows, sizeof(struct sum_row), 1);
    omap_init(&x.gas, sizeof(struct sum_row), 2);
    enum mete_code code = rows_walk(&x);
    code = code == METE_OK && q->resource.len == 0 ? gas_walk(&x) : code;
    if (code == METE_OK) {
        result_fill(&x, a, out);
    }
    omap_clear(&x.rows);
    omap_clear(&x.gas);
    return engine_sound(e, code, err);
}

enum mete_code x402_resource_stats(struct engine *e, struct text resource, struct arena *a,
                                   struct x402_resource_stats *out, struct mete_err *err)
{
    const struct x402_revenue_query q = {.by = X402_BY_RESOURCE, .all_days = true};
    struct x402_revenue_query of = q;
    const struct view *v = engine_view(e);
    uint8_t hash[X402_HASH_LEN];
    struct x402_known_resource known;
    struct bytes value;
    struct adding x = {.e = e, .q = &of, .err = err};
    struct x402_revenue sums = {0};
    *out = (struct x402_resource_stats){0};
    x402_hash(resource, hash);
    struct key key = key_x402_resource(hash);
    if (v->get(v->ctx, key_bytes(&key), &value) == VIEW_FOUND &&
        x402_resource_unpack(value, &known)) {
        out->last_settled_at = known.last_settled_at;
        out->days = known.days;
    }
    struct key from = key_x402_sums(X402_OF_RESOURCE, 0, hash);
    omap_init(&x.rows, sizeof(struct sum_row), 1);
    omap_init(&x.gas, sizeof(struct sum_row), 2);
    enum mete_code code = range_walk(&x, from, key_prefix_end(from), sums_visit);
    if (code == METE_OK) {
        result_fill(&x, a, &sums);
        out->row = sums.row;
        out->row_count = sums.row_count;
        out->settlements = sums.settlements;
        out->failures = sums.failures;
        for (size_t i = 0; i < sums.row_count; i++) {
            out->payers = sums.row[i].payers > out->payers ? sums.row[i].payers : out->payers;
        }
    }
    omap_clear(&x.rows);
    omap_clear(&x.gas);
    return engine_sound(e, code, err);
}
