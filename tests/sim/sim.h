/* SPDX-License-Identifier: Apache-2.0
 * A whole installation under one seed: a store on a disk that fails, several books, their writers
 * and readers, a clock that jumps. Beside each book stand its shadow, a book in memory that is told
 * only what the real one has made durable, and the simulator's own model of it. Invariant after
 * every step: a book is its shadow, or its shadow and the group whose outcome is not known. */
#ifndef METE_TESTS_SIM_SIM_H
#define METE_TESTS_SIM_SIM_H

#include "engine/engine.h"
#include "engine/query.h"
#include "oracle/scene.h"
#include "property/flow.h"

#include "../crash/fault_disk.h"
#include "model.h"

#define SIM_BOOKS   3u
#define SIM_HEADS   64u
#define SIM_READERS 4u

enum sim_step {
    STEP_GROUP,
    STEP_REHEARSAL,
    STEP_DISPUTE,
    STEP_STOP,
    STEP_READER,
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
    STEP_COPY_BACK,
    STEP_VERIFY,
    STEPS
};
extern const char *const STEP_NAME[STEPS];

/* X(symbol, what is checked) */
#define SIM_CHECKS(X)                                                                              \
    X(HEADS, "heads")                                                                              \
    X(ONCE, "ids once")                                                                            \
    X(MONEY, "conservation")                                                                       \
    X(SHADOWS, "states")                                                                           \
    X(BALANCES, "balances")                                                                        \
    X(DISPUTES, "dispute states")                                                                  \
    X(SNAPSHOTS, "snapshots")                                                                      \
    X(STATEMENTS, "statements")                                                                    \
    X(WATERMARKS, "watermarks")                                                                    \
    X(PROOFS, "proofs")                                                                            \
    X(COPIES, "copies")                                                                            \
    X(AUDITS, "audits")

enum sim_check {
#define X(symbol, what) CHECK_##symbol,
    SIM_CHECKS(X)
#undef X
        CHECKS
};

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
    unsigned flows;
    struct scene real;
    struct scene shadow;
    struct model model;
    struct map fresh;          /* ids in the open group -> hash of what was sent */
    struct sim_queued *queued; /* what the shadow must be told when the group is durable */
    size_t queued_count;
    bool acknowledged;               /* it is durable, only the shadow could not be told yet */
    struct sim_head head[SIM_HEADS]; /* some that were seen; none of them may ever change */
    size_t heads;
    mete_time last; /* recorded_at of the newest event */
};

/* A snapshot that somebody holds while the book goes on. */
struct sim_reader {
    struct engine *engine; /* NULL: there is none */
    struct sim_book *book;
    uint64_t faults;      /* that had come when it was opened */
    struct sim_head head; /* as it was when it was taken */
    mete_time at;         /* the moment of `balances` */
    struct buf balances;  /* what the model said then */
    bool drawn;           /* the statement of this account is being paged */
    struct text party;    /* the model's */
    struct asset asset;
    char cursor[STATEMENT_CURSOR_MAX];
    i128 sum;
};

struct sim_counts {
    uint64_t check[CHECKS];
    uint64_t steps, seeds, snapshots, pages, stopped, disputed, undisputed, copied_back;
    uint64_t step[STEPS];
    uint64_t fault[DISK_FAULTS];
    uint64_t failed_steps; /* that a fault has broken */
    uint64_t absorbed;     /* faults that no step noticed */
    uint64_t reopened, at_opening, broken, unknown_groups, jumps_back;
    uint64_t status[SUBMIT_FAILED + 1], durable;
    uint64_t lines, erased, replayed;
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
    struct sim_reader reader[SIM_READERS];
    uint64_t events;  /* to live for */
    uint64_t durable; /* so far */
    uint64_t submitted;
    uint64_t trace; /* of all that happened: the same seed, the same trace */
    bool is_open;
    bool wounded;          /* a fault came since the store was opened */
    enum disk_fault fault; /* the one that is armed, or came last */
    bool armed;
    struct disk_loss loss;
    struct sim_counts counts;
    const char *auditor; /* path of mete-audit; NULL: not run */
    enum sim_step now;
};

/** Prints how to see it again. Async-signal-safe. */
void sim_again(void);
/** Counts a check that was done. */
void sim_checked(struct sim *s, enum sim_check check);
/** Prints seed and step and what is wrong, and ends the program. */
_Noreturn void sim_die(const struct sim *s, const char *fmt, ...) METE_PRINTF(2, 3);
#define SIM_CHECK(s, what)                                                                         \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            sim_die((s), "%s:%d: %s", __FILE__, __LINE__, #what);                                  \
        }                                                                                          \
    } while (0)

/* chance.c: every random number of the process follows from the seed */
void sim_chance(uint64_t seed);

/* report.c */
void report_counts(const struct sim *s, double seconds);
void report_heads(const struct sim *s);

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
/** After a power cut: closes all, and opens what the platter holds. */
void world_power_back(struct sim *s);
/** A new stream for a book whose own is at its end. */
void world_more(struct sim *s, struct sim_book *b);

/* steps.c: true, or why not in *err */
bool step_run(struct sim *s, enum sim_step step, struct mete_err *err);

/* group.c */
bool group_submit_one(struct sim *s, struct sim_book *b, struct text json, struct mete_err *err);
bool group_step(struct sim *s, struct sim_book *b, struct mete_err *err);
bool group_rehearse(struct sim *s, struct sim_book *b, struct mete_err *err);
bool group_stop(struct sim *s, struct sim_book *b, struct mete_err *err);
bool group_dispute(struct sim *s, struct sim_book *b, struct mete_err *err);

/* readers.c */
bool readers_step(struct sim *s, struct mete_err *err);
void readers_close(struct sim *s);

/* reading.c */
bool reading_statement(struct sim *s, struct sim_book *b, struct mete_err *err);
bool reading_explain(struct sim *s, struct sim_book *b, struct mete_err *err);
bool reading_proof(struct sim *s, struct sim_book *b, struct mete_err *err);
/** `audited`: by the auditor too, when there is one. */
bool reading_verify(struct sim *s, struct sim_book *b, bool audited, struct mete_err *err);
/** The write-ahead log is copied back into the database, as far as readers let it. */
bool reading_copy_back(struct sim *s, struct mete_err *err);
bool reading_backup(struct sim *s, struct sim_book *b, struct mete_err *err);
bool reading_simulate(struct sim *s, struct sim_book *b, struct mete_err *err);

#endif
