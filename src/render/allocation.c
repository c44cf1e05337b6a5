/* SPDX-License-Identifier: Apache-2.0
 * Shares of revenues, one by one, and what was said of them in dispute. */
#include "render/render.h"

#include "base/text.h"

void allocation_members(struct json_writer *w, const struct allocation_row *row)
{
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
}

void allocation_json(struct json_writer *w, const struct allocation_row *row)
{
    jw_object(w, NULL);
    allocation_members(w, row);
    jw_end_object(w);
    jw_spill(w);
}

static void dispute_members(struct json_writer *w, const struct dispute_row *row)
{
    jw_object(w, "dispute");
    jw_str(w, "state", row->state);
    jw_i128(w, "held", row->held);
    jw_time(w, "opened_at", row->opened_at);
    jw_time(w, "changed_at", row->changed_at);
    jw_time(w, "auto_clear_after", row->clears_at);
    jw_end_object(w);
}

void dispute_json(struct json_writer *w, const struct dispute_row *row)
{
    jw_object(w, NULL);
    allocation_members(w, &row->share);
    dispute_members(w, row);
    jw_end_object(w);
    jw_spill(w);
}

/** Words may begin as JSON does. */
static bool is_structure(struct text t)
{
    struct mete_err unused;
    struct json *tree;
    struct arena a;
    if (t.len == 0 || (t.p[0] != '{' && t.p[0] != '[')) {
        return false;
    }
    arena_init(&a, (size_t)64 << 20);
    bool good = json_parse(&a, t, &tree, &unused) == METE_OK;
    arena_clear(&a);
    return good;
}

static void evidence_member(struct json_writer *w, struct text evidence)
{
    if (is_structure(evidence)) {
        jw_raw(w, "evidence", evidence);
    } else {
        jw_text_or_null(w, "evidence", evidence);
    }
}

static void step_json(struct json_writer *w, const struct share_step *s)
{
    jw_object(w, NULL);
    jw_str(w, "state", s->state);
    jw_time(w, "at", s->at);
    jw_text_or_null(w, "event_id", s->event_id);
    if (s->seq > 0) {
        jw_int(w, "seq", (int64_t)s->seq);
    } else {
        jw_null(w, "seq");
    }
    jw_text_or_null(w, "actor_id", s->actor);
    jw_text_or_null(w, "reason", s->reason);
    evidence_member(w, s->evidence);
    jw_bool(w, "sealed", s->is_sealed);
    jw_end_object(w);
}

void share_json(struct json_writer *w, const struct share_history *h)
{
    jw_object(w, NULL);
    allocation_members(w, &h->row.share);
    if (h->is_disputed) {
        dispute_members(w, &h->row);
    } else {
        jw_null(w, "dispute");
    }
    jw_array(w, "history");
    for (size_t i = 0; i < h->count; i++) {
        step_json(w, &h->step[i]);
    }
    jw_end_array(w);
    jw_end_object(w);
}
