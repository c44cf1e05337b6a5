/* SPDX-License-Identifier: Apache-2.0
 * mete export: the book in the formats of others. */
#include "cli/cli.h"

#include "base/text.h"
#include "crypto/seal.h"
#include "engine/query.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef enum mete_code export_format(struct engine *e, const struct export_query *q,
                                     struct buf *out, struct mete_err *err);

static const struct {
    const char *name;
    export_format *write;
} FORMATS[] = {{"csv", export_csv},
               {"beancount", export_beancount},
               {"hledger", export_hledger},
               {"audit", export_audit}};

static export_format *format_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(FORMATS); i++) {
        if (strcmp(FORMATS[i].name, name) == 0) {
            return FORMATS[i].write;
        }
    }
    return NULL;
}

static bool flush_stdout(void *ctx, struct buf *out)
{
    struct cli *c = ctx;
    METE_ASSERT(out == &c->out);
    cli_spill(c);
    return !c->out_failed;
}

struct sink {
    FILE *file;
    int failed; /* errno of the first write that did not arrive */
};

static bool flush_file(void *ctx, struct buf *out)
{
    struct sink *sink = ctx;
    if (sink->failed == 0 && fwrite(out->p, 1, out->len, sink->file) != out->len) {
        sink->failed = errno;
    }
    buf_reset(out);
    return sink->failed == 0;
}

static void sink_close(struct sink *sink, const char *name, const char *path, bool keep)
{
    if (fclose(sink->file) != 0 && sink->failed == 0) {
        sink->failed = errno;
    }
    keep = keep && sink->failed == 0;
    if (keep && rename(name, path) != 0) {
        sink->failed = errno;
        keep = false;
    }
    if (!keep) {
        (void)remove(name);
    }
}

/** Into a file that appears whole or not at all. */
static enum mete_code export_to_file(struct engine *e, export_format *write, struct export_query *q,
                                     const char *path, struct mete_err *err)
{
    struct buf out = {0};
    struct buf part = {0};
    buf_printf(&part, "%s.part", path);
    buf_put_u8(&part, 0);
    const char *name = (const char *)part.p;
    struct sink sink = {.file = fopen(name, "wb")};
    enum mete_code code = METE_OK;
    if (sink.file == NULL) {
        code = mete_fail(err, METE_FILE, "", "%s: %s", name, strerror(errno));
    } else {
        q->flush = flush_file;
        q->ctx = &sink;
        code = write(e, q, &out, err);
        (void)flush_file(&sink, &out);
        sink_close(&sink, name, path, code == METE_OK);
        if (sink.failed != 0) {
            code = mete_fail(err, METE_FILE, "", "%s: %s", path, strerror(sink.failed));
        }
    }
    buf_clear(&out);
    buf_clear(&part);
    return code;
}

static int stretch_read(struct cli *c, mete_time *from, mete_time *until)
{
    *from = TIME_ALWAYS;
    *until = TIME_NEVER;
    int status = cli_option_time(c, "from", false, from);
    status = status == CLI_OK ? cli_option_time(c, "to", true, until) : status;
    if (*until != TIME_NEVER) {
        ++*until; /* the last moment is part of it */
    }
    return status;
}

/* --- dataset -----------------------------------------------------------------------------------*/

#define TIERS_DEFAULT "1,2"
#define PSEUDONYM_MIN 16
#define KEY_FILE_MAX  4096
#define DATASET       "dataset"

/** "1,2": bit 1 << tier each. */
static bool tiers_read(const char *list, unsigned *tiers)
{
    *tiers = 0;
    for (const char *p = list;; p += 2) {
        if (p[0] < '1' || p[0] > '3' || (p[1] != ',' && p[1] != '\0')) {
            return false;
        }
        *tiers |= 1u << (p[0] - '0');
        if (p[1] == '\0') {
            return true;
        }
    }
}

