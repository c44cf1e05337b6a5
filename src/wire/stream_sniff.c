/* SPDX-License-Identifier: Apache-2.0
 * Walks the outermost members of an object, of which only the beginning may be there, until one of
 * them tells an event from an ingest body. Malformed objects count as events: the reader of events
 * says what is wrong with them. Whatever ends the value for the scanner of the stream is malformed
 * here too, so that the answer does not depend on how much was there when it was asked. */
#include <string.h>

#include "base/text.h"
#include "wire/json.h"
#include "wire/stream_parts.h"
#include "wire/stream_scan.h"

struct cursor {
    const uint8_t *p;
    const uint8_t *end;
    uint64_t lines;
};

/* What a walk over something found out. */
enum walked { WALKED, WALK_OPEN, WALK_BAD };

static enum walked walk_blanks(struct cursor *c)
{
    bool new_line = false;
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\r' || *c->p == '\n')) {
        new_line = *c->p++ == '\n';
        c->lines += new_line;
    }
    if (c->p == c->end) {
        return WALK_OPEN;
    }
    return new_line && *c->p == '{' ? WALK_BAD : WALKED;
}

/* `raw` is the string with its quotes. */
static enum walked walk_string(struct cursor *c, struct text *raw)
{
    const uint8_t *first = c->p++;
    bool escaped = false;
    for (; c->p < c->end && (escaped || *c->p != '"'); c->p++) {
        if (*c->p == '\n') {
            return WALK_BAD;
        }
        escaped = !escaped && *c->p == '\\';
    }
    if (c->p == c->end) {
        return WALK_OPEN;
    }
    c->p++;
    *raw = (struct text){(const char *)first, (size_t)(c->p - first)};
    return WALKED;
}

/* A byte of a number, or of true, false and null. */
static bool is_scalar(uint8_t c)
{
    uint8_t lower = c | 0x20;
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
           c == '.';
}

static enum walked walk_value(struct cursor *c, struct text *raw)
{
    *raw = (struct text){0};
    if (*c->p == '"') {
        return walk_string(c, raw);
    }
    if (*c->p == '{' || *c->p == '[') {
        struct scan scan = {.depth = 1};
        size_t used = 0;
        enum scan_result result = scan_value(&scan, c->p + 1, (size_t)(c->end - c->p - 1), &used);
        c->p += 1 + used;
        c->lines += scan.lines;
        return result == SCAN_END ? WALKED : result == SCAN_MORE ? WALK_OPEN : WALK_BAD;
    }
    while (c->p < c->end && is_scalar(*c->p)) {
        c->p++;
    }
    return c->p < c->end ? WALKED : WALK_OPEN;
}

/* The name of a member and its colon, up to its value. */
static enum walked walk_name(struct cursor *c, struct text *name)
{
    enum walked w = walk_blanks(c);
    if (w == WALKED) {
        w = *c->p == '"' ? walk_string(c, name) : WALK_BAD;
    }
    if (w == WALKED) {
        w = walk_blanks(c);
    }
    if (w != WALKED) {
        return w;
    }
    if (*c->p++ != ':') {
        return WALK_BAD;
    }
    return walk_blanks(c);
}

/* A string without its quotes, decoded when it has escapes; empty when it is none. */
static struct text string_value(struct arena *a, struct text raw)
{
    struct json *j = NULL;
    if (raw.len < 2) {
        return (struct text){0};
    }
    if (memchr(raw.p, '\\', raw.len) == NULL) {
        return (struct text){raw.p + 1, raw.len - 2};
    }
    if (json_parse(a, raw, &j, NULL) != METE_OK || j->type != JSON_STRING) {
        return (struct text){0};
    }
    return j->text;
}

static enum sniffed verdict(enum walked w)
{
    return w == WALK_OPEN ? SNIFF_UNDECIDED : SNIFF_EVENT;
}

static bool tells_event(struct text name)
{
    return text_is(name, "\"event_id\"") || text_is(name, "\"event_type\"") ||
           text_is(name, "\"specversion\"");
}

enum sniffed stream_sniff(struct arena *a, struct text t, struct sniff *out)
{
    const uint8_t *start = (const uint8_t *)t.p;
    struct cursor c = {start + 1, start + t.len, 0};
    for (;;) {
        struct text name, raw;
        enum walked w = walk_name(&c, &name);
        if (w != WALKED) {
            return verdict(w);
        }
        if (tells_event(name)) {
            return SNIFF_EVENT;
        }
        if (text_is(name, "\"events\"") && *c.p == '[') {
            out->events_at = (size_t)(c.p + 1 - start);
            out->lines = c.lines;
            return SNIFF_BODY;
        }
        w = walk_value(&c, &raw);
        if (w == WALKED) {
            w = walk_blanks(&c);
        }
        if (w != WALKED) {
            return verdict(w);
        }
        if (text_is(name, "\"appId\"")) {
            out->app_id = string_value(a, raw);
        } else if (text_is(name, "\"env\"")) {
            out->environment = string_value(a, raw);
        }
        if (*c.p++ != ',') {
            return SNIFF_EVENT;
        }
    }
}
