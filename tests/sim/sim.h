/* SPDX-License-Identifier: Apache-2.0
 * A whole installation under one seed: a store on a disk that fails, several books, their writers
 * and readers, a clock that jumps. Beside each book stands its shadow, a book in memory that is
 * told only what the real one has made durable. Invariant after every step: a book is its shadow,
 * or its shadow and the group whose outcome is not known. */
#ifndef METE_TESTS_SIM_SIM_H
#define METE_TESTS_SIM_SIM_H

#include "engine/engine.h"
#include "oracle/scene.h"
#include "property/flow.h"

#include "../crash/fault_disk.h"

#define SIM_BOOKS 3u
#define SIM_HEADS 64u

enum sim_step {
    STEP_GROUP,
    STEP_REHEARSAL,
    STEP_STATEMENT,
    STEP_EXPLAIN,
    STEP_PROOF,
    STEP_CHECKPOINT,
    STEP_QUARANTINE,
    STEP_ERASE,
    STEP_SIMULATE,
    STEP_CLOCK,
    STEP_FAULT,
    STEP_REOPEN,
    STEP_BACKUP,
    STEP_VERIFY,
    STEPS
};
extern const char *const STEP_NAME[STEPS];

/* An event that is queued in the open group. */
struct sim_queued {
    char *json;
    size_t len;
};

struct sim_head {
    uint64_t size;
    struct hash root;
};

struct sim_book {
    char name[16];
    struct flow flow;
    size_t at; /* next item of it */
    struct scene real;
    struct scene shadow;
    struct sim_queued *queued; /* what the shadow must be told when the group is durable */
    size_t queued_count;
    bool acknowledged;               /* it is durable, only the shadow could not be told yet */
    struct sim_head head[SIM_HEADS]; /* some that were seen; none of them may ever change */
    size_t heads;
    mete_time last; /* recorded_at of the newest event */
};

struct sim_counts {
    uint64_t step[STEPS];
    uint64_t fault[DISK_FAULTS];
    uint64_t failed_steps; /* that a fault has broken */
    uint64_t absorbed;     /* faults that no step noticed */
    uint64_t reopened, at_opening, broken, unknown_groups, jumps_back;
    uint64_t submitted, status[SUBMIT_FAILED + 1], durable;
    uint64_t lines, proofs, audits, backups, erased, replayed;
};

struct sim {
    uint64_t seed;
    uint64_t step;
    struct rng rng;
    char directory[200];
    char file[220];
    struct store *store;
    struct sim_book book[SIM_BOOKS];
    unsigned books;
    bool is_open;
    bool wounded;          /* a fault came since the store was opened */
    enum disk_fault fault; /* the one that is armed, or came last */
    bool armed;
    struct disk_loss loss;
    struct sim_counts counts;
    const char *auditor; /* path of mete-audit; NULL: not run */
    enum sim_step now;
};

/** Prints seed and step and what is wrong, and ends the program. */
_Noreturn void sim_die(const struct sim *s, const char *fmt, ...) METE_PRINTF(2, 3);
#define SIM_CHECK(s, what)                                                                         \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            sim_die((s), "%s:%d: %s", __FILE__, __LINE__, #what);                                  \
        }                                                                                          \
    } while (0)

/* clock.c */
mete_time sim_clock(void);
void sim_clock_set(mete_time now);

/* world.c */
void world_begin(struct sim *s);
void world_end(struct sim *s);
void world_open(struct sim *s);
void world_close(struct sim *s);
/** After a step failed with `err`: it must be the armed fault that did it. Goes on, or opens anew.
 */
void world_recover(struct sim *s, const struct mete_err *err);
/** The open group of `b` is durable: tells the shadow, and compares; later, when the power has just
 *  gone. */
void world_durable(struct sim *s, struct sim_book *b);
/** An event is in the open group. */
void world_queued(struct sim_book *b, struct text json);
void world_forget(struct sim_book *b);
/** The book in memory is the real one: heads, and now and then every balance. */
void world_compare(struct sim *s, struct sim_book *b, bool balances);
/** A new stream for a book whose own is at its end. */
void world_more(struct sim *s, struct sim_book *b);

/* steps.c: true, or why not in *err */
bool step_run(struct sim *s, enum sim_step step, struct mete_err *err);

/* reading.c */
bool reading_statement(struct sim *s, struct sim_book *b, struct mete_err *err);
bool reading_explain(struct sim *s, struct sim_book *b, struct mete_err *err);
bool reading_proof(struct sim *s, struct sim_book *b, struct mete_err *err);
bool reading_verify(struct sim *s, struct sim_book *b, struct mete_err *err);
bool reading_backup(struct sim *s, struct sim_book *b, struct mete_err *err);
bool reading_simulate(struct sim *s, struct sim_book *b, struct mete_err *err);

#endif
