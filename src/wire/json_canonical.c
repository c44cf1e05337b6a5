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
    if (out->cap - out->len < len) {
        buf_reserve(out, len);
    }
    return out->p + out->len;
}

static inline void put_end(struct buf *out, const uint8_t *p)
{
    out->len = (size_t)(p - out->p);
}

static inline void byte_put(struct buf *out, uint8_t c)
{
    *put_begin(out, 1) = c;
    out->len++;
}

static inline void text_put(struct buf *out, struct text t)
{
    memcpy(put_begin(out, t.len), t.p, t.len);
    out->len += t.len;
}

/* Beside the characters of a string: both quotes, one escape, a comma, a colon, and the eight bytes
 * that plain_put may write too many. */
#define STRING_ROOM 20

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

/* Writes a text that has something to escape. Returns the new end, which is not counted yet. */
static __attribute__((noinline)) uint8_t *escaped_put(struct buf *out, uint8_t *to, struct text t)
{
    const uint8_t *p = (const uint8_t *)t.p;
    const uint8_t *end = p + t.len;
    for (;;) {
        const uint8_t *stop = json_plain_end(p, end, false);
        memcpy(to, p, (size_t)(stop - p));
        to += stop - p;
        if (stop == end) {
            return to;
        }
        to = escape_put(to, *stop);
        p = stop + 1;
        put_end(out, to);
        to = put_begin(out, (size_t)(end - p) + STRING_ROOM);
    }
}

/* Copies `t` when nothing in it needs an escape; may write up to eight bytes too many. */
static inline bool plain_put(uint8_t *to, struct text t)
{
    if (t.len > 16) {
        const uint8_t *p = (const uint8_t *)t.p;
        memcpy(to, p, t.len);
        return json_plain_end(p, p + t.len, false) == p + t.len;
    }
    if (t.len >= 8) {
        uint64_t head, tail;
        memcpy(&head, t.p, 8);
        memcpy(&tail, t.p + t.len - 8, 8);
        memcpy(to, &head, 8);
        memcpy(to + t.len - 8, &tail, 8);
        return (json_escape_bytes(head) | json_escape_bytes(tail)) == 0;
    }
    uint64_t all = json_load_short(t.p, t.len);
    json_store64(to, all);
    return json_escape_bytes(all | JSON_EACH(' ') << 8 * t.len) == 0;
}

static inline uint8_t *string_put(struct buf *out, uint8_t *to, struct text t)
{
    *to++ = '"';
    if (plain_put(to, t)) {
        to += t.len;
    } else {
        to = escaped_put(out, to, t);
    }
    *to++ = '"';
    return to;
}

void json_put_string(struct buf *out, struct text t)
{
    put_end(out, string_put(out, put_begin(out, t.len + STRING_ROOM), t));
}

static bool is_whole_literal(struct text raw, struct text text)
{
    return raw.len == text.len + 2 && text.p == raw.p + 1;
}

/* A string that was read without meeting an escape is canonical as it stands. */
static void string_write(struct writer *w, const struct json *j)
{
    if (j->raw.p != NULL && is_whole_literal(j->raw, j->text)) {
        text_put(w->out, j->raw);
    } else {
        json_put_string(w->out, j->text);
    }
}

static enum mete_code fail(struct writer *w, enum mete_code code, const struct json *j,
                           const char *why)
{
    char pointer[sizeof w->err->pointer] = "";
    for (unsigned i = 0; i < w->depth; i++) {
        const struct step *step = &w->path[i];
        if (step->named) {
            json_pointer_add(pointer, sizeof pointer, step->child->key);
        } else {
            json_pointer_index(pointer, sizeof pointer, step->index);
        }
    }
    char literal[49];
    const char *dots = text_copy(literal, sizeof literal, j->text) ? "" : "...";
    return mete_fail(w->err, code, pointer, "the number %s%s %s", literal, dots, why);
}

/* Integers of at most 15 digits are exact in a double and canonical as they stand, but for -0. */
static bool is_short_integer(struct text t)
{
    size_t sign = t.len > 0 && t.p[0] == '-';
    if (t.len - sign > 15 || (sign != 0 && t.p[1] == '0')) {
        return false;
    }
    for (size_t i = sign; i < t.len; i++) {
        if (t.p[i] < '0' || t.p[i] > '9') {
            return false;
        }
    }
    return true;
}

static enum mete_code number_write(struct writer *w, const struct json *j)
{
    if (is_short_integer(j->text)) {
        text_put(w->out, j->text);
        return METE_OK;
    }
    char form[JSNUM_TEXT_MAX];
    size_t len = 0;
    switch (jsnum_format(j->text, form, &len)) {
    case JSNUM_EXACT:
        text_put(w->out, (struct text){form, len});
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
        if (a.p[i] != b.p[i]) {
            return (int)utf16_rank((uint8_t)a.p[i]) - (int)utf16_rank((uint8_t)b.p[i]);
        }
    }
    return (a.len > b.len) - (a.len < b.len);
}

