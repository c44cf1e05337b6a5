/* SPDX-License-Identifier: Apache-2.0
 * The rounds of questions about one payment on an EVM chain. The first asks everything at once: the
 * payer's code, its balance, the settlement itself, tried; an account with code is judged by its
 * own word (EIP-1271), one without by its key. What fails is asked why. */
#include "rails/x402/evm_case.h"

#include "base/limits.h"
#include "base/text.h"
#include "wire/evm/fees.h"

#include <string.h>

static const struct rpc_block LATEST = {.tag = RPC_LATEST};
static const struct rpc_block PENDING = {.tag = RPC_PENDING};

/** Something is about to move. What is charged nothing of takes no transaction. */
static bool moves(const struct x402_case *c)
{
    return c->settles && !u256_is_zero(c->charge);
}

/* --- the call that settles ---------------------------------------------------------------------*/

static void token_call(const struct x402_case *c, struct buf *out)
{
    const struct evm_case *e = c->evm;
    if (e->has_form) {
        call_put_authorization(out, ABI_TRANSFER_3009, &e->pay.authorization, &e->by);
    } else {
        call_put_authorization_bytes(out, &e->pay.authorization, e->signature);
    }
}

static void proxy_call(const struct x402_case *c, struct buf *out)
{
    const struct evm_case *e = c->evm;
    const struct x402_settlement s = {.permit = &e->pay.permit2,
                                      .signature = e->signature,
                                      .owner = e->pay.from,
                                      .charge = c->charge,
                                      .approval = e->has_approval ? &e->approval.permit : NULL,
                                      .approval_by = e->approval_by};
    call_put_settle(out, &s);
}

void evm_case_call(struct x402_case *c, struct evm_address *to, struct bytes *data)
{
    const struct evm_case *e = c->evm;
    struct buf out = {0};
    if (e->pay.method == X402_EIP3009) {
        token_call(c, &out);
        *to = e->terms.asset;
    } else {
        proxy_call(c, &out);
        *to = e->terms.is_upto ? EVM_X402_UPTO_PROXY : EVM_X402_EXACT_PROXY;
    }
    *data = evm_kept(c->arena, &out);
    /* the wallet is made first, in the same transaction; the proxy of "upto" takes only the
     * facilitator itself for its caller */
    if (e->is_wrapped && !e->terms.is_upto) {
        const struct multicall calls[] = {{e->wallet.factory, true, e->wallet.factory_call},
                                          {*to, false, *data}};
        call_put_multicall(&out, calls, ARRAY_LEN(calls));
        *to = EVM_MULTICALL3;
        *data = evm_kept(c->arena, &out);
    }
}

/* --- asking ------------------------------------------------------------------------------------*/

static size_t account_ask(struct rpc_batch *b, const char *method, const struct evm_address *who,
                          struct rpc_block at)
{
    size_t place = rpc_request_begin(b, method);
    jw_address(&b->w, NULL, who);
    jw_block(&b->w, NULL, at);
    rpc_request_end(b);
    return place;
}

/** One call that reads, and the buffer is empty again. Whose contract it is nobody knows: it gets
 *  no more gas than a settlement. */
static void read_ask(const struct x402_case *c, struct rpc_batch *b, const struct evm_address *to,
                     struct buf *data)
{
    const struct rpc_call call = {.to = to, .gas = c->net->gas_max, .data = buf_bytes(data)};
    (void)rpc_request_call(b, "eth_call", &call, LATEST);
    buf_reset(data);
}

static void trial_ask(struct x402_case *c, struct rpc_batch *b)
{
    struct evm_address to;
    struct rpc_call call = {
        .from = c->net->account != NULL ? evm_signer_address(c->net->account) : NULL,
        .to = &to,
        .gas = moves(c) ? EVM_GAS_MAX : c->net->gas_max}; /* of too much the estimate tells */
    evm_case_call(c, &to, &call.data);
    (void)rpc_request_call(b, moves(c) ? "eth_estimateGas" : "eth_call", &call, LATEST);
}

static void wallet_ask(struct x402_case *c, struct rpc_batch *b, struct buf *data)
{
    call_put_is_valid(data, &c->evm->digest, c->evm->signature);
    read_ask(c, b, &c->evm->pay.from, data);
}

