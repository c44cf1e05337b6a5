/* SPDX-License-Identifier: Apache-2.0
 * How a revenue was divided, policy by policy: the version and its conditions, and every share with
 * its weight, its product and its rounding. All numbers are the stored ones. */
#include "engine/explain_parts.h"

#include "base/i128.h"
#include "base/text.h"
#include "core/contribution.h"

#include <string.h>

/* One node of the decision with the policy that it names. */
struct level {
    const struct explain_subject *s;
    const struct node *n;
    uint32_t index;
    const struct policy *p;        /* NULL: built-in roles, a role's pot, or a single party */
    const struct role_share *role; /* of the roles policy this node belongs to */
    size_t role_count;
};

static enum mete_code node_explain(struct explain *x, struct explain_node *parent,
                                   const struct explain_subject *s, uint32_t index);

/* --- which policy
 * -------------------------------------------------------------------------------*/

static struct text policy_name(struct explain *x, uint32_t number)
{
    struct text id = {0};
    (void)view_policy_id(x->view, number, &id);
    return arena_text(x->a, id);
}

static enum mete_code unreadable(struct explain *x, uint32_t number, uint32_t version)
{
    return mete_fail(x->err, METE_STORE_CORRUPT, "", "version %u of policy %.*s cannot be read",
                     version, (int)policy_name(x, number).len, policy_name(x, number).p);
}

/** The roles of a roles policy, also for the pots below it. */
static enum mete_code roles_load(struct explain *x, struct level *l)
{
    static const struct role_share BUILT_IN[] = {
        {{"author", 6}, 7000}, {{"editor", 6}, 1000}, {{"distributor", 11}, 2000}};
    const struct node *root = l->n->rounding == NODE_ROLE ? &l->s->g->node[l->n->parent] : l->n;
    l->role = BUILT_IN;
    l->role_count = ARRAY_LEN(BUILT_IN);
    if (root->policy != 0) {
        const struct policy *p;
        if (view_policy_version(x->view, x->a, root->policy, root->version, &p) != VIEW_FOUND) {
            return unreadable(x, root->policy, root->version);
        }
        l->role = p->role;
        l->role_count = p->role_count;
    }
    return METE_OK;
}

static enum mete_code level_load(struct explain *x, struct level *l)
{
    const struct node *n = l->n;
    if (n->policy != 0 &&
        view_policy_version(x->view, x->a, n->policy, n->version, &l->p) != VIEW_FOUND) {
        return unreadable(x, n->policy, n->version);
    }
    bool roles = n->rounding == NODE_ROLE || n->rounding == ROUNDING_AUTHOR;
    return roles ? roles_load(x, l) : METE_OK;
}

/* --- the document
 * -------------------------------------------------------------------------------*/

static mete_time version_from(struct explain *x, struct text id, uint32_t version)
{
    uint32_t number;
    struct version *versions = NULL;
    size_t count = 0;
    if (view_policy(x->view, x->a, id, &number, &versions, &count) == VIEW_FOUND) {
        for (size_t i = 0; i < count; i++) {
            if (versions[i].number == version) {
                return versions[i].from;
            }
        }
    }
    return TIME_ALWAYS;
}

static void document_explain(struct explain *x, struct explain_node *node, const struct level *l)
{
    char hex[65];
    struct text id = policy_name(x, l->n->policy);
    mete_time from = version_from(x, id, l->n->version);
    hash_hex(&l->p->hash, hex);
    struct explain_node *doc = explain_add(
        x, node, "version",
        "version %u is in force from %s; its document, as the log has it, has sha256 %s",
        l->n->version, words_from(x->a, from).p, hex);
    explain_fact_i128(x, doc, "version", l->n->version);
    explain_fact(x, doc, "effective_from", words_time(x->a, from));
    explain_fact(x, doc, "sha256", text_of(hex));
}

/* --- conditions
 * ---------------------------------------------------------------------------------*/

static bool said_by_event(const struct explain_subject *s, struct text name)
{
    if (s->event.type != EVENT_REVENUE_RECEIVED) {
        return false;
    }
    const struct event_revenue *r = &s->event.revenue;
    for (size_t i = 0; i < r->condition_count; i++) {
        if (text_eq(r->condition[i], name)) {
            return true;
        }
    }
    return false;
}

