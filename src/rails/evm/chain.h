/* SPDX-License-Identifier: Apache-2.0
 * Asking the nodes of one EVM chain: requests that go out together in one round trip, several nodes
 * of which the next one is asked when one fails, and no answer taken from a node of another chain:
 * each POST asks for the chain id too. What is asked and what an answer means is for the caller.
 * One thread at a time uses a chain. */
#ifndef METE_RAILS_EVM_CHAIN_H
#define METE_RAILS_EVM_CHAIN_H

#include "wire/evm/rpc.h"

#define CHAIN_NODES_MAX    8
#define CHAIN_REQUESTS_MAX 90                /* in one POST: nodes for everybody take 100 */
#define CHAIN_ANSWER_MAX   ((size_t)8 << 20) /* bytes of one answer */
#define CHAIN_POSTS_MAX    128               /* of one round */

struct chain_options {
    uint64_t chain_id;
    const char *url[CHAIN_NODES_MAX]; /* may hold a key: never shown */
    size_t url_count;
    bool allow_http;
    unsigned total_ms; /* of one POST; 0: 20,000 */
};

struct chain;

/** Copies the options and connects to nothing. */
void chain_open(struct chain **out, const struct chain_options *o);
void chain_close(struct chain *c);
uint64_t chain_id(const struct chain *c);

/** A round of questions. Between begin and end: questions, one chain_round_go, answers. */
struct chain_round {
    struct chain *chain;
    size_t count;
    size_t post_count;
    struct rpc_batch batch[CHAIN_POSTS_MAX];
    struct buf text[CHAIN_POSTS_MAX];
    struct rpc_answer *answers; /* by place, after chain_round_go */
    struct arena arena;         /* of the answers, until the round ends */
};

void chain_round_begin(struct chain_round *r, struct chain *c);
void chain_round_end(struct chain_round *r);

/* Questions. Each returns its place among the answers. */
size_t chain_ask(struct chain_round *r, const char *method);
/** eth_getBalance, eth_getTransactionCount, eth_getCode of an account. */
size_t chain_ask_account(struct chain_round *r, const char *method, const struct evm_address *who,
                         struct rpc_block at);
/** eth_call, eth_estimateGas. */
size_t chain_ask_call(struct chain_round *r, const char *method, const struct rpc_call *call,
                      struct rpc_block at);
/** eth_getTransactionReceipt, eth_getTransactionByHash. */
size_t chain_ask_hash(struct chain_round *r, const char *method, const struct hash *h);
/** eth_getBlockByNumber; `whole`: with its transactions. */
size_t chain_ask_block(struct chain_round *r, struct rpc_block at, bool whole);
/** eth_sendRawTransaction. */
size_t chain_ask_send(struct chain_round *r, struct bytes raw);

/** Sends all, to one node; when it fails in any way, to the next one, from the one that answered
 *  last. METE_OK: there is an answer to every question, which may be an error of the node's.
 *  Errors: METE_CHAIN_UNREACHABLE, METE_CHAIN_OTHER, METE_RPC_ANSWER: what the last node did wrong.
 *          Whether one of them has received the questions is not known then. */
enum mete_code chain_round_go(struct chain_round *r, struct mete_err *err) METE_MUST_CHECK;

/* Answers; false when the node answered with an error, null, or something else. */
const struct rpc_answer *chain_answer(const struct chain_round *r, size_t place);
bool chain_answer_u64(const struct chain_round *r, size_t place, uint64_t *out) METE_MUST_CHECK;
bool chain_answer_u256(const struct chain_round *r, size_t place, struct u256 *out) METE_MUST_CHECK;
/** Of eth_call, eth_getCode: the bytes live as long as the round. */
bool chain_answer_data(struct chain_round *r, size_t place, struct bytes *out) METE_MUST_CHECK;
bool chain_answer_block(const struct chain_round *r, size_t place,
                        struct evm_block *out) METE_MUST_CHECK;

#endif
