/* SPDX-License-Identifier: Apache-2.0
 * revenue.reversed: some or all of a revenue goes back, line by line, in the proportions in which
 * it came. Largest remainder over what is left of the lines: monotone, and exactly zero at the end.
 * A split under `carry` is one line here: inside it exact shares are taken away again and the
 * change of the floors is posted. */
#include "core/economy.h"
#include "core/refunds.h"

#include "base/i128.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/apportion.h"
#include "core/dispute.h"

/* --- originals
 * ----------------------------------------------------------------------------------*/

static enum view_result decision_pages(struct work *w, uint64_t seq, uint32_t page,
                                       struct decision *d)
{
    struct bytes packed;
    enum view_result found = w->view->decision(w->view->ctx, seq, page, &packed);
    if (found != VIEW_FOUND) {
        return found;
    }
    METE_ASSERT(decision_unpack(w->a, text_bytes(arena_text(w->a, bytes_text(packed))), d));
    uint32_t more_count = d->pages - 1;
    struct decision *more = arena_array(w->a, more_count, sizeof *more);
    for (uint32_t i = 0; i < more_count; i++) {
        if (w->view->decision(w->view->ctx, seq, page + 1 + i, &packed) != VIEW_FOUND) {
            return VIEW_MISSING;
        }
        packed = text_bytes(arena_text(w->a, bytes_text(packed)));
        METE_ASSERT(decision_unpack(w->a, packed, &more[i]));
    }
    if (more_count > 0) {
        decision_join(w->a, d, more, more_count);
    }
    return VIEW_FOUND;
}

enum view_result original_load(struct work *w, uint64_t seq, struct decision *d,
                               uint64_t *booked_seq, uint32_t *booked_page, bool *found)
{
    struct key key = key_of(KEY_BOOKED);
    key_add_u64(&key, seq);
    struct bytes value;
    *booked_seq = seq;
    *booked_page = 0;
    enum view_result moved = w->view->get(w->view->ctx, key_bytes(&key), &value);
    if (moved == VIEW_MISSING) {
        return VIEW_MISSING;
    }
    if (moved == VIEW_FOUND) {
        struct reader r = reader_of(value);
        *booked_seq = read_varint(&r);
        *booked_page = (uint32_t)read_varint(&r);
        METE_ASSERT(reader_done(&r));
    }
    enum view_result there = decision_pages(w, *booked_seq, *booked_page, d);
    *found = there == VIEW_FOUND && d->wait_code == 0;
    return there;
}

static struct key reversed_key(uint64_t seq, uint32_t page, uint32_t group)
{
    struct key key = key_of(KEY_REVERSED);
    key_add_u64(&key, seq);
    key_add_u32(&key, page);
    key_add_u32(&key, group);
    return key;
}

enum view_result reversed_load(const struct view *v, struct arena *a, uint64_t seq, uint32_t page,
                               uint32_t group, const struct group *g, struct reversed *out)
{
    struct key key = reversed_key(seq, page, group);
    struct bytes value;
    *out = (struct reversed){.line_count = g->line_count, .node_count = g->node_count};
    out->line = arena_array(a, g->line_count, sizeof *out->line);
    out->node = arena_array(a, g->node_count, sizeof *out->node);
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    if (found != VIEW_FOUND) {
        return found;
    }
    struct reader r = reader_of(value);
    out->gross = read_zigzag(&r);
    for (uint32_t i = 0; i < g->line_count; i++) {
        out->line[i] = read_zigzag(&r);
    }
    for (uint32_t i = 0; i < g->node_count; i++) {
        out->node[i] = read_zigzag(&r);
    }
    METE_ASSERT(reader_done(&r));
    return VIEW_FOUND;
}

static void reversed_put(struct work *w, struct key key, const struct reversed *r)
{
    struct buf value = {0};
    buf_put_zigzag(&value, r->gross);
    for (uint32_t i = 0; i < r->line_count; i++) {
        buf_put_zigzag(&value, r->line[i]);
    }
    for (uint32_t i = 0; i < r->node_count; i++) {
        buf_put_zigzag(&value, r->node[i]);
    }
    work_set(w, key, &value);
    buf_clear(&value);
}

/* --- one group
 * ----------------------------------------------------------------------------------*/

#define NO_LINE FEE_PAYLOAD /* line.share of what no line of the original stands for */

