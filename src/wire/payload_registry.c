/* SPDX-License-Identifier: Apache-2.0
 * Payloads that tell a book about its world: configuration, assets, apps, parties, keys, policies,
 * fees, contributions, conditions, rates. Source: spec "Types". */
#include <string.h>

#include "base/encode.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/asset.h"
#include "crypto/sign.h"
#include "wire/document_parts.h"
#include "wire/envelope_parts.h"

#define AT(member)     offsetof(struct event, member)
#define SECRET_LEN_MIN 16
#define SECRET_LEN_MAX 64
#define SERVER_LEN_MAX 2048 /* a URL */
#define RATE_LEN_MAX   80

/* book.configured */

static enum mete_code field_payout_minimum(const struct form_in *in, const struct field *f,
                                           const struct json *j, void *out)
{
    (void)f;
    struct event_book *b = out;
    b->has_payout_minimum = true;
    return form_money(in, j, true, &b->payout_minimum);
}

#define SCHEDULES_MAX 64
#define COOL_OFF_MAX  (366 * 24)

static const char *const schedule_every[] = {"day", "week", "month", "demand", NULL};

#define IN(member) offsetof(struct event_schedule, member)
static const struct field schedule_fields[] = {
    {TEXT("id"), field_id, true, IN(id), 0, 0, NULL},
    {TEXT("every"), field_choice, true, IN(every), 0, 0, schedule_every},
    {TEXT("on"), field_i32, false, IN(on), 1, 28, NULL},
    {TEXT("at"), field_line, false, IN(at), 5, 5, NULL},
    {TEXT("asset"), field_currency, true, IN(asset), 0, 0, NULL},
    {TEXT("rail"), field_id, true, IN(rail), 0, 0, NULL},
    {TEXT("minimum"), field_decimal, false, IN(minimum), 0, 0, NULL},
    {TEXT("maximum"), field_decimal, false, IN(maximum), 0, 0, NULL},
    {TEXT("fee"), field_decimal, false, IN(fee), 0, 0, NULL},
    {TEXT("fee_cap_bps"), field_i32, false, IN(fee_cap_bps), 1, 10000, NULL}};
FORM_STRICT(schedule_form, schedule_fields);
#undef IN

static enum mete_code field_schedules(const struct form_in *in, const struct field *f,
                                      const struct json *j, void *out)
{
    (void)f;
    struct event_book *b = out;
    enum mete_code code = form_type(in, j, JSON_ARRAY);
    if (code != METE_OK) {
        return code;
    }
    if (j->count > SCHEDULES_MAX) {
        return form_fail(in, j, METE_MEMBER_VALUE, "at most %d schedules", SCHEDULES_MAX);
    }
    struct event_schedule *schedule = arena_array(in->arena, j->count, sizeof *schedule);
    size_t count = 0;
    for (const struct json *e = j->child; e != NULL && code == METE_OK; e = e->next) {
        schedule[count] = (struct event_schedule){0};
        code = form_type(in, e, JSON_OBJECT);
        code = code == METE_OK ? form_read(in, &schedule_form, e, &schedule[count]) : code;
        count++;
    }
    b->has_schedules = true;
    b->schedule = schedule;
    b->schedule_count = count;
    return code;
}

static const char *const environments[] = {"prod",       "staging",     "dev",
                                           "production", "development", NULL};

static const struct field book_fields[] = {
    {TEXT("clear_after_days"), field_i32, false, AT(book.clear_after_days), 0, CLEAR_DAYS_MAX,
     NULL},
    {TEXT("dispute_auto_clear_days"), field_i32, false, AT(book.dispute_auto_clear_days), 0,
     CLEAR_DAYS_MAX, NULL},
    {TEXT("payout_minimum"), field_payout_minimum, false, AT(book), 0, 0, NULL},
    {TEXT("payout_schedules"), field_schedules, false, AT(book), 0, 0, NULL},
    {TEXT("destination_cool_off_hours"), field_i32, false, AT(book.cool_off_hours), 0, COOL_OFF_MAX,
     NULL},
    {TEXT("unallocated"), field_party, false, AT(book.unallocated), 0, 0, NULL},
    {TEXT("environment"), field_choice, false, AT(book.environment), 0, 0, environments},
    {TEXT("attribution_required"), field_flag, false, AT(book.attribution_required), 0, 0, NULL},
    {TEXT("attribution_corrections"), field_flag, false, AT(book.attribution_corrections), 0, 0,
     NULL},
    {TEXT("tier3"), field_flag, false, AT(book.tier3), 0, 0, NULL}};
