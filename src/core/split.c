/* SPDX-License-Identifier: Apache-2.0
 * From a gross amount to lines: fees first, then the policy, policies inside it, each by its own
 * rounding. Nothing is lost: lines sum to the gross. */
#include "core/work.h"

#include "base/limits.h"
#include "base/text.h"
#include "core/apportion.h"
#include "core/condition.h"

#include <string.h>

/* Temporal entries and changes of conditions, of all policies of one event. */
#define SPLIT_ENTRIES_MAX (16u * ENTRIES_MAX)

/* A stretch of the tree whose unallocated remains go into one line: the whole event, or what hangs
 * below a share of a carry policy (it must be reversible on its own). */
struct domain {
    uint32_t node; /* NODE_NONE for the whole event */
    i128 rest;
};

struct split {
    struct work *w;
    struct group *g;
    mete_time at;
    const struct text *condition;
    size_t condition_count;
};

/* One level: where the amount comes from. */
struct level {
    uint32_t parent; /* node, NODE_NONE at the root */
    uint32_t share;
    u128 weight;
    i128 input;
    i128 extra;
    unsigned depth;
    bool held; /* below a share that nobody has countersigned */
    struct domain *domain;
};

/** The schedule in force, once for all revenues of the event. */
static bool fees_load(struct work *w)
{
    struct version *versions = NULL;
    size_t count = 0;
    if (w->fees_known) {
        return true;
    }
    w->missing |= view_fees(w->view, w->a, &versions, &count) == VIEW_MISSING;
    const struct version *version = version_at(versions, count, w->event->occurred_at);
    if (version != NULL) {
        w->fees_version = version->number;
        if (view_fees_version(w->view, w->a, version->number, &w->fees) != VIEW_FOUND) {
            w->missing = true;
            return false;
        }
    }
    w->fees_known = true;
    return true;
}

enum decided split_fees(struct work *w, struct group *g, i128 payload_fee, i128 *net)
{
    if (payload_fee > 0) {
        struct line *line = group_line(w->a, g);
        line->kind = LINE_FEE;
        line->party = work_party(w, TEXT("external:fee"));
        line->share = FEE_PAYLOAD;
        line->amount = payload_fee;
    }
    *net = g->gross - payload_fee;
    if (!fees_load(w)) {
        return DECIDED_NEEDS;
    }
    struct fee_part *part;
    i128 total;
    size_t parts =
        fee_schedule_apply(w->a, &w->fees, g->asset, g->gross, payload_fee, &part, &total);
    for (size_t i = 0; i < parts; i++) {
        const struct fee *fee = &w->fees.fee[part[i].fee];
        struct line *line = group_line(w->a, g);
        line->kind = LINE_FEE;
        line->share = part[i].fee;
        line->entry = part[i].child;
        line->party = part[i].child == 0 ? fee->number : fee->child[part[i].child - 1].number;
        line->amount = part[i].amount;
    }
    g->fee_version = w->fees_version;
    *net -= total;
    return DECIDED_APPLIED;
}

static struct node *level_node(struct split *s, const struct level *l, uint32_t *index)
{
    struct node *node = group_node(s->w->a, s->g, index);
    node->parent = l->parent;
    node->share = l->share;
    node->weight = l->weight;
    node->input = l->input;
    node->extra = l->extra;
    node->den = 1;
    node->rounding = ROUNDING_LARGEST;
    return node;
}

static struct line *allocation(struct split *s, uint32_t node, uint32_t share, uint32_t party,
                               i128 amount)
{
    struct line *line = group_line(s->w->a, s->g);
    line->kind = LINE_ALLOCATION;
    line->node = node;
    line->share = share;
    line->party = party;
    line->amount = amount;
    return line;
}

static void unallocated(struct split *s, uint32_t node, i128 amount)
{
    if (amount == 0) {
        return;
    }
    struct line *line = group_line(s->w->a, s->g);
    line->kind = LINE_UNALLOCATED;
    line->node = node;
    line->party = s->w->book.unallocated;
    line->amount = amount;
}

