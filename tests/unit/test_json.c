/* SPDX-License-Identifier: Apache-2.0
 * The JSON reader against a hostile corpus, at its limits, and what it says of each failure. */
#include <dirent.h>

#include "base/limits.h"
#include "json_doc.h"
#include "wire/json_values.h"

/* `text` is refused with `code` at `pointer`, and the message begins with the byte offset. */
static void assert_refused_text(struct text text, enum mete_code code, const char *pointer,
                                size_t offset)
{
    struct doc d;
    char begin[32];
    doc_read(&d, text);
    snprintf(begin, sizeof begin, "byte %zu: ", offset);
    if (d.code != code || strcmp(d.err.pointer, pointer) != 0 ||
        strncmp(d.err.text, begin, strlen(begin)) != 0)
        fail_msg("%.*s: %s at '%s', %s", text.len < 80 ? (int)text.len : 80, text.p,
                 mete_code_name(d.code), d.err.pointer, d.err.text);
    doc_clear(&d);
}

static void assert_refused(const char *text, enum mete_code code, const char *pointer,
                           size_t offset)
{
    assert_refused_text(text_of(text), code, pointer, offset);
}

/* The corpus. */

static bool has_duplicates(const char *file)
{
    return strcmp(file, "y_object_duplicated_key.json") == 0 ||
           strcmp(file, "y_object_duplicated_key_and_value.json") == 0;
}

static void check_corpus_file(const char *file, struct text input)
{
    struct doc d;
    doc_read(&d, input);
    bool expect = file[0] == 'y' && !has_duplicates(file);
    if ((d.code == METE_OK) != expect)
        fail_msg("%s: %s %s", file, mete_code_name(d.code), d.err.text);
    if (has_duplicates(file))
        assert_int_equal(d.code, METE_JSON_DUPLICATE_KEY);
    else if (!expect && d.code != METE_JSON_SYNTAX && d.code != METE_JSON_UTF8)
        fail_msg("%s: %s", file, mete_code_name(d.code));
    doc_clear(&d);
}

static void test_corpus_y_is_read_and_n_is_refused(void **state)
{
    (void)state;
    char path[1024];
    DIR *dir = opendir(data_path(path, sizeof path, "json-hostile", ""));
    assert_non_null(dir);
    struct buf input = {0};
    size_t y_count = 0, n_count = 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (strncmp(e->d_name, "y_", 2) != 0 && strncmp(e->d_name, "n_", 2) != 0)
            continue;
        *(e->d_name[0] == 'y' ? &y_count : &n_count) += 1;
        read_path(data_path(path, sizeof path, "json-hostile", e->d_name), &input);
        check_corpus_file(e->d_name, buf_text(&input));
    }
    closedir(dir);
    buf_clear(&input);
    assert_int_equal(y_count, 95);
    assert_int_equal(n_count, 186);
}

/* The two files that the corpus leaves out for their size. */
static void test_corpus_deep_files_are_refused_for_depth(void **state)
{
    (void)state;
    struct buf b = {0};
    for (int i = 0; i < 100000; i++)
        buf_put_u8(&b, '[');
    char pointer[2 * JSON_DEPTH_MAX + 1] = "";
    for (size_t i = 0; i < JSON_DEPTH_MAX; i++)
        json_pointer_index(pointer, sizeof pointer, 0);
    assert_refused_text(buf_text(&b), METE_JSON_DEPTH, pointer, JSON_DEPTH_MAX);
    buf_reset(&b);
    for (int i = 0; i < 50000; i++)
        buf_put_str(&b, "[{\"\":");
    buf_put_u8(&b, '\n');
    pointer[0] = '\0';
    for (size_t i = 0; i < JSON_DEPTH_MAX / 2; i++)
        memcpy(pointer + 3 * i, "/0/", 4);
    assert_refused_text(buf_text(&b), METE_JSON_DEPTH, pointer, JSON_DEPTH_MAX / 2 * 5);
    buf_clear(&b);
}

static void test_depth_limit_is_exact(void **state)
{
    (void)state;
    struct buf b = {0};
    for (size_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        buf_reset(&b);
        for (size_t i = 0; i < depth; i++)
            buf_put_u8(&b, '[');
        for (size_t i = 0; i < depth; i++)
            buf_put_u8(&b, ']');
        struct doc d;
        doc_read(&d, buf_text(&b));
        assert_int_equal(d.code, depth <= JSON_DEPTH_MAX ? METE_OK : METE_JSON_DEPTH);
        doc_clear(&d);
    }
    buf_clear(&b);
}

