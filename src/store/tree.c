/* SPDX-License-Identifier: Apache-2.0
 * Invariant: of kept level 8k, the nodes 0 .. (size >> 8k) - 1 exist; those of the last group that
 * is not full are in `edge`, all others in the store. */
#include "store/tree.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_LIMIT (UINT64_C(1) << LOG_SIZE_BITS)

void tree_init(struct tree *t, const struct log_port *port, void *log)
{
    memset(t, 0, sizeof *t);
    t->port = port;
    t->log = log;
}

void tree_clear(struct tree *t)
{
    for (unsigned k = 0; k < TREE_KEPT; k++) {
        free(t->group[k]);
        t->group[k] = NULL;
    }
}

/* The kept nodes that one leaf completes: at most one a level. */
struct completed {
    struct tree *t;
    unsigned count;
    unsigned level[TREE_KEPT];
    uint64_t index[TREE_KEPT];
    struct hash hash[TREE_KEPT];
};

static void on_complete(void *ctx, unsigned level, uint64_t index, const struct hash *h)
{
    struct completed *c = ctx;
    if (level % TREE_STEP != 0 || level / TREE_STEP >= TREE_KEPT) {
        return;
    }
    c->t->edge[level / TREE_STEP][index % TREE_GROUP] = *h;
    if (level > 0) { /* leaves are in the rows */
        c->level[c->count] = level;
        c->index[c->count] = index;
        c->hash[c->count] = *h;
        c->count++;
    }
}

enum store_result tree_append(struct tree *t, const struct hash *leaf, struct mete_err *err)
{
    METE_ASSERT(t->merkle.size < SIZE_LIMIT);
    struct completed c = {.t = t};
    merkle_append(&t->merkle, leaf, on_complete, &c);
    enum store_result r = STORE_OK;
    for (unsigned i = 0; i < c.count && r == STORE_OK; i++) {
        r = t->port->node_put(t->log, c.level[i], c.index[i], &c.hash[i], err);
    }
    return r;
}

void tree_follow(struct tree *t, const struct hash *leaf)
{
    METE_ASSERT(t->merkle.size < SIZE_LIMIT);
    struct completed c = {.t = t};
    merkle_append(&t->merkle, leaf, on_complete, &c);
}

/** `count` kept nodes from `first` on, all in one group. */
static enum store_result kept_nodes(struct tree *t, unsigned k, uint64_t first,
                                    const struct hash **out, struct mete_err *err)
{
    uint64_t group = first / TREE_GROUP;
    uint64_t complete = t->merkle.size >> (TREE_STEP * k);
    if (group == complete / TREE_GROUP) {
        *out = &t->edge[k][first % TREE_GROUP];
        return STORE_OK;
    }
    if (t->group[k] == NULL || t->group_no[k] != group) {
        if (t->group[k] == NULL) {
            t->group[k] = malloc(TREE_GROUP * sizeof(struct hash));
            METE_ASSERT(t->group[k] != NULL);
        }
        t->group_no[k] = UINT64_MAX;
        enum store_result r =
            t->port->nodes(t->log, TREE_STEP * k, group * TREE_GROUP, TREE_GROUP, t->group[k], err);
        if (r != STORE_OK) {
            return r;
        }
        t->group_no[k] = group;
    }
    *out = &t->group[k][first % TREE_GROUP];
    return STORE_OK;
}

enum store_result tree_hash(struct tree *t, unsigned level, uint64_t index, struct hash *out,
                            struct mete_err *err)
{
    if (level >= LOG_SIZE_BITS || index >= t->merkle.size >> level) {
        return STORE_NONE;
    }
    unsigned k = level / TREE_STEP;
    unsigned above = level % TREE_STEP;
    const struct hash *node;
    enum store_result r = kept_nodes(t, k, index << above, &node, err);
    if (r != STORE_OK) {
        return r;
    }
    struct hash fold[TREE_GROUP / 2];
    size_t count = (size_t)1 << above;
    for (const struct hash *from = node; count > 1; from = fold) {
        count /= 2;
        for (size_t i = 0; i < count; i++) {
            fold[i] = merkle_node(&from[2 * i], &from[2 * i + 1]);
        }
    }
    *out = above == 0 ? *node : fold[0];
    return STORE_OK;
}

enum store_result tree_load(struct tree *t, uint64_t size, struct mete_err *err)
{
    enum store_result r = STORE_OK;
    METE_ASSERT(size < SIZE_LIMIT);
    tree_clear(t);
    t->merkle.size = size;
    for (unsigned k = 0; k < TREE_KEPT && r == STORE_OK; k++) {
        uint64_t complete = size >> (TREE_STEP * k);
        unsigned count = (unsigned)(complete % TREE_GROUP);
        if (count > 0) {
            r = t->port->nodes(t->log, TREE_STEP * k, complete - count, count, t->edge[k], err);
        }
    }
    for (unsigned level = 0; level < LOG_SIZE_BITS && r == STORE_OK; level++) {
        if ((size >> level & 1) != 0) {
            r = tree_hash(t, level, (size >> level) - 1, &t->merkle.edge[level], err);
        }
    }
    return r;
}