static const char *threshold_words(enum threshold_op op)
{
    switch (op) {
    case THRESHOLD_LT:
        return "fewer than";
    case THRESHOLD_LE:
        return "at most";
    case THRESHOLD_GE:
        return "at least";
    case THRESHOLD_GT:
        return "more than";
    }
    return "";
}

/** What the document says about when a condition is active. */
static struct text condition_rule(struct explain *x, const struct explain_subject *s,
                                  const struct policy *p, uint32_t i)
{
    if (said_by_event(s, p->condition[i])) {
        return TEXT("named by the event");
    }
    for (uint32_t k = 0; k < p->period_count; k++) {
        if (p->period[k].condition == i) {
            return arena_printf(x->a, "sales period %s to %s",
                                words_moment(x->a, p->period[k].from).p,
                                words_moment(x->a, p->period[k].until).p);
        }
    }
    for (uint32_t k = 0; k < p->threshold_count; k++) {
        if (p->threshold[k].condition == i) {
            return arena_printf(x->a, "%s %llu sold before this event",
                                threshold_words(p->threshold[k].op),
                                (unsigned long long)p->threshold[k].quantity);
        }
    }
    bool post = text_is(p->condition[i], "post-recoup");
    if (p->has_recoup && (post || text_is(p->condition[i], "pre-recoup"))) {
        return arena_printf(
            x->a, "%s %s shared by this policy before this event", post ? "at least" : "less than",
            words_money(x->a, p->recoup_amount, names_asset(&x->names, p->recoup_asset)).p);
    }
    return text_eq(p->condition[i], p->default_condition) ? TEXT("the default")
                                                          : TEXT("switched by condition.changed");
}

static void conditions_explain(struct explain *x, struct explain_node *node, const struct level *l)
{
    const struct policy *p = l->p;
    for (uint32_t i = 0; i < p->condition_count; i++) {
        bool active = (l->n->conditions >> i & 1) != 0;
        struct text rule = condition_rule(x, l->s, p, i);
        struct explain_node *c = explain_add(
            x, node, "condition", "condition %.*s %s: %.*s", (int)p->condition[i].len,
            p->condition[i].p, active ? "held" : "did not hold; it needs", (int)rule.len, rule.p);
        explain_fact(x, c, "condition", p->condition[i]);
        explain_fact(x, c, "active", active ? TEXT("true") : TEXT("false"));
    }
}

/* --- one share
 * ----------------------------------------------------------------------------------*/

/* A part of a node: a line to a party, or the whole that goes on to a node below. */
struct part {
    uint32_t share;
    uint32_t entry;
    u128 weight;
    i128 amount;
    i128 extra;
};

static const struct share *share_of(const struct level *l, uint32_t share)
{
    bool listed = l->p != NULL && l->p->kind == POLICY_WEIGHTS && share < l->p->share_count;
    return listed ? &l->p->share[share] : NULL;
}

/** "share 2 of 3 (vocals)". */
static struct text part_name(struct explain *x, const struct level *l, const struct part *part)
{
    if (l->n->rounding == NODE_ROLE) {
        return arena_printf(x->a, "contribution %u", part->share + 1);
    }
    const struct share *share = share_of(l, part->share);
    if (share == NULL) {
        return l->p != NULL && l->p->kind == POLICY_USAGE
                   ? arena_printf(x->a, "provider %u", part->share + 1)
                   : TEXT("all");
    }
    struct text name = arena_printf(x->a, "share %u of %u", part->share + 1, l->p->share_count);
    return share->role.len == 0
               ? name
               : arena_printf(x->a, "%s (%.*s)", name.p, (int)share->role.len, share->role.p);
}

/** Which weight held: its base weight, or an entry (a rule) with its window and conditions. */
static struct text entry_words(struct explain *x, const struct level *l, const struct part *part)
{
    const struct share *share = share_of(l, part->share);
    if (share == NULL || share->entry_count == 0) {
        return TEXT("");
    }
    if (part->entry == 0 || part->entry > share->entry_count) {
        return TEXT(" none of its rules held, so its base weight:");
    }
    const struct split_entry *e = &l->p->entry[share->entry_first + part->entry - 1];
    struct text out = arena_printf(x->a, " by rule %u of its %u,", part->entry, share->entry_count);
    if (e->from != TIME_ALWAYS) {
        out = arena_printf(x->a, "%s from %s", out.p, words_moment(x->a, e->from).p);
    }
    if (e->until != TIME_NEVER) {
        out = arena_printf(x->a, "%s until %s", out.p, words_moment(x->a, e->until).p);
    }
    const char *before = " while ";
    for (uint32_t i = 0; i < l->p->condition_count; i++) {
        if ((e->conditions >> i & 1) != 0) {
            out = arena_printf(x->a, "%s%s%.*s", out.p, before, (int)l->p->condition[i].len,
                               l->p->condition[i].p);
            before = " and ";
        }
    }
    return arena_printf(x->a, "%s:", out.p);
}

