/* SPDX-License-Identifier: Apache-2.0
 * Dispute records and what they make of an allocation's state. */
#include "core/dispute.h"

const char *dispute_state_name(enum dispute_state s)
{
    static const char *const NAME[] = {
#define X(symbol, number, name) [number] = (name),
        DISPUTE_STATES(X)
#undef X
    };
    METE_ASSERT((size_t)s < ARRAY_LEN(NAME));
    return NAME[s];
}

const char *allocation_state_name(enum allocation_state s)
{
    static const char *const NAME[] = {"pending", "disputed", "cleared", "upheld"};
    METE_ASSERT((size_t)s < ARRAY_LEN(NAME));
    return NAME[s];
}

struct key dispute_key(uint64_t seq, uint32_t page, uint32_t group, uint32_t line)
{
    struct key key = key_of(KEY_DISPUTE);
    key_add_u64(&key, seq);
    key_add_u32(&key, page);
    key_add_u32(&key, group);
    key_add_u32(&key, line);
    return key;
}

void dispute_pack(struct buf *out, const struct dispute *d)
{
    buf_put_u8(out, (uint8_t)d->state);
    buf_put_zigzag(out, d->opened_at);
    buf_put_zigzag(out, d->auto_clear_at);
    buf_put_zigzag(out, d->changed_at);
    buf_put_zigzag(out, d->amount);
    buf_put_varint(out, d->owner);
}

bool dispute_unpack(struct bytes in, struct dispute *d)
{
    struct reader r = reader_of(in);
    uint8_t state = read_u8(&r);
    d->state = (enum dispute_state)state;
    d->opened_at = (mete_time)read_zigzag(&r);
    d->auto_clear_at = (mete_time)read_zigzag(&r);
    d->changed_at = (mete_time)read_zigzag(&r);
    d->amount = read_zigzag(&r);
    d->owner = (uint32_t)read_varint(&r);
    return reader_done(&r) && state <= DISPUTE_UPHELD;
}

enum view_result dispute_of(const struct view *v, uint64_t seq, uint32_t page, uint32_t group,
                            uint32_t line, struct dispute *out)
{
    struct key key = dispute_key(seq, page, group, line);
    struct bytes value;
    *out = (struct dispute){.state = DISPUTE_NONE};
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    METE_ASSERT(found != VIEW_FOUND || dispute_unpack(value, out));
    return found;
}

enum allocation_state allocation_state_at(mete_time clears_at, const struct dispute *d,
                                          mete_time at)
{
    switch (d->state) {
    case DISPUTE_NONE:
        return clears_at <= at ? ALLOCATION_CLEARED : ALLOCATION_PENDING;
    case DISPUTE_DISPUTED:
        return at > d->auto_clear_at ? ALLOCATION_CLEARED : ALLOCATION_DISPUTED;
    case DISPUTE_ESCALATED:
        return ALLOCATION_DISPUTED;
    case DISPUTE_OVERRIDDEN:
        return ALLOCATION_CLEARED;
    case DISPUTE_UPHELD:
        return ALLOCATION_UPHELD;
    }
    return ALLOCATION_PENDING;
}
