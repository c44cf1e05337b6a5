/* SPDX-License-Identifier: Apache-2.0
 * The one byte string that stands for a JSON value (RFC 8785), which is hashed and signed. Nothing
 * is rounded here: a number whose value the canonical form would change is refused. */
#include <string.h>

#include "base/jsnum.h"
#include "base/limits.h"
#include "base/text.h"
#include "wire/json.h"
#include "wire/json_scan.h"

#define SMALL_OBJECT 32 /* members up to which sorting needs no memory of its own */
#define SORTED_RUN   16
/* Documents that mete makes may wrap what was sent, so they may be deeper than what is read. */
#define WRITE_DEPTH_MAX (2 * JSON_DEPTH_MAX)

struct writer {
    struct buf *out;
    struct mete_err *err;
    const char *const *skip; /* of the root only; may be NULL */
    unsigned depth;
    struct step { /* the way from the root to what is being written */
        const struct json *child;
        size_t index;
        bool named;
    } path[WRITE_DEPTH_MAX];
};

/* Room for `len` more bytes, to be written by hand and then counted by put_end. */
static inline uint8_t *put_begin(struct buf *out, size_t len)
{
    if (out->cap - out->len < len)
        buf_reserve(out, len);
    return out->p + out->len;
}

static inline void put_end(struct buf *out, const uint8_t *p)
{
    out->len = (size_t)(p - out->p);
}

/* RFC 8785 section 3.2.2.2: the two-character form where there is one, else \u00xx in lower case.
 */
static uint8_t *escape_put(uint8_t *out, uint8_t c)
{
    static const char hex[] = "0123456789abcdef";
    static const char names[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    char name = c < 0x20 ? names[c] : (char)c;
    *out++ = '\\';
    if (name != '\0') {
        *out++ = (uint8_t)name;
        return out;
    }
    memcpy(out, "u00", 3);
    out[3] = (uint8_t)hex[c >> 4];
    out[4] = (uint8_t)hex[c & 15];
    return out + 5;
}

void json_put_string(struct buf *out, struct text t)
{
    const uint8_t *p = t.len > 0 ? (const uint8_t *)t.p : (const uint8_t *)"";
    const uint8_t *end = p + t.len;
    uint8_t *to = put_begin(out, t.len + 8); /* as below, and the first quote */
    *to++ = '"';
    for (;;) {
        const uint8_t *stop = json_plain_end(p, end, false);
        memcpy(to, p, (size_t)(stop - p));
        to += stop - p;
        if (stop == end)
            break;
        to = escape_put(to, *stop);
        p = stop + 1;
        put_end(out, to);
        to = put_begin(out, (size_t)(end - p) + 7); /* the rest, one escape, the quote */
    }
    *to++ = '"';
    put_end(out, to);
}

static bool is_whole_literal(struct text raw, struct text text)
{
    return raw.len == text.len + 2 && text.p == raw.p + 1;
}

/* A string that was read without meeting an escape is canonical as it stands. */
static void string_write(struct writer *w, const struct json *j)
{
    if (j->raw.p != NULL && is_whole_literal(j->raw, j->text))
        buf_put_text(w->out, j->raw);
    else
        json_put_string(w->out, j->text);
}

static enum mete_code fail(struct writer *w, enum mete_code code, const struct json *j,
                           const char *why)
{
    char pointer[sizeof w->err->pointer] = "";
    for (unsigned i = 0; i < w->depth; i++) {
        const struct step *step = &w->path[i];
        if (step->named)
            json_pointer_add(pointer, sizeof pointer, step->child->key);
        else
            json_pointer_index(pointer, sizeof pointer, step->index);
    }
    char literal[49];
    const char *dots = text_copy(literal, sizeof literal, j->text) ? "" : "...";
    return mete_fail(w->err, code, pointer, "the number %s%s %s", literal, dots, why);
}

/* Integers of at most 15 digits are exact in a double and canonical as they stand, but for -0. */
static bool is_short_integer(struct text t)
{
    size_t sign = t.len > 0 && t.p[0] == '-';
    if (t.len - sign > 15 || (sign != 0 && t.p[1] == '0'))
        return false;
    for (size_t i = sign; i < t.len; i++) {
        if (t.p[i] < '0' || t.p[i] > '9')
            return false;
    }
    return true;
}

static enum mete_code number_write(struct writer *w, const struct json *j)
{
    if (is_short_integer(j->text)) {
        buf_put_text(w->out, j->text);
        return METE_OK;
    }
    char form[JSNUM_TEXT_MAX];
    size_t len = 0;
    switch (jsnum_format(j->text, form, &len)) {
    case JSNUM_EXACT:
        buf_put(w->out, form, len);
        return METE_OK;
    case JSNUM_INEXACT:
        return fail(w, METE_NUMBER_INEXACT, j,
                    "has more digits than JSON readers keep; send it as a string");
    case JSNUM_RANGE:
        return fail(w, METE_NUMBER_RANGE, j,
                    "is larger than JSON readers can hold; send it as a string");
    }
    METE_ASSERT(false);
}

/* The order of members. UTF-16 order is byte order of UTF-8, except that U+E000..U+FFFF (first
 * byte 0xee or 0xef) come after the surrogates of everything above (first byte 0xf0..0xf4). */

static uint8_t utf16_rank(uint8_t c)
{
    return c == 0xee || c == 0xef ? c + 0x10 : c;
}

static int name_cmp(struct text a, struct text b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < len; i++) {
        if (a.p[i] != b.p[i])
            return (int)utf16_rank((uint8_t)a.p[i]) - (int)utf16_rank((uint8_t)b.p[i]);
    }
    return (a.len > b.len) - (a.len < b.len);
}

