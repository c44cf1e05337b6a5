/* SPDX-License-Identifier: Apache-2.0
 * Saying steps. A request that was not answered is said once more, byte for byte: the book takes a
 * step once. What the book will not keep of a rail's words is left out; the fact is not. */
#include "engine/worker_parts.h"

#include "base/text.h"
#include "crypto/seal.h"
#include "engine/payout_step.h"
#include "wire/json_values.h"

#include <stdio.h>
#include <string.h>

#define TRIES         2u
#define REQUEST_BYTES ((size_t)8 << 20) /* of a request that can be cut in two */
#define RETRY_MOST    (7 * 24 * 3600 * TIME_SECOND_US)

void worker_text_clean(struct buf *out, struct text t)
{
    for (size_t i = 0; i < t.len;) {
        size_t len = 1;
        while (len < 4 && i + len < t.len && !text_is_utf8((struct text){t.p + i, len})) {
            len++;
        }
        bool fine = text_is_utf8((struct text){t.p + i, len}) && (unsigned char)t.p[i] >= ' ';
        if (fine) {
            buf_put_text(out, (struct text){t.p + i, len});
        } else {
            buf_put_u8(out, '?');
        }
        i += fine ? len : 1;
    }
}

/* --- writing -----------------------------------------------------------------------------------*/

static void clean_write(struct json_writer *j, const char *name, struct text t)
{
    struct buf clean = {0};
    if (t.len == 0) {
        return;
    }
    worker_text_clean(&clean, t);
    jw_text(j, name, buf_text(&clean));
    buf_clear(&clean);
}

static void sending_write(struct json_writer *j, const struct say *s)
{
    const struct rail_payment *p = &s->job->p;
    jw_text(j, "anchor", p->anchor);
    if (p->group.len > 0) {
        jw_text(j, "group", p->group);
    }
    if (s->has_body) {
        jw_text(j, "body", p->body[p->body_count - 1]);
    }
}

/** Later than now, and not so late that it would be forgotten. */
static void retry_write(struct json_writer *j, mete_time now, mete_time at)
{
    char text[TIME_TEXT_MAX];
    if (at <= now) {
        return;
    }
    time_format(at < now + RETRY_MOST ? at : now + RETRY_MOST, text);
    jw_str(j, "retry_at", text);
}

static void report_write(const struct worker *w, struct json_writer *j, const struct say *s)
{
    const struct rail_report *r = &s->job->p.report;
    bool paid = s->type == EVENT_PAYOUT_TRANSFER_PAID;
    bool again = s->type == EVENT_PAYOUT_TRANSFER_FAILED || s->type == EVENT_PAYOUT_TRANSFER_SENT ||
                 s->type == EVENT_PAYOUT_TRANSFER_UNKNOWN;
    bool ended = s->type == EVENT_PAYOUT_TRANSFER_FAILED_PERMANENT ||
                 s->type == EVENT_PAYOUT_TRANSFER_CANCELLED;
    struct text words = s->words.len > 0 ? s->words : text_of(r->reason);
    if (paid && r->has_amount) {
        jw_money(j, "amount", r->amount, &s->job->p.asset);
    }
    if (paid && r->has_fee) {
        jw_money(j, "fee", r->fee, &s->job->p.asset);
    }
    if (!paid) {
        clean_write(j, "reason",
                    s->bare || words.len == 0 ? TEXT("the rail gave no reason that can be kept")
                                              : words);
    }
    if (again) {
        retry_write(j, w->now, r->retry_at);
    }
    if (!s->bare && s->type == EVENT_PAYOUT_TRANSFER_FAILED_PERMANENT) {
        clean_write(j, "remediation", text_of(r->remediation));
    }
    if (!s->bare && !ended && s->type != EVENT_PAYOUT_TRANSFER_FAILED) {
        clean_write(j, "reference", r->reference);
    }
    if (!s->bare && paid) {
        clean_write(j, "proof", r->proof);
    }
}

/** Which look at the attempt this is. */
static uint32_t look_of(const struct say *s)
{
    return s->is_new ? 0 : s->job->looks + 1;
}

static bool counts_looks(enum event_type type)
{
    return type == EVENT_PAYOUT_TRANSFER_SENDING || type == EVENT_PAYOUT_TRANSFER_SENT ||
           type == EVENT_PAYOUT_TRANSFER_UNKNOWN;
}

static void step_write(const struct worker *w, struct json_writer *j, const struct say *s)
{
    bool of_attempt = s->type != EVENT_PAYOUT_TRANSFER_FAILED_PERMANENT &&
                      s->type != EVENT_PAYOUT_TRANSFER_CANCELLED;
    jw_object(j, NULL);
    jw_text(j, "transfer_id", s->job->p.transfer_id);
    jw_str(j, "step", payout_step_name(s->type));
    if (of_attempt) {
        jw_int(j, "attempt", s->job->p.attempt);
    }
    if (counts_looks(s->type)) {
        jw_int(j, "look", look_of(s));
    } else if (s->type == EVENT_PAYOUT_TRANSFER_FAILED && !s->unprepared) {
        jw_int(j, "look", s->job->looks); /* the last one that its proof knows of */
    }
    if (s->unprepared) {
        jw_bool(j, "unprepared", true);
    }
    if (s->type == EVENT_PAYOUT_TRANSFER_SENDING) {
        sending_write(j, s);
    } else {
        report_write(w, j, s);
    }
    jw_end_object(j);
}

