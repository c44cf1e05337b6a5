/* SPDX-License-Identifier: Apache-2.0
 * x402's single values: networks and their tokens, prices, reasons, base64 headers, and comparing
 * JSON by its meaning. */
#include "evm_case.h"

#include "wire/evm/network.h"
#include "wire/x402/header.h"
#include "wire/x402/match.h"
#include "wire/x402/network.h"
#include "wire/x402/price.h"
#include "wire/x402/reason.h"
#include "wire/x402/sale.h"

/* The map of @x402/evm 2.27.0, all of it. */
static const struct {
    const char *name;
    uint64_t id;
} V1[] = {
    {"ethereum", 1},
    {"sepolia", 11155111},
    {"base", 8453},
    {"base-sepolia", 84532},
    {"avalanche", 43114},
    {"avalanche-fuji", 43113},
    {"polygon", 137},
    {"polygon-amoy", 80002},
    {"abstract", 2741},
    {"abstract-testnet", 11124},
    {"iotex", 4689},
    {"sei", 1329},
    {"sei-testnet", 1328},
    {"peaq", 3338},
    {"story", 1514},
    {"educhain", 41923},
    {"megaeth", 4326},
    {"skale-base-sepolia", 324705682},
    {"monad", 143},
    {"stable", 988},
    {"stable-testnet", 2201},
    {"celo", 42220},
    {"flare", 14},
};

static void test_names_of_version_1(void **state)
{
    (void)state;
    char caip2[X402_NETWORK_MAX], expected[X402_NETWORK_MAX];
    struct x402_network n;
    size_t known = 0;
    for (size_t i = 0; i < ARRAY_LEN(V1); i++) {
        assert_true(x402_network_of_v1(text_of(V1[i].name), caip2));
        x402_network_write(V1[i].id, expected);
        assert_string_equal(caip2, expected);
        assert_string_equal(x402_network_v1_name(text_of(caip2)), V1[i].name);
        assert_true(x402_network_parse(text_of(V1[i].name), 1, &n));
        assert_true(n.family == X402_FAMILY_EVM && n.chain_id == V1[i].id);
        bool is_test = strstr(V1[i].name, "test") != NULL ||
                       strstr(V1[i].name, "sepolia") != NULL ||
                       strstr(V1[i].name, "fuji") != NULL || strstr(V1[i].name, "amoy") != NULL;
        assert_int_equal(n.is_test, is_test);
    }
    for (size_t i = 0; evm_network_at(i) != NULL; i++)
        known += evm_network_at(i)->is_x402_v1;
    assert_int_equal(known, ARRAY_LEN(V1));
    assert_true(x402_network_of_v1(TEXT("solana"), caip2));
    assert_string_equal(caip2, "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp");
    assert_true(x402_network_of_v1(TEXT("solana-devnet"), caip2));
    assert_string_equal(caip2, "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1");
    assert_string_equal(x402_network_v1_name(TEXT("solana:4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z")),
                        "solana-testnet");
    assert_false(x402_network_of_v1(TEXT("arbitrum"), caip2)); /* not in the map */
    assert_null(x402_network_v1_name(TEXT("eip155:42161")));
    assert_null(x402_network_v1_name(TEXT("eip155:999999999")));
    assert_false(x402_network_parse(TEXT("eip155:8453"), 1, &n));
}

static void test_caip2(void **state)
{
    (void)state;
    static const char *const REFUSED[] = {"",
                                          "eip155",
                                          "eip155:",
                                          "eip155:*",
                                          "eip155:0",
                                          "eip155:01",
                                          "eip155:-1",
                                          "eip155:0x1",
                                          "eip155: 1",
                                          "eip155:1 ",
                                          "eip155:1.0",
                                          "eip155:1:1",
                                          "EIP155:1",
                                          "base",
                                          ":1",
                                          "ab:c",
                                          "ninechars:1",
                                          "eip155:9007199254740992",
                                          "eip155:99999999999999999999",
                                          "cosmos:012345678901234567890123456789012",
                                          "a\nb:c"};
    struct x402_network n;
    for (size_t i = 0; i < ARRAY_LEN(REFUSED); i++)
        if (x402_network_parse(text_of(REFUSED[i]), 2, &n))
            fail_msg("%s", REFUSED[i]);
    assert_true(x402_network_parse(TEXT("eip155:9007199254740991"), 2, &n));
    assert_true(n.chain_id == X402_CHAIN_ID_MAX && n.family == X402_FAMILY_EVM && !n.is_test);
    assert_true(x402_network_parse(TEXT("solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1"), 2, &n));
    assert_true(n.family == X402_FAMILY_SVM && n.is_test);
    assert_true(x402_network_parse(TEXT("cosmos:cosmoshub-4"), 2, &n));
    assert_true(n.family == X402_FAMILY_OTHER && text_is(n.reference, "cosmoshub-4"));
}

