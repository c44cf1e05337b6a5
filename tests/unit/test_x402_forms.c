/* SPDX-License-Identifier: Apache-2.0
 * Requirements, payments, requests and answers of x402: what is made of one priced resource, what
 * is refused and where, and what strangers may leave out.
 * covers: V-051 */
#include "evm_case.h"

#include "wire/x402/exact.h"
#include "wire/x402/facilitator.h"
#include "wire/x402/identifier.h"
#include "wire/x402/match.h"
#include "wire/x402/mcp.h"

#define ASSET "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
#define PAYEE "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
#define PAYER "0x857b06519E91e3A54538791bDbb0E22373e36b66"
#define NONCE "0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480"
#define SIGNED                                                                                     \
    "0x2d6a7588d6acca505cbf0d9a4a227e0c52c6c34008c8e8986a1283259764173608a2ce6496642e377d6da8dbb"  \
    "f5836e9bd15092f9ecab05ded3d6293af148b571c"

/* A document in which one value is replaced: the members are %s in it. */
struct edit {
    const char *from, *to;
    enum mete_code code;
    const char *pointer;
};

/* The text with the first `from` replaced. */
static struct text edited(struct buf *out, const char *text, const char *from, const char *to)
{
    const char *at = from[0] == '\0' ? text : strstr(text, from);
    if (at == NULL)
        fail_msg("%s is not in it", from);
    buf_reset(out);
    buf_put(out, text, (size_t)(at - text));
    buf_put_str(out, to);
    buf_put_str(out, at + strlen(from));
    return buf_text(out);
}

static struct json *parsed(struct arena *a, struct text t)
{
    struct json *j;
    struct mete_err err = {0};
    if (json_parse(a, arena_text(a, t), &j, &err) != METE_OK)
        fail_msg("%.*s: %s", (int)t.len, t.p, err.text);
    return j;
}

#define OFFER_V2                                                                                   \
    "{\"scheme\":\"exact\",\"network\":\"eip155:84532\",\"amount\":\"10000\",\"asset\":\"" ASSET   \
    "\",\"payTo\":\"" PAYEE "\",\"maxTimeoutSeconds\":60,\"extra\":{\"name\":\"USDC\","            \
    "\"version\":\"2\"}}"

static void check_edits(enum mete_code (*read)(struct arena *a, struct text t,
                                               struct mete_err *err),
                        const char *text, const struct edit *rows, size_t count)
{
    struct buf out = {0};
    for (size_t i = 0; i < count; i++) {
        struct arena a;
        struct mete_err err = {0};
        struct text t = edited(&out, text, rows[i].from, rows[i].to);
        arena_init(&a, 2 * X402_ARENA_MAX(t.len));
        enum mete_code code = read(&a, t, &err);
        if (code != rows[i].code || (code != METE_OK && strcmp(err.pointer, rows[i].pointer) != 0))
            fail_msg("%s -> %s: %s at %s: %s", rows[i].from, rows[i].to, mete_code_name(code),
                     err.pointer, err.text);
        assert_true(code == METE_OK || err.text[0] != '\0');
        arena_clear(&a);
    }
    buf_clear(&out);
}

static enum mete_code read_offer(struct arena *a, struct text t, struct mete_err *err)
{
    struct x402_requirements r;
    return x402_requirements_read(a, parsed(a, t), 2, "/x", &r, err);
}

static const struct edit AMOUNTS[] = {
    {"10000", "0", METE_OK, ""},
    {"10000", "115792089237316195423570985008687907853269984665640564039457584007913129639935",
     METE_OK, ""},
    {"10000", "115792089237316195423570985008687907853269984665640564039457584007913129639936",
     METE_NUMBER_RANGE, "/x/amount"},
    {"10000", "010000", METE_AMOUNT_INVALID, "/x/amount"},
    {"10000", "0x2710", METE_AMOUNT_INVALID, "/x/amount"},
    {"10000", "-1", METE_AMOUNT_INVALID, "/x/amount"},
    {"10000", "+1", METE_AMOUNT_INVALID, "/x/amount"},
    {"10000", "1e4", METE_AMOUNT_INVALID, "/x/amount"},
    {"10000", "10000.0", METE_AMOUNT_INVALID, "/x/amount"},
    {"10000", " 10000", METE_AMOUNT_INVALID, "/x/amount"},
    {"10000", "10000\\n", METE_AMOUNT_INVALID, "/x/amount"},
    {"10000", "10_000", METE_AMOUNT_INVALID, "/x/amount"},
    {"10000", "１", METE_AMOUNT_INVALID, "/x/amount"},
    {"10000", "", METE_AMOUNT_INVALID, "/x/amount"},
    {"\"10000\"", "10000", METE_MEMBER_TYPE, "/x/amount"},
    {"\"10000\"", "null", METE_MEMBER_MISSING, "/x/amount"},
};

static const struct edit OFFERS[] = {
    {"\"maxTimeoutSeconds\":60", "\"maxTimeoutSeconds\":0", METE_NUMBER_RANGE,
     "/x/maxTimeoutSeconds"},
    {"\"maxTimeoutSeconds\":60", "\"maxTimeoutSeconds\":-5", METE_NUMBER_RANGE,
     "/x/maxTimeoutSeconds"},
    {"\"maxTimeoutSeconds\":60", "\"maxTimeoutSeconds\":31536000", METE_OK, ""},
    {"\"maxTimeoutSeconds\":60", "\"maxTimeoutSeconds\":31536001", METE_NUMBER_RANGE,
     "/x/maxTimeoutSeconds"},
    {"\"maxTimeoutSeconds\":60", "\"maxTimeoutSeconds\":1.5", METE_MEMBER_TYPE,
     "/x/maxTimeoutSeconds"},
    {"\"maxTimeoutSeconds\":60", "\"maxTimeoutSeconds\":\"60\"", METE_MEMBER_TYPE,
     "/x/maxTimeoutSeconds"},
    {"\"maxTimeoutSeconds\":60,", "", METE_MEMBER_MISSING, "/x/maxTimeoutSeconds"},
    {"eip155:84532", "base-sepolia", METE_X402_NETWORK, "/x/network"},
    {"eip155:84532", "eip155:*", METE_X402_NETWORK, "/x/network"},
    {"\"scheme\":\"exact\"", "\"scheme\":\"\"", METE_TEXT_LENGTH, "/x/scheme"},
    {"\"scheme\":\"exact\"", "\"scheme\":7", METE_MEMBER_TYPE, "/x/scheme"},
    {"\"extra\":{", "\"more\":[1],\"extra\":{", METE_OK, ""},
    {"{\"name\":\"USDC\",\"version\":\"2\"}", "null", METE_OK, ""},
    {"{\"name\":\"USDC\",\"version\":\"2\"}", "[]", METE_MEMBER_TYPE, "/x/extra"},
    {"amount", "maxAmountRequired", METE_MEMBER_MISSING, "/x/amount"},
};

