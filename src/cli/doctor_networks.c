/* SPDX-License-Identifier: Apache-2.0
 * mete doctor on payments by x402: every node of every network is asked for its chain, its newest
 * block, and what the account that settles has for gas. Of a URL the host alone is shown: the rest
 * may be a key. */
#include "base/text.h"
#include "cli/doctor.h"
#include "cli/networks.h"
#include "core/amount.h"
#include "rails/evm/chain.h"
#include "store/wall.h"
#include "wire/evm/fees.h"
#include "wire/evm/network.h"
#include "wire/url.h"

#include <inttypes.h>
#include <string.h>

#define NODE_MS       5000u
#define BLOCK_OLD_S   120 /* chains make one every few seconds */
#define BLOCK_AHEAD_S 15
#define GWEI_DECIMALS 9

static const struct rpc_block LATEST = {.tag = RPC_LATEST};

/* What a node has said. */
struct heard {
    struct mete_err err; /* code METE_OK: it answered, and is of the right chain */
    bool has_block;
    struct evm_block block;
    struct u256 tip; /* wei a gas */
    bool has_coins;
    struct u256 coins; /* wei, of the account */
};

/* --- asking ------------------------------------------------------------------------------------*/

static void round_ask(struct chain_round *r, const struct evm_address *account, struct heard *h)
{
    const size_t block = chain_ask_block(r, LATEST, false);
    const size_t tip = chain_ask(r, "eth_maxPriorityFeePerGas");
    const size_t coins =
        account != NULL ? chain_ask_account(r, "eth_getBalance", account, LATEST) : 0;
    if (chain_round_go(r, &h->err) != METE_OK) {
        return;
    }
    h->has_block = chain_answer_block(r, block, &h->block);
    if (!chain_answer_u256(r, tip, &h->tip)) {
        h->tip = u256_of(EVM_GWEI); /* not every node has an opinion */
    }
    h->has_coins = account != NULL && chain_answer_u256(r, coins, &h->coins);
}

static void node_ask(const struct net *n, const char *url, struct heard *h)
{
    const struct chain_options o = {.chain_id = n->chain_id,
                                    .url = {url},
                                    .url_count = 1,
                                    .allow_http = n->allow_http,
                                    .total_ms = NODE_MS};
    struct chain *chain;
    struct chain_round r;
    *h = (struct heard){0};
    chain_open(&chain, &o);
    chain_round_begin(&r, chain);
    round_ask(&r, n->account != NULL ? evm_signer_address(n->account) : NULL, h);
    chain_round_end(&r);
    chain_close(chain);
}

/* --- a node ------------------------------------------------------------------------------------*/

static struct text host_of(const char *url)
{
    struct url parts;
    return url_read(text_of(url), &parts) == NULL ? parts.host : (struct text){0};
}

/** What was wrong, without the node, which was the only one that this round had. */
static const char *why_of(const struct heard *h)
{
    const char *colon = strstr(h->err.text, ": ");
    return colon != NULL ? colon + 2 : h->err.text;
}

static void block_tell(struct doctor *d, const char *node, const struct evm_block *b)
{
    const int64_t now_s = wall_now() / TIME_SECOND_US;
    const int64_t age_s = now_s - (int64_t)(b->time & INT64_MAX);
    if (age_s < -BLOCK_AHEAD_S) {
        doctor_tell(d, WARNING, "network",
                    "%s: its newest block is %" PRId64 " s ahead of the clock of this machine, by "
                    "which payments are judged: set the clock, and keep it by NTP",
                    node, -age_s);
    } else if (age_s > BLOCK_OLD_S) {
        doctor_tell(d, WARNING, "network",
                    "%s: its newest block, %" PRIu64 ", is %" PRId64
                    " s old: the node is behind, the chain stands still, or the clock of this "
                    "machine is ahead: compare it with another node, and the clock with NTP",
                    node, b->number, age_s);
    } else {
        doctor_tell(d, FINE, "network", "%s answers; its newest block, %" PRIu64 ", is near now",
                    node, b->number);
    }
}

/** `none_is_well`: of all nodes of its network. */
static void node_tell(struct doctor *d, const char *node, const struct heard *h, bool none_is_well)
{
    const enum finding bad = none_is_well ? WRONG : WARNING;
    if (h->err.code == METE_CHAIN_OTHER) {
        doctor_tell(d, bad, "network", "%s: %s: say the URL of a node of this network", node,
                    why_of(h));
    } else if (h->err.code != METE_OK) {
        doctor_tell(d, bad, "network",
                    "%s: %s: see whether it is up, and whether its URL and the key in it are right",
                    node, why_of(h));
    } else if (!h->has_block) {
        doctor_tell(d, bad, "network", "%s: it does not say its newest block: say another node",
                    node);
    } else {
        block_tell(d, node, &h->block);
    }
}

