/* SPDX-License-Identifier: Apache-2.0
 * Envelopes alone: the scheme's part is kept as it is. */
#include "wire/x402/payload.h"

#include "base/text.h"
#include "wire/x402/member.h"
#include "wire/x402/requirements.h"

static const struct field VERSION_FIELDS[] = {
    MUST("x402Version", struct x402_payload, version, member_version, 0, 0),
};
static const struct field V1_FIELDS[] = {
    MUST("scheme", struct x402_payload, scheme, field_line, 1, X402_TEXT_MAX),
    MUST("network", struct x402_payload, network, field_line, 1, X402_TEXT_MAX),
    MUST("payload", struct x402_payload, payload, member_object, 0, 0),
};
static const struct field V2_FIELDS[] = {
    MAY("accepted", struct x402_payload, accepted, member_object, 0, 0),
    MAY("resource", struct x402_payload, resource, member_object, 0, 0),
    MUST("payload", struct x402_payload, payload, member_object, 0, 0),
    MAY("extensions", struct x402_payload, extensions, member_object, 0, 0),
};
X402_FORM(VERSION_FORM, VERSION_FIELDS);
X402_FORM(V1_FORM, V1_FIELDS);
X402_FORM(V2_FORM, V2_FIELDS);

static struct text string_of(const struct json *j, const char *name)
{
    const struct json *m = json_get(j, name);
    return m != NULL && m->type == JSON_STRING ? m->text : TEXT("");
}

enum mete_code x402_payload_read(struct arena *a, const struct json *j, const char *at,
                                 struct x402_payload *out, struct mete_err *err)
{
    const struct form_in in = {a, j, at, err};
    struct x402_payload p = {.json = j};
    enum mete_code code = form_read(&in, &VERSION_FORM, j, &p);
    if (code == METE_OK) {
        code = form_read(&in, p.version == 1 ? &V1_FORM : &V2_FORM, j, &p);
    }
    if (code != METE_OK) {
        return code;
    }
    if (p.version == 2) {
        p.scheme = string_of(p.accepted, "scheme");
        p.network = string_of(p.accepted, "network");
    }
    *out = p;
    return METE_OK;
}

enum mete_code x402_payload_read_header(struct arena *a, struct text value,
                                        struct x402_payload *out, struct mete_err *err)
{
    struct json *j;
    enum mete_code code = x402_header_read(a, value, &j, err);
    return code != METE_OK ? code : x402_payload_read(a, j, "", out, err);
}

void x402_payload_write(struct buf *out, const struct x402_paying *p)
{
    METE_ASSERT(p->version == 1 || (p->version == 2 && p->accepted.len > 0));
    struct json_writer w;
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    jw_int(&w, "x402Version", p->version);
    if (p->version == 1) {
        jw_text(&w, "scheme", p->scheme);
        jw_text(&w, "network", p->network);
        jw_raw(&w, "payload", p->payload);
    } else {
        jw_raw(&w, "payload", p->payload);
        if (p->extensions.len > 0) {
            jw_raw(&w, "extensions", p->extensions);
        }
        if (p->resource.len > 0) {
            jw_raw(&w, "resource", p->resource);
        }
        jw_raw(&w, "accepted", p->accepted);
    }
    jw_end_object(&w);
}

const char *x402_payment_header(int version)
{
    return version == 1 ? X402_HEADER_V1_PAYMENT : X402_HEADER_SIGNATURE;
}

const char *x402_response_header(int version)
{
    return version == 1 ? X402_HEADER_V1_RESPONSE : X402_HEADER_RESPONSE;
}
