/* SPDX-License-Identifier: Apache-2.0
 * One call of prepare: what its payments are on the chain, and what the account has left for them.
 * Private to the files that prepare. */
#ifndef METE_RAILS_EVM_PLAN_H
#define METE_RAILS_EVM_PLAN_H

#include "rails/evm/evm_parts.h"

struct evm_job {
    struct rail_payment *p;
    struct evm_token *token;
    struct evm_address to;
    struct u256 amount;       /* in the token's units, wei of a coin */
    bool is_done;             /* the report is made */
    size_t call, gas, listed; /* places of the round's answers */
};

struct evm_plan {
    struct rail *rail;
    struct arena *arena;
    struct evm_job job[EVM_PAYMENTS_MAX];
    size_t count;
    mete_time now;
    /* What this call has put into transactions that the node does not know of. */
    struct u256 spent[EVM_TOKENS_MAX];
    struct u256 coin_spent; /* wei: gas, and coins that are paid */
};

/** Places of what every round asks, and what came. */
struct evm_scene {
    struct evm_fee_asks fee_asks;
    size_t pending, coins;
    size_t balance[EVM_TOKENS_MAX], decimals[EVM_TOKENS_MAX];
    bool is_asked[EVM_TOKENS_MAX];

    struct evm_block latest;
    struct evm_fees fees;
    uint64_t nonce; /* the node's count with what waits */
    struct u256 coin_balance;
    struct u256 token_balance[EVM_TOKENS_MAX];
};

/** Asks for fees, nonce, coins, and for each token of the jobs balance and decimals. */
void evm_scene_ask(struct evm_plan *plan, struct chain_round *round, struct evm_scene *scene);
/** Reads the answers; NULL, or what is wrong with the node, the settings or the token. */
const char *evm_scene_read(struct evm_plan *plan, struct chain_round *round,
                           struct evm_scene *scene);
/** What is left of a balance after what was spent: 0 when it is more. */
struct u256 evm_left(struct u256 balance, struct u256 spent);
/** Gas and what it costs at most; false when the coins that are left do not suffice for it and
 *  `value`. */
bool evm_coins_suffice(const struct evm_plan *plan, const struct evm_scene *scene, uint64_t gas,
                       struct u256 value) METE_MUST_CHECK;
/** A transaction of the lane, ready to be signed. */
struct evm_tx evm_plan_tx(const struct evm_plan *plan, const struct evm_scene *scene, uint64_t gas);
/** Spends: coins for gas and value. */
void evm_plan_spend(struct evm_plan *plan, const struct evm_tx *tx);
size_t evm_token_index(const struct rail *r, const struct evm_token *t);

/** Puts as many payments as may be into transactions of the batch contract; what it leaves is not
 *  done. */
void evm_prepare_batches(struct evm_plan *plan);

#endif
