/* SPDX-License-Identifier: Apache-2.0
 * Reading and writing the scheme's part of a payment on EVM chains. */
#include "wire/x402/exact.h"

#include "base/text.h"
#include "wire/evm/rpc.h"
#include "wire/x402/member.h"

#define AUTHORIZATION(name, member, read) MUST(name, struct evm_authorization, member, read, 0, 0)
#define PAYMENT(name, member, read)       MUST(name, struct x402_evm_payment, member, read, 0, 0)
#define PART(name, form)                                                                           \
    {                                                                                              \
        TEXT(name), field_form, true, 0, 0, 0, &(form)                                             \
    }

static const struct field AUTHORIZATION_FIELDS[] = {
    AUTHORIZATION("from", from, member_address),
    AUTHORIZATION("to", to, member_address),
    AUTHORIZATION("value", value, member_u256),
    AUTHORIZATION("validAfter", valid_after, member_u256),
    AUTHORIZATION("validBefore", valid_before, member_u256),
    AUTHORIZATION("nonce", nonce, member_word),
};
X402_FORM(AUTHORIZATION_FORM, AUTHORIZATION_FIELDS);

static const struct field EIP3009_FIELDS[] = {
    MUST("signature", struct x402_evm_payment, signature, member_hex, 0, X402_SIGNATURE_MAX),
    {TEXT("authorization"), field_form, true, offsetof(struct x402_evm_payment, authorization), 0,
     0, &AUTHORIZATION_FORM},
};
X402_FORM(EIP3009_FORM, EIP3009_FIELDS);

static const struct field PERMITTED_FIELDS[] = {
    PAYMENT("token", permit2.token, member_address),
    PAYMENT("amount", permit2.amount, member_u256),
};
static const struct field WITNESS_EXACT_FIELDS[] = {
    PAYMENT("to", permit2.to, member_address),
    PAYMENT("validAfter", permit2.valid_after, member_u256),
};
static const struct field WITNESS_UPTO_FIELDS[] = {
    PAYMENT("to", permit2.to, member_address),
    PAYMENT("facilitator", permit2.facilitator, member_address),
    PAYMENT("validAfter", permit2.valid_after, member_u256),
};
X402_FORM(PERMITTED_FORM, PERMITTED_FIELDS);
X402_FORM(WITNESS_EXACT_FORM, WITNESS_EXACT_FIELDS);
X402_FORM(WITNESS_UPTO_FORM, WITNESS_UPTO_FIELDS);

#define PERMIT_FIELDS(witness)                                                                     \
    {                                                                                              \
        PAYMENT("from", from, member_address), PART("permitted", PERMITTED_FORM),                  \
            PAYMENT("spender", permit2.spender, member_address),                                   \
            PAYMENT("nonce", permit2.nonce, member_u256),                                          \
            PAYMENT("deadline", permit2.deadline, member_u256), PART("witness", witness),          \
    }
static const struct field PERMIT_EXACT_FIELDS[] = PERMIT_FIELDS(WITNESS_EXACT_FORM);
static const struct field PERMIT_UPTO_FIELDS[] = PERMIT_FIELDS(WITNESS_UPTO_FORM);
X402_FORM(PERMIT_EXACT_FORM, PERMIT_EXACT_FIELDS);
X402_FORM(PERMIT_UPTO_FORM, PERMIT_UPTO_FIELDS);

#define PERMIT2_FIELDS(permit)                                                                     \
    {                                                                                              \
        MUST("signature", struct x402_evm_payment, signature, member_hex, 0, X402_SIGNATURE_MAX),  \
            PART("permit2Authorization", permit),                                                  \
    }
static const struct field PERMIT2_EXACT_FIELDS[] = PERMIT2_FIELDS(PERMIT_EXACT_FORM);
static const struct field PERMIT2_UPTO_FIELDS[] = PERMIT2_FIELDS(PERMIT_UPTO_FORM);
X402_FORM(PERMIT2_EXACT_FORM, PERMIT2_EXACT_FIELDS);
X402_FORM(PERMIT2_UPTO_FORM, PERMIT2_UPTO_FIELDS);

