/* SPDX-License-Identifier: Apache-2.0
 * mete report campaign: what became of one campaign. What each number means stands in
 * engine/campaign_report.h. */
#include "cli/cli.h"

#include "base/text.h"
#include "render/render.h"

#include <stdio.h>

/* --- cells -------------------------------------------------------------------------------------*/

static void text_cell(struct table *t, struct text value)
{
    if (value.len > 0) {
        table_text(t, value);
    } else {
        table_null(t);
    }
}

static void quota_cell(struct table *t, const struct quota *q)
{
    char decimal[QUOTA_TEXT_MAX];
    if (!q->set) {
        table_null(t);
        return;
    }
    quota_decimal(q, decimal);
    table_str(t, decimal);
}

static void price_cell(struct table *t, const struct quota *q, const struct asset *asset)
{
    if (q->set) {
        table_amount(t, quota_round(q), asset);
    } else {
        table_null(t);
    }
}

static void section(struct cli *c, const char *heading, struct table *t)
{
    if (table_row_count(t) == 0) {
        table_free(t);
        return;
    }
    cli_print(c, "\n");
    cli_heading(c, "%s", heading);
    cli_table(c, t);
}

/* --- one value a line --------------------------------------------------------------------------*/

static void said(struct cli *c, const char *label, const char *value)
{
    cli_print(c, "%-22s %s\n", label, value);
}

static void said_text(struct cli *c, const char *label, struct text value)
{
    cli_print(c, "%-22s %.*s\n", label, (int)value.len, value.len > 0 ? value.p : "");
}

static void said_amount(struct cli *c, const char *label, const struct campaign_report *r, bool set,
                        i128 amount)
{
    said_text(c, label, set ? amount_label(&c->arena, amount, &r->asset) : TEXT("none"));
}

static void said_quota(struct cli *c, const char *label, const struct quota *q)
{
    char decimal[QUOTA_TEXT_MAX] = "none";
    if (q->set) {
        quota_decimal(q, decimal);
    }
    said(c, label, decimal);
}

static void said_price(struct cli *c, const char *label, const struct campaign_report *r,
                       const struct quota *q)
{
    said_amount(c, label, r, q->set, q->set ? quota_round(q) : 0);
}

/* --- sections ----------------------------------------------------------------------------------*/

static void terms_show(struct cli *c, const struct campaign_report *r)
{
    const struct campaign *k = &r->campaign;
    char since[TIME_TEXT_MAX] = "";
    time_format(r->since, since);
    cli_heading(c, "Campaign %.*s, %s since %s", (int)k->id.len, k->id.p,
                machine_of(MACHINE_CAMPAIGN)->state[r->state], since);
    said_text(c, "creator", r->creator);
    said(c, "funding", k->is_offering ? "offering" : "self");
    if (r->purpose.len > 0) {
        said_text(c, "purpose", r->purpose);
    }
    said_text(c, "investors' share",
              arena_printf(&c->arena, "%u.%02u %%", k->share_bps / 100u, k->share_bps % 100u));
    said_amount(c, "raise", r, k->raise >= 0, k->raise);
    said_amount(c, "intended", r, true, r->intended);
    said_amount(c, "confirmed", r, true, r->confirmed);
    said_amount(c, "cap", r, r->has_cap, r->cap);
    said_text(c, "duration",
              k->duration_days > 0 ? arena_printf(&c->arena, "%u days", k->duration_days)
                                   : TEXT("none"));
    said_text(c, "elapsed",
              r->elapsed_days >= 0
                  ? arena_printf(&c->arena, "%lld days", (long long)r->elapsed_days)
                  : TEXT("not active yet"));
    said_text(c, "expected",
              arena_printf(&c->arena, "%d-%d days; no promise, nothing depends on it",
                           CAMPAIGN_EXPECTED_FROM, CAMPAIGN_EXPECTED_TO));
}

