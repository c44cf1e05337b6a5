/* SPDX-License-Identifier: Apache-2.0
 * Payments before they are committed: checked, tried on the node's state, signed. Invariant:
 * nothing that moves money leaves this file; what it offers is worthless until core has committed
 * it. */
#include "base/text.h"
#include "rails/evm/plan.h"

#include <string.h>

static const struct rpc_block PENDING = {.tag = RPC_PENDING};

/* --- what a payment is -------------------------------------------------------------------------*/

/** "0x..", or "eip155:CHAIN:0x..": false when it names another chain. */
static bool destination_address(const struct rail *r, struct text t, struct text *out)
{
    const struct text place = {t.p + 7, t.len - 7};
    *out = t;
    if (!text_starts(t, "eip155:")) {
        return true;
    }
    const char *colon = memchr(place.p, ':', place.len);
    u128 id = 0;
    if (colon == NULL || !u128_parse((struct text){place.p, (size_t)(colon - place.p)}, &id) ||
        id != chain_id(r->chain)) {
        return false;
    }
    *out = (struct text){colon + 1, place.len - (size_t)(colon - place.p) - 1};
    return true;
}

static void reject(struct evm_job *j, const char *why, const char *remedy)
{
    rail_say(j->p, RAIL_REJECTED, "%s", why);
    (void)text_copy(j->p->report.remediation, sizeof j->p->report.remediation, text_of(remedy));
    j->is_done = true;
}

static void delay(struct evm_job *j, const char *why)
{
    rail_say(j->p, RAIL_TRANSIENT, "%s", why);
    j->is_done = true;
}

static bool is_ours(const struct rail *r, const struct evm_address *to)
{
    return evm_address_eq(to, lane_address(r->lane)) ||
           (r->has_batch && evm_address_eq(to, &r->batch)) || evm_token_at(r, to) != NULL;
}

static void job_place(struct rail *r, struct evm_job *j)
{
    struct text text;
    struct mete_err err;
    if (!destination_address(r, j->p->destination, &text)) {
        reject(j, "the destination is on another chain",
               "Give an address of the chain that payouts are made on.");
    } else if (evm_address_parse(text, r->checksum, &j->to, &err) != METE_OK) {
        reject(j,
               err.code == METE_ADDRESS_CHECKSUM ? "the capitals of the destination do not fit it"
                                                 : "the destination is no address",
               err.code == METE_ADDRESS_CHECKSUM
                   ? "Copy the address again, with its capitals: a digit may be wrong."
                   : "Give an address: 0x and 40 hexadecimal digits.");
    } else if (evm_address_is_zero(&j->to)) {
        reject(j, "the destination is the zero address, which nobody has",
               "Give an address of your own.");
    } else if (is_ours(r, &j->to)) {
        reject(j, "the destination is the token's contract or the payer itself",
               "Give an address of your own: what is sent to a token's contract is lost.");
    }
}

static void job_make(struct rail *r, struct rail_payment *p, struct evm_job *j)
{
    *j = (struct evm_job){.p = p, .token = evm_token_of(r, &p->asset)};
    p->report.outcome = RAIL_TRANSIENT;
    p->group = (struct text){0};
    if (j->token == NULL) {
        rail_say(p, RAIL_REJECTED, "[evm] has no token for the asset %s", p->asset.code);
        j->is_done = true;
    } else if (!evm_amount_of(&p->asset, j->token, p->amount, &j->amount)) {
        rail_say(p, RAIL_REJECTED,
                 "the amount is no whole number of the token's units, of %u "
                 "decimals",
                 j->token->decimals);
        j->is_done = true;
    } else {
        job_place(r, j);
    }
}

/* --- the scene ---------------------------------------------------------------------------------*/

size_t evm_token_index(const struct rail *r, const struct evm_token *t)
{
    return (size_t)(t - r->token);
}

