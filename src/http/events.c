/* SPDX-License-Identifier: Apache-2.0
 * Events in: one, an array, NDJSON, the ingest body; an outcome for each, in order. Events out. */
#include "http/events.h"

#include "http/desk.h"
#include "http/reply.h"
#include "http/routes.h"
#include "http/submission.h"

#include "base/text.h"
#include "render/render.h"
#include "wire/stream.h"

#include <string.h>

/* --- cutting a body into events ----------------------------------------------------------------*/

static void body_cut(struct exchange *x, const struct submission *b, struct stream *s)
{
    struct text text;
    uint64_t offset;
    uint64_t line;
    struct mete_err broken;
    enum stream_item kind;
    stream_push(s, buf_bytes(&x->body), true);
    while (b->count < EVENTS_ITEMS_MAX &&
           (kind = stream_next(s, &text, &offset, &line, &broken)) != STREAM_MORE) {
        const struct submit_options o = {.app_id = stream_app_id(s),
                                         .environment = stream_environment(s)};
        if (kind == STREAM_BROKEN) {
            submission_broken(x, text, &broken, &o);
        } else {
            submission_text(x, text, &o);
        }
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
    struct submission *b = submission_new(x);
    struct stream *s = stream_new();
    bool *single = arena_alloc(&x->arena, sizeof *single);
    (void)d;
    (void)e;
    body_cut(x, b, s);
    *single = b->count == 1 && first_of(buf_text(&x->body)) != '[' && !stream_is_ingest_body(s);
    b->more = single;
    stream_free(s);
    if (b->count == 0) {
        reply_fail(x, METE_JSON_SYNTAX, NULL, "the body holds no event");
    } else if (b->count == EVENTS_ITEMS_MAX) {
        reply_fail(x, METE_BODY_TOO_LARGE, NULL, "fewer than %u events in one request",
                   EVENTS_ITEMS_MAX);
    }
}

/* --- POST /v1/events ---------------------------------------------------------------------------*/

unsigned events_single_status(const struct submit_result *r)
{
    switch (r->status) {
    case SUBMIT_CONFLICT:
        return 409;
    case SUBMIT_REFUSED:
        return mete_code_status(r->err.code) == 403 ? 403 : 422;
    case SUBMIT_APPLIED:
    case SUBMIT_DUPLICATE:
    case SUBMIT_WAITING:
    case SUBMIT_FAILED:
        break;
    }
    return 200;
}

void events_post(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct submission *b = x->work;
    const bool *single = b->more; /* the body was one object: its outcome is the answer's status */
    struct json_writer w;
    unsigned status = 200;
    (void)d;
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "results");
    for (size_t i = 0; i < b->count; i++) {
        const struct submit_result *r = submission_run(e, x, i);
        submission_result_write(&w, r);
        status = *single ? events_single_status(r) : 200;
    }
    jw_end_array(&w);
    submission_log_write(&w, e);
    jw_end_object(&w);
    x->status = status;
}

/* --- POST /api/economic/events/ingest ----------------------------------------------------------*/

struct tally {
    uint64_t inserted;
    uint64_t duplicates;
    struct buf skipped;
    struct buf refused;
    struct json_writer skipping;
    struct json_writer refusing;
};

/** Events without id or type are skipped, here and only here. */
static bool is_skipped(const struct submit_result *r)
{
    return r->status == SUBMIT_REFUSED && r->err.code == METE_MEMBER_MISSING &&
           (strcmp(r->err.pointer, "/event_id") == 0 || strcmp(r->err.pointer, "/event_type") == 0);
}

static void tally_add(struct tally *t, size_t index, const struct submit_result *r)
{
    bool skipped = is_skipped(r);
    if (r->status == SUBMIT_APPLIED || r->status == SUBMIT_WAITING) {
        t->inserted++;
    } else if (r->status == SUBMIT_DUPLICATE) {
        t->duplicates++;
    } else {
        struct json_writer *w = skipped ? &t->skipping : &t->refusing;
        jw_object(w, NULL);
        jw_int(w, "index", (int64_t)index);
        jw_text(w, "event_id", r->event_id);
        why_members(w, &r->err);
        jw_end_object(w);
    }
}

void events_ingest(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct submission *b = x->work;
    struct tally t = {0};
    struct json_writer w;
    (void)d;
    jw_init(&t.skipping, &t.skipped, false);
    jw_init(&t.refusing, &t.refused, false);
    jw_array(&t.skipping, NULL);
    jw_array(&t.refusing, NULL);
    for (size_t i = 0; i < b->count; i++) {
        tally_add(&t, i, submission_run(e, x, i));
    }
    jw_end_array(&t.skipping);
    jw_end_array(&t.refusing);
    reply_json(x, 202, &w);
    jw_object(&w, NULL);
    jw_int(&w, "inserted", (int64_t)t.inserted);
    jw_int(&w, "duplicates", (int64_t)t.duplicates);
    jw_raw(&w, "skipped", buf_text(&t.skipped));
    jw_raw(&w, "refused", buf_text(&t.refused));
    jw_end_object(&w);
    buf_clear(&t.skipped);
    buf_clear(&t.refused);
}

/* --- GET /v1/events/{event_id} -----------------------------------------------------------------*/

void events_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct log_row row;
    struct json_writer w;
    uint64_t seq = engine_seq_of(e, x->param[0]);
    (void)d;
    if (seq == 0) {
        reply_fail(x, METE_NOT_FOUND, NULL, "no event of this book has this id");
        return;
    }
    if (book_row(engine_book(e), seq, &row, &err) != STORE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    log_row_json(&w, &row);
}