static void test_settings(void **state)
{
    (void)state;
    static const struct {
        const char *setting, *caip2;
    } ROWS[] = {
        {"base", "eip155:8453"},        {"8453", "eip155:8453"},
        {"eip155:8453", "eip155:8453"}, {"arbitrum", "eip155:42161"},
        {"bsc-testnet", "eip155:97"},   {"solana", "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"},
        {"31337", "eip155:31337"},      {"polygon-mumbai", "eip155:80001"}};
    char out[X402_NETWORK_MAX];
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        assert_true(x402_network_resolve(text_of(ROWS[i].setting), out));
        assert_string_equal(out, ROWS[i].caip2);
    }
    assert_false(x402_network_resolve(TEXT("Base"), out) || x402_network_resolve(TEXT("0"), out) ||
                 x402_network_resolve(TEXT(""), out));
    const struct network *mumbai = evm_network_by_id(80001);
    assert_true(mumbai->is_retired && mumbai->is_test && mumbai->confirmations == 0);
}

static void test_tokens(void **state)
{
    (void)state;
    struct network_token t;
    struct evm_address a;
    size_t count = 0;
    for (size_t i = 0; evm_network_at(i) != NULL; i++) {
        const struct network *n = evm_network_at(i);
        assert_ptr_equal(evm_network_by_id(n->chain_id), n);
        assert_ptr_equal(evm_network_by_name(text_of(n->name)), n);
        for (size_t k = 0; network_token_at(n->chain_id, k, &t); k++, count++) {
            struct network_token found;
            assert_int_equal(evm_address_parse(text_of(t.address), EVM_CHECKSUM_NEEDED, &a, NULL),
                             METE_OK);
            assert_true(t.chain_id == n->chain_id && t.decimals <= 18);
            assert_true(network_token_find(n->chain_id, text_of(t.symbol), &found));
            assert_string_equal(found.address, t.address);
            assert_true(network_token_find(n->chain_id, text_of(t.address), &found));
            assert_string_equal(found.symbol, t.symbol);
            assert_true(t.name == NULL || text_is_utf8(text_of(t.name)));
        }
    }
    /* 28 of the table of default assets, and USDC on Sepolia, OP, OP Sepolia, Amoy and Fuji. */
    assert_int_equal(count, 33);
    assert_true(network_token_at(8453, 0, &t));
    assert_string_equal(t.name, "USD Coin");
    assert_true(network_token_at(84532, 0, &t));
    assert_string_equal(t.name, "USDC");
    assert_true(network_token_find(42220, TEXT("usdt"), &t));
    assert_string_equal(t.name, "Tether USD");
    assert_true(network_token_find(14, TEXT("0xE7CD86E13AC4309349F30B3435A9D337750FC82D"), &t) ||
                network_token_find(14, TEXT("0xe7cd86e13ac4309349f30b3435a9d337750fc82d"), &t));
    assert_string_equal(t.name, "USD₮0");
    assert_true(network_token_at(4326, 0, &t) && t.decimals == 18 && t.method == TOKEN_EIP2612);
    assert_false(network_token_at(56, 0, &t) || network_token_find(8453, TEXT("USDT"), &t));
}

