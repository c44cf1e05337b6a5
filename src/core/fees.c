/* SPDX-License-Identifier: Apache-2.0
 * Fee schedules: judged when they are published, applied to each revenue, packed in between. A fee
 * takes at most what the fees before it left, so the parts never exceed the gross. */
#include "core/fees.h"

#include "base/limits.h"

#include <stdio.h>

#define FEES_FORMAT 1
#define BPS_ONE     10000u

/* --- judging
 * ------------------------------------------------------------------------------------*/

/* A place in the payload: "/fees/<fee><rest>" or "/fees/<fee>/children/<child><rest>". */
struct place {
    char pointer[64];
};

#define NO_CHILD UINT32_MAX

static struct place place_of(uint32_t fee, uint32_t child, const char *rest)
{
    struct place at;
    if (child == NO_CHILD) {
        snprintf(at.pointer, sizeof at.pointer, "/fees/%u%s", fee, rest);
    } else {
        snprintf(at.pointer, sizeof at.pointer, "/fees/%u/children/%u%s", fee, child, rest);
    }
    return at;
}

static enum mete_code names_check(struct text label, struct text payee, uint32_t fee,
                                  uint32_t child, struct mete_err *err)
{
    if (label.len == 0) {
        return mete_fail(err, METE_FEES_INVALID, place_of(fee, child, "/label").pointer,
                         "a fee has a label");
    }
    if (payee.len == 0) {
        return mete_fail(err, METE_FEES_INVALID, place_of(fee, child, "/payee").pointer,
                         "a fee has a payee");
    }
    return METE_OK;
}

static enum mete_code count_check(uint32_t count, const char *pointer, struct mete_err *err)
{
    if (count <= FEES_MAX) {
        return METE_OK;
    }
    return mete_fail(err, METE_SHARES_LIMIT, pointer, "at most %d fees, not %u", FEES_MAX, count);
}

static enum mete_code children_check(const struct fee *f, uint32_t fee, struct mete_err *err)
{
    struct place at = place_of(fee, NO_CHILD, "/children");
    enum mete_code code = count_check(f->child_count, at.pointer, err);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < f->child_count && code == METE_OK; i++) {
        sum += f->child[i].share_bps;
        code = names_check(f->child[i].label, f->child[i].payee, fee, i, err);
        if (code == METE_OK && sum > BPS_ONE) {
            return mete_fail(err, METE_FEES_INVALID, place_of(fee, i, "/share_bps").pointer,
                             "with this one the children have %llu basis points of their fee; at "
                             "most 10000",
                             (unsigned long long)sum);
        }
    }
    return code;
}

static enum mete_code fee_check(const struct fee *f, uint32_t fee, struct mete_err *err)
{
    enum mete_code code = names_check(f->label, f->payee, fee, NO_CHILD, err);
    if (code != METE_OK) {
        return code;
    }
    if (!f->is_fixed && f->bps > BPS_ONE) {
        return mete_fail(err, METE_FEES_INVALID, place_of(fee, NO_CHILD, "/bps").pointer,
                         "a fee has at most 10000 basis points, not %u", f->bps);
    }
    return children_check(f, fee, err);
}

enum mete_code fee_schedule_check(const struct fee_schedule *s, struct mete_err *err)
{
    enum mete_code code = count_check(s->fee_count, "/fees", err);
    for (uint32_t i = 0; i < s->fee_count && code == METE_OK; i++) {
        code = fee_check(&s->fee[i], i, err);
    }
    return code;
}

/* --- applying
 * -----------------------------------------------------------------------------------*/

static i128 fee_wanted(const struct fee *f, uint32_t asset, i128 gross)
{
    if (f->is_fixed) {
        return f->fixed_asset == asset ? f->fixed_amount : 0;
    }
    return amount_bps(gross, f->bps);
}

/* The parent's own rest first, then its children; returns the place after them. */
static struct fee_part *parts_fill(struct fee_part *part, const struct fee *f, uint32_t index,
                                   i128 amount)
{
    struct fee_part *own = part++;
    *own = (struct fee_part){index, 0, amount};
    for (uint32_t i = 0; i < f->child_count; i++) {
        i128 share = amount_bps(amount, f->child[i].share_bps);
        *part++ = (struct fee_part){index, i + 1, share};
        own->amount -= share;
    }
    METE_ASSERT(own->amount >= 0);
    return part;
}

