/* SPDX-License-Identifier: Apache-2.0
 * The examples of the specification and signed payments (tests/data/x402), each read by the reader
 * that it is for, written again, and compared. */
#include "evm_case.h"

#include "wire/evm/permits.h"
#include "wire/x402/discovery.h"
#include "wire/x402/exact.h"
#include "wire/x402/facilitator.h"
#include "wire/x402/match.h"
#include "wire/x402/mcp.h"

/* What an example says of itself that is not so. All others have to be read. */
static const struct exception {
    const char *file;
    enum mete_code code;
    const char *pointer;
} EXCEPTIONS[] = {
    /* x402Version is a string there; the official packages refuse it, too. */
    {"v2-siwx-payment-required.json", METE_X402_VERSION, "/x402Version"},
    {"v2-eip2612-payment-payload.json", METE_X402_VERSION, "/x402Version"},
    /* `accepts` was left out by the specification's author. */
    {"v2-bazaar-payment-required.json", METE_MEMBER_VALUE, "/accepts"},
    {"v2-bazaar-payment-required-2.json", METE_MEMBER_VALUE, "/accepts"},
    {"v2-bazaar-payment-required-3.json", METE_MEMBER_VALUE, "/accepts"},
};

/* The scheme's part, where it is not in order. */
static const struct exception PAYMENTS[] = {
    {"v2-upto-evm-payment-payload.json", METE_AMOUNT_INVALID,
     "/payload/permit2Authorization/nonce"},
    {"v2-exact-evm-payment-payload-2.json", METE_MEMBER_MISSING, "/payload/signature"},
    {"v2-exact-svm-payment-payload.json", METE_MEMBER_MISSING, "/payload/signature"},
    {"v1-a2a-rpc-payment.json", METE_ADDRESS_INVALID, "/payload/authorization/to"},
    {"v2-a2a-rpc-payment.json", METE_ADDRESS_INVALID, "/payload/authorization/to"},
};

struct scene {
    struct arena a;
    struct text file;
    const struct json *root;
    size_t read; /* objects that were read well */
};

/* Whether it went as it has to. */
static bool went(const struct scene *s, const struct exception *list, size_t count,
                 enum mete_code code, const struct mete_err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (text_is(s->file, list[i].file)) {
            assert_int_equal(code, list[i].code);
            assert_string_equal(err->pointer, list[i].pointer);
            return false;
        }
    }
    if (code != METE_OK)
        fail_msg("%.*s: %s at %s", (int)s->file.len, s->file.p, err->text, err->pointer);
    return true;
}

static void check_same(const struct scene *s, const struct json *before, const struct buf *after)
{
    struct arena a;
    struct json *j;
    arena_init(&a, X402_ARENA_MAX(after->len));
    assert_int_equal(json_parse(&a, buf_text(after), &j, NULL), METE_OK);
    if (!x402_json_eq(before, j))
        fail_msg("%.*s: written as %.*s", (int)s->file.len, s->file.p, (int)after->len, after->p);
    arena_clear(&a);
}

/* An offer that was written again: every member, but no null where clients want an object. */
static void check_same_but_null(const struct json *written, const struct json *example)
{
    const struct json *schema = json_get(example, "outputSchema");
    bool is_null = schema->type == JSON_NULL;
    assert_int_equal(written->count, example->count - (is_null ? 1 : 0));
    for (const struct json *m = example->child; m != NULL; m = m->next) {
        char name[64];
        assert_true(text_copy(name, sizeof name, m->key));
        assert_true(m == schema && is_null ? json_get(written, name) == NULL
                                           : x402_json_eq(json_get(written, name), m));
    }
}

/* From what was read to what is written. */
static struct x402_offer offer_of(struct arena *a, const struct x402_requirements *r)
{
    char network[X402_NETWORK_MAX];
    struct text caip2 = r->network;
    if (r->version == 1) {
        assert_true(x402_network_of_v1(r->network, network));
        caip2 = arena_text(a, text_of(network));
    }
    return (struct x402_offer){.scheme = r->scheme,
                               .network = caip2,
                               .amount = r->amount,
                               .asset = r->asset,
                               .pay_to = r->pay_to,
                               .timeout_s = r->timeout_s,
                               .extra = r->extra != NULL ? r->extra->raw : TEXT("")};
}

