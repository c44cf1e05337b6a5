/* SPDX-License-Identifier: Apache-2.0
 * The report of a campaign. What each number means stands in engine/campaign_report.h. */
#include "render/render.h"

#include "base/text.h"

#include <stdio.h>

/* --- values ------------------------------------------------------------------------------------*/

static void quota_members(struct json_writer *w, const struct quota *q)
{
    char decimal[QUOTA_TEXT_MAX];
    quota_decimal(q, decimal);
    jw_i128(w, "num", q->num);
    jw_i128(w, "den", q->den);
    jw_str(w, "decimal", decimal);
}

static void quota_json(struct json_writer *w, const char *key, const struct quota *q)
{
    if (!q->set) {
        jw_null(w, key);
        return;
    }
    jw_object(w, key);
    quota_members(w, q);
    jw_end_object(w);
}

/** An amount for each: also as whole minor units. */
static void price_json(struct json_writer *w, const char *key, const struct quota *q)
{
    if (!q->set) {
        jw_null(w, key);
        return;
    }
    jw_object(w, key);
    quota_members(w, q);
    jw_i128(w, "minor", quota_round(q));
    jw_end_object(w);
}

static void amount_or_null(struct json_writer *w, const char *key, bool is_there, i128 amount)
{
    if (is_there) {
        jw_i128(w, key, amount);
    } else {
        jw_null(w, key);
    }
}

static void int_or_null(struct json_writer *w, const char *key, bool is_there, int64_t value)
{
    if (is_there) {
        jw_int(w, key, value);
    } else {
        jw_null(w, key);
    }
}

static void raw_or_null(struct json_writer *w, const char *key, struct text json)
{
    if (json.len > 0) {
        jw_raw(w, key, json);
    } else {
        jw_null(w, key);
    }
}

static void month_member(struct json_writer *w, int32_t month)
{
    char text[32];
    snprintf(text, sizeof text, "%04d-%02d", month / 12, month % 12 + 1);
    jw_str(w, "month", text);
}

typedef void row_write(struct json_writer *w, const void *row);

static void list_json(struct json_writer *w, const char *key, const struct row_list *list,
                      row_write *write)
{
    jw_array(w, key);
    for (size_t i = 0; i < list->count; i++) {
        jw_object(w, NULL);
        write(w, list->row[i]);
        jw_end_object(w);
        jw_spill(w);
    }
    jw_end_array(w);
}

/* --- the contract ------------------------------------------------------------------------------*/

static void variant_members(struct json_writer *w, const void *row)
{
    const struct report_variant *v = row;
    jw_text(w, "event_id", v->event_id);
    jw_time(w, "occurred_at", v->occurred_at);
    jw_raw(w, "contract", v->contract);
}

static void multiple_json(struct json_writer *w, const struct ratio *r)
{
    const struct quota q = {r->num > 0, (i128)r->num, (i128)r->den};
    quota_json(w, "cap_multiple", &q);
}

static void contract_json(struct json_writer *w, const struct campaign_report *r)
{
    const struct campaign *c = &r->campaign;
    jw_object(w, "contract");
    jw_text_or_null(w, "creator", r->creator);
    jw_str(w, "funding_mode", c->is_offering ? "offering" : "self");
    jw_text_or_null(w, "purpose", r->purpose);
    amount_or_null(w, "raise", c->raise >= 0, c->raise);
    jw_int(w, "revenue_share_bps", c->share_bps);
    amount_or_null(w, "cap_amount", c->cap_amount >= 0, c->cap_amount);
    multiple_json(w, &c->cap_multiple);
    amount_or_null(w, "cap", r->has_cap, r->cap);
    int_or_null(w, "duration_days", c->duration_days > 0, c->duration_days);
    jw_array(w, "off_ramps");
    for (uint32_t i = 0; i < c->off_ramp_count; i++) {
        jw_text(w, NULL, c->off_ramp[i]);
    }
    jw_end_array(w);
    raw_or_null(w, "attribution_rules", r->attribution_rules);
    list_json(w, "variants", &r->variants, variant_members);
    jw_end_object(w);
}

static void step_members(struct json_writer *w, const void *row)
{
    const struct report_step *s = row;
    jw_text_or_null(w, "event_id", s->event_id);
    jw_str(w, "event_type", s->event_type);
    jw_time(w, "occurred_at", s->occurred_at);
    jw_str(w, "state", machine_of(MACHINE_CAMPAIGN)->state[s->state]);
}

