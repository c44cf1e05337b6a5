/* SPDX-License-Identifier: Apache-2.0
 * Transactions from what a settlement says, signed. The key never leaves the account. */
#include "http/facilitator/sign.h"

#include "base/encode.h"
#include "base/text.h"
#include "wire/evm/hex.h"

#include <string.h>

#define TX_MAX ((size_t)128 << 10) /* bytes of call data: more is not relayed by nodes */

static bool account(void *ctx, struct text network, struct text *out)
{
    static _Thread_local char text[EVM_ADDRESS_TEXT_LEN + 1];
    const struct net *n = nets_find_id(ctx, network);
    if (n == NULL || n->account == NULL) {
        return false;
    }
    const struct evm_address *me = evm_signer_address(n->account);
    memcpy(text, "0x", 2);
    hex_encode(text + 2, (struct bytes){me->b, sizeof me->b});
    *out = (struct text){text, EVM_ADDRESS_TEXT_LEN};
    return true;
}

static bool data_read(struct arena *a, struct text t, struct bytes *out)
{
    return t.len == 0 || (t.len / 2 <= TX_MAX && evm_hex_read(a, t, out));
}

static bool sign(void *ctx, struct arena *a, const struct x402_signing *s, struct text *raw,
                 struct text *transaction)
{
    const struct net *n = nets_find_id(ctx, text_of(s->network));
    struct evm_tx tx = {.type = s->tip_max.len > 0 ? EVM_TX_FEE_MARKET : EVM_TX_LEGACY,
                        .nonce = s->account_nonce,
                        .gas = s->gas};
    if (n == NULL || n->account == NULL || s->gas == 0 || s->gas > n->gas_max ||
        !u256_parse(s->fee_max, &tx.fee_max) || tx.fee_max.hi != 0 || tx.fee_max.lo > n->fee_max ||
        (s->tip_max.len > 0 && !u256_parse(s->tip_max, &tx.tip_max)) ||
        u256_cmp(tx.tip_max, tx.fee_max) > 0 || /* no node would take it */
        evm_address_parse(s->to, EVM_CHECKSUM_OPTIONAL, &tx.to, NULL) != METE_OK ||
        !data_read(a, s->data, &tx.data)) {
        return false;
    }
    struct buf out = {0};
    tx.chain_id = n->chain_id;
    evm_signer_sign(n->account, &tx);
    evm_tx_put(&tx, &out);
    const struct hash id = evm_tx_id(buf_bytes(&out));
    *raw = evm_hex(a, buf_bytes(&out));
    *transaction = evm_hash_text(a, &id);
    buf_clear(&out);
    return true;
}

struct x402_signer facilitator_signer(struct nets *nets)
{
    return (struct x402_signer){.ctx = nets, .account = account, .sign = sign};
}
