/* SPDX-License-Identifier: Apache-2.0
 * Splitting by role (RFC 0006 section 5.2): a pot per role, floored; by weight inside the role,
 * floored; all that is left to the first author. */
#include "core/contribution.h"
#include "core/work.h"

#include "base/text.h"
#include "core/apportion.h"

static const struct role_share DEFAULT_ROLES[] = {
    {{"author", 6}, 7000}, {{"editor", 6}, 1000}, {{"distributor", 11}, 2000}};

enum view_result view_contributions(const struct view *v, struct arena *a, struct text content_item,
                                    struct contribution **list, size_t *count)
{
    struct key key = key_text(KEY_CONTENT, content_item);
    struct bytes value;
    *count = 0;
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    if (found != VIEW_FOUND) {
        return found;
    }
    struct reader r = reader_of(value);
    *count = read_varint(&r);
    *list = arena_array(a, *count, sizeof **list);
    for (size_t i = 0; i < *count; i++) {
        (*list)[i].party = (uint32_t)read_varint(&r);
        (*list)[i].role = arena_text(a, read_sized(&r));
        (*list)[i].weight = read_varint(&r);
    }
    METE_ASSERT(reader_done(&r));
    return VIEW_FOUND;
}

void contributions_pack(struct buf *out, const struct contribution *list, size_t count)
{
    buf_put_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        buf_put_varint(out, list[i].party);
        buf_put_sized(out, list[i].role);
        buf_put_varint(out, list[i].weight);
    }
}

enum view_result view_roles(const struct view *v, struct arena *a, mete_time at, uint32_t *number,
                            uint32_t *version, const struct role_share **roles, size_t *count)
{
    *number = 0;
    *version = 0;
    *roles = DEFAULT_ROLES;
    *count = ARRAY_LEN(DEFAULT_ROLES);
    struct version *versions = NULL;
    size_t known = 0;
    enum view_result found = view_roles_versions(v, a, &versions, &known);
    const struct version *in_force = version_at(versions, known, at);
    if (found != VIEW_FOUND || in_force == NULL) {
        return found == VIEW_MISSING ? VIEW_MISSING : VIEW_FOUND;
    }
    struct key key = key_u32x2(KEY_POLICY_VERSION, 0, in_force->number);
    struct bytes value;
    if (v->get(v->ctx, key_bytes(&key), &value) != VIEW_FOUND) {
        return VIEW_MISSING;
    }
    struct reader r = reader_of(value);
    *number = (uint32_t)read_varint(&r);
    *version = (uint32_t)read_varint(&r);
    const struct policy *p;
    if (view_policy_version(v, a, *number, *version, &p) != VIEW_FOUND) {
        return VIEW_MISSING;
    }
    *roles = p->role;
    *count = p->role_count;
    return VIEW_FOUND;
}

struct roles {
    struct work *w;
    struct group *g;
    const struct contribution *contribution;
    size_t count;
    uint32_t root;
    i128 net;
    i128 given;
    uint32_t author_line; /* the first author's line once it is made */
};

static u128 role_weight(const struct roles *r, struct text role)
{
    u128 sum = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (text_eq(r->contribution[i].role, role)) {
            sum += r->contribution[i].weight;
        }
    }
    return sum;
}

static struct line *role_line(struct roles *r, uint32_t node, size_t contribution, u128 weight,
                              i128 amount)
{
    const struct contribution *c = &r->contribution[contribution];
    struct line *line = group_line(r->w->a, r->g);
    line->kind = LINE_ALLOCATION;
    line->node = node;
    line->share = (uint32_t)contribution;
    line->party = c->party;
    line->weight = weight;
    line->amount = amount;
    r->given += amount;
    return line;
}

/** One role's pot, divided by weight among who has the role. */
static void role_split(struct roles *r, const struct role_share *role, uint32_t index)
{
    u128 sum = role_weight(r, role->role);
    if (sum == 0) {
        return;
    }
    uint32_t node_index;
    struct node *node = group_node(r->w->a, r->g, &node_index);
    node->parent = r->root;
    node->share = index;
    node->rounding = NODE_ROLE;
    node->weight = role->bps;
    node->den = sum;
    node->input = amount_bps(r->net, role->bps);
    i128 pot = node->input;
    bool author = text_is(role->role, "author");
    for (size_t i = 0; i < r->count; i++) {
        if (!text_eq(r->contribution[i].role, role->role)) {
            continue;
        }
        u128 weight = r->contribution[i].weight;
        (void)role_line(r, node_index, i, weight, apportion_floor(pot, weight, sum));
        if (author && r->author_line == UINT32_MAX) {
            r->author_line = r->g->line_count - 1;
        }
    }
}

/** The first author without a share of their own still takes what is left. */
static void author_find(struct roles *r)
{
    for (size_t i = 0; i < r->count && r->author_line == UINT32_MAX; i++) {
        if (text_is(r->contribution[i].role, "author")) {
            (void)role_line(r, r->root, i, 0, 0);
            r->author_line = r->g->line_count - 1;
        }
    }
}

static void rest_give(struct roles *r)
{
    i128 rest = r->net - r->given;
    if (r->author_line != UINT32_MAX) {
        r->g->line[r->author_line].amount += rest;
        r->g->line[r->author_line].extra = rest;
    } else if (rest != 0) {
        struct line *line = group_line(r->w->a, r->g);
        line->kind = LINE_UNALLOCATED;
        line->party = r->w->book.unallocated;
        line->amount = rest;
    }
}

enum decided split_by_roles(struct work *w, struct group *g, struct text content_item, i128 net,
                            mete_time at)
{
    struct contribution *list = NULL;
    size_t count = 0;
    uint32_t number;
    uint32_t version;
    const struct role_share *roles;
    size_t role_count;
    w->missing |= view_contributions(w->view, w->a, content_item, &list, &count) == VIEW_MISSING;
    if (view_roles(w->view, w->a, at, &number, &version, &roles, &role_count) == VIEW_MISSING) {
        w->missing = true;
        return DECIDED_NEEDS;
    }
    struct roles r = {w, g, list, count, 0, net, 0, UINT32_MAX};
    struct node *root = group_node(w->a, g, &r.root);
    root->policy = number;
    root->version = version;
    root->rounding = ROUNDING_AUTHOR;
    root->den = 10000;
    root->input = net;
    for (size_t i = 0; i < role_count; i++) {
        role_split(&r, &roles[i], (uint32_t)i);
    }
    author_find(&r);
    rest_give(&r);
    return DECIDED_APPLIED;
}