struct reversal {
    struct work *w;
    const struct group *original;
    struct group *out;
    struct reversed *reversed;
    uint64_t seq; /* where the original stands */
    uint32_t page;
    uint32_t group;
    uint32_t *domain; /* of each node: the share of a carry policy it hangs below, or NODE_NONE */
    uint32_t *first; /* of each node: its lines and those of all nodes below it follow each other */
    uint32_t *end;
};

static bool node_is_carry(const struct node *n)
{
    return n->rounding == ROUNDING_CARRY;
}

static void domains_find(struct reversal *r)
{
    const struct group *g = r->original;
    r->domain = arena_array(r->w->a, g->node_count, sizeof *r->domain);
    for (uint32_t i = 0; i < g->node_count; i++) {
        uint32_t parent = g->node[i].parent;
        if (parent == NODE_NONE) {
            r->domain[i] = NODE_NONE;
        } else if (node_is_carry(&g->node[parent])) {
            r->domain[i] = i;
        } else {
            r->domain[i] = r->domain[parent];
        }
    }
}

static void ranges_find(struct reversal *r)
{
    const struct group *g = r->original;
    r->first = arena_array(r->w->a, g->node_count, sizeof *r->first);
    r->end = arena_array(r->w->a, g->node_count, sizeof *r->end);
    for (uint32_t i = 0; i < g->line_count; i++) {
        for (uint32_t n = g->line[i].node; n != NODE_NONE; n = g->node[n].parent) {
            r->first[n] = r->end[n] == 0 ? i : r->first[n];
            r->end[n] = i + 1;
        }
    }
}

/** A line that is disputed or was upheld is posted outside the due days, to who holds it now. */
static void line_redirect(struct reversal *r, uint32_t index, struct line *line)
{
    struct dispute d;
    struct work *w = r->w;
    enum view_result found = dispute_of(w->view, r->seq, r->page, r->group, index, &d);
    w->missing |= found == VIEW_MISSING;
    if (found != VIEW_FOUND) {
        return;
    }
    line->kind = LINE_TRANSFER;
    line->party = d.owner;
    if (d.state == DISPUTE_DISPUTED || d.state == DISPUTE_ESCALATED) {
        struct key key = key_u32x2(KEY_DISPUTED, line->party, r->original->asset);
        key_add_time(&key, d.auto_clear_at);
        work_add(w, key, line->amount, 0, 0, 0);
        d.amount += line->amount;
        struct buf value = {0};
        dispute_pack(&value, &d);
        work_set(w, dispute_key(r->seq, r->page, r->group, index), &value);
        buf_clear(&value);
    }
}

/** Takes `amount` back from one line of the original. */
static void line_take(struct reversal *r, uint32_t index, i128 amount, u128 left)
{
    const struct line *from = &r->original->line[index];
    r->reversed->line[index] += amount;
    if (amount == 0) {
        return;
    }
    struct line *line = group_line(r->w->a, r->out);
    line->kind = from->kind;
    line->held = from->held;
    line->party = from->party;
    line->share = index;
    line->weight = left;
    line->amount = -amount;
    if (from->kind == LINE_ALLOCATION) {
        line_redirect(r, index, line);
    }
}

static void domain_take(struct reversal *r, uint32_t domain, i128 amount);

/* What a reversal of one stretch divides its amount over. */
struct unit {
    bool is_node;
    uint32_t index;
    i128 left;
};

struct units {
    struct unit *unit;
    i128 *left;
    i128 *part;
    size_t count;
};

static void unit_add(struct units *u, bool is_node, uint32_t index, i128 left)
{
    u->unit[u->count] = (struct unit){is_node, index, left};
    u->left[u->count] = left;
    u->count++;
}

/** The node of this domain that is a carry split on the way from `node` upwards, if any. */
static uint32_t carry_above(const struct reversal *r, uint32_t node, uint32_t domain)
{
    uint32_t hit = NODE_NONE;
    for (uint32_t i = node; i != NODE_NONE; i = r->original->node[i].parent) {
        if (node_is_carry(&r->original->node[i]) && r->domain[i] == domain) {
            hit = i;
        }
        if (i == domain) {
            break;
        }
    }
    return hit;
}

/* The lines of a domain. */
static uint32_t domain_first(const struct reversal *r, uint32_t domain)
{
    return domain == NODE_NONE ? 0 : r->first[domain];
}