struct entry {
    uint64_t prefix; /* ranks of the first eight bytes, the first one highest */
    const struct json *member;
};

static uint64_t name_prefix(struct text name)
{
    uint64_t v = name.len >= 8 ? json_load64(name.p) : json_load_short(name.p, name.len);
    if ((v & JSON_EACH(0x80)) == 0) {
        return __builtin_bswap64(v);
    }
    uint64_t prefix = 0;
    for (size_t i = 0; i < 8; i++) {
        prefix = prefix << 8 | (i < name.len ? utf16_rank((uint8_t)name.p[i]) : 0);
    }
    return prefix;
}

static struct entry entry_of(const struct json *member)
{
    return (struct entry){name_prefix(member->key), member};
}

static __attribute__((noinline)) bool tied_entry_before(const struct entry *a,
                                                        const struct entry *b)
{
    int order = name_cmp(a->member->key, b->member->key);
    METE_ASSERT(order != 0); /* the reader refuses duplicates, builders must not make them */
    return order < 0;
}

static inline bool entry_before(const struct entry *a, const struct entry *b)
{
    return a->prefix != b->prefix ? a->prefix < b->prefix : tied_entry_before(a, b);
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
    for (size_t i = 0; i < count; i += SORTED_RUN) {
        entries_insert(e + i, count - i < SORTED_RUN ? count - i : SORTED_RUN);
    }
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
    if (w->depth != 1 || w->skip == NULL) {
        return false;
    }
    for (const char *const *name = w->skip; *name != NULL; name++) {
        if (text_is(member->key, *name)) {
            return true;
        }
    }
    return false;
}

static enum mete_code member_write(struct writer *w, struct step *step, const struct json *member)
{
    if (is_skipped(w, member)) {
        return METE_OK;
    }
    step->child = member;
    uint8_t *to = put_begin(w->out, member->key.len + STRING_ROOM);
    *to = ',';
    to = string_put(w->out, to + (step->index++ > 0), member->key);
    *to++ = ':';
    put_end(w->out, to);
    return value_write(w, member);
}

static enum mete_code members_write(struct writer *w, struct step *step, const struct entry *e,
                                    size_t count)
{
    enum mete_code code = METE_OK;
    for (size_t i = 0; i < count && code == METE_OK; i++) {
        code = member_write(w, step, e[i].member);
    }
    return code;
}

static void entries_fill(struct entry *e, const struct json *object)
{
    for (const struct json *m = object->child; m != NULL; m = m->next) {
        *e++ = entry_of(m);
    }
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
    if (object->child == NULL) {
        return true;
    }
    struct entry before = entry_of(object->child);
    for (const struct json *m = object->child->next; m != NULL; m = m->next) {
        struct entry next = entry_of(m);
        if (!entry_before(&before, &next)) {
            return false;
        }
        before = next;
    }
    return true;
}

static enum mete_code object_write(struct writer *w, const struct json *object)
{
    enum mete_code code = METE_OK;
    struct step *step = step_down(w, true);
    byte_put(w->out, '{');
    if (is_sorted(object)) {
        for (const struct json *m = object->child; m != NULL && code == METE_OK; m = m->next) {
            code = member_write(w, step, m);
        }
    } else if (object->count <= SMALL_OBJECT) {
        code = small_object_write(w, step, object);
    } else {
        code = large_object_write(w, step, object);
    }
    if (code != METE_OK) {
        return code;
    }
    byte_put(w->out, '}');
    w->depth--;
    return METE_OK;
}

static enum mete_code array_write(struct writer *w, const struct json *array)
{
    struct step *step = step_down(w, false);
    byte_put(w->out, '[');
    for (const struct json *item = array->child; item != NULL; item = item->next) {
        if (step->child != NULL) {
            step->index++;
            byte_put(w->out, ',');
        }
        step->child = item;
        enum mete_code code = value_write(w, item);
        if (code != METE_OK) {
            return code;
        }
    }
    byte_put(w->out, ']');
    w->depth--;
    return METE_OK;
}

static enum mete_code value_write(struct writer *w, const struct json *j)
{
    switch (j->type) {
    case JSON_NULL:
        text_put(w->out, TEXT("null"));
        return METE_OK;
    case JSON_FALSE:
        text_put(w->out, TEXT("false"));
        return METE_OK;
    case JSON_TRUE:
        text_put(w->out, TEXT("true"));
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
    if (code != METE_OK) {
        out->len = before;
    }
    return code;
}

enum mete_code json_canonical(const struct json *j, struct buf *out, struct mete_err *err)
{
    return json_canonical_without(j, NULL, out, err);
}
