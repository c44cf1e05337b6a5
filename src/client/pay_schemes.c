/* SPDX-License-Identifier: Apache-2.0
 * The list of schemes that the client pays by. Alone in its file, so that a program can be linked
 * with a list of its own. */
#include "client/pay_evm.h"

const struct pay_scheme *const PAY_SCHEMES[] = {
    &PAY_EXACT_EVM,
    &PAY_UPTO_EVM,
    NULL,
};