static void test_offers(void **state)
{
    (void)state;
    check_edits(read_offer, OFFER_V2, AMOUNTS, ARRAY_LEN(AMOUNTS));
    check_edits(read_offer, OFFER_V2, OFFERS, ARRAY_LEN(OFFERS));
    struct arena a;
    struct x402_requirements r;
    arena_init(&a, X402_ARENA_MAX(1024));
    assert_int_equal(x402_requirements_read(&a, parsed(&a, TEXT("[]")), 2, "/x", &r, NULL),
                     METE_MEMBER_TYPE);
    assert_int_equal(x402_requirements_read(&a, parsed(&a, TEXT(OFFER_V2)), 2, "", &r, NULL),
                     METE_OK);
    assert_true(text_is(r.amount_text, "10000") && u256_eq(r.amount, u256_of(10000)));
    assert_true(r.timeout_s == 60 && text_is(x402_requirements_extra(&r, "name"), "USDC"));
    assert_int_equal(x402_requirements_extra(&r, "none").len, 0);
    arena_clear(&a);
}

static void test_flows(void **state)
{
    (void)state;
    static const struct {
        const char *extra;
        enum x402_flow flow;
    } ROWS[] = {{"{}", X402_FLOW_AUTHORIZATION},
                {"{\"paymentFlow\":null}", X402_FLOW_AUTHORIZATION},
                {"{\"paymentFlow\":\"authorization\"}", X402_FLOW_AUTHORIZATION},
                {"{\"paymentFlow\":\"upfront\"}", X402_FLOW_UPFRONT},
                {"{\"paymentFlow\":\"escrow\"}", X402_FLOW_ESCROW},
                {"{\"paymentFlow\":\"later\"}", X402_FLOW_UNKNOWN},
                {"{\"paymentFlow\":1}", X402_FLOW_UNKNOWN}};
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct arena a;
        arena_init(&a, X402_ARENA_MAX(128));
        struct x402_requirements r = {.extra = parsed(&a, text_of(ROWS[i].extra))};
        assert_int_equal(x402_requirements_flow(&r), ROWS[i].flow);
        arena_clear(&a);
    }
    assert_int_equal(x402_requirements_flow(&(struct x402_requirements){0}),
                     X402_FLOW_AUTHORIZATION);
}

/* One description, two answers. */

#define OFFER(name, chain, units, token, seconds, more)                                            \
    {                                                                                              \
        .scheme = TEXT(name), .network = TEXT(chain), .amount = {0, units}, .asset = TEXT(token),  \
        .pay_to = TEXT(PAYEE), .timeout_s = seconds, .extra = TEXT(more)                           \
    }

static const struct x402_offer OFFERED[] = {
    OFFER("upto", "eip155:8453", 5, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", 60,
          "{\"name\":\"USD Coin\",\"version\":\"2\"}"),
    OFFER("exact", "eip155:84532", 10000, ASSET, 300, "{\"name\":\"USDC\",\"version\":\"2\"}"),
    OFFER("exact", "eip155:42161", 1, ASSET, 60, ""),
    OFFER("exact", "eip155:8453", 1, ASSET, 60, "{\"assetTransferMethod\":\"permit2\"}"),
    OFFER("exact", "eip155:8453", 1, ASSET, 60, "{\"paymentFlow\":\"upfront\"}"),
};

static const struct x402_priced PRICED = {
    .resource = {.url = TEXT("https://a.example/x?y=\"z\""),
                 .description = TEXT("line\nline \xe2\x82\xac"),
                 .mime_type = TEXT("text/plain"),
                 .service_name = TEXT("A"),
                 .tags = {TEXT("t1"), TEXT("t2")},
                 .tag_count = 2,
                 .icon_url = TEXT("https://a.example/i.png")},
    .offers = OFFERED,
    .offer_count = ARRAY_LEN(OFFERED),
    .error = TEXT("Payment required"),
    .extensions = TEXT("{\"bazaar\":{\"info\":{}}}"),
    .output_schema = TEXT("{\"input\":{\"type\":\"http\",\"method\":\"GET\"}}"),
};

static void test_priced_version_2(void **state)
{
    (void)state;
    struct buf json = {0}, header = {0}, one = {0};
    struct arena a;
    struct x402_required r;
    struct mete_err err = {0};
    x402_required_write_v2(&json, &PRICED);
    x402_header_write(&header, buf_text(&json));
    arena_init(&a, 4 * X402_ARENA_MAX(header.len));
    assert_int_equal(x402_required_read_header(&a, buf_text(&header), &r, &err), METE_OK);
    assert_true(r.version == 2 && text_is(r.error, "Payment required"));
    assert_int_equal(r.accept_count, ARRAY_LEN(OFFERED));
    assert_true(text_eq(r.resource.url, PRICED.resource.url) &&
                text_eq(r.resource.description, PRICED.resource.description) &&
                text_eq(r.resource.mime_type, PRICED.resource.mime_type) &&
                text_eq(r.resource.service_name, PRICED.resource.service_name) &&
                text_eq(r.resource.icon_url, PRICED.resource.icon_url));
    assert_true(r.resource.tag_count == 2 && text_is(r.resource.tags[1], "t2"));
    assert_true(json_get(r.extensions, "bazaar") != NULL);
    for (size_t i = 0; i < r.accept_count; i++) {
        const struct x402_requirements *q = &r.accepts[i];
        assert_true(text_eq(q->scheme, OFFERED[i].scheme) &&
                    text_eq(q->network, OFFERED[i].network) &&
                    u256_eq(q->amount, OFFERED[i].amount) && text_eq(q->asset, OFFERED[i].asset) &&
                    text_eq(q->pay_to, OFFERED[i].pay_to));
        assert_int_equal(q->timeout_s, OFFERED[i].timeout_s);
        assert_int_equal(q->json->count, 7); /* exactly the seven */
        buf_reset(&one);
        x402_offer_write_v2(&one, &OFFERED[i]);
        assert_true(text_eq(buf_text(&one), q->json->raw));
        /* What the client chooses and echoes is what was offered. */
        assert_true(x402_requirements_match(parsed(&a, buf_text(&one)), q->json));
        assert_true(i == 0 || !x402_requirements_match(r.accepts[0].json, q->json));
    }
    buf_clear(&json);
    buf_clear(&header);
    buf_clear(&one);
    arena_clear(&a);
}

static void test_priced_version_1(void **state)
{
    (void)state;
    static const bool HAS_V1[] = {false, true, false, false, false};
    struct buf json = {0};
    struct arena a;
    struct x402_required r;
    arena_init(&a, X402_ARENA_MAX(4096));
    for (size_t i = 0; i < ARRAY_LEN(OFFERED); i++)
        assert_int_equal(x402_offer_has_v1(&OFFERED[i]), HAS_V1[i]);
    x402_required_write_v1(&json, &PRICED);
    struct text body = arena_text(&a, buf_text(&json));
    assert_int_equal(x402_required_read_body(&a, body, &r, NULL), METE_OK);
    assert_true(r.version == 1 && r.accept_count == 1 && text_is(r.error, "Payment required"));
    const struct x402_requirements *q = &r.accepts[0];
    assert_true(text_is(q->network, "base-sepolia") && text_is(q->amount_text, "10000"));
    assert_true(text_eq(q->resource, PRICED.resource.url) &&
                text_eq(q->description, PRICED.resource.description) &&
                text_eq(q->mime_type, PRICED.resource.mime_type) && q->timeout_s == 300);
    assert_true(json_get(q->output_schema, "input") != NULL);
    assert_null(json_get(r.json, "extensions"));
    buf_reset(&json);
    x402_offer_write_v1(&json, &PRICED, &OFFERED[1]);
    assert_true(text_eq(buf_text(&json), q->json->raw));
    struct x402_priced none = PRICED;
    none.offer_count = 1;
    buf_reset(&json);
    x402_required_write_v1(&json, &none);
    assert_true(text_is(buf_text(&json), "{}"));
    /* Without anything that may be left out. */
    struct x402_priced bare = {
        .resource = {.url = TEXT("https://a.example/")}, .offers = &OFFERED[1], .offer_count = 1};
    buf_reset(&json);
    x402_required_write_v1(&json, &bare);
    assert_int_equal(x402_required_read_body(&a, buf_text(&json), &r, NULL), METE_OK);
    assert_true(r.accepts[0].output_schema == NULL && r.accepts[0].description.len == 0);
    assert_null(json_get(r.accepts[0].json, "outputSchema")); /* nor null: clients refuse that */
    buf_clear(&json);
    arena_clear(&a);
}

