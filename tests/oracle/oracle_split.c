/* SPDX-License-Identifier: Apache-2.0
 * How one amount is divided: fees, weights, roles, usage; largest remainder and carry. Slow and
 * literal. */
#include "oracle/oracle_parts.h"

#include <string.h>

void oracle_see(struct oracle *o, enum oracle_seen what)
{
    o->seen[what]++;
}

struct oracle_line *lot_line(struct lot *lot, enum oracle_line_kind kind, int party, i128 amount,
                             const char *path)
{
    struct oracle_group *g = &lot->shown;
    g->line = realloc(g->line, sizeof *g->line * (size_t)(g->line_count + 1));
    struct oracle_line *l = &g->line[g->line_count++];
    *l = (struct oracle_line){.kind = kind, .party = party, .amount = amount, .policy = NONE};
    snprintf(l->path, sizeof l->path, "%s", path);
    return l;
}

struct unit *lot_unit(struct deciding *d, int party, i128 amount)
{
    struct lot *lot = d->lot;
    lot->unit = realloc(lot->unit, sizeof *lot->unit * (size_t)(lot->unit_count + 1));
    struct unit *u = &lot->unit[lot->unit_count++];
    memset(u, 0, sizeof *u);
    u->parent = d->parent;
    u->parent_share = d->parent_share;
    u->party = party;
    u->total = amount;
    u->left = amount;
    return u;
}

/* --- dividing
 * -----------------------------------------------------------------------------------*/

static int largest_remainder(struct oracle *o, const struct fraction *rest, int count)
{
    int best = NONE;
    for (int i = 0; i < count; i++) {
        if (rest[i].num == 0)
            continue;
        int order = best == NONE ? 1 : frac_cmp(rest[i], rest[best]);
        if (order == 0)
            oracle_see(o, SEEN_TIE_BROKEN);
        if (order > 0)
            best = i;
    }
    return best;
}

void oracle_apportion(struct oracle *o, i128 amount, const struct fraction *weight, int count,
                      i128 *part)
{
    struct fraction rest[LIST_MAX + 1];
    struct fraction sum = {0, 1};
    i128 given = 0;
    for (int i = 0; i <= count; i++) {
        struct fraction w =
            i < count ? weight[i] : frac_add((struct fraction){1, 1}, frac_neg(sum));
        struct fraction exact = frac_mul((struct fraction){amount, 1}, w);
        sum = frac_add(sum, w);
        part[i] = frac_floor(exact);
        rest[i] = frac_rest(exact);
        given += part[i];
    }
    while (given < amount) {
        int to = largest_remainder(o, rest, count + 1);
        METE_ASSERT(to != NONE);
        oracle_see(o, to == count ? SEEN_REST_REMAINDER : SEEN_REMAINDER_GIVEN);
        part[to]++;
        rest[to] = (struct fraction){0, 1};
        given++;
    }
}

void entitlement_add(struct entitlement *e, i128 amount, struct fraction weight)
{
    struct fraction more = frac_mul((struct fraction){amount, 1}, weight);
    if (e->rest.den == 0)
        e->rest.den = 1;
    struct fraction rest = frac_add(e->rest, frac_rest(more));
    e->whole = exact_add(e->whole, frac_floor(more) + frac_floor(rest));
    e->rest = frac_rest(rest);
}

i128 entitlement_credit(struct entitlement *e, bool nested)
{
    i128 credit = e->whole - e->credited;
    if (nested && credit < 0)
        credit = 0;
    e->credited += credit;
    return credit;
}

/* --- versions, conditions, weights
 * --------------------------------------------------------------*/

