/* SPDX-License-Identifier: Apache-2.0
 * What stands beside the accounts of a page: names, holds, destinations, what is pending and
 * disputed. Read range by range, in the order of the parties, because a book finds a thousand
 * neighbours faster than a thousand strangers. Private to src/engine. */
#ifndef METE_ENGINE_PAYOUT_BESIDE_H
#define METE_ENGINE_PAYOUT_BESIDE_H

#include "core/balance.h"
#include "core/payout.h"
#include "engine/walk.h"

/* Rows of one class; parties are asked for in ascending order. */
struct beside {
    enum key_class class;
    struct walk_keys keys; /* `more`: too many, each is asked for by itself */
    size_t at;
};

struct page_beside {
    struct beside name, hold, destination, pending, disputed;
};

/** Those of the parties first..last, in `a`. */
enum mete_code beside_read(struct engine *e, struct arena *a, uint32_t first, uint32_t last,
                           struct page_beside *out, struct mete_err *err) METE_MUST_CHECK;

/** The row of a party. */
enum view_result beside_value(const struct view *v, struct beside *b, uint32_t party,
                              struct bytes *value);
/** As balance_of. */
enum view_result beside_balance(const struct view *v, struct arena *scratch, struct page_beside *p,
                                const struct account_at *of, struct balance *out);

#endif