#define REQUIRED                                                                                   \
    "{\"x402Version\":2,\"error\":null,\"resource\":{\"url\":\"https://a.example/\",\"tags\":"     \
    "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"],\"iconUrl\":null},\"accepts\":[" OFFER_V2               \
    "],\"extensions\":null}"

static enum mete_code read_required(struct arena *a, struct text t, struct mete_err *err)
{
    struct x402_required r;
    enum mete_code code = x402_required_read_body(a, t, &r, err);
    assert_true(code != METE_OK || r.resource.tag_count <= X402_TAGS_MAX);
    return code;
}

static void test_required(void **state)
{
    (void)state;
    static const struct edit ROWS[] = {
        {"", "", METE_OK, ""},
        {"\"x402Version\":2", "\"x402Version\":3", METE_X402_VERSION, "/x402Version"},
        {"\"x402Version\":2", "\"x402Version\":\"2\"", METE_X402_VERSION, "/x402Version"},
        {"\"x402Version\":2", "\"x402Version\":2.0", METE_X402_VERSION, "/x402Version"},
        {"\"x402Version\":2,", "", METE_MEMBER_MISSING, "/x402Version"},
        {"\"x402Version\":2", "\"x402Version\":1", METE_MEMBER_MISSING,
         "/accepts/0/maxAmountRequired"},
        {"[" OFFER_V2 "]", "[]", METE_MEMBER_VALUE, "/accepts"},
        {"[" OFFER_V2 "]", "{}", METE_MEMBER_TYPE, "/accepts"},
        {"[" OFFER_V2 "]", "[{}," OFFER_V2 ",7]", METE_OK, ""},
        {"[" OFFER_V2 "]", "[{},7]", METE_MEMBER_MISSING, "/accepts/0/scheme"},
        {"\"url\":\"https://a.example/\"", "\"url\":\"\"", METE_TEXT_LENGTH, "/resource/url"},
        {"\"url\":\"https://a.example/\",", "", METE_MEMBER_MISSING, "/resource/url"},
        {"\"resource\":", "\"resourceInfo\":", METE_OK, ""}, /* some servers: it is only echoed */
        {"\"iconUrl\":null", "\"iconUrl\":5", METE_MEMBER_TYPE, "/resource/iconUrl"},
        {"\"6\"", "6", METE_MEMBER_TYPE, "/resource/tags/5"},
        {"\"x402Version\":2", "\"x402Version\":2,\"x402Version\":2", METE_JSON_DUPLICATE_KEY,
         "/x402Version"},
        {"null}", "null", METE_JSON_SYNTAX, ""},
        {"{", "[", METE_JSON_SYNTAX, ""},
    };
    check_edits(read_required, REQUIRED, ROWS, ARRAY_LEN(ROWS));
    struct arena a;
    struct x402_required r;
    struct mete_err err = {0};
    arena_init(&a, X402_ARENA_MAX((X402_ACCEPTS_MAX + 2) * sizeof OFFER_V2));
    assert_int_equal(x402_required_read_body(&a,
                                             TEXT("{\"x402Version\":2,\"accepts\":[{\"amount\":"
                                                  "\"0x1\"}," OFFER_V2 ",7]}"),
                                             &r, &err),
                     METE_OK);
    assert_true(r.accept_count == 1 && r.unread_count == 2 && err.code == METE_OK);
    assert_true(text_is(r.accepts[0].amount_text, "10000"));
    arena_reset(&a);
    struct buf many = {0};
    buf_put_str(&many, "{\"x402Version\":2,\"accepts\":[");
    for (size_t i = 0; i <= X402_ACCEPTS_MAX; i++)
        buf_printf(&many, "%s" OFFER_V2, i == 0 ? "" : ",");
    buf_put_str(&many, "]}");
    assert_int_equal(read_required(&a, buf_text(&many), NULL), METE_MEMBER_VALUE);
    arena_reset(&a);
    struct buf large = {0};
    buf_reserve(&large, X402_BODY_MAX + 1);
    memset(large.p, ' ', X402_BODY_MAX + 1);
    large.len = X402_BODY_MAX + 1;
    assert_int_equal(read_required(&a, buf_text(&large), NULL), METE_BODY_TOO_LARGE);
    buf_clear(&many);
    buf_clear(&large);
    arena_clear(&a);
}

/* Every prefix of a document is refused, and none reads past its end. */
static void test_truncated(void **state)
{
    (void)state;
    for (size_t len = 0; len < strlen(REQUIRED); len++) {
        struct arena a;
        char *exact = malloc(len + 1);
        assert_non_null(exact);
        memcpy(exact, REQUIRED, len);
        arena_init(&a, X402_ARENA_MAX(len));
        assert_int_not_equal(read_required(&a, (struct text){exact, len}, NULL), METE_OK);
        arena_clear(&a);
        free(exact);
    }
}

/* Payments. */

#define EIP3009                                                                                    \
    "{\"signature\":\"" SIGNED "\",\"authorization\":{\"from\":\"" PAYER "\",\"to\":\"" PAYEE      \
    "\",\"value\":\"10000\",\"validAfter\":\"1740672089\",\"validBefore\":\"1740672154\","         \
    "\"nonce\":\"" NONCE "\"}}"
#define PAYMENT                                                                                    \
    "{\"x402Version\":2,\"accepted\":" OFFER_V2 ",\"payload\":" EIP3009 ",\"extensions\":{}}"
#define PERMIT2                                                                                    \
    "{\"signature\":\"" SIGNED "\",\"permit2Authorization\":{\"from\":\"" PAYER                    \
    "\",\"permitted\":{\"token\":\"" ASSET "\",\"amount\":\"10000\"},\"spender\":"                 \
    "\"0x402085c248EeA27D92E8b30b2C58ed07f9E20001\",\"nonce\":\"7\",\"deadline\":\"1740672154\","  \
    "\"witness\":{\"to\":\"" PAYEE "\",\"validAfter\":\"0\"}}}"

static enum mete_code read_payment(struct arena *a, struct text t, struct mete_err *err)
{
    struct x402_payload p;
    struct x402_evm_payment e;
    enum mete_code code = x402_payload_read(a, parsed(a, t), "", &p, err);
    return code != METE_OK ? code : x402_evm_payment_read(a, &p, "", &e, err);
}

