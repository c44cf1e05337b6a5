/* SPDX-License-Identifier: Apache-2.0
 * The networks that mete knows by name, as data: chain ids, coins, and Circle's USDC on them.
 * Others are used by their chain id alone, with settings. Nothing here asks a node. */
#ifndef METE_RAILS_EVM_NETWORK_H
#define METE_RAILS_EVM_NETWORK_H

#include "base/types.h"

struct network {
    const char *name; /* as x402 v1 writes it: "base-sepolia" */
    uint64_t chain_id;
    bool is_test;
    const char *coin;       /* what gas is paid in, 18 decimals everywhere: "ETH" */
    uint32_t confirmations; /* blocks, its own among them, after which a payment counts */
    const char *usdc;       /* Circle's, with EIP-55's capitals; NULL: there is none */
    uint8_t usdc_decimals;
    /* Its domain of EIP-712, where it was read. NULL: ask name() and version(). Compare
     * DOMAIN_SEPARATOR() before a signature counts: the names differ between networks. */
    const char *usdc_name;
    const char *usdc_version;
};

/** The i-th, NULL past the end. */
const struct network *network_at(size_t i);
const struct network *network_by_id(uint64_t chain_id);
const struct network *network_by_name(struct text name);

#endif
