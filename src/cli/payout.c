/* SPDX-License-Identifier: Apache-2.0
 * mete payout plan, run, status: who would be paid, queueing them, how batches stand. */
#include "cli/rows.h"

#include "base/text.h"
#include "render/render.h"

#include <string.h>

#define PAGE       4096u /* accounts of one commit */
#define EVERY      SIZE_MAX
#define ROW_MEMORY ((size_t)1 << 20)

/* --- who is meant ------------------------------------------------------------------------------*/

static struct text option_text(const struct cli *c, const char *name)
{
    return cli_has_option(c, name) ? text_of(cli_option(c, name)) : (struct text){0};
}

/* The batch that the options speak of. */
struct chosen {
    struct batch_request request;
    struct payout_period period;
};

static int chosen_read(struct cli *c, struct chosen *out)
{
    mete_time at = TIME_ALWAYS;
    *out = (struct chosen){.request = {.schedule = text_of(cli_option(c, "schedule")),
                                       .period = text_of(cli_option(c, "period")),
                                       .batch_id = option_text(c, "batch"),
                                       .asset = text_of(cli_option(c, "asset")),
                                       .rail = text_of(cli_option(c, "rail"))}};
    struct batch_request *q = &out->request;
    int status = cli_option_time(c, "at", true, &at);
    q->cutoff = (struct when){at != TIME_ALWAYS, at};
    if (status != CLI_OK) {
        return status;
    }
    if (q->schedule.len > 0 && (q->asset.len > 0 || q->rail.len > 0 || q->batch_id.len > 0)) {
        return cli_usage(c, "a schedule says asset, rail and batch itself");
    }
    if (q->schedule.len == 0 && (q->asset.len == 0 || q->rail.len == 0)) {
        return cli_usage(c, "--schedule ID, or --asset CODE and --rail RAIL");
    }
    return CLI_OK;
}

/** What to plan with: the schedule's or the options' words. */
static enum mete_code query_make(struct cli *c, struct engine *e, struct chosen *k,
                                 struct payout_query *q, struct mete_err *err)
{
    enum mete_code code = METE_OK;
    *q = (struct payout_query){
        .asset = k->request.asset, .rail = k->request.rail, .at = payout_cutoff(engine_now(e))};
    if (k->request.schedule.len > 0) {
        code = payout_period_find(e, k->request.schedule, k->request.period, &c->arena, &k->period,
                                  err);
        *q = code == METE_OK ? payout_period_query(&k->period) : *q;
    }
    q->party = text_of(cli_option(c, "party"));
    q->at = k->request.cutoff.set ? k->request.cutoff.at : q->at;
    return code;
}

/* --- plan --------------------------------------------------------------------------------------*/

static const struct table_column PLAN_COLUMNS[] = {{"party", "PARTY", COLUMN_TEXT},
                                                   {"is_paid", "PAID", COLUMN_BOOL},
                                                   {"amount_minor", "AMOUNT", COLUMN_AMOUNT},
                                                   {"code", "CODE", COLUMN_TEXT},
                                                   {"what", "WHAT", COLUMN_TEXT}};

struct planning {
    struct cli *c;
    struct asset asset;
    struct rows rows;
    struct json_writer w;
    struct arena row;
    struct payout_tally tally;
    bool totals_alone;
};

static bool plan_show(void *arg, const struct payout_row *row)
{
    struct planning *p = arg;
    payout_tally_add(&p->tally, row);
    if (p->totals_alone) {
        return true;
    }
    arena_reset(&p->row);
    if (p->c->json) {
        payout_plan_row_json(&p->w, &p->row, row, &p->asset);
        return !p->c->out_failed;
    }
    struct table *t = rows_next(&p->rows);
    table_text(t, row->party);
    table_bool(t, row->code == METE_OK);
    table_amount(t, row->amount, &p->asset);
    table_str(t, row->code == METE_OK ? NULL : mete_code_name(row->code));
    table_text(t, payout_row_words(&p->row, row, &p->asset));
    return !p->c->out_failed;
}

static void tally_say(struct cli *c, const struct payout_tally *t, const struct asset *asset)
{
    struct text amount = amount_label(&c->arena, t->amount, asset);
    struct text carried = amount_label(&c->arena, t->carried, asset);
    cli_note(c, "%llu would be paid %.*s; %llu left out, %.*s carried on.",
             (unsigned long long)t->paid, (int)amount.len, amount.p,
             (unsigned long long)t->left_out, (int)carried.len, carried.p);
}

