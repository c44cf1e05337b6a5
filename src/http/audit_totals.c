/* SPDX-License-Identifier: Apache-2.0
 * What an auditor sees: the sums of each currency, and nobody's own figures. */
#include "http/desk.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"
#include "http/submission.h"

#include "engine/query.h"

static void totals_write(struct exchange *x, struct json_writer *w, const struct report *r)
{
    jw_array(w, "totals");
    for (size_t i = 0; i < r->row_count; i++) {
        const struct report_row *row = &r->row[i];
        jw_object(w, NULL);
        jw_text(w, "asset", arena_printf(&x->arena, "%s/%u", row->asset.code, row->asset.scale));
        jw_i128(w, "gross", row->gross);
        jw_i128(w, "fees", row->fees);
        jw_i128(w, "allocated", row->allocated);
        jw_i128(w, "unallocated", row->unallocated);
        jw_i128(w, "carried", row->carried);
        jw_i128(w, "reversed", row->reversed);
        jw_int(w, "revenues", (int64_t)row->count);
        jw_bool(w, "balanced",
                row->gross == row->fees + row->allocated + row->unallocated + row->carried);
        jw_end_object(w);
    }
    jw_end_array(w);
}

static void usage_write(struct json_writer *w, const struct report *r)
{
    i128 calls = 0;
    i128 bytes = 0;
    i128 reports = 0;
    for (size_t i = 0; i < r->usage_count; i++) {
        calls += r->usage[i].calls;
        bytes += r->usage[i].bytes;
        reports += r->usage[i].reports;
    }
    jw_object(w, "usage");
    jw_int(w, "providers", (int64_t)r->usage_count);
    jw_i128(w, "calls", calls);
    jw_i128(w, "bytes", bytes);
    jw_i128(w, "reports", reports);
    jw_end_object(w);
}

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
    totals_write(x, &w, &r);
    usage_write(&w, &r);
    submission_log_write(&w, e);
    jw_end_object(&w);
}
