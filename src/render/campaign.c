/* SPDX-License-Identifier: Apache-2.0
 * Campaigns, and settlements. Members have the names of the events that brought them; money is in
 * minor units of the asset beside it. */
#include "base/text.h"
#include "render/render.h"

/* --- campaigns ---------------------------------------------------------------------------------*/

static void minor_or_null(struct json_writer *w, const char *name, bool has, i128 amount)
{
    if (has) {
        jw_i128(w, name, amount);
    } else {
        jw_null(w, name);
    }
}

/** "1.4", or "4/3" where that is no decimal. */
static void multiple_write(struct json_writer *w, struct ratio multiple)
{
    char text[RATIO_TEXT_MAX];
    if (multiple.num == 0) {
        jw_null(w, "cap_multiple");
        return;
    }
    ratio_format(multiple, text);
    jw_str(w, "cap_multiple", text);
}

static void contract_write(struct json_writer *w, const struct campaign *c)
{
    jw_object(w, "contract");
    minor_or_null(w, "raise_minor", c->raise >= 0, c->raise);
    jw_int(w, "revenue_share_bps", c->share_bps);
    minor_or_null(w, "cap_minor", c->cap_amount >= 0, c->cap_amount);
    multiple_write(w, c->cap_multiple);
    if (c->duration_days != 0) {
        jw_int(w, "duration_days", c->duration_days);
    } else {
        jw_null(w, "duration_days");
    }
    jw_array(w, "off_ramps");
    for (uint32_t i = 0; i < c->off_ramp_count; i++) {
        jw_text(w, NULL, c->off_ramp[i]);
    }
    jw_end_array(w);
    jw_end_object(w);
}

/** The cap and the end of the days complete a campaign by themselves. */
static const char *reason_of(const struct campaign_row *row)
{
    const struct campaign *c = &row->campaign;
    bool over = row->state == CAMPAIGN_COMPLETED || row->state == CAMPAIGN_CLOSED;
    if (!over) {
        return NULL;
    }
    return completion_name(c->reason != COMPLETION_NONE ? (enum completion)c->reason
                                                        : COMPLETION_DURATION);
}

static void ends_write(struct json_writer *w, const struct campaign_row *row)
{
    const struct campaign *c = &row->campaign;
    const char *reason = reason_of(row);
    bool by_clock = reason != NULL && c->completed_at == TIME_NEVER;
    jw_time(w, "activated_at", c->activated_at);
    jw_time(w, "ends_at", campaign_ends_at(c));
    jw_time(w, "completed_at", by_clock ? campaign_ends_at(c) : c->completed_at);
    jw_str(w, "reason", reason);
    jw_text_or_null(w, "off_ramp", c->off_ramp_taken);
}

static void campaign_members(struct json_writer *w, const struct campaign_row *row)
{
    const struct campaign *c = &row->campaign;
    jw_text(w, "campaign_id", c->id);
    jw_str(w, "state", machine_of(MACHINE_CAMPAIGN)->state[row->state]);
    jw_text_or_null(w, "app_id", c->app_id);
    jw_text(w, "creator", row->creator);
    jw_str(w, "funding_mode", c->is_offering ? "offering" : "self");
    jw_asset(w, &row->asset);
    contract_write(w, c);
    jw_i128(w, "confirmed_minor", row->confirmed);
    minor_or_null(w, "cap_minor", row->has_cap, row->cap);
    jw_object(w, "accrued");
    jw_i128(w, "investors_minor", row->accrued);
    jw_i128(w, "creator_minor", row->creators);
    jw_end_object(w);
    ends_write(w, row);
}

void campaign_json(struct json_writer *w, const struct campaign_row *row)
{
    jw_object(w, NULL);
    campaign_members(w, row);
    jw_end_object(w);
    jw_spill(w);
}

static void rounds_write(struct json_writer *w, const struct campaign_whole *c)
{
    jw_array(w, "rounds");
    for (size_t i = 0; i < c->round_count; i++) {
        jw_object(w, NULL);
        jw_text(w, "round_id", c->round[i].id);
        jw_str(w, "state", c->round[i].state);
        jw_end_object(w);
    }
    jw_end_array(w);
}

