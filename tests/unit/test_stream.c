/* SPDX-License-Identifier: Apache-2.0
 * Streams: every format, however the bytes are cut; broken items cost no other item; limits; random
 * bytes. A stream is written down as a list "+line@offset item" and "!line@offset code item". */
#include "wire_case.h"

#include "base/rng.h"
#include "wire/stream.h"

struct listing {
    struct buf text;
    size_t events;
    size_t broken;
    bool body;
    char app_id[64];
    char environment[64];
};

static void listing_clear(struct listing *l)
{
    buf_clear(&l->text);
}

static void note(struct listing *l, enum stream_item kind, struct text item, uint64_t offset,
                 uint64_t line, const struct mete_err *err)
{
    bool event = kind == STREAM_EVENT;
    l->events += event;
    l->broken += !event;
    buf_printf(&l->text, "%c%llu@%llu ", event ? '+' : '!', (unsigned long long)line,
               (unsigned long long)offset);
    if (!event) {
        assert_true(err->text[0] != '\0');
        buf_printf(&l->text, "%s ",
                   err->code == METE_JSON_SYNTAX       ? "syntax"
                   : err->code == METE_EVENT_TOO_LARGE ? "large"
                                                       : "?");
    }
    if (item.len > 1000)
        buf_printf(&l->text, "(%zu bytes)", item.len);
    else
        buf_put_text(&l->text, item);
    buf_put_str(&l->text, "\n");
}

static void pull(struct stream *s, struct listing *l, struct text input)
{
    struct text item;
    uint64_t offset, line;
    struct mete_err err = {0};
    enum stream_item kind;
    while ((kind = stream_next(s, &item, &offset, &line, &err)) != STREAM_MORE) {
        assert_true(item.len <= EVENT_SIZE_MAX && offset + item.len <= input.len);
        if (item.len > 0) /* the item is what stands there */
            assert_memory_equal(item.p, input.p + offset, item.len);
        note(l, kind, item, offset, line, &err);
    }
}

/* Cuts `input` into pieces of `chunk` bytes; 0: pieces of random sizes. */
static void list_stream(struct listing *l, struct text input, size_t chunk, struct rng *rng)
{
    memset(l, 0, sizeof *l);
    struct stream *s = stream_new();
    size_t at = 0;
    while (at < input.len) {
        size_t len = chunk != 0 ? chunk : 1 + (size_t)rng_below(rng, 200);
        len = len < input.len - at ? len : input.len - at;
        stream_push(s, (struct bytes){(const uint8_t *)input.p + at, len}, at + len == input.len);
        at += len;
        pull(s, l, input);
    }
    stream_push(s, (struct bytes){0}, true);
    pull(s, l, input);
    l->body = stream_is_ingest_body(s);
    text_copy(l->app_id, sizeof l->app_id, stream_app_id(s));
    text_copy(l->environment, sizeof l->environment, stream_environment(s));
    stream_free(s);
}

static void assert_same(const struct listing *a, const struct listing *b, size_t chunk)
{
    if (!text_eq(buf_text(&a->text), buf_text(&b->text)))
        fail_msg("in pieces of %zu:\n%.*s\nin one:\n%.*s", chunk, (int)b->text.len, b->text.p,
                 (int)a->text.len, a->text.p);
    assert_int_equal(a->body, b->body);
    assert_string_equal(a->app_id, b->app_id);
    assert_string_equal(a->environment, b->environment);
}

static void assert_every_cut_is_the_same(const struct listing *whole, struct text input)
{
    for (size_t chunk = 1; chunk <= input.len && chunk < 300; chunk++) {
        struct listing cut;
        list_stream(&cut, input, chunk, NULL);
        assert_same(whole, &cut, chunk);
        listing_clear(&cut);
    }
}

struct stream_case {
    const char *input;
    const char *expected;
};

static void assert_listing(const struct stream_case *c)
{
    struct listing l;
    char *input = quoted(c->input);
    char *expected = quoted(c->expected);
    list_stream(&l, text_of(input), SIZE_MAX, NULL);
    if (!text_is(buf_text(&l.text), expected))
        fail_msg("%s\ngives\n%.*s\nnot\n%s", input, (int)l.text.len, l.text.p, expected);
    assert_every_cut_is_the_same(&l, text_of(input));
    listing_clear(&l);
    free(input);
    free(expected);
}

