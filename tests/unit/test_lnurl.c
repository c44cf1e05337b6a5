/* SPDX-License-Identifier: Apache-2.0
 * Lightning addresses, lnurl1... and the two answers of LNURL-pay: the examples, and each thing
 * that a service may get wrong or try. Bad addresses are refused before anything is asked of
 * anybody; that payouts go nowhere else is not shown here.
 * covers: R-020 */
#include "json_doc.h"

#include "base/encode.h"
#include "wire/bech32.h"
#include "wire/lightning/bolt11.h"
#include "wire/lightning/lnurl.h"

static struct doc vectors;

static int load(void **state)
{
    (void)state;
    char path[512];
    struct buf bytes = {0};
    read_path(data_path(path, sizeof path, "lnurl", "examples.json"), &bytes);
    doc_read(&vectors, buf_text(&bytes));
    assert_int_equal(vectors.code, METE_OK);
    buf_clear(&bytes);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    doc_clear(&vectors);
    return 0;
}

static struct text member(const struct json *row, const char *key)
{
    const struct json *j = json_get(row, key);
    return j == NULL ? (struct text){NULL, 0} : j->text;
}

static const struct json *rows(const char *group, const char *key)
{
    const struct json *list = json_get(json_get(vectors.root, group), key);
    assert_non_null(list);
    return list->child;
}

static void assert_same_text(struct text actual, struct text expected)
{
    if (!text_eq(actual, expected)) {
        fail_msg("'%.*s' is not '%.*s'", (int)actual.len, actual.p, (int)expected.len, expected.p);
    }
}

/* Addresses */

static void test_addresses_of_the_examples(void **state)
{
    (void)state;
    size_t good = 0, bad = 0;
    for (const struct json *row = rows("lud16", "address"); row != NULL; row = row->next) {
        struct lightning_address address;
        struct mete_err err = {0};
        enum mete_code code = lightning_address_read(member(row, "address"), 0, &address, &err);
        bool is_bad = text_is(member(row, "expected"), "reject");
        assert_int_equal(code, is_bad ? METE_LNURL_INVALID : METE_OK);
        bad += is_bad;
        good += !is_bad;
        if (!is_bad) {
            struct buf url = {0};
            lightning_address_url(&url, &address, 0);
            assert_same_text(buf_text(&url), member(row, "url"));
            buf_clear(&url);
        }
    }
    assert_int_equal(good, 3);
    assert_int_equal(bad, 7);
}

static void test_bad_addresses_are_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",
        "@",
        "a",
        "a@",
        "@b.c",
        "A@b.c",
        "a@B.c",
        "a b@c.d",
        "a@b",
        "a@localhost",
        "a@127.0.0.1",
        "a@127.1",
        "a@2130706433",
        "a@0x7f.1",
        "a@[::1]",
        "a@b.c.",
        "a@.b.c",
        "a@b..c",
        "a@b.c:443",
        "a@b.c/d",
        "a@b.c?d",
        "a@b.c#d",
        "a@b.c@d.e",
        "a/b@c.d",
        "a%2f@c.d",
        "../x@c.d",
        ".@c.d",
        "..@c.d",
        "a+b@c.d",
        "a@b.c\n",
        "a@b.c ",
        " a@b.c",
        "\xc3\xa9@b.c",
        "a@b\xc3\xa9.c",
        "a@b.1",
        "a@-b.c",
        "a@b_c.d",
        "lnurl1x",
        "mailto:a@b.c",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b.c",
    };
    struct lightning_address address;
    for (size_t k = 0; k < ARRAY_LEN(BAD); k++) {
        struct mete_err err = {0};
        if (lightning_address_read(text_of(BAD[k]), 0, &address, &err) != METE_LNURL_INVALID) {
            fail_msg("'%s' is no address", BAD[k]);
        }
        assert_true(err.code == METE_LNURL_INVALID && err.text[0] != '\0');
    }
    assert_int_equal(lightning_address_read((struct text){"a\0b@c.d", 7}, 0, &address, NULL),
                     METE_LNURL_INVALID);
}