static size_t ask_token(struct chain_round *round, const struct evm_token *t, uint32_t selector,
                        const struct evm_address *who)
{
    struct buf data = {0};
    if (who != NULL) {
        call_put_of(&data, selector, who);
    } else {
        abi_put_selector(&data, selector);
    }
    const struct rpc_call call = {.to = &t->address, .data = buf_bytes(&data)};
    const size_t place = chain_ask_call(round, "eth_call", &call, PENDING);
    buf_clear(&data);
    return place;
}

void evm_scene_ask(struct evm_plan *plan, struct chain_round *round, struct evm_scene *scene)
{
    struct rail *r = plan->rail;
    const struct evm_address *me = lane_address(r->lane);
    *scene = (struct evm_scene){.fee_asks = evm_fees_ask(round)};
    scene->pending = chain_ask_account(round, "eth_getTransactionCount", me, PENDING);
    scene->coins = chain_ask_account(round, "eth_getBalance", me, PENDING);
    for (size_t i = 0; i < plan->count; i++) {
        const struct evm_job *j = &plan->job[i];
        const size_t t = j->is_done ? 0 : evm_token_index(r, j->token);
        if (j->is_done || j->token->is_coin || scene->is_asked[t]) {
            continue;
        }
        scene->is_asked[t] = true;
        scene->balance[t] = ask_token(round, j->token, ABI_BALANCE_OF, me);
        scene->decimals[t] = ask_token(round, j->token, ABI_DECIMALS, NULL);
    }
}

static const char *token_answer(struct evm_plan *plan, struct chain_round *round,
                                struct evm_scene *scene, size_t t)
{
    struct bytes data;
    struct u256 decimals;
    if (!chain_answer_data(round, scene->balance[t], &data) ||
        !abi_answer_u256(data, &scene->token_balance[t])) {
        return "the token's contract does not say what the payer has: is there one at its address?";
    }
    if (!chain_answer_data(round, scene->decimals[t], &data) || !abi_answer_u256(data, &decimals) ||
        !u256_eq(decimals, u256_of(plan->rail->token[t].decimals))) {
        return "the token has other decimals than the settings say";
    }
    return NULL;
}

const char *evm_scene_read(struct evm_plan *plan, struct chain_round *round,
                           struct evm_scene *scene)
{
    if (!evm_fees_answer(plan->rail, round, scene->fee_asks, &scene->latest, &scene->fees) ||
        !chain_answer_u64(round, scene->pending, &scene->nonce) ||
        !chain_answer_u256(round, scene->coins, &scene->coin_balance)) {
        return "the node does not say block, nonce or balance";
    }
    const char *wrong = NULL;
    for (size_t t = 0; wrong == NULL && t < plan->rail->token_count; t++) {
        wrong = scene->is_asked[t] ? token_answer(plan, round, scene, t) : NULL;
    }
    return wrong;
}

struct u256 evm_left(struct u256 balance, struct u256 spent)
{
    struct u256 left;
    return u256_sub(balance, spent, &left) ? left : u256_of(0);
}

/** What a transaction may cost in coins at most; all of them when it is more than there are. */
static struct u256 cost_of(struct u256 fee_max, uint64_t gas, struct u256 value)
{
    struct u256 cost;
    return u256_mul_small(fee_max, gas, &cost) && u256_add(cost, value, &cost) ? cost : U256_MAX;
}

bool evm_coins_suffice(const struct evm_plan *plan, const struct evm_scene *scene, uint64_t gas,
                       struct u256 value)
{
    const struct u256 cost = cost_of(u256_of(scene->fees.max), gas, value);
    return u256_cmp(cost, evm_left(scene->coin_balance, plan->coin_spent)) <= 0;
}

struct evm_tx evm_plan_tx(const struct evm_plan *plan, const struct evm_scene *scene, uint64_t gas)
{
    struct evm_tx tx = {
        .type = EVM_TX_FEE_MARKET, .chain_id = chain_id(plan->rail->chain), .gas = gas};
    evm_fees_offer(&scene->fees, &tx);
    return tx;
}

