/* SPDX-License-Identifier: Apache-2.0
 * Faults: their names, which calls they fit, when they strike (scripted or by chance), and how
 * often each has fired. A fault that found nothing to break has not fired. */
#ifndef METE_RAILSIM_FAULT_H
#define METE_RAILSIM_FAULT_H

#include "base/types.h"

struct sim;
struct call;
struct json;
struct json_writer;
struct buf;

/* What a call does, thus which faults fit it. */
#define DOES_ANSWER  1u   /* any */
#define DOES_CHANGE  2u   /* something is done: before and after differ */
#define DOES_PAY     4u   /* a Lightning payment */
#define DOES_INVOICE 8u   /* makes an invoice */
#define DOES_HOOK    16u  /* makes events of Stripe */
#define DOES_BANK    32u  /* takes files of payments */
#define DOES_PAYOUT  64u  /* payout of Stripe */
#define DOES_ORDER   128u /* takes an order that may be refused by name */
#define DOES_OWN_ERRORS                                                                            \
    256u                  /* its errors have a shape of their own: the handler takes those faults */
#define DOES_LATE    512u /* a payment that may succeed after an answer that sounds like a failure */
#define DOES_CONTROL 0u   /* of the simulator itself: no fault ever */

/* X(symbol, name, fits, by chance, what it does) */
#define FAULTS(X)                                                                                  \
    X(TIMEOUT_BEFORE, "timeout_before", DOES_ANSWER, 1,                                            \
      "nothing is done, the connection hangs for ms and is cut")                                   \
    X(TIMEOUT_AFTER, "timeout_after", DOES_ANSWER, 1,                                              \
      "it is done, the connection hangs for ms and is cut")                                        \
    X(DONE_LATE, "done_late", DOES_CHANGE, 1, "it hangs for ms, is then done and answered")        \
    X(CUT_REQUEST, "cut_request", DOES_ANSWER, 1, "nothing is done, the connection is cut")        \
    X(CUT_BEFORE, "cut_before", DOES_ANSWER, 1,                                                    \
      "it is done, the connection is cut before the answer")                                       \
    X(CUT_MIDDLE, "cut_middle", DOES_ANSWER, 1,                                                    \
      "it is done, the connection is cut in the middle of the answer")                             \
    X(ERROR_BEFORE, "error_before", DOES_ANSWER, 1, "nothing is done, the answer is a 500")        \
    X(ERROR_AFTER, "error_after", DOES_ANSWER, 1, "it is done, the answer is a 500")               \
    X(SLOW_BODY, "slow_body", DOES_ANSWER, 1, "the answer drips over ms")                          \
    X(GARBAGE_BODY, "garbage_body", DOES_ANSWER, 1, "it is done, the answer is garbage")           \
    X(HUGE_BODY, "huge_body", DOES_ANSWER, 1, "it is done, the answer has 64 MiB")                 \
    X(TOO_MANY, "too_many", DOES_ANSWER, 1, "nothing is done, 429 with Retry-After of s")          \
    X(REDIRECT, "redirect", DOES_ANSWER, 1, "nothing is done, 302 to text")                        \
    X(WRONG_AMOUNT, "wrong_amount", DOES_INVOICE, 1, "the invoice asks for another amount")        \
    X(WRONG_HASH, "wrong_hash", DOES_INVOICE, 1, "the invoice has another description hash")       \
    X(WRONG_NETWORK, "wrong_network", DOES_INVOICE, 1, "the invoice is of another network")        \
    X(EXPIRED_INVOICE, "expired_invoice", DOES_INVOICE, 1, "the invoice has expired")              \
    X(SAME_HASH, "same_hash", DOES_INVOICE, 1,                                                     \
      "another invoice with the payment hash of the one before")                                   \
    X(DUPLICATE_CALLBACK, "duplicate_callback", DOES_INVOICE | DOES_BANK, 1,                       \
      "the callback is done twice, a bank's reports come twice")                                   \
    X(HELD, "held", DOES_PAY, 1, "the payment is in flight for s, then it ends as it should")      \
    X(HELD_FAILS, "held_fails", DOES_PAY, 1, "the payment is in flight for s, then it fails")      \
    X(LATE_SUCCESS, "late_success", DOES_LATE, 1,                                                  \
      "the answer sounds like a failure, the payment succeeds after s")                            \
    X(NO_ROUTE, "no_route", DOES_PAY, 1, "the payment fails")                                      \
    X(REFUSED, "refused", DOES_ORDER, 0, "the order is refused, with text as its code")            \
    X(REFUSED_UNKEPT, "refused_unkept", DOES_ORDER, 0,                                             \
      "nothing is begun: the order is refused, with text as its code, and no key keeps that")      \
    X(LATE_FAILURE, "late_failure", DOES_PAYOUT, 1, "a payout is paid, and fails after s")         \
    X(WEBHOOK_TWICE, "webhook_twice", DOES_HOOK, 1, "its event comes twice")                       \
    X(WEBHOOK_ORDER, "webhook_order", DOES_HOOK, 1, "its event comes after the next one")          \
    X(BANK_REJECTED, "bank_rejected", DOES_BANK, 1, "RJCT, with text as its reason")               \
    X(BANK_PENDING, "bank_pending", DOES_BANK, 1, "PDNG for s")                                    \
    X(BANK_RETURNED, "bank_returned", DOES_BANK, 1,                                                \
      "booked, and returned after s, with text as its reason")

enum fault_kind {
    FAULT_NONE,
#define X(symbol, name, fits, chance, what) FAULT_##symbol,
    FAULTS(X)
#undef X
        FAULT_COUNT
};

struct fault {
    enum fault_kind kind;
    int64_t script; /* row of the script that brought it; 0: chance */
    uint32_t ms;
    int64_t s;
    char text[200];
    bool fired;
};

/** Which fault this call meets: the oldest script that fits, else chance. */
void fault_pick(struct call *c);
/** True when it is the one that this call meets; it has then fired. */
bool fault_take(struct call *c, enum fault_kind k);

/** Adds what a JSON object describes; false: `why` says what is wrong. */
bool fault_script(struct sim *s, const struct json *j, char why[200]);
/** Drops all scripts, and lets calls go that hang. */
void fault_clear(struct sim *s);
/** The array "scripted" and the object "fired". */
void fault_write(struct sim *s, struct json_writer *w);
/** "timeout_before 3, held 1", or "no fault". */
void fault_summary(struct sim *s, struct buf *out);

#endif
