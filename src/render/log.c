/* SPDX-License-Identifier: Apache-2.0
 * The log and what can be proven of it (doc/format.md, "Proofs"). */
#include "render/render.h"

#include "base/text.h"

void log_head_json(struct json_writer *w, const struct log_head *head)
{
    jw_object(w, "log");
    jw_int(w, "size", (int64_t)head->size);
    jw_hash(w, "head", &head->root);
    jw_end_object(w);
}

void log_row_json(struct json_writer *w, const struct log_row *row)
{
    jw_object(w, NULL);
    jw_int(w, "seq", (int64_t)row->seq);
    jw_time(w, "recorded_at", row->recorded_at);
    jw_raw(w, "event", bytes_text(row->event));
    jw_end_object(w);
}

void inclusion_json(struct json_writer *w, const struct log_inclusion *p, struct text event_id,
                    struct text checkpoint)
{
    jw_object(w, NULL);
    jw_str(w, "kind", "inclusion");
    jw_int(w, "seq", (int64_t)p->seq);
    jw_int(w, "size", (int64_t)p->size);
    jw_text(w, "event_id", event_id);
    jw_time(w, "recorded_at", p->recorded_at);
    jw_hash(w, "event_sha256", &p->event);
    jw_hash(w, "decision_sha256", &p->decision);
    jw_hash(w, "leaf", &p->leaf);
    jw_hashes(w, "path", p->path, p->path_count);
    jw_hash(w, "root", &p->root);
    jw_text_or_null(w, "checkpoint", checkpoint);
    jw_end_object(w);
}

void consistency_json(struct json_writer *w, const struct log_consistency *p,
                      struct text checkpoint)
{
    jw_object(w, NULL);
    jw_str(w, "kind", "consistency");
    jw_int(w, "first", (int64_t)p->first);
    jw_int(w, "second", (int64_t)p->second);
    jw_hash(w, "first_root", &p->first_root);
    jw_hashes(w, "path", p->path, p->path_count);
    jw_hash(w, "second_root", &p->second_root);
    jw_text_or_null(w, "checkpoint", checkpoint);
    jw_end_object(w);
}
