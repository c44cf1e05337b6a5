/* SPDX-License-Identifier: Apache-2.0
 * The networks that a facilitator takes payments on: what the settings say of each, the account
 * that settles there, and the line to its nodes. A further network is one more entry, and no code.
 */
#ifndef METE_RAILS_X402_NET_H
#define METE_RAILS_X402_NET_H

#include "core/asset.h"
#include "rails/evm/signer.h"
#include "rails/line.h"
#include "wire/evm/address.h"
#include "wire/x402/network.h"

#define NETS_MAX          64
#define NET_TOKENS_MAX    64
#define NET_FACTORIES_MAX 16
#define NET_FILE_MAX      ((size_t)1 << 20) /* bytes of the file of networks */

/** A token that is known by name. */
struct net_token {
    struct evm_address address;
    char code[ASSET_CODE_LEN_MAX + 1]; /* of the asset that it is booked as */
    uint8_t scale;
    bool is_listed; /* by the settings, not by the table of networks alone */
};

struct net {
    char id[X402_NETWORK_MAX]; /* CAIP-2 */
    const char *v1_name;       /* NULL: version 1 cannot say it */
    enum x402_family family;   /* X402_FAMILY_EVM: others are not read yet */
    uint64_t chain_id;
    bool is_test;
    char *url[LINE_NODES_MAX];
    size_t url_count;
    bool allow_http;        /* only of this machine, unless the settings say so */
    uint32_t confirmations; /* blocks, the payment's own among them, after which it is final */
    uint64_t gas_max;       /* of one settlement */
    u128 fee_max;           /* wei a gas */
    bool simulates;         /* a payment is tried on the node before it is called valid */
    bool takes_any;         /* every token; else those of `token` alone */
    struct net_token token[NET_TOKENS_MAX];
    size_t token_count;
    struct evm_address factory[NET_FACTORIES_MAX]; /* whose EIP-6492 wallets are taken */
    size_t factory_count;
    struct line *line;
    struct evm_signer *account; /* NULL: it verifies, and settles nothing */
};

struct nets {
    struct net net[NETS_MAX];
    size_t count;
};

/** What the settings and the environment say; each may be NULL. With a file, rpc_url is not looked
 *  at, and network and chain_id have to be of a network of the file. */
struct nets_options {
    const char *file;        /* of networks: its name, for errors */
    struct text document;    /* its JSON, at most NET_FILE_MAX: {"networks": [...]}: mete.conf(5) */
    const char *network;     /* NETWORK: a name or CAIP-2 of one network, with ... */
    const char *rpc_url;     /* RPC_URL: ... its nodes, with commas */
    const char *chain_id;    /* CHAIN_ID: what it has to be */
    const char *key_file;    /* of the account, unless an entry has its own */
    const char *private_key; /* PRIVATE_KEY: the same, as 64 hexadecimal digits */
};

/** Reads the networks, opens their accounts, and connects to nothing. Free with nets_close, also
 *  after a failure.
 *  Errors: METE_USAGE, those of evm_signer_open, what json_parse says: which network, which member,
 *  what is asked for. */
enum mete_code nets_open(struct nets **out, const struct nets_options *o,
                         struct mete_err *err) METE_MUST_CHECK;
/** Opens their lines. */
void nets_connect(struct nets *n);
/** `n` may be NULL. */
void nets_close(struct nets *n);

/** The network that requirements of `version` name; NULL. */
const struct net *nets_find(const struct nets *n, struct text written, int version);
const struct net *nets_find_id(const struct nets *n, struct text caip2);

/** What a token is called in a book. Known ones by their settings; others by the chain and as much
 *  of the address as a code holds, so that nobody can make a token that has the name of another:
 *  "8453:833589fcd6edb6e08f4". */
void net_asset_code(const struct net *n, const struct evm_address *token,
                    char out[ASSET_CODE_LEN_MAX + 1]);
/** Whether payments in it are taken. */
bool net_takes(const struct net *n, const struct evm_address *token);
/** NULL: not known by name. */
const struct net_token *net_token(const struct net *n, const struct evm_address *address);

#endif