static void test_prices(void **state)
{
    (void)state;
    static const struct {
        const char *price;
        unsigned decimals;
        const char *units;
    } ROWS[] = {
        {"$0.01", 6, "10000"},
        {" $ 1 ", 6, "1000000"},
        {"$0.010000000", 6, "10000"},
        {"0.01 USDC", 6, "10000"},
        {"0.01 usdc", 18, "10000000000000000"},
        {"5 USD", 2, "500"},
        {"10000", 6, "10000"},
        {"0", 6, "0"},
        {"$0", 6, "0"},
        {"$007.50", 2, "750"},
        {"$0.1", 36, "100000000000000000000000000000000000"},
        {"$115792089237316195423570985008687907853269984665640564039457584007913129639935", 0,
         "115792089237316195423570985008687907853269984665640564039457584007913129639935"},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct x402_price p;
        struct u256 v;
        assert_int_equal(x402_price_read(text_of(ROWS[i].price), &p, NULL), METE_OK);
        assert_int_equal(x402_price_units(&p, TEXT("USDC"), ROWS[i].decimals, &v, NULL), METE_OK);
        assert_true(u256_eq(v, decimal(text_of(ROWS[i].units))));
    }
}

static void test_prices_that_are_none(void **state)
{
    (void)state;
    static const char *const REFUSED[] = {
        "",
        "$",
        "-1",
        "$-1",
        "+1",
        "1e3",
        "$1e-2",
        "0x2710",
        "0.01",
        "$.5",
        "$5.",
        "$1.2.3",
        "1,000",
        "$1,000",
        "1 000",
        "$1USDC",
        "1USDC",
        "$1 USDC",
        "1 U$D",
        "1 USDC x",
        "NaN",
        "$Infinity",
        "0.01 ",
        "1 1",
        "50.123%",
        "$50%",
        "%",
        "１",
        "1 .USDC",
        "99999999999999999999999999999999999999999999999999999999999999999999999999999999999999"
        "99999999999"};
    struct x402_price p;
    struct u256 v;
    struct mete_err err;
    for (size_t i = 0; i < ARRAY_LEN(REFUSED); i++) {
        if (x402_price_read(text_of(REFUSED[i]), &p, &err) == METE_OK)
            fail_msg("%s", REFUSED[i]);
        assert_int_equal(err.code, METE_X402_PRICE);
    }
    assert_int_equal(x402_price_read(TEXT("$0.0000001"), &p, NULL), METE_OK);
    assert_int_equal(x402_price_units(&p, TEXT("USDC"), 6, &v, NULL), METE_AMOUNT_SCALE);
    assert_int_equal(x402_price_read(TEXT("1 EURC"), &p, NULL), METE_OK);
    assert_int_equal(x402_price_units(&p, TEXT("USDC"), 6, &v, NULL), METE_X402_PRICE);
    assert_int_equal(x402_price_read(TEXT("50%"), &p, NULL), METE_OK);
    assert_int_equal(x402_price_units(&p, TEXT("USDC"), 6, &v, NULL), METE_X402_PRICE);
    static const char BEYOND[] =
        "115792089237316195423570985008687907853269984665640564039457584007913129639936";
    assert_int_equal(x402_price_read(text_of(BEYOND), &p, NULL), METE_OK);
    assert_int_equal(x402_price_units(&p, TEXT("USDC"), 6, &v, NULL), METE_NUMBER_RANGE);
    assert_int_equal(x402_price_read(TEXT("$11579208923731619542357098500868790785326998466564"
                                          "0564039457584007913129639935"),
                                     &p, NULL),
                     METE_OK);
    assert_int_equal(x402_price_units(&p, TEXT("USDC"), 36, &v, NULL), METE_NUMBER_RANGE);
}

