/* SPDX-License-Identifier: Apache-2.0
 * mete events: the catalog, and reading events as the door reads them, without a book. What can
 * only be judged by a book (is there such a campaign?) is not judged here. */
#include "cli/cli.h"

#include "base/text.h"
#include "core/machine.h"
#include "http/openapi/catalog.h"
#include "wire/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_SIZE ((size_t)256 << 10)

static bool is_handled(enum event_type type)
{
    return event_type_status(type) == TYPE_HANDLED;
}

/* --- list --------------------------------------------------------------------------------------*/

static const struct table_column LIST_COLUMNS[] = {
    {"type", "TYPE", COLUMN_TEXT},     {"family", "FAMILY", COLUMN_TEXT},
    {"reserved", NULL, COLUMN_BOOL},   {"producers", "WHO MAY SAY IT", COLUMN_TEXT},
    {"scope", "SCOPE", COLUMN_TEXT},   {"tier", "TIER", COLUMN_NUMBER},
    {"description", NULL, COLUMN_TEXT}};

static int list_run(struct cli *c)
{
    const char *family = cli_option(c, "family");
    struct table *t = table_new(LIST_COLUMNS, ARRAY_LEN(LIST_COLUMNS));
    for (unsigned i = 0; i < EVENT_TYPE_COUNT; i++) {
        const struct catalog_row *row = &catalog_rows[i];
        if (family != NULL && strcmp(family, row->family) != 0) {
            continue;
        }
        const char *scope = event_type_scope((enum event_type)i);
        table_str(t, row->type);
        table_str(t, row->family);
        table_bool(t, !is_handled((enum event_type)i));
        table_str(t, row->who);
        table_str(t, scope[0] != '\0' ? scope : NULL);
        table_number(t, row->tier);
        table_str(t, row->does);
    }
    if (table_row_count(t) == 0) {
        table_free(t);
        return cli_usage(c, "there is no family '%s'; mete events list shows all", family);
    }
    cli_table(c, t);
    return CLI_OK;
}

static const struct cli_option LIST_OPTIONS[] = {
    {"family", 0, "FAMILY", "only types that begin with it, such as campaign"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_events_list = {.name = "events list",
                                                .operands = "",
                                                .summary = "list the types of events",
                                                .option = LIST_OPTIONS,
                                                .run = list_run};

/* --- show --------------------------------------------------------------------------------------*/

/* One event a line, as an array. */
static void examples_json(struct json_writer *w, const char *lines)
{
    jw_array(w, "examples");
    while (*lines != '\0') {
        size_t len = strcspn(lines, "\n");
        jw_raw(w, NULL, (struct text){lines, len});
        lines += len + 1;
    }
    jw_end_array(w);
}

static void show_json(struct cli *c, const struct catalog_row *row, enum event_type type)
{
    struct json_writer w;
    cli_json_begin(c, &w);
    jw_object(&w, NULL);
    jw_str(&w, "type", row->type);
    jw_str(&w, "family", row->family);
    jw_bool(&w, "reserved", !is_handled(type));
    jw_str(&w, "producers", row->who);
    jw_str(&w, "scope", event_type_scope(type));
    jw_int(&w, "tier", (int64_t)row->tier);
    jw_str(&w, "description", row->does);
    jw_raw(&w, "schema", text_of(row->schema));
    examples_json(&w, row->examples);
    jw_end_object(&w);
    cli_json_end(c);
}

static int show_run(struct cli *c)
{
    enum event_type type;
    if (!event_type_of(text_of(c->operand[0]), &type)) {
        return cli_usage(c, "there is no event type '%s'; mete events list shows all",
                         c->operand[0]);
    }
    const struct catalog_row *row = &catalog_rows[type];
    METE_ASSERT(strcmp(row->type, event_type_name(type)) == 0);
    if (c->json) {
        show_json(c, row, type);
        return CLI_OK;
    }
    cli_print(c, "%s\n%s\n\n", row->type, row->does);
    cli_print(c, "Said by:  %s%s\n", is_handled(type) ? "" : "reserved for ", row->who);
    if (is_handled(type)) {
        cli_print(c, "Scope:    %s\n", event_type_scope(type));
    }
    cli_print(c, "Tier:     %u\n\nSchema:\n%s\n", row->tier, row->schema);
    if (row->examples[0] != '\0') {
        cli_print(c, "\nExample:\n%s", row->examples);
    }
    return CLI_OK;
}

const struct cli_command command_events_show = {
    .name = "events show",
    .operands = "TYPE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "show who says an event, its schema and an example",
    .no_csv = true,
    .run = show_run};

/* --- validate ----------------------------------------------------------------------------------*/

static const struct table_column FLAW_COLUMNS[] = {
    {"line", "LINE", COLUMN_NUMBER},  {"event_id", "EVENT", COLUMN_TEXT},
    {"pointer", "AT", COLUMN_TEXT},   {"code", "CODE", COLUMN_TEXT},
    {"message", "WHAT", COLUMN_TEXT}, {"remediation", "HOW TO MEND IT", COLUMN_TEXT}};

struct judging {
    struct stream *stream;
    struct prepared *item;
    struct table *flaws;
    uint64_t events;
};

static void flaw_add(struct judging *j, uint64_t line, struct text id, const struct mete_err *why)
{
    table_number(j->flaws, (i128)line);
    table_text(j->flaws, id);
    table_str(j->flaws, why->pointer);
    table_str(j->flaws, mete_code_name(why->code));
    table_str(j->flaws, why->text);
    table_str(j->flaws, mete_code_remediation(why->code));
}

/* Judges the events that have been pushed so far. */
static void judge(struct judging *j)
{
    struct text text;
    uint64_t offset;
    uint64_t line;
    struct mete_err broken;
    const struct mete_err *why;
    enum stream_item kind;
    while ((kind = stream_next(j->stream, &text, &offset, &line, &broken)) != STREAM_MORE) {
        const struct submit_options o = {.app_id = stream_app_id(j->stream),
                                         .environment = stream_environment(j->stream)};
        if (kind == STREAM_BROKEN) {
            engine_prepare_broken(j->item, text, &broken, &o);
        } else {
            engine_prepare(NULL, j->item, text, &o);
        }
        j->events++;
        if (prepared_code(j->item, &why) != METE_OK) {
            flaw_add(j, line, prepared_envelope(j->item)->id, why);
        }
    }
}

static enum mete_code file_judge(struct judging *j, int fd, const char *path, struct mete_err *err)
{
    static uint8_t chunk[CHUNK_SIZE];
    ssize_t n = 0;
    do {
        n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno != EINTR) {
            return mete_fail(err, METE_FILE, "", "%s: %s", path, strerror(errno));
        }
        if (n >= 0) {
            stream_push(j->stream, (struct bytes){chunk, (size_t)n}, n == 0);
            judge(j);
        }
    } while (n != 0);
    return METE_OK;
}

static void verdict_json(struct cli *c, const struct judging *j)
{
    struct json_writer w;
    cli_json_begin(c, &w);
    jw_object(&w, NULL);
    jw_bool(&w, "valid", table_row_count(j->flaws) == 0);
    jw_int(&w, "events", (int64_t)j->events);
    table_to_json(j->flaws, &w, "errors");
    jw_end_object(&w);
    cli_json_end(c);
}

static int validate_run(struct cli *c)
{
    struct mete_err err;
    const char *path = c->operand[0];
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        (void)mete_fail(&err, METE_FILE, "", "%s: %s", path, strerror(errno));
        return cli_fail(c, &err);
    }
    struct judging j = {.stream = stream_new(),
                        .item = prepared_new(),
                        .flaws = table_new(FLAW_COLUMNS, ARRAY_LEN(FLAW_COLUMNS))};
    enum mete_code code = file_judge(&j, fd, path, &err);
    size_t count = table_row_count(j.flaws);
    if (code == METE_OK && c->json) {
        verdict_json(c, &j);
    } else if (code == METE_OK && (count > 0 || c->csv)) {
        cli_table(c, j.flaws);
        j.flaws = NULL;
    }
    if (code == METE_OK) {
        cli_note(c, "%llu events, %zu with an error.", (unsigned long long)j.events, count);
    }
    if (fd != STDIN_FILENO) {
        close(fd);
    }
    if (j.flaws != NULL) {
        table_free(j.flaws);
    }
    prepared_free(j.item);
    stream_free(j.stream);
    return code != METE_OK ? cli_fail(c, &err) : count == 0 ? CLI_OK : CLI_FAILED;
}

