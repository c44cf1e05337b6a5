/* SPDX-License-Identifier: Apache-2.0
 * Payloads of what growth reports: spend, performance, creatives, and whose user somebody is. What
 * must be there is the minimum that the source wants kept for optimization (economic-protocol.md
 * §6, requirements.md SOURCE 4): stable ids and coarse labels, nothing about a person. */
#include "wire/payload_parts.h"

static const char *const platforms[] = {"GOOGLE",   "META",   "REDDIT", "TWITTER",
                                        "LINKEDIN", "TIKTOK", NULL};

/* --- what spend and performance share ----------------------------------------------------------*/

static enum mete_code field_platform(const struct form_in *in, const struct field *f,
                                     const struct json *j, void *out)
{
    struct text unused;
    struct field choice = *f;
    (void)out;
    choice.more = platforms;
    return field_choice(in, &choice, j, &unused);
}

static enum mete_code window_read(const struct form_in *in, const struct json *j, bool is_end,
                                  mete_time *out)
{
    return form_time(in, j, true, is_end, out);
}

/* Judges only: no decision needs the moment. `min` 1: the end. */
static enum mete_code field_window(const struct form_in *in, const struct field *f,
                                   const struct json *j, void *out)
{
    mete_time unused;
    (void)out;
    return window_read(in, j, f->min == 1, &unused);
}

#define WINDOW_START(required)                                                                     \
    {                                                                                              \
        TEXT("window_start"), field_window, required, 0, 0, 0, NULL                                \
    }
#define WINDOW_END(required)                                                                       \
    {                                                                                              \
        TEXT("window_end"), field_window, required, 0, 1, 0, NULL                                  \
    }

static enum mete_code window_check(const struct payload_in *p)
{
    const struct json *from = json_get(p->payload, "window_start");
    const struct json *to = json_get(p->payload, "window_end");
    mete_time start = 0;
    mete_time end = 0;
    if (from == NULL || to == NULL) {
        return METE_OK;
    }
    enum mete_code code = window_read(p->form, from, false, &start);
    if (code == METE_OK) {
        code = window_read(p->form, to, true, &end);
    }
    return code == METE_OK ? payload_window(p, p->payload, "window_end", start, end) : code;
}

/* Both or neither: a variant of no experiment says as little as an experiment without its variant.
 */
static enum mete_code experiment_check(const struct payload_in *p)
{
    bool has_experiment = json_get(p->payload, "experiment_id") != NULL;
    bool has_variant = json_get(p->payload, "variant_id") != NULL;
    if (has_experiment == has_variant) {
        return METE_OK;
    }
    return form_missing(p->form, p->payload,
                        has_variant ? TEXT("experiment_id") : TEXT("variant_id"));
}

#define WORD(name)                                                                                 \
    {                                                                                              \
        TEXT(name), field_word, false, 0, 1, LABEL_LEN_MAX, NULL                                   \
    }

/* A label of an audience, or several by name; a member about one person is none. */
static enum mete_code field_segment(const struct form_in *in, const struct field *f,
                                    const struct json *j, void *out)
{
    struct text unused;
    (void)f;
    (void)out;
    if (j->type == JSON_STRING) {
        return form_line(in, j, 1, LABEL_LEN_MAX, &unused);
    }
    enum mete_code code = form_type(in, j, JSON_OBJECT);
    for (const struct json *m = j->child; m != NULL && code == METE_OK; m = m->next) {
        if (text_is(m->key, "user_id") || text_is(m->key, "user_ids")) {
            return form_fail(in, m, METE_MEMBER_VALUE,
                             "a segment is of many: name no user in it, but a label");
        }
        code = form_line(in, m, 1, LABEL_LEN_MAX, &unused);
    }
    return code;
}

#define SEGMENT                                                                                    \
    {                                                                                              \
        TEXT("segment"), field_segment, false, 0, 0, 0, NULL                                       \
    }

/* --- raw content, of data tier 3: any value of its type; null says nothing ---------------------*/

static bool is_absent(const struct json *j)
{
    return j->type == JSON_NULL;
}

