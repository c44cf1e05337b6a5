/* SPDX-License-Identifier: Apache-2.0
 * Packing sums, and laying items over each other. Sums that meet no other pass through packed. */
#include "store/state/item.h"

#include <string.h>

static size_t varint_put(uint8_t *p, u128 v)
{
    size_t n = 0;
    while (v >= 0x80) {
        p[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    p[n++] = (uint8_t)v;
    return n;
}

static size_t varint64_put(uint8_t *p, uint64_t v)
{
    size_t n = 0;
    while (v >= 0x80) {
        p[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    p[n++] = (uint8_t)v;
    return n;
}

size_t sums_pack(const i128 sums[STATE_SUMS], uint8_t out[SUMS_PACKED_MAX])
{
    size_t n = 1;
    out[0] = 0;
    for (unsigned i = 0; i < STATE_SUMS; i++) {
        i128 v = sums[i];
        if (v == 0) {
            continue;
        }
        out[0] |= (uint8_t)(1u << i);
        u128 zigzag = v < 0 ? ~((u128)v << 1) : (u128)v << 1;
        n += zigzag <= UINT64_MAX ? varint64_put(out + n, (uint64_t)zigzag)
                                  : varint_put(out + n, zigzag);
    }
    return n;
}

bool sums_unpack(struct bytes packed, i128 sums[STATE_SUMS])
{
    struct reader r = reader_of(packed);
    uint8_t mask = read_u8(&r);
    for (unsigned i = 0; i < STATE_SUMS; i++) {
        sums[i] = (mask & (1u << i)) != 0 ? read_zigzag(&r) : 0;
    }
    return reader_done(&r) && mask < 1u << STATE_SUMS;
}

void sums_add(i128 to[STATE_SUMS], const i128 more[STATE_SUMS])
{
    for (unsigned i = 0; i < STATE_SUMS; i++) {
        METE_ASSERT(!__builtin_add_overflow(to[i], more[i], &to[i]));
    }
}

static bool sums_under(struct merged *m, struct bytes value)
{
    i128 older[STATE_SUMS];
    if (!m->summed) {
        if (!sums_unpack(m->value, m->sums)) {
            return false;
        }
        m->summed = true;
    }
    if (!sums_unpack(value, older)) {
        return false;
    }
    sums_add(m->sums, older);
    return true;
}

bool merged_under(struct merged *m, enum item_op op, struct bytes value)
{
    METE_ASSERT(!m->final);
    if (!m->any) {
        m->any = true;
        m->op = op;
        m->value = value;
        m->final = op != ITEM_ADD;
        return true;
    }
    METE_ASSERT(m->op == ITEM_ADD);
    switch (op) {
    case ITEM_DELETE:
        m->op = ITEM_SUM;
        m->final = true;
        return true;
    case ITEM_ADD:
        return sums_under(m, value);
    case ITEM_SUM:
        m->op = ITEM_SUM;
        m->final = true;
        return sums_under(m, value);
    case ITEM_PUT:
    default:
        return false; /* a key is either set or added to */
    }
}

struct item merged_item(const struct merged *m, struct bytes key, uint8_t room[SUMS_PACKED_MAX])
{
    struct item item = {key, m->op, m->value};
    if (m->summed) {
        item.value = (struct bytes){room, sums_pack(m->sums, room)};
    }
    return item;
}
