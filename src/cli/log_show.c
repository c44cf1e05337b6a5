/* SPDX-License-Identifier: Apache-2.0
 * mete log show: the events of the log, in its order, and behind each what follows from it. */
#include "cli/rows.h"

#include "base/text.h"
#include "engine/walk.h"
#include "render/render.h"

#define SEQ_MAX   (UINT64_C(1) << 40)
#define ARENA_MAX ((size_t)1 << 32)

static const struct table_column COLUMNS[] = {
    {"place", "PLACE", COLUMN_TEXT},         {"recorded_at", "RECORDED", COLUMN_TEXT},
    {"occurred_at", NULL, COLUMN_TEXT},      {"event_type", "TYPE", COLUMN_TEXT},
    {"event_id", "EVENT", COLUMN_TEXT},      {"caused_by", "CAUSED BY", COLUMN_TEXT},
    {"campaign_id", "CAMPAIGN", COLUMN_TEXT}};

struct show {
    struct cli *c;
    struct engine *e;
    struct rows rows;
    struct json_writer w;
    struct arena a; /* of one entry */
    struct derived_place last;
    uint64_t left;
    bool some; /* those of `type` alone */
    bool type[EVENT_TYPE_COUNT];
    bool stored; /* nothing that is derived */
    bool full;   /* there is more, and no more is wanted */
    enum mete_code code;
    struct mete_err *err;
};

/** False: no more is wanted. */
static bool take(struct show *s)
{
    s->full = s->left == 0 || s->c->out_failed;
    s->left -= !s->full;
    return !s->full;
}

static void cell(struct table *t, struct text value)
{
    if (value.len > 0) {
        table_text(t, value);
    } else {
        table_null(t);
    }
}

static struct text member(const struct json *tree, const char *object, const char *name)
{
    const struct json *j = json_get(json_get(tree, object), name);
    return j != NULL && j->type == JSON_STRING ? j->text : (struct text){0};
}

static void row_cells(struct show *s, const struct log_row *row, const struct walk_head *head)
{
    char place[DERIVED_PLACE_MAX];
    struct table *t = rows_next(&s->rows);
    table_text(t, (struct text){place, derived_place_format(derived_place_end(row->seq), place)});
    table_time(t, row->recorded_at);
    table_time(t, head->occurred_at);
    table_str(t, event_type_name(head->type));
    table_text(t, head->event_id);
    table_null(t);
    cell(t, member(head->tree, "correlation", "campaign_id"));
}

static void derived_cells(struct show *s, const struct derived *d)
{
    char place[DERIVED_PLACE_MAX];
    struct table *t = rows_next(&s->rows);
    table_text(t, (struct text){place, derived_place_format(d->place, place)});
    table_time(t, d->recorded_at);
    table_time(t, d->occurred_at);
    table_str(t, event_type_name(d->type));
    table_str(t, d->id);
    table_text(t, d->caused_by);
    cell(t, d->campaign_id);
}

static bool derived_show(void *arg, const struct derived *d)
{
    struct show *s = arg;
    if (!s->some || s->type[d->type]) {
        if (!take(s)) {
            return false;
        }
        if (s->c->json) {
            derived_json(&s->w, d);
            jw_spill(&s->w);
        } else {
            derived_cells(s, d);
        }
    }
    s->last = d->place;
    return true;
}

static bool own_show(struct show *s, const struct log_row *row)
{
    struct walk_head head;
    s->code = walk_head_of(&s->a, row->event, &head, s->err);
    if (s->code != METE_OK) {
        return false;
    }
    if (s->some && !s->type[head.type]) {
        return true;
    }
    if (!take(s)) {
        return false;
    }
    if (s->c->json) {
        log_row_json(&s->w, row);
        jw_spill(&s->w);
    } else {
        row_cells(s, row, &head);
    }
    return true;
}

