/* SPDX-License-Identifier: Apache-2.0
 * The list of schemes, and what a receipt proves. */
#include "base/text.h"
#include "rails/x402/evm_case.h"

static const struct x402_scheme *const SCHEMES[] = {
    &SCHEME_EXACT_EVM,
    &SCHEME_UPTO_EVM,
};

const struct x402_scheme *x402_scheme_at(size_t i)
{
    return i < ARRAY_LEN(SCHEMES) ? SCHEMES[i] : NULL;
}

const struct x402_scheme *x402_scheme_find(struct text name, enum x402_family family)
{
    for (size_t i = 0; i < ARRAY_LEN(SCHEMES); i++) {
        if (SCHEMES[i]->family == family && text_is(name, SCHEMES[i]->name)) {
            return SCHEMES[i];
        }
    }
    return NULL;
}

struct x402_mined x402_mined_of(const struct evm_receipt *r, const struct evm_address *asset,
                                const struct evm_address *from, const struct evm_address *to,
                                struct u256 value)
{
    struct x402_mined out = {.is_ok = r->is_ok};
    for (size_t i = 0; r->is_ok && i < r->log_count; i++) {
        struct erc20_transfer t;
        out.has_paid |= evm_address_eq(&r->logs[i].address, asset) &&
                        log_transfer(&r->logs[i], &t) && evm_address_eq(&t.from, from) &&
                        evm_address_eq(&t.to, to) && u256_eq(t.amount, value);
    }
    return out;
}
