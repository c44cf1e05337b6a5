/* SPDX-License-Identifier: Apache-2.0
 * Each writer is the list of a function's arguments; offsets are counted in words before the tails
 * are written. */
#include "wire/evm/calls.h"

#include <string.h>

const struct hash EVM_TOPIC_TRANSFER = {{0xdd, 0xf2, 0x52, 0xad, 0x1b, 0xe2, 0xc8, 0x9b,
                                         0x69, 0xc2, 0xb0, 0x68, 0xfc, 0x37, 0x8d, 0xaa,
                                         0x95, 0x2b, 0xa7, 0xf1, 0x63, 0xc4, 0xa1, 0x16,
                                         0x28, 0xf5, 0x5a, 0x4d, 0xf5, 0x23, 0xb3, 0xef}};
const struct hash EVM_TOPIC_AUTHORIZATION_USED = {{0x98, 0xde, 0x50, 0x35, 0x28, 0xee, 0x59, 0xb5,
                                                   0x75, 0xef, 0x0c, 0x0a, 0x25, 0x76, 0xa8, 0x24,
                                                   0x97, 0xbf, 0xc0, 0x29, 0xa5, 0x68, 0x5b, 0x20,
                                                   0x9e, 0x9e, 0xc3, 0x33, 0x47, 0x9b, 0x10, 0xa5}};

void call_put_of(struct buf *out, uint32_t selector, const struct evm_address *who)
{
    abi_put_selector(out, selector);
    abi_put_address(out, who);
}

void call_put_between(struct buf *out, uint32_t selector, const struct evm_address *owner,
                      const struct evm_address *spender)
{
    call_put_of(out, selector, owner);
    abi_put_address(out, spender);
}

void call_put_amount(struct buf *out, uint32_t selector, const struct evm_address *who,
                     struct u256 amount)
{
    call_put_of(out, selector, who);
    abi_put_u256(out, amount);
}

bool call_is_done(struct bytes answer)
{
    bool is_done = answer.len == 0;
    return is_done || (abi_answer_bool(answer, &is_done) && is_done);
}

static void put_authorization(struct buf *out, const struct evm_authorization *a)
{
    abi_put_address(out, &a->from);
    abi_put_address(out, &a->to);
    abi_put_u256(out, a->value);
    abi_put_u256(out, a->valid_after);
    abi_put_u256(out, a->valid_before);
    abi_put_hash(out, &a->nonce);
}

static void put_vrs(struct buf *out, const struct evm_signature *s)
{
    abi_put_u64(out, 27u + s->parity);
    abi_put_u256(out, evm_signature_r(s));
    abi_put_u256(out, evm_signature_s(s));
}

void call_put_authorization(struct buf *out, uint32_t selector, const struct evm_authorization *a,
                            const struct evm_signature *s)
{
    METE_ASSERT(selector == ABI_TRANSFER_3009 || selector == ABI_RECEIVE_3009);
    abi_put_selector(out, selector);
    put_authorization(out, a);
    put_vrs(out, s);
}

void call_put_authorization_bytes(struct buf *out, const struct evm_authorization *a,
                                  struct bytes signature)
{
    abi_put_selector(out, ABI_TRANSFER_3009_BYTES);
    put_authorization(out, a);
    abi_put_u64(out, 7 * ABI_WORD);
    abi_put_bytes(out, signature);
}

void call_put_cancel(struct buf *out, const struct evm_address *authorizer,
                     const struct hash *nonce, const struct evm_signature *s)
{
    call_put_of(out, ABI_CANCEL_3009, authorizer);
    abi_put_hash(out, nonce);
    put_vrs(out, s);
}

void call_put_state(struct buf *out, const struct evm_address *authorizer, const struct hash *nonce)
{
    call_put_of(out, ABI_STATE_3009, authorizer);
    abi_put_hash(out, nonce);
}

void call_put_disperse(struct buf *out, const struct evm_address *token,
                       const struct evm_address *to, const struct u256 *amounts, size_t count)
{
    call_put_of(out, ABI_DISPERSE_TOKEN, token);
    abi_put_u64(out, 3 * ABI_WORD);
    abi_put_u64(out, (4 + count) * ABI_WORD);
    abi_put_u64(out, count);
    for (size_t i = 0; i < count; i++) {
        abi_put_address(out, &to[i]);
    }
    abi_put_u64(out, count);
    for (size_t i = 0; i < count; i++) {
        abi_put_u256(out, amounts[i]);
    }
}

static uint32_t settle_selector(const struct x402_settlement *s)
{
    if (s->permit->has_facilitator) {
        return s->approval == NULL ? ABI_SETTLE_UPTO : ABI_SETTLE_UPTO_PERMIT;
    }
    return s->approval == NULL ? ABI_SETTLE_EXACT : ABI_SETTLE_EXACT_PERMIT;
}

/* (value, deadline, r, s, v) */
static void put_approval(struct buf *out, const struct x402_settlement *s)
{
    abi_put_u256(out, s->approval->value);
    abi_put_u256(out, s->approval->deadline);
    abi_put_u256(out, evm_signature_r(&s->approval_by));
    abi_put_u256(out, evm_signature_s(&s->approval_by));
    abi_put_u64(out, 27u + s->approval_by.parity);
}

