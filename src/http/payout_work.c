/* SPDX-License-Identifier: Apache-2.0
 * The worker's door: what is due is claimed here, and what became of it is said here
 * (doc/decisions/0014-payouts.md). Both go to the process that has the book, since leases live in
 * its memory. Destinations and bodies of attempts leave by this door alone. */
#include "core/amount.h"
#include "crypto/seal.h"
#include "engine/payout_claim.h"
#include "engine/payout_step.h"
#include "http/desk.h"
#include "http/mapping.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/limits.h"
#include "base/text.h"

#include <stdio.h>

#define PAYOUT_TEXT_MAX ((size_t)64 << 10) /* bytes of a reason, a proof */

/* --- reading bodies ----------------------------------------------------------------------------*/

/** A whole number; `otherwise` when the member is not there. False: the answer says what is wrong.
 */
static bool number_read(struct exchange *x, const struct json *in, const char *name,
                        uint64_t otherwise, uint64_t max, uint64_t *out)
{
    const struct json *j = json_get(in, name);
    u128 number = 0;
    *out = otherwise;
    if (j == NULL || j->type == JSON_NULL) {
        return true;
    }
    if (j->type != JSON_NUMBER || !u128_parse(j->text, &number) || number > max) {
        reply_fail(x, METE_REQUEST_INVALID, NULL, "%s is a whole number up to %llu", name,
                   (unsigned long long)max);
        return false;
    }
    *out = (uint64_t)number;
    return true;
}

/* --- POST /v1/payouts/claims -------------------------------------------------------------------*/

/* x->work between the two halves. */
struct claiming {
    struct payout_claim_query query;
    uint64_t lease_s;
};

static bool rails_read(struct exchange *x, const struct json *body, struct claiming *c)
{
    const struct json *list = json_get(body, "rails");
    bool fine = list != NULL && list->type == JSON_ARRAY && list->count > 0 &&
                list->count <= CLAIM_RAILS_MAX;
    struct text *rail = arena_array(&x->arena, fine ? list->count : 1, sizeof *rail);
    for (const struct json *j = fine ? list->child : NULL; j != NULL; j = j->next) {
        fine &= j->type == JSON_STRING && j->text.len > 0;
        rail[c->query.rails++] = j->text;
    }
    if (!fine) {
        reply_fail(x, METE_REQUEST_INVALID, "/rails",
                   "rails is a list of 1 to %u names of rails that are open to the worker",
                   CLAIM_RAILS_MAX);
    }
    c->query.rail = rail;
    return fine;
}

void payout_claims_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct json *body = body_object(x);
    struct claiming *c = arena_alloc(&x->arena, sizeof *c);
    uint64_t max;
    (void)d;
    (void)e;
    if (body == NULL || !number_read(x, body, "max", 100, CLAIM_MAX, &max) ||
        !number_read(x, body, "lease_s", CLAIM_LEASE_S, CLAIM_LEASE_S_MAX, &c->lease_s) ||
        !rails_read(x, body, c)) {
        return;
    }
    c->query.max = max > 0 ? (size_t)max : 1;
    x->work = c;
}

static void moment_write(struct json_writer *w, const char *name, mete_time t)
{
    char at[TIME_TEXT_MAX];
    if (t == 0) {
        jw_null(w, name);
        return;
    }
    time_format(t, at);
    jw_str(w, name, at);
}

static void text_or_null(struct json_writer *w, const char *name, struct text t)
{
    if (t.p == NULL) {
        jw_null(w, name);
    } else {
        jw_text(w, name, t);
    }
}

static void attempt_write(struct json_writer *w, const struct payout_claim *c)
{
    jw_int(w, "attempts", c->due.transfer.attempts);
    jw_int(w, "looks", c->due.transfer.looks);
    text_or_null(w, "anchor", c->anchor);
    text_or_null(w, "group", c->group);
    jw_array(w, "bodies");
    for (uint32_t i = 0; i < c->body_count; i++) {
        text_or_null(w, NULL, c->body[i]);
    }
    jw_end_array(w);
}

