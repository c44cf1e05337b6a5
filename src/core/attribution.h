/* SPDX-License-Identifier: Apache-2.0
 * Whose revenue a user brings, and what was taken back of an invoice, as a book remembers them. */
#ifndef METE_CORE_ATTRIBUTION_H
#define METE_CORE_ATTRIBUTION_H

#include "base/arena.h"
#include "base/buf.h"
#include "core/view.h"

/** One attribution of a user: it holds from a moment on. */
struct attributed {
    mete_time from;
    uint64_t seq; /* of its event */
    uint32_t campaign;
};

/** All of a user, by time, then by seq; in `a`. */
enum view_result view_attributed(const struct view *v, struct arena *a, struct text app_id,
                                 struct text user_id, struct attributed **list, size_t *count);
void attributed_pack(struct buf *out, const struct attributed *list, size_t count);
/** The last that has come; before the first, the first or what took its place. NULL: there is none.
 */
const struct attributed *attributed_at(const struct attributed *list, size_t count, mete_time at);

/** What was taken back of an invoice. */
struct refund_note {
    i128 amount;
    uint64_t seq; /* of the event that took it */
};

/** In their order, in `a`. `seq`: of the invoice. */
enum view_result view_refunds(const struct view *v, struct arena *a, uint64_t seq,
                              struct refund_note **list, size_t *count);
struct key refunds_key(uint64_t seq);
void refunds_pack(struct buf *out, const struct refund_note *list, size_t count);

#endif
