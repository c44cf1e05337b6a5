/* SPDX-License-Identifier: Apache-2.0
 * Decoded once, judged, folded. A path that is still escaped after that means different things to
 * different servers, and is not let through. */
#include "gate/path.h"

#include "base/text.h"

#include <string.h>

#define SEGMENTS_MAX (GATE_PATH_MAX / 2)

static int hex_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool is_escape(const char *p, size_t len)
{
    return len >= 3 && p[0] == '%' && hex_of(p[1]) >= 0 && hex_of(p[2]) >= 0;
}

/* What is wrong with a decoded byte. */
static const char *byte_refused(unsigned char c, bool was_escaped)
{
    if (c < 0x20 || c == 0x7f) {
        return "has a control character";
    }
    if (c == '\\') {
        return "has a backslash";
    }
    if (c == '/' && was_escaped) {
        return "has an escaped slash";
    }
    if ((c == '#' || c == '?' || c == ' ') && !was_escaped) {
        return "has a character that has to be escaped";
    }
    return NULL;
}

static const char *decode(struct text raw, char *to, size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        bool escaped = raw.p[i] == '%';
        if (escaped && !is_escape(raw.p + i, raw.len - i)) {
            return "has a '%' that escapes nothing";
        }
        char c = escaped ? (char)(hex_of(raw.p[i + 1]) * 16 + hex_of(raw.p[i + 2])) : raw.p[i];
        const char *wrong = byte_refused((unsigned char)c, escaped);
        if (wrong != NULL) {
            return wrong;
        }
        to[(*len)++] = c;
        i += escaped ? 2 : 0;
    }
    for (size_t i = 0; i < *len; i++) {
        if (is_escape(to + i, *len - i) ||
            (to[i] == '%' && i + 1 < *len && (to[i + 1] == 'u' || to[i + 1] == 'U'))) {
            return "is escaped twice";
        }
    }
    return text_is_utf8((struct text){to, *len}) ? NULL : "is not UTF-8";
}

/* Full-width forms of ASCII, and letters that become ASCII ones when case is ignored: some servers
 * fold them. Returns the bytes taken, 0 when there is nothing of the kind. */
static size_t foreign(const char *p, size_t len, char *to)
{
    const unsigned char *u = (const unsigned char *)p;
    if (len >= 3 && u[0] == 0xef && (u[1] == 0xbc || u[1] == 0xbd)) { /* U+FF01 .. U+FF5E */
        unsigned at = (u[1] == 0xbc ? 0u : 64u) + (u[2] & 0x3fu);
        if (at >= 1 && at <= 94) {
            *to = (char)(0x20 + at);
            return 3;
        }
    }
    if (len >= 3 && u[0] == 0xe2 && u[1] == 0x84 && u[2] == 0xaa) { /* the sign for Kelvin */
        *to = 'k';
        return 3;
    }
    if (len >= 2 && u[0] == 0xc5 && u[1] == 0xbf) { /* long s */
        *to = 's';
        return 2;
    }
    if (len >= 3 && u[0] == 0xe2 &&
        ((u[1] == 0x88 && u[2] == 0x95) || (u[1] == 0x81 && u[2] == 0x84))) {
        *to = '/'; /* the slashes of division and of fractions */
        return 3;
    }
    if (len >= 3 && u[0] == 0xe2 && u[1] == 0x80 && u[2] == 0xa4) { /* one dot leader */
        *to = '.';
        return 3;
    }
    return 0;
}

static char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

struct text gate_path_fold(struct arena *a, struct text in)
{
    char *to = arena_alloc(a, in.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < in.len;) {
        char c = in.p[i];
        size_t taken = foreign(in.p + i, in.len - i, &c);
        to[len++] = small(c);
        i += taken > 0 ? taken : 1;
    }
    return (struct text){to, len};
}

/* Spaces of other scripts, and what shows nothing at all: some servers drop them. */
static bool is_unseen(const unsigned char *u, size_t len)
{
    if (len >= 2 && u[0] == 0xc2 && (u[1] == 0xa0 || u[1] == 0xad || u[1] < 0xa0)) {
        return true; /* U+0080 to U+00A0, U+00AD */
    }
    if (len < 3) {
        return false;
    }
    bool general =
        u[0] == 0xe2 && ((u[1] == 0x80 && (u[2] <= 0x8f || u[2] >= 0xa8) && u[2] <= 0xaf) ||
                         (u[1] == 0x81 && u[2] >= 0x9f && u[2] <= 0xaf));
    bool wide = u[0] == 0xe3 && u[1] == 0x80 && u[2] == 0x80;
    bool mark = u[0] == 0xef && u[1] == 0xbb && u[2] == 0xbf;
    return general || wide || mark;
}

