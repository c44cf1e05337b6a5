/* SPDX-License-Identifier: Apache-2.0
 * What can be said of a payment on an EVM chain without asking a node. Nothing that the payer or
 * the server says is believed: amounts, recipients and times are compared as numbers and bytes.
 * Reasons and their meaning: x402's scheme_exact_evm and scheme_upto, and @x402/evm 2.27.0. */
#include "base/text.h"
#include "core/amount.h"
#include "rails/x402/evm_case.h"

#include <string.h>

static const struct evm_words WORDS_3009 = {
    X402_REASON_EVM_SIGNATURE,   X402_REASON_EVM_RECIPIENT, X402_REASON_EVM_VALID_BEFORE,
    X402_REASON_EVM_VALID_AFTER, X402_REASON_EVM_BALANCE,   X402_REASON_EVM_SIMULATION,
};
static const struct evm_words WORDS_PERMIT2 = {
    X402_REASON_PERMIT2_SIGNATURE, X402_REASON_PERMIT2_RECIPIENT, X402_REASON_PERMIT2_DEADLINE,
    X402_REASON_PERMIT2_NOT_YET,   X402_REASON_PERMIT2_BALANCE,   X402_REASON_PERMIT2_SIMULATION,
};

struct bytes evm_kept(struct arena *a, struct buf *b)
{
    uint8_t *p = arena_alloc(a, b->len > 0 ? b->len : 1);
    const struct bytes out = {p, b->len};
    memcpy(p, b->p, b->len);
    buf_clear(b);
    return out;
}

bool case_refuse(struct x402_case *c, enum x402_reason reason)
{
    c->reason = reason;
    return false;
}

/* --- reading -----------------------------------------------------------------------------------*/

/** What a payment of a network says it is for, held against what the server asks. */
static bool names_fit(struct x402_case *c)
{
    const struct x402_payload *p = &c->in->payload;
    const struct x402_requirements *r = &c->in->requirements;
    const bool is_upto = c->evm->terms.is_upto;
    if (!text_eq(p->scheme, r->scheme)) {
        return case_refuse(c, is_upto ? X402_REASON_UPTO_SCHEME : X402_REASON_EVM_SCHEME);
    }
    if (!text_eq(p->network, r->network)) {
        return case_refuse(c,
                           is_upto ? X402_REASON_UPTO_NETWORK : X402_REASON_EVM_NETWORK_MISMATCH);
    }
    if (!net_takes(c->net, &c->evm->terms.asset)) {
        return case_refuse(c, X402_REASON_ASSET_NOT_ALLOWED);
    }
    i128 unused;
    if (!u256_to_i128(r->amount, &unused) || !amount_in_range(unused)) {
        return case_refuse(c, X402_REASON_INVALID_REQUIREMENTS); /* no book could hold it */
    }
    return true;
}

static bool terms_refuse(struct x402_case *c, const struct mete_err *err)
{
    return case_refuse(c, err->code == METE_X402_NETWORK  ? X402_REASON_INVALID_NETWORK
                          : err->code == METE_X402_SCHEME ? X402_REASON_UNSUPPORTED_METHOD
                                                          : X402_REASON_INVALID_REQUIREMENTS);
}

/** The payer as the payment writes it: who asks gets back what was sent. */
static struct text payer_of(const struct x402_case *c)
{
    const struct json *payload = c->in->payload.payload;
    const bool is_permit = c->evm->pay.method == X402_PERMIT2;
    return json_get(json_get(payload, is_permit ? "permit2Authorization" : "authorization"), "from")
        ->text;
}

static void names_fill(struct x402_case *c)
{
    const struct evm_case *e = c->evm;
    const struct x402_evm_payment *p = &e->pay;
    c->payer = payer_of(c);
    c->from = evm_hex(c->arena, (struct bytes){p->from.b, sizeof p->from.b});
    c->asset = evm_hex(c->arena, (struct bytes){e->terms.asset.b, sizeof e->terms.asset.b});
    c->to = evm_hex(c->arena, (struct bytes){e->terms.pay_to.b, sizeof e->terms.pay_to.b});
    c->charge = c->in->requirements.amount;
    net_asset_code(c->net, &e->terms.asset, c->code);
    const struct net_token *known = net_token(c->net, &e->terms.asset);
    c->is_unlisted = known == NULL;
    c->decimals = known != NULL ? known->scale : 0;
    if (p->method == X402_EIP3009) {
        c->nonce = evm_hex(
            c->arena, (struct bytes){p->authorization.nonce.b, sizeof p->authorization.nonce.b});
    } else {
        c->nonce = u256_text(c->arena, p->permit2.nonce);
    }
}

bool evm_case_read(struct x402_case *c, const char *form)
{
    struct mete_err err;
    struct evm_case *e = arena_alloc(c->arena, sizeof *e);
    struct x402_payload payload = c->in->payload;
    struct x402_requirements asked = c->in->requirements;
    c->evm = e;
    if (text_eq(payload.scheme, asked.scheme)) { /* else it is read as what it says it is */
        payload.scheme = text_of(form);
    }
    asked.scheme = text_of(form);
    if (x402_evm_payment_read(c->arena, &payload, "/paymentPayload", &e->pay, &err) != METE_OK) {
        c->message = arena_printf(c->arena, "%s: %s", err.pointer, err.text);
        return case_refuse(c, X402_REASON_INVALID_PAYLOAD);
    }
    if (x402_evm_terms_read(&asked, "/paymentRequirements", true, &e->terms, &err) != METE_OK) {
        c->message = arena_printf(c->arena, "%s: %s", err.pointer, err.text);
        return terms_refuse(c, &err);
    }
    e->words = e->pay.method == X402_EIP3009 ? &WORDS_3009 : &WORDS_PERMIT2;
    names_fill(c);
    return names_fit(c);
}

