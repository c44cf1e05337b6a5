/* SPDX-License-Identifier: Apache-2.0
 * Looking things up in a request. */
#include "http/exchange.h"

#include "base/limits.h"
#include "base/text.h"
#include "http/source.h"

#include <strings.h>

#define ARENA_MAX ((size_t)1 << 30)

void exchange_init(struct exchange *x)
{
    *x = (struct exchange){0};
    arena_init(&x->arena, ARENA_MAX);
}

void exchange_clear(struct exchange *x)
{
    if (x->source != NULL) { /* nobody came to take it */
        x->source->close(x->source);
    }
    buf_clear(&x->body);
    buf_clear(&x->out);
    arena_clear(&x->arena);
    *x = (struct exchange){0};
}

static struct text find(const struct pair *p, size_t count, const char *name, bool fold)
{
    struct text wanted = text_of(name);
    for (size_t i = 0; i < count; i++) {
        if (p[i].name.len == wanted.len &&
            (fold ? strncasecmp(p[i].name.p, name, wanted.len) == 0 : text_eq(p[i].name, wanted))) {
            return p[i].value;
        }
    }
    return (struct text){0};
}

struct text exchange_header(const struct exchange *x, const char *name)
{
    return find(x->header, x->header_count, name, true);
}

struct text exchange_query(const struct exchange *x, const char *name)
{
    return find(x->query, x->query_count, name, false);
}

bool exchange_query_flag(const struct exchange *x, const char *name)
{
    struct text value = exchange_query(x, name);
    return value.p != NULL && (value.len == 0 || text_is(value, "true") || text_is(value, "1"));
}

static int digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool percent_decode(struct arena *a, struct text in, bool plus_is_space, struct text *out)
{
    char *to = arena_alloc(a, in.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.p[i];
        if (c == '%') {
            int high = in.len - i > 2 ? digit(in.p[i + 1]) : -1;
            int low = in.len - i > 2 ? digit(in.p[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c == '\0') {
            return false;
        }
        to[len++] = c;
    }
    *out = (struct text){to, len};
    return text_is_utf8(*out);
}
