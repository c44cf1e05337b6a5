/* SPDX-License-Identifier: Apache-2.0
 * Payloads of the economic protocol. The source names the types and leaves most members open: these
 * are the ones that requirements.md SOURCE 4 proposes. Ids stand in `correlation`. */
#include <stdio.h>

#include "base/limits.h"
#include "base/text.h"
#include "wire/envelope_parts.h"

#define AT(member)        offsetof(struct event, member)
#define DURATION_DAYS_MAX 36500
#define BPS_ONE           10000
#define DEFAULT_CURRENCY  TEXT("USD")
#define LINE(name, member)                                                                         \
    {                                                                                              \
        TEXT(name), field_line, false, AT(member), 1, LABEL_LEN_MAX, NULL                          \
    }
#define SHOWN(name)                                                                                \
    {                                                                                              \
        TEXT(name), field_any_string, false, 0, 0, 0, NULL                                         \
    }
#define KNOWN(name)                                                                                \
    {                                                                                              \
        TEXT(name), NULL, false, 0, 0, 0, NULL                                                     \
    }
#define NEEDED(name)                                                                               \
    {                                                                                              \
        TEXT(name), field_any_string, true, 0, 0, 0, NULL                                          \
    }

/* --- amounts -----------------------------------------------------------------------------------*/

/* An integer of minor units: struct money without its currency. */
static enum mete_code field_minor(const struct form_in *in, const struct field *f,
                                  const struct json *j, void *out)
{
    (void)f;
    int64_t minor = 0;
    struct money *m = out;
    enum mete_code code = form_integer(in, j, 0, FORM_INTEGER_MAX, &minor);
    if (code == METE_OK) {
        m->amount = arena_printf(in->arena, "%lld", (long long)minor);
        m->is_minor = true;
    }
    return code;
}

