/* SPDX-License-Identifier: Apache-2.0
 * Addresses of EVM chains and their checksummed text (EIP-55). Whether somebody may be paid there
 * is for the caller to ask: the zero address is an address. */
#ifndef METE_WIRE_EVM_ADDRESS_H
#define METE_WIRE_EVM_ADDRESS_H

#include "base/types.h"
#include "crypto/secp256k1.h"
#include "mete/error.h"

#define EVM_ADDRESS_LEN      20
#define EVM_ADDRESS_TEXT_LEN 42 /* 0x and 40 digits, without NUL */

struct evm_address {
    uint8_t b[EVM_ADDRESS_LEN];
};

/** How the capitals of an address are taken. Mixed case is a checksum under either and must fit. */
enum evm_checksum {
    EVM_CHECKSUM_NEEDED, /* what has letters, all of one case, carries no checksum: refused */
    EVM_CHECKSUM_OPTIONAL,
};

/** Reads "0x" and 40 hexadecimal digits; *out only when all is well.
 *  Errors: METE_ADDRESS_INVALID for another form, METE_ADDRESS_CHECKSUM for wrong or missing
 *  capitals; err->pointer is "". */
enum mete_code evm_address_parse(struct text t, enum evm_checksum policy, struct evm_address *out,
                                 struct mete_err *err) METE_MUST_CHECK;

/** The text of EIP-55, with NUL. */
void evm_address_format(const struct evm_address *a, char out[EVM_ADDRESS_TEXT_LEN + 1]);

bool evm_address_eq(const struct evm_address *a, const struct evm_address *b);
/** True for the address that nobody has: money sent there is lost. */
bool evm_address_is_zero(const struct evm_address *a);

/** The last 20 bytes of the hash of a public key's two coordinates (Yellow Paper, section 4.4 and
 *  appendix F). `key` is as secp_uncompress writes it. */
struct evm_address evm_address_of(const uint8_t key[SECP_UNCOMPRESSED_LEN]);
/** The address of a private key; false when secp_secret_ok is false. */
bool evm_address_of_secret(const uint8_t secret[SECP_SECRET_LEN],
                           struct evm_address *out) METE_MUST_CHECK;

#endif
