/* SPDX-License-Identifier: Apache-2.0
 * mete rail approve: lets the batch contract move a token of the account that pays. What it would
 * do is told before anything is sent. */
#include "rails/evm/approve.h"

#include "base/text.h"
#include "cli/cli.h"
#include "cli/rails.h"
#include "rails/evm/evm.h"
#include "wire/evm/hex.h"
#include "wire/evm/rpc.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define WAIT_S   120u /* for a block, unless said */
#define WAIT_MAX 86400u

static bool is_endless(struct u256 v)
{
    return u256_eq(v, U256_MAX);
}

/** "25000.500000", or "unlimited". */
static struct text units_text(struct arena *a, struct u256 v, unsigned decimals)
{
    char digits[U256_TEXT_MAX];
    char zeros[U256_TEXT_MAX];
    const size_t len = u256_format(v, digits);
    const size_t missing = len > decimals ? 0 : decimals + 1 - len;
    METE_ASSERT(missing < sizeof zeros); /* decimals are at most 77 */
    memset(zeros, '0', missing);
    struct text all = arena_printf(a, "%.*s%s", (int)missing, zeros, digits);
    return is_endless(v)   ? TEXT("unlimited")
           : decimals == 0 ? all
                           : arena_printf(a, "%.*s.%s", (int)(all.len - decimals), all.p,
                                          all.p + all.len - decimals);
}

static struct text address_text(struct arena *a, const struct evm_address *who)
{
    char text[EVM_ADDRESS_TEXT_LEN + 1];
    evm_address_format(who, text);
    return arena_text(a, text_of(text));
}

/* What is said of an approval. */
struct shown {
    struct text chain, account, token, contract, has, allowed, amount, gas, transaction;
};

static struct shown shown_of(struct arena *a, const struct rail *r, const struct evm_approval *p)
{
    return (struct shown){.chain = arena_printf(a, "eip155:%" PRIu64, evm_rail_chain(r)),
                          .account = address_text(a, &p->account),
                          .token = address_text(a, &p->token),
                          .contract = address_text(a, &p->spender),
                          .has = units_text(a, p->balance, p->decimals),
                          .allowed = units_text(a, p->allowed, p->decimals),
                          .amount = units_text(a, p->amount, p->decimals),
                          .gas = units_text(a, p->gas_cost, 18),
                          .transaction = evm_hash_text(a, &p->id)};
}

static void show_text(struct cli *c, const struct shown *s, const struct evm_approval *p)
{
    cli_print(c, "Account      %s on %s\n", s->account.p, s->chain.p);
    cli_print(c, "Token        %s at %s, of which it has %s\n", p->code, s->token.p, s->has.p);
    cli_print(c, "Contract     %s, whose code is that of contracts/Batch.sol\n", s->contract.p);
    cli_print(c, "Allowed now  %s %s\n", s->allowed.p, p->code);
    cli_print(c, "Allow        %s %s\n", s->amount.p, p->code);
    cli_print(c, "Gas          at most %s coins of the chain\n", s->gas.p);
    cli_print(c, "Transaction  %s, nonce %" PRIu64 "\n", s->transaction.p, p->tx.nonce);
}

/** `block` 0: it is in none. */
static void show_json(struct cli *c, const struct shown *s, const struct evm_approval *p,
                      const char *state, uint64_t block)
{
    struct json_writer w;
    cli_json_begin(c, &w);
    jw_object(&w, NULL);
    jw_text(&w, "chain", s->chain);
    jw_text(&w, "account", s->account);
    jw_str(&w, "asset", p->code);
    jw_text(&w, "token", s->token);
    jw_text(&w, "contract", s->contract);
    jw_int(&w, "decimals", p->decimals);
    jw_u256(&w, "balance", p->balance);
    jw_u256(&w, "allowed_before", p->allowed);
    jw_u256(&w, "amount", p->amount);
    jw_u256(&w, "gas_cost_max_wei", p->gas_cost);
    jw_text(&w, "transaction", s->transaction);
    jw_int(&w, "nonce", (int64_t)p->tx.nonce);
    jw_str(&w, "state", state);
    if (block > 0) {
        jw_int(&w, "block", (int64_t)block);
    }
    jw_end_object(&w);
    cli_json_end(c);
}

