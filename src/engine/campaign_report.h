/* SPDX-License-Identifier: Apache-2.0
 * What became of one campaign, computed from the events of the log, nothing of it stored. Each
 * number is defined beside its member here, and in the same words in the OpenAPI document. What
 * occurred after `at` does not count; what was sent in late counts at the moment when it occurred.
 *
 * An invoice belongs to the campaign that it is booked for now: after a corrected attribution it
 * is in the report of the other campaign, with all that was ever taken back of it, as if the
 * attribution had come first. Amounts are minor units, of the campaign's currency where nothing
 * else is said. There is no float: a ratio is two whole numbers. */
#ifndef METE_ENGINE_CAMPAIGN_REPORT_H
#define METE_ENGINE_CAMPAIGN_REPORT_H

#include "base/arena.h"
#include "core/campaign.h"
#include "engine/engine.h"

/* "Expected 120-180 days" is what people are shown before they invest; nothing depends on it. */
#define CAMPAIGN_EXPECTED_FROM 120
#define CAMPAIGN_EXPECTED_TO   180

struct campaign_report_query {
    struct text campaign_id;
    mete_time at;      /* what occurred later does not count; the clock that ends days and clears */
    size_t memory_max; /* bytes that the report may need; 0: 1 GiB */
};

/** num / den exactly, not reduced: both are numbers of the report. Not set: den would be 0. */
struct quota {
    bool set;
    i128 num;
    i128 den; /* > 0 */
};

/** Rows in the order that their place in the report says. */
struct row_list {
    void **row;
    size_t count, cap;
};

/** What campaign.created or .updated said of the terms. */
struct report_variant {
    struct text event_id;
    mete_time occurred_at;
    struct text contract; /* JSON; "null": it said nothing of them */
};

/** A step of the campaign's machine. */
struct report_step {
    struct text event_id; /* empty: the cap or the clock did it */
    const char *event_type;
    mete_time occurred_at;
    enum campaign_state state; /* from then on */
};

struct report_round {
    struct text round_id; /* empty: commitments without a round */
    enum round_state state;
    uint64_t commitments; /* created, those that were cancelled too */
    i128 intended;        /* of commitments that were not cancelled */
    i128 confirmed;       /* of those whose money came */
    i128 cancelled;
};

/** Of one platform in one currency; `platform` is empty in the sums of a currency. */
struct report_spend {
    struct text platform;
    struct asset asset;
    i128 granted;    /* spend grants created (allocation.created); in sums only, as the next */
    i128 deployed;   /* of them, those that were deployed */
    i128 authorized; /* spend.authorized */
    i128 executed;   /* spend.executed */
    i128 refunded;   /* spend.refunded */
    i128 of_grants;  /* executed less refunded of spend that names a grant */
};

/** Performance as platforms reported it. Of snapshots of the same platform, window, segment,
 *  variant and currency the last in the log counts: it corrects those before. A snapshot without a
 *  window counts by itself. In the total and by platform, one that names neither segment nor
 *  variant speaks for all of its window; where there is none, those that do are added up. A
 *  segment's are those without a variant, else the sum of its variants; a variant's likewise. */
struct report_kpi {
    struct text platform; /* empty: not said, or all of them */
    struct text segment;  /* JSON: a string or an object; empty: none, or all */
    struct asset asset;   /* of `spend` */
    uint64_t snapshots;
    i128 impressions;
    i128 clicks;
    i128 conversions;
    i128 spend;
    mete_time from; /* first and last moment of the windows; TIME_NEVER: none had one */
    mete_time until;
    struct quota ctr; /* clicks / impressions */
    struct quota cpc; /* spend / clicks */
    struct quota cpa; /* spend / conversions */
};

/** What users brought who came through something. */
struct report_followed {
    uint64_t users;     /* whose attribution at `at` names this campaign, and this */
    uint64_t customers; /* of them, those who paid an invoice of it */
    i128 gross;         /* of their invoices */
    i128 net;           /* less what was refunded and charged back of them */
};

struct report_creative {
    struct text creative_id;
    struct text format, hook, cta, offer_framing, landing_page_type; /* as they were said last */
    struct text experiment_id, variant_id;                           /* empty: none */
    mete_time generated_at, launched_at; /* first; TIME_NEVER: not yet */
    struct row_list ads;                 /* struct text: ads that creative.launched named */
    struct report_followed followed;     /* of attributions that name one of its ads */
};

/** A variant of an experiment, with the performance that was reported for it. */
struct report_trial {
    struct text experiment_id, variant_id;
    uint64_t creatives;
    struct row_list kpi;             /* struct report_kpi: one a currency */
    struct report_followed followed; /* of its creatives */
};

struct report_channel {
    struct text channel; /* empty: the attribution names none */
    struct report_followed followed;
};

/** Money of invoices, and what was taken back. In a month: invoices that occurred in it, and
 *  refunds and chargebacks that occurred in it, whenever their invoice did. */
struct report_money {
    uint64_t invoices; /* of more than nothing */
    i128 gross;
    i128 fees;        /* as booked: marketplace fee, royalty, and others */
    i128 shareable;   /* gross less fees */
    i128 pool;        /* of it the investors', as booked */
    i128 creator;     /* of it the creator's, as booked */
    uint64_t refunds; /* revenue.refund_issued, and reversals that say no more */
    i128 refunded;    /* gross that they took back */
    uint64_t chargebacks;
    i128 charged_back;
    i128 net;           /* gross less refunded and charged back */
    i128 net_shareable; /* shareable less what they took back of it */
    i128 net_pool;      /* the same of the pool: what the investors have accrued */
    i128 net_creator;
};

