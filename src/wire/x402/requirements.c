/* SPDX-License-Identifier: Apache-2.0
 * Reading what a server asks for. */
#include "wire/x402/requirements.h"

#include "base/text.h"
#include "wire/x402/member.h"

/* What both versions have, and what only the first one has. */
struct raw_offer {
    struct x402_requirements r;
    int32_t timeout_s;
};

#define OFFER(name, member, read, min, max) MUST(name, struct raw_offer, r.member, read, min, max)

static const struct field OFFER_V2[] = {
    OFFER("scheme", scheme, field_line, 1, X402_TEXT_MAX),
    OFFER("network", network, field_line, 1, X402_TEXT_MAX),
    OFFER("amount", amount, member_u256, 0, 0),
    OFFER("asset", asset, field_line, 1, X402_TEXT_MAX),
    OFFER("payTo", pay_to, field_line, 1, X402_TEXT_MAX),
    MUST("maxTimeoutSeconds", struct raw_offer, timeout_s, field_i32, 1, X402_TIMEOUT_MAX_S),
    MAY("extra", struct raw_offer, r.extra, member_object, 0, 0),
};
static const struct field OFFER_V1[] = {
    OFFER("scheme", scheme, field_line, 1, X402_TEXT_MAX),
    OFFER("network", network, field_line, 1, X402_TEXT_MAX),
    OFFER("maxAmountRequired", amount, member_u256, 0, 0),
    OFFER("asset", asset, field_line, 1, X402_TEXT_MAX),
    OFFER("payTo", pay_to, field_line, 1, X402_TEXT_MAX),
    MUST("maxTimeoutSeconds", struct raw_offer, timeout_s, field_i32, 1, X402_TIMEOUT_MAX_S),
    MAY("extra", struct raw_offer, r.extra, member_object, 0, 0),
    OFFER("resource", resource, field_line, 1, X402_TEXT_MAX),
    OFFER("description", description, member_text, 0, X402_BODY_MAX),
    MAY("mimeType", struct raw_offer, r.mime_type, member_text, 0, X402_TEXT_MAX),
    MAY("outputSchema", struct raw_offer, r.output_schema, member_object, 0, 0),
};
X402_FORM(FORM_V2, OFFER_V2);
X402_FORM(FORM_V1, OFFER_V1);

enum mete_code x402_requirements_read(struct arena *a, const struct json *j, int version,
                                      const char *at, struct x402_requirements *out,
                                      struct mete_err *err)
{
    METE_ASSERT(version == 1 || version == 2);
    const struct form_in in = {a, j, at, err};
    struct raw_offer raw = {.r = {.version = version, .json = j}};
    enum mete_code code = form_read(&in, version == 1 ? &FORM_V1 : &FORM_V2, j, &raw);
    if (code != METE_OK) {
        return code;
    }
    struct x402_network n;
    if (version == 2 && !x402_network_parse(raw.r.network, 2, &n)) {
        return form_fail(&in, json_get(j, "network"), METE_X402_NETWORK,
                         "expected CAIP-2, such as eip155:8453");
    }
    raw.r.amount_text = json_get(j, version == 1 ? "maxAmountRequired" : "amount")->text;
    raw.r.timeout_s = (uint32_t)raw.timeout_s;
    *out = raw.r;
    return METE_OK;
}

struct text x402_requirements_extra(const struct x402_requirements *r, const char *name)
{
    const struct json *j = json_get(r->extra, name);
    return j != NULL && j->type == JSON_STRING ? j->text : TEXT("");
}

enum x402_flow x402_requirements_flow(const struct x402_requirements *r)
{
    static const char *const NAMES[] = {
        [X402_FLOW_AUTHORIZATION] = "authorization",
        [X402_FLOW_UPFRONT] = "upfront",
        [X402_FLOW_ESCROW] = "escrow",
    };
    const struct json *j = json_get(r->extra, "paymentFlow");
    if (j == NULL || j->type == JSON_NULL) {
        return X402_FLOW_AUTHORIZATION;
    }
    for (size_t i = 0; j->type == JSON_STRING && i < ARRAY_LEN(NAMES); i++) {
        if (text_is(j->text, NAMES[i])) {
            return (enum x402_flow)i;
        }
    }
    return X402_FLOW_UNKNOWN;
}

static enum mete_code tags_read(const struct form_in *in, const struct field *f,
                                const struct json *j, void *out)
{
    (void)f;
    struct x402_resource *r = out;
    enum mete_code code = form_type(in, j, JSON_ARRAY);
    for (const struct json *tag = j->child; code == METE_OK && tag != NULL; tag = tag->next) {
        code = form_type(in, tag, JSON_STRING);
        if (code == METE_OK && r->tag_count < X402_TAGS_MAX) {
            r->tags[r->tag_count++] = tag->text;
        }
    }
    return code;
}