static void test_charges(void **state)
{
    (void)state;
    static const struct {
        const char *said, *agreed, *charged;
    } ROWS[] = {{"50%", "10001", "5000"},
                {"100%", "7", "7"},
                {"0%", "7", "0"},
                {"0.01%", "9999", "0"},
                {"0.01%", "10000", "1"},
                {"33.33%", "3000000", "999900"},
                {"123", "123", "123"},
                {"$0.01", "10000", "10000"},
                {"100%",
                 "115792089237316195423570985008687907853269984665640564039457584007913129"
                 "639935",
                 "115792089237316195423570985008687907853269984665640564039457584007913129639935"},
                {"99.99%",
                 "115792089237316195423570985008687907853269984665640564039457584007913129639935",
                 "115780510028392463804028627910187039062484657667173999983053638249512338326971"}};
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct x402_price p;
        struct u256 v;
        assert_int_equal(x402_price_read(text_of(ROWS[i].said), &p, NULL), METE_OK);
        assert_int_equal(
            x402_price_charge(&p, decimal(text_of(ROWS[i].agreed)), TEXT("USDC"), 6, &v, NULL),
            METE_OK);
        assert_true(u256_eq(v, decimal(text_of(ROWS[i].charged))));
    }
    static const char *const REFUSED[] = {"124", "$0.01", "100.01%", "1 EURC"};
    for (size_t i = 0; i < ARRAY_LEN(REFUSED); i++) {
        struct x402_price p;
        struct u256 v;
        assert_int_equal(x402_price_read(text_of(REFUSED[i]), &p, NULL), METE_OK);
        assert_int_not_equal(x402_price_charge(&p, u256_of(123), TEXT("USDC"), 6, &v, NULL),
                             METE_OK);
    }
}

/* A price comes back from its text, whatever it is. */
static void test_prices_at_random(void **state)
{
    (void)state;
    struct rng r;
    size_t zeros = 0, whole = 0;
    chance(&r, "prices");
    for (size_t i = 0; i < 20000; i++) {
        char dollars[X402_PRICE_TEXT_MAX + X402_DECIMALS_MAX + 1] = "$";
        struct u256 v = random_u256(&r), again;
        unsigned decimals = (unsigned)rng_below(&r, 19);
        unsigned places = (unsigned)rng_below(&r, decimals + 1);
        struct x402_price p;
        size_t len = x402_price_format(v, decimals, places, dollars + 1);
        const char *point = strchr(dollars, '.');
        assert_int_equal(len, strlen(dollars + 1));
        assert_true(places == 0 || (point != NULL && strlen(point + 1) >= places));
        assert_int_equal(x402_price_read(text_of(dollars), &p, NULL), METE_OK);
        assert_int_equal(x402_price_units(&p, TEXT(""), decimals, &again, NULL), METE_OK);
        assert_true(u256_eq(v, again));
        zeros += u256_is_zero(v);
        whole += point == NULL;
    }
    print_message("# %zu zeros, %zu without a point\n", zeros, whole);
    assert_true(zeros > 0 && whole > 0);
    char out[X402_PRICE_TEXT_MAX + X402_DECIMALS_MAX];
    (void)x402_price_format(u256_of(10000), 6, 2, out);
    assert_string_equal(out, "0.01");
    (void)x402_price_format(u256_of(1000000), 6, 2, out);
    assert_string_equal(out, "1.00");
    (void)x402_price_format(u256_of(1000001), 6, 0, out);
    assert_string_equal(out, "1.000001");
}

static void test_reasons(void **state)
{
    (void)state;
    for (unsigned i = 1; i < X402_REASON_COUNT; i++) {
        enum x402_reason reason = (enum x402_reason)i;
        const char *word = x402_reason_text(reason), *sentence = x402_reason_message(reason);
        assert_true(strlen(word) > 5 &&
                    strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(word));
        assert_true(strlen(sentence) > 10 && sentence[strlen(sentence) - 1] == '.');
        /* No word twice: the first would be found. */
        assert_int_equal(x402_reason_of(text_of(word)), reason);
    }
    assert_int_equal(x402_reason_of(TEXT("no_such_reason")), X402_REASON_NONE);
    assert_int_equal(x402_reason_of(TEXT("")), X402_REASON_NONE);
    assert_string_equal(x402_reason_text(X402_REASON_NONE), "");
    static const char *const NEEDED[] = {"settlement_pending",
                                         "duplicate_settlement",
                                         "invalid_payload",
                                         "invalid_x402_version",
                                         "unsupported_scheme",
                                         "invalid_network",
                                         "insufficient_funds",
                                         "payment_reserved",
                                         "payment_settled_otherwise",
                                         "asset_not_allowed",
                                         "gas_too_high",
                                         "invalid_exact_evm_signature",
                                         "invalid_exact_evm_payload_signature",
                                         "invalid_exact_evm_payload_authorization_valid_before",
                                         "invalid_exact_evm_payload_authorization_value_mismatch",
                                         "permit2_allowance_required",
                                         "eip2612_deadline_expired",
                                         "upto_facilitator_mismatch",
                                         "invalid_upto_evm_payload_settlement_exceeds_amount",
                                         "eip6492_factory_not_allowed"};
    for (size_t i = 0; i < ARRAY_LEN(NEEDED); i++)
        assert_int_not_equal(x402_reason_of(text_of(NEEDED[i])), X402_REASON_NONE);
}

