/* SPDX-License-Identifier: Apache-2.0
 * mete insights: what apps reported of themselves. */
#include "cli/rows.h"

#include "base/text.h"
#include "render/render.h"

#define PAGE 1000u

struct paging {
    struct cli *c;
    struct rows rows;
    struct json_writer w;
    struct text next; /* the cursor of the page behind; empty: there is none */
};

/** Shows a page of `query` and moves its cursor on; all that it finds lives in `a`. */
typedef enum mete_code page_show(struct engine *e, void *query, struct arena *a, struct paging *l,
                                 struct mete_err *err);

/** The period: --from its first moment, --to its last. */
static int period_read(struct cli *c, mete_time *from, mete_time *until)
{
    mete_time last = TIME_NEVER;
    *from = TIME_ALWAYS;
    int status = cli_option_time(c, "from", false, from);
    status = status == CLI_OK ? cli_option_time(c, "to", true, &last) : status;
    *until = last == TIME_NEVER ? last : last + 1;
    return status;
}

static void cell(struct table *t, struct text value)
{
    if (value.len > 0) {
        table_text(t, value);
    } else {
        table_null(t);
    }
}

static void paging_begin(struct paging *l, const struct table_column *column, size_t count)
{
    if (l->c->json) {
        cli_json_begin(l->c, &l->w);
        jw_array(&l->w, NULL);
    } else {
        rows_begin(&l->rows, l->c, column, count);
    }
}

static void paging_end(struct paging *l)
{
    if (l->c->json) {
        jw_end_array(&l->w);
        cli_json_end(l->c);
    } else {
        rows_end(&l->rows);
    }
}

/** All pages, one after the other. */
static int pages_show(struct cli *c, struct engine *e, void *query, page_show *page,
                      const struct table_column *column, size_t count)
{
    struct paging l = {.c = c};
    struct arena a[2]; /* a page's cursor lives until the next page is read */
    struct mete_err err;
    enum mete_code code;
    unsigned turn = 0;
    arena_init(&a[0], (size_t)1 << 30);
    arena_init(&a[1], (size_t)1 << 30);
    paging_begin(&l, column, count);
    do {
        turn ^= 1;
        arena_reset(&a[turn]);
        code = page(e, query, &a[turn], &l, &err);
    } while (code == METE_OK && l.next.len > 0 && !c->out_failed);
    paging_end(&l);
    arena_clear(&a[0]);
    arena_clear(&a[1]);
    return code == METE_OK ? CLI_OK : cli_fail(c, &err);
}

/* --- points ------------------------------------------------------------------------------------*/

static const struct table_column POINTS[] = {
    {"app", "APP", COLUMN_TEXT},       {"env", "ENV", COLUMN_TEXT},
    {"metric", "METRIC", COLUMN_TEXT}, {"bucket", "BUCKET", COLUMN_TEXT},
    {"tags", "TAGS", COLUMN_TEXT},     {"t", "TIME", COLUMN_TEXT},
    {"v", "VALUE", COLUMN_TEXT},       {"unit", "UNIT", COLUMN_TEXT},
    {"sent_at", NULL, COLUMN_TEXT},    {"received_at", NULL, COLUMN_TEXT}};

static bool point_show(void *arg, const struct kpi_point *p)
{
    struct paging *l = arg;
    if (l->c->json) {
        kpi_json(&l->w, p);
        return !l->c->out_failed;
    }
    struct table *t = rows_next(&l->rows);
    table_text(t, p->app);
    table_text(t, p->env);
    table_text(t, p->metric);
    table_text(t, p->bucket);
    table_text(t, p->tags);
    table_time(t, p->t);
    table_text(t, p->v);
    cell(t, p->unit);
    table_time(t, p->sent_at);
    table_time(t, p->received_at);
    return !l->c->out_failed;
}

static enum mete_code points_page(struct engine *e, void *query, struct arena *a, struct paging *l,
                                  struct mete_err *err)
{
    struct kpi_query *q = query;
    enum mete_code code = kpi_list(e, q, a, point_show, l, &l->next, err);
    q->cursor = l->next;
    return code;
}

