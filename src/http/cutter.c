/* SPDX-License-Identifier: Apache-2.0
 * A stream of wire/, and what it does not tell. */
#include "http/cutter.h"

#include "wire/stream.h"

#include <stdlib.h>
#include <string.h>

struct cutter {
    struct stream *stream;
    bool begun; /* something that is no white space has come */
    bool array;
};

struct cutter *cutter_new(void)
{
    struct cutter *c = calloc(1, sizeof *c);
    METE_ASSERT(c != NULL);
    c->stream = stream_new();
    return c;
}

void cutter_free(struct cutter *c)
{
    if (c != NULL) {
        stream_free(c->stream);
        free(c);
    }
}

void cutter_push(struct cutter *c, struct bytes part, bool at_end)
{
    for (size_t i = 0; i < part.len && !c->begun; i++) {
        c->begun = memchr(" \t\r\n", part.p[i], 4) == NULL;
        c->array = c->begun && part.p[i] == '[';
    }
    stream_push(c->stream, part, at_end);
}

bool cutter_next(struct cutter *c, struct cutting *out)
{
    uint64_t offset;
    enum stream_item kind = stream_next(c->stream, &out->text, &offset, &out->line, &out->why);
    if (kind == STREAM_MORE) {
        return false;
    }
    out->broken = kind == STREAM_BROKEN;
    out->app_id = stream_app_id(c->stream);
    out->environment = stream_environment(c->stream);
    out->last = out->line;
    for (size_t i = 0; i < out->text.len; i++) {
        out->last += out->text.p[i] == '\n';
    }
    return true;
}

size_t cutter_pending(const struct cutter *c)
{
    return stream_pending(c->stream);
}

bool cutter_is_plain(const struct cutter *c)
{
    return !c->array && !stream_is_ingest_body(c->stream);
}
