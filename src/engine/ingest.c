/* SPDX-License-Identifier: Apache-2.0
 * A stream of any length through the one door, in constant memory, committed in groups. */
#include "engine/internal.h"

#include "wire/stream.h"

#include <stdlib.h>

#define CHUNK_SIZE      ((size_t)1 << 20)
#define GROUP_MAX       4096u
#define GROUP_BYTES_MAX ((size_t)16 << 20)

struct pump {
    struct engine *e;
    const struct ingest *in;
    struct ingest_counts *counts;
    struct stream *stream;
    size_t group_max;
    struct mete_err *err;
};

static void count(struct ingest_counts *c, enum submit_status status)
{
    switch (status) {
    case SUBMIT_APPLIED:
        c->applied++;
        break;
    case SUBMIT_DUPLICATE:
        c->duplicate++;
        break;
    case SUBMIT_WAITING:
        c->waiting++;
        break;
    case SUBMIT_REFUSED:
        c->refused++;
        break;
    case SUBMIT_CONFLICT:
        c->conflict++;
        break;
    case SUBMIT_FAILED:
        break;
    }
}

static void tell(const struct pump *p, const struct submit_result *r)
{
    if (p->in->tell != NULL) {
        p->in->tell(p->in->tell_ctx, r, p->counts);
    }
}

/** One item: an event, or bytes that are none. */
static enum mete_code item(struct pump *p, enum stream_item kind, struct text text,
                           const struct mete_err *broken)
{
    struct submit_result r = {.status = SUBMIT_REFUSED};
    if (kind == STREAM_BROKEN) {
        r.err = *broken;
        if (!p->in->no_quarantine && !p->in->dry_run) {
            engine_refuse(p->e, text, broken);
        }
    } else {
        const struct submit_options o = {.app_id = stream_app_id(p->stream),
                                         .environment = stream_environment(p->stream),
                                         .no_quarantine = p->in->no_quarantine || p->in->dry_run};
        engine_submit(p->e, text, &o, &r);
    }
    if (r.status == SUBMIT_FAILED) {
        *p->err = r.err;
        return r.err.code;
    }
    count(p->counts, r.status);
    tell(p, &r);
    return METE_OK;
}

static enum mete_code commit_when_full(struct pump *p, bool end)
{
    bool full = engine_queued(p->e) >= p->group_max || engine_queued_bytes(p->e) >= GROUP_BYTES_MAX;
    if (p->in->dry_run || !(full || end)) {
        return METE_OK;
    }
    enum mete_code code = engine_commit(p->e, p->err);
    if (code == METE_OK) {
        tell(p, NULL);
    }
    return code;
}

static bool is_stopped(const struct pump *p)
{
    return p->in->stop != NULL && *p->in->stop != 0;
}

static enum mete_code items(struct pump *p)
{
    struct text text;
    uint64_t offset;
    uint64_t line;
    struct mete_err broken;
    while (!is_stopped(p)) {
        enum stream_item kind = stream_next(p->stream, &text, &offset, &line, &broken);
        if (kind == STREAM_MORE) {
            return METE_OK;
        }
        enum mete_code code = item(p, kind, text, &broken);
        if (code == METE_OK) {
            code = commit_when_full(p, false);
        }
        if (code != METE_OK) {
            return code;
        }
    }
    return METE_OK;
}

static enum mete_code pump_run(struct pump *p, uint8_t *chunk)
{
    bool end = false;
    while (!end && !is_stopped(p)) {
        long n = p->in->read(p->in->read_ctx, chunk, CHUNK_SIZE);
        if (is_stopped(p)) {
            break; /* what was not read is not there yet: half an event is no broken event */
        }
        if (n < 0) {
            return mete_fail(p->err, METE_FILE, "", "the stream cannot be read");
        }
        end = n == 0;
        p->counts->bytes += (uint64_t)n;
        stream_push(p->stream, (struct bytes){chunk, (size_t)n}, end);
        enum mete_code code = items(p);
        if (code != METE_OK) {
            return code;
        }
    }
    return commit_when_full(p, true);
}

enum mete_code ingest_stream(struct engine *e, const struct ingest *in,
                             struct ingest_counts *counts, struct mete_err *err)
{
    struct pump p = {.e = e,
                     .in = in,
                     .counts = counts,
                     .stream = stream_new(),
                     .group_max = in->group_max != 0 ? in->group_max : GROUP_MAX,
                     .err = err};
    uint8_t *chunk = malloc(CHUNK_SIZE);
    METE_ASSERT(chunk != NULL && p.stream != NULL);
    enum mete_code code = pump_run(&p, chunk);
    if (code != METE_OK || in->dry_run) {
        engine_rollback(e);
    }
    stream_free(p.stream);
    free(chunk);
    return code;
}