const struct policy_version *version_in_force(struct oracle *o, const struct policy_version *v,
                                              int count, mete_time at)
{
    const struct policy_version *best = NULL;
    for (int i = 0; i < count; i++) {
        if (v[i].from > at)
            continue;
        if (best != NULL && best->from == v[i].from)
            oracle_see(o, SEEN_VERSION_TIE);
        if (best == NULL || v[i].from >= best->from)
            best = &v[i];
    }
    if (best != NULL && best != &v[0])
        oracle_see(o, SEEN_VERSION_LATER);
    if (best != NULL && best != &v[count - 1])
        oracle_see(o, SEEN_VERSION_EARLIER);
    if (best == NULL && count > 0)
        oracle_see(o, SEEN_VERSION_NOT_YET);
    return best;
}

/* A bit for every condition of the same family. */
static uint32_t family_of(int condition)
{
    const uint32_t families[] = {1u << PRE_RECOUP | 1u << POST_RECOUP,
                                 1u << TICKETS_UNDER | 1u << TICKETS_OVER,
                                 1u << EARLY_BIRD | 1u << STANDARD | 1u << STANDARD_SALES};
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        if ((families[i] >> condition & 1) != 0)
            return families[i];
    }
    return 1u << condition;
}

static bool reached(const struct script_threshold *t, uint64_t quantity)
{
    switch (t->op) {
    case OP_LT:
        return quantity < t->quantity;
    case OP_LE:
        return quantity <= t->quantity;
    case OP_GE:
        return quantity >= t->quantity;
    case OP_GT:
        return quantity > t->quantity;
    }
    METE_ASSERT(false);
}

static uint32_t conditions_computed(struct deciding *d, const struct script_policy *p)
{
    struct oracle *o = d->o;
    uint32_t active = 0;
    if (p->has_recoup) {
        bool recouped = o->net[p->id][p->recoup_asset] >= p->recoup_amount;
        active |= 1u << (recouped ? POST_RECOUP : PRE_RECOUP);
        if (recouped)
            oracle_see(o, SEEN_COND_POST_RECOUP);
        if (p->recoup_amount > 0 && o->net[p->id][p->recoup_asset] == p->recoup_amount)
            oracle_see(o, SEEN_COND_EXACTLY);
    }
    for (int i = 0; i < p->threshold_count; i++) {
        if (!reached(&p->threshold[i], o->quantity[p->id]))
            continue;
        active |= 1u << p->threshold[i].condition;
        if (p->threshold[i].op >= OP_GE)
            oracle_see(o, SEEN_COND_TICKETS);
    }
    for (int i = 0; i < p->period_count; i++) {
        if (d->e->at < p->period[i].from || d->e->at > p->period[i].until)
            continue;
        active |= 1u << p->period[i].condition;
        if (p->period[i].condition == STANDARD)
            active |= 1u << STANDARD_SALES;
        oracle_see(o, SEEN_COND_PERIOD);
    }
    return active;
}

/* What the newest change not after `at` says, the later one in the log on a tie: 1 on, -1 off, 0
 * nothing. */
static int switch_at(struct oracle *o, int policy, int condition, mete_time at)
{
    const struct switch_row *best = NULL;
    for (int i = 0; i < o->change_count; i++) {
        const struct switch_row *s = &o->change[i];
        if (s->policy != policy || s->condition != condition)
            continue;
        if (s->at > at)
            oracle_see(o, SEEN_COND_SWITCHED_AFTER);
        else if (best == NULL || s->at >= best->at)
            best = s;
        else
            oracle_see(o, SEEN_COND_SWITCHED_LATE);
    }
    return best == NULL ? 0 : best->active ? 1 : -1;
}

