/* SPDX-License-Identifier: Apache-2.0
 * The canonical form against the vectors of its RFC and against random documents, which are spelled
 * in many ways and must come out in one; the writer for output. */
#include "base/rng.h"
#include "json_doc.h"

static void assert_canonical(const char *text, const char *expected)
{
    struct doc d;
    struct buf out = {0};
    doc_read(&d, text_of(text));
    if (d.code != METE_OK)
        fail_msg("%s: %s", text, d.err.text);
    assert_int_equal(json_canonical(d.root, &out, &d.err), METE_OK);
    assert_text(buf_text(&out), expected);
    buf_clear(&out);
    doc_clear(&d);
}

/* The canonical form. */

static void check_vector(const char *file)
{
    char path[1024];
    struct buf in = {0}, expected = {0}, out = {0};
    struct doc d;
    read_path(data_path(path, sizeof path, "jcs/input", file), &in);
    read_path(data_path(path, sizeof path, "jcs/output", file), &expected);
    doc_read(&d, buf_text(&in));
    assert_int_equal(d.code, METE_OK);
    enum mete_code code = json_canonical(d.root, &out, &d.err);
    if (code != METE_OK || !text_eq(buf_text(&out), buf_text(&expected)))
        fail_msg("%s: %s, %.*s", file, mete_code_name(code), (int)out.len, (const char *)out.p);
    doc_clear(&d);
    buf_clear(&in);
    buf_clear(&expected);
    buf_clear(&out);
}

static void test_jcs_vectors(void **state)
{
    (void)state;
    check_vector("arrays.json");
    check_vector("french.json");
    check_vector("structures.json");
    check_vector("unicode.json");
    check_vector("weird.json");
}

/* This vector holds 333333333.33333329, whose value the canonical form changes: mete refuses it as
 * it stands, and agrees once that number is written with the digits that are kept. */
static void test_jcs_vector_values_is_refused_until_exact(void **state)
{
    (void)state;
    char path[1024];
    struct buf in = {0}, expected = {0}, out = {0};
    struct doc d;
    read_path(data_path(path, sizeof path, "jcs/input", "values.json"), &in);
    read_path(data_path(path, sizeof path, "jcs/output", "values.json"), &expected);
    doc_read(&d, buf_text(&in));
    assert_int_equal(json_canonical(d.root, &out, &d.err), METE_NUMBER_INEXACT);
    assert_string_equal(d.err.pointer, "/numbers/0");
    assert_non_null(strstr(d.err.text, "333333333.33333329"));
    doc_clear(&d);
    char *digits = memmem(in.p, in.len, "333333333.33333329", 18);
    assert_non_null(digits);
    memcpy(digits, "333333333.33333330", 18);
    doc_read(&d, buf_text(&in));
    assert_int_equal(json_canonical(d.root, &out, &d.err), METE_OK);
    assert_true(text_eq(buf_text(&out), buf_text(&expected)));
    doc_clear(&d);
    buf_clear(&in);
    buf_clear(&expected);
    buf_clear(&out);
}

static void test_numbers_that_would_change_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *literal;
        enum mete_code code;
    } cases[] = {
        {"9007199254740993", METE_NUMBER_INEXACT},
        {"0.1000000000000000055511151231257827", METE_NUMBER_INEXACT},
        {"-1234567890123456789", METE_NUMBER_INEXACT},
        {"1e309", METE_NUMBER_RANGE},
        {"-1e99999", METE_NUMBER_RANGE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct doc d;
        struct buf out = {0};
        char text[128];
        snprintf(text, sizeof text, "{\"b\":[0,{\"x/y\":%s}],\"a\":0}", cases[i].literal);
        doc_read(&d, text_of(text));
        assert_int_equal(d.code, METE_OK);
        assert_int_equal(json_canonical(d.root, &out, &d.err), cases[i].code);
        assert_string_equal(d.err.pointer, "/b/1/x~1y");
        assert_non_null(strstr(d.err.text, cases[i].literal));
        assert_int_equal(out.len, 0);
        buf_clear(&out);
        doc_clear(&d);
    }
}

