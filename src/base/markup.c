/* SPDX-License-Identifier: Apache-2.0
 * Five characters mean something in HTML and XML. */
#include "base/markup.h"

void markup_put(struct buf *out, struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        switch (t.p[i]) {
        case '&':
            buf_put_str(out, "&amp;");
            break;
        case '<':
            buf_put_str(out, "&lt;");
            break;
        case '>':
            buf_put_str(out, "&gt;");
            break;
        case '"':
            buf_put_str(out, "&quot;");
            break;
        case '\'':
            buf_put_str(out, "&#39;");
            break;
        default:
            buf_put_u8(out, (uint8_t)t.p[i]);
        }
    }
}
