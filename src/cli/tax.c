/* SPDX-License-Identifier: Apache-2.0
 * mete tax: the year's figures, and forms made of them. */
#include "cli/new_file.h"
#include "cli/rows.h"
#include "cli/tax_form.h"

#include "base/text.h"
#include "core/amount.h"
#include "crypto/seal.h"
#include "render/render.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define TABLE_MAX ((size_t)64 << 20)

/** The period of --year or --period, and how it is counted. */
static int query_read(struct cli *c, struct tax_query *q, struct text *period)
{
    const char *year = cli_option(c, "year");
    const char *offset = cli_option(c, "utc-offset");
    int32_t offset_s = 0;
    *period = text_of(year != NULL ? year : cli_option(c, "period"));
    *q = (struct tax_query){.recorded = cli_flag(c, "recorded")};
    if (offset != NULL && !tax_offset_parse(text_of(offset), &offset_s)) {
        return cli_usage(c, "--utc-offset is +05:30, -08:00 or Z");
    }
    if ((year != NULL) == (cli_has_option(c, "period") && cli_option(c, "period") != NULL) ||
        (year != NULL && period->len != 4) || !tax_period(*period, offset_s, q)) {
        return cli_usage(
            c, "--year is 2026%s",
            cli_has_option(c, "period") ? ", or --period is 2026-Q1, 2026-03 or 2026-03-14" : "");
    }
    return CLI_OK;
}

static int totals_read(struct cli *c, const struct tax_query *q, struct tax_row **rows,
                       size_t *count)
{
    struct engine *e;
    struct mete_err err;
    int status = cli_open(c, CLI_READ, &e);
    if (status == CLI_OK) {
        if (tax_totals(e, q, &c->arena, rows, count, &err) != METE_OK) {
            status = cli_fail(c, &err);
        }
        engine_close(e);
    }
    return status;
}

/* --- totals ------------------------------------------------------------------------------------*/

static const struct table_column COLUMNS[] = {
    {"party", "PARTY", COLUMN_TEXT},         {"asset", NULL, COLUMN_TEXT},
    {"earned", "EARNED", COLUMN_AMOUNT},     {"reversed", "REVERSED", COLUMN_AMOUNT},
    {"moved", "MOVED", COLUMN_AMOUNT},       {"paid", "PAID", COLUMN_AMOUNT},
    {"returned", "RETURNED", COLUMN_AMOUNT}, {"payments", "PAYMENTS", COLUMN_NUMBER}};

static void totals_show(struct cli *c, const struct tax_row *row, size_t count)
{
    struct rows rows;
    rows_begin(&rows, c, COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < count; i++) {
        const i128 amount[] = {row[i].earned, row[i].reversed, row[i].moved, row[i].paid,
                               row[i].returned};
        struct table *t = rows_next(&rows);
        table_text(t, row[i].party);
        table_text(t, asset_label(&c->arena, &row[i].asset));
        for (size_t k = 0; k < ARRAY_LEN(amount); k++) {
            table_amount(t, amount[k], &row[i].asset);
        }
        table_number(t, row[i].payments);
    }
    rows_end(&rows);
}

static int totals_run(struct cli *c)
{
    struct tax_query q;
    struct text period;
    struct tax_row *rows = NULL;
    size_t count = 0;
    int status = query_read(c, &q, &period);
    q.party = text_of(cli_option(c, "party"));
    status = status == CLI_OK ? totals_read(c, &q, &rows, &count) : status;
    if (status != CLI_OK) {
        return status;
    }
    if (c->json) {
        struct json_writer w;
        cli_json_begin(c, &w);
        tax_json(&w, &q, rows, count);
        cli_json_end(c);
    } else {
        totals_show(c, rows, count);
    }
    return CLI_OK;
}

/* --- export ------------------------------------------------------------------------------------*/

static int table_read(struct cli *c, const char *option, struct csv **out)
{
    struct mete_err err;
    struct buf *text = arena_alloc(&c->arena, sizeof *text);
    const char *path = cli_option(c, option);
    *text = (struct buf){0};
    *out = NULL;
    if (path == NULL) {
        return CLI_OK;
    }
    enum mete_code code = cli_read_file(path, TABLE_MAX, text, &err);
    *out = arena_alloc(&c->arena, sizeof **out);
    struct text kept = code == METE_OK ? arena_text(&c->arena, buf_text(text)) : (struct text){0};
    secret_wipe(text->p, text->len); /* tax numbers */
    buf_clear(text);
    code = code == METE_OK ? csv_parse(&c->arena, kept, *out, &err) : code;
    if (code != METE_OK) {
        cli_in_file(&err, path);
        return cli_fail(c, &err);
    }
    return CLI_OK;
}