static struct text carry_note(struct explain *x, const struct explain_product *p, i128 credited,
                              const struct asset *asset)
{
    const char *amount = words_amount(x->a, credited, asset).p;
    if (credited == p->floor) {
        return p->rem == 0 ? TEXT("")
                           : arena_printf(x->a, "; %s credited, the fraction is carried", amount);
    }
    return credited > p->floor
               ? arena_printf(x->a, "; %s credited: with what was carried before, one unit more",
                              amount)
               : arena_printf(x->a, "; %s credited: earlier reversals are evened out", amount);
}

/** What rounding did to an exact product. */
static struct text rounding_note(struct explain *x, const struct level *l,
                                 const struct explain_product *p, const struct part *part)
{
    const struct asset *asset = l->s->asset;
    if (l->n->rounding == ROUNDING_CARRY) {
        return carry_note(x, p, part->amount, asset);
    }
    if (l->n->rounding == ROUNDING_LARGEST && part->extra > 0) {
        return arena_printf(x->a, "; rounded up to %s, as one that loses most by rounding down",
                            words_amount(x->a, part->amount, asset).p);
    }
    struct text note = p->rem == 0 ? TEXT("")
                                   : arena_printf(x->a, "; rounded down to %s",
                                                  words_amount(x->a, p->floor, asset).p);
    return part->extra <= 0 ? note
                            : arena_printf(x->a, "%s; and, as first author, the %s that is left",
                                           note.p, words_amount(x->a, part->extra, asset).p);
}

/** "40 % (2/5) of 1,470.00 = 588.00 exactly", and the rounding. */
static struct text part_sum(struct explain *x, const struct level *l, const struct part *part)
{
    const struct asset *asset = l->s->asset;
    struct text input = words_amount(x->a, l->n->input, asset);
    struct explain_product p = explain_multiply(l->n->input, part->weight, l->n->den);
    if (part->weight == l->n->den) {
        return arena_printf(x->a, "all of %s%s", input.p, rounding_note(x, l, &p, part).p);
    }
    bool units = l->n->rounding == NODE_ROLE || (l->p != NULL && l->p->kind == POLICY_USAGE);
    struct text weight = words_weight(x->a, part->weight, l->n->den);
    if (units && l->n->rounding != ROUNDING_CARRY) {
        struct text mine = words_i128(x->a, (i128)part->weight);
        struct text all = words_i128(x->a, (i128)l->n->den);
        bool same = text_eq(weight, arena_printf(x->a, "%s/%s", mine.p, all.p));
        weight =
            arena_printf(x->a, "%s of %s units, %s", mine.p, all.p, same ? "that part" : weight.p);
    }
    return arena_printf(x->a, "%s of %s = %s%s", weight.p, input.p, explain_exact(x, &p, asset).p,
                        rounding_note(x, l, &p, part).p);
}

static void part_facts(struct explain *x, struct explain_node *n, const struct level *l,
                       const struct part *part)
{
    struct explain_product p = explain_multiply(l->n->input, part->weight, l->n->den);
    explain_amount(n, part->amount, l->s->asset);
    explain_fact_i128(x, n, "share", (i128)part->share + 1);
    explain_fact_ratio(x, n, "weight", part->weight, l->n->den);
    explain_fact_i128(x, n, "input", l->n->input);
    explain_fact_product(x, n, &p);
    explain_fact_i128(x, n, "extra", part->extra);
}

