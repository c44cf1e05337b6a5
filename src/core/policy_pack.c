/* SPDX-License-Identifier: Apache-2.0
 * A compiled policy as bytes (doc/format.md) and back. Reading trusts nothing: every count is
 * bounded by the bytes that are left before room is made for it, every index and weight is checked,
 * and what was read packs to the same bytes. */
#include "core/policy.h"

#include "base/limits.h"

#include <string.h>

#define POLICY_FORMAT   1
#define DEN_LIMIT       ((u128)1 << AMOUNT_BITS_MAX)
#define BPS_ONE         10000u
#define SHARE_IS_POLICY 1u
#define SHARE_HELD      2u

/* --- writing
 * ------------------------------------------------------------------------------------*/

static void entry_pack(struct buf *out, const struct split_entry *e)
{
    buf_put_varint(out, e->version);
    buf_put_zigzag(out, e->from);
    buf_put_zigzag(out, e->until);
    buf_put_varint(out, e->conditions);
    buf_put_varint128(out, e->weight);
    buf_put_sized(out, e->description);
}

static void share_pack(struct buf *out, const struct policy *p, const struct share *s)
{
    buf_put_u8(out, (uint8_t)((s->is_policy ? SHARE_IS_POLICY : 0) | (s->held ? SHARE_HELD : 0)));
    buf_put_varint(out, s->number);
    buf_put_sized(out, s->role);
    buf_put_varint128(out, s->weight);
    buf_put_varint(out, s->entry_count);
    for (uint32_t i = 0; i < s->entry_count; i++) {
        entry_pack(out, &p->entry[s->entry_first + i]);
    }
}

static void roles_pack(struct buf *out, const struct policy *p)
{
    buf_put_varint(out, p->role_count);
    for (uint32_t i = 0; i < p->role_count; i++) {
        buf_put_sized(out, p->role[i].role);
        buf_put_varint(out, p->role[i].bps);
    }
}

static void ratio_pack(struct buf *out, struct ratio r)
{
    buf_put_varint128(out, r.num);
    buf_put_varint128(out, r.den);
}

static void usage_pack(struct buf *out, const struct policy *p)
{
    ratio_pack(out, p->calls_weight);
    ratio_pack(out, p->kib_weight);
    buf_put_varint(out, p->tier_count);
    for (uint32_t i = 0; i < p->tier_count; i++) {
        buf_put_varint(out, p->tier[i].number);
        ratio_pack(out, p->tier[i].factor);
    }
}

static void contract_pack(struct buf *out, const struct contract *c)
{
    buf_put_varint(out, c->creator);
    buf_put_varint(out, c->share_bps);
    buf_put_varint(out, c->asset);
    buf_put_u8(out, c->has_cap);
    buf_put_varint128(out, (u128)c->cap);
}

static void computed_pack(struct buf *out, const struct policy *p)
{
    buf_put_varint(out, p->threshold_count);
    for (uint32_t i = 0; i < p->threshold_count; i++) {
        buf_put_varint(out, p->threshold[i].condition);
        buf_put_u8(out, (uint8_t)p->threshold[i].op);
        buf_put_varint(out, p->threshold[i].quantity);
    }
    buf_put_varint(out, p->period_count);
    for (uint32_t i = 0; i < p->period_count; i++) {
        buf_put_varint(out, p->period[i].condition);
        buf_put_zigzag(out, p->period[i].from);
        buf_put_zigzag(out, p->period[i].until);
    }
    buf_put_u8(out, p->has_recoup);
    if (p->has_recoup) {
        buf_put_varint(out, p->recoup_asset);
        buf_put_varint128(out, (u128)p->recoup_amount);
    }
    buf_put_sized(out, p->default_condition);
}

void policy_pack(struct buf *out, const struct policy *p)
{
    buf_put_u8(out, POLICY_FORMAT);
    buf_put_u8(out, (uint8_t)p->kind);
    buf_put_u8(out, (uint8_t)p->rounding);
    buf_put_u8(out, (uint8_t)p->sum_rule);
    buf_put(out, p->hash.b, sizeof p->hash.b);
    buf_put_sized(out, p->id);
    buf_put_sized(out, p->title);
    buf_put_sized(out, p->owner);
    buf_put_varint(out, p->signature);
    buf_put_varint128(out, p->den);
    buf_put_varint(out, p->condition_count);
    for (uint32_t i = 0; i < p->condition_count; i++) {
        buf_put_sized(out, p->condition[i]);
    }
    buf_put_varint(out, p->share_count);
    for (uint32_t i = 0; i < p->share_count; i++) {
        share_pack(out, p, &p->share[i]);
    }
    if (p->kind == POLICY_ROLES) {
        roles_pack(out, p);
    }
    if (p->kind == POLICY_USAGE) {
        usage_pack(out, p);
    }
    if (p->kind == POLICY_CONTRACT) {
        contract_pack(out, &p->contract);
    }
    computed_pack(out, p);
}

