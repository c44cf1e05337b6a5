/* SPDX-License-Identifier: Apache-2.0
 * The book's events in the order of the log, page by page. */
#include "http/desk.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"
#include "render/render.h"

#define EVENTS_DEFAULT 100u
#define EVENTS_MAX     1000u
#define PAGE_BYTES_MAX ((size_t)8 << 20) /* a page of large events is shorter */

struct page {
    struct json_writer w;
    struct exchange *x;
    uint64_t last;
};

static bool row_write(void *arg, const struct log_row *row)
{
    struct page *p = arg;
    log_row_json(&p->w, row);
    p->last = row->seq;
    return p->x->out.len < PAGE_BYTES_MAX;
}

void feed_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct page p = {.x = x};
    uint64_t size = book_size(engine_book(e));
    uint64_t after = 0;
    uint64_t limit = EVENTS_DEFAULT;
    (void)d;
    if (!arg_number(x, "after", 0, UINT64_C(1) << 40, &after) ||
        !arg_number(x, "limit", 1, EVENTS_MAX, &limit)) {
        return;
    }
    p.last = after;
    reply_json(x, 200, &p.w);
    jw_object(&p.w, NULL);
    jw_array(&p.w, "events");
    if (book_scan_log(engine_book(e), after + 1, after + 1 + limit, row_write, &p, &err) ==
        STORE_FAILED) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&p.w);
    jw_int(&p.w, "next", (int64_t)p.last); /* ask again with it: later, when nothing came */
    jw_bool(&p.w, "more", p.last < size);
    jw_end_object(&p.w);
}