static const struct stream_case formats[] = {
    {"", ""},
    {"\n\r\n \t\n", ""},
    {"\xef\xbb\xbf", ""},
    {"\xef\xbb\xbf{'a':1}\n", "+1@3 {'a':1}\n"},
    /* NDJSON */
    {"{'a':1}\n{'b':2}\n", "+1@0 {'a':1}\n+2@8 {'b':2}\n"},
    {"{'a':1}\r\n\r\n{'b':2}", "+1@0 {'a':1}\n+3@11 {'b':2}\n"},
    {"  {'a':1}  \n\t{'b':2}\t", "+1@2 {'a':1}\n+2@13 {'b':2}\n"},
    {"{}\n{}\n", "+1@0 {}\n+2@3 {}\n"},
    {"{'a':'}{'}\n{'b':'\\\\'}\n{'c':'\\''}\n",
     "+1@0 {'a':'}{'}\n+2@11 {'b':'\\\\'}\n+3@22 {'c':'\\''}\n"},
    /* one after the other */
    {"{'a':1}{'b':2} {'c':3}", "+1@0 {'a':1}\n+1@7 {'b':2}\n+1@15 {'c':3}\n"},
    {"{\n  'a': {\n    'b': [\n      1\n    ]\n  }\n}\n{\n}\n",
     "+1@0 {\n  'a': {\n    'b': [\n      1\n    ]\n  }\n}\n+8@42 {\n}\n"},
    {"{'a':1}[{'b':2}]", "+1@0 {'a':1}\n+1@8 {'b':2}\n"},
    {"{'appId':'a',\n'x':{\n},\n'events':[\n{'b':1}]}", "+5@34 {'b':1}\n"},
    /* arrays */
    {"[]", ""},
    {"[{'a':1},{'b':2}]", "+1@1 {'a':1}\n+1@9 {'b':2}\n"},
    {"[\n{'a':1},\n{'b':2}\n]\n", "+2@2 {'a':1}\n+3@11 {'b':2}\n"},
    {"[{'a':1}]\n[{'b':2}]{'c':3}", "+1@1 {'a':1}\n+2@11 {'b':2}\n+2@19 {'c':3}\n"},
    {"[[1,2],{'a':[{}]}]", "+1@1 [1,2]\n+1@7 {'a':[{}]}\n"},
};

static void test_every_format_gives_its_items(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        assert_listing(&formats[i]);
}

static const struct stream_case flaws[] = {
    /* a truncated line costs no other line */
    {"{'a':1\n{'b':2}\n", "!1@0 syntax {'a':1\n\n+2@7 {'b':2}\n"},
    {"{'a':'x\n{'b':2}\n", "!1@0 syntax {'a':'x\n\n+2@8 {'b':2}\n"},
    {"{'a':'x\\\n{'b':2}\n", "!1@0 syntax {'a':'x\\\n\n+2@9 {'b':2}\n"},
    {"{'a':[{'x'\n{'b':2}\n{'c':3}\n", "!1@0 syntax {'a':[{'x'\n\n+2@11 {'b':2}\n+3@19 {'c':3}\n"},
    {"{'a':1", "!1@0 syntax {'a':1\n"},
    {"{'a':1}\n{'b':", "+1@0 {'a':1}\n!2@8 syntax {'b':\n"},
    /* a lost quote ends with its line: the reader of events says what is wrong */
    {"{'a:1}\n  }\n{'b':2}\n", "+1@0 {'a:1}\n  }\n+3@11 {'b':2}\n"},
    {"{'a':'line\nbreak'}\n{'b':2}", "!1@0 syntax {'a':'line\nbreak'}\n\n+3@19 {'b':2}\n"},
    /* more on the line than values */
    {"{'a':1}}\n{'b':2}\n", "!1@0 syntax {'a':1}}\n+2@9 {'b':2}\n"},
    {"{'a':1} x\n{'b':2}\n", "!1@0 syntax {'a':1} x\n+2@10 {'b':2}\n"},
    {"{'a':1},\n{'b':2}\n", "!1@0 syntax {'a':1},\n+2@9 {'b':2}\n"},
    {"{'a':1]}\n{'b':2}\n", "!1@0 syntax {'a':1]}\n+2@9 {'b':2}\n"},
    /* no value at all */
    {"hello\n{'b':2}\n", "!1@0 syntax hello\n+2@6 {'b':2}\n"},
    {"7", "!1@0 syntax 7\n"},
    {"}\n]\n'x'\n", "!1@0 syntax }\n!2@2 syntax ]\n!3@4 syntax 'x'\n"},
    {"\xef\xbb{'a':1}", "!1@0 syntax \xef\xbb{'a':1}\n"},
    {"\xef", "!1@0 syntax \xef\n"},
    /* arrays */
    {"[{'a':1},]", "+1@1 {'a':1}\n!1@9 syntax \n"},
    {"[,{'a':1}]", "!1@1 syntax \n+1@2 {'a':1}\n"},
    {"[{'a':1}{'b':2}]", "+1@1 {'a':1}\n!1@8 syntax \n+1@8 {'b':2}\n"},
    {"[{'a':1}", "+1@1 {'a':1}\n!1@8 syntax \n"},
    {"[", "!1@1 syntax \n"},
    {"[{'a':1},{'b'", "+1@1 {'a':1}\n!1@9 syntax {'b'\n"},
    {"[7,'x,]y',{'a':1},null]",
     "!1@1 syntax 7\n!1@3 syntax 'x,]y'\n+1@10 {'a':1}\n!1@18 syntax null\n"},
    {"[\n{'a':1,\n{'b':2}\n]{'c':3}", "!2@2 syntax {'a':1,\n\n+3@10 {'b':2}\n+4@19 {'c':3}\n"},
    {"['a\\'b,c',{'a':1}]", "!1@1 syntax 'a\\'b,c'\n+1@10 {'a':1}\n"},
    {"[x{'a':1}]", "!1@1 syntax x\n+1@2 {'a':1}\n"},
};

