/* SPDX-License-Identifier: Apache-2.0
 * Invariant: only a contract whose code is known is allowed anything, and only what a person said.
 * Were its nonce that of a payout, that payout would be found dead, and made anew. */
#include "rails/evm/approve.h"

#include "base/limits.h"
#include "base/text.h"
#include "crypto/keccak.h"
#include "rails/evm/evm_parts.h"

#include <string.h>

#define GAS_MAX UINT64_C(200000) /* of an approval: tokens take some 50,000 */

static const struct rpc_block PENDING = {.tag = RPC_PENDING};

/* --- what is asked for -------------------------------------------------------------------------*/

static enum mete_code amount_read(const struct evm_token *t, struct text amount, struct u256 *out,
                                  struct mete_err *err)
{
    i128 units;
    if (text_is(amount, "unlimited")) {
        *out = U256_MAX;
        return METE_OK;
    }
    if (t->decimals > SCALE_MAX || amount_parse(amount, t->decimals, &units) != METE_OK ||
        !u256_of_i128(units, out)) {
        return mete_fail(err, METE_USAGE, "",
                         "the amount is a number of %s with at most %u decimals, or \"unlimited\"",
                         t->code, t->decimals);
    }
    return METE_OK;
}

static enum mete_code token_find(struct rail *r, struct text asset, const struct evm_token **out,
                                 struct mete_err *err)
{
    struct asset a = {0};
    *out = text_copy(a.code, sizeof a.code, asset) ? evm_token_of(r, &a) : NULL;
    if (*out == NULL || (*out)->is_coin) {
        return mete_fail(err, METE_USAGE, "", "[evm] tokens: there is no token of that name");
    }
    return r->has_batch ? METE_OK
                        : mete_fail(err, METE_USAGE, "",
                                    "[evm] batch_contract is missing: without it nothing needs to "
                                    "be allowed");
}

/* --- asking ------------------------------------------------------------------------------------*/

struct asking {
    struct chain_round round;
    struct evm_fee_asks fees;
    size_t nonce, coins, code, decimals, balance, allowance, call, gas;
};

static size_t ask_token(struct asking *q, const struct evm_approval *a, struct buf *data)
{
    const struct rpc_call call = {.from = &a->account, .to = &a->token, .data = buf_bytes(data)};
    const size_t place = chain_ask_call(&q->round, "eth_call", &call, PENDING);
    buf_reset(data);
    return place;
}

static void ask_all(struct asking *q, const struct evm_approval *a)
{
    struct buf data = {0};
    const struct rpc_call approve = {
        .from = &a->account, .to = &a->token, .data = {a->data, sizeof a->data}};
    q->fees = evm_fees_ask(&q->round);
    q->nonce = chain_ask_account(&q->round, "eth_getTransactionCount", &a->account, PENDING);
    q->coins = chain_ask_account(&q->round, "eth_getBalance", &a->account, PENDING);
    q->code = chain_ask_account(&q->round, "eth_getCode", &a->spender, PENDING);
    abi_put_selector(&data, ABI_DECIMALS);
    q->decimals = ask_token(q, a, &data);
    call_put_of(&data, ABI_BALANCE_OF, &a->account);
    q->balance = ask_token(q, a, &data);
    call_put_between(&data, ABI_ALLOWANCE, &a->account, &a->spender);
    q->allowance = ask_token(q, a, &data);
    q->call = chain_ask_call(&q->round, "eth_call", &approve, PENDING);
    q->gas = chain_ask_call(&q->round, "eth_estimateGas", &approve, PENDING);
    buf_clear(&data);
}

static bool number_of(struct chain_round *round, size_t place, struct u256 *out)
{
    struct bytes data;
    return chain_answer_data(round, place, &data) && abi_answer_u256(data, out);
}

/** NULL, or why it cannot be. */
static const char *answers_read(const struct rail *r, struct asking *q, struct evm_approval *a)
{
    struct evm_block latest;
    struct evm_fees fees;
    struct bytes code, answer;
    struct u256 coins, decimals;
    if (!evm_fees_answer(r, &q->round, q->fees, &latest, &fees) ||
        !chain_answer_u64(&q->round, q->nonce, &a->tx.nonce) ||
        !chain_answer_u256(&q->round, q->coins, &coins) ||
        !chain_answer_data(&q->round, q->code, &code)) {
        return "the node does not say block, nonce, balance or code";
    }
    const struct hash have = keccak256(code);
    if (!hash_eq(&have, &EVM_BATCH_CODE)) {
        return "batch_contract: the code at its address is not that of contracts/Batch.sol";
    }
    if (!number_of(&q->round, q->decimals, &decimals) || !u256_eq(decimals, u256_of(a->decimals)) ||
        !number_of(&q->round, q->balance, &a->balance) ||
        !number_of(&q->round, q->allowance, &a->allowed)) {
        return "tokens: there is no such token at that address, or it has other decimals";
    }
    if (!chain_answer_data(&q->round, q->call, &answer) || !call_is_done(answer) ||
        !chain_answer_u64(&q->round, q->gas, &a->tx.gas) || a->tx.gas > GAS_MAX) {
        return "the token refuses to allow that; some want 0 before another amount";
    }
    a->tx.gas = evm_gas_room(a->tx.gas);
    evm_fees_offer(&fees, &a->tx);
    METE_ASSERT(u256_mul_small(a->tx.fee_max, a->tx.gas, &a->gas_cost)); /* both are bounded */
    return u256_cmp(a->gas_cost, coins) <= 0 ? NULL : "the account has too few coins for gas";
}