static enum mete_code header_code(const char *value)
{
    struct arena a;
    struct json *j;
    arena_init(&a, X402_ARENA_MAX(strlen(value) + 1));
    enum mete_code code = x402_header_read(&a, text_of(value), &j, NULL);
    arena_clear(&a);
    return code;
}

static void test_headers(void **state)
{
    (void)state;
    /* {"a":">>>"} and {"a":"ÿÿÿ"}: the two characters in which the alphabets differ. */
    assert_int_equal(header_code("eyJhIjoiPj4+In0="), METE_OK);
    assert_int_equal(header_code("eyJhIjoiPj4-In0="), METE_X402_HEADER);
    assert_int_equal(header_code("eyJhIjoiPz8/In0="), METE_OK);
    assert_int_equal(header_code("eyJhIjoiPz8_In0="), METE_X402_HEADER);
    assert_int_equal(header_code("eyJhIjoiPz8/In0"), METE_OK); /* no padding: as atob takes it */
    assert_int_equal(header_code("eyJhIjoiPz8/In0=="), METE_X402_HEADER);
    assert_int_equal(header_code("eyJhIjoiPz8/In0= "), METE_X402_HEADER);
    assert_int_equal(header_code(" eyJhIjoiPz8/In0="), METE_X402_HEADER);
    assert_int_equal(header_code("eyJhIjoi\nPz8/In0="), METE_X402_HEADER);
    assert_int_equal(header_code("eyJhIjoiPz8/In1="), METE_X402_HEADER); /* stray bits */
    assert_int_equal(header_code("e"), METE_X402_HEADER);
    assert_int_equal(header_code("===="), METE_X402_HEADER);
    assert_int_equal(header_code(""), METE_X402_HEADER);
    assert_int_equal(header_code("W10="), METE_MEMBER_TYPE);     /* [] */
    assert_int_equal(header_code("eyJhIjo="), METE_JSON_SYNTAX); /* {"a": */
    assert_int_equal(header_code("eyJhIjoxLCJhIjoyfQ=="), METE_JSON_DUPLICATE_KEY);
    assert_int_equal(header_code("eyJhIjoi/yJ9"), METE_JSON_UTF8);
    assert_int_equal(header_code("eyJhIjoxfQ=="), METE_OK);
    assert_int_equal(header_code("eyJhIjoxfQ="), METE_X402_HEADER); /* half of the padding */
}

/* {"a":"..."} that fills a header to the last character, and one that does not fit. */
static void test_long_headers(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct buf json = {0}, value = {0};
        size_t len = (X402_HEADER_MAX / 4 + more) * 3;
        buf_put_str(&json, "{\"a\":\"");
        while (json.len < len - 2)
            buf_put_u8(&json, 'x');
        buf_put_str(&json, "\"}");
        x402_header_write(&value, buf_text(&json));
        assert_int_equal(value.len, X402_HEADER_MAX + 4 * more);
        buf_put_u8(&value, 0);
        assert_int_equal(header_code((const char *)value.p),
                         more == 0 ? METE_OK : METE_X402_HEADER);
        buf_clear(&json);
        buf_clear(&value);
    }
}

static void test_deep_headers(void **state)
{
    (void)state;
    struct buf deep = {0}, value = {0};
    buf_put_str(&deep, "{\"a\":");
    for (size_t i = 0; i < 20000; i++)
        buf_put_u8(&deep, '[');
    x402_header_write(&value, buf_text(&deep));
    buf_put_u8(&value, 0);
    assert_int_equal(header_code((const char *)value.p), METE_JSON_DEPTH);
    buf_clear(&deep);
    buf_clear(&value);
}