/* --- conditions
 * ---------------------------------------------------------------------------------*/

/** The switches in force at `at`: of each condition's changes, which are listed by moment, the last
 *  that has come. */
static void switches_load(struct work *w, uint32_t policy, mete_time at,
                          struct condition_facts *facts)
{
    struct key key = key_u32(KEY_CONDITION, policy);
    struct bytes value;
    enum view_result found = w->view->get(w->view->ctx, key_bytes(&key), &value);
    w->missing |= found == VIEW_MISSING;
    if (found != VIEW_FOUND) {
        return;
    }
    struct reader r = reader_of(text_bytes(arena_text(w->a, bytes_text(value))));
    size_t changes = read_varint(&r);
    size_t count = 0;
    struct condition_switch *s = arena_array(w->a, changes, sizeof *s);
    for (size_t i = 0; i < changes; i++) {
        struct text name = read_sized(&r);
        mete_time from = (mete_time)read_zigzag(&r);
        bool active = read_u8(&r) != 0;
        if (from > at) {
            continue;
        }
        count += count == 0 || !text_eq(s[count - 1].name, name);
        s[count - 1] = (struct condition_switch){name, active};
    }
    METE_ASSERT(reader_done(&r));
    w->entries += changes;
    facts->switched = s;
    facts->switched_count = count;
}

static i128 sum_of(struct work *w, struct key key)
{
    i128 sums[STATE_SUMS] = {0};
    if (w->view->sums(w->view->ctx, key_bytes(&key), sums) == VIEW_MISSING) {
        w->missing = true;
    }
    return sums[0];
}

static uint64_t conditions_of(struct split *s, uint32_t number, const struct policy *p)
{
    if (p->condition_count == 0) {
        return 0;
    }
    struct condition_facts facts = {
        .occurred_at = s->at, .payload = s->condition, .payload_count = s->condition_count};
    switches_load(s->w, number, s->at, &facts);
    if (p->has_recoup) {
        facts.net = sum_of(s->w, key_u32x2(KEY_NET, number, p->recoup_asset));
    }
    if (p->threshold_count > 0) {
        facts.quantity = sum_of(s->w, key_u32(KEY_QUANTITY, number));
    }
    return condition_active(p, &facts);
}

/* --- weights
 * ------------------------------------------------------------------------------------*/

/* A policy as one event finds it, wherever in the tree and however often: conditions are read
 * before the event, so they are the same all over it. */
struct in_force {
    uint32_t version;
    const struct policy *policy;
    uint64_t active;
    u128 *weight; /* of each share; NULL until they were asked for */
    uint32_t *entry;
};

/* What each share of a policy gets in one split. */
struct shares {
    const u128 *weight;
    const uint32_t *entry;
    i128 *part;
    uint8_t *extra;
};

static enum decided weights_at(struct split *s, uint32_t number, struct in_force *f)
{
    struct arena *a = s->w->a;
    const struct policy *p = f->policy;
    f->active = conditions_of(s, number, p);
    if (s->w->entries > SPLIT_ENTRIES_MAX) {
        return work_wait(s->w, METE_SHARES_LIMIT, wait_policy_key(number), "/payload/policy");
    }
    f->weight = arena_array(a, p->share_count, sizeof *f->weight);
    f->entry = arena_array(a, p->share_count, sizeof *f->entry);
    u128 sum = 0;
    for (uint32_t i = 0; i < p->share_count; i++) {
        f->weight[i] = policy_weight_at(p, i, s->at, f->active, &f->entry[i]);
        sum += f->weight[i];
        if (sum > p->den) {
            return work_wait(s->w, METE_WEIGHTS_EXCEED_ONE, wait_policy_key(number),
                             "/payload/policy");
        }
    }
    return DECIDED_APPLIED;
}

static enum decided split_level(struct split *s, uint32_t number, const struct level *l);

