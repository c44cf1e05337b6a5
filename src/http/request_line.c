/* SPDX-License-Identifier: Apache-2.0
 * Lines of JSON on stderr, without paths and queries: they may name people. */
#include "http/request_line.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/seal.h"
#include "http/lines.h"
#include "wire/json.h"

#include <stdatomic.h>
#include <string.h>

static const char *const LEVEL_NAME[] = {"DEBUG", "INFO", "WARNING", "ERROR"};

void request_id_set(struct exchange *x)
{
    struct text given = exchange_header(x, "X-Request-Id");
    struct text trace = exchange_header(x, "traceparent");
    static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.";
    if (given.len == 0) { /* what clients of the sources send */
        given = exchange_header(x, "X-Correlation-Id");
    }
    if (given.len == 0 && trace.len >= 35) { /* W3C: version-traceid-parentid-flags */
        given = (struct text){trace.p + 3, 32};
    }
    size_t good = 0;
    while (good < given.len && memchr(plain, given.p[good], sizeof plain - 1) != NULL) {
        good++;
    }
    if (given.len > 0 && given.len <= REQUEST_ID_MAX && good == given.len) {
        (void)text_copy(x->request_id, sizeof x->request_id, given);
        return;
    }
    uint8_t random[12];
    random_bytes(random, sizeof random);
    memcpy(x->request_id, "req_", 5);
    hex_encode(x->request_id + 4, (struct bytes){random, sizeof random});
}

void request_line_came(struct desk *d, const struct exchange *x)
{
    struct buf line = {0};
    char at[TIME_TEXT_MAX];
    if (!atomic_load(&d->log) || atomic_load(&d->log_level) > LOG_LEVEL_DEBUG) {
        return;
    }
    time_format(x->began_at, at);
    buf_printf(&line,
               "{\"at\":\"%s\",\"level\":\"DEBUG\",\"request_id\":\"%s\",\"bytes_in\":%zu,"
               "\"message\":\"came\"}\n",
               at, x->request_id, x->received);
    lines_put(d->lines, buf_text(&line));
    buf_clear(&line);
}

void request_line_end(void *desk, const struct exchange *x, bool sent)
{
    struct desk *d = desk;
    answers_streamed(d->answers, x->streamed);
    enum log_level level = x->status >= 500   ? LOG_LEVEL_ERROR
                           : x->status >= 400 ? LOG_LEVEL_WARNING
                                              : LOG_LEVEL_INFO;
    struct buf line = {0};
    struct json_writer w;
    char at[TIME_TEXT_MAX];
    if (!atomic_load(&d->log) || level < atomic_load(&d->log_level)) {
        return;
    }
    time_format(x->began_at, at);
    jw_init(&w, &line, false);
    jw_object(&w, NULL);
    jw_str(&w, "at", at);
    jw_str(&w, "level", LEVEL_NAME[level]);
    jw_str(&w, "request_id", x->request_id);
    jw_text(&w, "method", x->method);
    jw_str(&w, "route", x->route != NULL ? x->route->path : NULL); /* paths may name people */
    jw_int(&w, "status", x->status);
    jw_str(&w, "code", x->code);
    if (x->why != NULL) {
        jw_str(&w, "why", x->why);
    }
    for (size_t i = 0; i < x->note_count; i++) {
        jw_text(&w, x->note[i].name.p, x->note[i].value);
    }
    jw_text(&w, "key_id", x->who != NULL ? x->who->key_id : (struct text){0});
    jw_text(&w, "peer", x->peer);
    jw_int(&w, "bytes_in", (int64_t)x->received);
    jw_int(&w, "bytes_out", (int64_t)(x->out.len + x->streamed));
    jw_int(&w, "us", desk_now() - x->began_at);
    jw_bool(&w, "sent", sent);
    jw_end_object(&w);
    buf_put_u8(&line, '\n');
    lines_put(d->lines, buf_text(&line));
    buf_clear(&line);
}