static void test_what_is_broken_costs_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(flaws); i++)
        assert_listing(&flaws[i]);
}

/* Ingest bodies */

struct body_case {
    const char *input;
    bool body;
    const char *app_id;
    const char *environment;
    size_t events;
    size_t broken;
};

static const struct body_case bodies[] = {
    {"{'appId':'a','env':'prod','events':[{'x':1},{'y':2}]}", true, "a", "prod", 2, 0},
    {"{ 'sentAtUtc' : 1.5e3 ,\n 'tags':{'events':[{}]}, 'appId' : 'a' , 'events' : [\n{'x':1}\n]\n"
     "}\n{'z':3}",
     true, "a", "", 2, 0},
    {"{'events':[],'appId':'late'}", true, "", "", 0, 0},
    {"{'appId':'a\\u0062','events':[{}],'more':{'a':[1,2,'}']}}{'z':1}", true, "ab", "", 2, 0},
    {"{'appId':7,'env':null,'events':[{}]}", true, "", "", 1, 0},
    {"{'events':[{'x':1}],", true, "", "", 1, 1},
    {"{'events':[{'x':1}", true, "", "", 1, 1},
    {"{'events':[{'x':1}]}}\n{'z':1}", true, "", "", 2, 1},
    /* events all the same */
    {"{'event_id':'e','events':[{}]}", false, "", "", 1, 0},
    {"{'event_type':'t','events':[{}]}", false, "", "", 1, 0},
    {"{'specversion':'1.0','events':[{}]}", false, "", "", 1, 0},
    {"{'events':{'a':1}}", false, "", "", 1, 0},
    {"{'payload':{'events':[{}]}}", false, "", "", 1, 0},
    {"{'a':1}\n{'events':[{}]}", false, "", "", 2, 0},
    {"[{'events':[{}]}]", false, "", "", 1, 0},
    {"{'a':,'events':[{}]}", true, "", "", 1, 0},
    {"{'a':x','}':1,'events':[{}]}", false, "", "", 0, 1},
    {"{'a':\n{'x':1},'events':[{}]}", false, "", "", 0, 2},
    {"{'a':\n{'events':[{}]}}", false, "", "", 0, 2},
    {"{'a\\\n{b':'c','events':[{}]}", false, "", "", 0, 2},
};

static void test_ingest_bodies_are_told_from_events(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        const struct body_case *c = &bodies[i];
        struct listing l;
        char *input = quoted(c->input);
        list_stream(&l, text_of(input), SIZE_MAX, NULL);
        if (l.body != c->body || l.events != c->events || l.broken != c->broken)
            fail_msg("%s: body %d\n%.*s", input, l.body, (int)l.text.len, l.text.p);
        assert_string_equal(l.app_id, c->app_id);
        assert_string_equal(l.environment, c->environment);
        assert_every_cut_is_the_same(&l, text_of(input));
        listing_clear(&l);
        free(input);
    }
}

