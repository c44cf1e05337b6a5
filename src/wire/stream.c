/* SPDX-License-Identifier: Apache-2.0
 * Cuts a stream into values. What is between values is judged here, what is inside them only as far
 * as it takes to find their end (stream_scan.c). The items and errors are the same however the
 * bytes were cut into pushes. The rules:
 *   - At the top stand objects, one after the other, on lines of their own or not, and arrays of
 *     them. Anything else is broken up to the end of its line, and so is an object after which
 *     something else follows on its line.
 *   - An unfinished value ends where a line begins with '{' in its first column: so a truncated
 *     line of NDJSON costs no other line. Inside pretty-printed values braces are indented.
 *   - A string ends at the latest with its line.
 *   - The first object is an ingest body when its member "events" is an array and comes before any
 *     of event_id, event_type and specversion. */
#include "wire/stream.h"

#include <string.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/text.h"
#include "wire/json.h"
#include "wire/stream_parts.h"
#include "wire/stream_scan.h"

#define PREFIX_MAX 65536u       /* shown of an item that is too large */
#define IDLE_MAX   (256u << 10) /* kept of the memory of a large value when it is done with */
#define BLANKS_MAX 1024u        /* looked through for what follows an object on its line */

enum phase {
    PHASE_START,   /* a byte order mark may come */
    PHASE_BETWEEN, /* before a value or a separator */
    PHASE_VALUE,   /* inside an object or array that becomes an item */
    PHASE_FOLLOW,  /* after an object at the top, on its line */
    PHASE_JUNK,    /* inside something that is no item */
    PHASE_SKIP     /* inside something that was reported or does not matter */
};

/* What an array lets come next; after something broken, anything. */
enum expect { EXPECT_ANY, EXPECT_FIRST, EXPECT_VALUE, EXPECT_COMMA };

struct stream {
    struct arena own; /* where this structure lives */
    struct buf in;
    size_t pos;      /* of the first byte in `in` that is not done with */
    uint64_t before; /* bytes of the stream before `in` */
    uint64_t line;   /* of `pos`, from 1 */
    bool at_end;
    enum phase phase;
    bool in_array;
    enum expect expect;
    struct scan scan;
    size_t passed;   /* bytes from `pos` on that the current phase has looked at */
    bool sniffing;   /* the value may turn out to be an ingest body */
    size_t sniff_at; /* looks again when so many bytes are there */
    bool seen_value;
    bool is_body;   /* is, or was, an ingest body */
    bool in_body;   /* the present array is its events */
    bool junk_skip; /* PHASE_SKIP ends where junk does */
    struct buf app_id;
    struct buf environment;
};

enum step { STEP_ON, STEP_WAIT, STEP_EVENT, STEP_BROKEN };

/* What a step produced. */
struct product {
    struct text item;
    uint64_t offset;
    uint64_t line;
    struct mete_err *err;
};

struct stream *stream_new(void)
{
    struct arena own;
    arena_init(&own, sizeof(struct stream) + 64);
    struct stream *s = arena_alloc(&own, sizeof *s);
    s->own = own;
    s->line = 1;
    buf_reserve(&s->in, 1); /* so that there are bytes to point at from the start */
    return s;
}

void stream_free(struct stream *s)
{
    if (s == NULL) {
        return;
    }
    buf_clear(&s->in);
    buf_clear(&s->app_id);
    buf_clear(&s->environment);
    struct arena own = s->own;
    arena_clear(&own);
}

struct text stream_app_id(const struct stream *s)
{
    return buf_text(&s->app_id);
}

struct text stream_environment(const struct stream *s)
{
    return buf_text(&s->environment);
}

bool stream_is_ingest_body(const struct stream *s)
{
    return s->is_body;
}

void stream_push(struct stream *s, struct bytes in, bool at_end)
{
    METE_ASSERT(!s->at_end || in.len == 0);
    if (s->pos > 0) {
        size_t left = s->in.len - s->pos;
        memmove(s->in.p, s->in.p + s->pos, left);
        s->in.len = left;
        s->before += s->pos;
        s->pos = 0;
        if (left == 0 && s->in.cap > IDLE_MAX) {
            buf_clear(&s->in);
            buf_reserve(&s->in, 1);
        }
    }
    if (in.len > 0) {
        buf_put(&s->in, in.p, in.len);
    }
    s->at_end |= at_end;
}

