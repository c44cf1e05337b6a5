/* SPDX-License-Identifier: Apache-2.0
 * In and out of state: the refunds of an invoice. */
#include "core/refunds.h"

struct key refunds_key(uint64_t seq)
{
    struct key key = key_of(KEY_REFUNDS);
    key_add_u64(&key, seq);
    return key;
}

enum view_result view_refunds(const struct view *v, struct arena *a, uint64_t seq,
                              struct refund_note **list, size_t *count)
{
    struct key key = refunds_key(seq);
    struct bytes value;
    *list = NULL;
    *count = 0;
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    if (found != VIEW_FOUND) {
        return found;
    }
    struct reader r = reader_of(value);
    *count = read_varint(&r);
    *list = arena_array(a, *count, sizeof **list);
    for (size_t i = 0; i < *count; i++) {
        (*list)[i].amount = read_zigzag(&r);
        (*list)[i].seq = read_varint(&r);
    }
    METE_ASSERT(reader_done(&r));
    return VIEW_FOUND;
}

void refunds_pack(struct buf *out, const struct refund_note *list, size_t count)
{
    buf_put_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        buf_put_zigzag(out, list[i].amount);
        buf_put_varint(out, list[i].seq);
    }
}
