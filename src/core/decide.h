/* SPDX-License-Identifier: Apache-2.0
 * The heart: what an event means for the money. Pure: the same view, event and time give the same
 * bytes, for ever, under the same rules_version. */
#ifndef METE_CORE_DECIDE_H
#define METE_CORE_DECIDE_H

#include "base/arena.h"
#include "core/decision.h"
#include "core/event.h"
#include "core/view.h"
#include "mete/error.h"

enum decided {
    DECIDED_APPLIED,
    DECIDED_WAITING, /* accepted and logged; booked when what it waits for comes (wait_code) */
    DECIDED_REFUSED, /* err says why; nothing changes */
    DECIDED_NEEDS    /* the view lacked something and has noted it: load, then try again */
};

struct decide_in {
    const struct view *view;
    const struct event *event;
    uint64_t seq;          /* the place in the log that the event will have, from 1 */
    mete_time recorded_at; /* the commit's time; monotone in a stored book */
};

/** Decides one event. *out lives in `a`. */
enum decided decide(struct arena *a, const struct decide_in *in, struct decision *out,
                    struct mete_err *err) METE_MUST_CHECK;

/** The keys that deciding this event reads and the view lacks: what `decide` would note, gathered
 *  without deciding. DECIDED_NEEDS when there were any, DECIDED_APPLIED when it can be decided. */
enum decided need(struct arena *a, const struct decide_in *in);

/** True when earlier decisions left releases to do: they come before the next event. */
enum view_result release_pending(const struct view *view, bool *pending);

/** The next step of the queue: decides one waiting event anew, or ends an item of the queue. The
 *  decision is stored as a further page of the event that opened it: `seq`, `page`. */
enum decided release_next(struct arena *a, const struct view *view, uint64_t seq, uint32_t page,
                          mete_time recorded_at, struct decision *out,
                          struct mete_err *err) METE_MUST_CHECK;

#endif
