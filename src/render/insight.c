/* SPDX-License-Identifier: Apache-2.0
 * What apps report of themselves. Values are texts: no reader makes a float of them. */
#include "render/render.h"

#include "base/text.h"

void kpi_json(struct json_writer *w, const struct kpi_point *p)
{
    jw_object(w, NULL);
    jw_text(w, "app", p->app);
    jw_text(w, "env", p->env);
    jw_text(w, "metric", p->metric);
    jw_text(w, "bucket", p->bucket);
    jw_raw(w, "tags", p->tags);
    jw_time(w, "t", p->t);
    jw_text(w, "v", p->v);
    jw_text_or_null(w, "unit", p->unit);
    jw_time(w, "sent_at", p->sent_at);
    jw_time(w, "received_at", p->received_at);
    jw_end_object(w);
    jw_spill(w);
}

void insight_json(struct json_writer *w, const struct insight *i)
{
    jw_object(w, NULL);
    jw_text(w, "app", i->app);
    jw_text(w, "env", i->env);
    jw_text(w, "event_id", i->id);
    jw_time(w, "t", i->t);
    jw_text(w, "type", i->type);
    jw_text_or_null(w, "severity", i->severity);
    jw_text_or_null(w, "message", i->message);
    if (i->data.len > 0) {
        jw_raw(w, "data", i->data);
    } else {
        jw_null(w, "data");
    }
    jw_time(w, "received_at", i->received_at);
    jw_end_object(w);
    jw_spill(w);
}