static bool is_complete(const struct x402_required *r)
{
    for (size_t i = 0; i < r->accept_count; i++)
        if (r->accepts[i].extra == NULL)
            return false; /* mete writes {} then */
    return true;
}

static void check_required(struct scene *s, const struct json *j)
{
    struct x402_required r;
    struct mete_err err = {0};
    struct x402_offer offers[8];
    struct buf out = {0};
    enum mete_code code = x402_required_read(&s->a, j, "", &r, &err);
    if (!went(s, EXCEPTIONS, ARRAY_LEN(EXCEPTIONS), code, &err))
        return;
    s->read++;
    assert_true(r.accept_count <= ARRAY_LEN(offers));
    struct x402_priced p = {
        .resource = r.resource, .offers = offers, .offer_count = r.accept_count, .error = r.error};
    for (size_t i = 0; i < r.accept_count; i++)
        offers[i] = offer_of(&s->a, &r.accepts[i]);
    if (r.extensions != NULL)
        p.extensions = r.extensions->raw;
    if (r.version == 2) {
        x402_required_write_v2(&out, &p);
        if (is_complete(&r))
            check_same(s, j, &out);
    } else {
        /* The one form that mete writes has every member but an outputSchema that says nothing; the
           examples leave others out. */
        const struct x402_requirements *first = &r.accepts[0];
        p.resource = (struct x402_resource){.url = first->resource,
                                            .description = first->description,
                                            .mime_type = first->mime_type};
        if (first->output_schema != NULL)
            p.output_schema = first->output_schema->raw;
        x402_required_write_v1(&out, &p);
        struct x402_required again;
        assert_int_equal(x402_required_read_body(&s->a, buf_text(&out), &again, &err), METE_OK);
        assert_int_equal(again.accept_count, r.accept_count);
        assert_true(first->extra == NULL || x402_json_eq(again.accepts[0].extra, first->extra));
        if (json_get(first->json, "outputSchema") != NULL && first->extra != NULL)
            check_same_but_null(again.accepts[0].json, first->json);
    }
    buf_clear(&out);
}

/* Payments are written from their parts and come out equal. */
static void check_payment(struct scene *s, const struct json *j)
{
    struct x402_payload p;
    struct x402_evm_payment e;
    struct mete_err err = {0};
    enum mete_code code = x402_payload_read(&s->a, j, "", &p, &err);
    if (!went(s, EXCEPTIONS, ARRAY_LEN(EXCEPTIONS), code, &err))
        return;
    s->read++;
    code = x402_evm_payment_read(&s->a, &p, "", &e, &err);
    if (!went(s, PAYMENTS, ARRAY_LEN(PAYMENTS), code, &err))
        return;
    struct buf inner = {0}, out = {0};
    assert_int_equal(e.method, X402_EIP3009);
    x402_authorization_write(&inner, &e.authorization, e.signature);
    const struct x402_paying w = {.version = p.version,
                                  .scheme = p.scheme,
                                  .network = p.network,
                                  .accepted = p.accepted != NULL ? p.accepted->raw : TEXT(""),
                                  .resource = p.resource != NULL ? p.resource->raw : TEXT(""),
                                  .payload = buf_text(&inner),
                                  .extensions =
                                      p.extensions != NULL ? p.extensions->raw : TEXT("")};
    x402_payload_write(&out, &w);
    check_same(s, j, &out);
    buf_clear(&inner);
    buf_clear(&out);
}

static void check_settled(struct scene *s, const struct json *j)
{
    struct x402_settled r;
    struct mete_err err = {0};
    struct buf out = {0};
    assert_int_equal(x402_settled_read_json(&s->a, j, "", &r, &err), METE_OK);
    x402_settled_write(&out, &r);
    check_same(s, j, &out);
    buf_clear(&out);
    s->read++;
}

static void check_verified(struct scene *s, const struct json *j)
{
    struct x402_verified r;
    struct buf out = {0};
    assert_int_equal(x402_verified_read(&s->a, j->raw, &r, NULL), METE_OK);
    x402_verified_write(&out, &r);
    check_same(s, j, &out);
    buf_clear(&out);
    s->read++;
}

