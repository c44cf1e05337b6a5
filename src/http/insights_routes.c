/* SPDX-License-Identifier: Apache-2.0
 * What apps report of themselves, in and out. A body is read before the thread changes; what of it
 * is good is kept in one group, what is not is told item by item. */
#include "http/desk.h"
#include "http/insights.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "core/key.h"
#include "engine/insights.h"
#include "render/render.h"

#define PAGE_DEFAULT 100u
#define PAGE_MAX     1000u

/* --- who may -----------------------------------------------------------------------------------*/

/** Apps report themselves, and the services that look at them. */
static enum mete_code producer_check(const struct principal *who, struct mete_err *err)
{
    bool control = text_is(who->producer, "control_plane");
    bool service = who->service.len == 0 || text_is(who->service, "insights") ||
                   text_is(who->service, "validationengine");
    if (who->producer.len == 0 || text_is(who->producer, "runtime") || (control && service)) {
        return METE_OK;
    }
    return mete_fail(err, METE_PRODUCER_FORBIDDEN, NULL,
                     "this key's producer reports no insights: a runtime does, and of the control "
                     "plane insights and validationengine");
}

/** The party that an app is registered to. */
static bool app_is_of(struct engine *e, struct text app, struct text party)
{
    struct bytes value;
    struct mete_err unused;
    struct text owner;
    const struct view *view = engine_view(e);
    struct key key = key_text(KEY_APP, app);
    if (text_eq(app, party)) {
        return true;
    }
    if (book_get(engine_book(e), key_bytes(&key), &value, &unused) != STORE_OK) {
        return false;
    }
    struct reader r = reader_of(value);
    return view_party_id(view, (uint32_t)read_varint(&r), &owner) == VIEW_FOUND &&
           text_eq(owner, party);
}

/** A key that is bound to a party speaks for its apps alone. */
static bool app_is_own(struct engine *e, struct exchange *x, struct text app)
{
    if (x->who->party.len == 0 || app_is_of(e, app, x->who->party)) {
        return true;
    }
    reply_fail(x, METE_APP_MISMATCH, "/appId",
               "this key speaks for the app %.*s, and for those that app.registered gave it",
               (int)x->who->party.len, x->who->party.p);
    return false;
}

/* --- taking in, the first half -----------------------------------------------------------------*/

/** x->work of a report. */
struct report_in {
    struct insight_body body;
    struct insights *all;
    size_t rows;
};

static void report_release(struct exchange *x)
{
    const struct report_in *in = x->work;
    insights_leave(in->all, in->rows);
}

typedef enum mete_code body_read(struct arena *a, struct text json, const struct insight_options *o,
                                 struct insight_body *out, struct mete_err *err);

static void report_prepare(struct desk *d, struct exchange *x, body_read *read)
{
    struct mete_err err;
    struct report_in *in = arena_alloc(&x->arena, sizeof *in);
    const struct insight_options o = {.app = exchange_header(x, "X-Mozaiks-App-Id"),
                                      .now = x->began_at,
                                      .oldest = insights_oldest(d->insights, x->began_at)};
    enum mete_code code = producer_check(x->who, &err);
    if (code == METE_OK && !insights_has_room(d->insights)) { /* reading it would cost more */
        code = mete_fail(&err, METE_OVERLOADED, NULL, "other reports are at work");
    }
    code = code == METE_OK ? read(&x->arena, buf_text(&x->body), &o, &in->body, &err) : code;
    if (code == METE_OK && in->body.count == 0) { /* nothing of it is good */
        err = in->body.flaw[0].err;
        code = err.code;
    }
    if (code == METE_OK) {
        code = insights_enter(d->insights, x, in->body.app, in->body.count, &err);
    }
    if (code != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    in->all = d->insights;
    in->rows = in->body.count;
    x->work = in;
    x->release = report_release;
}

void kpis_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    (void)e;
    report_prepare(d, x, kpi_body_read);
}

void insights_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    (void)e;
    report_prepare(d, x, insight_body_read);
}

/* --- taking in, the second half ----------------------------------------------------------------*/

static void flaw_write(struct json_writer *w, const char *called, const struct insight_flaw *f)
{
    jw_object(w, NULL);
    jw_int(w, "index", (int64_t)f->index);
    jw_text(w, called, f->name);
    why_members(w, &f->err);
    jw_end_object(w);
}

static void flaws_write(struct json_writer *w, const char *called, const struct insight_body *b)
{
    jw_array(w, "refused");
    for (size_t i = 0; i < b->flaw_count; i++) {
        flaw_write(w, called, &b->flaw[i]);
    }
}

