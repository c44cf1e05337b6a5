/* SPDX-License-Identifier: Apache-2.0
 * Being paid by x402, for servers written in C: what a 402 says, whether a payment that came is for
 * one of our offers, and what a facilitator makes of it. Errors and answers are values; what asks
 * the facilitator waits for it. Any thread may use a seller; a payment is one thread's at a time.
 * mete-x402(3) says more. */
#ifndef METE_X402_H
#define METE_X402_H

#include "mete/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One way to pay. Everything is copied. */
struct mete_x402_offer {
    const char *network; /* "base", "eip155:8453", "8453" */
    const char *price;   /* "$0.01", "0.01 USDC", or digits: the smallest unit */
    const char *pay_to;  /* an address */
    const char *asset;   /* a symbol or an address; NULL: the network's first dollar */
    const char *name;    /* of the token's EIP-712 domain; NULL: that of a token known here */
    const char *version; /* likewise */
    unsigned decimals;   /* of a token that is not known here; 0 with a price in smallest units */
    unsigned timeout_s;  /* for paying; 0: 60 */
    bool is_permit2;     /* by Permit2 instead of EIP-3009 */
    bool is_upto;        /* the price is the most; what is settled is said later. Needs Permit2 */
    bool is_upfront;     /* clients are told that it is settled before it is served */
};

struct mete_x402_options {
    const char *facilitator;     /* "https://..." */
    const char *facilitator_key; /* sent as a bearer; NULL: none */
    bool allow_http;             /* also beyond this machine */
    unsigned timeout_ms;         /* of one answer; 0: 90,000 */
    const struct mete_x402_offer *offers;
    size_t offer_count;      /* 1 to 16 */
    const char *description; /* of what is sold; NULL: none */
    const char *mime_type;   /* NULL: none */
};

/** Something that has a price. */
struct mete_x402;
/** Asks the facilitator what it takes and leaves out the rest of the offers.
 *  Errors: METE_USAGE, METE_MEMBER_MISSING, METE_MEMBER_VALUE, METE_NUMBER_RANGE, METE_X402_PRICE,
 *          METE_AMOUNT_SCALE, METE_X402_NETWORK, METE_ADDRESS_INVALID and its kin for what is
 *          written; METE_UPSTREAM: the facilitator gives no answer, or takes none of them.
 *          *out is then NULL. */
enum mete_code mete_x402_open(struct mete_x402 **out, const struct mete_x402_options *o,
                              struct mete_err *err);
void mete_x402_close(struct mete_x402 *s);

/** What an answer 402 carries. Send it with status 402, Content-Type: application/json and
 *  Cache-Control: no-store. */
struct mete_x402_required {
    char *header; /* the value of PAYMENT-REQUIRED, with NUL; NULL: version 1 alone is taken */
    char *body;   /* JSON of version 1, with NUL */
};
/** For the resource at `url`; `why` is told to the client ("Payment required"). */
void mete_x402_required(const struct mete_x402 *s, const char *url, const char *why,
                        struct mete_x402_required *out);
void mete_x402_required_clear(struct mete_x402_required *r);

/** A payment that came with a request. */
struct mete_x402_payment;
/** Reads the value of PAYMENT-SIGNATURE or X-PAYMENT. Nobody is asked.
 *  Errors: METE_X402_HEADER, METE_X402_VERSION, METE_MEMBER_* for what cannot be read;
 *          METE_X402_SCHEME when it is for none of the offers. *out is then NULL. */
enum mete_code mete_x402_read(const struct mete_x402 *s, const char *url, const char *header,
                              struct mete_x402_payment **out, struct mete_err *err);
void mete_x402_payment_free(struct mete_x402_payment *p);
/** What the chain takes once: 64 digits that are the same for every copy of the payment. Serve no
 *  two requests with the same key, unless the facilitator reserves. */
const char *mete_x402_key(const struct mete_x402_payment *p);
/** 1 or 2. */
int mete_x402_version(const struct mete_x402_payment *p);

enum mete_x402_outcome {
    METE_X402_YES,     /* it is valid; it is settled */
    METE_X402_NO,      /* it is not: answer 402 with the reason; nothing was taken */
    METE_X402_PENDING, /* settling alone: nobody knows yet. Settle the same payment again; never ask
                          for another one */
    METE_X402_NOBODY   /* verifying alone: the facilitator gave no answer: 503 */
};

/** Whether it would be settled; reserves it where the facilitator can. */
enum mete_x402_outcome mete_x402_verify(const struct mete_x402 *s, struct mete_x402_payment *p);
/** Takes the money. `amount` in the smallest unit: of an "upto" alone; NULL: all of it. */
enum mete_x402_outcome mete_x402_settle(const struct mete_x402 *s, struct mete_x402_payment *p,
                                        const char *amount);
/** It was not served: gives back what a verification has reserved. */
void mete_x402_release(const struct mete_x402 *s, struct mete_x402_payment *p);

/* Of the last answer; "" when it said nothing. They live as long as the payment. */
const char *mete_x402_reason(const struct mete_x402_payment *p); /* "insufficient_funds" */
const char *mete_x402_payer(const struct mete_x402_payment *p);
const char *mete_x402_transaction(const struct mete_x402_payment *p);
/** The header that tells the client how it was settled; "" before that. */
const char *mete_x402_response_name(const struct mete_x402_payment *p);
const char *mete_x402_response_value(const struct mete_x402_payment *p);

#ifdef __cplusplus
}
#endif

#endif
