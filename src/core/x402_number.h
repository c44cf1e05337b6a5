/* SPDX-License-Identifier: Apache-2.0
 * What a payment by x402 is known by: the first bytes of SHA-256 of network, asset, from and nonce.
 * Apart from x402.h, since events carry it. */
#ifndef METE_CORE_X402_NUMBER_H
#define METE_CORE_X402_NUMBER_H

#include "base/types.h"
#include "crypto/hash.h"

#define X402_ID_PREFIX  "x402-"
#define X402_NUMBER_LEN 20 /* bytes */

struct x402_number {
    uint8_t b[X402_NUMBER_LEN];
};

/** First 20 bytes of SHA-256 of the four, joined by "|". */
struct x402_number x402_number_of(struct text network, struct text asset, struct text from,
                                  struct text nonce);
/** "x402-" and 40 hexadecimal digits in lower case. False: it is none. */
bool x402_number_parse(struct text id, struct x402_number *out) METE_MUST_CHECK;
#define X402_ID_SIZE (sizeof X402_ID_PREFIX + (size_t)2 * X402_NUMBER_LEN)
void x402_number_text(const struct x402_number *number, char out[X402_ID_SIZE]);

#endif