static void test_switches_let_more_in(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        unsigned switches;
        const char *url; /* NULL: refused */
    } ROWS[] = {
        {"a+tag@b.c", LNURL_TAKES_PLUS, "https://b.c/.well-known/lnurlp/a+tag"},
        {"a@127.0.0.1:8080", LNURL_TAKES_LOCAL, "http://127.0.0.1:8080/.well-known/lnurlp/a"},
        {"a@[::1]:8080", LNURL_TAKES_LOCAL, "http://[::1]:8080/.well-known/lnurlp/a"},
        {"a@localhost", LNURL_TAKES_LOCAL, "http://localhost/.well-known/lnurlp/a"},
        {"a@b.c", LNURL_TAKES_LOCAL, "https://b.c/.well-known/lnurlp/a"},
        {"a+b@c.d", LNURL_TAKES_LOCAL, NULL},
        {"a@localhost/x", LNURL_TAKES_LOCAL, NULL},
        {"a@localhost?x", LNURL_TAKES_LOCAL, NULL},
        {"a@localhost#x", LNURL_TAKES_LOCAL, NULL},
        {"a@localhost@x", LNURL_TAKES_LOCAL, NULL},
        {"a@localhost:0", LNURL_TAKES_LOCAL, NULL},
        {"a@", LNURL_TAKES_LOCAL, NULL},
    };
    for (size_t k = 0; k < ARRAY_LEN(ROWS); k++) {
        struct lightning_address address;
        struct buf url = {0};
        enum mete_code code =
            lightning_address_read(text_of(ROWS[k].in), ROWS[k].switches, &address, NULL);
        if ((code == METE_OK) != (ROWS[k].url != NULL)) {
            fail_msg("'%s': %s", ROWS[k].in, mete_code_name(code));
        }
        if (code == METE_OK) {
            lightning_address_url(&url, &address, ROWS[k].switches);
            assert_text(buf_text(&url), ROWS[k].url);
        }
        buf_clear(&url);
    }
}

/* lnurl1... */

static enum mete_code read_lnurl(struct arena *a, struct text in, struct text *url,
                                 struct mete_err *err)
{
    arena_clear(a);
    arena_init(a, (size_t)4 * LNURL_TEXT_MAX);
    memset(err, 0, sizeof *err);
    return lnurl_read(a, in, 0, url, err);
}

static void test_lnurls_of_the_examples(void **state)
{
    (void)state;
    static const struct {
        const char *reason, *text;
    } REASONS[] = {
        {"checksum", "its checksum does not fit: a character was changed or lost"},
        {"mixed_case", "it mixes upper and lower case"},
        {"hrp", "it does not begin with lnurl1"},
        {"http_not_onion",
         "not a usable URL: http is only for .onion, everything else needs https"},
        {"scheme", "not a usable URL: it begins neither with https:// nor with http://"},
        {"too_short", "it is too short"},
    };
    struct arena a = {0};
    struct text url;
    struct mete_err err;
    size_t count = 0;
    for (const struct json *row = rows("lud01", "valid"); row != NULL; row = row->next, count++) {
        struct buf again = {0};
        assert_int_equal(read_lnurl(&a, member(row, "encoded"), &url, &err), METE_OK);
        assert_same_text(url, member(row, "url"));
        lnurl_write(&again, url);
        assert_true(host_eq(buf_text(&again), member(row, "encoded")));
        buf_clear(&again);
    }
    assert_int_equal(count, 4);
    count = 0;
    for (const struct json *row = rows("lud01", "invalid"); row != NULL; row = row->next, count++) {
        assert_int_equal(read_lnurl(&a, member(row, "input"), &url, &err), METE_LNURL_INVALID);
        assert_text(member(row, "reason"), REASONS[count].reason);
        assert_string_equal(err.text, REASONS[count].text);
    }
    assert_int_equal(count, ARRAY_LEN(REASONS));
    for (const struct json *row = rows("lud01", "fallback_scheme"); row != NULL; row = row->next) {
        assert_same_text(lnurl_find(member(row, "input")), member(row, "extracted"));
    }
    arena_clear(&a);
}

static void test_lnurls_are_found_and_bounded(void **state)
{
    (void)state;
    assert_text(lnurl_find(TEXT("LIGHTNING:LNURL1X")), "LNURL1X");
    assert_text(lnurl_find(TEXT("lnurl1x")), "lnurl1x");
    assert_text(lnurl_find(TEXT("https://a.b/?lightning=x&c=d")), "x");
    assert_text(lnurl_find(TEXT("https://a.b/?c=d&LIGHTNING=x")), "x");
    assert_text(lnurl_find(TEXT("https://a.b/?c=d&")), "https://a.b/?c=d&");
    assert_text(lnurl_find(TEXT("https://a.b/?xlightning=y")), "https://a.b/?xlightning=y");
    assert_text(lnurl_find(TEXT("")), "");

    struct arena a = {0};
    struct text url;
    struct mete_err err;
    struct buf in = {0}, long_url = {0};
    buf_put_str(&long_url, "https://a.b/");
    while (long_url.len < URL_LEN_MAX) {
        buf_put_u8(&long_url, 'x');
    }
    lnurl_write(&in, buf_text(&long_url));
    assert_int_equal(read_lnurl(&a, buf_text(&in), &url, &err), METE_OK);
    assert_same_text(url, buf_text(&long_url));
    buf_put_str(&long_url,
                "0123456789012345678901234567890123456789012345678901234567890123456789");
    buf_reset(&in);
    lnurl_write(&in, buf_text(&long_url));
    assert_int_equal(read_lnurl(&a, buf_text(&in), &url, &err), METE_LNURL_INVALID);
    assert_string_equal(err.text, "it is longer than 3400 characters");
    buf_reset(&in);
    bech32_encode(&in, TEXT("lnurl"), (struct bytes){(const uint8_t[]){13, 1, 26, 7, 9}, 5});
    assert_int_equal(read_lnurl(&a, buf_text(&in), &url, &err), METE_LNURL_INVALID);
    assert_string_equal(err.text, "it is not filled up with zero bits");
    buf_clear(&in);
    buf_clear(&long_url);
    arena_clear(&a);
}