uint32_t conditions_active(struct deciding *d, const struct script_policy *p)
{
    struct oracle *o = d->o;
    uint32_t active = conditions_computed(d, p);
    uint32_t off = 0;
    for (int c = 0; c < CONDITIONS; c++) {
        int said = switch_at(o, p->id, c, d->e->at);
        if (said > 0) {
            active |= 1u << c;
            oracle_see(o, SEEN_COND_SWITCHED_ON);
        }
        if (said < 0) {
            off |= 1u << c;
            if ((active >> c & 1) != 0)
                oracle_see(o, SEEN_COND_SWITCHED_OFF);
            active &= ~(1u << c);
        }
    }
    active |= d->e->kind == EV_REVENUE ? d->e->conditions : 0;
    if (d->e->kind == EV_REVENUE && d->e->conditions != 0)
        oracle_see(o, SEEN_COND_PAYLOAD);
    if (p->default_condition != NONE && (active & family_of(p->default_condition)) == 0 &&
        !(p->has_recoup && family_of(p->default_condition) == family_of(PRE_RECOUP)) &&
        (off >> p->default_condition & 1) == 0) {
        active |= 1u << p->default_condition;
        oracle_see(o, SEEN_COND_DEFAULT);
        if ((off & family_of(p->default_condition)) != 0)
            oracle_see(o, SEEN_COND_SIBLING_OFF);
    }
    return active;
}

struct fraction weight_at(struct oracle *o, const struct script_share *s, mete_time at,
                          uint32_t active)
{
    const struct script_entry *best = NULL;
    for (int i = 0; i < s->entry_count; i++) {
        const struct script_entry *e = &s->entry[i];
        if (at < e->from || at > e->until || (e->conditions & ~active) != 0)
            continue;
        if (best != NULL && best->version == e->version)
            oracle_see(o, SEEN_TEMPORAL_TIE);
        if (best == NULL || e->version >= best->version)
            best = e;
    }
    if (s->entry_count > 0)
        oracle_see(o, best != NULL ? SEEN_TEMPORAL_ENTRY : SEEN_TEMPORAL_BASE);
    return best != NULL ? best->weight : s->weight;
}

/* --- fees
 * ---------------------------------------------------------------------------------------*/

static i128 fee_part(i128 gross, uint32_t bps)
{
    return exact_mul(gross, (i128)bps) / 10000;
}

static void fee_line(struct deciding *d, int party, i128 amount, const char *path)
{
    lot_line(d->lot, L_FEE, party, amount, path);
    lot_unit(d, party, amount);
}

static void fee_pay(struct deciding *d, const struct script_fee *f, int number, i128 amount)
{
    char path[PATH_MAX_LEN];
    i128 part[3];
    i128 rest = amount;
    for (int i = 0; i < f->child_count; i++) {
        part[i] = fee_part(amount, f->child[i].bps);
        rest -= part[i];
    }
    snprintf(path, sizeof path, "f%d", number);
    fee_line(d, f->payee, rest, path);
    for (int i = 0; i < f->child_count; i++) {
        snprintf(path, sizeof path, "f%d.%d", number, i + 1);
        fee_line(d, f->child[i].payee, part[i], path);
        oracle_see(d->o, SEEN_FEE_CHILDREN);
    }
}

static const struct script_fees *fees_in_force(struct deciding *d)
{
    struct oracle *o = d->o;
    int best = NONE;
    for (int i = 0; i < o->fees_count; i++) {
        if (o->fees[i].from <= d->e->at && (best == NONE || o->fees[i].from >= o->fees[best].from))
            best = i;
    }
    if (best > 0)
        oracle_see(o, SEEN_FEE_LATER_VERSION);
    return best == NONE ? NULL : &o->fees[best].fees;
}

i128 oracle_fees(struct deciding *d, i128 gross)
{
    i128 left = gross;
    if (d->e->kind == EV_REVENUE && d->e->fee != NONE) {
        fee_line(d, EXTERNAL_FEE, d->e->fee, "f0");
        left -= d->e->fee;
        oracle_see(d->o, SEEN_FEE_PAYLOAD);
    }
    const struct script_fees *s = fees_in_force(d);
    for (int i = 0; s != NULL && i < s->count; i++) {
        const struct script_fee *f = &s->fee[i];
        if (f->fixed && f->asset != d->lot->shown.asset) {
            oracle_see(d->o, SEEN_FEE_OTHER_ASSET);
            continue;
        }
        i128 amount = f->fixed ? f->amount : fee_part(gross, f->bps);
        if (amount > left) {
            amount = left;
            oracle_see(d->o, SEEN_FEE_CAPPED);
        }
        left -= amount;
        fee_pay(d, f, i + 1, amount);
    }
    if (left == 0 && gross > 0)
        oracle_see(d->o, SEEN_NET_ZERO);
    return left;
}

