/* SPDX-License-Identifier: Apache-2.0
 * What the schemes of EVM chains share: who signed, one round trip that asks everything at once,
 * the diagnosis of what fails, and the transaction. Private to them. */
#ifndef METE_RAILS_X402_EVM_CASE_H
#define METE_RAILS_X402_EVM_CASE_H

#include "rails/x402/scheme.h"
#include "wire/evm/calls.h"
#include "wire/evm/hex.h"
#include "wire/x402/exact.h"

/** The words that a method has for what goes wrong. */
struct evm_words {
    enum x402_reason signature, recipient, too_late, too_early, balance, simulation;
};

/** The rounds: everything at once; the wallet's own word where nobody thought that it is one; why
 *  it fails. */
enum evm_round { EVM_ROUND_ALL, EVM_ROUND_WALLET, EVM_ROUND_WHY };

struct evm_case {
    struct x402_evm_payment pay;
    struct x402_evm_terms terms;
    const struct evm_words *words;
    struct hash digest;      /* what was signed */
    struct bytes signature;  /* without the wrapping of EIP-6492 */
    struct evm_signature by; /* when it has the form of an account's */
    bool has_form;           /* that it has */
    bool is_payers;          /* and the payer's key made it */
    bool is_wrapped;         /* EIP-6492, with a factory, and no wallet stands there yet */
    struct eip6492 wallet;   /* of a wrapped one */
    bool has_approval;       /* EIP-2612 beside it */
    struct x402_eip2612 approval;
    struct evm_signature approval_by;
    /* the round at hand */
    enum evm_round round;
    bool asks_wallet, asks_trial;
    /* what the first round learnt */
    bool trial_failed;
    struct u256 balance;
};

/** A copy of a buffer's bytes in the arena; clears the buffer. */
struct bytes evm_kept(struct arena *a, struct buf *b);

/** Refuses: always false. */
bool case_refuse(struct x402_case *c, enum x402_reason reason);

/** Reads payment and terms of either method, and fills what names the payment. `form`: the scheme
 *  whose form both have, X402_SCHEME_EXACT or X402_SCHEME_UPTO. */
bool evm_case_read(struct x402_case *c, const char *form);
/** Who signed `e->digest`: fills has_form, is_payers, is_wrapped. False, refused: nobody can have.
 */
bool evm_case_signed(struct x402_case *c);
/** Times of a payment that holds from `after` to `before` (both inclusive), in seconds. */
bool evm_case_times(struct x402_case *c, struct u256 after, struct u256 before);
/** EIP-3009: all that needs no node. */
bool evm_authorization_check(struct x402_case *c);
/** Permit2, of exact and upto. `words_amount`: what to say when the amounts differ. */
bool evm_permit2_check(struct x402_case *c, const struct evm_address *spender);

/** The call that settles: where to and with what. Bytes in the arena. */
void evm_case_call(struct x402_case *c, struct evm_address *to, struct bytes *data);

/* The port's functions for EVM. */
size_t evm_case_plan(struct x402_case *c);
void evm_case_ask(struct x402_case *c, struct rpc_batch *b);
bool evm_case_hear(struct x402_case *c, const struct rpc_answer *answers);

extern const struct x402_scheme SCHEME_EXACT_EVM;
extern const struct x402_scheme SCHEME_UPTO_EVM;

#endif