static void test_canonical_forms(void **state)
{
    (void)state;
    assert_canonical(" [ -0 , 0.0, 1.50, 1e2, 1E-7, 123456789012345, -123456789012345,"
                     " 9007199254740992, 1000000000000000000000, 0e5, -5 ] ",
                     "[0,0,1.5,100,1e-7,123456789012345,-123456789012345,9007199254740992,1e+21,"
                     "0,-5]");
    assert_canonical("\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\\u0020\\\"\\\\\\/\\u007f\"",
                     "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f \\\"\\\\/\x7f\"");
    assert_canonical("{\"aa\":1,\"a\":2,\"\":3,\"a\\u0000\":4,\"B\":5}",
                     "{\"\":3,\"B\":5,\"a\":2,\"a\\u0000\":4,\"aa\":1}");
    assert_canonical("{\"12345678b\":1,\"12345678a\":2,\"12345678\":3,\"1234567\":4}",
                     "{\"1234567\":4,\"12345678\":3,\"12345678a\":2,\"12345678b\":1}");
    /* Supplementary characters are surrogates in UTF-16: before U+E000, after U+D7FF. */
    assert_canonical("{\"\\uffff\":1,\"\\ue000\":2,\"\\ud800\\udc00\":3,\"\\udbff\\udfff\":4,"
                     "\"\\ud7ff\":5}",
                     "{\"\xed\x9f\xbf\":5,\"\xf0\x90\x80\x80\":3,\"\xf4\x8f\xbf\xbf\":4,"
                     "\"\xee\x80\x80\":2,\"\xef\xbf\xbf\":1}");
    assert_canonical("{\"12345678\\uffff\":1,\"12345678\\ud800\\udc00\":3}",
                     "{\"12345678\xf0\x90\x80\x80\":3,\"12345678\xef\xbf\xbf\":1}");
    assert_canonical("null", "null");
    assert_canonical("[[],{},false]", "[[],{},false]");
}

static void test_canonical_without_skips_top_level_only(void **state)
{
    (void)state;
    static const char *const skip[] = {"signature", "platformSignature", NULL};
    struct doc d;
    struct buf out = {0};
    doc_read(&d, TEXT("{\"signature\":{\"v\":1e999},\"b\":{\"signature\":1},\"a\":0,"
                      "\"platformSignature\":2}"));
    assert_int_equal(json_canonical_without(d.root, skip, &out, &d.err), METE_OK);
    assert_text(buf_text(&out), "{\"a\":0,\"b\":{\"signature\":1}}");
    doc_clear(&d);
    buf_reset(&out);
    doc_read(&d, TEXT("{\"signature\":1}"));
    assert_int_equal(json_canonical_without(d.root, skip, &out, &d.err), METE_OK);
    assert_text(buf_text(&out), "{}");
    doc_clear(&d);
    buf_reset(&out);
    doc_read(&d, TEXT("[{\"signature\":1}]"));
    assert_int_equal(json_canonical_without(d.root, skip, &out, &d.err), METE_OK);
    assert_text(buf_text(&out), "[{\"signature\":1}]");
    doc_clear(&d);
    buf_clear(&out);
}

/* Random documents: one tree, spelled twice with other white space, member order and escapes. */

static const char *const PIECES[] = {"a",
                                     "b",
                                     "Z",
                                     "schema_version",
                                     "\"",
                                     "\\",
                                     "/",
                                     "\n",
                                     "\x01",
                                     "\x7f",
                                     "\xc2\x80",
                                     "\xc3\xb6",
                                     "\xed\x9f\xbf",
                                     "\xee\x80\x80",
                                     "\xef\xac\xb3",
                                     "\xef\xbf\xbf",
                                     "\xf0\x90\x80\x80",
                                     "\xf0\x9f\x98\x82",
                                     "\xf4\x8f\xbf\xbf",
                                     "correlation_id",
                                     ""};
static const char *const NUMBERS[] = {"0",
                                      "-0",
                                      "1",
                                      "-1",
                                      "1.5",
                                      "1e3",
                                      "0.1",
                                      "1E-7",
                                      "4.50",
                                      "2e-3",
                                      "1e21",
                                      "100000000000000000000",
                                      "5e-324",
                                      "-12.25",
                                      "123456789012345",
                                      "9007199254740992",
                                      "0.000001",
                                      "1.7976931348623157e308"};

static struct text random_text(struct rng *r, struct arena *a)
{
    struct buf b = {0};
    for (uint64_t n = rng_below(r, 5); n > 0; n--) {
        if (rng_below(r, 40) == 0)
            buf_put_u8(&b, 0);
        buf_put_str(&b, PIECES[rng_below(r, ARRAY_LEN(PIECES))]);
    }
    struct text t = arena_text(a, buf_text(&b));
    buf_clear(&b);
    return t;
}

