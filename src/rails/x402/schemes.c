/* SPDX-License-Identifier: Apache-2.0
 * The list of schemes that the facilitator takes. Alone in its file, so that a program can be
 * linked with a list of its own. */
#include "rails/x402/evm_case.h"

const struct x402_scheme *const X402_SCHEMES[] = {
    &SCHEME_EXACT_EVM,
    &SCHEME_UPTO_EVM,
    NULL,
};
