/* SPDX-License-Identifier: Apache-2.0
 * The state of an allocation, and of its dispute. */
#ifndef METE_CORE_DISPUTE_H
#define METE_CORE_DISPUTE_H

#include "core/decision.h"
#include "core/view.h"

/* X(symbol, number, name). Stored: numbers are permanent. */
#define DISPUTE_STATES(X)                                                                          \
    X(NONE, 0, "none")                                                                             \
    X(DISPUTED, 1, "disputed")                                                                     \
    X(ESCALATED, 2, "escalated")                                                                   \
    X(OVERRIDDEN, 3, "overridden")                                                                 \
    X(UPHELD, 4, "upheld")

enum dispute_state {
#define X(symbol, number, name) DISPUTE_##symbol = (number),
    DISPUTE_STATES(X)
#undef X
};

struct dispute {
    enum dispute_state state;
    mete_time opened_at;
    mete_time auto_clear_at; /* clears by itself after this moment, which is not before it is due;
                                TIME_NEVER when escalated, or held for a countersignature */
    mete_time changed_at;
    i128 amount;    /* held back now */
    uint32_t owner; /* who holds the allocation now: another party once upheld */
};

const char *dispute_state_name(enum dispute_state s);
struct key dispute_key(uint64_t seq, uint32_t page, uint32_t group, uint32_t line);
void dispute_pack(struct buf *out, const struct dispute *d);
bool dispute_unpack(struct bytes in, struct dispute *d) METE_MUST_CHECK;

/** VIEW_ABSENT and state NONE when the line was never disputed. */
enum view_result dispute_of(const struct view *v, uint64_t seq, uint32_t page, uint32_t group,
                            uint32_t line, struct dispute *out);

enum allocation_state {
    ALLOCATION_PENDING,
    ALLOCATION_DISPUTED,
    ALLOCATION_CLEARED,
    ALLOCATION_UPHELD
};
const char *allocation_state_name(enum allocation_state s);

/** The state of an allocation at a moment: cleared as soon as clears_at has come; a dispute clears
 *  by itself once more than the book's days have passed. */
enum allocation_state allocation_state_at(mete_time clears_at, const struct dispute *d,
                                          mete_time at);

#endif