static void test_payments(void **state)
{
    (void)state;
#define AT "/payload/authorization"
    static const struct edit ROWS[] = {
        {"", "", METE_OK, ""},
        {"\"x402Version\":2", "\"x402Version\":0", METE_X402_VERSION, "/x402Version"},
        {"\"x402Version\":2", "\"x402Version\":1", METE_MEMBER_MISSING, "/scheme"},
        {"\"payload\":" EIP3009, "\"payload\":\"\"", METE_MEMBER_TYPE, "/payload"},
        {",\"payload\":" EIP3009, "", METE_MEMBER_MISSING, "/payload"},
        {"\"accepted\":" OFFER_V2, "\"accepted\":null", METE_OK, ""}, /* fits no offer */
        {"\"accepted\":" OFFER_V2, "\"accepted\":1", METE_MEMBER_TYPE, "/accepted"},
        {"\"extensions\":{}", "\"extensions\":[]", METE_MEMBER_TYPE, "/extensions"},
        {"\"value\":\"10000\"", "\"value\":10000", METE_MEMBER_TYPE, AT "/value"},
        {"\"value\":\"10000\"", "\"value\":\"0x2710\"", METE_AMOUNT_INVALID, AT "/value"},
        {"\"value\":\"10000\"", "\"value\":\"-10000\"", METE_AMOUNT_INVALID, AT "/value"},
        {"\"validAfter\":\"1740672089\"", "\"validAfter\":1740672089", METE_MEMBER_TYPE,
         AT "/validAfter"},
        {"\"validBefore\":\"1740672154\"", "\"validBefore\":\"2025-02-27\"", METE_AMOUNT_INVALID,
         AT "/validBefore"},
        {NONCE, "0xf3", METE_MEMBER_VALUE, AT "/nonce"},
        {NONCE, NONCE "00", METE_MEMBER_VALUE, AT "/nonce"},
        {"\"nonce\":\"0xf374", "\"nonce\":\"0Xf374", METE_MEMBER_VALUE, AT "/nonce"},
        {"\"nonce\":\"0xf374", "\"nonce\":\"0xg374", METE_MEMBER_VALUE, AT "/nonce"},
        /* Addresses: any case is taken, another length or alphabet is not. */
        {"0x857b06519E91e3A5", "0x857B06519e91e3a5", METE_OK, ""},
        {"0x857b06519E91e3A5", "0x857b06519E91e3Ag", METE_ADDRESS_INVALID, AT "/from"},
        {"0x857b06519E91e3A5", "857b06519E91e3A5", METE_ADDRESS_INVALID, AT "/from"},
        {"0x857b06519E91e3A5", "0X857b06519E91e3A5", METE_ADDRESS_INVALID, AT "/from"},
        {"0x857b06519E91e3A5", "0x0857b06519E91e3A5", METE_ADDRESS_INVALID, AT "/from"},
        {SIGNED, "0x", METE_OK, ""}, /* well formed; it is no signature */
        {SIGNED, "0x0", METE_MEMBER_VALUE, "/payload/signature"},
        {SIGNED, "", METE_MEMBER_VALUE, "/payload/signature"},
        {SIGNED, "0xzz", METE_MEMBER_VALUE, "/payload/signature"},
    };
#undef AT
    check_edits(read_payment, PAYMENT, ROWS, ARRAY_LEN(ROWS));
}

static void test_long_signatures(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct buf hex = {0}, text = {0};
        struct arena a;
        buf_put_str(&hex, "0x");
        for (size_t i = 0; i < X402_SIGNATURE_MAX + more; i++)
            buf_put_str(&hex, "ab");
        buf_put_u8(&hex, 0);
        struct text t = edited(&text, PAYMENT, SIGNED, (const char *)hex.p);
        arena_init(&a, X402_ARENA_MAX(t.len));
        assert_int_equal(read_payment(&a, t, NULL), more == 0 ? METE_OK : METE_MEMBER_VALUE);
        arena_clear(&a);
        buf_clear(&hex);
        buf_clear(&text);
    }
}

/* What is read, written and read again is the same. */
static void round_trip(struct arena *a, const char *scheme, const char *payload,
                       struct x402_evm_payment *out)
{
    struct json *j = parsed(a, text_of(payload));
    struct x402_payload p = {.version = 2, .scheme = text_of(scheme), .payload = j, .json = j};
    struct x402_evm_payment again;
    struct buf written = {0};
    struct mete_err err = {0};
    if (x402_evm_payment_read(a, &p, "", out, &err) != METE_OK)
        fail_msg("%s at %s", err.text, err.pointer);
    if (out->method == X402_PERMIT2)
        x402_permit2_write(&written, &out->permit2, &out->from, out->signature);
    else
        x402_authorization_write(&written, &out->authorization, out->signature);
    struct json *w = parsed(a, arena_text(a, buf_text(&written)));
    assert_true(x402_json_eq(w, j));
    p.payload = p.json = w;
    assert_int_equal(x402_evm_payment_read(a, &p, "", &again, NULL), METE_OK);
    assert_bytes(again.signature, out->signature, "signature");
    assert_int_equal(again.method, out->method);
    buf_clear(&written);
}

static void test_schemes(void **state)
{
    (void)state;
    struct arena a;
    struct x402_evm_payment e;
    struct buf text = {0};
    arena_init(&a, 1 << 20);
    round_trip(&a, "exact", EIP3009, &e);
    assert_int_equal(e.method, X402_EIP3009);
    struct evm_address payer = hex_address(TEXT(PAYER)), payee = hex_address(TEXT(PAYEE));
    assert_true(evm_address_eq(&e.from, &payer) && evm_address_eq(&e.authorization.to, &payee));
    assert_true(u256_eq(e.authorization.valid_before, u256_of(1740672154)));
    round_trip(&a, "exact", PERMIT2, &e);
    assert_true(e.method == X402_PERMIT2 && !e.permit2.has_facilitator);
    assert_true(evm_address_eq(&e.from, &payer) && evm_address_eq(&e.permit2.to, &payee));
    assert_true(evm_address_eq(&e.permit2.spender, &EVM_X402_EXACT_PROXY));
    assert_true(u256_eq(e.permit2.nonce, u256_of(7)) && e.signature.len == EVM_SIGNATURE_LEN);
    struct text upto =
        edited(&text, PERMIT2, "\"witness\":{", "\"witness\":{\"facilitator\":\"" PAYER "\",");
    upto = arena_text(&a, upto);
    round_trip(&a, "upto", upto.p, &e);
    assert_true(e.permit2.has_facilitator && evm_address_eq(&e.permit2.facilitator, &payer));
    /* "upto" without its facilitator, or by EIP-3009, is none. */
    struct json *j = parsed(&a, TEXT(PERMIT2));
    struct x402_payload p = {.version = 2, .scheme = TEXT("upto"), .payload = j, .json = j};
    struct mete_err err = {0};
    assert_int_equal(x402_evm_payment_read(&a, &p, "/p", &e, &err), METE_MEMBER_MISSING);
    assert_string_equal(err.pointer, "/p/permit2Authorization/witness/facilitator");
    p.payload = p.json = parsed(&a, TEXT(EIP3009));
    assert_int_equal(x402_evm_payment_read(&a, &p, "/p", &e, &err), METE_MEMBER_MISSING);
    assert_string_equal(err.pointer, "/p/permit2Authorization");
    buf_clear(&text);
    arena_clear(&a);
}

