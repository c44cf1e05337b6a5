/* SPDX-License-Identifier: Apache-2.0
 * Any bytes: reading stays inside them, what is read is valid UTF-8, and the canonical form of a
 * value reads back to the same canonical form. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_in(struct text inner, struct text outer)
{
    return inner.p >= outer.p && inner.p + inner.len <= outer.p + outer.len;
}

static void check_node(const struct json *j, struct text around, unsigned depth)
{
    METE_ASSERT(depth <= JSON_DEPTH_MAX);
    METE_ASSERT(j->raw.len > 0 && lies_in(j->raw, around));
    METE_ASSERT(text_is_utf8(j->text) && text_is_utf8(j->key));
    const char *from = j->raw.p;
    size_t count = 0;
    for (const struct json *c = j->child; c != NULL; c = c->next) {
        METE_ASSERT(c->raw.p > from);
        from = c->raw.p + c->raw.len;
        check_node(c, j->raw, depth + 1);
        METE_ASSERT(c->next != NULL || c == j->last);
        METE_ASSERT(j->type != JSON_OBJECT || json_get_text(j, c->key) == c || j->count > 64);
        count++;
    }
    METE_ASSERT(count == j->count);
}

static void check_canonical(const struct json *root)
{
    struct buf first = {0}, second = {0};
    struct mete_err err;
    if (json_canonical(root, &first, &err) == METE_OK) {
        struct arena a;
        struct json *again = NULL;
        arena_init(&a, JSON_ARENA_MAX(first.len));
        METE_ASSERT(json_parse(&a, buf_text(&first), &again, &err) == METE_OK);
        METE_ASSERT(json_canonical(again, &second, &err) == METE_OK);
        METE_ASSERT(text_eq(buf_text(&first), buf_text(&second)));
        arena_clear(&a);
    } else {
        METE_ASSERT(first.len == 0 && text_is_utf8(text_of(err.pointer)));
    }
    buf_clear(&first);
    buf_clear(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text input = {(const char *)data, size};
    struct arena a;
    struct json *root = NULL;
    struct mete_err err;
    arena_init(&a, JSON_ARENA_MAX(size));
    if (json_parse(&a, input, &root, &err) == METE_OK) {
        METE_ASSERT(text_is_utf8(input));
        check_node(root, input, 0);
        check_canonical(root);
    } else {
        METE_ASSERT(root == NULL && text_is_utf8(text_of(err.pointer)));
    }
    arena_clear(&a);
    return 0;
}