/* The first answer */

struct asked {
    struct arena arena;
    struct lnurl_pay pay;
    enum mete_code code;
    struct mete_err err;
};

static const struct lightning_address AGENT = {TEXT("agent"), TEXT("b.example")};

static void ask_raw(struct asked *q, struct text body, const struct lightning_address *address)
{
    memset(q, 0, sizeof *q);
    arena_init(&q->arena, LNURL_ARENA_MAX(body.len));
    q->code = lnurl_pay_read(&q->arena, body, address, 0, &q->pay, &q->err);
    assert_int_equal(q->code, q->err.code);
}

/* Single quotes stand for double ones, and " for \". */
static char *quoted(const char *json)
{
    struct buf b = {0};
    for (; *json != '\0'; json++) {
        if (*json == '"') {
            buf_put_str(&b, "\\\"");
        } else {
            buf_put_u8(&b, (uint8_t)(*json == '\'' ? '"' : *json));
        }
    }
    buf_put_u8(&b, 0);
    return (char *)b.p;
}

static char *ask(struct asked *q, const char *json)
{
    char *body = quoted(json);
    ask_raw(q, text_of(body), &AGENT);
    return body;
}

static void asked_clear(struct asked *q, char *body)
{
    arena_clear(&q->arena);
    free(body);
}

static void assert_metadata(const struct json *row, const struct lnurl_pay *pay)
{
    char hex[65];
    struct hash h = sha256(text_bytes(pay->metadata));
    hash_hex(&h, hex);
    assert_text(member(row, "metadata_sha256"), hex);
    assert_same_text(pay->metadata, member(json_get(row, "response"), "metadata"));
    assert_true(pay->description.len > 0);
}

static void check_pay_requests(const char *group, size_t expected)
{
    size_t count = 0;
    for (const struct json *row = rows(group, "pay_request"); row != NULL;
         row = row->next, count++) {
        struct asked q;
        struct lightning_address address;
        const struct json *answer = json_get(row, "response");
        bool has_address = json_get(row, "address") != NULL;
        assert_true(!has_address ||
                    lightning_address_read(member(row, "address"), 0, &address, NULL) == METE_OK);
        ask_raw(&q, answer->raw, has_address ? &address : NULL);
        assert_string_equal(q.err.text, "");
        assert_metadata(row, &q.pay);
        int64_t min, max;
        assert_true(json_int(json_get(answer, "minSendable"), 1, INT64_MAX, &min));
        assert_true(json_int(json_get(answer, "maxSendable"), 1, INT64_MAX, &max));
        assert_true(q.pay.min_msat == (uint64_t)min && q.pay.max_msat == (uint64_t)max);
        assert_same_text(q.pay.callback_text, member(answer, "callback"));
        asked_clear(&q, NULL);
    }
    assert_int_equal(count, expected);
}

static void test_first_answers_of_the_examples(void **state)
{
    (void)state;
    static const struct {
        const char *reason, *pointer;
    } REASONS[] = {
        {"min_above_max", "/maxSendable"},
        {"min_below_one", "/minSendable"},
        {"no_text_plain", "/metadata"},
        {"metadata_not_json", "/metadata"},
        {"metadata_not_array", "/metadata"},
        {"two_images", "/metadata"},
        {"tag", "/tag"},
        {"missing_callback", "/callback"},
    };
    check_pay_requests("lud06", 4);
    check_pay_requests("lud16", 2);
    size_t count = 0;
    for (const struct json *row = rows("lud06", "invalid_pay_request"); row != NULL;
         row = row->next, count++) {
        struct asked q;
        ask_raw(&q, json_get(row, "response")->raw, NULL);
        assert_int_equal(q.code, METE_LNURL_INVALID);
        assert_text(member(row, "reason"), REASONS[count].reason);
        assert_string_equal(q.err.pointer, REASONS[count].pointer);
        asked_clear(&q, NULL);
    }
    assert_int_equal(count, ARRAY_LEN(REASONS));
    for (const struct json *row = rows("lud06", "error"); row != NULL; row = row->next) {
        struct asked q;
        ask_raw(&q, row->raw, NULL);
        assert_int_equal(q.code, METE_LNURL_REFUSED);
        assert_true(text_starts(text_of(q.err.text), "the service says: "));
        assert_same_text(text_of(q.err.text + 18), member(row, "reason"));
        asked_clear(&q, NULL);
    }
}

