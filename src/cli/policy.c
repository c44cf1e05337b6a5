/* SPDX-License-Identifier: Apache-2.0
 * mete policy: documents checked and signed, and the policies of a book. Comparing two stands in
 * policy_diff.c. */
#include "base/encode.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/policy_rows.h"
#include "crypto/sign.h"
#include "engine/words.h"
#include "render/render.h"
#include "store/wall.h"
#include "wire/document.h"
#include "wire/form.h"

#include <ctype.h>
#include <string.h>

/* --- check -------------------------------------------------------------------------------------*/

static void problems_json_show(struct cli *c, const struct problem *problem, size_t count)
{
    struct json_writer w;
    cli_json_begin(c, &w);
    jw_object(&w, NULL);
    jw_bool(&w, "valid", false);
    problems_json(&w, "problems", problem, count, true);
    jw_end_object(&w);
    cli_json_end(c);
}

static void problems_show(struct cli *c, const struct problem *problem, size_t count)
{
    static const struct table_column COLUMNS[] = {{"code", "CODE", COLUMN_TEXT},
                                                  {"pointer", "POINTER", COLUMN_TEXT},
                                                  {"message", "WHAT IS WRONG", COLUMN_TEXT}};
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    for (size_t i = 0; i < count; i++) {
        table_str(t, mete_code_name(problem[i].code));
        table_text(t, problem[i].pointer);
        table_text(t, problem[i].message);
    }
    cli_print(c, "%zu problem%s in %s\n\n", count, count == 1 ? "" : "s", c->operand[0]);
    table_to_text(t, &c->out, c->color);
    table_free(t);
}

static int check_run(struct cli *c)
{
    struct buf document = {0};
    struct mete_err err;
    struct problem problem[PROBLEMS_MAX];
    struct policy p;
    struct policy_about about;
    int status = CLI_OK;
    if (cli_read_file(c->operand[0], EVENT_SIZE_MAX, &document, &err) != METE_OK) {
        buf_clear(&document);
        return cli_fail(c, &err);
    }
    size_t count = policy_problems(&c->arena, buf_text(&document), problem);
    if (count > 0) {
        (c->json ? problems_json_show : problems_show)(c, problem, count);
        status = CLI_FAILED;
    } else if (policy_read(&c->arena, buf_text(&document), &p, &about, &err) != METE_OK) {
        status = cli_fail(c, &err);
    } else {
        (c->json ? policy_show_json : policy_show_text)(c, &p, &about);
    }
    buf_clear(&document);
    return status;
}

const struct cli_command command_policy_check = {
    .name = "policy check",
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "say what a policy document or .fair manifest means, or all that is wrong with it",
    .about = "Exit status 1 when it is not valid. Nothing is stored.",
    .no_csv = true,
    .run = check_run};

/* --- publish -----------------------------------------------------------------------------------*/

static void published_show(struct cli *c, const struct submit_result *r)
{
    if (c->json) {
        struct json_writer w;
        cli_json_begin(c, &w);
        jw_object(&w, NULL);
        outcome_members(&w, r);
        jw_int(&w, "seq", (int64_t)r->seq);
        jw_end_object(&w);
        cli_json_end(c);
        return;
    }
    if (c->quiet) {
        return;
    }
    if (r->status == SUBMIT_DUPLICATE) {
        cli_print(c, "already published, entry %llu of the log\n", (unsigned long long)r->seq);
        return;
    }
    cli_print(c, "%s: ", submit_status_name(r->status));
    text_put_safe(&c->out, r->event_id);
    cli_print(c, ", entry %llu of the log\n", (unsigned long long)r->seq);
}

