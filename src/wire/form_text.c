/* SPDX-License-Identifier: Apache-2.0
 * Texts that core will keep: ids, parties, labels, choices. What arrives is valid UTF-8 already;
 * here it is judged which characters may stand in a name that people compare by eye. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "wire/form.h"
#include "wire/json_scan.h"

/* Past the visible ASCII characters at the beginning of p..end. */
static const uint8_t *skip_visible(const uint8_t *p, const uint8_t *end)
{
    while (end - p >= 8) {
        uint64_t v = json_load64(p);
        /* Bit 7 of each byte: below 0x21 borrows, 0x7f or above carries. Exact only up to the
         * first such byte, which is all that is asked. */
        uint64_t low = (v - JSON_EACH(0x21)) & ~v;
        uint64_t high = (v + JSON_EACH(0x01)) | v;
        uint64_t stop = (low | high) & JSON_EACH(0x80);
        if (stop != 0) {
            return p + __builtin_ctzll(stop) / 8;
        }
        p += 8;
    }
    while (p<end && * p> 0x20 && *p < 0x7f) {
        p++;
    }
    return p;
}

/* The character at `p` of valid UTF-8; *p moves past it. */
static uint32_t character_next(const uint8_t **p)
{
    const uint8_t *c = *p;
    if (c[0] < 0x80) {
        *p += 1;
        return c[0];
    }
    if (c[0] < 0xe0) {
        *p += 2;
        return (c[0] & 0x1fu) << 6 | (c[1] & 0x3fu);
    }
    if (c[0] < 0xf0) {
        *p += 3;
        return (c[0] & 0x0fu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu);
    }
    *p += 4;
    return (c[0] & 0x07u) << 18 | (c[1] & 0x3fu) << 12 | (c[2] & 0x3fu) << 6 | (c[3] & 0x3fu);
}

struct range {
    uint32_t first;
    uint32_t last;
};

/* White space, controls, and characters that show nothing or turn the direction of what follows:
 * two ids that look the same must be the same. Source: Unicode 15, categories Cc, Zs, Zl, Zp and
 * the default-ignorable ones of Cf. */
static const struct range not_in_ids[] = {
    {0x00, 0x20},     {0x7f, 0xa0},     {0xad, 0xad},      {0x61c, 0x61c},   {0x1680, 0x1680},
    {0x180b, 0x180f}, {0x2000, 0x200f}, {0x2028, 0x202f},  {0x205f, 0x206f}, {0x3000, 0x3000},
    {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff}};

/* Controls, line breaks and direction overrides. */
static const struct range not_in_lines[] = {
    {0x00, 0x1f}, {0x7f, 0x9f}, {0x2028, 0x202e}, {0x2066, 0x2069}};

static bool in_ranges(uint32_t c, const struct range *r, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (c >= r[i].first && c <= r[i].last) {
            return true;
        }
    }
    return false;
}

static bool text_avoids(struct text t, const struct range *r, size_t count)
{
    const uint8_t *p = (const uint8_t *)t.p;
    const uint8_t *end = p + t.len;
    while ((p = skip_visible(p, end)) < end) {
        if (in_ranges(character_next(&p), r, count)) {
            return false;
        }
    }
    return true;
}

