/* SPDX-License-Identifier: Apache-2.0
 * The book's own check, before a stranger checks it: log, sealed values, state and quarantine are
 * what the stored bytes say they are. */
#ifndef METE_ENGINE_VERIFY_H
#define METE_ENGINE_VERIFY_H

#include "engine/engine.h"
#include "engine/log.h"

struct verify_report {
    struct log_verdict log;
    uint64_t decisions;   /* replayed, pages of releases included */
    uint64_t state_keys;  /* compared with what the replay gives */
    uint64_t sealed;      /* private values that are still there: opened and compared */
    uint64_t erased;      /* commitments whose value is gone */
    uint64_t quarantined; /* rows that can be read */
};

/** METE_PROOF_FAILED names the first thing that is wrong; the report then holds what was done. */
enum mete_code book_verify(struct engine *e, struct verify_report *out,
                           struct mete_err *err) METE_MUST_CHECK;

/** Replays the stored decisions into a dictionary and compares it with the book's, both ways. */
enum mete_code state_verify(struct engine *e, struct verify_report *out,
                            struct mete_err *err) METE_MUST_CHECK;

#endif