#define HEAD     "{'tag':'payRequest','callback':'https://b.example/cb',"
#define RANGE    "'minSendable':1,'maxSendable':9,"
#define METADATA "'metadata':'[[\"text/plain\",\"x\"]]'"

static void test_each_flaw_of_a_first_answer(void **state)
{
    (void)state;
#define M(text) HEAD RANGE "'metadata':'" text "'}"
    static const struct {
        const char *body, *pointer;
        enum mete_code code;
    } ROWS[] = {
        {"{'tag':'payRequest','callback':'https://b.example/cb',"
         "'minSendable':1,'maxSendable':9,'metadata':'[[\"text/plain\",\"x\"]]'}",
         "", METE_OK},
        {"", "", METE_LNURL_INVALID},
        {"[]", "", METE_LNURL_INVALID},
        {"<html>", "", METE_LNURL_INVALID},
        {"{'tag':'payRequest','tag':'payRequest'}", "/tag", METE_LNURL_INVALID},
        {"{'status':'ERROR'}", "/reason", METE_LNURL_REFUSED},
        {"{'status':'error','reason':7}", "/reason", METE_LNURL_REFUSED},
        {"{}", "/tag", METE_LNURL_INVALID},
        {"{'tag':'payRequest','callback':'http://b.example/cb'}", "/callback", METE_LNURL_INVALID},
        {"{'tag':'payRequest','callback':'https://127.0.0.1/cb'}", "/callback", METE_LNURL_INVALID},
        {"{'tag':'payRequest','callback':'https://a@b.example/'}", "/callback", METE_LNURL_INVALID},
        {"{'tag':'payRequest','callback':'/cb'}", "/callback", METE_LNURL_INVALID},
        {HEAD "'minSendable':1.0,'maxSendable':9}", "/minSendable", METE_LNURL_INVALID},
        {HEAD "'minSendable':1e3,'maxSendable':9999}", "/minSendable", METE_LNURL_INVALID},
        {HEAD "'minSendable':'1','maxSendable':9}", "/minSendable", METE_LNURL_INVALID},
        {HEAD "'minSendable':-1,'maxSendable':9}", "/minSendable", METE_LNURL_INVALID},
        {HEAD "'minSendable':1}", "/maxSendable", METE_LNURL_INVALID},
        {HEAD "'minSendable':1,'maxSendable':9223372036854775808}", "/maxSendable",
         METE_LNURL_INVALID},
        {HEAD "'minSendable':10,'maxSendable':9}", "/maxSendable", METE_LNURL_INVALID},
        {HEAD RANGE "'commentAllowed':-1}", "/commentAllowed", METE_LNURL_INVALID},
        {HEAD RANGE "'commentAllowed':'9'}", "/commentAllowed", METE_LNURL_INVALID},
        {HEAD RANGE "'commentAllowed':null}", "/metadata", METE_LNURL_INVALID},
        {HEAD RANGE "'metadata':[['text/plain','x']]}", "/metadata", METE_LNURL_INVALID},
        {M("[]"), "/metadata", METE_LNURL_INVALID},
        {M("[[]]"), "/metadata", METE_LNURL_INVALID},
        {M("[\"text/plain\",\"x\"]"), "/metadata", METE_LNURL_INVALID},
        {M("[[\"text/plain\"]]"), "/metadata", METE_LNURL_INVALID},
        {M("[[\"text/plain\",1]]"), "/metadata", METE_LNURL_INVALID},
        {M("[[1,\"x\"],[\"text/plain\",\"x\"]]"), "/metadata", METE_LNURL_INVALID},
        {M("[[\"text/plain\",\"x\"],[\"text/plain\",\"x\"]]"), "/metadata", METE_LNURL_INVALID},
        {M("[[\"text/plain\",\"x\"],[\"text/identifier\",\"agent@b.example\"]]"), "", METE_OK},
        {M("[[\"text/plain\",\"x\"],[\"text/identifier\",\"Agent@B.Example\"]]"), "", METE_OK},
        {M("[[\"text/plain\",\"x\"],[\"text/email\",\"other@c.example\"]]"), "", METE_OK},
        {M("[[\"text/plain\",\"x\"],[\"text/identifier\",\"other@b.example\"]]"), "/metadata",
         METE_LNURL_INVALID},
        {M("[[\"text/plain\",\"x\"],[\"text/identifier\",\"\"]]"), "/metadata", METE_LNURL_INVALID},
        {M("[[\"text/plain\",\"x\"],[\"text/identifier\",\"agent@b.example\"],"
           "[\"text/identifier\",\"agent@b.example\"]]"),
         "/metadata", METE_LNURL_INVALID},
        {HEAD RANGE METADATA ",'payerData':{'name':{'mandatory':false},'email':{}}}", "", METE_OK},
        {HEAD RANGE METADATA ",'payerData':null}", "", METE_OK},
        {HEAD RANGE METADATA ",'payerData':[]}", "/payerData", METE_LNURL_INVALID},
        {HEAD RANGE METADATA ",'payerData':{'name':{},'e/m':{'mandatory':true}}}",
         "/payerData/e~1m", METE_LNURL_REFUSED},
        {HEAD RANGE METADATA ",'payerData':{'name':{'mandatory':1}}}", "/payerData/name",
         METE_LNURL_REFUSED},
    };
    for (size_t k = 0; k < ARRAY_LEN(ROWS); k++) {
        struct asked q;
        char *body = ask(&q, ROWS[k].body);
        if (q.code != ROWS[k].code || strcmp(q.err.pointer, ROWS[k].pointer) != 0) {
            fail_msg("%s: %s at '%s': %s", ROWS[k].body, mete_code_name(q.code), q.err.pointer,
                     q.err.text);
        }
        asked_clear(&q, body);
    }
}