static void test_payload_envelopes(void **state)
{
    (void)state;
    struct arena a;
    struct x402_payload p;
    struct buf json = {0}, header = {0};
    arena_init(&a, 1 << 20);
    const struct x402_paying v1 = {.version = 1,
                                   .scheme = TEXT("exact"),
                                   .network = TEXT("base-sepolia"),
                                   .payload = TEXT(EIP3009)};
    x402_payload_write(&json, &v1);
    x402_header_write(&header, buf_text(&json));
    assert_int_equal(x402_payload_read_header(&a, buf_text(&header), &p, NULL), METE_OK);
    assert_true(p.version == 1 && text_is(p.network, "base-sepolia") && p.accepted == NULL);
    assert_string_equal(x402_payment_header(1), "X-PAYMENT");
    assert_string_equal(x402_response_header(1), "X-PAYMENT-RESPONSE");
    const struct x402_paying v2 = {.version = 2,
                                   .accepted = TEXT(OFFER_V2),
                                   .resource = TEXT("{\"url\":\"https://a.example/\"}"),
                                   .payload = TEXT(EIP3009),
                                   .extensions = TEXT("{\"x\":{\"info\":{}}}")};
    buf_reset(&json);
    buf_reset(&header);
    x402_payload_write(&json, &v2);
    x402_header_write(&header, buf_text(&json));
    assert_int_equal(x402_payload_read_header(&a, buf_text(&header), &p, NULL), METE_OK);
    assert_true(p.version == 2 && text_is(p.scheme, "exact") && text_is(p.network, "eip155:84532"));
    assert_true(text_is(p.accepted->raw, OFFER_V2) && text_is(p.payload->raw, EIP3009));
    assert_true(p.resource != NULL && json_get(p.extensions, "x") != NULL);
    assert_string_equal(x402_payment_header(2), "PAYMENT-SIGNATURE");
    assert_string_equal(x402_response_header(2), "PAYMENT-RESPONSE");
    buf_clear(&json);
    buf_clear(&header);
    arena_clear(&a);
}

/* Terms. */

struct terms_case {
    const char *from, *to;
    bool has_any_case;
    enum mete_code code;
    const char *pointer;
};

static void test_terms(void **state)
{
    (void)state;
    static const struct terms_case ROWS[] = {
        {"", "", false, METE_OK, ""},
        {"eip155:84532", "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1", false, METE_X402_NETWORK,
         "/r/network"},
        {"\"exact\"", "\"deferred\"", false, METE_X402_SCHEME, "/r/scheme"},
        {"\"name\"", "\"assetTransferMethod\":\"erc7710\",\"name\"", false, METE_X402_SCHEME,
         "/r/extra"},
        {"\"name\"", "\"assetTransferMethod\":\"permit2\",\"name\"", false, METE_OK, ""},
        {"0x209693Bc", "0x209693bc", false, METE_ADDRESS_CHECKSUM, "/r/payTo"},
        {"0x209693Bc", "0x209693bc", true, METE_OK, ""},
        {"0x209693Bc", "0x209693B", true, METE_ADDRESS_INVALID, "/r/payTo"},
        {"0x036CbD53", "0x036CbD5z", false, METE_ADDRESS_INVALID, "/r/asset"},
    };
    struct buf text = {0};
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct arena a;
        struct x402_requirements r;
        struct x402_evm_terms t;
        struct mete_err err = {0};
        arena_init(&a, X402_ARENA_MAX(2048));
        struct json *j = parsed(&a, edited(&text, OFFER_V2, ROWS[i].from, ROWS[i].to));
        assert_int_equal(x402_requirements_read(&a, j, 2, "/r", &r, NULL), METE_OK);
        enum mete_code code = x402_evm_terms_read(&r, "/r", ROWS[i].has_any_case, &t, &err);
        assert_int_equal(code, ROWS[i].code);
        assert_string_equal(err.pointer, ROWS[i].pointer);
        assert_true(code != METE_OK ||
                    (t.chain_id == 84532 && text_is(t.name, "USDC") && !t.is_upto &&
                     t.method == (i == 4 ? X402_PERMIT2 : X402_EIP3009)));
        arena_clear(&a);
    }
    buf_clear(&text);
}

static void test_terms_of_upto(void **state)
{
    (void)state;
    struct arena a;
    struct x402_requirements r;
    struct x402_evm_terms t;
    struct mete_err err = {0};
    arena_init(&a, X402_ARENA_MAX(4096));
    struct json *extra = parsed(&a, TEXT("{\"facilitatorAddress\":\"" PAYER "\"}"));
    struct json *bad = parsed(&a, TEXT("{\"facilitatorAddress\":\"0x1\"}"));
    struct json *other = parsed(&a, TEXT("{\"assetTransferMethod\":\"eip3009\"}"));
    assert_int_equal(x402_requirements_read(&a, parsed(&a, TEXT(OFFER_V2)), 2, "", &r, NULL),
                     METE_OK);
    r.scheme = TEXT("upto");
    r.extra = extra;
    assert_int_equal(x402_evm_terms_read(&r, "", false, &t, &err), METE_OK);
    struct evm_address payer = hex_address(TEXT(PAYER));
    assert_true(t.is_upto && t.method == X402_PERMIT2 && t.has_facilitator &&
                evm_address_eq(&t.facilitator, &payer) && t.name.len == 0);
    r.extra = bad;
    assert_int_equal(x402_evm_terms_read(&r, "", false, &t, &err), METE_ADDRESS_INVALID);
    assert_string_equal(err.pointer, "/extra/facilitatorAddress");
    r.extra = other;
    assert_int_equal(x402_evm_terms_read(&r, "", false, &t, &err), METE_X402_SCHEME);
    r.extra = NULL;
    assert_int_equal(x402_evm_terms_read(&r, "", false, &t, &err), METE_OK);
    assert_false(t.has_facilitator);
    /* Version 1 names its chain. */
    r.version = 1;
    r.network = TEXT("base");
    r.scheme = TEXT("exact");
    assert_int_equal(x402_evm_terms_read(&r, "", false, &t, &err), METE_OK);
    assert_int_equal(t.chain_id, 8453);
    r.network = TEXT("eip155:8453");
    assert_int_equal(x402_evm_terms_read(&r, "", false, &t, NULL), METE_X402_NETWORK);
    arena_clear(&a);
}

/* Extensions of payments. */

#define INFO_2612                                                                                  \
    "\"from\":\"" PAYER "\",\"asset\":\"" ASSET                                                    \
    "\",\"spender\":\"0x000000000022D473030F116dDEE9F6B43aC78BA3\",\"amount\":\"5\",\"nonce\":"    \
    "\"0\",\"deadline\":\"1740672154\",\"signature\":\"" SIGNED "\",\"version\":\"1\""
#define SPONSORED                                                                                  \
    "{\"x402Version\":2,\"payload\":{},\"extensions\":{\"eip2612GasSponsoring\":{\"info\":"        \
    "{" INFO_2612 "}}}}"

static enum mete_code read_2612(struct arena *a, struct text t, struct mete_err *err)
{
    struct x402_payload p;
    struct x402_eip2612 e;
    bool is_there;
    enum mete_code code = x402_payload_read(a, parsed(a, t), "", &p, err);
    return code != METE_OK ? code : x402_eip2612_read(a, &p, "", &e, &is_there, err);
}