size_t fee_schedule_apply(struct arena *a, const struct fee_schedule *s, uint32_t asset, i128 gross,
                          i128 taken, struct fee_part **parts, i128 *total)
{
    METE_ASSERT(gross >= 0 && amount_in_range(gross) && taken >= 0 && taken <= gross);
    size_t count = s->fee_count;
    for (uint32_t i = 0; i < s->fee_count; i++) {
        count += s->fee[i].child_count;
    }
    *parts = arena_array(a, count, sizeof **parts);
    struct fee_part *next = *parts;
    i128 left = gross - taken;
    for (uint32_t i = 0; i < s->fee_count; i++) {
        i128 amount = fee_wanted(&s->fee[i], asset, gross);
        amount = amount < left ? amount : left;
        next = parts_fill(next, &s->fee[i], i, amount);
        left -= amount;
    }
    *total = gross - taken - left;
    return count;
}

/* --- packing
 * ------------------------------------------------------------------------------------*/

static void fee_pack(struct buf *out, const struct fee *f)
{
    buf_put_sized(out, f->label);
    buf_put_u8(out, f->is_fixed);
    if (f->is_fixed) {
        buf_put_varint(out, f->fixed_asset);
        buf_put_varint128(out, (u128)f->fixed_amount);
    } else {
        buf_put_varint(out, f->bps);
    }
    buf_put_varint(out, f->number);
    buf_put_varint(out, f->child_count);
    for (uint32_t i = 0; i < f->child_count; i++) {
        buf_put_sized(out, f->child[i].label);
        buf_put_varint(out, f->child[i].share_bps);
        buf_put_varint(out, f->child[i].number);
    }
}

void fee_schedule_pack(struct buf *out, const struct fee_schedule *s)
{
    buf_put_u8(out, FEES_FORMAT);
    buf_put_varint(out, s->fee_count);
    for (uint32_t i = 0; i < s->fee_count; i++) {
        fee_pack(out, &s->fee[i]);
    }
}

/* A number up to `max`; anything else counts as the end of readable bytes. */
static uint32_t read_upto(struct reader *r, uint32_t max)
{
    uint64_t v = read_varint(r);
    r->failed |= v > max;
    return v > max ? 0 : (uint32_t)v;
}

static bool children_unpack(struct arena *a, struct reader *r, struct fee *f)
{
    uint64_t sum = 0;
    f->child_count = read_upto(r, FEES_MAX);
    f->child = arena_array(a, f->child_count, sizeof *f->child);
    for (uint32_t i = 0; i < f->child_count; i++) {
        f->child[i].label = read_sized(r);
        f->child[i].share_bps = read_upto(r, BPS_ONE);
        f->child[i].number = read_upto(r, UINT32_MAX);
        sum += f->child[i].share_bps;
    }
    return sum <= BPS_ONE && !r->failed;
}

static bool fee_unpack(struct arena *a, struct reader *r, struct fee *f)
{
    f->label = read_sized(r);
    uint8_t fixed = read_u8(r);
    f->is_fixed = fixed == 1;
    if (f->is_fixed) {
        f->fixed_asset = read_upto(r, UINT32_MAX);
        u128 amount = read_varint128(r);
        r->failed |= amount >= (u128)AMOUNT_LIMIT;
        f->fixed_amount = r->failed ? 0 : (i128)amount;
    } else {
        f->bps = read_upto(r, BPS_ONE);
    }
    f->number = read_upto(r, UINT32_MAX);
    return fixed <= 1 && children_unpack(a, r, f);
}

bool fee_schedule_unpack(struct arena *a, struct bytes packed, struct fee_schedule *s)
{
    struct reader r = reader_of(packed);
    if (read_u8(&r) != FEES_FORMAT) {
        return false;
    }
    struct fee_schedule read = {.fee_count = read_upto(&r, FEES_MAX)};
    read.fee = arena_array(a, read.fee_count, sizeof *read.fee);
    for (uint32_t i = 0; i < read.fee_count; i++) {
        if (!fee_unpack(a, &r, &read.fee[i])) {
            return false;
        }
    }
    if (!reader_done(&r)) {
        return false;
    }
    *s = read;
    return true;
}
