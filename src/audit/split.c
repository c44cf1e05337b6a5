/* SPDX-License-Identifier: Apache-2.0
 * Policies inside policies. What no share takes is collected per scope: the whole event outside
 * carry splits, and one scope for each policy that is a share of a carry split. */
#include "audit/split.h"

#include <stdlib.h>
#include <string.h>

#include "audit/facts.h"
#include "audit/member.h"
#include "base/i128.h"
#include "base/limits.h"
#include "base/text.h"
#include "mete/error.h"

/* The remainder of one piece, over the denominator of its weight. */
struct remainder {
    struct big over;
    const struct big *den;
    uint32_t index;
};

static int by_remainder(const void *left, const void *right)
{
    const struct remainder *a = left, *b = right;
    struct big x, y;
    big_mul(&x, &a->over, b->den);
    big_mul(&y, &b->over, a->den);
    int order = big_cmp(&y, &x);
    if (order == 0) {
        order = a->index < b->index ? -1 : 1;
    }
    return order;
}

bool pieces_divide(struct arena *a, i128 input, struct piece *piece, uint32_t count)
{
    struct remainder *rest = arena_array(a, count, sizeof rest[0]);
    struct big whole, amount;
    i128 given = 0;
    METE_ASSERT(input >= 0);
    big_set(&amount, (u128)input);
    for (uint32_t i = 0; i < count; i++) {
        struct big product;
        u128 floor;
        big_mul(&product, &amount, &piece[i].weight->num);
        big_divide(&whole, &rest[i].over, &product, &piece[i].weight->den);
        if (!big_get(&whole, &floor) || floor > (u128)input) {
            return false;
        }
        rest[i].den = &piece[i].weight->den;
        rest[i].index = i;
        piece[i].floor = piece[i].amount = (i128)floor;
        given += (i128)floor;
    }
    if (given > input || input - given > (i128)count) {
        return false; /* the weights do not sum to 1 */
    }
    if (given < input) {
        qsort(rest, count, sizeof rest[0], by_remainder);
    }
    for (uint32_t i = 0; given < input; i++, given++) {
        piece[rest[i].index].amount++;
    }
    return true;
}

/* The shares of a policy as they hold now. False when a number is beyond reach. */
static bool portions_now(const struct moment *m, const struct book_policy *p, const struct rules *r,
                         struct portions *out)
{
    struct portion *portion = arena_array(m->arena, r->share_count, sizeof portion[0]);
    struct frac sum = frac_int(0), one = frac_int(1);
    for (uint32_t i = 0; i < r->share_count; i++) {
        const struct rules_share *s = &r->share[i];
        portion[i] =
            (struct portion){.payee = s->payee, .is_policy = s->is_policy, .held = s->held};
        portion[i].weight = facts_weight(m, p, r, s, &portion[i].entry);
        if (r->is_temporal && !frac_add(&sum, &sum, portion[i].weight)) {
            return false;
        }
    }
    if (!r->is_temporal) {
        sum = r->sum;
    }
    *out = (struct portions){
        .policy = r->id, .version = r->version, .rounding = r->rounding, .count = r->share_count};
    out->portion = portion;
    out->rounding_open = r->kind == RULES_SINGLE && r->rounding == BY_CARRY;
    if (r->kind == RULES_SINGLE) {
        out->rounding = BY_LARGEST;
    }
    return frac_sub(&out->nobody, &one, &sum);
}

/* The first policy, from the root down in listed order, that keeps the split from being made;
 * `left` bounds the walk. True when there is one. */
