/* SPDX-License-Identifier: Apache-2.0
 * Campaigns in and out of the book's state, and what time and money make of their terms. */
#include "core/campaign.h"

#include "base/i128.h"
#include "base/limits.h"
#include "base/text.h"

#include <string.h>

#define CAMPAIGN_FORMAT 1
#define STORED_NONE     0 /* an optional amount is stored as itself plus one */

static const char *const COMPLETION_NAME[] = {"", "cap_reached", "duration_ended", "off_ramp"};

const char *completion_name(enum completion reason)
{
    METE_ASSERT((size_t)reason < ARRAY_LEN(COMPLETION_NAME));
    return COMPLETION_NAME[reason];
}

struct text campaign_policy_id(struct arena *a, struct text campaign_id)
{
    return arena_printf(a, CAMPAIGN_POLICY_PREFIX "%.*s", (int)campaign_id.len, campaign_id.p);
}

/* --- packing -----------------------------------------------------------------------------------*/

static void optional_pack(struct buf *out, i128 amount)
{
    buf_put_varint128(out, amount < 0 ? STORED_NONE : (u128)amount + 1);
}

static i128 optional_read(struct reader *r)
{
    u128 stored = read_varint128(r);
    r->failed |= stored > (u128)AMOUNT_LIMIT;
    return r->failed || stored == STORED_NONE ? -1 : (i128)(stored - 1);
}

void campaign_pack(struct buf *out, const struct campaign *c)
{
    buf_put_u8(out, CAMPAIGN_FORMAT);
    buf_put_sized(out, c->id);
    buf_put_sized(out, c->app_id);
    buf_put_u8(out, c->state);
    buf_put_u8(out, c->is_offering);
    buf_put_varint(out, c->creator);
    buf_put_varint(out, c->asset);
    buf_put_varint(out, c->share_bps);
    optional_pack(out, c->raise);
    optional_pack(out, c->cap_amount);
    buf_put_varint128(out, c->cap_multiple.num);
    buf_put_varint128(out, c->cap_multiple.den);
    buf_put_varint(out, c->duration_days);
    buf_put_varint(out, c->off_ramp_count);
    for (uint32_t i = 0; i < c->off_ramp_count; i++) {
        buf_put_sized(out, c->off_ramp[i]);
    }
    buf_put_zigzag(out, c->activated_at);
    buf_put_zigzag(out, c->completed_at);
    buf_put_u8(out, c->reason);
    buf_put_sized(out, c->off_ramp_taken);
    buf_put_u8(out, c->end_told);
}

static uint8_t read_below(struct reader *r, uint8_t limit)
{
    uint8_t v = read_u8(r);
    r->failed |= v >= limit;
    return v < limit ? v : 0;
}

static void terms_read(struct arena *a, struct reader *r, struct campaign *c)
{
    c->raise = optional_read(r);
    c->cap_amount = optional_read(r);
    c->cap_multiple.num = read_varint128(r);
    c->cap_multiple.den = read_varint128(r);
    c->duration_days = (uint32_t)read_varint(r);
    uint64_t ramps = read_varint(r);
    r->failed |= ramps > OFF_RAMPS_MAX;
    c->off_ramp_count = r->failed ? 0 : (uint32_t)ramps;
    c->off_ramp = arena_array(a, c->off_ramp_count, sizeof *c->off_ramp);
    for (uint32_t i = 0; i < c->off_ramp_count; i++) {
        c->off_ramp[i] = arena_text(a, read_sized(r));
    }
}

bool campaign_unpack(struct arena *a, struct bytes packed, struct campaign *c)
{
    struct reader r = reader_of(packed);
    *c = (struct campaign){0};
    r.failed |= read_u8(&r) != CAMPAIGN_FORMAT;
    c->id = arena_text(a, read_sized(&r));
    c->app_id = arena_text(a, read_sized(&r));
    c->state = read_below(&r, CAMPAIGN_STATE_COUNT);
    c->is_offering = read_below(&r, 2) != 0;
    c->creator = (uint32_t)read_varint(&r);
    c->asset = (uint32_t)read_varint(&r);
    c->share_bps = (uint32_t)read_varint(&r);
    terms_read(a, &r, c);
    c->activated_at = (mete_time)read_zigzag(&r);
    c->completed_at = (mete_time)read_zigzag(&r);
    c->reason = read_below(&r, ARRAY_LEN(COMPLETION_NAME));
    c->off_ramp_taken = arena_text(a, read_sized(&r));
    c->end_told = read_below(&r, 2) != 0;
    return reader_done(&r);
}

