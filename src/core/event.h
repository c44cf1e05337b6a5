/* SPDX-License-Identifier: Apache-2.0
 * One event as core sees it: parsed and checked for form by `wire`, texts pointing into the
 * canonical bytes. Knows nothing of any wire format. */
#ifndef METE_CORE_EVENT_H
#define METE_CORE_EVENT_H

#include "base/time.h"
#include "base/types.h"
#include "core/amount.h"
#include "core/event_type.h"
#include "core/fees.h"
#include "core/policy.h"
#include "core/x402_number.h"

/** An optional moment: `set` tells. */
struct when {
    bool set;
    mete_time at;
};

/** One of `payout_schedules`; amounts are decimals of its asset. */
struct event_schedule {
    struct text id;
    struct text every; /* day, week, month, demand */
    int32_t on;        /* day of the week (1: Monday) or of the month; 0: the first */
    struct text at;    /* "hh:mm" in UTC; empty: midnight */
    struct text asset;
    struct text rail;
    struct text minimum; /* these three may be empty */
    struct text maximum;
    struct text fee;
    int32_t fee_cap_bps; /* 0: none */
};

struct event_book {
    int32_t clear_after_days;        /* -1: unchanged */
    int32_t dispute_auto_clear_days; /* -1: unchanged */
    int32_t cool_off_hours;          /* of a changed destination; -1: unchanged */
    bool has_schedules;
    const struct event_schedule *schedule;
    size_t schedule_count;
    bool has_payout_minimum;
    struct money payout_minimum;
    struct text unallocated;        /* party; empty: unchanged */
    struct text environment;        /* empty: unchanged */
    int8_t attribution_required;    /* -1 unchanged, 0, 1 */
    int8_t attribution_corrections; /* -1 unchanged, 0, 1 */
    int8_t tier3;                   /* -1 unchanged, 0, 1 */
};

struct event_asset {
    struct text code;
    uint8_t scale;
};

struct event_app {
    struct text app_id;
    struct text owner;
};

struct event_fees {
    struct when effective_from;
    struct fee_schedule schedule;
};

struct event_party {
    struct text party;
    struct text kind;        /* "" or human, agent, provider, org, investor, platform, protocol */
    struct text fair_server; /* may be empty */
};

struct event_destination {
    struct text party;
    struct text rail;
};

struct event_key {
    struct text key_id;
    struct text alg;      /* "ed25519" | "hmac-sha256"; empty when revoked */
    struct text key;      /* public key, or the commitment of a secret */
    struct text party;    /* may be empty */
    struct text producer; /* may be empty */
};

struct event_policy {
    struct policy *policy; /* names filled in, not yet compiled */
    struct when effective_from;
};

struct event_contribution {
    struct text content_item_id;
    struct text party;
    struct text role;
    uint64_t weight; /* >= 1 */
};

struct event_usage {
    struct text platform_id;
    struct text provider;
    mete_time window_start;
    mete_time window_end;
    uint64_t calls;
    uint64_t bytes;
    uint64_t latency_ms_sum;
    struct text batch_id; /* may be empty */
};

struct event_metered {
    struct text policy;
    struct text endpoint;
    struct money cost; /* up to 18 decimals */
    uint64_t calls;
    struct text customer_wallet; /* may be empty */
    struct when at;
};

struct event_metering_close {
    struct text policy;
    int32_t day; /* since the epoch */
};

struct event_cycle {
    struct text policy;
    mete_time window_start;
    mete_time window_end;
    struct money pool;
};

struct event_condition {
    struct text policy;
    struct text condition;
    bool active;
};

enum revenue_target { TARGET_POLICY, TARGET_CONTENT, TARGET_PARTY };

struct event_revenue {
    struct money amount;
    enum revenue_target target;
    struct text target_id;
    bool has_fee;
    struct money fee;
    struct text source;     /* may be empty */
    struct text source_ref; /* may be empty */
    struct when period_start;
    struct when period_end;
    const struct text *condition;
    size_t condition_count;
    uint64_t quantity;
};

/** Of a refund or a chargeback too: it finds its invoice by the first that is given, last by
 *  correlation.transaction_id. */
struct event_reversal {
    struct text reverses; /* event_id */
    struct text payment_intent;
    struct text kind; /* of a refund, as of its invoice */
    bool has_amount;  /* else: all that is left */
    struct money amount;
};

struct event_allocation {
    struct text allocation_id;
    struct text reallocate_to; /* upheld; may be empty */
};

struct event_clearing {
    mete_time through; /* what was due by then has cleared */
};

struct event_transfer {
    struct text from;
    struct text to;
    struct money amount;
};

struct event_rate {
    struct text base;
    struct text quote;
    struct text rate; /* plain decimal above 0 */
    struct text provider;
    mete_time as_of;
};

struct event_conversion {
    struct text party;
    struct money amount; /* that it gives */
    struct text to;      /* code of the asset that it gets */
    bool has_at_least;
    struct money at_least; /* less than that, and nothing moves */
};

/* What an envelope says it belongs to; empty: nothing. */
struct correlation {
    struct text campaign_id;
    struct text round_id;
    struct text commitment_id;
    struct text allocation_id;
    struct text transaction_id;
    struct text user_id;
};