FORM_STRICT(book_form, book_fields);

static void book_prepare(struct event *e)
{
    e->book.clear_after_days = -1;
    e->book.dispute_auto_clear_days = -1;
    e->book.cool_off_hours = -1;
    e->book.attribution_required = -1;
    e->book.attribution_corrections = -1;
    e->book.tier3 = -1;
}

/* asset.defined */

static enum mete_code field_asset_code(const struct form_in *in, const struct field *f,
                                       const struct json *j, void *out)
{
    (void)f;
    enum mete_code code = form_type(in, j, JSON_STRING);
    if (code != METE_OK) {
        return code;
    }
    if (!asset_code_valid(j->text)) {
        return form_fail(in, j, METE_MEMBER_VALUE,
                         "a code has 1 to %d of A-Z a-z 0-9 . - _ :", ASSET_CODE_LEN_MAX);
    }
    *(struct text *)out = j->text;
    return METE_OK;
}

static const struct field asset_fields[] = {
    {TEXT("code"), field_asset_code, true, AT(asset.code), 0, 0, NULL},
    {TEXT("scale"), field_u8, true, AT(asset.scale), 0, SCALE_MAX, NULL}};
FORM(asset_form, asset_fields);

/* app.registered, party.registered, party.destination_set */

static const struct field app_fields[] = {
    {TEXT("app_id"), field_id, true, AT(app.app_id), 0, 0, NULL},
    {TEXT("owner"), field_party, true, AT(app.owner), 0, 0, NULL}};
FORM(app_form, app_fields);

static const char *const party_kinds[] = {"human",    "agent",    "provider", "org",
                                          "investor", "platform", "protocol", NULL};

static const struct field party_fields[] = {
    {TEXT("party"), field_party, true, AT(party.party), 0, 0, NULL},
    {TEXT("kind"), field_choice, false, AT(party.kind), 0, 0, party_kinds},
    {TEXT("display_name"), field_any_string, false, 0, 0, 0, NULL},
    {TEXT("fair_server"), field_line, false, AT(party.fair_server), 0, SERVER_LEN_MAX, NULL}};
FORM(party_form, party_fields);

static const struct field destination_fields[] = {
    {TEXT("party"), field_party, true, AT(destination.party), 0, 0, NULL},
    {TEXT("rail"), field_id, true, AT(destination.rail), 0, 0, NULL},
    {TEXT("destination"), NULL, true, 0, 0, 0, NULL}};
FORM(destination_form, destination_fields);

/* A destination is a string or an object, whatever the rail asks for. */
static enum mete_code destination_check(const struct payload_in *p)
{
    const struct json *j = json_get(p->payload, "destination");
    if (j->type != JSON_STRING && (p->stored || j->type != JSON_OBJECT)) {
        return form_fail(p->form, j, METE_MEMBER_TYPE, "expected a string or an object");
    }
    if (j->type == JSON_STRING ? j->text.len == 0 : j->count == 0) {
        return form_fail(p->form, j, METE_TEXT_LENGTH, "the destination is empty");
    }
    if (j->type == JSON_STRING && memchr(j->text.p, 0, j->text.len) != NULL) {
        return form_fail(p->form, j, METE_MEMBER_VALUE, "a destination has no zero bytes");
    }
    return METE_OK;
}

/* key.registered, key.revoked */

static const char *const algorithms[] = {"ed25519", "hmac-sha256", NULL};
static const char *const producers[] = {"control_plane", "runtime", NULL};

static const struct field key_fields[] = {
    {TEXT("key_id"), field_id, true, AT(key.key_id), 0, 0, NULL},
    {TEXT("alg"), field_choice, true, AT(key.alg), 0, 0, algorithms},
    {TEXT("key"), field_any_string, false, 0, 0, 0, NULL},
    {TEXT("secret"), field_any_string, false, 0, 0, 0, NULL},
    {TEXT("party"), field_party, false, AT(key.party), 0, 0, NULL},
    {TEXT("producer"), field_choice, false, AT(key.producer), 0, 0, producers}};
