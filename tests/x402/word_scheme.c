/* SPDX-License-Identifier: Apache-2.0
 * A scheme of x402 that mete does not have, whole: "word" is as "exact" by EIP-3009, and the payer
 * says a word besides, which the server's extra.word has agreed with him. Linked in place of both
 * lists, beside the ones that are usual: test_schemes.py runs that program. */
#include "base/text.h"
#include "client/pay_evm.h"
#include "rails/x402/evm_case.h"
#include "wire/json.h"

#define SCHEME_WORD "word"

/* --- the facilitator ---------------------------------------------------------------------------*/

static bool is_said(struct x402_case *c)
{
    const struct json *said = json_get(c->in->payload.payload, "word");
    const struct text wanted = x402_requirements_extra(&c->in->requirements, "word");
    if (wanted.len > 0 && said != NULL && said->type == JSON_STRING &&
        text_eq(said->text, wanted)) {
        return true;
    }
    c->message = TEXT("the word is not the one that was agreed: payload.word has to be extra.word");
    return case_refuse(c, X402_REASON_INVALID_PAYLOAD);
}

static bool word_read(struct x402_case *c)
{
    if (!evm_case_read(c, X402_SCHEME_EXACT)) {
        return false;
    }
    return (c->evm->pay.method == X402_EIP3009 ||
            case_refuse(c, X402_REASON_UNSUPPORTED_PAYLOAD)) &&
           is_said(c) && evm_authorization_check(c);
}

static void word_extra(const struct net *n, struct buf *out)
{
    (void)n;
    buf_put_str(out, "{\"length\":64}");
}

static const struct x402_scheme SCHEME_WORD_EVM = {
    .name = SCHEME_WORD,
    .family = X402_FAMILY_EVM,
    .kind_extra = word_extra,
    .read = word_read,
    .plan = evm_case_plan,
    .ask = evm_case_ask,
    .hear = evm_case_hear,
};

const struct x402_scheme *const X402_SCHEMES[] = {
    &SCHEME_EXACT_EVM,
    &SCHEME_UPTO_EVM,
    &SCHEME_WORD_EVM,
    NULL,
};

/* --- the client --------------------------------------------------------------------------------*/

static enum mete_client_refusal offer_read(struct pay_offer *p)
{
    return pay_evm_read(p, X402_SCHEME_EXACT);
}

static bool offer_is_complete(const struct pay_offer *p)
{
    return pay_evm_is_complete(p) && x402_requirements_extra(&p->r, "word").len > 0;
}

static void offer_sign(struct pay_key *key, const struct pay_signing *s, struct pay_entry *e,
                       struct buf *out)
{
    pay_evm_sign(key, s, e, out);
    out->len--; /* the object stays open for one more member */
    buf_put_str(out, ",\"word\":");
    json_put_string(out, x402_requirements_extra(&s->offers->offer[s->pick].r, "word"));
    buf_put_u8(out, '}');
}

static const struct pay_scheme PAY_WORD_EVM = {
    .name = SCHEME_WORD,
    .family = X402_FAMILY_EVM,
    .read = offer_read,
    .is_complete = offer_is_complete,
    .sign = offer_sign,
};

const struct pay_scheme *const PAY_SCHEMES[] = {
    &PAY_EXACT_EVM,
    &PAY_UPTO_EVM,
    &PAY_WORD_EVM,
    NULL,
};
