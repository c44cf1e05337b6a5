/* SPDX-License-Identifier: Apache-2.0
 * How something is paid, as whoever sells it writes it: a configuration or a program. One meaning
 * for all of them. */
#ifndef METE_WIRE_X402_SALE_H
#define METE_WIRE_X402_SALE_H

#include "wire/x402/requirements.h"

#define X402_SALE_TIMEOUT_S 60u /* for paying, unless a seller says otherwise */

/** Texts that are not said are empty. */
struct x402_sale {
    struct text pay_to;  /* an address */
    struct text network; /* "base", "eip155:8453", "8453" */
    struct text asset; /* a symbol or an address; not said: USDC, else the network's first dollar */
    struct text price; /* "$0.01", "0.01 USDC", or digits: the smallest unit */
    struct text method;  /* "eip3009", "permit2"; not said: what the token takes */
    struct text name;    /* of the token's EIP-712 domain; not said: that of a token known here */
    struct text version; /* likewise */
    bool has_decimals;
    unsigned decimals;  /* of a token that is not known here */
    uint64_t timeout_s; /* 0: X402_SALE_TIMEOUT_S */
    bool is_upto;       /* the price is the most; by Permit2 alone */
    bool is_upfront;    /* settled before it is served */
};

/** What it means. */
struct x402_sold {
    struct x402_offer offer;
    struct text symbol; /* of the token; empty: not known */
    bool has_decimals;
    unsigned decimals;
};

/** Texts of `out` are in `a`.
 *  Refuses: a member that is not said and cannot be guessed; a price of nothing, or one that the
 *           asset cannot pay to the last digit; other decimals than a token has that is known; upto
 *           up-front.
 *  Errors: METE_MEMBER_MISSING, METE_MEMBER_VALUE, METE_NUMBER_RANGE, METE_X402_NETWORK,
 *          METE_X402_PRICE, METE_AMOUNT_SCALE, METE_ADDRESS_INVALID, METE_ADDRESS_CHECKSUM;
 *          err->pointer is "". */
enum mete_code x402_sale_read(struct arena *a, const struct x402_sale *s, struct x402_sold *out,
                              struct mete_err *err) METE_MUST_CHECK;

#endif