FORM(key_form, key_fields);

/* did:key, 64 hex digits or base64url, as 64 hex digits. */
static enum mete_code public_key_read(const struct payload_in *p, const struct json *j)
{
    uint8_t key[ED25519_PUBLIC_LEN];
    size_t len = sizeof key;
    if (!did_key_parse(key, j->text) && !hex_decode(key, sizeof key, j->text) &&
        (!base64url_decode(key, sizeof key, &len, j->text) || len != sizeof key)) {
        return form_fail(p->form, j, METE_MEMBER_VALUE,
                         "expected a did:key of Ed25519, 64 hex digits, or 32 bytes in base64url");
    }
    char hex[2 * sizeof key + 1];
    hex_encode(hex, (struct bytes){key, sizeof key});
    p->event->key.key = arena_text(p->form->arena, (struct text){hex, sizeof hex - 1});
    return METE_OK;
}

static bool is_secret_length(size_t len)
{
    return len >= SECRET_LEN_MIN && len <= SECRET_LEN_MAX;
}

/* What the log holds of a secret is its commitment, which has another length. */
static enum mete_code secret_read(const struct payload_in *p, const struct json *j)
{
    uint8_t secret[SECRET_LEN_MAX];
    size_t len = 0;
    if (p->stored) {
        p->event->key.key = j->text;
        return METE_OK;
    }
    bool fits = is_secret_length(j->text.len) ||
                (base64_decode(secret, sizeof secret, &len, j->text) && is_secret_length(len));
    if (!fits) {
        return form_fail(p->form, j, METE_TEXT_LENGTH,
                         "a secret has %d to %d bytes, as text or in base64", SECRET_LEN_MIN,
                         SECRET_LEN_MAX);
    }
    return METE_OK;
}

static enum mete_code key_check(const struct payload_in *p)
{
    bool is_public = text_is(p->event->key.alg, "ed25519");
    const struct json *wanted = json_get(p->payload, is_public ? "key" : "secret");
    const struct json *other = json_get(p->payload, is_public ? "secret" : "key");
    if (other != NULL) {
        return form_fail(p->form, other, METE_MEMBER_VALUE,
                         is_public ? "an ed25519 key is registered by its public part, in \"key\""
                                   : "an HMAC key is a secret: it belongs into \"secret\"");
    }
    if (wanted == NULL) {
        return form_missing(p->form, p->payload, is_public ? TEXT("key") : TEXT("secret"));
    }
    if (p->event->key.party.len > 0 && p->event->key.producer.len > 0) {
        return form_fail(p->form, json_get(p->payload, "producer"), METE_MEMBER_VALUE,
                         "a key belongs to a party or to a producer, not to both");
    }
    return is_public ? public_key_read(p, wanted) : secret_read(p, wanted);
}

static const struct field revoked_fields[] = {
    {TEXT("key_id"), field_id, true, AT(key.key_id), 0, 0, NULL}};
FORM(revoked_form, revoked_fields);

/* policy.published */

static const struct field policy_fields[] = {
    {TEXT("policy"), NULL, false, 0, 0, 0, NULL},
    {TEXT("manifest"), NULL, false, 0, 0, 0, NULL},
    {TEXT("effective_from"), field_when_start, false, AT(policy.effective_from), 0, 0, NULL}};
FORM(policy_form, policy_fields);

static enum mete_code policy_check(const struct payload_in *p)
{
    const struct form_in *in = p->form;
    const struct json *document = json_get(p->payload, "policy");
    const struct json *manifest = json_get(p->payload, "manifest");
    if (document == NULL && manifest == NULL) {
        return form_missing(in, p->payload, TEXT("policy"));
    }
    if (document != NULL && manifest != NULL) {
        return form_fail(in, manifest, METE_MEMBER_VALUE,
                         "publish a policy or a manifest, one at a time");
    }
    struct policy *policy = arena_alloc(in->arena, sizeof *policy);
    p->event->policy.policy = policy;
    if (document != NULL) {
        return policy_document_read(in->arena, document, "/payload/policy", policy, in->err);
    }
    return manifest_read_as(in->arena, manifest, "/payload/manifest", p->stored, policy, in->err);
}