struct pair {
    const char *a, *b;
    bool expected;
};

static void check_pairs(bool (*f)(const struct json *a, const struct json *b),
                        const struct pair *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct doc a, b;
        doc_read(&a, text_of(rows[i].a));
        doc_read(&b, text_of(rows[i].b));
        assert_true(a.code == METE_OK && b.code == METE_OK);
        if (f(a.root, b.root) != rows[i].expected)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
        doc_clear(&a);
        doc_clear(&b);
    }
}

static void test_equality(void **state)
{
    (void)state;
    static const struct pair ROWS[] = {
        {"{\"a\":1,\"b\":[1,{\"c\":null}]}", "{\"b\":[1,{\"c\":null}],\"a\":1}", true},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}", false},
        {"[1,2]", "[2,1]", false},
        {"[1]", "[1,1]", false},
        {"60", "60.0", true},
        {"60", "6e1", true},
        {"60", "\"60\"", false},
        {"10000000000000000000001", "10000000000000000000001", true},
        {"10000000000000000000001", "10000000000000000000002", false},
        {"\"10000\"", "\"010000\"", false},
        {"\"0xAb\"", "\"0xab\"", false},
        {"\"\\u0041\"", "\"A\"", true},
        {"true", "false", false},
        {"null", "false", false},
        {"{}", "[]", false},
    };
    check_pairs(x402_json_eq, ROWS, ARRAY_LEN(ROWS));
    assert_true(x402_json_eq(NULL, NULL));
}

static void test_matching(void **state)
{
    (void)state;
    static const struct pair ROWS[] = {
        {"{\"s\":1,\"extra\":{\"n\":1}}", "{\"extra\":{\"n\":1},\"s\":1}", true},
        {"{\"s\":1,\"extra\":{\"n\":1}}", "{\"s\":1,\"extra\":{\"n\":1,\"m\":{}}}", true},
        {"{\"s\":1,\"extra\":{\"n\":{\"x\":1}}}", "{\"s\":1,\"extra\":{\"n\":{\"x\":1,\"y\":2}}}",
         true},
        {"{\"s\":1,\"extra\":{\"n\":{\"x\":1}}}", "{\"s\":1,\"extra\":{\"n\":{\"y\":2}}}", false},
        {"{\"s\":1,\"extra\":{\"n\":[1]}}", "{\"s\":1,\"extra\":{\"n\":[1,2]}}", false},
        {"{\"s\":1,\"extra\":{\"n\":1}}", "{\"s\":1}", false},
        {"{\"s\":1,\"extra\":{}}", "{\"s\":1}", false},
        {"{\"s\":1,\"extra\":{\"n\":1}}", "{\"s\":1,\"extra\":null}", false},
        {"{\"s\":1}", "{\"s\":1,\"extra\":{\"anything\":1}}", true},
        {"{\"s\":1,\"extra\":{}}", "{\"s\":1,\"extra\":{},\"more\":1}", false},
        {"{\"s\":1,\"t\":2,\"extra\":{}}", "{\"s\":1,\"extra\":{}}", false},
        {"{\"s\":\"A\",\"extra\":{}}", "{\"s\":\"a\",\"extra\":{}}", false},
        {"{\"s\":1}", "null", false},
        {"{\"s\":1}", "[]", false},
    };
    check_pairs(x402_requirements_match, ROWS, ARRAY_LEN(ROWS));
    struct doc d;
    doc_read(&d, TEXT("{}"));
    assert_false(x402_requirements_match(d.root, NULL));
    doc_clear(&d);
}