struct entry {
    uint64_t prefix; /* ranks of the first eight bytes, the first one highest */
    const struct json *member;
};

static uint64_t name_prefix(struct text name)
{
    uint64_t prefix = 0;
    if (name.len >= 8) {
        uint64_t v = json_load64(name.p);
        if ((v & JSON_EACH(0x80)) == 0)
            return __builtin_bswap64(v);
    }
    for (size_t i = 0; i < 8; i++)
        prefix = prefix << 8 | (i < name.len ? utf16_rank((uint8_t)name.p[i]) : 0);
    return prefix;
}

static struct entry entry_of(const struct json *member)
{
    return (struct entry){name_prefix(member->key), member};
}

static bool entry_before(const struct entry *a, const struct entry *b)
{
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix;
    int order = name_cmp(a->member->key, b->member->key);
    METE_ASSERT(order != 0); /* the reader refuses duplicates, builders must not make them */
    return order < 0;
}

static void entries_insert(struct entry *e, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct entry moving = e[i];
        size_t k = i;
        while (k > 0 && entry_before(&moving, &e[k - 1])) {
            e[k] = e[k - 1];
            k--;
        }
        e[k] = moving;
    }
}

static void entries_merge(struct entry *to, const struct entry *from, size_t middle, size_t end)
{
    size_t a = 0, b = middle;
    for (size_t i = 0; i < end; i++) {
        bool left = b == end || (a < middle && entry_before(&from[a], &from[b]));
        to[i] = from[left ? a++ : b++];
    }
}

/* Sorts `count` entries; the result is in the returned one of the two arrays. */
static struct entry *entries_sort(struct entry *e, struct entry *other, size_t count)
{
    for (size_t i = 0; i < count; i += SORTED_RUN)
        entries_insert(e + i, count - i < SORTED_RUN ? count - i : SORTED_RUN);
    for (size_t run = SORTED_RUN; run < count; run *= 2) {
        for (size_t i = 0; i < count; i += 2 * run) {
            size_t left = count - i;
            size_t end = left < 2 * run ? left : 2 * run;
            entries_merge(other + i, e + i, run < end ? run : end, end);
        }
        struct entry *sorted = other;
        other = e;
        e = sorted;
    }
    return e;
}

static enum mete_code value_write(struct writer *w, const struct json *j);

static struct step *step_down(struct writer *w, bool named)
{
    METE_ASSERT(w->depth < WRITE_DEPTH_MAX);
    struct step *step = &w->path[w->depth++];
    *step = (struct step){NULL, 0, named};
    return step;
}

static bool is_skipped(const struct writer *w, const struct json *member)
{
    if (w->depth != 1 || w->skip == NULL)
        return false;
    for (const char *const *name = w->skip; *name != NULL; name++) {
        if (text_is(member->key, *name))
            return true;
    }
    return false;
}