/** Hands its part to one share: a line for a party, a further level for a policy. */
static enum decided share_give(struct split *s, uint32_t node, const struct policy *p,
                               uint32_t share, const struct shares *shares, i128 extra,
                               const struct level *l, struct domain *domain)
{
    const struct share *to = &p->share[share];
    i128 part = shares->part[share];
    if (!to->is_policy) {
        struct line *line = allocation(s, node, share, to->number, part);
        line->entry = shares->entry[share];
        line->weight = shares->weight[share];
        line->extra = extra;
        line->held = to->held || l->held;
        return DECIDED_APPLIED;
    }
    struct level next = {.parent = node,
                         .share = share,
                         .weight = shares->weight[share],
                         .input = part,
                         .extra = extra,
                         .depth = l->depth + 1,
                         .held = to->held || l->held,
                         .domain = domain};
    return split_level(s, to->number, &next);
}

static enum decided split_largest(struct split *s, uint32_t node, const struct policy *p,
                                  struct shares *shares, const struct level *l)
{
    i128 rest = 0;
    apportion_largest(s->w->a, l->input, shares->weight, p->share_count, p->den, shares->part,
                      shares->extra, &rest);
    for (uint32_t i = 0; i < p->share_count; i++) {
        enum decided given = share_give(s, node, p, i, shares, shares->extra[i], l, l->domain);
        if (given != DECIDED_APPLIED) {
            return given;
        }
    }
    l->domain->rest += rest;
    return DECIDED_APPLIED;
}

/** Credits one payee of a carry policy; false when the fractions have no common denominator. */
static bool carry_credit(struct split *s, struct key key, i128 input, u128 weight, u128 den,
                         i128 *credit)
{
    bool is_policy = key.b[key.len - 1] == PAYEE_POLICY;
    return residue_credit(work_residue(s->w, key), input, weight, den, false, is_policy, credit);
}

static enum decided split_carry(struct split *s, uint32_t number, uint32_t node,
                                const struct policy *p, struct shares *shares,
                                const struct level *l)
{
    uint32_t asset = s->g->asset;
    u128 left = p->den;
    i128 given = 0;
    i128 rest = 0;
    bool fits = true;
    for (uint32_t i = 0; i < p->share_count && fits; i++) {
        const struct share *to = &p->share[i];
        struct key key =
            residue_key(number, asset, to->is_policy ? PAYEE_POLICY : PAYEE_PARTY, to->number);
        fits = carry_credit(s, key, l->input, shares->weight[i], p->den, &shares->part[i]);
        left -= shares->weight[i];
        given += shares->part[i];
    }
    if (fits && left > 0) {
        fits = carry_credit(s, residue_key(number, asset, PAYEE_NOBODY, 0), l->input, left, p->den,
                            &rest);
    }
    if (!fits) {
        return work_wait(s->w, METE_WEIGHT_RANGE, wait_policy_key(number), "/payload/policy");
    }
    for (uint32_t i = 0; i < p->share_count; i++) {
        struct domain below = {.node = s->g->node_count};
        i128 floor = apportion_floor(l->input, shares->weight[i], p->den);
        enum decided done = share_give(s, node, p, i, shares, shares->part[i] - floor, l, &below);
        if (done != DECIDED_APPLIED) {
            return done;
        }
        unallocated(s, below.node, below.rest);
    }
    unallocated(s, node, rest);
    if (l->input != given + rest) {
        struct line *line = group_line(s->w->a, s->g);
        line->kind = LINE_CARRY;
        line->node = node;
        line->party = PARTY_CARRY;
        line->amount = l->input - given - rest;
    }
    return DECIDED_APPLIED;
}

