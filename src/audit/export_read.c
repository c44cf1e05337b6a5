/* SPDX-License-Identifier: Apache-2.0
 * Lines and their members. An event may itself be nested as deeply as the JSON reader allows; its
 * line is one deeper, so such a line is read in two parts. */
#include "audit/export_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/i128.h"
#include "base/text.h"

#define EXPORT_LINE_MAX ((size_t)256 << 20)

void export_open(struct export_reader *r, FILE *file)
{
    memset(r, 0, sizeof *r);
    r->file = file;
    arena_init(&r->arena, SIZE_MAX / 2);
}

void export_close(struct export_reader *r)
{
    free(r->line);
    arena_clear(&r->arena);
}

static const char *last_of(struct text t, const char *what)
{
    size_t len = strlen(what);
    for (size_t i = t.len >= len ? t.len - len + 1 : 0; i-- > 0;) {
        if (memcmp(t.p + i, what, len) == 0) {
            return t.p + i;
        }
    }
    return NULL;
}

/* Takes the event out of its line: the line is read with null in its place, the event by itself. */
static enum mete_code read_apart(struct arena *a, struct text t, struct json **line,
                                 struct json **event, struct mete_err *err)
{
    static const char before[] = "\"event\":", after[] = ",\"decision\":\"";
    const char *from = t.len > 0 ? memmem(t.p, t.len, before, sizeof before - 1) : NULL;
    const char *until = last_of(t, after);
    if (from == NULL || until == NULL || until < from + sizeof before - 1) {
        return METE_JSON_DEPTH;
    }
    from += sizeof before - 1;
    struct text body = {from, (size_t)(until - from)};
    struct text rest = {until, (size_t)(t.p + t.len - until)};
    struct text shell =
        arena_printf(a, "%.*snull%.*s", (int)(from - t.p), t.p, (int)rest.len, rest.p);
    enum mete_code code = json_parse(a, shell, line, err);
    return code == METE_OK ? json_parse(a, body, event, err) : code;
}

static enum mete_code read_line(struct arena *a, struct text t, struct export_line *out,
                                struct mete_err *err)
{
    struct json *line = NULL, *event = NULL;
    enum mete_code code = json_parse(a, t, &line, err);
    if (code == METE_JSON_DEPTH) {
        code = read_apart(a, t, &line, &event, err);
    }
    if (code != METE_OK) {
        return code;
    }
    out->object = line;
    out->event = event != NULL ? event : json_get(line, "event");
    return METE_OK;
}

enum export_read export_next(struct export_reader *r, struct export_line *line,
                             struct mete_err *err)
{
    ssize_t len = getline(&r->line, &r->line_size, r->file);
    if (len < 0) {
        return ferror(r->file) ? EXPORT_FAILED : EXPORT_END;
    }
    r->number++;
    arena_reset(&r->arena);
    memset(line, 0, sizeof *line);
    struct text t = {r->line, (size_t)len};
    if (t.len > 0 && t.p[t.len - 1] == '\n') {
        t.len--;
    }
    if (t.len > EXPORT_LINE_MAX) {
        (void)mete_fail(err, METE_EVENT_TOO_LARGE, "", "the line has %zu bytes", t.len);
        return EXPORT_BAD;
    }
    if (read_line(&r->arena, t, line, err) != METE_OK) {
        return EXPORT_BAD;
    }
    if (!export_text(line->object, "kind", &line->kind)) {
        (void)mete_fail(err, METE_MEMBER_MISSING, "/kind", "it has no \"kind\"");
        return EXPORT_BAD;
    }
    return EXPORT_LINE;
}

bool export_text(const struct json *object, const char *key, struct text *out)
{
    const struct json *j = json_get(object, key);
    if (j == NULL || j->type != JSON_STRING) {
        return false;
    }
    *out = j->text;
    return true;
}

bool export_i128(const struct json *object, const char *key, i128 *out)
{
    const struct json *j = json_get(object, key);
    if (j == NULL || (j->type != JSON_STRING && j->type != JSON_NUMBER)) {
        return false;
    }
    struct text t = j->text;
    bool negative = t.len > 0 && t.p[0] == '-';
    if (negative) {
        t.p++;
        t.len--;
    }
    u128 v;
    if (!u128_parse(t, &v) || v > (u128)I128_MAX) {
        return false;
    }
    *out = negative ? -(i128)v : (i128)v;
    return true;
}

bool export_u64(const struct json *object, const char *key, uint64_t *out)
{
    i128 v;
    if (!export_i128(object, key, &v) || v < 0 || v > (i128)UINT64_MAX) {
        return false;
    }
    *out = (uint64_t)v;
    return true;
}

bool export_time(const struct json *object, const char *key, mete_time *out)
{
    struct text t;
    return export_text(object, key, &t) && time_parse(t, out) == TIME_OK;
}

bool export_bytes(struct arena *a, const struct json *object, const char *key, struct bytes *out)
{
    struct text t;
    if (!export_text(object, key, &t)) {
        return false;
    }
    size_t max = t.len / 4 * 3 + 3, len;
    uint8_t *p = arena_alloc(a, max);
    if (!base64_decode(p, max, &len, t)) {
        return false;
    }
    *out = (struct bytes){p, len};
    return true;
}
