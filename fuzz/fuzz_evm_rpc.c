/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as what a node answers: refused, or every request has the one answer that is its own;
 * receipts and blocks out of them take no more memory than they say. */
#include "base/text.h"
#include "wire/evm/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COUNT_MAX 8

static void use(struct arena *a, const struct rpc_answer *answer)
{
    struct evm_receipt receipt;
    struct evm_block block;
    struct erc20_transfer t;
    struct mete_err err = {0};
    struct bytes revert;
    METE_ASSERT(answer->is_error == (answer->result == NULL));
    if (answer->is_error) {
        METE_ASSERT(answer->error_text.p != NULL || answer->error_text.len == 0);
        (void)rpc_revert_data(a, answer, &revert);
        return;
    }
    if (rpc_receipt_read(a, answer->result, &receipt, &err) == METE_OK) {
        for (size_t i = 0; i < receipt.log_count; i++) {
            METE_ASSERT(receipt.logs[i].topic_count <= EVM_TOPICS_MAX);
            (void)log_transfer(&receipt.logs[i], &t);
        }
    } else {
        METE_ASSERT(err.code == METE_RPC_ANSWER && err.pointer[0] == '/');
    }
    (void)rpc_block_read(answer->result, &block, NULL);
}

/* A quantity has one form but for the case of its digits. */
static void check_quantity(struct text in)
{
    struct u256 v, again;
    char text[U256_HEX_MAX];
    if (u256_parse_quantity(in, &v)) {
        size_t len = u256_format_quantity(v, text);
        METE_ASSERT(len == in.len);
        METE_ASSERT(u256_parse_quantity((struct text){text, len}, &again) && u256_eq(v, again));
    }
    char decimal[U256_TEXT_MAX];
    if (u256_parse(in, &v)) {
        METE_ASSERT(text_eq((struct text){decimal, u256_format(v, decimal)}, in));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t count = data[0] % (COUNT_MAX + 1);
    struct text in = bytes_text((struct bytes){data + 1, size - 1});
    struct rpc_answer answers[COUNT_MAX];
    struct mete_err err = {0};
    struct arena a;
    /* error data as bytes come on top of what a receipt takes */
    arena_init(&a, JSON_ARENA_MAX(in.len) + 2 * RPC_RECEIPT_ARENA_MAX(in.len));
    if (rpc_answers_read(&a, in, 1, answers, count, &err) == METE_OK) {
        for (size_t i = 0; i < count; i++) {
            use(&a, &answers[i]);
        }
    } else {
        METE_ASSERT(err.code == METE_RPC_ANSWER && err.text[0] != '\0');
        METE_ASSERT(text_is_utf8(text_of(err.text)));
    }
    arena_clear(&a);
    check_quantity(in);
    return 0;
}