const struct cli_command command_events_validate = {
    .name = "events validate",
    .operands = "FILE|-",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "read events as the door does, and tell every error",
    .about = "Reads NDJSON, a JSON array, or an ingest body. No book is asked: only the form of\n"
             "each event is judged. Exit status 1 when one of them would be refused.",
    .run = validate_run};

/* --- machine -----------------------------------------------------------------------------------*/

static const char *const MACHINE_PAGE =
    "# State machines\n"
    "\n"
    "Made by `mete events machine --markdown` from the tables in `src/core/machine.c`. Beside "
    "each\n"
    "stands its picture for Graphviz, `NAME.dot`, made by `mete events machine NAME`. `[*]` is\n"
    "what does not exist yet, and where nothing follows; what stands in brackets must hold.\n";

static void machine_page(struct cli *c)
{
    cli_print(c, "%s", MACHINE_PAGE);
    for (unsigned i = 0; i < MACHINE_COUNT; i++) {
        const struct machine *m = machine_of((enum machine_kind)i);
        cli_print(c, "\n## %s\n\n[%s.dot](%s.dot)\n\n```mermaid\n", m->name, m->name, m->name);
        machine_mermaid(m, &c->out);
        cli_print(c, "```\n");
    }
}

static const struct machine *machine_named(const char *name)
{
    for (unsigned i = 0; i < MACHINE_COUNT; i++) {
        const struct machine *m = machine_of((enum machine_kind)i);
        if (strcmp(m->name, name) == 0) {
            return m;
        }
    }
    return NULL;
}

static int machine_run(struct cli *c)
{
    if (cli_flag(c, "markdown") && c->operand_count == 0) {
        machine_page(c);
        return CLI_OK;
    }
    if (cli_flag(c, "markdown") || c->operand_count == 0) {
        return cli_usage(c, "a machine, or --markdown for the page of all of them");
    }
    const struct machine *m = machine_named(c->operand[0]);
    if (m == NULL) {
        return cli_usage(c,
                         "'%s' is none of campaign, round, commitment, grant, royalty and "
                         "settlement",
                         c->operand[0]);
    }
    if (cli_flag(c, "mermaid")) {
        machine_mermaid(m, &c->out);
    } else {
        machine_dot(m, &c->out);
    }
    return CLI_OK;
}

static const struct cli_option MACHINE_OPTIONS[] = {
    {"mermaid", 0, NULL, "print it for Mermaid instead of Graphviz"},
    {"markdown", 0, NULL, "print the page doc/machines/README.md"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_events_machine = {
    .name = "events machine",
    .operands = "[NAME]",
    .operands_max = 1,
    .summary = "print a state machine as a picture",
    .about = "The machines are campaign, round, commitment, grant, royalty, settlement, batch,\n"
             "transfer and x402.",
    .option = MACHINE_OPTIONS,
    .no_csv = true,
    .no_json = true,
    .run = machine_run};
