/* SPDX-License-Identifier: Apache-2.0
 * Rounds, commitments, spend grants and settlements in and out of the book's state. */
#include "core/funding.h"

#include <string.h>

/* --- packing -----------------------------------------------------------------------------------*/

void round_pack(struct buf *out, const struct round *r)
{
    buf_put_u8(out, r->state);
    buf_put_varint(out, r->campaign);
}

void commitment_pack(struct buf *out, const struct commitment *c)
{
    buf_put_u8(out, c->state);
    buf_put_varint(out, c->campaign);
    buf_put_varint(out, c->investor);
    buf_put_zigzag(out, c->amount);
    buf_put_varint(out, c->created);
}

void grant_pack(struct buf *out, const struct grant *g)
{
    buf_put_u8(out, g->state);
    buf_put_varint(out, g->campaign);
    buf_put_varint(out, g->asset);
    buf_put_zigzag(out, g->amount);
}

void settlement_pack(struct buf *out, const struct settlement *s)
{
    buf_put_u8(out, s->state);
    buf_put_varint(out, s->party);
    buf_put_varint(out, s->asset);
    buf_put_zigzag(out, s->amount);
    buf_put_varint(out, s->campaign);
    buf_put_varint(out, s->begun);
    buf_put_varint(out, s->ended);
}

/* --- reading -----------------------------------------------------------------------------------*/

static enum view_result record_get(const struct view *v, enum key_class class, struct text id,
                                   struct reader *out)
{
    struct key key = key_text(class, id);
    struct bytes value;
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    if (found == VIEW_FOUND) {
        *out = reader_of(value);
    }
    return found;
}

enum view_result view_round(const struct view *v, struct text id, struct round *out)
{
    struct reader r;
    enum view_result found = record_get(v, KEY_ROUND, id, &r);
    *out = (struct round){.state = ROUND_NONE};
    if (found == VIEW_FOUND) {
        out->state = read_u8(&r);
        out->campaign = (uint32_t)read_varint(&r);
        METE_ASSERT(reader_done(&r) && out->state < ROUND_STATE_COUNT);
    }
    return found;
}

enum view_result view_commitment(const struct view *v, struct text id, struct commitment *out)
{
    struct reader r;
    enum view_result found = record_get(v, KEY_COMMITMENT, id, &r);
    *out = (struct commitment){.state = COMMITMENT_NONE};
    if (found == VIEW_FOUND) {
        out->state = read_u8(&r);
        out->campaign = (uint32_t)read_varint(&r);
        out->investor = (uint32_t)read_varint(&r);
        out->amount = read_zigzag(&r);
        out->created = read_varint(&r);
        METE_ASSERT(reader_done(&r) && out->state < COMMITMENT_STATE_COUNT);
    }
    return found;
}

enum view_result view_grant(const struct view *v, struct text id, struct grant *out)
{
    struct reader r;
    enum view_result found = record_get(v, KEY_GRANT, id, &r);
    *out = (struct grant){.state = GRANT_NONE};
    if (found == VIEW_FOUND) {
        out->state = read_u8(&r);
        out->campaign = (uint32_t)read_varint(&r);
        out->asset = (uint32_t)read_varint(&r);
        out->amount = read_zigzag(&r);
        METE_ASSERT(reader_done(&r) && out->state < GRANT_STATE_COUNT);
    }
    return found;
}

enum view_result view_settlement(const struct view *v, struct text id, struct settlement *out)
{
    struct reader r;
    enum view_result found = record_get(v, KEY_SETTLEMENT, id, &r);
    *out = (struct settlement){.state = SETTLEMENT_NONE};
    if (found == VIEW_FOUND) {
        out->state = read_u8(&r);
        out->party = (uint32_t)read_varint(&r);
        out->asset = (uint32_t)read_varint(&r);
        out->amount = read_zigzag(&r);
        out->campaign = (uint32_t)read_varint(&r);
        out->begun = read_varint(&r);
        out->ended = read_varint(&r);
        METE_ASSERT(reader_done(&r) && out->state < SETTLEMENT_STATE_COUNT);
    }
    return found;
}

struct key grant_sums_key(struct text id)
{
    struct key key = key_of(KEY_GRANT_SUMS);
    struct key hashed = key_event_id(id);
    for (size_t i = 1; i < hashed.len; i++) {
        key_add_u8(&key, hashed.b[i]);
    }
    return key;
}

struct key paid_key(uint32_t party, uint32_t asset)
{
    return key_u32x2(KEY_PAID, party, asset);
}

/* --- what was made -----------------------------------------------------------------------------*/

struct key made_key(uint32_t campaign, uint64_t seq)
{
    struct key key = key_u32(KEY_MADE, campaign);
    key_add_u64(&key, seq);
    return key;
}

void made_pack(struct buf *out, enum machine_kind kind, struct text id)
{
    buf_put_u8(out, (uint8_t)kind);
    buf_put_sized(out, id);
}

struct made made_read(struct bytes key, struct bytes value)
{
    struct reader r = reader_of(value);
    struct made m = {.seq = key_read_u64(key, key.len - 8)};
    m.kind = (enum machine_kind)read_u8(&r);
    m.id = read_sized(&r);
    METE_ASSERT(reader_done(&r) && m.kind < MACHINE_COUNT);
    return m;
}

struct list {
    struct arena *a;
    struct made *made;
    size_t count, cap;
};

static bool made_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    struct list *l = arg;
    (void)sums;
    if (l->count == l->cap) {
        l->cap = l->cap == 0 ? 16 : l->cap * 2;
        struct made *more = arena_array(l->a, l->cap, sizeof *more);
        if (l->count > 0) {
            memcpy(more, l->made, l->count * sizeof *more);
        }
        l->made = more;
    }
    l->made[l->count] = made_read(key, value);
    l->made[l->count].id = arena_text(l->a, l->made[l->count].id);
    l->count++;
    return true;
}

enum view_result view_made(const struct view *v, struct arena *a, uint32_t campaign,
                           struct made **list, size_t *count)
{
    struct key from = key_u32(KEY_MADE, campaign);
    struct key until = key_prefix_end(from);
    struct list l = {.a = a};
    enum view_result found = v->scan(v->ctx, key_bytes(&from), key_bytes(&until), made_visit, &l);
    *list = l.made;
    *count = l.count;
    return found;
}
