/* SPDX-License-Identifier: Apache-2.0
 * Scheme "upto" on EVM chains: signs a permit for the most that the offer may cost. */
#include "client/pay_evm.h"

static enum mete_client_refusal upto_read(struct pay_offer *p)
{
    return pay_evm_read(p, X402_SCHEME_UPTO);
}

const struct pay_scheme PAY_UPTO_EVM = {
    .name = X402_SCHEME_UPTO,
    .family = X402_FAMILY_EVM,
    .read = upto_read,
    .is_complete = pay_evm_is_complete,
    .sign = pay_evm_sign,
};
