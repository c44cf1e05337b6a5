/* SPDX-License-Identifier: Apache-2.0
 * Scheme "exact" on EVM chains: pays what the offer asks, by EIP-3009 or by Permit2. */
#include "client/pay_evm.h"

static enum mete_client_refusal exact_read(struct pay_offer *p)
{
    return pay_evm_read(p, X402_SCHEME_EXACT);
}

const struct pay_scheme PAY_EXACT_EVM = {
    .name = X402_SCHEME_EXACT,
    .family = X402_FAMILY_EVM,
    .read = exact_read,
    .is_complete = pay_evm_is_complete,
    .sign = pay_evm_sign,
};
