/* SPDX-License-Identifier: Apache-2.0
 * What a final transaction did for a payment, by its receipt: status and logs, never status alone.
 */
#include "base/text.h"
#include "rails/evm/look.h"

/* --- logs --------------------------------------------------------------------------------------*/

/** The next log from *at on by which `token` moved something from `from` to `to`. */
static bool transfer_next(const struct evm_receipt *r, const struct evm_address *token,
                          const struct evm_address *from, const struct evm_address *to, size_t *at,
                          struct u256 *amount)
{
    struct erc20_transfer t;
    for (size_t i = *at; i < r->log_count; i++) {
        if (evm_address_eq(&r->logs[i].address, token) && log_transfer(&r->logs[i], &t) &&
            evm_address_eq(&t.from, from) && evm_address_eq(&t.to, to)) {
            *at = i + 1;
            *amount = t.amount;
            return true;
        }
    }
    return false;
}

static bool batched(const struct evm_sent *sent, const struct evm_receipt *r,
                    const struct evm_address *token, struct u256 *unpaid)
{
    for (size_t i = 0; i < r->log_count; i++) {
        struct evm_address of, from;
        if (evm_address_eq(&r->logs[i].address, &sent->tx.to) &&
            log_batched(&r->logs[i], &of, &from, unpaid) && evm_address_eq(&of, token) &&
            evm_address_eq(&from, &sent->sender)) {
            return true;
        }
    }
    return false;
}

/** Payments come in order, so that two to the same address are told apart. */
static enum evm_moved batch_moved(const struct evm_sent *sent, const struct evm_receipt *r,
                                  const struct evm_paid *paid, struct u256 *amount)
{
    const struct evm_address *token = &paid->token->address;
    struct u256 unpaid;
    size_t at = 0;
    bool found = false;
    if (!batched(sent, r, token, &unpaid)) {
        return EVM_SILENT;
    }
    if (batch_bit(unpaid, paid->index)) {
        return EVM_REFUSED;
    }
    for (size_t i = 0; i <= paid->index; i++) {
        struct batch_payment one;
        METE_ASSERT(batch_call_at(sent->tx.data, i, &one)); /* index was read by the same */
        found =
            !batch_bit(unpaid, i) && transfer_next(r, token, &sent->sender, &one.to, &at, amount);
    }
    return found ? EVM_MOVED : EVM_SILENT;
}

enum evm_moved evm_moved(const struct evm_sent *sent, const struct evm_receipt *receipt,
                         const struct evm_paid *paid, struct u256 *amount)
{
    size_t at = 0;
    if (!receipt->is_ok) {
        return EVM_REFUSED;
    }
    if (paid->token->is_coin) {
        *amount = paid->amount;
        return EVM_MOVED;
    }
    if (paid->is_batch) {
        return batch_moved(sent, receipt, paid, amount);
    }
    return transfer_next(receipt, &paid->token->address, &sent->sender, &paid->to, &at, amount)
               ? EVM_MOVED
               : EVM_SILENT;
}

/* --- the report --------------------------------------------------------------------------------*/

static struct u256 gas_cost(const struct evm_trace *t)
{
    struct u256 cost;
    return u256_mul_small(t->receipt.gas_price, t->receipt.gas_used, &cost) &&
                   u256_add(cost, t->rollup_fee, &cost)
               ? cost
               : U256_MAX;
}

