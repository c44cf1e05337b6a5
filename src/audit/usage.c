/* SPDX-License-Identifier: Apache-2.0
 * Cycles: the providers that reported usage in a window share a pool by weighted units. */
#include "audit/usage.h"

#include <stdlib.h>
#include <string.h>

#include "audit/member.h"
#include "audit/split.h"
#include "base/buf.h"
#include "base/text.h"
#include "mete/error.h"

#define CARRY_PARTS_BITS 60 /* usage weights under carry are whole parts of 2^60 */

void usage_init(struct usage *u, struct arena *keep)
{
    memset(u, 0, sizeof *u);
    u->keep = keep;
    omap_init(&u->reports, sizeof(struct usage_report), 31);
    map_init(&u->batches, 1, 32);
    map_init(&u->meters, sizeof(void *), 33);
    map_init(&u->metered_of, sizeof(void *), 34);
}

void usage_clear(struct usage *u)
{
    omap_clear(&u->reports);
    map_clear(&u->batches);
    map_clear(&u->meters);
    map_clear(&u->metered_of);
}

static bool is_repeated(struct usage *u, const struct moment *m)
{
    struct text batch = member_text(m->payload, "batch_id");
    struct buf key = {0};
    bool made = true;
    if (batch.len > 0) {
        buf_put_sized(&key, member_text(m->payload, "platform_id"));
        buf_put_text(&key, batch);
        (void)map_put(&u->batches, buf_bytes(&key), &made);
        buf_clear(&key);
    }
    return !made;
}

bool usage_take_report(struct usage *u, const struct moment *m)
{
    struct buf key = {0};
    if (is_repeated(u, m)) {
        return false;
    }
    buf_put_be64(&key, (uint64_t)member_time(m->payload, "window_start", false, 0));
    buf_put_be64(&key, m->seq);
    struct usage_report *r = omap_put(&u->reports, buf_bytes(&key), NULL);
    buf_clear(&key);
    *r = (struct usage_report){
        .provider = member_keep(u->keep, m->payload, "provider"),
        .calls = member_u64(m->payload, "calls", 0),
        .bytes = member_u64(m->payload, "bytes", 0),
    };
    return true;
}

/* One provider's usage in the window. */
struct provider {
    struct text id;
    uint32_t number;
    u128 calls, bytes;
    struct frac weight;
};

struct providers {
    struct provider *provider;
    uint32_t count, capacity;
    struct frac sum;
};

static uint64_t key_time(struct bytes key)
{
    struct reader r = reader_of(key);
    return read_be64(&r);
}

/* The provider's place in the list, made when it is new. */
static struct provider *place_of(struct moment *m, struct map *index, struct providers *all,
                                 struct text id)
{
    bool made;
    uint32_t *at = map_put(index, text_bytes(id), &made);
    if (made) {
        all->provider = arena_grow(m->arena, all->provider, all->count, &all->capacity,
                                   sizeof all->provider[0]);
        *at = all->count++;
        all->provider[*at] =
            (struct provider){.id = id, .number = names_number(&m->book->parties, id)};
    }
    METE_ASSERT(all->provider != NULL);
    return &all->provider[*at];
}

static void gather(struct usage *u, struct moment *m, struct providers *out)
{
    struct buf from = {0};
    struct map index;
    uint64_t end = (uint64_t)member_time(m->payload, "window_end", false, 0);
    buf_put_be64(&from, (uint64_t)member_time(m->payload, "window_start", false, 0));
    map_init(&index, sizeof(uint32_t), 35);
    struct omap_node *n = omap_seek(&u->reports, buf_bytes(&from));
    for (; n != NULL && key_time(omap_key(n)) < end; n = omap_next(n)) {
        const struct usage_report *r = omap_value(n);
        struct provider *p = place_of(m, &index, out, r->provider);
        p->calls += r->calls;
        p->bytes += r->bytes;
    }
    map_clear(&index);
    buf_clear(&from);
}

/* (calls * calls_weight + bytes / 1024 * kib_weight) * tier */
static bool weigh(const struct rules *r, struct provider *p)
{
    struct frac calls, kib;
    if (!frac_of_u128(&calls, p->calls, 1) || !frac_of_u128(&kib, p->bytes, 1024) ||
        !frac_mul(&calls, &calls, &r->calls_weight) || !frac_mul(&kib, &kib, &r->kib_weight) ||
        !frac_add(&p->weight, &calls, &kib)) {
        return false;
    }
    for (uint32_t i = 0; i < r->tier_count; i++) {
        if (text_eq(r->tier[i].provider, p->id)) {
            return frac_mul(&p->weight, &p->weight, &r->tier[i].factor);
        }
    }
    return true;
}

static int by_number(const void *left, const void *right)
{
    const struct provider *a = left, *b = right;
    if (a->number != b->number) {
        return a->number < b->number ? -1 : 1;
    }
    return text_cmp(a->id, b->id);
}

static bool weigh_all(struct usage *u, struct moment *m, const struct rules *r,
                      struct providers *out)
{
    *out = (struct providers){.sum = frac_int(0)};
    gather(u, m, out);
    if (out->count > 1) {
        qsort(out->provider, out->count, sizeof out->provider[0], by_number);
    }
    for (uint32_t i = 0; i < out->count; i++) {
        if (!weigh(r, &out->provider[i]) ||
            !frac_add(&out->sum, &out->sum, &out->provider[i].weight)) {
            return false;
        }
    }
    return true;
}

