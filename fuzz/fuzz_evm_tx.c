/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as RLP and as a transaction: refused, or in their one form, so that writing what was
 * read gives the very same bytes. Memory stays in proportion to the input. */
#include "base/arena.h"
#include "wire/evm/rlp.h"
#include "wire/evm/tx.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEPTH_MAX 64

static void same_bytes(const struct buf *again, struct bytes in)
{
    METE_ASSERT(again->len == in.len && (in.len == 0 || memcmp(again->p, in.p, in.len) == 0));
}

static bool copy_items(struct bytes in, struct buf *out, unsigned depth)
{
    struct rlp_item item;
    while (in.len > 0) {
        size_t before = in.len;
        if (depth > DEPTH_MAX || !rlp_next(&in, &item)) {
            return false;
        }
        METE_ASSERT(in.len < before && item.body.len <= before);
        size_t start = rlp_list_begin(out);
        if (!item.is_list) {
            rlp_put_bytes(out, item.body);
        } else if (copy_items(item.body, out, depth + 1)) {
            rlp_list_end(out, start);
        } else {
            return false;
        }
    }
    return true;
}

static void check_rlp(struct bytes in)
{
    struct buf again = {0};
    struct rlp_item item;
    if (rlp_whole(in, &item) && copy_items(in, &again, 0)) {
        same_bytes(&again, in);
    }
    buf_clear(&again);
}

static void check_tx(struct bytes in)
{
    struct arena a;
    struct evm_tx tx;
    struct mete_err err = {0};
    arena_init(&a, EVM_TX_ARENA_MAX(in.len));
    enum mete_code code = evm_tx_decode(&a, in, &tx, &err);
    if (code == METE_OK) {
        struct buf again = {0};
        struct evm_address who;
        evm_tx_put(&tx, &again);
        same_bytes(&again, in);
        buf_clear(&again);
        (void)evm_tx_sender(&tx, &who, &err);
        for (size_t i = 0; i < tx.delegation_count; i++) {
            (void)evm_delegation_signer(&tx.delegations[i], &who, &err);
        }
    } else {
        METE_ASSERT(code == METE_CHAIN_ENCODING || code == METE_CHAIN_SIGNATURE);
        METE_ASSERT(err.code == code && err.text[0] != '\0');
    }
    arena_clear(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = {data, size};
    check_rlp(in);
    check_tx(in);
    return 0;
}