/* --- weights
 * ------------------------------------------------------------------------------------*/

static bool blame(struct deciding *d, enum mete_code code, int policy)
{
    d->code = code;
    d->blame = policy;
    return false;
}

static const struct script_policy *policy_at(struct deciding *d, int policy)
{
    const struct policy_version *v =
        version_in_force(d->o, d->o->version[policy], d->o->version_count[policy], d->e->at);
    return v == NULL ? NULL : &v->policy;
}

static struct fraction weights_now(struct deciding *d, const struct script_policy *p,
                                   struct fraction *weight)
{
    uint32_t active = conditions_active(d, p);
    struct fraction sum = {0, 1};
    for (int i = 0; i < p->share_count; i++) {
        weight[i] = p->kind == P_SINGLE ? (struct fraction){1, 1}
                                        : weight_at(d->o, &p->share[i], d->e->at, active);
        sum = frac_add(sum, weight[i]);
    }
    return sum;
}

bool oracle_can_split(struct deciding *d, int policy, int depth)
{
    const struct script_policy *p = policy_at(d, policy);
    struct fraction weight[SHARES];
    if (p == NULL)
        return blame(d, METE_POLICY_UNKNOWN, policy);
    if (p->kind == P_ROLES || p->kind == P_USAGE)
        return blame(d, METE_POLICY_KIND, policy);
    METE_ASSERT(depth <= DEPTH_MAX);
    if (frac_cmp(weights_now(d, p, weight), (struct fraction){1, 1}) > 0)
        return blame(d, METE_WEIGHTS_EXCEED_ONE, policy);
    for (int i = 0; i < p->share_count; i++) {
        if (p->share[i].is_policy && !oracle_can_split(d, p->share[i].payee, depth + 1)) {
            d->above |= 1u << policy;
            return false;
        }
    }
    return true;
}

static void node_add(struct lot *lot, int policy, i128 input)
{
    lot->node = realloc(lot->node, sizeof *lot->node * (size_t)(lot->node_count + 1));
    lot->node[lot->node_count++] = (struct split_node){policy, input};
}

static void share_path(char out[PATH_MAX_LEN], const char *path, int share)
{
    snprintf(out, PATH_MAX_LEN, "%s%s%d", path, path[0] != 0 ? "." : "", share + 1);
}

/* One payee's part: a line, or a split of its own. */
static void part_give(struct deciding *d, const struct script_policy *p, int share, i128 amount,
                      const char *path, int depth)
{
    const struct script_share *s = &p->share[share];
    char below[PATH_MAX_LEN];
    share_path(below, path, share);
    if (s->is_policy) {
        oracle_see(d->o, SEEN_NESTED);
        if (depth + 1 >= 4)
            oracle_see(d->o, SEEN_NESTED_DEEP);
        if (amount == 0)
            oracle_see(d->o, SEEN_NESTED_ZERO);
        oracle_split(d, s->payee, amount, below, depth + 1);
        return;
    }
    lot_line(d->lot, L_ALLOCATION, s->payee, amount, below)->policy = p->id;
    if (!p->carry)
        lot_unit(d, s->payee, amount);
}

static void carry_seen(struct deciding *d, i128 credit, i128 amount, struct fraction weight)
{
    i128 alone = frac_floor(frac_mul((struct fraction){amount, 1}, weight));
    if (credit > alone)
        oracle_see(d->o, SEEN_CARRY_CREDITED);
}

/* From here on the lot's last unit is the carry split. */
static int carry_unit(struct deciding *d, int policy, i128 amount)
{
    struct unit *u = lot_unit(d, NONE, amount);
    u->carry = true;
    u->policy = policy;
    u->rest_party = d->o->rest_party;
    return d->lot->unit_count - 1;
}

