/* SPDX-License-Identifier: Apache-2.0
 * What a decision changes in a book's state. Blind writes only: sums are added to, values are set,
 * nothing is read. Replaying the stored decisions in order therefore rebuilds the state. */
#include "core/decision.h"
#include "core/view.h"

struct apply {
    const struct state_sink *sink;
    uint64_t seq;
    uint32_t page;
    mete_time recorded_at;
};

static void add(const struct apply *ap, struct key key, i128 a, i128 b, i128 c, i128 d)
{
    const i128 sums[STATE_SUMS] = {a, b, c, d};
    ap->sink->add(ap->sink->ctx, key_bytes(&key), sums);
}

static void set(const struct apply *ap, struct key key, struct bytes value)
{
    ap->sink->set(ap->sink->ctx, key_bytes(&key), value);
}

/** Totals of an account: debits posted, credits posted, debits pending, credits pending. */
static void post(const struct apply *ap, uint32_t party, uint32_t asset, i128 amount, mete_time due)
{
    bool pending = due > ap->recorded_at;
    i128 debit = amount < 0 ? -amount : 0;
    i128 credit = amount > 0 ? amount : 0;
    add(ap, key_account(party, asset), pending ? 0 : debit, pending ? 0 : credit,
        pending ? debit : 0, pending ? credit : 0);
    if (pending && ap->sink->wants_entries) {
        add(ap, key_pending(party, asset, time_day(due)), amount, 0, 0, 0);
    }
    if (ap->sink->wants_entries && party != PARTY_CLEARING) {
        set(ap, key_entry(party, asset, ap->seq, ap->page), (struct bytes){0});
    }
}

static void apply_lines(const struct apply *ap, const struct group *g)
{
    for (uint32_t i = 0; i < g->line_count; i++) {
        const struct line *l = &g->line[i];
        mete_time due = ap->recorded_at;
        if (l->kind == LINE_ALLOCATION) {
            due = l->held ? TIME_NEVER : g->clears_at;
        }
        post(ap, l->party, g->asset, l->amount, due);
    }
    if (g->gross != 0) {
        post(ap, g->source, g->asset, -g->gross, ap->recorded_at);
    }
}

/** What a policy has split so far: computed conditions read it. */
static void apply_nodes(const struct apply *ap, const struct group *g)
{
    for (uint32_t i = 0; i < g->node_count; i++) {
        const struct node *n = &g->node[i];
        if (!n->counted || n->policy == 0 || n->rounding == NODE_ROLE) {
            continue;
        }
        add(ap, key_u32x2(KEY_NET, n->policy, g->asset), n->input, 0, 0, 0);
    }
    if (g->quantity == 0) {
        return;
    }
    struct map seen;
    map_init(&seen, 1, 1);
    for (uint32_t i = 0; i < g->node_count; i++) {
        if (node_has_quantity(&g->node[i], &seen)) {
            add(ap, key_u32(KEY_QUANTITY, g->node[i].policy), (i128)g->quantity, 0, 0, 0);
        }
    }
    map_clear(&seen);
}

static void apply_names(const struct apply *ap, const struct decision *d)
{
    struct buf value = {0};
    for (uint32_t i = 0; i < d->party_count; i++) {
        buf_reset(&value);
        buf_put_varint(&value, d->party_first + i);
        set(ap, key_text(KEY_PARTY, d->party[i]), buf_bytes(&value));
        buf_reset(&value);
        buf_put_sized(&value, d->party[i]);
        set(ap, key_u32(KEY_PARTY_NUMBER, d->party_first + i), buf_bytes(&value));
    }
    for (uint32_t i = 0; i < d->policy_count; i++) {
        buf_reset(&value);
        versions_pack(&value, d->policy_first + i, NULL, 0);
        set(ap, key_text(KEY_POLICY, d->policy[i]), buf_bytes(&value));
        buf_reset(&value);
        buf_put_text(&value, d->policy[i]);
        set(ap, key_u32(KEY_POLICY_NUMBER, d->policy_first + i), buf_bytes(&value));
    }
    if (d->party_count != 0 || d->policy_count != 0) {
        add(ap, key_of(KEY_COUNTER), d->party_count, d->policy_count, 0, 0);
    }
    buf_clear(&value);
}

static void apply_puts(const struct apply *ap, const struct decision *d)
{
    for (uint32_t i = 0; i < d->put_count; i++) {
        const struct put *p = &d->put[i];
        if (p->op == PUT_SET) {
            ap->sink->set(ap->sink->ctx, p->key, p->value);
        } else if (p->op == PUT_ADD) {
            ap->sink->add(ap->sink->ctx, p->key, p->sums);
        } else {
            ap->sink->remove(ap->sink->ctx, p->key);
        }
    }
}

void decision_apply(const struct decision *d, uint64_t seq, uint32_t page, mete_time recorded_at,
                    const struct state_sink *sink)
{
    struct apply ap = {sink, seq, page, recorded_at};
    apply_names(&ap, d);
    for (uint32_t i = 0; i < d->group_count; i++) {
        apply_lines(&ap, &d->group[i]);
        apply_nodes(&ap, &d->group[i]);
    }
    apply_puts(&ap, d);
}
