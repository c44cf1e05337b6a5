/* SPDX-License-Identifier: Apache-2.0
 * Why payouts of Stripe fail, and who mends it. */
#include "wire/stripe/stripe.h"

#include "base/text.h"

/* Failures of a payout that the party has to mend; the others may pass.
 * X(code, what it can do). Source: Stripe, Payout failures. */
#define PAYOUT_FAILURES(X)                                                                         \
    X("account_closed", "The bank account is closed: give Stripe another one.")                    \
    X("account_frozen", "The bank account is frozen: ask the bank, or give another one.")          \
    X("bank_account_restricted", "The bank allows no such payment: ask it, or give another one.")  \
    X("bank_ownership_changed", "The bank has changed: give Stripe the account anew.")             \
    X("debit_not_authorized", "The bank allows no payments by Stripe: ask it.")                    \
    X("declined", "The bank declined the payment: ask it.")                                        \
    X("incorrect_account_holder_address", "Correct the address of the account's holder.")          \
    X("incorrect_account_holder_name", "Correct the name of the account's holder.")                \
    X("incorrect_account_holder_tax_id", "Correct the tax number of the account's holder.")        \
    X("incorrect_account_type", "Correct the type of the bank account.")                           \
    X("invalid_account_number", "Correct the number of the bank account.")                         \
    X("invalid_account_number_length", "Correct the number of the bank account.")                  \
    X("invalid_card", "Give Stripe another card.")                                                 \
    X("invalid_currency", "Give Stripe an account in this currency.")                              \
    X("no_account", "There is no such bank account: correct it.")                                  \
    X("unsupported_card", "Give Stripe another card or a bank account.")

const char *stripe_failure_remedy(struct text code)
{
    static const struct {
        const char *code, *remedy;
    } rows[] = {
#define X(code, remedy) {code, remedy},
        PAYOUT_FAILURES(X)
#undef X
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (text_is(code, rows[i].code)) {
            return rows[i].remedy;
        }
    }
    return NULL;
}
