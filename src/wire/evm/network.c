/* SPDX-License-Identifier: Apache-2.0
 * Sources: chain ids, ethereum-lists/chains. USDC, developers.circle.com/stablecoins (contract
 * addresses of main nets and test nets); names and versions for EIP-712, the other tokens and the
 * names of x402 v1, @x402/evm 2.27.0, and x402 1.2.0 for Avalanche Fuji. BSC has no USDC of
 * Circle's. */
#include "wire/evm/network.h"

#include "base/text.h"
#include "wire/url.h"

#define USDC(address, eip712_name)                                                                 \
    .usdc = (address), .usdc_decimals = 6, .usdc_name = (eip712_name), .usdc_version = "2"
/* Nobody has read its domain yet: name() and version() tell. */
#define USDC_UNREAD(address) .usdc = (address), .usdc_decimals = 6
#define V1                   .is_x402_v1 = true
#define TEST                 .is_test = true

/* Confirmations: where blocks are a sequencer's (Base, OP, Arbitrum) or final at once (Avalanche),
 * a few against a node that is ahead of the others; elsewhere as deep as re-orgs have been seen. */
static const struct network NETWORKS[] = {
    {.name = "ethereum",
     .chain_id = 1,
     .coin = "ETH",
     .confirmations = 12,
     V1,
     USDC("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "USD Coin")},
    {.name = "sepolia",
     .chain_id = 11155111,
     TEST,
     .coin = "ETH",
     .confirmations = 6,
     V1,
     USDC_UNREAD("0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238")},
    {.name = "base",
     .chain_id = 8453,
     .coin = "ETH",
     .confirmations = 10,
     V1,
     USDC("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin")},
    {.name = "base-sepolia",
     .chain_id = 84532,
     TEST,
     .coin = "ETH",
     .confirmations = 5,
     V1,
     USDC("0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC")},
    {.name = "arbitrum",
     .chain_id = 42161,
     .coin = "ETH",
     .confirmations = 20,
     USDC("0xaf88d065e77c8cC2239327C5EDb3A432268e5831", "USD Coin")},
    {.name = "arbitrum-sepolia",
     .chain_id = 421614,
     TEST,
     .coin = "ETH",
     .confirmations = 10,
     USDC("0x75faf114eafb1BDbe2F0316DF893fd58CE46AA4d", "USD Coin")},
    {.name = "optimism",
     .chain_id = 10,
     .coin = "ETH",
     .confirmations = 10,
     USDC_UNREAD("0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85")},
    {.name = "optimism-sepolia",
     .chain_id = 11155420,
     TEST,
     .coin = "ETH",
     .confirmations = 5,
     USDC_UNREAD("0x5fd84259d66Cd46123540766Be93DFE6D43130D7")},
    {.name = "polygon",
     .chain_id = 137,
     .coin = "POL",
     .confirmations = 128,
     V1,
     USDC("0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", "USD Coin")},
    {.name = "polygon-amoy",
     .chain_id = 80002,
     TEST,
     .coin = "POL",
     .confirmations = 16,
     V1,
     USDC_UNREAD("0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582")},
    {.name = "bsc", .chain_id = 56, .coin = "BNB", .confirmations = 15},
    {.name = "bsc-testnet", .chain_id = 97, TEST, .coin = "BNB", .confirmations = 15},
    {.name = "avalanche",
     .chain_id = 43114,
     .coin = "AVAX",
     .confirmations = 2,
     V1,
     USDC("0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E", "USD Coin")},
    {.name = "avalanche-fuji",
     .chain_id = 43113,
     TEST,
     .coin = "AVAX",
     .confirmations = 2,
     V1,
     USDC("0x5425890298aed601595a70AB815c96711a31Bc65", "USD Coin")},
    {.name = "abstract", .chain_id = 2741, V1},
    {.name = "abstract-testnet", .chain_id = 11124, TEST, V1},
    {.name = "iotex", .chain_id = 4689, V1},
    {.name = "sei",
     .chain_id = 1329,
     V1,
     USDC("0xe15fC38F6D8c56aF07bbCBe3BAf5708A2Bf42392", "USDC")},
    {.name = "sei-testnet",
     .chain_id = 1328,
     TEST,
     V1,
     USDC("0x4fCF1784B31630811181f670Aea7A7bEF803eaED", "USDC")},
    {.name = "peaq", .chain_id = 3338, V1},
    {.name = "story", .chain_id = 1514, V1},
    {.name = "educhain", .chain_id = 41923, V1},
    {.name = "skale-base-sepolia", .chain_id = 324705682, TEST, V1},
    {.name = "megaeth", .chain_id = 4326, V1},
    {.name = "monad",
     .chain_id = 143,
     V1,
     USDC("0x754704Bc059F8C67012fEd69BC8A327a5aafb603", "USDC")},
    {.name = "stable", .chain_id = 988, V1},
    {.name = "stable-testnet", .chain_id = 2201, TEST, V1},
    {.name = "celo",
     .chain_id = 42220,
     V1,
     USDC("0xcebA9300f2b948710d2653dD7B07f33A8B32118C", "USDC")},
    {.name = "celo-sepolia",
     .chain_id = 11142220,
     TEST,
     USDC("0x01C5C0122039549AD1493B8220cABEdD739BC44E", "USDC")},
    {.name = "flare", .chain_id = 14, V1},
    {.name = "xdc", .chain_id = 50, USDC("0xfA2958CB79b0491CC627c1557F441eF849Ca8eb1", "USDC")},
    {.name = "xdc-apothem",
     .chain_id = 51,
     TEST,
     USDC("0xb5AB69F7bBada22B28e79C8FFAECe55eF1c771D4", "USDC")},
    {.name = "adi", .chain_id = 36900},
    {.name = "hpp", .chain_id = 190415},
    {.name = "hpp-sepolia", .chain_id = 181228, TEST},
    {.name = "mezo", .chain_id = 31612},
    {.name = "mezo-testnet", .chain_id = 31611, TEST},
    {.name = "radius", .chain_id = 723487},
    {.name = "radius-testnet", .chain_id = 72344, TEST},
    {.name = "igra", .chain_id = 38833},
    /* Switched off in April 2024; polygon-amoy is what replaced it. */
    {.name = "polygon-mumbai", .chain_id = 80001, TEST, .is_retired = true},
};

/* Tokens other than Circle's USDC under its own name. */
static const struct network_token TOKENS[] = {
    {988, "0x779Ded0c9e1022225f8E0630b35a9b54bE713736", "USDT0", "USDT0", "1", 6, TOKEN_EIP3009},
    {2201, "0x78Cf24370174180738C5B8E352B6D14c83a6c9A9", "USDT0", "USDT0", "1", 6, TOKEN_EIP3009},
    {14, "0xe7cd86e13AC4309349F30B3435a9d337750fC82D", "USDT0",
     "USD\xe2\x82\xae"
     "0",
     "1", 6, TOKEN_EIP3009},
    {36900, "0x9cb8142aEBBcdc60AF7c97Af897A67A8f3CA71C2", "USDC.e", "USDC.e", "2", 6,
     TOKEN_EIP3009},
    {190415, "0x401eCb1D350407f13ba348573E5630B83638E30D", "USDC.e", "Bridged USDC", "2", 6,
     TOKEN_EIP3009},
    {181228, "0x401eCb1D350407f13ba348573E5630B83638E30D", "USDC.e", "Bridged USDC", "2", 6,
     TOKEN_EIP3009},
    {4326, "0xFAfDdbb3FC7688494971a79cc65DCa3EF82079E7", "MegaUSD", "MegaUSD", "1", 18,
     TOKEN_EIP2612},
    {31612, "0xdD468A1DDc392dcdbEf6db6e34E89AA338F9F186", "mUSD", "Mezo USD", "1", 18,
     TOKEN_EIP2612},
    {31611, "0x118917a40FAF1CD7a13dB0Ef56C86De7973Ac503", "mUSD", "Mezo USD", "1", 18,
     TOKEN_EIP2612},
    {723487, "0x33ad9e4BD16B69B5BFdED37D8B5D9fF9aba014Fb", "SBC", "Stable Coin", "1", 6,
     TOKEN_EIP2612},
    {72344, "0x33ad9e4BD16B69B5BFdED37D8B5D9fF9aba014Fb", "SBC", "Stable Coin", "1", 6,
     TOKEN_EIP2612},
    {38833, "0xA5b8BF902b2844dA17d4506cc827F7F1681735E7", "USDC", "USDC", "1", 6, TOKEN_PERMIT2},
    {42220, "0x48065fbBE25f71C9282ddf5e1cD6D6A887483D5e", "USDT", "Tether USD", "1", 6,
     TOKEN_EIP3009},
    {42220, "0xD2ab3C9A02DBBAB236BfEC45D1d755DF4267F771", "USAT", "Tether America USD", "1", 6,
     TOKEN_EIP3009},
};

const struct network *evm_network_at(size_t i)
{
    return i < ARRAY_LEN(NETWORKS) ? &NETWORKS[i] : NULL;
}

const struct network *evm_network_by_id(uint64_t chain_id)
{
    for (size_t i = 0; i < ARRAY_LEN(NETWORKS); i++) {
        if (NETWORKS[i].chain_id == chain_id) {
            return &NETWORKS[i];
        }
    }
    return NULL;
}

const struct network *evm_network_by_name(struct text name)
{
    for (size_t i = 0; i < ARRAY_LEN(NETWORKS); i++) {
        if (text_is(name, NETWORKS[i].name)) {
            return &NETWORKS[i];
        }
    }
    return NULL;
}

/* Circle's first, where there is one. */
static bool usdc_of(uint64_t chain_id, struct network_token *out)
{
    const struct network *n = evm_network_by_id(chain_id);
    if (n == NULL || n->usdc == NULL) {
        return false;
    }
    *out = (struct network_token){chain_id,        n->usdc,          "USDC",       n->usdc_name,
                                  n->usdc_version, n->usdc_decimals, TOKEN_EIP3009};
    return true;
}

bool network_token_at(uint64_t chain_id, size_t i, struct network_token *out)
{
    struct network_token usdc;
    if (usdc_of(chain_id, &usdc)) {
        if (i == 0) {
            *out = usdc;
            return true;
        }
        i--;
    }
    for (size_t k = 0; k < ARRAY_LEN(TOKENS); k++) {
        if (TOKENS[k].chain_id == chain_id && i-- == 0) {
            *out = TOKENS[k];
            return true;
        }
    }
    return false;
}

bool network_token_find(uint64_t chain_id, struct text symbol_or_address, struct network_token *out)
{
    struct network_token t;
    for (size_t i = 0; network_token_at(chain_id, i, &t); i++) {
        if (host_eq(symbol_or_address, text_of(t.symbol)) ||
            host_eq(symbol_or_address, text_of(t.address))) {
            *out = t;
            return true;
        }
    }
    return false;
}
