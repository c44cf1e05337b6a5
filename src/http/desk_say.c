/* SPDX-License-Identifier: Apache-2.0
 * What the desk says to its operator. */
#include "http/desk.h"
#include "http/lines.h"

#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#define SAY_MAX  1024
#define FLUSH_MS 1000u

void desk_say(struct desk *d, const char *fmt, ...)
{
    char text[SAY_MAX];
    struct buf line = {0};
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    buf_printf(&line, "mete: %s\n", text);
    lines_put(d->lines, buf_text(&line));
    buf_clear(&line);
}

void desk_flush(struct desk *d)
{
    lines_flush(d->lines, FLUSH_MS);
}
