/* SPDX-License-Identifier: Apache-2.0
 * Discovery of x402: the judge of JSON Schemas, what payments say about their resources, what may
 * be shown of it, and the lists of a catalogue. */
#include "evm_case.h"

#include "wire/x402/discovery.h"
#include "wire/x402/match.h"
#include "wire/x402/schema.h"

struct judged {
    const char *schema, *value;
    enum mete_code code;
    const char *pointer;
};

static void check_judged(const struct judged *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct doc s, v;
        struct mete_err err = {0};
        doc_read(&s, text_of(rows[i].schema));
        doc_read(&v, text_of(rows[i].value));
        assert_true(s.code == METE_OK && v.code == METE_OK);
        enum mete_code code = x402_schema_check(s.root, v.root, &err);
        if (code != rows[i].code || strcmp(err.pointer, rows[i].pointer) != 0)
            fail_msg("%s of %s: %s at '%s': %s", rows[i].schema, rows[i].value,
                     mete_code_name(code), err.pointer, err.text);
        assert_true(code == METE_OK || (err.code == code && err.text[0] != '\0'));
        assert_int_equal(x402_schema_check(s.root, v.root, NULL), code);
        doc_clear(&s);
        doc_clear(&v);
    }
}

#define FITS(schema, value)                                                                        \
    {                                                                                              \
        schema, value, METE_OK, ""                                                                 \
    }
#define MISFIT(schema, value, at)                                                                  \
    {                                                                                              \
        schema, value, METE_MEMBER_VALUE, at                                                       \
    }
#define BROKEN(schema, value)                                                                      \
    {                                                                                              \
        schema, value, METE_X402_SCHEMA, ""                                                        \
    }

static void test_words(void **state)
{
    (void)state;
    static const struct judged ROWS[] = {
        FITS("true", "1"),
        MISFIT("false", "1", ""),
        BROKEN("7", "1"),
        FITS("{}", "null"),
        FITS("{\"type\":\"string\"}", "\"a\""),
        MISFIT("{\"type\":\"string\"}", "1", ""),
        FITS("{\"type\":[\"string\",\"null\"]}", "null"),
        MISFIT("{\"type\":[\"string\",\"null\"]}", "1", ""),
        BROKEN("{\"type\":7}", "1"),
        FITS("{\"type\":\"integer\"}", "1"),
        FITS("{\"type\":\"integer\"}", "1.0"),
        FITS("{\"type\":\"integer\"}", "-3"),
        FITS("{\"type\":\"integer\"}", "1.5e21"),
        MISFIT("{\"type\":\"integer\"}", "1.5", ""),
        MISFIT("{\"type\":\"integer\"}", "1e-7", ""),
        FITS("{\"type\":\"number\"}", "1.5"),
        FITS("{\"type\":\"boolean\"}", "false"),
        FITS("{\"const\":{\"a\":[1]}}", "{\"a\":[1.0]}"),
        MISFIT("{\"const\":{\"a\":[1]}}", "{\"a\":[1,2]}", ""),
        FITS("{\"enum\":[1,\"b\",null]}", "\"b\""),
        MISFIT("{\"enum\":[1,\"b\",null]}", "\"c\"", ""),
        BROKEN("{\"enum\":{}}", "1"),
        FITS("{\"required\":[\"a\"]}", "{\"a\":null}"),
        MISFIT("{\"required\":[\"a\",\"b\"]}", "{\"a\":null}", "/b"),
        FITS("{\"required\":[\"a\"]}", "[]"),
        BROKEN("{\"required\":\"a\"}", "{}"),
        BROKEN("{\"required\":[1]}", "{}"),
        FITS("{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"b\":1}"),
        MISFIT("{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":1}", "/a"),
        BROKEN("{\"properties\":[]}", "{}"),
        MISFIT("{\"properties\":{\"a\":{\"items\":{\"type\":\"string\"}}}}",
               "{\"a\":[\"x\",\"y\",3]}", "/a/2"),
        MISFIT("{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"a\":1,\"b\":2}",
               "/b"),
        FITS("{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"a\":1}"),
        MISFIT("{\"additionalProperties\":{\"type\":\"string\"}}", "{\"a~/\":1}", "/a~0~1"),
        MISFIT("{\"minItems\":2}", "[1]", ""),
        MISFIT("{\"maxItems\":1}", "[1,2]", ""),
        FITS("{\"maxItems\":1}", "\"no list\""),
        MISFIT("{\"minLength\":3}", "\"\xe2\x82\xac\xe2\x82\xac\"", ""),
        FITS("{\"maxLength\":2}", "\"\xe2\x82\xac\xe2\x82\xac\""),
        MISFIT("{\"maxProperties\":0}", "{\"a\":1}", ""),
        MISFIT("{\"minProperties\":2}", "{\"a\":1}", ""),
        BROKEN("{\"minLength\":-1}", "\"a\""),
        FITS("{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"string\"}]}", "\"a\""),
        MISFIT("{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"string\"}]}", "1", ""),
        MISFIT("{\"allOf\":[{\"type\":\"string\"},{\"const\":\"b\"}]}", "\"a\"", ""),
        MISFIT("{\"oneOf\":[{\"type\":\"string\"},{\"const\":\"a\"}]}", "\"a\"", ""),
        FITS("{\"oneOf\":[{\"type\":\"string\"},{\"const\":\"b\"}]}", "\"a\""),
        BROKEN("{\"anyOf\":[]}", "1"),
        BROKEN("{\"anyOf\":[{\"type\":\"string\"},5]}", "1"),
        MISFIT("{\"not\":{\"type\":\"string\"}}", "\"a\"", ""),
        FITS("{\"not\":{\"type\":\"string\"}}", "1"),
        /* Words that are not known say nothing. */
        FITS("{\"title\":7,\"pattern\":\"(\",\"format\":\"uri\",\"x-y\":{}}", "\"a\""),
    };
    check_judged(ROWS, ARRAY_LEN(ROWS));
}