static uint32_t domain_end(const struct reversal *r, uint32_t domain)
{
    return domain == NODE_NONE ? r->original->line_count : r->end[domain];
}

/** Fees, allocations in decision order with a carry split as one unit in its place, and the
 *  unallocated line of the domain last. */
static void units_collect(const struct reversal *r, uint32_t domain, struct units *u)
{
    const struct group *g = r->original;
    uint32_t last_carry = NODE_NONE;
    uint32_t unallocated = UINT32_MAX;
    for (uint32_t i = domain_first(r, domain); i < domain_end(r, domain); i++) {
        const struct line *l = &g->line[i];
        if (l->kind == LINE_UNALLOCATED && l->node == domain) {
            unallocated = i;
            continue;
        }
        uint32_t carry = carry_above(r, l->node, domain);
        if (carry == NODE_NONE) {
            unit_add(u, false, i, l->amount - r->reversed->line[i]);
        } else if (carry != last_carry) {
            unit_add(u, true, carry, g->node[carry].input - r->reversed->node[carry]);
            last_carry = carry;
        }
    }
    if (unallocated != UINT32_MAX) {
        const struct line *l = &g->line[unallocated];
        unit_add(u, false, unallocated, l->amount - r->reversed->line[unallocated]);
    }
}

/* --- inside a carry split
 * -----------------------------------------------------------------------*/

static void residue_fits(bool fits)
{
    METE_ASSERT(fits); /* the denominators met before, when the original was booked */
}

static i128 carry_line_take(struct reversal *r, uint32_t node, uint32_t index, i128 amount)
{
    const struct node *n = &r->original->node[node];
    const struct line *l = &r->original->line[index];
    struct key key = residue_key(n->policy, r->original->asset, PAYEE_PARTY, l->party);
    i128 credit = 0;
    residue_fits(
        residue_credit(work_residue(r->w, key), amount, l->weight, n->den, true, false, &credit));
    line_take(r, index, -credit, l->weight);
    return credit;
}

static i128 carry_child_take(struct reversal *r, uint32_t node, uint32_t child, i128 amount,
                             i128 before)
{
    const struct node *n = &r->original->node[node];
    const struct node *c = &r->original->node[child];
    u128 unused;
    i128 after =
        (i128)u128_mul_div((u128)c->input, (u128)(before + amount), (u128)n->input, &unused);
    i128 taken = after - r->reversed->node[child];
    /* the child's policy is found through its own number: shares are payees of this policy */
    struct key key = residue_key(n->policy, r->original->asset, PAYEE_POLICY, c->policy);
    residue_fits(residue_take(work_residue(r->w, key), amount, c->weight, n->den, taken));
    if (taken != 0) {
        domain_take(r, child, taken); /* a carry split notes itself what it gave back */
    }
    r->reversed->node[child] = after;
    return -taken;
}

/** Nobody's share goes back from who got it: line `from` of the original, NO_LINE when it credited
 *  nothing. */
static i128 carry_rest_take(struct reversal *r, uint32_t node, u128 weight, i128 amount,
                            uint32_t from)
{
    const struct node *n = &r->original->node[node];
    struct key key = residue_key(n->policy, r->original->asset, PAYEE_NOBODY, 0);
    i128 credit = 0;
    residue_fits(
        residue_credit(work_residue(r->w, key), amount, weight, n->den, true, false, &credit));
    if (from != NO_LINE) {
        line_take(r, from, -credit, weight);
    } else if (credit != 0) {
        struct line *line = group_line(r->w->a, r->out);
        line->kind = LINE_UNALLOCATED;
        line->party = r->w->book.unallocated;
        line->share = NO_LINE;
        line->amount = credit;
    }
    return credit;
}

/* A carry split being taken back: what its lines and children have given so far. */
struct carry_back {
    uint32_t node;
    i128 amount;
    i128 before; /* taken back by earlier reversals */
    i128 posted;
    u128 left;      /* weight that no share has */
    uint32_t child; /* the last one */
    uint32_t rest_line, carry_line;
};

/** Takes back what one line of the original stands for: a share of this split, or, with the first
 *  of its lines, a whole policy that is a share. */
