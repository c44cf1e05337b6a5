/* SPDX-License-Identifier: Apache-2.0
 * Making the payment for an offer: what is signed, and the header that carries it. What the server
 * said is echoed by its bytes. */
#ifndef METE_CLIENT_PAY_SIGN_H
#define METE_CLIENT_PAY_SIGN_H

#include "client/pay_history.h"
#include "client/pay_key.h"
#include "client/pay_offer.h"

struct pay_signing {
    const struct pay_offers *offers;
    size_t pick;
    mete_time now;
    unsigned validity_max_s;
    const char *identifier; /* for the extension payment-identifier; NULL: the entry's id */
    bool has_permit;        /* a permit of EIP-2612 goes along, with this nonce of the token's */
    struct u256 permit_nonce;
};

/** The offer that is paid; it lives as long as s->offers. */
const struct pay_offer *pay_signing_offer(const struct pay_signing *s);
/** Whether a permit may go along: the server pays its gas, and the token's domain is known. */
bool pay_permit_is_wanted(const struct pay_offers *o, size_t pick);

/** Signs, and fills what an entry says of the payment: header and all from `at` on; its id is made
 *  here. False: the header is larger than may be sent. */
bool pay_sign(struct pay_key *key, const struct pay_signing *s, struct pay_entry *e);

#endif