enum mete_code x402_evm_payment_read(struct arena *a, const struct x402_payload *p, const char *at,
                                     struct x402_evm_payment *out, struct mete_err *err)
{
    const struct form_in in = {a, p->json, at, err};
    bool is_upto = text_is(p->scheme, X402_SCHEME_UPTO);
    bool is_permit2 = is_upto || json_get(p->payload, "permit2Authorization") != NULL;
    const struct form *permit2 = is_upto ? &PERMIT2_UPTO_FORM : &PERMIT2_EXACT_FORM;
    struct x402_evm_payment e = {.method = is_permit2 ? X402_PERMIT2 : X402_EIP3009};
    enum mete_code code = form_read(&in, is_permit2 ? permit2 : &EIP3009_FORM, p->payload, &e);
    if (code != METE_OK) {
        return code;
    }
    if (is_permit2) {
        e.permit2.has_facilitator = is_upto;
    } else {
        e.from = e.authorization.from;
    }
    *out = e;
    return METE_OK;
}

/* Refuses the member `name` of what is at `at`. */
static enum mete_code refuse(struct mete_err *err, enum mete_code code, const char *at,
                             const char *name, const char *why)
{
    char pointer[sizeof err->pointer];
    (void)text_copy(pointer, sizeof pointer, text_of(at));
    json_pointer_add(pointer, sizeof pointer, text_of(name));
    return mete_fail(err, code, pointer, "%s", why);
}

/* An address of requirements. */
static enum mete_code address_judge(struct text t, const char *at, const char *name,
                                    bool has_any_case, struct evm_address *out,
                                    struct mete_err *err)
{
    struct mete_err own = {0};
    if (has_any_case) {
        return x402_address_read(t, out) ? METE_OK
                                         : refuse(err, METE_ADDRESS_INVALID, at, name,
                                                  "expected 0x and 40 hexadecimal digits");
    }
    enum mete_code code = evm_address_parse(t, EVM_CHECKSUM_OPTIONAL, out, &own);
    return code == METE_OK ? METE_OK : refuse(err, code, at, name, own.text);
}

static enum mete_code method_read(const struct x402_requirements *r, const char *at,
                                  struct x402_evm_terms *t, struct mete_err *err)
{
    struct text method = x402_requirements_extra(r, "assetTransferMethod");
    bool is_exact = text_is(r->scheme, X402_SCHEME_EXACT);
    bool is_permit2 = text_is(method, "permit2");
    t->is_upto = text_is(r->scheme, X402_SCHEME_UPTO);
    if (!is_exact && !t->is_upto) {
        return refuse(err, METE_X402_SCHEME, at, "scheme", "expected exact or upto");
    }
    if (!is_permit2 && method.len > 0 && (t->is_upto || !text_is(method, "eip3009"))) {
        return refuse(err, METE_X402_SCHEME, at, "extra",
                      "the scheme does not take this assetTransferMethod");
    }
    t->method = t->is_upto || is_permit2 ? X402_PERMIT2 : X402_EIP3009;
    return METE_OK;
}

static enum mete_code facilitator_read(const struct x402_requirements *r, const char *at,
                                       bool has_any_case, struct x402_evm_terms *t,
                                       struct mete_err *err)
{
    char extra[sizeof err->pointer];
    struct text who = x402_requirements_extra(r, "facilitatorAddress");
    t->has_facilitator = t->is_upto && who.len > 0;
    if (!t->has_facilitator) {
        return METE_OK;
    }
    (void)text_copy(extra, sizeof extra, text_of(at));
    json_pointer_add(extra, sizeof extra, TEXT("extra"));
    return address_judge(who, extra, "facilitatorAddress", has_any_case, &t->facilitator, err);
}

