/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a stream: cut in pieces of the size that the first byte says and in one piece, the
 * items are the same, and each stands in the stream where it says. */
#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "wire/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void pull(struct stream *s, struct text input, struct buf *list)
{
    struct text item;
    uint64_t offset, line;
    struct mete_err err = {0};
    enum stream_item kind;
    while ((kind = stream_next(s, &item, &offset, &line, &err)) != STREAM_MORE) {
        METE_ASSERT(item.len <= EVENT_SIZE_MAX && offset + item.len <= input.len && line > 0);
        METE_ASSERT(text_eq(item, (struct text){input.p + offset, item.len}));
        METE_ASSERT(kind == STREAM_BROKEN || item.len > 0);
        buf_put_u8(list, (uint8_t)kind);
        buf_put_be64(list, offset);
        buf_put_be64(list, line);
        buf_put_be64(list, item.len);
    }
}

static void list_stream(struct buf *list, struct text input, size_t chunk)
{
    struct stream *s = stream_new();
    for (size_t at = 0; at < input.len; at += chunk) {
        size_t len = input.len - at < chunk ? input.len - at : chunk;
        stream_push(s, (struct bytes){(const uint8_t *)input.p + at, len}, false);
        pull(s, input, list);
    }
    stream_push(s, (struct bytes){0}, true);
    pull(s, input, list);
    buf_put_u8(list, stream_is_ingest_body(s));
    buf_put_sized(list, stream_app_id(s));
    buf_put_sized(list, stream_environment(s));
    stream_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = {0}, cut = {0};
    if (size == 0)
        return 0;
    struct text input = {(const char *)data + 1, size - 1};
    list_stream(&whole, input, size);
    list_stream(&cut, input, 1 + data[0] % 100);
    METE_ASSERT(text_eq(buf_text(&whole), buf_text(&cut)));
    buf_clear(&whole);
    buf_clear(&cut);
    return 0;
}
