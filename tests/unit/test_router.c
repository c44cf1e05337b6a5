/* SPDX-License-Identifier: Apache-2.0
 * covers: F-001
 * The table of routes and finding a row in it: each row by a path of its own, and nothing else. */
#include "base/text.h"
#include "http/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct text allow;

static enum route_found find(struct exchange *x, const char *method, const char *path,
                             unsigned roles)
{
    exchange_clear(x);
    exchange_init(x);
    x->method = text_of(method);
    x->path = text_of(path);
    return route_find(x, roles, &allow);
}

/** The path of a row with `value` for each of its parameters. */
static void path_of(const char *row, const char *value, struct buf *out)
{
    buf_reset(out);
    for (const char *p = row; *p != '\0'; p++) {
        if (*p == '{') {
            buf_put_str(out, value);
            p = strchr(p, '}');
        } else {
            buf_put_u8(out, (uint8_t)*p);
        }
    }
    buf_put_u8(out, 0);
}

static void every_row_is_found_by_its_path(void **state)
{
    struct exchange x = {0};
    struct buf path = {0};
    const struct route *r;
    (void)state;
    for (size_t i = 0; (r = route_at(i)) != NULL; i++) {
        path_of(r->path, "a%2Fb%20c", &path);
        assert_int_equal(find(&x, r->method, (const char *)path.p, ROLE_ALL), ROUTE_FOUND);
        assert_ptr_equal(x.route, r);
        if (strchr(r->path, '{') != NULL) {
            assert_true(text_is(x.param[0], "a/b c"));
        }
        /* another role may have the path, with another method */
        assert_int_not_equal(find(&x, r->method, (const char *)path.p, ROLE_ALL & ~r->roles),
                             ROUTE_FOUND);
        assert_int_equal(find(&x, "PATCH", (const char *)path.p, ROLE_ALL), ROUTE_METHOD);
        assert_non_null(memmem(allow.p, allow.len, r->method, strlen(r->method)));
    }
    assert_true(ROUTES_COUNT > 20);
    assert_null(route_at(ROUTES_COUNT));
    buf_clear(&path);
    exchange_clear(&x);
}

/* A row whose last parameter has a star takes whatever comes, and has to get something. */
static void a_star_takes_the_rest(void **state)
{
    struct exchange x = {0};
    (void)state;
    assert_int_equal(find(&x, "GET", "/v1/log/tile/0/x001/234.p/5", ROLE_ALL), ROUTE_FOUND);
    assert_true(text_is(x.param[0], "0") && text_is(x.param[1], "x001/234.p/5"));
    assert_int_equal(find(&x, "GET", "/v1/log/tile/0/x001%2F234", ROLE_ALL), ROUTE_FOUND);
    assert_true(text_is(x.param[1], "x001/234"));
    assert_int_equal(find(&x, "GET", "/v1/log/tile/0/a/", ROLE_ALL), ROUTE_FOUND);
    assert_true(text_is(x.param[1], "a/"));
    assert_int_equal(find(&x, "GET", "/v1/log/tile/0/a/%zz", ROLE_ALL), ROUTE_BROKEN);
    assert_int_equal(find(&x, "PUT", "/v1/log/tile/0/a/b", ROLE_ALL), ROUTE_METHOD);
    static const char *const none[] = {"/v1/log/tile/0/", "/v1/log/tile/0", "/v1/log/tile//000",
                                       "/v1/log/tile/0//000", "/v1/log/tiles/0/000"};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        assert_int_equal(find(&x, "GET", none[i], ROLE_ALL), ROUTE_NONE);
    }
    exchange_clear(&x);
}

static void no_two_rows_are_alike(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROUTES_COUNT; i++) {
        for (size_t j = 0; j < i; j++) {
            bool same = strcmp(ROUTES[i].path, ROUTES[j].path) == 0 &&
                        strcmp(ROUTES[i].method, ROUTES[j].method) == 0;
            assert_false(same);
            assert_string_not_equal(ROUTES[i].operation, ROUTES[j].operation);
        }
    }
}

/* A row that reads takes no body, and one that writes never runs where it would not be durable. */
static void rows_make_sense(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROUTES_COUNT; i++) {
        const struct route *r = &ROUTES[i];
        bool reads = strcmp(r->method, "GET") == 0;
        assert_true(r->path[0] == '/' && r->roles != 0 && r->handle != NULL);
        assert_true(!reads || (r->body_max == 0 && r->place != PLACE_WRITE));
        bool is_signed = strncmp(r->path, "/webhooks/", 10) == 0; /* by whoever sends it */
        assert_true(r->scope != SCOPE_NONE || reads || is_signed);
        assert_true(r->place == PLACE_HERE || r->body_max <= 64 * MIB);
    }
}

static void other_paths_are_not_found(void **state)
{
    static const char *const paths[] = {"",
                                        "//",
                                        "//healthz",
                                        "/healthz/",
                                        "/healthz/x",
                                        "/Healthz",
                                        "healthz",
                                        "/v1/parties//balance",
                                        "/v1/events/",
                                        "/v1/events/a/b",
                                        "*",
                                        "/v1/parties/a/balance/"};
    static const char *const broken[] = {"/v1/events/%",   "/v1/events/%4",  "/v1/events/%zz",
                                         "/v1/events/%00", "/v1/events/%ff", "/v1/events/%c0%80"};
    struct exchange x = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        assert_int_equal(find(&x, "GET", paths[i], ROLE_ALL), ROUTE_NONE);
        assert_null(x.route);
    }
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        assert_int_equal(find(&x, "GET", broken[i], ROLE_ALL), ROUTE_BROKEN);
    }
    assert_int_equal(find(&x, "HEAD", "/healthz", ROLE_ALL), ROUTE_FOUND);
    assert_int_equal(find(&x, "get", "/healthz", ROLE_ALL), ROUTE_METHOD);
    assert_int_equal(find(&x, "", "/healthz", ROLE_ALL), ROUTE_METHOD);
    exchange_clear(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_found_by_its_path), cmocka_unit_test(a_star_takes_the_rest),
        cmocka_unit_test(no_two_rows_are_alike),          cmocka_unit_test(rows_make_sense),
        cmocka_unit_test(other_paths_are_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