/* Reading on. */

size_t stream_pending(const struct stream *s)
{
    return s->in.len - s->pos;
}

static const uint8_t *here(const struct stream *s)
{
    return s->in.p + s->pos;
}

static size_t left(const struct stream *s)
{
    return s->in.len - s->pos;
}

static void phase_set(struct stream *s, enum phase phase)
{
    s->phase = phase;
    s->passed = 0;
    s->scan = (struct scan){0};
}

/* Leaves `len` bytes with `lines` line breaks behind; in an array `expect` comes next. */
static void leave(struct stream *s, size_t len, uint64_t lines, enum expect expect)
{
    s->pos += len;
    s->line += lines;
    s->expect = expect;
    phase_set(s, PHASE_BETWEEN);
}

/* The product is the next `len` bytes. */
static void item_set(const struct stream *s, size_t len, struct product *out)
{
    out->item = (struct text){len > 0 ? (const char *)here(s) : "", len};
    out->offset = s->before + s->pos;
    out->line = s->line;
}

static enum step broken(const struct stream *s, size_t len, struct product *out, const char *why)
{
    item_set(s, len, out);
    mete_fail(out->err, METE_JSON_SYNTAX, "", "line %llu: %s", (unsigned long long)s->line, why);
    return STEP_BROKEN;
}

/* The value goes on, but will not be kept. */
static enum step too_large(struct stream *s, struct product *out)
{
    item_set(s, PREFIX_MAX, out);
    mete_fail(out->err, METE_EVENT_TOO_LARGE, "", "line %llu: an event has at most %u bytes",
              (unsigned long long)s->line, EVENT_SIZE_MAX);
    s->pos += s->passed;
    s->line += s->scan.lines;
    s->scan.lines = 0;
    s->passed = 0;
    s->phase = PHASE_SKIP;
    return STEP_BROKEN;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct stream *s)
{
    const uint8_t *p = here(s);
    const uint8_t *end = s->in.p + s->in.len;
    while (p < end && (is_blank(*p) || *p == '\n')) {
        s->line += *p == '\n';
        p++;
    }
    s->pos = (size_t)(p - s->in.p);
}

static enum step step_start(struct stream *s)
{
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
    size_t have = left(s) < sizeof mark ? left(s) : sizeof mark;
    bool fits = have == 0 || memcmp(here(s), mark, have) == 0;
    if (fits && have < sizeof mark && !s->at_end) {
        return STEP_WAIT;
    }
    if (fits && have == sizeof mark) {
        s->pos += sizeof mark;
    }
    phase_set(s, PHASE_BETWEEN);
    return STEP_ON;
}

/* Between values. */

static void value_begin(struct stream *s)
{
    phase_set(s, PHASE_VALUE);
    s->passed = 1;
    s->scan.depth = 1;
    s->sniffing = !s->seen_value && *here(s) == '{';
    s->sniff_at = 0;
    s->seen_value = true;
}

static void array_begin(struct stream *s, bool in_body)
{
    s->in_array = true;
    s->in_body = in_body;
    s->seen_value = true;
    s->expect = EXPECT_FIRST;
}

/* What follows the events in an ingest body is passed over. */
static void array_end(struct stream *s)
{
    s->in_array = false;
    if (s->in_body) {
        phase_set(s, PHASE_SKIP);
        s->scan.depth = 1;
        s->junk_skip = false;
    }
}

static enum step between_top(struct stream *s)
{
    uint8_t c = *here(s);
    if (c == '{') {
        value_begin(s);
    } else if (c == '[') {
        s->pos++;
        array_begin(s, false);
    } else {
        phase_set(s, PHASE_JUNK);
    }
    return STEP_ON;
}