/* Refusals: code, place, byte. */

static void test_syntax_errors_name_place_and_byte(void **state)
{
    (void)state;
    assert_refused("", METE_JSON_SYNTAX, "", 0);
    assert_refused("  \t\r\n", METE_JSON_SYNTAX, "", 5);
    assert_refused("{} x", METE_JSON_SYNTAX, "", 3);
    assert_refused("[1,]", METE_JSON_SYNTAX, "/1", 3);
    assert_refused("[1 2]", METE_JSON_SYNTAX, "", 3);
    assert_refused("{\"a\":1,}", METE_JSON_SYNTAX, "", 7);
    assert_refused("{\"a\" 1}", METE_JSON_SYNTAX, "/a", 5);
    assert_refused("{\"a\":{\"b\":[0,{\"c\":tru}]}}", METE_JSON_SYNTAX, "/a/b/1/c", 18);
    assert_refused("{\"a\":{\"b\":1 \"c\":2}}", METE_JSON_SYNTAX, "/a", 12);
    assert_refused("{\"a\":1,\"b", METE_JSON_SYNTAX, "", 9);
    assert_refused("{\"a/b~c\":01}", METE_JSON_SYNTAX, "/a~1b~0c", 9);
    assert_refused("{\"a\":-}", METE_JSON_SYNTAX, "/a", 6);
    assert_refused("[1.e3]", METE_JSON_SYNTAX, "/0", 3);
    assert_refused("[\"\\x\"]", METE_JSON_SYNTAX, "/0", 2);
    assert_refused("[\"\\u12g4\"]", METE_JSON_SYNTAX, "/0", 2);
    assert_refused("[\"a\tb\"]", METE_JSON_SYNTAX, "/0", 3);
    assert_refused("\xef\xbb\xbf{}", METE_JSON_SYNTAX, "", 0);
    assert_refused("[1]\v", METE_JSON_SYNTAX, "", 3);
    assert_refused("[1\xc2\xa0]", METE_JSON_SYNTAX, "", 2);
    assert_refused("[True]", METE_JSON_SYNTAX, "/0", 1);
    assert_refused("'a'", METE_JSON_SYNTAX, "", 0);
}

static void test_nul_is_a_byte_like_any_other(void **state)
{
    (void)state;
    assert_refused_text((struct text){"[1]\0", 4}, METE_JSON_SYNTAX, "", 3);
    assert_refused_text((struct text){"[\0]", 3}, METE_JSON_SYNTAX, "/0", 1);
    assert_refused_text((struct text){"[\"a\0b\"]", 7}, METE_JSON_SYNTAX, "/0", 3);
    assert_refused_text((struct text){"[\"\\\0\"]", 6}, METE_JSON_SYNTAX, "/0", 2);
    assert_refused_text((struct text){"{\"a\":1\0}", 8}, METE_JSON_SYNTAX, "", 6);
}

static void test_bad_utf8_names_place_and_byte(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc3",
                                      "\xc3(",
                                      "\xe0\x9f\xbf",
                                      "\xe2\x82",
                                      "\xe2(\xa1",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xf0\x9f\x98",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xf8\x88\x80\x80\x80",
                                      "\xff",
                                      "\xf0\x9f(\x80",
                                      "\xf0\x9f\x98(",
                                      "\xe2\x82("};
    char text[64];
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        snprintf(text, sizeof text, "{\"k\":[7,\"ab%s\"]}", bad[i]);
        assert_refused(text, METE_JSON_UTF8, "/k/1", 11);
        snprintf(text, sizeof text, "[{\"ab%s\":1}]", bad[i]);
        assert_refused(text, METE_JSON_UTF8, "/0", 5);
        snprintf(text, sizeof text, "\"0123456789abcdef%s0123456789abcdef\"", bad[i]);
        assert_refused(text, METE_JSON_UTF8, "", 17);
    }
    assert_refused("[\"\\ud800\"]", METE_JSON_UTF8, "/0", 2);
    assert_refused("[\"\\udc00\"]", METE_JSON_UTF8, "/0", 2);
    assert_refused("[\"\\ud800\\u0041\"]", METE_JSON_UTF8, "/0", 2);
    assert_refused("[\"\\ud83d\\ud83d\\ude02\"]", METE_JSON_UTF8, "/0", 2);
    assert_refused("[\"\\uDBFF\\uE000\"]", METE_JSON_UTF8, "/0", 2);
}