/** The version of a policy in force, or why it must wait. */
static enum decided version_in_force(struct split *s, uint32_t number, struct in_force *f)
{
    struct work *w = s->w;
    struct text id;
    struct version *versions = NULL;
    size_t count = 0;
    uint32_t same;
    enum view_result named = view_policy_id(w->view, number, &id);
    w->missing |= named == VIEW_MISSING;
    if (named != VIEW_FOUND) {
        /* a name that this very decision brings has no version yet */
        return work_wait(w, METE_POLICY_UNKNOWN, wait_policy_key(number), "/payload/policy");
    }
    id = arena_text(w->a, id);
    w->missing |= view_policy(w->view, w->a, id, &same, &versions, &count) == VIEW_MISSING;
    const struct version *v = version_at(versions, count, s->at);
    if (v == NULL) {
        return work_wait(w, METE_POLICY_UNKNOWN, wait_policy_key(number), "/payload/policy");
    }
    f->version = v->number;
    if (view_policy_version(w->view, w->a, number, v->number, &f->policy) != VIEW_FOUND) {
        w->missing = true;
        return DECIDED_NEEDS;
    }
    /* shares show as lines, which are bounded; entries and changes of conditions do not */
    w->entries += f->policy->entry_count;
    return w->entries <= SPLIT_ENTRIES_MAX
               ? DECIDED_APPLIED
               : work_wait(w, METE_SHARES_LIMIT, wait_policy_key(number), "/payload/policy");
}

/** The same, found once. The root has a place of its own: it cannot come again below itself, and
 *  most trees are no more than a root. */
static enum decided policy_in_force(struct split *s, uint32_t number, bool is_root,
                                    struct in_force **f)
{
    struct work *w = s->w;
    bool made = w->root_in_force == NULL;
    struct in_force **slot = &w->root_in_force;
    if (!is_root) {
        struct key key = key_u32(KEY_POLICY_NUMBER, number);
        slot = map_put(&w->in_force, key_bytes(&key), &made);
    }
    if (!made) {
        *f = *slot;
        return DECIDED_APPLIED;
    }
    *f = *slot = arena_alloc(w->a, sizeof **slot);
    return version_in_force(s, number, *f);
}

static enum decided split_weights(struct split *s, uint32_t number, struct in_force *f,
                                  const struct level *l)
{
    const struct policy *p = f->policy;
    enum decided fine = f->weight == NULL ? weights_at(s, number, f) : DECIDED_APPLIED;
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    struct shares shares = {f->weight, f->entry,
                            arena_array(s->w->a, p->share_count, sizeof *shares.part),
                            arena_array(s->w->a, p->share_count, sizeof *shares.extra)};
    uint32_t index;
    struct node *node = level_node(s, l, &index);
    node->policy = number;
    node->version = f->version;
    node->rounding = (uint8_t)p->rounding;
    node->conditions = f->active;
    node->den = p->den;
    return p->rounding == ROUNDING_CARRY ? split_carry(s, number, index, p, &shares, l)
                                         : split_largest(s, index, p, &shares, l);
}

static void split_to_one(struct split *s, uint32_t number, const struct in_force *f,
                         const struct level *l)
{
    uint32_t index;
    struct node *node = level_node(s, l, &index);
    node->policy = number;
    node->version = f->version;
    struct line *line = allocation(s, index, 0, f->policy->share[0].number, l->input);
    line->weight = 1;
    line->held = l->held;
}

static enum decided level_split(struct split *s, uint32_t number, const struct level *l)
{
    if (l->depth > POLICY_DEPTH_MAX) {
        return work_wait(s->w, METE_POLICY_DEPTH, wait_policy_key(number), "/payload/policy");
    }
    if (s->g->line_count > SPLIT_LINES_MAX || s->g->node_count > SPLIT_LINES_MAX) {
        return work_wait(s->w, METE_SHARES_LIMIT, wait_policy_key(number), "/payload/policy");
    }
    struct in_force *f = NULL;
    enum decided fine = policy_in_force(s, number, l->depth == 1, &f);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    METE_ASSERT(f != NULL && f->policy != NULL);
    if (f->policy->kind == POLICY_WEIGHTS) {
        return split_weights(s, number, f, l);
    }
    if (f->policy->kind == POLICY_SINGLE) {
        split_to_one(s, number, f, l);
        return DECIDED_APPLIED;
    }
    return work_wait(s->w, METE_POLICY_KIND, wait_policy_key(number), "/payload/policy");
}