static enum mete_code field_clickstream(const struct form_in *in, const struct field *f,
                                        const struct json *j, void *out)
{
    (void)f;
    (void)out;
    return is_absent(j) ? METE_OK : form_type(in, j, JSON_ARRAY);
}

static enum mete_code field_trace(const struct form_in *in, const struct field *f,
                                  const struct json *j, void *out)
{
    (void)f;
    (void)out;
    return is_absent(j) || j->type == JSON_OBJECT ? METE_OK : form_type(in, j, JSON_ARRAY);
}

static enum mete_code field_asset(const struct form_in *in, const struct field *f,
                                  const struct json *j, void *out)
{
    (void)f;
    (void)out;
    return is_absent(j) || j->type == JSON_OBJECT ? METE_OK : form_type(in, j, JSON_STRING);
}

#define RAW(name, read)                                                                            \
    {                                                                                              \
        TEXT(name), read, false, 0, 0, 0, NULL                                                     \
    }
#define BEHAVIOUR RAW("clickstream", field_clickstream), RAW("session_trace", field_trace)

/* --- spend -------------------------------------------------------------------------------------*/

static const struct field pacing_fields[] = {WORD("objective"), KNOWN("constraints"),
                                             WORD("reason")};
FORM(pacing_form, pacing_fields);

#define SPEND_MEMBERS(window_required)                                                             \
    {TEXT("platform"), field_platform, true, 0, 0, 0, NULL}, MINOR("amount_minor", spend.amount),  \
        CURRENCY(spend.amount), AMOUNT("amount", spend.amount), WORD("platform_campaign_id"),      \
        WORD("campaign_id"), WORD("adset_id"), WORD("ad_id"), WINDOW_START(window_required),       \
        WINDOW_END(window_required), WORD("pacing_decision_id"),                                   \
    {                                                                                              \
        TEXT("pacing"), field_form, false, 0, 0, 0, &pacing_form                                   \
    }

static const struct field authorized_fields[] = {SPEND_MEMBERS(false)};
FORM(authorized_form, authorized_fields);
static const struct field spend_fields[] = {SPEND_MEMBERS(true)};
FORM(spend_form, spend_fields);

static enum mete_code authorized_check(const struct payload_in *p)
{
    static const char *const names[] = {"amount_minor", "amount", NULL};
    enum mete_code code = payload_amount(p, &p->event->spend.amount, names, true);
    return code == METE_OK ? window_check(p) : code;
}

/* Money that is spent was spent on something. */
static enum mete_code spend_check(const struct payload_in *p)
{
    static const char *const ids[] = {"platform_campaign_id", "campaign_id", "adset_id", "ad_id"};
    bool is_named = p->event->correlation.campaign_id.len > 0;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        is_named |= json_get(p->payload, ids[i]) != NULL;
    }
    enum mete_code code = authorized_check(p);
    return code != METE_OK || is_named
               ? code
               : form_missing(p->form, p->payload, TEXT("platform_campaign_id"));
}

/* --- performance -------------------------------------------------------------------------------*/

/* A ratio, or Money: platforms report either. */
static enum mete_code field_rate(const struct form_in *in, const struct field *f,
                                 const struct json *j, void *out)
{
    struct text decimal;
    struct money money = {0};
    (void)out;
    return j->type == JSON_OBJECT ? field_money_any_case(in, f, j, &money)
                                  : form_decimal(in, j, METE_AMOUNT_INVALID, &decimal);
}

