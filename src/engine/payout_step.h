/* SPDX-License-Identifier: Apache-2.0
 * What a worker did with a payout, as an event. Its id follows from payout, attempt, step and look,
 * so that a step that is said twice is booked once; whether the step may be taken core decides
 * (doc/decisions/0014-payouts.md). */
#ifndef METE_ENGINE_PAYOUT_STEP_H
#define METE_ENGINE_PAYOUT_STEP_H

#include "engine/engine.h"

#define STEPS_MAX 1000u /* of one request */

struct payout_step {
    enum event_type type; /* EVENT_PAYOUT_TRANSFER_*, not QUEUED */
    struct text transfer_id;
    uint32_t attempt; /* 0: the step names none */
    /* Of sending, sent, unknown: which look at the attempt it is. 0: the one that makes it. Not
     * given: the next one, so that a step that is said twice is booked twice. Of failed: the last
     * look that is known to who says it; when there were more, it is refused. */
    bool has_look;
    uint32_t look;
    bool unprepared; /* of failed */
    struct text anchor;
    bool has_body;
    struct text body; /* a secret */
    struct text group;
    struct text reference, reason, remediation, proof; /* "": not said */
    struct text amount, fee;                           /* JSON of a money object; "": not said */
    struct when retry_at;
    struct text actor; /* a user who wanted it; "": nobody, a worker's turn or a rail's word */
};

/** "sending", "sent", "unknown", "paid", "failed", "failed_permanent", "returned", "cancelled". */
bool payout_step_type(struct text name, enum event_type *out) METE_MUST_CHECK;
const char *payout_step_name(enum event_type type);

/** Books the steps in the open group, in their order, at `now` (occurred_at; of a step that the log
 *  has already, as it says). What became of step i stands in r[i], whose event_id is in `a`.
 *  `whole`: all of them are `sending` of different payouts, and all are taken or none: then those
 *  that could have been are refused with METE_STEP_LEFT_OUT. */
void payout_steps_take(struct engine *e, mete_time now, const struct payout_step *s, size_t count,
                       bool whole, struct arena *a, struct submit_result *r);

#endif