static struct text payback_text(struct cli *c, const struct campaign_report *r)
{
    if (r->payback == PAYBACK_NO_SPEND) {
        return TEXT("nothing was spent");
    }
    return r->payback == PAYBACK_REACHED
               ? arena_printf(&c->arena, "after %lld days", (long long)r->payback_days)
               : TEXT("not yet");
}

static void outcome_show(struct cli *c, const struct campaign_report *r)
{
    cli_print(c, "\n");
    cli_heading(c, "Outcome");
    said_amount(c, "gross", r, true, r->money.gross);
    said_amount(c, "fees", r, true, r->money.fees);
    said_amount(c, "shareable", r, true, r->money.shareable);
    said_amount(c, "refunded", r, true, r->money.refunded);
    said_amount(c, "charged back", r, true, r->money.charged_back);
    said_amount(c, "net", r, true, r->money.net);
    said_amount(c, "net, creator", r, true, r->money.net_creator);
    said_amount(c, "net, investors", r, true, r->money.net_pool);
    said_quota(c, "of the cap", &r->progress);
    said_amount(c, "net spend", r, true, r->net_spend);
    said_text(c, "users attributed", arena_printf(&c->arena, "%llu", (unsigned long long)r->users));
    said_text(c, "customers",
              arena_printf(&c->arena, "%llu, of them %llu came back",
                           (unsigned long long)r->customers, (unsigned long long)r->repeat));
    said_price(c, "cost per customer", r, &r->cac);
    said_text(c, "paid back", payback_text(c, r));
    said_quota(c, "part paid back", &r->payback_part);
    said_quota(c, "refunded, by amount", &r->refund_rate);
    said_quota(c, "refunded, by count", &r->refund_count);
    said_amount(c, "settlements, paid", r, true, r->paid.amount);
    said_amount(c, "settlements, on way", r, true, r->initiated.amount);
}

static void month_cell(struct table *t, int32_t month)
{
    char text[32];
    snprintf(text, sizeof text, "%04d-%02d", month / 12, month % 12 + 1);
    table_str(t, text);
}

static void months_show(struct cli *c, const struct campaign_report *r)
{
    static const struct table_column COLUMNS[] = {{"month", "MONTH", COLUMN_TEXT},
                                                  {"invoices", "INVOICES", COLUMN_NUMBER},
                                                  {"gross", "GROSS", COLUMN_AMOUNT},
                                                  {"fees", "FEES", COLUMN_AMOUNT},
                                                  {"pool", "INVESTORS", COLUMN_AMOUNT},
                                                  {"creator", "CREATOR", COLUMN_AMOUNT},
                                                  {"refunded", "REFUNDED", COLUMN_AMOUNT},
                                                  {"charged_back", "CHARGED BACK", COLUMN_AMOUNT},
                                                  {"net", "NET", COLUMN_AMOUNT},
                                                  {"new_customers", "NEW", COLUMN_NUMBER},
                                                  {"repeat_customers", "REPEAT", COLUMN_NUMBER}};
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < r->months.count; i++) {
        const struct report_month *m = r->months.row[i];
        month_cell(t, m->month);
        table_number(t, m->money.invoices);
        table_amount(t, m->money.gross, &r->asset);
        table_amount(t, m->money.fees, &r->asset);
        table_amount(t, m->money.pool, &r->asset);
        table_amount(t, m->money.creator, &r->asset);
        table_amount(t, m->money.refunded, &r->asset);
        table_amount(t, m->money.charged_back, &r->asset);
        table_amount(t, m->money.net, &r->asset);
        table_number(t, m->new_customers);
        table_number(t, m->repeat_customers);
    }
    section(c, "By month", t);
}

static void churn_show(struct cli *c, const struct campaign_report *r)
{
    static const struct table_column COLUMNS[] = {{"month", "MONTH", COLUMN_TEXT},
                                                  {"active", "ACTIVE", COLUMN_NUMBER},
                                                  {"begun", "BEGUN", COLUMN_NUMBER},
                                                  {"cancelled", "CANCELLED", COLUMN_NUMBER},
                                                  {"churn", "CHURN", COLUMN_TEXT}};
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < r->churn.count; i++) {
        const struct report_churn *m = r->churn.row[i];
        month_cell(t, m->month);
        table_number(t, m->active);
        table_number(t, m->begun);
        table_number(t, m->cancelled);
        quota_cell(t, &m->churn);
    }
    section(c, "Subscriptions", t);
}

