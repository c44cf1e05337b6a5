/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as answers of contracts, signatures and addresses: what is read lies inside the input,
 * and what has one form is written again as it came. */
#include "base/text.h"
#include "wire/evm/calls.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CALLS_MAX 16

static void is_inside(struct bytes part, struct bytes in)
{
    METE_ASSERT(part.p >= in.p && part.len <= in.len &&
                (size_t)(part.p - in.p) <= in.len - part.len);
}

static void check_answers(struct bytes in)
{
    struct text t;
    struct u256 v;
    bool flag = false;
    if (abi_answer_text(in, &t)) {
        struct buf again = {0};
        is_inside(text_bytes(t), in);
        abi_put_u64(&again, ABI_WORD);
        abi_put_bytes(&again, text_bytes(t));
        METE_ASSERT(again.len == in.len && memcmp(again.p, in.p, in.len) == 0);
        buf_clear(&again);
    }
    if (abi_revert_text(in, &t)) {
        is_inside(text_bytes(t), in);
    }
    METE_ASSERT(abi_answer_u256(in, &v) == (in.len == ABI_WORD));
    METE_ASSERT(!abi_answer_bool(in, &flag) || call_is_done(in) == flag);
    (void)eip1271_is_valid(in);
}

static void check_multicall(struct bytes in, size_t count)
{
    struct multicall_answer answers[CALLS_MAX];
    struct mete_err err = {0};
    if (multicall_read(in, answers, count, &err) != METE_OK) {
        METE_ASSERT(err.code == METE_CHAIN_ENCODING);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        is_inside(answers[i].data, in);
    }
}

static void check_signatures(struct bytes in)
{
    struct eip6492 parts;
    struct evm_signature s;
    uint8_t out[EVM_SIGNATURE_LEN];
    if (eip6492_read(in, &parts, NULL) == METE_OK) {
        METE_ASSERT(eip6492_is(in));
        is_inside(parts.factory_call, in);
        is_inside(parts.signature, in);
    }
    if (evm_signature_read(in, EVM_V_27_28, &s, NULL) == METE_OK) {
        struct hash h = {{1}};
        struct evm_address who;
        evm_signature_write(&s, out);
        METE_ASSERT(memcmp(out, in.p, sizeof(out)) == 0);
        (void)evm_recover(&s, &h, &who, NULL);
    }
}

static void check_address(struct text in)
{
    struct evm_address a;
    char out[EVM_ADDRESS_TEXT_LEN + 1];
    if (evm_address_parse(in, EVM_CHECKSUM_NEEDED, &a, NULL) == METE_OK) {
        evm_address_format(&a, out);
        METE_ASSERT(text_is(in, out));
    }
}

static void check_log(struct bytes in)
{
    struct evm_log log = {.topic_count = 3};
    struct erc20_transfer t;
    struct evm_address who;
    struct hash nonce;
    for (size_t i = 0; i < EVM_TOPICS_MAX && in.len >= ABI_WORD; i++) {
        METE_ASSERT(abi_hash(in, 0, &log.topics[i]));
        in = (struct bytes){in.p + ABI_WORD, in.len - ABI_WORD};
    }
    log.data = in;
    (void)log_transfer(&log, &t);
    (void)log_authorization_used(&log, &who, &nonce);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct bytes in = {data + 1, size - 1};
    check_answers(in);
    check_multicall(in, data[0] % (CALLS_MAX + 1));
    check_signatures(in);
    check_address(bytes_text(in));
    check_log(in);
    return 0;
}
