/* SPDX-License-Identifier: Apache-2.0
 * Payloads that move money or measure what money is divided by. Source: spec "Types". */
#include "base/limits.h"
#include "base/text.h"
#include "wire/envelope_parts.h"

#define ALLOCATION_ID_LEN_MAX (EVENT_ID_LEN_MAX + 256) /* event id, "/", path of the line */
#define AT(member)            offsetof(struct event, member)
#define SOURCE_LEN_MAX        LABEL_LEN_MAX

/* usage.reported */

static const struct field usage_fields[] = {
    {TEXT("platform_id"), field_id, true, AT(usage.platform_id), 0, 0, NULL},
    {TEXT("provider"), field_party, true, AT(usage.provider), 0, 0, NULL},
    {TEXT("window_start"), field_time, true, AT(usage.window_start), 0, 0, NULL},
    {TEXT("window_end"), field_time, true, AT(usage.window_end), 0, 0, NULL},
    {TEXT("calls"), field_u64, true, AT(usage.calls), 0, FORM_INTEGER_MAX, NULL},
    {TEXT("bytes"), field_u64, false, AT(usage.bytes), 0, FORM_INTEGER_MAX, NULL},
    {TEXT("latency_ms_sum"), field_u64, false, AT(usage.latency_ms_sum), 0, FORM_INTEGER_MAX, NULL},
    {TEXT("batch_id"), field_line, false, AT(usage.batch_id), 0, LABEL_LEN_MAX, NULL}};
FORM(usage_form, usage_fields);

static enum mete_code usage_check(const struct payload_in *p)
{
    const struct event_usage *u = &p->event->usage;
    return payload_window(p, p->payload, "window_end", u->window_start, u->window_end);
}

/* usage.metered, metering.closed */

static const struct field metered_fields[] = {
    {TEXT("policy"), field_id, true, AT(metered.policy), 0, 0, NULL},
    {TEXT("endpoint"), field_line, true, AT(metered.endpoint), 0, LABEL_LEN_MAX, NULL},
    {TEXT("cost"), field_money, true, AT(metered.cost), 0, 0, NULL},
    {TEXT("calls"), field_u64, false, AT(metered.calls), 0, FORM_INTEGER_MAX, NULL},
    {TEXT("customer_wallet"), field_party, false, AT(metered.customer_wallet), 0, 0, NULL},
    {TEXT("at"), field_when, false, AT(metered.at), 0, 0, NULL}};
FORM(metered_form, metered_fields);

static void metered_prepare(struct event *e)
{
    e->metered.calls = 1;
}

static enum mete_code field_day(const struct form_in *in, const struct field *f,
                                const struct json *j, void *out)
{
    (void)f;
    enum mete_code code = form_type(in, j, JSON_STRING);
    if (code == METE_OK && !time_parse_day(j->text, out)) {
        return form_fail(in, j, METE_TIME_INVALID, "expected a day such as 2025-01-31");
    }
    return code;
}

static const struct field metering_fields[] = {
    {TEXT("policy"), field_id, true, AT(metering.policy), 0, 0, NULL},
    {TEXT("day"), field_day, true, AT(metering.day), 0, 0, NULL}};
FORM(metering_form, metering_fields);

/* cycle.closed */

static const struct field cycle_fields[] = {
    {TEXT("policy"), field_id, true, AT(cycle.policy), 0, 0, NULL},
    {TEXT("window_start"), field_time, true, AT(cycle.window_start), 0, 0, NULL},
    {TEXT("window_end"), field_time, true, AT(cycle.window_end), 0, 0, NULL},
    {TEXT("pool"), field_money, true, AT(cycle.pool), 0, 0, NULL}};
FORM(cycle_form, cycle_fields);

static enum mete_code cycle_check(const struct payload_in *p)
{
    const struct event_cycle *c = &p->event->cycle;
    return payload_window(p, p->payload, "window_end", c->window_start, c->window_end);
}

/* revenue.received */

/* `min` is the enum revenue_target that the member stands for. */
static enum mete_code field_target(const struct form_in *in, const struct field *f,
                                   const struct json *j, void *out)
{
    struct event_revenue *r = out;
    struct text id;
    bool is_party = f->min == TARGET_PARTY;
    enum mete_code code = is_party ? form_party(in, j, &id) : form_id(in, j, &id);
    if (code != METE_OK) {
        return code;
    }
    if (r->target_id.len > 0) {
        return form_fail(in, j, METE_TARGET_AMBIGUOUS,
                         "exactly one of policy, content_item_id and party names who shares");
    }
    r->target = (enum revenue_target)f->min;
    r->target_id = id;
    return METE_OK;
}

