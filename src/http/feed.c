/* SPDX-License-Identifier: Apache-2.0
 * The book's events in the order of the log, each followed by what follows from it: page by page,
 * all at once as lines, or as they come. */
#include "http/feed.h"

#include "base/text.h"
#include "engine/walk.h"
#include "http/accept.h"
#include "http/desk.h"
#include "http/log_pages.h"
#include "http/pump.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"
#include "http/snapshots.h"
#include "http/sse.h"
#include "render/render.h"
#include "store/event_id.h"

#define EVENTS_DEFAULT 100u
#define EVENTS_MAX     1000u
#define CURSOR_MAX     (UINT64_C(1) << 40)
#define PAGE_BYTES_MAX ((size_t)8 << 20) /* a page of large events is shorter */
#define SLICE_ROWS     4096u             /* of a long answer: read at once */
#define LOOK_MAX       10000u            /* rows that are looked at for a page of some types */
#define DECISION_MAX   ((size_t)1 << 30)

/* What is asked for. */
struct feed_query {
    struct derived_place after;
    uint64_t limit; /* 0: all */
    uint64_t until; /* seq; what stood in the log at ?as_of= is before it */
    bool derived;   /* also what follows from events */
    bool some;      /* those of `type` alone */
    bool type[EVENT_TYPE_COUNT];
};

/* --- the query ---------------------------------------------------------------------------------*/

static bool after_read(struct exchange *x, struct derived_place *after)
{
    struct text given = exchange_query(x, "after");
    *after = derived_place_end(0);
    if (given.p == NULL || derived_place_read(given, CURSOR_MAX, after)) {
        return true;
    }
    reply_fail(x, METE_REQUEST_INVALID, NULL,
               "after is the next of a page: a number from 0 to %llu, or three of them with points",
               (unsigned long long)CURSOR_MAX);
    return false;
}

static bool types_read(struct exchange *x, struct feed_query *q)
{
    struct text rest = exchange_query(x, "type");
    q->some = rest.p != NULL;
    while (rest.len > 0) {
        enum event_type type;
        size_t len = 0;
        while (len < rest.len && rest.p[len] != ',') {
            len++;
        }
        if (!event_type_of((struct text){rest.p, len}, &type)) {
            reply_fail(x, METE_REQUEST_INVALID, NULL,
                       "type is a list of event types with commas between them; \"%.*s\" is none",
                       (int)(len < 60 ? len : 60), rest.p);
            return false;
        }
        q->type[type] = true;
        len += len < rest.len;
        rest = (struct text){rest.p + len, rest.len - len};
    }
    return true;
}

/** "derived=false" or 0; what is neither that nor the opposite is refused. */
static bool derived_read(struct exchange *x, bool *derived)
{
    struct text given = exchange_query(x, "derived");
    bool no = text_is(given, "false") || text_is(given, "0");
    *derived = !no;
    if (given.p == NULL || no || text_is(given, "true") || text_is(given, "1")) {
        return true;
    }
    reply_fail(x, METE_REQUEST_INVALID, NULL, "derived is true or false");
    return false;
}

static bool query_read(struct engine *e, struct exchange *x, uint64_t limit_max,
                       struct feed_query *q)
{
    mete_time as_of = TIME_NEVER;
    q->until = book_size(engine_book(e)) + 1;
    if (!after_read(x, &q->after) || !arg_number(x, "limit", 1, limit_max, &q->limit) ||
        !arg_time(x, "as_of", true, &as_of) || !types_read(x, q) || !derived_read(x, &q->derived)) {
        return false;
    }
    if (as_of <= TIME_MAX) {
        q->until = book_seq_at(engine_book(e), as_of + 1);
    }
    return true;
}

static bool is_within(struct derived_place p)
{
    return p.page != UINT32_MAX;
}

/** The row of which something is still to be shown. */
static uint64_t first_row(const struct feed_query *q)
{
    return q->after.seq + !is_within(q->after);
}

static bool row_wanted(const struct feed_query *q, const struct log_row *row)
{
    struct buf room = {0};
    struct text name;
    enum event_type type;
    bool wanted = !q->some || (event_member_of(row->event, "event_type", &room, &name) &&
                               event_type_of(name, &type) && q->type[type]);
    buf_clear(&room);
    return wanted;
}

static bool follows(const struct feed_query *q, const struct log_row *row)
{
    struct arena a;
    if (!q->derived) {
        return false;
    }
    arena_init(&a, DECISION_MAX);
    bool possible = derived_possible(&a, row->decision);
    arena_clear(&a);
    return possible;
}