/** What was refused on the command line is not worth a quarantine: it can be given again. */
static int publish(struct cli *c, struct engine *e, struct text document, struct when from)
{
    struct submit_result r;
    struct mete_err err;
    const char *id = cli_option(c, "event-id");
    policy_submit(e, document, text_of(id), from, engine_now(e), &r);
    switch (r.status) {
    case SUBMIT_REFUSED:
    case SUBMIT_FAILED:
        engine_rollback(e);
        return cli_fail(c, &r.err);
    case SUBMIT_CONFLICT:
        engine_rollback(e);
        if (id == NULL) {
            cli_note(
                c,
                "mete: this document was published before, as entry %llu, with another version "
                "after it or in force from another moment; to publish it anew say --event-id "
                "ID",
                (unsigned long long)r.seq);
            return CLI_FAILED;
        }
        return cli_fail(c, &r.err);
    case SUBMIT_APPLIED:
    case SUBMIT_WAITING:
    case SUBMIT_DUPLICATE:
        break;
    }
    if (engine_commit(e, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    published_show(c, &r);
    return CLI_OK;
}

static int publish_run(struct cli *c)
{
    struct engine *e = NULL;
    struct mete_err err;
    struct buf document = {0};
    struct when from = {.set = cli_option(c, "effective-from") != NULL};
    int status = cli_option_time(c, "effective-from", false, &from.at);
    if (status != CLI_OK) {
        return status;
    }
    if (cli_read_file(c->operand[0], EVENT_SIZE_MAX, &document, &err) != METE_OK) {
        status = cli_fail(c, &err);
    } else {
        status = cli_open(c, CLI_WRITE, &e);
    }
    if (status == CLI_OK) {
        status = publish(c, e, buf_text(&document), from);
    }
    buf_clear(&document);
    engine_close(e);
    return status;
}

static const struct cli_option PUBLISH_OPTIONS[] = {
    {"effective-from", 0, "TIME", "in force from then on; a first version else from always"},
    {"event-id", 0, "ID", "the event's id; else made from the document"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_policy_publish = {
    .name = "policy publish",
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "publish a policy document or .fair manifest in a book",
    .about = "Publishing an id again makes its next version; publishing again what is its newest\n"
             "version already changes nothing.",
    .option = PUBLISH_OPTIONS,
    .no_csv = true,
    .run = publish_run};

/* --- show and list -----------------------------------------------------------------------------*/

static int show_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct policy p;
    struct policy_about about;
    uint64_t version = 0;
    int status = cli_option_number(c, "version", 1, UINT32_MAX, &version);
    status = status == CLI_OK ? cli_open(c, CLI_READ, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    if (policy_load(e, &c->arena, text_of(c->operand[0]), (uint32_t)version, &p, &about, &err) !=
        METE_OK) {
        status = cli_fail(c, &err);
    } else {
        (c->json ? policy_show_json : policy_show_text)(c, &p, &about);
    }
    engine_close(e);
    return status;
}

static const struct cli_option SHOW_OPTIONS[] = {
    {"version", 'v', "N", "that version; else the newest"}, {NULL, 0, NULL, NULL}};

const struct cli_command command_policy_show = {.name = "policy show",
                                                .operands = "ID",
                                                .operands_min = 1,
                                                .operands_max = 1,
                                                .summary = "show a published policy",
                                                .option = SHOW_OPTIONS,
                                                .no_csv = true,
                                                .run = show_run};

/** One published policy; those that were only named have no version. */
static void list_row(struct cli *c, struct engine *e, struct table *t, struct text id)
{
    struct policy p;
    struct policy_about about;
    struct mete_err unused;
    struct arena a;
    arena_init(&a, (size_t)1 << 30);
    if (policy_load(e, &a, id, 0, &p, &about, &unused) == METE_OK) {
        struct policy_rows rows = policy_rows(&a, &p);
        table_text(t, id);
        table_str(t, policy_kind_name(p.kind));
        table_str(t, rounding_name(p.rounding));
        table_number(t, about.versions);
        table_number(t, rows.count);
        table_text(t, words_from(&a, about.from));
        table_text(t, p.title);
    }
    arena_clear(&a);
    (void)c;
}

static int list_run(struct cli *c)
{
    static const struct table_column COLUMNS[] = {
        {"id", "POLICY", COLUMN_TEXT},         {"kind", "KIND", COLUMN_TEXT},
        {"rounding", "ROUNDING", COLUMN_TEXT}, {"versions", "VERSIONS", COLUMN_NUMBER},
        {"shares", "ROWS", COLUMN_NUMBER},     {"from", "NEWEST IN FORCE FROM", COLUMN_TEXT},
        {"title", "TITLE", COLUMN_TEXT}};
    struct engine *e;
    int status = cli_open(c, CLI_READ, &e);
    if (status != CLI_OK) {
        return status;
    }
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    const struct view *v = engine_view(e);
    struct text id;
    for (uint32_t number = 1; view_policy_id(v, number, &id) == VIEW_FOUND; number++) {
        list_row(c, e, t, arena_text(&c->arena, id));
    }
    if (table_row_count(t) == 0) {
        cli_note(c, "No policy was published in this book.");
    }
    cli_table(c, t);
    engine_close(e);
    return status;
}

const struct cli_command command_policy_list = {.name = "policy list",
                                                .operands = "",
                                                .summary = "list the policies of a book",
                                                .run = list_run};

/* --- sign --------------------------------------------------------------------------------------*/

/** 64 hexadecimal digits, white space around them allowed. */
static enum mete_code seed_read(const char *path, uint8_t seed[ED25519_SEED_LEN],
                                struct mete_err *err)
{
    struct buf file = {0};
    enum mete_code code = cli_read_file(path, 4096, &file, err);
    struct text t = buf_text(&file);
    while (t.len > 0 && isspace((unsigned char)t.p[t.len - 1])) {
        t.len--;
    }
    while (t.len > 0 && isspace((unsigned char)t.p[0])) {
        t.p++;
        t.len--;
    }
    if (code == METE_OK && (t.len != 64 || !hex_decode(seed, ED25519_SEED_LEN, t))) {
        code = mete_fail(err, METE_FILE, "",
                         "%s: a key file holds an Ed25519 seed of 64 hexadecimal digits", path);
    }
    if (file.p != NULL) {
        secret_wipe(file.p, file.len);
    }
    buf_clear(&file);
    return code;
}

static enum mete_code sign(struct cli *c, struct text document, mete_time at, struct mete_err *err)
{
    uint8_t seed[ED25519_SEED_LEN];
    struct json *doc = NULL;
    enum mete_code code = seed_read(cli_option(c, "key"), seed, err);
    code = code == METE_OK ? json_parse(&c->arena, document, &doc, err) : code;
    code = code == METE_OK ? manifest_sign(&c->arena, doc, seed, at, err) : code;
    code = code == METE_OK ? json_canonical(doc, &c->out, err) : code;
    secret_wipe(seed, sizeof seed);
    return code;
}

static int sign_run(struct cli *c)
{
    struct buf document = {0};
    struct mete_err err;
    mete_time at = wall_now();
    if (cli_option(c, "key") == NULL) {
        return cli_usage(c, "signing needs --key KEYFILE");
    }
    int status = cli_option_time(c, "at", false, &at);
    if (status != CLI_OK) {
        return status;
    }
    enum mete_code code = cli_read_file(c->operand[0], EVENT_SIZE_MAX, &document, &err);
    code = code == METE_OK ? sign(c, buf_text(&document), at, &err) : code;
    if (code == METE_OK) {
        cli_print(c, "\n");
    } else {
        status = cli_fail(c, &err);
    }
    buf_clear(&document);
    return status;
}

static const struct cli_option SIGN_OPTIONS[] = {
    {"key", 'k', "KEYFILE", "file with an Ed25519 seed, 64 hexadecimal digits"},
    {"at", 0, "TIME", "moment of the signature; else now"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_policy_sign = {
    .name = "policy sign",
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "sign a .fair 1.x manifest",
    .about = "Prints the signed manifest in its RFC 8785 form.",
    .option = SIGN_OPTIONS,
    .no_csv = true,
    .run = sign_run};
