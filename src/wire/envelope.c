/* SPDX-License-Identifier: Apache-2.0
 * The envelope around every event: form, defaults, who may say what. Payloads are read by
 * payload*.c, private values by private.c. What is checked first is reported first: the bytes, the
 * id, the type, the versions, the time, the other members, the producer, the payload. */
#include "wire/envelope.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "wire/envelope_parts.h"
#include "wire/tier.h"

#define NAME_LEN_MAX LABEL_LEN_MAX

struct source {
    struct text producer;
    struct text service;
    struct text app_id;
    struct text environment;
    struct text request_id;
    struct text ip;
};

struct actor {
    struct text type;
    struct text id;
};

struct signature {
    struct text key_id;
    struct text alg;
    struct text value;
};

/* What the members of the envelope other than the payload come to. */
struct head {
    struct source source;
    struct actor actor;
    struct correlation correlation;
    struct signature signature;
};

static const char *const producers[] = {"control_plane", "runtime", NULL};
static const char *const services[] = {"validationengine", "governance",    "payment",
                                       "insights",         "runtime_shell", NULL};
static const char *const environments[] = {"prod",       "staging",     "dev",
                                           "production", "development", NULL};
static const char *const actor_types[] = {"user", "system", "app", NULL};
static const char *const algorithms[] = {"ed25519", "hmac-sha256", NULL};

static const struct field source_fields[] = {
    {TEXT("producer"), field_choice, false, offsetof(struct head, source.producer), 0, 0,
     producers},
    {TEXT("service"), field_choice, false, offsetof(struct head, source.service), 0, 0, services},
    {TEXT("app_id"), field_line, false, offsetof(struct head, source.app_id), 0, NAME_LEN_MAX,
     NULL},
    {TEXT("environment"), field_choice, false, offsetof(struct head, source.environment), 0, 0,
     environments},
    {TEXT("request_id"), field_line, false, offsetof(struct head, source.request_id), 0,
     NAME_LEN_MAX, NULL},
    {TEXT("ip"), field_line, false, offsetof(struct head, source.ip), 0, NAME_LEN_MAX, NULL}};
FORM(source_form, source_fields);

static const struct field actor_fields[] = {
    {TEXT("actor_type"), field_choice, false, offsetof(struct head, actor.type), 0, 0, actor_types},
    {TEXT("actor_id"), field_line, false, offsetof(struct head, actor.id), 0, NAME_LEN_MAX, NULL}};
FORM(actor_form, actor_fields);