/** Looks each second until it is in a block, or the time is over. */
static enum mete_code wait_for(struct rail *r, const struct evm_approval *p, uint64_t seconds,
                               enum evm_approval_state *state, uint64_t *block,
                               struct mete_err *err)
{
    const struct timespec second = {.tv_sec = 1};
    enum mete_code code = evm_approval_look(r, p, state, block, err);
    for (uint64_t i = 0; code == METE_OK && *state == EVM_APPROVAL_WAITS && i < seconds; i++) {
        (void)nanosleep(&second, NULL);
        code = evm_approval_look(r, p, state, block, err);
    }
    return code;
}

/** It is told on stderr before a byte leaves, so that whatever happens its id is known. */
static int send(struct cli *c, struct rail *r, const struct evm_approval *p, uint64_t seconds)
{
    static const char *const STATES[] = {[EVM_APPROVAL_WAITS] = "sent",
                                         [EVM_APPROVAL_FAILED] = "failed",
                                         [EVM_APPROVAL_DONE] = "done"};
    const struct shown s = shown_of(&c->arena, r, p);
    enum evm_approval_state state = EVM_APPROVAL_WAITS;
    struct mete_err err;
    uint64_t block = 0;
    cli_note(c, "mete: sending %s", s.transaction.p);
    enum mete_code code = evm_approval_send(r, p, &err);
    code = code == METE_OK ? wait_for(r, p, seconds, &state, &block, &err) : code;
    if (code != METE_OK) {
        return cli_fail(c, &err);
    }
    if (c->json) {
        show_json(c, &s, p, STATES[state], block);
    } else if (state == EVM_APPROVAL_DONE) {
        cli_print(c, "Allowed since block %" PRIu64 ".\n", block);
    } else if (state == EVM_APPROVAL_FAILED) {
        cli_print(c, "It failed in block %" PRIu64 ": nothing is changed.\n", block);
    } else {
        cli_print(c, "It is sent, and in no block yet: the same command again tells.\n");
    }
    return state == EVM_APPROVAL_DONE ? CLI_OK : CLI_FAILED;
}

static int approve(struct cli *c, struct rail *r, uint64_t seconds)
{
    struct evm_approval p;
    struct mete_err err;
    if (evm_approval_make(r, text_of(c->operand[0]), text_of(c->operand[1]), &p, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    const struct shown s = shown_of(&c->arena, r, &p);
    const bool is_so = u256_eq(p.allowed, p.amount);
    const bool will_send = !is_so && cli_flag(c, "send");
    if (!c->json) {
        show_text(c, &s, &p);
    }
    if (will_send) {
        cli_flush(c);
        return send(c, r, &p, seconds);
    }
    if (c->json) {
        show_json(c, &s, &p, is_so ? "done" : "planned", 0);
    } else {
        cli_print(c, is_so ? "It is so already: nothing is to be sent.\n"
                           : "Nothing is sent: say --send.\n");
    }
    return CLI_OK;
}

static int approve_run(struct cli *c)
{
    struct rail *r;
    struct mete_err err;
    uint64_t seconds = WAIT_S;
    int status = cli_option_number(c, "wait", 0, WAIT_MAX, &seconds);
    if (status != CLI_OK) {
        return status;
    }
    if (rails_open_one(&r, c->settings, &RAIL_EVM, &err) != METE_OK) {
        return cli_fail(c, &err);
    }
    status = approve(c, r, seconds);
    RAIL_EVM.close(r);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"send", 0, NULL, "send it; else only say what it would do"},
    {"wait", 0, "SECONDS", "for a block; else 120"},
    {NULL, 0, NULL, NULL}};

const struct cli_command command_rail_approve = {
    .name = "rail approve",
    .operands = "ASSET AMOUNT",
    .operands_min = 2,
    .operands_max = 2,
    .summary = "allow the batch contract of [evm] to move a token of the account that pays",
    .about = "AMOUNT is what it may move from then on, in place of what it might before; 0 takes\n"
             "it back, \"unlimited\" sets no end. Without --send it only says what it would do.\n"
             "It takes the account's next nonce: a payout that a worker is about to send with\n"
             "the same one is found dead and made anew, so do it while no payout is due.",
    .option = OPTIONS,
    .no_csv = true,
    .run = approve_run};
