/* SPDX-License-Identifier: Apache-2.0
 * Payments by x402 as they stand, what they add up to, and the policies of resources. A key that is
 * bound to a party "NETWORK:ADDRESS" sees the payments to that address, and nothing else. */
#include "http/desk.h"
#include "http/mapping.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "render/x402.h"
#include "wire/x402/network.h"

#include <inttypes.h>

#define PAGE_DEFAULT 100u
#define PAGE_MAX     1000u

/* --- whose -------------------------------------------------------------------------------------*/

/** A party of CAIP-10 is a network and an address. */
static bool account_split(struct text party, struct text *network, struct text *address)
{
    size_t colon = party.len;
    while (colon > 0 && party.p[colon - 1] != ':') {
        colon--;
    }
    if (colon < 2 || colon == party.len) {
        return false;
    }
    *network = (struct text){party.p, colon - 1};
    *address = (struct text){party.p + colon, party.len - colon};
    return true;
}

static bool is_own(const struct exchange *x, const struct x402_status *p)
{
    struct text network, address;
    return x->who->party.len == 0 || (account_split(x->who->party, &network, &address) &&
                                      text_eq(p->to, address) && text_eq(p->name.network, network));
}

/* --- GET /v1/x402/payments ---------------------------------------------------------------------*/

static bool own_query(struct exchange *x, struct x402_query *q)
{
    struct text network, address;
    if (x->who->party.len == 0) {
        return true;
    }
    bool fits = account_split(x->who->party, &network, &address) &&
                (q->to.len == 0 || text_eq(q->to, address)) &&
                (q->network.len == 0 || text_eq(q->network, network));
    if (!fits) {
        reply_fail(x, METE_NOT_FOUND, NULL, "nothing was paid to this party by x402");
        return false;
    }
    q->to = address;
    q->network = network;
    return true;
}

static bool payment_write(void *arg, const struct x402_listed_payment *row)
{
    x402_payment_json(arg, NULL, &row->status, false);
    return true;
}

static void next_write(struct exchange *x, struct json_writer *w, uint64_t next)
{
    if (next == 0) {
        jw_null(w, "next");
    } else {
        jw_text(w, "next", arena_printf(&x->arena, "%" PRIu64, next));
    }
}

void x402_payments_get(struct desk *d, struct engine *e, struct exchange *x)
{
    uint64_t limit = PAGE_DEFAULT;
    uint64_t next;
    struct json_writer w;
    struct mete_err err;
    struct x402_query q = {.state = exchange_query(x, "state"),
                           .resource = exchange_query(x, "resource"),
                           .from = exchange_query(x, "from"),
                           .to = exchange_query(x, "to"),
                           .network = exchange_query(x, "network"),
                           .until = TIME_NEVER};
    (void)d;
    if (!arg_number(x, "limit", 1, PAGE_MAX, &limit) ||
        !arg_number(x, "after", 0, INT64_MAX, &q.after) || !arg_time(x, "since", false, &q.since) ||
        !arg_time(x, "until", true, &q.until) || !own_query(x, &q)) {
        return;
    }
    q.limit = (size_t)limit;
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "payments");
    if (x402_list(e, &q, payment_write, &w, &next, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&w);
    next_write(x, &w, next);
    jw_end_object(&w);
}

/* --- GET /v1/x402/payments/{id} ----------------------------------------------------------------*/

void x402_payment_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct x402_status p;
    struct json_writer w;
    struct mete_err err;
    (void)d;
    enum mete_code code = text_starts(x->param[0], X402_ID_PREFIX)
                              ? x402_find(e, x->param[0], &x->arena, &p, &err)
                              : x402_find_transaction(e, x->param[0], &x->arena, &p, &err);
    if (code == METE_OK && !is_own(x, &p)) {
        code = mete_fail(&err, METE_NOT_FOUND, "", "nobody has heard of this payment");
    }
    if (code != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    x402_payment_json(&w, NULL, &p, false);
}

/* --- GET /v1/x402/revenue ----------------------------------------------------------------------*/

static bool day_read(struct exchange *x, const char *name, bool *given, int32_t *day)
{
    struct text t = exchange_query(x, name);
    *given = t.len > 0;
    if (*given && !time_parse_day(t, day)) {
        reply_fail(x, METE_TIME_INVALID, NULL, "%s is a day such as 2025-01-31", name);
        return false;
    }
    return true;
}

void x402_revenue_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct x402_revenue_query q = {.from_day = 0,
                                   .until_day = time_day(TIME_MAX),
                                   .resource = exchange_query(x, "resource"),
                                   .network = exchange_query(x, "network")};
    struct text by = exchange_query(x, "by");
    struct x402_revenue r;
    struct json_writer w;
    struct mete_err err;
    bool from, until;
    (void)d;
    if (!day_read(x, "from", &from, &q.from_day) || !day_read(x, "until", &until, &q.until_day)) {
        return;
    }
    if (by.len > 0 && !x402_by_of(by, &q.by)) {
        reply_fail(x, METE_REQUEST_INVALID, NULL, "by is day, resource or network");
        return;
    }
    q.all_days = !from && !until;
    if (x402_revenue(e, &q, &x->arena, &r, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    x402_revenue_json(&w, &q, &r);
}

/* --- /v1/x402/policies -------------------------------------------------------------------------*/

void x402_policies_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct x402_policy_row *row;
    struct json_writer w;
    struct mete_err err;
    size_t count;
    (void)d;
    if (x402_policies(e, &x->arena, &row, &count, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "policies");
    for (size_t i = 0; i < count; i++) {
        x402_policy_json(&w, &row[i]);
    }
    jw_end_array(&w);
    jw_end_object(&w);
}

static const struct body_member MEMBERS[] = {{"pay_to", {"pay_to", "payTo"}}, {NULL, {NULL}}};

/** Who sets a policy for an address that is none would wait for it in vain; such a row can go.
 *  False: the answer says what is wrong. Members of another type are left to the event. */
static bool pay_to_holds(struct exchange *x, const struct json *body)
{
    const struct json *to = json_get(body, "pay_to");
    const struct json *network = json_get(body, "network");
    struct mete_err err;
    to = to != NULL ? to : json_get(body, "payTo");
    if (to == NULL || to->type != JSON_STRING) {
        return true;
    }
    const bool is_said = network != NULL && network->type == JSON_STRING;
    enum mete_code code =
        x402_pay_to_check(to->text, is_said ? network->text : (struct text){0}, &err);
    if (code != METE_OK) {
        reply_fail(x, code, arena_printf(&x->arena, "/%.*s", (int)to->key.len, to->key.p).p, "%s",
                   err.text);
    }
    return code == METE_OK;
}

/** Its id is drawn: a row may be set, taken away and set again with the same words. */
void x402_policy_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct json *body = body_object(x);
    (void)d;
    (void)e;
    if (body != NULL) {
        /* nulls are left out of a payload that is made of a body; this one means something */
        const struct json *policy = json_get(body, "policy");
        bool removes = policy != NULL && policy->type == JSON_NULL;
        if (!removes && !pay_to_holds(x, body)) {
            return;
        }
        const struct body_plan plan = {.type = EVENT_X402_POLICY_SET,
                                       .member = MEMBERS,
                                       .kind = "x402.policy",
                                       .about = text_of(x->request_id),
                                       .first = removes ? TEXT("\"policy\":null,") : TEXT(""),
                                       .no_quarantine = true};
        submission_new(x);
        (void)body_draft(x, body, &plan);
    }
}

void x402_policy_put(struct desk *d, struct engine *e, struct exchange *x)
{
    (void)d;
    (void)submission_answer(e, x, 200);
}