struct report_month {
    int32_t month; /* year * 12 + month - 1, UTC */
    struct report_money money;
    uint64_t new_customers;    /* whose first invoice of the campaign occurred in it */
    uint64_t repeat_customers; /* who paid in it, and for the first time in an earlier month */
};

/** A subscription begins with a user's first invoice of kind subscription (of its
 *  stripe_subscription_id, where that is said) that is booked for the campaign, and ends with the
 *  next revenue.subscription_cancelled of that user, whether or not invoices went on coming; a
 *  later invoice begins it anew. A cancellation that names no subscription ends all of the user. */
struct report_churn {
    int32_t month;
    uint64_t active;    /* subscriptions that were active at some moment of the month */
    uint64_t begun;     /* of them, those that began in it */
    uint64_t cancelled; /* of them, those that ended in it */
    struct quota churn; /* cancelled / active */
};

enum payback { PAYBACK_NO_SPEND, PAYBACK_NOT_YET, PAYBACK_REACHED };
const char *payback_name(enum payback p);

/** The creator and the investors: what they have of everything in the campaign's currency. */
struct report_party {
    struct text party;
    bool is_creator;
    i128 confirmed; /* commitments of this campaign */
    i128 payable;   /* pending, disputed and cleared, whatever it came from */
    i128 paid;      /* out so far, whatever it was for */
};

/** Settlements that named the campaign when they were initiated, by where they stand. */
struct report_settled {
    uint64_t count;
    i128 amount;
};

struct report_waits {
    struct asset asset;
    uint64_t count;
    i128 amount;
};

struct campaign_report {
    struct arena a;           /* of all of it */
    struct campaign campaign; /* the terms as they stand */
    uint32_t number;
    mete_time at;
    struct asset asset;
    mete_time created_at;
    uint64_t left_out; /* facts in a currency that the book does not know: not in this report */
    struct text creator;
    struct text purpose;           /* empty: none was said */
    struct text attribution_rules; /* JSON; empty: none were said */
    struct row_list variants;      /* struct report_variant, by the log */

    enum campaign_state state; /* at `at`; CLOSED: completed, and nothing is left to be paid now */
    mete_time since;
    struct row_list steps; /* struct report_step, by the log */

    i128 intended;
    i128 confirmed;
    struct row_list rounds; /* struct report_round, by the log */

    struct row_list spend;       /* struct report_spend, by platform, then currency */
    struct row_list spend_total; /* the same by currency */
    i128 net_spend;              /* executed less refunded, in the campaign's currency */

    struct row_list kpi_total;    /* struct report_kpi, by currency */
    struct row_list kpi_platform; /* by platform, then currency */
    struct row_list kpi_segment;  /* by platform, segment, currency */

    struct row_list creatives; /* struct report_creative, by the log */
    struct row_list trials;    /* struct report_trial, by experiment, variant */

    uint64_t users;           /* whose attribution at `at` names this campaign */
    struct row_list channels; /* struct report_channel, by name */

    struct report_money money;
    struct report_money subscription; /* of invoices that say so; the same of the next two */
    struct report_money one_time;
    struct report_money unsaid; /* of neither */
    struct row_list months;     /* struct report_month; months in which nothing was are left out */
    struct row_list waiting;    /* struct report_waits: invoices that wait for another currency */
    uint64_t customers;         /* users with an invoice of more than nothing, refunded or not */
    uint64_t repeat;            /* of them, those with more than one */
    uint64_t without_user;      /* invoices that name no user: of no customer */
    uint64_t refunded_invoices; /* of which something was refunded */
    uint64_t disputed_invoices; /* of which something was charged back */

    struct quota cac;             /* net_spend / customers */
    struct quota refund_rate;     /* refunded / gross */
    struct quota refund_count;    /* refunded_invoices / invoices */
    struct quota chargeback_rate; /* charged_back / gross */
    struct quota chargeback_count;
    struct row_list churn; /* struct report_churn: each month from the first to the last fact */

    enum payback payback;
    mete_time payback_from; /* campaign.activated, else campaign.created */
    mete_time paid_back_at; /* since when net_shareable so far has been at least net_spend without
                               a break; TIME_NEVER: it is not */
    int64_t payback_days;   /* whole days from one to the other; 0 if it was before */
    struct quota payback_part; /* net_shareable / net_spend */

    bool has_cap;
    i128 cap;
    struct quota progress;   /* accrued (net_pool) / cap */
    struct quota returned;   /* accrued / confirmed */
    int64_t elapsed_days;    /* whole days from activation to completion, else to `at`; -1: never
                                activated */
    struct row_list parties; /* struct report_party: the creator, then investors as they came */
    struct report_settled initiated; /* on their way */
    struct report_settled paid;
    struct report_settled failed;
};

/** METE_NOT_FOUND for a campaign that was not created by then; METE_LIMIT for one that would need
 *  more memory than it may have. */
enum mete_code campaign_report_make(struct engine *e, const struct campaign_report_query *q,
                                    struct campaign_report *out,
                                    struct mete_err *err) METE_MUST_CHECK;
/** Gives its memory back; also of one that could not be made. */
void campaign_report_clear(struct campaign_report *r);

/* How quotas are written. */
#define QUOTA_TEXT_MAX 64
/** Six decimals, rounded half away from zero: "0.020000". NUL-terminated. */
void quota_decimal(const struct quota *q, char out[QUOTA_TEXT_MAX]);
/** The nearest whole number, half away from zero: minor units of an amount for each. */
i128 quota_round(const struct quota *q);

#endif
