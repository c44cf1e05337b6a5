/* SPDX-License-Identifier: Apache-2.0
 * The JSON-RPC of EVM nodes (JSON-RPC 2.0; Ethereum's execution API) as values: requests that go
 * out together, answers held against what was asked, quantities and data in their one form. Sending
 * is elsewhere. A node is not trusted to be well-formed, nor to answer in order. */
#ifndef METE_WIRE_EVM_RPC_H
#define METE_WIRE_EVM_RPC_H

#include "base/arena.h"
#include "wire/evm/calls.h"
#include "wire/json.h"

/* Requests. */

struct rpc_batch {
    struct json_writer w;
    uint64_t first_id;
    size_t count;
};

/** Begins an array of requests, appended to `out`; their ids are first_id, first_id + 1, ... */
void rpc_batch_begin(struct rpc_batch *b, struct buf *out, uint64_t first_id);
/** Between the two, parameters are written to b->w with a NULL key. Returns the request's place
 *  among the answers. */
size_t rpc_request_begin(struct rpc_batch *b, const char *method);
void rpc_request_end(struct rpc_batch *b);
/** A request without parameters. */
size_t rpc_request_plain(struct rpc_batch *b, const char *method);
void rpc_batch_end(struct rpc_batch *b);

/** "0x1f", "0x" and two digits a byte: key NULL inside of arrays. */
void jw_quantity(struct json_writer *w, const char *key, struct u256 v);
void jw_data(struct json_writer *w, const char *key, struct bytes v);
void jw_address(struct json_writer *w, const char *key, const struct evm_address *a);

/** As of which block a question is meant. */
enum rpc_tag { RPC_LATEST, RPC_PENDING, RPC_SAFE, RPC_FINALIZED, RPC_NUMBER };
struct rpc_block {
    enum rpc_tag tag;
    uint64_t number; /* of RPC_NUMBER */
};
void jw_block(struct json_writer *w, const char *key, struct rpc_block block);

/** What a call is tried with. */
struct rpc_call {
    const struct evm_address *from; /* NULL: the zero address */
    const struct evm_address *to;   /* NULL: creates a contract */
    struct u256 value;              /* wei */
    uint64_t gas;                   /* 0: as the node thinks */
    struct bytes data;
};
/** One request of eth_call or eth_estimateGas. */
size_t rpc_request_call(struct rpc_batch *b, const char *method, const struct rpc_call *call,
                        struct rpc_block block);

/** A number as people and x402 write it: a string of decimal digits. */
void jw_u256(struct json_writer *w, const char *key, struct u256 v);

/* Answers. */

struct rpc_answer {
    const struct json *result; /* may be the JSON null; NULL when it is an error */
    bool is_error;
    int64_t error_code;
    struct text error_text;
    const struct json *error_data; /* NULL when there is none */
};

/** Reads the answers to a batch of `count` requests into answers[0..count-1], in the order of the
 *  requests. Everything points into `a` or into `input`; `a` needs JSON_ARENA_MAX(input.len).
 *  Refuses: what is no JSON; an error for the whole batch; an answer without "jsonrpc":"2.0", with
 *           both or neither of result and error, with an id that is not the number of a request, a
 *           second one for the same request, too few. err->pointer is the place in the answers.
 *  Errors:  METE_RPC_ANSWER. */
enum mete_code rpc_answers_read(struct arena *a, struct text input, uint64_t first_id,
                                struct rpc_answer *answers, size_t count,
                                struct mete_err *err) METE_MUST_CHECK;
/** url_hide on the words of those that are errors, in copies in `a`, as far as anybody is shown of
 *  them. `url`: of the node that says it. */
void rpc_answers_hide(struct arena *a, struct rpc_answer *answers, size_t count, const char *url);
/** Whether the call that was tried was reverted; else the node has failed, or does not like it. */
bool rpc_is_revert(const struct rpc_answer *answer);
/** Whether a node does not take a transaction because it has it: geth, erigon, nethermind, besu,
 *  anvil. */
bool rpc_is_known(const struct rpc_answer *answer);
/** The bytes of a revert that an error carries; false when it carries none. */
bool rpc_revert_data(struct arena *a, const struct rpc_answer *answer,
                     struct bytes *out) METE_MUST_CHECK;

/* Values, from a member or a result; false, with *out untouched, when `j` is NULL or something
 * else. Quantities have no leading zeros; addresses are taken in any case of letters that is no
 * wrong checksum. */
bool rpc_u256(const struct json *j, struct u256 *out) METE_MUST_CHECK;
bool rpc_u64(const struct json *j, uint64_t *out) METE_MUST_CHECK;
bool rpc_address(const struct json *j, struct evm_address *out) METE_MUST_CHECK;
bool rpc_hash(const struct json *j, struct hash *out) METE_MUST_CHECK;
/** Bytes of any number, in `a`. */
bool rpc_data(struct arena *a, const struct json *j, struct bytes *out) METE_MUST_CHECK;

struct evm_receipt {
    struct hash tx;
    bool is_ok; /* status 1: it was not reverted. What it did is in the logs. */
    uint64_t block_number;
    struct hash block;
    uint64_t gas_used;
    struct u256 gas_price; /* effectiveGasPrice, wei; without what a rollup takes besides */
    struct evm_address from;
    const struct evm_log *logs;
    size_t log_count;
};
/** What rpc_receipt_read takes from its arena at most, for a result of `len` characters. */
#define RPC_RECEIPT_ARENA_MAX(len) (4 * (len) + 4096)
/** The result of eth_getTransactionReceipt, when it is not null; logs are in `a`.
 *  METE_RPC_ANSWER with the place in the receipt. */
enum mete_code rpc_receipt_read(struct arena *a, const struct json *j, struct evm_receipt *out,
                                struct mete_err *err) METE_MUST_CHECK;
/** The same as an answer about the transaction `tx`: false when it is none, cannot be read, or is
 * of another transaction. */
bool rpc_receipt_of(struct arena *a, const struct rpc_answer *answer, const struct hash *tx,
                    struct evm_receipt *out) METE_MUST_CHECK;

struct evm_block {
    uint64_t number;
    struct hash hash;
    struct hash parent;
    uint64_t time;        /* seconds since 1970 */
    struct u256 base_fee; /* wei; 0 where blocks have none */
};
/** The result of eth_getBlockByNumber, when it is not null and not of a pending block. */
enum mete_code rpc_block_read(const struct json *j, struct evm_block *out,
                              struct mete_err *err) METE_MUST_CHECK;

#endif
