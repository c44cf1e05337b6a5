/* SPDX-License-Identifier: Apache-2.0
 * The rows of commands against the man page, and tables in their three forms. What the program does
 * as a whole is in tests/flow. */
#include "base/text.h"
#include "cli/help.h"
#include "core/asset.h"
#include "wire/form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- the man page
 * -------------------------------------------------------------------------------*/

static char *man_read(void)
{
    char path[4096];
    struct buf b = {0};
    int ch;
    snprintf(path, sizeof path, "%s/../../man/mete.1", getenv("METE_TEST_DATA"));
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    while ((ch = getc(f)) != EOF) {
        buf_put_u8(&b, (uint8_t)ch);
    }
    fclose(f);
    buf_put_u8(&b, 0);
    return (char *)b.p;
}

/** The lines behind `.Ss mete NAME` up to the next section; a copy. */
static char *section_of(const char *man, const char *name)
{
    char head[128];
    int len = snprintf(head, sizeof head, "\n.Ss mete %s", name);
    const char *at = man;
    while ((at = strstr(at, head)) != NULL && at[len] != '\n' && at[len] != ' ') {
        at++;
    }
    if (at == NULL) {
        return NULL;
    }
    at++;
    const char *end = strstr(at, "\n.S");
    size_t size = end != NULL ? (size_t)(end - at) : strlen(at);
    char *copy = calloc(1, size + 2);
    assert_non_null(copy);
    memcpy(copy, at, size);
    copy[size] = '\n';
    return copy;
}

/** ".It Fl s , Fl -store Ar FILE|URL" */
static bool item_stands(const char *section, const struct cli_option *o)
{
    char item[160];
    char letter[16] = "";
    if (o->letter != 0) {
        snprintf(letter, sizeof letter, "Fl %c , ", o->letter);
    }
    snprintf(item, sizeof item, "\n.It %sFl -%s%s%s\n", letter, o->name,
             o->argument != NULL ? " Ar " : "", o->argument != NULL ? o->argument : "");
    return strstr(section, item) != NULL;
}

static size_t items_count(const char *section)
{
    size_t count = 0;
    for (const char *p = section; (p = strstr(p, "\n.It ")) != NULL; p++) {
        count++;
    }
    return count;
}

static void test_every_command_and_option_stands_in_the_man_page(void **state)
{
    (void)state;
    char *man = man_read();
    for (size_t i = 0; command_at(i) != NULL; i++) {
        const struct cli_command *c = command_at(i);
        char *section = section_of(man, c->name);
        size_t own = 0;
        if (section == NULL) {
            fail_msg("man/mete.1 has no section on mete %s", c->name);
            break;
        }
        for (const struct cli_option *o = c->option; o != NULL && o->name != NULL; o++, own++) {
            if (!item_stands(section, o)) {
                fail_msg("man/mete.1 has no item on mete %s --%s", c->name, o->name);
            }
        }
        if (items_count(section) != own) {
            fail_msg("man/mete.1 knows options of mete %s that do not exist", c->name);
        }
        free(section);
    }
    for (const struct cli_option *o = cli_globals; o->name != NULL; o++) {
        if (!item_stands(man, o)) {
            fail_msg("man/mete.1 has no item on --%s", o->name);
        }
    }
    free(man);
}

static void test_rows_of_commands_are_well_formed(void **state)
{
    (void)state;
    for (size_t i = 0; command_at(i) != NULL; i++) {
        const struct cli_command *c = command_at(i);
        char *words[2] = {NULL, NULL};
        char name[64];
        int taken = 0;
        snprintf(name, sizeof name, "%s", c->name);
        words[0] = name;
        words[1] = strchr(name, ' ');
        int argc = 1;
        if (words[1] != NULL) {
            *words[1]++ = 0;
            argc = 2;
        }
        assert_ptr_equal(command_find(argc, words, &taken), c);
        assert_int_equal(taken, argc);
        assert_true(c->run != NULL && c->summary[0] != 0 && c->operands != NULL);
        assert_true(c->operands_max == CLI_ANY || c->operands_max >= c->operands_min);
        assert_true(c->summary[strlen(c->summary) - 1] != '.');
        for (const struct cli_option *o = c->option; o != NULL && o->name != NULL; o++) {
            for (const struct cli_option *g = cli_globals; g->name != NULL; g++) {
                assert_true(o->letter == 0 || o->letter != g->letter);
            }
        }
    }
}

