/* SPDX-License-Identifier: Apache-2.0
 * Chains and the dollars on them, as data: names, chain ids, coins, and the tokens that x402 takes
 * by default. Others are used by their chain id alone, with settings. Nothing here asks a node. */
#ifndef METE_WIRE_EVM_NETWORK_H
#define METE_WIRE_EVM_NETWORK_H

#include "base/types.h"

struct network {
    const char *name; /* as x402 v1 writes it, where it has a name there: "base-sepolia" */
    uint64_t chain_id;
    bool is_test;
    const char *coin; /* what gas is paid in, 18 decimals everywhere; NULL: not recorded */
    uint32_t
        confirmations; /* blocks, its own among them, after which a payment counts; 0: unknown */
    const char *usdc;  /* Circle's, with EIP-55's capitals; NULL: there is none */
    uint8_t usdc_decimals;
    /* Its domain of EIP-712, where it was read. NULL: ask name() and version(). Compare
     * DOMAIN_SEPARATOR() before a signature counts: the names differ between networks. */
    const char *usdc_name;
    const char *usdc_version;
    bool is_x402_v1; /* the name is one of x402 v1 */
    bool is_retired; /* there is no such chain any more: nothing can be paid there */
};

/** The i-th, NULL past the end. Those with coin and confirmations come first. */
const struct network *evm_network_at(size_t i);
const struct network *evm_network_by_id(uint64_t chain_id);
const struct network *evm_network_by_name(struct text name);

/** How a token lets others move it. */
enum token_method {
    TOKEN_EIP3009,
    TOKEN_EIP2612, /* by Permit2, whose approval a permit of EIP-2612 replaces */
    TOKEN_PERMIT2  /* by Permit2 alone */
};

/** A token that x402 takes for a dollar. */
struct network_token {
    uint64_t chain_id;
    const char *address; /* with EIP-55's capitals */
    const char *symbol;
    const char *name; /* of its EIP-712 domain; NULL: ask the token */
    const char *version;
    uint8_t decimals;
    enum token_method method;
};

/** The i-th token of a chain, 0 being what "$0.01" means there; false past the end. */
bool network_token_at(uint64_t chain_id, size_t i, struct network_token *out) METE_MUST_CHECK;
/** By symbol (of any case) or by address (of any case). */
bool network_token_find(uint64_t chain_id, struct text symbol_or_address,
                        struct network_token *out) METE_MUST_CHECK;

#endif
