/* SPDX-License-Identifier: Apache-2.0
 * A scope is the whole group, or a policy that is a share of a carry split. Its items, in line
 * order, are single lines and whole carry splits; an amount is divided among the items by what is
 * left of them. Inside a carry split every payee loses its exact share, and the change of its floor
 * is posted. */
#include "audit/reversal.h"

#include "audit/economy.h"
#include "audit/member.h"
#include "audit/split.h"
#include "base/text.h"
#include "mete/error.h"

struct reversed_group {
    struct reversing *r;
    struct moment *m;
    const struct found_group *g; /* the original */
    struct undo *undo;
    struct asset *asset;
    struct want_group *out;
};

struct item {
    uint32_t line;  /* its first one */
    uint32_t carry; /* node of a carry split, or NONE_U32 */
    i128 left;
};

static void take_scope(struct reversed_group *x, uint32_t scope, i128 amount);

static void beyond_reach(struct reversed_group *x)
{
    report_difference(x->m->book->report,
                      "the reversal cannot be computed: a fraction has more than %d bits",
                      FRAC_BITS_MAX);
}

/* False when the line stands outside the scope; else *carry is the outermost carry split inside the
 * scope that the line belongs to. */
static bool outermost_carry(const struct found_group *g, uint32_t node, uint32_t scope,
                            uint32_t *carry)
{
    *carry = NONE_U32;
    for (; node != NONE_U32; node = g->node[node].parent) {
        if (g->node[node].rounding == BY_CARRY) {
            *carry = node;
        }
        if (node == scope) {
            return true;
        }
    }
    return scope == NONE_U32;
}

static i128 carry_left(const struct reversed_group *x, uint32_t node)
{
    return x->g->node[node].input - x->undo->node_reversed[node];
}

static uint32_t list_items(struct reversed_group *x, uint32_t scope, struct item *item)
{
    uint32_t count = 0, carry;
    for (uint32_t i = 0; i < x->g->line_count; i++) {
        if (!outermost_carry(x->g, x->g->line[i].node, scope, &carry)) {
            continue;
        }
        bool listed = false;
        for (uint32_t k = 0; carry != NONE_U32 && k < count && !listed; k++) {
            listed = item[k].carry == carry;
        }
        if (listed) {
            continue;
        }
        i128 left = carry == NONE_U32 ? x->undo->line_left[i] : carry_left(x, carry);
        item[count++] = (struct item){i, carry, left};
    }
    return count;
}

static struct want_line *taken_line(struct reversed_group *x, uint32_t line, i128 amount)
{
    const struct found_line *l = &x->g->line[line];
    const struct dispute *d = x->undo->dispute[line];
    uint32_t party = d != NULL ? d->holder : l->party;
    enum found_line_kind kind = d != NULL ? FOUND_MOVED : (enum found_line_kind)l->kind;
    struct want_line *w =
        want_line(x->m, x->out, kind, names_id(&x->m->book->parties, party), amount);
    w->party = party;
    w->share = line;
    w->held_open = true;
    return w;
}

static void take_line(struct reversed_group *x, const struct item *item, i128 amount)
{
    if (amount == 0) {
        return;
    }
    struct want_line *w = taken_line(x, item->line, -amount);
    w->has_left = true;
    w->left = item->left;
    x->undo->line_left[item->line] -= amount;
}

/* One share of a carry split, from its line or from its node. */
struct carry_share {
    bool is_policy;
    uint32_t index; /* of the line, or of the node */
    uint32_t share;
    u128 weight;
};

static uint32_t list_shares(const struct found_group *g, uint32_t node, struct carry_share *share)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < g->line_count; i++) {
        const struct found_line *l = &g->line[i];
        if (l->node == node && l->kind == FOUND_ALLOCATION) {
            share[count++] = (struct carry_share){false, i, l->share, l->weight};
        }
    }
    for (uint32_t i = node + 1; i < g->node_count; i++) {
        const struct found_node *n = &g->node[i];
        if (n->parent == node) {
            share[count++] = (struct carry_share){true, i, n->share, n->weight};
        }
    }
    return count;
}