static void test_references(void **state)
{
    (void)state;
    static const struct judged ROWS[] = {
        FITS("{\"$defs\":{\"a\":{\"type\":\"string\"}},\"$ref\":\"#/$defs/a\"}", "\"x\""),
        MISFIT("{\"$defs\":{\"a\":{\"type\":\"string\"}},\"$ref\":\"#/$defs/a\"}", "1", ""),
        FITS("{\"properties\":{\"next\":{\"$ref\":\"#\"}},\"type\":\"object\"}",
             "{\"next\":{\"next\":{}}}"),
        MISFIT("{\"properties\":{\"next\":{\"$ref\":\"#\"}},\"type\":\"object\"}",
               "{\"next\":{\"next\":1}}", "/next/next"),
        BROKEN("{\"$ref\":\"#/$defs/none\"}", "1"),
        BROKEN("{\"$ref\":\"#anchor\"}", "1"),
        BROKEN("{\"$ref\":\"#\"}", "1"), /* for ever */
        BROKEN("{\"$ref\":\"https://example.com/schema\"}", "1"),
        BROKEN("{\"$ref\":\"other.json\"}", "1"),
        BROKEN("{\"$ref\":7}", "1"),
        BROKEN("{\"$id\":\"https://example.com/\"}", "1"),
        /* Also where nothing leads to it. */
        BROKEN("{\"$defs\":{\"a\":[{\"$ref\":\"file:///etc/passwd\"}]}}", "1"),
        FITS("{\"$id\":\"#here\"}", "1"),
    };
    check_judged(ROWS, ARRAY_LEN(ROWS));
}