/* Stripe writes currencies in small letters. */
static enum mete_code field_any_case_currency(const struct form_in *in, const struct field *f,
                                              const struct json *j, void *out)
{
    struct text code_text;
    enum mete_code code = field_currency(in, f, j, &code_text);
    if (code != METE_OK) {
        return code;
    }
    if (code_text.len == 3 && code_text.p[0] >= 'a' && code_text.p[0] <= 'z') {
        char upper[4] = {0};
        for (size_t i = 0; i < 3; i++) {
            char c = code_text.p[i];
            upper[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
        }
        code_text = arena_text(in->arena, (struct text){upper, 3});
    }
    *(struct text *)out = code_text;
    return METE_OK;
}

/* amount: Money, or amount_minor with currency: one of the two. */
static enum mete_code amount_given(const struct payload_in *p, const struct money *m,
                                   const char *minor_name)
{
    return m->amount.len > 0 ? METE_OK : form_missing(p->form, p->payload, text_of(minor_name));
}

/* --- campaigns ---------------------------------------------------------------------------------*/

static enum mete_code field_off_ramps(const struct form_in *in, const struct field *f,
                                      const struct json *j, void *out)
{
    (void)f;
    struct event_campaign *c = out;
    enum mete_code code = form_type(in, j, JSON_ARRAY);
    if (code != METE_OK) {
        return code;
    }
    if (j->count > OFF_RAMPS_MAX) {
        return form_fail(in, j, METE_SHARES_LIMIT, "at most %d off-ramps", OFF_RAMPS_MAX);
    }
    struct text *name = arena_array(in->arena, j->count, sizeof *name);
    size_t count = 0;
    for (const struct json *e = j->child; e != NULL && code == METE_OK; e = e->next) {
        code = form_line(in, e, 1, LABEL_LEN_MAX, &name[count++]);
    }
    c->has_off_ramps = true;
    c->off_ramp = name;
    c->off_ramp_count = count;
    return code;
}

static enum mete_code field_multiple(const struct form_in *in, const struct field *f,
                                     const struct json *j, void *out)
{
    (void)f;
    struct ratio *r = out;
    enum mete_code code = form_ratio(in, j, r);
    if (code == METE_OK && r->num == 0) {
        return form_fail(in, j, METE_CONTRACT_INVALID, "a cap of nothing: leave it out instead");
    }
    return code;
}

static const char *const fundings[] = {"self", "offering", NULL};

static enum mete_code field_funding(const struct form_in *in, const struct field *f,
                                    const struct json *j, void *out)
{
    struct text t;
    struct field choice = *f;
    choice.more = fundings;
    enum mete_code code = field_choice(in, &choice, j, &t);
    if (code == METE_OK) {
        *(enum funding *)out = text_is(t, "self") ? FUNDING_SELF : FUNDING_OFFERING;
    }
    return code;
}

static const struct field contract_fields[] = {
    {TEXT("raise_amount"), field_decimal, false, AT(campaign.raise_amount), 0, 0, NULL},
    SHOWN("purpose"),
    {TEXT("revenue_share_bps"), field_i32, false, AT(campaign.share_bps), 0, BPS_ONE, NULL},
    {TEXT("cap_multiple"), field_multiple, false, AT(campaign.cap_multiple), 0, 0, NULL},
    {TEXT("cap_amount"), field_decimal, false, AT(campaign.cap_amount), 0, 0, NULL},
    {TEXT("duration_days"), field_i32, false, AT(campaign.duration_days), 1, DURATION_DAYS_MAX,
     NULL},
    {TEXT("off_ramps"), field_off_ramps, false, AT(campaign), 0, 0, NULL},
    KNOWN("attribution_rules")};
FORM(contract_form, contract_fields);

static const struct field campaign_fields[] = {
    {TEXT("contract"), field_form, false, 0, 0, 0, &contract_form},
    {TEXT("funding_mode"), field_funding, false, AT(campaign.funding), 0, 0, NULL},
    {TEXT("currency"), field_any_case_currency, false, AT(campaign.currency), 0, 0, NULL},
    {TEXT("creator"), field_party, false, AT(campaign.creator), 0, 0, NULL},
    {TEXT("created_by_user_id"), field_party, false, AT(campaign.created_by), 0, 0, NULL}};
FORM(campaign_form, campaign_fields);

static void campaign_prepare(struct event *e)
{
    e->campaign.share_bps = -1;
    e->campaign.duration_days = -1;
}

/* Somebody is the creator: the one that is named, else who created it. */
static enum mete_code campaign_check(const struct payload_in *p)
{
    struct event *e = p->event;
    struct event_campaign *c = &e->campaign;
    if (e->type == EVENT_CAMPAIGN_UPDATED) {
        return METE_OK;
    }
    c->currency = c->currency.len > 0 ? c->currency : DEFAULT_CURRENCY;
    c->creator = c->creator.len > 0 ? c->creator : c->created_by;
    if (c->creator.len == 0 && e->actor_id.len > 0 && party_judge(e->actor_id) == METE_OK) {
        c->creator = e->actor_id;
    }
    return c->creator.len > 0 ? METE_OK : form_missing(p->form, p->payload, TEXT("creator"));
}

static const char *const reasons[] = {"cap_reached", "duration_ended", "off_ramp", NULL};

static enum mete_code field_reason(const struct form_in *in, const struct field *f,
                                   const struct json *j, void *out)
{
    struct text t;
    struct field choice = *f;
    choice.more = reasons;
    enum mete_code code = field_choice(in, &choice, j, &t);
    if (code == METE_OK) {
        *(enum completion *)out = text_is(t, "cap_reached")      ? COMPLETION_CAP
                                  : text_is(t, "duration_ended") ? COMPLETION_DURATION
                                                                 : COMPLETION_OFF_RAMP;
    }
    return code;
}

static const struct field completed_fields[] = {
    {TEXT("reason"), field_reason, true, AT(completion.reason), 0, 0, NULL},
    LINE("off_ramp", completion.off_ramp)};
FORM(completed_form, completed_fields);

static const struct field nothing_fields[] = {SHOWN("reason"), SHOWN("note")};
FORM(nothing_form, nothing_fields);

/* --- rounds, commitments, grants ---------------------------------------------------------------*/

static const struct field round_fields[] = {
    {TEXT("requires_moderation"), field_bool, false, AT(round.requires_moderation), 0, 0, NULL},
    KNOWN("terms"),
    KNOWN("eligibility")};
FORM(round_form, round_fields);

static const struct field commitment_fields[] = {
    {TEXT("investor_id"), field_party, true, AT(commitment.investor), 0, 0, NULL},
    {TEXT("amount_minor"), field_minor, false, AT(commitment.amount), 0, 0, NULL},
    {TEXT("currency"), field_any_case_currency, false, AT(commitment.amount.currency), 0, 0, NULL},
    {TEXT("amount"), field_money, false, AT(commitment.amount), 0, 0, NULL}};
FORM(commitment_form, commitment_fields);

static enum mete_code commitment_check(const struct payload_in *p)
{
    return amount_given(p, &p->event->commitment.amount, "amount_minor");
}

static const struct field confirmed_fields[] = {SHOWN("payment_ref")};
FORM(confirmed_form, confirmed_fields);

static const struct field grant_fields[] = {
    {TEXT("amount_minor"), field_minor, false, AT(grant.amount), 0, 0, NULL},
    {TEXT("currency"), field_any_case_currency, false, AT(grant.amount.currency), 0, 0, NULL},
    {TEXT("amount"), field_money, false, AT(grant.amount), 0, 0, NULL},
    KNOWN("commitment_ids")};
FORM(grant_form, grant_fields);

static enum mete_code grant_check(const struct payload_in *p)
{
    return amount_given(p, &p->event->grant.amount, "amount_minor");
}

/* --- spend and performance ---------------------------------------------------------------------*/

static const struct field spend_fields[] = {
    NEEDED("platform"),
    {TEXT("amount_minor"), field_minor, false, AT(spend.amount), 0, 0, NULL},
    {TEXT("currency"), field_any_case_currency, false, AT(spend.amount.currency), 0, 0, NULL},
    {TEXT("amount"), field_money, false, AT(spend.amount), 0, 0, NULL},
    SHOWN("platform_campaign_id"),
    SHOWN("adset_id"),
    SHOWN("ad_id"),
    SHOWN("window_start"),
    SHOWN("window_end"),
    SHOWN("pacing_decision_id")};
FORM(spend_form, spend_fields);

static enum mete_code spend_check(const struct payload_in *p)
{
    return amount_given(p, &p->event->spend.amount, "amount_minor");
}

static const struct field kpi_fields[] = {
    {TEXT("impressions"), field_u64, true, AT(kpi.impressions), 0, FORM_INTEGER_MAX, NULL},
    {TEXT("clicks"), field_u64, true, AT(kpi.clicks), 0, FORM_INTEGER_MAX, NULL},
    {TEXT("conversions"), field_u64, true, AT(kpi.conversions), 0, FORM_INTEGER_MAX, NULL},
    {TEXT("spend"), field_money, true, AT(kpi.spend), 0, 0, NULL},
    KNOWN("ctr"),
    KNOWN("cpc"),
    KNOWN("cpa"),
    KNOWN("segment")};
FORM(kpi_form, kpi_fields);

static const struct field creative_fields[] = {NEEDED("creative_id"),  NEEDED("format"),
                                               NEEDED("hook"),         NEEDED("cta"),
                                               SHOWN("offer_framing"), SHOWN("landing_page_type"),
                                               SHOWN("experiment_id"), SHOWN("variant_id")};
FORM(creative_form, creative_fields);

/* --- attribution -------------------------------------------------------------------------------*/

static const struct field attribution_fields[] = {
    LINE("user_id", attribution.user_id),
    LINE("campaign_id", attribution.campaign_id),
    {TEXT("effective_from"), field_when, false, AT(attribution.effective_from), 0, 0, NULL},
    SHOWN("channel"),
    SHOWN("ad_id"),
    KNOWN("segment")};
FORM(attribution_form, attribution_fields);

/* The payload, else the envelope's correlation. */
static enum mete_code attribution_check(const struct payload_in *p)
{
    struct event *e = p->event;
    struct event_attribution *a = &e->attribution;
    a->user_id = a->user_id.len > 0 ? a->user_id : e->correlation.user_id;
    a->campaign_id = a->campaign_id.len > 0 ? a->campaign_id : e->correlation.campaign_id;
    if (a->user_id.len == 0) {
        return form_missing(p->form, p->payload, TEXT("user_id"));
    }
    return a->campaign_id.len > 0 ? METE_OK
                                  : form_missing(p->form, p->payload, TEXT("campaign_id"));
}

/* --- revenue -----------------------------------------------------------------------------------*/

static const char *const revenue_kinds[] = {"subscription", "one_time", NULL};

static const struct field invoice_fields[] = {
    {TEXT("gross_amount_cents"), field_minor, false, AT(invoice.gross), 0, 0, NULL},
    {TEXT("currency"), field_any_case_currency, false, AT(invoice.gross.currency), 0, 0, NULL},
    {TEXT("amount"), field_money, false, AT(invoice.gross), 0, 0, NULL},
    {TEXT("revenue_kind"), field_choice, false, AT(invoice.kind), 0, 0, revenue_kinds},
    SHOWN("provider"),
    SHOWN("stripe_invoice_id"),
    SHOWN("stripe_subscription_id"),
    LINE("stripe_payment_intent_id", invoice.payment_intent),
    SHOWN("scope"),
    SHOWN("plan_id"),
    SHOWN("transaction_type")};
FORM(invoice_form, invoice_fields);

static enum mete_code invoice_check(const struct payload_in *p)
{
    enum mete_code code = amount_given(p, &p->event->invoice.gross, "gross_amount_cents");
    return code == METE_OK && p->event->invoice.gross.currency.len == 0
               ? form_missing(p->form, p->payload, TEXT("currency"))
               : code;
}

static const struct field refund_fields[] = {
    {TEXT("reverses"), field_event_id, false, AT(reversal.reverses), 0, 0, NULL},
    LINE("stripe_payment_intent_id", reversal.payment_intent),
    {TEXT("refund_amount_cents"), field_minor, false, AT(reversal.amount), 0, 0, NULL},
    {TEXT("chargeback_amount_cents"), field_minor, false, AT(reversal.amount), 0, 0, NULL},
    {TEXT("amount_cents"), field_minor, false, AT(reversal.amount), 0, 0, NULL},
    {TEXT("currency"), field_any_case_currency, false, AT(reversal.amount.currency), 0, 0, NULL},
    {TEXT("amount"), field_money, false, AT(reversal.amount), 0, 0, NULL},
    {TEXT("revenue_kind"), field_choice, false, AT(reversal.kind), 0, 0, revenue_kinds},
    SHOWN("provider"),
    SHOWN("transaction_type"),
    SHOWN("reason")};
FORM(refund_form, refund_fields);

static enum mete_code refund_check(const struct payload_in *p)
{
    struct event_reversal *r = &p->event->reversal;
    r->has_amount = r->amount.amount.len > 0;
    if (r->has_amount && r->amount.currency.len == 0) {
        return form_missing(p->form, p->payload, TEXT("currency"));
    }
    bool found_by = r->reverses.len > 0 || r->payment_intent.len > 0 ||
                    p->event->correlation.transaction_id.len > 0;
    return found_by ? METE_OK
                    : form_fail(p->form, p->payload, METE_TARGET_AMBIGUOUS,
                                "reverses, stripe_payment_intent_id or correlation.transaction_id "
                                "must name the invoice");
}

static const struct field cancelled_fields[] = {SHOWN("stripe_subscription_id"), SHOWN("plan_id"),
                                                SHOWN("provider"), SHOWN("reason")};
FORM(cancelled_form, cancelled_fields);

/* --- terms of an app ---------------------------------------------------------------------------*/

static const struct field terms_fields[] = {
    {TEXT("marketplace_fee_bps"), field_i32, false, AT(terms.marketplace_bps), 0, BPS_ONE, NULL},
    {TEXT("royalty_fee_bps"), field_i32, false, AT(terms.royalty_bps), 0, BPS_ONE, NULL},
    {TEXT("effective_from"), field_when, false, AT(terms.effective_from), 0, 0, NULL},
    {TEXT("force"), field_bool, false, AT(terms.force), 0, 0, NULL},
    SHOWN("reason")};
FORM(terms_form, terms_fields);

static void terms_prepare(struct event *e)
{
    e->terms.marketplace_bps = -1;
    e->terms.royalty_bps = -1;
}

static enum mete_code terms_check(const struct payload_in *p)
{
    const struct event_terms *t = &p->event->terms;
    if (p->event->type == EVENT_TERMS_SET && t->marketplace_bps < 0 && t->royalty_bps < 0) {
        return form_missing(p->form, p->payload, TEXT("royalty_fee_bps"));
    }
    return t->force && json_get(p->payload, "reason") == NULL
               ? form_missing(p->form, p->payload, TEXT("reason"))
               : METE_OK;
}

const struct payload_kind *payload_kind_economy(enum event_type type)
{
    static const struct payload_kind kinds[EVENT_TYPE_COUNT] = {
        [EVENT_CAMPAIGN_CREATED] = {&campaign_form, campaign_prepare, campaign_check},
        [EVENT_CAMPAIGN_UPDATED] = {&campaign_form, campaign_prepare, campaign_check},
        [EVENT_CAMPAIGN_OPENED_FOR_FUNDING] = {&nothing_form, NULL, NULL},
        [EVENT_CAMPAIGN_FUNDING_CLOSED] = {&nothing_form, NULL, NULL},
        [EVENT_CAMPAIGN_ACTIVATED] = {&nothing_form, NULL, NULL},
        [EVENT_CAMPAIGN_PAUSED] = {&nothing_form, NULL, NULL},
        [EVENT_CAMPAIGN_RESUMED] = {&nothing_form, NULL, NULL},
        [EVENT_CAMPAIGN_COMPLETED] = {&completed_form, NULL, NULL},
        [EVENT_CAMPAIGN_CANCELLED] = {&nothing_form, NULL, NULL},
        [EVENT_ROUND_CREATED] = {&round_form, NULL, NULL},
        [EVENT_ROUND_APPROVED] = {&nothing_form, NULL, NULL},
        [EVENT_ROUND_OPENED] = {&nothing_form, NULL, NULL},
        [EVENT_ROUND_CLOSED] = {&nothing_form, NULL, NULL},
        [EVENT_ROUND_CANCELLED] = {&nothing_form, NULL, NULL},
        [EVENT_COMMITMENT_CREATED] = {&commitment_form, NULL, commitment_check},
        [EVENT_COMMITMENT_CONFIRMED] = {&confirmed_form, NULL, NULL},
        [EVENT_COMMITMENT_CANCELLED] = {&nothing_form, NULL, NULL},
        [EVENT_SPEND_GRANT_CREATED] = {&grant_form, NULL, grant_check},
        [EVENT_SPEND_GRANT_DEPLOYED] = {&nothing_form, NULL, NULL},
        [EVENT_SPEND_AUTHORIZED] = {&spend_form, NULL, spend_check},
        [EVENT_SPEND_EXECUTED] = {&spend_form, NULL, spend_check},
        [EVENT_SPEND_REFUNDED] = {&spend_form, NULL, spend_check},
        [EVENT_KPI_REPORTED] = {&kpi_form, NULL, NULL},
        [EVENT_CREATIVE_GENERATED] = {&creative_form, NULL, NULL},
        [EVENT_CREATIVE_LAUNCHED] = {&creative_form, NULL, NULL},
        [EVENT_ATTRIBUTION_ASSIGNED] = {&attribution_form, NULL, attribution_check},
        [EVENT_ATTRIBUTION_UPDATED] = {&attribution_form, NULL, attribution_check},
        [EVENT_INVOICE_PAID] = {&invoice_form, NULL, invoice_check},
        [EVENT_REFUND_ISSUED] = {&refund_form, NULL, refund_check},
        [EVENT_CHARGEBACK] = {&refund_form, NULL, refund_check},
        [EVENT_SUBSCRIPTION_CANCELLED] = {&cancelled_form, NULL, NULL},
        [EVENT_TERMS_SET] = {&terms_form, terms_prepare, terms_check},
        [EVENT_ROYALTY_ENABLED] = {&terms_form, terms_prepare, terms_check},
        [EVENT_ROYALTY_DISABLED] = {&terms_form, terms_prepare, terms_check},
    };
    return kinds[type].form != NULL ? &kinds[type] : NULL;
}
