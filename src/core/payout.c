/* SPDX-License-Identifier: Apache-2.0
 * Batches, transfers and attempts in and out of a book's state. */
#include "core/payout.h"

#include "base/i128.h"
#include "base/text.h"

#include <string.h>

#define PAYOUT_FORMAT 1
#define BATCH_FORMAT  2
#define SATS_MINIMUM  500 /* design §3 "Thresholds" */

void batch_pack(struct buf *out, const struct batch *b)
{
    buf_put_u8(out, BATCH_FORMAT);
    buf_put_u8(out, b->is_closed);
    buf_put_u8(out, b->on_demand);
    buf_put_varint(out, b->asset);
    buf_put_sized(out, b->rail);
    buf_put_zigzag(out, b->cutoff_at);
    buf_put_zigzag(out, b->bounds.minimum);
    buf_put_zigzag(out, b->bounds.fee);
    buf_put_varint(out, b->bounds.fee_cap_bps);
}

bool batch_unpack(struct arena *a, struct bytes packed, struct batch *out)
{
    struct reader r = reader_of(packed);
    r.failed |= read_u8(&r) != BATCH_FORMAT;
    out->is_closed = read_u8(&r) != 0;
    out->on_demand = read_u8(&r) != 0;
    out->asset = (uint32_t)read_varint(&r);
    out->rail = arena_text(a, read_sized(&r));
    out->cutoff_at = (mete_time)read_zigzag(&r);
    out->bounds.minimum = read_zigzag(&r);
    out->bounds.fee = read_zigzag(&r);
    out->bounds.fee_cap_bps = (uint32_t)read_varint(&r);
    return reader_done(&r);
}

void transfer_pack(struct buf *out, const struct transfer *t)
{
    buf_put_u8(out, PAYOUT_FORMAT);
    buf_put_u8(out, t->state);
    buf_put_varint(out, t->batch);
    buf_put_varint(out, t->party);
    buf_put_varint(out, t->asset);
    buf_put_varint(out, t->attempts);
    buf_put_varint(out, t->looks);
    buf_put_zigzag(out, t->amount);
    buf_put_zigzag(out, t->held);
    buf_put_zigzag(out, t->paid);
    buf_put_zigzag(out, t->returned);
    buf_put_zigzag(out, t->due);
}

bool transfer_unpack(struct bytes packed, struct transfer *out)
{
    struct reader r = reader_of(packed);
    r.failed |= read_u8(&r) != PAYOUT_FORMAT;
    out->state = read_u8(&r);
    out->batch = read_varint(&r);
    out->party = (uint32_t)read_varint(&r);
    out->asset = (uint32_t)read_varint(&r);
    out->attempts = (uint32_t)read_varint(&r);
    out->looks = (uint32_t)read_varint(&r);
    out->amount = read_zigzag(&r);
    out->held = read_zigzag(&r);
    out->paid = read_zigzag(&r);
    out->returned = read_zigzag(&r);
    out->due = (mete_time)read_zigzag(&r);
    return reader_done(&r) && out->state < TRANSFER_STATE_COUNT;
}

void attempt_pack(struct buf *out, const struct attempt *t)
{
    buf_put_u8(out, t->outcome);
    buf_put(out, t->anchor, sizeof t->anchor);
    buf_put_zigzag(out, t->paid);
    buf_put_zigzag(out, t->returned);
    buf_put_varint(out, t->made);
    buf_put_varint(out, t->body_count);
    for (uint32_t i = 0; i < t->body_count; i++) {
        buf_put_varint(out, t->body[i]);
    }
}

bool attempt_unpack(struct bytes packed, struct attempt *out)
{
    struct reader r = reader_of(packed);
    *out = (struct attempt){.outcome = read_u8(&r)};
    struct bytes anchor = read_bytes(&r, sizeof out->anchor);
    out->paid = read_zigzag(&r);
    out->returned = read_zigzag(&r);
    out->made = read_varint(&r);
    uint64_t bodies = read_varint(&r);
    if (r.failed || out->outcome > ATTEMPT_UNMADE || bodies > ATTEMPT_BODIES_MAX) {
        return false;
    }
    memcpy(out->anchor, anchor.p, sizeof out->anchor);
    for (; out->body_count < bodies; out->body_count++) {
        out->body[out->body_count] = read_varint(&r);
    }
    return reader_done(&r);
}

