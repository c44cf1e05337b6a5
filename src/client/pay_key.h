/* SPDX-License-Identifier: Apache-2.0
 * The key that pays. Invariant: it is nowhere but in guarded memory (not swapped, not dumped),
 * which can be read only while something is signed. */
#ifndef METE_CLIENT_PAY_KEY_H
#define METE_CLIENT_PAY_KEY_H

#include "mete/client.h"
#include "wire/evm/signature.h"

struct pay_key;

/** Takes the key of the options: their bytes and the value of their variable are wiped, whether
 *  they are a key or not. *out is NULL when they name none. METE_CLIENT_KEY: `why` says it. */
enum mete_client_error pay_key_open(const struct mete_client_options *o, struct pay_key **out,
                                    char *why);
/** Wipes it. */
void pay_key_close(struct pay_key *k);
const struct evm_address *pay_key_address(const struct pay_key *k);
/** r, s, v over a hash. */
void pay_key_sign(struct pay_key *k, const struct hash *hash, uint8_t out[EVM_SIGNATURE_LEN]);

#endif