/* Schemas that ask for much: each ends, and none takes long. */
static void test_work(void **state)
{
    (void)state;
    struct buf schema = {0}, value = {0};
    buf_put_str(&schema, "{\"$defs\":{\"l0\":{\"type\":\"string\"}");
    for (int i = 1; i < 25; i++)
        buf_printf(&schema,
                   ",\"l%d\":{\"allOf\":[{\"$ref\":\"#/$defs/l%d\"},"
                   "{\"$ref\":\"#/$defs/l%d\"}]}",
                   i, i - 1, i - 1);
    buf_put_str(&schema, "},\"$ref\":\"#/$defs/l14\"}");
    buf_put_u8(&schema, 0);
    const struct judged doubling = BROKEN((const char *)schema.p, "\"a\"");
    check_judged(&doubling, 1);
    buf_reset(&schema);
    buf_put_str(&schema, "{\"items\":{\"properties\":{\"p0\":{}");
    for (int i = 1; i < 3000; i++)
        buf_printf(&schema, ",\"p%d\":{}", i);
    buf_put_str(&schema, "}}}");
    buf_put_u8(&schema, 0);
    buf_put_str(&value, "[{}");
    for (int i = 1; i < 3000; i++)
        buf_put_str(&value, ",{}");
    buf_put_str(&value, "]");
    buf_put_u8(&value, 0);
    const struct judged square = BROKEN((const char *)schema.p, (const char *)value.p);
    check_judged(&square, 1);
    buf_reset(&schema);
    for (int depth = X402_SCHEMA_DEPTH_MAX; depth <= X402_SCHEMA_DEPTH_MAX + 2; depth += 2) {
        buf_reset(&schema);
        for (int i = 0; i < depth; i++)
            buf_put_str(&schema, "{\"not\":");
        buf_put_str(&schema, "true");
        for (int i = 0; i < depth; i++)
            buf_put_str(&schema, "}");
        buf_put_u8(&schema, 0);
        const struct judged nested = FITS((const char *)schema.p, "1");
        const struct judged deeper = BROKEN((const char *)schema.p, "1");
        check_judged(depth == X402_SCHEMA_DEPTH_MAX ? &nested : &deeper, 1);
    }
    buf_clear(&schema);
    buf_clear(&value);
}

/* The examples of the specification's text on discovery. */
static void test_examples(void **state)
{
    (void)state;
    static const char *const FILES[] = {"v2-bazaar-payment-required.json",
                                        "v2-bazaar-payment-required-2.json",
                                        "v2-bazaar-payment-required-3.json"};
    static const char *const METHODS[] = {"GET", "POST", NULL};
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
        struct vectors v;
        struct arena a;
        struct mete_err err = {0};
        const struct json *root = vectors_read(&v, "x402", FILES[i]);
        const struct json *bazaar = json_get(json_get(root, "extensions"), "bazaar");
        arena_init(&a, 1 << 20);
        assert_int_equal(
            x402_schema_check(json_get(bazaar, "schema"), json_get(bazaar, "info"), &err), METE_OK);
        struct x402_payload p = {.version = 2,
                                 .resource = json_get(root, "resource"),
                                 .extensions = json_get(root, "extensions")};
        struct x402_requirements r = {.version = 2};
        struct x402_discovered d;
        assert_int_equal(x402_discovery_read(&a, &p, &r, &d, &err), X402_DISCOVERY_FOUND);
        assert_int_equal(d.is_mcp, METHODS[i] == NULL);
        assert_true(METHODS[i] == NULL ? d.tool_name.len > 0 : text_is(d.method, METHODS[i]));
        assert_true(d.dropped == 0 && text_eq(d.url, d.resource.url));
        assert_true(d.resource.description.len > 0 && text_starts(d.info, "{"));
        arena_clear(&a);
        vectors_clear(&v);
    }
}

#define BAZAAR                                                                                     \
    "{\"resource\":{\"url\":\"HTTPS://API.Example.com:443/users/7?key=1#f\",\"serviceName\":"      \
    "\"Svc\",\"tags\":[\"a\",\"A\",\"b\"],\"iconUrl\":\"https://example.com/i.png\","              \
    "\"description\":\"d\",\"mimeType\":\"application/json\"},\"extensions\":{\"bazaar\":{"        \
    "\"info\":{\"input\":{\"type\":\"http\",\"method\":\"GET\"}},\"schema\":{\"type\":"            \
    "\"object\"},\"routeTemplate\":\"/users/:id\"}}}"

struct changed {
    const char *from, *to;
    enum x402_discovery found;
    const char *pointer; /* of the error; else the URL */
    unsigned dropped;
};

