/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a gate's configuration, a path that somebody requests, or a glob and a path. What is
 * sold has a price; a path has one spelling, which is read the same again; a glob fits what a
 * matcher that tries everything says. The first byte chooses. */
#include <string.h>

#include "base/text.h"
#include "gate/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define GLOB_LEN_MAX 12 /* of those that are tried in every way */

static void check_offer(const struct gate_offer *o)
{
    struct buf out = {0};
    struct arena a;
    struct json *j;
    METE_ASSERT(!u256_is_zero(o->offer.amount) && o->offer.timeout_s > 0);
    METE_ASSERT(o->offer.pay_to.len == 42 && o->offer.asset.len == 42);
    x402_offer_write_v2(&out, &o->offer);
    arena_init(&a, X402_ARENA_MAX(out.len));
    METE_ASSERT(json_parse(&a, buf_text(&out), &j, NULL) == METE_OK);
    arena_clear(&a);
    buf_clear(&out);
}

/* Whatever is asked for, it is free or one of the routes. */
static void check_find(const struct gate_config *c, struct arena *a, struct text path)
{
    struct gate_path p;
    const struct gate_route *r = NULL;
    if (gate_path_read(a, path, &p) == NULL && gate_config_find(c, &p, TEXT("GET"), &r)) {
        METE_ASSERT(r == NULL || (r >= c->route && r < c->route + c->route_count));
    }
}

static void check_config(struct arena *a, struct text in)
{
    struct gate_config *c;
    struct mete_err err = {0};
    /* an expression is its administrator's: it may take the library as long as it likes */
    if (memmem(in.p, in.len, "regex", 5) != NULL || memmem(in.p, in.len, "\\u", 2) != NULL) {
        return;
    }
    enum mete_code code = gate_config_read(in, &c, &err);
    METE_ASSERT((code == METE_OK) == (c != NULL));
    METE_ASSERT(code == METE_OK || (code == err.code && err.text[0] != '\0'));
    METE_ASSERT(text_is_utf8(text_of(err.text)) && text_is_utf8(text_of(err.pointer)));
    for (size_t i = 0; c != NULL && i < c->route_count; i++) {
        METE_ASSERT(c->route[i].offer_count >= 1 && c->route[i].label.len > 0);
        for (size_t k = 0; k < c->route[i].offer_count; k++) {
            check_offer(&c->route[i].offer[k]);
        }
        check_find(c, a, c->route[i].label);
    }
    gate_config_drop(c);
}

static bool has(struct text t, const char *what)
{
    return memmem(t.p, t.len, what, strlen(what)) != NULL;
}

static void check_path(struct arena *a, struct text in)
{
    struct gate_path p, again;
    if (gate_path_read(a, in, &p) != NULL) {
        return;
    }
    METE_ASSERT(p.clean.p[0] == '/' && p.key.p[0] == '/' && p.cut.p[0] == '/');
    METE_ASSERT(!has(p.clean, "//") && !has(p.clean, "/../") && !has(p.clean, "/./"));
    METE_ASSERT(!has(p.clean, "?") && !has(p.clean, "#") && !has(p.clean, "\\"));
    METE_ASSERT(!has(p.clean, "%2F") && !has(p.clean, "%5C") && !has(p.clean, "%00"));
    METE_ASSERT(text_is_utf8(p.key) && text_is_utf8(p.cut) && strlen(p.key.p) == p.key.len);
    METE_ASSERT(text_eq(gate_path_fold(a, p.key), p.key));
    /* what escaping makes longer may be too long to be read again */
    const char *wrong = gate_path_read(a, p.clean, &again);
    METE_ASSERT((wrong == NULL) == (p.clean.len <= GATE_PATH_MAX));
    METE_ASSERT(wrong != NULL || (text_eq(again.clean, p.clean) && text_eq(again.key, p.key) &&
                                  text_eq(again.cut, p.cut)));
}

/* By recursion over both: slow, and plainly what the header says. */
static bool plain_match(struct text g, struct text k)
{
    if (g.len == 0) {
        return k.len == 0;
    }
    if (g.p[0] != '*') {
        return k.len > 0 && g.p[0] == k.p[0] &&
               plain_match((struct text){g.p + 1, g.len - 1}, (struct text){k.p + 1, k.len - 1});
    }
    size_t stars = g.len > 1 && g.p[1] == '*' ? 2 : 1;
    struct text rest = {g.p + stars, g.len - stars};
    for (; !plain_match(rest, k); k = (struct text){k.p + 1, k.len - 1}) {
        if (k.len == 0 || (k.p[0] == '/' && stars == 1)) {
            return false;
        }
    }
    return true;
}

static void check_glob(struct arena *a, struct text in)
{
    const char *end = memchr(in.p, '\n', in.len);
    struct gate_pattern pattern;
    struct gate_path path;
    struct mete_err err;
    if (end == NULL) {
        return;
    }
    size_t len = (size_t)(end - in.p);
    if (gate_pattern_glob(a, (struct text){in.p, len}, &pattern, &err) != METE_OK ||
        gate_path_read(a, (struct text){end + 1, in.len - len - 1}, &path) != NULL) {
        return;
    }
    bool fits = gate_pattern_match(&pattern, path.key);
    struct text g = pattern.glob;
    if (g.len <= GLOB_LEN_MAX && path.key.len <= GLOB_LEN_MAX) {
        bool is_below = g.len > 3 && memcmp(g.p + g.len - 3, "/**", 3) == 0;
        METE_ASSERT(fits == (plain_match(g, path.key) ||
                             (is_below && plain_match((struct text){g.p, g.len - 3}, path.key))));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const CHECKS[])(struct arena * a, struct text in) = {check_config, check_path,
                                                                       check_glob};
    struct arena a;
    if (size == 0) {
        return 0;
    }
    arena_init(&a, (size_t)64 << 20);
    CHECKS[data[0] % ARRAY_LEN(CHECKS)](&a, bytes_text((struct bytes){data + 1, size - 1}));
    arena_clear(&a);
    return 0;
}
