/* SPDX-License-Identifier: Apache-2.0
 * mete bank: what a bank sends back is taken over, and files are checked before they leave or after
 * they came. */
#include "cli/rows.h"

#include "base/text.h"
#include "crypto/seal.h"
#include "render/render.h"
#include "wire/bank/nacha.h"
#include "wire/bank/pain001.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- import ------------------------------------------------------------------------------------*/

static const struct table_column COLUMNS[] = {
    {"outcome", "OUTCOME", COLUMN_TEXT},     {"transfer_id", "PAYOUT", COLUMN_TEXT},
    {"reference", "REFERENCE", COLUMN_TEXT}, {"code", "CODE", COLUMN_TEXT},
    {"amount", "AMOUNT", COLUMN_TEXT},       {"currency", "CURRENCY", COLUMN_TEXT},
    {"reason", "REASON", COLUMN_TEXT},
};

struct importing {
    struct cli *c;
    struct rows rows;
    struct json_writer w;
    struct bank_import_counts counts; /* of all files */
};

static bool row_show(void *arg, const struct bank_import_row *row)
{
    struct importing *m = arg;
    if (m->c->json) {
        bank_import_row_json(&m->w, row);
        return !m->c->out_failed;
    }
    struct table *t = rows_next(&m->rows);
    table_str(t, bank_import_end_name(row->end));
    table_text(t, row->transfer_id);
    table_text(t, row->reference);
    table_text(t, row->code);
    table_text(t, row->amount);
    table_text(t, row->currency);
    table_text(t, row->reason);
    return !m->c->out_failed;
}

/** One file is one group: all of it or nothing. */
static int file_take(struct importing *m, struct engine *e, const char *file)
{
    struct bank_import_counts counts;
    struct mete_err err;
    struct buf bytes = {0};
    enum mete_code code = cli_read_file(file, BANK_IMPORT_MAX, &bytes, &err);
    code = code == METE_OK ? bank_import(e, buf_bytes(&bytes), row_show, m, &counts, &err) : code;
    code = code == METE_OK ? engine_commit(e, &err) : code;
    buf_clear(&bytes);
    if (code != METE_OK) {
        engine_rollback(e);
        cli_in_file(&err, file);
        return cli_fail(m->c, &err);
    }
    m->counts.records += counts.records;
    for (size_t i = 0; i < BANK_IMPORT_END_COUNT; i++) {
        m->counts.end[i] += counts.end[i];
    }
    return CLI_OK;
}

static void counts_show(struct importing *m)
{
    const size_t *n = m->counts.end;
    if (m->c->json) {
        jw_end_array(&m->w);
        bank_import_counts_json(&m->w, &m->counts);
        jw_end_object(&m->w);
        cli_json_end(m->c);
        return;
    }
    rows_end(&m->rows);
    cli_note(m->c,
             "%zu records: %zu paid, %zu rejected, %zu returned, %zu known already, %zu pending, "
             "%zu that fit no payout, %zu to be looked at",
             m->counts.records, n[BANK_IMPORT_PAID], n[BANK_IMPORT_REJECTED],
             n[BANK_IMPORT_RETURNED], n[BANK_IMPORT_KNOWN], n[BANK_IMPORT_PENDING],
             n[BANK_IMPORT_UNMATCHED], n[BANK_IMPORT_REFUSED]);
}

static int import_run(struct cli *c)
{
    struct engine *e;
    struct importing m = {.c = c};
    int status = cli_open(c, CLI_WRITE, &e);
    if (status != CLI_OK) {
        return status;
    }
    if (c->json) {
        cli_json_begin(c, &m.w);
        jw_object(&m.w, NULL);
        jw_array(&m.w, "records");
    } else {
        rows_begin(&m.rows, c, COLUMNS, ARRAY_LEN(COLUMNS));
    }
    for (int i = 0; i < c->operand_count && status == CLI_OK; i++) {
        status = file_take(&m, e, c->operand[i]);
    }
    counts_show(&m);
    engine_close(e);
    return status;
}

