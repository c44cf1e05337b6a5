/* SPDX-License-Identifier: Apache-2.0
 * How it went with what was sent. */
#include "render/render.h"

#include "base/text.h"

void why_members(struct json_writer *w, const struct mete_err *err)
{
    jw_str(w, "code", mete_code_name(err->code));
    jw_str(w, "pointer", err->pointer);
    jw_str(w, "message", err->text);
}

void outcome_members(struct json_writer *w, const struct submit_result *r)
{
    jw_text(w, "event_id", r->event_id);
    jw_str(w, "status", submit_status_name(r->status));
    if (r->status != SUBMIT_APPLIED && r->status != SUBMIT_DUPLICATE) {
        why_members(w, &r->err);
    }
}

void problems_json(struct json_writer *w, const char *key, const struct problem *problem,
                   size_t count, bool remedies)
{
    jw_array(w, key);
    for (size_t i = 0; i < count; i++) {
        jw_object(w, NULL);
        jw_str(w, "code", mete_code_name(problem[i].code));
        jw_text(w, "pointer", problem[i].pointer);
        jw_text(w, "message", problem[i].message);
        if (remedies) {
            jw_str(w, "remediation", mete_code_remediation(problem[i].code));
        }
        jw_end_object(w);
    }
    jw_end_array(w);
}