void call_put_settle(struct buf *out, const struct x402_settlement *s)
{
    const struct evm_permit2 *p = s->permit;
    abi_put_selector(out, settle_selector(s));
    size_t start = out->len;
    if (s->approval != NULL) {
        put_approval(out, s);
    }
    abi_put_address(out, &p->token);
    abi_put_u256(out, p->amount);
    abi_put_u256(out, p->nonce);
    abi_put_u256(out, p->deadline);
    if (p->has_facilitator) {
        abi_put_u256(out, s->charge);
    }
    abi_put_address(out, &s->owner);
    abi_put_address(out, &p->to);
    if (p->has_facilitator) {
        abi_put_address(out, &p->facilitator);
    }
    abi_put_u256(out, p->valid_after);
    abi_put_u64(out, out->len - start + ABI_WORD); /* the signature comes after this word */
    abi_put_bytes(out, s->signature);
}

void call_put_multicall(struct buf *out, const struct multicall *calls, size_t count)
{
    abi_put_selector(out, ABI_AGGREGATE3);
    abi_put_u64(out, ABI_WORD);
    abi_put_u64(out, count);
    /* Offsets of the elements count from behind the length. */
    size_t offset = count * ABI_WORD;
    for (size_t i = 0; i < count; i++) {
        abi_put_u64(out, offset);
        offset += 3 * ABI_WORD + abi_bytes_size(calls[i].data.len);
    }
    for (size_t i = 0; i < count; i++) {
        abi_put_address(out, &calls[i].target);
        abi_put_bool(out, calls[i].may_fail);
        abi_put_u64(out, 3 * ABI_WORD);
        abi_put_bytes(out, calls[i].data);
    }
}

enum mete_code multicall_read(struct bytes in, struct multicall_answer *answers, size_t count,
                              struct mete_err *err)
{
    struct bytes elements;
    size_t found = 0;
    if (!abi_array(in, 0, 1, &elements, &found)) {
        return mete_fail(err, METE_CHAIN_ENCODING, "", "the answer of Multicall3 is no array");
    }
    if (found != count) {
        return mete_fail(err, METE_CHAIN_ENCODING, "", "Multicall3 answered %zu of %zu calls",
                         found, count);
    }
    for (size_t i = 0; i < count; i++) {
        struct bytes tuple;
        if (!abi_tuple(elements, i, &tuple) || !abi_bool(tuple, 0, &answers[i].is_ok) ||
            !abi_bytes(tuple, 1, &answers[i].data)) {
            return mete_fail(err, METE_CHAIN_ENCODING, "", "answer %zu of Multicall3 is malformed",
                             i);
        }
    }
    return METE_OK;
}

void call_put_is_valid(struct buf *out, const struct hash *hash, struct bytes signature)
{
    abi_put_selector(out, ABI_IS_VALID_SIGNATURE);
    abi_put_hash(out, hash);
    abi_put_u64(out, 2 * ABI_WORD);
    abi_put_bytes(out, signature);
}

bool eip1271_is_valid(struct bytes answer)
{
    static const uint8_t MAGIC[ABI_WORD] = {0x16, 0x26, 0xba, 0x7e};
    return answer.len == sizeof(MAGIC) && memcmp(answer.p, MAGIC, sizeof(MAGIC)) == 0;
}

bool eip6492_is(struct bytes signature)
{
    if (signature.len < ABI_WORD) {
        return false;
    }
    const uint8_t *end = signature.p + signature.len - ABI_WORD;
    for (size_t i = 0; i < ABI_WORD; i += 2) {
        if (end[i] != 0x64 || end[i + 1] != 0x92) {
            return false;
        }
    }
    return true;
}

enum mete_code eip6492_read(struct bytes signature, struct eip6492 *out, struct mete_err *err)
{
    if (!eip6492_is(signature)) {
        return mete_fail(err, METE_CHAIN_ENCODING, "", "no signature of EIP-6492");
    }
    struct bytes in = {signature.p, signature.len - ABI_WORD};
    struct eip6492 parts;
    if (!abi_address(in, 0, &parts.factory) || !abi_bytes(in, 1, &parts.factory_call) ||
        !abi_bytes(in, 2, &parts.signature)) {
        return mete_fail(err, METE_CHAIN_ENCODING, "",
                         "a signature of EIP-6492 holds a factory, its call and a signature");
    }
    *out = parts;
    return METE_OK;
}

static bool is_log(const struct evm_log *log, const struct hash *topic, size_t topics, size_t len)
{
    return log->topic_count == topics && log->data.len == len && hash_eq(&log->topics[0], topic);
}

static bool topic_address(const struct evm_log *log, size_t i, struct evm_address *out)
{
    return abi_address((struct bytes){log->topics[i].b, sizeof(log->topics[i].b)}, 0, out);
}

bool log_transfer(const struct evm_log *log, struct erc20_transfer *out)
{
    struct erc20_transfer t;
    if (!is_log(log, &EVM_TOPIC_TRANSFER, 3, ABI_WORD) || !topic_address(log, 1, &t.from) ||
        !topic_address(log, 2, &t.to) || !abi_u256(log->data, 0, &t.amount)) {
        return false;
    }
    *out = t;
    return true;
}

bool log_authorization_used(const struct evm_log *log, struct evm_address *authorizer,
                            struct hash *nonce)
{
    if (!is_log(log, &EVM_TOPIC_AUTHORIZATION_USED, 3, 0) || !topic_address(log, 1, authorizer)) {
        return false;
    }
    *nonce = log->topics[2];
    return true;
}
