/* SPDX-License-Identifier: Apache-2.0
 * The book's events in the order of the log: page by page, all at once as lines, or as they come.
 */
#include "http/feed.h"

#include "base/text.h"
#include "http/accept.h"
#include "http/desk.h"
#include "http/pump.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"
#include "http/sse.h"
#include "render/render.h"

#define EVENTS_DEFAULT 100u
#define EVENTS_MAX     1000u
#define CURSOR_MAX     (UINT64_C(1) << 40)
#define PAGE_BYTES_MAX ((size_t)8 << 20) /* a page of large events is shorter */
#define SLICE_ROWS     4096u             /* of a long answer: read at once */

struct page {
    struct json_writer w;
    struct exchange *x;
    uint64_t last;
};

/* What is asked for; limit 0: all. */
struct feed_query {
    uint64_t after;
    uint64_t limit;
    uint64_t until; /* seq; what stood in the log at ?as_of= is before it */
};

static bool query_read(struct engine *e, struct exchange *x, uint64_t limit_max,
                       struct feed_query *q)
{
    mete_time as_of = TIME_NEVER;
    q->until = book_size(engine_book(e)) + 1;
    if (!arg_number(x, "after", 0, CURSOR_MAX, &q->after) ||
        !arg_number(x, "limit", 1, limit_max, &q->limit) || !arg_time(x, "as_of", true, &as_of)) {
        return false;
    }
    if (as_of <= TIME_MAX) {
        q->until = book_seq_at(engine_book(e), as_of + 1);
    }
    return true;
}

/* --- a page ------------------------------------------------------------------------------------*/

static bool row_write(void *arg, const struct log_row *row)
{
    struct page *p = arg;
    log_row_json(&p->w, row);
    p->last = row->seq;
    return p->x->out.len < PAGE_BYTES_MAX;
}

static void page_answer(struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct feed_query q = {.limit = EVENTS_DEFAULT};
    struct page p = {.x = x};
    if (!query_read(e, x, EVENTS_MAX, &q)) {
        return;
    }
    uint64_t until = q.after + 1 + q.limit < q.until ? q.after + 1 + q.limit : q.until;
    p.last = q.after;
    reply_json(x, 200, &p.w);
    reply_header(x, "Vary", text_of("Accept"));
    jw_object(&p.w, NULL);
    jw_array(&p.w, "events");
    if (book_scan_log(engine_book(e), q.after + 1, until, row_write, &p, &err) == STORE_FAILED) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&p.w);
    jw_int(&p.w, "next", (int64_t)p.last); /* ask again with it: later, when nothing came */
    jw_bool(&p.w, "more", p.last + 1 < q.until);
    jw_end_object(&p.w);
}

/* --- lines -------------------------------------------------------------------------------------*/

struct lines {
    struct pump *pump;
    const char *store;
    struct text book;
    uint64_t next;
    uint64_t until;
    bool wanted;
};

static bool row_line(void *arg, const struct log_row *row)
{
    struct lines *l = arg;
    log_row_json(pump_line(l->pump), row);
    l->wanted = pump_line_end(l->pump);
    l->next = row->seq + 1;
    return l->wanted;
}

/** What stands in the log stays as it is, so a slice at a time is as good as one snapshot, and no
 *  snapshot is held while a client takes its time. */
static enum mete_code slice_read(struct lines *l, struct store *store, struct mete_err *err)
{
    struct book *book;
    uint64_t until = l->next + SLICE_ROWS < l->until ? l->next + SLICE_ROWS : l->until;
    enum mete_code code = book_open_log(&book, store, l->book, err);
    if (code != METE_OK) {
        return code;
    }
    if (book_scan_log(book, l->next, until, row_line, l, err) == STORE_FAILED) {
        code = err->code;
    }
    book_close(book);
    return code;
}

static enum mete_code lines_run(struct pump *p, void *job, struct mete_err *err)
{
    struct lines *l = job;
    struct store *store;
    const struct store_options so = {
        .read_only = true, .cache_size = 1 << 20, .strict_cache = true};
    enum mete_code code = store_open(&store, l->store, &so, err);
    if (code != METE_OK) {
        return code;
    }
    l->pump = p;
    l->wanted = true;
    while (code == METE_OK && l->wanted && l->next < l->until) {
        code = slice_read(l, store, err);
    }
    store_close(store);
    return code;
}

static void lines_answer(struct desk *d, struct engine *e, struct exchange *x)
{
    struct feed_query q = {.limit = 0};
    if (!query_read(e, x, CURSOR_MAX, &q)) {
        return;
    }
    struct pump *p = pump_new();
    struct lines *l = arena_alloc(pump_arena(p), sizeof *l);
    uint64_t until = q.limit != 0 ? q.after + 1 + q.limit : q.until;
    *l = (struct lines){.store = d->o.store,
                        .book = arena_text(pump_arena(p), text_of(x->who->book)),
                        .next = q.after + 1,
                        .until = until < q.until ? until : q.until};
    pump_answer(p, d, x, lines_run, l);
}

/* --- as they come ------------------------------------------------------------------------------*/

/** Last-Event-ID says it better than the address, which stays what it was when the client first
 *  came. */
static bool place_read(struct exchange *x, uint64_t *after)
{
    struct text last = exchange_header(x, "Last-Event-ID");
    if (exchange_query(x, "limit").p != NULL || exchange_query(x, "as_of").p != NULL) {
        reply_fail(x, METE_REQUEST_INVALID, NULL,
                   "events as they come have no limit and no as_of: ask for application/x-ndjson");
        return false;
    }
    if (last.len == 0) { /* an empty one is none, says the standard */
        return arg_number(x, "after", 0, CURSOR_MAX, after);
    }
    if (!text_number(last, 0, CURSOR_MAX, after)) {
        reply_fail(x, METE_REQUEST_INVALID, NULL,
                   "Last-Event-ID is the id of an event of this stream, a number");
        return false;
    }
    return true;
}

void feed_get(struct desk *d, struct engine *e, struct exchange *x)
{
    static const char *const OFFER[] = {TYPE_JSON, TYPE_EVENTS, TYPE_NDJSON, NULL};
    uint64_t after = 0;
    switch (accept_pick(x, OFFER)) {
    case 1:
        if (place_read(x, &after)) {
            feed_follow(d, x, after);
        }
        break;
    case 2:
        lines_answer(d, e, x);
        break;
    default:
        page_answer(e, x);
    }
}
