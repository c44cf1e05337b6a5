/* SPDX-License-Identifier: Apache-2.0
 * A payment: the part that its scheme signs, the extensions beside it, and the header. */
#include "client/pay_sign.h"

#include "base/encode.h"
#include "base/text.h"
#include "client/pay_evm.h"
#include "crypto/seal.h"
#include "wire/x402/identifier.h"
#include "wire/x402/payload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct pay_offer *pay_signing_offer(const struct pay_signing *s)
{
    return &s->offers->offer[s->pick];
}

/* --- extensions --------------------------------------------------------------------------------*/

bool pay_permit_is_wanted(const struct pay_offers *o, size_t pick)
{
    const struct pay_offer *p = &o->offer[pick];
    return p->terms.method == X402_PERMIT2 && p->terms.name.len > 0 && p->terms.version.len > 0 &&
           json_get(o->extensions, X402_EXTENSION_EIP2612) != NULL;
}

static void permit_put(struct pay_key *key, const struct pay_signing *s, const struct pay_entry *e,
                       const struct json *advertised, struct buf *out)
{
    const struct pay_offer *p = pay_signing_offer(s);
    struct x402_eip2612 permit = {.asset = p->terms.asset,
                                  .permit = {.owner = *pay_key_address(key),
                                             .spender = EVM_PERMIT2,
                                             .value = p->r.amount,
                                             .nonce = s->permit_nonce,
                                             .deadline = pay_evm_seconds(e->valid_until_s)}};
    const struct evm_domain domain = pay_evm_domain(&p->terms);
    pay_evm_digest_sign(key, &domain, evm_permit_hash(&permit.permit), permit.signature);
    x402_eip2612_write(out, advertised, &permit);
}

/** What the server advertised comes back as it was; only what is ours to answer is answered. */
static void extensions_put(struct pay_key *key, const struct pay_signing *s,
                           const struct pay_entry *e, struct buf *out)
{
    const struct json *all = s->offers->extensions;
    char own[sizeof "pay_" + ENTRY_ID_LEN];
    const char *id = s->identifier;
    size_t count = 0;
    snprintf(own, sizeof own, "pay_%s", e->id);
    id = id != NULL && x402_identifier_ok(text_of(id)) ? id : own;
    buf_put_u8(out, '{');
    for (const struct json *j = all != NULL ? all->child : NULL; j != NULL; j = j->next) {
        const bool is_permit = text_is(j->key, X402_EXTENSION_EIP2612);
        if (text_is(j->key, X402_EXTENSION_ERC20) || (is_permit && !s->has_permit)) {
            continue; /* nothing to say: leaving one out is allowed, half of one is not */
        }
        buf_put_str(out, count++ > 0 ? "," : "");
        json_put_string(out, j->key);
        buf_put_u8(out, ':');
        if (is_permit) {
            permit_put(key, s, e, j, out);
        } else if (text_is(j->key, X402_EXTENSION_IDENTIFIER) && x402_identifier_advertised(all)) {
            x402_identifier_write(out, j, text_of(id));
        } else {
            buf_put_text(out, j->raw);
        }
    }
    buf_put_u8(out, '}');
    if (count == 0) {
        buf_reset(out);
    }
}

/* --- the payment -------------------------------------------------------------------------------*/

static void entry_fill(struct pay_key *key, const struct pay_signing *s, struct pay_entry *e)
{
    const struct pay_offer *p = pay_signing_offer(s);
    const unsigned wanted = p->r.timeout_s;
    const unsigned validity = wanted < s->validity_max_s ? wanted : s->validity_max_s;
    uint8_t id[ENTRY_ID_LEN / 2];
    char address[EVM_ADDRESS_TEXT_LEN + 1];
    random_bytes(id, sizeof id);
    hex_encode(e->id, (struct bytes){id, sizeof id});
    e->state = METE_CLIENT_STATE_SIGNED;
    e->at = s->now;
    e->valid_until_s = s->now / TIME_SECOND_US + validity;
    e->version = s->offers->version;
    e->decimals = p->shown.decimals;
    e->is_permit2 = p->shown.is_permit2;
    (void)text_copy(e->scheme, sizeof e->scheme, text_of(p->shown.scheme));
    (void)text_copy(e->network, sizeof e->network, text_of(p->shown.network));
    (void)text_copy(e->symbol, sizeof e->symbol, text_of(p->shown.symbol));
    (void)text_copy(e->amount, sizeof e->amount, p->r.amount_text);
    evm_address_format(&p->terms.asset, address);
    (void)text_copy(e->asset, sizeof e->asset, text_of(address));
    evm_address_format(&p->terms.pay_to, address);
    (void)text_copy(e->pay_to, sizeof e->pay_to, text_of(address));
    evm_address_format(pay_key_address(key), address);
    (void)text_copy(e->payer, sizeof e->payer, text_of(address));
}

bool pay_sign(struct pay_key *key, const struct pay_signing *s, struct pay_entry *e)
{
    const struct pay_offer *p = pay_signing_offer(s);
    const struct json *resource = s->offers->resource;
    struct buf payload = {0};
    struct buf extensions = {0};
    struct buf json = {0};
    struct buf header = {0};
    entry_fill(key, s, e);
    p->scheme->sign(key, s, e, &payload);
    extensions_put(key, s, e, &extensions);
    const struct x402_paying paying = {.version = s->offers->version,
                                       .scheme = p->r.scheme,
                                       .network = p->r.network,
                                       .accepted = p->r.json->raw,
                                       .resource = resource != NULL ? resource->raw : TEXT(""),
                                       .payload = buf_text(&payload),
                                       .extensions = buf_text(&extensions)};
    x402_payload_write(&json, &paying);
    x402_header_write(&header, buf_text(&json));
    const bool fits = header.len <= X402_HEADER_MAX;
    e->header = strndup((const char *)header.p, header.len);
    METE_ASSERT(e->header != NULL);
    buf_clear(&payload);
    buf_clear(&extensions);
    buf_clear(&json);
    buf_clear(&header);
    return fits;
}