static void test_metadata_stays_as_it_is_written(void **state)
{
    (void)state;
    struct asked q;
    static const char BODY[] =
        "{\"tag\":\"payRequest\",\"callback\":\"https://b.example/cb\",\"minSendable\":1,"
        "\"maxSendable\":9,\"metadata\":\" [ [\\u0022text\\/plain\\\",\\\"\\u00e9\\\\n\\\"] "
        "]\\n\"}";
    ask_raw(&q, TEXT(BODY), NULL);
    assert_string_equal(q.err.text, "");
    assert_text(q.pay.metadata, " [ [\"text/plain\",\"\xc3\xa9\\n\"] ]\n");
    assert_text(q.pay.description, "\xc3\xa9\n");
    asked_clear(&q, NULL);
}

static void test_reasons_of_a_service_cannot_steer_a_terminal(void **state)
{
    (void)state;
    struct asked q;
    char *body = ask(&q, "{'status':'ERROR','reason':'a\\nb\\u001b[2Jc\\u009bd\\u007fe\\u00e9'}");
    assert_int_equal(q.code, METE_LNURL_REFUSED);
    assert_string_equal(q.err.text, "the service says: a b [2Jc  d e\xc3\xa9");
    asked_clear(&q, body);
    struct buf b = {0};
    buf_put_str(&b, "{\"status\":\"ERROR\",\"reason\":\"x");
    for (size_t k = 0; k < 200; k++) {
        buf_put_str(&b, "\xc3\xa9");
    }
    buf_put_str(&b, "\"}");
    ask_raw(&q, buf_text(&b), NULL);
    assert_int_equal(strlen(q.err.text), 18 + LNURL_REASON_MAX - 1);
    assert_true(text_is_utf8(text_of(q.err.text)));
    buf_clear(&b);
    asked_clear(&q, NULL);
}

static void test_answers_are_bounded(void **state)
{
    (void)state;
    struct asked q;
    struct buf b = {0};
    buf_put_str(&b,
                "{\"tag\":\"payRequest\",\"callback\":\"https://b.example/cb\",\"minSendable\":1,"
                "\"maxSendable\":9,\"metadata\":\"[[0]");
    while (b.len < LNURL_PAY_SIZE_MAX - 100) {
        buf_put_str(&b, ",[]");
    }
    buf_put_str(&b, "]\"}");
    ask_raw(&q, buf_text(&b), NULL);
    assert_string_equal(q.err.pointer, "/metadata");
    asked_clear(&q, NULL);
    while (b.len < LNURL_PAY_SIZE_MAX) {
        buf_put_u8(&b, ' ');
    }
    ask_raw(&q, buf_text(&b), NULL);
    assert_string_equal(q.err.pointer, "/metadata");
    asked_clear(&q, NULL);
    buf_put_u8(&b, ' ');
    ask_raw(&q, buf_text(&b), NULL);
    assert_string_equal(q.err.text, "the answer is longer than 524288 bytes");
    asked_clear(&q, NULL);
    buf_clear(&b);
}

/* The callback */