#define RESOURCE(name, member)                                                                     \
    MAY(name, struct x402_resource, member, member_text, 0, X402_BODY_MAX)

static const struct field RESOURCE_FIELDS[] = {
    MUST("url", struct x402_resource, url, field_line, 1, X402_TEXT_MAX),
    RESOURCE("description", description),
    RESOURCE("mimeType", mime_type),
    RESOURCE("serviceName", service_name),
    {TEXT("tags"), tags_read, false, 0, 0, 0, NULL},
    RESOURCE("iconUrl", icon_url),
};
X402_FORM(RESOURCE_FORM, RESOURCE_FIELDS);

enum mete_code x402_resource_read(struct arena *a, const struct json *j, const char *at,
                                  struct x402_resource *out, struct mete_err *err)
{
    const struct form_in in = {a, j, at, err};
    struct x402_resource r = {.json = j};
    enum mete_code code = form_read(&in, &RESOURCE_FORM, j, &r);
    if (code == METE_OK) {
        *out = r;
    }
    return code;
}

struct raw_required {
    int version;
    struct text error;
    const struct json *resource;
    const struct json *accepts;
    const struct json *extensions;
};

static enum mete_code list_take(const struct form_in *in, const struct field *f,
                                const struct json *j, void *out)
{
    enum mete_code code = form_type(in, j, JSON_ARRAY);
    if (code != METE_OK) {
        return code;
    }
    if (j->count < (size_t)f->min || j->count > (size_t)f->max) {
        return form_fail(in, j, METE_MEMBER_VALUE, "expected %lld to %lld offers, found %u",
                         (long long)f->min, (long long)f->max, j->count);
    }
    *(const struct json **)out = j;
    return METE_OK;
}

static const struct field REQUIRED_FIELDS[] = {
    MUST("x402Version", struct raw_required, version, member_version, 0, 0),
    MAY("error", struct raw_required, error, member_text, 0, X402_BODY_MAX),
    MAY("resource", struct raw_required, resource, member_object, 0, 0),
    MUST("accepts", struct raw_required, accepts, list_take, 1, X402_ACCEPTS_MAX),
    MAY("extensions", struct raw_required, extensions, member_object, 0, 0),
};
X402_FORM(REQUIRED_FORM, REQUIRED_FIELDS);

/* The first error counts, and only when no offer can be read. */
static enum mete_code accepts_read(struct arena *a, const struct json *list, const char *at,
                                   struct x402_required *out, struct mete_err *err)
{
    enum mete_code first = METE_OK;
    size_t i = 0;
    out->accepts = arena_array(a, list->count, sizeof *out->accepts);
    for (const struct json *j = list->child; j != NULL; j = j->next) {
        const char *here = arena_printf(a, "%s/accepts/%zu", at, i++).p;
        struct mete_err *to = first == METE_OK ? err : NULL;
        enum mete_code code =
            x402_requirements_read(a, j, out->version, here, &out->accepts[out->accept_count], to);
        out->accept_count += code == METE_OK;
        first = first == METE_OK ? code : first;
    }
    out->unread_count = list->count - out->accept_count;
    if (out->accept_count == 0) {
        return first;
    }
    if (err != NULL) {
        err->code = METE_OK;
    }
    return METE_OK;
}

enum mete_code x402_required_read(struct arena *a, const struct json *j, const char *at,
                                  struct x402_required *out, struct mete_err *err)
{
    const struct form_in in = {a, j, at, err};
    struct raw_required raw = {0};
    enum mete_code code = form_read(&in, &REQUIRED_FORM, j, &raw);
    if (code != METE_OK) {
        return code;
    }
    struct x402_required r = {.version = raw.version, .error = raw.error, .json = j};
    if (r.version == 2) {
        r.extensions = raw.extensions;
        if (raw.resource != NULL) {
            code =
                x402_resource_read(a, raw.resource, member_at(a, at, "resource"), &r.resource, err);
        }
    }
    if (code == METE_OK) {
        code = accepts_read(a, raw.accepts, at, &r, err);
    }
    if (code == METE_OK) {
        *out = r;
    }
    return code;
}

enum mete_code x402_required_read_header(struct arena *a, struct text value,
                                         struct x402_required *out, struct mete_err *err)
{
    struct json *j;
    enum mete_code code = x402_header_read(a, value, &j, err);
    return code != METE_OK ? code : x402_required_read(a, j, "", out, err);
}

enum mete_code x402_required_read_body(struct arena *a, struct text body, struct x402_required *out,
                                       struct mete_err *err)
{
    struct json *j;
    enum mete_code code = x402_body_read(a, body, &j, err);
    return code != METE_OK ? code : x402_required_read(a, j, "", out, err);
}
