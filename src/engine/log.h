/* SPDX-License-Identifier: Apache-2.0
 * The log as a thing to be proven: signed heads, inclusion and consistency proofs, and the check
 * that the stored rows are the ones that the head speaks of. */
#ifndef METE_ENGINE_LOG_H
#define METE_ENGINE_LOG_H

#include "crypto/merkle.h"
#include "engine/engine.h"

/** The name that a book's checkpoints are signed under: "mete/" and the book's name, characters
 * that a C2SP key name may not have as %XX. In `a`. */
struct text log_origin(struct arena *a, const struct engine *e);

/** Signs the head of the first `size` entries; the note lives in `a`. METE_SEAL_KEY without keys,
 *  METE_NOT_FOUND when there are not so many. */
enum mete_code log_checkpoint(struct engine *e, struct arena *a, uint64_t size,
                              struct checkpoint *out, struct mete_err *err) METE_MUST_CHECK;
/** The note alone; empty when it cannot be signed: a proof is one without it too. In `a`. */
struct text log_note(struct engine *e, struct arena *a, uint64_t size);
/** Remembers a checkpoint in the store, durably. */
enum mete_code log_checkpoint_keep(struct engine *e, const struct checkpoint *c,
                                   struct mete_err *err) METE_MUST_CHECK;

/** Everything that a leaf is made of, and the way from it to a root. */
struct log_inclusion {
    uint64_t seq;
    uint64_t size;
    mete_time recorded_at;
    struct hash event;
    struct hash decision;
    struct hash leaf;
    struct hash root; /* of the first `size` entries */
    struct hash path[MERKLE_PROOF_MAX];
    size_t path_count;
};

/** METE_NOT_FOUND when `seq` is not among the first `size` entries, or there are not so many. */
enum mete_code log_prove_inclusion(struct engine *e, uint64_t seq, uint64_t size,
                                   struct log_inclusion *out, struct mete_err *err) METE_MUST_CHECK;
/** The leaf is made of its parts and the path leads to the root. */
bool log_inclusion_holds(const struct log_inclusion *p) METE_MUST_CHECK;

struct log_consistency {
    uint64_t first;
    uint64_t second;
    struct hash first_root;
    struct hash second_root;
    struct hash path[MERKLE_PROOF_MAX];
    size_t path_count;
};

/** 0 < first <= second <= size of the log; else METE_NOT_FOUND. */
enum mete_code log_prove_consistency(struct engine *e, uint64_t first, uint64_t second,
                                     struct log_consistency *out,
                                     struct mete_err *err) METE_MUST_CHECK;
bool log_consistency_holds(const struct log_consistency *p) METE_MUST_CHECK;

struct log_verdict {
    uint64_t rows;
    uint64_t checkpoints;
    bool signatures;  /* of the checkpoints, too: the key file was there */
    struct hash root; /* recomputed from the rows */
};

/** Recomputes every leaf, every stored hash of the tree, the head and every stored checkpoint.
 *  METE_PROOF_FAILED names the first that is wrong. */
enum mete_code log_verify(struct engine *e, struct log_verdict *out,
                          struct mete_err *err) METE_MUST_CHECK;

#endif