static int threshold_read(struct cli *c, struct tax_form_options *o)
{
    const char *given = cli_option(c, "threshold");
    uint64_t year;
    bool royalties = strcmp(o->box, tax_box_of(TEXT("royalties"))) == 0;
    if (given != NULL) {
        return amount_parse(text_of(given), 2, &o->threshold) == METE_OK
                   ? CLI_OK
                   : cli_usage(c, "--threshold is an amount in dollars, such as 2000");
    }
    if (!cli_number(o->period.p, 1900, 9999, &year)) {
        return cli_usage(c, "--year is four digits, from 1900 on");
    }
    if (tax_threshold(o->form, royalties, (int)year, &o->threshold)) {
        return CLI_OK;
    }
    return cli_usage(c,
                     "the threshold is adjusted each year from 2027 on: say that of %.*s with "
                     "--threshold",
                     (int)o->period.len, o->period.p);
}

static int options_1099(struct cli *c, struct tax_form_options *o)
{
    const char *box = cli_option(c, "box");
    if (o->period.len != 4) {
        return cli_usage(c, "a 1099 is of a year: --year 2026");
    }
    o->box = "Box 1 - Nonemployee Compensation";
    if (o->form == TAX_1099_MISC) {
        o->box = tax_box_of(text_of(box != NULL ? box : "royalties"));
    }
    if (o->box == NULL || (box != NULL && o->form != TAX_1099_MISC)) {
        return cli_usage(c, "--box is rents, royalties or other, of 1099-misc");
    }
    if (o->payer != NULL && o->payer->rows != 1) {
        return cli_usage(c, "the table of --payer has one row");
    }
    return threshold_read(c, o);
}

static int options_read(struct cli *c, struct tax_form_options *o)
{
    struct csv *party = NULL;
    struct csv *payer = NULL;
    const char *form = cli_option(c, "form");
    const char *basis = cli_option(c, "basis");
    if (form == NULL || !tax_form_of(text_of(form), &o->form)) {
        return cli_usage(c, "--form is 1099-nec, 1099-misc or vat");
    }
    if (basis != NULL && strcmp(basis, "paid") != 0 && strcmp(basis, "earned") != 0) {
        return cli_usage(c, "--basis is paid or earned");
    }
    o->by_payment = basis != NULL && strcmp(basis, "paid") == 0;
    int status = table_read(c, "parties", &party);
    status = status == CLI_OK ? table_read(c, "payer", &payer) : status;
    o->party = party;
    o->payer = payer;
    if (status == CLI_OK && o->form == TAX_VAT && party == NULL) {
        return cli_usage(c, "--parties names the table with country, vat_id, vat_rate and "
                            "treatment of each party");
    }
    return status == CLI_OK && o->form != TAX_VAT ? options_1099(c, o) : status;
}