static void test_payments(void **state)
{
    (void)state;
#define URL   "https://api.example.com/users/:id"
#define INPUT "/extensions/bazaar/info/input"
    static const struct changed ROWS[] = {
        {"", "", X402_DISCOVERY_FOUND, URL, X402_DROPPED_TAGS},
        {"\"bazaar\"", "\"other\"", X402_DISCOVERY_NONE, "", 0},
        {"\"extensions\"", "\"other\"", X402_DISCOVERY_NONE, "", 0},
        {"/users/:id", "/../:id", X402_DISCOVERY_FOUND, "https://api.example.com/users/7",
         X402_DROPPED_TAGS | X402_DROPPED_ROUTE_TEMPLATE},
        {"\"/users/:id\"", "7", X402_DISCOVERY_FOUND, "https://api.example.com/users/7",
         X402_DROPPED_TAGS | X402_DROPPED_ROUTE_TEMPLATE},
        {":443/users/7", ":8443/users/7", X402_DISCOVERY_FOUND,
         "https://api.example.com:8443/users/:id", X402_DROPPED_TAGS},
        {"HTTPS://API.Example.com:443/users/7?key=1#f\"", "http://a.example.com:80\"",
         X402_DISCOVERY_FOUND, "http://a.example.com/users/:id", X402_DROPPED_TAGS},
        {"\"Svc\"", "\"Svc\\u0007\"", X402_DISCOVERY_FOUND, URL,
         X402_DROPPED_TAGS | X402_DROPPED_SERVICE_NAME},
        {"\"Svc\"", "{}", X402_DISCOVERY_FOUND, URL, X402_DROPPED_TAGS | X402_DROPPED_SERVICE_NAME},
        {"\"a\",\"A\",\"b\"", "\"a\",\"b\"", X402_DISCOVERY_FOUND, URL, 0},
        {"\"a\",\"A\",\"b\"", "1", X402_DISCOVERY_FOUND, URL, X402_DROPPED_TAGS},
        {"[\"a\",\"A\",\"b\"]", "\"a\"", X402_DISCOVERY_FOUND, URL, X402_DROPPED_TAGS},
        {"https://example.com/i.png", "https://127.0.0.1/i.png", X402_DISCOVERY_FOUND, URL,
         X402_DROPPED_TAGS | X402_DROPPED_ICON_URL},
        {"HTTPS://API.Example.com", "ftp://api.example.com", X402_DISCOVERY_REJECTED,
         "/resource/url", 0},
        {"HTTPS://API.Example.com", "https://u:p@api.example.com", X402_DISCOVERY_REJECTED,
         "/resource/url", 0},
        {"\"resource\"", "\"other\"", X402_DISCOVERY_REJECTED, "/resource/url", 0},
        {"\"info\":{", "\"info\":7,\"i\":{", X402_DISCOVERY_REJECTED, "/extensions/bazaar", 0},
        {"\"type\":\"http\"", "\"type\":\"ftp\"", X402_DISCOVERY_REJECTED, INPUT "/type", 0},
        {"\"type\":\"http\",", "", X402_DISCOVERY_REJECTED, INPUT "/type", 0},
        {"\"input\"", "\"output\"", X402_DISCOVERY_REJECTED, "/extensions/bazaar/info", 0},
        {"\"GET\"", "\"get\"", X402_DISCOVERY_REJECTED, INPUT "/method", 0},
        {"\"GET\"", "\"GET\",\"bodyType\":\"json\"", X402_DISCOVERY_REJECTED, INPUT "/bodyType", 0},
        {"\"GET\"", "\"POST\",\"bodyType\":\"json\"", X402_DISCOVERY_FOUND, URL, X402_DROPPED_TAGS},
        {"\"GET\"", "\"POST\",\"bodyType\":\"xml\"", X402_DISCOVERY_REJECTED, INPUT "/bodyType", 0},
        {"{\"type\":\"object\"}", "{\"required\":[\"x\"]}", X402_DISCOVERY_REJECTED,
         "/extensions/bazaar/info/x", 0},
        {"{\"type\":\"object\"}", "{\"$ref\":\"http://x/\"}", X402_DISCOVERY_REJECTED,
         "/extensions/bazaar/schema", 0},
    };
#undef INPUT
#undef URL
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct arena a;
        struct buf text = {0};
        struct json *j;
        struct mete_err err = {0};
        struct x402_discovered d = {0};
        const char *at = strstr(BAZAAR, ROWS[i].from);
        assert_non_null(at);
        buf_put(&text, BAZAAR, (size_t)(at - BAZAAR));
        buf_put_str(&text, ROWS[i].to);
        buf_put_str(&text, at + strlen(ROWS[i].from));
        arena_init(&a, X402_ARENA_MAX(text.len));
        assert_int_equal(json_parse(&a, buf_text(&text), &j, NULL), METE_OK);
        struct x402_payload p = {.version = 2,
                                 .resource = json_get(j, "resource"),
                                 .extensions = json_get(j, "extensions")};
        struct x402_requirements r = {.version = 2};
        enum x402_discovery found = x402_discovery_read(&a, &p, &r, &d, &err);
        if (found != ROWS[i].found || d.dropped != ROWS[i].dropped)
            fail_msg("%s -> %s: %d, %u: %s", ROWS[i].from, ROWS[i].to, (int)found, d.dropped,
                     err.text);
        if (found == X402_DISCOVERY_FOUND)
            assert_string_equal(arena_text(&a, d.url).p, ROWS[i].pointer);
        else
            assert_string_equal(err.pointer, ROWS[i].pointer);
        assert_int_equal(x402_discovery_read(&a, &p, &r, &d, NULL), found);
        buf_clear(&text);
        arena_clear(&a);
    }
}

