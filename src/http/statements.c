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

#include <string.h>

#define LINES_DEFAULT 100u
#define LINES_MAX     1000u
#define ALL_MAX       (UINT64_C(1) << 40)
#define CACHE_SIZE    ((size_t)8 << 20) /* of the snapshots behind a long answer */
#define SLICE_LINES   2048u             /* of it: read at once */

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
    if (!arg_own_party(x, q->party) || !arg_time(x, "from", false, &q->from) ||
        !arg_time(x, "to", true, &q->until) || !arg_time(x, "as_of", true, &q->at)) {
        return false;
    }
    q->until += q->until <= TIME_MAX; /* the last moment is part of it */
    return arg_number(x, "limit", 1, limit_max, &q->limit);
}

/** For people: a page that prints, of as many lines as a page of JSON may have. */
static void html_answer(struct engine *e, struct exchange *x)
{
    struct statement_pages pages;
    struct mete_err err;
    struct statement_html h = {.out = &x->out};
    struct statement_query q = {
        .from = TIME_ALWAYS, .until = TIME_NEVER, .at = engine_now(e), .limit = LINES_MAX};
    if (!query_read(x, LINES_MAX, &q)) {
        return;
    }
    reply_body(x, 200, TYPE_HTML, (struct text){0});
    reply_header(x, "Vary", text_of("Accept"));
    reply_page_headers(x);
    const struct statement_sink sink = statement_html_sink(&h);
    statement_html_begin(&h, &q);
    if (statement_read(e, &q, &sink, &pages, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    statement_html_end(&h, &pages);
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
    struct engine_options o; /* of the snapshots that they are read from */
    struct statement_query q;
    const struct statement_account *account; /* the one that is read */
    uint64_t left;                           /* lines that are still wanted */
    char after[STATEMENT_CURSOR_MAX];        /* where the next ones begin; q.after points here */
    bool more;
    struct buf slice; /* read and not sent yet */
};

static void lines_open(void *ctx, const struct statement_account *account)
{
    ((struct lines *)ctx)->account = account;
}

static void lines_line(void *ctx, const struct statement_line *line)
{
    struct lines *l = ctx;
    struct json_writer w;
    jw_init(&w, &l->slice, false);
    jw_object(&w, NULL);
    jw_asset(&w, &l->account->asset);
    statement_line_members(&w, line);
    jw_end_object(&w);
    buf_put_u8(&l->slice, '\n');
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

static enum mete_code slice_read(struct lines *l, struct engine *e, struct mete_err *err)
{
    const struct statement_sink sink = {l, lines_open, lines_line, lines_nothing};
    struct statement_pages pages;
    l->q.limit = l->left < SLICE_LINES ? l->left : SLICE_LINES;
    buf_reset(&l->slice);
    enum mete_code code = statement_read(e, &l->q, &sink, &pages, err);
    l->left -= l->q.limit;
    l->more = code == METE_OK && l->left > 0 && pages.next[0] != '\0';
    memcpy(l->after, pages.next, sizeof l->after);
    l->q.after = text_of(l->after);
    return code;
}

/** All lines that the log has at the beginning. While the client takes its time no snapshot is held
 *  for it: that would keep the store from clearing away what was written since. */
static enum mete_code lines_send(struct lines *l, struct engine *e, struct pump *p,
                                 struct mete_err *err)
{
    enum mete_code code = METE_OK;
    bool wanted = true;
    l->q.size = book_size(engine_book(e));
    for (l->more = true; l->more && wanted && code == METE_OK;) {
        code = slice_read(l, e, err);
        bool rests = l->more && engine_rest(e);
        wanted = code == METE_OK && pump_put(p, buf_text(&l->slice));
        if (wanted && rests) {
            code = engine_wake(e, err);
        }
    }
    return code;
}

static enum mete_code lines_run(struct pump *p, void *job, struct mete_err *err)
{
    struct lines *l = job;
    struct engine *e;
    l->q.stop = pump_gone(p);
    l->q.no_last = true;
    l->left = l->q.limit != 0 ? l->q.limit : UINT64_MAX;
    enum mete_code code = engine_open(&e, &l->o, err);
    if (code == METE_OK) {
        code = lines_send(l, e, p, err);
        engine_close(e);
    }
    buf_clear(&l->slice);
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
                              .cache_size = CACHE_SIZE,
                              .strict_cache = true},
                        .q = q};
    l->q.party = arena_text(a, q.party);
    l->q.asset = arena_text(a, q.asset);
    l->q.after = arena_text(a, q.after);
    pump_answer(p, d, x, lines_run, l);
}

void statement_get(struct desk *d, struct engine *e, struct exchange *x)
{
    static const char *const OFFER[] = {TYPE_JSON, TYPE_NDJSON, "text/html", NULL};
    switch (accept_pick(x, OFFER)) {
    case 1:
        lines_answer(d, e, x);
        break;
    case 2:
        html_answer(e, x);
        break;
    default:
        page_answer(e, x);
    }
}
