/* SPDX-License-Identifier: Apache-2.0
 * What happened to a booking afterwards: its reversals, and the events of a dispute. State keeps
 * only their sums; the events themselves are found through the entries of the accounts that they
 * touched. Private to src/engine. */
#ifndef METE_ENGINE_TRACE_H
#define METE_ENGINE_TRACE_H

#include "core/dispute.h"
#include "engine/walk.h"

struct trace_hit {
    uint64_t seq; /* of the reversal's booking */
    uint32_t page;
    uint32_t group;
    struct text event_id;
    mete_time occurred_at;
    i128 gross;     /* given back of the whole booking, > 0 */
    u128 den;       /* what was left of the whole booking before */
    i128 line;      /* given back of the line that was asked about */
    u128 line_left; /* what was left of that line before */
    struct trace_hit *next;
};

/** The reversals of one group of a booking, in log order. `line` may be UINT32_MAX. */
enum mete_code trace_reversals(struct engine *e, struct arena *a, const struct walk_item *booking,
                               uint32_t group, uint32_t line, struct trace_hit **out,
                               struct mete_err *err) METE_MUST_CHECK;

/** The id of the event about an allocation that was recorded at exactly `at`; empty when it is not
 *  there. */
struct text trace_dispute_event(struct engine *e, struct arena *a, struct text allocation_id,
                                mete_time at);

#endif
