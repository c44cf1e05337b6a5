/* SPDX-License-Identifier: Apache-2.0
 * Transactions of EVM chains: what is signed, what is sent, and reading it back. Types: legacy with
 * a chain id (EIP-155), 2 (EIP-1559) and 4 (EIP-7702). The reader takes only what a chain could
 * take: canonical RLP, a low s, a chain id. Nonces, fees and whether a transaction is wise are for
 * the caller. */
#ifndef METE_WIRE_EVM_TX_H
#define METE_WIRE_EVM_TX_H

#include "base/arena.h"
#include "base/buf.h"
#include "wire/evm/signature.h"

/** Bytes of an encoded transaction: more is not relayed by nodes. */
#define EVM_TX_SIZE_MAX ((size_t)128 * 1024)
/** What evm_tx_decode takes from its arena at most, for an input of `len` bytes. */
#define EVM_TX_ARENA_MAX(len) (8 * (len) + 4096)
/** Above it v of EIP-155 would not fit 64 bits. */
#define EVM_CHAIN_ID_MAX ((UINT64_MAX - 36) / 2)

enum evm_tx_type { EVM_TX_LEGACY = 0, EVM_TX_FEE_MARKET = 2, EVM_TX_SET_CODE = 4 };

/** An account and the slots of it that will be touched (EIP-2930). */
struct evm_access {
    struct evm_address address;
    const struct hash *slots;
    size_t slot_count;
};

/** By this an account takes on the code of `address` (EIP-7702). */
struct evm_delegation {
    struct u256 chain_id; /* 0: on every chain */
    struct evm_address address;
    uint64_t nonce; /* of the account that signed, below 2^64 - 1 */
    struct evm_signature signature;
};

/** Wei and gas; what a type does not have is zero. The texts, bytes and lists belong to who made it
 *  (after evm_tx_decode: to the input and the arena). */
struct evm_tx {
    enum evm_tx_type type;
    uint64_t chain_id;   /* 1..EVM_CHAIN_ID_MAX */
    uint64_t nonce;      /* below 2^64 - 1 (EIP-2681) */
    struct u256 tip_max; /* maxPriorityFeePerGas; not of legacy */
    struct u256 fee_max; /* maxFeePerGas; gasPrice of legacy */
    uint64_t gas;
    bool is_create; /* no `to`: `data` makes a contract */
    struct evm_address to;
    struct u256 value;
    struct bytes data;
    const struct evm_access *access;
    size_t access_count;
    const struct evm_delegation *delegations; /* of EVM_TX_SET_CODE, at least one */
    size_t delegation_count;
    bool is_signed;
    struct evm_signature signature;
};

/** Appends the bytes whose hash is signed. Asserts what the comments of struct evm_tx demand. */
void evm_tx_put_unsigned(const struct evm_tx *tx, struct buf *out);
struct hash evm_tx_signing_hash(const struct evm_tx *tx);
/** Appends the bytes to send. Needs a signature. */
void evm_tx_put(const struct evm_tx *tx, struct buf *out);
/** The transaction id: the hash of the bytes that are sent. */
struct hash evm_tx_id(struct bytes raw);

/** Signs; the same transaction and key always give the same bytes. False for a bad key. */
bool evm_tx_sign(struct evm_tx *tx, const uint8_t secret[SECP_SECRET_LEN]) METE_MUST_CHECK;
/** The account that signed. METE_CHAIN_SIGNATURE when none can have. Needs a signature. */
enum mete_code evm_tx_sender(const struct evm_tx *tx, struct evm_address *out,
                             struct mete_err *err) METE_MUST_CHECK;

/** Reads a signed transaction and nothing after it.
 *  Out:     *out, when all is well; `data` points into `raw`, lists are in `a`.
 *  Refuses: another type, another form than evm_tx_put writes, signatures outside of
 *           wire/evm/signature.h, legacy ones without a chain id. err->pointer names the field as
 *           JSON-RPC does ("/maxFeePerGas"), "" for the whole.
 *  Errors:  METE_CHAIN_ENCODING, METE_CHAIN_SIGNATURE. */
enum mete_code evm_tx_decode(struct arena *a, struct bytes raw, struct evm_tx *out,
                             struct mete_err *err) METE_MUST_CHECK;

/** What the owner of an account signs to take on code: keccak256(5, rlp(chain id, address, nonce)).
 */
struct hash evm_delegation_hash(const struct evm_delegation *d);
/** Signs it with the key of the account that takes on the code; false for a bad key. */
bool evm_delegation_sign(struct evm_delegation *d,
                         const uint8_t secret[SECP_SECRET_LEN]) METE_MUST_CHECK;
/** The account that takes on the code; METE_CHAIN_SIGNATURE when none can have signed. */
enum mete_code evm_delegation_signer(const struct evm_delegation *d, struct evm_address *out,
                                     struct mete_err *err) METE_MUST_CHECK;

#endif
