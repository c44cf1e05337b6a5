/* SPDX-License-Identifier: Apache-2.0
 * mete gate report: what a gate was asked and has earned, from the file of its --stats. */
#include "gate/stats.h"

#include "base/text.h"
#include "cli/cli.h"
#include "wire/x402/price.h"

#include <string.h>

#define FILE_MAX ((size_t)1 << 30)

static const struct table_column COLUMNS[] = {{"day", "Day", COLUMN_TEXT},
                                              {"route", "Route", COLUMN_TEXT},
                                              {"network", "Network", COLUMN_TEXT},
                                              {"asset", "Asset", COLUMN_TEXT},
                                              {"requests", "Requests", COLUMN_NUMBER},
                                              {"asked", "402", COLUMN_NUMBER},
                                              {"paid", "Paid", COLUMN_NUMBER},
                                              {"revenue", "Revenue", COLUMN_TEXT},
                                              {"units", NULL, COLUMN_TEXT},
                                              {"unserved", "Unserved", COLUMN_NUMBER},
                                              {"failed", "Failed", COLUMN_NUMBER},
                                              {"free", "Free", COLUMN_NUMBER}};

static void text_or_null(struct table *t, struct text v)
{
    if (v.len > 0) {
        table_text(t, v);
    } else {
        table_null(t);
    }
}

/** A row counts requests, or payments: what it does not count is not none of it. */
static void count_put(struct table *t, bool is_counted, uint64_t n)
{
    if (is_counted) {
        table_number(t, n);
    } else {
        table_null(t);
    }
}

static void revenue_put(struct table *t, const struct stats_row *r)
{
    char units[U256_TEXT_MAX];
    char shown[X402_PRICE_TEXT_MAX + X402_DECIMALS_MAX];
    size_t len = u256_format(r->revenue, units);
    if (r->network.len == 0) { /* counts of requests: their payments stand in rows of their own */
        table_null(t);
        table_null(t);
        return;
    }
    size_t shown_len = r->decimals >= 0 && r->decimals <= X402_DECIMALS_MAX
                           ? x402_price_format(r->revenue, (unsigned)r->decimals, 0, shown)
                           : u256_format(r->revenue, shown);
    table_text(t, (struct text){shown, shown_len});
    table_text(t, (struct text){units, len});
}

static void row_put(struct table *t, const struct stats_row *r)
{
    text_or_null(t, r->day);
    text_or_null(t, r->route);
    text_or_null(t, r->network);
    text_or_null(t, r->symbol.len > 0 ? r->symbol : r->asset);
    count_put(t, r->network.len == 0, r->requests);
    count_put(t, r->network.len == 0, r->asked);
    count_put(t, r->network.len > 0, r->paid);
    revenue_put(t, r);
    count_put(t, r->network.len > 0, r->unserved);
    count_put(t, r->network.len == 0, r->failed);
    count_put(t, r->network.len == 0, r->free);
}

/** "route,day" */
static bool by_read(struct text list, unsigned *out)
{
    *out = 0;
    for (size_t at = 0; at <= list.len;) {
        size_t end = at;
        while (end < list.len && list.p[end] != ',') {
            end++;
        }
        struct text one = {list.p + at, end - at};
        *out |= text_is(one, "route") ? STATS_BY_ROUTE : text_is(one, "day") ? STATS_BY_DAY : 0u;
        if (!text_is(one, "route") && !text_is(one, "day") && !text_is(one, "total")) {
            return false;
        }
        at = end + 1;
    }
    return true;
}

static int gate_report_run(struct cli *c)
{
    struct buf file = {0};
    struct mete_err err;
    struct stats_report report;
    unsigned by = STATS_BY_ROUTE;
    mete_time from = TIME_MIN;
    mete_time until = TIME_MAX;
    const char *list = cli_option(c, "by");
    int status = cli_option_time(c, "from", false, &from);
    status = status == CLI_OK ? cli_option_time(c, "until", true, &until) : status;
    if (status != CLI_OK) {
        return status;
    }
    if (list != NULL && !by_read(text_of(list), &by)) {
        return cli_usage(c, "--by is route, day, route,day or total");
    }
    if (cli_read_file(c->operand[0], FILE_MAX, &file, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    stats_report(&c->arena, buf_text(&file), by, from, until, &report);
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < report.count; i++) {
        row_put(t, &report.row[i]);
    }
    buf_clear(&file);
    cli_table_or(c, t, "nothing was asked for");
    if (report.broken > 0) {
        cli_note(c, "mete: %llu lines could not be read", (unsigned long long)report.broken);
    }
    return CLI_OK;
}

static const struct cli_option OPTIONS[] = {
    {"by", 0, "LIST", "route, day, both with a comma, or total; else route"},
    {"from", 0, "TIME", "RFC 3339 or a day"},
    {"until", 0, "TIME", "RFC 3339 or a day, which counts whole"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_gate_report = {
    .name = "gate report",
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "requests, payments and revenue of a gate, from its file of --stats",
    .about = "A row without a network counts requests; payments stand in rows of one asset on\n"
             "one network each, so nothing is added that cannot be. Unserved are payments that\n"
             "were settled and got no answer: who brings one again is served.",
    .option = OPTIONS,
    .run = gate_report_run,
};