static bool row_show(void *arg, const struct log_row *row)
{
    struct show *s = arg;
    arena_reset(&s->a);
    if (s->last.page == UINT32_MAX || row->seq != s->last.seq) {
        if (!own_show(s, row)) {
            return false;
        }
        s->last = (struct derived_place){.seq = row->seq};
    }
    if (!s->stored && derived_possible(&s->a, row->decision)) {
        s->code = derived_list(s->e, s->last, derived_show, s, s->err);
    }
    if (s->code == METE_OK && !s->full) {
        s->last = derived_place_end(row->seq);
    }
    return s->code == METE_OK && !s->full;
}

static void end_show(struct show *s)
{
    char place[DERIVED_PLACE_MAX];
    struct text next = {place, derived_place_format(s->last, place)};
    if (s->c->json) {
        jw_end_array(&s->w);
        jw_text(&s->w, "next", next);
        jw_bool(&s->w, "more", s->full);
        jw_end_object(&s->w);
        cli_json_end(s->c);
        return;
    }
    rows_end(&s->rows);
    if (s->full) {
        cli_note(s->c, "There is more: --after %s", place);
    }
}

static enum mete_code show(struct show *s)
{
    uint64_t from = s->last.seq + (s->last.page == UINT32_MAX);
    if (s->c->json) {
        cli_json_begin(s->c, &s->w);
        jw_object(&s->w, NULL);
        jw_array(&s->w, "events");
    } else {
        rows_begin(&s->rows, s->c, COLUMNS, ARRAY_LEN(COLUMNS));
    }
    enum mete_code code =
        walk_rows(s->e, from, book_size(engine_book(s->e)) + 1, row_show, s, s->err);
    code = code == METE_OK ? s->code : code;
    end_show(s);
    return code;
}

/* --- the command -------------------------------------------------------------------------------*/

static int options_read(struct cli *c, struct show *s)
{
    const char *after = cli_option(c, "after");
    const char *name;
    s->last = derived_place_end(0);
    s->left = UINT64_MAX;
    s->stored = cli_flag(c, "stored");
    if (after != NULL && !derived_place_read(text_of(after), SEQ_MAX, &s->last)) {
        return cli_usage(c, "--after takes a place as in the first column, not '%s'", after);
    }
    for (int i = 0; (name = cli_option_at(c, "type", i)) != NULL; i++) {
        enum event_type type;
        if (!event_type_of(text_of(name), &type)) {
            return cli_usage(c, "there is no type '%s'; mete events list shows all", name);
        }
        s->type[type] = s->some = true;
    }
    return cli_option_number(c, "limit", 1, INT64_MAX, &s->left);
}

static int show_run(struct cli *c)
{
    struct mete_err err;
    struct show *s = arena_alloc(&c->arena, sizeof *s);
    *s = (struct show){.c = c, .err = &err};
    int status = options_read(c, s);
    status = status == CLI_OK ? cli_open(c, CLI_READ, &s->e) : status;
    if (status != CLI_OK) {
        return status;
    }
    arena_init(&s->a, ARENA_MAX);
    if (show(s) != METE_OK) {
        status = cli_fail(c, &err);
    }
    arena_clear(&s->a);
    engine_close(s->e);
    return status;
}

static const struct cli_option SHOW_OPTIONS[] = {
    {"after", 0, "PLACE", "go on behind this place; else from the beginning"},
    {"limit", 0, "N", "so many at most; else all"},
    {"type", 0, "TYPE", "only events of this type; repeatable"},
    {"stored", 0, NULL, "only what stands in the log, nothing that is derived"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_log_show = {
    .name = "log show",
    .operands = "",
    .summary = "list the events of the log, and what follows from them",
    .about =
        "In the order of the log. Behind an entry stands what mete derives from it, at a place\n"
        "such as 12.0.1: ledger.accrued (what an invoice brought whom), ledger.adjusted (what\n"
        "went back), campaign.completed by the cap or the clock. --json has the events.",
    .option = SHOW_OPTIONS,
    .run = show_run};
