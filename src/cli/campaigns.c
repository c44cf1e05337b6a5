/* SPDX-License-Identifier: Apache-2.0
 * mete campaigns: campaigns as they stand, and one with all that was made for it. */
#include "cli/rows.h"

#include "base/text.h"
#include "render/render.h"

#include <inttypes.h>

#define EVERY UINT64_MAX

static const struct table_column COLUMNS[] = {{"campaign_id", "CAMPAIGN", COLUMN_TEXT},
                                              {"state", "STATE", COLUMN_TEXT},
                                              {"app_id", "APP", COLUMN_TEXT},
                                              {"creator", "CREATOR", COLUMN_TEXT},
                                              {"asset", NULL, COLUMN_TEXT},
                                              {"raise_minor", "RAISE", COLUMN_AMOUNT},
                                              {"confirmed_minor", "CONFIRMED", COLUMN_AMOUNT},
                                              {"cap_minor", "CAP", COLUMN_AMOUNT},
                                              {"investors_minor", "INVESTORS'", COLUMN_AMOUNT},
                                              {"creator_minor", "CREATOR'S", COLUMN_AMOUNT}};

/* --- many --------------------------------------------------------------------------------------*/

static void amount_or_null(struct table *t, bool has, i128 amount, const struct asset *asset)
{
    if (has) {
        table_amount(t, amount, asset);
    } else {
        table_null(t);
    }
}

static void text_or_null(struct table *t, struct text value)
{
    if (value.len > 0) {
        table_text(t, value);
    } else {
        table_null(t);
    }
}

static bool row_show(void *arg, const struct campaign_row *row)
{
    struct listing *l = arg;
    const struct campaign *c = &row->campaign;
    struct table *t = listing_row(l);
    if (t == NULL) {
        campaign_json(&l->w, row);
        return !l->c->out_failed;
    }
    table_text(t, c->id);
    table_str(t, machine_of(MACHINE_CAMPAIGN)->state[row->state]);
    text_or_null(t, c->app_id);
    table_text(t, row->creator);
    table_text(t, asset_label(&l->a, &row->asset));
    amount_or_null(t, c->raise >= 0, c->raise, &row->asset);
    table_amount(t, row->confirmed, &row->asset);
    amount_or_null(t, row->has_cap, row->cap, &row->asset);
    table_amount(t, row->accrued, &row->asset);
    table_amount(t, row->creators, &row->asset);
    return !l->c->out_failed;
}

static enum mete_code list(struct cli *c, struct engine *e, const struct campaigns_query *q,
                           struct mete_err *err)
{
    struct listing l;
    char unused[CAMPAIGN_CURSOR_MAX];
    listing_begin(&l, c, COLUMNS, ARRAY_LEN(COLUMNS));
    if (c->json) {
        jw_time(&l.w, "as_of", q->at);
    }
    listing_rows(&l, "campaigns");
    return listing_end(&l, campaigns_list(e, q, row_show, &l, unused, err),
                       "There are no such campaigns.");
}

/* --- one ---------------------------------------------------------------------------------------*/

static void fact(struct cli *c, const char *name, struct text value)
{
    cli_print(c, "%-12s%.*s\n", name, (int)value.len, value.p);
}

static void amount_fact(struct cli *c, const char *name, i128 amount, const struct asset *asset)
{
    fact(c, name, amount_label(&c->arena, amount, asset));
}

static void time_fact(struct cli *c, const char *name, mete_time at)
{
    char text[TIME_TEXT_MAX];
    if (at != TIME_NEVER) {
        time_format(at, text);
        fact(c, name, text_of(text));
    }
}

static void facts_show(struct cli *c, const struct campaign_row *row)
{
    const struct campaign *k = &row->campaign;
    cli_heading(c, "%.*s: %s", (int)k->id.len, k->id.p,
                machine_of(MACHINE_CAMPAIGN)->state[row->state]);
    fact(c, "Creator", row->creator);
    fact(c, "App", k->app_id.len > 0 ? k->app_id : TEXT("-"));
    fact(c, "Funding", k->is_offering ? TEXT("offering") : TEXT("self"));
    if (k->raise >= 0) {
        amount_fact(c, "Raise", k->raise, &row->asset);
    }
    amount_fact(c, "Confirmed", row->confirmed, &row->asset);
    if (row->has_cap) {
        amount_fact(c, "Cap", row->cap, &row->asset);
    }
    cli_print(c, "%-12s%" PRIu32 " basis points to investors\n", "Share", k->share_bps);
    amount_fact(c, "Investors'", row->accrued, &row->asset);
    amount_fact(c, "Creator's", row->creators, &row->asset);
    time_fact(c, "Activated", k->activated_at);
    time_fact(c, "Ends", campaign_ends_at(k));
    time_fact(c, "Completed", k->completed_at);
}