static enum mete_code field_fee(const struct form_in *in, const struct field *f,
                                const struct json *j, void *out)
{
    (void)f;
    struct event_revenue *r = out;
    r->has_fee = true;
    return form_money(in, j, false, &r->fee);
}

static enum mete_code field_conditions(const struct form_in *in, const struct field *f,
                                       const struct json *j, void *out)
{
    (void)f;
    struct event_revenue *r = out;
    enum mete_code code = form_type(in, j, JSON_ARRAY);
    if (code != METE_OK) {
        return code;
    }
    if (j->count > CONDITIONS_MAX) {
        return form_fail(in, j, METE_SHARES_LIMIT, "at most %d conditions", CONDITIONS_MAX);
    }
    struct text *condition = arena_array(in->arena, j->count, sizeof *condition);
    size_t count = 0;
    for (const struct json *c = j->child; c != NULL && code == METE_OK; c = c->next) {
        code = form_line(in, c, 1, LABEL_LEN_MAX, &condition[count++]);
    }
    r->condition = condition;
    r->condition_count = count;
    return code;
}

static const struct field period_fields[] = {
    {TEXT("start"), field_when_start, false, AT(revenue.period_start), 0, 0, NULL},
    {TEXT("end"), field_when_end, false, AT(revenue.period_end), 0, 0, NULL}};
FORM(period_form, period_fields);

static const struct field revenue_fields[] = {
    {TEXT("amount"), field_money, true, AT(revenue.amount), 0, 0, NULL},
    {TEXT("policy"), field_target, false, AT(revenue), TARGET_POLICY, 0, NULL},
    {TEXT("content_item_id"), field_target, false, AT(revenue), TARGET_CONTENT, 0, NULL},
    {TEXT("party"), field_target, false, AT(revenue), TARGET_PARTY, 0, NULL},
    {TEXT("fee"), field_fee, false, AT(revenue), 0, 0, NULL},
    {TEXT("source"), field_line, false, AT(revenue.source), 0, SOURCE_LEN_MAX, NULL},
    {TEXT("source_ref"), field_line, false, AT(revenue.source_ref), 0, SOURCE_LEN_MAX, NULL},
    {TEXT("period"), field_form, false, 0, 0, 0, &period_form},
    {TEXT("conditions"), field_conditions, false, AT(revenue), 0, 0, NULL},
    {TEXT("quantity"), field_u64, false, AT(revenue.quantity), 0, FORM_INTEGER_MAX, NULL}};
FORM(revenue_form, revenue_fields);

static enum mete_code revenue_check(const struct payload_in *p)
{
    const struct event_revenue *r = &p->event->revenue;
    if (r->target_id.len == 0) {
        return form_fail(p->form, p->payload, METE_TARGET_AMBIGUOUS,
                         "one of policy, content_item_id and party must name who shares");
    }
    if (r->has_fee && !text_eq(r->fee.currency, r->amount.currency)) {
        return form_fail(p->form, json_get(json_get(p->payload, "fee"), "currency"),
                         METE_MEMBER_VALUE, "the fee is in the currency of the amount");
    }
    if (!r->period_start.set || !r->period_end.set) {
        return METE_OK;
    }
    return payload_window(p, json_get(p->payload, "period"), "end", r->period_start.at,
                          r->period_end.at);
}

/* revenue.reversed; its free text is private (private.c) */

static enum mete_code field_reversal_amount(const struct form_in *in, const struct field *f,
                                            const struct json *j, void *out)
{
    (void)f;
    struct event_reversal *r = out;
    r->has_amount = true;
    return form_money(in, j, false, &r->amount);
}

static const struct field reversal_fields[] = {
    {TEXT("reverses"), field_event_id, true, AT(reversal.reverses), 0, 0, NULL},
    {TEXT("amount"), field_reversal_amount, false, AT(reversal), 0, 0, NULL},
    {TEXT("reason"), field_any_string, false, 0, 0, 0, NULL}};
FORM(reversal_form, reversal_fields);

/* allocation.*, the disputes */

static const struct field allocation_fields[] = {
    {TEXT("allocation_id"), field_event_id, true, AT(allocation.allocation_id), 0,
     ALLOCATION_ID_LEN_MAX, NULL},
    {TEXT("reason"), field_any_string, true, 0, 0, 0, NULL}};
FORM(allocation_form, allocation_fields);

static const struct field upheld_fields[] = {
    {TEXT("allocation_id"), field_event_id, true, AT(allocation.allocation_id), 0,
     ALLOCATION_ID_LEN_MAX, NULL},
    {TEXT("reason"), field_any_string, true, 0, 0, 0, NULL},
    {TEXT("reallocate_to"), field_party, false, AT(allocation.reallocate_to), 0, 0, NULL}};
