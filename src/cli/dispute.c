/* SPDX-License-Identifier: Apache-2.0
 * mete dispute: the desk of a supervisor. What is said of a share is an event like any other, with
 * who said it and why; core decides whether it may be said. */
#include "cli/rows.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "engine/own_event.h"
#include "render/render.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- list --------------------------------------------------------------------------------------*/

static const struct table_column COLUMNS[] = {{"allocation_id", "ALLOCATION", COLUMN_TEXT},
                                              {"party", "PARTY", COLUMN_TEXT},
                                              {"state", "STATE", COLUMN_TEXT},
                                              {"asset", NULL, COLUMN_TEXT},
                                              {"amount", "AMOUNT", COLUMN_AMOUNT},
                                              {"held", "HELD", COLUMN_AMOUNT},
                                              {"opened_at", "OPENED", COLUMN_TEXT},
                                              {"auto_clear_after", "CLEARS AFTER", COLUMN_TEXT}};

static bool row_show(void *arg, const struct dispute_row *row)
{
    struct listing *l = arg;
    struct table *t = listing_row(l);
    if (t == NULL) {
        dispute_json(&l->w, row);
        return !l->c->out_failed;
    }
    table_text(t, row->share.id);
    table_text(t, row->share.party);
    table_str(t, row->state);
    table_text(t, asset_label(&l->a, &row->share.asset));
    table_amount(t, row->share.amount, &row->share.asset);
    table_amount(t, row->held, &row->share.asset);
    table_time(t, row->opened_at);
    if (row->clears_at == TIME_NEVER) {
        table_null(t);
    } else {
        table_time(t, row->clears_at);
    }
    return !l->c->out_failed;
}

static enum mete_code list(struct cli *c, struct engine *e, const struct disputes_query *q,
                           struct mete_err *err)
{
    struct listing l;
    char unused[ALLOCATION_CURSOR_MAX];
    listing_begin(&l, c, COLUMNS, ARRAY_LEN(COLUMNS));
    listing_rows(&l, "disputes");
    return listing_end(&l, disputes_list(e, q, row_show, &l, unused, err),
                       "There are no such disputes.");
}

static int list_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct disputes_query q = {.at = TIME_ALWAYS,
                               .party = text_of(cli_option(c, "party")),
                               .policy = text_of(cli_option(c, "policy")),
                               .state = text_of(cli_option(c, "state")),
                               .limit = UINT64_MAX};
    int status = cli_option_time(c, "at", true, &q.at);
    if (status == CLI_OK && q.state.len > 0 && !dispute_state_known(q.state)) {
        status = cli_usage(c,
                           "--state wants open, disputed, escalated, upheld, overridden or "
                           "lapsed, not '%s'",
                           q.state.p);
    }
    status = status == CLI_OK ? cli_open(c, CLI_READ, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    q.at = q.at == TIME_ALWAYS ? engine_now(e) : q.at;
    enum mete_code code = list(c, e, &q, &err);
    engine_close(e);
    return code == METE_OK ? CLI_OK : cli_fail(c, &err);
}

