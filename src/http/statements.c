/* SPDX-License-Identifier: Apache-2.0
 * A party's lines, page by page. */
#include "http/desk.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "engine/query.h"

#define LINES_DEFAULT 100u
#define LINES_MAX     1000u

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

static void account_open(void *ctx, const struct statement_account *account)
{
    struct showing *s = ctx;
    jw_object(&s->w, NULL);
    jw_text(&s->w, "asset",
            arena_printf(&s->x->arena, "%s/%u", account->asset.code, account->asset.scale));
    jw_i128(&s->w, "opening", account->opening);
    jw_array(&s->w, "lines");
}

static void account_line(void *ctx, const struct statement_line *line)
{
    struct json_writer *w = &((struct showing *)ctx)->w;
    jw_object(w, NULL);
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

static bool query_read(struct exchange *x, struct statement_query *q)
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
           arg_number(x, "limit", 1, LINES_MAX, &q->limit);
}

void statement_get(struct desk *d, struct engine *e, struct exchange *x)
{
    static const struct statement_sink SINK = {NULL, account_open, account_line, account_close};
    struct showing s = {.x = x};
    struct statement_sink sink = SINK;
    struct statement_pages pages;
    struct mete_err err;
    struct statement_query q = {
        .from = TIME_ALWAYS, .until = TIME_NEVER, .at = engine_now(e), .limit = LINES_DEFAULT};
    (void)d;
    sink.ctx = &s;
    if (!query_read(x, &q)) {
        return;
    }
    reply_json(x, 200, &s.w);
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