void evm_plan_spend(struct evm_plan *plan, const struct evm_tx *tx)
{
    const struct u256 cost = cost_of(tx->fee_max, tx->gas, tx->value);
    if (!u256_add(plan->coin_spent, cost, &plan->coin_spent)) {
        plan->coin_spent = U256_MAX;
    }
}

/* --- one by one --------------------------------------------------------------------------------*/

static void call_of(struct rail *r, const struct evm_job *j, struct buf *data,
                    struct rpc_call *call)
{
    *call = (struct rpc_call){.from = lane_address(r->lane), .to = &j->to};
    if (j->token->is_coin) {
        call->value = j->amount;
        return;
    }
    call_put_amount(data, ABI_TRANSFER, &j->to, j->amount);
    call->to = &j->token->address;
    call->data = buf_bytes(data);
}

static void job_ask(struct rail *r, struct evm_job *j, struct chain_round *round)
{
    struct buf data = {0};
    struct rpc_call call;
    call_of(r, j, &data, &call);
    j->gas = chain_ask_call(round, "eth_estimateGas", &call, PENDING);
    if (!j->token->is_coin) {
        j->call = chain_ask_call(round, "eth_call", &call, PENDING);
        j->listed = ask_token(round, j->token, ABI_IS_BLACKLISTED, &j->to);
    }
    buf_clear(&data);
}

/** What a node says of a call that fails; addresses in it are somebody's destination. */
static void said(struct chain_round *round, size_t place, char *out, size_t size)
{
    struct bytes data;
    struct text text;
    const struct rpc_answer *a = chain_answer(round, place);
    if (rpc_revert_data(&round->arena, a, &data) && abi_revert_text(data, &text) &&
        memmem(text.p, text.len, "0x", 2) == NULL) {
        (void)text_copy(out, size, text);
    } else {
        (void)text_copy(out, size, TEXT("it is reverted"));
    }
}

static void token_judge(struct evm_job *j, struct chain_round *round, struct u256 left)
{
    struct bytes data;
    bool is_listed = false;
    char why[120];
    if (u256_cmp(left, j->amount) < 0) {
        delay(j, "the account that pays has too little of the token");
    } else if (chain_answer_data(round, j->listed, &data) && abi_answer_bool(data, &is_listed) &&
               is_listed) {
        reject(j, "the token's issuer has blocked the destination", "Give another address.");
    } else if (chain_answer(round, j->call)->is_error) {
        said(round, j->call, why, sizeof why);
        rail_say(j->p, RAIL_TRANSIENT, "the token refuses the transfer: %s", why);
        j->is_done = true;
    } else if (!chain_answer_data(round, j->call, &data) || !call_is_done(data)) {
        delay(j, "the token answers that it does not transfer");
    }
}

static void coin_judge(struct evm_job *j, struct chain_round *round, struct u256 left)
{
    if (u256_cmp(left, j->amount) < 0) {
        delay(j, "the account that pays has too few coins");
    } else if (rpc_is_revert(chain_answer(round, j->gas))) {
        reject(j, "the contract at the destination takes no coins",
               "Give an address that takes coins.");
    }
}

/** The most that gas may cost beside a payment of coins, as its fee cap says. */
static bool fee_fits(const struct evm_job *j, uint64_t gas, u128 fee_max)
{
    struct u256 most, cost;
    if (!j->token->is_coin || j->p->fee_max < 0) {
        return true;
    }
    return evm_amount_of(&j->p->asset, j->token, j->p->fee_max, &most) &&
           u256_mul_small(u256_of(fee_max), gas, &cost) && u256_cmp(cost, most) <= 0;
}