static void test_all_of_unicode_is_read(void **state)
{
    (void)state;
    static const char *const good[] = {"\xc2\x80",     "\xdf\xbf",         "\xe0\xa0\x80",
                                       "\xed\x9f\xbf", "\xee\x80\x80",     "\xef\xbf\xbf",
                                       "\x7f",         "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
    static const char *const escape[] = {"\\u0080", "\\u07ff",        "\\u0800",
                                         "\\ud7ff", "\\uE000",        "\\uFfFf",
                                         "\\u007F", "\\ud800\\udc00", "\\udbff\\udfff"};
    char text[64];
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct doc d;
        snprintf(text, sizeof text, "[\"%s\",\"%s\"]", good[i], escape[i]);
        doc_read(&d, text_of(text));
        assert_int_equal(d.code, METE_OK);
        assert_text(d.root->child->text, good[i]);
        assert_text(d.root->last->text, good[i]);
        doc_clear(&d);
    }
}

static void test_duplicates_are_found_after_decoding(void **state)
{
    (void)state;
    assert_refused("{\"a\":1,\"a\":1}", METE_JSON_DUPLICATE_KEY, "/a", 11);
    assert_refused("{\"\":1,\"\":2}", METE_JSON_DUPLICATE_KEY, "/", 9);
    assert_refused("[0,{\"ab\":1,\"c\":2,\"\\u0061b\":3}]", METE_JSON_DUPLICATE_KEY, "/1/ab", 27);
    assert_refused("{\"\xf0\x9f\x98\x82\":1,\"\\ud83d\\ude02\":3}", METE_JSON_DUPLICATE_KEY,
                   "/\xf0\x9f\x98\x82", 25);
}

/* An object of `count` members m0, m1, ... and, when `again` is below `count`, that one twice. */
static void object_put(struct buf *b, size_t count, size_t again)
{
    buf_put_u8(b, '{');
    for (size_t i = 0; i < count; i++)
        buf_printf(b, "%s\"m%zu\":%zu", i > 0 ? "," : "", i, i);
    if (again < count)
        buf_printf(b, ",\"m%zu\":0", again);
    buf_put_u8(b, '}');
}

static void test_duplicates_are_found_in_objects_of_any_size(void **state)
{
    (void)state;
    struct buf b = {0};
    for (size_t count = 1; count <= 140; count++) {
        for (size_t again = 0; again <= count; again += 1 + count / 7) {
            buf_reset(&b);
            object_put(&b, count, again);
            struct doc d;
            doc_read(&d, buf_text(&b));
            char pointer[32] = "";
            if (again < count)
                snprintf(pointer, sizeof pointer, "/m%zu", again);
            assert_int_equal(d.code, again < count ? METE_JSON_DUPLICATE_KEY : METE_OK);
            assert_string_equal(d.err.pointer, pointer);
            doc_clear(&d);
        }
    }
    buf_clear(&b);
}

/* Found when the object ends, and still named for itself. */
static void test_a_duplicate_amid_many_members_is_named(void **state)
{
    (void)state;
    struct buf b = {0};
    for (size_t place = 33; place < 60; place++) {
        buf_reset(&b);
        buf_put_str(&b, "[{");
        size_t offset = 0;
        for (size_t i = 0; i < 60; i++) {
            buf_printf(&b, "\"m%zu\":", i == place ? 20 : i);
            offset = i == place ? b.len : offset;
            buf_put_str(&b, i < 59 ? "0," : "0}]");
        }
        assert_refused_text(buf_text(&b), METE_JSON_DUPLICATE_KEY, "/0/m20", offset);
    }
    buf_clear(&b);
}

/* A quadratic search would make 5,000,000,000 comparisons here: minutes, where this takes less
 * than a second. */
static void test_a_hundred_thousand_members(void **state)
{
    (void)state;
    struct buf b = {0}, first = {0}, second = {0};
    struct doc d;
    object_put(&b, 100000, 100000);
    doc_read(&d, buf_text(&b));
    assert_int_equal(d.code, METE_OK);
    assert_int_equal(d.root->count, 100000);
    int64_t value = 0;
    assert_true(json_int(json_get(d.root, "m99999"), 0, 100000, &value));
    assert_int_equal(value, 99999);
    assert_int_equal(json_canonical(d.root, &first, &d.err), METE_OK);
    assert_true(text_starts(buf_text(&first), "{\"m0\":0,\"m1\":1,\"m10\":10,\"m100\":100,"));
    doc_clear(&d);
    doc_read(&d, buf_text(&first));
    assert_int_equal(json_canonical(d.root, &second, &d.err), METE_OK);
    assert_true(text_eq(buf_text(&first), buf_text(&second)));
    doc_clear(&d);
    buf_reset(&b);
    object_put(&b, 100000, 77777);
    doc_read(&d, buf_text(&b));
    assert_int_equal(d.code, METE_JSON_DUPLICATE_KEY);
    assert_string_equal(d.err.pointer, "/m77777");
    doc_clear(&d);
    buf_clear(&b);
    buf_clear(&first);
    buf_clear(&second);
}

