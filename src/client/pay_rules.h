/* SPDX-License-Identifier: Apache-2.0
 * What a client may pay: limits, networks, assets, recipients, read from its options. Texts are
 * owned; nothing here knows of a request. */
#ifndef METE_CLIENT_PAY_RULES_H
#define METE_CLIENT_PAY_RULES_H

#include "base/arena.h"
#include "base/u256.h"
#include "mete/client.h"
#include "wire/evm/address.h"

#define PAY_LIST_MAX   256
#define PAY_SYMBOL_MAX 32

/** A limit in dollars of ENTRY_SCALE decimals, or in an asset of a name that counts as much. */
struct pay_limit {
    bool is_set;
    struct u256 worth;
    char symbol[PAY_SYMBOL_MAX];     /* "": any asset counts */
    char text[METE_CLIENT_TEXT_MAX]; /* as it was written */
};

struct pay_asset {
    uint64_t chain_id; /* 0: a symbol alone */
    struct evm_address address;
    unsigned decimals;
    char symbol[PAY_SYMBOL_MAX];
};

struct pay_node {
    uint64_t chain_id;
    const char *url;
};

struct pay_rules {
    struct arena arena; /* of the lists */
    struct pay_limit request;
    struct pay_limit host;
    struct pay_limit day;
    struct pay_limit total;
    const char **networks; /* CAIP-2 */
    size_t network_count;
    struct pay_asset *assets;
    size_t asset_count;
    bool has_symbols; /* one of the assets is a symbol: others are not paid with */
    const char **schemes;
    size_t scheme_count;
    struct evm_address *recipients;
    size_t recipient_count;
    struct pay_node *nodes;
    size_t node_count;
    enum mete_client_select select;
    int (*choose)(void *ctx, const struct mete_client_offer *offers, size_t count);
    void *choose_ctx;
    unsigned validity_max_s;
};

/** METE_CLIENT_USAGE: `why` says which option is wrong. pay_rules_clear in any case. */
enum mete_client_error pay_rules_read(struct pay_rules *out, const struct mete_client_options *o,
                                      char *why);
void pay_rules_clear(struct pay_rules *r);

/** "$0.05", "0.05 USDC". False: `why` says what is wrong. */
bool pay_limit_read(struct pay_limit *out, const char *name, const char *text, char *why);
/** Whether `worth` of an asset named `symbol` is within the limit, after `before`. */
bool pay_limit_allows(const struct pay_limit *l, struct u256 before, struct u256 worth,
                      const char *symbol);

/** What is known of an asset that may be paid with; false when it may not. `rank` is its place in
 *  the list of assets, or behind it. */
bool pay_asset_find(const struct pay_rules *r, uint64_t chain_id, const struct evm_address *a,
                    struct pay_asset *out, size_t *rank);
/** Whether a network may be used; `rank` likewise. */
bool pay_network_find(const struct pay_rules *r, const char *caip2, uint64_t chain_id,
                      size_t *rank);
/** The URL of a node of the chain, or NULL. */
const char *pay_node_find(const struct pay_rules *r, uint64_t chain_id);

#endif