i128 payout_minimum(const struct book_config *book, const struct asset *asset)
{
    if (book->has_payout_minimum && book->payout_asset == asset->number) {
        return book->payout_minimum;
    }
    return strcmp(asset->code, "SAT") == 0 ? SATS_MINIMUM : 0;
}

bool transfer_rests(uint8_t state)
{
    return state == TRANSFER_PAID || state == TRANSFER_FAILED_PERMANENT ||
           state == TRANSFER_RETURNED || state == TRANSFER_CANCELLED;
}

/* --- keys --------------------------------------------------------------------------------------*/

static struct key numbered(enum key_class class, uint64_t number)
{
    struct key key = key_of(class);
    key_add_u64(&key, number);
    return key;
}

struct key key_transfer(uint64_t transfer)
{
    return numbered(KEY_TRANSFER, transfer);
}

struct key key_attempt(uint64_t transfer, uint32_t attempt)
{
    struct key key = numbered(KEY_ATTEMPT, transfer);
    key_add_u32(&key, attempt);
    return key;
}

struct key key_outbox(mete_time due, uint64_t transfer)
{
    struct key key = key_of(KEY_OUTBOX);
    key_add_time(&key, due);
    key_add_u64(&key, transfer);
    return key;
}

struct key key_batch_number(uint64_t batch)
{
    return numbered(KEY_PAYOUT_BATCH, batch);
}

struct key key_batch_party(uint64_t batch, uint32_t party)
{
    struct key key = numbered(KEY_BATCH_PARTY, batch);
    key_add_u32(&key, party);
    return key;
}

struct key key_batch_state(uint64_t batch, uint8_t state)
{
    struct key key = numbered(KEY_BATCH_SUMS, batch);
    key_add_u8(&key, state);
    return key;
}

struct key key_party_transfer(uint32_t party, uint64_t transfer)
{
    struct key key = key_u32(KEY_PARTY_TRANSFER, party);
    key_add_u64(&key, transfer);
    return key;
}

struct key key_anchor(struct text rail, struct text anchor)
{
    struct key key = key_of(KEY_ANCHOR);
    struct key hashed = key_batch(rail, anchor);
    for (size_t i = 1; i < hashed.len; i++) {
        key_add_u8(&key, hashed.b[i]);
    }
    return key;
}

/* --- reading -----------------------------------------------------------------------------------*/

enum view_result view_transfer(const struct view *v, uint64_t number, struct transfer *out)
{
    struct key key = key_transfer(number);
    struct bytes value;
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    METE_ASSERT(found != VIEW_FOUND || transfer_unpack(value, out));
    return found;
}

enum view_result view_batch(const struct view *v, struct arena *a, uint64_t number,
                            struct batch *out)
{
    struct key key = key_batch_number(number);
    struct bytes value;
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    METE_ASSERT(found != VIEW_FOUND || batch_unpack(a, value, out));
    return found;
}

void destination_pack(struct buf *out, const struct destination *d)
{
    buf_put_sized(out, d->rail);
    buf_put_zigzag(out, d->holds_from);
    buf_put_varint(out, d->seq);
}

bool destination_unpack(struct bytes packed, struct destination *out)
{
    struct reader r = reader_of(packed);
    out->rail = read_sized(&r);
    out->holds_from = (mete_time)read_zigzag(&r);
    out->seq = read_varint(&r);
    return reader_done(&r);
}

enum view_result view_destination(const struct view *v, uint32_t party, struct destination *out)
{
    struct key key = key_u32(KEY_DESTINATION, party);
    struct bytes value;
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    METE_ASSERT(found != VIEW_FOUND || destination_unpack(value, out));
    return found;
}

enum view_result view_hold(const struct view *v, uint32_t party, enum hold_kind *kind)
{
    struct key key = key_u32(KEY_HOLD, party);
    struct bytes value;
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    METE_ASSERT(found != VIEW_FOUND || (value.len > 0 && value.p[0] <= HOLD_SUPERVISOR));
    *kind = found == VIEW_FOUND ? (enum hold_kind)value.p[0] : HOLD_NONE;
    return found;
}
