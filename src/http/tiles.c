/* SPDX-License-Identifier: Apache-2.0
 * GET /v1/log/tile/...: the log in pieces that never change, so that whoever reads it, or a cache
 * of his, needs each of them once. */
#include "http/tiles.h"

#include "base/text.h"
#include "http/desk.h"
#include "http/reply.h"
#include "http/routes.h"

#define TYPE_BYTES "application/octet-stream"
#define LEVEL_MAX  63

/* --- names -------------------------------------------------------------------------------------*/

/** A plain number up to `max`, without zeros in front. */
static bool number_read(struct text t, unsigned max, unsigned *out)
{
    unsigned value = 0;
    if (t.len == 0 || t.len > 3 || (t.len > 1 && t.p[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] < '0' || t.p[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(t.p[i] - '0');
    }
    *out = value;
    return value <= max;
}

bool tile_level_read(struct text level, struct tile *out)
{
    return number_read(level, LEVEL_MAX, &out->level);
}

/** Three digits more. */
static bool group_add(struct text t, uint64_t *index)
{
    if (t.len != 3) {
        return false;
    }
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] < '0' || t.p[i] > '9') {
            return false;
        }
        *index = *index * 10 + (uint64_t)(t.p[i] - '0');
    }
    return true;
}

bool tile_index_read(const struct text *part, size_t count, struct tile *out)
{
    struct text last;
    out->index = 0;
    out->width = TILE_WIDTH;
    METE_ASSERT(count > 0);
    if (count > 1 && part[count - 2].len == 5 && part[count - 2].p[3] == '.' &&
        part[count - 2].p[4] == 'p') { /* "067.p/8" */
        if (!number_read(part[count - 1], TILE_WIDTH - 1, &out->width) || out->width == 0) {
            return false;
        }
        count--;
        last = (struct text){part[count - 1].p, 3};
    } else {
        last = part[count - 1];
    }
    for (size_t i = 0; i + 1 < count; i++) {
        struct text digits = {part[i].p + 1, part[i].len - 1};
        if (part[i].len != 4 || part[i].p[0] != 'x' || !group_add(digits, &out->index) ||
            out->index == 0) { /* "x000" in front would be another name */
            return false;
        }
    }
    return group_add(last, &out->index);
}

/* --- the answer --------------------------------------------------------------------------------*/

static size_t parts_count(const struct exchange *x)
{
    size_t count = 0;
    for (const char *p = x->route->path; *p != '\0'; p++) {
        count += *p == '{';
    }
    return count;
}

static void none(struct exchange *x, const char *why)
{
    reply_fail(x, METE_NOT_FOUND, NULL, "%s", why);
    reply_header(x, "Cache-Control", TEXT("no-store")); /* it may be there in a moment */
}

/** The same path is another tile in another book. */
static void caching(struct exchange *x, const struct tile *t)
{
    reply_header(x, "Cache-Control",
                 t->width == TILE_WIDTH ? TEXT("private, max-age=31536000, immutable")
                                        : TEXT("private, max-age=60"));
    reply_header(x, "Vary", TEXT("Authorization, X-API-Key"));
}

void log_tile_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct tile t = {0};
    struct mete_err err;
    bool entries = text_is(x->param[0], "entries");
    (void)d;
    if ((!entries && !tile_level_read(x->param[0], &t)) ||
        !tile_index_read(&x->param[1], parts_count(x) - 1, &t)) {
        none(x, "tiles are named as in C2SP tlog-tiles: 0/000, 0/x001/234, 0/000.p/17");
        return;
    }
    if (entries && !principal_may(x->who, SCOPE_AUDIT_READ)) {
        reply_fail(x, METE_FORBIDDEN, NULL, "what leaves are made of needs the scope audit:read");
        return;
    }
    reply_body(x, 200, TYPE_BYTES, (struct text){0});
    enum mete_code code =
        entries ? tile_entries_read(e, &t, &x->out, &err) : tile_read(e, &t, &x->out, &err);
    if (code == METE_NOT_FOUND) {
        none(x, err.text);
    } else if (code != METE_OK) {
        reply_problem(x, &err);
    } else {
        caching(x, &t);
    }
}
