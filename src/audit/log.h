/* SPDX-License-Identifier: Apache-2.0
 * The log re-hashed: leaves from the bytes as they stand in the export, complete subtrees, the head
 * at every size; tiles and signed checkpoints are held against them. */
#ifndef METE_AUDIT_LOG_H
#define METE_AUDIT_LOG_H

#include "audit/report.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "wire/json.h"

#define TILE_WIDTH        256u
#define TILE_LEVEL_HEIGHT 8u /* tree levels between two levels of tiles */

/** Hashes of the complete subtrees of one height, from the left. */
struct log_level {
    struct hash *hash;
    uint64_t count, capacity;
};

struct log {
    struct merkle tree;
    struct log_level level[MERKLE_LEVELS_MAX];
    uint64_t tiles_seen[MERKLE_LEVELS_MAX]; /* full tiles, by level of tiles */
};

void log_init(struct log *l);
void log_clear(struct log *l);
void log_append(struct log *l, struct bytes event, struct bytes decision, mete_time recorded_at);
struct hash log_root(const struct log *l);

void log_check_tile(struct log *l, struct report *r, const struct json *line);
/** Every full tile was there. */
void log_check_tiles(const struct log *l, struct report *r);
/** `key` NULL: the export names none. */
void log_check_checkpoint(struct log *l, struct report *r, const struct json *line,
                          struct text origin, const uint8_t *key);

#endif
