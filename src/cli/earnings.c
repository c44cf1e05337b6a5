/* SPDX-License-Identifier: Apache-2.0
 * mete earnings: what a party has earned, and what stands between it and its money. */
#include "cli/cli.h"

#include "base/text.h"
#include "core/machine.h"
#include "engine/earnings.h"
#include "render/render.h"

#define LINES_DEFAULT 10u
#define LINES_MAX     1000u

static void accounts_show(struct cli *c, const struct earnings *x)
{
    static const struct table_column columns[] = {
        {"pending", "PENDING", COLUMN_AMOUNT},       {"cleared", "CLEARED", COLUMN_AMOUNT},
        {"disputed", "DISPUTED", COLUMN_AMOUNT},     {"paid", "PAID", COLUMN_AMOUNT},
        {"on_the_way", "ON THE WAY", COLUMN_AMOUNT}, {"debt", "DEBT", COLUMN_AMOUNT}};
    struct table *t = table_new(columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < x->account_count; i++) {
        const struct balance *b = &x->account[i].balance;
        const i128 amount[] = {b->pending, b->cleared, b->disputed, b->paid, b->leaving, b->debt};
        for (size_t k = 0; k < ARRAY_LEN(amount); k++) {
            table_amount(t, amount[k], &x->account[i].asset);
        }
    }
    cli_heading(c, "%.*s", (int)x->party.len, x->party.p);
    cli_table_or(c, t, "It has earned nothing yet.");
}

static void next_show(struct cli *c, const struct earnings *x)
{
    char at[TIME_TEXT_MAX];
    if (x->next_code == METE_OK) {
        struct text amount = amount_label(&c->arena, x->next, &x->main->asset);
        cli_print(c, "Next payout: %.*s by %.*s\n", (int)amount.len, amount.p, (int)x->rail.len,
                  x->rail.p);
        return;
    }
    cli_print(c, "Next payout: none (%s). %s\n", mete_code_name(x->next_code),
              mete_code_remediation(x->next_code));
    if (x->has_destination && x->holds_from > x->at) {
        time_format(x->holds_from, at);
        cli_print(c, "The destination holds from %s on.\n", at);
    }
}

static void state_show(struct cli *c, const struct earnings *x)
{
    struct text remediation;
    const char *status = earnings_status(x, &remediation);
    struct text earned = amount_label(&c->arena, x->earned, &x->main->asset);
    struct text sent = amount_label(&c->arena, x->sent, &x->main->asset);
    cli_print(c, "\n%s%s%.*s\n", status, remediation.len > 0 ? ": " : "", (int)remediation.len,
              remediation.len > 0 ? remediation.p : "");
    next_show(c, x);
    cli_print(c, "%d so far: %.*s earned, %.*s paid out\n", x->year, (int)earned.len, earned.p,
              (int)sent.len, sent.p);
}

static void payouts_show(struct cli *c, const struct earnings *x)
{
    static const struct table_column columns[] = {
        {"transfer_id", "PAYOUT", COLUMN_TEXT}, {"state", "STATE", COLUMN_TEXT},
        {"rail", "RAIL", COLUMN_TEXT},          {"amount", "AMOUNT", COLUMN_AMOUNT},
        {"queued_at", "QUEUED", COLUMN_TEXT},   {"reason", "REASON", COLUMN_TEXT}};
    struct table *t = table_new(columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < x->payout_count; i++) {
        const struct earnings_payout *p = &x->payout[i];
        table_text(t, p->transfer_id);
        table_str(t, machine_of(MACHINE_TRANSFER)->state[p->state]);
        table_text(t, p->rail);
        table_amount(t, p->amount, &p->asset);
        table_time(t, p->queued_at);
        if (p->reason.len > 0) {
            table_text(t, p->reason);
        } else {
            table_null(t);
        }
    }
    cli_print(c, "\n");
    cli_heading(c, "Payouts");
    cli_table(c, t);
}

static void lines_show(struct cli *c, const struct earnings *x)
{
    static const struct table_column columns[] = {{"recorded_at", "WHEN", COLUMN_TEXT},
                                                  {"what", "WHAT", COLUMN_TEXT},
                                                  {"amount", "AMOUNT", COLUMN_AMOUNT},
                                                  {"state", "STATE", COLUMN_TEXT},
                                                  {"event_id", "EVENT", COLUMN_TEXT}};
    struct table *t = table_new(columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < x->line_count; i++) {
        const struct statement_line *l = &x->line[i];
        table_time(t, l->recorded_at);
        table_str(t, l->what);
        table_amount(t, l->amount, &x->main->asset);
        table_str(t, l->state);
        table_text(t, l->event_id);
    }
    cli_print(c, "\n");
    cli_heading(c, "History");
    cli_table(c, t);
}

static void earnings_show(struct cli *c, const struct earnings *x)
{
    struct json_writer w;
    if (c->json) {
        cli_json_begin(c, &w);
        jw_object(&w, NULL);
        jw_text(&w, "party", x->party);
        jw_time(&w, "as_of", x->at);
        earnings_members(&w, x);
        jw_end_object(&w);
        cli_json_end(c);
        return;
    }
    accounts_show(c, x);
    if (x->main != NULL) {
        state_show(c, x);
    }
    if (x->payout_count > 0) {
        payouts_show(c, x);
    }
    if (x->line_count > 0) {
        lines_show(c, x);
    }
}

static int earnings_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct earnings x;
    uint64_t lines = LINES_DEFAULT;
    uint32_t unused;
    struct earnings_query q = {.party = text_of(c->operand[0]),
                               .asset = text_of(cli_option(c, "asset")),
                               .at = TIME_ALWAYS};
    int status = cli_option_time(c, "at", true, &q.at);
    status = status == CLI_OK ? cli_option_number(c, "lines", 0, LINES_MAX, &lines) : status;
    status = status == CLI_OK ? cli_open(c, CLI_READ, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    q.at = q.at == TIME_ALWAYS ? engine_now(e) : q.at;
    q.lines = (uint32_t)lines;
    enum mete_code code =
        view_party(engine_view(e), q.party, &unused) == VIEW_FOUND
            ? earnings_read(e, &q, &c->arena, &x, &err)
            : mete_fail(&err, METE_NOT_FOUND, NULL, "the log does not name this party");
    if (code == METE_OK) {
        earnings_show(c, &x);
    }
    engine_close(e);
    return code == METE_OK ? CLI_OK : cli_fail(c, &err);
}

static const struct cli_option OPTIONS[] = {
    {"asset", 0, "CODE", "the history and the year in this asset; else SAT, or its first one"},
    {"at", 0, "TIME", "as the clock stands then; else now"},
    {"lines", 0, "N", "of the history, the newest; 10 unless said"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_earnings = {
    .name = "earnings",
    .operands = "PARTY",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "show what a party has earned, its payouts, holds and the year so far",
    .about = "The same as GET /api/agents/me/earnings says to the party itself.",
    .option = OPTIONS,
    .no_csv = true,
    .run = earnings_run};
