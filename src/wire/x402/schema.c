/* SPDX-License-Identifier: Apache-2.0
 * One function for each word of a schema, in a table. A word judges a value by the member of its
 * name; `work` ends every judgement, so that no schema of a stranger is expensive. */
#include "wire/x402/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/jsnum.h"
#include "base/text.h"
#include "wire/x402/match.h"

enum verdict { FITS, MISFITS, BROKEN /* the schema: err is filled */ };

struct judging {
    const struct json *root;
    struct mete_err *err;
    unsigned work;
    unsigned depth;
    char misfit[sizeof((struct mete_err *)0)->pointer]; /* of the value, where it does not fit */
    char why[96];
};

struct at {
    const struct at *up;
    struct text name;
    size_t index;
    bool is_index;
};

static enum verdict judge(struct judging *g, const struct json *schema, const struct json *value,
                          const struct at *at);

static void at_write(const struct at *at, char *out, size_t size)
{
    if (at == NULL) {
        out[0] = '\0';
        return;
    }
    at_write(at->up, out, size);
    if (at->is_index) {
        json_pointer_index(out, size, at->index);
    } else {
        json_pointer_add(out, size, at->name);
    }
}

static enum verdict broken(struct judging *g, const char *why)
{
    (void)mete_fail(g->err, METE_X402_SCHEMA, "", "%s", why);
    return BROKEN;
}

static enum verdict misfit(struct judging *g, const struct at *at, const char *why)
{
    at_write(at, g->misfit, sizeof g->misfit);
    (void)snprintf(g->why, sizeof g->why, "%s", why);
    return MISFITS;
}

/* Takes `steps` from what a judgement may cost; false when it is used up. */
static bool spend(struct judging *g, size_t steps)
{
    bool is_left = steps <= X402_SCHEMA_WORK_MAX - g->work;
    g->work += is_left ? (unsigned)steps : 0;
    if (!is_left) {
        (void)broken(g, "the schema asks for too much work");
    }
    return is_left;
}

/* What finding `names` members in an object costs: it has no index. */
static size_t search_cost(const struct json *object, size_t names)
{
    return names + names * object->count / 8;
}

/* By its RFC 8785 form: with an exponent it is below 1e-6 or from 1e21 on. */
static bool is_whole(struct text number)
{
    char form[JSNUM_TEXT_MAX];
    size_t len = 0;
    if (jsnum_format(number, form, &len) != JSNUM_EXACT) {
        return false;
    }
    const char *exponent = memchr(form, 'e', len);
    return exponent != NULL ? exponent[1] == '+' : memchr(form, '.', len) == NULL;
}

static bool type_fits(struct text type, const struct json *v)
{
    static const char *const NAMES[] = {
        [JSON_NULL] = "null",     [JSON_FALSE] = "boolean", [JSON_TRUE] = "boolean",
        [JSON_NUMBER] = "number", [JSON_STRING] = "string", [JSON_ARRAY] = "array",
        [JSON_OBJECT] = "object"};
    return text_is(type, NAMES[v->type]) ||
           (text_is(type, "integer") && v->type == JSON_NUMBER && is_whole(v->text));
}

static enum verdict word_type(struct judging *g, const struct json *word, const struct json *value,
                              const struct at *at)
{
    if (word->type == JSON_STRING) {
        return type_fits(word->text, value) ? FITS : misfit(g, at, "it is of another type");
    }
    if (word->type != JSON_ARRAY) {
        return broken(g, "type has to be a string or a list of strings");
    }
    for (const struct json *t = word->child; t != NULL; t = t->next) {
        if (t->type == JSON_STRING && type_fits(t->text, value)) {
            return FITS;
        }
    }
    return misfit(g, at, "it is of another type");
}

static enum verdict word_const(struct judging *g, const struct json *word, const struct json *value,
                               const struct at *at)
{
    if (!spend(g, word->raw.len / 8)) {
        return BROKEN;
    }
    return x402_json_eq(word, value) ? FITS : misfit(g, at, "it has to have another value");
}

static enum verdict word_enum(struct judging *g, const struct json *word, const struct json *value,
                              const struct at *at)
{
    if (word->type != JSON_ARRAY) {
        return broken(g, "enum has to be a list");
    }
    if (!spend(g, word->raw.len / 8)) {
        return BROKEN;
    }
    for (const struct json *e = word->child; e != NULL; e = e->next) {
        if (x402_json_eq(e, value)) {
            return FITS;
        }
    }
    return misfit(g, at, "it is none of the values that are allowed");
}

static enum verdict word_required(struct judging *g, const struct json *word,
                                  const struct json *value, const struct at *at)
{
    if (word->type != JSON_ARRAY) {
        return broken(g, "required has to be a list");
    }
    if (value->type != JSON_OBJECT) {
        return FITS;
    }
    if (!spend(g, search_cost(value, word->count))) {
        return BROKEN;
    }
    for (const struct json *name = word->child; name != NULL; name = name->next) {
        if (name->type != JSON_STRING) {
            return broken(g, "required has to be a list of strings");
        }
        if (json_get_text(value, name->text) == NULL) {
            const struct at here = {at, name->text, 0, false};
            return misfit(g, &here, "it is required");
        }
    }
    return FITS;
}

