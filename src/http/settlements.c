/* SPDX-License-Identifier: Apache-2.0
 * Settlements made by hand: somebody with the right to approve payouts says that money has left,
 * and by which transfer. Then what was said, with its history. */
#include "http/desk.h"
#include "http/mapping.h"
#include "http/message_signature.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"
#include "http/signature.h"

#include "base/text.h"
#include "render/render.h"

#include <string.h>

#define PAGE_DEFAULT 100u
#define PAGE_MAX     1000u

/* --- POST /v1/settlements ----------------------------------------------------------------------*/

/* x->work between the two halves. */
struct settling {
    struct settlement_request request;
    struct message_signatures *signatures; /* NULL: it was not signed */
};

/** The control plane decides settlements, and of its services Payment (requirements M-078, M-093).
 */
static bool speaks_for_payment(struct exchange *x)
{
    const struct principal *who = x->who;
    if ((who->producer.len == 0 || text_is(who->producer, "control_plane")) &&
        (who->service.len == 0 || text_is(who->service, "payment"))) {
        return true;
    }
    reply_fail(x, METE_PRODUCER_FORBIDDEN, NULL,
               "settlements are said by the service payment of the control plane; this key speaks "
               "for %.*s%s%.*s",
               (int)who->producer.len, who->producer.p, who->service.len > 0 ? "/" : "",
               (int)who->service.len, who->service.p);
    return false;
}

static bool outcome_read(struct exchange *x, const struct json *body, enum settlement_state *out)
{
    static const struct {
        const char *name;
        enum settlement_state state;
    } outcomes[] = {{"initiated", SETTLEMENT_INITIATED},
                    {"paid", SETTLEMENT_PAID},
                    {"failed", SETTLEMENT_FAILED}};
    const struct json *j = json_get(body, "outcome");
    for (size_t i = 0; j != NULL && j->type == JSON_STRING && i < ARRAY_LEN(outcomes); i++) {
        if (text_is(j->text, outcomes[i].name)) {
            *out = outcomes[i].state;
            return true;
        }
    }
    reply_fail(x, METE_REQUEST_INVALID, "/outcome", "outcome is initiated, paid or failed");
    return false;
}

static bool texts_read(struct exchange *x, const struct json *body, struct settlement_request *q)
{
    const struct {
        const char *name;
        struct text *to;
    } members[] = {{"settlement_id", &q->settlement_id},
                   {"beneficiary_id", &q->beneficiary},
                   {"campaign_id", &q->campaign_id},
                   {"batch_id", &q->batch_id},
                   {"provider", &q->provider},
                   {"provider_ref", &q->provider_ref},
                   {"reason", &q->reason},
                   {"failure_reason", &q->failure_reason}};
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const char *const names[] = {members[i].name, NULL};
        if (!body_text(x, body, names, members[i].to)) {
            return false;
        }
    }
    return true;
}

static bool rest_read(struct exchange *x, const struct json *body, struct settlement_request *q)
{
    const struct json *amount = json_get(body, "amount");
    const struct json *at = json_get(body, "occurred_at");
    if (amount != NULL && amount->type != JSON_NULL) {
        q->amount = amount->raw;
    }
    if (q->failure_reason.len > 0 && q->outcome != SETTLEMENT_FAILED) {
        reply_fail(x, METE_REQUEST_INVALID, "/failure_reason",
                   "a failure_reason belongs to the outcome failed");
        return false;
    }
    q->occurred_at.set = at != NULL && at->type != JSON_NULL;
    if (q->occurred_at.set &&
        (at->type != JSON_STRING || time_parse(at->text, &q->occurred_at.at) != TIME_OK)) {
        reply_fail(x, METE_TIME_INVALID, "/occurred_at",
                   "expected an RFC 3339 time such as 2025-01-31T12:00:00Z");
        return false;
    }
    return true;
}

static const char *const MEMBERS[] = {
    "settlement_id", "beneficiary_id", "campaign_id",    "batch_id", "amount",      "provider",
    "provider_ref",  "outcome",        "failure_reason", "reason",   "occurred_at", NULL};

void settlement_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct json *body = speaks_for_payment(x) ? body_object(x) : NULL;
    struct settling *s = arena_alloc(&x->arena, sizeof *s);
    struct settlement_request *q = &s->request;
    (void)d;
    (void)e;
    if (body == NULL || !body_is_known(x, body, MEMBERS) || !outcome_read(x, body, &q->outcome) ||
        !texts_read(x, body, q) || !rest_read(x, body, q)) {
        return;
    }
    q->actor = x->who->key_id;
    s->signatures = message_signatures_read(x);
    x->work = s;
}

/** A book that has a key of the control plane wants the request signed. */
static enum mete_code signed_check(struct engine *e, struct exchange *x, const struct settling *s,
                                   struct mete_err *err)
{
    const struct envelope envelope = {.event = {.type = EVENT_SETTLEMENT_INITIATED,
                                                .id = settlement_event_id(&x->arena, &s->request)}};
    const struct signed_event event = {
        .envelope = &envelope, .producer = TEXT("control_plane"), .request = s->signatures};
    return signature_check(x->who->signatures, e, &event, err);
}

void settlement_post(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct settling *s = x->work;
    struct settlement_recorded r;
    struct settlement_row row;
    struct json_writer w;
    struct mete_err err;
    (void)d;
    if (signed_check(e, x, s, &err) != METE_OK ||
        settlement_record(e, &s->request, &x->arena, &r, &err) != METE_OK ||
        settlement_find(e, r.id, &x->arena, &row, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, r.is_new ? 201 : 200, &w);
    jw_object(&w, NULL);
    settlement_members(&w, &row);
    jw_str(&w, "status", submit_status_name(r.moved ? SUBMIT_APPLIED : SUBMIT_DUPLICATE));
    log_head_json(&w, &r.head);
    jw_end_object(&w);
}

/* --- GET ---------------------------------------------------------------------------------------*/

static bool row_write(void *arg, const struct settlement_row *row)
{
    settlement_json(arg, row);
    return true;
}

void settlements_list_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    char next[SETTLEMENT_CURSOR_MAX];
    struct settlements_query q = {.party = exchange_query(x, "party"),
                                  .campaign = exchange_query(x, "campaign"),
                                  .batch = exchange_query(x, "batch"),
                                  .state = exchange_query(x, "state"),
                                  .after = exchange_query(x, "after"),
                                  .limit = PAGE_DEFAULT};
    (void)d;
    if (!arg_number(x, "limit", 1, PAGE_MAX, &q.limit)) {
        return;
    }
    if (x->who->party.len > 0 && q.party.len == 0) {
        q.party = x->who->party; /* a bound key sees its own */
    }
    if (q.party.len > 0 && !arg_own_party(x, q.party)) {
        return;
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "settlements");
    if (settlements_list(e, &q, row_write, &w, next, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&w);
    jw_text_or_null(&w, "next", text_of(next));
    jw_end_object(&w);
}

void settlement_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    struct settlement_row row;
    (void)d;
    enum mete_code code = settlement_find(e, x->param[0], &x->arena, &row, &err);
    if (code == METE_OK && x->who->party.len > 0 && !text_eq(row.beneficiary, x->who->party)) {
        code = mete_fail(&err, METE_NOT_FOUND, NULL, "no settlement of this book has this id");
    }
    if (code != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    settlement_json(&w, &row);
}
