/* SPDX-License-Identifier: Apache-2.0
 * mete statement: one party's lines with a running balance. */
#include "cli/rows.h"

#include "base/text.h"
#include "render/render.h"

struct showing {
    struct cli *c;
    struct rows rows;
    struct json_writer w;
    struct arena a; /* of one line */
    struct asset asset;
    bool ndjson;
    bool is_html;
    struct statement_html html;
    uint64_t accounts;
};

/* --- NDJSON: a record for each line, before and after the account's balance
 * ----------------------*/

/** One NDJSON record. */
static void record_begin(struct showing *s, const char *kind)
{
    jw_init(&s->w, &s->c->out, false);
    jw_object(&s->w, NULL);
    jw_str(&s->w, "kind", kind);
}

static void record_end(struct showing *s)
{
    jw_end_object(&s->w);
    cli_print(s->c, "\n");
    cli_spill(s->c);
}

static void balance_record(struct showing *s, const char *kind, i128 amount)
{
    record_begin(s, kind);
    jw_asset(&s->w, &s->asset);
    jw_i128(&s->w, "balance", amount);
    record_end(s);
}

/* --- text and CSV
 * -------------------------------------------------------------------------------*/

static const struct table_column COLUMNS[] = {
    {"recorded_at", "RECORDED", COLUMN_TEXT}, {"occurred_at", NULL, COLUMN_TEXT},
    {"seq", "ENTRY", COLUMN_NUMBER},          {"event_id", "EVENT", COLUMN_TEXT},
    {"event_type", NULL, COLUMN_TEXT},        {"what", "WHAT", COLUMN_TEXT},
    {"allocation_id", "OF", COLUMN_TEXT},     {"asset", NULL, COLUMN_TEXT},
    {"amount", "AMOUNT", COLUMN_AMOUNT},      {"balance", "BALANCE", COLUMN_AMOUNT},
    {"state", "STATE", COLUMN_TEXT},          {"clears_at", NULL, COLUMN_TEXT}};

static void line_cells(struct showing *s, struct table *t, const struct statement_line *line)
{
    table_time(t, line->recorded_at);
    table_time(t, line->occurred_at);
    table_number(t, line->seq);
    table_text(t, line->event_id);
    table_str(t, line->event_type);
    table_str(t, line->what);
    if (line->id.len > 0) {
        table_text(t, line->id);
    } else {
        table_null(t);
    }
    table_text(t, asset_label(&s->a, &s->asset));
    table_amount(t, line->amount, &s->asset);
    table_amount(t, line->balance, &s->asset);
    table_str(t, line->state);
    table_time(t, line->clears_at);
}

/* --- the sink
 * -----------------------------------------------------------------------------------*/

static void account_open(void *ctx, const struct statement_account *account)
{
    struct showing *s = ctx;
    s->asset = account->asset;
    if (s->ndjson) {
        balance_record(s, "opening", account->opening);
    } else if (!s->c->csv) {
        arena_reset(&s->a);
        cli_heading(s->c, "%s%s: opening balance %s", s->accounts > 0 ? "\n" : "",
                    account->asset.code, amount_label(&s->a, account->opening, &account->asset).p);
        rows_begin(&s->rows, s->c, COLUMNS, ARRAY_LEN(COLUMNS));
    }
    s->accounts++;
}

static void account_line(void *ctx, const struct statement_line *line)
{
    struct showing *s = ctx;
    arena_reset(&s->a);
    if (s->ndjson) {
        record_begin(s, "line");
        jw_asset(&s->w, &s->asset);
        statement_line_members(&s->w, line);
        record_end(s);
    } else {
        line_cells(s, rows_next(&s->rows), line);
    }
}

static void account_close(void *ctx, const struct statement_account *account)
{
    struct showing *s = ctx;
    if (s->ndjson) {
        balance_record(s, "closing", account->closing);
    } else if (!s->c->csv) {
        rows_end(&s->rows);
        arena_reset(&s->a);
        cli_print(s->c, "closing balance %s, %llu lines\n",
                  amount_label(&s->a, account->closing, &account->asset).p,
                  (unsigned long long)account->lines);
    }
}

/* --- the whole
 * ----------------------------------------------------------------------------------*/

static void spill(void *c)
{
    cli_spill(c);
}

static struct statement_sink begin(struct showing *s, const struct statement_query *q)
{
    if (s->c->json && !s->ndjson) {
        cli_json_begin(s->c, &s->w);
        statement_json_begin(&s->w, q);
        return statement_json_sink(&s->w);
    }
    if (s->is_html) {
        s->html = (struct statement_html){.out = &s->c->out, .spill = spill, .spill_ctx = s->c};
        statement_html_begin(&s->html, q);
        return statement_html_sink(&s->html);
    }
    if (s->c->csv) {
        rows_begin(&s->rows, s->c, COLUMNS, ARRAY_LEN(COLUMNS));
    }
    return (struct statement_sink){s, account_open, account_line, account_close};
}

