/* SPDX-License-Identifier: Apache-2.0
 * mete run: a whole stream decided in memory, nothing stored. The same stream and options give the
 * same bytes, everywhere. */
#include "engine/run_result.h"

#include "base/limits.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/input.h"

#include <string.h>

#define RUN_SALT_SEED                                                                              \
    1u               /* private values are committed to with salts that everybody can repeat       \
                      */
#define LIST_MAX 20u /* refused and waiting ones shown to people */

struct run {
    struct cli *c;
    struct engine *e;
    struct run_result result;
    mete_time at;
    struct mete_err err;
};

/* --- deciding ----------------------------------------------------------------------------------*/

static void run_tell(void *ctx, const struct submit_result *r, const struct ingest_counts *counts)
{
    (void)counts;
    if (r != NULL) {
        run_result_note(&((struct run *)ctx)->result, r);
    }
}

/** A document of --policy. A refused one is listed with the refused events. */
static enum mete_code policy_run(struct run *run, const char *path)
{
    struct buf document = {0};
    struct submit_result r;
    const struct when always = {0};
    enum mete_code code = cli_read_file(path, EVENT_SIZE_MAX, &document, &run->err);
    if (code == METE_OK) {
        policy_submit(run->e, buf_text(&document), (struct text){0}, always, TIME_MIN, &r);
        if (r.status == SUBMIT_REFUSED || r.status == SUBMIT_CONFLICT) {
            run_result_note(&run->result, &r);
            cli_note(run->c, "mete: %s: refused: %s (%s) at %s", path, r.err.text,
                     mete_code_name(r.err.code), r.err.pointer);
        } else if (r.status == SUBMIT_FAILED) {
            run->err = r.err;
            code = r.err.code;
        }
    }
    buf_clear(&document);
    return code;
}

static enum mete_code prepare(struct run *run)
{
    const struct engine_options o = {.store = "memory:",
                                     .book = run->c->book,
                                     .create_store = true,
                                     .create_book = true,
                                     .no_entries = true,
                                     .clock = CLOCK_EVENT,
                                     .salt_seed = RUN_SALT_SEED};
    const char *preset = cli_option(run->c, "preset");
    enum mete_code code = engine_open(&run->e, &o, &run->err);
    if (code == METE_OK && preset != NULL) {
        code = preset_submit(run->e, preset, &run->err);
    }
    for (int i = 0; code == METE_OK && cli_option_at(run->c, "policy", i) != NULL; i++) {
        code = policy_run(run, cli_option_at(run->c, "policy", i));
    }
    return code == METE_OK ? engine_commit(run->e, &run->err) : code;
}

static enum mete_code decide_all(struct run *run)
{
    enum mete_code code = prepare(run);
    for (int i = 0; code == METE_OK && i < run->c->operand_count; i++) {
        struct ingest_counts counts = {0};
        struct ingest in = {.tell = run_tell, .tell_ctx = run, .no_quarantine = true};
        code = input_ingest(run->e, run->c->operand[i], NULL, &in, &counts, &run->err);
    }
    return code == METE_OK ? run_result_read(&run->result, run->e, run->at, &run->err) : code;
}

/* --- showing -----------------------------------------------------------------------------------*/

static struct table *parties_table(struct run *run)
{
    static const struct table_column COLUMNS[] = {
        {"party", "PARTY", COLUMN_TEXT},       {"asset", NULL, COLUMN_TEXT},
        {"pending", "PENDING", COLUMN_AMOUNT}, {"disputed", "DISPUTED", COLUMN_AMOUNT},
        {"cleared", "CLEARED", COLUMN_AMOUNT}, {"paid", "PAID", COLUMN_AMOUNT},
        {"debt", "DEBT", COLUMN_AMOUNT}};
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < run->result.party_count; i++) {
        const struct run_party *p = &run->result.party[i];
        table_text(t, p->party);
        table_text(t, asset_label(&run->c->arena, &p->asset));
        table_amount(t, p->pending, &p->asset);
        table_amount(t, p->disputed, &p->asset);
        table_amount(t, p->cleared, &p->asset);
        table_amount(t, p->paid, &p->asset);
        table_amount(t, p->debt, &p->asset);
    }
    return t;
}

static struct table *totals_table(const struct run_result *r)
{
    static const struct table_column COLUMNS[] = {
        {"gross", "GROSS", COLUMN_AMOUNT},         {"fees", "FEES", COLUMN_AMOUNT},
        {"allocated", "ALLOCATED", COLUMN_AMOUNT}, {"unallocated", "UNALLOCATED", COLUMN_AMOUNT},
        {"carried", "CARRIED", COLUMN_AMOUNT},     {"reversed", "REVERSED LATER", COLUMN_AMOUNT}};
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < r->total_count; i++) {
        const struct run_total *x = &r->total[i];
        const i128 amount[] = {x->gross,       x->fees,    x->allocated,
                               x->unallocated, x->carried, x->reversed};
        for (size_t k = 0; k < ARRAY_LEN(amount); k++) {
            table_amount(t, amount[k], &x->asset);
        }
    }
    return t;
}

