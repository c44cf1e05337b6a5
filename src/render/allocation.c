/* SPDX-License-Identifier: Apache-2.0
 * Shares of revenues, one by one. */
#include "render/render.h"

void allocation_json(struct json_writer *w, const struct allocation_row *row)
{
    jw_object(w, NULL);
    jw_text(w, "allocation_id", row->id);
    jw_text(w, "event_id", row->event_id);
    jw_text(w, "party", row->party);
    jw_i128(w, "amount", row->amount);
    jw_i128(w, "reversed", row->reversed);
    jw_asset(w, &row->asset);
    jw_text_or_null(w, "role", row->role);
    jw_text_or_null(w, "policy", row->policy);
    jw_text_or_null(w, "root_policy", row->root_policy);
    jw_int(w, "policy_version", row->policy_version);
    jw_str(w, "state", row->state);
    jw_text_or_null(w, "held_by", row->held_by);
    jw_time(w, "clears_at", row->clears_at);
    jw_time(w, "booked_at", row->booked_at);
    jw_end_object(w);
    jw_spill(w);
}