static void rounds_show(struct cli *c, const struct campaign_report *r)
{
    static const struct table_column COLUMNS[] = {{"round_id", "ROUND", COLUMN_TEXT},
                                                  {"state", "STATE", COLUMN_TEXT},
                                                  {"commitments", "COMMITMENTS", COLUMN_NUMBER},
                                                  {"intended", "INTENDED", COLUMN_AMOUNT},
                                                  {"confirmed", "CONFIRMED", COLUMN_AMOUNT},
                                                  {"cancelled", "CANCELLED", COLUMN_AMOUNT}};
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < r->rounds.count; i++) {
        const struct report_round *x = r->rounds.row[i];
        text_cell(t, x->round_id);
        table_str(t, x->round_id.len > 0 ? machine_of(MACHINE_ROUND)->state[x->state] : NULL);
        table_number(t, x->commitments);
        table_amount(t, x->intended, &r->asset);
        table_amount(t, x->confirmed, &r->asset);
        table_amount(t, x->cancelled, &r->asset);
    }
    section(c, "Rounds", t);
}

static void spend_show(struct cli *c, const struct campaign_report *r)
{
    static const struct table_column COLUMNS[] = {
        {"platform", "PLATFORM", COLUMN_TEXT},   {"authorized", "AUTHORIZED", COLUMN_AMOUNT},
        {"executed", "EXECUTED", COLUMN_AMOUNT}, {"refunded", "REFUNDED", COLUMN_AMOUNT},
        {"net", "NET", COLUMN_AMOUNT},           {"budget_left", "BUDGET LEFT", COLUMN_AMOUNT}};
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < r->spend.count + r->spend_total.count; i++) {
        bool is_sum = i >= r->spend.count;
        const struct report_spend *s =
            is_sum ? r->spend_total.row[i - r->spend.count] : r->spend.row[i];
        table_text(t, is_sum ? TEXT("all") : s->platform);
        table_amount(t, s->authorized, &s->asset);
        table_amount(t, s->executed, &s->asset);
        table_amount(t, s->refunded, &s->asset);
        table_amount(t, s->executed - s->refunded, &s->asset);
        if (is_sum && s->granted > 0) {
            table_amount(t, s->deployed - s->of_grants, &s->asset);
        } else {
            table_null(t);
        }
    }
    section(c, "Spend", t);
}

/** "device=mobile country=US"; a label stands as it is. */
static struct text segment_text(struct cli *c, struct text json)
{
    struct json *j;
    struct mete_err err;
    struct text all = {0};
    if (json.len == 0 || json_parse(&c->arena, json, &j, &err) != METE_OK) {
        return json;
    }
    for (const struct json *m = j->child; m != NULL; m = m->next) {
        all = arena_printf(&c->arena, "%.*s%s%.*s=%.*s", (int)all.len, all.len > 0 ? all.p : "",
                           all.len > 0 ? " " : "", (int)m->key.len, m->key.p, (int)m->text.len,
                           m->text.p);
    }
    return j->type == JSON_STRING ? j->text : all;
}

static void kpi_row(struct table *t, struct text platform, struct text segment,
                    const struct report_kpi *k)
{
    text_cell(t, platform);
    text_cell(t, segment);
    table_number(t, k->impressions);
    table_number(t, k->clicks);
    table_number(t, k->conversions);
    table_amount(t, k->spend, &k->asset);
    quota_cell(t, &k->ctr);
    price_cell(t, &k->cpc, &k->asset);
    price_cell(t, &k->cpa, &k->asset);
}

