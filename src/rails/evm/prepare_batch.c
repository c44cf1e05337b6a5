/* SPDX-License-Identifier: Apache-2.0
 * Payments that travel together, by contracts/Batch.sol. What it would refuse for one payee is left
 * to be judged by itself; when the contract or the gas is not there, all are: they are paid one by
 * one, which costs more and fails less. When the allowance is not there, they are refused: only the
 * operator gives one. */
#include "base/text.h"
#include "crypto/keccak.h"
#include "rails/evm/plan.h"

static const struct rpc_block PENDING = {.tag = RPC_PENDING};

struct batch {
    struct evm_plan *plan;
    struct evm_token *token;
    struct evm_job *job[BATCH_PAYMENTS_MAX];
    size_t count;
    struct u256 total;
    struct buf data; /* of the call */
    size_t allowance, code, call, gas;
};

static void batch_call(struct batch *b)
{
    struct batch_payment p[BATCH_PAYMENTS_MAX];
    buf_reset(&b->data);
    b->total = u256_of(0);
    for (size_t i = 0; i < b->count; i++) {
        p[i] = (struct batch_payment){b->job[i]->to, b->job[i]->amount};
        METE_ASSERT(u256_add(b->total, b->job[i]->amount, &b->total)); /* 256 below 2^96 */
    }
    call_put_batch(&b->data, &b->token->address, p, b->count);
}

/** Jobs of one token that may travel together, from *at on. */
static void batch_gather(struct batch *b, struct evm_token *token, size_t *at)
{
    struct evm_plan *plan = b->plan;
    b->token = token;
    b->count = 0;
    for (; *at < plan->count && b->count < plan->rail->batch_size; (*at)++) {
        struct evm_job *j = &plan->job[*at];
        if (!j->is_done && j->token == token && u256_size(j->amount) <= BATCH_AMOUNT_BITS / 8) {
            b->job[b->count++] = j;
        }
    }
}

static void batch_ask(struct batch *b, struct chain_round *round)
{
    struct rail *r = b->plan->rail;
    const struct evm_address *me = lane_address(r->lane);
    struct buf data = {0};
    call_put_between(&data, ABI_ALLOWANCE, me, &r->batch);
    const struct rpc_call allowance = {.to = &b->token->address, .data = buf_bytes(&data)};
    const struct rpc_call pay = {.from = me, .to = &r->batch, .data = buf_bytes(&b->data)};
    b->allowance = chain_ask_call(round, "eth_call", &allowance, PENDING);
    b->code = chain_ask_account(round, "eth_getCode", &r->batch, PENDING);
    b->call = chain_ask_call(round, "eth_call", &pay, PENDING);
    b->gas = chain_ask_call(round, "eth_estimateGas", &pay, PENDING);
    buf_clear(&data);
}

/** What the contract may not move waits for the operator: an allowance is a person's to give. */
static void refuse(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        rail_say(b->job[i]->p, RAIL_TRANSIENT,
                 "batch_contract may move too little %s of the account that pays: "
                 "mete rail approve %s AMOUNT --send",
                 b->token->code, b->token->code);
        b->job[i]->is_done = true;
    }
}

/** True when the contract is ours, may move so much, and says what would become of each payment. */
static bool batch_may(struct batch *b, struct chain_round *round, const struct evm_scene *scene,
                      struct u256 *unpaid)
{
    struct bytes code, allowed, answer;
    struct u256 allowance;
    const size_t t = evm_token_index(b->plan->rail, b->token);
    if (!chain_answer_data(round, b->code, &code) ||
        !chain_answer_data(round, b->allowance, &allowed) ||
        !chain_answer_data(round, b->call, &answer) || !abi_answer_u256(allowed, &allowance) ||
        !abi_answer_u256(answer, unpaid)) {
        return false;
    }
    const struct hash have = keccak256(code);
    if (!hash_eq(&have, &EVM_BATCH_CODE) ||
        u256_cmp(evm_left(scene->token_balance[t], b->plan->spent[t]), b->total) < 0) {
        return false;
    }
    if (u256_cmp(evm_left(allowance, b->plan->spent[t]), b->total) < 0) {
        refuse(b);
        return false;
    }
    return true;
}

/** Leaves those out that would be refused; true when there were any. */
static bool batch_thin(struct batch *b, struct u256 unpaid)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->count; i++) {
        if (!batch_bit(unpaid, i)) {
            b->job[kept++] = b->job[i];
        }
    }
    const bool thinned = kept < b->count;
    b->count = kept;
    return thinned;
}

static void batch_sign(struct batch *b, const struct evm_scene *scene, uint64_t gas)
{
    struct evm_plan *plan = b->plan;
    struct rail *r = plan->rail;
    struct evm_tx tx = evm_plan_tx(plan, scene, gas);
    uint32_t taken = 0;
    for (size_t i = 0; i < b->count; i++) {
        taken = b->job[i]->p->anchors_taken > taken ? b->job[i]->p->anchors_taken : taken;
    }
    tx.to = r->batch;
    tx.data = buf_bytes(&b->data);
    tx.nonce = lane_offer(r->lane, scene->nonce, b->job[0]->p->transfer_id, taken, plan->now);
    lane_sign(r->lane, &tx);
    const struct text body = evm_body(plan->arena, &(const struct evm_tx *){&tx}, 1);
    const struct text group =
        evm_anchor(plan->arena, tx.chain_id, lane_address(r->lane), tx.nonce, 0);
    for (size_t i = 0; i < b->count; i++) {
        struct rail_payment *p = b->job[i]->p;
        p->anchor = evm_anchor(plan->arena, tx.chain_id, lane_address(r->lane), tx.nonce, i);
        p->body[0] = body;
        p->body_count = 1;
        p->group = group;
        b->job[i]->is_done = true;
        rail_say(p, RAIL_ACCEPTED, "%s", "");
    }
    evm_plan_spend(plan, &tx);
    struct u256 *spent = &plan->spent[evm_token_index(r, b->token)];
    METE_ASSERT(u256_add(*spent, b->total, spent));
}

/** One look at what the chain would do; true when it is to be looked at again with fewer. */
static bool batch_try(struct batch *b)
{
    struct chain_round round;
    struct evm_scene scene;
    struct u256 unpaid;
    struct mete_err err;
    uint64_t gas = 0;
    bool again = false;
    batch_call(b);
    chain_round_begin(&round, b->plan->rail->chain);
    evm_scene_ask(b->plan, &round, &scene);
    batch_ask(b, &round);
    if (chain_round_go(&round, &err) == METE_OK &&
        evm_scene_read(b->plan, &round, &scene) == NULL && batch_may(b, &round, &scene, &unpaid)) {
        again = batch_thin(b, unpaid);
        if (!again && chain_answer_u64(&round, b->gas, &gas) && evm_gas_room(gas) <= EVM_GAS_MAX &&
            evm_coins_suffice(b->plan, &scene, evm_gas_room(gas), u256_of(0))) {
            batch_sign(b, &scene, evm_gas_room(gas));
        }
    }
    chain_round_end(&round);
    return again;
}

void evm_prepare_batches(struct evm_plan *plan)
{
    struct batch *b = arena_alloc(plan->arena, sizeof *b);
    b->plan = plan;
    for (size_t t = 0; t < plan->rail->token_count; t++) {
        for (size_t at = 0; at < plan->count && !plan->rail->token[t].is_coin;) {
            batch_gather(b, &plan->rail->token[t], &at);
            while (b->count > 1 && batch_try(b)) {
            }
        }
    }
    buf_clear(&b->data);
}
