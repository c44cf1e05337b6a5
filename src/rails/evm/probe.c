/* SPDX-License-Identifier: Apache-2.0
 * What became of payments: receipts of all their bodies, the sender's nonce, the blocks once more.
 * Invariants: paid is said only of a canonical block at the depth of the settings; dead only when
 * the transaction itself failed there, or another one is found there that used its nonce. That a
 * node does not know something proves nothing. */
#include "base/text.h"
#include "rails/evm/look.h"

/* --- what is looked at -------------------------------------------------------------------------*/

static struct evm_trace *trace_of(struct evm_probe *x, struct text body)
{
    for (size_t i = x->trace_count; i-- > 0;) {
        if (text_eq(x->trace[i].sent.body, body)) {
            return &x->trace[i];
        }
    }
    struct evm_trace *t = &x->trace[x->trace_count];
    if (!evm_sent_read(&x->own, chain_id(x->rail->chain), body, &t->sent)) {
        return NULL;
    }
    x->trace_count++;
    return t;
}

/** False: what is committed cannot be read, and that is reported. */
static bool look_make(struct evm_probe *x, struct rail_payment *p, struct evm_look *l)
{
    *l = (struct evm_look){.p = p};
    for (size_t i = 0; i < p->body_count; i++) {
        l->trace[i] = trace_of(x, p->body[i]);
        if (l->trace[i] == NULL ||
            !evm_paid_read(x->rail, &l->trace[i]->sent, p->anchor, &l->paid)) {
            l->count = 0;
            break;
        }
        l->count++;
    }
    if (l->count == 0) {
        rail_say(p, RAIL_UNKNOWN,
                 "what is committed is no payment of this chain and these settings");
        return false;
    }
    p->report.reference = evm_hash_text(x->arena, &l->trace[l->count - 1]->sent.id);
    for (size_t i = 0; i < l->count; i++) {
        evm_lane_use(x->rail->lane, &l->trace[i]->sent);
    }
    return true;
}

static void probe_make(struct evm_probe *x, struct rail_payment **p, size_t count)
{
    size_t bodies = 0;
    for (size_t i = 0; i < count; i++) {
        bodies += p[i]->body_count;
    }
    arena_init(&x->own, (bodies + count + 1) * (EVM_SENT_ARENA_MAX + 8192));
    x->trace = arena_array(&x->own, bodies + 1, sizeof *x->trace);
    x->look = arena_array(&x->own, count, sizeof *x->look);
    for (size_t i = 0; i < count; i++) {
        x->count += look_make(x, p[i], &x->look[x->count]);
        if (x->rail->first_now == 0) {
            x->rail->first_now = p[i]->now;
        }
    }
}

/* --- first round: receipts and counts ----------------------------------------------------------*/

static void first_ask(struct evm_probe *x, struct chain_round *round)
{
    for (size_t i = 0; i < x->trace_count; i++) {
        struct evm_trace *t = &x->trace[i];
        t->receipt_place = chain_ask_hash(round, "eth_getTransactionReceipt", &t->sent.id);
        t->tx_place = chain_ask_hash(round, "eth_getTransactionByHash", &t->sent.id);
    }
    for (size_t i = 0; i < x->count; i++) {
        struct evm_look *l = &x->look[i];
        const struct evm_address *who = &l->trace[0]->sent.sender;
        const struct evm_look *before = i > 0 ? &x->look[i - 1] : NULL;
        if (before != NULL && evm_address_eq(&before->trace[0]->sent.sender, who)) {
            l->latest_place = before->latest_place;
            l->pending_place = before->pending_place;
            continue;
        }
        l->latest_place = chain_ask_account(round, "eth_getTransactionCount", who,
                                            (struct rpc_block){.tag = RPC_LATEST});
        l->pending_place = chain_ask_account(round, "eth_getTransactionCount", who,
                                             (struct rpc_block){.tag = RPC_PENDING});
    }
}

static void trace_read(struct evm_probe *x, const struct chain_round *round, struct evm_trace *t)
{
    const struct rpc_answer *receipt = chain_answer(round, t->receipt_place);
    const struct rpc_answer *tx = chain_answer(round, t->tx_place);
    if (rpc_receipt_of(&x->own, receipt, &t->sent.id, &t->receipt) &&
        evm_address_eq(&t->receipt.from, &t->sent.sender)) {
        t->has_receipt = true;
        t->is_deep = t->receipt.block_number <= x->deep;
        if (!rpc_u256(json_get(receipt->result, "l1Fee"), &t->rollup_fee)) {
            t->rollup_fee = u256_of(0);
        }
    }
    const struct json *block =
        tx->is_error || tx->result == NULL ? NULL : json_get(tx->result, "blockNumber");
    t->waits = !tx->is_error && tx->result->type == JSON_OBJECT &&
               (block == NULL || block->type == JSON_NULL);
}

/** False when the node did not say where the chain is. */
static bool first_read(struct evm_probe *x, const struct chain_round *round,
                       struct evm_fee_asks asks)
{
    if (!evm_fees_answer(x->rail, round, asks, &x->head, &x->fees)) {
        return false;
    }
    /* The block itself is the first confirmation. Below it there is none that counts. */
    const uint64_t above = x->rail->confirmations - 1;
    x->deep = x->head.number >= above ? x->head.number - above : 0;
    for (size_t i = 0; i < x->trace_count; i++) {
        trace_read(x, round, &x->trace[i]);
    }
    for (size_t i = 0; i < x->count; i++) {
        struct evm_look *l = &x->look[i];
        l->has_counts = chain_answer_u64(round, l->latest_place, &l->latest) &&
                        chain_answer_u64(round, l->pending_place, &l->pending);
    }
    return true;
}