static int kpis_run(struct cli *c)
{
    struct engine *e;
    struct kpi_query q = {.app = text_of(cli_option(c, "app")),
                          .metric = text_of(cli_option(c, "metric")),
                          .bucket = text_of(cli_option(c, "bucket")),
                          .env = text_of(cli_option(c, "env")),
                          .limit = PAGE};
    int status = period_read(c, &q.from, &q.until);
    status = status == CLI_OK ? cli_open(c, CLI_READ, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    status = pages_show(c, e, &q, points_page, POINTS, ARRAY_LEN(POINTS));
    engine_close(e);
    return status;
}

static const struct cli_option KPI_OPTIONS[] = {
    {"app", 0, "ID", "of one app"},
    {"metric", 0, "NAME", "of one metric"},
    {"bucket", 0, "LENGTH", "of buckets of this length: 1m, 1h ..."},
    {"env", 0, "ENV", "of one environment: prod, staging or dev"},
    {"from", 0, "TIME", "of buckets from this moment on"},
    {"to", 0, "TIME", "up to and with this moment"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_insights_kpis = {
    .name = "insights kpis",
    .operands = "",
    .summary = "list the points that apps reported",
    .about = "One row for each value of a metric in a bucket of time, by app, metric, bucket,\n"
             "environment, tags and time. They stand beside the log and are no part of it.",
    .option = KPI_OPTIONS,
    .run = kpis_run};

/* --- insight events ----------------------------------------------------------------------------*/

static const struct table_column EVENTS[] = {
    {"app", "APP", COLUMN_TEXT},         {"env", "ENV", COLUMN_TEXT},
    {"t", "TIME", COLUMN_TEXT},          {"event_id", "EVENT", COLUMN_TEXT},
    {"type", "TYPE", COLUMN_TEXT},       {"severity", "SEVERITY", COLUMN_TEXT},
    {"message", "MESSAGE", COLUMN_TEXT}, {"data", NULL, COLUMN_TEXT},
    {"received_at", NULL, COLUMN_TEXT}};

static bool event_show(void *arg, const struct insight *i)
{
    struct paging *l = arg;
    if (l->c->json) {
        insight_json(&l->w, i);
        return !l->c->out_failed;
    }
    struct table *t = rows_next(&l->rows);
    table_text(t, i->app);
    table_text(t, i->env);
    table_time(t, i->t);
    table_text(t, i->id);
    table_text(t, i->type);
    cell(t, i->severity);
    cell(t, i->message);
    cell(t, i->data);
    table_time(t, i->received_at);
    return !l->c->out_failed;
}

static enum mete_code events_page(struct engine *e, void *query, struct arena *a, struct paging *l,
                                  struct mete_err *err)
{
    struct insight_query *q = query;
    enum mete_code code = insight_list(e, q, a, event_show, l, &l->next, err);
    q->cursor = l->next;
    return code;
}

static int events_run(struct cli *c)
{
    struct engine *e;
    struct insight_query q = {.app = text_of(cli_option(c, "app")),
                              .env = text_of(cli_option(c, "env")),
                              .type = text_of(cli_option(c, "type")),
                              .severity = text_of(cli_option(c, "severity")),
                              .limit = PAGE};
    int status = period_read(c, &q.from, &q.until);
    status = status == CLI_OK ? cli_open(c, CLI_READ, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    status = pages_show(c, e, &q, events_page, EVENTS, ARRAY_LEN(EVENTS));
    engine_close(e);
    return status;
}

static const struct cli_option EVENT_OPTIONS[] = {
    {"app", 0, "ID", "of one app"},
    {"type", 0, "TYPE", "of one type"},
    {"severity", 0, "WORD", "of one severity"},
    {"env", 0, "ENV", "of one environment: prod, staging or dev"},
    {"from", 0, "TIME", "from this moment on"},
    {"to", 0, "TIME", "up to and with this moment"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_insights_events = {
    .name = "insights events",
    .operands = "",
    .summary = "list the insight events that apps reported",
    .about = "By app and time. They stand beside the log and are no part of it.",
    .option = EVENT_OPTIONS,
    .run = events_run};
