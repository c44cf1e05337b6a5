/* SPDX-License-Identifier: Apache-2.0
 * Accounts as the log alone gives them, without the book's state: what `mete run` shows and what
 * it is compared with. Private to src/engine. */
#ifndef METE_ENGINE_RUN_BOOKS_H
#define METE_ENGINE_RUN_BOOKS_H

#include "base/map.h"
#include "core/dispute.h"
#include "engine/run_result.h"
#include "engine/walk.h"

struct run_account {
    uint32_t party;
    uint32_t asset;
    i128 net;
    i128 pending; /* due after `at`, disputed ones left out */
    i128 disputed;
};

/** A line that was disputed, or released though it was held. */
struct run_dispute {
    struct dispute dispute; /* as it stands at the end */
    uint32_t party;
    uint32_t asset;
    mete_time due;
    i128 amount; /* of the line */
    i128 left;   /* not reversed when it left its due day */
};

/** What went back of one booked group. */
struct run_reversed {
    i128 *line;
    uint32_t line_count;
};

struct run_books {
    struct arena arena;
    struct map account;  /* party, asset -> struct run_account */
    struct map reversed; /* seq, page, group -> struct run_reversed */
    struct map dispute;  /* seq, page, group, line -> struct run_dispute */
    struct map waiting;  /* seq -> struct run_waiting */
};

struct run_books *run_books_new(void);
void run_books_free(struct run_books *b);

/** Adds one decision. METE_PROOF_FAILED when a group does not balance. */
enum mete_code run_books_add(struct run_books *b, struct engine *e, const struct walk_item *item,
                             mete_time at, struct mete_err *err) METE_MUST_CHECK;
/** After the last decision: takes disputed money out of what is pending. */
void run_books_settle(struct run_books *b, mete_time at);

/** What went back of a line so far. */
i128 run_books_reversed(const struct run_books *b, uint64_t seq, uint32_t page, uint32_t group,
                        uint32_t line);
/** The dispute of a line, state NONE when there is none. */
struct dispute run_books_dispute(const struct run_books *b, uint64_t seq, uint32_t page,
                                 uint32_t group, uint32_t line);

#endif
