/* SPDX-License-Identifier: Apache-2.0
 * Payouts as they would be, and as they stand. A key that is bound to a party sees that party's
 * alone; plans and batches are of everybody. */
#include "http/desk.h"
#include "http/mapping.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "render/render.h"

#include <inttypes.h>

#define PAGE_DEFAULT 100u
#define PAGE_MAX     1000u
#define ROW_MEMORY   ((size_t)1 << 20)

static bool is_for_all(struct exchange *x)
{
    if (x->who->party.len == 0) {
        return true;
    }
    reply_fail(x, METE_FORBIDDEN, NULL,
               "this is of all parties: it needs a key that is bound to none");
    return false;
}

/** A number that was handed out as "next". */
static bool arg_cursor(struct exchange *x, uint64_t *out)
{
    return arg_number(x, "after", 0, INT64_MAX, out);
}

static void next_write(struct exchange *x, struct json_writer *w, uint64_t next)
{
    if (next == 0) {
        jw_null(w, "next");
    } else {
        jw_text(w, "next", arena_printf(&x->arena, "%" PRIu64, next));
    }
}

/* --- POST /v1/payouts/plan ---------------------------------------------------------------------*/

struct planning {
    struct exchange *x;
    struct json_writer w;
    struct asset asset;
    struct arena row;
    struct payout_tally tally;
    uint64_t left; /* rows that may still be shown */
    bool more;
    struct text last;
};

static bool plan_row(void *arg, const struct payout_row *row)
{
    struct planning *p = arg;
    payout_tally_add(&p->tally, row);
    if (p->left == 0) {
        p->more = true;
        return true;
    }
    p->left--;
    arena_reset(&p->row);
    p->last = p->left == 0 ? arena_text(&p->x->arena, row->party) : p->last;
    payout_plan_row_json(&p->w, &p->row, row, &p->asset);
    return true;
}

/** Asset, rail and moment, by the schedule or the body's own words. */
static bool plan_read(struct engine *e, struct exchange *x, const struct json *body,
                      struct payout_query *q)
{
    static const char *const schedule_name[] = {"schedule", NULL};
    static const char *const names[][2] = {
        {"asset", NULL}, {"rail", NULL}, {"party", NULL}, {"after", NULL}};
    struct text *const to[] = {&q->asset, &q->rail, &q->party, &q->after};
    struct payout_period *p = arena_alloc(&x->arena, sizeof *p);
    struct text id;
    struct mete_err err;
    *q = (struct payout_query){.at = payout_cutoff(engine_now(e))};
    for (size_t i = 0; i < ARRAY_LEN(to); i++) {
        if (!body_text(x, body, names[i], to[i])) {
            return false;
        }
    }
    if (!body_text(x, body, schedule_name, &id)) {
        return false;
    }
    if (id.len == 0) {
        return true;
    }
    if (payout_period_find(e, id, (struct text){0}, &x->arena, p, &err) != METE_OK) {
        reply_problem(x, &err);
        return false;
    }
    const struct payout_query by_schedule = payout_period_query(p);
    q->asset = by_schedule.asset;
    q->rail = by_schedule.rail;
    q->at = by_schedule.at;
    q->bounds = by_schedule.bounds;
    return true;
}

static bool plan_bounds(struct exchange *x, const struct json *body, struct payout_query *q,
                        uint64_t *limit)
{
    const struct json *at = json_get(body, "at");
    const struct json *given = json_get(body, "limit");
    *limit = PAGE_DEFAULT;
    if (at != NULL && (at->type != JSON_STRING || time_parse(at->text, &q->at) != TIME_OK)) {
        reply_fail(x, METE_TIME_INVALID, "/at",
                   "expected an RFC 3339 time such as 2025-01-31T12:00:00Z");
        return false;
    }
    if (given != NULL && !text_number(given->raw, 0, PAGE_MAX, limit)) {
        reply_fail(x, METE_REQUEST_INVALID, "/limit", "a number from 0 to %u", PAGE_MAX);
        return false;
    }
    if (q->asset.len == 0 || q->rail.len == 0) {
        reply_fail(x, METE_MEMBER_MISSING, q->asset.len == 0 ? "/asset" : "/rail",
                   "say the schedule, or asset and rail");
        return false;
    }
    return true;
}

