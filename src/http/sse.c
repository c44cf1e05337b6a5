/* SPDX-License-Identifier: Apache-2.0
 * Writing server-sent events. */
#include "http/sse.h"

static size_t line_len(struct text t, size_t from)
{
    size_t to = from;
    while (to < t.len && t.p[to] != '\r' && t.p[to] != '\n') {
        to++;
    }
    return to - from;
}

/** A field for every line of `value`; also one for no line at all. */
static void lines_put(struct buf *out, const char *field, struct text value)
{
    for (size_t at = 0; at <= value.len; at++) {
        size_t len = line_len(value, at);
        buf_put_str(out, field);
        buf_put(out, len > 0 ? value.p + at : "", len);
        buf_put_u8(out, '\n');
        at += len;
        if (at + 1 < value.len && value.p[at] == '\r' && value.p[at + 1] == '\n') {
            at++;
        }
    }
}

static void word_put(struct buf *out, const char *field, struct text value)
{
    size_t before = out->len;
    buf_put_str(out, field);
    size_t empty = out->len;
    for (size_t i = 0; i < value.len; i++) {
        if (value.p[i] != '\r' && value.p[i] != '\n' && value.p[i] != '\0') {
            buf_put_u8(out, (uint8_t)value.p[i]);
        }
    }
    if (out->len == empty) { /* an empty id would forget the one before it */
        out->len = before;
        return;
    }
    buf_put_u8(out, '\n');
}

void sse_event(struct buf *out, struct text id, struct text type, struct text data)
{
    word_put(out, "id: ", id);
    word_put(out, "event: ", type);
    lines_put(out, "data: ", data);
    buf_put_u8(out, '\n');
}

void sse_comment(struct buf *out, struct text words)
{
    lines_put(out, ": ", words);
    buf_put_u8(out, '\n');
}

void sse_retry(struct buf *out, unsigned ms)
{
    buf_printf(out, "retry: %u\n\n", ms);
}