/** What only a settlement needs: what it will cost, and the account's next nonce and coins. */
static void account_asks(const struct x402_case *c, struct rpc_batch *b)
{
    const struct evm_address *me = evm_signer_address(c->net->account);
    (void)account_ask(b, "eth_getTransactionCount", me, PENDING);
    (void)account_ask(b, "eth_getBalance", me, PENDING);
    (void)rpc_request_begin(b, "eth_getBlockByNumber");
    jw_block(&b->w, NULL, LATEST);
    jw_bool(&b->w, NULL, false);
    rpc_request_end(b);
    (void)rpc_request_plain(b, "eth_maxPriorityFeePerGas");
    struct buf data = {0};
    abi_put_selector(&data, ABI_DECIMALS);
    read_ask(c, b, &c->evm->terms.asset, &data);
    buf_clear(&data);
}

#define ACCOUNT_ASKS 5u

static void all_ask(struct x402_case *c, struct rpc_batch *b)
{
    struct evm_case *e = c->evm;
    struct buf data = {0};
    (void)account_ask(b, "eth_getCode", &e->pay.from, LATEST);
    call_put_of(&data, ABI_BALANCE_OF, &e->pay.from);
    read_ask(c, b, &e->terms.asset, &data);
    if (e->asks_trial) {
        trial_ask(c, b);
    }
    if (e->asks_wallet) {
        wallet_ask(c, b, &data);
    }
    if (moves(c)) {
        account_asks(c, b);
    }
    buf_clear(&data);
}

static void why_ask(struct x402_case *c, struct rpc_batch *b)
{
    struct evm_case *e = c->evm;
    struct buf data = {0};
    if (e->pay.method == X402_EIP3009) {
        call_put_state(&data, &e->pay.from, &e->pay.authorization.nonce);
        read_ask(c, b, &e->terms.asset, &data);
        abi_put_selector(&data, ABI_NAME);
        read_ask(c, b, &e->terms.asset, &data);
        abi_put_selector(&data, ABI_VERSION);
        read_ask(c, b, &e->terms.asset, &data);
    } else {
        abi_put_selector(&data, ABI_PERMIT2);
        read_ask(c, b, &e->pay.permit2.spender, &data);
        call_put_between(&data, ABI_ALLOWANCE, &e->pay.from, &EVM_PERMIT2);
        read_ask(c, b, &e->terms.asset, &data);
    }
    buf_clear(&data);
}

static size_t count_all(struct x402_case *c)
{
    struct evm_case *e = c->evm;
    /* where nothing is tried a key's signature is enough: nobody is asked at all */
    if (!moves(c) && (c->settles || !c->simulates) && e->is_payers && !e->is_wrapped) {
        return 0;
    }
    e->asks_trial = moves(c) || (!c->settles && c->simulates) || e->is_wrapped;
    e->asks_wallet = !e->is_payers && !e->is_wrapped;
    return 2u + e->asks_trial + e->asks_wallet + (moves(c) ? ACCOUNT_ASKS : 0);
}

size_t evm_case_plan(struct x402_case *c)
{
    switch (c->evm->round) {
    case EVM_ROUND_ALL:
        return count_all(c);
    case EVM_ROUND_WALLET:
        return 1;
    case EVM_ROUND_WHY:
        return c->evm->pay.method == X402_EIP3009 ? 3 : 2;
    }
    return 0;
}

void evm_case_ask(struct x402_case *c, struct rpc_batch *b)
{
    struct buf data = {0};
    switch (c->evm->round) {
    case EVM_ROUND_ALL:
        all_ask(c, b);
        break;
    case EVM_ROUND_WALLET:
        wallet_ask(c, b, &data);
        break;
    case EVM_ROUND_WHY:
        why_ask(c, b);
        break;
    }
    buf_clear(&data);
}

/* --- hearing -----------------------------------------------------------------------------------*/

static bool decide(struct x402_case *c, enum x402_reason reason)
{
    c->reason = reason;
    return true;
}

/** What the node said, bounded, and nothing that is no plain text. */
static void node_said(struct x402_case *c, const struct rpc_answer *a)
{
    struct bytes data;
    struct text said = a->error_text;
    struct text reason;
    if (rpc_revert_data(c->arena, a, &data) && abi_revert_text(data, &reason)) {
        said = reason;
    }
    char *p = arena_alloc(c->arena, CASE_MESSAGE_MAX);
    size_t len = said.len < CASE_MESSAGE_MAX ? said.len : CASE_MESSAGE_MAX;
    for (size_t i = 0; i < len; i++) {
        p[i] = said.p[i] >= ' ' && said.p[i] < 127 ? said.p[i] : ' ';
    }
    c->message = (struct text){p, len};
}

