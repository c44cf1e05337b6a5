/* SPDX-License-Identifier: Apache-2.0
 * The calls that mete makes of contracts, and what it reads from their answers and logs: ERC-20,
 * EIP-3009, Multicall3, EIP-1271, EIP-6492, Permit2 by x402's proxies. Writers append call data,
 * selector first. Nothing here knows whether a call is sent, simulated or estimated. */
#ifndef METE_WIRE_EVM_CALLS_H
#define METE_WIRE_EVM_CALLS_H

#include "wire/evm/abi.h"
#include "wire/evm/permits.h"

/** Functions, by their selectors. Those without arguments are called by abi_put_selector alone. */
#define ABI_NAME                UINT32_C(0x06fdde03) /* name() -> string */
#define ABI_SYMBOL              UINT32_C(0x95d89b41) /* symbol() -> string */
#define ABI_VERSION             UINT32_C(0x54fd4d50) /* version() -> string */
#define ABI_DECIMALS            UINT32_C(0x313ce567) /* decimals() -> uint8 */
#define ABI_DOMAIN_SEPARATOR    UINT32_C(0x3644e515) /* DOMAIN_SEPARATOR() -> bytes32 */
#define ABI_PAUSED              UINT32_C(0x5c975abb) /* paused() -> bool */
#define ABI_PERMIT2             UINT32_C(0x6afdd850) /* PERMIT2() -> address, of the proxies */
#define ABI_BALANCE_OF          UINT32_C(0x70a08231) /* balanceOf(address) -> uint256 */
#define ABI_ALLOWANCE           UINT32_C(0xdd62ed3e) /* allowance(address,address) -> uint256 */
#define ABI_IS_BLACKLISTED      UINT32_C(0xfe575a87) /* isBlacklisted(address) -> bool */
#define ABI_TRANSFER            UINT32_C(0xa9059cbb) /* transfer(address,uint256) -> bool or nothing */
#define ABI_APPROVE             UINT32_C(0x095ea7b3) /* approve(address,uint256) -> bool or nothing */
#define ABI_TRANSFER_3009       UINT32_C(0xe3ee160e) /* transferWithAuthorization(..,v,r,s) */
#define ABI_TRANSFER_3009_BYTES UINT32_C(0xcf092995) /* transferWithAuthorization(..,bytes) */
#define ABI_RECEIVE_3009        UINT32_C(0xef55bec6) /* receiveWithAuthorization(..,v,r,s) */
#define ABI_CANCEL_3009         UINT32_C(0x5a049a70) /* cancelAuthorization(address,bytes32,v,r,s) */
#define ABI_STATE_3009          UINT32_C(0xe94a0102) /* authorizationState(address,bytes32) -> bool */
#define ABI_AGGREGATE3          UINT32_C(0x82ad56cb) /* aggregate3((address,bool,bytes)[]) */
#define ABI_IS_VALID_SIGNATURE  UINT32_C(0x1626ba7e) /* isValidSignature(bytes32,bytes) */
#define ABI_DISPERSE_TOKEN      UINT32_C(0xc73a2d60) /* disperseToken(address,address[],uint256[]) */
#define ABI_SETTLE_EXACT        UINT32_C(0x13cd3b53) /* settle(permit,owner,witness,bytes) */
#define ABI_SETTLE_UPTO         UINT32_C(0xff11e7b4) /* settle(permit,amount,owner,witness,bytes) */
#define ABI_SETTLE_EXACT_PERMIT UINT32_C(0xfa340378) /* settleWithPermit(approval,..) */
#define ABI_SETTLE_UPTO_PERMIT  UINT32_C(0x016c1748) /* settleWithPermit(approval,..) */
/** Permit2's error for a nonce that was used: what abi_selector tells of a revert. */
#define ABI_INVALID_NONCE UINT32_C(0x756688fe) /* InvalidNonce() */

/** A function of one or two addresses: ABI_BALANCE_OF, ABI_IS_BLACKLISTED, ABI_ALLOWANCE. */
void call_put_of(struct buf *out, uint32_t selector, const struct evm_address *who);
void call_put_between(struct buf *out, uint32_t selector, const struct evm_address *owner,
                      const struct evm_address *spender);
/** ABI_TRANSFER or ABI_APPROVE. */
void call_put_amount(struct buf *out, uint32_t selector, const struct evm_address *who,
                     struct u256 amount);
/** Whether a transfer or an approval was done, by its answer: true, or nothing at all, as some old
 *  tokens answer. */
bool call_is_done(struct bytes answer);