/* The book counts in whole numbers below this one; a cycle that would need larger ones waits. */
static bool below_bound(const struct frac *x)
{
    struct frac bound;
    return frac_of_u128(&bound, (u128)1 << 120, 1) && frac_cmp(x, &bound) < 0;
}

static struct frac denominator(const struct frac *x)
{
    struct frac out = frac_int(1);
    out.num = x->den;
    return out;
}

/* By what the weights of a policy become whole numbers, the same for every provider. */
static bool whole_factor(const struct rules *r, struct frac *out)
{
    struct frac tiers = frac_int(1); /* the least common multiple of their denominators */
    struct frac more = denominator(&r->kib_weight);
    const struct frac bytes = frac_int(1024);
    *out = denominator(&r->calls_weight);
    if (!frac_is_zero(&r->kib_weight) &&
        (!frac_mul(out, out, &more) || !frac_mul(out, out, &bytes))) {
        return false;
    }
    for (uint32_t i = 0; i < r->tier_count; i++) {
        if (!frac_mul(&more, &tiers, &r->tier[i].factor)) {
            return false;
        }
        more = denominator(&more);
        if (!frac_mul(&tiers, &tiers, &more)) {
            return false;
        }
    }
    return frac_mul(out, out, &tiers);
}

static bool is_countable(const struct rules *r, const struct providers *all)
{
    struct frac whole;
    return whole_factor(r, &whole) && frac_mul(&whole, &whole, &all->sum) && below_bound(&whole);
}

static const struct rules *cycle_rules(const struct moment *m)
{
    return policy_at(book_policy(m->book, member_text(m->payload, "policy")), m->occurred_at);
}

static bool cycle_pool(struct moment *m, struct asset **asset, i128 *pool)
{
    if (book_money(m->book, json_get(m->payload, "pool"), asset, pool)) {
        return true;
    }
    report_difference(m->book->report, "its pool cannot be read");
    return false;
}

void cycle_judge(struct usage *u, struct moment *m, struct want *w)
{
    struct text policy = member_text(m->payload, "policy");
    const struct rules *r = cycle_rules(m);
    struct providers all;
    struct asset *asset;
    i128 pool;
    bool readable = cycle_pool(m, &asset, &pool);
    if (readable && r == NULL) {
        want_waits(m, w, METE_POLICY_UNKNOWN, policy);
    } else if (readable && r->kind != RULES_USAGE) {
        want_waits(m, w, METE_POLICY_KIND, policy);
    } else if (!readable || pool == 0) {
        w->unjudged = true; /* nothing to share: nothing may be booked */
    } else if (!weigh_all(u, m, r, &all)) {
        want_waits(m, w, WAIT_ANY_CODE, policy);
    } else if (!is_countable(r, &all)) {
        want_waits(m, w, METE_WEIGHT_RANGE, policy);
    } else if (frac_is_zero(&all.sum)) {
        want_waits(m, w, METE_USAGE_NONE, policy);
    }
}

/* weight / sum; under carry the whole 2^60ths of it, and what that leaves is nobody's. */
static bool share_of(const struct providers *all, const struct provider *p, bool carries,
                     struct frac *out)
{
    struct frac parts;
    i128 whole;
    if (!frac_div(out, &p->weight, &all->sum)) {
        return false;
    }
    if (!carries) {
        return true;
    }
    parts = frac_int((i128)1 << CARRY_PARTS_BITS);
    return frac_mul(out, out, &parts) && frac_floor(out, &whole) &&
           frac_of_u128(out, (u128)whole, (u128)1 << CARRY_PARTS_BITS);
}

static bool make_portions(struct moment *m, const struct rules *r, const struct providers *all,
                          struct portions *out)
{
    struct portion *portion = arena_array(m->arena, all->count, sizeof portion[0]);
    struct frac *weight = arena_array(m->arena, all->count, sizeof weight[0]);
    *out = (struct portions){.policy = r->id, .version = r->version, .rounding = r->rounding};
    out->portion = portion;
    out->count = all->count;
    out->nobody = frac_int(r->rounding == BY_CARRY ? 1 : 0);
    for (uint32_t i = 0; i < all->count; i++) {
        if (!share_of(all, &all->provider[i], r->rounding == BY_CARRY, &weight[i])) {
            return false;
        }
        if (r->rounding == BY_CARRY && !frac_sub(&out->nobody, &out->nobody, &weight[i])) {
            return false;
        }
        portion[i] = (struct portion){.payee = all->provider[i].id, .weight = &weight[i]};
    }
    return true;
}

void cycle_split(struct usage *u, struct carry *c, struct moment *m, struct want *w)
{
    struct asset *asset;
    struct providers all;
    struct portions portions;
    i128 pool;
    const struct rules *r = cycle_rules(m);
    if (!book_money(m->book, json_get(m->payload, "pool"), &asset, &pool) || r == NULL ||
        !weigh_all(u, m, r, &all) || !make_portions(m, r, &all, &portions)) {
        report_difference(m->book->report, "the cycle cannot be computed");
        return;
    }
    struct want_group *g = want_group(m, w, FOUND_REVENUE, asset, pool);
    g->has_clears_at = true;
    g->clears_at = want_clears_at(m);
    i128 net = split_charges(m, g, false, 0);
    split_portions(m, c, g, &portions, net);
}