static void commitments_write(struct json_writer *w, const struct campaign_whole *c)
{
    jw_array(w, "commitments");
    for (size_t i = 0; i < c->commitment_count; i++) {
        const struct campaign_commitment *one = &c->commitment[i];
        jw_object(w, NULL);
        jw_text(w, "commitment_id", one->id);
        jw_text(w, "investor_id", one->investor);
        jw_i128(w, "amount_minor", one->amount);
        jw_str(w, "state", one->state);
        jw_end_object(w);
        jw_spill(w);
    }
    jw_end_array(w);
}

static void grants_write(struct json_writer *w, const struct campaign_whole *c)
{
    jw_array(w, "allocations");
    for (size_t i = 0; i < c->grant_count; i++) {
        const struct campaign_grant *one = &c->grant[i];
        jw_object(w, NULL);
        jw_text(w, "allocation_id", one->id);
        jw_str(w, "state", one->state);
        jw_asset(w, &one->asset);
        jw_i128(w, "amount_minor", one->amount);
        jw_i128(w, "authorized_minor", one->authorized);
        jw_i128(w, "executed_minor", one->executed);
        jw_i128(w, "refunded_minor", one->refunded);
        jw_end_object(w);
    }
    jw_end_array(w);
}

static void versions_write(struct json_writer *w, const struct campaign_whole *c)
{
    jw_array(w, "contract_versions");
    for (size_t i = 0; i < c->version_count; i++) {
        const struct campaign_version *v = &c->version[i];
        jw_object(w, NULL);
        jw_int(w, "version", v->number);
        jw_time(w, "effective_from", v->from);
        jw_int(w, "revenue_share_bps", v->share_bps);
        minor_or_null(w, "cap_minor", v->has_cap, v->cap);
        jw_i128(w, "confirmed_minor", v->invested);
        jw_int(w, "commitments", v->shares);
        jw_end_object(w);
    }
    jw_end_array(w);
}

void campaign_whole_json(struct json_writer *w, const struct campaign_whole *c)
{
    jw_object(w, NULL);
    campaign_members(w, &c->row);
    rounds_write(w, c);
    commitments_write(w, c);
    grants_write(w, c);
    versions_write(w, c);
    jw_end_object(w);
}

/* --- settlements -------------------------------------------------------------------------------*/

static void step_json(struct json_writer *w, const struct settlement_step *s)
{
    jw_object(w, NULL);
    jw_str(w, "state", settlement_state_name(s->state));
    jw_text(w, "event_id", s->event_id);
    jw_int(w, "seq", (int64_t)s->seq);
    jw_time(w, "occurred_at", s->occurred_at);
    jw_time(w, "recorded_at", s->recorded_at);
    jw_text_or_null(w, "actor_id", s->actor);
    jw_text_or_null(w, "provider_ref", s->provider_ref);
    jw_text_or_null(w, "failure_reason", s->failure_reason);
    jw_text_or_null(w, "reason", s->reason);
    jw_end_object(w);
}

void settlement_members(struct json_writer *w, const struct settlement_row *row)
{
    const struct settlement_step *last = &row->step[row->step_count - 1];
    bool referred = last->provider_ref.len > 0;
    jw_text(w, "settlement_id", row->id);
    jw_str(w, "state", settlement_state_name(row->state));
    jw_text(w, "beneficiary_id", row->beneficiary);
    jw_i128(w, "amount_minor", row->amount);
    jw_asset(w, &row->asset);
    jw_text_or_null(w, "campaign_id", row->campaign_id);
    jw_text_or_null(w, "batch_id", row->batch_id);
    jw_text_or_null(w, "provider", row->step[0].provider);
    jw_text_or_null(w, "provider_ref", referred ? last->provider_ref : row->step[0].provider_ref);
    jw_text_or_null(w, "failure_reason", last->failure_reason);
    jw_array(w, "history");
    for (size_t i = 0; i < row->step_count; i++) {
        step_json(w, &row->step[i]);
    }
    jw_end_array(w);
}

void settlement_json(struct json_writer *w, const struct settlement_row *row)
{
    jw_object(w, NULL);
    settlement_members(w, row);
    jw_end_object(w);
    jw_spill(w);
}