static enum mete_code plan(struct cli *c, struct engine *e, struct chosen *k, struct mete_err *err)
{
    struct payout_query q;
    struct planning p = {.c = c, .totals_alone = cli_flag(c, "totals")};
    enum mete_code code = query_make(c, e, k, &q, err);
    if (code == METE_OK && view_asset(engine_view(e), q.asset, &p.asset) != VIEW_FOUND) {
        code = mete_fail(err, METE_CURRENCY_UNKNOWN, NULL, "this book does not know the asset %.*s",
                         (int)q.asset.len, q.asset.p);
    }
    if (code != METE_OK) {
        return code;
    }
    if (c->json) {
        cli_json_begin(c, &p.w);
        jw_object(&p.w, NULL);
        jw_time(&p.w, "cutoff_at", q.at);
        jw_text(&p.w, "rail", q.rail);
        jw_array(&p.w, "parties");
    }
    arena_init(&p.row, ROW_MEMORY);
    rows_begin(&p.rows, c, PLAN_COLUMNS, ARRAY_LEN(PLAN_COLUMNS));
    code = payout_plan(e, &q, plan_show, &p, err);
    if (!c->json) {
        rows_end(&p.rows);
    } else if (code == METE_OK) {
        jw_end_array(&p.w);
        payout_tally_json(&p.w, &p.tally, &p.asset);
        jw_end_object(&p.w);
        cli_json_end(c);
    }
    arena_clear(&p.row);
    if (code == METE_OK && !c->json && !c->csv) {
        tally_say(c, &p.tally, &p.asset);
    }
    return code;
}

