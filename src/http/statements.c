/* SPDX-License-Identifier: Apache-2.0
 * A party's lines, page by page or all of them. */
#include "http/accept.h"
#include "http/desk.h"
#include "http/pump.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "render/render.h"

#define LINES_DEFAULT 100u
#define LINES_MAX     1000u
#define ALL_MAX       (UINT64_C(1) << 40)
#define CACHE_SIZE    ((size_t)8 << 20) /* of the snapshot behind a long answer */

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
    struct json_writer w;
    struct statement_pages pages;
    struct mete_err err;
    struct statement_query q = {
        .from = TIME_ALWAYS, .until = TIME_NEVER, .at = engine_now(e), .limit = LINES_DEFAULT};
    if (!query_read(x, LINES_MAX, &q)) {
        return;
    }
    reply_json(x, 200, &w);
    reply_header(x, "Vary", text_of("Accept"));
    const struct statement_sink sink = statement_json_sink(&w);
    statement_json_begin(&w, &q);
    if (statement_read(e, &q, &sink, &pages, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    statement_json_end(&w, &pages);
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
    jw_asset(w, &l->account->asset);
    statement_line_members(w, line);
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
