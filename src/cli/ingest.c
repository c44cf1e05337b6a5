/* SPDX-License-Identifier: Apache-2.0
 * mete ingest: streams into a book. What was committed before an interruption stays, and sending
 * the stream again makes duplicates of it, so an interrupted ingest is simply repeated. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "render/render.h"
#include "store/steady.h"

#include <stdio.h>
#include <unistd.h>

#define LIST_MAX        20u
#define PROGRESS_MS     500
#define GROUP_MAX_GIVEN 1000000u

struct ingesting {
    struct cli *c;
    struct engine *e;
    struct ingest_counts before; /* of the streams that are done */
    struct ingest_counts all;
    struct table *listed; /* the first refused ones */
    size_t listed_more;
    struct json_writer w;
    struct input_watch watch;
    bool progress;
    int64_t begun_ms;
    int64_t shown_ms;
};

static int64_t now_ms(void)
{
    return steady_now() / 1000;
}

/* --- while it runs -----------------------------------------------------------------------------*/

static uint64_t events_of(const struct ingest_counts *n)
{
    return n->applied + n->duplicate + n->waiting + n->refused + n->conflict;
}

static struct ingest_counts counts_sum(const struct ingest_counts *a, const struct ingest_counts *b)
{
    return (struct ingest_counts){a->applied + b->applied,   a->duplicate + b->duplicate,
                                  a->waiting + b->waiting,   a->refused + b->refused,
                                  a->conflict + b->conflict, a->bytes + b->bytes};
}

static void progress_show(struct ingesting *g)
{
    int64_t now = now_ms();
    int64_t spent = now - g->begun_ms;
    if (!g->progress || now - g->shown_ms < PROGRESS_MS) {
        return;
    }
    g->shown_ms = now;
    uint64_t events = events_of(&g->all);
    uint64_t rate = spent > 0 ? events * 1000 / (uint64_t)spent : 0;
    fprintf(stderr, "\r%llu events, %llu/s, %llu refused, %llu waiting\033[K",
            (unsigned long long)events, (unsigned long long)rate,
            (unsigned long long)(g->all.refused + g->all.conflict),
            (unsigned long long)g->all.waiting);
    fflush(stderr);
}

static void progress_end(const struct ingesting *g)
{
    if (g->progress && g->shown_ms != 0) {
        fputs("\r\033[K", stderr);
    }
}

static void result_json(struct ingesting *g, const struct submit_result *r)
{
    struct json_writer *w = &g->w;
    w->pretty = true;
    jw_object(w, NULL);
    w->pretty = false;
    outcome_members(w, r);
    jw_end_object(w);
    jw_spill(w);
}

static void result_list(struct ingesting *g, const struct submit_result *r)
{
    if (table_row_count(g->listed) == LIST_MAX) {
        g->listed_more++;
        return;
    }
    table_text(g->listed, r->event_id);
    table_str(g->listed, mete_code_name(r->err.code));
    table_str(g->listed, r->err.pointer);
    table_str(g->listed, r->err.text);
}

static void ingest_told(void *ctx, const struct submit_result *r, const struct ingest_counts *n)
{
    struct ingesting *g = ctx;
    g->all = counts_sum(&g->before, n);
    if (r == NULL) {
        progress_show(g);
    } else if (g->c->json && r->status != SUBMIT_APPLIED) {
        result_json(g, r);
    } else if (r->status == SUBMIT_REFUSED || r->status == SUBMIT_CONFLICT) {
        result_list(g, r);
    }
}

/* --- at the end --------------------------------------------------------------------------------*/

static void end_json(struct ingesting *g, bool failed)
{
    struct json_writer *w = &g->w;
    struct log_head head = book_head(engine_book(g->e));
    w->pretty = true;
    jw_end_array(w);
    jw_object(w, "events");
    jw_int(w, "applied", (int64_t)g->all.applied);
    jw_int(w, "duplicate", (int64_t)g->all.duplicate);
    jw_int(w, "waiting", (int64_t)g->all.waiting);
    jw_int(w, "refused", (int64_t)g->all.refused);
    jw_int(w, "conflict", (int64_t)g->all.conflict);
    jw_end_object(w);
    log_head_json(w, &head);
    jw_bool(w, "dry_run", cli_flag(g->c, "dry-run"));
    jw_bool(w, "interrupted", g->watch.stop != 0);
    jw_bool(w, "failed", failed);
    jw_end_object(w);
    cli_json_end(g->c);
}

/** Of a group that could not be committed nothing is stored, though its events were counted. */
static void failed_text(const struct ingesting *g, uint64_t size)
{
    cli_note(g->c,
             "mete: stopped after %llu events; the log has %llu entries, the same input again "
             "goes on from there",
             (unsigned long long)events_of(&g->all), (unsigned long long)size);
}

