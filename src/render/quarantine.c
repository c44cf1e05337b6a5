/* SPDX-License-Identifier: Apache-2.0
 * What was refused and kept. */
#include "render/render.h"

#include "base/text.h"

static void refused_members(struct json_writer *w, const struct quarantined *q)
{
    jw_int(w, "id", (int64_t)q->id);
    jw_time(w, "received_at", q->received_at);
    jw_text(w, "event_id", q->event_id);
    jw_str(w, "code", mete_code_name(q->code));
    jw_text(w, "pointer", q->pointer);
}

void quarantined_json(struct json_writer *w, const struct quarantined *q)
{
    jw_object(w, NULL);
    refused_members(w, q);
    jw_int(w, "attempts", q->attempts);
    jw_int(w, "bytes", (int64_t)q->body.len);
    jw_text(w, "message", q->message);
    jw_end_object(w);
    jw_spill(w);
}

void quarantined_whole_json(struct json_writer *w, const struct quarantined *q)
{
    jw_object(w, NULL);
    refused_members(w, q);
    jw_text(w, "message", q->message);
    jw_str(w, "remediation", mete_code_remediation(q->code));
    jw_int(w, "attempts", q->attempts);
    jw_bool(w, "cut", q->cut);
    if (text_is_utf8(q->body)) {
        jw_text(w, "body", q->body);
    } else {
        jw_null(w, "body");
    }
    jw_end_object(w);
}
