/* SPDX-License-Identifier: Apache-2.0
 * Payloads of the economic protocol. The source names the types and leaves most members open: these
 * are the ones that requirements.md SOURCE 4 proposes. Ids stand in `correlation`. */
#include "core/asset.h"
#include "wire/payload_parts.h"

#define DURATION_DAYS_MAX  36500
#define COMMITMENT_IDS_MAX 1000
#define BPS_ONE            10000
#define DEFAULT_CURRENCY   TEXT("USD")

/* --- amounts -----------------------------------------------------------------------------------*/

enum mete_code field_word(const struct form_in *in, const struct field *f, const struct json *j,
                          void *out)
{
    struct text unused;
    (void)out;
    return form_line(in, j, (size_t)f->min, (size_t)f->max, &unused);
}

/* The currency stands beside it. */
enum mete_code field_minor(const struct form_in *in, const struct field *f, const struct json *j,
                           void *out)
{
    (void)f;
    int64_t minor = 0;
    struct money *m = out;
    enum mete_code code = form_integer(in, j, 0, FORM_INTEGER_MAX, &minor);
    if (code == METE_OK) {
        m->amount = arena_printf(in->arena, "%lld", (long long)minor);
        m->is_minor = true;
        m->member = j->key;
    }
    return code;
}

/* Stripe writes currencies in small letters. What is known in capitals alone is meant by them. */
static struct text currency_upper(struct arena *a, struct text code)
{
    char upper[ASSET_CODE_LEN_MAX];
    if (code.len == 0 || code.len > sizeof upper || asset_builtin(code) != NULL) {
        return code;
    }
    for (size_t i = 0; i < code.len; i++) {
        char c = code.p[i];
        upper[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    const struct text capitals = {upper, code.len};
    return asset_builtin(capitals) != NULL ? arena_text(a, capitals) : code;
}

enum mete_code field_any_case_currency(const struct form_in *in, const struct field *f,
                                       const struct json *j, void *out)
{
    struct text code_text;
    enum mete_code code = field_currency(in, f, j, &code_text);
    if (code == METE_OK) {
        *(struct text *)out = currency_upper(in->arena, code_text);
    }
    return code;
}

enum mete_code field_money_any_case(const struct form_in *in, const struct field *f,
                                    const struct json *j, void *out)
{
    struct money m = {0};
    enum mete_code code = field_money(in, f, j, &m);
    if (code == METE_OK) {
        m.currency = currency_upper(in->arena, m.currency);
        m.member = j->key;
        *(struct money *)out = m;
    }
    return code;
}

/* The member that holds the amount; *second is another one, which may not be there too. */
static const struct json *amount_found(const struct json *payload, const char *const *names,
                                       const struct json **second)
{
    const struct json *first = NULL;
    *second = NULL;
    for (; *names != NULL; names++) {
        const struct json *j = json_get(payload, *names);
        if (j != NULL && first != NULL && *second == NULL) {
            *second = j;
        }
        first = first == NULL ? j : first;
    }
    return first;
}

enum mete_code payload_amount(const struct payload_in *p, const struct money *m,
                              const char *const *names, bool required)
{
    const struct json *second;
    const struct json *given = amount_found(p->payload, names, &second);
    const struct json *currency = json_get(p->payload, "currency");
    if (given == NULL) {
        return required ? form_missing(p->form, p->payload, text_of(names[0])) : METE_OK;
    }
    if (second != NULL) {
        return form_fail(p->form, second, METE_MEMBER_VALUE,
                         "the amount stands in %.*s already: say it once", (int)given->key.len,
                         given->key.p);
    }
    if (m->is_minor) {
        return currency != NULL ? METE_OK : form_missing(p->form, p->payload, TEXT("currency"));
    }
    if (currency != NULL && !text_eq(currency_upper(p->form->arena, currency->text), m->currency)) {
        return form_fail(p->form, currency, METE_MEMBER_VALUE,
                         "the amount is in %.*s; leave this out", (int)m->currency.len,
                         m->currency.p);
    }
    return METE_OK;
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

static const char *const amount_names[] = {"amount_minor", "amount", NULL};

static const struct field commitment_fields[] = {
    {TEXT("investor_id"), field_party, true, AT(commitment.investor), 0, 0, NULL},
    MINOR("amount_minor", commitment.amount),
    CURRENCY(commitment.amount),
    AMOUNT("amount", commitment.amount)};
FORM(commitment_form, commitment_fields);

static enum mete_code commitment_check(const struct payload_in *p)
{
    return payload_amount(p, &p->event->commitment.amount, amount_names, true);
}

static const struct field confirmed_fields[] = {SHOWN("payment_ref")};
FORM(confirmed_form, confirmed_fields);

static enum mete_code field_commitments(const struct form_in *in, const struct field *f,
                                        const struct json *j, void *out)
{
    enum mete_code code = form_type(in, j, JSON_ARRAY);
    (void)f;
    (void)out;
    if (code == METE_OK && j->count > COMMITMENT_IDS_MAX) {
        return form_fail(in, j, METE_SHARES_LIMIT, "at most %d commitments", COMMITMENT_IDS_MAX);
    }
    struct text unused;
    for (const struct json *e = j->child; e != NULL && code == METE_OK; e = e->next) {
        code = form_line(in, e, 1, LABEL_LEN_MAX, &unused);
    }
    return code;
}

static const struct field grant_fields[] = {
    MINOR("amount_minor", grant.amount),
    CURRENCY(grant.amount),
    AMOUNT("amount", grant.amount),
    {TEXT("commitment_ids"), field_commitments, false, 0, 0, 0, NULL}};
FORM(grant_form, grant_fields);

static enum mete_code grant_check(const struct payload_in *p)
{
    return payload_amount(p, &p->event->grant.amount, amount_names, true);
}

/* --- revenue -----------------------------------------------------------------------------------*/

static const char *const revenue_kinds[] = {"subscription", "one_time", NULL};

static const struct field invoice_fields[] = {
    MINOR("gross_amount_cents", invoice.gross),
    CURRENCY(invoice.gross),
    AMOUNT("amount", invoice.gross),
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
    static const char *const names[] = {"gross_amount_cents", "amount", NULL};
    return payload_amount(p, &p->event->invoice.gross, names, true);
}

static const struct field refund_fields[] = {
    {TEXT("reverses"), field_event_id, false, AT(reversal.reverses), 0, 0, NULL},
    LINE("stripe_payment_intent_id", reversal.payment_intent),
    MINOR("refund_amount_cents", reversal.amount),
    MINOR("chargeback_amount_cents", reversal.amount),
    MINOR("amount_cents", reversal.amount),
    CURRENCY(reversal.amount),
    AMOUNT("amount", reversal.amount),
    {TEXT("revenue_kind"), field_choice, false, AT(reversal.kind), 0, 0, revenue_kinds},
    SHOWN("provider"),
    SHOWN("transaction_type"),
    SHOWN("reason")};
FORM(refund_form, refund_fields);

/* Without an amount all that is left goes back. */
static enum mete_code refund_check(const struct payload_in *p)
{
    static const char *const names[] = {"refund_amount_cents", "chargeback_amount_cents",
                                        "amount_cents", "amount", NULL};
    struct event_reversal *r = &p->event->reversal;
    enum mete_code code = payload_amount(p, &r->amount, names, false);
    if (code != METE_OK) {
        return code;
    }
    r->has_amount = r->amount.amount.len > 0;
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
    SHOWN("forced_by"),
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
