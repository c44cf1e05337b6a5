/* SPDX-License-Identifier: Apache-2.0
 * mete payout list, show, cancel, hold, release: single payouts, and what a supervisor does. */
#include "cli/rows.h"

#include "base/text.h"
#include "render/render.h"

#include <string.h>

#define EVERY SIZE_MAX

/* --- list --------------------------------------------------------------------------------------*/

static const struct table_column COLUMNS[] = {{"transfer_id", "PAYOUT", COLUMN_TEXT},
                                              {"state", "STATE", COLUMN_TEXT},
                                              {"party", "PARTY", COLUMN_TEXT},
                                              {"rail", "RAIL", COLUMN_TEXT},
                                              {"asset", NULL, COLUMN_TEXT},
                                              {"amount_minor", "AMOUNT", COLUMN_AMOUNT},
                                              {"attempts", "ATTEMPTS", COLUMN_NUMBER},
                                              {"batch_id", "BATCH", COLUMN_TEXT},
                                              {"due_at", "LOOKED AT NEXT", COLUMN_TEXT}};

static bool row_show(void *arg, const struct payout_due *p)
{
    struct listing *l = arg;
    struct table *t = listing_row(l);
    if (t == NULL) {
        payout_json(&l->w, p);
        return !l->c->out_failed;
    }
    table_text(t, p->transfer_id);
    table_str(t, machine_of(MACHINE_TRANSFER)->state[p->transfer.state]);
    table_text(t, p->party);
    table_text(t, p->rail);
    table_text(t, asset_label(&l->a, &p->asset));
    table_amount(t, p->transfer.amount, &p->asset);
    table_number(t, p->transfer.attempts);
    table_text(t, p->batch_id);
    if (p->transfer.due == TIME_NEVER) {
        table_null(t);
    } else {
        table_time(t, p->transfer.due);
    }
    return !l->c->out_failed;
}

static enum mete_code list(struct cli *c, struct engine *e, struct mete_err *err)
{
    struct listing l;
    uint64_t unused;
    const struct payouts_query q = {.party = text_of(cli_option(c, "party")),
                                    .batch = text_of(cli_option(c, "batch")),
                                    .state = text_of(cli_option(c, "state")),
                                    .limit = EVERY};
    listing_begin(&l, c, COLUMNS, ARRAY_LEN(COLUMNS));
    listing_rows(&l, "payouts");
    return listing_end(&l, payouts_list(e, &q, row_show, &l, &unused, err),
                       "There are no such payouts.");
}

static int with_book(struct cli *c, enum cli_access access,
                     enum mete_code (*work)(struct cli *c, struct engine *e, struct mete_err *err))
{
    struct engine *e;
    struct mete_err err;
    int status = cli_open(c, access, &e);
    if (status != CLI_OK) {
        return status;
    }
    enum mete_code code = work(c, e, &err);
    engine_close(e);
    return code == METE_OK ? CLI_OK : cli_fail(c, &err);
}

static int list_run(struct cli *c)
{
    return with_book(c, CLI_READ, list);
}