static void line_explain(struct explain *x, struct explain_node *node, const struct level *l,
                         uint32_t line)
{
    const struct line *from = &l->s->g->line[line];
    const struct part part = {from->share, from->entry, from->weight, from->amount, from->extra};
    struct text party = names_party(&x->names, from->party);
    char path[PATH_TEXT_MAX];
    (void)line_path(l->s->g, l->s->group, line, path);
    struct explain_node *n =
        explain_add(x, node, "share", "%s, to %.*s:%s %s", part_name(x, l, &part).p, (int)party.len,
                    party.p, entry_words(x, l, &part).p, part_sum(x, l, &part).p);
    part_facts(x, n, l, &part);
    explain_fact(x, n, "party", party);
    explain_fact(x, n, "path", text_of(path));
}

/** A role's pot: basis points of the whole, rounded down. */
static struct text pot_words(struct explain *x, const struct level *l, const struct node *below)
{
    struct explain_product p = explain_multiply(l->n->input, below->weight, l->n->den);
    struct text role = below->share < l->role_count ? l->role[below->share].role : TEXT("a role");
    return arena_printf(x->a, "the role %.*s: %s of %s = %s%s", (int)role.len, role.p,
                        words_percent(x->a, (uint32_t)below->weight).p,
                        words_amount(x->a, l->n->input, l->s->asset).p,
                        explain_exact(x, &p, l->s->asset).p, p.rem == 0 ? "" : "; rounded down");
}

static enum mete_code below_explain(struct explain *x, struct explain_node *node,
                                    const struct level *l, uint32_t index)
{
    const struct node *below = &l->s->g->node[index];
    const struct part part = {below->share, 0, below->weight, below->input, below->extra};
    struct text words;
    if (below->rounding == NODE_ROLE) {
        words = pot_words(x, l, below);
    } else {
        struct text name = policy_name(x, below->policy);
        words = arena_printf(x->a, "%s, to the policy %.*s: %s", part_name(x, l, &part).p,
                             (int)name.len, name.p, part_sum(x, l, &part).p);
    }
    struct explain_node *n = explain_add(x, node, "share", "%s", words.p);
    part_facts(x, n, l, &part);
    return node_explain(x, n, l->s, index);
}

/* --- all shares of a node
 * -----------------------------------------------------------------------*/

static bool node_above(const struct group *g, uint32_t node, uint32_t of)
{
    while (of != NODE_NONE && of != node) {
        of = g->node[of].parent;
    }
    return of == node;
}

/** True when the line that is asked about lies here or below. */
static bool wanted_node(const struct explain_subject *s, uint32_t node)
{
    return s->line == EXPLAIN_ALL || s->g->line[s->line].kind == LINE_UNALLOCATED ||
           node_above(s->g, node, s->g->line[s->line].node);
}

static bool wanted_line(const struct explain_subject *s, uint32_t line)
{
    return s->line == EXPLAIN_ALL || s->line == line ||
           s->g->line[s->line].kind == LINE_UNALLOCATED || s->g->line[s->line].kind == LINE_CARRY;
}

static uint32_t next_line(const struct level *l, uint32_t from)
{
    const struct group *g = l->s->g;
    while (from < g->line_count &&
           (g->line[from].node != l->index || g->line[from].kind != LINE_ALLOCATION ||
            !wanted_line(l->s, from))) {
        from++;
    }
    return from;
}

static uint32_t next_below(const struct level *l, uint32_t from)
{
    const struct group *g = l->s->g;
    while (from < g->node_count && (g->node[from].parent != l->index || !wanted_node(l->s, from))) {
        from++;
    }
    return from;
}

static enum mete_code shares_explain(struct explain *x, struct explain_node *node,
                                     const struct level *l)
{
    const struct group *g = l->s->g;
    uint32_t line = next_line(l, 0);
    uint32_t below = next_below(l, l->index + 1);
    uint64_t shown = 0;
    uint64_t rest = 0;
    while (line < g->line_count || below < g->node_count) {
        bool node_first = below < g->node_count &&
                          (line >= g->line_count || g->node[below].share < g->line[line].share);
        if (shown == EXPLAIN_LIST_MAX) {
            rest++;
        } else if (node_first) {
            enum mete_code code = below_explain(x, node, l, below);
            if (code != METE_OK) {
                return code;
            }
            shown++;
        } else {
            line_explain(x, node, l, line);
            shown++;
        }
        if (node_first) {
            below = next_below(l, below + 1);
        } else {
            line = next_line(l, line + 1);
        }
    }
    explain_rest(x, node, rest, "shares");
    return METE_OK;
}

