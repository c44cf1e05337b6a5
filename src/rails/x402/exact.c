/* SPDX-License-Identifier: Apache-2.0
 * Scheme "exact" on EVM chains: the amount that was signed is the amount that moves, by EIP-3009 or
 * by Permit2. Source: x402's specs/schemes/exact/scheme_exact_evm.md. */
#include "rails/x402/evm_case.h"

static bool exact_read(struct x402_case *c)
{
    if (!evm_case_read(c, X402_SCHEME_EXACT)) {
        return false;
    }
    if (c->evm->pay.method == X402_EIP3009) {
        return evm_authorization_check(c);
    }
    return (u256_eq(c->evm->pay.permit2.amount, c->in->requirements.amount) ||
            case_refuse(c, X402_REASON_PERMIT2_AMOUNT)) &&
           evm_permit2_check(c, &EVM_X402_EXACT_PROXY);
}

const struct x402_scheme SCHEME_EXACT_EVM = {
    .name = X402_SCHEME_EXACT,
    .family = X402_FAMILY_EVM,
    .has_v1 = true,
    .read = exact_read,
    .plan = evm_case_plan,
    .ask = evm_case_ask,
    .hear = evm_case_hear,
};