static struct json *random_tree(struct rng *r, struct arena *a, unsigned depth)
{
    uint64_t kind = rng_below(r, depth > 5 ? 5 : 8);
    if (kind < 3)
        return json_new(a, kind == 0 ? JSON_NULL : kind == 1 ? JSON_FALSE : JSON_TRUE);
    if (kind == 3)
        return json_new_number(a, text_of(NUMBERS[rng_below(r, ARRAY_LEN(NUMBERS))]));
    if (kind == 4)
        return json_new_string(a, random_text(r, a));
    struct json *j = json_new(a, kind == 5 ? JSON_ARRAY : JSON_OBJECT);
    for (uint64_t n = rng_below(r, rng_below(r, 6) == 0 ? 70 : 6); n > 0; n--) {
        struct text key = random_text(r, a);
        if (j->type == JSON_ARRAY)
            json_add(j, random_tree(r, a, depth + 2));
        else if (json_get_text(j, key) == NULL)
            json_set(j, key, random_tree(r, a, depth + 2));
    }
    return j;
}

static void spell_space(struct rng *r, struct buf *b)
{
    static const char *const spaces[] = {"", "", "", " ", "\n", "\r\n\t", "                 "};
    buf_put_str(b, spaces[rng_below(r, ARRAY_LEN(spaces))]);
}

/* Decodes one character of valid UTF-8. */
static uint32_t character_next(struct text *t)
{
    const uint8_t *p = (const uint8_t *)t->p;
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t c = len == 1 ? p[0] : p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (p[i] & 0x3f);
    t->p += len;
    t->len -= len;
    return c;
}

static void spell_string(struct rng *r, struct buf *b, struct text t)
{
    buf_put_u8(b, '"');
    while (t.len > 0) {
        const char *from = t.p;
        uint32_t c = character_next(&t);
        if (c >= 0x20 && c != '"' && c != '\\' && rng_below(r, 4) != 0)
            buf_put(b, from, (size_t)(t.p - from));
        else if (c == '\n' || c == '"' || c == '\\' || c == '/')
            buf_printf(b, "\\%c", c == '\n' ? 'n' : (int)c);
        else if (c < 0x10000)
            buf_printf(b, rng_below(r, 2) != 0 ? "\\u%04x" : "\\u%04X", c);
        else
            buf_printf(b, "\\u%04x\\u%04X", 0xd800 + ((c - 0x10000) >> 10),
                       0xdc00 + ((c - 0x10000) & 0x3ff));
    }
    buf_put_u8(b, '"');
}

static void spell(struct rng *r, struct buf *b, const struct json *j);

static void spell_children(struct rng *r, struct buf *b, const struct json *j)
{
    const struct json *children[128];
    size_t count = 0;
    for (const struct json *c = j->child; c != NULL; c = c->next)
        children[count++] = c;
    assert_int_equal(count, j->count);
    for (size_t i = count; j->type == JSON_OBJECT && i > 1; i--) {
        size_t k = (size_t)rng_below(r, i);
        const struct json *moved = children[i - 1];
        children[i - 1] = children[k];
        children[k] = moved;
    }
    for (size_t i = 0; i < count; i++) {
        buf_put_str(b, i > 0 ? "," : "");
        spell_space(r, b);
        if (j->type == JSON_OBJECT) {
            spell_string(r, b, children[i]->key);
            spell_space(r, b);
            buf_put_u8(b, ':');
        }
        spell(r, b, children[i]);
    }
}

static void spell(struct rng *r, struct buf *b, const struct json *j)
{
    spell_space(r, b);
    switch (j->type) {
    case JSON_NULL:
        buf_put_str(b, "null");
        break;
    case JSON_FALSE:
        buf_put_str(b, "false");
        break;
    case JSON_TRUE:
        buf_put_str(b, "true");
        break;
    case JSON_NUMBER:
        buf_put_text(b, j->text);
        break;
    case JSON_STRING:
        spell_string(r, b, j->text);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        buf_put_u8(b, j->type == JSON_ARRAY ? '[' : '{');
        spell_children(r, b, j);
        spell_space(r, b);
        buf_put_u8(b, j->type == JSON_ARRAY ? ']' : '}');
        break;
    }
    spell_space(r, b);
}

