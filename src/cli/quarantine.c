/* SPDX-License-Identifier: Apache-2.0
 * mete quarantine: events that were refused, kept outside the log. */
#include "cli/cli.h"

#include "base/text.h"
#include "render/render.h"
#include "wire/form.h"

#include <stdlib.h>

/* --- list --------------------------------------------------------------------------------------*/

static bool list_visit(void *arg, const struct quarantined *q)
{
    struct table *t = arg;
    table_number(t, q->id);
    table_time(t, q->received_at);
    if (q->event_id.len > 0) {
        table_text(t, q->event_id);
    } else {
        table_null(t);
    }
    table_str(t, mete_code_name(q->code));
    table_text(t, q->pointer);
    table_number(t, q->attempts);
    table_number(t, q->body.len);
    table_text(t, q->message);
    return true;
}

static bool list_visit_json(void *arg, const struct quarantined *q)
{
    quarantined_json(arg, q);
    return true;
}

static enum mete_code list_json(struct cli *c, struct engine *e, struct mete_err *err)
{
    struct json_writer w;
    cli_json_begin(c, &w);
    jw_array(&w, NULL);
    enum mete_code code = quarantine_list(e, 0, list_visit_json, &w, err);
    jw_end_array(&w);
    cli_json_end(c);
    return code;
}

static enum mete_code list_table(struct cli *c, struct engine *e, struct mete_err *err)
{
    static const struct table_column COLUMNS[] = {
        {"id", "ID", COLUMN_NUMBER},         {"received_at", "RECEIVED", COLUMN_TEXT},
        {"event_id", "EVENT", COLUMN_TEXT},  {"code", "CODE", COLUMN_TEXT},
        {"pointer", "POINTER", COLUMN_TEXT}, {"attempts", "TRIES", COLUMN_NUMBER},
        {"bytes", NULL, COLUMN_NUMBER},      {"message", "WHY", COLUMN_TEXT}};
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    enum mete_code code = quarantine_list(e, 0, list_visit, t, err);
    if (code == METE_OK) {
        cli_table_or(c, t, "The quarantine is empty.");
    } else {
        table_free(t);
    }
    return code;
}

static int list_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    int status = cli_open(c, CLI_READ, &e);
    if (status != CLI_OK) {
        return status;
    }
    if ((c->json ? list_json : list_table)(c, e, &err) != METE_OK) {
        status = cli_fail(c, &err);
        buf_reset(&c->out); /* nothing of half an answer */
    }
    engine_close(e);
    return status;
}

const struct cli_command command_quarantine_list = {.name = "quarantine list",
                                                    .operands = "",
                                                    .summary = "list the events that were refused",
                                                    .run = list_run};

/* --- show --------------------------------------------------------------------------------------*/

static int id_read(struct cli *c, const char *text, uint64_t *id)
{
    if (!cli_number(text, 1, INT64_MAX, id)) {
        return cli_usage(c, "'%s' is no id of the quarantine: a number from 1 on", text);
    }
    return CLI_OK;
}

static void show_json(struct cli *c, const struct quarantined *q)
{
    struct json_writer w;
    cli_json_begin(c, &w);
    quarantined_whole_json(&w, q);
    cli_json_end(c);
}

static void show_text(struct cli *c, const struct quarantined *q)
{
    char at[TIME_TEXT_MAX];
    time_format(q->received_at, at);
    cli_print(c, "Row       %llu, received %s, refused %u times\n", (unsigned long long)q->id, at,
              q->attempts);
    cli_print(c, "Event     ");
    text_put_safe(&c->out, q->event_id.len > 0 ? q->event_id : TEXT("(no readable id)"));
    cli_print(c, "\nWhy       %s", mete_code_name(q->code));
    cli_print(c, q->pointer.len > 0 ? " at " : "");
    text_put_safe(&c->out, q->pointer);
    cli_print(c, ": ");
    text_put_safe(&c->out, q->message);
    cli_print(c, "\nTo mend   %s\n\n", mete_code_remediation(q->code));
    text_put_safe(&c->out, q->body);
    cli_print(c, "%s\n", q->cut ? "... (cut)" : "");
}

static int show_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct quarantined q;
    uint64_t id = 0;
    int status = id_read(c, c->operand[0], &id);
    status = status == CLI_OK ? cli_open(c, CLI_READ, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    if (quarantine_get(e, id, &c->arena, &q, &err) == METE_OK) {
        (c->json ? show_json : show_text)(c, &q);
    } else {
        status = cli_fail(c, &err);
    }
    engine_close(e);
    return status;
}

const struct cli_command command_quarantine_show = {.name = "quarantine show",
                                                    .operands = "ID",
                                                    .operands_min = 1,
                                                    .operands_max = 1,
                                                    .summary = "show a refused event as it came",
                                                    .no_csv = true,
                                                    .run = show_run};

