/* SPDX-License-Identifier: Apache-2.0
 * Postings of one account, found in a decision, and their names. */
#include "engine/lines.h"

#include "base/text.h"
#include "core/contribution.h"
#include "core/dispute.h"

#define ORIGIN_SIZE_MAX ((size_t)4 << 30)

struct lines_cursor lines_of(const struct walk_item *item, uint32_t party, uint32_t asset)
{
    return (struct lines_cursor){.item = item, .party = party, .asset = asset};
}

bool lines_next(struct lines_cursor *c, struct lines_spot *out)
{
    const struct decision *d = &c->item->decision;
    for (; c->group < d->group_count; c->group++, c->line = 0) {
        const struct group *g = &d->group[c->group];
        if (g->asset != c->asset) {
            continue;
        }
        while (c->line < g->line_count) {
            uint32_t i = c->line++;
            if (g->line[i].party == c->party) {
                *out = (struct lines_spot){c->group, i, g->line[i].amount};
                return true;
            }
        }
        if (c->line++ == g->line_count && g->source == c->party && g->gross != 0) {
            *out = (struct lines_spot){c->group, LINE_SOURCE, -g->gross};
            return true;
        }
    }
    return false;
}

static const char *revenue_what(enum line_kind kind)
{
    switch (kind) {
    case LINE_FEE:
        return "fee";
    case LINE_ALLOCATION:
        return "share";
    case LINE_UNALLOCATED:
        return "unallocated";
    case LINE_CARRY:
        return "carry";
    case LINE_SUSPENSE:
        return "waiting";
    case LINE_TRANSFER:
        return "transfer";
    }
    return "";
}

static const char *reversal_what(enum line_kind kind)
{
    switch (kind) {
    case LINE_FEE:
        return "reversal of a fee";
    case LINE_ALLOCATION:
    case LINE_TRANSFER: /* of a share that is or was disputed */
        return "reversal of a share";
    case LINE_UNALLOCATED:
        return "reversal of unallocated";
    case LINE_CARRY:
        return "reversal of carry";
    case LINE_SUSPENSE:
        return "reversal of waiting";
    }
    return "";
}

const char *lines_what(const struct walk_item *item, const struct lines_spot *s)
{
    const struct group *g = &item->decision.group[s->group];
    if (s->line == LINE_SOURCE) {
        return g->source == PARTY_SUSPENSE ? "decided after waiting" : "source";
    }
    switch ((enum group_kind)g->kind) {
    case GROUP_REVERSAL:
        return reversal_what((enum line_kind)g->line[s->line].kind);
    case GROUP_TRANSFER:
        return s->amount < 0 ? "transfer out" : "transfer in";
    case GROUP_UPHELD:
        return "dispute upheld";
    case GROUP_REVENUE:
    case GROUP_SUSPENSE:
    case GROUP_MORE:
        break;
    }
    return revenue_what((enum line_kind)g->line[s->line].kind);
}

static struct text id_of(struct arena *a, struct text event_id, const struct group *g,
                         uint32_t group, uint32_t line)
{
    char path[PATH_TEXT_MAX];
    (void)line_path(g, group, line, path);
    return arena_printf(a, "%.*s/%s", (int)event_id.len, event_id.p, path);
}

void lines_origin_init(struct lines_origin *o, struct engine *e)
{
    *o = (struct lines_origin){.e = e};
    arena_init(&o->a, ORIGIN_SIZE_MAX);
}

void lines_origin_clear(struct lines_origin *o)
{
    arena_clear(&o->a);
}

bool lines_origin_load(struct lines_origin *o, uint64_t seq, uint32_t page)
{
    struct mete_err unused;
    if (!o->known || o->item.seq != seq || o->item.page != page) {
        arena_reset(&o->a);
        o->known = walk_one(o->e, &o->a, seq, page, &o->item, &unused) == METE_OK &&
                   walk_head_of(&o->a, o->item.bytes, &o->head, &unused) == METE_OK;
    }
    return o->known;
}