static void check_supported(struct scene *s, const struct json *j)
{
    struct x402_supported r, again;
    struct buf out = {0};
    assert_int_equal(x402_supported_read(&s->a, j->raw, &r, NULL), METE_OK);
    assert_int_equal(r.kind_count, json_get(j, "kinds")->count);
    for (size_t i = 0; i < r.kind_count; i++) {
        const struct x402_kind *k = &r.kinds[i];
        assert_ptr_equal(x402_supported_find(&r, k->version, k->scheme, k->network), k);
        assert_null(x402_supported_find(&r, 3 - k->version, k->scheme, k->network));
    }
    x402_supported_write(&out, &r);
    if (json_get(j, "signers") != NULL)
        check_same(s, j, &out);
    assert_int_equal(x402_supported_read(&s->a, buf_text(&out), &again, NULL), METE_OK);
    assert_int_equal(again.kind_count, r.kind_count);
    assert_int_equal(again.signer_count, r.signer_count);
    buf_clear(&out);
    s->read++;
}

static void check_request(struct scene *s, const struct json *j)
{
    struct x402_request r;
    struct x402_evm_payment e;
    struct mete_err err = {0};
    assert_int_equal(x402_request_read(&s->a, j->raw, &r, &err), METE_OK);
    assert_int_equal(r.outer_version, r.payload.version);
    assert_false(r.reserve || r.reservation.len > 0);
    /* Members of the payment are elided there. */
    assert_int_equal(x402_evm_payment_read(&s->a, &r.payload, "/paymentPayload", &e, &err),
                     METE_MEMBER_VALUE);
    assert_string_equal(err.pointer, "/paymentPayload/payload/signature");
    struct buf out = {0};
    const struct x402_asking w = {.version = r.outer_version,
                                  .payload = r.payload.json->raw,
                                  .requirements = r.requirements.json->raw};
    x402_request_write(&out, &w);
    check_same(s, j, &out);
    buf_clear(&out);
    s->read++;
}

static void check_list(struct scene *s, const struct json *j)
{
    int version = json_get(j, "x402Version")->text.p[0] - '0';
    for (const struct json *i = json_get(j, "items")->child; i != NULL; i = i->next) {
        for (const struct json *o = json_get(i, "accepts")->child; o != NULL; o = o->next) {
            struct x402_requirements r;
            assert_int_equal(x402_requirements_read(&s->a, o, version, "", &r, NULL), METE_OK);
            s->read++;
        }
    }
}

/* The first object with this member, at any depth; NULL: none has it. */
static const struct json *object_with(const struct json *j, const char *member)
{
    if (j->type == JSON_OBJECT && json_get(j, member) != NULL)
        return j;
    for (const struct json *c = j->child; c != NULL; c = c->next) {
        const struct json *found = object_with(c, member);
        if (found != NULL)
            return found;
    }
    return NULL;
}

static void check_rpc(struct scene *s)
{
    const struct json *params = json_get(s->root, "params");
    const struct json *result = json_get(s->root, "result");
    const struct json *payment = object_with(s->root, "payload");
    const struct json *settled = object_with(s->root, "success");
    const struct json *required = object_with(s->root, "accepts");
    struct x402_payload p;
    struct x402_settled r;
    struct x402_required q;
    bool is_there = false;
    if (payment != NULL)
        check_payment(s, payment);
    if (settled != NULL)
        check_settled(s, settled);
    if (required != NULL)
        check_required(s, required);
    assert_true(payment != NULL || settled != NULL || required != NULL);
    if (memmem(s->file.p, s->file.len, "-mcp-", 5) == NULL)
        return;
    assert_int_equal(x402_mcp_payment_read(&s->a, params, &p, &is_there, NULL), METE_OK);
    assert_true(is_there == (payment != NULL) && (!is_there || p.json == payment));
    assert_int_equal(x402_mcp_settled_read(&s->a, result, &r, &is_there, NULL), METE_OK);
    assert_true(is_there == (result != NULL && json_get(result, "_meta") != NULL));
    assert_int_equal(x402_mcp_required_read(&s->a, result, &q, &is_there, NULL), METE_OK);
    assert_true(is_there == (required != NULL) && (!is_there || q.json == required));
}