static void kpi_show(struct cli *c, const struct campaign_report *r)
{
    static const struct table_column COLUMNS[] = {{"platform", "PLATFORM", COLUMN_TEXT},
                                                  {"segment", "SEGMENT", COLUMN_TEXT},
                                                  {"impressions", "IMPRESSIONS", COLUMN_NUMBER},
                                                  {"clicks", "CLICKS", COLUMN_NUMBER},
                                                  {"conversions", "CONVERSIONS", COLUMN_NUMBER},
                                                  {"spend", "SPEND", COLUMN_AMOUNT},
                                                  {"ctr", "CTR", COLUMN_TEXT},
                                                  {"cpc", "CPC", COLUMN_AMOUNT},
                                                  {"cpa", "CPA", COLUMN_AMOUNT}};
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < r->kpi_segment.count; i++) {
        const struct report_kpi *k = r->kpi_segment.row[i];
        kpi_row(t, k->platform, segment_text(c, k->segment), k);
    }
    for (size_t i = 0; i < r->kpi_platform.count; i++) {
        const struct report_kpi *k = r->kpi_platform.row[i];
        kpi_row(t, k->platform, TEXT("all"), k);
    }
    for (size_t i = 0; i < r->kpi_total.count; i++) {
        kpi_row(t, TEXT("all"), TEXT("all"), r->kpi_total.row[i]);
    }
    section(c, "Performance", t);
}

static void followed_cells(struct table *t, const struct report_followed *f,
                           const struct asset *asset)
{
    table_number(t, f->users);
    table_number(t, f->customers);
    table_amount(t, f->gross, asset);
    table_amount(t, f->net, asset);
}

#define FOLLOWED_COLUMNS                                                                           \
    {"users", "USERS", COLUMN_NUMBER}, {"customers", "CUSTOMERS", COLUMN_NUMBER},                  \
        {"gross", "GROSS", COLUMN_AMOUNT},                                                         \
    {                                                                                              \
        "net", "NET", COLUMN_AMOUNT                                                                \
    }

static void channels_show(struct cli *c, const struct campaign_report *r)
{
    static const struct table_column COLUMNS[] = {{"channel", "CHANNEL", COLUMN_TEXT},
                                                  FOLLOWED_COLUMNS};
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < r->channels.count; i++) {
        const struct report_channel *x = r->channels.row[i];
        text_cell(t, x->channel);
        followed_cells(t, &x->followed, &r->asset);
    }
    section(c, "Channels", t);
}

static void creatives_show(struct cli *c, const struct campaign_report *r)
{
    static const struct table_column COLUMNS[] = {{"creative_id", "CREATIVE", COLUMN_TEXT},
                                                  {"experiment_id", "EXPERIMENT", COLUMN_TEXT},
                                                  {"variant_id", "VARIANT", COLUMN_TEXT},
                                                  {"format", "FORMAT", COLUMN_TEXT},
                                                  {"hook", "HOOK", COLUMN_TEXT},
                                                  {"cta", "CTA", COLUMN_TEXT},
                                                  FOLLOWED_COLUMNS};
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < r->creatives.count; i++) {
        const struct report_creative *x = r->creatives.row[i];
        text_cell(t, x->creative_id);
        text_cell(t, x->experiment_id);
        text_cell(t, x->variant_id);
        text_cell(t, x->format);
        text_cell(t, x->hook);
        text_cell(t, x->cta);
        followed_cells(t, &x->followed, &r->asset);
    }
    section(c, "Creatives", t);
}

static void trials_show(struct cli *c, const struct campaign_report *r)
{
    static const struct table_column COLUMNS[] = {{"experiment_id", "EXPERIMENT", COLUMN_TEXT},
                                                  {"variant_id", "VARIANT", COLUMN_TEXT},
                                                  {"clicks", "CLICKS", COLUMN_NUMBER},
                                                  {"conversions", "CONVERSIONS", COLUMN_NUMBER},
                                                  {"spend", "SPEND", COLUMN_AMOUNT},
                                                  {"ctr", "CTR", COLUMN_TEXT},
                                                  {"cpa", "CPA", COLUMN_AMOUNT},
                                                  {"users", "USERS", COLUMN_NUMBER},
                                                  {"net", "NET", COLUMN_AMOUNT}};
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < r->trials.count; i++) {
        const struct report_trial *x = r->trials.row[i];
        for (size_t k = 0; k < x->kpi.count; k++) {
            const struct report_kpi *kpi = x->kpi.row[k];
            table_text(t, x->experiment_id);
            table_text(t, x->variant_id);
            table_number(t, kpi->clicks);
            table_number(t, kpi->conversions);
            table_amount(t, kpi->spend, &kpi->asset);
            quota_cell(t, &kpi->ctr);
            price_cell(t, &kpi->cpa, &kpi->asset);
            table_number(t, x->followed.users);
            table_amount(t, x->followed.net, &r->asset);
        }
    }
    section(c, "Experiments", t);
}