static struct text proof(struct evm_probe *x, const struct evm_look *l, const struct evm_trace *t)
{
    struct buf out = {0};
    struct json_writer w;
    jw_init(&w, &out, false);
    jw_object(&w, NULL);
    jw_text(&w, "chain",
            arena_printf(&x->own, "eip155:%llu", (unsigned long long)chain_id(x->rail->chain)));
    jw_text(&w, "transaction", evm_hash_text(&x->own, &t->sent.id));
    jw_int(&w, "block", (int64_t)t->receipt.block_number);
    jw_text(&w, "block_hash", evm_hash_text(&x->own, &t->receipt.block));
    jw_int(&w, "confirmations", (int64_t)(x->head.number - t->receipt.block_number + 1));
    jw_int(&w, "gas_used", (int64_t)(t->receipt.gas_used & INT64_MAX));
    jw_u256(&w, "gas_price_wei", t->receipt.gas_price);
    jw_u256(&w, "gas_cost_wei", gas_cost(t));
    jw_int(&w, "payments", (int64_t)l->paid.batch_count);
    jw_int(&w, "place", (int64_t)l->paid.index);
    jw_end_object(&w);
    const struct text text = arena_text(x->arena, buf_text(&out));
    buf_clear(&out);
    return text;
}

/** Gas is a fee of the payment when it is of the same asset. */
static void fee_report(const struct evm_look *l, const struct evm_trace *t)
{
    bool is_exact;
    struct rail_report *report = &l->p->report;
    report->has_fee =
        l->paid.token->is_coin &&
        evm_amount_back(&l->p->asset, l->paid.token, gas_cost(t), true, &report->fee, &is_exact);
}

static void paid_report(struct evm_probe *x, struct evm_look *l, const struct evm_trace *t,
                        struct u256 amount)
{
    struct rail_payment *p = l->p;
    bool is_exact;
    i128 arrived = 0;
    rail_say(p, RAIL_PAID, "%s", "");
    p->report.proof = proof(x, l, t);
    fee_report(l, t);
    if (!u256_eq(amount, l->paid.amount) &&
        evm_amount_back(&p->asset, l->paid.token, amount, false, &arrived, &is_exact)) {
        p->report.has_amount = true;
        p->report.amount = arrived;
        rail_say(p, RAIL_PAID, "the token moved another amount than it was told to");
    }
}

/** Asks what the transfer would have answered on the state before its block: a token that answers
 *  false moves nothing and writes no log. */
static bool refused_before(struct evm_probe *x, const struct evm_trace *t)
{
    struct chain_round round;
    struct mete_err err;
    struct bytes answer;
    const struct rpc_call call = {.from = &t->sent.sender,
                                  .to = &t->sent.tx.to,
                                  .value = t->sent.tx.value,
                                  .data = t->sent.tx.data};
    chain_round_begin(&round, x->rail->chain);
    const size_t place = chain_ask_call(
        &round, "eth_call", &call, (struct rpc_block){RPC_NUMBER, t->receipt.block_number - 1});
    const bool refused = t->receipt.block_number > 0 && chain_round_go(&round, &err) == METE_OK &&
                         chain_answer_data(&round, place, &answer) && answer.len > 0 &&
                         !call_is_done(answer);
    chain_round_end(&round);
    return refused;
}

void evm_judge_final(struct evm_probe *x, struct evm_look *l, const struct evm_trace *t)
{
    struct u256 amount;
    lane_forget(x->rail->lane, t->sent.tx.chain_id, &t->sent.sender, t->sent.tx.nonce + 1);
    switch (evm_moved(&t->sent, &t->receipt, &l->paid, &amount)) {
    case EVM_MOVED:
        paid_report(x, l, t, amount);
        return;
    case EVM_REFUSED:
        rail_say(l->p, RAIL_TRANSIENT,
                 t->receipt.is_ok ? "the token refused this payment of the batch, in block %llu"
                                  : "the transaction failed, in block %llu",
                 (unsigned long long)t->receipt.block_number);
        l->p->report.proof = proof(x, l, t);
        return;
    case EVM_SILENT:
        break;
    }
    if (!l->paid.is_batch && refused_before(x, t)) {
        rail_say(l->p, RAIL_TRANSIENT, "the token answered that it did not transfer");
    } else {
        rail_say(
            l->p, RAIL_UNKNOWN,
            "the transaction succeeded, but the token wrote no transfer to the payee: a person "
            "has to look");
    }
    l->p->report.proof = proof(x, l, t);
}
