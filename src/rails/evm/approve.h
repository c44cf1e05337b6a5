/* SPDX-License-Identifier: Apache-2.0
 * Allowing the batch contract to move a token of the account that pays: an operator's transaction,
 * for `mete rail approve`. The three calls of the rail never make one. */
#ifndef METE_RAILS_EVM_APPROVE_H
#define METE_RAILS_EVM_APPROVE_H

#include "core/amount.h"
#include "core/asset.h"
#include "rails/rail.h"
#include "wire/evm/tx.h"

#define EVM_APPROVE_DATA_LEN 68 /* bytes of the call */

/** What would be sent, and what the node says of it. Does not move: `tx` points into it. */
struct evm_approval {
    char code[ASSET_CODE_LEN_MAX + 1];
    uint8_t decimals;
    struct evm_address token;   /* its contract */
    struct evm_address account; /* that pays */
    struct evm_address spender; /* the batch contract, whose code is the known one */
    struct u256 amount;         /* in the token's units, as the others; U256_MAX: without end */
    struct u256 allowed;        /* by now, with what waits */
    struct u256 balance;
    struct u256 gas_cost; /* wei at most */
    uint8_t data[EVM_APPROVE_DATA_LEN];
    struct evm_tx tx; /* signed */
    struct hash id;
};

enum evm_approval_state { EVM_APPROVAL_WAITS, EVM_APPROVAL_FAILED, EVM_APPROVAL_DONE };

/** Asks the node and signs; sends nothing. `amount`: a decimal number of the asset, or "unlimited".
 *  `r` is an open rail of the kind "evm".
 *  Errors: METE_USAGE: which setting or word to mend; those of chain_round_go; METE_RPC_ANSWER: the
 *          node or the token refuses it. */
enum mete_code evm_approval_make(struct rail *r, struct text asset, struct text amount,
                                 struct evm_approval *out, struct mete_err *err) METE_MUST_CHECK;
/** Sends exactly its bytes. METE_OK: the node has taken them, or had them. Errors: as above;
 * whether it has them is not known then, but by its id. */
enum mete_code evm_approval_send(struct rail *r, const struct evm_approval *a,
                                 struct mete_err *err) METE_MUST_CHECK;
/** What became of it; *block when it is in one. Errors: as above. */
enum mete_code evm_approval_look(struct rail *r, const struct evm_approval *a,
                                 enum evm_approval_state *out, uint64_t *block,
                                 struct mete_err *err) METE_MUST_CHECK;

/** The chain that it is for. */
uint64_t evm_rail_chain(const struct rail *r);

#endif
