/* SPDX-License-Identifier: Apache-2.0
 * A party's statement for people. Invariant, asserted: of each account, opening + the totals of its
 * parts = closing. */
#include "base/markup.h"
#include "render/render.h"

#include "base/text.h"

#include <string.h>

static const char STYLE[] =
    "@page{size:A4;margin:16mm 14mm}"
    "body{font:10pt/1.4 system-ui,sans-serif;color:#111;max-width:62em;margin:2em auto;padding:0 "
    "1em}"
    "h1{font-size:16pt;margin:0 0 .4em}h2{font-size:12pt;margin:1.6em 0 .4em}"
    "dl{display:grid;grid-template-columns:max-content auto;gap:.1em 1.2em;margin:0}"
    "dt{color:#555}dd{margin:0;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%}"
    "th{text-align:left;border-bottom:1.5pt solid #111;padding:.2em .5em .2em 0;font-size:8.5pt}"
    "td{border-bottom:.5pt solid #ccc;padding:.2em .5em .2em 0;vertical-align:top;"
    "font-size:8.5pt;overflow-wrap:anywhere}"
    ".n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}"
    ".t{white-space:nowrap}.sum{width:auto;min-width:22em;margin-top:1em}"
    ".sum tr:last-child td,.edge td{font-weight:600;border-top:1pt solid #111}"
    "@media print{body{margin:0;max-width:none;padding:0}section+section{break-before:page}"
    "thead{display:table-header-group}tr,.sum{break-inside:avoid}h2{break-after:avoid}}";

static const char *const PART_NAME[STATEMENT_PARTS] = {
    [STATEMENT_SHARES] = "Shares",
    [STATEMENT_FEES] = "Fees",
    [STATEMENT_REVERSALS] = "Reversals",
    [STATEMENT_DISPUTES] = "Disputes upheld",
    [STATEMENT_TRANSFERS] = "Transfers",
    [STATEMENT_PAYOUTS] = "Payouts",
    [STATEMENT_BACK] = "Payouts that came back",
};

static bool is_payout(const char *event_type)
{
    return strncmp(event_type, "payout.", 7) == 0 || strncmp(event_type, "settlement.", 11) == 0;
}

enum statement_part statement_part_of(const struct statement_line *line)
{
    if (is_payout(line->event_type)) {
        return line->amount < 0 ? STATEMENT_PAYOUTS : STATEMENT_BACK;
    }
    if (strcmp(line->what, "fee") == 0) {
        return STATEMENT_FEES;
    }
    if (strncmp(line->what, "reversal", 8) == 0) {
        return STATEMENT_REVERSALS;
    }
    if (strcmp(line->what, "dispute upheld") == 0) {
        return STATEMENT_DISPUTES;
    }
    return strcmp(line->what, "share") == 0 ? STATEMENT_SHARES : STATEMENT_TRANSFERS;
}

/* --- pieces ------------------------------------------------------------------------------------*/

static void cell_put(struct statement_html *h, const char *class, struct text t)
{
    buf_printf(h->out, "<td%s%s%s>", class[0] != '\0' ? " class=\"" : "", class,
               class[0] != '\0' ? "\"" : "");
    markup_put(h->out, t);
    buf_put_str(h->out, "</td>");
}

static void amount_cell(struct statement_html *h, i128 amount)
{
    char digits[AMOUNT_TEXT_MAX];
    size_t len = amount_format(amount, h->asset.scale, digits);
    cell_put(h, "n", (struct text){digits, len});
}

static void time_cell(struct statement_html *h, mete_time at)
{
    char text[TIME_TEXT_MAX];
    time_format(at, text);
    cell_put(h, "t", (struct text){text, 10});
}

static void fact_put(struct statement_html *h, const char *name, struct text value)
{
    buf_printf(h->out, "<dt>%s</dt><dd>", name);
    markup_put(h->out, value);
    buf_put_str(h->out, "</dd>");
}

static void moment_put(struct statement_html *h, const char *name, mete_time at)
{
    char text[TIME_TEXT_MAX];
    time_format(at, text);
    fact_put(h, name, text_of(text));
}

static void edge_put(struct statement_html *h, const char *name, i128 amount)
{
    buf_printf(h->out, "<tr class=\"edge\"><td colspan=\"5\">%s</td>", name);
    amount_cell(h, amount);
    buf_put_str(h->out, "<td></td></tr>\n");
}

