/* SPDX-License-Identifier: Apache-2.0
 * Anchors and bodies: what is committed, and reading it back. */
#include "base/text.h"
#include "rails/evm/evm_parts.h"

#include <stdio.h>
#include <string.h>

struct text evm_anchor(struct arena *a, uint64_t chain_id, const struct evm_address *sender,
                       uint64_t nonce, size_t index)
{
    char address[EVM_ADDRESS_TEXT_LEN + 1];
    evm_address_format(sender, address);
    struct text t = arena_printf(a, "eip155:%llu:%s:%llu", (unsigned long long)chain_id, address,
                                 (unsigned long long)nonce);
    return index == 0 ? t : arena_printf(a, "%.*s#%zu", (int)t.len, t.p, index);
}

struct text evm_body(struct arena *a, const struct evm_tx *const *tx, size_t count)
{
    struct buf body = {0}, raw = {0};
    for (size_t i = 0; i < count; i++) {
        buf_reset(&raw);
        evm_tx_put(tx[i], &raw);
        buf_put_str(&body, i > 0 ? "," : "");
        evm_hex_put(&body, buf_bytes(&raw));
    }
    const struct text text = arena_text(a, buf_text(&body));
    buf_clear(&raw);
    buf_clear(&body);
    return text;
}

void evm_body_set(struct arena *a, struct rail_payment *p, const struct evm_tx *tx,
                  const struct evm_address *sender, size_t index)
{
    p->anchor = evm_anchor(a, tx->chain_id, sender, tx->nonce, index);
    p->body[0] = evm_body(a, &tx, 1);
    p->body_count = 1;
}

/** One transaction: "0x" and its digits. */
static bool tx_read(struct arena *a, uint64_t chain_id, struct text hex, struct evm_fill *out,
                    struct evm_address *sender)
{
    return evm_hex_read(a, hex, &out->raw) &&
           evm_tx_decode(a, out->raw, &out->tx, NULL) == METE_OK && out->tx.chain_id == chain_id &&
           evm_tx_sender(&out->tx, sender, NULL) == METE_OK;
}

/** Whether a transaction moves nothing, and stands before the payment. */
static bool fill_ok(const struct evm_fill *f, const struct evm_address *sender,
                    const struct evm_sent *s)
{
    const struct evm_tx *tx = &f->tx;
    return tx->type == EVM_TX_FEE_MARKET && !tx->is_create && tx->data.len == 0 &&
           tx->access_count == 0 && u256_is_zero(tx->value) && evm_address_eq(&tx->to, sender) &&
           evm_address_eq(sender, &s->sender) && tx->nonce < s->tx.nonce;
}

/** What stands before the payment. */
static bool fills_read(struct arena *a, uint64_t chain_id, struct text text, struct evm_sent *s)
{
    s->fill = text.len > 0 ? arena_array(a, EVM_FILLS_MAX, sizeof *s->fill) : NULL;
    while (text.len > 0) {
        struct evm_address sender;
        const char *comma = memchr(text.p, ',', text.len);
        const struct text one = {text.p, (size_t)(comma - text.p)}; /* each has one behind it */
        struct evm_fill *f = &s->fill[s->fill_count];
        if (s->fill_count == EVM_FILLS_MAX || !tx_read(a, chain_id, one, f, &sender) ||
            !fill_ok(f, &sender, s)) {
            return false;
        }
        s->fill_count++;
        text = (struct text){comma + 1, text.len - one.len - 1};
    }
    return true;
}

bool evm_sent_read(struct arena *a, uint64_t chain_id, struct text body, struct evm_sent *out)
{
    struct evm_sent s = {.body = body};
    struct evm_fill payment;
    const char *comma = body.len > 0 ? memrchr(body.p, ',', body.len) : NULL;
    const size_t before = comma != NULL ? (size_t)(comma - body.p) + 1 : 0;
    if (body.len / 2 > EVM_TX_SIZE_MAX ||
        !tx_read(a, chain_id, (struct text){body.p + before, body.len - before}, &payment,
                 &s.sender)) {
        return false;
    }
    s.raw = payment.raw;
    s.tx = payment.tx;
    s.id = evm_tx_id(s.raw);
    if (!fills_read(a, chain_id, (struct text){body.p, before}, &s)) {
        return false;
    }
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

void evm_lane_use(struct lane *l, const struct evm_sent *s)
{
    for (size_t i = 0; i < s->fill_count; i++) {
        lane_use(l, s->tx.chain_id, &s->sender, s->fill[i].tx.nonce);
    }
    lane_use(l, s->tx.chain_id, &s->sender, s->tx.nonce);
}
