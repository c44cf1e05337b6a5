/* SPDX-License-Identifier: Apache-2.0
 * Scheme "upto" on EVM chains: a permit for the most, of which the facilitator that it names takes
 * what was used. Verifying asks for the most, settling for what is charged.
 * Source: x402's specs/schemes/upto/scheme_upto_evm.md. */
#include "rails/x402/evm_case.h"
#include "wire/json.h"

static bool amount_fits(struct x402_case *c)
{
    const struct u256 asked = c->in->requirements.amount;
    const struct u256 most = c->evm->pay.permit2.amount;
    if (!c->settles) {
        return u256_eq(asked, most) || case_refuse(c, X402_REASON_PERMIT2_AMOUNT);
    }
    return u256_cmp(asked, most) <= 0 || case_refuse(c, X402_REASON_UPTO_EXCEEDS);
}

static bool upto_read(struct x402_case *c)
{
    if (!evm_case_read(c, X402_SCHEME_UPTO)) {
        return false;
    }
    const struct evm_permit2 *p = &c->evm->pay.permit2;
    if (c->evm->pay.method != X402_PERMIT2) {
        return case_refuse(c, X402_REASON_UNSUPPORTED_PAYLOAD);
    }
    if (c->net->account == NULL ||
        !evm_address_eq(&p->facilitator, evm_signer_address(c->net->account))) {
        return case_refuse(c, X402_REASON_UPTO_FACILITATOR);
    }
    return amount_fits(c) && evm_permit2_check(c, &EVM_X402_UPTO_PROXY);
}

static void upto_extra(const struct net *n, struct buf *out)
{
    char address[EVM_ADDRESS_TEXT_LEN + 1];
    struct json_writer w;
    evm_address_format(evm_signer_address(n->account), address);
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    jw_str(&w, "facilitatorAddress", address);
    jw_end_object(&w);
}

const struct x402_scheme SCHEME_UPTO_EVM = {
    .name = X402_SCHEME_UPTO,
    .family = X402_FAMILY_EVM,
    .has_charge = true,
    .kind_extra = upto_extra,
    .read = upto_read,
    .plan = evm_case_plan,
    .ask = evm_case_ask,
    .hear = evm_case_hear,
};
