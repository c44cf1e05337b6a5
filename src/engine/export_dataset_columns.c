/* SPDX-License-Identifier: Apache-2.0
 * The families of the dataset and their columns, in the order in which they are written. Columns
 * are only ever added at the end of a family; anything else is a new DATASET_SCHEMA_VERSION. */
#include "engine/export_dataset.h"

/* A computed value; a member of the event. */
#define V(name, tier, type, value, says)                                                           \
    {                                                                                              \
        name, tier, DATA_##type, VALUE_##value, NULL, says                                         \
    }
#define P(name, tier, type, path, says)                                                            \
    {                                                                                              \
        name, tier, DATA_##type, VALUE_NONE, path, says                                            \
    }

#define EVENT                                                                                      \
    V("seq", 0, INTEGER, SEQ, "place of the event in the log"),                                    \
        V("event_id", 0, WORD, EVENT_ID, "id of the event"),                                       \
        V("event_type", 0, WORD, EVENT_TYPE, "type of the event"),                                 \
        V("occurred_at", 0, MOMENT, OCCURRED_AT, "when it happened"),                              \
        V("recorded_at", 0, MOMENT, RECORDED_AT, "when the book took it"),                         \
        V("app_id", 0, WORD, APP, "app, else that of the campaign"),                               \
        P("environment", 0, WORD, "source/environment", "prod, staging or dev"),                   \
        V("campaign_id", 0, WORD, CAMPAIGN, "campaign, also where it follows from other ids")

#define AD                                                                                         \
    P("platform", 2, WORD, "payload/platform", "advertising platform"),                            \
        P("platform_campaign_id", 2, WORD, "payload/platform_campaign_id",                         \
          "the platform's own id of its campaign"),                                                \
        P("adset_id", 2, WORD, "payload/adset_id", "the platform's ad set"),                       \
        P("ad_id", 2, WORD, "payload/ad_id", "the platform's ad")

#define SEGMENT(tier)                                                                              \
    P("segment_country", tier, WORD, "payload/segment/country", "audience: country"),              \
        P("segment_age_bucket", tier, WORD, "payload/segment/age_bucket", "audience: ages"),       \
        P("segment_device", tier, WORD, "payload/segment/device", "audience: device"),             \
        P("segment_channel", tier, WORD, "payload/segment/channel", "audience: channel"),          \
        P("segment", tier, JSON, "payload/segment", "audience: all labels")

#define EXPERIMENT                                                                                 \
    P("experiment_id", 2, WORD, "payload/experiment_id", "experiment"),                            \
        P("variant_id", 2, WORD, "payload/variant_id", "its variant")

#define BEHAVIOUR                                                                                  \
    P("clickstream", 3, JSON, "payload/clickstream", "raw clicks"),                                \
        P("session_trace", 3, JSON, "payload/session_trace", "what happened in a session")

#define MONEY                                                                                      \
    V("amount", 1, AMOUNT, AMOUNT, "amount in minor units"),                                       \
        V("currency", 1, WORD, CURRENCY, "its currency")

static const struct dataset_column campaign_columns[] = {
    EVENT,
    V("status", 1, WORD, STATUS, "applied, or the code of what it waits for"),
    P("funding_mode", 1, WORD, "payload/funding_mode", "self or offering, as said"),
    V("creator", 1, PERSON, PARTY, "whom the campaign's revenue goes to"),
    P("created_by", 1, PERSON, "payload/created_by_user_id", "who created it"),
    P("currency", 1, WORD, "payload/currency", "as said"),
    P("raise_amount", 1, NUMBER, "payload/contract/raise_amount", "term: to be raised"),
    P("revenue_share_bps", 1, INTEGER, "payload/contract/revenue_share_bps",
      "term: investors' share of shareable revenue, in basis points"),
    P("cap_multiple", 1, NUMBER, "payload/contract/cap_multiple", "term: cap, times the raise"),
    P("cap_amount", 1, NUMBER, "payload/contract/cap_amount", "term: cap"),
    P("duration_days", 1, INTEGER, "payload/contract/duration_days", "term: days from activation"),
    P("off_ramps", 1, JSON, "payload/contract/off_ramps", "term: what may end it early"),
    P("attribution_rules", 1, JSON, "payload/contract/attribution_rules",
      "term: how revenue finds it"),
    P("purpose", 1, WORD, "payload/contract/purpose", "term: what the money is for"),
    P("reason", 1, WORD, "payload/reason", "why it was completed"),
    P("off_ramp", 1, WORD, "payload/off_ramp", "the one that was taken")};

