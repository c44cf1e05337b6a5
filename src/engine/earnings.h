/* SPDX-License-Identifier: Apache-2.0
 * What one party has earned, and what stands between it and its money: balances, holds, payouts
 * that failed and how that is mended, the year so far, the next payout. */
#ifndef METE_ENGINE_EARNINGS_H
#define METE_ENGINE_EARNINGS_H

#include "core/payout.h"
#include "engine/query.h"

#define EARNINGS_PAYOUTS 20u /* the newest ones that are told of */

struct earnings_query {
    struct text party;
    struct text asset; /* code; empty: SAT when the party has some, else its first account */
    mete_time at;      /* the clock that clears */
    uint32_t lines;    /* of the history, the newest */
};

struct earnings_account {
    struct asset asset;
    struct balance balance;
};

struct earnings_payout {
    struct text transfer_id;
    struct text batch_id;
    struct text rail;
    uint8_t state; /* enum transfer_state */
    uint32_t attempts;
    struct asset asset;
    i128 amount;
    i128 paid;
    i128 returned;
    mete_time queued_at;
    mete_time ended_at; /* it failed for good, or came back; TIME_NEVER: it did not */
    struct text reason; /* of that; may be empty */
    struct text remediation;
};

struct earnings {
    struct text party;
    mete_time at;
    struct earnings_account *account;
    size_t account_count;
    const struct earnings_account *main; /* that is told of at large; NULL: there is none yet */

    /* of the year that `at` falls into, in the asset of `main` */
    int32_t year;
    i128 earned; /* shares and fees, less what was taken back */
    i128 sent;   /* payouts and settlements, less what came back */

    enum hold_kind hold;
    bool has_destination;
    struct text rail;
    mete_time holds_from; /* of the destination */

    i128 minimum; /* what has to be exceeded */
    i128 next;    /* what the next payout would be, once next_code is METE_OK */
    enum mete_code next_code;
    mete_time next_at; /* when a schedule of that asset and rail is run next; TIME_NEVER: none is */
    bool on_demand;    /* one of them pays when it is asked to */

    struct earnings_payout *payout; /* newest first, in any asset */
    size_t payout_count;
    const struct earnings_payout *failed; /* for which the party is held; NULL: it is not */

    struct statement_line *line; /* newest first, in the asset of `main` */
    size_t line_count;
};

/** All of it in `a`. A party that the log does not name has earned nothing. METE_CURRENCY_UNKNOWN.
 */
enum mete_code earnings_read(struct engine *e, const struct earnings_query *q, struct arena *a,
                             struct earnings *out, struct mete_err *err) METE_MUST_CHECK;

/** "PAYOUT_FAILED_PERMANENT", "PAYOUT_RETURNED", "PAYOUT_HELD" or "OK"; *remediation says what to
 *  do, "" for OK. */
const char *earnings_status(const struct earnings *x, struct text *remediation);

#endif