static bool judge(struct moment *m, struct want *w, struct text id, unsigned depth, uint32_t *left)
{
    const struct book_policy *p = book_policy(m->book, id);
    const struct rules *r = policy_at(p, m->occurred_at);
    struct portions now;
    uint32_t code = 0;
    bool beyond = depth > POLICY_DEPTH_MAX || *left == 0;
    if (r == NULL) {
        code = METE_POLICY_UNKNOWN;
    } else if (!beyond && r->kind != RULES_WEIGHTS && r->kind != RULES_SINGLE) {
        code = METE_POLICY_KIND;
    } else if (beyond || !portions_now(m, p, r, &now)) {
        code = WAIT_ANY_CODE;
    } else if (now.nobody.negative) {
        code = METE_WEIGHTS_EXCEED_ONE;
    }
    if (code != 0) {
        want_waits(m, w, code, id);
        return true;
    }
    *left -= *left > r->share_count ? r->share_count + 1 : *left;
    for (uint32_t i = 0; i < r->share_count; i++) {
        if (r->share[i].is_policy && judge(m, w, r->share[i].payee, depth + 1, left)) {
            /* a version of this one that does without is as good */
            want_waits(m, w, w->wait[w->wait_count - 1].code, id);
            return true;
        }
    }
    return false;
}

void split_judge(struct moment *m, struct want *w, struct text policy)
{
    uint32_t left = SPLIT_LINES_MAX;
    (void)judge(m, w, policy, 1, &left);
}

/* One split under way. */
struct splitting {
    struct moment *m;
    struct carry *carry;
    struct want_group *g;
    bool held; /* below a policy share that is held: whether its lines are is left open */
};

/* Where a split hangs. */
struct place {
    uint32_t parent, share;
    const struct frac *weight;
    i128 input, floor;
};

static const struct place root_place = {NONE_U32, 0, NULL, 0, 0};

static void split_shares(struct splitting *s, const struct portions *p, const struct place *at,
                         i128 *unallocated);

static void beyond_reach(struct splitting *s)
{
    report_difference(s->m->book->report,
                      "a share cannot be computed: its fraction has more than %d bits",
                      FRAC_BITS_MAX);
}

static uint32_t place_node(struct splitting *s, const struct place *at, struct text policy,
                           uint32_t version, uint8_t rounding)
{
    return want_node(s->m, s->g,
                     (struct want_node){.parent = at->parent,
                                        .share = at->share,
                                        .policy = policy,
                                        .version = version,
                                        .rounding = rounding,
                                        .weight = at->weight,
                                        .input = at->input,
                                        .floor = at->floor,
                                        .counted = policy.len > 0});
}

static void split_rules(struct splitting *s, struct text id, const struct place *at,
                        i128 *unallocated)
{
    const struct book_policy *p = book_policy(s->m->book, id);
    const struct rules *r = policy_at(p, s->m->occurred_at);
    if (r == NULL || (r->kind != RULES_WEIGHTS && r->kind != RULES_SINGLE)) {
        return; /* judged before: what meets it waits */
    }
    struct portions now;
    if (portions_now(s->m, p, r, &now)) {
        split_shares(s, &now, at, unallocated);
    } else {
        beyond_reach(s);
    }
}

static void give_share(struct splitting *s, const struct portion *p, const struct place *at,
                       i128 *unallocated)
{
    if (p->is_policy) {
        bool before = s->held;
        s->held |= p->held;
        split_rules(s, p->payee, at, unallocated);
        s->held = before;
        return;
    }
    struct want_line *l = want_line(s->m, s->g, FOUND_ALLOCATION, p->payee, at->input);
    l->node = at->parent;
    l->share = at->share;
    l->entry = p->entry;
    l->weight = p->weight;
    l->floor = at->floor;
    l->has_floor = true;
    l->held = p->held;
    l->held_open = s->held;
}

static void split_by_largest(struct splitting *s, const struct portions *p, uint32_t node,
                             i128 input, i128 *unallocated)
{
    struct piece *piece = arena_array(s->m->arena, p->count + 1, sizeof piece[0]);
    for (uint32_t i = 0; i < p->count; i++) {
        piece[i].weight = p->portion[i].weight;
    }
    piece[p->count].weight = &p->nobody;
    if (!pieces_divide(s->m->arena, input, piece, p->count + 1)) {
        beyond_reach(s);
        return;
    }
    for (uint32_t i = 0; i < p->count; i++) {
        struct place at = {node, i, p->portion[i].weight, piece[i].amount, piece[i].floor};
        give_share(s, &p->portion[i], &at, unallocated);
    }
    *unallocated += piece[p->count].amount;
}

