/* SPDX-License-Identifier: Apache-2.0
 * Calls and logs of contracts/Batch.sol: many payments of one token in one transaction. What it
 * promises is said there; here it is written and read. */
#ifndef METE_WIRE_EVM_BATCH_H
#define METE_WIRE_EVM_BATCH_H

#include "wire/evm/calls.h"

#define ABI_BATCH_PAY      UINT32_C(0x17508fb6) /* pay(address,bytes32[]) -> uint256 */
#define BATCH_PAYMENTS_MAX 256
#define BATCH_AMOUNT_BITS  96

/** Batched(address,address,uint256,uint256) */
extern const struct hash EVM_TOPIC_BATCHED;
/** keccak256 of the code that a deployed contracts/Batch.sol has. */
extern const struct hash EVM_BATCH_CODE;

struct batch_payment {
    struct evm_address to;
    struct u256 amount; /* below 2^96 */
};

/** ABI_BATCH_PAY of at most BATCH_PAYMENTS_MAX payments. */
void call_put_batch(struct buf *out, const struct evm_address *token, const struct batch_payment *p,
                    size_t count);
/** Takes such call data apart: how many payments, and the i-th. False when it is something else. */
bool batch_call_read(struct bytes data, struct evm_address *token, size_t *count) METE_MUST_CHECK;
bool batch_call_at(struct bytes data, size_t i, struct batch_payment *out) METE_MUST_CHECK;

/** The log of a batch: bit i of *unpaid is set when payment i was refused. */
bool log_batched(const struct evm_log *log, struct evm_address *token, struct evm_address *from,
                 struct u256 *unpaid) METE_MUST_CHECK;
bool batch_bit(struct u256 unpaid, size_t i);

#endif
