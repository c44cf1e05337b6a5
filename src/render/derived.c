/* SPDX-License-Identifier: Apache-2.0
 * A derived event as an entry of a feed: what the schemas of src/http/openapi say of it. */
#include "render/render.h"

#include "base/i128.h"
#include "base/text.h"
#include "core/amount.h"

static void shares_json(struct json_writer *w, const struct derived *d)
{
    char digits[I128_TEXT_MAX];
    jw_array(w, "entries");
    for (size_t i = 0; i < d->share_count; i++) {
        size_t len = i128_format(d->share[i].amount, digits);
        jw_object(w, NULL);
        jw_str(w, "beneficiary_type", d->share[i].kind);
        jw_text(w, "beneficiary_id", d->share[i].party);
        jw_raw(w, "amount_minor", (struct text){digits, len});
        jw_end_object(w);
    }
    jw_end_array(w);
}

static void payload_json(struct json_writer *w, const struct derived *d)
{
    jw_object(w, "payload");
    if (d->type == EVENT_CAMPAIGN_COMPLETED) {
        jw_str(w, "reason", d->reason);
    } else {
        shares_json(w, d);
        jw_money(w, "gross", d->gross, &d->asset);
        jw_money(w, "platform_fee", d->fees, &d->asset);
        jw_money(w, "shareable", d->gross - d->fees, &d->asset);
        jw_text(w, "source_event_id", d->source);
    }
    if (d->type == EVENT_LEDGER_ADJUSTED) {
        jw_text(w, "reverses_event_id", d->reverses);
    }
    jw_end_object(w);
}

static void member_json(struct json_writer *w, const char *key, struct text value)
{
    if (value.len > 0) {
        jw_text(w, key, value);
    }
}

static void source_json(struct json_writer *w, const struct derived *d)
{
    bool campaign = d->type == EVENT_CAMPAIGN_COMPLETED;
    jw_object(w, "source");
    jw_str(w, "producer", "control_plane");
    jw_str(w, "service", campaign ? "validationengine" : "payment");
    member_json(w, "app_id", d->app_id);
    jw_end_object(w);
    jw_object(w, "actor");
    jw_str(w, "actor_type", "system");
    jw_end_object(w);
    jw_object(w, "correlation");
    member_json(w, "campaign_id", d->campaign_id);
    member_json(w, "user_id", d->user_id);
    member_json(w, "transaction_id", d->transaction_id);
    jw_end_object(w);
}

void derived_json(struct json_writer *w, const struct derived *d)
{
    char place[DERIVED_PLACE_MAX];
    size_t len = derived_place_format(d->place, place);
    jw_object(w, NULL);
    jw_int(w, "seq", (int64_t)d->place.seq);
    jw_text(w, "derived", (struct text){place, len});
    jw_time(w, "recorded_at", d->recorded_at);
    jw_object(w, "event");
    jw_str(w, "schema_version", "1.0");
    jw_str(w, "event_id", d->id);
    jw_str(w, "event_type", event_type_name(d->type));
    jw_int(w, "event_version", 1);
    jw_time(w, "occurred_at", d->occurred_at);
    jw_text(w, "caused_by", d->caused_by);
    source_json(w, d);
    payload_json(w, d);
    jw_end_object(w);
    jw_end_object(w);
}
