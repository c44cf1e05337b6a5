/* SPDX-License-Identifier: Apache-2.0
 * Terms and signatures of EVM chains: EIP-3009, and Permit2 with x402's witnesses. */
#include "client/pay_evm.h"

#include "base/encode.h"
#include "crypto/seal.h"
#include "wire/x402/payload.h"

#include <stdio.h>

#define EARLY_S 600 /* version 1: a payment is valid from so long ago, for clocks that differ */

struct u256 pay_evm_seconds(int64_t at)
{
    return u256_of((u128)at);
}

static struct hash random_word(void)
{
    struct hash h;
    random_bytes(h.b, sizeof h.b);
    return h;
}

struct evm_domain pay_evm_domain(const struct x402_evm_terms *t)
{
    return (struct evm_domain){t->name, t->version, u256_of(t->chain_id), t->asset};
}

void pay_evm_digest_sign(struct pay_key *key, const struct evm_domain *domain,
                         struct hash structure, uint8_t out[EVM_SIGNATURE_LEN])
{
    const struct hash separator = evm_domain_separator(domain);
    const struct hash digest = evm_typed_digest(&separator, &structure);
    pay_key_sign(key, &digest, out);
}

/* --- terms -------------------------------------------------------------------------------------*/

enum mete_client_refusal pay_evm_read(struct pay_offer *p, const char *form)
{
    struct mete_err err;
    struct x402_requirements r = p->r;
    r.scheme = text_of(form);
    const enum mete_code code = x402_evm_terms_read(&r, "", false, &p->terms, &err);
    if (code != METE_OK) {
        return code == METE_X402_NETWORK  ? METE_CLIENT_OFFER_NETWORK
               : code == METE_X402_SCHEME ? METE_CLIENT_OFFER_SCHEME
                                          : METE_CLIENT_OFFER_ADDRESS;
    }
    p->shown.is_permit2 = p->terms.method == X402_PERMIT2;
    const bool is_version_fine = p->r.version == 2 || !p->shown.is_permit2;
    return is_version_fine ? METE_CLIENT_OFFER_FINE : METE_CLIENT_OFFER_SCHEME;
}

bool pay_evm_is_complete(const struct pay_offer *p)
{
    return p->terms.method == X402_PERMIT2 ? !p->terms.is_upto || p->terms.has_facilitator
                                           : p->terms.name.len > 0 && p->terms.version.len > 0;
}

/* --- the two methods ---------------------------------------------------------------------------*/

static void authorization_sign(struct pay_key *key, const struct pay_signing *s,
                               struct pay_entry *e, struct buf *out)
{
    const struct pay_offer *p = pay_signing_offer(s);
    const int64_t now_s = s->now / TIME_SECOND_US;
    uint8_t signature[EVM_SIGNATURE_LEN];
    const struct evm_authorization a = {
        .from = *pay_key_address(key),
        .to = p->terms.pay_to,
        .value = p->r.amount,
        .valid_after = pay_evm_seconds(s->offers->version == 1 ? now_s - EARLY_S : 0),
        .valid_before = pay_evm_seconds(e->valid_until_s),
        .nonce = random_word()};
    const struct evm_domain domain = pay_evm_domain(&p->terms);
    char hex[65];
    pay_evm_digest_sign(key, &domain, evm_transfer_hash(&a), signature);
    hash_hex(&a.nonce, hex);
    snprintf(e->nonce, sizeof e->nonce, "0x%s", hex);
    x402_authorization_write(out, &a, (struct bytes){signature, sizeof signature});
}

static void permit2_sign(struct pay_key *key, const struct pay_signing *s, struct pay_entry *e,
                         struct buf *out)
{
    const struct pay_offer *p = pay_signing_offer(s);
    const struct hash nonce = random_word();
    uint8_t signature[EVM_SIGNATURE_LEN];
    const struct evm_permit2 permit = {.token = p->terms.asset,
                                       .amount = p->r.amount,
                                       .spender = p->terms.is_upto ? EVM_X402_UPTO_PROXY
                                                                   : EVM_X402_EXACT_PROXY,
                                       .nonce = u256_from_be(nonce.b),
                                       .deadline = pay_evm_seconds(e->valid_until_s),
                                       .to = p->terms.pay_to,
                                       .valid_after = u256_of(0),
                                       .has_facilitator = p->terms.is_upto,
                                       .facilitator = p->terms.facilitator};
    const struct evm_domain domain = evm_permit2_domain(u256_of(p->terms.chain_id));
    pay_evm_digest_sign(key, &domain, evm_permit2_hash(&permit), signature);
    char text[U256_TEXT_MAX];
    (void)u256_format(permit.nonce, text);
    (void)text_copy(e->nonce, sizeof e->nonce, text_of(text));
    x402_permit2_write(out, &permit, pay_key_address(key),
                       (struct bytes){signature, sizeof signature});
}

void pay_evm_sign(struct pay_key *key, const struct pay_signing *s, struct pay_entry *e,
                  struct buf *out)
{
    if (pay_signing_offer(s)->terms.method == X402_PERMIT2) {
        permit2_sign(key, s, e, out);
    } else {
        authorization_sign(key, s, e, out);
    }
}