static void approval_begin(const struct rail *r, const struct evm_token *t, struct evm_approval *a)
{
    struct buf data = {0};
    const struct u256 amount = a->amount;
    *a = (struct evm_approval){.decimals = t->decimals,
                               .token = t->address,
                               .account = *lane_address(r->lane),
                               .spender = r->batch,
                               .amount = amount};
    memcpy(a->code, t->code, sizeof a->code);
    call_put_amount(&data, ABI_APPROVE, &a->spender, a->amount);
    METE_ASSERT(data.len == sizeof a->data);
    memcpy(a->data, data.p, sizeof a->data);
    buf_clear(&data);
    a->tx = (struct evm_tx){.type = EVM_TX_FEE_MARKET,
                            .chain_id = chain_id(r->chain),
                            .to = a->token,
                            .data = {a->data, sizeof a->data}};
}

enum mete_code evm_approval_make(struct rail *r, struct text asset, struct text amount,
                                 struct evm_approval *out, struct mete_err *err)
{
    const struct evm_token *t = NULL;
    struct asking q = {0};
    struct buf raw = {0};
    enum mete_code code = token_find(r, asset, &t, err);
    code = code == METE_OK ? amount_read(t, amount, &out->amount, err) : code;
    if (code != METE_OK) {
        return code;
    }
    approval_begin(r, t, out);
    chain_round_begin(&q.round, r->chain);
    ask_all(&q, out);
    code = chain_round_go(&q.round, err);
    const char *wrong = code == METE_OK ? answers_read(r, &q, out) : NULL;
    chain_round_end(&q.round);
    if (code != METE_OK || wrong != NULL) {
        return code != METE_OK ? code : mete_fail(err, METE_RPC_ANSWER, "", "[evm] %s", wrong);
    }
    lane_sign(r->lane, &out->tx);
    evm_tx_put(&out->tx, &raw);
    out->id = evm_tx_id(buf_bytes(&raw));
    buf_clear(&raw);
    return METE_OK;
}

/* --- sending -----------------------------------------------------------------------------------*/

enum mete_code evm_approval_send(struct rail *r, const struct evm_approval *a, struct mete_err *err)
{
    struct chain_round round;
    struct buf raw = {0};
    evm_tx_put(&a->tx, &raw);
    chain_round_begin(&round, r->chain);
    const size_t place = chain_ask_send(&round, buf_bytes(&raw));
    enum mete_code code = chain_round_go(&round, err);
    if (code == METE_OK && chain_answer(&round, place)->is_error &&
        !rpc_is_known(chain_answer(&round, place))) {
        const struct text said = chain_answer(&round, place)->error_text;
        code = mete_fail(err, METE_RPC_ANSWER, "", "the node refuses it: %.*s",
                         (int)(said.len < 160 ? said.len : 160), said.p);
    }
    chain_round_end(&round);
    buf_clear(&raw);
    return code;
}

enum mete_code evm_approval_look(struct rail *r, const struct evm_approval *a,
                                 enum evm_approval_state *out, uint64_t *block,
                                 struct mete_err *err)
{
    struct chain_round round;
    struct evm_receipt receipt;
    chain_round_begin(&round, r->chain);
    const size_t place = chain_ask_hash(&round, "eth_getTransactionReceipt", &a->id);
    enum mete_code code = chain_round_go(&round, err);
    *out = EVM_APPROVAL_WAITS;
    if (code == METE_OK &&
        rpc_receipt_of(&round.arena, chain_answer(&round, place), &a->id, &receipt)) {
        *out = receipt.is_ok ? EVM_APPROVAL_DONE : EVM_APPROVAL_FAILED;
        *block = receipt.block_number;
    }
    chain_round_end(&round);
    return code;
}

uint64_t evm_rail_chain(const struct rail *r)
{
    return chain_id(r->chain);
}