static void test_tools(void **state)
{
    (void)state;
    static const struct {
        const char *input;
        enum x402_discovery found;
    } ROWS[] = {
        {"{\"type\":\"mcp\",\"toolName\":\"t\",\"inputSchema\":{}}", X402_DISCOVERY_FOUND},
        {"{\"type\":\"mcp\",\"tool\":\"t\",\"inputSchema\":{}}", X402_DISCOVERY_FOUND},
        {"{\"type\":\"mcp\",\"toolName\":\"t\",\"inputSchema\":{},\"transport\":\"sse\"}",
         X402_DISCOVERY_FOUND},
        {"{\"type\":\"mcp\",\"toolName\":\"t\",\"inputSchema\":{},\"transport\":\"x\"}",
         X402_DISCOVERY_REJECTED},
        {"{\"type\":\"mcp\",\"toolName\":\"\",\"inputSchema\":{}}", X402_DISCOVERY_REJECTED},
        {"{\"type\":\"mcp\",\"toolName\":\"a\\nb\",\"inputSchema\":{}}", X402_DISCOVERY_REJECTED},
        {"{\"type\":\"mcp\",\"toolName\":\"t\"}", X402_DISCOVERY_REJECTED},
        {"{\"type\":\"mcp\",\"inputSchema\":{}}", X402_DISCOVERY_REJECTED},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct arena a;
        struct json *j;
        struct x402_discovered d;
        arena_init(&a, X402_ARENA_MAX(1024));
        struct text t =
            arena_printf(&a,
                         "{\"r\":{\"url\":\"mcp://tool/t\"},\"e\":{\"bazaar\":{\"info\":"
                         "{\"input\":%s},\"schema\":{}}}}",
                         ROWS[i].input);
        assert_int_equal(json_parse(&a, t, &j, NULL), METE_OK);
        struct x402_payload p = {
            .version = 2, .resource = json_get(j, "r"), .extensions = json_get(j, "e")};
        struct x402_requirements r = {.version = 2};
        assert_int_equal(x402_discovery_read(&a, &p, &r, &d, NULL), ROWS[i].found);
        assert_true(ROWS[i].found != X402_DISCOVERY_FOUND ||
                    (d.is_mcp && text_is(d.tool_name, "t") && text_is(d.url, "mcp://tool/t")));
        arena_clear(&a);
    }
}