void kpis_ingest(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct report_in *in = x->work;
    struct mete_err err;
    struct json_writer w;
    struct kpi_counts n;
    (void)d;
    if (!app_is_own(e, x, in->body.app)) {
        return;
    }
    if (kpi_add(e, &in->body, &x->arena, &n, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 202, &w);
    jw_object(&w, NULL);
    jw_int(&w, "inserted", (int64_t)n.inserted);
    jw_int(&w, "updated", (int64_t)n.updated);
    jw_int(&w, "duplicates", (int64_t)n.duplicates);
    jw_int(&w, "stale", (int64_t)n.stale);
    flaws_write(&w, "metric", &in->body);
    jw_end_array(&w);
    jw_end_object(&w);
}

static struct insight_flaw conflict_of(const struct insight_item *item)
{
    struct insight_flaw f = {.index = item->index, .name = item->id};
    char pointer[64] = "/events";
    json_pointer_index(pointer, sizeof pointer, item->index);
    json_pointer_add(pointer, sizeof pointer, TEXT("eventId"));
    (void)mete_fail(&f.err, METE_CONFLICT, pointer,
                    "this eventId said something else before; a new fact has a new one");
    return f;
}

void insights_ingest(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct report_in *in = x->work;
    const struct insight_body *body = &in->body;
    struct mete_err err;
    struct json_writer w;
    size_t count[INSIGHT_CONFLICT + 1] = {0};
    enum insight_outcome *outcome = arena_array(&x->arena, body->count, sizeof *outcome);
    (void)d;
    if (!app_is_own(e, x, body->app)) {
        return;
    }
    if (insight_add(e, body, &x->arena, outcome, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    for (size_t i = 0; i < body->count; i++) {
        count[outcome[i]]++;
    }
    if (count[INSIGHT_CONFLICT] == body->count) { /* nothing of it was kept */
        const struct insight_flaw first = conflict_of(&body->event[0]);
        reply_problem(x, &first.err);
        return;
    }
    reply_json(x, 202, &w);
    jw_object(&w, NULL);
    jw_int(&w, "inserted", (int64_t)count[INSIGHT_INSERTED]);
    jw_int(&w, "duplicates", (int64_t)count[INSIGHT_DUPLICATE]);
    flaws_write(&w, "event_id", body);
    for (size_t i = 0; i < body->count; i++) {
        if (outcome[i] == INSIGHT_CONFLICT) {
            const struct insight_flaw f = conflict_of(&body->event[i]);
            flaw_write(&w, "event_id", &f);
        }
    }
    jw_end_array(&w);
    jw_end_object(&w);
}

/* --- out ---------------------------------------------------------------------------------------*/

static bool point_write(void *arg, const struct kpi_point *p)
{
    kpi_json(arg, p);
    return true;
}

static bool event_write(void *arg, const struct insight *i)
{
    insight_json(arg, i);
    return true;
}

/** The period: from its first moment up to and with its last. */
static bool period_read(struct exchange *x, mete_time *from, mete_time *until)
{
    mete_time last = TIME_NEVER;
    *from = TIME_ALWAYS;
    if (!arg_time(x, "from", false, from) || !arg_time(x, "to", true, &last)) {
        return false;
    }
    *until = last == TIME_NEVER ? last : last + 1;
    return true;
}

void kpis_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    struct text next;
    uint64_t limit = PAGE_DEFAULT;
    struct kpi_query q = {.app = exchange_query(x, "app"),
                          .metric = exchange_query(x, "metric"),
                          .bucket = exchange_query(x, "bucket"),
                          .env = exchange_query(x, "env"),
                          .cursor = exchange_query(x, "cursor")};
    (void)d;
    if (!arg_number(x, "limit", 1, PAGE_MAX, &limit) || !period_read(x, &q.from, &q.until)) {
        return;
    }
    q.limit = (size_t)limit;
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "points");
    if (kpi_list(e, &q, &x->arena, point_write, &w, &next, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&w);
    jw_text_or_null(&w, "next", next);
    jw_end_object(&w);
}

void insights_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    struct text next;
    uint64_t limit = PAGE_DEFAULT;
    struct insight_query q = {.app = exchange_query(x, "app"),
                              .env = exchange_query(x, "env"),
                              .type = exchange_query(x, "type"),
                              .severity = exchange_query(x, "severity"),
                              .cursor = exchange_query(x, "cursor")};
    (void)d;
    if (!arg_number(x, "limit", 1, PAGE_MAX, &limit) || !period_read(x, &q.from, &q.until)) {
        return;
    }
    q.limit = (size_t)limit;
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "events");
    if (insight_list(e, &q, &x->arena, event_write, &w, &next, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&w);
    jw_text_or_null(&w, "next", next);
    jw_end_object(&w);
}
