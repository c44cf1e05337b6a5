/* SPDX-License-Identifier: Apache-2.0
 * Assets as tokens, amounts in their units, and fees. Exact, or refused. */
#include "base/text.h"
#include "rails/evm/evm_parts.h"

#include <string.h>

struct evm_token *evm_token_of(struct rail *r, const struct asset *asset)
{
    for (size_t i = 0; i < r->token_count; i++) {
        if (strcmp(r->token[i].code, asset->code) == 0) {
            return &r->token[i];
        }
    }
    return NULL;
}

const struct evm_token *evm_token_at(const struct rail *r, const struct evm_address *address)
{
    for (size_t i = 0; i < r->token_count; i++) {
        const struct evm_token *t = &r->token[i];
        if (address == NULL ? t->is_coin : !t->is_coin && evm_address_eq(&t->address, address)) {
            return t;
        }
    }
    return NULL;
}

bool evm_amount_of(const struct asset *asset, const struct evm_token *t, i128 amount,
                   struct u256 *out)
{
    for (unsigned i = t->decimals; i < asset->scale; i++) {
        if (amount % 10 != 0) {
            return false;
        }
        amount /= 10;
    }
    struct u256 units;
    if (!u256_of_i128(amount, &units)) {
        return false;
    }
    for (unsigned i = asset->scale; i < t->decimals; i++) {
        if (!u256_mul_small(units, 10, &units)) {
            return false;
        }
    }
    *out = units;
    return true;
}

bool evm_amount_back(const struct asset *asset, const struct evm_token *t, struct u256 units,
                     bool up, i128 *out, bool *is_exact)
{
    i128 amount;
    *is_exact = true;
    if (!u256_to_i128(units, &amount)) {
        return false;
    }
    for (unsigned i = asset->scale; i < t->decimals; i++) {
        *is_exact = *is_exact && amount % 10 == 0;
        amount /= 10;
    }
    amount += up && !*is_exact;
    for (unsigned i = t->decimals; i < asset->scale; i++) {
        if (amount > I128_MAX / 10) {
            return false;
        }
        amount *= 10;
    }
    *out = amount;
    return true;
}

/* --- fees --------------------------------------------------------------------------------------*/

struct evm_fee_asks evm_fees_ask(struct chain_round *round)
{
    struct evm_fee_asks asks;
    asks.block = chain_ask_block(round, (struct rpc_block){.tag = RPC_LATEST}, false);
    asks.tip = chain_ask(round, "eth_maxPriorityFeePerGas");
    return asks;
}

bool evm_fees_answer(const struct rail *r, const struct chain_round *round,
                     struct evm_fee_asks asks, struct evm_block *latest, struct evm_fees *out)
{
    struct u256 tip;
    if (!chain_answer_block(round, asks.block, latest)) {
        return false;
    }
    if (!chain_answer_u256(round, asks.tip, &tip)) {
        tip = u256_of(EVM_GWEI); /* not every node has an opinion */
    }
    *out = evm_fees_of(latest->base_fee, tip, r->fee_max);
    return true;
}