/** Splits one level, and notes the way up from a policy that the event must wait for. */
static enum decided split_level(struct split *s, uint32_t number, const struct level *l)
{
    struct work *w = s->w;
    enum decided done = level_split(s, number, l);
    if (done == DECIDED_WAITING) {
        METE_ASSERT(w->wait_way_count < WAIT_WAY_MAX);
        w->wait_way[w->wait_way_count++] = number;
    }
    return done;
}

enum decided split_by_policy(struct work *w, struct group *g, uint32_t policy, i128 net,
                             mete_time at, const struct event_revenue *revenue)
{
    struct split s = {.w = w, .g = g, .at = at};
    if (revenue != NULL) {
        s.condition = revenue->condition;
        s.condition_count = revenue->condition_count;
    }
    struct domain all = {.node = NODE_NONE};
    struct level root = {.parent = NODE_NONE, .input = net, .depth = 1, .domain = &all};
    enum decided done = split_level(&s, policy, &root);
    if (done == DECIDED_APPLIED) {
        unallocated(&s, NODE_NONE, all.rest);
    }
    return done;
}

enum decided split_single(struct work *w, struct group *g, struct text party, i128 net)
{
    struct split s = {.w = w, .g = g};
    struct level root = {.parent = NODE_NONE, .input = net};
    uint32_t index;
    level_node(&s, &root, &index);
    struct line *line = allocation(&s, index, 0, work_party(w, party), net);
    line->weight = 1;
    return DECIDED_APPLIED;
}

/* --- usage
 * --------------------------------------------------------------------------------------*/

/** Usage weights over their sum. Cycles have ever new sums, so a carry policy measures its shares
 *  in parts of USAGE_QUANTUM, rounded down: fractions of all cycles then add up over one
 * denominator. */
static u128 usage_weights(struct arena *a, enum rounding rounding, const struct usage_weight *in,
                          size_t count, u128 **weight)
{
    u128 sum = 0;
    *weight = arena_array(a, count, sizeof **weight);
    for (size_t i = 0; i < count; i++) {
        (*weight)[i] = in[i].weight;
        sum += in[i].weight;
    }
    if (rounding != ROUNDING_CARRY) {
        return sum;
    }
    for (size_t i = 0; i < count; i++) {
        u128 unused;
        (*weight)[i] = u128_mul_div(USAGE_QUANTUM, in[i].weight, sum, &unused);
    }
    return USAGE_QUANTUM;
}

enum decided split_by_usage(struct work *w, struct group *g, uint32_t policy, uint32_t version,
                            enum rounding rounding, const struct usage_weight *weight, size_t count,
                            i128 net)
{
    struct policy p = {.kind = POLICY_USAGE, .rounding = rounding, .share_count = (uint32_t)count};
    u128 *weights;
    p.den = usage_weights(w->a, rounding, weight, count, &weights);
    p.share = arena_array(w->a, count, sizeof *p.share);
    for (size_t i = 0; i < count; i++) {
        p.share[i].number = weight[i].party;
    }
    struct shares shares = {weights, arena_array(w->a, count, sizeof *shares.entry),
                            arena_array(w->a, count, sizeof *shares.part),
                            arena_array(w->a, count, sizeof *shares.extra)};
    struct split s = {.w = w, .g = g};
    struct domain all = {.node = NODE_NONE};
    struct level root = {.parent = NODE_NONE, .input = net, .depth = 1, .domain = &all};
    uint32_t index;
    struct node *node = level_node(&s, &root, &index);
    node->policy = policy;
    node->version = version;
    node->rounding = (uint8_t)rounding;
    node->den = p.den;
    enum decided done = rounding == ROUNDING_CARRY
                            ? split_carry(&s, policy, index, &p, &shares, &root)
                            : split_largest(&s, index, &p, &shares, &root);
    unallocated(&s, NODE_NONE, all.rest);
    return done;
}