/* Limits */

static void put_object(struct buf *out, size_t size)
{
    size_t before = out->len;
    buf_put_str(out, "{\"a\":\"");
    while (out->len - before < size - 2)
        buf_put_u8(out, 'x');
    buf_put_str(out, "\"}");
}

static void assert_large(const struct buf *input, const char *expected)
{
    static const size_t chunks[] = {SIZE_MAX, 65536, 4097, EVENT_SIZE_MAX, EVENT_SIZE_MAX + 1};
    for (size_t i = 0; i < ARRAY_LEN(chunks); i++) {
        struct listing l;
        list_stream(&l, buf_text(input), chunks[i], NULL);
        if (!text_is(buf_text(&l.text), expected))
            fail_msg("in pieces of %zu:\n%.*s", chunks[i], (int)l.text.len, l.text.p);
        listing_clear(&l);
    }
}

static void test_an_item_of_the_largest_size_is_read_and_one_more_byte_is_not(void **state)
{
    (void)state;
    struct buf input = {0};
    put_object(&input, EVENT_SIZE_MAX);
    buf_put_str(&input, "\n{}");
    assert_large(&input, "+1@0 (4194304 bytes)\n+2@4194305 {}\n");
    buf_reset(&input);
    put_object(&input, EVENT_SIZE_MAX + 2);
    input.len--;
    assert_large(&input, "!1@0 large (65536 bytes)\n");
    buf_reset(&input);
    put_object(&input, EVENT_SIZE_MAX + 1);
    buf_put_str(&input, "\n{}");
    assert_large(&input, "!1@0 large (65536 bytes)\n+2@4194306 {}\n");
    buf_clear(&input);
}

static void test_what_is_too_large_is_skipped_to_its_end(void **state)
{
    (void)state;
    struct buf input = {0};
    buf_put_str(&input, "[{\"a\":1},");
    put_object(&input, (size_t)3 * EVENT_SIZE_MAX);
    buf_put_str(&input, ",{\"b\":2}]");
    assert_large(&input, "+1@1 {\"a\":1}\n!1@9 large (65536 bytes)\n+1@12582922 {\"b\":2}\n");
    buf_reset(&input);
    buf_put_str(&input, "{\"a\":\"");
    for (size_t i = 0; i < EVENT_SIZE_MAX; i++)
        buf_put_u8(&input, 'x');
    buf_put_str(&input, "\n{\"b\":2}\n");
    assert_large(&input, "!1@0 large (65536 bytes)\n+2@4194311 {\"b\":2}\n");
    buf_reset(&input);
    for (size_t i = 0; i < EVENT_SIZE_MAX + 5; i++)
        buf_put_u8(&input, 'x');
    buf_put_str(&input, "\n{\"b\":2}\n");
    assert_large(&input, "!1@0 large (65536 bytes)\n+2@4194310 {\"b\":2}\n");
    buf_clear(&input);
}

/* Any number of blanks may follow a value; the stream does not wait for their end. */
static void test_blanks_after_a_value_are_not_hoarded(void **state)
{
    (void)state;
    struct buf input = {0};
    buf_put_str(&input, "{}");
    for (size_t i = 0; i < 3000; i++)
        buf_put_u8(&input, ' ');
    struct stream *s = stream_new();
    struct listing l = {0};
    stream_push(s, buf_bytes(&input), false);
    pull(s, &l, buf_text(&input));
    assert_int_equal(l.events, 1);
    stream_free(s);
    listing_clear(&l);
    buf_clear(&input);
}