/** The node has failed, not the payment. */
static bool node_failed(struct x402_case *c, const struct rpc_answer *a)
{
    if (a->is_error) {
        node_said(c, a);
    }
    return decide(c, c->settles ? X402_REASON_UNEXPECTED_SETTLE : X402_REASON_UNEXPECTED_VERIFY);
}

/** The call has failed, not the node: it was reverted, or there was too little gas for it. */
static bool call_failed(const struct rpc_answer *a)
{
    static const char *const WORDS[] = {"out of gas", "OutOfGas", "gas required exceeds"};
    bool is_short = false;
    for (size_t i = 0; a->is_error && i < ARRAY_LEN(WORDS); i++) {
        is_short |= memmem(a->error_text.p, a->error_text.len, WORDS[i], strlen(WORDS[i])) != NULL;
    }
    return is_short || rpc_is_revert(a);
}

static bool data_of(struct x402_case *c, const struct rpc_answer *a, struct bytes *out)
{
    return !a->is_error && rpc_data(c->arena, a->result, out);
}

static bool factory_is_allowed(const struct x402_case *c)
{
    for (size_t i = 0; i < c->net->factory_count; i++) {
        if (evm_address_eq(&c->net->factory[i], &c->evm->wallet.factory)) {
            return true;
        }
    }
    return false;
}

static bool wallet_agrees(struct x402_case *c, const struct rpc_answer *a)
{
    struct bytes said;
    return data_of(c, a, &said) && eip1271_is_valid(said);
}

/** The trial is over and the signature stands. */
static bool trial_judge(struct x402_case *c)
{
    struct evm_case *e = c->evm;
    if (u256_cmp(e->balance, c->charge) < 0) {
        return decide(c, e->words->balance);
    }
    if (e->trial_failed) {
        e->round = EVM_ROUND_WHY;
        return false;
    }
    return decide(c, X402_REASON_NONE);
}

/** Who may have signed, by what stands at the payer's address. `wallet`: what a contract there said
 *  of the signature; NULL: it was not asked. */
static bool signature_judge(struct x402_case *c, bool has_code, const struct rpc_answer *wallet)
{
    struct evm_case *e = c->evm;
    if (e->is_wrapped) {
        if (!factory_is_allowed(c)) {
            return decide(c, X402_REASON_EIP6492_FACTORY);
        }
        if (e->terms.is_upto) {
            return decide(c, X402_REASON_WALLET_DEPLOYMENT);
        }
        return trial_judge(c); /* the trial is what judges the signature */
    }
    if (!has_code) {
        return e->is_payers ? trial_judge(c) : decide(c, e->words->signature);
    }
    if (wallet == NULL) {
        e->round = EVM_ROUND_WALLET;
        return false;
    }
    return wallet_agrees(c, wallet) ? trial_judge(c) : decide(c, e->words->signature);
}

/** Not every token has decimals; one whose node does not say which has to be asked again. */
static bool decimals_read(struct x402_case *c, const struct rpc_answer *a)
{
    struct u256 decimals;
    struct bytes said;
    uint64_t places = 0;
    if (a->is_error && !call_failed(a)) {
        return !node_failed(c, a);
    }
    if (data_of(c, a, &said) && abi_answer_u256(said, &decimals) &&
        u256_to_u64(decimals, &places) && places <= SCALE_MAX) {
        c->decimals = (uint8_t)places;
    }
    return true;
}

/** What the transaction offers, and whether the account can. `a`: gas, nonce, coins, block, tip. */
static bool costs_read(struct x402_case *c, const struct rpc_answer *gas,
                       const struct rpc_answer *a)
{
    struct evm_block latest;
    struct u256 tip, coins, cost;
    if (!rpc_u64(gas->result, &c->gas) || !rpc_u64(a[0].result, &c->counted) ||
        !rpc_u256(a[1].result, &coins) || a[2].result == NULL || a[2].result->type != JSON_OBJECT ||
        rpc_block_read(a[2].result, &latest, NULL) != METE_OK) {
        return !node_failed(c, gas);
    }
    if (c->is_unlisted && !decimals_read(c, &a[4])) {
        return false;
    }
    if (!rpc_u256(a[3].result, &tip)) {
        tip = u256_of(EVM_GWEI); /* not every node has an opinion */
    }
    const struct evm_fees fees = evm_fees_of(latest.base_fee, tip, c->net->fee_max);
    c->gas = evm_gas_room(c->gas);
    c->coins = coins;
    c->has_coins = true;
    c->fee_max = u256_of(fees.max);
    c->tip_max = u256_of(fees.tip);
    if (c->gas > c->net->gas_max || fees.base > c->net->fee_max) {
        return case_refuse(c, X402_REASON_GAS_TOO_HIGH);
    }
    if (!u256_mul_small(c->fee_max, c->gas, &cost) || u256_cmp(coins, cost) < 0) {
        c->message = TEXT("the facilitator's account has too little to pay for the gas");
        return case_refuse(c, X402_REASON_UNEXPECTED_SETTLE);
    }
    return true;
}