static const char *foreign_refused(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = 0;
        if (foreign(t.p + i, t.len - i, &c) > 0 && (c == '/' || c == '\\' || c == '.')) {
            return "has a character that some servers take for a slash or a dot";
        }
        if (is_unseen((const unsigned char *)t.p + i, t.len - i)) {
            return "has a space of another script, or a character that shows nothing";
        }
    }
    return NULL;
}

/* --- segments ----------------------------------------------------------------------------------*/

struct segments {
    struct text *at;
    size_t count;
    bool has_slash; /* the path ends with one */
};

/* "..;x" is ".." to those who take parameters off. */
static struct text without_parameters(struct text t)
{
    const char *semicolon = memchr(t.p, ';', t.len);
    return semicolon != NULL ? (struct text){t.p, (size_t)(semicolon - t.p)} : t;
}

static const char *segment_add(struct segments *s, struct text t)
{
    struct text bare = without_parameters(t);
    while (bare.len > 0 && bare.p[bare.len - 1] == ' ') {
        bare.len--;
    }
    bool is_up = text_is(bare, "..");
    bool is_here = text_is(bare, ".") || bare.len == 0;
    if ((is_up || is_here) && bare.len != t.len) {
        return "has a dot segment with something behind it";
    }
    if (is_up && s->count == 0) {
        return "leads above the root";
    }
    if (is_up) {
        s->count--;
    } else if (!is_here) {
        METE_ASSERT(s->count < SEGMENTS_MAX);
        s->at[s->count++] = t;
    }
    s->has_slash = is_up || is_here;
    return NULL;
}

static const char *segments_read(struct text path, struct segments *s)
{
    const char *wrong = NULL;
    for (size_t i = 0; i < path.len && wrong == NULL;) {
        size_t from = i + 1; /* path.p[i] is a slash */
        for (i = from; i < path.len && path.p[i] != '/'; i++) {
        }
        wrong = segment_add(s, (struct text){path.p + from, i - from});
    }
    return wrong;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~!$&'()*+,;=:@", c) != NULL);
}

static struct text clean_write(struct arena *a, const struct segments *s, size_t max)
{
    static const char DIGIT[] = "0123456789ABCDEF";
    char *to = arena_alloc(a, max * 3 + 2);
    size_t len = 0;
    for (size_t i = 0; i < s->count; i++) {
        to[len++] = '/';
        for (size_t k = 0; k < s->at[i].len; k++) {
            char c = s->at[i].p[k];
            if (is_plain(c)) {
                to[len++] = c;
                continue;
            }
            to[len++] = '%';
            to[len++] = DIGIT[(unsigned char)c >> 4];
            to[len++] = DIGIT[(unsigned char)c & 15];
        }
    }
    if (s->has_slash || len == 0) {
        to[len++] = '/';
    }
    return (struct text){to, len};
}

/* What a reader makes of a name who knows parameters, or files of Windows. */
static struct text name_cut(struct text t, bool *ends)
{
    t = without_parameters(t);
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] == '?' || t.p[i] == '#' ||
            (i + 1 < t.len && t.p[i] == ':' && t.p[i + 1] == ':')) {
            *ends = true;
            t.len = i;
        }
    }
    while (t.len > 0 && (t.p[t.len - 1] == '.' || t.p[t.len - 1] == ' ')) {
        t.len--;
    }
    return t;
}

static struct text key_write(struct arena *a, const struct segments *s, size_t max, bool is_cut)
{
    char *to = arena_alloc(a, max + s->count + 2);
    size_t len = 0;
    bool ends = false;
    for (size_t i = 0; i < s->count && !ends; i++) {
        struct text name = is_cut ? name_cut(s->at[i], &ends) : s->at[i];
        if (name.len > 0) {
            to[len++] = '/';
            memcpy(to + len, name.p, name.len);
            len += name.len;
        }
    }
    if (len == 0) {
        to[len++] = '/';
    }
    return gate_path_fold(a, (struct text){to, len});
}

const char *gate_path_read(struct arena *a, struct text raw, struct gate_path *out)
{
    size_t len = 0;
    if (raw.len == 0 || raw.p[0] != '/') {
        return "does not begin with a slash";
    }
    if (raw.len > GATE_PATH_MAX) {
        return "is too long";
    }
    char *decoded = arena_alloc(a, raw.len + 1);
    const char *wrong = decode(raw, decoded, &len);
    struct text path = {decoded, len};
    wrong = wrong != NULL ? wrong : foreign_refused(path);
    struct segments s = {arena_array(a, len + 1, sizeof(struct text)), 0, false};
    wrong = wrong != NULL ? wrong : segments_read(path, &s);
    if (wrong != NULL) {
        return wrong;
    }
    out->clean = clean_write(a, &s, len);
    out->key = key_write(a, &s, len, false);
    out->cut = key_write(a, &s, len, true);
    return NULL;
}
