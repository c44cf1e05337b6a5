/* SPDX-License-Identifier: Apache-2.0
 * Reading JSON, looking into a tree, and building one. Canonical bytes are in json_canonical.c,
 * output in json_writer.c. Every read stays inside the input; a failure is recorded once, where it
 * happens, and put into words at the end. */
#include "wire/json.h"

#include <stdio.h>
#include <string.h>

#include "base/i128.h"
#include "base/limits.h"
#include "base/text.h"
#include "wire/json_scan.h"

#define NODE_BLOCK   64 /* nodes taken from the arena at once, at most */
#define PAIRWISE_MAX 32 /* members up to which names are compared with each other */
#define UNICODE_MAX  0x10ffff

struct parser {
    const uint8_t *start;
    const uint8_t *end;
    struct arena *arena;
    struct json *node; /* the unused rest of the newest block */
    struct json *node_end;
    unsigned depth;
    struct json *open[JSON_DEPTH_MAX]; /* containers around the cursor, outermost first */
    /* The failure: */
    enum mete_code code;
    const uint8_t *at;
    const char *what;
    const struct json *place; /* child of the innermost open container, or NULL for itself */
};

/* The failing place is the value being read. Returns NULL, so that readers can return it. */
static const uint8_t *fail(struct parser *s, const uint8_t *at, enum mete_code code,
                           const char *what)
{
    s->code = code;
    s->at = at;
    s->what = what;
    s->place = s->depth > 0 ? s->open[s->depth - 1]->last : NULL;
    return NULL;
}

/* The failing place is the innermost container: it is between its children. */
static const uint8_t *fail_between(struct parser *s, const uint8_t *at, const char *what)
{
    fail(s, at, METE_JSON_SYNTAX, what);
    s->place = NULL;
    return NULL;
}

static struct json *node_new(struct parser *s, const uint8_t *p)
{
    if (s->node == s->node_end) {
        size_t guess = (size_t)(s->end - p) / 16 + 4;
        size_t count = guess < NODE_BLOCK ? guess : NODE_BLOCK;
        s->node = arena_array(s->arena, count, sizeof(struct json));
        s->node_end = s->node + count;
    }
    return s->node++;
}

static void child_link(struct json *parent, struct json *child)
{
    if (parent->last != NULL) {
        parent->last->next = child;
    } else {
        parent->child = child;
    }
    parent->last = child;
    parent->count++;
}

static inline const uint8_t *skip_space(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p <= ' ') {
        if (*p == ' ' && end - p >= 8 && json_load64(p) == JSON_EACH(' ')) {
            p += 8;
        } else if (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t') {
            p++;
        } else {
            break;
        }
    }
    return p;
}

static struct text text_between(const uint8_t *from, const uint8_t *to)
{
    return (struct text){(const char *)from, (size_t)(to - from)};
}

/* Strings. The first pass checks everything and the second, only for strings with escapes, cannot
 * fail. */

