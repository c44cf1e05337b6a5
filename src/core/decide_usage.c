/* SPDX-License-Identifier: Apache-2.0
 * Measured usage, and cycles that divide a pool by it. A report belongs to the cycle in whose
 * window it begins; providers are listed in the order in which the book first heard of them. A
 * batch that a platform reports again, under whatever event id, adds nothing. */
#include "core/work.h"

#include "base/limits.h"
#include "base/text.h"

#include <string.h>

/** True when the report is the first of its batch, which is then noted. A report without a batch
 *  always is. */
static bool is_first_of_batch(struct work *w)
{
    const struct event_usage *e = &w->event->usage;
    if (e->batch_id.len == 0) {
        return true;
    }
    struct key key = key_batch(e->platform_id, e->batch_id);
    struct bytes value;
    enum view_result found = w->view->get(w->view->ctx, key_bytes(&key), &value);
    w->missing |= found == VIEW_MISSING;
    if (found == VIEW_ABSENT) {
        struct buf seq = {0};
        buf_put_varint(&seq, w->in->seq);
        work_set(w, key, &seq);
        buf_clear(&seq);
    }
    return found == VIEW_ABSENT;
}

enum decided decide_usage(struct work *w)
{
    const struct event_usage *e = &w->event->usage;
    if (!is_first_of_batch(w)) {
        return DECIDED_APPLIED;
    }
    struct key key = key_of(KEY_USAGE);
    key_add_time(&key, e->window_start);
    key_add_u32(&key, work_party(w, e->provider));
    work_add(w, key, (i128)e->calls, (i128)e->bytes, (i128)e->latency_ms_sum, 1);
    return DECIDED_APPLIED;
}

struct use {
    uint32_t party;
    i128 calls;
    i128 bytes;
};

struct uses {
    struct arena *a;
    struct map by_party; /* party key -> index */
    struct use *use;
    size_t count, cap;
};

static bool use_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)value;
    struct uses *u = arg;
    bool made = false;
    struct bytes party = {key.p + key.len - 4, 4};
    uint32_t *slot = map_put(&u->by_party, party, &made);
    if (made) {
        if (u->count == u->cap) {
            size_t cap = u->cap == 0 ? 64 : u->cap * 2;
            struct use *more = arena_array(u->a, cap, sizeof *more);
            if (u->count > 0) {
                memcpy(more, u->use, u->count * sizeof *more);
            }
            u->use = more;
            u->cap = cap;
        }
        *slot = (uint32_t)u->count;
        u->use[u->count++] = (struct use){.party = key_read_u32(key, key.len - 4)};
    }
    u->use[*slot].calls += sums[0];
    u->use[*slot].bytes += sums[1];
    return u->count < SPLIT_LINES_MAX;
}

/** Puts providers into the order of their numbers. */
static void uses_sort(struct arena *a, struct use *use, size_t count)
{
    struct use *from = use;
    struct use *to = arena_array(a, count, sizeof *to);
    for (unsigned shift = 0; shift < 32; shift += 8) {
        size_t place[257] = {0};
        for (size_t i = 0; i < count; i++) {
            place[((from[i].party >> shift) & 255) + 1]++;
        }
        for (size_t b = 1; b < 257; b++) {
            place[b] += place[b - 1];
        }
        for (size_t i = 0; i < count; i++) {
            to[place[(from[i].party >> shift) & 255]++] = from[i];
        }
        struct use *swap = from;
        from = to;
        to = swap;
    }
}

/* Tiers by party: as many providers as there are would each search the whole list. */
static void tiers_index(const struct policy *p, struct map *index)
{
    for (uint32_t i = p->tier_count; i-- > 0;) {
        struct key key = key_u32(KEY_PARTY_NUMBER, p->tier[i].number);
        uint32_t *slot = map_put(index, key_bytes(&key), NULL);
        *slot = i;
    }
}

static struct ratio tier_of(const struct policy *p, const struct map *index, uint32_t party)
{
    struct key key = key_u32(KEY_PARTY_NUMBER, party);
    const uint32_t *slot = map_get(index, key_bytes(&key));
    return slot != NULL ? p->tier[*slot].factor : (struct ratio){1, 1};
}

static bool times(u128 a, u128 b, u128 *out)
{
    struct u256 product = u256_mul(a, b);
    *out = product.lo;
    return product.hi == 0 && product.lo < (u128)1 << AMOUNT_BITS_MAX;
}

/** Whole numbers in the proportion of calls * w1 + KiB * w2, times the tier. KiB are exact: the
 *  1,024 goes to the other side. */