/* --- a page ------------------------------------------------------------------------------------*/

struct page {
    struct json_writer w;
    struct exchange *x;
    struct engine *e;
    const struct feed_query *q;
    struct derived_place last; /* that was written or passed over */
    uint64_t left;
    bool full; /* there is more, and no room for it */
    enum mete_code code;
    struct mete_err *err;
};

/** False: there is no room for one more. */
static bool room_take(struct page *p)
{
    p->full = p->left == 0 || p->x->out.len >= PAGE_BYTES_MAX;
    p->left -= !p->full;
    return !p->full;
}

static bool derived_write(void *arg, const struct derived *d)
{
    struct page *p = arg;
    if (!p->q->some || p->q->type[d->type]) {
        if (!room_take(p)) {
            return false;
        }
        derived_json(&p->w, d);
    }
    p->last = d->place;
    return true;
}

static bool row_write(void *arg, const struct log_row *row)
{
    struct page *p = arg;
    if (!is_within(p->last) || row->seq != p->last.seq) {
        if (row_wanted(p->q, row)) {
            if (!room_take(p)) {
                return false;
            }
            log_row_json(&p->w, row);
        }
        p->last = (struct derived_place){.seq = row->seq};
    }
    if (follows(p->q, row)) {
        p->code = derived_list(p->e, p->last, derived_write, p, p->err);
    }
    if (p->code == METE_OK && !p->full) {
        p->last = derived_place_end(row->seq);
    }
    return p->code == METE_OK && !p->full;
}

/** Ask again with it: later, when nothing came. A number at the end of an entry. */
static void place_write(struct json_writer *w, const char *key, struct derived_place p)
{
    char text[DERIVED_PLACE_MAX];
    struct text place = {text, derived_place_format(p, text)};
    if (is_within(p)) {
        jw_text(w, key, place);
    } else {
        jw_raw(w, key, place);
    }
}

static void page_answer(struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct feed_query q = {.limit = EVENTS_DEFAULT};
    if (!query_read(e, x, EVENTS_MAX, &q)) {
        return;
    }
    struct page p = {.x = x, .e = e, .q = &q, .last = q.after, .left = q.limit, .err = &err};
    uint64_t from = first_row(&q);
    uint64_t look = q.some ? LOOK_MAX : q.limit + is_within(q.after);
    uint64_t until = from + look < q.until ? from + look : q.until;
    reply_json(x, 200, &p.w);
    reply_header(x, "Vary", text_of("Accept"));
    jw_object(&p.w, NULL);
    jw_array(&p.w, "events");
    enum mete_code code = walk_rows(e, from, until, row_write, &p, &err);
    if (code != METE_OK || p.code != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&p.w);
    place_write(&p.w, "next", p.last);
    jw_bool(&p.w, "more", p.full || p.last.seq + 1 < q.until);
    jw_end_object(&p.w);
}

/* --- lines -------------------------------------------------------------------------------------*/

struct lines {
    struct pump *pump;
    struct desk *d;
    struct text book;
    struct feed_query q;
    struct derived_place last;
    uint64_t left;
    bool follows; /* something may follow from the last row */
    bool wanted;
};

/** False: no more lines are wanted. */
static bool line_room(struct lines *l)
{
    l->wanted = l->wanted && l->left > 0;
    l->left -= l->wanted;
    return l->wanted;
}

static bool derived_line(void *arg, const struct derived *d)
{
    struct lines *l = arg;
    if (!l->q.some || l->q.type[d->type]) {
        if (!line_room(l)) {
            return false;
        }
        derived_json(pump_line(l->pump), d);
        l->wanted = pump_line_end(l->pump);
    }
    l->last = d->place;
    return l->wanted;
}

static bool row_line(void *arg, const struct log_row *row)
{
    struct lines *l = arg;
    if (!is_within(l->last) || row->seq != l->last.seq) {
        if (row_wanted(&l->q, row)) {
            if (!line_room(l)) {
                return false;
            }
            log_row_json(pump_line(l->pump), row);
            l->wanted = pump_line_end(l->pump);
        }
        l->last = (struct derived_place){.seq = row->seq};
    }
    l->follows = follows(&l->q, row);
    if (!l->follows) {
        l->last = derived_place_end(row->seq);
    }
    return l->wanted && !l->follows;
}