#define CORRELATION(name)                                                                          \
    {                                                                                              \
        TEXT(#name), field_line, false, offsetof(struct head, correlation.name), 0, NAME_LEN_MAX,  \
            NULL                                                                                   \
    }
static const struct field correlation_fields[] = {
    CORRELATION(campaign_id),   CORRELATION(round_id),       CORRELATION(commitment_id),
    CORRELATION(allocation_id), CORRELATION(transaction_id), CORRELATION(user_id)};
FORM(correlation_form, correlation_fields);

static const struct field signature_fields[] = {
    {TEXT("key_id"), field_id, true, offsetof(struct head, signature.key_id), 0, 0, NULL},
    {TEXT("alg"), field_choice, true, offsetof(struct head, signature.alg), 0, 0, algorithms},
    {TEXT("value"), field_line, true, offsetof(struct head, signature.value), 1, NAME_LEN_MAX,
     NULL}};
FORM(signature_form, signature_fields);

enum member {
    MEMBER_EVENT_ID,
    MEMBER_EVENT_TYPE,
    MEMBER_SCHEMA_VERSION,
    MEMBER_EVENT_VERSION,
    MEMBER_OCCURRED_AT,
    MEMBER_SOURCE,
    MEMBER_ACTOR,
    MEMBER_CORRELATION_IDS,
    MEMBER_SIGNATURE,
    MEMBER_PAYLOAD,
    MEMBER_SPECVERSION,
    MEMBER_COUNT
};
_Static_assert(MEMBER_COUNT <= FORM_FIELDS_MAX, "found[] has room for all members");

/* In the order in which the members are usually written. */
static const struct field envelope_fields[] = {
    [MEMBER_EVENT_ID] = {TEXT("event_id"), NULL, true, 0, 0, 0, NULL},
    [MEMBER_EVENT_TYPE] = {TEXT("event_type"), NULL, true, 0, 0, 0, NULL},
    [MEMBER_SCHEMA_VERSION] = {TEXT("schema_version"), NULL, false, 0, 0, 0, NULL},
    [MEMBER_EVENT_VERSION] = {TEXT("event_version"), NULL, false, 0, 0, 0, NULL},
    [MEMBER_OCCURRED_AT] = {TEXT("occurred_at"), NULL, true, 0, 0, 0, NULL},
    [MEMBER_SOURCE] = {TEXT("source"), field_form, false, 0, 0, 0, &source_form},
    [MEMBER_ACTOR] = {TEXT("actor"), field_form, false, 0, 0, 0, &actor_form},
    [MEMBER_CORRELATION_IDS] = {TEXT("correlation"), field_form, false, 0, 0, 0, &correlation_form},
    [MEMBER_SIGNATURE] = {TEXT("signature"), field_form, false, 0, 0, 0, &signature_form},
    [MEMBER_PAYLOAD] = {TEXT("payload"), NULL, true, 0, 0, 0, NULL},
    [MEMBER_SPECVERSION] = {TEXT("specversion"), NULL, false, 0, 0, 0, NULL}};
FORM(envelope_form, envelope_fields);

struct reading {
    struct form_in in;
    const struct envelope_options *options;
    struct envelope *out;
    struct json *tree;
    const struct json *found[FORM_FIELDS_MAX];
    struct head head;
};

/* As much of an id as quarantine and answers may show. */
static struct text id_shown(struct text id)
{
    if (id.len > EVENT_ID_LEN_MAX) {
        id.len = EVENT_ID_LEN_MAX;
        while (id.len > 0 && ((unsigned char)id.p[id.len] & 0xc0) == 0x80) {
            id.len--;
        }
    }
    return id;
}

static enum mete_code read_members(struct reading *r, struct json *tree)
{
    enum mete_code code = form_find(&r->in, &envelope_form, tree, r->found);
    if (code != METE_OK || r->found[MEMBER_SPECVERSION] == NULL) {
        return code;
    }
    const struct json *id = json_get(tree, "id");
    if (id != NULL && id->type == JSON_STRING) {
        r->out->id = id_shown(id->text);
    }
    code = cloudevent_map(&r->in, tree);
    return code != METE_OK ? code : form_find(&r->in, &envelope_form, tree, r->found);
}

static enum mete_code read_id(struct reading *r)
{
    const struct json *j = r->found[MEMBER_EVENT_ID];
    if (j == NULL) {
        return form_missing(&r->in, r->in.root, TEXT("event_id"));
    }
    if (j->type == JSON_STRING) {
        r->out->id = id_shown(j->text);
    }
    return field_event_id(&r->in, NULL, j, &r->out->event.id);
}

static enum mete_code read_type(struct reading *r)
{
    const struct json *j = r->found[MEMBER_EVENT_TYPE];
    if (j == NULL) {
        return form_missing(&r->in, r->in.root, TEXT("event_type"));
    }
    enum mete_code code = form_type(&r->in, j, JSON_STRING);
    if (code != METE_OK) {
        return code;
    }
    if (!event_type_of(j->text, &r->out->event.type)) {
        return form_fail(&r->in, j, METE_TYPE_UNKNOWN, "no such event type");
    }
    switch (event_type_status(r->out->event.type)) {
    case TYPE_HANDLED:
        return METE_OK;
    case TYPE_RESERVED:
        if ((r->options->stored || r->options->own) && payload_known(r->out->event.type)) {
            return METE_OK;
        }
        return form_fail(&r->in, j, METE_TYPE_RESERVED, "only mete itself makes such events");
    }
    METE_ASSERT(false);
}

/* "1", "1.0", "1.27" */
static bool is_version_one(struct text t)
{
    if (t.len == 1) {
        return t.p[0] == '1';
    }
    if (t.len < 3 || t.p[0] != '1' || t.p[1] != '.') {
        return false;
    }
    for (size_t i = 2; i < t.len; i++) {
        if (t.p[i] < '0' || t.p[i] > '9') {
            return false;
        }
    }
    return true;
}

static enum mete_code read_versions(struct reading *r)
{
    const struct json *schema = r->found[MEMBER_SCHEMA_VERSION];
    const struct json *version = r->found[MEMBER_EVENT_VERSION];
    int64_t number = 1;
    if (schema != NULL) {
        enum mete_code code = form_type(&r->in, schema, JSON_STRING);
        if (code != METE_OK) {
            return code;
        }
        if (!is_version_one(schema->text)) {
            return form_fail(&r->in, schema, METE_SCHEMA_VERSION, "this version reads 1.x");
        }
    }
    if (version == NULL) {
        return METE_OK;
    }
    if (version->type != JSON_NUMBER) {
        return form_type(&r->in, version, JSON_NUMBER);
    }
    if (!json_int(version, 1, 1, &number)) {
        return form_fail(&r->in, version, METE_SCHEMA_VERSION, "this version reads 1");
    }
    return METE_OK;
}

static enum mete_code read_occurred_at(struct reading *r)
{
    const struct json *j = r->found[MEMBER_OCCURRED_AT];
    mete_time *at = &r->out->event.occurred_at;
    if (j == NULL) {
        return form_missing(&r->in, r->in.root, TEXT("occurred_at"));
    }
    enum mete_code code = form_time(&r->in, j, false, false, at);
    if (code != METE_OK || r->options->stored) {
        return code;
    }
    if (*at - FUTURE_US_MAX > r->options->now) {
        return form_fail(&r->in, j, METE_TIME_FUTURE,
                         "this is more than 5 minutes ahead of the clock here");
    }
    return METE_OK;
}

static struct text environment_short(struct text t)
{
    if (text_is(t, "production")) {
        return TEXT("prod");
    }
    return text_is(t, "development") ? TEXT("dev") : t;
}

/* An event inside an ingest body may not belong to another app than the body. */
static enum mete_code check_ingest(struct reading *r)
{
    const struct source *s = &r->head.source;
    struct text app = r->options->app_id;
    struct text environment = r->options->environment;
    if (app.len > 0 && s->app_id.len > 0 && !text_eq(app, s->app_id)) {
        return form_fail(&r->in, json_get(r->found[MEMBER_SOURCE], "app_id"), METE_MEMBER_VALUE,
                         "the ingest body is of another app");
    }
    if (environment.len > 0 && s->environment.len > 0 &&
        !text_eq(environment_short(environment), environment_short(s->environment))) {
        return form_fail(&r->in, json_get(r->found[MEMBER_SOURCE], "environment"),
                         METE_MEMBER_VALUE, "the ingest body is of another environment");
    }
    return METE_OK;
}

static enum mete_code read_signature(struct reading *r)
{
    const struct json *j = r->found[MEMBER_SIGNATURE];
    struct envelope *e = r->out;
    if (j == NULL) {
        return METE_OK;
    }
    e->is_signed = true;
    e->key_id = r->head.signature.key_id;
    e->alg = r->head.signature.alg;
    e->signature = r->head.signature.value;
    e->signature_raw = j->raw;
    if (j->raw.p != NULL) {
        return METE_OK;
    }
    struct buf canonical = {0};
    enum mete_code code = json_canonical(j, &canonical, NULL);
    e->signature_raw = arena_text(r->in.arena, buf_text(&canonical));
    buf_clear(&canonical);
    return code == METE_OK ? code : form_fail(&r->in, j, code, "a number in here is not exact");
}

/* Gives the member `name` of `object` a value, when it has none or an empty one. */
static void member_fill(struct arena *a, struct json *object, struct text name, struct text value)
{
    for (struct json *m = object->child; m != NULL; m = m->next) {
        if (text_eq(m->key, name)) {
            if (m->type == JSON_STRING && m->text.len == 0) {
                m->text = arena_text(a, value);
                m->raw = (struct text){0};
            }
            return;
        }
    }
    json_set(object, name, json_new_string(a, value));
}

/* What an ingest body says for all of its events has to stand in each: a log that is read again has
 * no bodies, and the app decides fees and campaigns. */
static void fill_source(struct reading *r)
{
    struct text app = r->options->app_id;
    struct text environment = environment_short(r->options->environment);
    if (app.len == 0 && environment.len == 0) {
        return;
    }
    struct json *source = NULL;
    for (struct json *m = r->tree->child; m != NULL && source == NULL; m = m->next) {
        source = text_is(m->key, "source") ? m : NULL;
    }
    if (source == NULL) {
        source = json_new(r->in.arena, JSON_OBJECT);
        json_set(r->tree, TEXT("source"), source);
        r->found[MEMBER_SOURCE] = source;
    }
    if (source->type != JSON_OBJECT) {
        return;
    }
    if (app.len > 0) {
        member_fill(r->in.arena, source, TEXT("app_id"), app);
    }
    if (environment.len > 0) {
        member_fill(r->in.arena, source, TEXT("environment"), environment);
    }
}

/* A signature holds for the bytes that were signed, so nothing can be added to them. */
static enum mete_code check_signed(const struct reading *r)
{
    const struct json *app = json_get(r->found[MEMBER_SOURCE], "app_id");
    bool says = app != NULL && (app->type != JSON_STRING || app->text.len > 0);
    if (r->options->app_id.len == 0 || says) {
        return METE_OK;
    }
    return mete_fail(r->in.err, METE_MEMBER_MISSING, "/source/app_id",
                     "a signed event names its app itself: the body's appId was not signed");
}

static enum mete_code read_head(struct reading *r)
{
    struct event *e = &r->out->event;
    if (r->found[MEMBER_SIGNATURE] == NULL) {
        fill_source(r);
    } else {
        enum mete_code fine = check_signed(r);
        if (fine != METE_OK) {
            return fine;
        }
    }
    for (size_t i = MEMBER_SOURCE; i <= MEMBER_SIGNATURE; i++) {
        const struct field *f = &envelope_fields[i];
        if (r->found[i] == NULL) {
            continue;
        }
        enum mete_code code = f->read(&r->in, f, r->found[i], &r->head);
        if (code != METE_OK) {
            return code;
        }
    }
    e->producer = r->head.source.producer;
    e->service = r->head.source.service;
    e->app_id = r->head.source.app_id;
    e->actor_id = r->head.actor.id;
    e->correlation = r->head.correlation;
    enum mete_code code = check_ingest(r);
    return code != METE_OK ? code : read_signature(r);
}

const char *producer_flaw(enum event_type type, struct text producer)
{
    for (size_t i = 0; services[i] != NULL; i++) {
        if (event_type_allows(type, producer, text_of(services[i]))) {
            return "service";
        }
    }
    return "producer";
}

static enum mete_code check_producer(struct reading *r)
{
    const struct event *e = &r->out->event;
    /* what stands in a log was allowed when it came */
    if (r->options->stored || r->options->own ||
        event_type_allows(e->type, e->producer, e->service)) {
        return METE_OK;
    }
    const char *flaw = producer_flaw(e->type, e->producer);
    const struct json *source = r->found[MEMBER_SOURCE];
    const struct json *place = json_get(source, flaw);
    return form_fail(&r->in, place != NULL ? place : source, METE_PRODUCER_FORBIDDEN,
                     "this %s may not send %s", flaw, event_type_name(e->type));
}

/* Who forces a rule aside stands in the log: put there, but for bytes that were signed, whose
 * signature says it. Nobody does it in another's name. */
static enum mete_code fill_forced(struct reading *r, const struct json *payload)
{
    struct text who = r->options->forced_by;
    const struct json *said = json_get(payload, "forced_by");
    if (who.len == 0 || !event_type_forces(r->out->event.type) ||
        !json_is_true(json_get(payload, "force"))) {
        return METE_OK;
    }
    if (said != NULL && (said->type != JSON_STRING || !text_eq(said->text, who))) {
        return form_fail(&r->in, said, METE_MEMBER_VALUE,
                         "leave this out: it is whoever sends the event, by the id of the key");
    }
    for (struct json *m = r->tree->child; m != NULL && r->found[MEMBER_SIGNATURE] == NULL;
         m = m->next) {
        if (m == payload) {
            member_fill(r->in.arena, m, TEXT("forced_by"), who);
        }
    }
    return METE_OK;
}

static enum mete_code read_payload(struct reading *r)
{
    const struct json *payload = r->found[MEMBER_PAYLOAD];
    if (payload == NULL) {
        return form_missing(&r->in, r->in.root, TEXT("payload"));
    }
    enum mete_code filled = fill_forced(r, payload);
    if (filled != METE_OK) {
        return filled;
    }
    bool stored = r->options->stored;
    const struct payload_in p = {&r->in, payload, stored, &r->out->event};
    enum mete_code code = payload_read(&p);
    if (code != METE_OK || stored) {
        return code;
    }
    r->out->event.tier3 = tier3_pointer(r->in.arena, r->out->event.type, payload);
    code = private_collect(&r->in, r->out);
    return code != METE_OK ? code : pii_check(&r->in, payload, r->out);
}

static enum mete_code read_all(struct reading *r, struct json *tree)
{
    static enum mete_code (*const steps[])(struct reading *) = {
        read_id,   read_type,      read_versions, read_occurred_at,
        read_head, check_producer, read_payload};
    enum mete_code code = read_members(r, tree);
    for (size_t i = 0; i < ARRAY_LEN(steps) && code == METE_OK; i++) {
        code = steps[i](r);
    }
    return code;
}

enum mete_code envelope_read_tree(struct arena *a, struct json *tree,
                                  const struct envelope_options *o, struct envelope *out,
                                  struct mete_err *err)
{
    memset(out, 0, sizeof *out);
    out->tree = tree;
    struct reading r = {.in = {a, tree, "", err}, .options = o, .out = out, .tree = tree};
    if (tree->type != JSON_OBJECT) {
        return mete_fail(err, METE_MEMBER_TYPE, "", "an event is a JSON object");
    }
    return read_all(&r, tree);
}

enum mete_code envelope_read(struct arena *a, struct text input, const struct envelope_options *o,
                             struct envelope *out, struct mete_err *err)
{
    struct json *tree = NULL;
    enum mete_code code = METE_OK;
    if (input.len > EVENT_SIZE_MAX) {
        code = mete_fail(err, METE_EVENT_TOO_LARGE, "", "an event has at most %u bytes",
                         EVENT_SIZE_MAX);
    } else {
        code = json_parse(a, input, &tree, err);
    }
    if (code == METE_OK) {
        return envelope_read_tree(a, tree, o, out, err);
    }
    memset(out, 0, sizeof *out);
    out->id = envelope_id_guess(input);
    return code;
}

enum mete_code envelope_canonical(const struct envelope *e, struct buf *out, struct mete_err *err)
{
    static const char *const skip[] = {"signature", NULL};
    return json_canonical_without(e->tree, skip, out, err);
}