static void commitments_show(struct cli *c, const struct campaign_whole *k)
{
    static const struct table_column columns[] = {{"commitment_id", "COMMITMENT", COLUMN_TEXT},
                                                  {"investor_id", "INVESTOR", COLUMN_TEXT},
                                                  {"amount_minor", "AMOUNT", COLUMN_AMOUNT},
                                                  {"state", "STATE", COLUMN_TEXT}};
    struct table *t = table_new(columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < k->commitment_count; i++) {
        table_text(t, k->commitment[i].id);
        table_text(t, k->commitment[i].investor);
        table_amount(t, k->commitment[i].amount, &k->row.asset);
        table_str(t, k->commitment[i].state);
    }
    cli_print(c, "\n");
    cli_table(c, t);
}

static void rounds_show(struct cli *c, const struct campaign_whole *k)
{
    static const struct table_column columns[] = {{"round_id", "ROUND", COLUMN_TEXT},
                                                  {"state", "STATE", COLUMN_TEXT}};
    struct table *t = table_new(columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < k->round_count; i++) {
        table_text(t, k->round[i].id);
        table_str(t, k->round[i].state);
    }
    cli_print(c, "\n");
    cli_table(c, t);
}

static void grants_show(struct cli *c, const struct campaign_whole *k)
{
    static const struct table_column columns[] = {{"allocation_id", "SPEND GRANT", COLUMN_TEXT},
                                                  {"state", "STATE", COLUMN_TEXT},
                                                  {"amount_minor", "AMOUNT", COLUMN_AMOUNT},
                                                  {"authorized_minor", "AUTHORIZED", COLUMN_AMOUNT},
                                                  {"executed_minor", "SPENT", COLUMN_AMOUNT},
                                                  {"refunded_minor", "GIVEN BACK", COLUMN_AMOUNT}};
    struct table *t = table_new(columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < k->grant_count; i++) {
        const struct campaign_grant *g = &k->grant[i];
        const i128 amount[] = {g->amount, g->authorized, g->executed, g->refunded};
        table_text(t, g->id);
        table_str(t, g->state);
        for (size_t n = 0; n < ARRAY_LEN(amount); n++) {
            table_amount(t, amount[n], &g->asset);
        }
    }
    cli_print(c, "\n");
    cli_table(c, t);
}

static enum mete_code show(struct cli *c, struct engine *e, mete_time at, struct mete_err *err)
{
    struct campaign_whole k;
    enum mete_code code =
        campaign_find(e, text_of(c->operand[0]), (struct text){0}, at, &c->arena, &k, err);
    if (code != METE_OK) {
        return code;
    }
    if (c->json) {
        struct json_writer w;
        cli_json_begin(c, &w);
        campaign_whole_json(&w, &k);
        cli_json_end(c);
        return METE_OK;
    }
    facts_show(c, &k.row);
    if (k.round_count > 0) {
        rounds_show(c, &k);
    }
    if (k.commitment_count > 0) {
        commitments_show(c, &k);
    }
    if (k.grant_count > 0) {
        grants_show(c, &k);
    }
    return METE_OK;
}

/* --- the command -------------------------------------------------------------------------------*/

static int campaigns_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    mete_time at = TIME_ALWAYS;
    if (c->operand_count > 0 && c->csv) {
        return cli_usage(c, "one campaign is no table: --csv lists campaigns");
    }
    int status = cli_option_time(c, "at", true, &at);
    const struct campaigns_query given = {.state = text_of(cli_option(c, "state")),
                                          .app_id = text_of(cli_option(c, "app")),
                                          .limit = EVERY};
    if (status == CLI_OK && given.state.len > 0 && !campaign_state_known(given.state)) {
        return cli_usage(c, "there is no state '%s': mete events machine campaign shows them",
                         given.state.p);
    }
    status = status == CLI_OK ? cli_open(c, CLI_READ, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    struct campaigns_query q = given;
    q.at = at == TIME_ALWAYS ? engine_now(e) : at;
    enum mete_code code = c->operand_count > 0 ? show(c, e, q.at, &err) : list(c, e, &q, &err);
    engine_close(e);
    return code == METE_OK ? CLI_OK : cli_fail(c, &err);
}

static const struct cli_option OPTIONS[] = {
    {"at", 0, "TIME", "the clock by which days end and money clears; else now"},
    {"state", 0, "STATE", "only campaigns in this state, such as ACTIVE"},
    {"app", 0, "APP", "only those of this app"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_campaigns = {
    .name = "campaigns",
    .operands = "[ID]",
    .operands_max = 1,
    .summary = "list campaigns and where they stand, or show one",
    .about = "With ID: its terms, rounds, commitments and spend grants. A completed campaign is\n"
             "CLOSED when nothing is payable to its creator and its investors any more.",
    .option = OPTIONS,
    .run = campaigns_run};
