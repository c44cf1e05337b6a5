/* SPDX-License-Identifier: Apache-2.0
 * Writing and signing transactions. The reader is tx_decode.c; both follow the field order of
 * EIP-155, EIP-1559 and EIP-7702. */
#include "wire/evm/tx.h"

#include "crypto/keccak.h"
#include "wire/evm/rlp.h"

#define DELEGATION_MAGIC 0x05

static void check(const struct evm_tx *tx)
{
    bool is_legacy = tx->type == EVM_TX_LEGACY, is_set_code = tx->type == EVM_TX_SET_CODE;
    METE_ASSERT(is_legacy || is_set_code || tx->type == EVM_TX_FEE_MARKET);
    METE_ASSERT(tx->chain_id > 0 && tx->chain_id <= EVM_CHAIN_ID_MAX && tx->nonce < UINT64_MAX);
    METE_ASSERT(!is_legacy || (u256_is_zero(tx->tip_max) && tx->access_count == 0));
    METE_ASSERT(is_set_code == (tx->delegation_count > 0) && !(is_set_code && tx->is_create));
}

static void put_address(struct buf *out, const struct evm_address *a)
{
    rlp_put_bytes(out, (struct bytes){a->b, sizeof(a->b)});
}

static void put_target(const struct evm_tx *tx, struct buf *out)
{
    if (tx->is_create) {
        rlp_put_bytes(out, (struct bytes){NULL, 0});
    } else {
        put_address(out, &tx->to);
    }
    rlp_put_u256(out, tx->value);
    rlp_put_bytes(out, tx->data);
}

static void put_access(const struct evm_tx *tx, struct buf *out)
{
    size_t list = rlp_list_begin(out);
    for (size_t i = 0; i < tx->access_count; i++) {
        const struct evm_access *access = &tx->access[i];
        size_t entry = rlp_list_begin(out);
        put_address(out, &access->address);
        size_t slots = rlp_list_begin(out);
        for (size_t k = 0; k < access->slot_count; k++) {
            rlp_put_bytes(out, (struct bytes){access->slots[k].b, sizeof(access->slots[k].b)});
        }
        rlp_list_end(out, slots);
        rlp_list_end(out, entry);
    }
    rlp_list_end(out, list);
}

static void put_signature(const struct evm_signature *s, uint64_t v, struct buf *out)
{
    rlp_put_u64(out, v);
    rlp_put_u256(out, evm_signature_r(s));
    rlp_put_u256(out, evm_signature_s(s));
}

static void put_delegations(const struct evm_tx *tx, struct buf *out)
{
    size_t list = rlp_list_begin(out);
    for (size_t i = 0; i < tx->delegation_count; i++) {
        const struct evm_delegation *d = &tx->delegations[i];
        size_t entry = rlp_list_begin(out);
        rlp_put_u256(out, d->chain_id);
        put_address(out, &d->address);
        rlp_put_u64(out, d->nonce);
        put_signature(&d->signature, d->signature.parity, out);
        rlp_list_end(out, entry);
    }
    rlp_list_end(out, list);
}

/* The list of a legacy transaction. To be signed, it ends with the chain id and two zeros; signed,
 * with v = 35 + 2 * chain id + parity. */
static void put_legacy(const struct evm_tx *tx, bool with_signature, struct buf *out)
{
    size_t list = rlp_list_begin(out);
    rlp_put_u64(out, tx->nonce);
    rlp_put_u256(out, tx->fee_max);
    rlp_put_u64(out, tx->gas);
    put_target(tx, out);
    if (with_signature) {
        put_signature(&tx->signature, 35 + 2 * tx->chain_id + tx->signature.parity, out);
    } else {
        rlp_put_u64(out, tx->chain_id);
        rlp_put_u64(out, 0);
        rlp_put_u64(out, 0);
    }
    rlp_list_end(out, list);
}

static void put_typed(const struct evm_tx *tx, bool with_signature, struct buf *out)
{
    buf_put_u8(out, (uint8_t)tx->type);
    size_t list = rlp_list_begin(out);
    rlp_put_u64(out, tx->chain_id);
    rlp_put_u64(out, tx->nonce);
    rlp_put_u256(out, tx->tip_max);
    rlp_put_u256(out, tx->fee_max);
    rlp_put_u64(out, tx->gas);
    put_target(tx, out);
    put_access(tx, out);
    if (tx->type == EVM_TX_SET_CODE) {
        put_delegations(tx, out);
    }
    if (with_signature) {
        put_signature(&tx->signature, tx->signature.parity, out);
    }
    rlp_list_end(out, list);
}

void evm_tx_put_unsigned(const struct evm_tx *tx, struct buf *out)
{
    check(tx);
    if (tx->type == EVM_TX_LEGACY) {
        put_legacy(tx, false, out);
    } else {
        put_typed(tx, false, out);
    }
}

void evm_tx_put(const struct evm_tx *tx, struct buf *out)
{
    check(tx);
    METE_ASSERT(tx->is_signed);
    if (tx->type == EVM_TX_LEGACY) {
        put_legacy(tx, true, out);
    } else {
        put_typed(tx, true, out);
    }
}

struct hash evm_tx_signing_hash(const struct evm_tx *tx)
{
    struct buf b = {0};
    evm_tx_put_unsigned(tx, &b);
    struct hash h = keccak256(buf_bytes(&b));
    buf_clear(&b);
    return h;
}

struct hash evm_tx_id(struct bytes raw)
{
    return keccak256(raw);
}

bool evm_tx_sign(struct evm_tx *tx, const uint8_t secret[SECP_SECRET_LEN])
{
    struct hash h = evm_tx_signing_hash(tx);
    tx->is_signed = evm_sign(&tx->signature, secret, &h);
    return tx->is_signed;
}

enum mete_code evm_tx_sender(const struct evm_tx *tx, struct evm_address *out, struct mete_err *err)
{
    METE_ASSERT(tx->is_signed);
    struct hash h = evm_tx_signing_hash(tx);
    return evm_recover(&tx->signature, &h, out, err);
}

struct hash evm_delegation_hash(const struct evm_delegation *d)
{
    struct buf b = {0};
    buf_put_u8(&b, DELEGATION_MAGIC);
    size_t list = rlp_list_begin(&b);
    rlp_put_u256(&b, d->chain_id);
    put_address(&b, &d->address);
    rlp_put_u64(&b, d->nonce);
    rlp_list_end(&b, list);
    struct hash h = keccak256(buf_bytes(&b));
    buf_clear(&b);
    return h;
}

bool evm_delegation_sign(struct evm_delegation *d, const uint8_t secret[SECP_SECRET_LEN])
{
    struct hash h = evm_delegation_hash(d);
    return evm_sign(&d->signature, secret, &h);
}

enum mete_code evm_delegation_signer(const struct evm_delegation *d, struct evm_address *out,
                                     struct mete_err *err)
{
    struct hash h = evm_delegation_hash(d);
    return evm_recover(&d->signature, &h, out, err);
}
