/* SPDX-License-Identifier: Apache-2.0
 * Files that hold secrets: what is read, what is refused, and that every rail refuses a file which
 * others may read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "rails/rail.h"
#include "rails/secret_file.h"

static char folder[] = "/tmp/mete-secret-XXXXXX";

static const char *file_make(const char *name, const char *text, mode_t mode)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static void expect(const char *text, mode_t mode, enum mete_code want, const char *words)
{
    struct secret_file s;
    struct mete_err err = {0};
    assert_int_equal(secret_file_read(&s, file_make("a", text, mode), 8, &err), want);
    if (want == METE_OK) {
        assert_int_equal(s.len, strlen(text));
        assert_string_equal(s.text, text);
    } else {
        assert_null(s.text);
        assert_non_null(strstr(err.text, words));
        assert_null(strstr(err.text, "secret9"));
    }
    secret_file_clear(&s);
}

static void test_read(void **state)
{
    (void)state;
    expect("12345678", 0600, METE_OK, "");
    expect("1\n2\r\n", 0400, METE_OK, "");
    expect("", 0600, METE_USAGE, "empty");
    expect("secret9!!", 0600, METE_USAGE, "longer than 8 bytes");
    static const mode_t open_to_others[] = {0640, 0604, 0620, 0602, 0610, 0601};
    for (size_t i = 0; i < ARRAY_LEN(open_to_others); i++) {
        expect("secret9", open_to_others[i], METE_USAGE, "chmod 600");
    }
    struct secret_file s;
    struct mete_err err;
    assert_int_equal(secret_file_read(&s, "/nonexistent", 8, &err), METE_NOT_FOUND);
    assert_int_equal(secret_file_read(&s, folder, 8, &err), METE_USAGE);
    assert_non_null(strstr(err.text, "no ordinary file"));
    assert_null(s.text);
}

static void test_line(void **state)
{
    static const struct {
        const char *text;
        enum mete_code want;
    } rows[] = {{"abc", METE_OK},          {"abc\n", METE_OK},        {"abc\r\n", METE_OK},
                {"12345678\r\n", METE_OK}, {"123456789", METE_USAGE}, {"a b", METE_USAGE},
                {"a\nb\n", METE_USAGE},    {"\n", METE_USAGE},        {"a\x7f", METE_USAGE},
                {"\xc3\xa9", METE_USAGE}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct secret_file s;
        struct mete_err err;
        assert_int_equal(secret_file_line(&s, file_make("a", rows[i].text, 0600), 8, &err),
                         rows[i].want);
        assert_int_equal(s.text != NULL, rows[i].want == METE_OK);
        if (s.text != NULL) {
            assert_int_equal(s.len, strcspn(rows[i].text, "\r\n"));
            assert_int_equal(strlen(s.text), s.len);
        }
        secret_file_clear(&s);
    }
}

/** systemd gives its files a mode of its own. */
static void test_credentials(void **state)
{
    struct secret_file s;
    struct mete_err err;
    char path[300];
    (void)state;
    (void)file_make("pay.key", "abc", 0440);
    snprintf(path, sizeof path, "%s/pay.key", folder);
    assert_int_equal(secret_file_read(&s, path, 8, &err), METE_USAGE);
    assert_int_equal(secret_file_read(&s, "pay.key", 8, &err), METE_NOT_FOUND);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    assert_int_equal(secret_file_read(&s, path, 8, &err), METE_OK);
    secret_file_clear(&s);
    assert_int_equal(secret_file_read(&s, "pay.key", 8, &err), METE_OK);
    secret_file_clear(&s);
    assert_int_equal(secret_file_read(&s, "none.key", 8, &err), METE_NOT_FOUND);
    snprintf(path, sizeof path, "%s/../%s/pay.key", folder, strrchr(folder, '/') + 1);
    assert_int_equal(secret_file_read(&s, path, 8, &err), METE_USAGE); /* by a way around */
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

/* --- every rail --------------------------------------------------------------------------------*/

struct setting {
    const char *name, *value;
};

static const char *setting_get(void *ctx, const char *name)
{
    for (const struct setting *s = ctx; s->name != NULL; s++) {
        if (strcmp(s->name, name) == 0) {
            return s->value;
        }
    }
    return NULL;
}

static void rail_opens(const char *kind, struct setting *all, const char *content)
{
    struct mete_err err = {0};
    const struct rail_kind *k = rail_kind_of(text_of(kind));
    const struct rail_config c = {setting_get, all};
    for (size_t i = 0; i < 2; i++) {
        struct rail *r = NULL;
        all[0].value = file_make("key", content, i == 0 ? 0640 : 0600);
        const enum mete_code code = k->open(&r, &c, &err);
        if (code != (i == 0 ? METE_USAGE : METE_OK)) {
            fail_msg("%s, mode %s: %s", kind, i == 0 ? "0640" : "0600", err.text);
        }
        if (i == 0) {
            assert_non_null(strstr(err.text, "chmod 600"));
            assert_non_null(strstr(err.text, all[0].name));
        } else {
            k->close(r);
        }
    }
}

static void test_rails(void **state)
{
    (void)state;
    struct setting stripe[] = {{"key_file", NULL}, {NULL, NULL}};
    struct setting evm[] = {
        {"key_file", NULL}, {"network", "base"}, {"rpc_url", "https://node.example"}, {NULL, NULL}};
    struct setting bank[] = {{"token_file", NULL},
                             {"url", "https://bank.example/in"},
                             {"debtor", "Mete Ltd"},
                             {"iban", "DE89370400440532013000"},
                             {NULL, NULL}};
    struct setting lightning[] = {
        {"rune_file", NULL}, {"node", "cln"}, {"url", "https://node.example:3010"}, {NULL, NULL}};
    rail_opens("stripe", stripe, "sk_test_abc\n");
    rail_opens("evm", evm, "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d\n");
    rail_opens("bank", bank, "token\n");
    rail_opens("lightning", lightning, "rune==\n");
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
    static const char *const NAMES[] = {"a", "pay.key", "key"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        char path[300];
        snprintf(path, sizeof path, "%s/%s", folder, NAMES[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_rails),
    };
    return cmocka_run_group_tests_name("secret_file", tests, set_up, tear_down);
}
