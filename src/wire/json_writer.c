/* SPDX-License-Identifier: Apache-2.0
 * JSON for people and programs to read: members stay in the order of the calls. Nothing here is
 * hashed or signed; those bytes come from json_canonical.c. */
#include "base/i128.h"
#include "base/text.h"
#include "wire/json.h"

void jw_init(struct json_writer *w, struct buf *out, bool pretty)
{
    *w = (struct json_writer){.out = out, .pretty = pretty, .first = true};
}

void jw_spill(struct json_writer *w)
{
    if (w->spill != NULL) {
        w->spill(w->spill_ctx);
    }
}

static void line_begin(struct json_writer *w)
{
    if (!w->pretty) {
        return;
    }
    buf_put_u8(w->out, '\n');
    for (unsigned i = 0; i < w->depth; i++) {
        buf_put(w->out, "  ", 2);
    }
}

/* Everything that comes before a value. */
static void value_begin(struct json_writer *w, const char *key)
{
    METE_ASSERT(w->first || w->depth > 0); /* one value at the top */
    if (!w->first) {
        buf_put_u8(w->out, ',');
    }
    if (w->depth > 0) {
        line_begin(w);
    }
    w->first = false;
    if (key == NULL) {
        return;
    }
    METE_ASSERT(w->depth > 0);
    json_put_string(w->out, text_of(key));
    buf_put_u8(w->out, ':');
    if (w->pretty) {
        buf_put_u8(w->out, ' ');
    }
}

static void container_begin(struct json_writer *w, const char *key, uint8_t bracket)
{
    value_begin(w, key);
    buf_put_u8(w->out, bracket);
    w->depth++;
    w->first = true;
}

static void container_end(struct json_writer *w, uint8_t bracket)
{
    METE_ASSERT(w->depth > 0);
    w->depth--;
    if (!w->first) {
        line_begin(w);
    }
    buf_put_u8(w->out, bracket);
    w->first = false;
}

void jw_object(struct json_writer *w, const char *key)
{
    container_begin(w, key, '{');
}

void jw_array(struct json_writer *w, const char *key)
{
    container_begin(w, key, '[');
}

void jw_end_object(struct json_writer *w)
{
    container_end(w, '}');
}

void jw_end_array(struct json_writer *w)
{
    container_end(w, ']');
}

void jw_text(struct json_writer *w, const char *key, struct text value)
{
    value_begin(w, key);
    json_put_string(w->out, value);
}

void jw_str(struct json_writer *w, const char *key, const char *value)
{
    if (value == NULL) {
        jw_null(w, key);
    } else {
        jw_text(w, key, text_of(value));
    }
}

void jw_i128(struct json_writer *w, const char *key, i128 value)
{
    char digits[I128_TEXT_MAX];
    size_t len = i128_format(value, digits);
    jw_text(w, key, (struct text){digits, len});
}

void jw_int(struct json_writer *w, const char *key, int64_t value)
{
    char digits[I128_TEXT_MAX];
    size_t len = i128_format(value, digits);
    jw_raw(w, key, (struct text){digits, len});
}

void jw_bool(struct json_writer *w, const char *key, bool value)
{
    jw_raw(w, key, value ? TEXT("true") : TEXT("false"));
}

void jw_null(struct json_writer *w, const char *key)
{
    jw_raw(w, key, TEXT("null"));
}

void jw_raw(struct json_writer *w, const char *key, struct text json)
{
    value_begin(w, key);
    buf_put_text(w->out, json);
}
