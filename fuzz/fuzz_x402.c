/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a header, a payment, a request, an answer of a facilitator, a price or the name of a
 * network of x402. What is read keeps its bounds; written again it is read the same. The first byte
 * chooses. */
#include <string.h>

#include "base/encode.h"
#include "base/text.h"
#include "wire/x402/exact.h"
#include "wire/x402/facilitator.h"
#include "wire/x402/identifier.h"
#include "wire/x402/match.h"
#include "wire/x402/mcp.h"
#include "wire/x402/price.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct scene {
    struct arena a; /* of the size that is promised to be enough */
    struct arena b; /* for what is written and read again */
    struct mete_err err;
};

static void check_code(const struct scene *s, enum mete_code code)
{
    METE_ASSERT(code == s->err.code);
    METE_ASSERT(code == METE_OK || s->err.text[0] != '\0');
    METE_ASSERT(text_is_utf8(text_of(s->err.text)) && text_is_utf8(text_of(s->err.pointer)));
}

static struct json *again(struct scene *s, const struct buf *out)
{
    struct json *j = NULL;
    METE_ASSERT(json_parse(&s->b, arena_text(&s->b, buf_text(out)), &j, NULL) == METE_OK);
    return j;
}

static void use_offer(struct scene *s, const struct x402_requirements *r)
{
    struct x402_evm_terms t;
    struct u256 v;
    METE_ASSERT(u256_parse(r->amount_text, &v) && u256_eq(v, r->amount));
    METE_ASSERT(r->timeout_s >= 1 && r->timeout_s <= X402_TIMEOUT_MAX_S);
    METE_ASSERT(r->scheme.len > 0 && r->asset.len > 0 && r->pay_to.len > 0);
    METE_ASSERT(x402_requirements_match(r->json, r->json));
    (void)x402_requirements_flow(r);
    enum mete_code strict = x402_evm_terms_read(r, "", false, &t, &s->err);
    enum mete_code any = x402_evm_terms_read(r, "", true, &t, NULL);
    METE_ASSERT(strict != METE_OK || any == METE_OK);
    s->err.code = METE_OK;
}

static void use_required(struct scene *s, const struct x402_required *r)
{
    struct buf out = {0};
    METE_ASSERT(r->accept_count >= 1 && r->accept_count <= X402_ACCEPTS_MAX);
    METE_ASSERT(x402_extensions_match(r->extensions, r->extensions));
    if (x402_identifier_advertised(r->extensions)) {
        x402_identifier_write(&out, json_get(r->extensions, X402_EXTENSION_IDENTIFIER),
                              TEXT("0123456789abcdef"));
        (void)again(s, &out);
    }
    for (size_t i = 0; i < r->accept_count; i++) {
        const struct x402_requirements *q = &r->accepts[i];
        use_offer(s, q);
        if (r->version == 2) {
            const struct x402_offer o = {q->scheme,
                                         q->network,
                                         q->amount,
                                         q->asset,
                                         q->pay_to,
                                         q->timeout_s,
                                         q->extra != NULL ? q->extra->raw : TEXT("")};
            const struct x402_priced p = {.resource = r->resource, .offers = &o, .offer_count = 1};
            struct x402_required back;
            buf_reset(&out);
            x402_required_write_v2(&out, &p);
            if (r->resource.url.len > 0) {
                struct json *j = again(s, &out);
                METE_ASSERT(x402_required_read(&s->b, j, "", &back, NULL) == METE_OK);
                METE_ASSERT(u256_eq(back.accepts[0].amount, q->amount));
            }
            buf_reset(&out);
            x402_required_write_v1(&out, &p);
            (void)again(s, &out);
        }
    }
    buf_clear(&out);
}

static void use_payment(struct scene *s, const struct x402_payload *p)
{
    struct x402_evm_payment e, back;
    struct x402_eip2612 permit;
    struct text id;
    struct buf out = {0};
    bool is_there;
    METE_ASSERT(p->version == 1 || p->version == 2);
    METE_ASSERT(p->payload->type == JSON_OBJECT);
    (void)x402_eip2612_read(&s->a, p, "", &permit, &is_there, NULL);
    METE_ASSERT(x402_identifier_read(p, "", &id, NULL) != METE_OK || id.len == 0 ||
                x402_identifier_ok(id));
    (void)x402_requirements_match(p->accepted, p->accepted);
    enum mete_code code = x402_evm_payment_read(&s->a, p, "", &e, &s->err);
    check_code(s, code);
    if (code == METE_OK) {
        if (e.method == X402_PERMIT2) {
            x402_permit2_write(&out, &e.permit2, &e.from, e.signature);
        } else {
            x402_authorization_write(&out, &e.authorization, e.signature);
        }
        struct x402_payload q = *p;
        q.payload = q.json = again(s, &out);
        METE_ASSERT(x402_evm_payment_read(&s->b, &q, "", &back, NULL) == METE_OK);
        METE_ASSERT(bytes_cmp(back.signature, e.signature) == 0);
        METE_ASSERT(evm_address_eq(&back.from, &e.from) && back.method == e.method);
        METE_ASSERT(memcmp(&back.authorization, &e.authorization, sizeof e.authorization) == 0);
        METE_ASSERT(u256_eq(back.permit2.amount, e.permit2.amount));
    }
    buf_clear(&out);
}

