/* SPDX-License-Identifier: Apache-2.0
 * Requests to a facilitator and what it says of one payment. /supported is in supported.c. */
#include "wire/x402/facilitator.h"

#include "base/text.h"
#include "wire/x402/member.h"

struct raw_request {
    const struct json *payload;
    const struct json *requirements;
    bool reserve;
    struct text reservation;
    struct text policy;
};

static const struct field REQUEST_FIELDS[] = {
    MUST("paymentPayload", struct raw_request, payload, member_object, 0, 0),
    MUST("paymentRequirements", struct raw_request, requirements, member_object, 0, 0),
    MAY("reserve", struct raw_request, reserve, field_bool, 0, 0),
    MAY("reservation", struct raw_request, reservation, field_line, 1, X402_RESERVATION_MAX),
    MAY("policy", struct raw_request, policy, field_line, 1, X402_POLICY_MAX),
};
X402_FORM(REQUEST_FORM, REQUEST_FIELDS);

static int outer_version(const struct json *body)
{
    const struct json *j = json_get(body, "x402Version");
    int64_t version;
    return j != NULL && json_int(j, 0, INT32_MAX, &version) ? (int)version : 0;
}

enum mete_code x402_request_read(struct arena *a, struct text body, struct x402_request *out,
                                 struct mete_err *err)
{
    struct json *j;
    struct raw_request raw = {0};
    enum mete_code code = x402_body_read(a, body, &j, err);
    if (code != METE_OK) {
        return code;
    }
    const struct form_in in = {a, j, "", err};
    code = form_read(&in, &REQUEST_FORM, j, &raw);
    if (code != METE_OK) {
        return code;
    }
    struct x402_request r = {.outer_version = outer_version(j),
                             .reserve = raw.reserve,
                             .reservation = raw.reservation,
                             .policy = raw.policy};
    code = x402_payload_read(a, raw.payload, "/paymentPayload", &r.payload, err);
    if (code == METE_OK) {
        code = x402_requirements_read(a, raw.requirements, r.payload.version,
                                      "/paymentRequirements", &r.requirements, err);
    }
    if (code == METE_OK) {
        *out = r;
    }
    return code;
}

void x402_request_write(struct buf *out, const struct x402_asking *r)
{
    struct json_writer w;
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    jw_int(&w, "x402Version", r->version);
    jw_raw(&w, "paymentPayload", r->payload);
    jw_raw(&w, "paymentRequirements", r->requirements);
    if (r->reserve) {
        jw_bool(&w, "reserve", true);
    }
    if (r->reservation.len > 0) {
        jw_text(&w, "reservation", r->reservation);
    }
    if (r->policy.len > 0) {
        jw_text(&w, "policy", r->policy);
    }
    jw_end_object(&w);
}

static void text_unless_empty(struct json_writer *w, const char *key, struct text value)
{
    if (value.len > 0) {
        jw_text(w, key, value);
    }
}

static void raw_unless_empty(struct json_writer *w, const char *key, struct text json)
{
    if (json.len > 0) {
        jw_raw(w, key, json);
    }
}

#define SAID(name, type, member) MAY(name, type, member, member_text, 0, X402_BODY_MAX)

static const struct field VERIFIED_FIELDS[] = {
    MUST("isValid", struct x402_verified, is_valid, field_bool, 0, 0),
    SAID("payer", struct x402_verified, payer),
    SAID("invalidReason", struct x402_verified, reason),
    SAID("invalidMessage", struct x402_verified, message),
    MAY("extensions", struct x402_verified, extensions, member_raw, 0, 0),
    MAY("extra", struct x402_verified, extra, member_raw, 0, 0),
};
X402_FORM(VERIFIED_FORM, VERIFIED_FIELDS);

enum mete_code x402_verified_read(struct arena *a, struct text body, struct x402_verified *out,
                                  struct mete_err *err)
{
    struct json *j;
    struct x402_verified v = {0};
    enum mete_code code = x402_body_read(a, body, &j, err);
    if (code != METE_OK) {
        return code;
    }
    const struct form_in in = {a, j, "", err};
    code = form_read(&in, &VERIFIED_FORM, j, &v);
    if (code == METE_OK) {
        *out = v;
    }
    return code;
}

void x402_verified_write(struct buf *out, const struct x402_verified *v)
{
    struct json_writer w;
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    jw_bool(&w, "isValid", v->is_valid);
    text_unless_empty(&w, "invalidReason", v->reason);
    text_unless_empty(&w, "invalidMessage", v->message);
    text_unless_empty(&w, "payer", v->payer);
    raw_unless_empty(&w, "extensions", v->extensions);
    raw_unless_empty(&w, "extra", v->extra);
    jw_end_object(&w);
}

