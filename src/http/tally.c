/* SPDX-License-Identifier: Apache-2.0
 * Outcomes go into a scroll as they come. Invariant: what the scroll holds is the beginning of the
 * answer, whatever its form. */
#include "http/tally.h"

#include "http/events.h"
#include "http/reply.h"
#include "http/submission.h"
#include "render/render.h"

#define REFUSED_MAX 100u /* that are listed in a sum */

void tally_init(struct tally *t, bool lines)
{
    *t = (struct tally){.lines = lines};
    scroll_init(&t->results);
}

void tally_clear(struct tally *t)
{
    buf_clear(&t->refused);
    scroll_clear(&t->results);
}

/* --- adding ------------------------------------------------------------------------------------*/

static bool is_refusal(const struct submit_result *r)
{
    return r->status == SUBMIT_REFUSED || r->status == SUBMIT_CONFLICT;
}

static void outcome_write(struct buf *out, const struct submit_result *r, uint64_t line)
{
    struct json_writer w;
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    if (line > 0) {
        jw_int(&w, "line", (int64_t)line);
    }
    outcome_members(&w, r);
    jw_end_object(&w);
}

static void refusal_add(struct tally *t, const struct submit_result *r, uint64_t line)
{
    if (t->refused_count++ < REFUSED_MAX) {
        buf_put_str(&t->refused, t->refused.len > 0 ? "," : "");
        outcome_write(&t->refused, r, line);
    }
}

static void result_add(struct tally *t, const struct submit_result *r, uint64_t line)
{
    struct buf one = {0};
    if (!t->lines && t->events == EVENTS_ITEMS_MAX) {
        tally_too_long(t);
    }
    if (t->results_given_up) {
        return;
    }
    if (!t->lines) {
        buf_put_str(&one, t->events == 1 ? "{\"results\":[" : ",");
    }
    outcome_write(&one, r, t->lines ? line : 0);
    if (t->lines) {
        buf_put_u8(&one, '\n');
    }
    if (!scroll_put(&t->results, buf_text(&one))) {
        t->results_absent += t->lines;
        tally_too_long(t);
    }
    buf_clear(&one);
}

bool tally_add(struct tally *t, const struct piece *p)
{
    struct piece_reader in = piece_read(p);
    for (size_t i = 0; i < p->count; i++) {
        struct submit_result r;
        if (!piece_read_outcome(&in, &r)) {
            return false;
        }
        t->count[r.status]++;
        t->events++;
        if (t->events == 1) {
            t->only = r;
        }
        if (is_refusal(&r)) {
            refusal_add(t, &r, p->line[i]);
        }
        result_add(t, &r, p->line[i]);
    }
    if (!piece_read_log(&in, &t->log)) {
        return false;
    }
    t->line = p->last;
    return true;
}

void tally_too_long(struct tally *t)
{
    if (!t->lines) {
        t->results_given_up = true;
        scroll_clear(&t->results);
    }
}

/* --- answering ---------------------------------------------------------------------------------*/

static void sum_write(struct json_writer *w, const struct tally *t)
{
    jw_object(w, "stream");
    jw_int(w, "durable_lines", (int64_t)t->line);
    jw_object(w, "events");
    for (enum submit_status s = SUBMIT_APPLIED; s < SUBMIT_FAILED; s++) {
        jw_int(w, submit_status_name(s), (int64_t)t->count[s]);
    }
    jw_end_object(w);
    jw_array(w, "refused");
    if (t->refused.len > 0) {
        jw_raw(w, NULL, buf_text(&t->refused));
    }
    jw_end_array(w);
    uint64_t listed = t->refused_count < REFUSED_MAX ? t->refused_count : REFUSED_MAX;
    jw_int(w, "refused_left_out", (int64_t)(t->refused_count - listed));
    if (t->lines) {
        jw_int(w, "results_left_out", (int64_t)t->results_absent);
    }
    jw_end_object(w);
}

static void end_write(const struct tally *t, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    sum_write(&w, t);
    log_head_json(&w, &t->log);
    jw_end_object(&w);
    buf_put_u8(out, '\n');
}

/** The end of an answer that begins with the outcomes. */
static void results_end_write(const struct tally *t, struct buf *out)
{
    struct buf log = {0};
    struct json_writer w;
    jw_init(&w, &log, false);
    jw_object(&w, NULL);
    log_head_json(&w, &t->log);
    jw_end_object(&w);
    buf_put_str(out, "],");
    buf_put_text(out, (struct text){(const char *)log.p + 1, log.len - 1});
    buf_put_u8(out, '\n');
    buf_clear(&log);
}

void tally_reply(struct tally *t, struct exchange *x, bool plain)
{
    struct buf end = {0};
    const char *type = t->lines ? TYPE_NDJSON : TYPE_JSON;
    bool results = !t->lines && !t->results_given_up;
    if (t->events == 0) {
        reply_fail(x, METE_JSON_SYNTAX, NULL, "the body holds no event");
        return;
    }
    (results ? results_end_write : end_write)(t, &end);
    scroll_end(&t->results, buf_text(&end));
    if (t->results.fd >= 0) {
        reply_stream(x, type, scroll_source(&t->results));
    } else {
        reply_body(x, 200, type, buf_text(&t->results.tail));
    }
    if (results && plain && t->events == 1) {
        x->status = events_single_status(&t->only);
    }
    buf_clear(&end);
}

void tally_fail(struct tally *t, struct exchange *x, const struct mete_err *why)
{
    struct json_writer w;
    struct buf sum = {0};
    reply_problem(x, why);
    jw_init(&w, &sum, false);
    jw_object(&w, NULL);
    sum_write(&w, t);
    if (t->events > 0) {
        log_head_json(&w, &t->log);
    }
    jw_end_object(&w);
    METE_ASSERT(x->out.len > 0 && x->out.p[x->out.len - 1] == '}');
    x->out.p[x->out.len - 1] = ',';
    buf_put_text(&x->out, (struct text){(const char *)sum.p + 1, sum.len - 1});
    buf_clear(&sum);
}
