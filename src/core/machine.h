/* SPDX-License-Identifier: Apache-2.0
 * Every state machine of the economic protocol, each a table of states and a table of edges. From
 * these come the enums, the names, what a refusal says, the pictures in doc/machines and the test
 * of every (state, event) pair. Nothing else knows a transition. Source: economic-protocol.md §4;
 * requirements.md 4.c for what the drawings leave open. */
#ifndef METE_CORE_MACHINE_H
#define METE_CORE_MACHINE_H

#include "base/buf.h"
#include "base/types.h"
#include "core/event_type.h"

/* X(symbol, name). The first is the state of what does not exist yet. */
#define CAMPAIGN_STATES(X)                                                                         \
    X(CAMPAIGN, NONE, "[*]")                                                                       \
    X(CAMPAIGN, DRAFT, "DRAFT")                                                                    \
    X(CAMPAIGN, OPEN_FOR_FUNDING, "OPEN_FOR_FUNDING")                                              \
    X(CAMPAIGN, FUNDED, "FUNDED")                                                                  \
    X(CAMPAIGN, ACTIVE, "ACTIVE")                                                                  \
    X(CAMPAIGN, PAUSED, "PAUSED")                                                                  \
    X(CAMPAIGN, COMPLETED, "COMPLETED")                                                            \
    X(CAMPAIGN, CANCELLED, "CANCELLED")                                                            \
    X(CAMPAIGN, CLOSED, "CLOSED")
#define ROUND_STATES(X)                                                                            \
    X(ROUND, NONE, "[*]")                                                                          \
    X(ROUND, DRAFT, "ROUND_DRAFT")                                                                 \
    X(ROUND, PENDING_APPROVAL, "PENDING_APPROVAL")                                                 \
    X(ROUND, APPROVED, "APPROVED")                                                                 \
    X(ROUND, OPEN, "OPEN")                                                                         \
    X(ROUND, CLOSED, "CLOSED")                                                                     \
    X(ROUND, CANCELLED, "CANCELLED")
#define COMMITMENT_STATES(X)                                                                       \
    X(COMMITMENT, NONE, "[*]")                                                                     \
    X(COMMITMENT, CREATED, "CREATED")                                                              \
    X(COMMITMENT, CONFIRMED, "CONFIRMED")                                                          \
    X(COMMITMENT, CANCELLED, "CANCELLED")
#define GRANT_STATES(X)                                                                            \
    X(GRANT, NONE, "[*]")                                                                          \
    X(GRANT, CREATED, "CREATED")                                                                   \
    X(GRANT, DEPLOYED, "DEPLOYED")
#define ROYALTY_STATES(X)                                                                          \
    X(ROYALTY, OFF, "OFF")                                                                         \
    X(ROYALTY, ON, "ON")
#define SETTLEMENT_STATES(X)                                                                       \
    X(SETTLEMENT, NONE, "[*]")                                                                     \
    X(SETTLEMENT, INITIATED, "INITIATED")                                                          \
    X(SETTLEMENT, PAID, "PAID")                                                                    \
    X(SETTLEMENT, FAILED, "FAILED")
#define BATCH_STATES(X)                                                                            \
    X(BATCH, NONE, "[*]")                                                                          \
    X(BATCH, OPEN, "open")                                                                         \
    X(BATCH, CLOSED, "closed")
#define TRANSFER_STATES(X)                                                                         \
    X(TRANSFER, NONE, "[*]")                                                                       \
    X(TRANSFER, QUEUED, "queued")                                                                  \
    X(TRANSFER, SENDING, "sending")                                                                \
    X(TRANSFER, SENT, "sent")                                                                      \
    X(TRANSFER, UNKNOWN, "unknown")                                                                \
    X(TRANSFER, PAID, "paid")                                                                      \
    X(TRANSFER, FAILED, "failed")                                                                  \
    X(TRANSFER, FAILED_PERMANENT, "failed_permanent")                                              \
    X(TRANSFER, RETURNED, "returned")                                                              \
    X(TRANSFER, CANCELLED, "cancelled")
#define X402_STATES(X)                                                                             \
    X(X402, NONE, "[*]")                                                                           \
    X(X402, RESERVED, "reserved")                                                                  \
    X(X402, RELEASED, "released")                                                                  \
    X(X402, SETTLING, "settling")                                                                  \
    X(X402, SETTLED, "settled")                                                                    \
    X(X402, FAILED, "failed")                                                                      \
    X(X402, CONFIRMED, "confirmed")