/* floor(input * weight) */
static i128 exact_floor(struct splitting *s, i128 input, const struct frac *weight)
{
    struct frac whole = frac_int(input), exact;
    i128 floor = 0;
    if (!frac_mul(&exact, &whole, weight) || !frac_floor(&exact, &floor)) {
        beyond_reach(s);
    }
    return floor;
}

static i128 credit(struct splitting *s, const struct portions *p, enum payee_kind kind,
                   struct text payee, i128 input, const struct frac *weight)
{
    struct payee key = {.asset = s->g->asset, .policy = p->policy, .kind = kind, .id = payee};
    i128 amount = 0;
    if (!carry_credit(s->carry, &key, input, weight, &amount)) {
        beyond_reach(s);
    }
    return amount;
}

static void split_by_carry(struct splitting *s, const struct portions *p, uint32_t node, i128 input)
{
    i128 credited = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        const struct portion *share = &p->portion[i];
        enum payee_kind kind = share->is_policy ? PAYEE_POLICY : PAYEE_PARTY;
        i128 amount = credit(s, p, kind, share->payee, input, share->weight), own = 0;
        uint32_t nested = s->g->node_count;
        struct place at = {node, i, share->weight, amount, exact_floor(s, input, share->weight)};
        give_share(s, share, &at, &own);
        (void)want_unallocated(s->m, s->g, nested, own);
        credited += amount;
    }
    if (!frac_is_zero(&p->nobody)) {
        struct text nobody = {NULL, 0};
        i128 amount = credit(s, p, PAYEE_NOBODY, nobody, input, &p->nobody);
        (void)want_unallocated(s->m, s->g, node, amount);
        credited += amount;
    }
    if (credited != input) {
        want_own_line(s->m, s->g, FOUND_CARRY, OWN_CARRY, input - credited)->node = node;
    }
}

static void split_shares(struct splitting *s, const struct portions *p, const struct place *at,
                         i128 *unallocated)
{
    uint8_t rounding = p->rounding_open ? 0 : (uint8_t)p->rounding;
    uint32_t node = place_node(s, at, p->policy, p->version, rounding);
    if (p->rounding == BY_CARRY) {
        split_by_carry(s, p, node, at->input);
    } else {
        split_by_largest(s, p, node, at->input, unallocated);
    }
}

void split_policy(struct moment *m, struct carry *c, struct want_group *g, struct text policy,
                  i128 input)
{
    struct splitting s = {.m = m, .carry = c, .g = g};
    struct place at = root_place;
    i128 unallocated = 0;
    at.input = input;
    split_rules(&s, policy, &at, &unallocated);
    (void)want_unallocated(m, g, ANY_U32, unallocated);
}

void split_portions(struct moment *m, struct carry *c, struct want_group *g,
                    const struct portions *p, i128 input)
{
    struct splitting s = {.m = m, .carry = c, .g = g};
    struct place at = root_place;
    i128 unallocated = 0;
    at.input = input;
    split_shares(&s, p, &at, &unallocated);
    (void)want_unallocated(m, g, ANY_U32, unallocated);
}

void split_party(struct moment *m, struct want_group *g, struct text party, i128 input)
{
    struct portion *whole = arena_alloc(m->arena, sizeof *whole);
    struct frac *one = arena_alloc(m->arena, sizeof *one);
    *one = frac_int(1);
    *whole = (struct portion){.payee = party, .weight = one};
    struct portions p = {.rounding = BY_LARGEST, .portion = whole, .count = 1};
    p.nobody = frac_int(0);
    split_portions(m, NULL, g, &p, input);
}