static void carry_back_line(struct reversal *r, struct carry_back *c, uint32_t index)
{
    const struct group *g = r->original;
    const struct line *l = &g->line[index];
    if (l->node != c->node) {
        uint32_t child = l->node;
        while (g->node[child].parent != c->node) {
            child = g->node[child].parent;
        }
        if (child != c->child) {
            c->child = child;
            c->left -= g->node[child].weight;
            c->posted += carry_child_take(r, c->node, child, c->amount, c->before);
        }
    } else if (l->kind == LINE_ALLOCATION) {
        c->left -= l->weight;
        c->posted += carry_line_take(r, c->node, index, c->amount);
    } else if (l->kind == LINE_UNALLOCATED) {
        c->rest_line = index;
    } else {
        c->carry_line = index;
    }
}

/** Takes `amount` back from a carry split: every payee's exact share is taken away in listed order,
 *  the changes of the floors are posted, and the carry account takes the difference. */
static void carry_take(struct reversal *r, uint32_t node, i128 amount)
{
    struct carry_back c = {.node = node,
                           .amount = amount,
                           .before = r->reversed->node[node],
                           .left = r->original->node[node].den,
                           .child = NODE_NONE,
                           .rest_line = NO_LINE,
                           .carry_line = NO_LINE};
    for (uint32_t i = r->first[node]; i < r->end[node]; i++) {
        carry_back_line(r, &c, i);
    }
    if (c.left > 0) {
        c.posted += carry_rest_take(r, node, c.left, amount, c.rest_line);
    }
    r->reversed->node[node] = c.before + amount;
    if (c.posted != -amount) {
        struct line *line = group_line(r->w->a, r->out);
        line->kind = LINE_CARRY;
        line->party = PARTY_CARRY;
        line->share = c.carry_line;
        line->amount = -amount - c.posted;
    }
}

static void domain_take(struct reversal *r, uint32_t domain, i128 amount)
{
    if (domain != NODE_NONE && node_is_carry(&r->original->node[domain])) {
        carry_take(r, domain, amount);
        return;
    }
    size_t most = domain_end(r, domain) - domain_first(r, domain);
    struct arena *a = r->w->a;
    struct units u = {arena_array(a, most, sizeof *u.unit), arena_array(a, most, sizeof *u.left),
                      arena_array(a, most, sizeof *u.part), 0};
    units_collect(r, domain, &u);
    apportion_reversal(a, amount, u.left, u.count, u.part);
    for (size_t i = 0; i < u.count; i++) {
        if (!u.unit[i].is_node) {
            line_take(r, u.unit[i].index, u.part[i], (u128)u.unit[i].left);
        } else if (u.part[i] != 0) {
            carry_take(r, u.unit[i].index, u.part[i]);
        }
    }
}

/** floor(whole * part / gross) */
static i128 share_of(const struct group *g, i128 whole, i128 part)
{
    u128 unused;
    return (i128)u128_mul_div((u128)whole, (u128)part, (u128)g->gross, &unused);
}

/** What the policies have split so far goes down again, in proportion and exactly zero at the end:
 *  computed conditions read it. */
static void counters_take(struct reversal *r, i128 before, i128 after)
{
    const struct group *g = r->original;
    i128 quantity = (i128)g->quantity;
    struct map seen;
    map_init(&seen, 1, 1);
    for (uint32_t i = 0; i < g->node_count; i++) {
        const struct node *n = &g->node[i];
        if (!n->counted || n->policy == 0 || n->rounding == NODE_ROLE) {
            continue;
        }
        work_add(r->w, key_u32x2(KEY_NET, n->policy, g->asset),
                 share_of(g, n->input, before) - share_of(g, n->input, after), 0, 0, 0);
        if (quantity != 0 && node_has_quantity(n, &seen)) {
            work_add(r->w, key_u32(KEY_QUANTITY, n->policy),
                     share_of(g, quantity, before) - share_of(g, quantity, after), 0, 0, 0);
        }
    }
    map_clear(&seen);
}

static void group_take(struct work *w, const struct decision *original, uint32_t group,
                       uint64_t seq, uint32_t page, i128 amount, struct reversed *reversed)
{
    const struct group *g = &original->group[group];
    struct reversal r = {
        .w = w, .original = g, .reversed = reversed, .seq = seq, .page = page, .group = group};
    r.out = work_group(w, GROUP_REVERSAL, g->asset);
    r.out->gross = -amount;
    r.out->clears_at = g->clears_at;
    r.out->target_seq = seq;
    r.out->target_page = page;
    r.out->target_group = group;
    r.out->den = (u128)(g->gross - reversed->gross);
    domains_find(&r);
    ranges_find(&r);
    domain_take(&r, NODE_NONE, amount);
    counters_take(&r, reversed->gross, reversed->gross + amount);
    contract_reversed(w, g, r.out);
    reversed->gross += amount;
    reversed_put(w, reversed_key(seq, page, group), reversed);
}