#define MACHINE_STATE(machine, symbol, name) machine##_##symbol,
enum campaign_state { CAMPAIGN_STATES(MACHINE_STATE) CAMPAIGN_STATE_COUNT };
enum round_state { ROUND_STATES(MACHINE_STATE) ROUND_STATE_COUNT };
enum commitment_state { COMMITMENT_STATES(MACHINE_STATE) COMMITMENT_STATE_COUNT };
enum grant_state { GRANT_STATES(MACHINE_STATE) GRANT_STATE_COUNT };
enum royalty_state { ROYALTY_STATES(MACHINE_STATE) ROYALTY_STATE_COUNT };
enum settlement_state { SETTLEMENT_STATES(MACHINE_STATE) SETTLEMENT_STATE_COUNT };
enum batch_state { BATCH_STATES(MACHINE_STATE) BATCH_STATE_COUNT };
enum transfer_state { TRANSFER_STATES(MACHINE_STATE) TRANSFER_STATE_COUNT };
enum x402_state { X402_STATES(MACHINE_STATE) X402_STATE_COUNT };
#undef MACHINE_STATE

/* What an edge asks for besides its event. X(symbol, what the picture says, what a refusal says) */
#define GUARDS(X)                                                                                  \
    X(ALWAYS, "", "")                                                                              \
    X(OFFERING, "offering", "a campaign that funds itself is not opened for funding")              \
    X(SELF_FUNDED, "self-funded", "an offering is funded before it becomes active")                \
    X(RAISED, "confirmed >= raise", "the confirmed commitments do not reach what is to be raised") \
    X(UNMODERATED, "", "the round is a draft already; with requires_moderation it goes on")        \
    X(MODERATED, "requires moderation", "without requires_moderation it stays a draft")            \
    X(REASON, "cap|duration|off-ramp", "the reason that is given does not hold")                   \
    X(FORCED, "forced by a supervisor",                                                            \
      "a royalty holds for good; a supervisor may force it with force and reason")                 \
    X(NEW_ATTEMPT, "the next attempt", "the first attempt and three more have been made")          \
    X(SAME_ANCHOR, "the same anchor",                                                              \
      "as long as an attempt may still pay only its own anchor is sent again")                     \
    X(LAST_ATTEMPT, "the last attempt", "this attempt has been booked already")                    \
    X(EARLIER_ATTEMPT, "an earlier attempt", "this attempt has been booked already")               \
    X(PAID_BEFORE, "another attempt is paid", "no other attempt is paid")                          \
    X(CAME_BACK, "all that were paid are back", "another attempt is paid, or none was")            \
    X(UNPAID, "no attempt was paid", "another attempt was paid")                                   \
    X(EXPIRED, "the reservation has run out", "somebody else has reserved it")                     \
    X(RESERVATION, "its reservation", "it is reserved, and this is not its reservation")           \
    X(ON_CHAIN, "a transaction", "nothing of it is on a chain: its value is 0")                    \
    X(NOT_FINAL, "its failure is not final", "that it has failed is final")

enum guard {
#define X(symbol, label, refusal) GUARD_##symbol,
    GUARDS(X)
#undef X
        GUARD_COUNT
};
#define GUARD_BIT(guard) (1u << (guard))

#define EVENT_DERIVED EVENT_TYPE_COUNT /* an edge that no event names: mete derives it */

struct edge {
    uint8_t from;
    uint8_t event; /* enum event_type, or EVENT_DERIVED */
    uint8_t guard;
    uint8_t to;
};

struct machine {
    const char *name;
    const char *const *state;
    uint8_t state_count;
    const struct edge *edge;
    uint8_t edge_count;
    const char *derived; /* what causes its derived edge; NULL: it has none */
};

enum machine_kind {
    MACHINE_CAMPAIGN,
    MACHINE_ROUND,
    MACHINE_COMMITMENT,
    MACHINE_GRANT,
    MACHINE_ROYALTY,
    MACHINE_SETTLEMENT,
    MACHINE_BATCH,
    MACHINE_TRANSFER,
    MACHINE_X402,
    MACHINE_COUNT
};

const struct machine *machine_of(enum machine_kind kind);

/** The edge that `event` takes from `from` with the guards that hold (GUARD_BIT each; ALWAYS needs
 *  none); NULL when there is none. *barred is then the guard that bars an edge, GUARD_ALWAYS when
 * the state has no edge for this event at all. */
const struct edge *machine_step(const struct machine *m, uint8_t from, enum event_type event,
                                unsigned held, enum guard *barred);
/** Appends the events that a state allows, "campaign.activated, campaign.cancelled", or "nothing".
 */
void machine_allowed(const struct machine *m, uint8_t from, struct buf *out);
/** Appends the machine as a picture for Graphviz. */
void machine_dot(const struct machine *m, struct buf *out);
/** The same as text: a stateDiagram of Mermaid, as the source draws its own. */
void machine_mermaid(const struct machine *m, struct buf *out);

const char *guard_refusal(enum guard guard);

#endif