/** What no share gets, and what rounding `carry` keeps back. */
static void rests_explain(struct explain *x, struct explain_node *node, const struct level *l)
{
    const struct group *g = l->s->g;
    for (uint32_t i = 0; i < g->line_count; i++) {
        const struct line *line = &g->line[i];
        bool here = line->node == l->index || (line->node == NODE_NONE && l->index == 0);
        bool rest = line->kind == LINE_UNALLOCATED || line->kind == LINE_CARRY;
        if (!here || !rest || (l->s->line != EXPLAIN_ALL && l->s->line != i)) {
            continue;
        }
        struct text party = names_party(&x->names, line->party);
        const char *amount = words_money(x->a, line->amount, l->s->asset).p;
        struct explain_node *n =
            line->kind == LINE_CARRY
                ? explain_add(x, node, "carried",
                              "%s more than is credited now stands in the account %.*s", amount,
                              (int)party.len, party.p)
                : explain_add(x, node, "unallocated", "%s that no share gets%s, to %.*s", amount,
                              line->node == NODE_NONE && g->node_count > 1 ? ", all levels together"
                                                                           : "",
                              (int)party.len, party.p);
        explain_amount(n, line->amount, l->s->asset);
    }
}

/* --- one node
 * -----------------------------------------------------------------------------------*/

static const char *rounding_words(struct explain *x, const struct level *l)
{
    const char *unit = words_money(x->a, 1, l->s->asset).p;
    switch (l->n->rounding) {
    case ROUNDING_CARRY:
        return arena_printf(
                   x->a,
                   "shares are rounded down to multiples of %s, and what a party loses by it is "
                   "remembered until it makes a unit",
                   unit)
            .p;
    case ROUNDING_AUTHOR:
        return "each share is rounded down, and the first author takes what is left";
    default:
        return arena_printf(
                   x->a,
                   "shares are rounded down to multiples of %s, and what is left over goes, %s "
                   "each, to those that lose most by it",
                   unit, unit)
            .p;
    }
}

static struct explain_node *node_title(struct explain *x, struct explain_node *parent,
                                       const struct level *l)
{
    const char *input = words_money(x->a, l->n->input, l->s->asset).p;
    if (l->n->policy == 0 && l->n->rounding == ROUNDING_AUTHOR) {
        return explain_add(x, parent, "policy",
                           "the built-in roles (author 70 %%, editor 10 %%, distributor 20 %%) "
                           "divide %s; %s",
                           input, rounding_words(x, l));
    }
    if (l->n->policy == 0) {
        return explain_add(x, parent, "policy", "the event names one party: it gets all of %s",
                           input);
    }
    struct text id = policy_name(x, l->n->policy);
    struct explain_node *n =
        l->p->kind == POLICY_SINGLE
            ? explain_add(x, parent, "policy", "policy %.*s version %u gives %s to one party",
                          (int)id.len, id.p, l->n->version, input)
            : explain_add(x, parent, "policy", "policy %.*s version %u divides %s; %s", (int)id.len,
                          id.p, l->n->version, input, rounding_words(x, l));
    explain_fact(x, n, "policy", id);
    explain_fact_i128(x, n, "version", l->n->version);
    return n;
}

static enum mete_code node_explain(struct explain *x, struct explain_node *parent,
                                   const struct explain_subject *s, uint32_t index)
{
    struct level l = {.s = s, .n = &s->g->node[index], .index = index};
    enum mete_code code = level_load(x, &l);
    if (code != METE_OK) {
        return code;
    }
    struct explain_node *node = parent;
    if (l.n->rounding != NODE_ROLE) {
        node = node_title(x, parent, &l);
        explain_fact_i128(x, node, "input", l.n->input);
    }
    if (l.p != NULL) {
        document_explain(x, node, &l);
        conditions_explain(x, node, &l);
    }
    code = shares_explain(x, node, &l);
    rests_explain(x, node, &l);
    return code;
}

enum mete_code explain_split(struct explain *x, struct explain_node *parent,
                             const struct explain_subject *s)
{
    bool fee = s->line != EXPLAIN_ALL && s->g->line[s->line].kind == LINE_FEE;
    if (fee || s->g->node_count == 0) {
        return METE_OK;
    }
    return explain_is_contract(s->g) ? explain_contract(x, parent, s)
                                     : node_explain(x, parent, s, 0);
}
