/* SPDX-License-Identifier: Apache-2.0
 * mete simulate: the book's history under draft policies. */
#include "cli/rows.h"

#include "base/limits.h"
#include "base/text.h"
#include "render/render.h"
#include "wire/document.h"
#include "wire/form.h"

#include <string.h>

#define DRAFTS_MAX 64

static void show_json(struct cli *c, const struct simulation *s)
{
    struct json_writer w;
    cli_json_begin(c, &w);
    simulation_json(&w, s);
    cli_json_end(c);
}

/* --- text and CSV
 * -------------------------------------------------------------------------------*/

static void show_rows(struct cli *c, const struct simulation *s, bool all)
{
    static const struct table_column COLUMNS[] = {{"party", "PARTY", COLUMN_TEXT},
                                                  {"asset", NULL, COLUMN_TEXT},
                                                  {"now", "NOW", COLUMN_AMOUNT},
                                                  {"then", "THEN", COLUMN_AMOUNT},
                                                  {"difference", "DIFFERENCE", COLUMN_AMOUNT}};
    struct rows rows;
    rows_begin(&rows, c, COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < s->row_count; i++) {
        const struct simulate_row *row = &s->row[i];
        if (!all && row->now == row->then) {
            continue;
        }
        struct table *t = rows_next(&rows);
        table_text(t, row->party);
        table_text(t, asset_label(&c->arena, &row->asset));
        table_amount(t, row->now, &row->asset);
        table_amount(t, row->then, &row->asset);
        table_amount(t, row->then - row->now, &row->asset);
    }
    rows_end(&rows);
}

static void show_totals(struct cli *c, const struct simulation *s)
{
    static const struct table_column COLUMNS[] = {{"parties", "CHANGED ACCOUNTS", COLUMN_NUMBER},
                                                  {"now", "ALL NOW", COLUMN_AMOUNT},
                                                  {"then", "ALL THEN", COLUMN_AMOUNT},
                                                  {"moved", "CHANGES HANDS", COLUMN_AMOUNT}};
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < s->total_count; i++) {
        const struct simulate_total *x = &s->total[i];
        table_number(t, x->parties);
        table_amount(t, x->now, &x->asset);
        table_amount(t, x->then, &x->asset);
        table_amount(t, x->moved, &x->asset);
    }
    cli_print(c, "\n");
    cli_heading(c, "Totals");
    cli_table(c, t);
}

static void show_refused(struct cli *c, const struct simulation *s)
{
    if (s->refused_count == 0) {
        return;
    }
    cli_print(c, "\n");
    cli_heading(c, "%llu events of the book could not be applied under the draft",
                (unsigned long long)s->refused_count);
    for (uint64_t i = 0; i < s->refused_count && i < SIMULATE_REFUSED_MAX; i++) {
        const struct simulate_refused *r = &s->refused[i];
        text_put_safe(&c->out, r->event_id);
        cli_print(c, " (%s): ", r->event_type);
        text_put_safe(&c->out, text_of(r->why.text));
        cli_print(c, "\n");
    }
}

static void show_text(struct cli *c, const struct simulation *s)
{
    if (s->changed == 0) {
        cli_print(c, "No account would differ.\n");
    } else {
        show_rows(c, s, cli_flag(c, "all"));
    }
    show_totals(c, s);
    if (s->uncovered > 0) {
        cli_print(c,
                  "\n%llu transfers and settlements would not be covered; they happened, so they "
                  "count as they are "
                  "and the sender's account goes below zero.\n",
                  (unsigned long long)s->uncovered);
    }
    show_refused(c, s);
    cli_print(c,
              "\n%llu events in %llu.%03llu s (%llu a second); %llu publications gave way to the "
              "draft; nothing was written\n",
              (unsigned long long)s->events, (unsigned long long)(s->elapsed_us / 1000000),
              (unsigned long long)(s->elapsed_us / 1000 % 1000),
              (unsigned long long)simulation_rate(s), (unsigned long long)s->left_out);
}

/* --- the command
 * --------------------------------------------------------------------------------*/

/** The engine reads the drafts again, but does not know from which files they came. */
static enum mete_code draft_check(struct cli *c, const char *path, struct text document,
                                  struct mete_err *err)
{
    struct json *doc;
    struct policy policy;
    enum mete_code code = json_parse(&c->arena, document, &doc, err);
    if (code == METE_OK) {
        code = document_is_manifest(doc) ? manifest_read(&c->arena, doc, "", &policy, err)
                                         : policy_document_read(&c->arena, doc, "", &policy, err);
    }
    if (code != METE_OK) {
        cli_in_file(err, path);
    }
    return code;
}

static enum mete_code drafts_read(struct cli *c, struct text *document, size_t *count,
                                  struct mete_err *err)
{
    const char *path;
    for (*count = 0; (path = cli_option_at(c, "policy", (int)*count)) != NULL; ++*count) {
        struct buf file = {0};
        if (*count == DRAFTS_MAX) {
            return mete_fail(err, METE_USAGE, "", "at most %d drafts", DRAFTS_MAX);
        }
        enum mete_code code = cli_read_file(path, EVENT_SIZE_MAX, &file, err);
        document[*count] = arena_text(&c->arena, buf_text(&file));
        buf_clear(&file);
        code = code == METE_OK ? draft_check(c, path, document[*count], err) : code;
        if (code != METE_OK) {
            return code;
        }
    }
    return METE_OK;
}

static int simulate_run_command(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct text document[DRAFTS_MAX];
    struct simulation *s = arena_alloc(&c->arena, sizeof *s);
    struct simulate_query q = {.document = document};
    int status = cli_option_time(c, "from", false, &q.from.at);
    q.from.set = cli_option(c, "from") != NULL;
    if (status == CLI_OK && cli_option(c, "policy") == NULL) {
        return cli_usage(c, "'mete simulate' wants a draft: --policy FILE");
    }
    status = status == CLI_OK ? cli_open(c, CLI_READ, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    enum mete_code code = drafts_read(c, document, &q.document_count, &err);
    code = code == METE_OK ? simulate_run(e, &q, &c->arena, s, &err) : code;
    if (code != METE_OK) {
        status = cli_fail(c, &err);
    } else if (c->json) {
        show_json(c, s);
    } else if (c->csv) {
        show_rows(c, s, true);
    } else {
        show_text(c, s);
    }
    engine_close(e);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"policy", 'p', "FILE", "a draft: policy document or .fair manifest; repeatable"},
    {"from", 0, "TIME", "the drafts are in force from here; else from the beginning"},
    {"all", 0, NULL, "show also who would have the same"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_simulate = {
    .name = "simulate",
    .operands = "",
    .summary = "replay the book under draft policies and show who would have what",
    .about =
        "All events are decided anew in memory; publications of a draft's id that would be in\n"
        "force at or after --from are left out. Now and then are net: pending, disputed and\n"
        "cleared together, debts taken off. Transfers and settlements stay the facts that they "
        "are.",
    .option = OPTIONS,
    .run = simulate_run_command};