static void parties_show(struct cli *c, const struct campaign_report *r)
{
    static const struct table_column COLUMNS[] = {{"party", "PARTY", COLUMN_TEXT},
                                                  {"role", "ROLE", COLUMN_TEXT},
                                                  {"confirmed", "CONFIRMED", COLUMN_AMOUNT},
                                                  {"payable", "PAYABLE", COLUMN_AMOUNT},
                                                  {"paid", "PAID", COLUMN_AMOUNT}};
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < r->parties.count; i++) {
        const struct report_party *x = r->parties.row[i];
        table_text(t, x->party);
        table_str(t, x->is_creator ? "creator" : "investor");
        if (x->is_creator) {
            table_null(t);
        } else {
            table_amount(t, x->confirmed, &r->asset);
        }
        table_amount(t, x->payable, &r->asset);
        table_amount(t, x->paid, &r->asset);
    }
    section(c, "Who is paid, of everything they have in this currency", t);
}

static void show(struct cli *c, const struct campaign_report *r)
{
    terms_show(c, r);
    outcome_show(c, r);
    months_show(c, r);
    churn_show(c, r);
    rounds_show(c, r);
    spend_show(c, r);
    kpi_show(c, r);
    channels_show(c, r);
    creatives_show(c, r);
    trials_show(c, r);
    parties_show(c, r);
    for (size_t i = 0; i < r->waiting.count; i++) {
        const struct report_waits *x = r->waiting.row[i];
        struct text amount = amount_label(&c->arena, x->amount, &x->asset);
        cli_print(c, "\nInvoices that wait, since the campaign has another currency: %llu, %.*s\n",
                  (unsigned long long)x->count, (int)amount.len, amount.p);
    }
    if (r->left_out > 0) {
        cli_print(c, "\nLeft out, in currencies that this book does not know: %llu\n",
                  (unsigned long long)r->left_out);
    }
}

/* --- the command -------------------------------------------------------------------------------*/

static int campaign_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct campaign_report r;
    struct json_writer w;
    mete_time at = TIME_ALWAYS;
    int status = cli_option_time(c, "at", true, &at);
    status = status == CLI_OK ? cli_open(c, CLI_READ, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    const struct campaign_report_query q = {.campaign_id = text_of(c->operand[0]),
                                            .at = at == TIME_ALWAYS ? engine_now(e) : at};
    if (campaign_report_make(e, &q, &r, &err) != METE_OK) {
        status = cli_fail(c, &err);
    } else if (c->json) {
        cli_json_begin(c, &w);
        campaign_report_json(&w, &r);
        cli_json_end(c);
    } else {
        show(c, &r);
    }
    campaign_report_clear(&r);
    engine_close(e);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"at", 0, "TIME", "what occurred later does not count; else now"}, {NULL, 0, NULL, NULL}};

const struct cli_command command_report_campaign = {
    .name = "report campaign",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "tell what became of a campaign: money, spend, performance, customers, payback",
    .about = "Computed from the events of the log. An invoice counts for the campaign that it is\n"
             "booked for now. Cost per customer is net spend over users who paid; paid back is\n"
             "when net shareable revenue has come up to net spend, for good. Ratios are exact:\n"
             "--json has them as num and den. GET /openapi.json defines each number.",
    .option = OPTIONS,
    .no_csv = true,
    .run = campaign_run};
