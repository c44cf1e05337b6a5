/* SPDX-License-Identifier: Apache-2.0
 * Every event type there is: the one table of names, who may say them, which scope they need, and
 * which pairs of them may change places. */
#ifndef METE_CORE_EVENT_TYPE_H
#define METE_CORE_EVENT_TYPE_H

#include "base/types.h"

/** What this version does with a type that comes from outside. */
enum type_status {
    TYPE_HANDLED,
    TYPE_RESERVED /* made by mete alone */
};

enum producer_rule {
    BY_CONTROL,    /* any service of the control plane */
    BY_ANYONE,     /* the runtime, or any service of the control plane */
    BY_RUNTIME,    /* the runtime alone */
    BY_VALIDATION, /* validationengine */
    BY_GROWTH,     /* the runtime, or validationengine */
    BY_GOVERNANCE, /* governance */
    BY_PAYMENT,    /* payment */
    BY_SALE,       /* the runtime, or payment */
    BY_NOBODY
};

/* X(symbol, name, status, producers, scope) */
#define EVENT_TYPES(X)                                                                             \
    X(BOOK_CONFIGURED, "book.configured", HANDLED, BY_CONTROL, "admin")                            \
    X(ASSET_DEFINED, "asset.defined", HANDLED, BY_CONTROL, "policy:write")                         \
    X(APP_REGISTERED, "app.registered", HANDLED, BY_CONTROL, "policy:write")                       \
    X(FEES_SCHEDULED, "fees.scheduled", HANDLED, BY_CONTROL, "policy:write")                       \
    X(PARTY_REGISTERED, "party.registered", HANDLED, BY_CONTROL, "policy:write")                   \
    X(PARTY_DESTINATION_SET, "party.destination_set", HANDLED, BY_CONTROL, "payout:write")         \
    X(KEY_REGISTERED, "key.registered", HANDLED, BY_CONTROL, "admin")                              \
    X(KEY_REVOKED, "key.revoked", HANDLED, BY_CONTROL, "admin")                                    \
    X(POLICY_PUBLISHED, "policy.published", HANDLED, BY_CONTROL, "policy:write")                   \
    X(CONTRIBUTION_RECORDED, "contribution.recorded", HANDLED, BY_CONTROL, "policy:write")         \
    X(USAGE_REPORTED, "usage.reported", HANDLED, BY_CONTROL, "revenue:write")                      \
    X(USAGE_METERED, "usage.metered", HANDLED, BY_CONTROL, "revenue:write")                        \
    X(METERING_CLOSED, "metering.closed", HANDLED, BY_CONTROL, "revenue:write")                    \
    X(CYCLE_CLOSED, "cycle.closed", HANDLED, BY_CONTROL, "revenue:write")                          \
    X(CONDITION_CHANGED, "condition.changed", HANDLED, BY_CONTROL, "policy:write")                 \
    X(REVENUE_RECEIVED, "revenue.received", HANDLED, BY_ANYONE, "revenue:write")                   \
    X(REVENUE_REVERSED, "revenue.reversed", HANDLED, BY_ANYONE, "revenue:write")                   \
    X(ALLOCATION_DISPUTED, "allocation.disputed", HANDLED, BY_CONTROL, "dispute:write")            \
    X(ALLOCATION_EVIDENCE_ADDED, "allocation.evidence_added", HANDLED, BY_CONTROL,                 \
      "dispute:write")                                                                             \
    X(ALLOCATION_ESCALATED, "allocation.escalated", HANDLED, BY_CONTROL, "dispute:write")          \
    X(ALLOCATION_OVERRIDDEN, "allocation.overridden", HANDLED, BY_CONTROL, "dispute:write")        \
    X(ALLOCATION_UPHELD, "allocation.upheld", HANDLED, BY_CONTROL, "dispute:write")                \
    X(WALLET_TRANSFERRED, "wallet.transferred", HANDLED, BY_CONTROL, "payout:write")               \
    X(FX_RATE_SET, "fx.rate_set", HANDLED, BY_CONTROL, "policy:write")                             \
    X(FX_CONVERTED, "fx.converted", HANDLED, BY_CONTROL, "payout:write")                           \
    X(CAMPAIGN_CREATED, "campaign.created", HANDLED, BY_VALIDATION, "policy:write")                \
    X(CAMPAIGN_UPDATED, "campaign.updated", HANDLED, BY_VALIDATION, "policy:write")                \
    X(CAMPAIGN_OPENED_FOR_FUNDING, "campaign.opened_for_funding", HANDLED, BY_VALIDATION,          \
      "policy:write")                                                                              \
    X(CAMPAIGN_FUNDING_CLOSED, "campaign.funding_closed", HANDLED, BY_VALIDATION, "policy:write")  \
    X(CAMPAIGN_ACTIVATED, "campaign.activated", HANDLED, BY_VALIDATION, "policy:write")            \
    X(CAMPAIGN_PAUSED, "campaign.paused", HANDLED, BY_VALIDATION, "policy:write")                  \
    X(CAMPAIGN_RESUMED, "campaign.resumed", HANDLED, BY_VALIDATION, "policy:write")                \
    X(CAMPAIGN_COMPLETED, "campaign.completed", HANDLED, BY_VALIDATION, "policy:write")            \
    X(CAMPAIGN_CANCELLED, "campaign.cancelled", HANDLED, BY_VALIDATION, "policy:write")            \
    X(ROUND_CREATED, "round.created", HANDLED, BY_GOVERNANCE, "policy:write")                      \
    X(ROUND_APPROVED, "round.approved", HANDLED, BY_GOVERNANCE, "policy:write")                    \
    X(ROUND_OPENED, "round.opened", HANDLED, BY_GOVERNANCE, "policy:write")                        \
    X(ROUND_CLOSED, "round.closed", HANDLED, BY_GOVERNANCE, "policy:write")                        \
    X(ROUND_CANCELLED, "round.cancelled", HANDLED, BY_GOVERNANCE, "policy:write")                  \
    X(COMMITMENT_CREATED, "commitment.created", HANDLED, BY_GOVERNANCE, "policy:write")            \
    X(COMMITMENT_CONFIRMED, "commitment.confirmed", HANDLED, BY_PAYMENT, "revenue:write")          \
    X(COMMITMENT_CANCELLED, "commitment.cancelled", HANDLED, BY_GOVERNANCE, "policy:write")        \
    X(SPEND_GRANT_CREATED, "allocation.created", HANDLED, BY_VALIDATION, "policy:write")           \
    X(SPEND_GRANT_DEPLOYED, "allocation.deployed", HANDLED, BY_VALIDATION, "policy:write")         \
    X(SPEND_AUTHORIZED, "spend.authorized", HANDLED, BY_VALIDATION, "policy:write")                \
    X(SPEND_EXECUTED, "spend.executed", HANDLED, BY_GROWTH, "revenue:write")                       \
    X(SPEND_REFUNDED, "spend.refunded", HANDLED, BY_GROWTH, "revenue:write")                       \
    X(KPI_REPORTED, "kpi.reported", HANDLED, BY_GROWTH, "revenue:write")                           \
    X(CREATIVE_GENERATED, "creative.generated", HANDLED, BY_GROWTH, "revenue:write")               \
    X(CREATIVE_LAUNCHED, "creative.launched", HANDLED, BY_GROWTH, "revenue:write")                 \
    X(ATTRIBUTION_ASSIGNED, "attribution.assigned", HANDLED, BY_RUNTIME, "revenue:write")          \
    X(ATTRIBUTION_UPDATED, "attribution.updated", HANDLED, BY_RUNTIME, "revenue:write")            \
    X(INVOICE_PAID, "revenue.invoice_paid", HANDLED, BY_SALE, "revenue:write")                     \
    X(REFUND_ISSUED, "revenue.refund_issued", HANDLED, BY_SALE, "revenue:write")                   \
    X(CHARGEBACK, "revenue.chargeback", HANDLED, BY_SALE, "revenue:write")                         \
    X(SUBSCRIPTION_CANCELLED, "revenue.subscription_cancelled", HANDLED, BY_SALE, "revenue:write") \
    X(TERMS_SET, "app.economic_terms_set", HANDLED, BY_PAYMENT, "policy:write")                    \
    X(ROYALTY_ENABLED, "app.royalty_enabled", HANDLED, BY_PAYMENT, "policy:write")                 \
    X(ROYALTY_DISABLED, "app.royalty_disabled", HANDLED, BY_PAYMENT, "policy:write")               \
    X(LEDGER_ACCRUED, "ledger.accrued", RESERVED, BY_NOBODY, "")                                   \
    X(LEDGER_ADJUSTED, "ledger.adjusted", RESERVED, BY_NOBODY, "")                                 \
    X(SETTLEMENT_INITIATED, "settlement.initiated", RESERVED, BY_NOBODY, "")                       \
    X(SETTLEMENT_PAID, "settlement.paid", RESERVED, BY_NOBODY, "")                                 \
    X(SETTLEMENT_FAILED, "settlement.failed", RESERVED, BY_NOBODY, "")                             \
    X(CLEARED_THROUGH, "allocation.cleared_through", RESERVED, BY_NOBODY, "")                      \
    X(X402_SETTLED, "x402.settled", RESERVED, BY_NOBODY, "")                                       \
    X(X402_RESERVED, "x402.reserved", RESERVED, BY_NOBODY, "")                                     \
    X(X402_RELEASED, "x402.released", RESERVED, BY_NOBODY, "")                                     \
    X(X402_SETTLING, "x402.settling", RESERVED, BY_NOBODY, "")                                     \
    X(X402_REPLACED, "x402.replaced", RESERVED, BY_NOBODY, "")                                     \
    X(X402_FAILED, "x402.failed", RESERVED, BY_NOBODY, "")                                         \
    X(X402_CONFIRMED, "x402.confirmed", RESERVED, BY_NOBODY, "")                                   \
    X(X402_UNDONE, "x402.undone", RESERVED, BY_NOBODY, "")                                         \
    X(X402_POLICY_SET, "x402.policy_set", HANDLED, BY_CONTROL, "policy:write")                     \
    X(X402_LISTED, "x402.listed", HANDLED, BY_CONTROL, "policy:write")                             \
    X(X402_UNLISTED, "x402.unlisted", HANDLED, BY_CONTROL, "policy:write")                         \
    X(PAYOUT_BATCH_OPENED, "payout.batch_opened", RESERVED, BY_NOBODY, "")                         \
    X(PAYOUT_TRANSFER_QUEUED, "payout.transfer_queued", RESERVED, BY_NOBODY, "")                   \
    X(PAYOUT_TRANSFER_SENDING, "payout.transfer_sending", RESERVED, BY_NOBODY, "")                 \
    X(PAYOUT_TRANSFER_SENT, "payout.transfer_sent", RESERVED, BY_NOBODY, "")                       \
    X(PAYOUT_TRANSFER_UNKNOWN, "payout.transfer_unknown", RESERVED, BY_NOBODY, "")                 \
    X(PAYOUT_TRANSFER_PAID, "payout.transfer_paid", RESERVED, BY_NOBODY, "")                       \
    X(PAYOUT_TRANSFER_FAILED, "payout.transfer_failed", RESERVED, BY_NOBODY, "")                   \
    X(PAYOUT_TRANSFER_FAILED_PERMANENT, "payout.transfer_failed_permanent", RESERVED, BY_NOBODY,   \
      "")                                                                                          \
    X(PAYOUT_TRANSFER_RETURNED, "payout.transfer_returned", RESERVED, BY_NOBODY, "")               \
    X(PAYOUT_TRANSFER_CANCELLED, "payout.transfer_cancelled", RESERVED, BY_NOBODY, "")             \
    X(PAYOUT_HOLD_PLACED, "payout.hold_placed", RESERVED, BY_NOBODY, "")                           \
    X(PAYOUT_HOLD_RELEASED, "payout.hold_released", RESERVED, BY_NOBODY, "")                       \
    X(PAYOUT_BATCH_CLOSED, "payout.batch_closed", RESERVED, BY_NOBODY, "")