static const struct dataset_column round_columns[] = {
    EVENT, P("round_id", 0, WORD, "correlation/round_id", "round"),
    P("requires_moderation", 1, BOOL, "payload/requires_moderation", "somebody has to approve it"),
    P("terms", 1, JSON, "payload/terms", "terms as said"),
    P("eligibility", 1, JSON, "payload/eligibility", "who may invest, as said")};

static const struct dataset_column commitment_columns[] = {
    EVENT,
    P("round_id", 0, WORD, "correlation/round_id", "round, where it was said"),
    P("commitment_id", 0, WORD, "correlation/commitment_id", "commitment"),
    V("status", 1, WORD, STATUS, "applied, or the code of what it waits for"),
    V("investor", 1, PERSON, PARTY, "who invests; the beneficiary of `ledger`"),
    MONEY};

static const struct dataset_column spend_columns[] = {
    EVENT,
    P("allocation_id", 0, WORD, "correlation/allocation_id", "spend grant"),
    V("status", 1, WORD, STATUS, "applied, or the code of what it waits for"),
    MONEY,
    P("platform", 1, WORD, "payload/platform", "advertising platform"),
    P("platform_campaign_id", 1, WORD, "payload/platform_campaign_id",
      "the platform's own id of its campaign"),
    P("ad_campaign_id", 1, WORD, "payload/campaign_id", "campaign that the payload names"),
    P("adset_id", 1, WORD, "payload/adset_id", "the platform's ad set"),
    P("ad_id", 1, WORD, "payload/ad_id", "the platform's ad"),
    P("window_start", 1, MOMENT, "payload/window_start", "spent from"),
    P("window_end", 1, MOMENT, "payload/window_end", "spent until"),
    P("commitment_ids", 1, JSON, "payload/commitment_ids", "whose money a grant is"),
    P("pacing_decision_id", 2, WORD, "payload/pacing_decision_id", "decision on pacing"),
    P("pacing_objective", 2, WORD, "payload/pacing/objective", "what it was for"),
    P("pacing_constraints", 2, JSON, "payload/pacing/constraints", "what bound it"),
    P("pacing_reason", 2, WORD, "payload/pacing/reason", "why, such as shift_budget_to_meta")};

static const struct dataset_column kpi_columns[] = {
    EVENT,
    P("impressions", 2, INTEGER, "payload/impressions", "times shown"),
    P("clicks", 2, INTEGER, "payload/clicks", "clicks"),
    P("conversions", 2, INTEGER, "payload/conversions", "conversions"),
    V("spend", 2, AMOUNT, AMOUNT, "spent, in minor units"),
    V("currency", 2, WORD, CURRENCY, "its currency"),
    P("ctr", 2, NUMBER, "payload/ctr", "clicks an impression, as reported"),
    P("cpc", 2, NUMBER, "payload/cpc", "cost a click, as reported"),
    P("cpa", 2, NUMBER, "payload/cpa", "cost a conversion, as reported"),
    P("platform", 2, WORD, "payload/platform", "advertising platform"),
    P("window_start", 2, MOMENT, "payload/window_start", "measured from"),
    P("window_end", 2, MOMENT, "payload/window_end", "measured until"),
    EXPERIMENT,
    SEGMENT(2),
    BEHAVIOUR};

static const struct dataset_column creative_columns[] = {
    EVENT,
    P("creative_id", 0, WORD, "payload/creative_id", "creative"),
    P("format", 2, WORD, "payload/format", "its form"),
    P("hook", 2, WORD, "payload/hook", "what catches"),
    P("cta", 2, WORD, "payload/cta", "what it calls for"),
    P("offer_framing", 2, WORD, "payload/offer_framing", "how the offer is put"),
    P("landing_page_type", 2, WORD, "payload/landing_page_type", "where it leads"),
    AD,
    EXPERIMENT,
    SEGMENT(2),
    P("creative_asset", 3, JSON, "payload/creative_asset", "the whole creative")};

static const struct dataset_column attribution_columns[] = {
    EVENT,
    V("status", 1, WORD, STATUS, "applied, or the code of what it waits for"),
    V("user", 1, PERSON, USER, "who came through the campaign"),
    P("effective_from", 1, MOMENT, "payload/effective_from", "from when on, where it was said"),
    P("channel", 1, WORD, "payload/channel", "channel"),
    P("ad_id", 1, WORD, "payload/ad_id", "the platform's ad"),
    SEGMENT(1),
    BEHAVIOUR};