static void test_a_failure_leaves_out_untouched(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    struct json marker;
    struct json *root = &marker;
    assert_int_equal(json_parse(&a, TEXT("[1,2"), &root, NULL), METE_JSON_SYNTAX);
    assert_ptr_equal(root, &marker);
    struct buf out = {0};
    buf_put_str(&out, "before");
    assert_int_equal(json_parse(&a, TEXT("{\"b\":[1,{\"c\":1e999}],\"a\":2}"), &root, NULL),
                     METE_OK);
    assert_int_equal(json_canonical(root, &out, NULL), METE_NUMBER_RANGE);
    assert_text(buf_text(&out), "before");
    buf_clear(&out);
    arena_clear(&a);
}

static void test_arena_bound_holds_for_the_worst_inputs(void **state)
{
    (void)state;
    static const char *const units[] = {"0,", "[],", "\"\\n\",", "{\"\":0},", "\"\","};
    struct buf b = {0};
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        for (size_t count = 1; count < 20000; count *= 3) {
            buf_reset(&b);
            buf_put_u8(&b, '[');
            for (size_t k = 0; k < count; k++)
                buf_put_str(&b, units[i]);
            buf_put_str(&b, "0]");
            struct doc d;
            doc_read(&d, buf_text(&b)); /* the arena asserts */
            assert_int_equal(d.code, METE_OK);
            assert_int_equal(d.root->count, count + 1);
            doc_clear(&d);
        }
    }
    buf_clear(&b);
}

/* The same name on other levels is none of the object's business. */
static void test_names_may_repeat_on_other_levels(void **state)
{
    (void)state;
    struct doc d;
    doc_read(&d, TEXT("{\"a\":{\"a\":1},\"b\":{\"a\":[{\"a\":2}]},\"A\":3}"));
    assert_int_equal(d.code, METE_OK);
    doc_clear(&d);
}

/* Values. */

static void test_nodes_carry_what_was_written(void **state)
{
    (void)state;
    struct doc d;
    doc_read(&d, TEXT(" {\"s\": \"a\\n\\u20ac\", \"n\":-1.50e+3 ,\"t\":true,\"f\":false,\"z\":null,"
                      "\"a\":[ 1, \"x\" ],\"o\":{ }} "));
    assert_int_equal(d.code, METE_OK);
    assert_int_equal(d.root->type, JSON_OBJECT);
    assert_int_equal(d.root->count, 7);
    assert_ptr_equal(d.root->raw.p, d.input.p + 1);
    assert_int_equal(d.root->raw.len, d.input.len - 2);
    const struct json *s = json_get(d.root, "s");
    assert_text(s->raw, "\"a\\n\\u20ac\"");
    assert_text(s->text, "a\n\xe2\x82\xac");
    assert_text(json_get(d.root, "n")->text, "-1.50e+3");
    assert_text(json_get(d.root, "n")->raw, "-1.50e+3");
    assert_true(json_is_true(json_get(d.root, "t")));
    assert_false(json_is_true(json_get(d.root, "f")));
    assert_int_equal(json_get(d.root, "z")->type, JSON_NULL);
    const struct json *a = json_get(d.root, "a");
    assert_text(a->raw, "[ 1, \"x\" ]");
    assert_int_equal(a->count, 2);
    assert_ptr_equal(a->last, a->child->next);
    assert_text(a->last->text, "x");
    assert_ptr_equal(a->last->text.p, a->last->raw.p + 1); /* no copy */
    assert_text(json_get(d.root, "o")->raw, "{ }");
    assert_null(json_get(d.root, "o")->child);
    doc_clear(&d);
}