static void test_version_1(void **state)
{
    (void)state;
    static const struct {
        const char *schema;
        const char *info; /* NULL: nothing is found */
    } ROWS[] = {
        {"{\"input\":{\"type\":\"http\",\"method\":\"get\",\"queryParams\":{\"q\":\"text\"}},"
         "\"output\":{\"r\":1}}",
         "{\"input\":{\"type\":\"http\",\"method\":\"GET\",\"queryParams\":{\"q\":\"text\"}},"
         "\"output\":{\"type\":\"json\",\"example\":{\"r\":1}}}"},
        {"{\"input\":{\"type\":\"http\",\"method\":\"POST\",\"bodyType\":\"multipart-form\","
         "\"bodyFields\":{\"f\":1},\"headers\":{\"h\":1}}}",
         "{\"input\":{\"type\":\"http\",\"method\":\"POST\",\"bodyType\":\"form-data\",\"body\":"
         "{\"f\":1},\"headers\":{\"h\":1}}}"},
        {"{\"input\":{\"type\":\"http\",\"method\":\"POST\",\"body_type\":\"Form\"}}",
         "{\"input\":{\"type\":\"http\",\"method\":\"POST\",\"bodyType\":\"form-data\",\"body\":{}}"
         "}"},
        {"{\"input\":{\"type\":\"http\",\"method\":\"PUT\"}}",
         "{\"input\":{\"type\":\"http\",\"method\":\"PUT\",\"bodyType\":\"json\",\"body\":{}}}"},
        {"{\"input\":{\"type\":\"http\",\"method\":\"GET\",\"discoverable\":false}}", NULL},
        {"{\"input\":{\"type\":\"http\",\"method\":\"TRACE\"}}", NULL},
        {"{\"input\":{\"type\":\"mcp\",\"method\":\"GET\"}}", NULL},
        {"{\"input\":{\"method\":\"GET\"}}", NULL},
        {"{\"input\":7}", NULL},
        {"{}", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct arena a;
        struct json *j, *want, *info;
        struct x402_discovered d;
        struct x402_payload p = {.version = 1};
        arena_init(&a, X402_ARENA_MAX(4096));
        assert_int_equal(json_parse(&a, text_of(ROWS[i].schema), &j, NULL), METE_OK);
        struct x402_requirements r = {.version = 1,
                                      .output_schema = j,
                                      .resource = TEXT("https://a.example"),
                                      .description = TEXT("a\tb")};
        enum x402_discovery found = x402_discovery_read(&a, &p, &r, &d, NULL);
        assert_int_equal(found, ROWS[i].info != NULL ? X402_DISCOVERY_FOUND : X402_DISCOVERY_NONE);
        if (ROWS[i].info != NULL) {
            assert_int_equal(json_parse(&a, text_of(ROWS[i].info), &want, NULL), METE_OK);
            assert_int_equal(json_parse(&a, d.info, &info, NULL), METE_OK);
            assert_true(x402_json_eq(want, info) && text_is(d.url, "https://a.example/"));
            assert_true(text_is(d.resource.description, "a\tb") && d.dropped == 0);
            assert_int_equal(json_parse(&a, d.extension, &j, NULL), METE_OK);
            assert_int_equal(x402_schema_check(json_get(j, "schema"), json_get(j, "info"), NULL),
                             METE_OK);
            assert_true(text_eq(d.method, json_get(json_get(info, "input"), "method")->text));
        }
        arena_clear(&a);
    }
    struct x402_payload p = {.version = 1};
    struct x402_requirements none = {.version = 1};
    struct x402_discovered d;
    assert_int_equal(x402_discovery_read(NULL, &p, &none, &d, NULL), X402_DISCOVERY_NONE);
}

static void test_route_templates(void **state)
{
    (void)state;
    static const struct {
        const char *template;
        bool ok;
    } ROWS[] = {
        {"/users/:id", true},
        {"/a~b-c_d.e", true},
        {"/%41", true},
        {"/", false},
        {"", false},
        {"users", false},
        {"/a b", false},
        {"/a?b", false},
        {"/a*", false},
        {"/../etc", false},
        {"/%2e%2e/", false},
        {"/%252e%252e", false},
        {"/%25252525252e.", false},
        {"/.%2e", false},
        {"/a://b", false},
        {"/a:%2f/b", false},
        {"/%", false},
        {"/%4", false},
        {"/%zz", false},
        {"/%ff", false},
        {"/\xc3\xa9", false},
        {"/a...b", false},
        {"/%25252541", true},
        {"/%2525252541", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++)
        if (x402_route_template_ok(text_of(ROWS[i].template)) != ROWS[i].ok)
            fail_msg("%s", ROWS[i].template);
    char at_most[X402_ROUTE_TEMPLATE_MAX + 1];
    memset(at_most, 'a', sizeof at_most);
    at_most[0] = '/';
    assert_true(x402_route_template_ok((struct text){at_most, X402_ROUTE_TEMPLATE_MAX}));
    assert_false(x402_route_template_ok((struct text){at_most, X402_ROUTE_TEMPLATE_MAX + 1}));
}

static void test_metadata(void **state)
{
    (void)state;
    static const struct {
        const char *icon;
        bool ok;
    } ICONS[] = {
        {"https://example.com/i.png", true},
        {"http://a.example.com:8080/i", true},
        {"ftp://example.com/i.png", false},
        {"javascript:alert(1)", false},
        {"data:image/png;base64,AA", false},
        {"https://u@example.com/", false},
        {"https://localhost/", false},
        {"https://a.localhost/", false},
        {"https://localhost.localdomain/", false},
        {"https://127.0.0.1/", false},
        {"https://2130706433/", false},
        {"https://0x7f000001/", false},
        {"https://0x7f.1/", false},
        {"https://[::1]/", false},
        {"https://intranet/", false},
        {"https://example.com/\n", false},
        {"https://ex\xc3\xa4mple.com/", false},
        {"//example.com/i", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(ICONS); i++) {
        struct x402_resource r = {.icon_url = text_of(ICONS[i].icon)};
        unsigned dropped = x402_metadata_clean(&r);
        if ((dropped == 0) != ICONS[i].ok || (r.icon_url.len > 0) != ICONS[i].ok)
            fail_msg("%s", ICONS[i].icon);
    }
    struct x402_resource r = {
        .description = TEXT("two\nlines"),
        .mime_type = TEXT("text/plain"),
        .service_name = TEXT("12345678901234567890123456789012"),
        .tags = {TEXT("a"), TEXT("B"), TEXT("b"), TEXT(""), TEXT("c")},
        .tag_count = 5,
    };
    struct buf out = {0};
    assert_int_equal(x402_metadata_clean(&r), X402_DROPPED_TAGS);
    assert_true(r.tag_count == 3 && text_is(r.tags[1], "B") && text_is(r.tags[2], "c"));
    assert_int_equal(r.service_name.len, 32);
    r.service_name = TEXT("123456789012345678901234567890123");
    r.description = TEXT("a\x1b[2J");
    r.mime_type = TEXT("text/pl\xc3\xa4in");
    unsigned dropped = x402_metadata_clean(&r);
    x402_dropped_write(&out, dropped);
    buf_put_u8(&out, 0);
    assert_string_equal((const char *)out.p, "serviceName, description, mimeType");
    assert_true(r.service_name.len == 0 && r.description.len == 0 && r.mime_type.len == 0);
    r.description = TEXT("\xe2\x80\xae turned");
    assert_int_equal(x402_metadata_clean(&r), X402_DROPPED_DESCRIPTION);
    buf_clear(&out);
}

/* What a server advertises fits its own schema, and comes back out of a payment. */
static void test_advertised(void **state)
{
    (void)state;
    static const struct x402_http_input ROWS[] = {
        {.method = TEXT("GET")},
        {.method = TEXT("GET"),
         .example = TEXT("{\"city\":\"x\"}"),
         .schema = TEXT("{\"type\":\"object\",\"required\":[\"city\"]}"),
         .output_example = TEXT("[1]"),
         .route_template = TEXT("/w/:city")},
        {.method = TEXT("POST"), .body_type = TEXT("text")},
        {.method = TEXT("PATCH"), .example = TEXT("{\"q\":1}"), .output_example = TEXT("{}")},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct arena a;
        struct buf text = {0}, v1 = {0};
        struct json *e, *output;
        struct mete_err err = {0};
        struct x402_discovered d, d1;
        arena_init(&a, 1 << 20);
        buf_put_str(&text, "{\"r\":{\"url\":\"https://a.example/w/1\"},\"e\":{\"bazaar\":");
        x402_bazaar_write(&text, &ROWS[i]);
        buf_put_str(&text, "}}");
        assert_int_equal(json_parse(&a, buf_text(&text), &e, NULL), METE_OK);
        struct x402_payload p = {
            .version = 2, .resource = json_get(e, "r"), .extensions = json_get(e, "e")};
        struct x402_requirements r = {.version = 2};
        if (x402_discovery_read(&a, &p, &r, &d, &err) != X402_DISCOVERY_FOUND)
            fail_msg("%s at %s", err.text, err.pointer);
        assert_true(text_eq(d.method, ROWS[i].method));
        assert_true(text_eq(d.route_template, ROWS[i].route_template));
        x402_output_schema_write(&v1, &ROWS[i]);
        assert_int_equal(json_parse(&a, buf_text(&v1), &output, NULL), METE_OK);
        struct x402_payload p1 = {.version = 1};
        struct x402_requirements r1 = {
            .version = 1, .output_schema = output, .resource = TEXT("https://a.example/w/1")};
        assert_int_equal(x402_discovery_read(&a, &p1, &r1, &d1, &err), X402_DISCOVERY_FOUND);
        assert_true(text_eq(d1.method, ROWS[i].method));
        if (ROWS[i].example.len > 0) {
            struct json *x, *y;
            assert_int_equal(json_parse(&a, d.info, &x, NULL), METE_OK);
            assert_int_equal(json_parse(&a, d1.info, &y, NULL), METE_OK);
            assert_true(x402_json_eq(x, y));
        }
        buf_clear(&text);
        buf_clear(&v1);
        arena_clear(&a);
    }
}

static void test_lists(void **state)
{
    (void)state;
    static const struct x402_item ITEMS[] = {
        {.version = 2,
         .resource = {.url = TEXT("https://a.example/"),
                      .description = TEXT("d"),
                      .service_name = TEXT("s"),
                      .tags = {TEXT("t")},
                      .tag_count = 1},
         .accepts = TEXT("[{\"scheme\":\"exact\"}]"),
         .extensions = TEXT("{\"bazaar\":{}}"),
         .updated = TEXT("2026-01-02T03:04:05Z")},
        {.is_mcp = true,
         .version = 1,
         .resource = {.url = TEXT("mcp://t")},
         .updated = TEXT("2026-01-02T03:04:05Z")},
    };
    struct x402_page p = {.items = ITEMS, .count = 2, .limit = 20, .offset = 40, .total = 42};
    struct buf out = {0};
    x402_resources_write(&out, &p);
    buf_put_u8(&out, 0);
    assert_string_equal(
        (const char *)out.p,
        "{\"x402Version\":2,\"items\":[{\"resource\":\"https://a.example/\",\"type\":\"http\","
        "\"x402Version\":2,\"accepts\":[{\"scheme\":\"exact\"}],\"lastUpdated\":"
        "\"2026-01-02T03:04:05Z\",\"description\":\"d\",\"serviceName\":\"s\",\"tags\":[\"t\"],"
        "\"extensions\":{\"bazaar\":{}}},{\"resource\":\"mcp://t\",\"type\":\"mcp\","
        "\"x402Version\":1,\"accepts\":[],\"lastUpdated\":\"2026-01-02T03:04:05Z\"}],"
        "\"pagination\":{\"limit\":20,\"offset\":40,\"total\":42}}");
    buf_reset(&out);
    p.count = 0;
    x402_search_write(&out, &p);
    p.cursor = TEXT("c\"");
    p.is_partial = true;
    x402_search_write(&out, &p);
    buf_put_u8(&out, 0);
    assert_string_equal(
        (const char *)out.p,
        "{\"x402Version\":2,\"resources\":[],\"pagination\":{\"limit\":20,\"cursor\":null}}"
        "{\"x402Version\":2,\"resources\":[],\"partialResults\":true,\"pagination\":{\"limit\":20,"
        "\"cursor\":\"c\\\"\"}}");
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),     cmocka_unit_test(test_references),
        cmocka_unit_test(test_work),      cmocka_unit_test(test_examples),
        cmocka_unit_test(test_payments),  cmocka_unit_test(test_tools),
        cmocka_unit_test(test_version_1), cmocka_unit_test(test_route_templates),
        cmocka_unit_test(test_metadata),  cmocka_unit_test(test_advertised),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests_name("x402_discovery", tests, NULL, NULL);
}
