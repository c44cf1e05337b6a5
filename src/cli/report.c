/* SPDX-License-Identifier: Apache-2.0
 * mete report: totals of a period. */
#include "cli/rows.h"

#include "base/text.h"
#include "render/render.h"

#include <string.h>

/* --- the period
 * ---------------------------------------------------------------------------------*/

/** "2025-01-01..2025-02-01": the second moment is no longer part of it. */
static bool range_parse(struct text t, mete_time *from, mete_time *until)
{
    for (size_t i = 0; i + 1 < t.len; i++) {
        if (t.p[i] == '.' && t.p[i + 1] == '.') {
            struct text left = {t.p, i};
            struct text right = {t.p + i + 2, t.len - i - 2};
            return time_parse_date(left, false, from) == TIME_OK &&
                   time_parse_date(right, false, until) == TIME_OK && *from <= *until;
        }
    }
    return false;
}

static int query_read(struct cli *c, struct report_query *q)
{
    const char *period = cli_option(c, "period");
    const char *by = cli_option(c, "by");
    *q = (struct report_query){.from = TIME_MIN,
                               .until = TIME_MAX,
                               .recorded = cli_flag(c, "recorded"),
                               .by = REPORT_POLICY};
    if (by != NULL && !report_by_of(text_of(by), &q->by)) {
        return cli_usage(c, "--by wants policy, party, source, currency or role, not '%s'", by);
    }
    if (period == NULL || time_parse_period(text_of(period), &q->from, &q->until) ||
        range_parse(text_of(period), &q->from, &q->until)) {
        return CLI_OK;
    }
    return cli_usage(c,
                     "--period wants 2025, 2025-Q1, 2025-03, 2025-03-14 or "
                     "2025-01-01..2025-02-01, not '%s'",
                     period);
}

/* --- rows
 * ---------------------------------------------------------------------------------------*/

static void name_cell(struct table *t, struct text name)
{
    if (name.len > 0) {
        table_text(t, name);
    } else {
        table_null(t);
    }
}

static const struct table_column BY_PARTY[] = {{"party", "PARTY", COLUMN_TEXT},
                                               {"asset", NULL, COLUMN_TEXT},
                                               {"count", "LINES", COLUMN_NUMBER},
                                               {"gross", "EARNED", COLUMN_AMOUNT},
                                               {"fees", "OF IT FEES", COLUMN_AMOUNT},
                                               {"allocated", "SHARES", COLUMN_AMOUNT},
                                               {"unallocated", NULL, COLUMN_AMOUNT},
                                               {"carried", NULL, COLUMN_AMOUNT},
                                               {"reversed", "GIVEN BACK", COLUMN_AMOUNT},
                                               {"net", "NET", COLUMN_AMOUNT},
                                               {"year_to_date", "YEAR TO DATE", COLUMN_AMOUNT}};

static const struct table_column OTHERS[] = {{"name", "NAME", COLUMN_TEXT},
                                             {"asset", NULL, COLUMN_TEXT},
                                             {"count", "COUNT", COLUMN_NUMBER},
                                             {"gross", "GROSS", COLUMN_AMOUNT},
                                             {"fees", "FEES", COLUMN_AMOUNT},
                                             {"allocated", "ALLOCATED", COLUMN_AMOUNT},
                                             {"unallocated", "UNALLOCATED", COLUMN_AMOUNT},
                                             {"carried", "CARRIED", COLUMN_AMOUNT},
                                             {"reversed", "REVERSED", COLUMN_AMOUNT},
                                             {"net", "NET", COLUMN_AMOUNT}};

#define AMOUNTS_MAX 8u

/** The amounts of a row, in the order of the columns; returns how many. */
static size_t amounts_of(const struct report_row *row, enum report_by by, i128 out[AMOUNTS_MAX])
{
    const i128 amount[AMOUNTS_MAX] = {row->gross,
                                      row->fees,
                                      row->allocated,
                                      row->unallocated,
                                      row->carried,
                                      row->reversed,
                                      row->gross - row->reversed,
                                      row->year_to_date};
    memcpy(out, amount, sizeof amount);
    return by == REPORT_PARTY ? AMOUNTS_MAX : AMOUNTS_MAX - 1;
}

static void rows_show(struct cli *c, const struct report *r, enum report_by by)
{
    struct rows rows;
    bool party = by == REPORT_PARTY;
    rows_begin(&rows, c, party ? BY_PARTY : OTHERS,
               party ? ARRAY_LEN(BY_PARTY) : ARRAY_LEN(OTHERS));
    for (size_t i = 0; i < r->row_count; i++) {
        const struct report_row *row = &r->row[i];
        i128 amount[AMOUNTS_MAX];
        size_t count = amounts_of(row, by, amount);
        struct table *t = rows_next(&rows);
        name_cell(t, row->name);
        table_text(t, asset_label(&c->arena, &row->asset));
        table_number(t, row->count);
        for (size_t k = 0; k < count; k++) {
            table_amount(t, amount[k], &row->asset);
        }
    }
    rows_end(&rows);
}