static void test_eip2612(void **state)
{
    (void)state;
#define AT "/extensions/eip2612GasSponsoring/info"
    static const struct edit ROWS[] = {
        {"", "", METE_OK, ""},
        {"\"amount\":\"5\"", "\"amount\":\"0x5\"", METE_AMOUNT_INVALID, AT "/amount"},
        {"\"nonce\":\"0\",", "", METE_MEMBER_MISSING, AT "/nonce"},
        {",\"version\":\"1\"", "", METE_MEMBER_MISSING, AT "/version"},
        {SIGNED, "0x1234", METE_MEMBER_VALUE, AT "/signature"},
        {INFO_2612, "\"description\":\"x\",\"version\":\"1\"", METE_OK, ""}, /* only echoed */
    };
#undef AT
    check_edits(read_2612, SPONSORED, ROWS, ARRAY_LEN(ROWS));
    struct arena a;
    struct x402_payload p;
    struct x402_eip2612 e, again;
    struct buf server = {0}, client = {0};
    bool is_there;
    arena_init(&a, 1 << 20);
    assert_int_equal(x402_payload_read(&a, parsed(&a, TEXT(SPONSORED)), "", &p, NULL), METE_OK);
    assert_int_equal(x402_eip2612_read(&a, &p, "", &e, &is_there, NULL), METE_OK);
    assert_true(is_there && u256_eq(e.permit.value, u256_of(5)) &&
                evm_address_eq(&e.permit.spender, &EVM_PERMIT2));
    /* The server advertises, the client adds, the server finds its own unchanged. */
    x402_eip2612_advertise(&server);
    struct json *advertised = parsed(&a, buf_text(&server));
    x402_eip2612_write(&client, advertised, &e);
    buf_reset(&server);
    buf_printf(&server, "{\"eip2612GasSponsoring\":%.*s}", (int)client.len, client.p);
    struct json *sent = parsed(&a, buf_text(&server));
    struct json *offered = json_new(&a, JSON_OBJECT);
    json_set(offered, TEXT("eip2612GasSponsoring"), advertised);
    assert_true(x402_extensions_match(offered, sent));
    p.extensions = p.json = sent;
    assert_int_equal(x402_eip2612_read(&a, &p, "", &again, &is_there, NULL), METE_OK);
    assert_true(is_there && memcmp(&e, &again, sizeof e) == 0);
    p.extensions = offered;
    assert_int_equal(x402_eip2612_read(&a, &p, "", &again, &is_there, NULL), METE_OK);
    assert_false(is_there);
    buf_reset(&client);
    x402_eip2612_write(&client, NULL, &e);
    assert_true(json_get(json_get(parsed(&a, buf_text(&client)), "info"), "version") != NULL);
    buf_clear(&server);
    buf_clear(&client);
    arena_clear(&a);
}

static void test_identifier(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        bool ok;
    } IDS[] = {{"pay_0123456789abcdef", true}, {"0123456789abcdef", true},
               {"0123456789abcde", false},     {"0123456789abcde ", false},
               {"0123456789abcde.", false},    {"", false}};
    for (size_t i = 0; i < ARRAY_LEN(IDS); i++)
        assert_int_equal(x402_identifier_ok(text_of(IDS[i].id)), IDS[i].ok);
    char long_one[X402_IDENTIFIER_MAX + 1];
    memset(long_one, 'a', sizeof long_one);
    assert_true(x402_identifier_ok((struct text){long_one, X402_IDENTIFIER_MAX}));
    assert_false(x402_identifier_ok((struct text){long_one, X402_IDENTIFIER_MAX + 1}));
    struct arena a;
    struct buf server = {0}, client = {0};
    struct x402_payload p = {.version = 2};
    struct text id;
    struct mete_err err = {0};
    arena_init(&a, 1 << 18);
    for (size_t required = 0; required < 2; required++) {
        buf_reset(&server);
        buf_reset(&client);
        buf_put_str(&server, "{\"payment-identifier\":");
        x402_identifier_advertise(&server, required == 1);
        buf_put_str(&server, "}");
        struct json *offered = parsed(&a, buf_text(&server));
        assert_true(x402_identifier_advertised(offered));
        assert_int_equal(json_is_true(json_get(json_get(offered->child, "info"), "required")),
                         required);
        p.extensions = p.json = offered;
        assert_int_equal(x402_identifier_read(&p, "", &id, &err), METE_OK);
        assert_int_equal(id.len, 0);
        buf_put_str(&client, "{\"payment-identifier\":");
        x402_identifier_write(&client, offered->child, TEXT("pay_0123456789abcdef"));
        buf_put_str(&client, "}");
        struct json *sent = parsed(&a, buf_text(&client));
        assert_true(x402_extensions_match(offered, sent));
        p.extensions = p.json = sent;
        assert_int_equal(x402_identifier_read(&p, "", &id, &err), METE_OK);
        assert_true(text_is(id, "pay_0123456789abcdef"));
    }
    assert_false(x402_identifier_advertised(NULL));
    p.extensions = p.json = parsed(&a, TEXT("{\"payment-identifier\":{\"info\":{\"id\":\"x\"}}}"));
    assert_int_equal(x402_identifier_read(&p, "/e", &id, &err), METE_MEMBER_VALUE);
    assert_string_equal(err.pointer, "/e/payment-identifier/info/id");
    buf_clear(&server);
    buf_clear(&client);
    arena_clear(&a);
}

/* Facilitators. */

static enum mete_code read_request(struct arena *a, struct text t, struct mete_err *err)
{
    struct x402_request r;
    return x402_request_read(a, t, &r, err);
}

static void test_requests(void **state)
{
    (void)state;
    static const struct edit ROWS[] = {
        {"", "", METE_OK, ""},
        {"{\"x402Version\":2,\"p", "{\"p", METE_OK, ""},
        {"{\"x402Version\":2,\"p", "{\"x402Version\":7,\"p", METE_OK, ""}, /* the payload decides */
        {"paymentPayload", "payload", METE_MEMBER_MISSING, "/paymentPayload"},
        {"paymentRequirements", "requirements", METE_MEMBER_MISSING, "/paymentRequirements"},
        {"\"reserve\":true", "\"reserve\":1", METE_MEMBER_TYPE, "/reserve"},
        {"\"reserve\":true", "\"reserve\":null", METE_OK, ""},
        {"\"reservation\":\"r1\"", "\"reservation\":\"\"", METE_TEXT_LENGTH, "/reservation"},
        {"{\"x402Version\":2,\"accepted\"", "{\"x402Version\":9,\"accepted\"", METE_X402_VERSION,
         "/paymentPayload/x402Version"},
        {"\"payload\":{", "\"payload\":7,\"other\":{", METE_MEMBER_TYPE, "/paymentPayload/payload"},
    };
    struct buf text = {0};
    const struct x402_asking r = {.version = 2,
                                  .payload = TEXT(PAYMENT),
                                  .requirements = TEXT(OFFER_V2),
                                  .reserve = true,
                                  .reservation = TEXT("r1")};
    x402_request_write(&text, &r);
    struct arena a;
    struct x402_request q;
    arena_init(&a, X402_ARENA_MAX(text.len));
    assert_int_equal(x402_request_read(&a, buf_text(&text), &q, NULL), METE_OK);
    assert_true(q.outer_version == 2 && q.reserve && text_is(q.reservation, "r1"));
    assert_true(text_is(q.payload.json->raw, PAYMENT));
    assert_true(text_is(q.requirements.json->raw, OFFER_V2));
    buf_put_u8(&text, 0);
    check_edits(read_request, (const char *)text.p, ROWS, ARRAY_LEN(ROWS));
    buf_clear(&text);
    arena_clear(&a);
}