static void state_json(struct json_writer *w, const struct campaign_report *r)
{
    const struct campaign *c = &r->campaign;
    bool is_over = r->state == CAMPAIGN_COMPLETED || r->state == CAMPAIGN_CLOSED;
    enum completion reason =
        c->reason != COMPLETION_NONE ? (enum completion)c->reason : COMPLETION_DURATION;
    jw_object(w, "state");
    jw_str(w, "name", machine_of(MACHINE_CAMPAIGN)->state[r->state]);
    jw_time(w, "since", r->since);
    jw_str(w, "reason", is_over ? completion_name(reason) : NULL);
    jw_text_or_null(w, "off_ramp", is_over ? c->off_ramp_taken : (struct text){0});
    jw_time(w, "created_at", r->created_at);
    jw_time(w, "activated_at", c->activated_at <= r->at ? c->activated_at : TIME_NEVER);
    jw_time(w, "ends_at", campaign_ends_at(c));
    list_json(w, "history", &r->steps, step_members);
    jw_end_object(w);
}

/* --- funding and spend -------------------------------------------------------------------------*/

static void round_members(struct json_writer *w, const void *row)
{
    const struct report_round *r = row;
    bool named = r->round_id.len > 0;
    jw_text_or_null(w, "round_id", r->round_id);
    jw_str(w, "state", named ? machine_of(MACHINE_ROUND)->state[r->state] : NULL);
    jw_int(w, "commitments", (int64_t)r->commitments);
    jw_i128(w, "intended", r->intended);
    jw_i128(w, "confirmed", r->confirmed);
    jw_i128(w, "cancelled", r->cancelled);
}

static void funding_json(struct json_writer *w, const struct campaign_report *r)
{
    jw_object(w, "funding");
    amount_or_null(w, "raise", r->campaign.raise >= 0, r->campaign.raise);
    jw_i128(w, "intended", r->intended);
    jw_i128(w, "confirmed", r->confirmed);
    list_json(w, "rounds", &r->rounds, round_members);
    jw_end_object(w);
}

static void spend_members(struct json_writer *w, const struct report_spend *s)
{
    jw_asset(w, &s->asset);
    jw_i128(w, "authorized", s->authorized);
    jw_i128(w, "executed", s->executed);
    jw_i128(w, "refunded", s->refunded);
    jw_i128(w, "net", s->executed - s->refunded);
}

static void platform_members(struct json_writer *w, const void *row)
{
    const struct report_spend *s = row;
    jw_text_or_null(w, "platform", s->platform);
    spend_members(w, s);
}

static void total_members(struct json_writer *w, const void *row)
{
    const struct report_spend *s = row;
    spend_members(w, s);
    jw_i128(w, "granted", s->granted);
    jw_i128(w, "deployed", s->deployed);
    amount_or_null(w, "budget_left", s->granted > 0, s->deployed - s->of_grants);
}

static void spend_json(struct json_writer *w, const struct campaign_report *r)
{
    jw_object(w, "spend");
    jw_i128(w, "net", r->net_spend);
    list_json(w, "platforms", &r->spend, platform_members);
    list_json(w, "currencies", &r->spend_total, total_members);
    jw_end_object(w);
}

/* --- performance -------------------------------------------------------------------------------*/

static void kpi_members(struct json_writer *w, const void *row)
{
    const struct report_kpi *k = row;
    jw_asset(w, &k->asset);
    jw_int(w, "snapshots", (int64_t)k->snapshots);
    jw_i128(w, "impressions", k->impressions);
    jw_i128(w, "clicks", k->clicks);
    jw_i128(w, "conversions", k->conversions);
    jw_i128(w, "spend", k->spend);
    quota_json(w, "ctr", &k->ctr);
    price_json(w, "cpc", &k->cpc);
    price_json(w, "cpa", &k->cpa);
    jw_time(w, "from", k->from);
    jw_time(w, "until", k->until);
}

static void kpi_platform_members(struct json_writer *w, const void *row)
{
    const struct report_kpi *k = row;
    jw_text_or_null(w, "platform", k->platform);
    kpi_members(w, k);
}

static void kpi_segment_members(struct json_writer *w, const void *row)
{
    const struct report_kpi *k = row;
    jw_text_or_null(w, "platform", k->platform);
    raw_or_null(w, "segment", k->segment);
    kpi_members(w, k);
}

static void followed_members(struct json_writer *w, const struct report_followed *f)
{
    jw_int(w, "users", (int64_t)f->users);
    jw_int(w, "customers", (int64_t)f->customers);
    jw_i128(w, "gross", f->gross);
    jw_i128(w, "net", f->net);
}

