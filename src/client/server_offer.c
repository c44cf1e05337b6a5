/* SPDX-License-Identifier: Apache-2.0
 * An offer as a program writes it, made into one of the protocol. */
#include "client/server_parts.h"

#include "base/text.h"
#include "wire/x402/sale.h"

enum mete_code server_offer_read(struct arena *a, const struct mete_x402_offer *o,
                                 struct server_offer *out, struct mete_err *err)
{
    struct x402_sold sold;
    const struct x402_sale sale = {.pay_to = text_of(o->pay_to),
                                   .network = text_of(o->network),
                                   .asset = text_of(o->asset),
                                   .price = text_of(o->price),
                                   .method = o->is_permit2 ? TEXT("permit2") : TEXT(""),
                                   .name = text_of(o->name),
                                   .version = text_of(o->version),
                                   .has_decimals = o->decimals != 0,
                                   .decimals = o->decimals,
                                   .timeout_s = o->timeout_s,
                                   .is_upto = o->is_upto,
                                   .is_upfront = o->is_upfront};
    enum mete_code code = x402_sale_read(a, &sale, &sold, err);
    if (code == METE_OK) {
        *out = (struct server_offer){.is_upto = o->is_upto, .offer = sold.offer};
    }
    return code;
}
