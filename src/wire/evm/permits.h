/* SPDX-License-Identifier: Apache-2.0
 * The typed structures by which a holder of tokens lets somebody else move them: EIP-3009, EIP-2612
 * and Permit2 as x402 uses it. Each function gives hashStruct; evm_typed_digest with the separator
 * of the right domain (the token's, or Permit2's) gives what is signed. Amounts are in the token's
 * smallest unit, times in seconds since 1970. */
#ifndef METE_WIRE_EVM_PERMITS_H
#define METE_WIRE_EVM_PERMITS_H

#include "wire/evm/signature.h"
#include "wire/evm/typed.h"

/** EIP-3009. The token takes it while valid_after < time of the block < valid_before, once for each
 *  (from, nonce). */
struct evm_authorization {
    struct evm_address from;
    struct evm_address to;
    struct u256 value;
    struct u256 valid_after;
    struct u256 valid_before;
    struct hash nonce;
};

/** TransferWithAuthorization: anybody may bring it to the chain. */
struct hash evm_transfer_hash(const struct evm_authorization *a);
/** ReceiveWithAuthorization: only `to` may. */
struct hash evm_receive_hash(const struct evm_authorization *a);
/** CancelAuthorization: makes the nonce useless. */
struct hash evm_cancel_hash(const struct evm_address *authorizer, const struct hash *nonce);

/** EIP-2612: `spender` may take up to `value`. */
struct evm_permit {
    struct evm_address owner;
    struct evm_address spender;
    struct u256 value;
    struct u256 nonce;
    struct u256 deadline;
};
/** Permit: `nonce` is the token's counter of the owner. */
struct hash evm_permit_hash(const struct evm_permit *p);

/** PermitWitnessTransferFrom of Permit2 with the witness of x402's scheme "exact" (a recipient and
 * a time) or, with `has_facilitator`, of "upto" (the one who may settle, too). */
struct evm_permit2 {
    struct evm_address token;
    struct u256 amount;
    struct evm_address spender; /* the proxy of the scheme */
    struct u256 nonce;
    struct u256 deadline;
    struct evm_address to;
    struct u256 valid_after;
    bool has_facilitator;
    struct evm_address facilitator;
};
/** PermitWitnessTransferFrom with one of the two witnesses. */
struct hash evm_permit2_hash(const struct evm_permit2 *p);
/** Permit2's domain: a name, no version, the same contract on every chain. */
struct evm_domain evm_permit2_domain(struct u256 chain_id);

/** The contracts of Permit2, of x402's proxies for it, and Multicall3: at the same address wherever
 *  they are. */
extern const struct evm_address EVM_PERMIT2;
extern const struct evm_address EVM_X402_EXACT_PROXY;
extern const struct evm_address EVM_X402_UPTO_PROXY;
extern const struct evm_address EVM_MULTICALL3;

/** The structures themselves, for tests and for who wants their type hashes. */
extern const struct evm_struct EVM_TRANSFER_WITH_AUTHORIZATION;
extern const struct evm_struct EVM_RECEIVE_WITH_AUTHORIZATION;
extern const struct evm_struct EVM_CANCEL_AUTHORIZATION;
extern const struct evm_struct EVM_PERMIT;
extern const struct evm_struct EVM_PERMIT2_EXACT;
extern const struct evm_struct EVM_PERMIT2_UPTO;

#endif
