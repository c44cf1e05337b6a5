/* SPDX-License-Identifier: Apache-2.0
 * {from, until, counted_by, parties: [{party, asset, earned, reversed, moved, paid, returned,
 * payments}]}. */
#include "render/render.h"

#include "base/text.h"

static void row_json(struct json_writer *w, const struct tax_row *row)
{
    jw_object(w, NULL);
    jw_text(w, "party", row->party);
    jw_asset(w, &row->asset);
    jw_i128(w, "earned", row->earned);
    jw_i128(w, "reversed", row->reversed);
    jw_i128(w, "moved", row->moved);
    jw_i128(w, "paid", row->paid);
    jw_i128(w, "returned", row->returned);
    jw_int(w, "payments", (int64_t)row->payments);
    jw_end_object(w);
    jw_spill(w);
}

void tax_json(struct json_writer *w, const struct tax_query *q, const struct tax_row *rows,
              size_t count)
{
    jw_object(w, NULL);
    jw_time(w, "from", q->from);
    jw_time(w, "until", q->until);
    jw_str(w, "counted_by", q->recorded ? "recorded_at" : "occurred_at");
    jw_array(w, "parties");
    for (size_t i = 0; i < count; i++) {
        row_json(w, &rows[i]);
    }
    jw_end_array(w);
    jw_end_object(w);
}
