/* SPDX-License-Identifier: Apache-2.0
 * What the schemes "exact" and "upto" put into a payment on EVM chains: an authorization of
 * EIP-3009 or a permit of Permit2, and the permit of EIP-2612 by which a facilitator pays for an
 * approval. Forms alone: whether amounts, times, recipients and signatures are right is not asked
 * here. */
#ifndef METE_WIRE_X402_EXACT_H
#define METE_WIRE_X402_EXACT_H

#include "wire/evm/permits.h"
#include "wire/x402/payload.h"
#include "wire/x402/requirements.h"

#define X402_SIGNATURE_MAX (16u << 10) /* bytes: EIP-6492 carries the call that makes a wallet */

enum x402_method { X402_EIP3009, X402_PERMIT2 };

/** The scheme's part of a payment. */
struct x402_evm_payment {
    enum x402_method method;
    struct evm_address from; /* who pays, by either method */
    struct bytes signature;  /* 65 bytes of an account, or what a contract wallet takes */
    struct evm_authorization authorization; /* X402_EIP3009 */
    struct evm_permit2 permit2;             /* X402_PERMIT2; of "upto" with has_facilitator */
};

/** Reads p->payload: with permit2Authorization it is Permit2, else EIP-3009. Scheme "upto" wants
 *  Permit2 and a witness that names the facilitator; any other is read as "exact".
 *
 *  Addresses are taken in any case, and wrong capitals (EIP-55) do not refuse a payment: each of
 *  them is signed or compared with the server's own as bytes, so a wrong digit fails there, and the
 *  official packages take what compares. Amounts, times and the nonce of Permit2 are strings of
 * plain digits (no JSON number, hexadecimal, sign or leading zero), the nonce of EIP-3009 is 0x and
 * 64 hexadecimal digits. In:     the signature's bytes live in `a`. `at` is the pointer of p->json,
 * for errors. Errors: METE_MEMBER_MISSING, _TYPE, _VALUE, METE_ADDRESS_INVALID,
 * METE_AMOUNT_INVALID, METE_NUMBER_RANGE. */
enum mete_code x402_evm_payment_read(struct arena *a, const struct x402_payload *p, const char *at,
                                     struct x402_evm_payment *out,
                                     struct mete_err *err) METE_MUST_CHECK;

/** 0x and 40 hexadecimal digits of any case; capitals are not judged. */
bool x402_address_read(struct text t, struct evm_address *out) METE_MUST_CHECK;

/** What requirements mean on an EVM chain. Texts point into them. */
struct x402_evm_terms {
    uint64_t chain_id;
    struct evm_address asset;
    struct evm_address pay_to;
    struct text name;    /* of the token's EIP-712 domain; empty: extra does not say */
    struct text version; /* likewise */
    enum x402_method method;
    bool is_upto;
    bool has_facilitator; /* extra.facilitatorAddress: "upto" needs it */
    struct evm_address facilitator;
};

/** Reads them. `checksum`: of asset, pay_to and facilitator. A client that is about to pay says
 *  EVM_CHECKSUM_OPTIONAL: capitals that do not fit mean a mistyped recipient. A facilitator
 * compares with what was signed, and takes any: has_any_case. Errors: METE_X402_NETWORK when it is
 * no EVM chain; METE_X402_SCHEME for another scheme or an assetTransferMethod that is not known;
 * METE_ADDRESS_INVALID, METE_ADDRESS_CHECKSUM. */
enum mete_code x402_evm_terms_read(const struct x402_requirements *r, const char *at,
                                   bool has_any_case, struct x402_evm_terms *out,
                                   struct mete_err *err) METE_MUST_CHECK;

/** Append the scheme's part of a payment: what x402_paying.payload takes. Addresses with their
 *  capitals, numbers as plain digits. */
void x402_authorization_write(struct buf *out, const struct evm_authorization *a,
                              struct bytes signature);
void x402_permit2_write(struct buf *out, const struct evm_permit2 *p,
                        const struct evm_address *from, struct bytes signature);

#define X402_EXTENSION_EIP2612 "eip2612GasSponsoring"
#define X402_EXTENSION_ERC20   "erc20ApprovalGasSponsoring" /* which no one here answers */

/** info of eip2612GasSponsoring: a permit for Permit2, so that nobody needs an approval before. */
struct x402_eip2612 {
    struct evm_permit permit; /* owner is `from` */
    struct evm_address asset;
    uint8_t signature[EVM_SIGNATURE_LEN];
};

/** Reads extensions.eip2612GasSponsoring.info of a payment. *is_there is false, and all is well,
 *  when the client sent none. Errors: as x402_evm_payment_read; the protocol's reason for all of
 *  them is invalid_eip2612_extension_format. */
enum mete_code x402_eip2612_read(struct arena *a, const struct x402_payload *p, const char *at,
                                 struct x402_eip2612 *out, bool *is_there,
                                 struct mete_err *err) METE_MUST_CHECK;

/** Append what a server advertises ({"info":...,"schema":...}) and what a client answers with:
 *  `advertised` is the server's object, whose info is kept; NULL when it advertised none. */
void x402_eip2612_advertise(struct buf *out);
void x402_eip2612_write(struct buf *out, const struct json *advertised,
                        const struct x402_eip2612 *e);

#endif