enum funding { FUNDING_UNSAID, FUNDING_SELF, FUNDING_OFFERING };
enum completion { COMPLETION_NONE, COMPLETION_CAP, COMPLETION_DURATION, COMPLETION_OFF_RAMP };

/** campaign.created and .updated: members that were left out are empty, or as they say. */
struct event_campaign {
    struct text creator;
    struct text created_by; /* the creator when none is named */
    struct text currency;
    enum funding funding;
    struct text raise_amount; /* decimals in `currency` */
    struct text cap_amount;
    struct ratio cap_multiple; /* den 0: left out */
    int32_t share_bps;         /* -1: left out */
    int32_t duration_days;     /* -1: left out */
    bool has_off_ramps;
    const struct text *off_ramp;
    size_t off_ramp_count;
};

struct event_completion {
    enum completion reason;
    struct text off_ramp;
};

struct event_round {
    bool requires_moderation;
};

struct event_commitment {
    struct text investor;
    struct money amount;
};

struct event_grant {
    struct money amount;
};

struct event_spend {
    struct money amount;
};

struct event_attribution {
    struct text user_id;
    struct text campaign_id;
    struct when effective_from;
};

struct event_kpi {
    uint64_t impressions;
    uint64_t clicks;
    uint64_t conversions;
    struct money spend;
};

struct event_invoice {
    struct money gross;
    struct text kind;           /* "subscription", "one_time", or empty */
    struct text payment_intent; /* may be empty */
};

struct event_terms {
    int32_t marketplace_bps; /* -1: as before */
    int32_t royalty_bps;
    struct when effective_from;
    bool force;
};

struct event_settlement {
    struct text settlement_id;
    struct text party;
    struct money amount;
};

/** All payout.* share it; what a type does not have is empty, 0 or unset. */
struct event_payout {
    struct text batch_id;
    struct text transfer_id;
    struct text party;
    struct text rail;
    struct text asset;   /* of a batch: a code */
    bool on_demand;      /* of a batch, as the three that follow */
    struct text minimum; /* decimals of its asset; these two may be empty */
    struct text fee_expected;
    int32_t fee_cap_bps; /* 0: none */
    struct text anchor;  /* by which the rail knows an attempt */
    bool has_body;       /* what is sent stands sealed beside the log */
    int32_t attempt;     /* from 1 */
    bool unprepared;     /* of a failure: the next attempt, which was never made */
    bool has_amount;
    struct money amount;
    bool has_fee;
    struct money fee;
    struct when cutoff_at; /* of a batch */
    struct when retry_at;
};

/** All steps of a payment share it; what a type does not have is empty, 0 or unset. */
struct event_x402 {
    struct text payment;
    struct x402_number number; /* of `payment` */
    struct text network, asset, from, nonce;
    mete_time until;
    bool has_reservation;
    struct hash reservation; /* SHA-256 of its token */
    struct text scheme, to, value, resource;
    struct money amount; /* `value` as money */
    struct text policy;
    bool policy_asked; /* by the request; else the resource has it */
    struct hash request;
    struct text signer;
    uint64_t account_nonce;
    struct text transaction, raw;
    bool cancels;
    uint64_t block;
    uint64_t gas_used;
    uint64_t gas_price; /* in the network's smallest unit */
    struct text reason;
    struct text undoes; /* id of the event that said what became of it */
};

struct event_x402_policy {
    struct text pay_to;
    struct text resource;
    struct text network; /* may be empty */
    struct text policy;  /* empty: the row goes away */
};

struct event_x402_listing {
    struct text resource;
    struct text tool;   /* may be empty */
    struct text kind;   /* "http", "mcp" */
    struct text source; /* "registered", "seen"; empty: registered */
    int32_t version;    /* of x402 */
    bool seen;          /* in a payment */
    const struct text *pay_to;
    size_t pay_to_count;
};

struct event {
    enum event_type type;
    struct text id;
    mete_time occurred_at;
    struct text producer; /* "" when the envelope has no source */
    struct text service;
    struct text app_id;
    struct text actor_id;
    struct correlation correlation;
    const char *tier3; /* JSON pointer of its first member of data tier 3; NULL: it has none, or the
                          log has it already */
    union {
        struct event_book book;
        struct event_asset asset;
        struct event_app app;
        struct event_fees fees;
        struct event_party party;
        struct event_destination destination;
        struct event_key key;
        struct event_policy policy;
        struct event_contribution contribution;
        struct event_usage usage;
        struct event_metered metered;
        struct event_metering_close metering;
        struct event_cycle cycle;
        struct event_condition condition;
        struct event_revenue revenue;
        struct event_reversal reversal;
        struct event_allocation allocation;
        struct event_clearing clearing;
        struct event_transfer transfer;
        struct event_rate rate;
        struct event_conversion conversion;
        struct event_campaign campaign;
        struct event_completion completion;
        struct event_round round;
        struct event_commitment commitment;
        struct event_grant grant;
        struct event_spend spend;
        struct event_attribution attribution;
        struct event_kpi kpi;
        struct event_invoice invoice;
        struct event_terms terms;
        struct event_settlement settlement;
        struct event_payout payout;
        struct event_x402 x402;
        struct event_x402_policy x402_policy;
        struct event_x402_listing x402_listing;
    };
};

#endif
