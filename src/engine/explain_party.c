/* SPDX-License-Identifier: Apache-2.0
 * A party's balance: what it has, and the newest events that it came from. */
#include "engine/explain_parts.h"

#include "base/text.h"
#include "engine/lines.h"

#define EVENTS_MAX 20u /* listed for one account, the newest */
#define ARENA_MAX  ((size_t)4 << 30)

struct account {
    struct explain *x;
    uint32_t party;
    struct asset asset;
    i128 net;
    struct balance balance;
};

static enum mete_code account_load(struct account *c)
{
    struct arena scratch;
    struct explain *x = c->x;
    struct key key = key_account(c->party, c->asset.number);
    i128 total[STATE_SUMS] = {0};
    arena_init(&scratch, ARENA_MAX);
    (void)x->view->sums(x->view->ctx, key_bytes(&key), total);
    enum view_result r =
        balance_at(x->view, &scratch, c->party, c->asset.number, x->at, &c->balance);
    arena_clear(&scratch);
    c->net = total[1] - total[0] + total[3] - total[2];
    return r != VIEW_MISSING
               ? METE_OK
               : mete_fail(x->err, METE_STORE_FAILED, "", "an account cannot be read");
}

static struct explain_node *account_title(const struct account *c, struct explain_node *root)
{
    struct explain *x = c->x;
    const struct balance *b = &c->balance;
    struct explain_node *n = explain_add(
        x, root, "account", "%s: pending %s, disputed %s, cleared %s, debt %s",
        words_money(x->a, c->net, &c->asset).p, words_amount(x->a, b->pending, &c->asset).p,
        words_amount(x->a, b->disputed, &c->asset).p, words_amount(x->a, b->cleared, &c->asset).p,
        words_amount(x->a, b->debt, &c->asset).p);
    explain_amount(n, c->net, &c->asset);
    explain_fact_i128(x, n, "pending", b->pending);
    explain_fact_i128(x, n, "disputed", b->disputed);
    explain_fact_i128(x, n, "cleared", b->cleared);
    explain_fact_i128(x, n, "debt", b->debt);
    return n;
}

/** The newest entries. *all: there are no others. */
static enum mete_code newest(const struct account *c, struct arena *a, struct walk_keys *keys,
                             bool *all)
{
    uint64_t seq;
    uint32_t page;
    struct key until = key_prefix_end(key_u32x2(KEY_ENTRY, c->party, c->asset.number));
    enum mete_code code =
        walk_tail(c->x->e, c->party, c->asset.number, EVENTS_MAX, &seq, &page, c->x->err);
    if (code != METE_OK) {
        return code;
    }
    struct key from = key_entry(c->party, c->asset.number, seq, page);
    *all = seq == 0;
    return walk_keys(c->x->e, a, key_bytes(&from), key_bytes(&until), EVENTS_MAX, keys, c->x->err);
}

static i128 item_sum(const struct account *c, const struct walk_item *item)
{
    struct lines_spot spot;
    struct lines_cursor lines = lines_of(item, c->party, c->asset.number);
    i128 sum = 0;
    while (lines_next(&lines, &spot)) {
        sum += spot.amount;
    }
    return sum;
}

static void item_explain(const struct account *c, struct explain_node *node,
                         const struct walk_item *item, const struct walk_head *head)
{
    struct explain *x = c->x;
    struct lines_spot spot;
    struct lines_cursor lines = lines_of(item, c->party, c->asset.number);
    uint64_t count = 0;
    const char *what = "";
    i128 sum = item_sum(c, item);
    while (lines_next(&lines, &spot)) {
        what = count++ == 0 ? lines_what(item, &spot) : what;
    }
    struct explain_node *n = explain_add(
        x, node, "event", "%s by %.*s on %s: %s%s", words_money(x->a, sum, &c->asset).p,
        (int)head->event_id.len, head->event_id.p, words_moment(x->a, head->occurred_at).p, what,
        count > 1 ? arena_printf(x->a, " and %llu more", (unsigned long long)count - 1).p : "");
    explain_amount(n, sum, &c->asset);
    explain_fact(x, n, "event_id", head->event_id);
    explain_fact_i128(x, n, "seq", (i128)item->seq);
    explain_fact_i128(x, n, "lines", (i128)count);
}

static enum mete_code events_explain(const struct account *c, struct explain_node *node,
                                     const struct walk_keys *keys, bool all)
{
    struct explain *x = c->x;
    struct walk_item item = {.seq = 0};
    i128 listed = 0;
    uint64_t shown = 0;
    for (size_t i = 0; i < keys->count; i++) {
        uint64_t seq = item.seq;
        uint32_t page = item.page;
        struct walk_head head;
        enum mete_code code = walk_one(x->e, x->a, key_read_u64(keys->key[i], 9),
                                       key_read_u32(keys->key[i], 17), &item, x->err);
        code = code == METE_OK ? walk_head_of(x->a, item.bytes, &head, x->err) : code;
        if (code != METE_OK) {
            return code;
        }
        if (item.seq != seq || item.page != page) {
            item_explain(c, node, &item, &head);
            listed += item_sum(c, &item);
            shown++;
        }
    }
    if (!all) {
        struct explain_node *n =
            explain_add(x, node, "more", "%s by earlier events; the %llu newest are above",
                        words_money(x->a, c->net - listed, &c->asset).p, (unsigned long long)shown);
        explain_amount(n, c->net - listed, &c->asset);
    }
    return METE_OK;
}

static enum mete_code account_explain(struct account *c, struct explain_node *root)
{
    struct arena a;
    struct walk_keys keys;
    bool all;
    enum mete_code code = account_load(c);
    if (code != METE_OK) {
        return code;
    }
    struct explain_node *node = account_title(c, root);
    arena_init(&a, ARENA_MAX);
    code = newest(c, &a, &keys, &all);
    code = code == METE_OK ? events_explain(c, node, &keys, all) : code;
    explain_leaving(c->x, node, &c->balance, &c->asset);
    arena_clear(&a);
    return code;
}

enum mete_code explain_party(struct explain *x, uint32_t party, struct text id,
                             struct explain_node **out)
{
    struct key from = key_u32(KEY_ACCOUNT, party);
    struct key until = key_prefix_end(from);
    struct walk_keys keys;
    enum mete_code code =
        walk_keys(x->e, x->a, key_bytes(&from), key_bytes(&until), ASSETS_ALL, &keys, x->err);
    struct explain_node *root =
        explain_add(x, NULL, "party", "%.*s has %s, on %s", (int)id.len, id.p,
                    code == METE_OK && keys.count == 0 ? "nothing" : "these balances",
                    words_moment(x->a, x->at).p);
    explain_fact(x, root, "party", id);
    explain_fact(x, root, "at", words_time(x->a, x->at));
    for (size_t i = 0; i < keys.count && code == METE_OK; i++) {
        struct account c = {.x = x, .party = party};
        c.asset = *names_asset(&x->names, key_read_u32(keys.key[i], 5));
        code = account_explain(&c, root);
    }
    explain_hold(x, root, party);
    *out = root;
    return code;
}
