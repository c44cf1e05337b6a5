/* SPDX-License-Identifier: Apache-2.0
 * Relies on RFC 8785: no white space, and only these escapes: \b \t \n \f \r \" \\ and \u00xx for
 * the other control characters. What is not canonical is damage, so nothing is repaired. */
#include "store/event_id.h"

#include "base/text.h"

#include <string.h>

struct scan {
    const uint8_t *p;
    const uint8_t *end;
};

/** Past the string that begins here; its characters, still escaped, in `raw`. */
static bool skip_string(struct scan *s, struct text *raw)
{
    if (s->p == s->end || *s->p != '"') {
        return false;
    }
    const uint8_t *begin = ++s->p;
    while (s->p < s->end && *s->p != '"') {
        s->p += *s->p == '\\' && s->end - s->p >= 2 ? 2 : 1;
    }
    if (s->p >= s->end) {
        return false;
    }
    *raw = (struct text){(const char *)begin, (size_t)(s->p - begin)};
    s->p++;
    return true;
}

/** Past a value of any kind: up to the comma or brace that ends it on this level. */
static bool skip_value(struct scan *s)
{
    size_t depth = 0;
    while (s->p < s->end) {
        struct text raw;
        uint8_t c = *s->p;
        if (c == '"') {
            if (!skip_string(s, &raw)) {
                return false;
            }
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}')) {
            return true;
        }
        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0) {
                return false;
            }
            depth--;
        }
        s->p++;
    }
    return false;
}

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** One escape, after its backslash. Returns the bytes it took, 0 when there is no such. */
static size_t unescape_one(const uint8_t *p, size_t len, uint8_t *out)
{
    static const char from[] = "\"\\btnfr";
    static const char to[] = "\"\\\b\t\n\f\r";
    const char *at = len == 0 || p[0] == 0 ? NULL : strchr(from, p[0]);
    if (at != NULL) {
        *out = (uint8_t)to[at - from];
        return 1;
    }
    if (len < 5 || p[0] != 'u' || p[1] != '0' || p[2] != '0' || hex_digit(p[3]) < 0 ||
        hex_digit(p[4]) < 0) {
        return 0;
    }
    *out = (uint8_t)(hex_digit(p[3]) << 4 | hex_digit(p[4]));
    return 5;
}

static bool unescape(struct text raw, struct buf *room, struct text *out)
{
    const uint8_t *p = (const uint8_t *)raw.p;
    if (raw.len == 0 || memchr(p, '\\', raw.len) == NULL) {
        *out = raw;
        return true;
    }
    buf_reset(room);
    for (size_t i = 0; i < raw.len;) {
        uint8_t c = p[i++];
        if (c == '\\') {
            size_t took = unescape_one(p + i, raw.len - i, &c);
            if (took == 0) {
                return false;
            }
            i += took;
        }
        buf_put_u8(room, c);
    }
    *out = buf_text(room);
    return true;
}

bool event_member_of(struct bytes event, const char *wanted, struct buf *room, struct text *out)
{
    struct scan s = {event.p, event.p + event.len};
    if (event.len < 2 || *s.p != '{') {
        return false;
    }
    do {
        struct text name;
        struct text raw;
        s.p++;
        if (!skip_string(&s, &name) || s.p == s.end || *s.p++ != ':') {
            return false;
        }
        if (text_is(name, wanted)) {
            return skip_string(&s, &raw) && unescape(raw, room, out);
        }
        if (!skip_value(&s)) {
            return false;
        }
    } while (*s.p == ',');
    return false;
}

bool event_id_of(struct bytes event, struct buf *room, struct text *out)
{
    return event_member_of(event, "event_id", room, out);
}