static i128 carry_credit(struct deciding *d, int unit, int payee, i128 amount,
                         struct fraction weight)
{
    struct unit *u = &d->lot->unit[unit];
    struct entitlement *e = &d->o->entitlement[u->policy][d->lot->shown.asset][payee];
    u->payee[u->share_count] = payee;
    u->weight[u->share_count++] = weight;
    entitlement_add(e, amount, weight);
    i128 credit = entitlement_credit(e, payee >= PARTIES && payee < NOBODY);
    carry_seen(d, credit, amount, weight);
    return credit;
}

static void carry_end(struct deciding *d, int unit, i128 amount, struct fraction rest,
                      i128 credited)
{
    i128 nobody = carry_credit(d, unit, NOBODY, amount, rest);
    lot_line(d->lot, L_REST, d->o->rest_party, nobody, "");
    if (nobody == 0) /* no line: a reversal turns to whoever it would be then */
        d->lot->unit[unit].rest_party = NONE;
    i128 carried = amount - credited - nobody;
    lot_line(d->lot, L_CARRY, CARRIED, carried, "");
    oracle_see(d->o, carried < 0 ? SEEN_CARRY_NEGATIVE : SEEN_CARRY_HELD);
}

/* What nobody gets is one line at the end; below a carry split, one of that share's own. */
void oracle_rest(struct deciding *d)
{
    if (d->outside > 0) {
        lot_line(d->lot, L_REST, d->o->rest_party, d->outside, "");
        lot_unit(d, d->o->rest_party, d->outside);
    }
    d->outside = 0;
}

static void split_carry(struct deciding *d, const struct script_policy *p, i128 amount,
                        const struct fraction *weight, struct fraction sum, const char *path,
                        int depth)
{
    int unit = carry_unit(d, p->id, amount);
    int parent = d->parent;
    int parent_share = d->parent_share;
    i128 credited = 0;
    if (depth > 1)
        oracle_see(d->o, SEEN_CARRY_NESTED);
    for (int i = 0; i < p->share_count; i++) {
        const struct script_share *s = &p->share[i];
        int payee = s->is_policy ? PARTIES + s->payee : s->payee;
        i128 credit = carry_credit(d, unit, payee, amount, weight[i]);
        d->lot->inexact |= s->is_policy;
        credited += credit;
        i128 outside = d->outside;
        d->outside = 0;
        d->parent = unit;
        d->parent_share = i;
        part_give(d, p, i, credit, path, depth);
        oracle_rest(d);
        d->outside = outside;
        d->parent = parent;
        d->parent_share = parent_share;
    }
    carry_end(d, unit, amount, frac_add((struct fraction){1, 1}, frac_neg(sum)), credited);
}

static void party_twice_seen(struct deciding *d, const struct script_policy *p)
{
    for (int i = 0; i < p->share_count; i++) {
        for (int k = 0; k < i; k++) {
            if (p->share[i].is_policy == p->share[k].is_policy &&
                p->share[i].payee == p->share[k].payee)
                oracle_see(d->o, SEEN_PARTY_TWICE);
        }
    }
}

void oracle_split(struct deciding *d, int policy, i128 amount, const char *path, int depth)
{
    const struct script_policy *p = policy_at(d, policy);
    struct fraction weight[SHARES];
    i128 part[SHARES + 1];
    struct fraction sum = weights_now(d, p, weight);
    node_add(d->lot, policy, amount);
    party_twice_seen(d, p);
    if (sum.num == 0)
        oracle_see(d->o, SEEN_WEIGHTS_ZERO);
    else if (sum.num < sum.den)
        oracle_see(d->o, SEEN_WEIGHTS_BELOW_ONE);
    if (p->carry) {
        split_carry(d, p, amount, weight, sum, path, depth);
        return;
    }
    oracle_apportion(d->o, amount, weight, p->share_count, part);
    for (int i = 0; i < p->share_count; i++)
        part_give(d, p, i, part[i], path, depth);
    d->outside += part[p->share_count];
}