/* --- the event
 * ----------------------------------------------------------------------------------*/

/** The seq that the event's reference leads to, or what it waits for. */
static enum decided original_seq(struct work *w, uint64_t *seq)
{
    struct text id = w->event->reversal.reverses;
    struct key key = key_event_id(id);
    struct bytes value;
    if (w->event->type != EVENT_REVENUE_REVERSED) {
        return refund_original(w, seq);
    }
    enum view_result known = w->view->get(w->view->ctx, key_bytes(&key), &value);
    if (known == VIEW_MISSING) {
        w->missing = true;
        return DECIDED_NEEDS;
    }
    if (known == VIEW_ABSENT) {
        return work_wait(w, METE_ORIGINAL_UNKNOWN, wait_event_key(id), "/payload/reverses");
    }
    struct reader r = reader_of(value);
    *seq = read_varint(&r);
    return DECIDED_APPLIED;
}

/* What is reversed: where it came, where it is booked now. */
struct booked {
    struct decision d;
    uint64_t came;
    uint64_t seq;
    uint32_t page;
};

static enum decided original_find(struct work *w, struct booked *b)
{
    bool booked = false;
    enum decided fine = original_seq(w, &b->came);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    if (original_load(w, b->came, &b->d, &b->seq, &b->page, &booked) != VIEW_FOUND) {
        w->missing = true;
        return DECIDED_NEEDS;
    }
    return booked ? DECIDED_APPLIED
                  : work_wait(w, METE_ORIGINAL_UNKNOWN, wait_event_key(w->event->reversal.reverses),
                              "/payload/reverses");
}

/** The amount that the payload names: above 0, at most `left`. */
static enum decided reversal_amount(struct work *w, uint32_t asset, i128 left, i128 *amount)
{
    struct asset named;
    enum decided fine =
        work_money(w, &w->event->reversal.amount, "/payload/amount", &named, amount);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    if (named.number != asset) {
        return work_refuse(w, METE_REVERSAL_CURRENCY, "/payload/amount/currency",
                           "the original is in another currency than %s", named.code);
    }
    if (!amount_in_range(left)) {
        return work_refuse(
            w, METE_AMOUNT_RANGE, "/payload/amount",
            "the revenues of the original are beyond 2^120 together; reverse all of it");
    }
    if (*amount > left) {
        return work_refuse(w, METE_REVERSAL_EXCEEDS, "/payload/amount/amount",
                           "more than what is left of the original");
    }
    if (*amount == 0) {
        return work_refuse(w, left == 0 ? METE_REVERSAL_EXCEEDS : METE_AMOUNT_ZERO,
                           "/payload/amount/amount", "nothing is left to reverse");
    }
    return DECIDED_APPLIED;
}

/** The groups of the original that a reversal touches, in order: all of them, or, when it names an
 *  amount, those in its currency. */
struct originals {
    uint32_t *group;
    struct reversed *reversed;
    i128 *left;
    i128 *part;
    size_t count;
    i128 total;
};

static void originals_collect(struct work *w, const struct decision *d, uint64_t seq, uint32_t page,
                              uint32_t asset, struct originals *o)
{
    size_t most = d->group_count;
    o->group = arena_array(w->a, most, sizeof *o->group);
    o->reversed = arena_array(w->a, most, sizeof *o->reversed);
    o->left = arena_array(w->a, most, sizeof *o->left);
    o->part = arena_array(w->a, most, sizeof *o->part);
    for (uint32_t i = 0; i < d->group_count; i++) {
        const struct group *g = &d->group[i];
        if (g->kind != GROUP_REVENUE || (g->asset != asset && w->event->reversal.has_amount)) {
            continue;
        }
        struct reversed *r = &o->reversed[o->count];
        w->missing |= reversed_load(w->view, w->a, seq, page, i, g, r) == VIEW_MISSING;
        o->group[o->count] = i;
        o->left[o->count] = g->gross - r->gross;
        o->total += o->left[o->count];
        o->total = amount_in_range(o->total) ? o->total : AMOUNT_LIMIT;
        o->count++;
    }
}