static void list_end(struct cli *c, size_t count)
{
    if (count > LIST_MAX) {
        cli_print(c, "... and %zu more; --json lists them all\n", count - LIST_MAX);
    }
    cli_print(c, "\n");
}

static void show_refused(struct cli *c, const struct run_result *r)
{
    static const struct table_column COLUMNS[] = {{"event_id", "EVENT", COLUMN_TEXT},
                                                  {"code", "CODE", COLUMN_TEXT},
                                                  {"pointer", "POINTER", COLUMN_TEXT},
                                                  {"message", "WHY", COLUMN_TEXT}};
    if (r->refused_count == 0) {
        return;
    }
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < r->refused_count && i < LIST_MAX; i++) {
        table_text(t, r->refused[i].event_id);
        table_str(t, mete_code_name(r->refused[i].code));
        table_text(t, r->refused[i].pointer);
        table_text(t, r->refused[i].message);
    }
    cli_heading(c, "Refused");
    cli_table(c, t);
    list_end(c, r->refused_count);
}

static void show_waiting(struct cli *c, const struct run_result *r)
{
    static const struct table_column COLUMNS[] = {{"event_id", "EVENT", COLUMN_TEXT},
                                                  {"code", "WAITS FOR", COLUMN_TEXT},
                                                  {"pointer", "POINTER", COLUMN_TEXT}};
    if (r->waiting_count == 0) {
        return;
    }
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < r->waiting_count && i < LIST_MAX; i++) {
        table_text(t, r->waiting[i].event_id);
        table_str(t, mete_code_name(r->waiting[i].code));
        table_str(t, r->waiting[i].pointer);
    }
    cli_heading(c, "Waiting");
    cli_table(c, t);
    list_end(c, r->waiting_count);
}

static void show(struct run *run)
{
    struct cli *c = run->c;
    const struct run_result *r = &run->result;
    char at[TIME_TEXT_MAX];
    char root[65];
    time_format(r->at, at);
    hash_hex(&r->head.root, root);
    cli_print(c, "%llu applied, %llu duplicate, %zu refused, %zu waiting\n\n",
              (unsigned long long)r->applied, (unsigned long long)r->duplicate, r->refused_count,
              r->waiting_count);
    if (r->party_count > 0) {
        cli_heading(c, "Who is owed what, at %s", at);
        cli_table(c, parties_table(run));
        cli_print(c, "\n");
    }
    if (r->total_count > 0) {
        cli_heading(c, "Totals");
        cli_table(c, totals_table(r));
        cli_print(c, "\n");
    }
    show_refused(c, r);
    show_waiting(c, r);
    cli_print(c, "Log: %llu entries, head %s\n", (unsigned long long)r->head.size, root);
}

static void spill(void *ctx)
{
    cli_spill(ctx);
}

static enum mete_code answer(struct run *run)
{
    struct cli *c = run->c;
    if (c->json) {
        return run_result_write(&run->result, run->e, &c->out, spill, c, &run->err);
    }
    if (c->csv) {
        cli_table(c, parties_table(run));
    } else {
        show(run);
    }
    return METE_OK;
}

/* --- the command -------------------------------------------------------------------------------*/

static int run_run(struct cli *c)
{
    struct run run = {.c = c, .at = TIME_ALWAYS};
    const char *preset;
    int status = cli_option_time(c, "at", true, &run.at);
    status = status == CLI_OK ? cli_option_preset(c, &preset) : status;
    if (status != CLI_OK) {
        return status;
    }
    run_result_init(&run.result);
    enum mete_code code = decide_all(&run);
    code = code == METE_OK ? answer(&run) : code;
    if (code != METE_OK) {
        status = cli_fail(c, &run.err);
    } else if (cli_flag(c, "strict") && run.result.refused_count > 0) {
        status = CLI_FAILED;
    }
    run_result_clear(&run.result);
    engine_close(run.e);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"policy", 'p', "FILE", "publish a policy document or .fair manifest first; repeatable"},
    {"preset", 0, "NAME", "begin with a preset: fair, agents, providers, economy"},
    {"at", 0, "TIME", "the clock that clears; else the newest occurred_at"},
    {"strict", 0, NULL, "exit 1 when an event was refused"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_run = {
    .name = "run",
    .operands = "FILE|-...",
    .operands_min = 1,
    .operands_max = CLI_ANY,
    .summary = "decide whole streams in memory and show who is owed what",
    .about = "Reads events (NDJSON, a JSON array, or an ingest body) and stores nothing.\n"
             "Exit status: 0, also when events were refused (--strict: 1); 2 wrong usage;\n"
             "3 a balance or a proof does not hold.",
    .option = OPTIONS,
    .run = run_run};