static void test_echo(void **state)
{
    (void)state;
    static const struct pair ROWS[] = {
        {"{\"x\":{\"info\":{\"a\":1}}}", "{\"x\":{\"info\":{\"a\":1,\"b\":2}}}", true},
        {"{\"x\":{\"info\":{\"a\":1}}}", "{\"x\":{\"info\":{\"a\":2}}}", false},
        {"{\"x\":{\"info\":{\"a\":1}}}", "{\"x\":{\"info\":{}}}", false},
        {"{\"x\":{\"info\":{\"a\":1}}}", "{\"x\":{}}", false},
        {"{\"x\":{\"info\":{\"a\":1}}}", "{\"x\":1}", false},
        {"{\"x\":{\"info\":{\"a\":1}}}", "{}", true},
        {"{\"x\":{\"info\":{\"a\":1}}}", "{\"y\":{\"info\":{\"a\":2}}}", true},
        {"{}", "{\"y\":{\"info\":{\"a\":2}}}", true},
        {"{\"x\":{\"info\":{\"a\":1},\"schema\":{}}}", "{\"x\":{\"info\":{\"a\":1}}}", true},
        {"{\"builder-code\":{\"info\":{\"a\":\"q\",\"s\":[\"1\"]}}}",
         "{\"builder-code\":{\"info\":{\"a\":\"q\",\"s\":[\"1\",\"2\"]}}}", true},
        {"{\"builder-code\":{\"info\":{\"a\":\"q\",\"s\":[\"1\"]}}}",
         "{\"builder-code\":{\"info\":{\"a\":\"q\",\"s\":[\"2\"]}}}", false},
        {"{\"builder-code\":{\"info\":{\"a\":\"q\"}}}",
         "{\"builder-code\":{\"info\":{\"a\":\"other\"}}}", false},
        {"{\"builder-code\":{\"info\":{\"s\":[]}}}",
         "{\"builder-code\":{\"info\":{\"s\":[1,2,3,4,5,6,7,8,9,10]}}}", true},
        {"{\"builder-code\":{\"info\":{\"s\":[]}}}",
         "{\"builder-code\":{\"info\":{\"s\":[1,2,3,4,5,6,7,8,9,10,11]}}}", false},
        {"{}", "{\"builder-code\":{\"info\":{\"a\":\"own\"}}}", false},
        {"{}", "{\"builder-code\":{\"info\":{\"s\":[\"1\"]}}}", true},
    };
    check_pairs(x402_extensions_match, ROWS, ARRAY_LEN(ROWS));
    assert_true(x402_extensions_match(NULL, NULL));
}

#define PAY_TO  "0x209693Bc6afc0C5328bA36FaF03C514EF312287C"
#define UNKNOWN "0x6B175474E89094C44Da98b954EedeAC495271d0F"
#define SALE(to, on, cost, ...)                                                                    \
    {                                                                                              \
        .pay_to = TEXT(to), .network = TEXT(on), .price = TEXT(cost), __VA_ARGS__                  \
    }

static void test_sales(void **state)
{
    (void)state;
    static const struct {
        struct x402_sale sale;
        const char *amount, *scheme, *extra;
        uint32_t timeout_s;
    } ROWS[] = {
        {SALE(PAY_TO, "base", "$1", .timeout_s = 0), "1000000", "exact",
         "{\"name\":\"USD Coin\",\"version\":\"2\"}", 60},
        {SALE(PAY_TO, "base", "$1", .asset = TEXT("usdc"), .has_decimals = true, .decimals = 6,
              .timeout_s = 5),
         "1000000", "exact", "{\"name\":\"USD Coin\",\"version\":\"2\"}", 5},
        {SALE(PAY_TO, "base", "$1", .is_upto = true), "1000000", "upto",
         "{\"name\":\"USD Coin\",\"version\":\"2\",\"assetTransferMethod\":\"permit2\"}", 60},
        {SALE(PAY_TO, "base", "0.5 USDC", .is_upfront = true), "500000", "exact",
         "{\"name\":\"USD Coin\",\"version\":\"2\",\"paymentFlow\":\"upfront\"}", 60},
        {SALE(PAY_TO, "base", "250", .asset = TEXT(UNKNOWN), .method = TEXT("permit2")), "250",
         "exact", "{\"assetTransferMethod\":\"permit2\"}", 60},
        {SALE(PAY_TO, "base", "$1", .asset = TEXT(UNKNOWN), .has_decimals = true, .decimals = 18,
              .name = TEXT("Dai"), .version = TEXT("1")),
         "1000000000000000000", "exact", "{\"name\":\"Dai\",\"version\":\"1\"}", 60},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct arena a;
        struct x402_sold sold;
        struct mete_err err = {0};
        char amount[U256_TEXT_MAX];
        arena_init(&a, 1 << 20);
        assert_int_equal(x402_sale_read(&a, &ROWS[i].sale, &sold, &err), METE_OK);
        size_t len = u256_format(sold.offer.amount, amount);
        assert_true(text_is((struct text){amount, len}, ROWS[i].amount));
        assert_true(text_is(sold.offer.scheme, ROWS[i].scheme));
        assert_true(text_is(sold.offer.extra, ROWS[i].extra));
        assert_true(text_is(sold.offer.network, "eip155:8453"));
        assert_int_equal(sold.offer.timeout_s, ROWS[i].timeout_s);
        arena_clear(&a);
    }
}