static enum verdict word_properties(struct judging *g, const struct json *word,
                                    const struct json *value, const struct at *at)
{
    if (word->type != JSON_OBJECT) {
        return broken(g, "properties has to be an object");
    }
    enum verdict v = FITS;
    if (!spend(g, search_cost(value, word->count))) {
        return BROKEN;
    }
    for (const struct json *p = word->child; v == FITS && p != NULL; p = p->next) {
        const struct json *member = json_get_text(value, p->key);
        const struct at here = {at, p->key, 0, false};
        if (member != NULL) {
            v = judge(g, p, member, &here);
        }
    }
    return v;
}

static enum verdict word_items(struct judging *g, const struct json *word, const struct json *value,
                               const struct at *at)
{
    enum verdict v = FITS;
    size_t i = 0;
    if (value->type != JSON_ARRAY) {
        return FITS;
    }
    for (const struct json *e = value->child; v == FITS && e != NULL; e = e->next) {
        const struct at here = {at, TEXT(""), i++, true};
        v = judge(g, word, e, &here);
    }
    return v;
}

/* What a bound counts: elements, members, characters. */
static bool counted(const struct json *value, enum json_type type, size_t *out)
{
    if (value->type != type) {
        return false;
    }
    *out = value->count;
    if (type == JSON_STRING) {
        *out = 0;
        for (size_t i = 0; i < value->text.len; i++) {
            *out += ((unsigned char)value->text.p[i] & 0xc0) != 0x80;
        }
    }
    return true;
}

static enum verdict bound(struct judging *g, const struct json *word, const struct json *value,
                          const struct at *at, enum json_type type, bool is_max)
{
    int64_t limit;
    size_t count;
    if (!json_int(word, 0, INT64_MAX, &limit)) {
        return broken(g, "a bound has to be a whole number");
    }
    if (!counted(value, type, &count)) {
        return FITS;
    }
    bool fits = is_max ? count <= (uint64_t)limit : count >= (uint64_t)limit;
    return fits ? FITS : misfit(g, at, is_max ? "it is too long" : "it is too short");
}

#define BOUND(name, type, is_max)                                                                  \
    static enum verdict name(struct judging *g, const struct json *word, const struct json *value, \
                             const struct at *at)                                                  \
    {                                                                                              \
        return bound(g, word, value, at, type, is_max);                                            \
    }
BOUND(word_min_items, JSON_ARRAY, false)
BOUND(word_max_items, JSON_ARRAY, true)
BOUND(word_min_properties, JSON_OBJECT, false)
BOUND(word_max_properties, JSON_OBJECT, true)
BOUND(word_min_length, JSON_STRING, false)
BOUND(word_max_length, JSON_STRING, true)

/* How many of a list of schemas the value fits; false when one of them is broken. */
static bool fitting(struct judging *g, const struct json *list, const struct json *value,
                    const struct at *at, uint32_t *count)
{
    *count = 0;
    if (list->type != JSON_ARRAY || list->count == 0) {
        (void)broken(g, "anyOf, allOf and oneOf have to be lists of schemas");
        return false;
    }
    for (const struct json *s = list->child; s != NULL; s = s->next) {
        enum verdict v = judge(g, s, value, at);
        if (v == BROKEN) {
            return false;
        }
        *count += v == FITS;
    }
    return true;
}

static enum verdict word_all_of(struct judging *g, const struct json *word,
                                const struct json *value, const struct at *at)
{
    uint32_t count;
    if (!fitting(g, word, value, at, &count)) {
        return BROKEN;
    }
    return count == word->count ? FITS : MISFITS;
}

static enum verdict word_any_of(struct judging *g, const struct json *word,
                                const struct json *value, const struct at *at)
{
    uint32_t count;
    if (!fitting(g, word, value, at, &count)) {
        return BROKEN;
    }
    return count > 0 ? FITS : misfit(g, at, "it fits none of the forms that are allowed");
}

static enum verdict word_one_of(struct judging *g, const struct json *word,
                                const struct json *value, const struct at *at)
{
    uint32_t count;
    if (!fitting(g, word, value, at, &count)) {
        return BROKEN;
    }
    return count == 1 ? FITS : misfit(g, at, "it has to fit exactly one of the forms");
}

static enum verdict word_not(struct judging *g, const struct json *word, const struct json *value,
                             const struct at *at)
{
    enum verdict v = judge(g, word, value, at);
    if (v == BROKEN) {
        return BROKEN;
    }
    return v == MISFITS ? FITS : misfit(g, at, "it has a form that is not allowed");
}

