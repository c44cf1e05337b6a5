/* SPDX-License-Identifier: Apache-2.0
 * In and out of state: the attributions of a user, the refunds of an invoice. */
#include "core/attribution.h"

#include "core/economy.h"

enum view_result view_attributed(const struct view *v, struct arena *a, struct text app_id,
                                 struct text user_id, struct attributed **list, size_t *count)
{
    struct key key = attribution_key(KEY_ATTRIBUTION, app_id, user_id);
    struct bytes value;
    *list = NULL;
    *count = 0;
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    if (found != VIEW_FOUND) {
        return found;
    }
    struct reader r = reader_of(value);
    *count = read_varint(&r);
    *list = arena_array(a, *count + 1, sizeof **list);
    for (size_t i = 0; i < *count; i++) {
        (*list)[i].from = (mete_time)read_zigzag(&r);
        (*list)[i].seq = read_varint(&r);
        (*list)[i].campaign = (uint32_t)read_varint(&r);
    }
    METE_ASSERT(reader_done(&r));
    return VIEW_FOUND;
}

void attributed_pack(struct buf *out, const struct attributed *list, size_t count)
{
    buf_put_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        buf_put_zigzag(out, list[i].from);
        buf_put_varint(out, list[i].seq);
        buf_put_varint(out, list[i].campaign);
    }
}

const struct attributed *attributed_at(const struct attributed *list, size_t count, mete_time at)
{
    size_t i = count;
    while (i > 1 && list[i - 1].from > at && list[i - 1].from != list[0].from) {
        i--;
    }
    return count == 0 ? NULL : &list[i - 1];
}

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
