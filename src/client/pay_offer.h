/* SPDX-License-Identifier: Apache-2.0
 * The offers of a 402: read, judged by the rules of a client, and one of them chosen. A bad offer
 * does not spoil the others. Nothing is signed here. */
#ifndef METE_CLIENT_PAY_OFFER_H
#define METE_CLIENT_PAY_OFFER_H

#include "client/pay_rules.h"
#include "client/pay_scheme.h"
#include "wire/x402/exact.h"
#include "wire/x402/requirements.h"

struct pay_offer {
    struct mete_client_offer shown;
    const char *flaw;                /* of a malformed one: where, and what */
    struct x402_requirements r;      /* when it was not malformed */
    const struct pay_scheme *scheme; /* when it may be paid */
    struct x402_evm_terms terms;     /* likewise */
    struct u256 worth;
    size_t network_rank;
    size_t asset_rank;
};

struct pay_offers {
    struct arena arena;
    int version;
    struct text error;             /* why the server wants to be paid; may be empty */
    const struct json *resource;   /* version 2, or NULL */
    const struct json *extensions; /* version 2, or NULL */
    struct pay_offer *offer;
    size_t count;
};

/** Reads a 402: `header` is the value of PAYMENT-REQUIRED, NULL when there is none; then the body
 *  is of version 1. METE_CLIENT_REQUIRED_INVALID: `why` says it. pay_offers_clear in any case. */
enum mete_client_error pay_offers_read(struct pay_offers *out, const char *header, struct text body,
                                       char *why);
void pay_offers_clear(struct pay_offers *o);

/** Says of each whether it may be paid. `limit`: of one request. */
void pay_offers_judge(struct pay_offers *o, const struct pay_rules *rules,
                      const struct pay_limit *limit);

/** The place of the one to pay; -1: `*error` and `why` say why there is none. */
int pay_offers_choose(const struct pay_offers *o, const struct pay_rules *rules,
                      enum mete_client_error *error, char *why);

#endif
