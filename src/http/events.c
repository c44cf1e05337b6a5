/* SPDX-License-Identifier: Apache-2.0
 * Events in: one, an array, NDJSON, the ingest body; an outcome for each, in order. Events out. */
#include "http/desk.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "wire/stream.h"

#include <string.h>

#define ITEMS_MAX 100000u

/* One item of the body, cut and checked for form before its book is asked. */
struct item {
    struct prepared *prepared;
    struct text id; /* as far as it could be read */
    bool skipped;   /* the ingest body alone: without id or type */
};

struct batch {
    struct item *item;
    size_t count;
    size_t cap;
    bool single; /* the body was one object */
};

static void batch_add(struct exchange *x, struct batch *b, struct text text,
                      const struct mete_err *broken, const struct submit_options *o)
{
    if (b->count == b->cap) {
        size_t cap = b->cap == 0 ? 16 : b->cap * 2;
        struct item *more = arena_array(&x->arena, cap, sizeof *more);
        if (b->count > 0) {
            memcpy(more, b->item, b->count * sizeof *more);
        }
        b->item = more;
        b->cap = cap;
    }
    struct item *i = &b->item[b->count++];
    i->prepared = prepared_new();
    if (broken != NULL) {
        engine_prepare_broken(i->prepared, text, broken, o);
    } else {
        engine_prepare(NULL, i->prepared, text, o);
    }
}

/** The first character that is no white space. */
static char first_of(struct text body)
{
    for (size_t i = 0; i < body.len; i++) {
        if (strchr(" \t\r\n", body.p[i]) == NULL) {
            return body.p[i];
        }
    }
    return '\0';
}

void events_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    struct batch *b = arena_alloc(&x->arena, sizeof *b);
    struct stream *s = stream_new();
    struct text text;
    uint64_t offset;
    uint64_t line;
    struct mete_err broken;
    (void)d;
    (void)e;
    x->work = b;
    stream_push(s, buf_bytes(&x->body), true);
    for (;;) {
        enum stream_item kind = stream_next(s, &text, &offset, &line, &broken);
        if (kind == STREAM_MORE || b->count == ITEMS_MAX) {
            break;
        }
        struct submit_options o = {.app_id = stream_app_id(s),
                                   .environment = stream_environment(s)};
        batch_add(x, b, text, kind == STREAM_BROKEN ? &broken : NULL, &o);
    }
    b->single = b->count == 1 && first_of(buf_text(&x->body)) == '{' && !stream_is_ingest_body(s);
    stream_free(s);
    if (b->count == 0) {
        reply_fail(x, METE_JSON_SYNTAX, NULL, "the body holds no event");
    }
}

static void result_write(struct json_writer *w, const struct submit_result *r)
{
    jw_object(w, NULL);
    jw_text(w, "event_id", r->event_id);
    jw_str(w, "status", submit_status_name(r->status));
    if (r->status != SUBMIT_APPLIED && r->status != SUBMIT_DUPLICATE) {
        jw_str(w, "code", mete_code_name(r->err.code));
        jw_str(w, "pointer", r->err.pointer);
        jw_str(w, "message", r->err.text);
    }
    jw_end_object(w);
}

static void log_write(struct json_writer *w, struct engine *e)
{
    char root[65];
    struct log_head head = book_head(engine_book(e));
    hash_hex(&head.root, root);
    jw_object(w, "log");
    jw_int(w, "size", (int64_t)head.size);
    jw_str(w, "head", root);
    jw_end_object(w);
}

static void batch_free(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        prepared_free(b->item[i].prepared);
    }
    b->count = 0;
}

static unsigned single_status(enum submit_status status)
{
    return status == SUBMIT_CONFLICT ? 409 : status == SUBMIT_REFUSED ? 422 : 200;
}

void events_post(struct desk *d, struct engine *e, struct exchange *x)
{
    struct batch *b = x->work;
    struct json_writer w;
    unsigned status = 200;
    (void)d;
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "results");
    for (size_t i = 0; i < b->count; i++) {
        struct submit_result r;
        engine_submit_prepared(e, b->item[i].prepared, &r);
        result_write(&w, &r);
        status = b->single ? single_status(r.status) : 200;
    }
    jw_end_array(&w);
    log_write(&w, e);
    jw_end_object(&w);
    x->status = status;
    batch_free(b);
}

void events_ingest(struct desk *d, struct engine *e, struct exchange *x)
{
    events_post(d, e, x);
}

void events_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct log_row row;
    struct json_writer w;
    uint64_t seq = engine_seq_of(e, x->param[0]);
    (void)d;
    if (seq == 0) {
        reply_fail(x, METE_NOT_FOUND, NULL, "no event has this id");
        return;
    }
    if (book_row(engine_book(e), seq, &row, &err) != STORE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_int(&w, "seq", (int64_t)seq);
    jw_raw(&w, "event", bytes_text(row.event));
    jw_end_object(&w);
}
