/* SPDX-License-Identifier: Apache-2.0
 * contracts/Batch.sol as bytes. Its constants are compared with contracts/Batch.json by tests. */
#include "wire/evm/batch.h"

#include <string.h>

const struct hash EVM_TOPIC_BATCHED = {{0xf2, 0x02, 0x3c, 0xe1, 0xf0, 0x3b, 0x5a, 0x25,
                                        0xe5, 0xe6, 0x14, 0xcb, 0x34, 0x8f, 0x3a, 0x18,
                                        0xf1, 0x24, 0x4d, 0x53, 0x52, 0xb4, 0x86, 0xe3,
                                        0x91, 0x9d, 0x5a, 0xde, 0x56, 0x3e, 0xec, 0x75}};
const struct hash EVM_BATCH_CODE = {{0x70, 0x84, 0x5c, 0xb7, 0x1f, 0xbb, 0x51, 0xf8,
                                     0x5e, 0x3e, 0xd6, 0xfd, 0x8e, 0x8b, 0x78, 0xaa,
                                     0x33, 0xc2, 0x2d, 0xff, 0xb4, 0x36, 0xad, 0x60,
                                     0x3b, 0x9d, 0xaa, 0x87, 0x8b, 0xdb, 0x14, 0x05}};

void call_put_batch(struct buf *out, const struct evm_address *token, const struct batch_payment *p,
                    size_t count)
{
    METE_ASSERT(count <= BATCH_PAYMENTS_MAX);
    call_put_of(out, ABI_BATCH_PAY, token);
    abi_put_u64(out, 2 * (uint64_t)ABI_WORD);
    abi_put_u64(out, count);
    for (size_t i = 0; i < count; i++) {
        uint8_t amount[U256_LEN];
        u256_to_be(p[i].amount, amount);
        METE_ASSERT(u256_size(p[i].amount) <= ABI_WORD - EVM_ADDRESS_LEN);
        buf_put(out, p[i].to.b, EVM_ADDRESS_LEN);
        buf_put(out, amount + EVM_ADDRESS_LEN, ABI_WORD - EVM_ADDRESS_LEN);
    }
}

static bool words_of(struct bytes data, struct evm_address *token, struct bytes *words,
                     size_t *count)
{
    if (abi_selector(data) != ABI_BATCH_PAY) {
        return false;
    }
    const struct bytes in = {data.p + ABI_SELECTOR, data.len - ABI_SELECTOR};
    return abi_address(in, 0, token) && abi_array(in, 1, 1, words, count) &&
           *count <= BATCH_PAYMENTS_MAX;
}

bool batch_call_read(struct bytes data, struct evm_address *token, size_t *count)
{
    struct bytes words;
    return words_of(data, token, &words, count);
}

bool batch_call_at(struct bytes data, size_t i, struct batch_payment *out)
{
    struct evm_address token;
    struct bytes words;
    size_t count;
    if (!words_of(data, &token, &words, &count) || i >= count) {
        return false;
    }
    const uint8_t *word = words.p + i * ABI_WORD;
    memcpy(out->to.b, word, EVM_ADDRESS_LEN);
    return u256_from_bytes((struct bytes){word + EVM_ADDRESS_LEN, ABI_WORD - EVM_ADDRESS_LEN},
                           &out->amount);
}

static bool topic_is(const struct hash *topic, struct evm_address *out)
{
    return abi_address((struct bytes){topic->b, sizeof topic->b}, 0, out);
}

bool log_batched(const struct evm_log *log, struct evm_address *token, struct evm_address *from,
                 struct u256 *unpaid)
{
    return log->topic_count == 3 && log->data.len == 2 * (size_t)ABI_WORD &&
           hash_eq(&log->topics[0], &EVM_TOPIC_BATCHED) && topic_is(&log->topics[1], token) &&
           topic_is(&log->topics[2], from) && abi_u256(log->data, 1, unpaid);
}

bool batch_bit(struct u256 unpaid, size_t i)
{
    METE_ASSERT(i < BATCH_PAYMENTS_MAX);
    return ((i < 128 ? unpaid.lo >> i : unpaid.hi >> (i - 128)) & 1) != 0;
}