/** What follows from the row that was read last. */
static enum mete_code follow_read(struct lines *l, struct engine **e, struct mete_err *err)
{
    uint64_t seq = l->last.seq;
    *e = *e != NULL ? *e : snapshots_take(l->d->snapshots, l->book.p, err);
    enum mete_code code = *e != NULL ? derived_list(*e, l->last, derived_line, l, err) : err->code;
    if (l->wanted) {
        l->last = derived_place_end(seq);
    }
    return code;
}

/** What stands in the log stays as it is, so a slice at a time is as good as one snapshot, and no
 *  snapshot is held while a client takes its time. */
static enum mete_code slice_read(struct lines *l, struct store *store, struct mete_err *err)
{
    struct book *book;
    struct engine *e = NULL;
    uint64_t from = l->last.seq + !is_within(l->last);
    uint64_t until = from + SLICE_ROWS < l->q.until ? from + SLICE_ROWS : l->q.until;
    enum mete_code code = book_open_log(&book, store, l->book, err);
    if (code != METE_OK) {
        return code;
    }
    while (code == METE_OK && l->wanted && from < until) {
        l->follows = false;
        if (book_scan_log(book, from, until, row_line, l, err) == STORE_FAILED) {
            code = err->code;
        } else if (l->wanted && l->follows) {
            code = follow_read(l, &e, err);
        }
        from = l->last.seq + 1;
    }
    snapshots_give(l->d->snapshots, e);
    book_close(book);
    return code;
}

static enum mete_code lines_run(struct pump *p, void *job, struct mete_err *err)
{
    struct lines *l = job;
    struct store *store;
    const struct store_options so = {
        .read_only = true, .cache_size = 1 << 20, .strict_cache = true};
    enum mete_code code = store_open(&store, l->d->o.store, &so, err);
    if (code != METE_OK) {
        return code;
    }
    l->pump = p;
    l->wanted = true;
    while (code == METE_OK && l->wanted && l->last.seq + !is_within(l->last) < l->q.until) {
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
    *l = (struct lines){.d = d,
                        .book = arena_text(pump_arena(p), text_of(x->who->book)),
                        .q = q,
                        .last = q.after,
                        .left = q.limit != 0 ? q.limit : UINT64_MAX};
    pump_answer(p, d, x, lines_run, l);
}

/* --- as they come ------------------------------------------------------------------------------*/

static void wish_of(struct log_wish *wish, struct derived_place p, struct text mark)
{
    wish->after = p.seq;
    if (p.seq != 0) {
        (void)text_copy(wish->mark, sizeof wish->mark, mark);
    }
}

/** Last-Event-ID says it better than the address, which stays what it was when the client first
 *  came. It names an event, and more may follow from the same entry; `after` may name the end of
 * one. */
static bool place_read(struct exchange *x, struct log_wish *wish)
{
    struct text last = exchange_header(x, "Last-Event-ID");
    struct derived_place p;
    char mark[DERIVED_PLACE_MAX];
    if (exchange_query(x, "limit").p != NULL || exchange_query(x, "as_of").p != NULL ||
        exchange_query(x, "type").p != NULL) {
        reply_fail(x, METE_REQUEST_INVALID, NULL,
                   "events as they come have no limit, no as_of and no type: ask for "
                   "application/x-ndjson, or look at the event's name");
        return false;
    }
    if (last.len == 0) { /* an empty one is none, says the standard */
        bool fine = after_read(x, &p);
        bool entry = p.page == 0 && p.index == 0; /* "12.0.0": the event of entry 12 is "12" */
        struct derived_place shown = entry ? derived_place_end(p.seq) : p;
        size_t len = derived_place_format(shown, mark);
        wish_of(wish, p, is_within(p) ? (struct text){mark, len} : (struct text){0});
        return fine;
    }
    if (!derived_place_read(last, CURSOR_MAX, &p)) {
        reply_fail(x, METE_REQUEST_INVALID, NULL,
                   "Last-Event-ID is the id of an event of this stream, a number or three of them "
                   "with points");
        return false;
    }
    wish_of(wish, p, (struct text){mark, derived_place_format(p, mark)});
    return true;
}

void feed_get(struct desk *d, struct engine *e, struct exchange *x)
{
    static const char *const OFFER[] = {TYPE_JSON, TYPE_EVENTS, TYPE_NDJSON, NULL};
    struct log_wish wish = {0};
    bool derived = true;
    switch (accept_pick(x, OFFER)) {
    case 1:
        if (place_read(x, &wish) && derived_read(x, &derived)) {
            wish.own_only = !derived;
            feed_follow(d, x, &wish);
        }
        break;
    case 2:
        lines_answer(d, e, x);
        break;
    default:
        page_answer(e, x);
    }
}