static void claim_write(struct json_writer *w, const struct payout_claim *c)
{
    const struct payout_due *due = &c->due;
    char amount[AMOUNT_TEXT_MAX];
    amount_format(due->transfer.amount, due->asset.scale, amount);
    jw_object(w, NULL);
    jw_text(w, "transfer_id", due->transfer_id);
    jw_text(w, "batch_id", due->batch_id);
    jw_text(w, "party", due->party);
    jw_text(w, "rail", due->rail);
    jw_object(w, "asset");
    jw_str(w, "code", due->asset.code);
    jw_int(w, "scale", due->asset.scale);
    jw_end_object(w);
    jw_str(w, "amount", amount);
    if (c->fee_max >= 0) {
        amount_format(c->fee_max, due->asset.scale, amount);
        jw_str(w, "fee_max", amount);
    } else {
        jw_null(w, "fee_max");
    }
    jw_str(w, "state", machine_of(MACHINE_TRANSFER)->state[due->transfer.state]);
    attempt_write(w, c);
    text_or_null(w, "destination", c->destination);
    moment_write(w, "queued_at", due->queued_at);
    moment_write(w, "sending_at", c->sending_at);
    moment_write(w, "due_at", due->transfer.due);
    jw_end_object(w);
}

void payout_claims_post(struct desk *d, struct engine *e, struct exchange *x)
{
    struct claiming *c = x->work;
    struct payout_claim *rows;
    size_t count;
    struct json_writer w;
    struct mete_err err;
    c->query.now = engine_now(e);
    c->query.lease_until = c->query.now + (mete_time)c->lease_s * TIME_SECOND_US;
    if (payouts_claim(e, d->leases, &c->query, &x->arena, &rows, &count, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    reply_secret(x);
    jw_object(&w, NULL);
    moment_write(&w, "now", c->query.now);
    jw_array(&w, "payouts");
    for (size_t i = 0; i < count; i++) {
        claim_write(&w, &rows[i]);
    }
    jw_end_array(&w);
    jw_end_object(&w);
    jw_spill(&w);
    payout_claims_wipe(rows, count);
}

/* --- POST /v1/payouts/steps --------------------------------------------------------------------*/

struct stepping {
    struct payout_step *step;
    struct submit_result *result;
    size_t count;
    bool whole;
};

static bool step_wrong(struct exchange *x, size_t i, const char *member, const char *wanted)
{
    char pointer[80];
    snprintf(pointer, sizeof pointer, "/steps/%zu/%s", i, member);
    reply_fail(x, METE_REQUEST_INVALID, pointer, "%s", wanted);
    return false;
}

static bool texts_read(struct exchange *x, const struct json *in, size_t i, struct payout_step *s)
{
    const struct {
        const char *name;
        struct text *to;
        size_t max;
    } members[] = {{"transfer_id", &s->transfer_id, EVENT_ID_LEN_MAX},
                   {"anchor", &s->anchor, EVENT_ID_LEN_MAX},
                   {"group", &s->group, EVENT_ID_LEN_MAX},
                   {"body", &s->body, EVENT_SIZE_MAX},
                   {"reference", &s->reference, PAYOUT_TEXT_MAX},
                   {"reason", &s->reason, PAYOUT_TEXT_MAX},
                   {"remediation", &s->remediation, PAYOUT_TEXT_MAX},
                   {"proof", &s->proof, PAYOUT_TEXT_MAX}};
    for (size_t k = 0; k < ARRAY_LEN(members); k++) {
        const struct json *j = json_get(in, members[k].name);
        if (j == NULL || j->type == JSON_NULL) {
            continue;
        }
        if (j->type != JSON_STRING || j->text.len > members[k].max) {
            return step_wrong(x, i, members[k].name, "a text, and not as long as this");
        }
        *members[k].to = j->text;
        s->has_body |= members[k].to == &s->body;
    }
    return s->transfer_id.len > 0 || step_wrong(x, i, "transfer_id", "the payout's id");
}

static bool money_read(struct exchange *x, const struct json *in, size_t i, struct payout_step *s)
{
    const struct json *amount = json_get(in, "amount");
    const struct json *fee = json_get(in, "fee");
    const struct json *retry_at = json_get(in, "retry_at");
    s->amount = amount != NULL && amount->type != JSON_NULL ? amount->raw : (struct text){0};
    s->fee = fee != NULL && fee->type != JSON_NULL ? fee->raw : (struct text){0};
    s->retry_at.set = retry_at != NULL && retry_at->type != JSON_NULL;
    if (s->retry_at.set &&
        (retry_at->type != JSON_STRING || time_parse(retry_at->text, &s->retry_at.at) != TIME_OK)) {
        return step_wrong(x, i, "retry_at", "an RFC 3339 time such as 2025-01-31T12:00:00Z");
    }
    return true;
}

static const char *const STEP_MEMBERS[] = {
    "transfer_id", "attempt", "step",        "look",  "unprepared", "anchor", "body",     "group",
    "reference",   "reason",  "remediation", "proof", "amount",     "fee",    "retry_at", NULL};

static bool step_read(struct exchange *x, const struct json *in, size_t i, struct payout_step *s)
{
    const struct json *step = json_get(in, "step");
    uint64_t attempt, look;
    if (in->type != JSON_OBJECT) {
        return step_wrong(x, i, "", "a step is an object");
    }
    if (body_stranger(in, STEP_MEMBERS) != NULL) {
        return step_wrong(x, i, "", "a step has a member that nobody knows");
    }
    if (step == NULL || step->type != JSON_STRING || !payout_step_type(step->text, &s->type)) {
        return step_wrong(x, i, "step",
                          "step is sending, sent, unknown, paid, failed, failed_permanent, "
                          "returned or cancelled");
    }
    if (!number_read(x, in, "attempt", 0, UINT16_MAX, &attempt) ||
        !number_read(x, in, "look", UINT32_MAX, UINT32_MAX, &look)) {
        return false;
    }
    s->attempt = (uint32_t)attempt;
    s->has_look = look < UINT32_MAX;
    s->look = s->has_look ? (uint32_t)look : 0;
    s->unprepared = json_is_true(json_get(in, "unprepared"));
    return texts_read(x, in, i, s) && money_read(x, in, i, s);
}

void payout_steps_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct json *body = body_object(x);
    const struct json *list = json_get(body, "steps");
    struct stepping *s = arena_alloc(&x->arena, sizeof *s);
    (void)d;
    (void)e;
    if (body == NULL) {
        return;
    }
    if (list == NULL || list->type != JSON_ARRAY || list->count == 0 || list->count > STEPS_MAX) {
        reply_fail(x, METE_REQUEST_INVALID, "/steps", "steps is a list of 1 to %u steps",
                   STEPS_MAX);
        return;
    }
    *s = (struct stepping){.whole = json_is_true(json_get(body, "whole"))};
    s->step = arena_array(&x->arena, list->count, sizeof *s->step);
    s->result = arena_array(&x->arena, list->count, sizeof *s->result);
    for (const struct json *j = list->child; j != NULL; j = j->next) {
        if (!step_read(x, j, s->count, &s->step[s->count])) {
            return;
        }
        s->count++;
    }
    x->work = s;
}

static void result_write(struct json_writer *w, const struct payout_step *s,
                         const struct submit_result *r)
{
    bool taken = r->status == SUBMIT_APPLIED || r->status == SUBMIT_DUPLICATE;
    jw_object(w, NULL);
    jw_text(w, "transfer_id", s->transfer_id);
    jw_str(w, "status", submit_status_name(r->status));
    text_or_null(w, "event_id", r->event_id);
    if (taken) {
        jw_null(w, "code");
        jw_null(w, "detail");
    } else {
        jw_str(w, "code", mete_code_name(r->err.code));
        jw_str(w, "detail", r->err.text);
    }
    jw_end_object(w);
}

void payout_steps_post(struct desk *d, struct engine *e, struct exchange *x)
{
    struct stepping *s = x->work;
    struct json_writer w;
    bool real = !exchange_query_flag(x, "dry_run"); /* leases are not in the book: no going back */
    payout_steps_take(e, engine_now(e), s->step, s->count, s->whole, &x->arena, s->result);
    for (size_t i = 0; i < s->count; i++) {
        if (s->result[i].status == SUBMIT_FAILED) {
            reply_problem(x, &s->result[i].err);
            return;
        }
        enum submit_status status = s->result[i].status;
        bool taken = status == SUBMIT_APPLIED || status == SUBMIT_DUPLICATE;
        if (taken && real && s->step[i].type != EVENT_PAYOUT_TRANSFER_SENDING) {
            payout_lease_end(d->leases, e, s->step[i].transfer_id);
        }
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "results");
    for (size_t i = 0; i < s->count; i++) {
        result_write(&w, &s->step[i], &s->result[i]);
    }
    jw_end_array(&w);
    jw_end_object(&w);
}