/* --- roles
 * --------------------------------------------------------------------------------------*/

static const struct script_policy *roles_in_force(struct deciding *d)
{
    static const struct script_policy builtin = {
        .id = NONE,
        .kind = P_ROLES,
        .role = {AUTHOR, EDITOR, DISTRIBUTOR},
        .role_bps = {7000, 1000, 2000},
        .role_count = 3,
    };
    const struct policy_version *v =
        version_in_force(d->o, d->o->roles, d->o->roles_count, d->e->at);
    if (v != NULL)
        oracle_see(d->o, SEEN_ROLES_REPLACED);
    return v != NULL ? &v->policy : &builtin;
}

static uint64_t role_weight(const struct oracle *o, int item, int role)
{
    uint64_t sum = 0;
    for (int i = 0; i < o->item_count[item]; i++) {
        if (o->item[item][i].role == role)
            sum += o->item[item][i].weight;
    }
    return sum;
}

static void role_lines(struct deciding *d, const struct script_policy *p, int role, i128 pot,
                       i128 *left)
{
    const struct oracle *o = d->o;
    int item = d->e->item;
    char path[PATH_MAX_LEN];
    uint64_t sum = role_weight(o, item, p->role[role]);
    for (int i = 0; i < o->item_count[item]; i++) {
        const struct contribution *c = &o->item[item][i];
        if (c->role != p->role[role])
            continue;
        i128 amount = exact_mul(pot, (i128)c->weight) / (i128)sum;
        *left -= amount;
        snprintf(path, sizeof path, "%d.%d", role + 1, i + 1);
        struct oracle_line *line = lot_line(d->lot, L_ALLOCATION, c->party, amount, path);
        line->policy = p->id;
        line->author = c->role == AUTHOR;
    }
}

static struct oracle_line *first_author(struct lot *lot)
{
    for (int i = 0; i < lot->shown.line_count; i++) {
        if (lot->shown.line[i].author)
            return &lot->shown.line[i];
    }
    return NULL;
}

static void roles_seen(struct deciding *d, const struct script_policy *p)
{
    const struct oracle *o = d->o;
    for (int i = 0; i < o->item_count[d->e->item]; i++) {
        bool found = false;
        for (int r = 0; r < p->role_count; r++)
            found |= p->role[r] == o->item[d->e->item][i].role;
        if (!found)
            oracle_see(d->o, SEEN_ROLE_WITHOUT_SHARE);
    }
}

void oracle_split_roles(struct deciding *d, i128 amount)
{
    const struct script_policy *p = roles_in_force(d);
    int first = d->lot->shown.line_count;
    i128 left = amount;
    roles_seen(d, p);
    if (d->o->item_count[d->e->item] == 0)
        oracle_see(d->o, SEEN_NO_CONTRIBUTION);
    if (p->id != NONE)
        node_add(d->lot, p->id, amount);
    for (int r = 0; r < p->role_count; r++)
        role_lines(d, p, r, exact_mul(amount, (i128)p->role_bps[r]) / 10000, &left);
    struct oracle_line *author = first_author(d->lot);
    if (author != NULL && left > 0)
        oracle_see(d->o, SEEN_AUTHOR_REST);
    if (author == NULL)
        oracle_see(d->o, SEEN_NO_AUTHOR);
    if (author != NULL)
        author->amount += left;
    else
        d->outside += left;
    for (int i = first; i < d->lot->shown.line_count; i++)
        lot_unit(d, d->lot->shown.line[i].party, d->lot->shown.line[i].amount);
}

/* --- usage
 * --------------------------------------------------------------------------------------*/

static struct fraction provider_factor(const struct script_policy *p, int party)
{
    for (int i = 0; i < p->tier_count; i++) {
        if (p->tier_party[i] == party)
            return p->tier[i];
    }
    return (struct fraction){1, 1};
}