static void test_sales_that_are_none(void **state)
{
    (void)state;
    static const struct {
        struct x402_sale sale;
        enum mete_code code;
        const char *said;
    } ROWS[] = {
        {{.network = TEXT("base"), .price = TEXT("$1")}, METE_MEMBER_MISSING, "pay_to"},
        {SALE(PAY_TO, "moon", "$1", .timeout_s = 0), METE_X402_NETWORK, "network"},
        {SALE(PAY_TO, "base", "$1", .asset = TEXT("PEPE")), METE_MEMBER_VALUE, "give its address"},
        {SALE(PAY_TO, "base", "$1", .asset = TEXT(UNKNOWN)), METE_MEMBER_MISSING, "EIP-712"},
        {SALE(PAY_TO, "base", "$1", .asset = TEXT(UNKNOWN), .method = TEXT("permit2")),
         METE_MEMBER_MISSING, "decimals"},
        {SALE(PAY_TO, "base", "$1", .has_decimals = true, .decimals = 18), METE_MEMBER_VALUE,
         "6 decimals"},
        {SALE(PAY_TO, "base", "$1", .has_decimals = true, .decimals = 37), METE_NUMBER_RANGE,
         "36 decimals"},
        {SALE(PAY_TO, "base", "$1", .timeout_s = UINT64_MAX), METE_NUMBER_RANGE, "seconds at most"},
        {SALE(PAY_TO, "base", "0", .timeout_s = 0), METE_X402_PRICE, "above zero"},
        {SALE(PAY_TO, "base", "$0.0000001", .timeout_s = 0), METE_AMOUNT_SCALE, "price"},
        {SALE(PAY_TO, "base", "50%", .timeout_s = 0), METE_X402_PRICE, "price"},
        {SALE(PAY_TO, "base", "$1", .is_upto = true, .is_upfront = true), METE_MEMBER_VALUE,
         "upfront"},
        {SALE("0x12", "base", "$1", .timeout_s = 0), METE_ADDRESS_INVALID, "pay_to"},
        {SALE("0x0000000000000000000000000000000000000000", "base", "$1", .timeout_s = 0),
         METE_ADDRESS_INVALID, "nobody"},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct arena a;
        struct x402_sold sold;
        struct mete_err err = {0};
        arena_init(&a, 1 << 20);
        assert_int_equal(x402_sale_read(&a, &ROWS[i].sale, &sold, &err), ROWS[i].code);
        assert_int_equal(err.code, ROWS[i].code);
        assert_non_null(strstr(err.text, ROWS[i].said));
        arena_clear(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sales),
        cmocka_unit_test(test_sales_that_are_none),
        cmocka_unit_test(test_names_of_version_1),
        cmocka_unit_test(test_caip2),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_prices),
        cmocka_unit_test(test_prices_that_are_none),
        cmocka_unit_test(test_charges),
        cmocka_unit_test(test_prices_at_random),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_long_headers),
        cmocka_unit_test(test_deep_headers),
        cmocka_unit_test(test_equality),
        cmocka_unit_test(test_matching),
        cmocka_unit_test(test_echo),
    };
    return cmocka_run_group_tests_name("x402_values", tests, NULL, NULL);
}
