/* SPDX-License-Identifier: Apache-2.0
 * Fees, and the split by roles: a pot for each role that somebody has, floors inside the pots, and
 * all that is left for the first author. */
#include "audit/split.h"

#include "base/text.h"

static const struct rules_role built_in[] = {
    {TEXT("author"), 7000}, {TEXT("editor"), 1000}, {TEXT("distributor"), 2000}};

static i128 part_of(i128 amount, uint64_t num, uint64_t den)
{
    struct big a, b, product;
    u128 floor;
    big_set(&a, (u128)amount);
    big_set(&b, num);
    big_mul(&product, &a, &b);
    big_set(&b, den);
    big_divide(&product, NULL, &product, &b);
    METE_ASSERT(big_get(&product, &floor));
    return (i128)floor;
}

static struct want_line *fee_line(struct moment *m, struct want_group *g, struct text payee,
                                  uint32_t index, uint32_t entry, i128 amount)
{
    struct want_line *l = want_line(m, g, FOUND_FEE, payee, amount);
    l->share = index;
    l->entry = entry;
    return l;
}

/* A fixed fee binds money of its own asset only; its lines of zero stand there all the same. */
static i128 charge_amount(const struct want_group *g, const struct charge *c, i128 left)
{
    i128 amount = 0;
    if (!c->is_fixed) {
        amount = part_of(g->gross, c->bps, 10000);
    } else if (!text_eq(c->currency, g->asset->code) ||
               !asset_minor(g->asset, &c->fixed, &amount)) {
        amount = 0;
    }
    return amount < left ? amount : left;
}

static void charge_lines(struct moment *m, struct want_group *g, const struct charge *c,
                         uint32_t index, i128 amount)
{
    size_t first = g->line_count;
    i128 rest = amount;
    (void)fee_line(m, g, c->payee, index, 0, 0);
    for (uint32_t i = 0; i < c->child_count; i++) {
        i128 child = part_of(amount, c->child[i].share_bps, 10000);
        (void)fee_line(m, g, c->child[i].payee, index, 1 + i, child);
        rest -= child;
    }
    g->line[first].amount = rest;
}

i128 split_charges(struct moment *m, struct want_group *g, bool has_fee, i128 fee)
{
    i128 left = g->gross;
    if (has_fee) {
        struct want_line *l = fee_line(m, g, TEXT("external:fee"), NONE_U32, 0, fee);
        l->optional = fee == 0;
        left -= fee;
    }
    return split_schedule(m, g, schedule_at(m->book, m->occurred_at), left);
}

i128 split_schedule(struct moment *m, struct want_group *g, const struct schedule *s, i128 left)
{
    g->fee_version = s != NULL ? s->version : 0;
    for (uint32_t i = 0; s != NULL && i < s->charge_count; i++) {
        i128 amount = charge_amount(g, &s->charge[i], left);
        charge_lines(m, g, &s->charge[i], i, amount);
        left -= amount;
    }
    return left;
}

/* The roles in force and the contributions they are shared by. */
struct roles {
    struct moment *m;
    struct want_group *g;
    const struct content_item *item; /* NULL: no contributions */
    i128 net;
    i128 given;
    uint32_t root;
    uint32_t first_author; /* index of its contribution, or NONE_U32 */
    uint32_t author_line;  /* index of its line, or NONE_U32 */
};

static u128 weight_of_role(const struct roles *s, struct text role)
{
    u128 sum = 0;
    for (uint32_t i = 0; s->item != NULL && i < s->item->count; i++) {
        if (text_eq(s->item->contribution[i].role, role)) {
            sum += s->item->contribution[i].weight;
        }
    }
    return sum;
}

static const struct frac *fraction(struct roles *s, u128 num, u128 den)
{
    struct frac *f = arena_alloc(s->m->arena, sizeof *f);
    METE_ASSERT(frac_of_u128(f, num, den));
    return f;
}

static uint32_t contribution_line(struct roles *s, uint32_t index, uint32_t in_role, uint32_t node,
                                  const struct frac *weight, i128 amount)
{
    const struct contribution *c = &s->item->contribution[index];
    struct want_line *l = want_line(s->m, s->g, FOUND_ALLOCATION, c->party, amount);
    l->node = node;
    l->share = index;
    l->share_too = in_role;
    l->entry = 0;
    l->weight = weight;
    l->floor = amount;
    l->has_floor = true;
    s->given += amount;
    return s->g->line_count - 1;
}

static void split_pot(struct roles *s, const struct rules_role *role, uint32_t index, u128 sum)
{
    i128 pot = part_of(s->net, role->bps, 10000);
    uint32_t node = want_node(s->m, s->g,
                              (struct want_node){.parent = s->root,
                                                 .share = index,
                                                 .rounding = BY_ROLE_POT,
                                                 .weight = fraction(s, role->bps, 10000),
                                                 .input = pot,
                                                 .floor = pot});
    uint32_t in_role = 0;
    for (uint32_t i = 0; i < s->item->count; i++) {
        const struct contribution *c = &s->item->contribution[i];
        if (!text_eq(c->role, role->role)) {
            continue;
        }
        const struct frac *weight = fraction(s, c->weight, sum);
        struct frac whole = frac_int(pot), exact;
        i128 amount = 0;
        METE_ASSERT(frac_mul(&exact, &whole, weight) && frac_floor(&exact, &amount));
        uint32_t line = contribution_line(s, i, in_role++, node, weight, amount);
        if (i == s->first_author) {
            s->author_line = line;
        }
    }
}

/* Floors and the pots of roles that nobody has. */
static void give_rest(struct roles *s)
{
    i128 rest = s->net - s->given;
    if (s->author_line != NONE_U32) {
        s->g->line[s->author_line].amount += rest;
    } else if (s->first_author != NONE_U32) {
        uint32_t line =
            contribution_line(s, s->first_author, ANY_U32, s->root, fraction(s, 0, 1), rest);
        s->g->line[line].floor = 0;
        s->g->line[line].optional = rest == 0;
    } else {
        (void)want_unallocated(s->m, s->g, ANY_U32, rest);
    }
}

static void find_first_author(struct roles *s)
{
    for (uint32_t i = 0; s->item != NULL && i < s->item->count; i++) {
        if (text_is(s->item->contribution[i].role, "author")) {
            s->first_author = i;
            return;
        }
    }
}

void split_content(struct moment *m, struct want_group *g, struct text item, i128 input)
{
    struct roles s = {.m = m, .g = g, .net = input, .item = book_item(m->book, item)};
    s.first_author = s.author_line = NONE_U32;
    find_first_author(&s);
    const struct rules *r = roles_at(m->book, m->occurred_at);
    const struct rules_role *role = r != NULL ? r->role : built_in;
    uint32_t count = r != NULL ? r->role_count : (uint32_t)ARRAY_LEN(built_in);
    struct want_node root = {.parent = NONE_U32, .rounding = BY_AUTHOR, .input = input};
    if (r != NULL) {
        root.policy = r->id;
        root.version = r->version;
        root.counted = true;
    }
    s.root = want_node(m, g, root);
    for (uint32_t i = 0; i < count; i++) {
        u128 sum = weight_of_role(&s, role[i].role);
        if (sum > 0) {
            split_pot(&s, &role[i], i, sum);
        }
    }
    give_rest(&s);
}