static enum step between_array(struct stream *s, struct product *out)
{
    uint8_t c = *here(s);
    enum expect expect = s->expect;
    if (c == ']') {
        enum step step = STEP_ON;
        if (expect == EXPECT_VALUE) {
            step = broken(s, 0, out, "expected a value after the comma");
        }
        s->pos++;
        array_end(s);
        return step;
    }
    if (c == ',') {
        enum step step = STEP_ON;
        if (expect == EXPECT_FIRST || expect == EXPECT_VALUE) {
            step = broken(s, 0, out, "expected a value before the comma");
        }
        s->pos++;
        s->expect = EXPECT_VALUE;
        return step;
    }
    if (c != '{' && c != '[') {
        phase_set(s, PHASE_JUNK);
        return STEP_ON;
    }
    if (expect == EXPECT_COMMA) {
        s->expect = EXPECT_VALUE;
        return broken(s, 0, out, "expected a comma between two values");
    }
    value_begin(s);
    return STEP_ON;
}

static enum step step_between(struct stream *s, struct product *out)
{
    skip_blanks(s);
    if (left(s) > 0) {
        return s->in_array ? between_array(s, out) : between_top(s);
    }
    if (!s->at_end || !s->in_array) {
        return STEP_WAIT;
    }
    s->in_array = s->in_body = false;
    return broken(s, 0, out, "the stream ends inside an array");
}

/* Values. */

static void body_begin(struct stream *s, const struct sniff *found)
{
    buf_put_text(&s->app_id, found->app_id);
    buf_put_text(&s->environment, found->environment);
    s->is_body = true;
    leave(s, found->events_at, found->lines, EXPECT_FIRST);
    array_begin(s, true);
}

/* True when the value turned out to be an ingest body. `last`: no more of it will be seen. */
static bool sniffed_body(struct stream *s, size_t len, bool last)
{
    struct arena a;
    struct sniff found = {0};
    arena_init(&a, JSON_ARENA_MAX((size_t)EVENT_SIZE_MAX));
    enum sniffed result = stream_sniff(&a, (struct text){(const char *)here(s), len}, &found);
    if (result == SNIFF_BODY) {
        body_begin(s, &found);
    }
    s->sniffing = result == SNIFF_UNDECIDED && !last;
    s->sniff_at = 2 * len;
    arena_clear(&a);
    return result == SNIFF_BODY;
}

/* Passes as much of the value as is there, at most EVENT_SIZE_MAX bytes of it. */
static enum scan_result value_scan(struct stream *s)
{
    size_t window = left(s) < EVENT_SIZE_MAX ? left(s) : EVENT_SIZE_MAX;
    size_t used = 0;
    enum scan_result result = scan_value(&s->scan, here(s) + s->passed, window - s->passed, &used);
    s->passed += used;
    return result;
}

static enum step value_end(struct stream *s, struct product *out)
{
    if (!s->in_array) {
        s->phase = PHASE_FOLLOW;
        return STEP_ON;
    }
    item_set(s, s->passed, out);
    leave(s, s->passed, s->scan.lines, EXPECT_COMMA);
    return STEP_EVENT;
}

static enum step value_broken(struct stream *s, struct product *out, const char *why)
{
    size_t len = s->passed;
    enum step step = broken(s, len, out, why);
    leave(s, len, s->scan.lines, EXPECT_ANY);
    return step;
}

static enum step step_value(struct stream *s, struct product *out)
{
    if (s->sniffing && (left(s) >= s->sniff_at || s->at_end) &&
        sniffed_body(s, left(s) < EVENT_SIZE_MAX ? left(s) : EVENT_SIZE_MAX, s->at_end)) {
        return STEP_ON;
    }
    enum scan_result result = value_scan(s);
    bool full = result == SCAN_MORE && left(s) > EVENT_SIZE_MAX;
    if (result == SCAN_MORE && !full && !s->at_end) {
        return STEP_WAIT;
    }
    if (s->sniffing && sniffed_body(s, s->passed, true)) {
        return STEP_ON;
    }
    if (full) {
        s->junk_skip = false;
        return too_large(s, out);
    }
    switch (result) {
    case SCAN_END:
        return value_end(s, out);
    case SCAN_RESYNC:
        return value_broken(s, out, "the value is not finished where the next one begins");
    case SCAN_MORE:
        s->in_array = s->in_body = false;
        return value_broken(s, out, "the stream ends inside a value");
    }
    METE_ASSERT(false);
}