/* Tier 2: what growth did and what came of it. All other types are tier 1, what money follows from.
 * No type is tier 3: raw content stands in members of payloads (wire/tier.h). The catalog reads
 * this list (catalog.py). Source: economic-protocol.md §6; decision 0012. X(symbol) */
#define EVENT_TYPES_TIER_2(X) X(KPI_REPORTED) X(CREATIVE_GENERATED) X(CREATIVE_LAUNCHED)

enum event_type {
#define X(symbol, name, status, producers, scope) EVENT_##symbol,
    EVENT_TYPES(X)
#undef X
        EVENT_TYPE_COUNT
};

/** The type of a name; false when there is none. */
bool event_type_of(struct text name, enum event_type *type) METE_MUST_CHECK;
const char *event_type_name(enum event_type type);
enum type_status event_type_status(enum event_type type);
/** The scope a key needs to send it ("revenue:write"). */
const char *event_type_scope(enum event_type type);

/** True for the types of the economic protocol, what mete makes of them included. */
bool event_type_economic(enum event_type type);

/** True when `producer` ("runtime", "control_plane") with `service` may send this type. An empty
 *  producer is a local file, taken at its word. Source: spec/events.md, "Producer". */
bool event_type_allows(enum event_type type, struct text producer, struct text service);

/** An event of this type may force a rule aside (`force`), which only a supervisor does. */
bool event_type_forces(enum event_type type);

/** When two events of these types, next to each other in the log, give the same balances in either
 *  order. */
enum commutes {
    COMMUTE_NEVER,
    COMMUTE_ALWAYS,
    COMMUTE_UNCONDITIONAL, /* while no computed condition reads what the other writes, and no policy
                              hangs below a carry split of both */
    COMMUTE_UNRELATED,     /* while they name different policies, originals, parties or items */
    COMMUTE_BELOW_CAP,     /* while no campaign reaches its cap, in either order */
    COMMUTE_BELOW_CAP_UNRELATED /* both */
};
enum commutes event_types_commute(enum event_type a, enum event_type b);

#endif
