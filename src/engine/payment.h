/* SPDX-License-Identifier: Apache-2.0
 * Payments that a provider tells of: pending, then paid, expired or failed, and consumed after
 * paid. Money enters the book with `paid` alone, as revenue.received with an id that follows from
 * provider and payment; the other states are kept beside the log, like insights, and are forgotten
 * with them. An event id of a provider counts once. */
#ifndef METE_ENGINE_PAYMENT_H
#define METE_ENGINE_PAYMENT_H

#include "engine/engine.h"

#define PAYMENT_ID_MAX       128u /* bytes */
#define PAYMENT_PROVIDER_MAX 40u

/* X(symbol, name) */
#define PAYMENT_STATES(X)                                                                          \
    X(NONE, "none")                                                                                \
    X(PENDING, "pending")                                                                          \
    X(PAID, "paid")                                                                                \
    X(CONSUMED, "consumed")                                                                        \
    X(EXPIRED, "expired")                                                                          \
    X(FAILED, "failed")

enum payment_state {
#define X(symbol, name) PAYMENT_##symbol,
    PAYMENT_STATES(X)
#undef X
        PAYMENT_STATE_COUNT
};
const char *payment_state_name(enum payment_state s);
bool payment_state_of(struct text name, enum payment_state *out) METE_MUST_CHECK;

struct payment_notice {
    struct text provider; /* of [a-z0-9_-] */
    struct text event_id; /* as the provider says it */
    struct text payment_id;
    enum payment_state state;
    mete_time occurred_at;
    struct text payload; /* JSON of revenue.received; of PAID */
};

/* What became of a notice. */
struct payment_told {
    enum payment_state state; /* of the payment, afterwards */
    bool is_duplicate;
    struct submit_result result; /* of PAID; its event_id is in the arena */
};

/** In the group at hand. METE_CONFLICT: the event id told of something else before.
 *  METE_PAYMENT_STATE: no such step; the notice is in the quarantine. Else what the event was
 *  refused for. */
enum mete_code payment_take(struct engine *e, const struct payment_notice *n, struct arena *a,
                            struct payment_told *out, struct mete_err *err) METE_MUST_CHECK;

#endif