static enum mete_code member_write(struct writer *w, struct step *step, const struct json *member)
{
    if (is_skipped(w, member))
        return METE_OK;
    step->child = member;
    if (step->index++ > 0)
        buf_put_u8(w->out, ',');
    json_put_string(w->out, member->key);
    buf_put_u8(w->out, ':');
    return value_write(w, member);
}

static enum mete_code members_write(struct writer *w, struct step *step, const struct entry *e,
                                    size_t count)
{
    enum mete_code code = METE_OK;
    for (size_t i = 0; i < count && code == METE_OK; i++)
        code = member_write(w, step, e[i].member);
    return code;
}

static void entries_fill(struct entry *e, const struct json *object)
{
    for (const struct json *m = object->child; m != NULL; m = m->next)
        *e++ = entry_of(m);
}

static enum mete_code small_object_write(struct writer *w, struct step *step,
                                         const struct json *object)
{
    struct entry entries[SMALL_OBJECT];
    entries_fill(entries, object);
    entries_insert(entries, object->count);
    return members_write(w, step, entries, object->count);
}

static enum mete_code large_object_write(struct writer *w, struct step *step,
                                         const struct json *object)
{
    struct buf room = {0};
    buf_reserve(&room, 2 * (size_t)object->count * sizeof(struct entry));
    struct entry *entries = (struct entry *)(void *)room.p;
    entries_fill(entries, object);
    entries = entries_sort(entries, entries + object->count, object->count);
    enum mete_code code = members_write(w, step, entries, object->count);
    buf_clear(&room);
    return code;
}

static bool is_sorted(const struct json *object)
{
    if (object->child == NULL)
        return true;
    struct entry before = entry_of(object->child);
    for (const struct json *m = object->child->next; m != NULL; m = m->next) {
        struct entry next = entry_of(m);
        if (!entry_before(&before, &next))
            return false;
        before = next;
    }
    return true;
}

static enum mete_code object_write(struct writer *w, const struct json *object)
{
    enum mete_code code = METE_OK;
    struct step *step = step_down(w, true);
    buf_put_u8(w->out, '{');
    if (is_sorted(object)) {
        for (const struct json *m = object->child; m != NULL && code == METE_OK; m = m->next)
            code = member_write(w, step, m);
    } else if (object->count <= SMALL_OBJECT) {
        code = small_object_write(w, step, object);
    } else {
        code = large_object_write(w, step, object);
    }
    if (code != METE_OK)
        return code;
    buf_put_u8(w->out, '}');
    w->depth--;
    return METE_OK;
}

static enum mete_code array_write(struct writer *w, const struct json *array)
{
    struct step *step = step_down(w, false);
    buf_put_u8(w->out, '[');
    for (const struct json *item = array->child; item != NULL; item = item->next) {
        if (step->child != NULL) {
            step->index++;
            buf_put_u8(w->out, ',');
        }
        step->child = item;
        enum mete_code code = value_write(w, item);
        if (code != METE_OK)
            return code;
    }
    buf_put_u8(w->out, ']');
    w->depth--;
    return METE_OK;
}

static enum mete_code value_write(struct writer *w, const struct json *j)
{
    switch (j->type) {
    case JSON_NULL:
        buf_put(w->out, "null", 4);
        return METE_OK;
    case JSON_FALSE:
        buf_put(w->out, "false", 5);
        return METE_OK;
    case JSON_TRUE:
        buf_put(w->out, "true", 4);
        return METE_OK;
    case JSON_NUMBER:
        return number_write(w, j);
    case JSON_STRING:
        string_write(w, j);
        return METE_OK;
    case JSON_ARRAY:
        return array_write(w, j);
    case JSON_OBJECT:
        return object_write(w, j);
    }
    METE_ASSERT(false);
}

enum mete_code json_canonical_without(const struct json *j, const char *const *skip,
                                      struct buf *out, struct mete_err *err)
{
    struct writer w;
    w.out = out;
    w.err = err;
    w.skip = j->type == JSON_OBJECT ? skip : NULL;
    w.depth = 0;
    size_t before = out->len;
    buf_reserve(out, j->raw.len + 16);
    enum mete_code code = value_write(&w, j);
    if (code != METE_OK)
        out->len = before;
    return code;
}

enum mete_code json_canonical(const struct json *j, struct buf *out, struct mete_err *err)
{
    return json_canonical_without(j, NULL, out, err);
}
