/* SPDX-License-Identifier: Apache-2.0
 * Anchors and bodies: what is committed, and reading it back. */
#include "base/encode.h"
#include "base/text.h"
#include "rails/evm/evm_parts.h"

#include <stdio.h>
#include <string.h>

struct text evm_hash_text(struct arena *a, const struct hash *h)
{
    char digits[2 * sizeof h->b + 1];
    hex_encode(digits, (struct bytes){h->b, sizeof h->b});
    return arena_printf(a, "0x%s", digits);
}

struct text evm_anchor(struct arena *a, uint64_t chain_id, const struct evm_address *sender,
                       uint64_t nonce, size_t index)
{
    char address[EVM_ADDRESS_TEXT_LEN + 1];
    evm_address_format(sender, address);
    struct text t = arena_printf(a, "eip155:%llu:%s:%llu", (unsigned long long)chain_id, address,
                                 (unsigned long long)nonce);
    return index == 0 ? t : arena_printf(a, "%.*s#%zu", (int)t.len, t.p, index);
}

struct text evm_body(struct arena *a, const struct evm_tx *tx)
{
    struct buf raw = {0};
    evm_tx_put(tx, &raw);
    char *body = arena_alloc(a, 2 * raw.len + 3);
    body[0] = '0';
    body[1] = 'x';
    hex_encode(body + 2, buf_bytes(&raw));
    const size_t len = 2 * raw.len + 2;
    buf_clear(&raw);
    return (struct text){body, len};
}

void evm_body_set(struct arena *a, struct rail_payment *p, const struct evm_tx *tx,
                  const struct evm_address *sender, size_t index)
{
    p->anchor = evm_anchor(a, tx->chain_id, sender, tx->nonce, index);
    p->body[0] = evm_body(a, tx);
    p->body_count = 1;
}

bool evm_sent_read(struct arena *a, uint64_t chain_id, struct text body, struct evm_sent *out)
{
    struct evm_sent s = {.body = body};
    if (!text_starts(body, "0x") || body.len % 2 != 0 || body.len / 2 > EVM_TX_SIZE_MAX) {
        return false;
    }
    const size_t len = body.len / 2 - 1;
    uint8_t *raw = arena_alloc(a, len);
    if (!hex_decode(raw, len, (struct text){body.p + 2, body.len - 2})) {
        return false;
    }
    s.raw = (struct bytes){raw, len};
    if (evm_tx_decode(a, s.raw, &s.tx, NULL) != METE_OK || s.tx.chain_id != chain_id ||
        evm_tx_sender(&s.tx, &s.sender, NULL) != METE_OK) {
        return false;
    }
    s.id = evm_tx_id(s.raw);
    *out = s;
    return true;
}

/** The "#index" behind the anchor of a transaction; false when the anchor is another one. */
static bool anchor_index(struct text anchor, const struct evm_sent *s, size_t *index)
{
    char address[EVM_ADDRESS_TEXT_LEN + 1];
    char bare[RAIL_ANCHOR_MAX];
    u128 i = 0;
    evm_address_format(&s->sender, address);
    int len = snprintf(bare, sizeof bare, "eip155:%llu:%s:%llu", (unsigned long long)s->tx.chain_id,
                       address, (unsigned long long)s->tx.nonce);
    if (!text_starts(anchor, bare)) {
        return false;
    }
    const struct text rest = {anchor.p + len, anchor.len - (size_t)len};
    if (rest.len > 0 &&
        (rest.p[0] != '#' || !u128_parse((struct text){rest.p + 1, rest.len - 1}, &i) ||
         i >= BATCH_PAYMENTS_MAX)) {
        return false;
    }
    *index = (size_t)i;
    return true;
}

static bool paid_by_batch(const struct rail *r, const struct evm_tx *tx, struct evm_paid *out)
{
    struct evm_address token;
    struct batch_payment one;
    if (!batch_call_read(tx->data, &token, &out->batch_count) ||
        !batch_call_at(tx->data, out->index, &one)) {
        return false;
    }
    out->is_batch = true;
    out->token = evm_token_at(r, &token);
    out->to = one.to;
    out->amount = one.amount;
    return out->token != NULL;
}

bool evm_paid_read(const struct rail *r, const struct evm_sent *s, struct text anchor,
                   struct evm_paid *out)
{
    struct evm_paid p = {.batch_count = 1};
    const struct evm_tx *tx = &s->tx;
    const struct bytes arguments = {tx->data.p + ABI_SELECTOR, tx->data.len - ABI_SELECTOR};
    bool ok = !tx->is_create && anchor_index(anchor, s, &p.index);
    if (!ok) {
        return false;
    }
    if (tx->data.len == 0) {
        p.token = evm_token_at(r, NULL);
        p.to = tx->to;
        p.amount = tx->value;
    } else if (abi_selector(tx->data) == ABI_BATCH_PAY) {
        ok = paid_by_batch(r, tx, &p);
    } else {
        ok = abi_selector(tx->data) == ABI_TRANSFER && abi_address(arguments, 0, &p.to) &&
             abi_u256(arguments, 1, &p.amount);
        p.token = evm_token_at(r, &tx->to);
    }
    if (!ok || p.token == NULL || (p.index > 0 && !p.is_batch)) {
        return false;
    }
    *out = p;
    return true;
}
