/* SPDX-License-Identifier: Apache-2.0
 * mete parties: what everybody has. */
#include "cli/rows.h"

#include "base/text.h"
#include "render/render.h"

#include <string.h>

static const struct table_column COLUMNS[] = {{"party", "PARTY", COLUMN_TEXT},
                                              {"kind", NULL, COLUMN_TEXT},
                                              {"asset", NULL, COLUMN_TEXT},
                                              {"pending", "PENDING", COLUMN_AMOUNT},
                                              {"disputed", "DISPUTED", COLUMN_AMOUNT},
                                              {"cleared", "CLEARED", COLUMN_AMOUNT},
                                              {"debt", "DEBT", COLUMN_AMOUNT},
                                              {"paid", "PAID", COLUMN_AMOUNT}};

struct party_rows {
    struct cli *c;
    struct rows rows;
    struct json_writer w;
    struct arena a; /* of one row */
};

static void balance_cells(struct table *t, const struct balance *b, const struct asset *asset)
{
    const i128 amount[] = {b->pending, b->disputed, b->cleared, b->debt, b->paid};
    for (size_t i = 0; i < ARRAY_LEN(amount); i++) {
        table_amount(t, amount[i], asset);
    }
}

static bool row_show(void *arg, const struct party_row *row)
{
    struct party_rows *l = arg;
    if (l->c->json) {
        party_json(&l->w, row);
        return !l->c->out_failed;
    }
    arena_reset(&l->a);
    struct table *t = rows_next(&l->rows);
    table_text(t, row->party);
    if (row->kind.len > 0) {
        table_text(t, row->kind);
    } else {
        table_null(t);
    }
    table_text(t, asset_label(&l->a, &row->asset));
    balance_cells(t, &row->balance, &row->asset);
    return !l->c->out_failed;
}

/* --- totals
 * -------------------------------------------------------------------------------------*/

static void totals_json(struct party_rows *l, const struct party_total *total, size_t count)
{
    jw_end_array(&l->w);
    party_totals_json(&l->w, total, count);
    jw_end_object(&l->w);
    cli_json_end(l->c);
}

static void totals_text(struct cli *c, const struct party_total *total, size_t count)
{
    static const struct table_column SUMS[] = {
        {"parties", "ACCOUNTS", COLUMN_NUMBER},  {"pending", "PENDING", COLUMN_AMOUNT},
        {"disputed", "DISPUTED", COLUMN_AMOUNT}, {"cleared", "CLEARED", COLUMN_AMOUNT},
        {"debt", "DEBT", COLUMN_AMOUNT},         {"paid", "PAID", COLUMN_AMOUNT}};
    if (count == 0) {
        cli_print(c, "Nobody has anything yet.\n");
        return;
    }
    struct table *t = table_new(SUMS, ARRAY_LEN(SUMS));
    for (size_t i = 0; i < count; i++) {
        table_number(t, total[i].parties);
        balance_cells(t, &total[i].balance, &total[i].asset);
    }
    cli_print(c, "\n");
    cli_heading(c, "Totals");
    cli_table(c, t);
}

static enum mete_code list(struct party_rows *l, struct engine *e, const struct parties_query *q,
                           struct mete_err *err)
{
    struct cli *c = l->c;
    struct party_total *total = NULL;
    size_t count = 0;
    if (c->json) {
        cli_json_begin(c, &l->w);
        jw_object(&l->w, NULL);
        jw_time(&l->w, "as_of", q->at);
        jw_array(&l->w, "parties");
    }
    rows_begin(&l->rows, c, COLUMNS, ARRAY_LEN(COLUMNS));
    enum mete_code code = parties_list(e, q, row_show, l, &c->arena, &total, &count, err);
    if (!c->json) {
        rows_end(&l->rows);
    }
    if (code == METE_OK && c->json) {
        totals_json(l, total, count);
    } else if (code == METE_OK && !c->csv) {
        totals_text(c, total, count);
    }
    return code;
}

static int kind_read(struct cli *c, struct text *out)
{
    static const char *const KINDS[] = {"human",    "agent",    "provider", "org",
                                        "investor", "platform", "protocol"};
    const char *kind = cli_option(c, "kind");
    size_t i = 0;
    while (kind != NULL && i < ARRAY_LEN(KINDS) && strcmp(kind, KINDS[i]) != 0) {
        i++;
    }
    *out = text_of(kind);
    return i < ARRAY_LEN(KINDS)
               ? CLI_OK
               : cli_usage(c,
                           "there is no kind '%s': human, agent, provider, org, investor, platform "
                           "or protocol",
                           kind);
}

static int parties_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct party_rows l = {.c = c};
    mete_time at = TIME_ALWAYS;
    struct text kind;
    int status = cli_option_time(c, "at", true, &at);
    status = status == CLI_OK ? kind_read(c, &kind) : status;
    status = status == CLI_OK ? cli_open(c, CLI_READ, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    const struct parties_query q = {.at = at == TIME_ALWAYS ? engine_now(e) : at,
                                    .asset = text_of(cli_option(c, "asset")),
                                    .kind = kind};
    arena_init(&l.a, (size_t)1 << 20);
    status = list(&l, e, &q, &err) == METE_OK ? CLI_OK : cli_fail(c, &err);
    arena_clear(&l.a);
    engine_close(e);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"at", 0, "TIME", "the clock that clears; else now"},
    {"asset", 0, "CODE", "only this asset, such as USD"},
    {"kind", 0, "KIND", "only parties registered as human, agent, provider, org ..."},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_parties = {
    .name = "parties",
    .operands = "",
    .summary = "list what every party has: pending, disputed, cleared, debt, paid",
    .about = "All of the log counts; --at moves only the clock that pending money clears by.\n"
             "Debt is what was reversed after it had been moved on: later earnings recover it.",
    .option = OPTIONS,
    .run = parties_run};