/* --- tables
 * -------------------------------------------------------------------------------------*/

static const struct table_column COLUMNS[] = {
    {"name", "NAME", COLUMN_TEXT}, {"count", "N", COLUMN_NUMBER},
    {"asset", NULL, COLUMN_TEXT},  {"amount", "AMOUNT", COLUMN_AMOUNT},
    {"open", "OPEN", COLUMN_BOOL}, {NULL, "NOTE", COLUMN_TEXT}};

static struct table *sample(void)
{
    const struct asset *usd = asset_builtin(TEXT("USD"));
    const struct asset *sat = asset_builtin(TEXT("SAT"));
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    table_str(t, "a,\"b\"");
    table_number(t, 7);
    table_str(t, "USD/2");
    table_amount(t, -1250, usd);
    table_bool(t, true);
    table_str(t, "x\033[2J");
    table_str(t, "\u00e9t\u00e9");
    table_number(t, 1234);
    table_null(t);
    table_amount(t, 5, sat);
    table_bool(t, false);
    table_null(t);
    assert_int_equal(table_row_count(t), 2);
    return t;
}

static void out_is(struct buf *out, const char *want)
{
    buf_put_u8(out, 0);
    assert_string_equal((const char *)out->p, want);
    buf_clear(out);
}

static void test_table_as_text(void **state)
{
    (void)state;
    struct buf out = {0};
    struct table *t = sample();
    table_to_text(t, &out, false);
    out_is(&out, "NAME      N      AMOUNT  OPEN  NOTE\n"
                 "a,\"b\"     7  -12.50 USD  yes   x?[2J\n"
                 "\u00e9t\u00e9    1234       5 SAT  no    -\n");
    table_to_text(t, &out, true);
    assert_memory_equal(out.p, "\033[1mNAME", 8);
    buf_clear(&out);
    table_free(t);
}

static void test_table_as_csv(void **state)
{
    (void)state;
    struct buf out = {0};
    struct table *t = sample();
    table_to_csv(t, &out);
    out_is(&out, "name,count,asset,amount,open\r\n"
                 "\"a,\"\"b\"\"\",7,USD/2,-12.50,yes\r\n"
                 "\u00e9t\u00e9,1234,,5,no\r\n");
    table_free(t);
}

static void test_table_as_json(void **state)
{
    (void)state;
    struct buf out = {0};
    struct json_writer w;
    struct table *t = sample();
    jw_init(&w, &out, false);
    table_to_json(t, &w, NULL);
    out_is(&out, "[{\"name\":\"a,\\\"b\\\"\",\"count\":7,\"asset\":\"USD/2\",\"amount\":\"-1250\","
                 "\"open\":true},"
                 "{\"name\":\"\u00e9t\u00e9\",\"count\":1234,\"asset\":null,\"amount\":\"5\","
                 "\"open\":false}]");
    table_free(t);
}

static void test_an_empty_table(void **state)
{
    (void)state;
    struct buf out = {0};
    struct json_writer w;
    struct table *t = table_new(COLUMNS, ARRAY_LEN(COLUMNS));
    table_to_text(t, &out, false);
    out_is(&out, "NAME  N  AMOUNT  OPEN  NOTE\n");
    jw_init(&w, &out, true);
    table_to_json(t, &w, NULL);
    out_is(&out, "[]");
    table_free(t);
}

static void test_control_characters_do_not_reach_a_terminal(void **state)
{
    (void)state;
    struct buf out = {0};
    text_put_safe(&out, TEXT("a\tb\nc\x7f"
                             "d\xc2\x85"
                             "e\u00e9"));
    out_is(&out, "a?b?c?d?e\u00e9");
    text_put_safe(&out, TEXT("\u202eright to left\u2069 \u2028 \U0001f600"));
    out_is(&out, "?right to left? ? \U0001f600");
    text_put_safe(&out, TEXT("\x9b"
                             "31m \xff \xe2\x80"));
    out_is(&out, "?31m ? ??");
    assert_int_equal(text_width(TEXT("\u65e5\u672c")), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_command_and_option_stands_in_the_man_page),
        cmocka_unit_test(test_rows_of_commands_are_well_formed),
        cmocka_unit_test(test_table_as_text),
        cmocka_unit_test(test_table_as_csv),
        cmocka_unit_test(test_table_as_json),
        cmocka_unit_test(test_an_empty_table),
        cmocka_unit_test(test_control_characters_do_not_reach_a_terminal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