static const struct dataset_column revenue_columns[] = {
    EVENT,
    V("status", 1, WORD, STATUS, "applied, or the code of what it waits for"),
    V("user", 1, PERSON, USER, "who paid"),
    MONEY,
    P("revenue_kind", 1, WORD, "payload/revenue_kind", "subscription or one_time"),
    P("reverses", 1, WORD, "payload/reverses", "event id of the invoice, where a refund names it"),
    P("transaction", 1, PERSON, "correlation/transaction_id", "pseudonym of the transaction"),
    P("payment", 1, PERSON, "payload/stripe_payment_intent_id", "pseudonym of the payment"),
    P("subscription", 1, PERSON, "payload/stripe_subscription_id", "pseudonym of the subscription"),
    P("provider", 1, WORD, "payload/provider", "who processed it"),
    P("scope", 1, WORD, "payload/scope", "as said"),
    P("plan_id", 1, WORD, "payload/plan_id", "plan"),
    P("transaction_type", 1, WORD, "payload/transaction_type", "as said")};

static const struct dataset_column app_columns[] = {
    EVENT,
    V("owner", 1, PERSON, PARTY, "whose app it is"),
    P("marketplace_fee_bps", 1, INTEGER, "payload/marketplace_fee_bps", "in basis points, as set"),
    P("royalty_fee_bps", 1, INTEGER, "payload/royalty_fee_bps", "in basis points, as set"),
    P("effective_from", 1, MOMENT, "payload/effective_from", "from when on, where it was said"),
    P("force", 1, BOOL, "payload/force", "a supervisor forced it")};

static const struct dataset_column settlement_columns[] = {
    EVENT, P("settlement_id", 0, WORD, "payload/settlement_id", "settlement"),
    V("beneficiary", 1, PERSON, PARTY, "who is paid"), MONEY};

/* --- what was decided --------------------------------------------------------------------------*/

#define BOOKING                                                                                    \
    V("seq", 0, INTEGER, SEQ, "place in the log where it was booked"),                             \
        V("page", 0, INTEGER, PAGE, "page there; above 0: on account of a later event"),           \
        V("group", 0, INTEGER, GROUP, "booking of that decision"),                                 \
        V("kind", 0, WORD, KIND, "accrued, or adjusted: some of it went back"),                    \
        V("source_event_id", 0, WORD, SOURCE, "the invoice whose money it is"),                    \
        V("event_id", 0, WORD, EVENT_ID, "the event that was decided: the invoice, or a refund"),  \
        V("event_type", 0, WORD, EVENT_TYPE, "its type"),                                          \
        V("occurred_at", 0, MOMENT, OCCURRED_AT, "when it happened"),                              \
        V("recorded_at", 0, MOMENT, RECORDED_AT, "when it was booked"),                            \
        V("app_id", 0, WORD, APP, "app, else that of the campaign"),                               \
        V("campaign_id", 0, WORD, CAMPAIGN, "campaign; empty: all of it is the app owner's")

static const struct dataset_column accrual_columns[] = {
    BOOKING,
    V("currency", 1, WORD, CURRENCY, "of all amounts; those of adjustments are negative"),
    V("gross", 1, AMOUNT, GROSS, "what came in"),
    V("platform_fee", 1, AMOUNT, FEES, "all fees"),
    V("marketplace_fee", 1, AMOUNT, MARKETPLACE_FEE, "of them, the marketplace fee"),
    V("royalty_fee", 1, AMOUNT, ROYALTY_FEE, "of them, the offering royalty"),
    V("shareable", 1, AMOUNT, SHAREABLE, "gross without fees"),
    V("investor_pool", 1, AMOUNT, INVESTORS, "what investors get of it"),
    V("creator", 1, AMOUNT, CREATOR, "what the campaign's creator gets"),
    V("owner", 1, AMOUNT, OWNER, "what the app's owner gets when there is no campaign"),
    V("accrued_before", 1, AMOUNT, ACCRUED_BEFORE, "what investors had accrued before"),
    V("cut_by_cap", 1, AMOUNT, CUT_BY_CAP, "what the cap kept from the pool"),
    V("contract_version", 1, INTEGER, VERSION, "contract that split it; 0: none was in force")};

static const struct dataset_column ledger_columns[] = {
    BOOKING,
    V("line", 0, INTEGER, LINE, "line of that booking"),
    V("beneficiary_type", 1, WORD, STATUS, "platform, creator, investor or owner"),
    V("beneficiary", 1, PERSON, PARTY, "whose account it is"),
    V("amount", 1, AMOUNT, AMOUNT, "minor units; negative: taken back"),
    V("currency", 1, WORD, CURRENCY, "its currency")};

