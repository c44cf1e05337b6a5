/* SPDX-License-Identifier: Apache-2.0
 * What was taken back of an invoice, as a book remembers it. */
#ifndef METE_CORE_REFUNDS_H
#define METE_CORE_REFUNDS_H

#include "base/arena.h"
#include "base/buf.h"
#include "core/view.h"

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
