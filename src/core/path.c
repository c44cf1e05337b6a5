/* SPDX-License-Identifier: Apache-2.0
 * The path of a line inside its event: the second half of an allocation id. */
#include "core/decision.h"

#include <stdio.h>

struct path {
    char *out;
    size_t len;
};

static void path_add(struct path *p, const char *before, uint32_t number)
{
    int n = snprintf(p->out + p->len, PATH_TEXT_MAX - p->len, "%s%u", before, number);
    METE_ASSERT(n > 0 && p->len + (size_t)n < PATH_TEXT_MAX);
    p->len += (size_t)n;
}

/** Shares of the nodes from the root down. At most POLICY_DEPTH_MAX levels plus role pots deep. */
static void path_node(struct path *p, const struct group *g, uint32_t node)
{
    const struct node *n = &g->node[node];
    if (n->parent == NODE_NONE) {
        return;
    }
    path_node(p, g, n->parent);
    path_add(p, "", n->share + 1);
    path_add(p, "", 0);
    p->out[p->len - 1] = '.';
}

size_t line_path(const struct group *g, uint32_t group_index, uint32_t line,
                 char out[PATH_TEXT_MAX])
{
    const struct line *l = &g->line[line];
    struct path p = {.out = out};
    out[0] = 0;
    if (group_index > 0) {
        path_add(&p, "r", group_index + 1);
        path_add(&p, "", 0);
        out[p.len - 1] = '.';
    }
    switch ((enum line_kind)l->kind) {
    case LINE_FEE:
        path_add(&p, "f", l->share == FEE_PAYLOAD ? 0 : l->share + 1);
        if (l->entry != 0) {
            path_add(&p, ".", l->entry);
        }
        break;
    case LINE_ALLOCATION:
        if (l->node != NODE_NONE) {
            path_node(&p, g, l->node);
        }
        path_add(&p, "", l->share + 1);
        break;
    case LINE_UNALLOCATED:
        p.len += (size_t)snprintf(out + p.len, PATH_TEXT_MAX - p.len, "u");
        break;
    case LINE_CARRY:
        path_add(&p, "c", l->node == NODE_NONE ? 0 : l->node + 1);
        break;
    case LINE_SUSPENSE:
        p.len += (size_t)snprintf(out + p.len, PATH_TEXT_MAX - p.len, "s");
        break;
    case LINE_TRANSFER:
        path_add(&p, "t", line + 1);
        break;
    }
    return p.len;
}