/* --- reading
 * ------------------------------------------------------------------------------------*/

struct unpack {
    struct arena *a;
    struct reader r;
    struct policy *p;
    bool damaged;
    uint32_t entry_cap;
};

static uint64_t below(struct unpack *u, uint64_t v, uint64_t limit)
{
    u->damaged |= v >= limit;
    return v < limit ? v : 0;
}

static uint32_t unpack_u32(struct unpack *u)
{
    return (uint32_t)below(u, read_varint(&u->r), (uint64_t)UINT32_MAX + 1);
}

/* Room is made only for what the remaining bytes can hold: nothing takes less than one byte. */
static uint32_t unpack_count(struct unpack *u, uint32_t max)
{
    uint64_t count = below(u, read_varint(&u->r), (uint64_t)max + 1);
    return (uint32_t)below(u, count, (uint64_t)(u->r.end - u->r.p) + 1);
}

static uint8_t unpack_choice(struct unpack *u, uint8_t first, uint8_t last)
{
    uint8_t v = read_u8(&u->r);
    bool known = v >= first && v <= last;
    u->damaged |= !known;
    return known ? v : first;
}

static mete_time unpack_time(struct unpack *u)
{
    i128 v = read_zigzag(&u->r);
    bool fits = v >= INT64_MIN && v <= INT64_MAX;
    u->damaged |= !fits;
    return fits ? (mete_time)v : 0;
}

static u128 unpack_weight(struct unpack *u)
{
    u128 v = read_varint128(&u->r);
    u->damaged |= v > u->p->den;
    return v;
}

static struct ratio unpack_ratio(struct unpack *u)
{
    struct ratio r;
    r.num = read_varint128(&u->r);
    r.den = read_varint128(&u->r);
    u->damaged |= r.den == 0 || r.den >= DEN_LIMIT || r.num >= DEN_LIMIT;
    return r;
}

static void head_unpack(struct unpack *u)
{
    struct policy *p = u->p;
    u->damaged |= read_u8(&u->r) != POLICY_FORMAT;
    p->kind = unpack_choice(u, POLICY_WEIGHTS, POLICY_CONTRACT);
    p->rounding = unpack_choice(u, ROUNDING_LARGEST, ROUNDING_CARRY);
    p->sum_rule = unpack_choice(u, SUM_AT_MOST_ONE, SUM_ONE_MILLIONTH);
    u->damaged |= (p->kind == POLICY_ROLES) != (p->rounding == ROUNDING_AUTHOR);
    struct bytes hash = read_bytes(&u->r, sizeof p->hash.b);
    if (hash.len == sizeof p->hash.b) {
        memcpy(p->hash.b, hash.p, hash.len);
    }
    p->id = read_sized(&u->r);
    p->title = read_sized(&u->r);
    p->owner = read_sized(&u->r);
    p->signature = unpack_u32(u);
    p->den = read_varint128(&u->r);
    u->damaged |= p->den == 0 || p->den >= DEN_LIMIT;
}

static void conditions_unpack(struct unpack *u)
{
    struct policy *p = u->p;
    p->condition_count = unpack_count(u, CONDITIONS_MAX);
    p->condition = arena_array(u->a, p->condition_count, sizeof *p->condition);
    for (uint32_t i = 0; i < p->condition_count; i++) {
        p->condition[i] = read_sized(&u->r);
    }
}

static struct split_entry *entry_room(struct unpack *u)
{
    struct policy *p = u->p;
    if (p->entry_count == u->entry_cap) {
        u->entry_cap = u->entry_cap == 0 ? 8 : u->entry_cap * 2;
        struct split_entry *more = arena_array(u->a, u->entry_cap, sizeof *more);
        if (p->entry_count > 0) {
            memcpy(more, p->entry, p->entry_count * sizeof *more);
        }
        p->entry = more;
    }
    return &p->entry[p->entry_count++];
}

static void entry_unpack(struct unpack *u)
{
    struct split_entry *e = entry_room(u);
    e->version = unpack_u32(u);
    e->from = unpack_time(u);
    e->until = unpack_time(u);
    e->conditions = read_varint(&u->r);
    e->weight = unpack_weight(u);
    e->description = read_sized(&u->r);
    e->ratio = (struct ratio){0, 1};
    if (u->p->condition_count < 64) {
        u->damaged |= e->conditions >> u->p->condition_count != 0;
    }
}

static void share_unpack(struct unpack *u, struct share *s)
{
    uint8_t flags = read_u8(&u->r);
    u->damaged |= flags > (SHARE_IS_POLICY | SHARE_HELD);
    s->is_policy = (flags & SHARE_IS_POLICY) != 0;
    s->held = (flags & SHARE_HELD) != 0;
    s->number = unpack_u32(u);
    s->role = read_sized(&u->r);
    s->weight = unpack_weight(u);
    s->ratio = (struct ratio){0, 1};
    s->entry_first = u->p->entry_count;
    s->entry_count = unpack_count(u, ENTRIES_MAX - u->p->entry_count);
    for (uint32_t i = 0; i < s->entry_count && !u->r.failed; i++) {
        entry_unpack(u);
    }
}

