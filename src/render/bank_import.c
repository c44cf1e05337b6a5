/* SPDX-License-Identifier: Apache-2.0
 * What became of a bank's file, as JSON. */
#include "render/render.h"

#include "wire/json_values.h"

void bank_import_row_json(struct json_writer *w, const struct bank_import_row *row)
{
    jw_object(w, NULL);
    jw_str(w, "outcome", bank_import_end_name(row->end));
    jw_text_or_null(w, "transfer_id", row->transfer_id);
    jw_text(w, "reference", row->reference);
    jw_text_or_null(w, "code", row->code);
    jw_text_or_null(w, "reason", row->reason);
    jw_text_or_null(w, "amount", row->amount);
    jw_text_or_null(w, "currency", row->currency);
    jw_end_object(w);
}

void bank_import_counts_json(struct json_writer *w, const struct bank_import_counts *c)
{
    jw_object(w, "counts");
    for (size_t i = 0; i < BANK_IMPORT_END_COUNT; i++) {
        jw_int(w, bank_import_end_name((enum bank_import_end)i), (int64_t)c->end[i]);
    }
    jw_end_object(w);
}
