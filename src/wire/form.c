/* SPDX-License-Identifier: Apache-2.0
 * The machine behind form.h: finding members, judging which may be there, and telling where an
 * error is. Values are read in form_text.c and form_value.c. */
#include "wire/form.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"

#define PATH_MAX_NODES (JSON_DEPTH_MAX + 2)

/* The nodes from below the root to a node. */
struct path {
    const struct json *node[PATH_MAX_NODES];
    size_t len;
};

/* A node that was read stands inside the bytes of its ancestors; built ones have no bytes. */
static bool may_contain(const struct json *in, const struct json *node)
{
    if (in->child == NULL) {
        return false;
    }
    if (in->raw.p == NULL || node->raw.p == NULL) {
        return true;
    }
    return node->raw.p >= in->raw.p && node->raw.p < in->raw.p + in->raw.len;
}

static bool path_find(struct path *p, const struct json *in, const struct json *node)
{
    if (p->len == PATH_MAX_NODES) {
        return false;
    }
    for (const struct json *child = in->child; child != NULL; child = child->next) {
        p->node[p->len++] = child;
        if (child == node || (may_contain(child, node) && path_find(p, child, node))) {
            return true;
        }
        p->len--;
    }
    return false;
}

static size_t index_of(const struct json *array, const struct json *item)
{
    size_t index = 0;
    for (const struct json *e = array->child; e != item; e = e->next) {
        index++;
    }
    return index;
}

static void pointer_write(const struct form_in *in, const struct json *node, char *out, size_t size)
{
    snprintf(out, size, "%s", in->at);
    struct path path = {.len = 0};
    if (node == in->root || !path_find(&path, in->root, node)) {
        return;
    }
    const struct json *parent = in->root;
    for (size_t i = 0; i < path.len; i++) {
        if (parent->type == JSON_OBJECT) {
            json_pointer_add(out, size, path.node[i]->key);
        } else {
            json_pointer_index(out, size, index_of(parent, path.node[i]));
        }
        parent = path.node[i];
    }
}

enum mete_code form_fail(const struct form_in *in, const struct json *node, enum mete_code code,
                         const char *fmt, ...)
{
    if (in->err == NULL) {
        return code;
    }
    char pointer[sizeof in->err->pointer];
    va_list args;
    pointer_write(in, node, pointer, sizeof pointer);
    va_start(args, fmt);
    (void)mete_fail_args(in->err, code, pointer, fmt, args);
    va_end(args);
    return code;
}

enum mete_code form_missing(const struct form_in *in, const struct json *obj, struct text name)
{
    if (in->err == NULL) {
        return METE_MEMBER_MISSING;
    }
    char pointer[sizeof in->err->pointer];
    pointer_write(in, obj, pointer, sizeof pointer);
    json_pointer_add(pointer, sizeof pointer, name);
    return mete_fail(in->err, METE_MEMBER_MISSING, pointer, "the member \"%.*s\" is required here",
                     (int)name.len, name.p);
}

enum mete_code form_type(const struct form_in *in, const struct json *node, enum json_type type)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",       [JSON_FALSE] = "false",     [JSON_TRUE] = "true",
        [JSON_NUMBER] = "a number", [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",
        [JSON_OBJECT] = "an object"};
    if (node->type == type) {
        return METE_OK;
    }
    return form_fail(in, node, METE_MEMBER_TYPE, "expected %s, found %s", names[type],
                     names[node->type]);
}

void form_prefix(const struct form_in *in, const char *relative)
{
    if (in->err == NULL) {
        return;
    }
    char pointer[2 * sizeof in->err->pointer];
    int len = snprintf(pointer, sizeof pointer, "%s%s", in->at, relative);
    METE_ASSERT(len >= 0);
    mete_err_place(in->err, pointer);
}

/* Producers write members in one order: after field i, field i + 1 is the likely one. */
static size_t field_index(const struct form *form, struct text name, size_t likely)
{
    size_t i = likely;
    for (size_t tried = 0; tried < form->count; tried++, i++) {
        if (i >= form->count) {
            i = 0;
        }
        struct text known = form->field[i].name;
        if (known.len == name.len && memcmp(known.p, name.p, name.len) == 0) {
            return i;
        }
    }
    return form->count;
}

static bool name_is_free(struct text name)
{
    return text_starts(name, "x_") || text_is(name, "meta");
}

enum mete_code form_find(const struct form_in *in, const struct form *form, const struct json *obj,
                         const struct json *found[FORM_FIELDS_MAX])
{
    METE_ASSERT(form->count <= FORM_FIELDS_MAX);
    enum mete_code code = form_type(in, obj, JSON_OBJECT);
    if (code != METE_OK) {
        return code;
    }
    memset(found, 0, form->count * sizeof found[0]);
    size_t likely = 0;
    for (const struct json *m = obj->child; m != NULL; m = m->next) {
        size_t i = field_index(form, m->key, likely);
        if (i < form->count) {
            if (m->type != JSON_NULL || !form->null_is_absent) {
                found[i] = m;
            }
            likely = i + 1;
        } else if (form->strict && !name_is_free(m->key)) {
            return form_fail(in, m, METE_MEMBER_UNKNOWN,
                             "no member of this name is known here; correct it, or begin it with "
                             "x_ when it is yours");
        }
    }
    return METE_OK;
}

enum mete_code form_take(const struct form_in *in, const struct form *form, const struct json *obj,
                         const struct json *const found[FORM_FIELDS_MAX], void *out)
{
    for (size_t i = 0; i < form->count; i++) {
        const struct field *f = &form->field[i];
        if (found[i] == NULL) {
            if (f->required) {
                return form_missing(in, obj, f->name);
            }
            continue;
        }
        if (f->read == NULL) {
            continue;
        }
        enum mete_code code = f->read(in, f, found[i], (char *)out + f->offset);
        if (code != METE_OK) {
            return code;
        }
    }
    return METE_OK;
}

enum mete_code form_read(const struct form_in *in, const struct form *form, const struct json *obj,
                         void *out)
{
    const struct json *found[FORM_FIELDS_MAX];
    enum mete_code code = form_find(in, form, obj, found);
    return code != METE_OK ? code : form_take(in, form, obj, found, out);
}

void form_remove(struct json *object, const char *name)
{
    struct json *last = NULL;
    for (struct json **link = &object->child; *link != NULL;) {
        if (text_is((*link)->key, name)) {
            *link = (*link)->next;
            object->count--;
        } else {
            last = *link;
            link = &last->next;
        }
    }
    object->last = last;
}

enum mete_code field_form(const struct form_in *in, const struct field *f, const struct json *j,
                          void *out)
{
    return form_read(in, f->more, j, out);
}