static bool is_continuation(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

/* Length of the well-formed UTF-8 sequence of 2 to 4 bytes at `p`, or 0 (RFC 3629 section 4). */
static unsigned utf8_sequence(const uint8_t *p, const uint8_t *end)
{
    ptrdiff_t left = end - p;
    if (left < 2 || p[0] < 0xc2 || p[0] > 0xf4 || !is_continuation(p[1])) {
        return 0;
    }
    if (p[0] < 0xe0) {
        return 2;
    }
    if (left < 3 || !is_continuation(p[2])) {
        return 0;
    }
    if (p[0] < 0xf0) {
        bool overlong = p[0] == 0xe0 && p[1] < 0xa0;
        bool surrogate = p[0] == 0xed && p[1] > 0x9f;
        return overlong || surrogate ? 0 : 3;
    }
    if (left < 4 || !is_continuation(p[3])) {
        return 0;
    }
    bool overlong = p[0] == 0xf0 && p[1] < 0x90;
    bool beyond = p[0] == 0xf4 && p[1] > 0x8f;
    return overlong || beyond ? 0 : 4;
}

static const uint8_t *skip_high(struct parser *s, const uint8_t *p)
{
    do {
        unsigned len = utf8_sequence(p, s->end);
        if (len == 0) {
            return fail(s, p, METE_JSON_UTF8, "this is not valid UTF-8; encode the text as UTF-8");
        }
        p += len;
    } while (p < s->end && *p >= 0x80);
    return p;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    uint8_t lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The UTF-16 code unit of the "\uXXXX" at `p`, or -1 when there is none. */
static int32_t unicode_escape(const uint8_t *p, const uint8_t *end)
{
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u') {
        return -1;
    }
    int32_t unit = 0;
    for (int i = 2; i < 6; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

static bool is_high_surrogate(int32_t unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(int32_t unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

static const uint8_t *skip_escape(struct parser *s, const uint8_t *p)
{
    if (s->end - p >= 2 && p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) != NULL) {
        return p + 2;
    }
    int32_t unit = unicode_escape(p, s->end);
    if (unit < 0) {
        return fail(s, p, METE_JSON_SYNTAX,
                    "expected an escape: one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u with four "
                    "hexadecimal digits");
    }
    if (is_high_surrogate(unit) && is_low_surrogate(unicode_escape(p + 6, s->end))) {
        return p + 12;
    }
    if (is_high_surrogate(unit) || is_low_surrogate(unit)) {
        return fail(s, p, METE_JSON_UTF8,
                    "this surrogate has no partner; write both halves of the pair");
    }
    return p + 6;
}

static char *utf8_put(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* Decodes the valid escape at `p`, moves *out on, returns what follows. */
static const uint8_t *decode_escape(const uint8_t *p, const uint8_t *end, char **out)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    if (p[1] != 'u') {
        *(*out)++ = meant[strchr(names, p[1]) - names];
        return p + 2;
    }
    int32_t unit = unicode_escape(p, end);
    if (!is_high_surrogate(unit)) {
        *out = utf8_put(*out, (uint32_t)unit);
        return p + 6;
    }
    int32_t low = unicode_escape(p + 6, end);
    int32_t c = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    METE_ASSERT(c <= UNICODE_MAX);
    *out = utf8_put(*out, (uint32_t)c);
    return p + 12;
}

/* No escape is shorter than what it stands for, so the length as written is enough room. */
static struct text decode(struct parser *s, const uint8_t *p, const uint8_t *end)
{
    char *first = arena_alloc(s->arena, (size_t)(end - p));
    char *out = first;
    while (p < end) {
        const uint8_t *escape = memchr(p, '\\', (size_t)(end - p));
        const uint8_t *stop = escape != NULL ? escape : end;
        memcpy(out, p, (size_t)(stop - p));
        out += stop - p;
        p = escape != NULL ? decode_escape(escape, end, &out) : end;
    }
    return (struct text){first, (size_t)(out - first)};
}

/* `p` is at the opening quote. */
static const uint8_t *read_string(struct parser *s, const uint8_t *p, struct text *out)
{
    const uint8_t *first = ++p;
    bool escaped = false;
    for (;;) {
        p = json_plain_end(p, s->end, true);
        if (p == s->end) {
            return fail(s, p, METE_JSON_SYNTAX, "expected the quote that ends the string");
        }
        if (*p == '"') {
            break;
        }
        if (*p < 0x20) {
            return fail(s, p, METE_JSON_SYNTAX,
                        "expected no control character inside a string; write it as an escape");
        }
        escaped |= *p == '\\';
        p = *p == '\\' ? skip_escape(s, p) : skip_high(s, p);
        if (p == NULL) {
            return NULL;
        }
    }
    *out = escaped ? decode(s, first, p) : text_between(first, p);
    return p + 1;
}

static const uint8_t *read_string_value(struct parser *s, const uint8_t *p, struct json *node)
{
    const uint8_t *from = p;
    node->type = JSON_STRING;
    p = read_string(s, p, &node->text);
    if (p != NULL) {
        node->raw = text_between(from, p);
    }
    return p;
}

static bool is_digit(const uint8_t *p, const uint8_t *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

static const uint8_t *read_digits(struct parser *s, const uint8_t *p)
{
    if (!is_digit(p, s->end)) {
        return fail(s, p, METE_JSON_SYNTAX, "expected a digit");
    }
    while (is_digit(p, s->end)) {
        p++;
    }
    return p;
}

static const uint8_t *read_fraction(struct parser *s, const uint8_t *p)
{
    if (p != NULL && p < s->end && *p == '.') {
        return read_digits(s, p + 1);
    }
    return p;
}

static const uint8_t *read_exponent(struct parser *s, const uint8_t *p)
{
    if (p == NULL || p == s->end || (*p != 'e' && *p != 'E')) {
        return p;
    }
    p++;
    if (p < s->end && (*p == '+' || *p == '-')) {
        p++;
    }
    return read_digits(s, p);
}

static const uint8_t *read_number(struct parser *s, const uint8_t *p, struct json *node)
{
    const uint8_t *from = p;
    node->type = JSON_NUMBER;
    p += *p == '-';
    if (is_digit(p, s->end) && *p == '0' && is_digit(p + 1, s->end)) {
        return fail(s, p, METE_JSON_SYNTAX, "expected a number without leading zeros");
    }
    p = read_exponent(s, read_fraction(s, read_digits(s, p)));
    if (p != NULL) {
        node->raw = node->text = text_between(from, p);
    }
    return p;
}

static const uint8_t *read_word(struct parser *s, const uint8_t *p, struct json *node)
{
    static const struct text words[] = {
        [JSON_NULL] = TEXT("null"), [JSON_FALSE] = TEXT("false"), [JSON_TRUE] = TEXT("true")};
    node->type = *p == 'n' ? JSON_NULL : *p == 'f' ? JSON_FALSE : JSON_TRUE;
    struct text word = words[node->type];
    if ((size_t)(s->end - p) < word.len || memcmp(p, word.p, word.len) != 0) {
        return fail(s, p, METE_JSON_SYNTAX, "expected true, false or null");
    }
    node->raw = text_between(p, p + word.len);
    return p + word.len;
}

static const uint8_t *read_value(struct parser *s, const uint8_t *p, struct json *node);

/* `p` is at the bracket. False beyond the depth limit. */
static bool container_open(struct parser *s, const uint8_t *p, struct json *node,
                           enum json_type type)
{
    if (s->depth == JSON_DEPTH_MAX) {
        fail(s, p, METE_JSON_DEPTH, "arrays and objects are nested more than 64 deep here");
        return false;
    }
    node->type = type;
    s->open[s->depth++] = node;
    return true;
}

static const uint8_t *container_close(struct parser *s, const uint8_t *from, const uint8_t *p,
                                      struct json *node)
{
    s->depth--;
    node->raw = text_between(from, p + 1);
    return p + 1;
}

static const uint8_t *read_array(struct parser *s, const uint8_t *p, struct json *node)
{
    const uint8_t *from = p;
    if (!container_open(s, p, node, JSON_ARRAY)) {
        return NULL;
    }
    p = skip_space(p + 1, s->end);
    if (p < s->end && *p == ']') {
        return container_close(s, from, p, node);
    }
    for (;;) {
        struct json *item = node_new(s, p);
        child_link(node, item);
        p = read_value(s, p, item);
        if (p == NULL) {
            return NULL;
        }
        p = skip_space(p, s->end);
        if (p == s->end || *p != ',') {
            break;
        }
        p = skip_space(p + 1, s->end);
    }
    if (p == s->end || *p != ']') {
        return fail_between(s, p, "expected ',' or ']' after an element");
    }
    return container_close(s, from, p, node);
}

/* One of 64 bits, from length and both ends of a name: when the bits of all names of an object
 * differ, so do the names. */
static uint64_t name_bit(struct text name)
{
    uint64_t head = 0, tail = 0;
    if (name.len >= 8) {
        head = json_load64(name.p);
        tail = json_load64(name.p + name.len - 8);
    } else if (name.len > 0) {
        const uint8_t *p = (const uint8_t *)name.p;
        head = (uint64_t)p[0] << 16 | (uint64_t)p[name.len / 2] << 8 | p[name.len - 1];
    }
    uint64_t mixed = (head ^ (tail << 1 | tail >> 63)) + name.len;
    return UINT64_C(1) << (mixed * UINT64_C(0x9e3779b97f4a7c15) >> 58);
}

static const uint8_t *fail_duplicate(struct parser *s, const uint8_t *value,
                                     const struct json *member)
{
    fail(s, value, METE_JSON_DUPLICATE_KEY,
         "the name of this member stands in the object already; keep one of the two");
    s->place = member;
    return NULL;
}

static bool name_is_before(const struct json *object, const struct json *member)
{
    for (const struct json *m = object->child; m != member; m = m->next) {
        if (text_eq(m->key, member->key)) {
            return true;
        }
    }
    return false;
}

/* `p` is where a member name must begin; `seen` has the name bits of the members so far. */
static const uint8_t *read_member(struct parser *s, const uint8_t *p, struct json *object,
                                  uint64_t *seen)
{
    if (p == s->end || *p != '"') {
        return fail_between(s, p, "expected a member name in double quotes");
    }
    struct json *member = node_new(s, p);
    child_link(object, member);
    p = read_string(s, p, &member->key);
    if (p == NULL) {
        s->place = NULL;
        return NULL;
    }
    p = skip_space(p, s->end);
    if (p == s->end || *p != ':') {
        return fail(s, p, METE_JSON_SYNTAX, "expected ':' after the member name");
    }
    p = skip_space(p + 1, s->end);
    if (object->count <= PAIRWISE_MAX) {
        uint64_t bit = name_bit(member->key);
        if ((*seen & bit) != 0 && name_is_before(object, member)) {
            return fail_duplicate(s, p, member);
        }
        *seen |= bit;
    }
    return read_value(s, p, member);
}

struct slot {
    uint64_t hash;
    const struct json *member;
};

/* The first member whose name came before, or NULL; for large objects. */
static const struct json *duplicate_member(struct parser *s, const struct json *object)
{
    size_t slot_count = 2 * PAIRWISE_MAX;
    while (slot_count < 2 * (size_t)object->count) {
        slot_count *= 2;
    }
    struct slot *slots = arena_array(s->arena, slot_count, sizeof *slots);
    /* The address is what a sender who wants collisions cannot know. */
    uint64_t seed = (uint64_t)(uintptr_t)slots ^ (uint64_t)(uintptr_t)s->start << 20;
    for (const struct json *m = object->child; m != NULL; m = m->next) {
        uint64_t hash = bytes_hash(text_bytes(m->key), seed);
        size_t i = (size_t)hash & (slot_count - 1);
        while (slots[i].member != NULL) {
            if (slots[i].hash == hash && text_eq(slots[i].member->key, m->key)) {
                return m;
            }
            i = (i + 1) & (slot_count - 1);
        }
        slots[i] = (struct slot){hash, m};
    }
    return NULL;
}

static const uint8_t *read_object(struct parser *s, const uint8_t *p, struct json *node)
{
    const uint8_t *from = p;
    uint64_t seen = 0;
    if (!container_open(s, p, node, JSON_OBJECT)) {
        return NULL;
    }
    p = skip_space(p + 1, s->end);
    if (p < s->end && *p == '}') {
        return container_close(s, from, p, node);
    }
    for (;;) {
        p = read_member(s, p, node, &seen);
        if (p == NULL) {
            return NULL;
        }
        p = skip_space(p, s->end);
        if (p == s->end || *p != ',') {
            break;
        }
        p = skip_space(p + 1, s->end);
    }
    if (p == s->end || *p != '}') {
        return fail_between(s, p, "expected ',' or '}' after a member");
    }
    if (node->count > PAIRWISE_MAX) {
        const struct json *twice = duplicate_member(s, node);
        if (twice != NULL) {
            return fail_duplicate(s, (const uint8_t *)twice->raw.p, twice);
        }
    }
    return container_close(s, from, p, node);
}

static const uint8_t *read_value(struct parser *s, const uint8_t *p, struct json *node)
{
    if (p == s->end) {
        return fail(s, p, METE_JSON_SYNTAX, "expected a value");
    }
    switch (*p) {
    case '"':
        return read_string_value(s, p, node);
    case '{':
        return read_object(s, p, node);
    case '[':
        return read_array(s, p, node);
    case 't':
    case 'f':
    case 'n':
        return read_word(s, p, node);
    default:
        if (*p != '-' && !is_digit(p, s->end)) {
            return fail(s, p, METE_JSON_SYNTAX, "expected a value");
        }
        return read_number(s, p, node);
    }
}

static void found_describe(const struct parser *s, char *out, size_t size)
{
    if (s->at == s->end) {
        snprintf(out, size, "the end of the input");
    } else if (*s->at > ' ' && *s->at < 0x7f) {
        snprintf(out, size, "'%c'", *s->at);
    } else {
        snprintf(out, size, "byte 0x%02x", *s->at);
    }
}

static enum mete_code report(const struct parser *s, struct mete_err *err)
{
    char pointer[sizeof err->pointer] = "";
    for (unsigned i = 0; i < s->depth; i++) {
        const struct json *in = s->open[i];
        const struct json *child = i + 1 < s->depth ? s->open[i + 1] : s->place;
        if (child == NULL) {
            break;
        }
        if (in->type == JSON_OBJECT) {
            json_pointer_add(pointer, sizeof pointer, child->key);
        } else {
            json_pointer_index(pointer, sizeof pointer, in->count - 1);
        }
    }
    size_t offset = (size_t)(s->at - s->start);
    if (s->code != METE_JSON_SYNTAX) {
        return mete_fail(err, s->code, pointer, "byte %zu: %s", offset, s->what);
    }
    char found[32];
    found_describe(s, found, sizeof found);
    return mete_fail(err, s->code, pointer, "byte %zu: found %s, %s", offset, found, s->what);
}

enum mete_code json_parse(struct arena *a, struct text input, struct json **out,
                          struct mete_err *err)
{
    METE_ASSERT(input.len <= UINT32_MAX);
    struct parser s;
    s.start = input.len > 0 ? (const uint8_t *)input.p : (const uint8_t *)"";
    s.end = s.start + input.len;
    s.arena = a;
    s.node = s.node_end = NULL;
    s.depth = 0;
    const uint8_t *p = skip_space(s.start, s.end);
    struct json *root = node_new(&s, p);
    p = read_value(&s, p, root);
    if (p != NULL) {
        p = skip_space(p, s.end);
        if (p != s.end) {
            p = fail_between(&s, p, "expected nothing after the value");
        }
    }
    if (p == NULL) {
        return report(&s, err);
    }
    *out = root;
    return METE_OK;
}

/* Looking into a tree. */

const struct json *json_get_text(const struct json *obj, struct text key)
{
    if (obj == NULL || obj->type != JSON_OBJECT) {
        return NULL;
    }
    for (const struct json *m = obj->child; m != NULL; m = m->next) {
        if (text_eq(m->key, key)) {
            return m;
        }
    }
    return NULL;
}

const struct json *json_get(const struct json *obj, const char *key)
{
    return json_get_text(obj, text_of(key));
}

bool json_is_true(const struct json *j)
{
    return j != NULL && j->type == JSON_TRUE;
}

bool json_int(const struct json *j, int64_t min, int64_t max, int64_t *out)
{
    if (j == NULL || j->type != JSON_NUMBER) {
        return false;
    }
    size_t sign = j->text.len > 0 && j->text.p[0] == '-';
    struct text digits = {j->text.p + sign, j->text.len - sign};
    u128 size;
    if (!u128_parse(digits, &size) || size > (u128)1 << 63) {
        return false;
    }
    i128 value = sign != 0 ? -(i128)size : (i128)size;
    if (value < min || value > max) {
        return false;
    }
    *out = (int64_t)value;
    return true;
}

/* Building trees. */

struct json *json_new(struct arena *a, enum json_type type)
{
    struct json *j = arena_alloc(a, sizeof *j);
    j->type = type;
    return j;
}

struct json *json_new_string(struct arena *a, struct text t)
{
    struct json *j = json_new(a, JSON_STRING);
    j->text = arena_text(a, t);
    return j;
}

struct json *json_new_number(struct arena *a, struct text literal)
{
    struct json *j = json_new(a, JSON_NUMBER);
    j->text = arena_text(a, literal);
    return j;
}

void json_add(struct json *array, struct json *item)
{
    METE_ASSERT(array->type == JSON_ARRAY && item->next == NULL);
    child_link(array, item);
}

void json_set(struct json *object, struct text key, struct json *value)
{
    METE_ASSERT(object->type == JSON_OBJECT && value->next == NULL);
    value->key = key;
    child_link(object, value);
}

/* Pointers (RFC 6901). */

struct cursor {
    char *p;
    char *end; /* one before the NUL at the latest */
    bool cut;
};

/* All of `len` bytes or, when they do not fit, dots up to the end: so nothing follows a cut. */
static void cursor_put(struct cursor *c, const char *p, size_t len)
{
    if (c->cut || (size_t)(c->end - c->p) < len) {
        c->cut = true;
        while (c->p < c->end) {
            *c->p++ = '.';
        }
        return;
    }
    memcpy(c->p, p, len);
    c->p += len;
}

/* The bytes of the character at `p`, so that a cut never leaves half of one. */
static size_t character_len(const char *p, const char *end)
{
    size_t len = 1;
    while (p + len < end && is_continuation((uint8_t)p[len])) {
        len++;
    }
    return len;
}

void json_pointer_add(char *pointer, size_t size, struct text name)
{
    METE_ASSERT(size > 0);
    size_t used = strnlen(pointer, size - 1);
    struct cursor c = {pointer + used, pointer + size - 1, false};
    cursor_put(&c, "/", 1);
    const char *end = name.len > 0 ? name.p + name.len : name.p;
    for (const char *p = name.p; p != end;) {
        size_t len = character_len(p, end);
        if (*p == '~') {
            cursor_put(&c, "~0", 2);
        } else if (*p == '/') {
            cursor_put(&c, "~1", 2);
        } else if (*p == '\0') { /* would end the pointer: U+FFFD instead */
            cursor_put(&c, "\xef\xbf\xbd", 3);
        } else {
            cursor_put(&c, p, len);
        }
        p += len;
    }
    *c.p = '\0';
}

void json_pointer_index(char *pointer, size_t size, size_t index)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%zu", index);
    json_pointer_add(pointer, size, (struct text){digits, (size_t)len});
}