static void call_keep(struct x402_case *c)
{
    struct evm_address to;
    struct bytes data;
    char text[EVM_ADDRESS_TEXT_LEN + 1];
    evm_case_call(c, &to, &data);
    evm_address_format(&to, text);
    c->call_to = arena_text(c->arena, text_of(text));
    c->call_data = evm_hex(c->arena, data);
}

static bool all_hear(struct x402_case *c, const struct rpc_answer *a)
{
    struct evm_case *e = c->evm;
    struct bytes code, balance;
    const struct rpc_answer *next = a + 2;
    const struct rpc_answer *trial = e->asks_trial ? next++ : NULL;
    const struct rpc_answer *wallet = e->asks_wallet ? next++ : NULL;
    if (!data_of(c, &a[0], &code)) {
        return node_failed(c, &a[0]);
    }
    if (e->is_wrapped && code.len > 0) { /* it stands: asked once more without the factory, ... */
        e->is_wrapped = false;           /* which may be anybody's contract */
        return false;
    }
    if (!data_of(c, &a[1], &balance) || !abi_answer_u256(balance, &e->balance)) {
        return a[1].is_error && !call_failed(&a[1]) ? node_failed(c, &a[1])
                                                    : decide(c, X402_REASON_ASSET_NOT_DEPLOYED);
    }
    if (trial != NULL && trial->is_error) {
        struct bytes data;
        e->trial_failed = true;
        node_said(c, trial);
        if (!call_failed(trial) && !c->settles) {
            return node_failed(c, trial);
        }
        if (rpc_revert_data(c->arena, trial, &data) && abi_selector(data) == ABI_INVALID_NONCE) {
            return decide(c, X402_REASON_PERMIT2_NONCE);
        }
    }
    if (moves(c) && !e->trial_failed) {
        if (!costs_read(c, trial, next)) {
            return true;
        }
        call_keep(c);
    }
    return signature_judge(c, code.len > 0, wallet);
}

static bool text_is_other(struct x402_case *c, const struct rpc_answer *a, struct text wanted)
{
    struct bytes data;
    struct text said;
    return data_of(c, a, &data) && abi_answer_text(data, &said) && !text_eq(said, wanted);
}

static bool why_hear_3009(struct x402_case *c, const struct rpc_answer *a)
{
    struct bytes data;
    bool is_used = false;
    if (!data_of(c, &a[0], &data) || !abi_answer_bool(data, &is_used)) {
        return decide(c, X402_REASON_EVM_NO_EIP3009);
    }
    if (is_used) {
        return decide(c, X402_REASON_EVM_NONCE_USED);
    }
    if (text_is_other(c, &a[1], c->evm->terms.name)) {
        return decide(c, X402_REASON_EVM_TOKEN_NAME);
    }
    return decide(c, text_is_other(c, &a[2], c->evm->terms.version) ? X402_REASON_EVM_TOKEN_VERSION
                                                                    : X402_REASON_EVM_SIMULATION);
}

static bool why_hear_permit2(struct x402_case *c, const struct rpc_answer *a)
{
    struct bytes data;
    struct evm_address permit2;
    struct u256 allowed;
    if (!data_of(c, &a[0], &data) || !abi_answer_address(data, &permit2)) {
        return decide(c, X402_REASON_PERMIT2_NO_PROXY);
    }
    if (data_of(c, &a[1], &data) && abi_answer_u256(data, &allowed) &&
        u256_cmp(allowed, c->evm->pay.permit2.amount) < 0) {
        return decide(c, X402_REASON_PERMIT2_ALLOWANCE);
    }
    return decide(c, X402_REASON_PERMIT2_SIMULATION);
}

bool evm_case_hear(struct x402_case *c, const struct rpc_answer *answers)
{
    switch (c->evm->round) {
    case EVM_ROUND_ALL:
        return all_hear(c, answers);
    case EVM_ROUND_WALLET:
        return wallet_agrees(c, answers) ? trial_judge(c) : decide(c, c->evm->words->signature);
    case EVM_ROUND_WHY:
        return c->evm->pay.method == X402_EIP3009 ? why_hear_3009(c, answers)
                                                  : why_hear_permit2(c, answers);
    }
    return true;
}