static void creative_members(struct json_writer *w, const void *row)
{
    const struct report_creative *c = row;
    jw_text(w, "creative_id", c->creative_id);
    jw_text(w, "format", c->format);
    jw_text(w, "hook", c->hook);
    jw_text(w, "cta", c->cta);
    jw_text(w, "offer_framing", c->offer_framing);
    jw_text(w, "landing_page_type", c->landing_page_type);
    jw_text_or_null(w, "experiment_id", c->experiment_id);
    jw_text_or_null(w, "variant_id", c->variant_id);
    jw_time(w, "generated_at", c->generated_at);
    jw_time(w, "launched_at", c->launched_at);
    jw_array(w, "ads");
    for (size_t i = 0; i < c->ads.count; i++) {
        jw_text(w, NULL, *(const struct text *)c->ads.row[i]);
    }
    jw_end_array(w);
    followed_members(w, &c->followed);
}

static void trial_members(struct json_writer *w, const void *row)
{
    const struct report_trial *t = row;
    jw_text(w, "experiment_id", t->experiment_id);
    jw_text(w, "variant_id", t->variant_id);
    jw_int(w, "creatives", (int64_t)t->creatives);
    followed_members(w, &t->followed);
    list_json(w, "kpis", &t->kpi, kpi_members);
}

static void growth_members(struct json_writer *w, const struct campaign_report *r)
{
    jw_object(w, "kpis");
    list_json(w, "total", &r->kpi_total, kpi_members);
    list_json(w, "platforms", &r->kpi_platform, kpi_platform_members);
    list_json(w, "segments", &r->kpi_segment, kpi_segment_members);
    jw_end_object(w);
    list_json(w, "creatives", &r->creatives, creative_members);
    list_json(w, "experiments", &r->trials, trial_members);
}

static void channel_members(struct json_writer *w, const void *row)
{
    const struct report_channel *c = row;
    jw_text_or_null(w, "channel", c->channel);
    followed_members(w, &c->followed);
}

static void attribution_json(struct json_writer *w, const struct campaign_report *r)
{
    jw_object(w, "attribution");
    jw_int(w, "users", (int64_t)r->users);
    list_json(w, "channels", &r->channels, channel_members);
    jw_end_object(w);
}

/* --- money -------------------------------------------------------------------------------------*/

static void money_members(struct json_writer *w, const struct report_money *m)
{
    jw_int(w, "invoices", (int64_t)m->invoices);
    jw_i128(w, "gross", m->gross);
    jw_i128(w, "fees", m->fees);
    jw_i128(w, "shareable", m->shareable);
    jw_i128(w, "pool", m->pool);
    jw_i128(w, "creator", m->creator);
    jw_int(w, "refunds", (int64_t)m->refunds);
    jw_i128(w, "refunded", m->refunded);
    jw_int(w, "chargebacks", (int64_t)m->chargebacks);
    jw_i128(w, "charged_back", m->charged_back);
    jw_i128(w, "net", m->net);
    jw_i128(w, "net_shareable", m->net_shareable);
    jw_i128(w, "net_pool", m->net_pool);
    jw_i128(w, "net_creator", m->net_creator);
}

static void money_json(struct json_writer *w, const char *key, const struct report_money *m)
{
    jw_object(w, key);
    money_members(w, m);
    jw_end_object(w);
}

static void month_members(struct json_writer *w, const void *row)
{
    const struct report_month *m = row;
    month_member(w, m->month);
    money_members(w, &m->money);
    jw_int(w, "new_customers", (int64_t)m->new_customers);
    jw_int(w, "repeat_customers", (int64_t)m->repeat_customers);
}

static void waits_members(struct json_writer *w, const void *row)
{
    const struct report_waits *x = row;
    jw_asset(w, &x->asset);
    jw_int(w, "count", (int64_t)x->count);
    jw_i128(w, "amount", x->amount);
}

static void revenue_json(struct json_writer *w, const struct campaign_report *r)
{
    jw_object(w, "revenue");
    money_members(w, &r->money);
    jw_object(w, "kinds");
    money_json(w, "subscription", &r->subscription);
    money_json(w, "one_time", &r->one_time);
    money_json(w, "unsaid", &r->unsaid);
    jw_end_object(w);
    list_json(w, "months", &r->months, month_members);
    list_json(w, "waiting", &r->waiting, waits_members);
    jw_end_object(w);
}

