/* SPDX-License-Identifier: Apache-2.0
 * Rates of exchange as a book remembers them, and what an amount of one asset is in another. Exact
 * fractions; what comes out is rounded down, once. */
#ifndef METE_CORE_FX_H
#define METE_CORE_FX_H

#include "core/ratio.h"
#include "core/view.h"

#define RATE_AGE_MAX (7 * 24 * 3600 * TIME_SECOND_US) /* older ones convert nothing */

struct rate {
    struct ratio value; /* units of quote for one of base, in major units */
    struct text text;   /* as it was set; points into state, as does `provider` */
    struct text provider;
    mete_time as_of;
    uint64_t seq; /* of its fx.rate_set */
};

/** The rate of this pair as it was set last; VIEW_ABSENT also when its text is no fraction that
 *  mete computes with. */
enum view_result view_rate(const struct view *v, struct text base, struct text quote,
                           struct rate *out);
struct key key_rate(struct text base, struct text quote);

/* How one asset becomes another. */
struct fx {
    struct ratio value; /* units of `to` for one of `from`, in major units */
    uint64_t from_seq;  /* the rate that it begins with; both are one unless it is crossed */
    uint64_t to_seq;
};

/** Looks for a rate from one to the other, back, or over EUR or USD, in this order; the first that
 *  is fresh at `now`. METE_OK, METE_RATE_MISSING, METE_RATE_OLD; METE_STORE_FAILED: the view lacks
 *  something. */
enum mete_code fx_find(const struct view *v, mete_time now, struct text from, struct text to,
                       struct fx *out);

/** Minor units of `to` for `amount` minor units of `from`, rounded down. False: beyond 2^120. */
bool fx_amount(const struct fx *x, i128 amount, const struct asset *from, const struct asset *to,
               i128 *out) METE_MUST_CHECK;

#endif