struct raw_extra {
    struct text reservation;
};
static const struct field EXTRA_FIELDS[] = {
    MAY("reservation", struct raw_extra, reservation, field_line, 1, X402_RESERVATION_MAX),
};
X402_FORM(EXTRA_FORM, EXTRA_FIELDS);

enum mete_code x402_reservation_read(struct arena *a, const struct x402_verified *v,
                                     struct text *out, struct mete_err *err)
{
    struct json *j;
    struct raw_extra raw = {TEXT("")};
    *out = TEXT("");
    if (v->extra.len == 0) {
        return METE_OK;
    }
    enum mete_code code = json_parse(a, v->extra, &j, err);
    if (code != METE_OK) {
        return code;
    }
    const struct form_in in = {a, j, "/extra", err};
    code = form_read(&in, &EXTRA_FORM, j, &raw);
    if (code == METE_OK) {
        *out = raw.reservation;
    }
    return code;
}

static const struct field SETTLED_FIELDS[] = {
    MUST("success", struct x402_settled, success, field_bool, 0, 0),
    MUST("transaction", struct x402_settled, transaction, member_text, 0, X402_TEXT_MAX),
    MUST("network", struct x402_settled, network, member_text, 0, X402_TEXT_MAX),
    SAID("payer", struct x402_settled, payer),
    SAID("amount", struct x402_settled, amount),
    SAID("errorReason", struct x402_settled, reason),
    SAID("errorMessage", struct x402_settled, message),
    MAY("extensions", struct x402_settled, extensions, member_raw, 0, 0),
    MAY("extra", struct x402_settled, extra, member_raw, 0, 0),
};
X402_FORM(SETTLED_FORM, SETTLED_FIELDS);

enum mete_code x402_settled_read_json(struct arena *a, const struct json *j, const char *at,
                                      struct x402_settled *out, struct mete_err *err)
{
    const struct form_in in = {a, j, at, err};
    struct x402_settled s = {0};
    enum mete_code code = form_read(&in, &SETTLED_FORM, j, &s);
    if (code == METE_OK) {
        *out = s;
    }
    return code;
}

enum mete_code x402_settled_read(struct arena *a, struct text body, struct x402_settled *out,
                                 struct mete_err *err)
{
    struct json *j;
    enum mete_code code = x402_body_read(a, body, &j, err);
    return code != METE_OK ? code : x402_settled_read_json(a, j, "", out, err);
}

enum mete_code x402_settled_read_header(struct arena *a, struct text value,
                                        struct x402_settled *out, struct mete_err *err)
{
    struct json *j;
    enum mete_code code = x402_header_read(a, value, &j, err);
    return code != METE_OK ? code : x402_settled_read_json(a, j, "", out, err);
}

void x402_settled_write(struct buf *out, const struct x402_settled *s)
{
    struct json_writer w;
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    jw_bool(&w, "success", s->success);
    text_unless_empty(&w, "errorReason", s->reason);
    text_unless_empty(&w, "errorMessage", s->message);
    text_unless_empty(&w, "payer", s->payer);
    jw_text(&w, "transaction", s->transaction);
    jw_text(&w, "network", s->network);
    text_unless_empty(&w, "amount", s->amount);
    raw_unless_empty(&w, "extensions", s->extensions);
    raw_unless_empty(&w, "extra", s->extra);
    jw_end_object(&w);
}

void x402_settled_write_header(struct buf *out, const struct x402_settled *s)
{
    struct buf json = {0};
    x402_settled_write(&json, s);
    x402_header_write(out, buf_text(&json));
    buf_clear(&json);
}

bool x402_settled_is_pending(const struct x402_settled *s)
{
    return !s->success && s->transaction.len > 0 &&
           text_is(s->reason, x402_reason_text(X402_REASON_SETTLEMENT_PENDING));
}

static const char *const STATUS[] = {
    [X402_EXTENSION_SUCCESS] = "success",
    [X402_EXTENSION_PROCESSING] = "processing",
    [X402_EXTENSION_REJECTED] = "rejected",
};

void x402_extension_responses_write(struct buf *out, const struct x402_extension_response *r,
                                    size_t count)
{
    struct buf json = {0};
    buf_put_u8(&json, '{');
    for (size_t i = 0; i < count; i++) {
        struct json_writer w;
        buf_put_str(&json, i == 0 ? "" : ",");
        json_put_string(&json, r[i].name);
        buf_put_u8(&json, ':');
        jw_init(&w, &json, false);
        jw_object(&w, NULL);
        jw_str(&w, "status", STATUS[r[i].status]);
        text_unless_empty(&w, "rejectedReason", r[i].rejected_reason);
        jw_end_object(&w);
    }
    buf_put_u8(&json, '}');
    x402_header_write(out, buf_text(&json));
    buf_clear(&json);
}
