/* SPDX-License-Identifier: Apache-2.0
 * The port to a scheme of x402 for who pays: what an offer means, and what is signed. What all
 * schemes share is elsewhere: limits, networks and assets that are allowed (pay_offer.c), the
 * history and the header (pay_sign.c). Adding a scheme is a file that fills a struct pay_scheme and
 * one line in the list of pay_schemes.c. The facilitator's side of it: rails/x402/scheme.h. */
#ifndef METE_CLIENT_PAY_SCHEME_H
#define METE_CLIENT_PAY_SCHEME_H

#include "base/buf.h"
#include "base/text.h"
#include "mete/client.h"
#include "wire/x402/network.h"

struct pay_entry;
struct pay_key;
struct pay_offer;
struct pay_signing;

struct pay_scheme {
    const char *name;
    enum x402_family family;
    /** Reads what an offer means: fills p->terms, and shown.is_permit2. What is not understood is
     *  refused. */
    enum mete_client_refusal (*read)(struct pay_offer *p);
    /** Whether the offer says all that has to be signed. It was read. */
    bool (*is_complete)(const struct pay_offer *p);
    /** Signs the offer that s->pick names, until e->valid_until_s. Appends the scheme's part of the
     *  payment to `out`, a JSON object; fills e->nonce. */
    void (*sign)(struct pay_key *key, const struct pay_signing *s, struct pay_entry *e,
                 struct buf *out);
};

/** The list, which NULL ends: all that pay_schemes.c has. A program may be linked with its own. */
extern const struct pay_scheme *const PAY_SCHEMES[];

/** NULL: none of this name for networks of this kind. */
const struct pay_scheme *pay_scheme_find(struct text name, enum x402_family family);
/** Whether there is any for networks of this kind. */
bool pay_scheme_serves(enum x402_family family);
/** Whether there is one of this name, for any kind of networks. */
bool pay_scheme_is_known(struct text name);
/** "exact, upto": each name once, ended by 0, cut to `size` bytes. */
void pay_scheme_names(char *out, size_t size);

#endif