/* --- signatures --------------------------------------------------------------------------------*/

static bool signature_unwrap(struct x402_case *c)
{
    struct evm_case *e = c->evm;
    e->signature = e->pay.signature;
    if (!eip6492_is(e->signature)) {
        return true;
    }
    if (eip6492_read(e->pay.signature, &e->wallet, NULL) != METE_OK) {
        return case_refuse(c, e->words->signature);
    }
    e->signature = e->wallet.signature;
    e->is_wrapped = !evm_address_is_zero(&e->wallet.factory);
    return true;
}

bool evm_case_signed(struct x402_case *c)
{
    struct evm_case *e = c->evm;
    struct evm_address who;
    if (!signature_unwrap(c)) {
        return false;
    }
    e->has_form = evm_signature_read(e->signature, EVM_V_27_28, &e->by, NULL) == METE_OK;
    e->is_payers = e->has_form && evm_recover(&e->by, &e->digest, &who, NULL) == METE_OK &&
                   evm_address_eq(&who, &e->pay.from);
    c->is_payers = e->is_payers;
    return true;
}

/* --- the two methods ---------------------------------------------------------------------------*/

bool evm_case_times(struct x402_case *c, struct u256 after, struct u256 before)
{
    const struct evm_words *w = c->evm->words;
    if (u256_cmp(before, u256_of(c->now_s + CASE_MARGIN_S)) < 0) {
        return case_refuse(c, w->too_late);
    }
    if (u256_cmp(after, u256_of(c->now_s)) > 0) {
        return case_refuse(c, w->too_early);
    }
    if (!u256_to_u64(before, &c->until_s)) {
        c->until_s = UINT64_MAX;
    }
    return true;
}

static struct hash digest_of(const struct evm_domain *d, struct hash structure)
{
    const struct hash separator = evm_domain_separator(d);
    return evm_typed_digest(&separator, &structure);
}

bool evm_authorization_check(struct x402_case *c)
{
    struct evm_case *e = c->evm;
    const struct evm_authorization *a = &e->pay.authorization;
    if (e->terms.name.len == 0 || e->terms.version.len == 0) {
        return case_refuse(c, X402_REASON_EVM_MISSING_DOMAIN);
    }
    if (!evm_address_eq(&a->to, &e->terms.pay_to)) {
        return case_refuse(c, e->words->recipient);
    }
    if (!evm_case_times(c, a->valid_after, a->valid_before)) {
        return false;
    }
    if (!u256_eq(a->value, c->in->requirements.amount)) {
        return case_refuse(c, c->in->payload.version == 1 ? X402_REASON_EVM_VALUE_V1
                                                          : X402_REASON_EVM_VALUE);
    }
    const struct evm_domain domain = {.name = e->terms.name,
                                      .version = e->terms.version,
                                      .chain_id = u256_of(e->terms.chain_id),
                                      .contract = e->terms.asset};
    e->digest = digest_of(&domain, evm_transfer_hash(a));
    return evm_case_signed(c);
}

/** The EIP-2612 permit that came with it, by which Permit2 may move the token. */
static bool approval_check(struct x402_case *c)
{
    struct evm_case *e = c->evm;
    struct mete_err err;
    if (x402_eip2612_read(c->arena, &c->in->payload, "/paymentPayload", &e->approval,
                          &e->has_approval, &err) != METE_OK) {
        c->message = arena_printf(c->arena, "%s: %s", err.pointer, err.text);
        return case_refuse(c, X402_REASON_EIP2612_FORMAT);
    }
    if (!e->has_approval) {
        return true;
    }
    const struct evm_permit *p = &e->approval.permit;
    const struct bytes signature = {e->approval.signature, sizeof e->approval.signature};
    if (evm_signature_read(signature, EVM_V_27_28, &e->approval_by, NULL) != METE_OK) {
        return case_refuse(c, X402_REASON_EIP2612_FORMAT);
    }
    if (!evm_address_eq(&p->owner, &e->pay.from)) {
        return case_refuse(c, X402_REASON_EIP2612_FROM);
    }
    if (!evm_address_eq(&e->approval.asset, &e->terms.asset)) {
        return case_refuse(c, X402_REASON_EIP2612_ASSET);
    }
    if (!evm_address_eq(&p->spender, &EVM_PERMIT2)) {
        return case_refuse(c, X402_REASON_EIP2612_SPENDER);
    }
    if (u256_cmp(p->deadline, u256_of(c->now_s + CASE_MARGIN_S)) < 0) {
        return case_refuse(c, X402_REASON_EIP2612_DEADLINE);
    }
    return u256_eq(p->value, e->pay.permit2.amount) ||
           case_refuse(c, X402_REASON_PERMIT2_2612_AMOUNT);
}

bool evm_permit2_check(struct x402_case *c, const struct evm_address *spender)
{
    struct evm_case *e = c->evm;
    const struct evm_permit2 *p = &e->pay.permit2;
    if (!evm_address_eq(&p->spender, spender)) {
        return case_refuse(c, X402_REASON_PERMIT2_SPENDER);
    }
    if (!evm_address_eq(&p->to, &e->terms.pay_to)) {
        return case_refuse(c, e->words->recipient);
    }
    if (!evm_case_times(c, p->valid_after, p->deadline)) {
        return false;
    }
    if (!evm_address_eq(&p->token, &e->terms.asset)) {
        return case_refuse(c, X402_REASON_PERMIT2_TOKEN);
    }
    if (!approval_check(c)) {
        return false;
    }
    const struct evm_domain domain = evm_permit2_domain(u256_of(e->terms.chain_id));
    e->digest = digest_of(&domain, evm_permit2_hash(p));
    return evm_case_signed(c);
}
