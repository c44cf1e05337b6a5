/* SPDX-License-Identifier: Apache-2.0
 * Server-sent events, as the WHATWG HTML standard has them: lines of fields, an empty line at the
 * end of each event. Whatever is put in, nothing in it can end a field or begin another. */
#ifndef METE_HTTP_SSE_H
#define METE_HTTP_SSE_H

#include "base/buf.h"

/** Appends one event. `data` may have lines, which may end as they like (CR, LF, both): a client
 *  sees LF. Of `id` and `type`, characters that cannot stand in them (CR, LF, zero) are left out;
 *  an empty one is not sent. */
void sse_event(struct buf *out, struct text id, struct text type, struct text data);
/** Appends what a client does not see. */
void sse_comment(struct buf *out, struct text words);
/** How long a client waits before it comes again after an end. */
void sse_retry(struct buf *out, unsigned ms);

#endif
