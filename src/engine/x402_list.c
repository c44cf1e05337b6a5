/* SPDX-License-Identifier: Apache-2.0
 * Lists of payments by x402, through the index that names the fewest: a resource's, a payer's, a
 * payee's, or all. */
#include "engine/x402_list.h"

#include "base/text.h"
#include "engine/walk.h"
#include "engine/x402_parts.h"

#include <string.h>

#define BATCH_KEYS 256u
#define ARENA_MAX  ((size_t)1 << 30)

struct listing {
    struct engine *e;
    const struct x402_query *q;
    struct key from;
    struct key until;
    int state; /* -1: any */
    size_t left;
    uint64_t last; /* number of the last row that was looked at */
    bool full;
    x402_visit *visit;
    void *arg;
    struct arena row;
    struct mete_err *err;
};

static enum mete_code state_find(struct listing *l)
{
    const struct machine *m = machine_of(MACHINE_X402);
    struct text name = l->q->state;
    l->state = -1;
    for (int s = 1; name.len > 0 && s < X402_STATE_COUNT; s++) {
        l->state = text_is(name, m->state[s]) ? s : l->state;
    }
    return name.len == 0 || l->state >= 0
               ? METE_OK
               : mete_fail(l->err, METE_REQUEST_INVALID, "/state",
                           "state is reserved, released, settling, settled, failed or confirmed");
}

static void range_find(struct listing *l)
{
    const struct x402_query *q = l->q;
    struct key list = key_x402_list(X402_LIST_ALL, (struct text){0});
    list = q->to.len > 0 ? key_x402_list(X402_LIST_TO, q->to) : list;
    list = q->resource.len > 0 ? key_x402_list(X402_LIST_RESOURCE, q->resource) : list;
    list = q->from.len > 0 ? key_x402_list(X402_LIST_FROM, q->from) : list;
    l->until = key_prefix_end(list);
    l->from = list;
    key_add_u64(&l->from, q->after + 1);
}

static bool text_fits(struct text wanted, struct text has)
{
    return wanted.len == 0 || text_eq(wanted, has);
}

static bool fits(const struct listing *l, const struct x402_payment *p)
{
    const struct x402_query *q = l->q;
    mete_time at = p->begun_at != 0 ? p->begun_at : p->changed_at;
    return (l->state < 0 || l->state == p->state) && text_fits(q->resource, p->resource) &&
           text_fits(q->from, p->from) && text_fits(q->to, p->to) &&
           text_fits(q->network, p->network) && at >= q->since && at <= q->until;
}

static enum mete_code key_look(struct listing *l, struct bytes key, struct bytes value)
{
    struct x402_listed_payment row = {.number = key_read_u64(key, key.len - 8)};
    struct x402_number number;
    struct x402_payment p;
    METE_ASSERT(value.len == sizeof number.b);
    memcpy(number.b, value.p, sizeof number.b);
    arena_reset(&l->row);
    if (view_x402(engine_view(l->e), &l->row, &number, &p) != VIEW_FOUND) {
        return mete_fail(l->err, METE_STORE_FAILED, "", "a payment cannot be read");
    }
    bool wanted = fits(l, &p);
    if (wanted && l->left == 0) {
        l->full = true;
        return METE_OK;
    }
    l->last = row.number;
    if (wanted) {
        l->left--;
        row.changed_at = p.changed_at;
        x402_status_of(l->e, &p, &l->row, &row.status);
        l->full = !l->visit(l->arg, &row);
    }
    return METE_OK;
}

static enum mete_code walk(struct listing *l)
{
    struct walk_keys keys = {.more = true};
    struct arena a;
    enum mete_code code = METE_OK;
    arena_init(&a, ARENA_MAX);
    while (code == METE_OK && keys.more && !l->full) {
        arena_reset(&a);
        code = walk_keys(l->e, &a, key_bytes(&l->from), key_bytes(&l->until), BATCH_KEYS, &keys,
                         l->err);
        for (size_t i = 0; i < keys.count && code == METE_OK && !l->full; i++) {
            code = key_look(l, keys.key[i], keys.value[i]);
            l->from = walk_key_after(keys.key[i]);
        }
    }
    arena_clear(&a);
    return code;
}

enum mete_code x402_list(struct engine *e, const struct x402_query *q, x402_visit *visit, void *arg,
                         uint64_t *next, struct mete_err *err)
{
    struct arena names;
    struct x402_query asked = *q;
    struct listing l = {
        .e = e, .q = &asked, .left = q->limit, .visit = visit, .arg = arg, .err = err};
    arena_init(&l.row, ARENA_MAX);
    arena_init(&names, ARENA_MAX);
    asked.from = x402_address(&names, q->from);
    asked.to = x402_address(&names, q->to);
    enum mete_code code = state_find(&l);
    if (code == METE_OK) {
        range_find(&l);
        code = walk(&l);
    }
    *next = code == METE_OK && l.full ? l.last : 0;
    arena_clear(&l.row);
    arena_clear(&names);
    return engine_sound(e, code, err);
}