static void test_callbacks_of_the_examples(void **state)
{
    (void)state;
    for (const struct json *row = rows("lud06", "callback_url"); row != NULL; row = row->next) {
        struct lnurl_pay pay = {.callback_text = member(row, "callback")};
        struct buf url = {0};
        int64_t amount = 0;
        assert_null(url_read(pay.callback_text, &pay.callback));
        assert_true(json_int(json_get(row, "amount_msat"), 1, INT64_MAX, &amount));
        assert_true(lnurl_callback_write(&url, &pay, (uint64_t)amount, TEXT("")));
        assert_same_text(buf_text(&url), member(row, "url"));
        buf_clear(&url);
    }
}

static void test_a_callback_keeps_its_query_and_loses_its_fragment(void **state)
{
    (void)state;
    static const struct {
        const char *callback, *comment, *url;
    } ROWS[] = {
        {"https://a.b", "", "https://a.b?amount=2100000000000000000"},
        {"https://a.b/?", "", "https://a.b/?amount=2100000000000000000"},
        {"https://a.b/?x=1&", "", "https://a.b/?x=1&amount=2100000000000000000"},
        {"https://a.b/?x=1", "", "https://a.b/?x=1&amount=2100000000000000000"},
        {"https://a.b/c#?x=1", "", "https://a.b/c?amount=2100000000000000000"},
        {"https://a.b/c?x=1#y=2", "", "https://a.b/c?x=1&amount=2100000000000000000"},
        {"https://a.b/c#", "", "https://a.b/c?amount=2100000000000000000"},
        {"https://a.b/c", "a&b=c#d \xc3\xa9",
         "https://a.b/c?amount=2100000000000000000&comment=a%26b%3Dc%23d%20%C3%A9"},
        {"https://a.b/c", "10 bytes+x", NULL},
        {"https://a.b/c", "\xc3", NULL},
    };
    for (size_t k = 0; k < ARRAY_LEN(ROWS); k++) {
        struct lnurl_pay pay = {.callback_text = text_of(ROWS[k].callback), .comment_max = 9};
        struct buf url = {0};
        assert_null(url_read(pay.callback_text, &pay.callback));
        bool is_good =
            lnurl_callback_write(&url, &pay, 2100000000000000000, text_of(ROWS[k].comment));
        assert_int_equal(is_good, ROWS[k].url != NULL);
        assert_text(buf_text(&url), is_good ? ROWS[k].url : "");
        buf_clear(&url);
    }
}

static void test_amounts_stay_within_what_the_service_takes(void **state)
{
    (void)state;
    struct lnurl_pay pay = {.min_msat = 1000, .max_msat = 5000};
    struct mete_err err = {0};
    assert_int_equal(lnurl_pay_check_amount(&pay, 1000, &err), METE_OK);
    assert_int_equal(lnurl_pay_check_amount(&pay, 5000, &err), METE_OK);
    assert_int_equal(lnurl_pay_check_amount(&pay, 999, &err), METE_LNURL_REFUSED);
    assert_string_equal(err.text, "the service takes 1000 to 5000 msat, not 999");
    assert_int_equal(lnurl_pay_check_amount(&pay, 5001, &err), METE_LNURL_REFUSED);
}

/* The second answer */

struct answered {
    struct arena arena;
    struct lnurl_invoice i;
    enum mete_code code;
    struct mete_err err;
};

static void answer_raw(struct answered *r, struct text body)
{
    struct lnurl_pay pay = {.callback_text = TEXT("https://B.example/cb")};
    assert_null(url_read(pay.callback_text, &pay.callback));
    memset(r, 0, sizeof *r);
    arena_init(&r->arena, LNURL_ARENA_MAX(body.len));
    r->code = lnurl_invoice_read(&r->arena, body, &pay, 0, &r->i, &r->err);
    assert_int_equal(r->code, r->err.code);
}