/* --- reading -----------------------------------------------------------------------------------*/

enum view_result view_campaign(const struct view *v, struct arena *a, uint32_t number,
                               struct campaign *c)
{
    struct key key = key_u32(KEY_CAMPAIGN, number);
    struct bytes value;
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    METE_ASSERT(found != VIEW_FOUND || campaign_unpack(a, value, c));
    return found;
}

enum view_result view_campaign_sums(const struct view *v, uint32_t number, i128 sums[STATE_SUMS])
{
    struct key key = key_u32(KEY_CAMPAIGN_SUMS, number);
    memset(sums, 0, STATE_SUMS * sizeof *sums);
    return v->sums(v->ctx, key_bytes(&key), sums);
}

struct investments {
    struct arena *a;
    struct investment *list;
    size_t count, cap;
};

static bool investment_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    struct investments *i = arg;
    struct reader r = reader_of(value);
    (void)sums;
    if (i->count == i->cap) {
        i->cap = i->cap == 0 ? 8 : i->cap * 2;
        struct investment *more = arena_array(i->a, i->cap, sizeof *more);
        if (i->count > 0) {
            memcpy(more, i->list, i->count * sizeof *more);
        }
        i->list = more;
    }
    struct investment *one = &i->list[i->count++];
    one->party = (uint32_t)read_varint(&r);
    one->amount = read_zigzag(&r);
    one->created = key_read_u64(key, key.len - 8);
    METE_ASSERT(reader_done(&r));
    return true;
}

enum view_result view_investments(const struct view *v, struct arena *a, uint32_t number,
                                  struct investment **list, size_t *count)
{
    struct key from = key_u32(KEY_INVESTMENT, number);
    struct key until = key_prefix_end(from);
    struct investments i = {.a = a};
    enum view_result found =
        v->scan(v->ctx, key_bytes(&from), key_bytes(&until), investment_visit, &i);
    *list = i.list;
    *count = i.count;
    return found;
}

/* --- at a moment -------------------------------------------------------------------------------*/

mete_time campaign_ends_at(const struct campaign *c)
{
    return c->activated_at != TIME_NEVER && c->duration_days != 0
               ? c->activated_at + (mete_time)c->duration_days * TIME_DAY_US
               : TIME_NEVER;
}

enum campaign_state campaign_state_at(const struct campaign *c, mete_time at)
{
    bool runs = c->state == CAMPAIGN_ACTIVE || c->state == CAMPAIGN_PAUSED;
    return runs && at >= campaign_ends_at(c) ? CAMPAIGN_COMPLETED : (enum campaign_state)c->state;
}

bool campaign_accrues(const struct campaign *c, mete_time at)
{
    enum campaign_state state = campaign_state_at(c, at);
    return c->is_offering && at >= c->activated_at &&
           (state == CAMPAIGN_ACTIVE || state == CAMPAIGN_PAUSED);
}

/** floor(base * multiple), or as much as an amount can be. */
static i128 multiple_of(i128 base, struct ratio multiple)
{
    u128 unused;
    struct u256 whole = u256_mul((u128)base, multiple.num);
    struct u256 limit = u256_mul((u128)AMOUNT_LIMIT - 1, multiple.den);
    return u256_cmp(whole, limit) < 0 ? (i128)u256_div(whole, multiple.den, &unused)
                                      : AMOUNT_LIMIT - 1;
}

bool campaign_cap(const struct campaign *c, i128 confirmed, i128 *cap)
{
    *cap = c->cap_amount;
    if (c->cap_multiple.num != 0) {
        i128 multiple = multiple_of(c->raise >= 0 ? c->raise : confirmed, c->cap_multiple);
        *cap = *cap < 0 || multiple < *cap ? multiple : *cap;
    }
    return *cap >= 0;
}
