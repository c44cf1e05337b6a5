/* SPDX-License-Identifier: Apache-2.0
 * Disputes: the list, one with its history and evidence, and opening one. What is said of an open
 * one goes the way of allocations.c. A key that is bound to a party sees its own shares alone. */
#include "engine/disputes.h"
#include "http/desk.h"
#include "http/mapping.h"
#include "http/own.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "render/render.h"

#define PAGE_DEFAULT 100u
#define PAGE_MAX     1000u
#define LOOK_MAX     100000u /* some seconds' work */

/* --- GET /v1/disputes --------------------------------------------------------------------------*/

static bool row_write(void *arg, const struct dispute_row *row)
{
    dispute_json(arg, row);
    return true;
}

void disputes_list_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    char next[ALLOCATION_CURSOR_MAX];
    struct disputes_query q = {.at = engine_now(e),
                               .party = exchange_query(x, "party"),
                               .policy = exchange_query(x, "policy"),
                               .state = exchange_query(x, "state"),
                               .after = exchange_query(x, "after"),
                               .limit = PAGE_DEFAULT,
                               .look_max = LOOK_MAX};
    (void)d;
    if (!arg_number(x, "limit", 1, PAGE_MAX, &q.limit) || !arg_time(x, "as_of", true, &q.at)) {
        return;
    }
    if (x->who->party.len > 0 && q.party.len == 0) {
        q.party = x->who->party;
    }
    if (q.party.len > 0 && !arg_own_party(x, q.party)) {
        return;
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "disputes");
    if (disputes_list(e, &q, row_write, &w, next, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&w);
    jw_text_or_null(&w, "next", text_of(next));
    jw_end_object(&w);
}

/* --- one ---------------------------------------------------------------------------------------*/

/** False: the answer says why not. */
static bool share_load(struct engine *e, struct exchange *x, struct share_history *h)
{
    struct mete_err err;
    mete_time at = engine_now(e);
    if (!arg_time(x, "as_of", true, &at)) {
        return false;
    }
    if (share_history(e, x->param[0], at, &x->arena, h, &err) != METE_OK) {
        reply_problem(x, &err);
        return false;
    }
    if (x->who->party.len > 0 && !text_eq(h->row.share.party, x->who->party)) {
        reply_fail(x, METE_ALLOCATION_UNKNOWN, NULL, "there is no such allocation");
        return false;
    }
    return true;
}

static void share_reply(struct exchange *x, const struct share_history *h)
{
    struct json_writer w;
    reply_json(x, 200, &w);
    share_json(&w, h);
}

void allocation_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct share_history h;
    (void)d;
    if (share_load(e, x, &h)) {
        share_reply(x, &h);
    }
}

void dispute_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct share_history h;
    (void)d;
    if (!share_load(e, x, &h)) {
        return;
    }
    if (!h.is_disputed) {
        reply_fail(x, METE_NOT_FOUND, NULL, "this allocation was never disputed");
        return;
    }
    share_reply(x, &h);
}

/* --- POST /v1/disputes -------------------------------------------------------------------------*/

static const char *const SHARE[] = {"allocation_id", "allocationId", NULL};
static const struct body_member MEMBERS[] = {{"allocation_id", {"allocation_id", "allocationId"}},
                                             {NULL, {NULL}}};

void dispute_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct json *body = body_object(x);
    struct text share;
    (void)d;
    (void)e;
    if (body == NULL || !body_text(x, body, SHARE, &share)) {
        return;
    }
    const struct body_plan plan = {.type = EVENT_ALLOCATION_DISPUTED,
                                   .member = MEMBERS,
                                   .kind = event_type_name(EVENT_ALLOCATION_DISPUTED),
                                   .about = share,
                                   .is_act = true};
    submission_new(x);
    (void)body_draft(x, body, &plan);
}
