/* SPDX-License-Identifier: Apache-2.0
 * Fees as plain numbers: what a node says is cut to a size of which no sum overflows. */
#include "wire/evm/fees.h"

#define FEE_ROOM (~(u128)0 >> 4)

static u128 clamp(struct u256 v, u128 max)
{
    return v.hi != 0 || v.lo > max ? max : v.lo;
}

static u128 least(u128 a, u128 b)
{
    return a < b ? a : b;
}

static u128 most(u128 a, u128 b)
{
    return a > b ? a : b;
}

struct evm_fees evm_fees_of(struct u256 base, struct u256 tip, u128 fee_max)
{
    struct evm_fees f = {.base = clamp(base, FEE_ROOM)};
    const u128 wanted = clamp(tip, least(fee_max, FEE_ROOM));
    f.max = least(2 * f.base + wanted, fee_max);
    f.tip = least(wanted, f.max);
    return f;
}

void evm_fees_offer(const struct evm_fees *f, struct evm_tx *tx)
{
    tx->tip_max = u256_of(f->tip);
    tx->fee_max = u256_of(f->max);
}

/** An eighth more, rounded up. */
static u128 raised(struct u256 v)
{
    const u128 now = clamp(v, FEE_ROOM);
    return now + now / 8 + 1;
}

bool evm_fees_raise(const struct evm_fees *now, u128 fee_max, struct evm_tx *tx)
{
    const u128 tip = most(raised(tx->tip_max), now->tip);
    const u128 max = most(raised(tx->fee_max), least(2 * now->base + tip, fee_max));
    if (max > fee_max) {
        return false;
    }
    tx->tip_max = u256_of(least(tip, max));
    tx->fee_max = u256_of(max);
    return true;
}

uint64_t evm_gas_room(uint64_t estimate)
{
    const uint64_t room = estimate / 5;
    return estimate < UINT64_MAX - room ? estimate + room : UINT64_MAX;
}