static int with_choice(struct cli *c, enum cli_access access,
                       enum mete_code (*work)(struct cli *c, struct engine *e, struct chosen *k,
                                              struct mete_err *err))
{
    struct engine *e;
    struct mete_err err;
    struct chosen k;
    int status = chosen_read(c, &k);
    status = status == CLI_OK ? cli_open(c, access, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    enum mete_code code = work(c, e, &k, &err);
    engine_close(e);
    return code == METE_OK ? CLI_OK : cli_fail(c, &err);
}

static int plan_run(struct cli *c)
{
    return with_choice(c, CLI_READ, plan);
}

#define CHOICE                                                                                     \
    {"schedule", 0, "ID", "a schedule of the book: payout_schedules of book.configured"},          \
        {"period", 0, "PERIOD", "of it, such as 2026-11; else the newest that is due"},            \
        {"asset", 0, "CODE", "what is paid, without a schedule"},                                  \
        {"rail", 0, "RAIL", "over which rail, without a schedule"},                                \
    {                                                                                              \
        "at", 0, "TIME", "what had cleared by then; else by the end of yesterday (UTC)"            \
    }

static const struct cli_option PLAN_OPTIONS[] = {CHOICE,
                                                 {"party", 0, "PARTY", "only this party"},
                                                 {"totals", 0, NULL, "only what it comes to"},
                                                 {NULL, 0, NULL, NULL}};

const struct cli_command command_payout_plan = {
    .name = "payout plan",
    .operands = "",
    .summary = "show who would be paid, and who is left out and why",
    .about =
        "Changes nothing. A party below the minimum, or of whose payout the rail's fee would be\n"
        "too large a part, is carried on to the next period.",
    .option = PLAN_OPTIONS,
    .run = plan_run};

/* --- run ---------------------------------------------------------------------------------------*/

static void batch_show(struct cli *c, const struct batch_row *row)
{
    static const struct table_column columns[] = {{"state", "STATE", COLUMN_TEXT},
                                                  {"transfers", "PAYOUTS", COLUMN_NUMBER},
                                                  {"amount_minor", "AMOUNT", COLUMN_AMOUNT}};
    struct text amount = amount_label(&c->arena, row->sums[BATCH_AMOUNT], &row->asset);
    struct text paid = amount_label(&c->arena, row->sums[BATCH_PAID], &row->asset);
    if (c->json) {
        struct json_writer w;
        cli_json_begin(c, &w);
        payout_batch_json(&w, row);
        cli_json_end(c);
        return;
    }
    if (!c->csv) {
        cli_heading(c, "%.*s: %s over %.*s, %.*s, %.*s paid", (int)row->id.len, row->id.p,
                    batch_status(row), (int)row->batch.rail.len, row->batch.rail.p, (int)amount.len,
                    amount.p, (int)paid.len, paid.p);
    }
    struct table *t = table_new(columns, ARRAY_LEN(columns));
    for (unsigned s = TRANSFER_NONE + 1; s < TRANSFER_STATE_COUNT; s++) {
        if (row->count[s] != 0) {
            table_str(t, machine_of(MACHINE_TRANSFER)->state[s]);
            table_number(t, row->count[s]);
            table_amount(t, row->amount[s], &row->asset);
        }
    }
    cli_table_or(c, t, "No payout was queued.");
}

static enum mete_code pages_queue(struct engine *e, struct text batch_id, struct mete_err *err)
{
    bool waits = false;
    struct payout_batch_progress done = {0};
    enum mete_code code = METE_OK;
    while (code == METE_OK && !done.is_done && !waits) {
        const struct page_of page = {done.behind, PAGE, &done, &waits};
        code = payout_batch_step(e, batch_id, &page, err);
        code = code == METE_OK ? engine_commit(e, err) : code;
    }
    return code;
}

static enum mete_code run(struct cli *c, struct engine *e, struct chosen *k, struct mete_err *err)
{
    struct text id;
    bool is_new;
    struct batch_row row;
    enum mete_code code = payout_batch_open(e, &k->request, &c->arena, &id, &is_new, err);
    code = code == METE_OK ? engine_commit(e, err) : code;
    code = code == METE_OK ? pages_queue(e, id, err) : code;
    code = code == METE_OK ? payout_batch_find(e, id, &c->arena, &row, err) : code;
    if (code == METE_OK) {
        batch_show(c, &row);
        if (!is_new) {
            cli_note(c, "The batch was there already.");
        }
    }
    return code;
}

static int run_run(struct cli *c)
{
    if (cli_option(c, "schedule") == NULL && cli_option(c, "batch") == NULL) {
        return cli_usage(c, "--schedule ID, or --batch ID with --asset CODE and --rail RAIL");
    }
    return with_choice(c, CLI_WRITE, run);
}

static const struct cli_option RUN_OPTIONS[] = {
    CHOICE,
    {"batch", 0, "ID", "the id of a batch of one's own, without a schedule"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_payout_run = {
    .name = "payout run",
    .operands = "",
    .summary = "queue a batch: what a worker then pays",
    .about =
        "The batch of a period exists once: run again, it goes on where it was and queues nobody\n"
        "twice. A worker (mete worker, or mete serve with the role worker) pays what is queued.",
    .option = RUN_OPTIONS,
    .run = run_run};

/* --- status ------------------------------------------------------------------------------------*/

static const struct table_column STATUS_COLUMNS[] = {
    {"batch_id", "BATCH", COLUMN_TEXT},    {"status", "STATUS", COLUMN_TEXT},
    {"rail", "RAIL", COLUMN_TEXT},         {"asset", NULL, COLUMN_TEXT},
    {"opened_at", "OPENED", COLUMN_TEXT},  {"transfers", "PAYOUTS", COLUMN_NUMBER},
    {"resting", "AT REST", COLUMN_NUMBER}, {"amount_minor", "AMOUNT", COLUMN_AMOUNT},
    {"paid_minor", "PAID", COLUMN_AMOUNT}};

static bool batch_list_row(void *arg, const struct batch_row *row)
{
    struct listing *l = arg;
    struct table *t = listing_row(l);
    if (t == NULL) {
        payout_batch_json(&l->w, row);
        return !l->c->out_failed;
    }
    table_text(t, row->id);
    table_str(t, batch_status(row));
    table_text(t, row->batch.rail);
    table_text(t, asset_label(&l->a, &row->asset));
    table_time(t, row->opened_at);
    table_number(t, row->sums[BATCH_TRANSFERS]);
    table_number(t, row->sums[BATCH_RESTING]);
    table_amount(t, row->sums[BATCH_AMOUNT], &row->asset);
    table_amount(t, row->sums[BATCH_PAID], &row->asset);
    return !l->c->out_failed;
}

static enum mete_code status_list(struct cli *c, struct engine *e, struct mete_err *err)
{
    struct listing l;
    uint64_t unused;
    listing_begin(&l, c, STATUS_COLUMNS, ARRAY_LEN(STATUS_COLUMNS));
    listing_rows(&l, "batches");
    return listing_end(&l, payout_batches_list(e, 0, EVERY, batch_list_row, &l, &unused, err),
                       "There are no batches.");
}

static int status_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct batch_row row;
    enum mete_code code;
    int status = cli_open(c, CLI_READ, &e);
    if (status != CLI_OK) {
        return status;
    }
    if (c->operand_count == 0) {
        code = status_list(c, e, &err);
    } else {
        code = payout_batch_find(e, text_of(c->operand[0]), &c->arena, &row, &err);
        if (code == METE_OK) {
            batch_show(c, &row);
        }
    }
    engine_close(e);
    return code == METE_OK ? CLI_OK : cli_fail(c, &err);
}

const struct cli_command command_payout_status = {
    .name = "payout status",
    .operands = "[BATCH]",
    .operands_max = 1,
    .summary = "list batches and how far they are, or one by the states of its payouts",
    .run = status_run};