enum mete_code x402_evm_terms_read(const struct x402_requirements *r, const char *at,
                                   bool has_any_case, struct x402_evm_terms *out,
                                   struct mete_err *err)
{
    struct x402_network n;
    struct x402_evm_terms t = {.name = x402_requirements_extra(r, "name"),
                               .version = x402_requirements_extra(r, "version")};
    if (!x402_network_parse(r->network, r->version, &n) || n.family != X402_FAMILY_EVM) {
        return refuse(err, METE_X402_NETWORK, at, "network", "expected a known EVM chain");
    }
    t.chain_id = n.chain_id;
    enum mete_code code = method_read(r, at, &t, err);
    if (code == METE_OK) {
        code = address_judge(r->asset, at, "asset", has_any_case, &t.asset, err);
    }
    if (code == METE_OK) {
        code = address_judge(r->pay_to, at, "payTo", has_any_case, &t.pay_to, err);
    }
    if (code == METE_OK) {
        code = facilitator_read(r, at, has_any_case, &t, err);
    }
    if (code == METE_OK) {
        *out = t;
    }
    return code;
}

static void put_address(struct json_writer *w, const char *key, const struct evm_address *a)
{
    char text[EVM_ADDRESS_TEXT_LEN + 1];
    evm_address_format(a, text);
    jw_str(w, key, text);
}

void x402_authorization_write(struct buf *out, const struct evm_authorization *a,
                              struct bytes signature)
{
    struct json_writer w;
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    jw_object(&w, "authorization");
    put_address(&w, "from", &a->from);
    put_address(&w, "to", &a->to);
    jw_u256(&w, "value", a->value);
    jw_u256(&w, "validAfter", a->valid_after);
    jw_u256(&w, "validBefore", a->valid_before);
    jw_data(&w, "nonce", (struct bytes){a->nonce.b, sizeof a->nonce.b});
    jw_end_object(&w);
    jw_data(&w, "signature", signature);
    jw_end_object(&w);
}

void x402_permit2_write(struct buf *out, const struct evm_permit2 *p,
                        const struct evm_address *from, struct bytes signature)
{
    struct json_writer w;
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    jw_data(&w, "signature", signature);
    jw_object(&w, "permit2Authorization");
    put_address(&w, "from", from);
    jw_object(&w, "permitted");
    put_address(&w, "token", &p->token);
    jw_u256(&w, "amount", p->amount);
    jw_end_object(&w);
    put_address(&w, "spender", &p->spender);
    jw_u256(&w, "nonce", p->nonce);
    jw_u256(&w, "deadline", p->deadline);
    jw_object(&w, "witness");
    put_address(&w, "to", &p->to);
    if (p->has_facilitator) {
        put_address(&w, "facilitator", &p->facilitator);
    }
    jw_u256(&w, "validAfter", p->valid_after);
    jw_end_object(&w);
    jw_end_object(&w);
    jw_end_object(&w);
}

/* eip2612GasSponsoring */

struct raw_2612 {
    struct x402_eip2612 e;
    struct bytes signature;
    struct text version;
};
#define INFO_2612(name, member, read) MUST(name, struct raw_2612, e.member, read, 0, 0)
static const struct field INFO_2612_FIELDS[] = {
    INFO_2612("from", permit.owner, member_address),
    INFO_2612("asset", asset, member_address),
    INFO_2612("spender", permit.spender, member_address),
    INFO_2612("amount", permit.value, member_u256),
    INFO_2612("nonce", permit.nonce, member_u256),
    INFO_2612("deadline", permit.deadline, member_u256),
    MUST("signature", struct raw_2612, signature, member_hex, 0, X402_SIGNATURE_MAX),
    MUST("version", struct raw_2612, version, member_text, 1, 32),
};
X402_FORM(INFO_2612_FORM, INFO_2612_FIELDS);

static const char *const NOTHING[] = {NULL};
static const char *const SERVERS[] = {"description", "version", NULL};