/** ABI_TRANSFER_3009 or ABI_RECEIVE_3009, with the signature of a key. */
void call_put_authorization(struct buf *out, uint32_t selector, const struct evm_authorization *a,
                            const struct evm_signature *s);
/** ABI_TRANSFER_3009_BYTES, with whatever a contract takes for a signature. */
void call_put_authorization_bytes(struct buf *out, const struct evm_authorization *a,
                                  struct bytes signature);
/** ABI_CANCEL_3009, with the authorizer's signature over evm_cancel_hash. */
void call_put_cancel(struct buf *out, const struct evm_address *authorizer,
                     const struct hash *nonce, const struct evm_signature *s);
/** ABI_STATE_3009: true when the nonce is used or cancelled. */
void call_put_state(struct buf *out, const struct evm_address *authorizer,
                    const struct hash *nonce);

/** ABI_DISPERSE_TOKEN: `count` payments of one token in one call, all or none. */
void call_put_disperse(struct buf *out, const struct evm_address *token,
                       const struct evm_address *to, const struct u256 *amounts, size_t count);

/** A payment through one of x402's proxies for Permit2. Nothing is owned. */
struct x402_settlement {
    const struct evm_permit2 *permit; /* has_facilitator: by the proxy of "upto" */
    struct bytes signature;           /* the owner's over the permit */
    struct evm_address owner;
    struct u256 charge;                /* of "upto"; "exact" moves all of permit->amount */
    const struct evm_permit *approval; /* EIP-2612, brought along by settleWithPermit; or NULL */
    struct evm_signature approval_by;  /* the owner's over the approval, when there is one */
};
/** One of the four ABI_SETTLE_ functions, by what `s` has. */
void call_put_settle(struct buf *out, const struct x402_settlement *s);

/* Multicall3. */

struct multicall {
    struct evm_address target;
    bool may_fail; /* false: when it fails, all do */
    struct bytes data;
};

struct multicall_answer {
    bool is_ok;
    struct bytes data; /* what it returned, or why it reverted */
};

/** ABI_AGGREGATE3: each call on its own, in order; sent to EVM_MULTICALL3. */
void call_put_multicall(struct buf *out, const struct multicall *calls, size_t count);
/** Reads the answer to `count` calls into answers[0..count-1]; they point into `in`.
 *  METE_CHAIN_ENCODING when it is malformed or not for that many. */
enum mete_code multicall_read(struct bytes in, struct multicall_answer *answers, size_t count,
                              struct mete_err *err) METE_MUST_CHECK;

/* Signatures of contracts. */

/** ABI_IS_VALID_SIGNATURE (EIP-1271), to be asked of the account. */
void call_put_is_valid(struct buf *out, const struct hash *hash, struct bytes signature);
/** Whether the answer is EIP-1271's magic value: those four bytes and zeros. */
bool eip1271_is_valid(struct bytes answer);

/** A signature of a contract that is not on the chain yet (EIP-6492), and how to put it there. */
struct eip6492 {
    struct evm_address factory;
    struct bytes factory_call;
    struct bytes signature; /* for EIP-1271, once the contract is there */
};
/** Whether a signature says to be of that kind, by its last 32 bytes. */
bool eip6492_is(struct bytes signature);
/** The three parts; they point into `signature`. METE_CHAIN_ENCODING when it is not of that kind or
 *  malformed. */
enum mete_code eip6492_read(struct bytes signature, struct eip6492 *out,
                            struct mete_err *err) METE_MUST_CHECK;

/* Logs. */

#define EVM_TOPICS_MAX 4

struct evm_log {
    struct evm_address address; /* the contract that wrote it: compare it with whom you trust */
    struct hash topics[EVM_TOPICS_MAX];
    size_t topic_count;
    struct bytes data;
};

/** Topics by which logs are told apart. */
extern const struct hash EVM_TOPIC_TRANSFER;           /* Transfer(address,address,uint256) */
extern const struct hash EVM_TOPIC_AUTHORIZATION_USED; /* AuthorizationUsed(address,bytes32) */

struct erc20_transfer {
    struct evm_address from;
    struct evm_address to;
    struct u256 amount;
};
/** False when it is another log, or one of another shape (ERC-721 has the same name). */
bool log_transfer(const struct evm_log *log, struct erc20_transfer *out) METE_MUST_CHECK;
/** AuthorizationUsed of EIP-3009: the nonce can never be used again. */
bool log_authorization_used(const struct evm_log *log, struct evm_address *authorizer,
                            struct hash *nonce) METE_MUST_CHECK;

#endif