/* The oracle: the brackets of a value, byte by byte. */
static void test_long_values_end_where_their_brackets_say(void **state)
{
    (void)state;
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 7;
    struct rng rng;
    rng_seed(&rng, seed);
    print_message("# seed %llu\n", (unsigned long long)seed);
    static const char *const parts[] = {
        "{\"k\":",
        "[",
        "\"text { [ ] } ,\"",
        "\"\\\"\"",
        "\"\\\\\"",
        "1234",
        "true",
        "\n ",
        "  ",
        "\"long text without anything that would end it, over more than a block\"",
        "\"\\u007d\\\\\\\"}\""};
    for (unsigned round = 0; round < 3000; round++) {
        struct buf input = {0}, expected = {0};
        size_t line = 1;
        for (unsigned values = 0; values < 5; values++) {
            char closing[64];
            size_t depth = 1;
            size_t start = input.len;
            size_t first_line = line;
            closing[0] = '}';
            buf_put_str(&input, "{");
            for (uint64_t n = rng_below(&rng, 60); n > 0; n--) {
                size_t part = (size_t)rng_below(&rng, ARRAY_LEN(parts));
                if (part < 2 && depth < sizeof closing)
                    closing[depth++] = part == 0 ? '}' : ']';
                else if (part < 2)
                    continue;
                buf_put_str(&input, parts[part]);
                line += part == 7;
                if (depth > 1 && rng_below(&rng, 3) == 0)
                    buf_put_u8(&input, (uint8_t)closing[--depth]);
            }
            while (depth > 0)
                buf_put_u8(&input, (uint8_t)closing[--depth]);
            buf_printf(&expected, "+%zu@%zu ", first_line, start);
            if (input.len - start > 1000)
                buf_printf(&expected, "(%zu bytes)", input.len - start);
            else
                buf_put(&expected, input.p + start, input.len - start);
            buf_put_str(&expected, "\n");
            if (rng_below(&rng, 2) == 0) {
                buf_put_str(&input, "\n");
                line++;
            }
        }
        struct listing l;
        list_stream(&l, buf_text(&input), 0, &rng);
        if (!text_eq(buf_text(&l.text), buf_text(&expected)))
            fail_msg("%.*s\ngives\n%.*s\nnot\n%.*s", (int)input.len, input.p, (int)l.text.len,
                     l.text.p, (int)expected.len, expected.p);
        listing_clear(&l);
        buf_clear(&input);
        buf_clear(&expected);
    }
}

/* Whatever comes, the cuts do not show, and the bytes of all items are those of the stream. */
static void test_random_streams_do_not_depend_on_the_cuts(void **state)
{
    (void)state;
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 11;
    struct rng rng;
    rng_seed(&rng, seed);
    print_message("# seed %llu\n", (unsigned long long)seed);
    static const char *const words[] = {"{",
                                        "}",
                                        "[",
                                        "]",
                                        "\"",
                                        "\\",
                                        ",",
                                        ":",
                                        "\n",
                                        " ",
                                        "\r\n",
                                        "\n{",
                                        "\"events\"",
                                        "\"event_id\"",
                                        "\"appId\":\"a\"",
                                        "x",
                                        "{\"a\":1}\n",
                                        "\"events\":[",
                                        "\xef\xbb\xbf",
                                        "\"env\":\"dev\",",
                                        "12",
                                        "\t"};
    for (unsigned round = 0; round < 20000; round++) {
        struct buf input = {0};
        for (uint64_t n = 1 + rng_below(&rng, 40); n > 0; n--)
            buf_put_str(&input, words[rng_below(&rng, ARRAY_LEN(words))]);
        struct listing whole, cut;
        size_t chunk = 1 + (size_t)rng_below(&rng, 9);
        list_stream(&whole, buf_text(&input), SIZE_MAX, NULL);
        list_stream(&cut, buf_text(&input), chunk, NULL);
        if (!text_eq(buf_text(&whole.text), buf_text(&cut.text)))
            fail_msg("%.*s\nin pieces of %zu:\n%.*s\nin one:\n%.*s", (int)input.len, input.p, chunk,
                     (int)cut.text.len, cut.text.p, (int)whole.text.len, whole.text.p);
        assert_same(&whole, &cut, chunk);
        listing_clear(&whole);
        listing_clear(&cut);
        buf_clear(&input);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_format_gives_its_items),
        cmocka_unit_test(test_what_is_broken_costs_nothing_else),
        cmocka_unit_test(test_ingest_bodies_are_told_from_events),
        cmocka_unit_test(test_an_item_of_the_largest_size_is_read_and_one_more_byte_is_not),
        cmocka_unit_test(test_what_is_too_large_is_skipped_to_its_end),
        cmocka_unit_test(test_blanks_after_a_value_are_not_hoarded),
        cmocka_unit_test(test_long_values_end_where_their_brackets_say),
        cmocka_unit_test(test_random_streams_do_not_depend_on_the_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