/* fees.scheduled */

static const struct field fees_fields[] = {
    {TEXT("effective_from"), field_when_start, false, AT(fees.effective_from), 0, 0, NULL},
    {TEXT("fees"), NULL, true, 0, 0, 0, NULL}};
FORM_STRICT(fees_form, fees_fields);

static enum mete_code fees_check(const struct payload_in *p)
{
    return fees_document_read(p->form->arena, p->payload, "/payload", &p->event->fees.schedule,
                              p->form->err);
}

/* contribution.recorded, condition.changed, fx.rate_set */

static const struct field contribution_fields[] = {
    {TEXT("content_item_id"), field_id, true, AT(contribution.content_item_id), 0, 0, NULL},
    {TEXT("party"), field_party, true, AT(contribution.party), 0, 0, NULL},
    {TEXT("role"), field_line, true, AT(contribution.role), 1, LABEL_LEN_MAX, NULL},
    {TEXT("weight"), field_u64, true, AT(contribution.weight), 1, FORM_INTEGER_MAX, NULL}};
FORM(contribution_form, contribution_fields);

static const struct field condition_fields[] = {
    {TEXT("policy"), field_id, true, AT(condition.policy), 0, 0, NULL},
    {TEXT("condition"), field_line, true, AT(condition.condition), 1, LABEL_LEN_MAX, NULL},
    {TEXT("active"), field_bool, true, AT(condition.active), 0, 0, NULL}};
FORM(condition_form, condition_fields);

static enum mete_code field_rate(const struct form_in *in, const struct field *f,
                                 const struct json *j, void *out)
{
    (void)f;
    struct text rate;
    enum mete_code code = form_type(in, j, JSON_STRING);
    if (code == METE_OK) {
        code = form_decimal(in, j, METE_AMOUNT_INVALID, &rate);
    }
    if (code != METE_OK) {
        return code;
    }
    if (rate.len > RATE_LEN_MAX) {
        return form_fail(in, j, METE_TEXT_LENGTH, "a rate has at most %d characters", RATE_LEN_MAX);
    }
    for (size_t i = 0; i < rate.len; i++) {
        if (rate.p[i] >= '1' && rate.p[i] <= '9') {
            *(struct text *)out = rate;
            return METE_OK;
        }
    }
    return form_fail(in, j, METE_AMOUNT_ZERO, "a rate is above zero");
}

static const struct field rate_fields[] = {
    {TEXT("base"), field_currency, true, AT(rate.base), 0, 0, NULL},
    {TEXT("quote"), field_currency, true, AT(rate.quote), 0, 0, NULL},
    {TEXT("rate"), field_rate, true, AT(rate.rate), 0, 0, NULL},
    {TEXT("provider"), field_line, true, AT(rate.provider), 1, LABEL_LEN_MAX, NULL},
    {TEXT("as_of"), field_time, true, AT(rate.as_of), 0, 0, NULL}};
FORM(rate_form, rate_fields);

const struct payload_kind *payload_kind_registry(enum event_type type)
{
    static const struct payload_kind kinds[EVENT_TYPE_COUNT] = {
        [EVENT_BOOK_CONFIGURED] = {&book_form, book_prepare, NULL},
        [EVENT_ASSET_DEFINED] = {&asset_form, NULL, NULL},
        [EVENT_APP_REGISTERED] = {&app_form, NULL, NULL},
        [EVENT_FEES_SCHEDULED] = {&fees_form, NULL, fees_check},
        [EVENT_PARTY_REGISTERED] = {&party_form, NULL, NULL},
        [EVENT_PARTY_DESTINATION_SET] = {&destination_form, NULL, destination_check},
        [EVENT_KEY_REGISTERED] = {&key_form, NULL, key_check},
        [EVENT_KEY_REVOKED] = {&revoked_form, NULL, NULL},
        [EVENT_POLICY_PUBLISHED] = {&policy_form, NULL, policy_check},
        [EVENT_CONTRIBUTION_RECORDED] = {&contribution_form, NULL, NULL},
        [EVENT_CONDITION_CHANGED] = {&condition_form, NULL, NULL},
        [EVENT_FX_RATE_SET] = {&rate_form, NULL, NULL},
    };
    return kinds[type].form != NULL ? &kinds[type] : NULL;
}