/* --- the sink ----------------------------------------------------------------------------------*/

static void account_open(void *ctx, const struct statement_account *account)
{
    struct statement_html *h = ctx;
    h->asset = account->asset;
    h->accounts++;
    memset(h->total, 0, sizeof h->total);
    buf_put_str(h->out, "<section><h2>");
    markup_put(h->out, text_of(account->asset.code));
    buf_put_str(h->out, "</h2>\n<table><thead><tr><th>Recorded</th><th>Occurred</th><th>What</th>"
                        "<th>Reference</th><th class=\"n\">Amount</th><th class=\"n\">Balance</th>"
                        "<th>State</th></tr></thead><tbody>\n");
    edge_put(h, "Opening balance", account->opening);
}

static void account_line(void *ctx, const struct statement_line *line)
{
    struct statement_html *h = ctx;
    enum statement_part part = statement_part_of(line);
    const char *what = part == STATEMENT_PAYOUTS ? "payout"
                       : part == STATEMENT_BACK  ? "payout that came back"
                                                 : line->what;
    h->total[part] += line->amount;
    buf_put_str(h->out, "<tr>");
    time_cell(h, line->recorded_at);
    time_cell(h, line->occurred_at);
    cell_put(h, "", text_of(what));
    cell_put(h, "", line->id.len > 0 ? line->id : line->event_id);
    amount_cell(h, line->amount);
    amount_cell(h, line->balance);
    cell_put(h, "", text_of(line->state));
    buf_put_str(h->out, "</tr>\n");
    if (h->spill != NULL) {
        h->spill(h->spill_ctx);
    }
}

static void sum_row(struct statement_html *h, const char *name, i128 amount)
{
    buf_printf(h->out, "<tr><td>%s</td>", name);
    amount_cell(h, amount);
    buf_put_str(h->out, "</tr>\n");
}

static void account_close(void *ctx, const struct statement_account *account)
{
    struct statement_html *h = ctx;
    i128 sum = account->opening;
    edge_put(h, "Closing balance", account->closing);
    buf_put_str(h->out, "</tbody></table>\n<table class=\"sum\"><tbody>\n");
    sum_row(h, "Opening balance", account->opening);
    for (size_t i = 0; i < STATEMENT_PARTS; i++) {
        sum += h->total[i];
        if (h->total[i] != 0) {
            sum_row(h, PART_NAME[i], h->total[i]);
        }
    }
    METE_ASSERT(sum == account->closing);
    sum_row(h, "Closing balance", account->closing);
    buf_printf(h->out, "</tbody></table>\n<p>%llu lines.</p></section>\n",
               (unsigned long long)account->lines);
}

/* --- the page ----------------------------------------------------------------------------------*/

struct statement_sink statement_html_sink(struct statement_html *h)
{
    return (struct statement_sink){h, account_open, account_line, account_close};
}

void statement_html_begin(struct statement_html *h, const struct statement_query *q)
{
    buf_put_str(h->out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                        "<meta name=\"viewport\" content=\"width=device-width\"><title>"
                        "Statement of ");
    markup_put(h->out, q->party);
    buf_printf(h->out, "</title><style>%s</style></head>\n<body><h1>Statement</h1>\n<dl>", STYLE);
    fact_put(h, "Party", q->party);
    if (q->from > TIME_MIN) {
        moment_put(h, "From", q->from);
    }
    if (q->until <= TIME_MAX) {
        moment_put(h, "Until (not included)", q->until);
    }
    moment_put(h, "States as of", q->at);
    buf_put_str(h->out, "</dl>\n<p>Lines stand in the order in which they were recorded; all times "
                        "are UTC. Opening balance and all lines make the closing balance.</p>\n");
}

void statement_html_end(struct statement_html *h, const struct statement_pages *pages)
{
    if (h->accounts == 0) {
        buf_put_str(h->out, "<p>No account yet.</p>\n");
    }
    if (pages->next[0] != '\0') {
        buf_put_str(h->out, "<p>More lines follow, after <code>");
        markup_put(h->out, text_of(pages->next));
        buf_put_str(h->out, "</code>.</p>\n");
    }
    buf_put_str(h->out, "</body></html>\n");
}