static const struct cli_option LIST_OPTIONS[] = {
    {"party", 0, "PARTY", "only those about shares of this party"},
    {"policy", 0, "ID", "only those about shares of this policy"},
    {"state", 0, "STATE", "open, disputed, escalated, upheld, overridden or lapsed"},
    {"at", 0, "TIME", "as the clock stands then; else now"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_dispute_list = {
    .name = "dispute list",
    .operands = "",
    .summary = "list shares that are or were disputed, and what is held back",
    .option = LIST_OPTIONS,
    .run = list_run};

/* --- show --------------------------------------------------------------------------------------*/

static void text_or_null(struct table *t, struct text value)
{
    if (value.len > 0) {
        table_text(t, value);
    } else {
        table_null(t);
    }
}

static void history_show(struct cli *c, const struct share_history *h)
{
    static const struct table_column columns[] = {
        {"state", "STATE", COLUMN_TEXT},    {"at", "WHEN", COLUMN_TEXT},
        {"event_id", "EVENT", COLUMN_TEXT}, {"actor_id", "SAID BY", COLUMN_TEXT},
        {"reason", "REASON", COLUMN_TEXT},  {"evidence", "EVIDENCE", COLUMN_TEXT}};
    const struct allocation_row *share = &h->row.share;
    struct text amount = amount_label(&c->arena, share->amount, &share->asset);
    cli_heading(c, "%.*s: %.*s of %.*s, %s", (int)share->id.len, share->id.p, (int)amount.len,
                amount.p, (int)share->party.len, share->party.p,
                h->is_disputed ? h->row.state : share->state);
    struct table *t = table_new(columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < h->count; i++) {
        const struct share_step *s = &h->step[i];
        table_str(t, s->state);
        table_time(t, s->at);
        text_or_null(t, s->event_id);
        text_or_null(t, s->actor);
        text_or_null(t, s->is_sealed ? TEXT("(sealed)") : s->reason);
        text_or_null(t, s->evidence);
    }
    cli_table(c, t);
}

static int show_run(struct cli *c)
{
    struct engine *e;
    struct mete_err err;
    struct share_history h;
    struct json_writer w;
    mete_time at = TIME_ALWAYS;
    int status = cli_option_time(c, "at", true, &at);
    status = status == CLI_OK ? cli_open(c, CLI_READ, &e) : status;
    if (status != CLI_OK) {
        return status;
    }
    at = at == TIME_ALWAYS ? engine_now(e) : at;
    enum mete_code code = share_history(e, text_of(c->operand[0]), at, &c->arena, &h, &err);
    if (code == METE_OK && c->json) {
        cli_json_begin(c, &w);
        share_json(&w, &h);
        cli_json_end(c);
    } else if (code == METE_OK) {
        history_show(c, &h);
    }
    engine_close(e);
    return code == METE_OK ? CLI_OK : cli_fail(c, &err);
}

static const struct cli_option SHOW_OPTIONS[] = {
    {"at", 0, "TIME", "as the clock stands then; else now"}, {NULL, 0, NULL, NULL}};

const struct cli_command command_dispute_show = {
    .name = "dispute show",
    .operands = "ALLOCATION",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "show what became of a share: who said what of it, when and why",
    .about = "Reasons and evidence are opened with the key file of the store; without it they\n"
             "stay sealed. Also of a share that was never disputed.",
    .option = SHOW_OPTIONS,
    .run = show_run};

/* --- what supervisors say ----------------------------------------------------------------------*/

struct saying {
    enum event_type type;
    struct text share;
    struct text reason;
    struct text evidence;
    struct text party; /* that gets it */
    struct text actor;
};

/** Who acts: --by, else who is logged in here. */
static struct text actor_of(struct cli *c)
{
    const char *by = cli_option(c, "by");
    struct passwd row, *found = NULL;
    char space[4096];
    if (by == NULL && getpwuid_r(geteuid(), &row, space, sizeof space, &found) == 0 &&
        found != NULL) {
        return arena_printf(&c->arena, "local:%s", row.pw_name);
    }
    return by != NULL ? text_of(by) : TEXT("local");
}

static struct text id_of(struct arena *a, const struct saying *s)
{
    struct buf all = {0};
    char hex[33];
    const struct text part[] = {text_of(event_type_name(s->type)), s->share, s->reason, s->evidence,
                                s->party};
    for (size_t i = 0; i < ARRAY_LEN(part); i++) {
        buf_put_sized(&all, part[i]);
    }
    const struct hash h = sha256(buf_bytes(&all));
    buf_clear(&all);
    hex_encode(hex, (struct bytes){h.b, 16});
    return arena_printf(a, "dispute:%s", hex);
}

/** Said again with the same words it is the same event, of the first time. */
static void event_submit(struct cli *c, struct engine *e, const struct saying *s,
                         struct submit_result *r)
{
    struct own_event event;
    const struct own_head head = {.id = id_of(&c->arena, s), .type = s->type, .actor = s->actor};
    own_event_begin(&event, e, &head);
    jw_text(&event.w, "allocation_id", s->share);
    jw_text(&event.w, "reason", s->reason);
    if (s->evidence.len > 0) {
        jw_text(&event.w, "evidence", s->evidence);
    }
    if (s->party.len > 0) {
        jw_text(&event.w, "reallocate_to", s->party);
    }
    own_event_end(&event, r);
}

static void said_show(struct cli *c, const struct submit_result *r)
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
    cli_print(c, "%s: entry %llu of the log\n", submit_status_name(r->status),
              (unsigned long long)r->seq);
}

static enum mete_code say(struct cli *c, struct engine *e, const struct saying *s,
                          struct mete_err *err)
{
    struct submit_result r;
    event_submit(c, e, s, &r);
    if (r.status != SUBMIT_APPLIED && r.status != SUBMIT_DUPLICATE) {
        *err = r.err;
        return r.err.code;
    }
    r.event_id = arena_text(&c->arena, r.event_id);
    enum mete_code code = engine_commit(e, err);
    if (code == METE_OK) {
        said_show(c, &r);
    }
    return code;
}

static int act_run(struct cli *c, enum event_type type)
{
    struct engine *e;
    struct mete_err err;
    const char *evidence = cli_has_option(c, "evidence") ? cli_option(c, "evidence") : NULL;
    const char *party = cli_has_option(c, "to") ? cli_option(c, "to") : NULL;
    const struct saying s = {.type = type,
                             .share = text_of(c->operand[0]),
                             .reason = text_of(cli_option(c, "reason")),
                             .evidence = text_of(evidence),
                             .party = text_of(party),
                             .actor = actor_of(c)};
    if (s.reason.len == 0) {
        return cli_usage(c, "say why: --reason TEXT");
    }
    int status = cli_open(c, CLI_WRITE, &e);
    if (status != CLI_OK) {
        return status;
    }
    status = say(c, e, &s, &err) == METE_OK ? CLI_OK : cli_fail(c, &err);
    engine_close(e);
    return status;
}

#define SAID                                                                                       \
    {"reason", 0, "TEXT", "why; sealed beside the log"},                                           \
    {                                                                                              \
        "by", 0, "NAME", "who says so; else who is logged in"                                      \
    }
#define EVIDENCE                                                                                   \
    {                                                                                              \
        "evidence", 0, "TEXT", "what shows it; sealed beside the log"                              \
    }

static const struct cli_option PLAIN_OPTIONS[] = {SAID, {NULL, 0, NULL, NULL}};
static const struct cli_option SHOWN_OPTIONS[] = {SAID, EVIDENCE, {NULL, 0, NULL, NULL}};
static const struct cli_option UPHOLD_OPTIONS[] = {
    SAID,
    EVIDENCE,
    {"to", 0, "PARTY", "who has it from now on; else nobody"},
    {NULL, 0, NULL, NULL}};

/* X(symbol, name, type, options, summary) */
#define ACTS(X)                                                                                    \
    X(open, "dispute open", DISPUTED, SHOWN_OPTIONS, "dispute a pending share, which holds it")    \
    X(evidence, "dispute evidence", EVIDENCE_ADDED, SHOWN_OPTIONS, "add evidence to a dispute")    \
    X(escalate, "dispute escalate", ESCALATED, PLAIN_OPTIONS,                                      \
      "take a dispute to the next authority: it no longer clears by itself")                       \
    X(override, "dispute override", OVERRIDDEN, SHOWN_OPTIONS,                                     \
      "end a dispute: the share is clear at once")                                                 \
    X(uphold, "dispute uphold", UPHELD, UPHOLD_OPTIONS,                                            \
      "end a dispute: somebody else has the share, or nobody")

#define X(symbol, words, event, options, what)                                                     \
    static int symbol##_run(struct cli *c)                                                         \
    {                                                                                              \
        return act_run(c, EVENT_ALLOCATION_##event);                                               \
    }                                                                                              \
    const struct cli_command command_dispute_##symbol = {.name = (words),                          \
                                                         .operands = "ALLOCATION",                 \
                                                         .operands_min = 1,                        \
                                                         .operands_max = 1,                        \
                                                         .summary = (what),                        \
                                                         .option = (options),                      \
                                                         .no_csv = true,                           \
                                                         .run = symbol##_run};
ACTS(X)
#undef X