/** Bytes of the character at the beginning of `t`; 0: there is none. */
static size_t character_len(struct text t)
{
    uint8_t lead = (uint8_t)t.p[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return len <= t.len && text_is_utf8((struct text){t.p, len}) ? len : 0;
}

void text_put_safe(struct buf *out, struct text t)
{
    while (t.len > 0) {
        size_t len = character_len(t);
        const uint8_t *p = (const uint8_t *)t.p;
        if (len == 0 || in_ranges(character_next(&p), not_in_lines, ARRAY_LEN(not_in_lines))) {
            buf_put_u8(out, '?');
        } else {
            buf_put(out, t.p, len);
        }
        len = len > 0 ? len : 1;
        t = (struct text){t.p + len, t.len - len};
    }
}

bool text_is_id(struct text t)
{
    return t.len == 0 || text_avoids(t, not_in_ids, ARRAY_LEN(not_in_ids));
}

bool text_is_line(struct text t)
{
    return t.len == 0 || text_avoids(t, not_in_lines, ARRAY_LEN(not_in_lines));
}

static enum mete_code check_length(const struct form_in *in, const struct json *j, size_t min,
                                   size_t max)
{
    if (j->text.len >= min && j->text.len <= max) {
        return METE_OK;
    }
    return form_fail(in, j, METE_TEXT_LENGTH, "expected %zu to %zu bytes, found %zu", min, max,
                     j->text.len);
}

enum mete_code form_id(const struct form_in *in, const struct json *j, struct text *out)
{
    enum mete_code code = form_type(in, j, JSON_STRING);
    if (code == METE_OK) {
        code = check_length(in, j, 1, PARTY_ID_LEN_MAX);
    }
    if (code != METE_OK) {
        return code;
    }
    if (!text_is_id(j->text)) {
        return form_fail(in, j, METE_MEMBER_VALUE,
                         "an id has no white space, control or invisible characters");
    }
    *out = j->text;
    return METE_OK;
}

enum mete_code party_judge(struct text t)
{
    if (t.len == 0 || t.len > PARTY_ID_LEN_MAX || !text_is_id(t)) {
        return METE_PARTY_INVALID;
    }
    return text_starts(t, "mete:") ? METE_PARTY_RESERVED : METE_OK;
}

enum mete_code form_party(const struct form_in *in, const struct json *j, struct text *out)
{
    enum mete_code code = form_type(in, j, JSON_STRING);
    if (code != METE_OK) {
        return code;
    }
    code = party_judge(j->text);
    if (code == METE_PARTY_RESERVED) {
        return form_fail(in, j, code, "ids that begin with mete: are mete's own; choose another");
    }
    if (code != METE_OK) {
        return form_fail(in, j, code,
                         "a party id has 1 to %d bytes of printable UTF-8 without "
                         "white space",
                         PARTY_ID_LEN_MAX);
    }
    *out = j->text;
    return METE_OK;
}

enum mete_code form_line(const struct form_in *in, const struct json *j, size_t min, size_t max,
                         struct text *out)
{
    enum mete_code code = form_type(in, j, JSON_STRING);
    if (code == METE_OK) {
        code = check_length(in, j, min, max);
    }
    if (code != METE_OK) {
        return code;
    }
    if (!text_is_line(j->text)) {
        return form_fail(in, j, METE_MEMBER_VALUE,
                         "this text may not have control characters or line breaks");
    }
    *out = j->text;
    return METE_OK;
}

/* Readers for tables. */

enum mete_code field_id(const struct form_in *in, const struct field *f, const struct json *j,
                        void *out)
{
    (void)f;
    return form_id(in, j, out);
}

enum mete_code field_party(const struct form_in *in, const struct field *f, const struct json *j,
                           void *out)
{
    (void)f;
    return form_party(in, j, out);
}

enum mete_code field_event_id(const struct form_in *in, const struct field *f, const struct json *j,
                              void *out)
{
    size_t max = f != NULL && f->max > 0 ? (size_t)f->max : EVENT_ID_LEN_MAX;
    enum mete_code code = form_type(in, j, JSON_STRING);
    if (code == METE_OK) {
        code = check_length(in, j, 1, max);
    }
    if (code == METE_OK) {
        *(struct text *)out = j->text;
    }
    return code;
}

enum mete_code field_line(const struct form_in *in, const struct field *f, const struct json *j,
                          void *out)
{
    return form_line(in, j, (size_t)f->min, (size_t)f->max, out);
}

enum mete_code field_shown(const struct form_in *in, const struct field *f, const struct json *j,
                           void *out)
{
    enum mete_code code = form_type(in, j, JSON_STRING);
    if (code != METE_OK) {
        return code;
    }
    struct text t = j->text;
    if (t.len > (size_t)f->max) {
        t.len = (size_t)f->max;
        while (t.len > 0 && ((unsigned char)t.p[t.len] & 0xc0) == 0x80) {
            t.len--;
        }
    }
    *(struct text *)out = t;
    return METE_OK;
}

enum mete_code field_any_string(const struct form_in *in, const struct field *f,
                                const struct json *j, void *out)
{
    (void)f;
    (void)out;
    return form_type(in, j, JSON_STRING);
}

/* "a, b or c" */
static void choices_describe(const char *const *choice, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; choice[i] != NULL && len < size; i++) {
        const char *before = i == 0 ? "" : choice[i + 1] == NULL ? " or " : ", ";
        int more = snprintf(out + len, size - len, "%s%s", before, choice[i]);
        METE_ASSERT(more >= 0);
        len += (size_t)more;
    }
}

enum mete_code field_choice(const struct form_in *in, const struct field *f, const struct json *j,
                            void *out)
{
    enum mete_code code = form_type(in, j, JSON_STRING);
    if (code != METE_OK) {
        return code;
    }
    const char *const *choice = f->more;
    for (size_t i = 0; choice[i] != NULL; i++) {
        if (text_is(j->text, choice[i])) {
            *(struct text *)out = j->text;
            return METE_OK;
        }
    }
    char list[160];
    choices_describe(choice, list, sizeof list);
    return form_fail(in, j, METE_MEMBER_VALUE, "expected %s", list);
}
