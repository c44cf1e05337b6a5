/* SPDX-License-Identifier: Apache-2.0
 * Which event was it? For inputs that are not JSON, so that the answer can name what was refused.
 * Finds the first member "event_id" of the outermost object whose value is a plain string. */
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "wire/envelope_parts.h"
#include "wire/json_scan.h"

/* The characters of the string whose opening quote is at *p; *p moves past it. False when it does
 * not end or has escapes. */
static bool string_next(const uint8_t **p, const uint8_t *end, struct text *out)
{
    const uint8_t *first = *p + 1;
    const uint8_t *stop = json_plain_end(first, end, false);
    *out = (struct text){(const char *)first, (size_t)(stop - first)};
    while (stop < end && *stop == '\\') {
        stop = end - stop > 2 ? stop + 2 : end;
        stop = json_plain_end(stop, end, false);
        out->len = 0;
    }
    bool closed = stop < end && *stop == '"';
    *p = closed ? stop + 1 : end;
    return closed;
}

static const uint8_t *skip_blank(const uint8_t *p, const uint8_t *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')) {
        p++;
    }
    return p;
}

struct text envelope_id_guess(struct text input)
{
    const uint8_t *p = (const uint8_t *)input.p;
    const uint8_t *end = input.len > 0 ? p + input.len : p;
    size_t depth = 0;
    while (p < end) {
        struct text name, value;
        if (*p == '{' || *p == '[') {
            depth++;
        } else if ((*p == '}' || *p == ']') && depth > 0) {
            depth--;
        }
        if (*p != '"') {
            p++;
            continue;
        }
        if (!string_next(&p, end, &name)) {
            break;
        }
        p = skip_blank(p, end);
        if (depth != 1 || p == end || *p != ':' || !text_is(name, "event_id")) {
            continue;
        }
        p = skip_blank(p + 1, end);
        if (p < end && *p == '"' && string_next(&p, end, &value) && value.len <= EVENT_ID_LEN_MAX &&
            text_is_utf8(value)) {
            return value;
        }
    }
    return (struct text){0};
}
