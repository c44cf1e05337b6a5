/* SPDX-License-Identifier: Apache-2.0
 * What parties have. */
#include "render/render.h"

static void balance_members(struct json_writer *w, const struct balance *b)
{
    jw_i128(w, "pending", b->pending);
    jw_i128(w, "disputed", b->disputed);
    jw_i128(w, "cleared", b->cleared);
    jw_i128(w, "debt", b->debt);
    jw_i128(w, "paid", b->paid);
}

void balance_json(struct json_writer *w, const struct party_row *row)
{
    jw_object(w, NULL);
    jw_asset(w, &row->asset);
    balance_members(w, &row->balance);
    jw_end_object(w);
}

void party_json(struct json_writer *w, const struct party_row *row)
{
    jw_object(w, NULL);
    jw_text(w, "party", row->party);
    jw_text_or_null(w, "kind", row->kind);
    jw_asset(w, &row->asset);
    balance_members(w, &row->balance);
    jw_end_object(w);
    jw_spill(w);
}

void party_totals_json(struct json_writer *w, const struct party_total *total, size_t count)
{
    jw_array(w, "totals");
    for (size_t i = 0; i < count; i++) {
        jw_object(w, NULL);
        jw_asset(w, &total[i].asset);
        jw_int(w, "parties", (int64_t)total[i].parties);
        balance_members(w, &total[i].balance);
        jw_end_object(w);
    }
    jw_end_array(w);
}