static const struct dataset_column outcome_columns[] = {
    V("campaign_id", 0, WORD, CAMPAIGN, "campaign"),
    V("app_id", 0, WORD, APP, "its app"),
    V("state", 1, WORD, STATUS, "state at the moment of the export's last event"),
    V("funding_mode", 1, WORD, FUNDING, "self or offering"),
    V("creator", 1, PERSON, PARTY, "whom its revenue goes to"),
    V("currency", 1, WORD, CURRENCY, "of all amounts"),
    V("raise", 1, AMOUNT, RAISE, "to be raised"),
    V("confirmed", 1, AMOUNT, CONFIRMED, "raised: confirmed commitments"),
    V("investors", 1, INTEGER, INVESTORS, "confirmed commitments, counted"),
    V("revenue_share_bps", 1, INTEGER, SHARE_BPS, "investors' share in basis points"),
    V("cap", 1, AMOUNT, CAP, "the lower of both caps"),
    V("accrued", 1, AMOUNT, ACCRUED, "accrued to investors, without what went back"),
    V("repaid_bps", 1, INTEGER, REPAID_BPS, "accrued, in basis points of what was raised"),
    V("creator_earned", 1, AMOUNT, CREATOR, "earned by the creator, without what went back"),
    V("reversed", 1, AMOUNT, REVERSED, "gross that went back"),
    V("duration_days", 1, INTEGER, DURATION, "days agreed on"),
    V("activated_at", 1, MOMENT, ACTIVATED_AT, "when it became active"),
    V("completed_at", 1, MOMENT, COMPLETED_AT, "when it was over, by cap, clock or off-ramp"),
    V("days_run", 1, INTEGER, DAYS_RUN, "whole days active or paused"),
    V("completed_reason", 1, WORD, REASON, "cap_reached, duration_ended or off_ramp"),
    V("off_ramp", 1, WORD, OFF_RAMP, "the one that was taken"),
    V("contract_versions", 1, INTEGER, VERSION, "contracts made of its terms and investors")};

#define TABLE(name, columns)                                                                       \
    {                                                                                              \
        name, columns, ARRAY_LEN(columns)                                                          \
    }

static const struct dataset_table tables[FAMILY_COUNT] = {
    [FAMILY_CAMPAIGNS] = TABLE("campaigns", campaign_columns),
    [FAMILY_ROUNDS] = TABLE("rounds", round_columns),
    [FAMILY_COMMITMENTS] = TABLE("commitments", commitment_columns),
    [FAMILY_SPEND] = TABLE("spend", spend_columns),
    [FAMILY_KPIS] = TABLE("kpis", kpi_columns),
    [FAMILY_CREATIVES] = TABLE("creatives", creative_columns),
    [FAMILY_ATTRIBUTIONS] = TABLE("attributions", attribution_columns),
    [FAMILY_REVENUE] = TABLE("revenue", revenue_columns),
    [FAMILY_APPS] = TABLE("apps", app_columns),
    [FAMILY_SETTLEMENTS] = TABLE("settlements", settlement_columns),
    [FAMILY_ACCRUALS] = TABLE("accruals", accrual_columns),
    [FAMILY_LEDGER] = TABLE("ledger", ledger_columns),
    [FAMILY_OUTCOMES] = TABLE("outcomes", outcome_columns)};

const struct dataset_table *dataset_table_of(enum dataset_family family)
{
    METE_ASSERT((unsigned)family < FAMILY_COUNT);
    METE_ASSERT(tables[family].count <= DATASET_COLUMNS_MAX);
    return &tables[family];
}

const char *data_type_name(enum data_type type)
{
    static const char *const name[] = {
        [DATA_WORD] = "text",      [DATA_INTEGER] = "integer", [DATA_AMOUNT] = "minor units",
        [DATA_NUMBER] = "decimal", [DATA_MOMENT] = "moment",   [DATA_BOOL] = "boolean",
        [DATA_JSON] = "JSON",      [DATA_PERSON] = "pseudonym"};
    METE_ASSERT((size_t)type < ARRAY_LEN(name));
    return name[type];
}

bool dataset_has_column(const struct dataset_column *c, unsigned tiers)
{
    return c->tier == 0 || (tiers & (1u << c->tier)) != 0;
}

bool dataset_has_family(const struct dataset_table *t, unsigned tiers)
{
    bool found = false;
    for (size_t i = 0; i < t->count; i++) {
        found |= t->column[i].tier != 0 && dataset_has_column(&t->column[i], tiers);
    }
    return found;
}