static void check_header(struct scene *s, struct text in)
{
    struct text bytes;
    struct buf out = {0};
    enum mete_code code = x402_header_decode(&s->a, in, &bytes, &s->err);
    check_code(s, code);
    if (code == METE_OK) {
        x402_header_write(&out, bytes);
        METE_ASSERT(text_starts(buf_text(&out), "") && out.len >= in.len && out.len < in.len + 3);
        METE_ASSERT(memcmp(out.p, in.p, in.len) == 0);
    }
    buf_clear(&out);
}

/* The bytes as what a header carries. */
static void check_in_headers(struct scene *s, struct text in)
{
    struct buf out = {0};
    struct x402_required r;
    struct x402_payload p;
    x402_header_write(&out, in);
    if (x402_required_read_header(&s->a, buf_text(&out), &r, NULL) == METE_OK) {
        use_required(s, &r);
    }
    arena_reset(&s->a);
    if (x402_payload_read_header(&s->a, buf_text(&out), &p, NULL) == METE_OK) {
        use_payment(s, &p);
    }
    buf_clear(&out);
}

static void check_required(struct scene *s, struct text in)
{
    struct x402_required r;
    enum mete_code code = x402_required_read_body(&s->a, in, &r, &s->err);
    check_code(s, code);
    if (code == METE_OK) {
        use_required(s, &r);
    }
}

static void check_request(struct scene *s, struct text in)
{
    struct x402_request r, back;
    struct buf out = {0};
    enum mete_code code = x402_request_read(&s->a, in, &r, &s->err);
    check_code(s, code);
    METE_ASSERT(code == METE_OK || x402_reason_of_error(&s->err) != X402_REASON_NONE);
    if (code == METE_OK) {
        METE_ASSERT(r.reservation.len <= X402_RESERVATION_MAX);
        const struct x402_asking q = {r.outer_version, r.payload.json->raw,
                                      r.requirements.json->raw, r.reserve, r.reservation};
        x402_request_write(&out, &q);
        METE_ASSERT(x402_request_read(&s->b, buf_text(&out), &back, NULL) == METE_OK);
        METE_ASSERT(back.reserve == r.reserve && text_eq(back.reservation, r.reservation));
        METE_ASSERT(x402_json_eq(back.payload.json, r.payload.json));
        use_offer(s, &r.requirements);
        use_payment(s, &r.payload);
    }
    buf_clear(&out);
}

static void check_settled(struct scene *s, struct text in)
{
    struct x402_settled r, back;
    struct buf out = {0};
    enum mete_code code = x402_settled_read(&s->a, in, &r, &s->err);
    check_code(s, code);
    if (code == METE_OK) {
        x402_settled_write(&out, &r);
        METE_ASSERT(x402_settled_read(&s->b, buf_text(&out), &back, NULL) == METE_OK);
        METE_ASSERT(back.success == r.success && text_eq(back.transaction, r.transaction));
        METE_ASSERT(text_eq(back.reason, r.reason) && text_eq(back.extra, r.extra));
        METE_ASSERT(x402_settled_is_pending(&back) == x402_settled_is_pending(&r));
        METE_ASSERT(x402_reason_of(r.reason) == X402_REASON_NONE ||
                    text_is(r.reason, x402_reason_text(x402_reason_of(r.reason))));
        buf_reset(&out);
        x402_settled_write_header(&out, &r);
        METE_ASSERT(x402_settled_read_header(&s->b, buf_text(&out), &back, NULL) == METE_OK);
        METE_ASSERT(back.success == r.success && text_eq(back.network, r.network));
    }
    buf_clear(&out);
}

static void check_verified(struct scene *s, struct text in)
{
    struct x402_verified r, back;
    struct text reservation;
    struct buf out = {0};
    enum mete_code code = x402_verified_read(&s->a, in, &r, &s->err);
    check_code(s, code);
    if (code == METE_OK) {
        x402_verified_write(&out, &r);
        METE_ASSERT(x402_verified_read(&s->b, buf_text(&out), &back, NULL) == METE_OK);
        METE_ASSERT(back.is_valid == r.is_valid && text_eq(back.payer, r.payer));
        METE_ASSERT(text_eq(back.reason, r.reason) && text_eq(back.extra, r.extra));
        METE_ASSERT(x402_reservation_read(&s->a, &r, &reservation, NULL) != METE_OK ||
                    reservation.len <= X402_RESERVATION_MAX);
    }
    buf_clear(&out);
}