/* Takes out the share that is listed first among those that remain. */
static struct carry_share next_share(struct carry_share *share, uint32_t *count)
{
    uint32_t first = 0;
    for (uint32_t i = 1; i < *count; i++) {
        if (share[i].share < share[first].share) {
            first = i;
        }
    }
    struct carry_share found = share[first];
    share[first] = share[--*count];
    return found;
}

static struct payee payee_at(struct reversed_group *x, uint32_t node, enum payee_kind kind,
                             struct text id)
{
    struct names *policies = &x->m->book->policies;
    return (struct payee){.asset = x->asset,
                          .policy = names_id(policies, x->g->node[node].policy),
                          .kind = kind,
                          .id = id};
}

/* floor(input * (before + amount) / whole) - given */
static i128 nested_part(struct reversed_group *x, uint32_t nested, uint32_t node, i128 amount)
{
    struct big input, so_far, whole, product;
    u128 part;
    i128 reversed = x->undo->node_reversed[node] + amount;
    if (x->g->node[node].input <= 0 || reversed < 0 || x->g->node[nested].input < 0) {
        return 0;
    }
    big_set(&input, (u128)x->g->node[nested].input);
    big_set(&so_far, (u128)reversed);
    big_set(&whole, (u128)x->g->node[node].input);
    big_mul(&product, &input, &so_far);
    big_divide(&product, NULL, &product, &whole);
    return big_get(&product, &part) ? (i128)part - x->undo->node_given[nested] : 0;
}

/* Returns what the share gives back, zero or positive. */
static i128 take_carry_share(struct reversed_group *x, uint32_t node, const struct carry_share *s,
                             i128 amount)
{
    struct frac weight;
    if (!frac_of_u128(&weight, s->weight, x->g->node[node].den)) {
        beyond_reach(x);
        return 0;
    }
    if (s->is_policy) {
        struct text id = names_id(&x->m->book->policies, x->g->node[s->index].policy);
        struct payee payee = payee_at(x, node, PAYEE_POLICY, id);
        i128 part = nested_part(x, s->index, node, amount);
        if (!carry_give(x->r->carry, &payee, amount, &weight, part)) {
            beyond_reach(x);
        }
        x->undo->node_given[s->index] += part;
        take_scope(x, s->index, part);
        return part;
    }
    struct text id = names_id(&x->m->book->parties, x->g->line[s->index].party);
    struct payee payee = payee_at(x, node, PAYEE_PARTY, id);
    i128 posted = 0;
    if (!carry_reverse(x->r->carry, &payee, amount, &weight, &posted)) {
        beyond_reach(x);
    }
    if (posted != 0) {
        (void)taken_line(x, s->index, posted);
    }
    x->undo->line_left[s->index] += posted;
    return -posted;
}

static uint32_t find_line(const struct found_group *g, uint32_t node, enum found_line_kind kind)
{
    for (uint32_t i = 0; i < g->line_count; i++) {
        if (g->line[i].node == node && g->line[i].kind == kind) {
            return i;
        }
    }
    return ANY_U32;
}

/* What the weights of the shares lack to 1 is nobody's, and taken back from where nobody's goes. */
static i128 take_nobody(struct reversed_group *x, uint32_t node, u128 missing, i128 amount)
{
    struct text nobody = {NULL, 0};
    struct payee payee = payee_at(x, node, PAYEE_NOBODY, nobody);
    struct frac weight;
    i128 posted = 0;
    if (missing == 0) {
        return 0;
    }
    if (!frac_of_u128(&weight, missing, x->g->node[node].den) ||
        !carry_reverse(x->r->carry, &payee, amount, &weight, &posted)) {
        beyond_reach(x);
    }
    if (posted == 0) {
        return 0;
    }
    struct want_line *w = want_unallocated(x->m, x->out, NONE_U32, posted);
    uint32_t line = find_line(x->g, node, FOUND_UNALLOCATED);
    w->share = line;
    w->node = ANY_U32;
    if (line == ANY_U32) {
        return -posted;
    }
    w->party = x->g->line[line].party;
    w->name = names_id(&x->m->book->parties, w->party);
    x->undo->line_left[line] += posted;
    return -posted;
}

