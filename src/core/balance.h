/* SPDX-License-Identifier: Apache-2.0
 * What a party has at a moment, exactly: pending, disputed and cleared money of one asset. */
#ifndef METE_CORE_BALANCE_H
#define METE_CORE_BALANCE_H

#include "core/view.h"

struct balance {
    i128 pending;
    i128 disputed;
    i128 cleared; /* >= 0 */
    i128 debt;    /* >= 0: reversed after it was cleared and moved on; later earnings recover it */
    i128 paid;
    i128 leaving; /* on its way: initiated, neither paid nor failed yet */
};

/** An account whose totals are known already. */
struct account_at {
    uint32_t party;
    uint32_t asset;
    mete_time at;
    i128 net;          /* what they come to */
    bool ever_pending; /* something was, when it was booked: only that can be pending or disputed */
};
struct account_at account_at_make(uint32_t party, uint32_t asset, mete_time at,
                                  const i128 total[STATE_SUMS]);
/** balance_at without `paid` and `leaving`, for walks over many accounts. */
enum view_result balance_of(const struct view *v, struct arena *a, const struct account_at *of,
                            struct balance *out);

/** Works from the account's totals, its pending sums of later days, and, for the one day that `at`
 *  falls into, the postings themselves. `a` is scratch memory. */
enum view_result balance_at(const struct view *v, struct arena *a, uint32_t party, uint32_t asset,
                            mete_time at, struct balance *out);

#endif