/* --- second round: is it still so --------------------------------------------------------------*/

static const struct evm_trace *mined(const struct evm_look *l)
{
    const struct evm_trace *found = NULL;
    for (size_t i = 0; i < l->count; i++) {
        const struct evm_trace *t = l->trace[i];
        if (t->has_receipt && (found == NULL || t->is_canonical)) {
            found = t;
        }
    }
    return found;
}

static bool may_be_overtaken(const struct evm_look *l)
{
    return mined(l) == NULL && l->has_counts && l->latest > l->trace[0]->sent.tx.nonce;
}

static bool second_ask(struct evm_probe *x, struct chain_round *round)
{
    for (size_t i = 0; i < x->trace_count; i++) {
        struct evm_trace *t = &x->trace[i];
        if (t->has_receipt && t->is_deep) {
            t->block_place = chain_ask_block(
                round, (struct rpc_block){RPC_NUMBER, t->receipt.block_number}, false);
        }
    }
    for (size_t i = 0; i < x->count; i++) {
        struct evm_look *l = &x->look[i];
        if (may_be_overtaken(l)) {
            l->deep_place =
                chain_ask_account(round, "eth_getTransactionCount", &l->trace[0]->sent.sender,
                                  (struct rpc_block){RPC_NUMBER, x->deep});
        }
    }
    return round->count > 0;
}

static void second_read(struct evm_probe *x, const struct chain_round *round)
{
    for (size_t i = 0; i < x->count; i++) {
        struct evm_look *l = &x->look[i];
        uint64_t used = 0;
        l->is_overtaken = may_be_overtaken(l) && chain_answer_u64(round, l->deep_place, &used) &&
                          used > l->trace[0]->sent.tx.nonce;
    }
    for (size_t i = 0; i < x->trace_count; i++) {
        struct evm_trace *t = &x->trace[i];
        struct evm_block block;
        t->is_canonical = t->has_receipt && t->is_deep &&
                          chain_answer_block(round, t->block_place, &block) &&
                          hash_eq(&block.hash, &t->receipt.block);
    }
}

/* --- the answer --------------------------------------------------------------------------------*/

static void mined_judge(struct evm_probe *x, struct evm_look *l, const struct evm_trace *t)
{
    l->p->report.reference = evm_hash_text(x->arena, &t->sent.id);
    if (t->is_canonical) {
        evm_judge_final(x, l, t);
    } else if (t->is_deep) {
        rail_say(l->p, RAIL_UNKNOWN, "the block that had it is no longer part of the chain");
    } else {
        const uint64_t have = x->head.number >= t->receipt.block_number
                                  ? x->head.number - t->receipt.block_number + 1
                                  : 0;
        rail_say(l->p, RAIL_ACCEPTED, "in block %llu, %llu of %u confirmations",
                 (unsigned long long)t->receipt.block_number, (unsigned long long)have,
                 x->rail->confirmations);
    }
}

static void look_judge(struct evm_probe *x, struct evm_look *l)
{
    const struct evm_trace *t = mined(l);
    bool waits = false;
    for (size_t i = 0; i < l->count; i++) {
        waits = waits || l->trace[i]->waits;
    }
    if (t != NULL) {
        mined_judge(x, l, t);
    } else if (!l->has_counts) {
        rail_say(l->p, RAIL_UNKNOWN, "the node does not say how many transactions there are");
    } else if (l->is_overtaken) {
        evm_judge_overtaken(x, l);
    } else if (l->latest > l->trace[0]->sent.tx.nonce) {
        rail_say(l->p, RAIL_UNKNOWN,
                 "its nonce was used, by what is not yet deep enough to be looked for");
    } else {
        evm_judge_waiting(x, l, waits);
    }
}

static bool probe_ask(struct evm_probe *x, struct mete_err *err)
{
    struct chain_round first, second;
    chain_round_begin(&first, x->rail->chain);
    chain_round_begin(&second, x->rail->chain);
    const struct evm_fee_asks asks = evm_fees_ask(&first);
    first_ask(x, &first);
    bool ok = chain_round_go(&first, err) == METE_OK;
    if (ok && !first_read(x, &first, asks)) {
        ok = mete_fail(err, METE_RPC_ANSWER, "", "the node does not say its latest block") ==
             METE_OK;
    }
    if (ok && second_ask(x, &second)) {
        ok = chain_round_go(&second, err) == METE_OK;
        if (ok) {
            second_read(x, &second);
        }
    }
    chain_round_end(&first);
    chain_round_end(&second);
    return ok;
}

void evm_probe(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    struct evm_probe x = {.rail = r, .arena = a};
    struct mete_err err;
    probe_make(&x, p, count);
    const bool ok = x.count == 0 || probe_ask(&x, &err);
    for (size_t i = 0; i < x.count; i++) {
        if (ok) {
            look_judge(&x, &x.look[i]);
        } else {
            rail_say(x.look[i].p, RAIL_UNKNOWN, "%s", err.text);
        }
    }
    arena_clear(&x.own);
}