static enum mete_code whole_write(int fd, struct text text, const char *path, struct mete_err *err)
{
    size_t done = 0;
    while (done < text.len) {
        ssize_t n = write(fd, text.p + done, text.len - done);
        if (n < 0 && errno != EINTR) {
            return mete_fail(err, METE_FILE, "", "%s: %s", path, strerror(errno));
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return METE_OK;
}

/** A file of its owner alone: it has tax numbers. */
static int file_put(struct cli *c, const char *path, struct text text)
{
    struct new_file p;
    struct mete_err err;
    bool replace = cli_flag(c, "replace");
    if (new_file_begin(&p, &c->arena, path, replace, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    int fd = open(p.partial, O_WRONLY | O_TRUNC | O_CLOEXEC);
    enum mete_code code = fd < 0 ? mete_fail(&err, METE_FILE, "", "%s: %s", path, strerror(errno))
                                 : whole_write(fd, text, path, &err);
    if (fd >= 0) {
        close(fd);
    }
    code = code == METE_OK ? new_file_finish(&p, 0600, replace, &err) : code;
    new_file_drop(&p);
    return code == METE_OK ? CLI_OK : cli_fail(c, &err);
}

static void say(struct cli *c, const struct tax_form_options *o, const struct tax_form_result *r)
{
    char total[AMOUNT_TEXT_MAX];
    char least[AMOUNT_TEXT_MAX];
    amount_format(r->total, 2, total);
    amount_format(o->threshold, 2, least);
    if (o->form == TAX_VAT) {
        cli_note(c, "mete: %llu rows", (unsigned long long)r->rows);
    } else {
        cli_note(c, "mete: %llu rows, %s USD in all; %llu recipients below %s are left out",
                 (unsigned long long)r->rows, total, (unsigned long long)r->below, least);
    }
    if (r->unknown > 0) {
        cli_note(c, "mete: %llu parties are not in the table of --parties%s",
                 (unsigned long long)r->unknown,
                 o->form == TAX_VAT ? " and are left out" : ": their rows have no name");
    }
    if (r->other > 0) {
        cli_note(c,
                 "mete: %llu payees were paid in other assets than USD, which this form does "
                 "not have",
                 (unsigned long long)r->other);
    }
}

static int export_run(struct cli *c)
{
    struct tax_query q;
    struct mete_err err;
    struct buf out = {0};
    struct tax_form_result result;
    struct tax_form_options o = {0};
    struct tax_row *rows = NULL;
    size_t count = 0;
    const char *path = cli_option(c, "out");
    int status = query_read(c, &q, &o.period);
    status = status == CLI_OK ? options_read(c, &o) : status;
    status = status == CLI_OK ? totals_read(c, &q, &rows, &count) : status;
    if (status != CLI_OK) {
        return status;
    }
    if (tax_form_write(&out, &o, rows, count, &result, &err) != METE_OK) {
        status = cli_fail(c, &err);
    } else if (path != NULL) {
        status = file_put(c, path, buf_text(&out));
    } else {
        buf_put_text(&c->out, buf_text(&out));
    }
    if (status == CLI_OK) {
        say(c, &o, &result);
    }
    secret_wipe(out.p, out.len);
    buf_clear(&out);
    return status == CLI_OK && result.unknown > 0 && cli_flag(c, "strict") ? CLI_FAILED : status;
}

/* --- the commands ------------------------------------------------------------------------------*/

#define PERIOD_OPTIONS                                                                             \
    {"year", 0, "YEAR", "a whole year"}, {"period", 0, "PERIOD", "a year, quarter, month or day"}, \
        {"recorded", 0, NULL, "what was recorded in it; else what occurred in it"},                \
    {                                                                                              \
        "utc-offset", 0, "+HH:MM", "it begins at midnight there; else of UTC"                      \
    }

static const struct cli_option TOTALS_OPTIONS[] = {
    PERIOD_OPTIONS, {"party", 'p', "PARTY", "this one alone"}, {NULL, 0, NULL, NULL}};

const struct cli_command command_tax_totals = {
    .name = "tax totals",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .summary = "list what everybody earned and was paid in a year",
    .about = "Payments are counted where the ledger counts them: paid - returned of all years is\n"
             "what mete parties says was paid.",
    .option = TOTALS_OPTIONS,
    .run = totals_run};

static const struct cli_option EXPORT_OPTIONS[] = {
    {"form", 0, "NAME", "1099-nec, 1099-misc or vat"},
    PERIOD_OPTIONS,
    {"parties", 0, "FILE", "CSV: party, and the columns of the form that say who it is"},
    {"payer", 0, "FILE", "CSV of one row: the Payer columns of a 1099"},
    {"box", 0, "NAME", "of 1099-misc: rents, royalties (unless said) or other"},
    {"threshold", 0, "AMOUNT", "least amount of a 1099 in dollars; else that of the year"},
    {"basis", 0, "NAME", "of vat: earned (unless said) or paid"},
    {"out", 'o', "FILE", "where to, mode 0600; else standard output"},
    {"replace", 0, NULL, "an older file may be replaced"},
    {"strict", 0, NULL, "fail when a party is not in the table of parties"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_tax_export = {
    .name = "tax export",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .summary = "write tax forms of a year as CSV",
    .about = "Names and tax numbers come from the tables that are given, never from the log, and\n"
             "are kept nowhere. 1099: columns of the IRS IRIS templates; payments in USD that\n"
             "were made in the year, less those that came back. vat: by each party's vat_rate\n"
             "and treatment (added, included, reverse, none).",
    .option = EXPORT_OPTIONS,
    .no_csv = true,
    .no_json = true,
    .run = export_run};
