/* SPDX-License-Identifier: Apache-2.0
 * Matching paths segment by segment. The table is short and read from front to back: where a path
 * fits two rows, the one with a word stands before the one with a parameter. */
#include "http/router.h"

#include "base/text.h"
#include "http/routes.h"

#include <string.h>

bool route_is(const struct exchange *x, enum route_flag flag)
{
    return x->route != NULL && (x->route->flags & flag) != 0;
}

static struct text segment_next(struct text *path)
{
    size_t len = 0;
    while (len < path->len && path->p[len] != '/') {
        len++;
    }
    struct text segment = {path->p, len};
    size_t skip = len < path->len ? len + 1 : len;
    path->p += skip;
    path->len -= skip;
    return segment;
}

static size_t segments_count(struct text path)
{
    size_t count = 1;
    for (size_t i = 0; i < path.len; i++) {
        count += path.p[i] == '/';
    }
    return count;
}

/** "{index*}": all that is left of the path, slashes and all. */
static bool goes_on(struct text want)
{
    return want.len > 2 && want.p[want.len - 2] == '*';
}

/** The path has what stands before the row's first parameter: most rows end here. */
static bool begins_alike(struct text path, const char *row)
{
    for (size_t i = 0; row[i] != '\0' && row[i] != '{'; i++) {
        if (i >= path.len || path.p[i] != row[i]) {
            return false;
        }
    }
    return true;
}

static bool matches(struct text path, const char *row)
{
    if (!begins_alike(path, row)) {
        return false;
    }
    struct text wanted = text_of(row);
    size_t more = segments_count(path) - segments_count(wanted);
    if (more != 0 && (segments_count(path) < segments_count(wanted) || !goes_on(wanted))) {
        return false;
    }
    while (wanted.len > 0 || (path.len > 0 && more == 0)) {
        struct text want = segment_next(&wanted);
        struct text got = segment_next(&path);
        bool any = want.len > 0 && want.p[0] == '{';
        if (any ? got.len == 0 : !text_eq(want, got)) {
            return false;
        }
    }
    return true;
}

static bool params_decode(struct exchange *x, const char *row)
{
    struct text wanted = text_of(row);
    struct text path = x->path;
    size_t count = 0;
    while (wanted.len > 0) {
        struct text want = segment_next(&wanted);
        struct text got = goes_on(want) ? path : segment_next(&path);
        if (want.len > 0 && want.p[0] == '{') {
            METE_ASSERT(count < EXCHANGE_PARAMS_MAX);
            if (!percent_decode(&x->arena, got, false, &x->param[count++])) {
                return false;
            }
        }
    }
    return true;
}

static bool method_fits(struct text method, const char *row)
{
    return text_is(method, row) || (text_is(method, "HEAD") && text_is(text_of("GET"), row));
}

/** A path may fit two rows, one of them with a parameter. */
static bool allow_has(struct text allow, struct text method)
{
    for (size_t i = 0; i + method.len <= allow.len; i++) {
        bool begins = i == 0 || allow.p[i - 1] == ' ';
        bool ends = i + method.len == allow.len || allow.p[i + method.len] == ',';
        if (begins && ends && memcmp(allow.p + i, method.p, method.len) == 0) {
            return true;
        }
    }
    return false;
}

/** Who may read may also ask for the headers alone. */
static struct text allow_add(struct exchange *x, struct text allow, const char *method)
{
    if (allow_has(allow, text_of(method))) {
        return allow;
    }
    return arena_printf(&x->arena, "%.*s%s%s%s", (int)allow.len, allow.p != NULL ? allow.p : "",
                        allow.len > 0 ? ", " : "", method,
                        text_is(text_of(method), "GET") ? ", HEAD" : "");
}

const struct route *route_at(size_t i)
{
    return i < ROUTES_COUNT ? &ROUTES[i] : NULL;
}

enum route_found route_find(struct exchange *x, unsigned roles, struct text *allow)
{
    *allow = (struct text){0};
    for (size_t i = 0; i < ROUTES_COUNT; i++) {
        const struct route *r = &ROUTES[i];
        if ((r->roles & roles) == 0 || !matches(x->path, r->path)) {
            continue;
        }
        if (method_fits(x->method, r->method)) {
            x->route = r;
            return params_decode(x, r->path) ? ROUTE_FOUND : ROUTE_BROKEN;
        }
        *allow = allow_add(x, *allow, r->method);
    }
    if (allow->len == 0) {
        return ROUTE_NONE;
    }
    *allow = allow_add(x, *allow, "OPTIONS");
    return ROUTE_METHOD;
}