static struct table *usage_table(const struct report *r)
{
    static const struct table_column COLUMNS[] = {{"provider", "PROVIDER", COLUMN_TEXT},
                                                  {"reports", "REPORTS", COLUMN_NUMBER},
                                                  {"calls", "CALLS", COLUMN_NUMBER},
                                                  {"bytes", "BYTES", COLUMN_NUMBER},
                                                  {"latency_ms_sum", "LATENCY MS", COLUMN_NUMBER}};
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < r->usage_count; i++) {
        const struct report_usage *u = &r->usage[i];
        table_text(t, u->provider);
        table_number(t, u->reports);
        table_number(t, u->calls);
        table_number(t, u->bytes);
        table_number(t, u->latency_ms_sum);
    }
    return t;
}

static struct table *waiting_table(struct cli *c, const struct report *r)
{
    static const struct table_column COLUMNS[] = {{"policy", "POLICY", COLUMN_TEXT},
                                                  {"code", "WAITS FOR", COLUMN_TEXT},
                                                  {"asset", NULL, COLUMN_TEXT},
                                                  {"count", "EVENTS", COLUMN_NUMBER},
                                                  {"amount", "AMOUNT", COLUMN_AMOUNT}};
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < r->waiting_count; i++) {
        const struct report_waiting *w = &r->waiting[i];
        name_cell(t, w->policy);
        table_str(t, w->code);
        table_text(t, asset_label(&c->arena, &w->asset));
        table_number(t, w->count);
        table_amount(t, w->amount, &w->asset);
    }
    return t;
}

/* --- showing
 * ------------------------------------------------------------------------------------*/

static void show_json(struct cli *c, const struct report *r, const struct report_query *q)
{
    struct json_writer w;
    cli_json_begin(c, &w);
    report_json(&w, r, q, q->by == REPORT_PARTY ? "party" : "name");
    cli_json_end(c);
}

static void show_text(struct cli *c, const struct report *r, const struct report_query *q)
{
    char from[TIME_TEXT_MAX];
    char until[TIME_TEXT_MAX];
    time_format(q->from, from);
    time_format(q->until, until);
    if (q->from == TIME_MIN && q->until == TIME_MAX) {
        cli_heading(c, "Revenue by %s, from the beginning", report_by_name(q->by));
    } else {
        cli_heading(c, "Revenue by %s, %s from %s until before %s", report_by_name(q->by),
                    q->recorded ? "recorded" : "occurred", from, until);
    }
    if (r->row_count > 0) {
        rows_show(c, r, q->by);
    } else {
        cli_print(c, "None.\n");
    }
    if (r->usage_count > 0) {
        cli_print(c, "\n");
        cli_heading(c, "Usage reported");
        cli_table(c, usage_table(r));
    }
    if (r->waiting_count > 0) {
        cli_print(c, "\n");
        cli_heading(c, "Waiting now");
        cli_table(c, waiting_table(c, r));
    }
}

static int report_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct report_query q;
    struct report r;
    int status = query_read(c, &q);
    status = status == CLI_OK ? cli_open(c, CLI_READ, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    if (report_make(e, &q, &c->arena, &r, &err) != METE_OK) {
        status = cli_fail(c, &err);
    } else if (c->json) {
        show_json(c, &r, &q);
    } else if (c->csv) {
        rows_show(c, &r, q.by);
    } else {
        show_text(c, &r, &q);
    }
    engine_close(e);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"period", 0, "PERIOD", "2025, 2025-Q1, 2025-03, 2025-03-14 or A..B, B excluded; else all"},
    {"by", 0, "WHAT", "policy (default), party, source, currency or role"},
    {"recorded", 0, NULL, "the period is of recorded_at instead of occurred_at"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_report = {
    .name = "report",
    .operands = "",
    .summary = "total what was booked in a period",
    .about =
        "Gross, fees and shares are those of the revenue of the period; reversed is what\n"
        "reversals of the period gave back, whenever the revenue came. By party there is also\n"
        "the year to date: net, since 1 January of the year in which the period ends.\n"
        "Sources with several names are one: music_streams and music_streaming are streaming,\n"
        "cli_usage is api_calls, event_revenue is ticket_sales.",
    .option = OPTIONS,
    .run = report_run};