static const struct kind {
    const char *name;
    void (*check)(struct scene *s, const struct json *j);
} KINDS[] = {
    {"payment-required", check_required},   {"payment-payload", check_payment},
    {"settlement-response", check_settled}, {"verify-response", check_verified},
    {"verify-request", check_request},      {"supported", check_supported},
    {"discovery-list", check_list},
};

static bool check_file(struct text file, struct text kind)
{
    struct vectors v;
    struct scene s = {.file = file};
    char name[128];
    bool is_rpc = text_starts(kind, "rpc-"), is_known = is_rpc;
    assert_true(text_copy(name, sizeof name, file));
    s.root = vectors_read(&v, "x402", name);
    arena_init(&s.a, 4 << 20);
    if (is_rpc)
        check_rpc(&s);
    for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
        if (text_is(kind, KINDS[i].name)) {
            KINDS[i].check(&s, s.root);
            is_known = true;
        }
    }
    arena_clear(&s.a);
    vectors_clear(&v);
    return is_known;
}

static void test_every_example(void **state)
{
    (void)state;
    struct vectors v;
    const struct json *root = vectors_read(&v, "x402", "index.json");
    size_t known = 0, lists = 0;
    for (const struct json *j = json_get(root, "files")->child; j != NULL; j = j->next) {
        bool is_list = text_is(member(j, "kind"), "header-list") ||
                       text_is(member(j, "kind"), "signed-payload-list");
        bool is_known = check_file(member(j, "file"), member(j, "kind"));
        assert_true(is_known != is_list);
        known += is_known;
        lists += is_list;
    }
    print_message("# %zu examples\n", known);
    assert_int_equal(known, 57);
    assert_int_equal(lists, 2);
    vectors_clear(&v);
}

static void test_headers(void **state)
{
    (void)state;
    struct vectors v;
    const struct json *root = vectors_read(&v, "x402", "http-headers.json");
    size_t count = 0;
    for (const struct json *j = json_get(root, "headers")->child; j != NULL; j = j->next, count++) {
        struct text value = member(j, "value"), name = member(j, "header");
        const struct json *decoded = json_get(j, "decoded");
        struct scene s = {.file = member(j, "name")};
        struct json *read;
        struct text bytes;
        struct buf out = {0};
        arena_init(&s.a, X402_ARENA_MAX(value.len) * 4);
        assert_int_equal(x402_header_read(&s.a, value, &read, NULL), METE_OK);
        assert_true(x402_json_eq(read, decoded));
        assert_int_equal(x402_header_decode(&s.a, value, &bytes, NULL), METE_OK);
        x402_header_write(&out, bytes);
        assert_true(text_eq(buf_text(&out), value));
        if (text_is(name, X402_HEADER_REQUIRED)) {
            struct x402_required r;
            assert_int_equal(x402_required_read_header(&s.a, value, &r, NULL), METE_OK);
            check_required(&s, decoded);
        } else if (text_is(name, X402_HEADER_RESPONSE) || text_is(name, X402_HEADER_V1_RESPONSE)) {
            struct x402_settled r;
            assert_int_equal(x402_settled_read_header(&s.a, value, &r, NULL), METE_OK);
            check_settled(&s, decoded);
        } else {
            struct x402_payload p;
            assert_int_equal(x402_payload_read_header(&s.a, value, &p, NULL), METE_OK);
            assert_true(text_is(name, x402_payment_header(p.version)));
            check_payment(&s, decoded);
        }
        assert_int_equal(s.read, 1);
        buf_clear(&out);
        arena_clear(&s.a);
    }
    assert_int_equal(count, 7);
    vectors_clear(&v);
}