const struct cli_command command_bank_import = {
    .name = "bank import",
    .operands = "FILE|-...",
    .operands_min = 1,
    .operands_max = 1000,
    .summary = "take over what the bank says of payouts: paid, rejected, returned",
    .about = "FILE is a pain.002, camt.052, camt.053 or camt.054, or a NACHA file with returns.\n"
             "Each is read whole before anything of it is booked, and the same file again changes\n"
             "nothing. What fits no payout is listed, and stands in the quarantine once.",
    .run = import_run};

/* --- check -------------------------------------------------------------------------------------*/

/** xmllint of Debian's libxml2-utils, without network. 0: the file is valid. */
static int xmllint_run(const char *schema, const char *file)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        (void)execlp("xmllint", "xmllint", "--nonet", "--noout", "--schema", schema, file,
                     (char *)NULL);
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
                                                                           : 127;
}

static int schema_check(struct cli *c, const char *file)
{
    struct mete_err err;
    const char *schema = cli_option(c, "xsd");
    if (schema == NULL) {
        return CLI_OK;
    }
    fflush(stdout);
    int got = xmllint_run(schema, file);
    if (got == 127) {
        (void)mete_fail(&err, METE_USAGE, NULL,
                        "--xsd needs xmllint: install the package libxml2-utils");
        return cli_fail(c, &err);
    }
    if (got != 0) {
        (void)mete_fail(&err, METE_BANK_FILE, NULL, "the file is not valid by its schema");
        cli_in_file(&err, file);
        return cli_fail(c, &err);
    }
    return CLI_OK;
}

static bool entry_count(void *arg, const struct nacha_record *r)
{
    size_t *n = arg;
    (void)r;
    (*n)++;
    return true;
}

struct checked {
    const char *format;
    size_t count;
    char sum[64]; /* "": not said */
};

static enum mete_code bytes_check(struct bytes file, struct checked *out, struct mete_err *err)
{
    struct pain001_seen seen;
    uint64_t salt;
    struct buf sum = {0};
    if (file.len > 0 && file.p[0] == '1') {
        out->format = "NACHA";
        return nacha_read(file, entry_count, &out->count, err);
    }
    random_bytes(&salt, sizeof salt);
    enum mete_code code = pain001_check(file, true, salt, &seen, err);
    if (code == METE_OK) {
        out->format = seen.version == PAIN001_03 ? "pain.001.001.03" : "pain.001.001.09";
        out->count = seen.count;
        bank_decimal_put(&sum, seen.sum_e5, 2);
        (void)text_copy(out->sum, sizeof out->sum, buf_text(&sum));
        buf_clear(&sum);
    }
    return code;
}

static int check_run(struct cli *c)
{
    struct checked got = {.format = ""};
    struct mete_err err;
    struct buf bytes = {0};
    const char *file = c->operand[0];
    enum mete_code code = cli_read_file(file, BANK_IMPORT_MAX, &bytes, &err);
    code = code == METE_OK ? bytes_check(buf_bytes(&bytes), &got, &err) : code;
    buf_clear(&bytes);
    if (code != METE_OK) {
        cli_in_file(&err, file);
        return cli_fail(c, &err);
    }
    int status = schema_check(c, file);
    if (status == CLI_OK) {
        cli_print(c, "%s: %s, %zu payments%s%s\n", file, got.format, got.count,
                  got.sum[0] != '\0' ? ", sum " : "", got.sum);
    }
    return status;
}

static const struct cli_option CHECK_OPTIONS[] = {
    {"xsd", 0, "FILE", "a schema to validate with, by xmllint"}, {NULL, 0, NULL, NULL}};

const struct cli_command command_bank_check = {
    .name = "bank check",
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "check a payment file as banks do, before it leaves",
    .about = "FILE is a pain.001 as mete writes it, or a NACHA file. Counts, sums, check digits,\n"
             "dates, letters and lengths are computed anew. A schema says less, but --xsd asks it\n"
             "too: the files of ISO 20022 are free to fetch, not to pass on.",
    .option = CHECK_OPTIONS,
    .no_csv = true,
    .no_json = true,
    .run = check_run};
