/* SPDX-License-Identifier: Apache-2.0
 * Prices as people write them, in exact decimal arithmetic. A price that the asset cannot pay to
 * the last digit is refused, never rounded. */
#ifndef METE_WIRE_X402_PRICE_H
#define METE_WIRE_X402_PRICE_H

#include "base/u256.h"
#include "mete/error.h"

#define X402_PRICE_TEXT_MAX 96 /* with NUL */
#define X402_DECIMALS_MAX   36 /* of an asset */

enum x402_price_kind {
    X402_PRICE_DOLLARS, /* "$0.01", "0.01 USD" */
    X402_PRICE_SYMBOL,  /* "0.01 USDC" */
    X402_PRICE_ATOMIC,  /* "10000": smallest units of an asset that is named elsewhere */
    X402_PRICE_PERCENT  /* "50%" of an amount that was agreed: what "upto" may charge */
};

struct x402_price {
    enum x402_price_kind kind;
    struct text number; /* digits, with one point between digits where it is not atomic */
    struct text symbol; /* of X402_PRICE_SYMBOL */
};

/** Takes a price apart. A bare "0.01" is refused: it does not say of what.
 *  Errors: METE_X402_PRICE; err->pointer is "". */
enum mete_code x402_price_read(struct text t, struct x402_price *out,
                               struct mete_err *err) METE_MUST_CHECK;

/** The smallest units of an asset of `decimals` places. Dollars are taken for any asset: that it is
 *  worth a dollar is for who configured it. A symbol has to be `symbol`, of whichever case. A price
 *  of zero is one. X402_PRICE_PERCENT is refused.
 *  Errors: METE_X402_PRICE; METE_AMOUNT_SCALE for more places than the asset has (zeros beyond are
 *          none); METE_NUMBER_RANGE beyond 256 bits. */
enum mete_code x402_price_units(const struct x402_price *p, struct text symbol, unsigned decimals,
                                struct u256 *out, struct mete_err *err) METE_MUST_CHECK;

/** What is charged of `agreed` when a handler says `p`: a percentage of up to 100 rounded down to
 *  whole units, or a price. Errors: as x402_price_units; METE_NUMBER_RANGE above what was agreed.
 */
enum mete_code x402_price_charge(const struct x402_price *p, struct u256 agreed, struct text symbol,
                                 unsigned decimals, struct u256 *out,
                                 struct mete_err *err) METE_MUST_CHECK;

/** "0.01": as many places as are needed, at least `places` (of decimals at most); returns the
 *  length. */
size_t x402_price_format(struct u256 units, unsigned decimals, unsigned places,
                         char out[X402_PRICE_TEXT_MAX + X402_DECIMALS_MAX]);

#endif
