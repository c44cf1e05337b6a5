/* SPDX-License-Identifier: Apache-2.0
 * A scheme by its name, and what a receipt proves. */
#include "base/text.h"
#include "rails/x402/evm_case.h"

const struct x402_scheme *x402_scheme_find(struct text name, enum x402_family family)
{
    for (size_t i = 0; X402_SCHEMES[i] != NULL; i++) {
        if (X402_SCHEMES[i]->family == family && text_is(name, X402_SCHEMES[i]->name)) {
            return X402_SCHEMES[i];
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