/* An object at the top is an item when its line has nothing else but further values. */
static enum step step_follow(struct stream *s, struct product *out)
{
    const uint8_t *p = here(s) + s->passed;
    size_t have = left(s) - s->passed;
    size_t blanks = 0;
    while (blanks < have && blanks < BLANKS_MAX && is_blank(p[blanks])) {
        blanks++;
    }
    bool open = blanks == have && blanks < BLANKS_MAX;
    if (open && !s->at_end) {
        return STEP_WAIT;
    }
    if (open || blanks == BLANKS_MAX || p[blanks] == '\n' || p[blanks] == '{' || p[blanks] == '[') {
        item_set(s, s->passed, out);
        leave(s, s->passed, s->scan.lines, EXPECT_FIRST);
        return STEP_EVENT;
    }
    s->phase = PHASE_JUNK;
    s->scan.in_string = s->scan.escaped = false;
    return STEP_ON;
}

/* Junk, and what is passed over. */

/* True where junk ends: before a line break, in an array also before what may follow an item. */
static bool junk_ends(struct stream *s, uint8_t c)
{
    if (c == '\n') {
        return true;
    }
    if (!s->in_array) {
        return false;
    }
    if (s->scan.in_string) {
        bool escaped = s->scan.escaped;
        s->scan.escaped = !escaped && c == '\\';
        s->scan.in_string = escaped || c != '"';
        return false;
    }
    s->scan.in_string = c == '"';
    return c == ',' || c == ']' || c == '{';
}

/* Passes junk; true when its end was found. */
static bool junk_scan(struct stream *s, size_t max)
{
    size_t window = left(s) < max ? left(s) : max;
    const uint8_t *p = here(s);
    while (s->passed < window) {
        if (junk_ends(s, p[s->passed])) {
            return true;
        }
        s->passed++;
    }
    return s->at_end && window == left(s);
}

static enum step step_junk(struct stream *s, struct product *out)
{
    if (!junk_scan(s, EVENT_SIZE_MAX)) {
        if (left(s) <= EVENT_SIZE_MAX) {
            return STEP_WAIT;
        }
        s->junk_skip = true;
        return too_large(s, out);
    }
    size_t len = s->passed;
    uint64_t lines = s->scan.lines;
    enum step step = broken(s, len, out, "expected an event: a JSON object");
    leave(s, len, lines, EXPECT_ANY);
    return step;
}

static enum step skip_junk(struct stream *s)
{
    bool ended = junk_scan(s, SIZE_MAX);
    s->pos += s->passed;
    s->passed = 0;
    if (!ended) {
        return STEP_WAIT;
    }
    leave(s, 0, 0, EXPECT_ANY);
    return STEP_ON;
}

static enum step step_skip(struct stream *s, struct product *out)
{
    if (s->junk_skip) {
        return skip_junk(s);
    }
    size_t used = 0;
    enum scan_result result = scan_value(&s->scan, here(s), left(s), &used);
    s->pos += used;
    s->line += s->scan.lines;
    s->scan.lines = 0;
    bool tail = s->in_body && !s->in_array;
    if (result == SCAN_MORE && !s->at_end) {
        return STEP_WAIT;
    }
    leave(s, 0, 0, result == SCAN_RESYNC ? EXPECT_ANY : EXPECT_COMMA);
    if (!tail) {
        return STEP_ON;
    }
    s->in_body = false;
    return result == SCAN_END ? STEP_ON
                              : broken(s, 0, out, "the body around the events is not closed");
}

static enum step step_on(struct stream *s, struct product *out)
{
    switch (s->phase) {
    case PHASE_START:
        return step_start(s);
    case PHASE_BETWEEN:
        return step_between(s, out);
    case PHASE_VALUE:
        return step_value(s, out);
    case PHASE_FOLLOW:
        return step_follow(s, out);
    case PHASE_JUNK:
        return step_junk(s, out);
    case PHASE_SKIP:
        return step_skip(s, out);
    }
    METE_ASSERT(false);
}

enum stream_item stream_next(struct stream *s, struct text *item, uint64_t *offset, uint64_t *line,
                             struct mete_err *err)
{
    struct product out = {.err = err};
    enum step step;
    do {
        step = step_on(s, &out);
    } while (step == STEP_ON);
    if (step == STEP_WAIT) {
        return STREAM_MORE;
    }
    *item = out.item;
    *offset = out.offset;
    *line = out.line;
    return step == STEP_EVENT ? STREAM_EVENT : STREAM_BROKEN;
}