static enum verdict word_ref(struct judging *g, const struct json *word, const struct json *value,
                             const struct at *at)
{
    const struct json *target = g->root;
    struct text rest = word->text;
    if (word->type != JSON_STRING || rest.len == 0 || rest.p[0] != '#') {
        return broken(g, "a $ref has to begin with #: nothing is fetched");
    }
    rest = (struct text){rest.p + 1, rest.len - 1};
    while (rest.len > 0 && target != NULL) {
        size_t len = 1;
        while (len < rest.len && rest.p[len] != '/') {
            len++;
        }
        struct text name = {rest.p + 1, len - 1};
        target = rest.p[0] == '/' ? json_get_text(target, name) : NULL;
        rest = (struct text){rest.p + len, rest.len - len};
    }
    return target != NULL ? judge(g, target, value, at)
                          : broken(g, "a $ref leads to nothing in the schema");
}

static const struct word {
    const char *name;
    enum verdict (*judge)(struct judging *g, const struct json *word, const struct json *value,
                          const struct at *at);
} WORDS[] = {
    {"type", word_type},
    {"const", word_const},
    {"enum", word_enum},
    {"required", word_required},
    {"properties", word_properties},
    {"items", word_items},
    {"minItems", word_min_items},
    {"maxItems", word_max_items},
    {"minProperties", word_min_properties},
    {"maxProperties", word_max_properties},
    {"minLength", word_min_length},
    {"maxLength", word_max_length},
    {"allOf", word_all_of},
    {"anyOf", word_any_of},
    {"oneOf", word_one_of},
    {"not", word_not},
    {"$ref", word_ref},
};

/* The members that `properties` says nothing about. */
static enum verdict additional(struct judging *g, const struct json *schema,
                               const struct json *value, const struct at *at)
{
    const struct json *word = json_get(schema, "additionalProperties");
    const struct json *known = json_get(schema, "properties");
    enum verdict v = FITS;
    if (word == NULL || value->type != JSON_OBJECT) {
        return FITS;
    }
    if (known != NULL && !spend(g, search_cost(known, value->count))) {
        return BROKEN;
    }
    for (const struct json *m = value->child; v == FITS && m != NULL; m = m->next) {
        const struct at here = {at, m->key, 0, false};
        if (json_get_text(known, m->key) != NULL) {
            continue;
        }
        v = judge(g, word, m, &here);
    }
    return v;
}

static enum verdict judge_words(struct judging *g, const struct json *schema,
                                const struct json *value, const struct at *at)
{
    enum verdict v = FITS;
    for (const struct json *word = schema->child; v == FITS && word != NULL; word = word->next) {
        for (size_t i = 0; i < ARRAY_LEN(WORDS); i++) {
            if (text_is(word->key, WORDS[i].name)) {
                v = WORDS[i].judge(g, word, value, at);
                break;
            }
        }
    }
    return v != FITS ? v : additional(g, schema, value, at);
}

static enum verdict judge(struct judging *g, const struct json *schema, const struct json *value,
                          const struct at *at)
{
    if (schema->type == JSON_TRUE) {
        return FITS;
    }
    if (schema->type == JSON_FALSE) {
        return misfit(g, at, "nothing is allowed here");
    }
    if (schema->type != JSON_OBJECT) {
        return broken(g, "a schema has to be an object, true or false");
    }
    if (g->depth == X402_SCHEMA_DEPTH_MAX) {
        return broken(g, "the schema is too deep");
    }
    size_t read = value->type == JSON_STRING ? value->text.len / 64 : value->count;
    if (!spend(g, 1 + schema->count + read)) {
        return BROKEN;
    }
    g->depth++;
    enum verdict v = judge_words(g, schema, value, at);
    g->depth--;
    return v;
}

/* Every $ref and $id of the schema, also where no word would lead to it. */
static bool is_local(const struct json *schema)
{
    for (const struct json *m = schema->child; m != NULL; m = m->next) {
        bool is_reference =
            schema->type == JSON_OBJECT && (text_is(m->key, "$ref") || text_is(m->key, "$id"));
        if (is_reference && (m->type != JSON_STRING || !text_starts(m->text, "#"))) {
            return false;
        }
        if (!is_local(m)) {
            return false;
        }
    }
    return true;
}

enum mete_code x402_schema_check(const struct json *schema, const struct json *value,
                                 struct mete_err *err)
{
    struct judging g = {.root = schema, .err = err};
    if (!is_local(schema)) {
        return mete_fail(err, METE_X402_SCHEMA, "",
                         "the schema has a $ref or $id that is not local: nothing is fetched");
    }
    switch (judge(&g, schema, value, NULL)) {
    case FITS:
        return METE_OK;
    case MISFITS:
        return mete_fail(err, METE_MEMBER_VALUE, g.misfit, "%s does not fit the schema: %s",
                         g.misfit[0] == '\0' ? "the value" : g.misfit, g.why);
    case BROKEN:
        break;
    }
    return METE_X402_SCHEMA;
}