/* --- the answers -------------------------------------------------------------------------------*/

static void ended_tell(const struct worker *w, const struct say *s)
{
    const struct job *job = s->job;
    char amount[AMOUNT_TEXT_MAX];
    struct buf all = {0};
    bool is_end = s->type == EVENT_PAYOUT_TRANSFER_PAID ||
                  s->type == EVENT_PAYOUT_TRANSFER_FAILED_PERMANENT ||
                  s->type == EVENT_PAYOUT_TRANSFER_CANCELLED;
    if (!is_end || w->o.ended == NULL) {
        return;
    }
    amount_format(job->p.amount, job->p.asset.scale, amount);
    buf_printf(&all, "%s %s", amount, job->p.asset.code);
    const struct worker_ended e = {.transfer_id = job->p.transfer_id,
                                   .party = job->p.party,
                                   .rail = job->rail->kind->name,
                                   .step = payout_step_name(s->type),
                                   .amount = buf_text(&all),
                                   .reason = s->type == EVENT_PAYOUT_TRANSFER_PAID || s->bare
                                                 ? (struct text){0}
                                             : s->words.len > 0 ? s->words
                                                                : text_of(job->p.report.reason)};
    w->o.ended(w->o.ctx, &e);
    buf_clear(&all);
}

static void answer_take(struct worker *w, struct say *s, const struct json *result)
{
    const struct json *status = json_get(result, "status");
    const struct json *code = json_get(result, "code");
    bool text = status != NULL && status->type == JSON_STRING;
    bool applied = text && text_is(status->text, "applied");
    s->said = applied || (text && text_is(status->text, "duplicate")) ? SAID_TAKEN : SAID_REFUSED;
    s->code = METE_OK;
    if (s->said == SAID_REFUSED) {
        w->counts.refused++;
        if (code == NULL || code->type != JSON_STRING ||
            !mete_code_of(code->text.p, code->text.len, &s->code)) {
            s->code = METE_INTERNAL;
        }
        return;
    }
    if (counts_looks(s->type)) {
        s->job->looks = look_of(s);
    }
    if (applied) {
        ended_tell(w, s);
    }
}

static bool answers_read(struct worker *w, struct say *s, size_t count)
{
    struct json *tree = NULL;
    struct mete_err err;
    const struct json *list = NULL;
    size_t i = 0;
    if (json_parse(&w->arena, buf_text(&w->answer), &tree, &err) == METE_OK) {
        list = json_get(tree, "results");
    }
    if (list == NULL || list->type != JSON_ARRAY || list->count != count) {
        return false;
    }
    for (const struct json *j = list->child; j != NULL; j = j->next) {
        answer_take(w, &s[i++], j);
    }
    return true;
}

/* --- saying ------------------------------------------------------------------------------------*/

static void failed(struct worker *w, unsigned status)
{
    const struct text why = buf_text(&w->answer);
    w->cut = true;
    w->round->failed = true;
    snprintf(w->round->why, sizeof w->round->why, "what became of payouts was not taken (%u): %.*s",
             status, (int)(why.len < 200 ? why.len : 200), (const char *)why.p);
}

static void request_send(struct worker *w, struct say *s, size_t count)
{
    unsigned status = 0;
    for (unsigned i = 0; i < TRIES && status == 0; i++) {
        buf_reset(&w->answer);
        status = w->o.port.ask(w->o.port.ctx, WORKER_STEPS, buf_text(&w->ask), &w->answer);
        w->counts.unanswered += status == 0;
    }
    if (status != 200 || !answers_read(w, s, count)) {
        failed(w, status);
    }
    secret_wipe(w->ask.p, w->ask.len);
}

/** As many as go into one request; all of them when they belong together. */
static size_t some_say(struct worker *w, struct say *s, size_t count, bool whole)
{
    struct json_writer j;
    size_t n = 0;
    buf_reset(&w->ask);
    jw_init(&j, &w->ask, false);
    jw_object(&j, NULL);
    jw_bool(&j, "whole", whole);
    jw_array(&j, "steps");
    while (n < count && (whole || (n < STEPS_MAX && w->ask.len < REQUEST_BYTES))) {
        s[n].said = SAID_UNHEARD;
        step_write(w, &j, &s[n++]);
    }
    jw_end_array(&j);
    jw_end_object(&j);
    request_send(w, s, n);
    return n;
}

/** The book took neither the fact nor said that it cannot be: it is the words that it refuses. */
static bool words_refused(const struct say *s)
{
    if (s->said != SAID_REFUSED || s->bare || s->type == EVENT_PAYOUT_TRANSFER_SENDING) {
        return false;
    }
    return s->code == METE_PII_EMAIL || s->code == METE_PII_PHONE || s->code == METE_PII_IP ||
           s->code == METE_TEXT_LENGTH;
}

void worker_say(struct worker *w, struct say *s, size_t count, bool whole)
{
    for (size_t i = 0; i < count; i++) {
        s[i].said = SAID_UNHEARD;
    }
    for (size_t i = 0; i < count && !w->cut;) {
        i += some_say(w, s + i, count - i, whole);
    }
    for (size_t i = 0; i < count && !w->cut; i++) {
        bool follows = i > 0 && s[i - 1].bare && s[i - 1].job == s[i].job;
        if (words_refused(&s[i]) || (follows && s[i].said == SAID_REFUSED)) {
            s[i].bare = true;
            (void)some_say(w, &s[i], 1, false);
        }
    }
}