static void take_carry_split(struct reversed_group *x, uint32_t node, i128 amount)
{
    const struct found_group *g = x->g;
    struct carry_share *share =
        arena_array(x->m->arena, (size_t)g->line_count + g->node_count, sizeof share[0]);
    uint32_t count = list_shares(g, node, share);
    u128 missing = g->node[node].den;
    i128 given = 0;
    while (count > 0) {
        struct carry_share next = next_share(share, &count);
        missing = next.weight <= missing ? missing - next.weight : 0;
        given += take_carry_share(x, node, &next, amount);
    }
    given += take_nobody(x, node, missing, amount);
    x->undo->node_reversed[node] += amount;
    if (given == amount) {
        return;
    }
    struct want_line *w = want_own_line(x->m, x->out, FOUND_CARRY, OWN_CARRY, given - amount);
    w->share = find_line(g, node, FOUND_CARRY);
    w->node = ANY_U32;
}

static i128 sum_left(const struct item *item, uint32_t count)
{
    i128 sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum = i128_plus(sum, item[i].left);
    }
    return sum;
}

/* Divides `amount` by what is left; false when that cannot be. */
static bool divide_by_left(struct reversed_group *x, const struct item *item, uint32_t count,
                           i128 amount, struct piece *piece)
{
    struct frac *weight = arena_array(x->m->arena, count, sizeof weight[0]);
    i128 sum = sum_left(item, count);
    if (sum <= 0 || amount > sum || amount < 0) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (item[i].left < 0 || !frac_of_u128(&weight[i], (u128)item[i].left, (u128)sum)) {
            return false;
        }
        piece[i].weight = &weight[i];
    }
    return pieces_divide(x->m->arena, amount, piece, count);
}

static void take_scope(struct reversed_group *x, uint32_t scope, i128 amount)
{
    if (amount == 0) {
        return;
    }
    struct item *item = arena_array(x->m->arena, x->g->line_count, sizeof item[0]);
    uint32_t count = list_items(x, scope, item);
    struct piece *piece = arena_array(x->m->arena, count, sizeof piece[0]);
    if (!divide_by_left(x, item, count, amount, piece)) {
        report_difference(x->m->book->report, "the reversal takes more than is left of the lines");
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (item[i].carry == NONE_U32) {
            take_line(x, &item[i], piece[i].amount);
        } else if (piece[i].amount > 0) {
            take_carry_split(x, item[i].carry, piece[i].amount);
        }
    }
}

static i128 proportion(i128 amount, i128 part, i128 whole)
{
    struct big a, b, product;
    u128 v;
    if (amount < 0 || part < 0 || whole <= 0) {
        return 0;
    }
    big_set(&a, (u128)amount);
    big_set(&b, (u128)part);
    big_mul(&product, &a, &b);
    big_set(&b, (u128)whole);
    big_divide(&product, NULL, &product, &b);
    return big_get(&product, &v) ? (i128)v : 0;
}

/* What the policies have split so far shrinks in proportion: floors of the running total. */
static void lower_totals(struct reversed_group *x, i128 before)
{
    struct book *b = x->m->book;
    i128 now = x->undo->reversed, gross = x->g->gross;
    for (uint32_t i = 0; i < x->g->node_count; i++) {
        const struct found_node *n = &x->g->node[i];
        if (n->counted == 0 || n->policy == 0) {
            continue;
        }
        struct book_policy *p = book_policy(b, names_id(&b->policies, n->policy));
        policy_add_net(b, p, x->asset,
                       proportion(n->input, before, gross) - proportion(n->input, now, gross));
        if (node_is_first(x->g, i)) {
            p->quantity += proportion((i128)x->g->quantity, before, gross) -
                           proportion((i128)x->g->quantity, now, gross);
        }
    }
}

static void take_group(struct reversing *r, struct moment *m, struct want *w,
                       struct booking *booking, const struct found_group *g, uint32_t index,
                       i128 amount)
{
    struct reversed_group x = {.r = r, .m = m, .g = g};
    x.asset = book_asset_numbered(m->book, g->asset);
    if (x.asset == NULL || amount == 0) {
        return;
    }
    x.undo = booking_undo(r->journal, booking, index, g);
    x.out = want_group(m, w, FOUND_REVERSAL, x.asset, -amount);
    x.out->source_seq = 0;
    x.out->source = OWN_CLEARING;
    x.out->has_clears_at = true;
    x.out->clears_at = g->clears_at;
    x.out->target_seq = booking->seq;
    x.out->target_page = booking->page;
    x.out->target_group = index;
    x.out->den = g->gross - x.undo->reversed;
    i128 before = x.undo->reversed;
    take_scope(&x, NONE_U32, amount);
    x.undo->reversed += amount;
    lower_totals(&x, before);
}