static void check_supported(struct scene *s, struct text in)
{
    struct x402_supported r, back;
    struct buf out = {0};
    enum mete_code code = x402_supported_read(&s->a, in, &r, &s->err);
    check_code(s, code);
    if (code == METE_OK) {
        METE_ASSERT(r.signer_count <= X402_SIGNERS_MAX && r.kind_count <= X402_KINDS_MAX);
        for (size_t i = 0; i < r.kind_count; i++) {
            const struct x402_kind *k = &r.kinds[i];
            METE_ASSERT(x402_supported_find(&r, k->version, k->scheme, k->network) != NULL);
        }
        x402_supported_write(&out, &r);
        METE_ASSERT(x402_supported_read(&s->b, buf_text(&out), &back, NULL) == METE_OK);
        METE_ASSERT(back.kind_count == r.kind_count && back.signer_count == r.signer_count);
        METE_ASSERT(back.extension_count == r.extension_count);
    }
    buf_clear(&out);
}

static void check_mcp(struct scene *s, struct text in)
{
    struct json *j;
    struct x402_required r;
    struct x402_payload p;
    struct x402_settled t;
    bool is_there;
    if (x402_body_read(&s->a, in, &j, NULL) != METE_OK) {
        return;
    }
    if (x402_mcp_required_read(&s->a, j, &r, &is_there, NULL) == METE_OK && is_there) {
        use_required(s, &r);
    }
    if (x402_mcp_payment_read(&s->a, j, &p, &is_there, NULL) == METE_OK && is_there) {
        use_payment(s, &p);
    }
    (void)x402_mcp_settled_read(&s->a, j, &t, &is_there, NULL);
}

static void check_price(struct scene *s, struct text in)
{
    struct x402_price p;
    struct u256 v, w;
    enum mete_code code = x402_price_read(in, &p, &s->err);
    check_code(s, code);
    for (unsigned decimals = 0; code == METE_OK && decimals <= X402_DECIMALS_MAX; decimals++) {
        char out[X402_PRICE_TEXT_MAX + X402_DECIMALS_MAX];
        if (x402_price_units(&p, p.symbol, decimals, &v, NULL) == METE_OK) {
            size_t len = x402_price_format(v, decimals, 0, out);
            struct x402_price q = {X402_PRICE_DOLLARS, {out, len}, TEXT("")};
            METE_ASSERT(x402_price_units(&q, TEXT(""), decimals, &w, NULL) == METE_OK);
            METE_ASSERT(u256_eq(v, w));
        }
        if (x402_price_charge(&p, U256_MAX, p.symbol, decimals, &v, NULL) == METE_OK) {
            METE_ASSERT(u256_cmp(v, U256_MAX) <= 0);
        }
    }
}

static void check_network(struct text in)
{
    struct x402_network n;
    char out[X402_NETWORK_MAX];
    for (int version = 1; version <= 2; version++) {
        if (x402_network_parse(in, version, &n) && n.family == X402_FAMILY_EVM) {
            METE_ASSERT(n.chain_id >= 1 && n.chain_id <= X402_CHAIN_ID_MAX);
            x402_network_write(n.chain_id, out);
            METE_ASSERT(version == 1 || text_is(in, out));
        }
    }
    if (x402_network_resolve(in, out)) {
        METE_ASSERT(x402_network_parse(text_of(out), 2, &n));
        const char *name = x402_network_v1_name(text_of(out));
        METE_ASSERT(name == NULL || x402_network_parse(text_of(name), 1, &n));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const CHECKS[])(struct scene * s, struct text in) = {
        check_header,   check_in_headers, check_required, check_request, check_settled,
        check_verified, check_supported,  check_mcp,      check_price,
    };
    if (size == 0) {
        return 0;
    }
    struct scene s = {.err = {.code = METE_OK}};
    struct text in = bytes_text((struct bytes){data + 1, size - 1});
    size_t check = data[0] % (ARRAY_LEN(CHECKS) + 1);
    arena_init(&s.a, X402_ARENA_MAX(BASE64_TEXT_MAX(size)));
    arena_init(&s.b, (size_t)64 * X402_ARENA_MAX(size));
    if (check == ARRAY_LEN(CHECKS)) {
        check_network(in);
    } else {
        CHECKS[check](&s, in);
    }
    arena_clear(&s.a);
    arena_clear(&s.b);
    return 0;
}