/* The info of an extension to which the client added something; NULL when it only echoed. */
static const struct json *info_added(const struct x402_payload *p, const char *name)
{
    const struct json *info = json_get(json_get(p->extensions, name), "info");
    for (const struct json *m = info != NULL ? info->child : NULL; m != NULL; m = m->next) {
        if (!text_is(m->key, SERVERS[0]) && !text_is(m->key, SERVERS[1])) {
            return info;
        }
    }
    return NULL;
}

enum mete_code x402_eip2612_read(struct arena *a, const struct x402_payload *p, const char *at,
                                 struct x402_eip2612 *out, bool *is_there, struct mete_err *err)
{
    const struct form_in in = {a, p->json, at, err};
    const struct json *info = info_added(p, X402_EXTENSION_EIP2612);
    struct raw_2612 raw = {0};
    *is_there = info != NULL;
    if (info == NULL) {
        return METE_OK;
    }
    enum mete_code code = form_read(&in, &INFO_2612_FORM, info, &raw);
    if (code != METE_OK) {
        return code;
    }
    if (raw.signature.len != EVM_SIGNATURE_LEN) {
        return form_fail(&in, json_get(info, "signature"), METE_MEMBER_VALUE,
                         "expected a signature of %d bytes", EVM_SIGNATURE_LEN);
    }
    for (size_t i = 0; i < EVM_SIGNATURE_LEN; i++) {
        raw.e.signature[i] = raw.signature.p[i];
    }
    *out = raw.e;
    return METE_OK;
}

#define ADDRESS_SCHEMA "{\"type\":\"string\",\"pattern\":\"^0x[a-fA-F0-9]{40}$\"}"
#define DIGITS_SCHEMA  "{\"type\":\"string\",\"pattern\":\"^[0-9]+$\"}"
#define HEX_SCHEMA     "{\"type\":\"string\",\"pattern\":\"^0x[a-fA-F0-9]+$\"}"

void x402_eip2612_advertise(struct buf *out)
{
    buf_put_str(
        out,
        "{\"info\":{\"description\":\"A permit of EIP-2612 for Permit2 is brought to the chain by "
        "the facilitator.\",\"version\":\"1\"},\"schema\":{\"$schema\":"
        "\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\",\"properties\":{"
        "\"from\":" ADDRESS_SCHEMA ",\"asset\":" ADDRESS_SCHEMA ",\"spender\":" ADDRESS_SCHEMA
        ",\"amount\":" DIGITS_SCHEMA ",\"nonce\":" DIGITS_SCHEMA ",\"deadline\":" DIGITS_SCHEMA
        ",\"signature\":" HEX_SCHEMA ",\"version\":{\"type\":\"string\","
        "\"pattern\":\"^[0-9]+(\\\\.[0-9]+)*$\"}},\"required\":[\"from\",\"asset\",\"spender\","
        "\"amount\",\"nonce\",\"deadline\",\"signature\",\"version\"]}}");
}

void x402_eip2612_write(struct buf *out, const struct json *advertised,
                        const struct x402_eip2612 *e)
{
    static const char *const OURS[] = {"from",  "asset",    "spender",   "amount",
                                       "nonce", "deadline", "signature", NULL};
    static const char *const INFO[] = {"info", NULL};
    const struct json *info = json_get(advertised, "info");
    struct json_writer w;
    buf_put_str(out, "{\"info\":");
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    put_address(&w, "from", &e->permit.owner);
    put_address(&w, "asset", &e->asset);
    put_address(&w, "spender", &e->permit.spender);
    jw_u256(&w, "amount", e->permit.value);
    jw_u256(&w, "nonce", e->permit.nonce);
    jw_u256(&w, "deadline", e->permit.deadline);
    jw_data(&w, "signature", (struct bytes){e->signature, EVM_SIGNATURE_LEN});
    if (json_get(info, "version") == NULL) {
        jw_str(&w, "version", "1");
    }
    members_put(out, info, OURS, true);
    jw_end_object(&w);
    members_put(out, advertised, advertised == NULL ? NOTHING : INFO, true);
    buf_put_u8(out, '}');
}