/** The currency that is reversed: the payload's, else the one of the original's first revenue. */
static enum decided reversal_asset(struct work *w, const struct decision *d, uint32_t *asset)
{
    const struct event_reversal *e = &w->event->reversal;
    *asset = 0;
    for (uint32_t i = d->group_count; i-- > 0;) {
        if (d->group[i].kind == GROUP_REVENUE) {
            *asset = d->group[i].asset;
        }
    }
    if (*asset == 0) {
        return work_refuse(w, METE_ORIGINAL_KIND, "/payload/reverses",
                           "that event brought no revenue");
    }
    struct asset named;
    if (e->has_amount && view_asset(w->view, e->amount.currency, &named) == VIEW_FOUND) {
        for (uint32_t i = 0; i < d->group_count; i++) {
            if (d->group[i].kind == GROUP_REVENUE && d->group[i].asset == named.number) {
                *asset = named.number;
            }
        }
    }
    return DECIDED_APPLIED;
}

/** How much goes back from each group: the named amount over what is left, or all that is left. */
static enum decided reversal_parts(struct work *w, uint32_t asset, struct originals *o)
{
    i128 amount = 0;
    if (w->event->reversal.has_amount) {
        enum decided fine = reversal_amount(w, asset, o->total, &amount);
        if (fine == DECIDED_APPLIED) {
            apportion_reversal(w->a, amount, o->left, o->count, o->part);
        }
        return fine;
    }
    bool any = false;
    for (size_t i = 0; i < o->count; i++) {
        o->part[i] = o->left[i];
        any |= o->left[i] > 0;
    }
    return any ? DECIDED_APPLIED
               : work_refuse(w, METE_REVERSAL_EXCEEDS, "/payload/reverses",
                             "nothing is left to reverse");
}

enum decided decide_reversal(struct work *w)
{
    struct booked b = {0};
    uint32_t asset = 0;
    i128 taken = 0;
    struct originals o = {0};
    enum decided fine = original_find(w, &b);
    fine = fine == DECIDED_APPLIED ? reversal_asset(w, &b.d, &asset) : fine;
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    originals_collect(w, &b.d, b.seq, b.page, asset, &o);
    fine = reversal_parts(w, asset, &o);
    for (size_t i = 0; i < o.count && fine == DECIDED_APPLIED; i++) {
        if (o.part[i] != 0) {
            group_take(w, &b.d, o.group[i], b.seq, b.page, o.part[i], &o.reversed[i]);
            taken += o.part[i];
        }
    }
    return fine == DECIDED_APPLIED && invoice_group(&b.d) != NULL ? refund_noted(w, b.came, taken)
                                                                  : fine;
}

/* --- booking anew ------------------------------------------------------------------------------*/

const struct group *invoice_group(const struct decision *d)
{
    for (uint32_t i = 0; i < d->group_count; i++) {
        const struct group *g = &d->group[i];
        if (g->kind == GROUP_REVENUE && g->node_count > 0 && g->node[0].rounding == NODE_CONTRACT) {
            return g;
        }
    }
    return NULL;
}

void reverse_rest(struct work *w, const struct decision *d, uint64_t seq, uint32_t page)
{
    for (uint32_t i = 0; i < d->group_count; i++) {
        const struct group *g = &d->group[i];
        struct reversed r;
        if (g->kind != GROUP_REVENUE) {
            continue;
        }
        w->missing |= reversed_load(w->view, w->a, seq, page, i, g, &r) == VIEW_MISSING;
        if (g->gross > r.gross) {
            group_take(w, d, i, seq, page, g->gross - r.gross, &r);
        }
    }
}

void reverse_again(struct work *w, uint32_t group, const struct refund_note *refund, size_t count)
{
    const struct group *g = &w->out->group[group];
    struct reversed r = {.line_count = g->line_count, .node_count = g->node_count};
    r.line = arena_array(w->a, g->line_count, sizeof *r.line);
    r.node = arena_array(w->a, g->node_count, sizeof *r.node);
    for (size_t i = 0; i < count; i++) {
        group_take(w, w->out, group, w->log_size, w->page, refund[i].amount, &r);
    }
}
