/* SPDX-License-Identifier: Apache-2.0
 * Totals of a period and of a campaign, the quarantine, and what would have been. */
#include "http/desk.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/limits.h"
#include "base/text.h"
#include "render/render.h"

#define REFUSED_DEFAULT 100u
#define REFUSED_MAX     1000u

/* --- reports -----------------------------------------------------------------------------------*/

static bool report_query_read(struct exchange *x, struct report_query *q)
{
    struct text period = exchange_query(x, "period");
    struct text by = exchange_query(x, "by");
    if (by.len > 0 && !report_by_of(by, &q->by)) {
        reply_fail(x, METE_REQUEST_INVALID, NULL, "by is policy, party, source, currency or role");
        return false;
    }
    if (period.len > 0 && !time_parse_period(period, &q->from, &q->until)) {
        reply_fail(x, METE_TIME_INVALID, NULL, "period is 2025, 2025-Q1, 2025-03 or 2025-03-14");
        return false;
    }
    q->recorded = exchange_query_flag(x, "recorded");
    return true;
}

void report_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    struct report r;
    struct report_query q = {.from = TIME_MIN, .until = TIME_MAX, .by = REPORT_POLICY};
    (void)d;
    if (!report_query_read(x, &q)) {
        return;
    }
    if (report_make(e, &q, &x->arena, &r, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    report_json(&w, &r, &q, "name");
}

/* --- one campaign ------------------------------------------------------------------------------*/

void campaign_report_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    struct campaign_report r;
    struct campaign_report_query q = {.campaign_id = x->param[0], .at = engine_now(e)};
    (void)d;
    if (!arg_time(x, "as_of", true, &q.at)) {
        return;
    }
    if (campaign_report_make(e, &q, &r, &err) == METE_OK) {
        reply_json(x, 200, &w);
        campaign_report_json(&w, &r);
    } else {
        reply_problem(x, &err);
    }
    campaign_report_clear(&r);
}

/* --- quarantine --------------------------------------------------------------------------------*/

struct refused {
    struct json_writer w;
    uint64_t left;
    uint64_t last;
    bool more;
};

static bool refused_write(void *arg, const struct quarantined *q)
{
    struct refused *r = arg;
    if (r->left == 0) {
        r->more = true;
        return false;
    }
    r->left--;
    r->last = q->id;
    quarantined_json(&r->w, q);
    return true;
}

void quarantine_list_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct refused r = {.left = REFUSED_DEFAULT};
    uint64_t after = 0;
    (void)d;
    if (!arg_number(x, "after", 0, UINT64_C(1) << 40, &after) ||
        !arg_number(x, "limit", 1, REFUSED_MAX, &r.left)) {
        return;
    }
    reply_json(x, 200, &r.w);
    jw_object(&r.w, NULL);
    jw_array(&r.w, "refused");
    if (quarantine_list(e, after, refused_write, &r, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&r.w);
    if (r.more) {
        jw_int(&r.w, "next", (int64_t)r.last);
    } else {
        jw_null(&r.w, "next");
    }
    jw_end_object(&r.w);
}

/* --- simulate ----------------------------------------------------------------------------------*/

/** The body is one policy document or manifest; ?from= a moment. */
void simulate_post(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    struct simulation s;
    struct text document = buf_text(&x->body);
    struct simulate_query q = {.document = &document, .document_count = 1};
    mete_time from = 0;
    (void)d;
    if (!arg_time(x, "from", false, &from)) {
        return;
    }
    if (exchange_query(x, "from").p != NULL) {
        q.from = (struct when){.set = true, .at = from};
    }
    if (simulate_run(e, &q, &x->arena, &s, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    simulation_json(&w, &s);
}
