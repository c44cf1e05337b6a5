/* SPDX-License-Identifier: Apache-2.0
 * GET /v1/tax/totals: what everybody earned and was paid in a period. Forms need names and tax
 * numbers, which the server does not have: mete tax export joins them from a file. */
#include "http/desk.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "render/render.h"

static bool query_read(struct exchange *x, struct tax_query *q)
{
    struct text period = exchange_query(x, "period");
    struct text offset = exchange_query(x, "utc_offset");
    int32_t offset_s = 0;
    if (offset.len > 0 && !tax_offset_parse(offset, &offset_s)) {
        reply_fail(x, METE_REQUEST_INVALID, NULL, "utc_offset is +05:30, -08:00 or Z");
        return false;
    }
    if (!tax_period(period, offset_s, q)) {
        reply_fail(x, METE_TIME_INVALID, NULL, "period is 2026, 2026-Q1, 2026-03 or 2026-03-14");
        return false;
    }
    q->party = exchange_query(x, "party");
    q->recorded = exchange_query_flag(x, "recorded");
    return true;
}

void tax_totals_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    struct tax_query q = {0};
    struct tax_row *rows = NULL;
    size_t count = 0;
    (void)d;
    if (!query_read(x, &q)) {
        return;
    }
    if (tax_totals(e, &q, &x->arena, &rows, &count, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    tax_json(&w, &q, rows, count);
}