static void test_reasons_of_errors(void **state)
{
    (void)state;
    static const struct {
        enum mete_code code;
        const char *pointer;
        enum x402_reason reason;
    } ROWS[] = {
        {METE_X402_VERSION, "/paymentPayload/x402Version", X402_REASON_INVALID_VERSION},
        {METE_X402_NETWORK, "/paymentRequirements/network", X402_REASON_INVALID_NETWORK},
        {METE_X402_SCHEME, "/paymentRequirements/scheme", X402_REASON_UNSUPPORTED_SCHEME},
        {METE_AMOUNT_INVALID, "/paymentRequirements/amount", X402_REASON_INVALID_REQUIREMENTS},
        {METE_AMOUNT_INVALID, "/paymentPayload/payload", X402_REASON_INVALID_PAYLOAD},
        {METE_JSON_SYNTAX, "", X402_REASON_INVALID_PAYLOAD},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct mete_err err = {.code = ROWS[i].code};
        mete_err_place(&err, ROWS[i].pointer);
        assert_int_equal(x402_reason_of_error(&err), ROWS[i].reason);
    }
}

static enum mete_code read_settled(struct arena *a, struct text t, struct mete_err *err)
{
    struct x402_settled s;
    return x402_settled_read(a, t, &s, err);
}

static enum mete_code read_verified(struct arena *a, struct text t, struct mete_err *err)
{
    struct x402_verified v;
    return x402_verified_read(a, t, &v, err);
}

static void test_answers(void **state)
{
    (void)state;
    static const char SETTLED[] =
        "{\"success\":true,\"transaction\":\"0x1\",\"network\":\"base\",\"payer\":null,"
        "\"amount\":null,\"errorReason\":null,\"errorMessage\":null,\"extensions\":null,"
        "\"extra\":null,\"more\":1}";
    static const struct edit OF_SETTLE[] = {
        {"", "", METE_OK, ""},
        {"true", "\"true\"", METE_MEMBER_TYPE, "/success"},
        {"\"success\":true,", "", METE_MEMBER_MISSING, "/success"},
        {"\"transaction\":\"0x1\",", "", METE_MEMBER_MISSING, "/transaction"},
        {"\"network\":\"base\",", "", METE_MEMBER_MISSING, "/network"},
        {"\"payer\":null", "\"payer\":1", METE_MEMBER_TYPE, "/payer"},
        {"\"extra\":null", "\"extra\":\"x\"", METE_MEMBER_TYPE, "/extra"},
    };
    static const struct edit OF_VERIFY[] = {
        {"", "", METE_OK, ""},
        {"false", "0", METE_MEMBER_TYPE, "/isValid"},
        {"\"isValid\":false,", "", METE_MEMBER_MISSING, "/isValid"},
        {"\"invalidReason\":null", "\"invalidReason\":7", METE_MEMBER_TYPE, "/invalidReason"},
    };
    check_edits(read_settled, SETTLED, OF_SETTLE, ARRAY_LEN(OF_SETTLE));
    check_edits(read_verified, "{\"isValid\":false,\"invalidReason\":null,\"payer\":null}",
                OF_VERIFY, ARRAY_LEN(OF_VERIFY));
}

static void test_answers_come_back(void **state)
{
    (void)state;
    const struct x402_settled s = {.success = false,
                                   .transaction = TEXT("0xabc"),
                                   .network = TEXT("eip155:1"),
                                   .payer = TEXT(PAYER),
                                   .amount = TEXT("7"),
                                   .reason = TEXT("settlement_pending"),
                                   .message = TEXT("a \"b\"\n"),
                                   .extensions = TEXT("{\"e\":1}"),
                                   .extra = TEXT("{\"x\":[]}")};
    const struct x402_verified v = {
        .is_valid = true, .payer = TEXT(PAYER), .extra = TEXT("{\"reservation\":\"r-1\"}")};
    struct x402_settled s2;
    struct x402_verified v2;
    struct arena a;
    struct buf out = {0};
    struct text reservation;
    arena_init(&a, 1 << 18);
    x402_settled_write_header(&out, &s);
    assert_int_equal(x402_settled_read_header(&a, buf_text(&out), &s2, NULL), METE_OK);
    assert_true(!s2.success && text_eq(s2.transaction, s.transaction) &&
                text_eq(s2.network, s.network) && text_eq(s2.payer, s.payer) &&
                text_eq(s2.amount, s.amount) && text_eq(s2.reason, s.reason) &&
                text_eq(s2.message, s.message) && text_eq(s2.extensions, s.extensions) &&
                text_eq(s2.extra, s.extra));
    assert_true(x402_settled_is_pending(&s2));
    s2.transaction = TEXT("");
    assert_false(x402_settled_is_pending(&s2));
    s2 = s;
    s2.reason = TEXT("insufficient_funds");
    assert_false(x402_settled_is_pending(&s2));
    s2 = s;
    s2.success = true;
    assert_false(x402_settled_is_pending(&s2));
    buf_reset(&out);
    x402_verified_write(&out, &v);
    assert_int_equal(x402_verified_read(&a, buf_text(&out), &v2, NULL), METE_OK);
    assert_true(v2.is_valid && text_eq(v2.payer, v.payer) && text_eq(v2.extra, v.extra));
    assert_int_equal(x402_reservation_read(&a, &v2, &reservation, NULL), METE_OK);
    assert_true(text_is(reservation, "r-1"));
    v2.extra = TEXT("");
    assert_int_equal(x402_reservation_read(&a, &v2, &reservation, NULL), METE_OK);
    assert_int_equal(reservation.len, 0);
    buf_clear(&out);
    arena_clear(&a);
}

