/* SPDX-License-Identifier: Apache-2.0
 * What transactions offer for their gas (EIP-1559), in wei a gas, and how much gas they may use.
 * Nothing offers more than `fee_max`, which an operator sets. */
#ifndef METE_WIRE_EVM_FEES_H
#define METE_WIRE_EVM_FEES_H

#include "wire/evm/tx.h"

#define EVM_GWEI         ((u128)1000000000)
#define EVM_FEE_MAX_GWEI 1000000            /* the most that an operator may allow */
#define EVM_GAS_MAX      UINT64_C(16777216) /* of one transaction (EIP-7825) */

struct evm_fees {
    u128 base; /* of the latest block; below 2^124 */
    u128 tip;  /* at most `max` */
    u128 max;
};

/** What a new transaction offers: the base fee twice and the tip. */
struct evm_fees evm_fees_of(struct u256 base, struct u256 tip, u128 fee_max);
/** Puts them into a transaction. */
void evm_fees_offer(const struct evm_fees *f, struct evm_tx *tx);
/** Raises what `tx` offers by an eighth at least, and to what a new one would offer: nodes take no
 *  less for a replacement (10 %). False, with `tx` untouched, when `fee_max` does not allow it. */
bool evm_fees_raise(const struct evm_fees *now, u128 fee_max, struct evm_tx *tx) METE_MUST_CHECK;

/** A fifth more gas than a node thinks is needed: the state moves on. */
uint64_t evm_gas_room(uint64_t estimate);

#endif
