/* SPDX-License-Identifier: Apache-2.0
 * What a whole stream came to: the answer of `mete run`. It is read off the log alone, decision by
 * decision, and compared with the accounts that the book keeps: both must agree to the unit. */
#ifndef METE_ENGINE_RUN_RESULT_H
#define METE_ENGINE_RUN_RESULT_H

#include "base/arena.h"
#include "base/buf.h"
#include "core/asset.h"
#include "engine/engine.h"
#include "store/store.h"

struct run_refused {
    struct text event_id; /* empty: it could not be read */
    struct text pointer;
    struct text message;
    enum mete_code code;
};

struct run_waiting {
    uint64_t seq;
    struct text event_id;
    enum mete_code code;
    const char *pointer;
};

/** Of all revenues that were booked: gross = fees + allocated + unallocated + carried. */
struct run_total {
    struct asset asset;
    i128 gross;
    i128 fees;
    i128 allocated;
    i128 unallocated;
    i128 carried;
    i128 reversed; /* gross that went back later */
};

struct run_party {
    struct text party;
    struct asset asset;
    i128 pending;
    i128 disputed;
    i128 cleared;
    i128 paid;
    i128 debt;
};

struct run_result {
    struct arena arena;
    uint64_t applied; /* submitted ones: neither presets nor --policy */
    uint64_t duplicate;
    struct run_refused *refused; /* conflicts too; in input order */
    size_t refused_count, refused_cap;
    struct run_waiting *waiting; /* at the end; in input order */
    size_t waiting_count;
    struct run_total *total; /* by asset */
    size_t total_count;
    struct run_party *party; /* by party, then asset; mete's own left out */
    size_t party_count;
    mete_time at; /* the clock that clears */
    struct log_head head;
    struct run_books *books; /* private: what went back and what is disputed, by line */
};

void run_result_init(struct run_result *r);
void run_result_clear(struct run_result *r);

/** Takes down one outcome, in input order. Those that still wait are counted by run_result_read. */
void run_result_note(struct run_result *r, const struct submit_result *s);

/** Reads the book's log. `at`: the clock that clears; TIME_ALWAYS: the newest occurred_at.
 *  METE_PROOF_FAILED when something does not balance. */
enum mete_code run_result_read(struct run_result *r, struct engine *e, mete_time at,
                               struct mete_err *err) METE_MUST_CHECK;

/** Called between rows: may take the bytes out of `out`. */
typedef void run_spill(void *ctx);

/** Writes the object of spec "mete run --json", row by row. */
enum mete_code run_result_write(const struct run_result *r, struct engine *e, struct buf *out,
                                run_spill *spill, void *ctx, struct mete_err *err) METE_MUST_CHECK;

#endif