static void test_supported(void **state)
{
    (void)state;
    static const char BODY[] =
        "{\"kinds\":[{\"x402Version\":2,\"scheme\":\"exact\",\"network\":\"eip155:1\",\"extra\":"
        "null},{\"x402Version\":3,\"scheme\":\"exact\",\"network\":\"eip155:1\"},7,"
        "{\"x402Version\":1,\"scheme\":\"exact\",\"network\":\"base\",\"extra\":{\"a\":1}}],"
        "\"extensions\":[\"bazaar\",7],\"signers\":{\"eip155:*\":[\"0x1\",\"0x2\"],"
        "\"solana:*\":[\"S\"],\"x\":7}}";
    struct arena a;
    struct x402_supported s;
    struct buf out = {0};
    struct mete_err err = {0};
    arena_init(&a, 1 << 18);
    assert_int_equal(x402_supported_read(&a, TEXT(BODY), &s, &err), METE_OK);
    assert_true(s.kind_count == 2 && s.extension_count == 1 && s.signer_count == 3);
    assert_true(text_is(s.kinds[1].extra, "{\"a\":1}") && s.kinds[0].extra.len == 0);
    assert_non_null(x402_supported_find(&s, 1, TEXT("exact"), TEXT("base")));
    assert_null(x402_supported_find(&s, 2, TEXT("exact"), TEXT("eip155:*")));
    assert_null(x402_supported_find(&s, 2, TEXT("upto"), TEXT("eip155:1")));
    x402_supported_write(&out, &s);
    assert_string_equal(
        arena_text(&a, buf_text(&out)).p,
        "{\"kinds\":[{\"x402Version\":2,\"scheme\":\"exact\",\"network\":\"eip155:1\"},"
        "{\"x402Version\":1,\"scheme\":\"exact\",\"network\":\"base\",\"extra\":{\"a\":1}}],"
        "\"extensions\":[\"bazaar\"],\"signers\":{\"eip155:*\":[\"0x1\",\"0x2\"],"
        "\"solana:*\":[\"S\"]}}");
    assert_int_equal(x402_supported_read(&a, TEXT("{\"kinds\":{}}"), &s, &err), METE_MEMBER_TYPE);
    assert_int_equal(x402_supported_read(&a, TEXT("{}"), &s, &err), METE_MEMBER_MISSING);
    assert_int_equal(x402_supported_read(&a, TEXT("{\"kinds\":[]}"), &s, &err), METE_OK);
    buf_reset(&out);
    x402_supported_write(&out, &s);
    assert_true(text_is(buf_text(&out), "{\"kinds\":[],\"extensions\":[],\"signers\":{}}"));
    buf_clear(&out);
    arena_clear(&a);
}

/* Bodies that take as much memory as any of their length, in an arena of the size that is promised:
 * it asserts when it is too small. */
static void test_arena(void **state)
{
    (void)state;
    struct buf body = {0};
    struct arena a;
    struct x402_supported s;
    buf_put_str(&body, "{\"kinds\":[7");
    for (size_t i = 1; i < X402_KINDS_MAX; i++)
        buf_put_str(&body, ",7");
    buf_put_str(&body, "],\"extensions\":[7");
    for (size_t i = 1; i < X402_KINDS_MAX; i++)
        buf_put_str(&body, ",7");
    buf_put_str(&body, "],\"signers\":{\"a\":[]}}");
    arena_init(&a, X402_ARENA_MAX(body.len));
    assert_int_equal(x402_supported_read(&a, buf_text(&body), &s, NULL), METE_OK);
    assert_int_equal(s.kind_count, 0);
    arena_clear(&a);
    buf_reset(&body);
    buf_put_str(&body, "{\"x402Version\":2,\"accepts\":[7");
    for (size_t i = 1; i < X402_ACCEPTS_MAX; i++)
        buf_put_str(&body, ",7");
    buf_put_str(&body, "]}");
    arena_init(&a, X402_ARENA_MAX(body.len));
    assert_int_equal(read_required(&a, buf_text(&body), NULL), METE_MEMBER_TYPE);
    arena_clear(&a);
    buf_clear(&body);
}

static void test_extension_responses(void **state)
{
    (void)state;
    const struct x402_extension_response ROWS[] = {
        {TEXT("bazaar"), X402_EXTENSION_REJECTED, TEXT("a \"reason\"")},
        {TEXT("other"), X402_EXTENSION_SUCCESS, TEXT("")},
        {TEXT("third"), X402_EXTENSION_PROCESSING, TEXT("")},
    };
    static const char *const STATUS[] = {"rejected", "success", "processing"};
    struct arena a;
    struct buf out = {0};
    struct json *said;
    arena_init(&a, 1 << 18);
    x402_extension_responses_write(&out, ROWS, ARRAY_LEN(ROWS));
    assert_int_equal(x402_header_read(&a, buf_text(&out), &said, NULL), METE_OK);
    assert_int_equal(said->count, ARRAY_LEN(ROWS));
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        const struct json *of = json_get_text(said, ROWS[i].name);
        const struct json *reason = json_get(of, "rejectedReason");
        assert_true(text_is(json_get(of, "status")->text, STATUS[i]));
        assert_true(ROWS[i].rejected_reason.len == 0
                        ? reason == NULL
                        : text_eq(reason->text, ROWS[i].rejected_reason));
    }
    buf_clear(&out);
    arena_clear(&a);
}

static void test_mcp(void **state)
{
    (void)state;
    struct arena a;
    struct buf json = {0}, out = {0};
    struct x402_required r;
    struct x402_payload p;
    struct mete_err err = {0};
    bool is_there;
    arena_init(&a, 1 << 20);
    x402_required_write_v2(&json, &PRICED);
    x402_mcp_required_write(&out, buf_text(&json));
    struct json *result = parsed(&a, buf_text(&out));
    assert_int_equal(x402_mcp_required_read(&a, result, &r, &is_there, NULL), METE_OK);
    assert_true(is_there && r.accept_count == PRICED.offer_count);
    /* The text alone will do, and is the same. */
    const struct json *text = json_get(json_get(result, "content")->child, "text");
    assert_true(text_eq(text->text, buf_text(&json)));
    struct json *old = json_new(&a, JSON_OBJECT);
    json_set(old, TEXT("isError"), json_new(&a, JSON_TRUE));
    struct json *list = json_new(&a, JSON_ARRAY), *item = json_new(&a, JSON_OBJECT);
    json_set(item, TEXT("text"), json_new_string(&a, text->text));
    json_add(list, item);
    json_set(old, TEXT("content"), list);
    assert_int_equal(x402_mcp_required_read(&a, old, &r, &is_there, NULL), METE_OK);
    assert_true(is_there && r.accept_count == PRICED.offer_count);
    struct json *other = parsed(&a, TEXT("{\"isError\":true,\"content\":[{\"text\":\"no\"}]}"));
    assert_int_equal(x402_mcp_required_read(&a, other, &r, &is_there, NULL), METE_OK);
    assert_false(is_there);
    struct json *good = parsed(&a, TEXT("{\"isError\":false,\"structuredContent\":" REQUIRED "}"));
    assert_int_equal(x402_mcp_required_read(&a, good, &r, &is_there, NULL), METE_OK);
    assert_false(is_there); /* a tool may talk about x402 */
    struct json *broken = parsed(&a, TEXT("{\"_meta\":{\"x402/payment\":{\"x402Version\":1}}}"));
    assert_int_equal(x402_mcp_payment_read(&a, broken, &p, &is_there, &err), METE_MEMBER_MISSING);
    assert_string_equal(err.pointer, "/_meta/x402~1payment/scheme");
    assert_int_equal(x402_mcp_payment_read(&a, NULL, &p, &is_there, NULL), METE_OK);
    assert_false(is_there);
    buf_clear(&json);
    buf_clear(&out);
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offers),
        cmocka_unit_test(test_flows),
        cmocka_unit_test(test_priced_version_2),
        cmocka_unit_test(test_priced_version_1),
        cmocka_unit_test(test_required),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_payments),
        cmocka_unit_test(test_long_signatures),
        cmocka_unit_test(test_schemes),
        cmocka_unit_test(test_payload_envelopes),
        cmocka_unit_test(test_terms),
        cmocka_unit_test(test_terms_of_upto),
        cmocka_unit_test(test_eip2612),
        cmocka_unit_test(test_identifier),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_reasons_of_errors),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_answers_come_back),
        cmocka_unit_test(test_supported),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_extension_responses),
        cmocka_unit_test(test_mcp),
    };
    return cmocka_run_group_tests_name("x402_forms", tests, NULL, NULL);
}