static const struct cli_option LIST_OPTIONS[] = {
    {"party", 0, "PARTY", "only those to this party"},
    {"batch", 0, "ID", "only those of this batch"},
    {"state", 0, "STATE", "only those in this state, such as queued, sending, paid or failed"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_payout_list = {.name = "payout list",
                                                .operands = "",
                                                .summary = "list payouts and where they stand",
                                                .option = LIST_OPTIONS,
                                                .run = list_run};

/* --- show --------------------------------------------------------------------------------------*/

static void lines_show(struct cli *c, const struct payout_whole *p)
{
    static const struct table_column columns[] = {{"source", "SOURCE", COLUMN_TEXT},
                                                  {"what", "WHAT", COLUMN_TEXT},
                                                  {"amount_minor", "AMOUNT", COLUMN_AMOUNT},
                                                  {"postings", "POSTINGS", COLUMN_NUMBER}};
    struct table *t = table_new(columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < p->line_count; i++) {
        const struct payout_line *l = &p->line[i];
        if (l->source.len > 0) {
            table_text(t, l->source);
        } else {
            table_null(t);
        }
        table_str(t, l->what);
        table_amount(t, l->amount, &p->due.asset);
        table_number(t, (i128)l->count);
    }
    cli_table(c, t);
}

static void text_or_null(struct table *t, struct text value)
{
    if (value.len > 0) {
        table_text(t, value);
    } else {
        table_null(t);
    }
}

static void steps_show(struct cli *c, const struct payout_whole *p)
{
    static const struct table_column columns[] = {{"recorded_at", "WHEN", COLUMN_TEXT},
                                                  {"event_type", "STEP", COLUMN_TEXT},
                                                  {"attempt", "ATTEMPT", COLUMN_NUMBER},
                                                  {"reference", "REFERENCE", COLUMN_TEXT},
                                                  {"reason", "REASON", COLUMN_TEXT}};
    struct table *t = table_new(columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < p->step_count; i++) {
        const struct payout_moment *s = &p->step[i];
        table_time(t, s->recorded_at);
        table_str(t, s->event_type);
        if (s->attempt > 0) {
            table_number(t, s->attempt);
        } else {
            table_null(t);
        }
        text_or_null(t, s->reference);
        text_or_null(t, s->reason);
    }
    cli_table_or(c, t, "No attempt was made yet.");
}

static void whole_show(struct cli *c, const struct payout_whole *p)
{
    struct text amount = amount_label(&c->arena, p->due.transfer.amount, &p->due.asset);
    struct text mend = payout_remediation(p);
    cli_heading(c, "%.*s: %.*s to %.*s over %.*s%s%.*s, %s", (int)p->due.transfer_id.len,
                p->due.transfer_id.p, (int)amount.len, amount.p, (int)p->due.party.len,
                p->due.party.p, (int)p->due.rail.len, p->due.rail.p, p->masked.len > 0 ? " " : "",
                (int)p->masked.len, p->masked.p,
                machine_of(MACHINE_TRANSFER)->state[p->due.transfer.state]);
    if (mend.len > 0) {
        cli_print(c, "%.*s\n", (int)mend.len, mend.p);
    }
    cli_print(c, "\n");
    lines_show(c, p);
    cli_print(c, "\n");
    steps_show(c, p);
}

static enum mete_code show(struct cli *c, struct engine *e, struct mete_err *err)
{
    struct payout_whole p;
    enum mete_code code = payout_show(e, text_of(c->operand[0]), &c->arena, &p, err);
    if (code == METE_OK && c->json) {
        struct json_writer w;
        cli_json_begin(c, &w);
        payout_whole_json(&w, &p);
        cli_json_end(c);
    } else if (code == METE_OK) {
        whole_show(c, &p);
    }
    return code;
}

static int show_run(struct cli *c)
{
    return with_book(c, CLI_READ, show);
}

const struct cli_command command_payout_show = {
    .name = "payout show",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "show a payout: what it is made of, its attempts, what mends it",
    .no_csv = true,
    .run = show_run};

/* --- what a supervisor does --------------------------------------------------------------------*/

static struct payout_act act_of(const struct cli *c)
{
    return (struct payout_act){.reason = text_of(cli_option(c, "reason"))};
}

static bool names_payout(struct text t)
{
    return t.len == TRANSFER_ID_LEN && memcmp(t.p, "po_", 3) == 0;
}

static enum mete_code done(struct engine *e, enum mete_code code, struct mete_err *err)
{
    return code == METE_OK ? engine_commit(e, err) : code;
}

static enum mete_code cancel(struct cli *c, struct engine *e, struct mete_err *err)
{
    struct payout_act act = act_of(c);
    act.id = text_of(c->operand[0]);
    enum mete_code code = done(e, payout_cancel(e, &act, err), err);
    if (code == METE_OK) {
        cli_note(c, "%s is cancelled; what was put aside for it is the party's again.",
                 c->operand[0]);
    }
    return code;
}

static enum mete_code hold(struct cli *c, struct engine *e, struct mete_err *err)
{
    struct payout_act act = act_of(c);
    act.party = text_of(c->operand[0]);
    enum mete_code code = done(e, payout_hold(e, &act, err), err);
    if (code == METE_OK) {
        cli_note(c, "Nothing is paid out to %s until the hold is released.", c->operand[0]);
    }
    return code;
}

static enum mete_code release(struct cli *c, struct engine *e, struct mete_err *err)
{
    struct payout_act act = act_of(c);
    struct text named = text_of(c->operand[0]);
    if (names_payout(named)) {
        act.id = named;
    } else {
        act.party = named;
    }
    enum mete_code code = done(e, payout_release(e, &act, err), err);
    if (code == METE_OK) {
        cli_note(c, "The hold is released: the next batch pays again.");
    }
    return code;
}

static int acting(struct cli *c,
                  enum mete_code (*work)(struct cli *c, struct engine *e, struct mete_err *err))
{
    if (cli_option(c, "reason") == NULL) {
        return cli_usage(c, "--reason TEXT says why; it stands in the log");
    }
    return with_book(c, CLI_WRITE, work);
}

static int cancel_run(struct cli *c)
{
    return acting(c, cancel);
}

static int hold_run(struct cli *c)
{
    return acting(c, hold);
}

static int release_run(struct cli *c)
{
    return acting(c, release);
}

static const struct cli_option WHY[] = {{"reason", 0, "TEXT", "why; it stands in the log"},
                                        {NULL, 0, NULL, NULL}};

#define SUPERVISOR(symbol, words, operand, what)                                                   \
    const struct cli_command command_payout_##symbol = {.name = words,                             \
                                                        .operands = operand,                       \
                                                        .operands_min = 1,                         \
                                                        .operands_max = 1,                         \
                                                        .summary = what,                           \
                                                        .option = WHY,                             \
                                                        .no_csv = true,                            \
                                                        .no_json = true,                           \
                                                        .run = symbol##_run}

SUPERVISOR(cancel, "payout cancel", "ID", "cancel a payout of which nothing can be at a rail");
SUPERVISOR(hold, "payout hold", "PARTY", "pay nothing out to a party until that is released");
SUPERVISOR(release, "payout release", "PARTY|ID",
           "release the hold of a party, or of the party of a payout");
