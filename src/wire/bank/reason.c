/* SPDX-License-Identifier: Apache-2.0
 * One row a code. */
#include "wire/bank/reason.h"

#include "base/text.h"

/* X(code, side, words) */
#define REASONS(X)                                                                                 \
    X("AB05", PAYER, "the creditor's bank did not answer in time")                                 \
    X("AB08", PAYEE, "the creditor's bank is not reachable")                                       \
    X("AC01", PAYEE, "the account number is wrong")                                                \
    X("AC03", PAYEE, "the creditor's account number is wrong")                                     \
    X("AC04", PAYEE, "the account is closed")                                                      \
    X("AC06", PAYEE, "the account is blocked")                                                     \
    X("AC13", PAYEE, "the account is of the wrong type")                                           \
    X("AC14", PAYEE, "the creditor's account is of the wrong type")                                \
    X("AG01", PAYEE, "the account allows no such payment")                                         \
    X("AG02", PAYER, "the bank operation code is wrong")                                           \
    X("AM01", PAYER, "the amount is zero")                                                         \
    X("AM02", PAYER, "the amount is above what is allowed")                                        \
    X("AM03", PAYER, "the currency cannot be paid")                                                \
    X("AM04", PAYER, "there is not enough money on the paying account")                            \
    X("AM05", DUPLICATE, "the bank takes it for a payment that it has already")                    \
    X("AM09", PAYER, "the amount is wrong")                                                        \
    X("BE01", PAYEE, "the name does not fit the account")                                          \
    X("BE04", PAYEE, "the creditor's address is missing or wrong")                                 \
    X("BE05", PAYER, "the initiating party is not known")                                          \
    X("CNOR", PAYEE, "the creditor's bank is not registered for such payments")                    \
    X("CURR", PAYEE, "the currency of the account is another one")                                 \
    X("CUST", PAYEE, "the payee asked for it")                                                     \
    X("DNOR", PAYER, "our bank is not registered for such payments")                               \
    X("DT01", PAYER, "the execution date is not valid")                                            \
    X("DU01", DUPLICATE, "the bank has a message with this id already")                            \
    X("DU02", DUPLICATE, "the bank has a payment block with this id already")                      \
    X("DU03", DUPLICATE, "the bank has these transactions already")                                \
    X("DUPL", DUPLICATE, "the bank takes it for a payment that it has already")                    \
    X("ED05", PAYER, "the settlement failed")                                                      \
    X("FF01", PAYER, "the file has a format that the bank does not take")                          \
    X("FOCR", PAYER, "it was called back")                                                         \
    X("MD07", PAYEE, "the owner of the account has died")                                          \
    X("MS02", PAYEE, "the payee refuses it, without a reason")                                     \
    X("MS03", PAYEE, "the payee's bank refuses it, without a reason")                              \
    X("NARR", PAYEE, "the bank gives a reason in words alone")                                     \
    X("NOAS", PAYEE, "the payee did not answer")                                                   \
    X("RC01", PAYEE, "the BIC is wrong")                                                           \
    X("RC04", PAYEE, "the creditor's bank is wrong")                                               \
    X("RR01", PAYER, "the payer's account or identification is missing")                           \
    X("RR02", PAYER, "the payer's name or address is missing")                                     \
    X("RR03", PAYEE, "the payee's name or address is missing")                                     \
    X("RR04", PAYEE, "refused for regulatory reasons")                                             \
    X("SVNR", PAYER, "the service was not rendered")                                               \
    X("TECH", PAYER, "a technical problem")                                                        \
    X("TM01", PAYER, "it came after the bank's cut-off time")                                      \
    X("UPAY", PAYER, "the payment was not due")                                                    \
    X("R01", PAYER, "there was not enough money")                                                  \
    X("R02", PAYEE, "the account is closed")                                                       \
    X("R03", PAYEE, "there is no such account")                                                    \
    X("R04", PAYEE, "the account number is wrong")                                                 \
    X("R06", PAYER, "it was called back")                                                          \
    X("R13", PAYEE, "the routing number is wrong")                                                 \
    X("R14", PAYEE, "the payee has died, or cannot act")                                           \
    X("R15", PAYEE, "the owner of the account has died")                                           \
    X("R16", PAYEE, "the account is frozen")                                                       \
    X("R17", PAYEE, "the bank finds a field wrong")                                                \
    X("R20", PAYEE, "the account allows no such payment")                                          \
    X("R21", PAYER, "the company's id is wrong")                                                   \
    X("R22", PAYEE, "the payee's id is wrong")                                                     \
    X("R23", PAYEE, "the payee refuses it")                                                        \
    X("R24", DUPLICATE, "the bank takes it for a payment that it has already")                     \
    X("R34", PAYEE, "the payee's bank takes part in such payments no more")                        \
    X("C01", PAYEE, "the account number is another one now")                                       \
    X("C02", PAYEE, "the routing number is another one now")                                       \
    X("C03", PAYEE, "routing and account number are others now")                                   \
    X("C05", PAYEE, "the account is of another type")                                              \
    X("C06", PAYEE, "account number and type are others now")                                      \
    X("C07", PAYEE, "routing, account number and type are others now")

static const struct reason reasons[] = {
#define X(code, side, words) {code, REASON_##side, words},
    REASONS(X)
#undef X
};

static const struct reason unknown = {"", REASON_UNKNOWN, "the bank gives a code of its own"};

const struct reason *reason_of(struct text code)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (text_is(code, reasons[i].code)) {
            return &reasons[i];
        }
    }
    return &unknown;
}
