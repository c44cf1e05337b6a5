/* SPDX-License-Identifier: Apache-2.0
 * Finding members of data tier 3 by their names, and taking their values out of bytes that are to
 * be kept all the same. Names are compared as their letters alone, in small ones. */
#include "wire/tier.h"

#include "base/text.h"

#include <string.h>

#define POINTER_MAX 192
#define NAME_MAX    24 /* letters of the longest name, and its plural */

/* clickstream, session_trace and creative_asset have schemas; the others are what the same content
 * is called elsewhere. Without plurals. */
static const struct text names[] = {
    TEXT("clickstream"),      TEXT("rawclickstream"),  TEXT("clickevent"),    TEXT("sessiontrace"),
    TEXT("interactiontrace"), TEXT("sessionreplay"),   TEXT("creativeasset"), TEXT("creativebody"),
    TEXT("fullcreative"),     TEXT("sessionrecording")};

/** The small letter of a byte; 0 for what is no letter. */
static char letter_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (char)(c - 'A' + 'a');
    }
    return c >= 'a' && c <= 'z' ? c : 0;
}

bool tier3_named(struct text member)
{
    char letters[NAME_MAX];
    size_t len = 0;
    for (size_t i = 0; i < member.len; i++) {
        char c = letter_of(member.p[i]);
        if (c != 0 && len == sizeof letters) {
            return false;
        }
        if (c != 0) {
            letters[len++] = c;
        }
    }
    len -= len > 0 && letters[len - 1] == 's' ? 1 : 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (text_eq(names[i], (struct text){letters, len})) {
            return true;
        }
    }
    return false;
}

/* --- in an event -------------------------------------------------------------------------------*/

/** Appends to `at` the way to the first of them below `node`; false: there is none. */
static bool first_below(const struct json *node, char at[POINTER_MAX])
{
    size_t index = 0;
    size_t len = strlen(at);
    for (const struct json *child = node->child; child != NULL; child = child->next) {
        if (node->type == JSON_OBJECT) {
            json_pointer_add(at, POINTER_MAX, child->key);
        } else {
            json_pointer_index(at, POINTER_MAX, index++);
        }
        bool is_raw =
            node->type == JSON_OBJECT && child->type != JSON_NULL && tier3_named(child->key);
        if (is_raw || first_below(child, at)) {
            return true;
        }
        at[len] = '\0';
    }
    return false;
}

const char *tier3_pointer(struct arena *a, enum event_type type, const struct json *payload)
{
    char at[POINTER_MAX] = "/payload";
    if (!event_type_economic(type) || !first_below(payload, at)) {
        return NULL;
    }
    return arena_printf(a, "%s", at).p;
}

/* --- in bytes ----------------------------------------------------------------------------------*/

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char small = letter_of(c);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

/** The byte at `i`, an escape such as \u0063 read as what it stands for; moves `i` behind it. */
static char byte_next(struct text t, size_t *i)
{
    const char *p = t.p + *i;
    bool is_escape = t.len - *i >= 6 && memcmp(p, "\\u00", 4) == 0 && hex_value(p[4]) >= 0 &&
                     hex_value(p[5]) >= 0;
    *i += is_escape ? 6 : 1;
    return is_escape ? (char)(hex_value(p[4]) * 16 + hex_value(p[5])) : *p;
}

static bool ends_with_name(const char *letters, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        size_t want = names[i].len;
        if (want <= len && memcmp(letters + len - want, names[i].p, want) == 0) {
            return true;
        }
    }
    return false;
}

bool tier3_mentioned(struct text body)
{
    char letters[8 * NAME_MAX];
    size_t len = 0;
    for (size_t i = 0; i < body.len;) {
        char c = letter_of(byte_next(body, &i));
        if (c == 0) {
            continue;
        }
        if (len == sizeof letters) {
            memmove(letters, letters + len - NAME_MAX, NAME_MAX);
            len = NAME_MAX;
        }
        letters[len++] = c;
        if (ends_with_name(letters, len)) {
            return true;
        }
    }
    return false;
}

struct copying {
    struct buf *out;
    const char *from; /* what was not copied yet begins here */
};

static void copy_without(struct copying *c, const struct json *node)
{
    for (const struct json *child = node->child; child != NULL; child = child->next) {
        if (child->type == JSON_NULL || child->key.len == 0 || !tier3_named(child->key)) {
            copy_without(c, child);
            continue;
        }
        buf_put(c->out, c->from, (size_t)(child->raw.p - c->from));
        buf_put_str(c->out, "null");
        c->from = child->raw.p + child->raw.len;
    }
}

bool tier3_without(struct arena *a, struct text body, struct buf *out)
{
    struct json *tree = NULL;
    struct mete_err unused;
    struct copying c = {out, body.p};
    if (json_parse(a, body, &tree, &unused) != METE_OK) {
        return false;
    }
    copy_without(&c, tree);
    buf_put(out, c.from, (size_t)(body.p + body.len - c.from));
    return true;
}