#define COUNT(name)                                                                                \
    {                                                                                              \
        TEXT(#name), field_u64, true, AT(kpi.name), 0, FORM_INTEGER_MAX, NULL                      \
    }
#define RATE(name)                                                                                 \
    {                                                                                              \
        TEXT(name), field_rate, false, 0, 0, 0, NULL                                               \
    }

static const struct field kpi_fields[] = {COUNT(impressions),
                                          COUNT(clicks),
                                          COUNT(conversions),
                                          AMOUNT("spend", kpi.spend),
                                          MINOR("spend_minor", kpi.spend),
                                          CURRENCY(kpi.spend),
                                          RATE("ctr"),
                                          RATE("cpc"),
                                          RATE("cpa"),
                                          SEGMENT,
                                          {TEXT("platform"), field_platform, false, 0, 0, 0, NULL},
                                          WINDOW_START(false),
                                          WINDOW_END(false),
                                          WORD("experiment_id"),
                                          WORD("variant_id"),
                                          BEHAVIOUR};
FORM(kpi_form, kpi_fields);

static enum mete_code kpi_check(const struct payload_in *p)
{
    static const char *const names[] = {"spend", "spend_minor", NULL};
    static const char *const users[] = {"user_id", "user_ids"};
    for (size_t i = 0; i < ARRAY_LEN(users); i++) {
        const struct json *user = json_get(p->payload, users[i]);
        if (user != NULL) {
            return form_fail(p->form, user, METE_MEMBER_VALUE,
                             "performance is of many: name no user, but a segment");
        }
    }
    enum mete_code code = payload_amount(p, &p->event->kpi.spend, names, true);
    code = code == METE_OK ? window_check(p) : code;
    return code == METE_OK ? experiment_check(p) : code;
}

/* --- creatives ---------------------------------------------------------------------------------*/

static const struct field creative_fields[] = {
    NEEDED("creative_id"),
    NEEDED("format"),
    NEEDED("hook"),
    NEEDED("cta"),
    NEEDED("offer_framing"),
    NEEDED("landing_page_type"),
    WORD("experiment_id"),
    WORD("variant_id"),
    {TEXT("platform"), field_platform, false, 0, 0, 0, NULL},
    WORD("platform_campaign_id"),
    WORD("adset_id"),
    WORD("ad_id"),
    SEGMENT,
    RAW("creative_asset", field_asset)};
FORM(creative_form, creative_fields);

/* --- attribution -------------------------------------------------------------------------------*/

static const struct field attribution_fields[] = {
    LINE("user_id", attribution.user_id),
    LINE("campaign_id", attribution.campaign_id),
    {TEXT("effective_from"), field_when, false, AT(attribution.effective_from), 0, 0, NULL},
    WORD("channel"),
    WORD("ad_id"),
    SEGMENT,
    BEHAVIOUR};
FORM(attribution_form, attribution_fields);

/* The payload, else the envelope's correlation. */
static enum mete_code attribution_check(const struct payload_in *p)
{
    struct event *e = p->event;
    struct event_attribution *a = &e->attribution;
    a->user_id = a->user_id.len > 0 ? a->user_id : e->correlation.user_id;
    a->campaign_id = a->campaign_id.len > 0 ? a->campaign_id : e->correlation.campaign_id;
    if (a->user_id.len == 0) {
        return form_missing(p->form, p->payload, TEXT("user_id"));
    }
    return a->campaign_id.len > 0 ? METE_OK
                                  : form_missing(p->form, p->payload, TEXT("campaign_id"));
}

const struct payload_kind *payload_kind_growth(enum event_type type)
{
    static const struct payload_kind kinds[EVENT_TYPE_COUNT] = {
        [EVENT_SPEND_AUTHORIZED] = {&authorized_form, NULL, authorized_check},
        [EVENT_SPEND_EXECUTED] = {&spend_form, NULL, spend_check},
        [EVENT_SPEND_REFUNDED] = {&spend_form, NULL, spend_check},
        [EVENT_KPI_REPORTED] = {&kpi_form, NULL, kpi_check},
        [EVENT_CREATIVE_GENERATED] = {&creative_form, NULL, experiment_check},
        [EVENT_CREATIVE_LAUNCHED] = {&creative_form, NULL, experiment_check},
        [EVENT_ATTRIBUTION_ASSIGNED] = {&attribution_form, NULL, attribution_check},
        [EVENT_ATTRIBUTION_UPDATED] = {&attribution_form, NULL, attribution_check},
    };
    return kinds[type].form != NULL ? &kinds[type] : NULL;
}
