/* SPDX-License-Identifier: Apache-2.0
 * What the schemes of EVM chains share for who pays: the terms of an offer, and signatures of
 * EIP-712, by EIP-3009 and by Permit2 with x402's witnesses. Private to them and to the
 * extensions. */
#ifndef METE_CLIENT_PAY_EVM_H
#define METE_CLIENT_PAY_EVM_H

#include "client/pay_scheme.h"
#include "client/pay_sign.h"

/** Reads p->terms. `form`: the scheme whose form the offer has, X402_SCHEME_EXACT or
 *  X402_SCHEME_UPTO. Version 1 knows EIP-3009 alone. */
enum mete_client_refusal pay_evm_read(struct pay_offer *p, const char *form);
/** What has to be signed must be said: the token's domain, or who may settle. */
bool pay_evm_is_complete(const struct pay_offer *p);
/** Signs by the method that the terms name. As `sign` of the port. */
void pay_evm_sign(struct pay_key *key, const struct pay_signing *s, struct pay_entry *e,
                  struct buf *out);

/** The domain of the token that an offer is in. */
struct evm_domain pay_evm_domain(const struct x402_evm_terms *t);
/** Signs a structure of EIP-712. */
void pay_evm_digest_sign(struct pay_key *key, const struct evm_domain *domain,
                         struct hash structure, uint8_t out[EVM_SIGNATURE_LEN]);
/** A time as EVM contracts take it. `at`: seconds since 1970, not negative. */
struct u256 pay_evm_seconds(int64_t at);

extern const struct pay_scheme PAY_EXACT_EVM;
extern const struct pay_scheme PAY_UPTO_EVM;

#endif
