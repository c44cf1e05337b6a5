/* SPDX-License-Identifier: Apache-2.0
 * The log's Merkle tree over what a store keeps: leaves, and the nodes of every eighth level.
 * Hashes between are computed from at most 256 of these; the growing right edge is in memory. */
#ifndef METE_STORE_TREE_H
#define METE_STORE_TREE_H

#include "crypto/merkle.h"
#include "store/port.h"

#define TREE_STEP  8u /* levels from one kept level to the next */
#define TREE_GROUP 256u
#define TREE_KEPT  5u /* levels 0, 8, 16, 24, 32 */

struct tree {
    const struct log_port *port;
    void *log;
    struct merkle merkle;
    struct hash edge[TREE_KEPT][TREE_GROUP]; /* the last, growing group of each kept level */
    struct hash *group[TREE_KEPT];           /* the group that was read last */
    uint64_t group_no[TREE_KEPT];
};

void tree_init(struct tree *t, const struct log_port *port, void *log);
void tree_clear(struct tree *t);
/** Brings the right edge of a tree of `size` leaves back. */
enum store_result tree_load(struct tree *t, uint64_t size, struct mete_err *err) METE_MUST_CHECK;
/** Appends a leaf and stores the kept nodes that it completes. */
enum store_result tree_append(struct tree *t, const struct hash *leaf,
                              struct mete_err *err) METE_MUST_CHECK;
/** Appends a leaf of which all is stored already. */
void tree_follow(struct tree *t, const struct hash *leaf);
/** Complete subtree (level, index); STORE_NONE when there is no such. */
enum store_result tree_hash(struct tree *t, unsigned level, uint64_t index, struct hash *out,
                            struct mete_err *err) METE_MUST_CHECK;

#endif