/* --- the account -------------------------------------------------------------------------------*/

/** Of an account or a price: to 10^-9 of the chain's coin, rounded down. */
static const char *coins_text(struct doctor *d, const struct net *n, struct u256 wei)
{
    char digits[AMOUNT_TEXT_MAX] = "very much";
    i128 whole;
    const struct network *known = evm_network_by_id(n->chain_id);
    const char *coin = known != NULL && known->coin != NULL ? known->coin : "of the chain's coin";
    if (u256_to_i128(wei, &whole)) {
        (void)amount_format(whole / (i128)EVM_GWEI, GWEI_DECIMALS, digits);
    }
    return arena_printf(&d->c->arena, "%s %s", digits, coin).p;
}

static const char *gwei_text(struct doctor *d, u128 wei)
{
    char digits[AMOUNT_TEXT_MAX];
    (void)amount_format((i128)wei, GWEI_DECIMALS, digits);
    return arena_printf(&d->c->arena, "%s", digits).p;
}

/** What is left is held against the most that a settlement may take: gas_max, at what it offers. */
static void account_tell(struct doctor *d, const struct net *n, const struct heard *h)
{
    char account[EVM_ADDRESS_TEXT_LEN + 1];
    const struct evm_fees fees = evm_fees_of(h->block.base_fee, h->tip, n->fee_max);
    struct u256 most = {0};
    const bool has_most = u256_mul_small(u256_of(fees.max), n->gas_max, &most);
    evm_address_format(evm_signer_address(n->account), account);
    if (fees.base > n->fee_max) {
        doctor_tell(d, WARNING, "gas",
                    "%s: a gas costs %s gwei now, and fee_max_gwei is %s: nothing is settled; wait "
                    "for it to cost less, or allow more",
                    n->id, gwei_text(d, fees.base), gwei_text(d, n->fee_max));
    } else if (!has_most || u256_cmp(h->coins, most) < 0) {
        doctor_tell(d, WARNING, "gas",
                    "%s: %s has %s, and a settlement may need %s: send it some of the chain's coin",
                    n->id, account, coins_text(d, n, h->coins), coins_text(d, n, most));
    } else {
        doctor_tell(d, FINE, "gas", "%s: %s has %s, a settlement needs at most %s", n->id, account,
                    coins_text(d, n, h->coins), coins_text(d, n, most));
    }
}

/* --- all of them -------------------------------------------------------------------------------*/

static void net_look(struct doctor *d, const struct net *n)
{
    struct heard heard[LINE_NODES_MAX];
    const struct heard *account = NULL; /* the first that said what it has, and what gas costs */
    bool none_is_well = true;
    for (size_t i = 0; i < n->url_count; i++) {
        struct heard *h = &heard[i];
        node_ask(n, n->url[i], h);
        none_is_well = none_is_well && !h->has_block;
        account = account == NULL && h->has_block && h->has_coins ? h : account;
    }
    for (size_t i = 0; i < n->url_count; i++) {
        const struct text host = host_of(n->url[i]);
        node_tell(d,
                  arena_printf(&d->c->arena, "%s: node %zu of %zu, %.*s", n->id, i + 1,
                               n->url_count, (int)host.len, host.p)
                      .p,
                  &heard[i], none_is_well);
    }
    if (n->account == NULL) {
        doctor_tell(d, WARNING, "gas",
                    "%s: no key: payments are verified, and none is settled; set PRIVATE_KEY, or "
                    "key_file of [facilitator]",
                    n->id);
    } else if (account != NULL) {
        account_tell(d, n, account);
    } else if (!none_is_well) {
        doctor_tell(d, WARNING, "gas", "%s: no node says what the account has: say another node",
                    n->id);
    }
}

void doctor_look_at_networks(struct doctor *d)
{
    struct nets *nets;
    struct mete_err err;
    if (networks_open(&nets, d->c->settings, &err) != METE_OK) {
        doctor_tell(d, WRONG, "networks", "%s", err.text);
    } else if (nets->count == 0) {
        doctor_tell(d, FINE, "networks", "none: no payments by x402 are taken here");
    } else {
        for (size_t i = 0; i < nets->count; i++) {
            net_look(d, &nets->net[i]);
        }
    }
    nets_close(nets);
}