/** The id of the original's line that a reversal or an upheld dispute touches. */
static struct text original_id(struct lines_origin *o, struct arena *a, const struct group *g,
                               uint32_t share)
{
    if (!lines_origin_load(o, g->target_seq, g->target_page) ||
        g->target_group >= o->item.decision.group_count) {
        return (struct text){0};
    }
    const struct group *og = &o->item.decision.group[g->target_group];
    return share < og->line_count ? id_of(a, o->head.event_id, og, g->target_group, share)
                                  : arena_text(a, o->head.event_id);
}

struct text lines_id(struct lines_origin *o, struct arena *a, const struct walk_item *item,
                     const struct walk_head *head, const struct lines_spot *s)
{
    const struct group *g = &item->decision.group[s->group];
    if (s->line == LINE_SOURCE || g->kind == GROUP_TRANSFER) {
        return (struct text){0};
    }
    if (g->kind == GROUP_REVERSAL || g->kind == GROUP_UPHELD) {
        return original_id(o, a, g, g->line[s->line].share);
    }
    return id_of(a, head->event_id, g, s->group, s->line);
}

const char *lines_state(const struct view *v, const struct walk_item *item,
                        const struct lines_spot *s, mete_time at, mete_time *clears_at)
{
    const struct group *g = &item->decision.group[s->group];
    struct dispute dispute = {0};
    *clears_at = item->recorded_at;
    if (s->line == LINE_SOURCE || g->line[s->line].kind != LINE_ALLOCATION) {
        return allocation_state_name(ALLOCATION_CLEARED);
    }
    *clears_at = g->line[s->line].held ? TIME_NEVER : g->clears_at;
    if (g->kind == GROUP_REVENUE) {
        (void)dispute_of(v, item->seq, item->page, s->group, s->line, &dispute);
    }
    return allocation_state_name(allocation_state_at(*clears_at, &dispute, at));
}

bool lines_party(const struct view *v, struct text id, uint32_t *number)
{
    for (uint32_t own = 1; own < PARTY_FIRST; own++) {
        const char *name = party_system_name(own);
        if (name != NULL && text_is(id, name)) {
            *number = own;
            return true;
        }
    }
    return view_party(v, id, number) == VIEW_FOUND;
}

/** A role pot's role, by its index in the roles policy above it. */
static struct text pot_role(const struct view *v, struct arena *a, const struct group *g,
                            const struct node *pot)
{
    static const struct text BUILT_IN[] = {{"author", 6}, {"editor", 6}, {"distributor", 11}};
    const struct node *root = &g->node[pot->parent];
    const struct policy *p;
    if (root->policy == 0) {
        return pot->share < ARRAY_LEN(BUILT_IN) ? BUILT_IN[pot->share] : (struct text){0};
    }
    bool found = view_policy_version(v, a, root->policy, root->version, &p) == VIEW_FOUND;
    return found && pot->share < p->role_count ? p->role[pot->share].role : (struct text){0};
}

struct text lines_role(const struct view *v, struct arena *a, const struct group *g, uint32_t line)
{
    const struct line *l = &g->line[line];
    const struct policy *p;
    if (l->kind != LINE_ALLOCATION || l->node == NODE_NONE) {
        return (struct text){0};
    }
    const struct node *n = &g->node[l->node];
    if (n->rounding == NODE_ROLE) {
        return pot_role(v, a, g, n);
    }
    if (n->rounding == ROUNDING_AUTHOR) {
        return TEXT("author"); /* an author without a share of their own, who takes what is left */
    }
    bool found =
        n->policy != 0 && view_policy_version(v, a, n->policy, n->version, &p) == VIEW_FOUND;
    return found && l->share < p->share_count ? p->share[l->share].role : (struct text){0};
}

struct text lines_root_policy(const struct view *v, struct arena *a, const struct group *g)
{
    struct text id;
    if (g->node_count == 0) {
        return TEXT("");
    }
    if (g->node[0].policy == 0) {
        return g->node[0].rounding == ROUNDING_AUTHOR ? ROLES_POLICY_ID : TEXT("");
    }
    return view_policy_id(v, g->node[0].policy, &id) == VIEW_FOUND ? arena_text(a, id) : TEXT("");
}
