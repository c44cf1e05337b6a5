/* SPDX-License-Identifier: Apache-2.0
 * What an auditor sees: the sums of each currency, and nobody's own figures. */
#include "http/desk.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"
#include "http/submission.h"

#include "render/render.h"

void audit_totals_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    struct report r;
    struct report_query q = {.from = TIME_MIN, .until = TIME_MAX, .by = REPORT_CURRENCY};
    (void)d;
    if (!arg_time(x, "from", false, &q.from) || !arg_time(x, "to", true, &q.until)) {
        return;
    }
    q.until += q.until < TIME_MAX; /* its last moment counts */
    q.recorded = exchange_query_flag(x, "recorded");
    if (report_make(e, &q, &x->arena, &r, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    audit_totals_members(&w, &r);
    submission_log_write(&w, e);
    jw_end_object(&w);
}