static void job_sign(struct evm_plan *plan, const struct evm_scene *scene, struct evm_job *j,
                     uint64_t gas)
{
    struct rail *r = plan->rail;
    struct buf data = {0};
    struct rpc_call call;
    struct evm_tx tx = evm_plan_tx(plan, scene, gas);
    call_of(r, j, &data, &call);
    tx.to = *call.to;
    tx.value = call.value;
    tx.data = call.data;
    tx.nonce = lane_offer(r->lane, scene->nonce, j->p->transfer_id, j->p->anchors_taken, plan->now);
    lane_sign(r->lane, &tx);
    evm_body_set(plan->arena, j->p, &tx, lane_address(r->lane), 0);
    evm_plan_spend(plan, &tx);
    struct u256 *spent = &plan->spent[evm_token_index(r, j->token)];
    if (!u256_add(*spent, j->amount, spent)) {
        *spent = U256_MAX;
    }
    buf_clear(&data);
    rail_say(j->p, RAIL_ACCEPTED, "%s", "");
    j->is_done = true;
}

static void job_judge(struct evm_plan *plan, struct chain_round *round,
                      const struct evm_scene *scene, struct evm_job *j)
{
    const size_t t = evm_token_index(plan->rail, j->token);
    const struct u256 value = j->token->is_coin ? j->amount : u256_of(0);
    uint64_t gas = 0;
    if (j->token->is_coin) {
        coin_judge(j, round, evm_left(scene->coin_balance, plan->coin_spent));
    } else {
        token_judge(j, round, evm_left(scene->token_balance[t], plan->spent[t]));
    }
    if (j->is_done) {
        return;
    }
    if (!chain_answer_u64(round, j->gas, &gas) || gas > EVM_GAS_ONE_MAX) {
        delay(j, "the node cannot say what gas the payment needs");
        return;
    }
    gas = evm_gas_room(gas);
    if (!evm_coins_suffice(plan, scene, gas, value)) {
        delay(j, "the account that pays has too few coins for gas");
    } else if (!fee_fits(j, gas, scene->fees.max)) {
        delay(j, "gas would cost more than the fee may be");
    } else {
        job_sign(plan, scene, j, gas);
    }
}

static bool all_done(const struct evm_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (!plan->job[i].is_done) {
            return false;
        }
    }
    return true;
}

static void singles_answer(struct evm_plan *plan, struct chain_round *round,
                           struct evm_scene *scene)
{
    const char *wrong = evm_scene_read(plan, round, scene);
    for (size_t i = 0; i < plan->count; i++) {
        struct evm_job *j = &plan->job[i];
        if (j->is_done) {
            continue;
        }
        if (wrong != NULL) {
            delay(j, wrong);
        } else {
            job_judge(plan, round, scene, j);
        }
    }
}

static void prepare_singles(struct evm_plan *plan)
{
    struct chain_round round;
    struct evm_scene scene;
    struct mete_err err;
    if (all_done(plan)) {
        return;
    }
    chain_round_begin(&round, plan->rail->chain);
    evm_scene_ask(plan, &round, &scene);
    for (size_t i = 0; i < plan->count; i++) {
        if (!plan->job[i].is_done) {
            job_ask(plan->rail, &plan->job[i], &round);
        }
    }
    if (chain_round_go(&round, &err) == METE_OK) {
        singles_answer(plan, &round, &scene);
    } else {
        for (size_t i = 0; i < plan->count; i++) {
            if (!plan->job[i].is_done) {
                delay(&plan->job[i], err.text);
            }
        }
    }
    chain_round_end(&round);
}

void evm_prepare(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    METE_ASSERT(count <= EVM_PAYMENTS_MAX);
    struct evm_plan *plan = arena_alloc(a, sizeof *plan);
    *plan = (struct evm_plan){.rail = r, .arena = a, .count = count};
    for (size_t i = 0; i < count; i++) {
        job_make(r, p[i], &plan->job[i]);
        plan->now = p[i]->now;
    }
    if (r->has_batch) {
        evm_prepare_batches(plan);
    }
    prepare_singles(plan);
}