static size_t to_utf16(struct text t, uint16_t *out)
{
    size_t count = 0;
    while (t.len > 0) {
        uint32_t c = character_next(&t);
        if (c >= 0x10000) {
            out[count++] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        out[count++] = (uint16_t)c;
    }
    return count;
}

/* The definition itself, as slow as it reads. */
static bool is_before_in_utf16(struct text a, struct text b)
{
    uint16_t x[512], y[512];
    size_t x_count = to_utf16(a, x), y_count = to_utf16(b, y);
    for (size_t i = 0; i < x_count && i < y_count; i++) {
        if (x[i] != y[i])
            return x[i] < y[i];
    }
    return x_count < y_count;
}

static void assert_ordered(const struct json *j)
{
    for (const struct json *c = j->child; c != NULL; c = c->next) {
        if (j->type == JSON_OBJECT && c->next != NULL)
            assert_true(is_before_in_utf16(c->key, c->next->key));
        assert_ordered(c);
    }
}

static void canonical_of_spelling(struct rng *r, const struct json *tree, struct buf *out)
{
    struct buf text = {0};
    struct doc d;
    spell(r, &text, tree);
    doc_read(&d, buf_text(&text));
    if (d.code != METE_OK)
        fail_msg("%s: %.*s", d.err.text, (int)text.len, (const char *)text.p);
    assert_int_equal(json_canonical(d.root, out, &d.err), METE_OK);
    doc_clear(&d);
    buf_clear(&text);
}

static void check_random_document(struct rng *r)
{
    struct arena a;
    struct buf expected = {0}, again = {0};
    arena_init(&a, (size_t)1 << 30);
    struct json *tree = random_tree(r, &a, 0);
    assert_int_equal(json_canonical(tree, &expected, NULL), METE_OK);
    for (int i = 0; i < 2; i++) {
        buf_reset(&again);
        canonical_of_spelling(r, tree, &again);
        if (!text_eq(buf_text(&again), buf_text(&expected)))
            fail_msg("%.*s\n%.*s", (int)expected.len, (const char *)expected.p, (int)again.len,
                     (const char *)again.p);
    }
    struct doc d;
    doc_read(&d, buf_text(&expected));
    assert_int_equal(d.code, METE_OK);
    assert_ordered(d.root);
    buf_reset(&again);
    assert_int_equal(json_canonical(d.root, &again, &d.err), METE_OK);
    assert_true(text_eq(buf_text(&again), buf_text(&expected)));
    doc_clear(&d);
    buf_clear(&expected);
    buf_clear(&again);
    arena_clear(&a);
}

static void test_random_documents_have_one_canonical_form(void **state)
{
    (void)state;
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 20250131;
    print_message("# seed %llu (METE_TEST_SEED)\n", (unsigned long long)seed);
    struct rng r;
    rng_seed(&r, seed);
    for (int i = 0; i < 3000; i++)
        check_random_document(&r);
}

/* The writer. */

static void write_sample(struct json_writer *w)
{
    jw_object(w, NULL);
    jw_str(w, "name", "a \"b\"\n");
    jw_str(w, "none", NULL);
    jw_i128(w, "amount", -((i128)1 << 100));
    jw_int(w, "min", INT64_MIN);
    jw_array(w, "list");
    jw_int(w, NULL, 1);
    jw_object(w, NULL);
    jw_end_object(w);
    jw_array(w, NULL);
    jw_end_array(w);
    jw_bool(w, NULL, true);
    jw_end_array(w);
    jw_object(w, "o");
    jw_bool(w, "f", false);
    jw_null(w, "z");
    jw_raw(w, "r", TEXT("{\"k\":1}"));
    jw_text(w, "t\t", (struct text){NULL, 0});
    jw_end_object(w);
    jw_end_object(w);
}

static void test_writer_compact(void **state)
{
    (void)state;
    struct buf b = {0};
    struct json_writer w;
    jw_init(&w, &b, false);
    write_sample(&w);
    assert_text(buf_text(&b), "{\"name\":\"a \\\"b\\\"\\n\",\"none\":null,"
                              "\"amount\":\"-1267650600228229401496703205376\","
                              "\"min\":-9223372036854775808,\"list\":[1,{},[],true],"
                              "\"o\":{\"f\":false,\"z\":null,\"r\":{\"k\":1},\"t\\t\":\"\"}}");
    struct doc d;
    doc_read(&d, buf_text(&b));
    assert_int_equal(d.code, METE_OK);
    doc_clear(&d);
    buf_clear(&b);
}

static void test_writer_pretty(void **state)
{
    (void)state;
    struct buf b = {0};
    struct json_writer w;
    jw_init(&w, &b, true);
    write_sample(&w);
    assert_text(buf_text(&b), "{\n"
                              "  \"name\": \"a \\\"b\\\"\\n\",\n"
                              "  \"none\": null,\n"
                              "  \"amount\": \"-1267650600228229401496703205376\",\n"
                              "  \"min\": -9223372036854775808,\n"
                              "  \"list\": [\n"
                              "    1,\n"
                              "    {},\n"
                              "    [],\n"
                              "    true\n"
                              "  ],\n"
                              "  \"o\": {\n"
                              "    \"f\": false,\n"
                              "    \"z\": null,\n"
                              "    \"r\": {\"k\":1},\n"
                              "    \"t\\t\": \"\"\n"
                              "  }\n"
                              "}");
    buf_clear(&b);
}

static void test_trees_can_be_built_on_what_was_read(void **state)
{
    (void)state;
    struct doc d;
    struct buf out = {0};
    doc_read(&d, TEXT("{\"b\":[1]}"));
    struct arena a;
    arena_init(&a, 1 << 16);
    json_add(d.root->child, json_new_number(&a, TEXT("2.50")));
    char copied[] = "q\"";
    json_set(d.root, TEXT("a"), json_new_string(&a, text_of(copied)));
    copied[0] = 'X';
    json_set(d.root, TEXT("c"), json_new(&a, JSON_OBJECT));
    assert_int_equal(json_canonical(d.root, &out, &d.err), METE_OK);
    assert_text(buf_text(&out), "{\"a\":\"q\\\"\",\"b\":[1,2.5],\"c\":{}}");
    arena_clear(&a);
    doc_clear(&d);
    buf_clear(&out);
}

/* What was read may be rewritten: then its old bytes no longer count. */
static void test_a_changed_text_is_what_is_written(void **state)
{
    (void)state;
    struct doc d;
    struct buf out = {0};
    doc_read(&d, TEXT("[\"abc\",\"abc\"]"));
    d.root->child->text = TEXT("x\"z");
    d.root->last->text.len = 2;
    assert_int_equal(json_canonical(d.root, &out, &d.err), METE_OK);
    assert_text(buf_text(&out), "[\"x\\\"z\",\"ab\"]");
    doc_clear(&d);
    buf_clear(&out);
}

/* Every byte that is escaped or nearly so, at every place of short and long strings. */
static void test_strings_are_escaped_at_every_offset(void **state)
{
    (void)state;
    static const struct {
        char c;
        const char *form;
    } cases[] = {{'"', "\\\""}, {'\\', "\\\\"}, {0, "\\u0000"}, {0x1f, "\\u001f"},
                 {' ', " "},    {'!', "!"},     {'#', "#"},     {0x7f, "\x7f"}};
    for (size_t len = 1; len < 50; len++) {
        for (size_t i = 0; i < len * ARRAY_LEN(cases); i++) {
            struct buf out = {0};
            char expected[80], text[64];
            size_t at = i / ARRAY_LEN(cases), kind = i % ARRAY_LEN(cases);
            memset(text, 'a', len);
            text[at] = cases[kind].c;
            snprintf(expected, sizeof expected, "\"%.*s%s%.*s\"", (int)at, text, cases[kind].form,
                     (int)(len - at - 1), text + at + 1);
            char *exact = malloc(len);
            assert_non_null(exact);
            memcpy(exact, text, len);
            json_put_string(&out, (struct text){exact, len});
            assert_text(buf_text(&out), expected);
            free(exact);
            buf_clear(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jcs_vectors),
        cmocka_unit_test(test_jcs_vector_values_is_refused_until_exact),
        cmocka_unit_test(test_numbers_that_would_change_are_refused),
        cmocka_unit_test(test_canonical_forms),
        cmocka_unit_test(test_canonical_without_skips_top_level_only),
        cmocka_unit_test(test_random_documents_have_one_canonical_form),
        cmocka_unit_test(test_writer_compact),
        cmocka_unit_test(test_writer_pretty),
        cmocka_unit_test(test_a_changed_text_is_what_is_written),
        cmocka_unit_test(test_strings_are_escaped_at_every_offset),
        cmocka_unit_test(test_trees_can_be_built_on_what_was_read),
    };
    return cmocka_run_group_tests_name("json_canonical", tests, NULL, NULL);
}