/* The groups that a reversal touches, and how much is left of each. */
struct reversal_target {
    struct booking *booking;
    const struct found_group *group;
    struct item *left; /* by group; 0 where another currency is meant */
    i128 amount;
    i128 all;
};

/* What a payload names: Money, or minor units as payment processors write them. */
static bool named_amount(const struct moment *m, struct asset **asset, i128 *amount, bool *named)
{
    static const char *const minor[] = {"refund_amount_cents", "chargeback_amount_cents",
                                        "amount_cents", NULL};
    bool native = text_is(event_kind_of(m), "revenue.reversed");
    *named = json_get(m->payload, "amount") != NULL;
    for (size_t i = 0; !native && minor[i] != NULL; i++) {
        *named |= json_get(m->payload, minor[i]) != NULL;
    }
    *asset = NULL;
    return !*named || event_amount(m, minor, asset, amount);
}

static void target_open(struct moment *m, struct reversal_target *t, struct booking *booking,
                        const struct asset *asset)
{
    t->booking = booking;
    t->group = booking_open(m->arena, booking);
    t->left = arena_array(m->arena, booking->group_count, sizeof t->left[0]);
    for (uint32_t i = 0; i < booking->group_count; i++) {
        struct undo *undo = booking->undo != NULL ? booking->undo[i] : NULL;
        t->left[i].left = t->group[i].gross - (undo != NULL ? undo->reversed : 0);
        if (t->group[i].kind != FOUND_REVENUE ||
            (asset != NULL && asset->number != t->group[i].asset)) {
            t->left[i].left = 0;
        }
    }
    t->all = sum_left(t->left, booking->group_count);
}

static bool find_target(struct moment *m, const struct reversal_of *of, struct reversal_target *t)
{
    struct asset *asset = NULL;
    bool named;
    *t = (struct reversal_target){.booking = NULL};
    if (of->record == NULL || of->record->booking == NULL ||
        !named_amount(m, &asset, &t->amount, &named)) {
        return false;
    }
    target_open(m, t, of->record->booking, asset);
    t->amount = named ? t->amount : t->all;
    return true;
}

void reversal_judge(struct reversing *r, struct moment *m, struct want *w,
                    const struct reversal_of *of)
{
    struct reversal_target t;
    (void)r;
    if (of->record == NULL) {
        want_waits_on(m, w, of->wait.code, of->wait.list, of->wait.on);
    } else if (of->record->accepted_waiting || !find_target(m, of, &t) || t.amount > t.all ||
               t.amount == 0) {
        want_waits_on(m, w, WAIT_ANY_CODE, of->wait.list, of->wait.on);
    }
}

i128 reversal_split(struct reversing *r, struct moment *m, struct want *w,
                    const struct reversal_of *of)
{
    struct reversal_target t;
    if (!find_target(m, of, &t)) {
        return 0;
    }
    uint32_t count = t.booking->group_count;
    struct piece *piece = arena_array(m->arena, count, sizeof piece[0]);
    struct reversed_group x = {.m = m};
    if (!divide_by_left(&x, t.left, count, t.amount, piece)) {
        report_difference(m->book->report, "the reversal takes more than is left of the event");
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        take_group(r, m, w, t.booking, &t.group[i], i, piece[i].amount);
    }
    return t.amount;
}

void reversal_rest(struct reversing *r, struct moment *m, struct want *w, struct booking *booking)
{
    struct reversal_target t;
    target_open(m, &t, booking, NULL);
    for (uint32_t i = 0; i < booking->group_count; i++) {
        take_group(r, m, w, booking, &t.group[i], i, t.left[i].left);
    }
}

void reversal_again(struct reversing *r, struct moment *m, struct want *w, struct booking *booking,
                    uint32_t index, i128 amount)
{
    const struct found_group *group = booking_open(m->arena, booking);
    take_group(r, m, w, booking, &group[index], index, amount);
}
