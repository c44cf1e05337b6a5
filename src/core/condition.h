/* SPDX-License-Identifier: Apache-2.0
 * Which of a policy's conditions are active for one event: given by the payload, switched by
 * condition.changed, or computed from what came before. Read before the event, never splitting it.
 */
#ifndef METE_CORE_CONDITION_H
#define METE_CORE_CONDITION_H

#include "core/policy.h"

/** The state of a condition that condition.changed had switched when the event occurred. */
struct condition_switch {
    struct text name;
    bool active;
};

struct condition_facts {
    mete_time occurred_at;
    i128 net;      /* cumulative amount this policy has split so far, in the recoup asset */
    i128 quantity; /* cumulative quantity so far */
    const struct text *payload;
    size_t payload_count;
    const struct condition_switch *switched;
    size_t switched_count;
};

/** Bit i is set when policy.condition[i] is active. Payload conditions and switches are added to
 *  the computed ones; a switch to inactive wins over everything but the payload; the default
 *  condition is active when nothing else decides its family: a member that holds does, one that was
 *  switched off does not. */
uint64_t condition_active(const struct policy *p, const struct condition_facts *facts);

/** Conditions of one family exclude each other: "pre-recoup" and "post-recoup" share "recoup",
 *  "tickets-..." share "tickets", sales periods share "sales"; anything else stands alone.
 *  The result points into `name` or is a literal. */
struct text condition_family(struct text name);

#endif