/* Everything from the header to the signer, and the matching of the offer. */
static void check_signed(const struct json *j)
{
    const struct json *offer = json_get(j, "payment_requirements");
    struct text header = member(j, "header_value");
    struct scene s = {.file = member(j, "name")};
    struct x402_payload p;
    struct x402_requirements r;
    struct x402_evm_payment e;
    struct x402_evm_terms t;
    struct evm_signature sig;
    struct evm_address signer;
    arena_init(&s.a, X402_ARENA_MAX(header.len) * 8);
    assert_int_equal(x402_payload_read_header(&s.a, header, &p, NULL), METE_OK);
    assert_true(x402_json_eq(p.json, json_get(j, "payment_payload")));
    assert_int_equal(x402_requirements_read(&s.a, offer, p.version, "", &r, NULL), METE_OK);
    assert_int_equal(x402_evm_payment_read(&s.a, &p, "", &e, NULL), METE_OK);
    assert_int_equal(x402_evm_terms_read(&r, "", false, &t, NULL), METE_OK);
    if (p.version == 2)
        assert_true(x402_requirements_match(offer, p.accepted));
    else
        assert_true(text_eq(p.network, r.network) && text_eq(p.scheme, r.scheme));
    const struct evm_domain d = {
        .name = t.name, .version = t.version, .chain_id = u256_of(t.chain_id), .contract = t.asset};
    struct hash separator = evm_domain_separator(&d);
    struct hash structure = evm_transfer_hash(&e.authorization);
    struct hash digest = evm_typed_digest(&separator, &structure);
    assert_int_equal(evm_signature_read(e.signature, EVM_V_27_28, &sig, NULL), METE_OK);
    assert_int_equal(evm_recover(&sig, &digest, &signer, NULL), METE_OK);
    assert_true(evm_address_eq(&signer, &e.from));
    assert_true(evm_address_eq(&e.authorization.to, &t.pay_to));
    assert_true(u256_eq(e.authorization.value, r.amount));
    check_payment(&s, p.json);
    arena_clear(&s.a);
}

static void test_signed_payments(void **state)
{
    (void)state;
    struct vectors v;
    const struct json *root = vectors_read(&v, "x402", "signed-payloads.json");
    size_t count = 0;
    for (const struct json *j = json_get(root, "vectors")->child; j != NULL; j = j->next, count++)
        check_signed(j);
    print_message("# %zu signed payments\n", count);
    assert_int_equal(count, 16);
    vectors_clear(&v);
}

/* The authorizations of eip3009/vectors.json through the codec: what is written is read the same.
 */
static void test_authorizations(void **state)
{
    (void)state;
    struct vectors v;
    const struct json *root = vectors_read(&v, "eip3009", "vectors.json");
    size_t count = 0;
    for (const struct json *j = json_get(root, "valid")->child; j != NULL; j = j->next, count++) {
        struct arena a;
        struct buf out = {0};
        struct json *made;
        struct x402_evm_payment e, again;
        arena_init(&a, 1 << 20);
        struct text message = json_get(j, "message")->raw;
        const char *text =
            arena_printf(&a, "{\"authorization\":%.*s,\"signature\":\"%.*s\"}", (int)message.len,
                         message.p, (int)member(j, "signature").len, member(j, "signature").p)
                .p;
        assert_int_equal(json_parse(&a, text_of(text), &made, NULL), METE_OK);
        struct x402_payload p = {.version = 2, .payload = made, .json = made};
        assert_int_equal(x402_evm_payment_read(&a, &p, "", &e, NULL), METE_OK);
        x402_authorization_write(&out, &e.authorization, e.signature);
        assert_int_equal(json_parse(&a, buf_text(&out), &made, NULL), METE_OK);
        p.payload = p.json = made;
        assert_int_equal(x402_evm_payment_read(&a, &p, "", &again, NULL), METE_OK);
        assert_memory_equal(&e.authorization, &again.authorization, sizeof e.authorization);
        assert_bytes(again.signature, e.signature, "signature");
        struct hash structure = evm_transfer_hash(&e.authorization);
        struct hash separator = hex_hash(member(j, "domain_separator"));
        struct hash digest = evm_typed_digest(&separator, &structure);
        assert_hashes(digest, hex_hash(member(j, "digest")), "digest");
        buf_clear(&out);
        arena_clear(&a);
    }
    assert_int_equal(count, 20);
    vectors_clear(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_example),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_signed_payments),
        cmocka_unit_test(test_authorizations),
    };
    return cmocka_run_group_tests_name("x402_vectors", tests, NULL, NULL);
}
