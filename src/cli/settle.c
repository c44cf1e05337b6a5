/* SPDX-License-Identifier: Apache-2.0
 * mete settle, mete settlements: money that left by hand, and what was recorded of it. */
#include "cli/rows.h"

#include "base/text.h"
#include "render/render.h"
#include "wire/json_values.h"

#include <string.h>

#define EVERY UINT64_MAX

/* --- settle ------------------------------------------------------------------------------------*/

static const char *const OUTCOMES[] = {"initiated", "paid", "failed"};

static int outcome_read(struct cli *c, enum settlement_state *out)
{
    const char *given = cli_option(c, "outcome");
    for (size_t i = 0; i < ARRAY_LEN(OUTCOMES); i++) {
        if (strcmp(given != NULL ? given : "paid", OUTCOMES[i]) == 0) {
            *out = (enum settlement_state)(SETTLEMENT_INITIATED + i);
            return CLI_OK;
        }
    }
    return cli_usage(c, "--outcome wants initiated, paid or failed, not '%s'", given);
}

/** "12.50 USD" as two operands, into JSON. */
static struct text money_json(struct cli *c, const char *amount, const char *currency)
{
    struct buf out = {0};
    struct json_writer w;
    jw_init(&w, &out, false);
    jw_money_said(&w, NULL, text_of(amount), text_of(currency));
    struct text json = arena_text(&c->arena, buf_text(&out));
    buf_clear(&out);
    return json;
}

static int request_read(struct cli *c, struct settlement_request *q)
{
    *q = (struct settlement_request){.settlement_id = text_of(cli_option(c, "id")),
                                     .campaign_id = text_of(cli_option(c, "campaign")),
                                     .batch_id = text_of(cli_option(c, "batch")),
                                     .provider = text_of(cli_option(c, "provider")),
                                     .provider_ref = text_of(cli_option(c, "ref")),
                                     .failure_reason = text_of(cli_option(c, "failure-reason")),
                                     .reason = text_of(cli_option(c, "reason"))};
    q->beneficiary = text_of(c->operand[0]);
    q->amount = money_json(c, c->operand[1], c->operand[2]);
    mete_time at = TIME_ALWAYS;
    int status = outcome_read(c, &q->outcome);
    status = status == CLI_OK ? cli_option_time(c, "at", false, &at) : status;
    q->occurred_at = (struct when){at != TIME_ALWAYS, at};
    if (status == CLI_OK && q->failure_reason.len > 0 && q->outcome != SETTLEMENT_FAILED) {
        return cli_usage(c, "--failure-reason belongs to --outcome failed");
    }
    return status;
}

static void recorded_show(struct cli *c, const struct settlement_row *row,
                          const struct settlement_recorded *r)
{
    if (c->json) {
        struct json_writer w;
        cli_json_begin(c, &w);
        jw_object(&w, NULL);
        settlement_members(&w, row);
        jw_str(&w, "status", submit_status_name(r->moved ? SUBMIT_APPLIED : SUBMIT_DUPLICATE));
        log_head_json(&w, &r->head);
        jw_end_object(&w);
        cli_json_end(c);
        return;
    }
    struct text amount = amount_label(&c->arena, row->amount, &row->asset);
    cli_print(c, "%s%.*s: %.*s to %.*s, %s\n", r->moved ? "" : "Known already: ", (int)row->id.len,
              row->id.p, (int)amount.len, amount.p, (int)row->beneficiary.len, row->beneficiary.p,
              settlement_state_name(row->state));
}

static enum mete_code record(struct cli *c, struct engine *e, const struct settlement_request *q,
                             struct mete_err *err)
{
    struct settlement_recorded r;
    struct settlement_row row;
    enum mete_code code = settlement_record(e, q, &c->arena, &r, err);
    code = code == METE_OK ? settlement_find(e, r.id, &c->arena, &row, err) : code;
    if (code != METE_OK) {
        return code;
    }
    if (cli_flag(c, "dry-run")) {
        engine_rollback(e);
    } else {
        code = engine_commit(e, err);
    }
    if (code == METE_OK) {
        recorded_show(c, &row, &r);
    }
    return code;
}

static int settle_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct settlement_request q;
    int status = request_read(c, &q);
    status = status == CLI_OK ? cli_open(c, CLI_WRITE, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    status = record(c, e, &q, &err) == METE_OK ? CLI_OK : cli_fail(c, &err);
    if (status == CLI_OK && cli_flag(c, "dry-run")) {
        cli_note(c, "Nothing was recorded.");
    }
    engine_close(e);
    return status;
}

