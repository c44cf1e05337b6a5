/* SPDX-License-Identifier: Apache-2.0
 * Totals: of a period for those who run the book, and of a currency for those who audit it. */
#include "render/render.h"

static void parts_members(struct json_writer *w, const struct report_row *row)
{
    jw_i128(w, "gross", row->gross);
    jw_i128(w, "fees", row->fees);
    jw_i128(w, "allocated", row->allocated);
    jw_i128(w, "unallocated", row->unallocated);
    jw_i128(w, "carried", row->carried);
    jw_i128(w, "reversed", row->reversed);
}

static void row_json(struct json_writer *w, const struct report_row *row, const char *name,
                     enum report_by by)
{
    jw_object(w, NULL);
    jw_text_or_null(w, name, row->name);
    jw_asset(w, &row->asset);
    jw_int(w, "count", (int64_t)row->count);
    parts_members(w, row);
    jw_i128(w, "net", row->gross - row->reversed);
    if (by == REPORT_PARTY) {
        jw_i128(w, "year_to_date", row->year_to_date);
    }
    jw_end_object(w);
    jw_spill(w);
}

static void usage_json(struct json_writer *w, const struct report_usage *u)
{
    jw_object(w, NULL);
    jw_text(w, "provider", u->provider);
    jw_i128(w, "reports", u->reports);
    jw_i128(w, "calls", u->calls);
    jw_i128(w, "bytes", u->bytes);
    jw_i128(w, "latency_ms_sum", u->latency_ms_sum);
    jw_end_object(w);
}

static void waiting_json(struct json_writer *w, const struct report_waiting *row)
{
    jw_object(w, NULL);
    jw_text(w, "policy", row->policy);
    jw_str(w, "code", row->code);
    jw_asset(w, &row->asset);
    jw_int(w, "count", (int64_t)row->count);
    jw_i128(w, "amount", row->amount);
    jw_end_object(w);
}

void report_json(struct json_writer *w, const struct report *r, const struct report_query *q,
                 const char *name)
{
    jw_object(w, NULL);
    jw_time(w, "from", q->from);
    jw_time(w, "until", q->until);
    jw_str(w, "by", report_by_name(q->by));
    jw_str(w, "time", q->recorded ? "recorded_at" : "occurred_at");
    jw_array(w, "rows");
    for (size_t i = 0; i < r->row_count; i++) {
        row_json(w, &r->row[i], name, q->by);
    }
    jw_end_array(w);
    jw_array(w, "usage");
    for (size_t i = 0; i < r->usage_count; i++) {
        usage_json(w, &r->usage[i]);
    }
    jw_end_array(w);
    jw_array(w, "waiting");
    for (size_t i = 0; i < r->waiting_count; i++) {
        waiting_json(w, &r->waiting[i]);
    }
    jw_end_array(w);
    jw_end_object(w);
}

/* --- for auditors ------------------------------------------------------------------------------*/

static void total_json(struct json_writer *w, const struct report_row *row)
{
    jw_object(w, NULL);
    jw_asset(w, &row->asset);
    parts_members(w, row);
    jw_int(w, "revenues", (int64_t)row->count);
    jw_bool(w, "balanced",
            row->gross == row->fees + row->allocated + row->unallocated + row->carried);
    jw_end_object(w);
}

void audit_totals_members(struct json_writer *w, const struct report *r)
{
    struct report_usage all = {0};
    jw_array(w, "totals");
    for (size_t i = 0; i < r->row_count; i++) {
        total_json(w, &r->row[i]);
    }
    jw_end_array(w);
    for (size_t i = 0; i < r->usage_count; i++) {
        all.calls += r->usage[i].calls;
        all.bytes += r->usage[i].bytes;
        all.reports += r->usage[i].reports;
    }
    jw_object(w, "usage");
    jw_int(w, "providers", (int64_t)r->usage_count);
    jw_i128(w, "calls", all.calls);
    jw_i128(w, "bytes", all.bytes);
    jw_i128(w, "reports", all.reports);
    jw_end_object(w);
}