static struct fraction provider_units(const struct oracle *o, const struct script_event *cycle,
                                      const struct script_policy *p, int party)
{
    struct fraction calls = p->calls_weight.den != 0 ? p->calls_weight : (struct fraction){1, 1};
    struct fraction kib = p->kib_weight.den != 0 ? p->kib_weight : (struct fraction){0, 1};
    struct fraction units = {0, 1};
    for (int i = 0; i < o->usage_count; i++) {
        const struct usage_row *u = &o->usage[i];
        if (u->party != party || u->start < cycle->window_start || u->start >= cycle->window_end)
            continue;
        units = frac_add(units, frac_mul(calls, (struct fraction){(i128)u->calls, 1}));
        units = frac_add(units, frac_mul(kib, frac((i128)u->bytes, 1024)));
    }
    return frac_mul(units, provider_factor(p, party));
}

static bool reported(const struct oracle *o, const struct script_event *cycle, int party)
{
    for (int i = 0; i < o->usage_count; i++) {
        const struct usage_row *u = &o->usage[i];
        if (u->party == party && u->start >= cycle->window_start && u->start < cycle->window_end)
            return true;
    }
    return false;
}

/* Who was reported on, in order of first mention, and how much; the sum. */
static struct fraction users(const struct oracle *o, const struct script_event *cycle,
                             const struct script_policy *p, int *party, struct fraction *units,
                             int *count)
{
    struct fraction sum = {0, 1};
    *count = 0;
    for (int rank = 1; rank <= o->mention_count; rank++) {
        for (int i = 0; i < PARTIES; i++) {
            if (o->mentioned[i] != rank || !reported(o, cycle, i))
                continue;
            struct fraction u = provider_units(o, cycle, p, i);
            party[*count] = i;
            units[(*count)++] = u;
            sum = frac_add(sum, u);
        }
    }
    return sum;
}

/* Measured in whole parts of 2^60, so that every cycle has the same denominator. */
static void usage_carry(struct deciding *d, const struct script_policy *p, i128 amount,
                        const int *party, struct fraction *weight, int count)
{
    char path[PATH_MAX_LEN];
    const i128 grains = (i128)1 << 60;
    struct fraction rest = {1, 1};
    int unit = carry_unit(d, p->id, amount);
    i128 credited = 0;
    for (int i = 0; i < count; i++) {
        struct fraction w =
            frac(frac_floor(frac_mul((struct fraction){grains, 1}, weight[i])), grains);
        rest = frac_add(rest, frac_neg(w));
        i128 credit = carry_credit(d, unit, party[i], amount, w);
        share_path(path, "", i);
        lot_line(d->lot, L_ALLOCATION, party[i], credit, path)->policy = p->id;
        credited += credit;
    }
    carry_end(d, unit, amount, rest, credited);
    oracle_see(d->o, SEEN_USAGE_CARRY);
}

bool oracle_split_usage(struct deciding *d, const struct script_policy *p, i128 amount)
{
    int party[PARTIES];
    int count;
    char path[PATH_MAX_LEN];
    struct fraction weight[PARTIES];
    i128 part[PARTIES + 1];
    struct fraction sum = users(d->o, d->e, p, party, weight, &count);
    if (sum.num == 0)
        return false;
    for (int i = 0; i < count; i++)
        weight[i] = frac_div(weight[i], sum);
    node_add(d->lot, p->id, amount);
    if (p->carry) {
        usage_carry(d, p, amount, party, weight, count);
        return true;
    }
    uint64_t ties = d->o->seen[SEEN_TIE_BROKEN];
    oracle_apportion(d->o, amount, weight, count, part);
    if (d->o->seen[SEEN_TIE_BROKEN] > ties)
        oracle_see(d->o, SEEN_USAGE_TIE);
    for (int i = 0; i < count; i++) {
        share_path(path, "", i);
        lot_line(d->lot, L_ALLOCATION, party[i], part[i], path)->policy = p->id;
        lot_unit(d, party[i], part[i]);
    }
    return true;
}
