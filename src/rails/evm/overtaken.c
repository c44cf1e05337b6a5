/* SPDX-License-Identifier: Apache-2.0
 * A nonce that was used, deep in the chain, while the node knows of none of our transactions there.
 * It may be behind, or lie; so the transaction that used the nonce is looked for and found before
 * anything is called dead. */
#include "base/text.h"
#include "rails/evm/look.h"

#define POINTS 60 /* blocks asked for at once */

struct other {
    struct hash id;
    uint64_t block;
    struct hash block_hash;
    struct evm_address to;
    bool has_to;
    struct u256 value;
    struct bytes data;
};

/* --- where -------------------------------------------------------------------------------------*/

/** Narrows (*low, *high]: at *high the nonce is used, at *low it is not or nobody knows. */
static bool narrow(struct evm_probe *x, const struct evm_look *l, uint64_t *low, uint64_t *high)
{
    const uint64_t nonce = l->trace[0]->sent.tx.nonce;
    const uint64_t gap = *high - *low;
    const uint64_t points = gap - 1 < POINTS ? gap - 1 : POINTS;
    struct chain_round round;
    struct mete_err err;
    uint64_t at[POINTS];
    size_t place[POINTS];
    chain_round_begin(&round, x->rail->chain);
    for (uint64_t i = 0; i < points; i++) {
        at[i] = *low + (uint64_t)((u128)gap * (i + 1) / (points + 1));
        place[i] = chain_ask_account(&round, "eth_getTransactionCount", &l->trace[0]->sent.sender,
                                     (struct rpc_block){RPC_NUMBER, at[i]});
    }
    const bool ok = chain_round_go(&round, &err) == METE_OK;
    for (uint64_t i = 0; ok && i < points; i++) {
        uint64_t count = 0;
        /* A node that has thrown the old state away answers with errors there. */
        if (chain_answer_u64(&round, place[i], &count) && count > nonce) {
            *high = at[i];
            break;
        }
        *low = at[i];
    }
    chain_round_end(&round);
    return ok;
}

/* --- what --------------------------------------------------------------------------------------*/

static bool tx_is(const struct json *j, const struct evm_look *l)
{
    struct evm_address from;
    uint64_t nonce;
    return rpc_address(json_get(j, "from"), &from) && rpc_u64(json_get(j, "nonce"), &nonce) &&
           evm_address_eq(&from, &l->trace[0]->sent.sender) && nonce == l->trace[0]->sent.tx.nonce;
}

static bool other_read(struct evm_probe *x, const struct json *j, struct other *out)
{
    out->has_to = rpc_address(json_get(j, "to"), &out->to);
    return rpc_hash(json_get(j, "hash"), &out->id) && rpc_u256(json_get(j, "value"), &out->value) &&
           rpc_data(&x->own, json_get(j, "input"), &out->data);
}

/** The transaction of the sender with that nonce in the block; false when it is not there. */
static bool block_search(struct evm_probe *x, const struct evm_look *l, struct other *out)
{
    struct chain_round round;
    struct mete_err err;
    struct evm_block block;
    bool found = false;
    chain_round_begin(&round, x->rail->chain);
    const size_t place = chain_ask_block(&round, (struct rpc_block){RPC_NUMBER, out->block}, true);
    if (chain_round_go(&round, &err) == METE_OK && chain_answer_block(&round, place, &block)) {
        out->block_hash = block.hash;
        const struct json *all = json_get(chain_answer(&round, place)->result, "transactions");
        for (const struct json *j = all != NULL ? all->child : NULL; j != NULL && !found;
             j = j->next) {
            found = tx_is(j, l) && other_read(x, j, out);
        }
    }
    chain_round_end(&round);
    return found;
}

static bool other_find(struct evm_probe *x, const struct evm_look *l, struct other *out)
{
    uint64_t low = 0, high = x->deep;
    while (high - low > 1) {
        const uint64_t gap = high - low;
        if (!narrow(x, l, &low, &high) || high - low >= gap) {
            return false;
        }
    }
    out->block = high;
    return block_search(x, l, out);
}

/* --- the answer --------------------------------------------------------------------------------*/

/** True when it pays the same: a body of ours that whoever asks was not told of. */
static bool is_same(const struct other *o, const struct evm_tx *tx)
{
    return o->has_to && evm_address_eq(&o->to, &tx->to) && u256_eq(o->value, tx->value) &&
           bytes_cmp(o->data, tx->data) == 0;
}

/** Judges by the receipt of a body that we were not told of. */
static void same_judge(struct evm_probe *x, struct evm_look *l, const struct other *o)
{
    struct chain_round round;
    struct mete_err err;
    struct evm_trace t = *l->trace[l->count - 1];
    t.sent.id = o->id;
    chain_round_begin(&round, x->rail->chain);
    const size_t place = chain_ask_hash(&round, "eth_getTransactionReceipt", &o->id);
    const bool ok = chain_round_go(&round, &err) == METE_OK &&
                    rpc_receipt_of(&x->own, chain_answer(&round, place), &o->id, &t.receipt) &&
                    hash_eq(&t.receipt.block, &o->block_hash);
    chain_round_end(&round);
    if (ok) {
        l->p->report.reference = evm_hash_text(x->arena, &o->id);
        evm_judge_final(x, l, &t);
    } else {
        rail_say(l->p, RAIL_UNKNOWN, "the node does not show the receipt of what paid it");
    }
}

void evm_judge_overtaken(struct evm_probe *x, struct evm_look *l)
{
    struct other o = {0};
    if (!other_find(x, l, &o)) {
        rail_say(l->p, RAIL_UNKNOWN,
                 "its nonce was used, and the node cannot show by what: one with the state of old "
                 "blocks is needed");
        return;
    }
    for (size_t i = 0; i < l->count; i++) {
        if (hash_eq(&l->trace[i]->sent.id, &o.id)) {
            rail_say(l->p, RAIL_UNKNOWN, "it is in block %llu, but the node shows no receipt",
                     (unsigned long long)o.block);
            return;
        }
    }
    if (is_same(&o, &l->trace[l->count - 1]->sent.tx)) {
        same_judge(x, l, &o);
        return;
    }
    rail_say(l->p, RAIL_TRANSIENT, "its nonce was used by another transaction, in block %llu",
             (unsigned long long)o.block);
    l->p->report.reference = evm_hash_text(x->arena, &o.id);
}
