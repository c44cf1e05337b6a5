/* SPDX-License-Identifier: Apache-2.0
 * What is asked of payouts: open a batch, pay me now, cancel, hold, release. Bodies are read before
 * the book is; what is allowed is core's and the engine's to say. */
#include "http/desk.h"
#include "http/limits.h"
#include "http/mapping.h"
#include "http/payday.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "render/render.h"

/* --- bodies ------------------------------------------------------------------------------------*/

struct member {
    const char *name;
    struct text *to;
};

/** The body, its texts taken; NULL: the answer says why not. `other` is read by the caller. */
static const struct json *body_read(struct exchange *x, const struct member *member, size_t count,
                                    const char *other)
{
    const struct json *body = body_object(x);
    const char **known = arena_array(&x->arena, count + 2, sizeof *known);
    for (size_t i = 0; i < count; i++) {
        known[i] = member[i].name;
    }
    known[count] = other;
    known[count + (other != NULL)] = NULL;
    if (body == NULL || !body_is_known(x, body, known)) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        const char *const names[] = {member[i].name, NULL};
        if (!body_text(x, body, names, member[i].to)) {
            return NULL;
        }
    }
    return body;
}

/* --- POST /v1/payouts/batches ------------------------------------------------------------------*/

void payout_batch_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    struct batch_request *q = arena_alloc(&x->arena, sizeof *q);
    const struct member members[] = {{"schedule", &q->schedule},
                                     {"period", &q->period},
                                     {"batch_id", &q->batch_id},
                                     {"asset", &q->asset},
                                     {"rail", &q->rail}};
    (void)d;
    (void)e;
    *q = (struct batch_request){.actor = x->who->key_id};
    if (x->who->party.len > 0) {
        reply_fail(x, METE_FORBIDDEN, NULL,
                   "a batch pays everybody: it needs a key that is bound to no party");
        return;
    }
    const struct json *body = body_read(x, members, ARRAY_LEN(members), "cutoff_at");
    const struct json *at = json_get(body, "cutoff_at");
    if (body == NULL) {
        return;
    }
    q->cutoff.set = at != NULL && at->type != JSON_NULL;
    if (q->cutoff.set &&
        (at->type != JSON_STRING || time_parse(at->text, &q->cutoff.at) != TIME_OK)) {
        reply_fail(x, METE_TIME_INVALID, "/cutoff_at",
                   "expected an RFC 3339 time such as 2025-01-31T23:59:59Z");
    } else if (q->schedule.len > 0 &&
               (q->batch_id.len > 0 || q->asset.len > 0 || q->rail.len > 0 || q->cutoff.set)) {
        reply_fail(x, METE_REQUEST_INVALID, "/schedule",
                   "a schedule says batch_id, asset, rail and cutoff_at itself");
    }
    x->work = q;
}

void payout_batch_post(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct batch_request *q = x->work;
    struct batch_row row;
    struct text id;
    bool is_new;
    struct json_writer w;
    struct mete_err err;
    if (payout_batch_open(e, q, &x->arena, &id, &is_new, &err) != METE_OK ||
        payout_batch_find(e, id, &x->arena, &row, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, is_new ? 202 : 200, &w);
    reply_header(x, "Location",
                 arena_printf(&x->arena, "/v1/payouts/batches/%.*s", (int)id.len, id.p));
    payout_batch_json(&w, &row);
    payday_news(d->payday);
}

/* --- POST /v1/payouts/request ------------------------------------------------------------------*/

static enum mete_code request_allow(const void *who, const struct asset *asset, i128 amount,
                                    struct mete_err *err)
{
    return limits_allow(who, asset, amount, err);
}

void payout_request_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    struct payout_ask *q = arena_alloc(&x->arena, sizeof *q);
    const struct member members[] = {{"schedule", &q->schedule}, {"amount", &q->amount}};
    (void)d;
    (void)e;
    *q = (struct payout_ask){.actor = x->who->key_id, .allow = request_allow, .ctx = x->who};
    if (body_read(x, members, ARRAY_LEN(members), NULL) == NULL) {
        return;
    }
    if (q->schedule.len == 0) {
        reply_fail(x, METE_MEMBER_MISSING, "/schedule", "say by which schedule on demand");
    }
    q->party = x->who->party;
    x->work = q;
}

static void whole_answer(struct engine *e, struct exchange *x, struct text id, unsigned status)
{
    struct payout_whole p;
    struct json_writer w;
    struct mete_err err;
    if (payout_show(e, id, &x->arena, &p, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, status, &w);
    payout_whole_json(&w, &p);
}

void payout_request_post(struct desk *d, struct engine *e, struct exchange *x)
{
    struct text id;
    bool is_new;
    struct mete_err err;
    (void)d;
    if (x->who->party.len == 0) {
        reply_fail(x, METE_FORBIDDEN, NULL,
                   "a party asks for itself: with a key that is bound to it");
        return;
    }
    if (payout_request(e, x->work, &x->arena, &id, &is_new, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    whole_answer(e, x, id, 201);
}

/* --- cancel, hold, release ---------------------------------------------------------------------*/

/** Of one payout, or of a party, which the body names. */
static void act_read(struct exchange *x, bool of_party)
{
    struct payout_act *act = arena_alloc(&x->arena, sizeof *act);
    const struct member members[] = {{"reason", &act->reason}, {"party", &act->party}};
    *act = (struct payout_act){.actor = x->who->key_id};
    if (body_read(x, members, of_party ? 2 : 1, NULL) == NULL) {
        return;
    }
    act->id = of_party ? (struct text){0} : x->param[0];
    if (of_party && act->party.len == 0) {
        reply_fail(x, METE_MEMBER_MISSING, "/party", "say whose payouts are held");
    }
    x->work = act;
}

void payout_act_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    (void)d;
    (void)e;
    act_read(x, false);
}

void payout_hold_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    (void)d;
    (void)e;
    act_read(x, true);
}

void payout_cancel_post(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct payout_act *act = x->work;
    struct mete_err err;
    (void)d;
    if (payout_cancel(e, act, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    whole_answer(e, x, act->id, 200);
}

void payout_release_post(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct payout_act *act = x->work;
    struct mete_err err;
    (void)d;
    if (payout_release(e, act, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    whole_answer(e, x, act->id, 200);
}

void payout_hold_post(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct payout_act *act = x->work;
    struct json_writer w;
    struct mete_err err;
    (void)d;
    if (payout_hold(e, act, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 201, &w);
    jw_object(&w, NULL);
    jw_text(&w, "party", act->party);
    jw_str(&w, "hold", "supervisor");
    jw_text(&w, "reason", act->reason);
    jw_end_object(&w);
}
