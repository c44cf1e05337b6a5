/* SPDX-License-Identifier: Apache-2.0
 * Events in: one, an array, NDJSON, the ingest body; an outcome for each, in order. Events out. */
#include "http/desk.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "wire/stream.h"

#include <string.h>

#define ITEMS_MAX 100000u /* of one request */

struct batch {
    struct prepared **item;
    size_t count;
    size_t cap;
    bool single; /* the body was one object, so its outcome is the answer's status */
};

/* --- what a key may say ------------------------------------------------------------------------*/

static enum mete_code producer_check(const struct principal *who, const struct event *event,
                                     struct mete_err *err)
{
    if (who->producer.len > 0 && event->producer.len > 0 &&
        !text_eq(who->producer, event->producer)) {
        return mete_fail(err, METE_PRODUCER_FORBIDDEN, "/source/producer",
                         "this key speaks for %.*s", (int)who->producer.len, who->producer.p);
    }
    if (who->service.len > 0 && event->service.len > 0 && !text_eq(who->service, event->service)) {
        return mete_fail(err, METE_PRODUCER_FORBIDDEN, "/source/service",
                         "this key speaks for the service %.*s", (int)who->service.len,
                         who->service.p);
    }
    if (who->producer.len > 0 && !event_type_allows(event->type, who->producer, who->service)) {
        return mete_fail(err, METE_PRODUCER_FORBIDDEN, "/event_type",
                         "this key's producer may not send %s", event_type_name(event->type));
    }
    return METE_OK;
}

/** Every type names the scope that it needs; a key that is bound to a producer says no more. */
static enum mete_code item_check(const struct principal *who, const struct envelope *env,
                                 struct mete_err *err)
{
    enum scope needed;
    const char *name = event_type_scope(env->event.type);
    if (scope_of(text_of(name), &needed) && !principal_may(who, needed)) {
        return mete_fail(err, METE_FORBIDDEN, "/event_type", "%s needs the scope %s",
                         event_type_name(env->event.type), name);
    }
    return producer_check(who, &env->event, err);
}

/* --- cutting a body into events ----------------------------------------------------------------*/

static struct prepared *batch_add(struct exchange *x, struct batch *b)
{
    if (b->count == b->cap) {
        size_t cap = b->cap == 0 ? 16 : b->cap * 2;
        struct prepared **more = arena_array(&x->arena, cap, sizeof *more);
        if (b->count > 0) {
            memcpy(more, b->item, b->count * sizeof *more);
        }
        b->item = more;
        b->cap = cap;
    }
    return b->item[b->count++] = prepared_new();
}

static void item_prepare(struct exchange *x, struct prepared *p, struct text text,
                         const struct submit_options *o)
{
    const struct mete_err *why;
    struct mete_err err;
    engine_prepare(NULL, p, text, o);
    if (prepared_code(p, &why) == METE_OK &&
        item_check(x->who, prepared_envelope(p), &err) != METE_OK) {
        prepared_refuse(p, &err);
    }
}

static void body_cut(struct exchange *x, struct batch *b, struct stream *s)
{
    struct text text;
    uint64_t offset;
    uint64_t line;
    struct mete_err broken;
    enum stream_item kind;
    stream_push(s, buf_bytes(&x->body), true);
    while (b->count < ITEMS_MAX &&
           (kind = stream_next(s, &text, &offset, &line, &broken)) != STREAM_MORE) {
        const struct submit_options o = {.app_id = stream_app_id(s),
                                         .environment = stream_environment(s)};
        if (kind == STREAM_BROKEN) {
            engine_prepare_broken(batch_add(x, b), text, &broken, &o);
        } else {
            item_prepare(x, batch_add(x, b), text, &o);
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

static void batch_release(struct exchange *x)
{
    const struct batch *b = x->work;
    for (size_t i = 0; i < b->count; i++) {
        prepared_free(b->item[i]);
    }
}

void events_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    struct batch *b = arena_alloc(&x->arena, sizeof *b);
    struct stream *s = stream_new();
    (void)d;
    (void)e;
    x->work = b;
    x->release = batch_release;
    body_cut(x, b, s);
    b->single = b->count == 1 && first_of(buf_text(&x->body)) != '[' && !stream_is_ingest_body(s);
    stream_free(s);
    if (b->count == 0) {
        reply_fail(x, METE_JSON_SYNTAX, NULL, "the body holds no event");
    } else if (b->count == ITEMS_MAX) {
        reply_fail(x, METE_BODY_TOO_LARGE, NULL, "fewer than %u events in one request", ITEMS_MAX);
    }
}

/* --- POST /v1/events ---------------------------------------------------------------------------*/

static void problem_members(struct json_writer *w, const struct submit_result *r)
{
    jw_str(w, "code", mete_code_name(r->err.code));
    jw_str(w, "pointer", r->err.pointer);
    jw_str(w, "message", r->err.text);
}

static void result_write(struct json_writer *w, const struct submit_result *r)
{
    jw_object(w, NULL);
    jw_text(w, "event_id", r->event_id);
    jw_str(w, "status", submit_status_name(r->status));
    if (r->status != SUBMIT_APPLIED && r->status != SUBMIT_DUPLICATE) {
        problem_members(w, r);
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

static unsigned single_status(const struct submit_result *r)
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
    const struct batch *b = x->work;
    struct json_writer w;
    unsigned status = 200;
    (void)d;
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "results");
    for (size_t i = 0; i < b->count; i++) {
        struct submit_result r;
        engine_submit_prepared(e, b->item[i], &r);
        result_write(&w, &r);
        status = b->single ? single_status(&r) : 200;
    }
    jw_end_array(&w);
    log_write(&w, e);
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
        problem_members(w, r);
        jw_end_object(w);
    }
}

void events_ingest(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct batch *b = x->work;
    struct tally t = {0};
    struct json_writer w;
    (void)d;
    jw_init(&t.skipping, &t.skipped, false);
    jw_init(&t.refusing, &t.refused, false);
    jw_array(&t.skipping, NULL);
    jw_array(&t.refusing, NULL);
    for (size_t i = 0; i < b->count; i++) {
        struct submit_result r;
        engine_submit_prepared(e, b->item[i], &r);
        tally_add(&t, i, &r);
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
    char at[TIME_TEXT_MAX];
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
    time_format(row.recorded_at, at);
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_int(&w, "seq", (int64_t)seq);
    jw_str(&w, "recorded_at", at);
    jw_raw(&w, "event", bytes_text(row.event));
    jw_end_object(&w);
}
