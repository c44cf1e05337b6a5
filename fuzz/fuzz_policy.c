/* SPDX-License-Identifier: Apache-2.0
 * Any bytes: a packed policy, fee schedule or residue is refused, or it can be used and packs to
 * the very same bytes. */
#include "base/arena.h"
#include "core/apportion.h"
#include "core/carry.h"
#include "core/condition.h"
#include "core/fees.h"
#include "core/policy.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_ROOM ((size_t)256 << 20) /* no byte makes more than a few hundred */

static void same_bytes(struct buf *again, struct bytes in)
{
    METE_ASSERT(again->len == in.len && memcmp(again->p, in.p, in.len) == 0);
    buf_clear(again);
}

/* Splits an amount as the policy says at two moments. */
static void policy_use(struct arena *a, const struct policy *p)
{
    u128 *weight = arena_array(a, p->share_count, sizeof *weight);
    i128 *part = arena_array(a, p->share_count, sizeof *part);
    for (int i = 0; i < 2; i++) {
        struct condition_facts facts = {.occurred_at = i == 0 ? TIME_MIN : TIME_MAX,
                                        .net = i == 0 ? 0 : AMOUNT_LIMIT - 1};
        uint64_t active = condition_active(p, &facts);
        u128 left = p->den;
        i128 rest = 0, sum = 0;
        for (uint32_t s = 0; s < p->share_count; s++) {
            uint32_t entry = 0;
            u128 w = policy_weight_at(p, s, facts.occurred_at, active, &entry);
            METE_ASSERT(w <= p->den && entry <= p->share[s].entry_count);
            weight[s] = w < left ? w : left;
            left -= weight[s];
        }
        apportion_largest(a, AMOUNT_LIMIT - 1, weight, p->share_count, p->den, part, NULL, &rest);
        for (uint32_t s = 0; s < p->share_count; s++) {
            METE_ASSERT(part[s] >= 0);
            sum += part[s];
        }
        METE_ASSERT(rest >= 0 && sum + rest == AMOUNT_LIMIT - 1);
    }
}

static void policy_try(struct arena *a, struct bytes in)
{
    struct policy p;
    struct buf again = {0};
    if (policy_unpack(a, in, &p)) {
        policy_pack(&again, &p);
        same_bytes(&again, in);
        policy_use(a, &p);
    }
}

static void fees_try(struct arena *a, struct bytes in)
{
    struct fee_schedule s;
    struct fee_part *part;
    struct buf again = {0};
    i128 total = 0, sum = 0;
    if (fee_schedule_unpack(a, in, &s)) {
        fee_schedule_pack(&again, &s);
        same_bytes(&again, in);
        size_t count = fee_schedule_apply(a, &s, 1, AMOUNT_LIMIT - 1, 7, &part, &total);
        for (size_t i = 0; i < count; i++) {
            METE_ASSERT(part[i].amount >= 0);
            sum += part[i].amount;
        }
        METE_ASSERT(sum == total && total <= AMOUNT_LIMIT - 1 - 7);
    }
}

static void residue_try(struct bytes in)
{
    struct residue r;
    struct buf again = {0};
    i128 credit = 0;
    if (residue_unpack(in, &r)) {
        residue_pack(&again, &r);
        same_bytes(&again, in);
        if (residue_credit(&r, AMOUNT_LIMIT - 1, 2, 3, false, true, &credit)) {
            METE_ASSERT(credit >= 0 && (r.whole == 0 || (r.whole < 0 && credit == 0)));
            METE_ASSERT(r.num < r.den);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = {data, size};
    struct arena a;
    arena_init(&a, ARENA_ROOM);
    policy_try(&a, in);
    fees_try(&a, in);
    residue_try(in);
    arena_clear(&a);
    return 0;
}