/* --- replay ------------------------------------------------------------------------------------*/

struct ids {
    uint64_t *id;
    size_t count, cap;
};

static void ids_add(struct ids *ids, uint64_t id)
{
    if (ids->count == ids->cap) {
        ids->cap = ids->cap == 0 ? 64 : ids->cap * 2;
        ids->id = reallocarray(ids->id, ids->cap, sizeof *ids->id);
        METE_ASSERT(ids->id != NULL);
    }
    ids->id[ids->count++] = id;
}

static bool ids_visit(void *arg, const struct quarantined *q)
{
    ids_add(arg, q->id);
    return true;
}

/** The ids that were given, or all there are. */
static int ids_collect(struct cli *c, struct engine *e, struct ids *ids)
{
    struct mete_err err;
    uint64_t id = 0;
    for (int i = 0; i < c->operand_count; i++) {
        int status = id_read(c, c->operand[i], &id);
        if (status != CLI_OK) {
            return status;
        }
        ids_add(ids, id);
    }
    if (c->operand_count == 0 && quarantine_list(e, 0, ids_visit, ids, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    return CLI_OK;
}

static void replayed_row(struct table *t, uint64_t id, const struct submit_result *r)
{
    bool why = r->status != SUBMIT_APPLIED && r->status != SUBMIT_DUPLICATE;
    table_number(t, id);
    table_text(t, r->event_id);
    table_str(t, submit_status_name(r->status));
    table_str(t, why ? mete_code_name(r->err.code) : NULL);
    table_str(t, why ? r->err.pointer : NULL);
    table_str(t, why ? r->err.text : NULL);
}

static int replay_all(struct cli *c, struct engine *e, const struct ids *ids, struct table *t)
{
    int status = CLI_OK;
    for (size_t i = 0; i < ids->count; i++) {
        struct submit_result r = {.status = SUBMIT_REFUSED};
        struct mete_err err;
        enum mete_code code = quarantine_replay(e, ids->id[i], &r, &err);
        if (code == METE_EVENT_TOO_LARGE) { /* this one cannot be sent again, others can */
            r.err = err;
        } else if (code != METE_OK) {
            return cli_fail(c, &err);
        }
        replayed_row(t, ids->id[i], &r);
        bool accepted = r.status != SUBMIT_REFUSED && r.status != SUBMIT_CONFLICT;
        status = accepted || !cli_flag(c, "strict") ? status : CLI_FAILED;
    }
    return status;
}

static int replay_run(struct cli *c)
{
    static const struct table_column COLUMNS[] = {
        {"id", "ID", COLUMN_NUMBER},         {"event_id", "EVENT", COLUMN_TEXT},
        {"status", "STATUS", COLUMN_TEXT},   {"code", "CODE", COLUMN_TEXT},
        {"pointer", "POINTER", COLUMN_TEXT}, {"message", "WHY", COLUMN_TEXT}};
    struct engine *e;
    struct ids ids = {0};
    int status = cli_open(c, CLI_WRITE, &e);
    if (status != CLI_OK) {
        return status;
    }
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    status = ids_collect(c, e, &ids);
    status = status == CLI_OK ? replay_all(c, e, &ids, t) : status;
    if (status != CLI_OK && table_row_count(t) == 0) {
        table_free(t);
    } else {
        cli_table_or(c, t, "The quarantine is empty.");
    }
    free(ids.id);
    engine_close(e);
    return status;
}

static const struct cli_option REPLAY_OPTIONS[] = {
    {"strict", 0, NULL, "exit 1 when one was refused again"}, {NULL, 0, NULL, NULL}};

const struct cli_command command_quarantine_replay = {
    .name = "quarantine replay",
    .operands = "[ID...]",
    .operands_max = CLI_ANY,
    .summary = "submit refused events again",
    .about = "Without ids: all of them, in the order in which they came. Those that are accepted\n"
             "leave the quarantine.",
    .option = REPLAY_OPTIONS,
    .run = replay_run};

/* --- drop --------------------------------------------------------------------------------------*/

static int drop_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    uint64_t id = 0;
    int status = id_read(c, c->operand[0], &id);
    status = status == CLI_OK ? cli_open(c, CLI_WRITE, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    if (quarantine_drop(e, id, &err) != METE_OK) {
        status = cli_fail(c, &err);
    } else {
        cli_note(c, "Row %llu is gone.", (unsigned long long)id);
    }
    engine_close(e);
    return status;
}

const struct cli_command command_quarantine_drop = {.name = "quarantine drop",
                                                    .operands = "ID",
                                                    .operands_min = 1,
                                                    .operands_max = 1,
                                                    .summary = "throw a refused event away",
                                                    .no_csv = true,
                                                    .run = drop_run};