static void end_text(struct ingesting *g, bool failed)
{
    struct cli *c = g->c;
    char root[65];
    struct log_head head = book_head(engine_book(g->e));
    uint64_t events = events_of(&g->all);
    int64_t spent = now_ms() - g->begun_ms;
    hash_hex(&head.root, root);
    if (table_row_count(g->listed) > 0) {
        cli_heading(c, "Refused");
        cli_table(c, g->listed);
        g->listed = NULL;
        if (g->listed_more > 0) {
            cli_print(c, "... and %zu more; mete quarantine list has them\n", g->listed_more);
        }
        cli_print(c, "\n");
    }
    if (failed) {
        failed_text(g, head.size);
        return;
    }
    cli_print(c, "%llu applied, %llu duplicate, %llu waiting, %llu refused, %llu in conflict%s\n",
              (unsigned long long)g->all.applied, (unsigned long long)g->all.duplicate,
              (unsigned long long)g->all.waiting, (unsigned long long)g->all.refused,
              (unsigned long long)g->all.conflict,
              cli_flag(c, "dry-run") ? "; nothing was stored" : "");
    cli_print(c, "Log: %llu entries, head %s\n", (unsigned long long)head.size, root);
    cli_note(c, "%llu events in %lld.%03lld s", (unsigned long long)events,
             (long long)(spent / 1000), (long long)(spent % 1000));
}

static int end_status(const struct ingesting *g)
{
    if (g->watch.stop != 0) {
        cli_note(g->c, "mete: interrupted after %llu events; %s",
                 (unsigned long long)events_of(&g->all),
                 cli_flag(g->c, "dry-run") ? "nothing was stored"
                                           : "they are stored: the same input again goes on");
        return CLI_INTERRUPTED;
    }
    bool refused = g->all.refused + g->all.conflict > 0;
    return cli_flag(g->c, "strict") && refused ? CLI_FAILED : CLI_OK;
}

/* --- the command -------------------------------------------------------------------------------*/

static enum mete_code streams_ingest(struct ingesting *g, uint64_t group, struct mete_err *err)
{
    enum mete_code code = METE_OK;
    struct cli *c = g->c;
    input_watch_begin(&g->watch);
    for (int i = 0; i < c->operand_count && code == METE_OK && g->watch.stop == 0; i++) {
        struct ingest_counts counts = {0};
        struct ingest in = {.tell = ingest_told,
                            .tell_ctx = g,
                            .group_max = (size_t)group,
                            .dry_run = cli_flag(c, "dry-run")};
        code = input_ingest(g->e, c->operand[i], &g->watch, &in, &counts, err);
        g->before = counts_sum(&g->before, &counts);
        g->all = g->before;
    }
    input_watch_end(&g->watch);
    return code;
}

static void begin(struct ingesting *g)
{
    static const struct table_column COLUMNS[] = {{"event_id", "EVENT", COLUMN_TEXT},
                                                  {"code", "CODE", COLUMN_TEXT},
                                                  {"pointer", "POINTER", COLUMN_TEXT},
                                                  {"message", "WHY", COLUMN_TEXT}};
    g->begun_ms = now_ms();
    g->progress = isatty(STDERR_FILENO) && !g->c->quiet;
    g->listed = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    if (g->c->json) {
        cli_json_begin(g->c, &g->w);
        jw_object(&g->w, NULL);
        jw_array(&g->w, "results");
    }
}

static int ingest_run(struct cli *c)
{
    struct ingesting g = {.c = c};
    struct mete_err err;
    uint64_t group = 0;
    int status = cli_option_number(c, "group", 1, GROUP_MAX_GIVEN, &group);
    status = status == CLI_OK ? cli_open(c, CLI_WRITE, &g.e) : status;
    if (status != CLI_OK) {
        return status;
    }
    begin(&g);
    enum mete_code code = streams_ingest(&g, group, &err);
    progress_end(&g);
    (c->json ? end_json : end_text)(&g, code != METE_OK);
    status = code == METE_OK ? end_status(&g) : cli_fail(c, &err);
    table_free(g.listed);
    engine_close(g.e);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"dry-run", 'n', NULL, "decide and answer, store nothing"},
    {"group", 0, "N", "events of one commit; else 4096"},
    {"strict", 0, NULL, "exit 1 when an event was refused"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_ingest = {
    .name = "ingest",
    .operands = "FILE|-...",
    .operands_min = 1,
    .operands_max = CLI_ANY,
    .summary = "put streams of events into a book",
    .about = "Reads NDJSON, a JSON array, or an ingest body. What is refused is kept in the\n"
             "quarantine. An interruption (^C) ends after the group at hand, exit status 130;\n"
             "the same command again goes on where it stopped.",
    .option = OPTIONS,
    .no_csv = true,
    .run = ingest_run};
