/* SPDX-License-Identifier: Apache-2.0
 * The tree of RFC 9162 (Certificate Transparency 2.0): appending, heads, inclusion and consistency
 * proofs, and the signed note of a C2SP tlog-checkpoint. Pure: stored hashes come in through a
 * callback. */
#ifndef METE_CRYPTO_MERKLE_H
#define METE_CRYPTO_MERKLE_H

#include "base/buf.h"
#include "base/types.h"
#include "crypto/hash.h"

#define MERKLE_LEVELS_MAX 64
#define MERKLE_PROOF_MAX  64

/** SHA-256(0x00 || event hash || decision hash || recorded_at in microseconds, 8 bytes big-endian):
 *  design section 5, "Log". */
struct hash merkle_leaf(const struct hash *event, const struct hash *decision,
                        int64_t recorded_at_us);
/** SHA-256(0x01 || left || right). */
struct hash merkle_node(const struct hash *left, const struct hash *right);

/** The right edge of a growing tree: one complete subtree per set bit of `size`. */
struct merkle {
    uint64_t size;
    struct hash edge[MERKLE_LEVELS_MAX]; /* edge[i] valid when bit i of size is set */
};

/** Told of every subtree that an append completes, leaves (level 0) included; may be NULL. */
typedef void merkle_complete(void *ctx, unsigned level, uint64_t index, const struct hash *h);
void merkle_append(struct merkle *m, const struct hash *leaf, merkle_complete *complete, void *ctx);
/** The tree head; SHA-256 of nothing for the empty tree. */
struct hash merkle_root(const struct merkle *m);

/** Reads the hash of complete subtree (level, index); false stops everything. */
typedef bool merkle_read(void *ctx, unsigned level, uint64_t index, struct hash *out);

/** Head of the first `size` leaves. */
bool merkle_root_at(merkle_read *read, void *ctx, uint64_t size, struct hash *out) METE_MUST_CHECK;
/** Path for leaf `index` (from 0) in a tree of `size`; RFC 9162 section 2.1.3.1. */
bool merkle_inclusion(merkle_read *read, void *ctx, uint64_t index, uint64_t size,
                      struct hash path[MERKLE_PROOF_MAX], size_t *count) METE_MUST_CHECK;
bool merkle_inclusion_verify(const struct hash *leaf, uint64_t index, uint64_t size,
                             const struct hash *path, size_t count,
                             const struct hash *root) METE_MUST_CHECK;
/** Proof that the tree of `first` leaves is a prefix of that of `second`; section 2.1.4.1. */
bool merkle_consistency(merkle_read *read, void *ctx, uint64_t first, uint64_t second,
                        struct hash path[MERKLE_PROOF_MAX], size_t *count) METE_MUST_CHECK;
bool merkle_consistency_verify(uint64_t first, uint64_t second, const struct hash *first_root,
                               const struct hash *second_root, const struct hash *path,
                               size_t count) METE_MUST_CHECK;

/** Writes the signed note: origin, size, base64 root, blank line, "\u2014 name base64(id||sig)".
 *  Source: C2SP tlog-checkpoint and signed-note (Ed25519, key id = SHA-256(name||\n||1||key)[:4])
 */
void checkpoint_write(struct buf *out, struct text origin, uint64_t size, const struct hash *root,
                      const uint8_t seed[32]);
/** Verifies and reads such a note. */
bool checkpoint_verify(struct text note, struct text origin, const uint8_t public_key[32],
                       uint64_t *size, struct hash *root) METE_MUST_CHECK;

#endif