static bool use_weight(const struct policy *p, const struct use *use, struct ratio factor,
                       u128 tiers, u128 *weight)
{
    u128 calls = 0;
    u128 kib = 0;
    bool fits = times((u128)use->calls, p->calls_weight.num, &calls);
    if (p->kib_weight.num != 0) {
        fits = fits && times(calls, p->kib_weight.den, &calls) && times(calls, 1024, &calls) &&
               times((u128)use->bytes, p->kib_weight.num, &kib) &&
               times(kib, p->calls_weight.den, &kib);
    }
    return fits && times(calls + kib, factor.num, weight) &&
           times(*weight, tiers / factor.den, weight);
}

static bool weights_of(const struct policy *p, const struct uses *uses, struct usage_weight *weight,
                       u128 *sum)
{
    u128 tiers = 1;
    bool fits = true;
    for (uint32_t i = 0; i < p->tier_count && fits; i++) {
        fits = u128_lcm(tiers, p->tier[i].factor.den, &tiers);
    }
    struct map index;
    map_init(&index, sizeof(uint32_t), 6);
    tiers_index(p, &index);
    *sum = 0;
    for (size_t i = 0; i < uses->count && fits; i++) {
        const struct use *use = &uses->use[i];
        weight[i].party = use->party;
        fits = use_weight(p, use, tier_of(p, &index, use->party), tiers, &weight[i].weight);
        *sum += weight[i].weight;
        fits = fits && *sum < (u128)1 << AMOUNT_BITS_MAX;
    }
    map_clear(&index);
    return fits;
}

static void uses_load(struct work *w, struct uses *uses)
{
    const struct event_cycle *e = &w->event->cycle;
    struct key from = key_of(KEY_USAGE);
    struct key until = key_of(KEY_USAGE);
    key_add_time(&from, e->window_start);
    key_add_time(&until, e->window_end);
    map_init(&uses->by_party, sizeof(uint32_t), 4);
    uses->a = w->a;
    if (w->view->scan(w->view->ctx, key_bytes(&from), key_bytes(&until), use_visit, uses) ==
        VIEW_MISSING) {
        w->missing = true;
    }
    map_clear(&uses->by_party);
    uses_sort(w->a, uses->use, uses->count);
}

/** The usage policy in force, or why the cycle waits or is refused. Either way those before it that
 *  wait for usage are due. */
static enum decided cycle_policy(struct work *w, uint32_t *number, uint32_t *version,
                                 const struct policy **p)
{
    struct version *versions = NULL;
    size_t count = 0;
    *number = work_policy(w, w->event->cycle.policy, &versions, &count);
    if (!w->released) {
        work_release(w, wait_cycle_key(*number));
    }
    const struct version *v = version_at(versions, count, w->event->occurred_at);
    if (v == NULL) {
        return work_wait(w, METE_POLICY_UNKNOWN, wait_policy_key(*number), "/payload/policy");
    }
    *version = v->number;
    if (view_policy_version(w->view, w->a, *number, v->number, p) != VIEW_FOUND) {
        w->missing = true;
        return DECIDED_NEEDS;
    }
    if ((*p)->kind != POLICY_USAGE && w->released) {
        return work_wait(w, METE_POLICY_KIND, wait_policy_key(*number), "/payload/policy");
    }
    if ((*p)->kind != POLICY_USAGE) {
        return work_refuse(w, METE_POLICY_KIND, "/payload/policy",
                           "a cycle needs a policy of kind usage");
    }
    return DECIDED_APPLIED;
}

enum decided decide_cycle(struct work *w)
{
    struct asset asset;
    i128 pool = 0;
    uint32_t number = 0;
    uint32_t version = 0;
    const struct policy *p = NULL;
    enum decided fine = work_money(w, &w->event->cycle.pool, "/payload/pool", &asset, &pool);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    w->money_asset = asset.number;
    w->money = pool;
    fine = cycle_policy(w, &number, &version, &p);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    METE_ASSERT(p != NULL);
    if (pool == 0) {
        return DECIDED_APPLIED; /* a tick of the clock: earlier cycles that wait are tried again */
    }
    struct uses uses = {0};
    uses_load(w, &uses);
    if (uses.count >= SPLIT_LINES_MAX) {
        return work_wait(w, METE_SHARES_LIMIT, wait_cycle_key(number), "/payload/window_start");
    }
    struct usage_weight *weight = arena_array(w->a, uses.count, sizeof *weight);
    u128 sum = 0;
    if (!weights_of(p, &uses, weight, &sum)) {
        return work_wait(w, METE_WEIGHT_RANGE, wait_cycle_key(number), "/payload/policy");
    }
    if (sum == 0) {
        return work_wait(w, METE_USAGE_NONE, wait_cycle_key(number), "/payload/window_start");
    }
    i128 net = 0;
    struct group *g = work_revenue_group(w, asset.number, pool);
    fine = split_fees(w, g, 0, &net);
    return fine != DECIDED_APPLIED
               ? fine
               : split_by_usage(w, g, number, version, p->rounding, weight, uses.count, net);
}
