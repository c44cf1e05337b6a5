/* SPDX-License-Identifier: Apache-2.0
 * covers: F-001
 * Keys when the store cannot be read: what is not known opens no door, and what was revoked
 * meanwhile ends as soon as it can be read. api_keys_read goes through the test first. */
#include "http/authority.h"

#include "base/text.h"
#include "engine/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
static char store[128];
static bool unreadable;
static mete_time now = 1000000000;

enum mete_code __real_api_keys_read(struct api_keys *k, api_key_visit *visit, void *arg,
                                    struct mete_err *err);
enum mete_code __wrap_api_keys_read(struct api_keys *k, api_key_visit *visit, void *arg,
                                    struct mete_err *err);
enum mete_code __wrap_api_keys_read(struct api_keys *k, api_key_visit *visit, void *arg,
                                    struct mete_err *err)
{
    return unreadable ? mete_fail(err, METE_STORE_BUSY, NULL, "as the test wants it")
                      : __real_api_keys_read(k, visit, arg, err);
}

static int set_up(void **state)
{
    (void)state;
    struct engine *e;
    struct mete_err err;
    snprintf(dir, sizeof dir, "/tmp/mete-authority-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(store, sizeof store, "%s/mete.db", dir);
    const struct engine_options o = {
        .store = store, .book = "main", .create_store = true, .create_book = true};
    assert_int_equal(engine_open(&e, &o, &err), METE_OK);
    engine_close(e);
    unreadable = false;
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static struct authority *authority_new(void)
{
    struct authority *a;
    struct mete_err err;
    const struct authority_options o = {.store = store, .book = "main", .loopback = true};
    assert_int_equal(authority_open(&a, &o, &err), METE_OK);
    return a;
}

/** By another process, as far as the authority can tell. */
static void key_add(char text[KEY_TEXT_MAX], char id[KEY_TEXT_MAX])
{
    struct api_keys *k;
    struct mete_err err;
    struct api_key key = {.book = TEXT("main"),
                          .scopes = SCOPES_ALL,
                          .created_at = now,
                          .expires_at = TIME_NEVER,
                          .revoked_at = TIME_NEVER};
    api_key_make(text, id, &key.sha256);
    key.key_id = text_of(id);
    assert_int_equal(api_keys_open(&k, store, true, &err), METE_OK);
    assert_int_equal(api_keys_add(k, &key, &err), METE_OK);
    api_keys_close(k);
}

static void key_revoke(const char *id)
{
    struct api_keys *k;
    struct mete_err err;
    assert_int_equal(api_keys_open(&k, store, true, &err), METE_OK);
    assert_int_equal(api_keys_revoke(k, text_of(id), now, &err), METE_OK);
    api_keys_close(k);
}

static enum mete_code ask(struct authority *a, const char *authorization)
{
    struct exchange x;
    struct mete_err err;
    exchange_init(&x);
    if (authorization != NULL) {
        x.header[x.header_count++] = (struct pair){TEXT("Authorization"), text_of(authorization)};
    }
    now += TIME_SECOND_US;
    enum mete_code code = authority_ask(a, &x, SCOPE_ANY, now, &err);
    exchange_clear(&x);
    return code;
}

static void unknown_keys_open_no_door(void **state)
{
    (void)state;
    char key[KEY_TEXT_MAX];
    char id[KEY_TEXT_MAX];
    struct authority *a = NULL;
    struct mete_err err;
    const struct authority_options o = {.store = store, .book = "main", .loopback = true};
    key_add(key, id);
    unreadable = true;
    assert_int_equal(authority_open(&a, &o, &err), METE_STORE_BUSY);
    assert_null(a);
}

static void the_first_key_closes_the_door_even_unread(void **state)
{
    (void)state;
    char key[KEY_TEXT_MAX];
    char id[KEY_TEXT_MAX];
    char bearer[KEY_TEXT_MAX + 8];
    struct authority *a = authority_new();
    assert_int_equal(ask(a, NULL), METE_OK);
    unreadable = true;
    key_add(key, id);
    assert_int_equal(ask(a, NULL), METE_UNAUTHORIZED);
    unreadable = false;
    assert_int_equal(ask(a, NULL), METE_UNAUTHORIZED);
    snprintf(bearer, sizeof bearer, "bearer %s", key); /* schemes have no case */
    assert_int_equal(ask(a, bearer), METE_OK);
    authority_close(a);
}

static void a_change_that_could_not_be_read_is_read_later(void **state)
{
    (void)state;
    char key[KEY_TEXT_MAX];
    char id[KEY_TEXT_MAX];
    char bearer[KEY_TEXT_MAX + 8];
    key_add(key, id);
    struct authority *a = authority_new();
    snprintf(bearer, sizeof bearer, "Bearer %s", key);
    assert_int_equal(ask(a, bearer), METE_OK);
    unreadable = true;
    key_revoke(id);
    assert_int_equal(ask(a, bearer), METE_OK); /* what is known holds on */
    unreadable = false;
    assert_int_equal(ask(a, bearer), METE_UNAUTHORIZED);
    authority_close(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(unknown_keys_open_no_door, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_key_closes_the_door_even_unread, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_change_that_could_not_be_read_is_read_later, set_up,
                                        tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