static void shares_unpack(struct unpack *u)
{
    struct policy *p = u->p;
    p->share_count = unpack_count(u, p->kind == POLICY_CONTRACT ? INVESTMENTS_MAX : SHARES_MAX);
    u->damaged |= p->kind == POLICY_SINGLE && p->share_count != 1;
    p->share = arena_array(u->a, p->share_count, sizeof *p->share);
    for (uint32_t i = 0; i < p->share_count && !u->r.failed; i++) {
        share_unpack(u, &p->share[i]);
    }
}

static void roles_unpack(struct unpack *u)
{
    struct policy *p = u->p;
    uint64_t sum = 0;
    p->role_count = unpack_count(u, SHARES_MAX);
    p->role = arena_array(u->a, p->role_count, sizeof *p->role);
    for (uint32_t i = 0; i < p->role_count; i++) {
        p->role[i].role = read_sized(&u->r);
        p->role[i].bps = unpack_u32(u);
        sum += p->role[i].bps;
    }
    u->damaged |= sum > BPS_ONE;
}

static void usage_unpack(struct unpack *u)
{
    struct policy *p = u->p;
    p->calls_weight = unpack_ratio(u);
    p->kib_weight = unpack_ratio(u);
    p->tier_count = unpack_count(u, SHARES_MAX);
    p->tier = arena_array(u->a, p->tier_count, sizeof *p->tier);
    for (uint32_t i = 0; i < p->tier_count; i++) {
        p->tier[i].number = unpack_u32(u);
        p->tier[i].factor = unpack_ratio(u);
    }
}

static void contract_unpack(struct unpack *u)
{
    struct contract *c = &u->p->contract;
    c->creator = unpack_u32(u);
    c->share_bps = (uint32_t)below(u, unpack_u32(u), BPS_ONE + 1);
    c->asset = unpack_u32(u);
    c->has_cap = unpack_choice(u, 0, 1) != 0;
    u128 cap = read_varint128(&u->r);
    u->damaged |= cap >= (u128)AMOUNT_LIMIT;
    c->cap = cap < (u128)AMOUNT_LIMIT ? (i128)cap : 0;
}

static void computed_unpack(struct unpack *u)
{
    struct policy *p = u->p;
    p->threshold_count = unpack_count(u, CONDITIONS_MAX);
    p->threshold = arena_array(u->a, p->threshold_count, sizeof *p->threshold);
    for (uint32_t i = 0; i < p->threshold_count; i++) {
        p->threshold[i].condition = (uint32_t)below(u, read_varint(&u->r), p->condition_count);
        p->threshold[i].op = unpack_choice(u, THRESHOLD_LT, THRESHOLD_GT);
        p->threshold[i].quantity = read_varint(&u->r);
    }
    p->period_count = unpack_count(u, CONDITIONS_MAX);
    p->period = arena_array(u->a, p->period_count, sizeof *p->period);
    for (uint32_t i = 0; i < p->period_count; i++) {
        p->period[i].condition = (uint32_t)below(u, read_varint(&u->r), p->condition_count);
        p->period[i].from = unpack_time(u);
        p->period[i].until = unpack_time(u);
    }
    p->has_recoup = unpack_choice(u, 0, 1) != 0;
    if (p->has_recoup) {
        p->recoup_asset = unpack_u32(u);
        u128 amount = read_varint128(&u->r);
        u->damaged |= amount >= (u128)AMOUNT_LIMIT;
        p->recoup_amount = amount < (u128)AMOUNT_LIMIT ? (i128)amount : 0;
    }
    p->default_condition = read_sized(&u->r);
}

bool policy_unpack_head(struct bytes packed, struct policy *p)
{
    struct policy read = {0};
    struct unpack u = {.r = reader_of(packed), .p = &read};
    head_unpack(&u);
    *p = read;
    return !u.damaged && !u.r.failed;
}

bool policy_unpack(struct arena *a, struct bytes packed, struct policy *p)
{
    struct policy read = {.calls_weight = {1, 1}, .kib_weight = {0, 1}};
    struct unpack u = {.a = a, .r = reader_of(packed), .p = &read};
    head_unpack(&u);
    conditions_unpack(&u);
    shares_unpack(&u);
    if (read.kind == POLICY_ROLES) {
        roles_unpack(&u);
    }
    if (read.kind == POLICY_USAGE) {
        usage_unpack(&u);
    }
    if (read.kind == POLICY_CONTRACT) {
        contract_unpack(&u);
    }
    computed_unpack(&u);
    if (u.damaged || !reader_done(&u.r)) {
        return false;
    }
    *p = read;
    return true;
}
