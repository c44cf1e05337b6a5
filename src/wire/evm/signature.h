/* SPDX-License-Identifier: Apache-2.0
 * Signatures of accounts as EVM chains and their tokens take them: 65 bytes r, s, v. Everything
 * that a contract would refuse or that could be written in a second way is refused here. Signatures
 * of contracts (EIP-1271) are of any bytes and are not read here. */
#ifndef METE_WIRE_EVM_SIGNATURE_H
#define METE_WIRE_EVM_SIGNATURE_H

#include "base/u256.h"
#include "wire/evm/address.h"

#define EVM_SIGNATURE_LEN 65

struct evm_signature {
    uint8_t rs[SECP_RS_LEN];
    uint8_t parity; /* 0 or 1: of the y of the point r */
};

/** Whether v may be the bare parity too, as some hardware wallets and a transaction's yParity write
 *  it. ERC-20 tokens with EIP-3009 take 27 and 28 only. */
enum evm_v_form {
    EVM_V_27_28,
    EVM_V_ANY /* 0, 1, 27, 28 */
};

/** Reads r, s, v. Refuses another length than 65 (EIP-2098's 64 too), r or s outside 1..order-1, s
 *  in the upper half (EIP-2), another v.
 *  Errors: METE_CHAIN_SIGNATURE, err->pointer "". *out only when all is well. */
enum mete_code evm_signature_read(struct bytes in, enum evm_v_form form, struct evm_signature *out,
                                  struct mete_err *err) METE_MUST_CHECK;
/** r, s, v with v 27 or 28. */
void evm_signature_write(const struct evm_signature *s, uint8_t out[EVM_SIGNATURE_LEN]);

/** The same from two numbers and a parity of 0 or 1, as transactions carry them. */
enum mete_code evm_signature_join(struct u256 r, struct u256 s, uint8_t parity,
                                  struct evm_signature *out, struct mete_err *err) METE_MUST_CHECK;
/** The two numbers of a signature. */
struct u256 evm_signature_r(const struct evm_signature *s);
struct u256 evm_signature_s(const struct evm_signature *s);

/** Signs a hash (RFC 6979: the same every time). False when `secret` is no private key. */
bool evm_sign(struct evm_signature *out, const uint8_t secret[SECP_SECRET_LEN],
              const struct hash *hash) METE_MUST_CHECK;

/** The address whose key made the signature over `hash`. Another hash gives another address:
 * compare it with whom you expect. Errors: METE_CHAIN_SIGNATURE when r is no point of the curve. */
enum mete_code evm_recover(const struct evm_signature *s, const struct hash *hash,
                           struct evm_address *out, struct mete_err *err) METE_MUST_CHECK;

#endif
