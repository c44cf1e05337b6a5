/* SPDX-License-Identifier: Apache-2.0
 * A party's lines, page by page or all of them. */
#include "http/accept.h"
#include "http/desk.h"
#include "http/pump.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "engine/query.h"

#include <stdio.h>

#define LINES_DEFAULT 100u
#define LINES_MAX     1000u
#define ALL_MAX       (UINT64_C(1) << 40)
#define CACHE_SIZE    ((size_t)8 << 20) /* of the snapshot behind a long answer */

struct showing {
    struct exchange *x;
    struct json_writer w;
};

static void time_member(struct json_writer *w, const char *name, mete_time t)
{
    char text[TIME_TEXT_MAX];
    if (t == TIME_NEVER) {
        jw_null(w, name);
        return;
    }
    time_format(t, text);
    jw_str(w, name, text);
}

static void asset_member(struct json_writer *w, const struct statement_account *account)
{
    char asset[sizeof account->asset.code + 16];
    snprintf(asset, sizeof asset, "%s/%u", account->asset.code, account->asset.scale);
    jw_str(w, "asset", asset);
}

static void account_open(void *ctx, const struct statement_account *account)
{
    struct showing *s = ctx;
    jw_object(&s->w, NULL);
    asset_member(&s->w, account);
    jw_i128(&s->w, "opening", account->opening);
    jw_array(&s->w, "lines");
}

static void line_members(struct json_writer *w, const struct statement_line *line)
{
    jw_int(w, "seq", (int64_t)line->seq);
    time_member(w, "recorded_at", line->recorded_at);
    time_member(w, "occurred_at", line->occurred_at);
    jw_text(w, "event_id", line->event_id);
    jw_str(w, "event_type", line->event_type);
    jw_str(w, "what", line->what);
    if (line->id.len > 0) {
        jw_text(w, "allocation_id", line->id);
    } else {
        jw_null(w, "allocation_id");
    }
    jw_i128(w, "amount", line->amount);
    jw_i128(w, "balance", line->balance);
    jw_str(w, "state", line->state);
    time_member(w, "clears_at", line->clears_at);
}

static void account_line(void *ctx, const struct statement_line *line)
{
    struct json_writer *w = &((struct showing *)ctx)->w;
    jw_object(w, NULL);
    line_members(w, line);
    jw_end_object(w);
}

static void account_close(void *ctx, const struct statement_account *account)
{
    struct json_writer *w = &((struct showing *)ctx)->w;
    jw_end_array(w);
    jw_i128(w, "closing", account->closing);
    jw_int(w, "count", (int64_t)account->lines);
    jw_end_object(w);
}

static void cursor_member(struct json_writer *w, const char *name, const char *cursor)
{
    jw_str(w, name, cursor[0] != '\0' ? cursor : NULL);
}

static bool query_read(struct exchange *x, uint64_t limit_max, struct statement_query *q)
{
    q->party = exchange_query(x, "party");
    q->asset = exchange_query(x, "asset");
    q->after = exchange_query(x, "after");
    if (q->party.len == 0) {
        q->party = x->who->party; /* a key that is bound to one needs to name none */
    }
    if (q->party.len == 0) {
        reply_fail(x, METE_REQUEST_INVALID, NULL, "party says whose statement this is");
        return false;
    }
    return arg_own_party(x, q->party) && arg_time(x, "from", false, &q->from) &&
           arg_time(x, "to", true, &q->until) && arg_time(x, "as_of", true, &q->at) &&
           arg_number(x, "limit", 1, limit_max, &q->limit);
}

static void page_answer(struct engine *e, struct exchange *x)
{
    static const struct statement_sink SINK = {NULL, account_open, account_line, account_close};
    struct showing s = {.x = x};
    struct statement_sink sink = SINK;
    struct statement_pages pages;
    struct mete_err err;
    struct statement_query q = {
        .from = TIME_ALWAYS, .until = TIME_NEVER, .at = engine_now(e), .limit = LINES_DEFAULT};
    sink.ctx = &s;
    if (!query_read(x, LINES_MAX, &q)) {
        return;
    }
    reply_json(x, 200, &s.w);
    reply_header(x, "Vary", text_of("Accept"));
    jw_object(&s.w, NULL);
    jw_text(&s.w, "party", q.party);
    time_member(&s.w, "as_of", q.at);
    jw_array(&s.w, "accounts");
    if (statement_read(e, &q, &sink, &pages, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&s.w);
    cursor_member(&s.w, "next", pages.next);
    cursor_member(&s.w, "last", pages.last);
    jw_end_object(&s.w);
}

/* --- all lines ---------------------------------------------------------------------------------*/

struct lines {
    struct pump *pump;
    struct engine_options o; /* of the snapshot that they are read from */
    struct statement_query q;
    const struct statement_account *account; /* the one that is read */
};

static void lines_open(void *ctx, const struct statement_account *account)
{
    ((struct lines *)ctx)->account = account;
}

static void lines_line(void *ctx, const struct statement_line *line)
{
    struct lines *l = ctx;
    struct json_writer *w = pump_line(l->pump);
    jw_object(w, NULL);
    asset_member(w, l->account);
    line_members(w, line);
    jw_end_object(w);
    (void)!pump_line_end(l->pump); /* the reading looks at l->q.stop */
}

static void lines_nothing(void *ctx, const struct statement_account *account)
{
    (void)ctx;
    (void)account;
}

static void line_nothing(void *ctx, const struct statement_line *line)
{
    (void)ctx;
    (void)line;
}

static enum mete_code lines_run(struct pump *p, void *job, struct mete_err *err)
{
    struct lines *l = job;
    struct engine *e;
    struct statement_pages pages;
    const struct statement_sink sink = {l, lines_open, lines_line, lines_nothing};
    l->pump = p;
    l->q.stop = pump_gone(p);
    enum mete_code code = engine_open(&e, &l->o, err);
    if (code != METE_OK) {
        return code;
    }
    code = statement_read(e, &l->q, &sink, &pages, err);
    engine_close(e);
    return code;
}

/** Reads a line first, so that what is wrong with the question is told as a problem. */
static void lines_answer(struct desk *d, struct engine *e, struct exchange *x)
{
    static const struct statement_sink NOWHERE = {NULL, lines_nothing, line_nothing, lines_nothing};
    struct statement_pages pages;
    struct mete_err err;
    struct statement_query q = {.from = TIME_ALWAYS, .until = TIME_NEVER, .at = engine_now(e)};
    if (!query_read(x, ALL_MAX, &q)) {
        return;
    }
    struct statement_query first = q;
    first.limit = 1;
    if (statement_read(e, &first, &NOWHERE, &pages, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    struct pump *p = pump_new();
    struct arena *a = pump_arena(p);
    struct lines *l = arena_alloc(a, sizeof *l);
    *l = (struct lines){.o = {.store = d->o.store,
                              .book = arena_text(a, text_of(x->who->book)).p,
                              .read_only = true,
                              .cache_size = CACHE_SIZE},
                        .q = q};
    l->q.party = arena_text(a, q.party);
    l->q.asset = arena_text(a, q.asset);
    l->q.after = arena_text(a, q.after);
    pump_answer(p, d, x, lines_run, l);
}

void statement_get(struct desk *d, struct engine *e, struct exchange *x)
{
    static const char *const OFFER[] = {TYPE_JSON, TYPE_NDJSON, NULL};
    if (accept_pick(x, OFFER) == 1) {
        lines_answer(d, e, x);
    } else {
        page_answer(e, x);
    }
}
