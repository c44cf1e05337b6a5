/* SPDX-License-Identifier: Apache-2.0
 * Every event of the log with where its money was booked. Booked groups are kept packed and opened
 * again when a reversal or a dispute needs them. */
#ifndef METE_AUDIT_JOURNAL_H
#define METE_AUDIT_JOURNAL_H

#include "audit/decision_read.h"
#include "base/arena.h"
#include "base/map.h"
#include "base/time.h"
#include "mete/error.h"

enum dispute_state { DISPUTE_OPEN, DISPUTE_ESCALATED, DISPUTE_CLEARED, DISPUTE_UPHELD };

/** An allocation that was disputed or overridden: out of its due day for good. */
struct dispute {
    enum dispute_state state;
    mete_time clear_from; /* an open dispute is over by itself from here on */
    uint32_t holder;      /* party that has the money now */
    const i128 *left;     /* of the allocation */
    struct dispute *next; /* of the same account */
};

/** What was taken back of one group, made when the first unit is. */
struct undo {
    i128 reversed;
    i128 *line_left;          /* by line */
    i128 *node_reversed;      /* by node: of a carry split's input */
    i128 *node_given;         /* by node: a policy below a carry split gave back */
    struct dispute **dispute; /* by line, or NULL */
};

struct booking {
    uint64_t seq;
    uint32_t page;
    struct bytes *packed; /* groups of each page */
    uint32_t packed_count;
    uint32_t group_count; /* of all pages joined */
    struct undo **undo;   /* by group */
};

struct invoice;

struct record {
    struct text id;
    uint64_t line;           /* of the export */
    struct booking *booking; /* NULL: no money was split */
    struct invoice *invoice; /* revenue.invoice_paid that is booked; NULL: none */
    bool accepted_waiting;   /* it waits */
    enum mete_code wait_code;
    bool wait_exported;
    bool id_exported;
};

struct journal {
    struct arena *keep;
    struct record *record; /* record[seq - 1] */
    uint64_t count, capacity;
    struct map seq_of; /* event id -> uint64_t */
};

void journal_init(struct journal *j, struct arena *keep);
void journal_clear(struct journal *j);
/** The record of the next event; *known tells that its id stood in the log before. */
struct record *journal_add(struct journal *j, struct text id, bool *known);
/** NULL when there is no such event. */
struct record *journal_find(struct journal *j, struct text id, uint64_t *seq);
struct record *journal_at(struct journal *j, uint64_t seq);

/** Puts the lines of further pages back where they were cut; NULL, or what does not fit. */
const char *pages_join(struct arena *a, struct found_group **group, uint32_t *count,
                       const struct found_group *more, uint32_t more_count);

/** Keeps the pages' groups for later. */
struct booking *booking_keep(struct journal *j, uint64_t seq, uint32_t page,
                             const struct bytes *packed, uint32_t packed_count,
                             uint32_t group_count);
/** The groups of a booking, joined, in `a`. */
struct found_group *booking_open(struct arena *a, const struct booking *b);
/** What was taken back of group `index`, made when absent. */
struct undo *booking_undo(struct journal *j, struct booking *b, uint32_t index,
                          const struct found_group *g);

/** The node is the group's first one of its policy: a quantity passes a policy once, however often
 *  the policy stands in the tree. */
bool node_is_first(const struct found_group *g, uint32_t node);

/** The path of a line inside its event, NUL-terminated ("2.3", "f1", "u"). */
#define LINE_PATH_MAX 256
void found_path(const struct found_group *g, uint32_t group_index, uint32_t line,
                char out[LINE_PATH_MAX]);

#endif
