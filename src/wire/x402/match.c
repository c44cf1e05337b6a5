/* SPDX-License-Identifier: Apache-2.0
 * Trees of json_parse: members have different names, so that equal counts and each of one found in
 * the other is equality. */
#include "wire/x402/match.h"

#include "base/jsnum.h"
#include "base/text.h"

#define BUILDER_CODES_MAX 10

/* By what an IEEE double makes of them, as every reader in JavaScript does: 60, 60.0 and 6e1. */
static bool number_eq(struct text a, struct text b)
{
    char x[JSNUM_TEXT_MAX], y[JSNUM_TEXT_MAX];
    size_t x_len, y_len;
    if (text_eq(a, b)) {
        return true;
    }
    return jsnum_format(a, x, &x_len) == JSNUM_EXACT && jsnum_format(b, y, &y_len) == JSNUM_EXACT &&
           text_eq((struct text){x, x_len}, (struct text){y, y_len});
}

static bool items_eq(const struct json *a, const struct json *b)
{
    const struct json *y = b->child;
    for (const struct json *x = a->child; x != NULL; x = x->next, y = y->next) {
        if (!x402_json_eq(x, y)) {
            return false;
        }
    }
    return true;
}

static bool members_eq(const struct json *a, const struct json *b)
{
    for (const struct json *x = a->child; x != NULL; x = x->next) {
        const struct json *y = json_get_text(b, x->key);
        if (y == NULL || !x402_json_eq(x, y)) {
            return false;
        }
    }
    return true;
}

bool x402_json_eq(const struct json *a, const struct json *b)
{
    if (a == NULL || b == NULL || a->type != b->type) {
        return a == NULL && b == NULL;
    }
    switch (a->type) {
    case JSON_NUMBER:
        return number_eq(a->text, b->text);
    case JSON_STRING:
        return text_eq(a->text, b->text);
    case JSON_ARRAY:
        return a->count == b->count && items_eq(a, b);
    case JSON_OBJECT:
        return a->count == b->count && members_eq(a, b);
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
        break;
    }
    return true;
}

bool x402_json_within(const struct json *part, const struct json *whole)
{
    if (part == NULL || whole == NULL || part->type != JSON_OBJECT || whole->type != JSON_OBJECT) {
        return x402_json_eq(part, whole);
    }
    for (const struct json *x = part->child; x != NULL; x = x->next) {
        const struct json *y = json_get_text(whole, x->key);
        if (y == NULL || !x402_json_within(x, y)) {
            return false;
        }
    }
    return true;
}

static bool is_object(const struct json *j)
{
    return j != NULL && j->type == JSON_OBJECT;
}

bool x402_requirements_match(const struct json *offered, const struct json *accepted)
{
    if (!is_object(offered) || !is_object(accepted)) {
        return false;
    }
    const struct json *asked = json_get(offered, "extra");
    const struct json *given = json_get(accepted, "extra");
    if (offered->count - (asked != NULL) != accepted->count - (given != NULL)) {
        return false;
    }
    for (const struct json *x = offered->child; x != NULL; x = x->next) {
        if (x != asked && !x402_json_eq(x, json_get_text(accepted, x->key))) {
            return false;
        }
    }
    return asked == NULL || x402_json_within(asked, given);
}

static bool list_has(const struct json *list, const struct json *item)
{
    for (const struct json *e = list->child; e != NULL; e = e->next) {
        if (x402_json_eq(e, item)) {
            return true;
        }
    }
    return false;
}

/* A list to which a client may add, or one text instead of a list of one. */
static bool list_grew(const struct json *before, const struct json *after)
{
    if (before->type != JSON_ARRAY && after->type != JSON_ARRAY) {
        return x402_json_eq(before, after);
    }
    if (before->type != JSON_ARRAY) {
        return after->count <= BUILDER_CODES_MAX && list_has(after, before);
    }
    if (after->type != JSON_ARRAY) {
        return before->count == 0 || (before->count == 1 && x402_json_eq(before->child, after));
    }
    for (const struct json *e = before->child; e != NULL; e = e->next) {
        if (!list_has(after, e)) {
            return false;
        }
    }
    return after->count <= BUILDER_CODES_MAX;
}

/* `info` is NULL when nothing was advertised: then a client may add all but what is the server's.
 */
static bool builder_code_match(const struct json *info, const struct json *sent)
{
    const struct json *own = json_get(sent, "a");
    if (own != NULL && !x402_json_eq(json_get(info, "a"), own)) {
        return false;
    }
    if (!is_object(info) || !is_object(sent)) {
        return info == NULL || x402_json_within(info, sent);
    }
    for (const struct json *x = info->child; x != NULL; x = x->next) {
        const struct json *y = json_get_text(sent, x->key);
        bool may_grow = text_is(x->key, "s");
        if (y == NULL || !(may_grow ? list_grew(x, y) : x402_json_within(x, y))) {
            return false;
        }
    }
    return true;
}

bool x402_extensions_match(const struct json *advertised, const struct json *sent)
{
    if (!is_object(sent)) {
        return true;
    }
    for (const struct json *y = sent->child; y != NULL; y = y->next) {
        const struct json *info = json_get(json_get_text(advertised, y->key), "info");
        const struct json *echoed = json_get(y, "info");
        bool is_same = text_is(y->key, "builder-code")
                           ? builder_code_match(info, echoed)
                           : info == NULL || x402_json_within(info, echoed);
        if (!is_same) {
            return false;
        }
    }
    return true;
}
