/* SPDX-License-Identifier: Apache-2.0
 * Proofs and checkpoints as files: written by `mete log proof`, read by whoever has them, with no
 * store at hand. */
#ifndef METE_CLI_PROOF_H
#define METE_CLI_PROOF_H

#include "cli/cli.h"
#include "engine/log.h"

enum proof_kind { PROOF_INCLUSION, PROOF_CONSISTENCY };

struct proof {
    enum proof_kind kind;
    struct text event_id;   /* inclusion; may be empty: no part of what is proven */
    struct text checkpoint; /* signed note of `size`, or of `second`; may be empty */
    union {
        struct log_inclusion inclusion;
        struct log_consistency consistency;
    };
};

void proof_json(struct json_writer *w, const struct proof *p);
/** Reads what proof_json wrote; texts live in `a`. METE_MEMBER_VALUE, METE_MEMBER_MISSING, and the
 *  codes of JSON. */
enum mete_code proof_read(struct arena *a, struct text json, struct proof *out,
                          struct mete_err *err) METE_MUST_CHECK;
bool proof_holds(const struct proof *p) METE_MUST_CHECK;

/** Size and root that the proof leads to: what a checkpoint must say. */
uint64_t proof_size(const struct proof *p);
struct hash proof_root(const struct proof *p);

/** The first line of a note. */
struct text note_origin(struct text note);

#endif