static const struct cli_option SETTLE_OPTIONS[] = {
    {"provider", 0, "NAME", "by whom it was sent, such as bank or stripe"},
    {"ref", 0, "REFERENCE", "what the provider calls the transfer"},
    {"outcome", 0, "OUTCOME", "initiated, paid or failed; else paid"},
    {"id", 0, "ID", "its id; else made of provider, reference and party"},
    {"campaign", 0, "ID", "of which campaign it is"},
    {"batch", 0, "ID", "of those that were sent together"},
    {"failure-reason", 0, "TEXT", "why it failed"},
    {"reason", 0, "TEXT", "why it is recorded; it stands in the log"},
    {"at", 0, "TIME", "when it happened; else now"},
    {"dry-run", 'n', NULL, "decide and answer, record nothing"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_settle = {
    .name = "settle",
    .operands = "PARTY AMOUNT CURRENCY",
    .operands_min = 3,
    .operands_max = 3,
    .summary = "record a settlement that was made by hand",
    .about =
        "Debits what is payable to the party: settlement.initiated and, unless the outcome is\n"
        "initiated, settlement.paid or settlement.failed. Said again, the same settlement is\n"
        "left as it is; with another outcome it moves on.",
    .option = SETTLE_OPTIONS,
    .no_csv = true,
    .run = settle_run};

/* --- settlements -------------------------------------------------------------------------------*/

static const struct table_column COLUMNS[] = {
    {"settlement_id", "SETTLEMENT", COLUMN_TEXT}, {"state", "STATE", COLUMN_TEXT},
    {"beneficiary_id", "PARTY", COLUMN_TEXT},     {"asset", NULL, COLUMN_TEXT},
    {"amount_minor", "AMOUNT", COLUMN_AMOUNT},    {"campaign_id", "CAMPAIGN", COLUMN_TEXT},
    {"provider", "PROVIDER", COLUMN_TEXT},        {"provider_ref", "REFERENCE", COLUMN_TEXT},
    {"occurred_at", "WHEN", COLUMN_TEXT}};

static void text_or_null(struct table *t, struct text value)
{
    if (value.len > 0) {
        table_text(t, value);
    } else {
        table_null(t);
    }
}

static bool row_show(void *arg, const struct settlement_row *row)
{
    struct listing *l = arg;
    const struct settlement_step *last = &row->step[row->step_count - 1];
    bool referred = last->provider_ref.len > 0;
    struct table *t = listing_row(l);
    if (t == NULL) {
        settlement_json(&l->w, row);
        return !l->c->out_failed;
    }
    table_text(t, row->id);
    table_str(t, settlement_state_name(row->state));
    table_text(t, row->beneficiary);
    table_text(t, asset_label(&l->a, &row->asset));
    table_amount(t, row->amount, &row->asset);
    text_or_null(t, row->campaign_id);
    text_or_null(t, row->step[0].provider);
    text_or_null(t, referred ? last->provider_ref : row->step[0].provider_ref);
    table_time(t, last->occurred_at);
    return !l->c->out_failed;
}

static enum mete_code list(struct cli *c, struct engine *e, const struct settlements_query *q,
                           struct mete_err *err)
{
    struct listing l;
    char unused[SETTLEMENT_CURSOR_MAX];
    listing_begin(&l, c, COLUMNS, ARRAY_LEN(COLUMNS));
    listing_rows(&l, "settlements");
    return listing_end(&l, settlements_list(e, q, row_show, &l, unused, err),
                       "There are no such settlements.");
}

static void steps_show(struct cli *c, const struct settlement_row *row)
{
    static const struct table_column columns[] = {
        {"state", "STATE", COLUMN_TEXT},      {"occurred_at", "WHEN", COLUMN_TEXT},
        {"event_id", "EVENT", COLUMN_TEXT},   {"provider_ref", "REFERENCE", COLUMN_TEXT},
        {"actor_id", "SAID BY", COLUMN_TEXT}, {"reason", "REASON", COLUMN_TEXT}};
    struct text amount = amount_label(&c->arena, row->amount, &row->asset);
    cli_heading(c, "%.*s: %.*s to %.*s", (int)row->id.len, row->id.p, (int)amount.len, amount.p,
                (int)row->beneficiary.len, row->beneficiary.p);
    struct table *t = table_new(columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < row->step_count; i++) {
        const struct settlement_step *s = &row->step[i];
        table_str(t, settlement_state_name(s->state));
        table_time(t, s->occurred_at);
        table_text(t, s->event_id);
        text_or_null(t, s->provider_ref);
        text_or_null(t, s->actor);
        text_or_null(t, s->failure_reason.len > 0 ? s->failure_reason : s->reason);
    }
    cli_table(c, t);
}

static enum mete_code show(struct cli *c, struct engine *e, struct mete_err *err)
{
    struct settlement_row row;
    enum mete_code code = settlement_find(e, text_of(c->operand[0]), &c->arena, &row, err);
    if (code == METE_OK && c->json) {
        struct json_writer w;
        cli_json_begin(c, &w);
        settlement_json(&w, &row);
        cli_json_end(c);
    } else if (code == METE_OK) {
        steps_show(c, &row);
    }
    return code;
}

static int settlements_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    enum settlement_state unused;
    const struct settlements_query q = {.party = text_of(cli_option(c, "party")),
                                        .campaign = text_of(cli_option(c, "campaign")),
                                        .batch = text_of(cli_option(c, "batch")),
                                        .state = text_of(cli_option(c, "state")),
                                        .limit = EVERY};
    if (q.state.len > 0 && !settlement_state_of(q.state, &unused)) {
        return cli_usage(c, "--state wants INITIATED, PAID or FAILED, not '%s'", q.state.p);
    }
    if (c->operand_count > 0 && c->csv) {
        return cli_usage(c, "one settlement is no table: --csv lists settlements");
    }
    int status = cli_open(c, CLI_READ, &e);
    if (status != CLI_OK) {
        return status;
    }
    enum mete_code code = c->operand_count > 0 ? show(c, e, &err) : list(c, e, &q, &err);
    engine_close(e);
    return code == METE_OK ? CLI_OK : cli_fail(c, &err);
}

static const struct cli_option LIST_OPTIONS[] = {
    {"party", 0, "PARTY", "only those to this party"},
    {"campaign", 0, "ID", "only those of this campaign"},
    {"batch", 0, "ID", "only those that were sent together"},
    {"state", 0, "STATE", "only those in this state: INITIATED, PAID or FAILED"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_settlements = {
    .name = "settlements",
    .operands = "[ID]",
    .operands_max = 1,
    .summary = "list settlements and where they stand, or show one with its history",
    .option = LIST_OPTIONS,
    .run = settlements_run};
