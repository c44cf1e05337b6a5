/* SPDX-License-Identifier: Apache-2.0
 * Adding up every line that the book posted: the four sums of each account, what is due on which
 * day, and balances at a moment. It believes the lines; that they are right is compare.h's
 * business. */
#ifndef METE_AUDIT_LEDGER_H
#define METE_AUDIT_LEDGER_H

#include "audit/decision_read.h"
#include "audit/journal.h"
#include "base/map.h"

enum account_sum { DEBITS_POSTED, CREDITS_POSTED, DEBITS_PENDING, CREDITS_PENDING, SUM_COUNT };

struct due {
    mete_time at;
    i128 amount;
};

struct account {
    uint32_t party;
    uint32_t asset;
    i128 sum[SUM_COUNT];
    struct due *due; /* allocations that were not clear yet when they were booked */
    size_t due_count, due_capacity;
    i128 held; /* pending whatever the date */
    i128 paid; /* settled so far */
    bool paid_exported;
    struct dispute *disputes;
    bool account_exported;
    bool balance_exported;
};

struct due_day {
    i128 amount;
    bool exported;
};

struct ledger {
    struct arena *keep;
    struct map account_of; /* party, asset -> struct account * */
    struct map day_of;     /* party, asset, day -> struct due_day */
    uint64_t lines;
};

struct balance {
    i128 pending, disputed, cleared, debt;
};

void ledger_init(struct ledger *l, struct arena *keep);
void ledger_clear(struct ledger *l);

/** NULL when nothing was ever posted to it. */
struct account *ledger_find(const struct ledger *l, uint32_t party, uint32_t asset);
struct account *ledger_obtain(struct ledger *l, uint32_t party, uint32_t asset);
/** `day` DAY_NEVER: of lines that are held. */
#define DAY_NEVER INT32_MAX
struct due_day *ledger_day(const struct ledger *l, uint32_t party, uint32_t asset, int32_t day);

/** The four sums and the due days: one page's groups as they were stored. */
void ledger_post(struct ledger *l, const struct found_group *group, uint32_t count,
                 mete_time booked_at);
/** An allocation's amount becomes due or, negative, is due no more. */
void ledger_due(struct ledger *l, uint32_t party, uint32_t asset, i128 amount, mete_time at,
                mete_time booked_at, bool held);

/** An allocation is disputed or overridden: what is left of it leaves its due day. */
void ledger_withdraw(struct ledger *l, const struct found_group *g, const struct found_line *line,
                     i128 left, mete_time now);

struct balance account_balance(const struct account *a, mete_time at);

bool dispute_is_open(const struct dispute *d, mete_time at);

#endif