static void churn_members(struct json_writer *w, const void *row)
{
    const struct report_churn *c = row;
    month_member(w, c->month);
    jw_int(w, "active", (int64_t)c->active);
    jw_int(w, "begun", (int64_t)c->begun);
    jw_int(w, "cancelled", (int64_t)c->cancelled);
    quota_json(w, "churn", &c->churn);
}

static void rate_json(struct json_writer *w, const char *key, const struct quota *amount,
                      const struct quota *count)
{
    jw_object(w, key);
    quota_json(w, "by_amount", amount);
    quota_json(w, "by_count", count);
    jw_end_object(w);
}

static void customers_json(struct json_writer *w, const struct campaign_report *r)
{
    jw_object(w, "customers");
    jw_int(w, "acquired", (int64_t)r->customers);
    jw_int(w, "repeat", (int64_t)r->repeat);
    jw_int(w, "invoices_without_user", (int64_t)r->without_user);
    jw_end_object(w);
    price_json(w, "cac", &r->cac);
    rate_json(w, "refund_rate", &r->refund_rate, &r->refund_count);
    rate_json(w, "chargeback_rate", &r->chargeback_rate, &r->chargeback_count);
    list_json(w, "churn", &r->churn, churn_members);
}

/* --- what comes back ---------------------------------------------------------------------------*/

static void payback_json(struct json_writer *w, const struct campaign_report *r)
{
    bool reached = r->payback == PAYBACK_REACHED;
    jw_object(w, "payback");
    jw_str(w, "state", payback_name(r->payback));
    int_or_null(w, "days", reached, r->payback_days);
    jw_time(w, "from", r->payback_from);
    jw_time(w, "reached_at", r->paid_back_at);
    quota_json(w, "fraction", &r->payback_part);
    jw_end_object(w);
}

static void investors_json(struct json_writer *w, const struct campaign_report *r)
{
    jw_object(w, "investors");
    jw_i128(w, "confirmed", r->confirmed);
    jw_i128(w, "accrued", r->money.net_pool);
    amount_or_null(w, "cap", r->has_cap, r->cap);
    amount_or_null(w, "left", r->has_cap, r->cap - r->money.net_pool);
    quota_json(w, "progress", &r->progress);
    quota_json(w, "returned", &r->returned);
    jw_end_object(w);
    jw_object(w, "expected_days");
    jw_int(w, "from", CAMPAIGN_EXPECTED_FROM);
    jw_int(w, "to", CAMPAIGN_EXPECTED_TO);
    jw_bool(w, "is_promise", false);
    jw_end_object(w);
    int_or_null(w, "elapsed_days", r->elapsed_days >= 0, r->elapsed_days);
}

static void party_members(struct json_writer *w, const void *row)
{
    const struct report_party *p = row;
    jw_text(w, "party", p->party);
    jw_str(w, "role", p->is_creator ? "creator" : "investor");
    amount_or_null(w, "confirmed", !p->is_creator, p->confirmed);
    jw_i128(w, "payable", p->payable);
    jw_i128(w, "paid", p->paid);
}

static void settled_json(struct json_writer *w, const char *key, const struct report_settled *s)
{
    jw_object(w, key);
    jw_int(w, "count", (int64_t)s->count);
    jw_i128(w, "amount", s->amount);
    jw_end_object(w);
}

static void settlements_json(struct json_writer *w, const struct campaign_report *r)
{
    jw_object(w, "settlements");
    settled_json(w, "initiated", &r->initiated);
    settled_json(w, "paid", &r->paid);
    settled_json(w, "failed", &r->failed);
    list_json(w, "parties", &r->parties, party_members);
    jw_end_object(w);
}

void campaign_report_json(struct json_writer *w, const struct campaign_report *r)
{
    jw_object(w, NULL);
    jw_text(w, "campaign_id", r->campaign.id);
    jw_text_or_null(w, "app_id", r->campaign.app_id);
    jw_time(w, "as_of", r->at);
    jw_str(w, "currency", r->asset.code);
    jw_asset(w, &r->asset);
    contract_json(w, r);
    state_json(w, r);
    funding_json(w, r);
    spend_json(w, r);
    growth_members(w, r);
    attribution_json(w, r);
    revenue_json(w, r);
    customers_json(w, r);
    payback_json(w, r);
    investors_json(w, r);
    settlements_json(w, r);
    jw_int(w, "left_out", (int64_t)r->left_out);
    jw_end_object(w);
}