static void test_get_tolerates_absence(void **state)
{
    (void)state;
    struct doc d;
    doc_read(&d, TEXT("{\"a\":[1],\"nul\\u0000\":2}"));
    assert_null(json_get(NULL, "a"));
    assert_null(json_get(d.root, "b"));
    assert_null(json_get(json_get(d.root, "a"), "a"));
    assert_null(json_get(d.root, "nul"));
    assert_non_null(json_get_text(d.root, (struct text){"nul\0", 4}));
    assert_false(json_is_true(NULL));
    doc_clear(&d);
}

static void test_ints_keep_their_range(void **state)
{
    (void)state;
    struct doc d;
    int64_t v = 7;
    doc_read(&d, TEXT("[9223372036854775807,-9223372036854775808,9223372036854775808,"
                      "-9223372036854775809,1.0,1e2,\"5\",-0,10,"
                      "340282366920938463463374607431768211456]"));
    const struct json *j = d.root->child;
    assert_true(json_int(j, INT64_MIN, INT64_MAX, &v) && v == INT64_MAX);
    j = j->next;
    assert_true(json_int(j, INT64_MIN, INT64_MAX, &v) && v == INT64_MIN);
    v = 7;
    for (int i = 0; i < 5; i++) {
        j = j->next;
        assert_false(json_int(j, INT64_MIN, INT64_MAX, &v));
    }
    assert_int_equal(v, 7);
    j = j->next;
    assert_true(json_int(j, 0, 0, &v) && v == 0);
    j = j->next;
    assert_false(json_int(j, 0, 9, &v));
    assert_false(json_int(j, 11, 12, &v));
    assert_true(json_int(j, 10, 10, &v) && v == 10);
    assert_false(json_int(j->next, INT64_MIN, INT64_MAX, &v));
    assert_false(json_int(NULL, 0, 9, &v));
    doc_clear(&d);
}

static void test_ten_megabyte_string(void **state)
{
    (void)state;
    size_t len = 10000000;
    struct buf b = {0}, out = {0};
    buf_put_u8(&b, '"');
    while (b.len < len)
        buf_put_str(&b, "sixteen bytes or so; \xe2\x82\xac ");
    size_t plain = b.len - 1;
    buf_put_str(&b, "\"");
    struct doc d;
    doc_read(&d, buf_text(&b));
    assert_int_equal(d.code, METE_OK);
    assert_int_equal(d.root->text.len, plain);
    assert_ptr_equal(d.root->text.p, d.input.p + 1);
    assert_int_equal(json_canonical(d.root, &out, &d.err), METE_OK);
    assert_true(text_eq(buf_text(&out), buf_text(&b)));
    doc_clear(&d);
    b.len--; /* the quote */
    buf_put_str(&b, "\\u0041\"");
    doc_read(&d, buf_text(&b));
    assert_int_equal(d.root->text.len, plain + 1);
    assert_int_equal(d.root->text.p[plain], 'A');
    doc_clear(&d);
    b.len--;
    assert_refused_text(buf_text(&b), METE_JSON_SYNTAX, "", b.len);
    buf_clear(&b);
    buf_clear(&out);
}

/* Everything that stops a scan, at every place of a vector. */
static void test_strings_end_at_every_offset(void **state)
{
    (void)state;
    static const struct {
        const char *after;
        enum mete_code code;
        size_t more; /* bytes that it adds to the decoded text */
    } cases[] = {
        {"\"", METE_OK, 0},
        {"\\n\"", METE_OK, 1},
        {"\xc3\xa9\"", METE_OK, 2},
        {" \"", METE_OK, 1},
        {"\x7f\"", METE_OK, 1},
        {"\x01\"", METE_JSON_SYNTAX, 0},
        {"\x1f\"", METE_JSON_SYNTAX, 0},
        {"\x80\"", METE_JSON_UTF8, 0},
        {"", METE_JSON_SYNTAX, 0},
    };
    for (size_t len = 0; len < 70; len++) {
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            char text[128] = "\"";
            memset(text + 1, i % 2 != 0 ? '!' : 'z', len);
            memcpy(text + 1 + len, cases[i].after, strlen(cases[i].after) + 1);
            if (cases[i].code != METE_OK) {
                assert_refused(text, cases[i].code, "", len + 1);
                continue;
            }
            struct doc d;
            doc_read(&d, text_of(text));
            assert_int_equal(d.code, METE_OK);
            assert_int_equal(d.root->text.len, len + cases[i].more);
            doc_clear(&d);
        }
    }
}

/* Every prefix of a document is refused, and every single-byte change is read or refused, with no
 * read past the end. */
