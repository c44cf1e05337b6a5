/* SPDX-License-Identifier: Apache-2.0
 * How x402 names networks: version 1 by short names ("base-sepolia"), version 2 by CAIP-2
 * ("eip155:84532"). Chains and their tokens as data are in wire/evm/network.h. */
#ifndef METE_WIRE_X402_NETWORK_H
#define METE_WIRE_X402_NETWORK_H

#include "base/types.h"
#include "mete/error.h"
#include "wire/evm/network.h"

#define X402_NETWORK_MAX  72                  /* bytes of a name, with NUL */
#define X402_CHAIN_ID_MAX 9007199254740991ull /* what JSON readers keep exactly */

enum x402_family {
    X402_FAMILY_EVM,
    X402_FAMILY_SVM,
    X402_FAMILY_OTHER /* CAIP-2 of a kind that is not known here */
};

struct x402_network {
    enum x402_family family;
    uint64_t chain_id;     /* of an EVM chain, 1..X402_CHAIN_ID_MAX; else 0 */
    struct text reference; /* of CAIP-2, after the colon; a constant for names of version 1 */
    bool is_test;          /* known to be a test net; false too when it is not known at all */
};

/** Reads a network as requirements of `version` (1 or 2) name it. False for a name that version 1
 *  does not know, for what is no CAIP-2, for patterns ("eip155:*") and for a chain id with a
 *  leading zero, of 0 or beyond X402_CHAIN_ID_MAX. *out only when true. */
bool x402_network_parse(struct text written, int version, struct x402_network *out) METE_MUST_CHECK;

/** The CAIP-2 of a name of version 1; false when there is none. NUL-terminated. */
bool x402_network_of_v1(struct text name, char out[X402_NETWORK_MAX]) METE_MUST_CHECK;
/** The name of version 1 for a CAIP-2, or NULL: then version 1 cannot say it. */
const char *x402_network_v1_name(struct text caip2);

/** "eip155:N", NUL-terminated. */
void x402_network_write(uint64_t chain_id, char out[X402_NETWORK_MAX]);

/** What a setting may say: CAIP-2, a name of version 1, a name of wire/evm/network.h ("arbitrum")
 *  or a chain id; written as CAIP-2. False when it is none of them. */
bool x402_network_resolve(struct text setting, char out[X402_NETWORK_MAX]) METE_MUST_CHECK;

/** Whether somebody can be paid there, as a policy of resources names who is paid. `network` is
 *  CAIP-2, or empty: any. Of an EVM chain, and what begins with 0x where no network is said, has to
 *  be an address; ids of other kinds of chains are not looked at.
 *  Errors: METE_ADDRESS_INVALID, METE_ADDRESS_CHECKSUM; err->pointer is "". */
enum mete_code x402_pay_to_check(struct text pay_to, struct text network,
                                 struct mete_err *err) METE_MUST_CHECK;

#endif