static void end(struct showing *s, const struct statement_pages *pages)
{
    if (s->ndjson) {
        record_begin(s, "pages");
        statement_pages_members(&s->w, pages);
        record_end(s);
    } else if (s->is_html) {
        statement_html_end(&s->html, pages);
    } else if (s->c->json) {
        statement_json_end(&s->w, pages);
        cli_json_end(s->c);
    } else if (s->c->csv) {
        rows_end(&s->rows);
    } else if (s->accounts == 0 && !s->is_html) {
        cli_print(s->c, "No account yet.\n");
    }
    if (pages->next[0] != 0 && !s->c->json && !s->ndjson && !s->is_html) {
        cli_note(s->c, "More lines follow: --after %s", pages->next);
    }
}

static int query_read(struct cli *c, struct statement_query *q)
{
    uint64_t newest = 0;
    *q = (struct statement_query){.party = text_of(c->operand[0]),
                                  .asset = text_of(cli_option(c, "asset")),
                                  .from = TIME_ALWAYS,
                                  .until = TIME_NEVER,
                                  .at = TIME_ALWAYS,
                                  .after = text_of(cli_option(c, "after"))};
    int status = cli_option_time(c, "from", false, &q->from);
    status = status == CLI_OK ? cli_option_time(c, "to", true, &q->until) : status;
    status = status == CLI_OK ? cli_option_time(c, "at", true, &q->at) : status;
    status = status == CLI_OK ? cli_option_number(c, "limit", 1, INT64_MAX, &q->limit) : status;
    status = status == CLI_OK ? cli_option_number(c, "newest", 1, 100000, &newest) : status;
    q->newest = (uint32_t)newest;
    if (q->until != TIME_NEVER) {
        q->until++; /* the last moment is part of it */
    }
    return status;
}

/** --format says in one word what --csv, --json and --ndjson say. */
static int format_read(struct cli *c, struct showing *s)
{
    const char *format = cli_option(c, "format");
    struct text name = text_of(format != NULL ? format : "text");
    bool known = text_is(name, "text") || text_is(name, "html") || text_is(name, "csv") ||
                 text_is(name, "json") || text_is(name, "ndjson");
    if (!known || (format != NULL && (c->csv || c->json || s->ndjson))) {
        return cli_usage(c, known ? "--format goes without --csv, --json and --ndjson"
                                  : "--format is text, html, csv, json or ndjson");
    }
    s->is_html = text_is(name, "html");
    s->ndjson |= text_is(name, "ndjson");
    c->csv |= text_is(name, "csv");
    c->json |= text_is(name, "json");
    return s->ndjson && c->csv ? cli_usage(c, "--ndjson and --csv exclude each other") : CLI_OK;
}

static int statement_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct statement_query q;
    struct statement_pages pages;
    struct showing s = {.c = c, .ndjson = cli_flag(c, "ndjson")};
    int status = query_read(c, &q);
    status = status == CLI_OK ? format_read(c, &s) : status;
    status = status == CLI_OK ? cli_open(c, CLI_READ, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    q.at = q.at == TIME_ALWAYS ? engine_now(e) : q.at;
    arena_init(&s.a, (size_t)1 << 20);
    const struct statement_sink sink = begin(&s, &q);
    if (statement_read(e, &q, &sink, &pages, &err) == METE_OK) {
        end(&s, &pages);
    } else {
        status = cli_fail(c, &err);
        buf_reset(&c->out); /* nothing of half an answer */
    }
    arena_clear(&s.a);
    engine_close(e);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"from", 0, "TIME", "recorded at or after this moment or day"},
    {"to", 0, "TIME", "recorded until this moment or day, which is included"},
    {"at", 0, "TIME", "the clock that clears; else now"},
    {"asset", 0, "CODE", "only this asset, such as USD"},
    {"limit", 'n', "N", "at most that many lines; the answer says how to go on"},
    {"after", 0, "CURSOR", "go on where an earlier answer ended"},
    {"newest", 0, "N", "of each account only the newest N bookings"},
    {"format", 0, "NAME", "text, html (a page that prints), csv, json or ndjson"},
    {"ndjson", 0, NULL, "one JSON object a line, for programs that stream"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_statement = {
    .name = "statement",
    .operands = "PARTY",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "list one party's lines with opening, running and closing balance",
    .about = "Lines stand in the order of the log, account by account; the opening balance and\n"
             "all lines make the closing balance. With --limit and --after a statement of any\n"
             "length is read page by page; JSON has the cursors as `next` and `last`.",
    .option = OPTIONS,
    .run = statement_run};
