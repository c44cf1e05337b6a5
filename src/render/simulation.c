/* SPDX-License-Identifier: Apache-2.0
 * What would have been. */
#include "render/render.h"

static void row_json(struct json_writer *w, const struct simulate_row *row)
{
    jw_object(w, NULL);
    jw_text(w, "party", row->party);
    jw_asset(w, &row->asset);
    jw_i128(w, "now", row->now);
    jw_i128(w, "then", row->then);
    jw_i128(w, "difference", row->then - row->now);
    jw_end_object(w);
    jw_spill(w);
}

static void total_json(struct json_writer *w, const struct simulate_total *total)
{
    jw_object(w, NULL);
    jw_asset(w, &total->asset);
    jw_i128(w, "now", total->now);
    jw_i128(w, "then", total->then);
    jw_i128(w, "moved", total->moved);
    jw_int(w, "parties", (int64_t)total->parties);
    jw_end_object(w);
}

static void refused_json(struct json_writer *w, const struct simulate_refused *r)
{
    jw_object(w, NULL);
    jw_text(w, "event_id", r->event_id);
    jw_str(w, "event_type", r->event_type);
    why_members(w, &r->why);
    jw_end_object(w);
}

void simulation_json(struct json_writer *w, const struct simulation *s)
{
    jw_object(w, NULL);
    jw_array(w, "rows");
    for (size_t i = 0; i < s->row_count; i++) {
        row_json(w, &s->row[i]);
    }
    jw_end_array(w);
    jw_array(w, "totals");
    for (size_t i = 0; i < s->total_count; i++) {
        total_json(w, &s->total[i]);
    }
    jw_end_array(w);
    jw_int(w, "changed", (int64_t)s->changed);
    jw_int(w, "events", (int64_t)s->events);
    jw_int(w, "left_out", (int64_t)s->left_out);
    jw_int(w, "uncovered_transfers", (int64_t)s->uncovered);
    jw_int(w, "refused_count", (int64_t)s->refused_count);
    jw_array(w, "refused");
    for (uint64_t i = 0; i < s->refused_count && i < SIMULATE_REFUSED_MAX; i++) {
        refused_json(w, &s->refused[i]);
    }
    jw_end_array(w);
    jw_int(w, "milliseconds", s->elapsed_us / 1000);
    jw_int(w, "events_per_second", (int64_t)simulation_rate(s));
    jw_end_object(w);
}