void payout_plan_post(struct desk *d, struct engine *e, struct exchange *x)
{
    struct payout_query q;
    struct planning p = {.x = x};
    struct mete_err err;
    const struct json *body = is_for_all(x) ? body_object(x) : NULL;
    (void)d;
    if (body == NULL || !plan_read(e, x, body, &q) || !plan_bounds(x, body, &q, &p.left)) {
        return;
    }
    if (view_asset(engine_view(e), q.asset, &p.asset) != VIEW_FOUND) {
        reply_fail(x, METE_CURRENCY_UNKNOWN, "/asset", "this book does not know the asset");
        return;
    }
    reply_json(x, 200, &p.w);
    jw_object(&p.w, NULL);
    jw_time(&p.w, "cutoff_at", q.at);
    jw_text(&p.w, "rail", q.rail);
    jw_array(&p.w, "parties");
    arena_init(&p.row, ROW_MEMORY);
    enum mete_code code = payout_plan(e, &q, plan_row, &p, &err);
    arena_clear(&p.row);
    if (code != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&p.w);
    payout_tally_json(&p.w, &p.tally, &p.asset);
    jw_text_or_null(&p.w, "next", p.more ? p.last : (struct text){0});
    jw_end_object(&p.w);
}

/* --- batches -----------------------------------------------------------------------------------*/

static bool batch_write(void *arg, const struct batch_row *row)
{
    payout_batch_json(arg, row);
    return true;
}

void payout_batches_get(struct desk *d, struct engine *e, struct exchange *x)
{
    uint64_t after = 0;
    uint64_t limit = PAGE_DEFAULT;
    uint64_t next;
    struct json_writer w;
    struct mete_err err;
    (void)d;
    if (!is_for_all(x) || !arg_number(x, "limit", 1, PAGE_MAX, &limit) || !arg_cursor(x, &after)) {
        return;
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "batches");
    if (payout_batches_list(e, after, (size_t)limit, batch_write, &w, &next, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&w);
    next_write(x, &w, next);
    jw_end_object(&w);
}

void payout_batch_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct batch_row row;
    struct json_writer w;
    struct mete_err err;
    (void)d;
    if (!is_for_all(x)) {
        return;
    }
    if (payout_batch_find(e, x->param[0], &x->arena, &row, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    payout_batch_json(&w, &row);
}

/* --- payouts -----------------------------------------------------------------------------------*/

static bool payout_write(void *arg, const struct payout_due *p)
{
    payout_json(arg, p);
    return true;
}

void payouts_get(struct desk *d, struct engine *e, struct exchange *x)
{
    uint64_t limit = PAGE_DEFAULT;
    uint64_t next;
    struct json_writer w;
    struct mete_err err;
    struct payouts_query q = {.party = exchange_query(x, "party"),
                              .batch = exchange_query(x, "batch"),
                              .state = exchange_query(x, "state")};
    (void)d;
    if (!arg_number(x, "limit", 1, PAGE_MAX, &limit) || !arg_cursor(x, &q.after)) {
        return;
    }
    if (x->who->party.len > 0 && q.party.len == 0) {
        q.party = x->who->party; /* a bound key sees its own */
    }
    if (q.party.len > 0 && !arg_own_party(x, q.party)) {
        return;
    }
    q.limit = (size_t)limit;
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "payouts");
    if (payouts_list(e, &q, payout_write, &w, &next, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&w);
    next_write(x, &w, next);
    jw_end_object(&w);
}

void payout_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct payout_whole p;
    struct json_writer w;
    struct mete_err err;
    (void)d;
    enum mete_code code = payout_show(e, x->param[0], &x->arena, &p, &err);
    if (code == METE_OK && x->who->party.len > 0 && !text_eq(p.due.party, x->who->party)) {
        code = mete_fail(&err, METE_TRANSFER_UNKNOWN, NULL, "there is no payout \"%.*s\"",
                         (int)x->param[0].len, x->param[0].p);
    }
    if (code != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    payout_whole_json(&w, &p);
}
