/* SPDX-License-Identifier: Apache-2.0
 * Cuts a stream of any length into events, in constant memory: NDJSON, a JSON array, the ingest
 * body {appId, env?, events:[...]}, or single objects one after the other. Pushes bytes in, pulls
 * items out; does no I/O. A broken item is reported and skipped; the rest is not harmed. */
#ifndef METE_WIRE_STREAM_H
#define METE_WIRE_STREAM_H

#include "base/buf.h"
#include "base/types.h"
#include "mete/error.h"

enum stream_item {
    STREAM_MORE,  /* needs more bytes (or, at the end, there are none) */
    STREAM_EVENT, /* *item holds the bytes of one value */
    STREAM_BROKEN /* *item holds what could not be cut into a value (at most EVENT_SIZE_MAX bytes)
                   */
};

struct stream;

struct stream *stream_new(void);
void stream_free(struct stream *s);

/** Gives bytes to cut; they are copied. `at_end`: nothing will follow. */
void stream_push(struct stream *s, struct bytes in, bool at_end);

/** The next item. *item is valid until the next push or next call; *offset is where it began in
 *  the whole stream, *line its first line (from 1). For STREAM_BROKEN err says what is wrong:
 *  METE_JSON_SYNTAX, METE_EVENT_TOO_LARGE. */
enum stream_item stream_next(struct stream *s, struct text *item, uint64_t *offset, uint64_t *line,
                             struct mete_err *err);

/** Bytes that were pushed and are not done with: of a value that has not ended yet, after
 *  STREAM_MORE. */
size_t stream_pending(const struct stream *s);
/** appId and env of an ingest body, empty otherwise. */
struct text stream_app_id(const struct stream *s);
struct text stream_environment(const struct stream *s);
/** True once the stream turned out to be an ingest body. */
bool stream_is_ingest_body(const struct stream *s);

#endif