static int pseudonym_key_read(struct cli *c, struct buf *key)
{
    struct mete_err err;
    const char *path = cli_option(c, "pseudonym-key");
    if (path == NULL) {
        return CLI_OK;
    }
    if (cli_read_file(path, KEY_FILE_MAX, key, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    return key->len >= PSEUDONYM_MIN ? CLI_OK
                                     : cli_usage(c, "%s has %zu bytes: a key has at least %d", path,
                                                 key->len, PSEUDONYM_MIN);
}

static int dataset_query_read(struct cli *c, struct dataset_query *q)
{
    const char *tiers = cli_option(c, "tier");
    *q = (struct dataset_query){.folder = cli_option(c, "out"),
                                .force = cli_flag(c, "force"),
                                .campaign = text_of(cli_option(c, "campaign")),
                                .app = text_of(cli_option(c, "app"))};
    if (q->folder == NULL || q->folder[0] == '\0') {
        return cli_usage(c, "a dataset is a folder: name it with --out");
    }
    if (cli_option(c, "output") != NULL) {
        return cli_usage(c, "a dataset is a folder: --out names it, not --output");
    }
    if (!tiers_read(tiers != NULL ? tiers : TIERS_DEFAULT, &q->tiers)) {
        return cli_usage(c, "'%s' is no list of tiers: 1, 2 and 3, with commas", tiers);
    }
    return stretch_read(c, &q->from, &q->until);
}

static int dataset_write(struct cli *c, struct dataset_query *q)
{
    struct engine *e;
    struct mete_err err;
    struct dataset_result r;
    int status = cli_open(c, CLI_READ, &e);
    if (status != CLI_OK) {
        return status;
    }
    if (export_dataset(e, q, &r, &err) != METE_OK) {
        status = cli_fail(c, &err);
    } else {
        cli_note(c, "Written: %s, %llu rows in %llu families", q->folder,
                 (unsigned long long)r.rows, (unsigned long long)r.families);
    }
    engine_close(e);
    return status;
}

static int dataset_run(struct cli *c)
{
    struct dataset_query q;
    struct buf key = {0};
    int status = dataset_query_read(c, &q);
    status = status == CLI_OK ? pseudonym_key_read(c, &key) : status;
    q.pseudonym_key = buf_bytes(&key);
    status = status == CLI_OK ? dataset_write(c, &q) : status;
    secret_wipe(key.p, key.len);
    buf_clear(&key);
    return status;
}

/** The options that only a dataset has: one that was given, or NULL. */
static const char *dataset_option(const struct cli *c)
{
    static const char *const names[] = {"tier", "out", "campaign", "app", "pseudonym-key", "force"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (cli_option(c, names[i]) != NULL) {
            return names[i];
        }
    }
    return NULL;
}

/* --- files -------------------------------------------------------------------------------------*/

static int query_read(struct cli *c, struct export_query *q)
{
    const char *foreign = dataset_option(c);
    *q = (struct export_query){.flush = flush_stdout, .ctx = c};
    return foreign == NULL ? stretch_read(c, &q->from, &q->until)
                           : cli_usage(c, "--%s is for a dataset", foreign);
}

static int export_run(struct cli *c)
{
    if (strcmp(c->operand[0], DATASET) == 0) {
        return dataset_run(c);
    }
    struct engine *e;
    struct mete_err err;
    struct export_query q;
    export_format *write = format_find(c->operand[0]);
    const char *path = cli_option(c, "output");
    if (write == NULL) {
        return cli_usage(c, "there is no format '%s': csv, beancount, hledger, audit or dataset",
                         c->operand[0]);
    }
    int status = query_read(c, &q);
    if (status == CLI_OK && write == export_audit &&
        (q.from != TIME_ALWAYS || q.until != TIME_NEVER)) {
        return cli_usage(c, "the auditor wants the whole book: no --from, no --to");
    }
    status = status == CLI_OK ? cli_open(c, CLI_READ, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    bool to_file = path != NULL && strcmp(path, "-") != 0;
    enum mete_code code =
        to_file ? export_to_file(e, write, &q, path, &err) : write(e, &q, &c->out, &err);
    if (code != METE_OK) {
        status = cli_fail(c, &err);
    } else if (to_file) {
        cli_note(c, "Written: %s", path);
    }
    engine_close(e);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"from", 0, "TIME", "recorded at or after; what stood there before becomes opening balances"},
    {"to", 0, "TIME", "recorded until this moment or day, which is included"},
    {"output", 'o', "FILE", "into a file instead of stdout"},
    {"tier", 0, "LIST", "dataset: data tiers, 1,2 unless said otherwise"},
    {"out", 0, "DIR", "dataset: the folder to make"},
    {"campaign", 0, "ID", "dataset: of this campaign alone"},
    {"app", 0, "ID", "dataset: of this app alone"},
    {"pseudonym-key", 0, "FILE", "dataset: users' pseudonyms by this key, not the book's own"},
    {"force", 0, NULL, "dataset: replace one that is there"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_export = {
    .name = "export",
    .operands = "csv|beancount|hledger|audit|dataset",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "write the book in other programs' formats",
    .about =
        "csv: a row a posting, credits positive. beancount, hledger: a complete journal, one\n"
        "transaction an event, that ends with the balance of every account as assertions;\n"
        "debits are positive there, so what is owed to a party is negative. audit: all of\n"
        "the book for the auditor, as doc/format.md has it. dataset: a folder of training data\n"
        "about campaigns, a CSV and a JSONL file for each family, as doc/dataset.md has it;\n"
        "users are pseudonyms.",
    .option = OPTIONS,
    .no_csv = true,
    .no_json = true,
    .run = export_run};
