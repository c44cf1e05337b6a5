/* SPDX-License-Identifier: Apache-2.0
 * Sources: chain ids, ethereum-lists/chains. USDC, developers.circle.com/stablecoins (contract
 * addresses of main nets and test nets); names and versions for EIP-712, the table of default
 * assets of @x402/evm 2.27.0. BSC has no USDC of Circle's. */
#include "rails/evm/network.h"

#include "base/text.h"

/* Confirmations: where blocks are a sequencer's (Base, OP, Arbitrum) or final at once (Avalanche),
 * a few against a node that is ahead of the others; elsewhere as deep as re-orgs have been seen. */
static const struct network NETWORKS[] = {
    {"ethereum", 1, false, "ETH", 12, "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", 6, "USD Coin",
     "2"},
    {"sepolia", 11155111, true, "ETH", 6, "0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238", 6, NULL,
     NULL},
    {"base", 8453, false, "ETH", 10, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", 6, "USD Coin",
     "2"},
    {"base-sepolia", 84532, true, "ETH", 5, "0x036CbD53842c5426634e7929541eC2318f3dCF7e", 6, "USDC",
     "2"},
    {"arbitrum", 42161, false, "ETH", 20, "0xaf88d065e77c8cC2239327C5EDb3A432268e5831", 6,
     "USD Coin", "2"},
    {"arbitrum-sepolia", 421614, true, "ETH", 10, "0x75faf114eafb1BDbe2F0316DF893fd58CE46AA4d", 6,
     "USD Coin", "2"},
    {"optimism", 10, false, "ETH", 10, "0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85", 6, NULL, NULL},
    {"optimism-sepolia", 11155420, true, "ETH", 5, "0x5fd84259d66Cd46123540766Be93DFE6D43130D7", 6,
     NULL, NULL},
    {"polygon", 137, false, "POL", 128, "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", 6, "USD Coin",
     "2"},
    {"polygon-amoy", 80002, true, "POL", 16, "0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582", 6, NULL,
     NULL},
    {"bsc", 56, false, "BNB", 15, NULL, 0, NULL, NULL},
    {"bsc-testnet", 97, true, "BNB", 15, NULL, 0, NULL, NULL},
    {"avalanche", 43114, false, "AVAX", 2, "0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E", 6,
     "USD Coin", "2"},
    {"avalanche-fuji", 43113, true, "AVAX", 2, "0x5425890298aed601595a70AB815c96711a31Bc65", 6,
     "USD Coin", "2"},
};

const struct network *network_at(size_t i)
{
    return i < ARRAY_LEN(NETWORKS) ? &NETWORKS[i] : NULL;
}

const struct network *network_by_id(uint64_t chain_id)
{
    for (size_t i = 0; i < ARRAY_LEN(NETWORKS); i++) {
        if (NETWORKS[i].chain_id == chain_id) {
            return &NETWORKS[i];
        }
    }
    return NULL;
}

const struct network *network_by_name(struct text name)
{
    for (size_t i = 0; i < ARRAY_LEN(NETWORKS); i++) {
        if (text_is(name, NETWORKS[i].name)) {
            return &NETWORKS[i];
        }
    }
    return NULL;
}