FORM(upheld_form, upheld_fields);

/* allocation.cleared_through, which mete makes itself */

static const struct field clearing_fields[] = {
    {TEXT("through"), field_time, true, AT(clearing.through), 0, 0, NULL}};
FORM(clearing_form, clearing_fields);

/* wallet.transferred */

static const struct field transfer_fields[] = {
    {TEXT("from"), field_party, true, AT(transfer.from), 0, 0, NULL},
    {TEXT("to"), field_party, true, AT(transfer.to), 0, 0, NULL},
    {TEXT("amount"), field_money, true, AT(transfer.amount), 0, 0, NULL}};
FORM(transfer_form, transfer_fields);

/* fx.converted */

static enum mete_code field_at_least(const struct form_in *in, const struct field *f,
                                     const struct json *j, void *out)
{
    (void)f;
    struct event_conversion *c = out;
    c->has_at_least = true;
    return form_money(in, j, false, &c->at_least);
}

static const struct field conversion_fields[] = {
    {TEXT("party"), field_party, true, AT(conversion.party), 0, 0, NULL},
    {TEXT("amount"), field_money, true, AT(conversion.amount), 0, 0, NULL},
    {TEXT("to"), field_currency, true, AT(conversion.to), 0, 0, NULL},
    {TEXT("at_least"), field_at_least, false, AT(conversion), 0, 0, NULL}};
FORM(conversion_form, conversion_fields);

/* settlement.*, which mete makes itself */

static const struct field initiated_fields[] = {
    {TEXT("settlement_id"), field_id, true, AT(settlement.settlement_id), 0, 0, NULL},
    {TEXT("beneficiary_id"), field_party, true, AT(settlement.party), 0, 0, NULL},
    {TEXT("amount"), field_money, true, AT(settlement.amount), 0, 0, NULL},
    {TEXT("batch_id"), field_any_string, false, 0, 0, 0, NULL},
    {TEXT("provider"), field_any_string, false, 0, 0, 0, NULL},
    {TEXT("provider_ref"), field_any_string, false, 0, 0, 0, NULL},
    {TEXT("reason"), field_any_string, false, 0, 0, 0, NULL}};
FORM(initiated_form, initiated_fields);

static const struct field settled_fields[] = {
    {TEXT("settlement_id"), field_id, true, AT(settlement.settlement_id), 0, 0, NULL},
    {TEXT("provider_ref"), field_any_string, false, 0, 0, 0, NULL},
    {TEXT("failure_reason"), field_any_string, false, 0, 0, 0, NULL},
    {TEXT("reason"), field_any_string, false, 0, 0, 0, NULL}};
FORM(settled_form, settled_fields);

const struct payload_kind *payload_kind_money(enum event_type type)
{
    static const struct payload_kind kinds[EVENT_TYPE_COUNT] = {
        [EVENT_USAGE_REPORTED] = {&usage_form, NULL, usage_check},
        [EVENT_USAGE_METERED] = {&metered_form, metered_prepare, NULL},
        [EVENT_METERING_CLOSED] = {&metering_form, NULL, NULL},
        [EVENT_CYCLE_CLOSED] = {&cycle_form, NULL, cycle_check},
        [EVENT_REVENUE_RECEIVED] = {&revenue_form, NULL, revenue_check},
        [EVENT_REVENUE_REVERSED] = {&reversal_form, NULL, NULL},
        [EVENT_ALLOCATION_DISPUTED] = {&allocation_form, NULL, NULL},
        [EVENT_ALLOCATION_EVIDENCE_ADDED] = {&allocation_form, NULL, NULL},
        [EVENT_ALLOCATION_ESCALATED] = {&allocation_form, NULL, NULL},
        [EVENT_ALLOCATION_OVERRIDDEN] = {&allocation_form, NULL, NULL},
        [EVENT_ALLOCATION_UPHELD] = {&upheld_form, NULL, NULL},
        [EVENT_CLEARED_THROUGH] = {&clearing_form, NULL, NULL},
        [EVENT_WALLET_TRANSFERRED] = {&transfer_form, NULL, NULL},
        [EVENT_FX_CONVERTED] = {&conversion_form, NULL, NULL},
        [EVENT_SETTLEMENT_INITIATED] = {&initiated_form, NULL, NULL},
        [EVENT_SETTLEMENT_PAID] = {&settled_form, NULL, NULL},
        [EVENT_SETTLEMENT_FAILED] = {&settled_form, NULL, NULL},
    };
    return kinds[type].form != NULL ? &kinds[type] : NULL;
}
