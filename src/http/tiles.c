/* SPDX-License-Identifier: Apache-2.0
 * GET /v1/log/tile/...: the log in pieces that never change, so that whoever reads it, or a cache
 * of his, needs each of them once. */
#include "http/tiles.h"

#include "base/text.h"
#include "http/desk.h"
#include "http/reply.h"
#include "http/routes.h"

#include <string.h>

#define TYPE_BYTES "application/octet-stream"
#define LEVEL_MAX  63
#define NAME_MAX_  32 /* six groups, and a width */

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

/** Takes ".p/17" off the end. False: what stands there is no width. */
static bool width_take(struct text *name, struct tile *out)
{
    const char *mark = memmem(name->p, name->len, ".p/", 3);
    out->width = TILE_WIDTH;
    if (mark == NULL) {
        return true;
    }
    size_t before = (size_t)(mark - name->p);
    struct text width = {mark + 3, name->len - before - 3};
    name->len = before;
    return number_read(width, TILE_WIDTH - 1, &out->width) && out->width > 0;
}

bool tile_index_read(struct text name, struct tile *out)
{
    out->index = 0;
    if (name.len > NAME_MAX_ || !width_take(&name, out)) {
        return false;
    }
    while (name.len > 3) { /* "x001/" before the last three */
        struct text group = {name.p + 1, 3};
        if (name.p[0] != 'x' || name.len < 5 || name.p[4] != '/' ||
            !group_add(group, &out->index) ||
            out->index == 0) { /* "x000" in front would be another name */
            return false;
        }
        name.p += 5;
        name.len -= 5;
    }
    return group_add(name, &out->index);
}

/* --- the answer --------------------------------------------------------------------------------*/

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
    if ((!entries && !tile_level_read(x->param[0], &t)) || !tile_index_read(x->param[1], &t)) {
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