static void test_second_answers(void **state)
{
    (void)state;
    static const struct {
        const char *body, *pointer;
        enum mete_code code;
        enum lnurl_action action;
    } ROWS[] = {
        {"{'pr':'lnbc1'}", "", METE_OK, LNURL_ACTION_NONE},
        {"{'pr':'lnbc1','routes':[[{}]],'successAction':null,'verify':null}", "", METE_OK,
         LNURL_ACTION_NONE},
        {"{'pr':'lnbc1','successAction':{'tag':'message','message':'thanks'}}", "", METE_OK,
         LNURL_ACTION_MESSAGE},
        {"{'pr':'lnbc1','successAction':{'tag':'url','url':'https://b.example/o'}}", "", METE_OK,
         LNURL_ACTION_URL},
        {"{'pr':'lnbc1','successAction':{'tag':'url','url':'https://c.example/o'}}",
         "/successAction/url", METE_LNURL_INVALID, LNURL_ACTION_URL},
        {"{'pr':'lnbc1','successAction':{'tag':'url','url':'http://b.example/o'}}",
         "/successAction/url", METE_LNURL_INVALID, LNURL_ACTION_URL},
        {"{'pr':'lnbc1','successAction':{'tag':'url'}}", "/successAction/url", METE_LNURL_INVALID,
         LNURL_ACTION_URL},
        {"{'pr':'lnbc1','successAction':{'tag':'aes','ciphertext':'x'}}", "/successAction/tag",
         METE_LNURL_INVALID, LNURL_ACTION_NONE},
        {"{'pr':'lnbc1','successAction':'message'}", "/successAction/tag", METE_LNURL_INVALID,
         LNURL_ACTION_NONE},
        {"{'pr':'lnbc1','successAction':{}}", "/successAction/tag", METE_LNURL_INVALID,
         LNURL_ACTION_NONE},
        {"{'pr':'lnbc1','verify':'https://c.example/v/1'}", "", METE_OK, LNURL_ACTION_NONE},
        {"{'pr':'lnbc1','verify':'http://c.example/v/1'}", "/verify", METE_LNURL_INVALID,
         LNURL_ACTION_NONE},
        {"{'pr':'lnbc1','verify':7}", "/verify", METE_LNURL_INVALID, LNURL_ACTION_NONE},
        {"{'pr':''}", "/pr", METE_LNURL_INVALID, LNURL_ACTION_NONE},
        {"{'pr':7}", "/pr", METE_LNURL_INVALID, LNURL_ACTION_NONE},
        {"{'routes':[]}", "/pr", METE_LNURL_INVALID, LNURL_ACTION_NONE},
        {"{'status':'ERROR','reason':'no route'}", "/reason", METE_LNURL_REFUSED,
         LNURL_ACTION_NONE},
        {"7", "", METE_LNURL_INVALID, LNURL_ACTION_NONE},
        {"", "", METE_LNURL_INVALID, LNURL_ACTION_NONE},
    };
    for (size_t k = 0; k < ARRAY_LEN(ROWS); k++) {
        struct answered r;
        char *body = quoted(ROWS[k].body);
        answer_raw(&r, text_of(body));
        if (r.code != ROWS[k].code || strcmp(r.err.pointer, ROWS[k].pointer) != 0) {
            fail_msg("%s: %s at '%s': %s", ROWS[k].body, mete_code_name(r.code), r.err.pointer,
                     r.err.text);
        }
        if (r.code == METE_OK) {
            assert_text(r.i.invoice, "lnbc1");
            assert_int_equal(r.i.action, ROWS[k].action);
        }
        arena_clear(&r.arena);
        free(body);
    }
}

static void test_members_of_a_second_answer(void **state)
{
    (void)state;
    struct answered r;
    char *body =
        quoted("{'pr':'lnbc1','disposable':false,'verify':'https://c.example/v/1',"
               "'successAction':{'tag':'url','description':'see','url':'https://b.example/o'}}");
    answer_raw(&r, text_of(body));
    assert_string_equal(r.err.text, "");
    assert_text(r.i.action_text, "see");
    assert_text(r.i.action_url, "https://b.example/o");
    assert_text(r.i.verify, "https://c.example/v/1");
    assert_false(r.i.is_disposable);
    arena_clear(&r.arena);
    free(body);
    answer_raw(&r, TEXT("{\"pr\":\"lnbc1\",\"disposable\":null}"));
    assert_true(r.code == METE_OK && r.i.is_disposable && r.i.verify.len == 0);
    arena_clear(&r.arena);
    struct buf b = {0};
    while (b.len <= LNURL_INVOICE_SIZE_MAX) {
        buf_put_u8(&b, ' ');
    }
    answer_raw(&r, buf_text(&b));
    assert_string_equal(r.err.text, "the answer is longer than 65536 bytes");
    arena_clear(&r.arena);
    buf_reset(&b);
    buf_put_str(&b, "{\"pr\":\"");
    for (size_t k = 0; k <= BOLT11_LEN_MAX; k++) {
        buf_put_u8(&b, 'q');
    }
    buf_put_str(&b, "\"}");
    answer_raw(&r, buf_text(&b));
    assert_string_equal(r.err.pointer, "/pr");
    arena_clear(&r.arena);
    buf_clear(&b);
}

/* From the address to the right to pay: the invoice of the example answers its metadata? It does
 * not: it was made for another text, and must not be paid. */