static void test_cut_and_changed_documents_are_safe(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,-2.5e+3,true,null,\"x\\u00e9\\ud83d\\ude02\xc3\xa9\"],"
                               "\"b\":{\"c\":false,\"d\":{}}}";
    char copy[sizeof text];
    struct doc d;
    for (size_t len = 0; len < sizeof text - 1; len++) {
        doc_read(&d, (struct text){text, len});
        assert_int_not_equal(d.code, METE_OK);
        doc_clear(&d);
        for (unsigned byte = 0; byte < 256; byte++) {
            memcpy(copy, text, sizeof text);
            copy[len] = (char)byte;
            doc_read(&d, (struct text){copy, sizeof text - 1});
            doc_clear(&d);
        }
    }
}

/* Pointers. */

static void test_pointer_escapes_and_cuts_at_characters(void **state)
{
    (void)state;
    char p[16] = "";
    json_pointer_add(p, sizeof p, TEXT("a/b~"));
    json_pointer_index(p, sizeof p, 12);
    assert_string_equal(p, "/a~1b~0/12");
    json_pointer_add(p, sizeof p, TEXT("xyz\xe2\x82\xac"));
    assert_string_equal(p, "/a~1b~0/12/xyz.");
    json_pointer_index(p, sizeof p, 1);
    assert_string_equal(p, "/a~1b~0/12/xyz.");
    char q[8] = "";
    json_pointer_add(q, sizeof q, (struct text){"a\0b", 3});
    assert_string_equal(q, "/a\xef\xbf\xbd"
                           "b");
    json_pointer_index(q, sizeof q, 7);
    assert_string_equal(q, "/a\xef\xbf\xbd"
                           "b/");
    char one[1] = "";
    json_pointer_add(one, sizeof one, TEXT("a"));
    assert_string_equal(one, "");
}

static void test_money_is_written_by_its_asset(void **state)
{
    static const struct {
        i128 amount;
        struct asset asset;
        const char *json;
    } cases[] = {
        {1250, {.code = "USD", .scale = 2}, "{\"m\":{\"amount\":\"12.50\",\"currency\":\"USD\"}}"},
        {-5, {.code = "USD", .scale = 2}, "{\"m\":{\"amount\":\"-0.05\",\"currency\":\"USD\"}}"},
        {7, {.code = "JPY"}, "{\"m\":{\"amount\":\"7\",\"currency\":\"JPY\"}}"}};
    struct buf out = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json_writer w;
        buf_reset(&out);
        jw_init(&w, &out, false);
        jw_object(&w, NULL);
        jw_money(&w, "m", cases[i].amount, &cases[i].asset);
        jw_end_object(&w);
        assert_true(text_is(buf_text(&out), cases[i].json));
    }
    buf_reset(&out);
    struct json_writer w;
    jw_init(&w, &out, false);
    jw_money_said(&w, NULL, TEXT("a \"few\""), TEXT(""));
    assert_true(text_is(buf_text(&out), "{\"amount\":\"a \\\"few\\\"\",\"currency\":\"\"}"));
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corpus_y_is_read_and_n_is_refused),
        cmocka_unit_test(test_corpus_deep_files_are_refused_for_depth),
        cmocka_unit_test(test_depth_limit_is_exact),
        cmocka_unit_test(test_syntax_errors_name_place_and_byte),
        cmocka_unit_test(test_nul_is_a_byte_like_any_other),
        cmocka_unit_test(test_bad_utf8_names_place_and_byte),
        cmocka_unit_test(test_all_of_unicode_is_read),
        cmocka_unit_test(test_duplicates_are_found_after_decoding),
        cmocka_unit_test(test_duplicates_are_found_in_objects_of_any_size),
        cmocka_unit_test(test_a_duplicate_amid_many_members_is_named),
        cmocka_unit_test(test_a_hundred_thousand_members),
        cmocka_unit_test(test_a_failure_leaves_out_untouched),
        cmocka_unit_test(test_arena_bound_holds_for_the_worst_inputs),
        cmocka_unit_test(test_names_may_repeat_on_other_levels),
        cmocka_unit_test(test_nodes_carry_what_was_written),
        cmocka_unit_test(test_get_tolerates_absence),
        cmocka_unit_test(test_ints_keep_their_range),
        cmocka_unit_test(test_ten_megabyte_string),
        cmocka_unit_test(test_strings_end_at_every_offset),
        cmocka_unit_test(test_cut_and_changed_documents_are_safe),
        cmocka_unit_test(test_pointer_escapes_and_cuts_at_characters),
        cmocka_unit_test(test_money_is_written_by_its_asset),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