static void test_an_invoice_for_other_metadata_is_not_paid(void **state)
{
    (void)state;
    const struct json *row = rows("lud06", "invoice_response");
    struct answered r;
    struct arena a = {0};
    struct bolt11 i;
    struct mete_err err = {0};
    answer_raw(&r, json_get(row, "response")->raw);
    assert_int_equal(r.code, METE_OK);
    arena_init(&a, BOLT11_ARENA_MAX);
    assert_int_equal(bolt11_read(&a, r.i.invoice, &i, &err), METE_OK);
    assert_true(i.amount_msat == 2000000000);
    struct bolt11_terms t = {.network = BOLT11_BITCOIN,
                             .amount_msat = 2000000000,
                             .metadata = text_bytes(TEXT("[[\"text/plain\",\"x\"]]")),
                             .now_s = 1496314658,
                             .margin_s = 30};
    assert_int_equal(bolt11_check_payout(&i, &t, &err), METE_INVOICE_REFUSED);
    arena_clear(&a);
    arena_clear(&r.arena);
}

/* LUD-21 */

static void test_only_a_preimage_proves_receipt(void **state)
{
    (void)state;
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
    static const struct {
        const char *body, *pointer;
        enum mete_code code;
        bool is_settled;
    } ROWS[] = {
        {"{'status':'OK','settled':true,'preimage':'" ZEROS "','pr':'lnbc1x'}", "", METE_OK, true},
        {"{'status':'OK','settled':true,'preimage':'" ZEROS "','pr':'LNBC1X'}", "", METE_OK, true},
        {"{'status':'OK','settled':false,'preimage':null,'pr':'lnbc1x'}", "", METE_OK, false},
        {"{'status':'OK','settled':false,'preimage':'" ZEROS "','pr':'lnbc1x'}", "", METE_OK,
         false},
        {"{'status':'OK','settled':1,'preimage':'" ZEROS "','pr':'lnbc1x'}", "", METE_OK, false},
        {"{'status':'OK','settled':true,'preimage':'" ZEROS "','pr':'lnbc1y'}", "/pr",
         METE_LNURL_INVALID, false},
        {"{'status':'OK','settled':true,'preimage':'" ZEROS "'}", "/pr", METE_LNURL_INVALID, false},
        {"{'status':'OK','settled':true,'preimage':null,'pr':'lnbc1x'}", "/preimage",
         METE_LNURL_INVALID, false},
        {"{'status':'OK','settled':true,'preimage':'00','pr':'lnbc1x'}", "/preimage",
         METE_LNURL_INVALID, false},
        {"{'status':'OK','settled':true,'pr':'lnbc1x','preimage':"
         "'0000000000000000000000000000000000000000000000000000000000000001'}",
         "/preimage", METE_LNURL_INVALID, false},
        {"{'status':'ERROR','reason':'Not found'}", "/reason", METE_LNURL_REFUSED, false},
    };
    uint8_t zeros[SHA256_LEN] = {0};
    struct hash h = sha256((struct bytes){zeros, sizeof zeros});
    for (size_t k = 0; k < ARRAY_LEN(ROWS); k++) {
        struct arena a = {0};
        struct mete_err err = {0};
        bool is_settled = true;
        char *body = quoted(ROWS[k].body);
        arena_init(&a, LNURL_ARENA_MAX(strlen(body)));
        assert_int_equal(
            lnurl_verify_read(&a, text_of(body), TEXT("lnbc1x"), &h, &is_settled, &err),
            ROWS[k].code);
        assert_int_equal(is_settled, ROWS[k].is_settled);
        assert_string_equal(err.pointer, ROWS[k].pointer);
        arena_clear(&a);
        free(body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_of_the_examples),
        cmocka_unit_test(test_bad_addresses_are_refused),
        cmocka_unit_test(test_switches_let_more_in),
        cmocka_unit_test(test_lnurls_of_the_examples),
        cmocka_unit_test(test_lnurls_are_found_and_bounded),
        cmocka_unit_test(test_first_answers_of_the_examples),
        cmocka_unit_test(test_each_flaw_of_a_first_answer),
        cmocka_unit_test(test_metadata_stays_as_it_is_written),
        cmocka_unit_test(test_reasons_of_a_service_cannot_steer_a_terminal),
        cmocka_unit_test(test_answers_are_bounded),
        cmocka_unit_test(test_callbacks_of_the_examples),
        cmocka_unit_test(test_a_callback_keeps_its_query_and_loses_its_fragment),
        cmocka_unit_test(test_amounts_stay_within_what_the_service_takes),
        cmocka_unit_test(test_second_answers),
        cmocka_unit_test(test_members_of_a_second_answer),
        cmocka_unit_test(test_an_invoice_for_other_metadata_is_not_paid),
        cmocka_unit_test(test_only_a_preimage_proves_receipt),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
