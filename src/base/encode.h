/* SPDX-License-Identifier: Apache-2.0
 * Hexadecimal, base64 (RFC 4648) and base58btc. Decoders are strict: no white space, no stray
 * bits, padding exactly where the alphabet has it. */
#ifndef METE_BASE_ENCODE_H
#define METE_BASE_ENCODE_H

#include "base/types.h"

/** 2 * len characters and NUL, lower case. */
void hex_encode(char *out, struct bytes in);
/** Exactly `len` bytes from 2 * len characters, either case. */
bool hex_decode(uint8_t *out, size_t len, struct text in) METE_MUST_CHECK;

#define BASE64_TEXT_MAX(len) (((len) + 2) / 3 * 4 + 1)
/** Standard alphabet with padding; NUL-terminated; returns the length. */
size_t base64_encode(char *out, struct bytes in);
/** URL alphabet without padding; NUL-terminated; returns the length. */
size_t base64url_encode(char *out, struct bytes in);
/** At most `max` bytes; *len is what was written. False on any flaw. */
bool base64_decode(uint8_t *out, size_t max, size_t *len, struct text in) METE_MUST_CHECK;
bool base64url_decode(uint8_t *out, size_t max, size_t *len, struct text in) METE_MUST_CHECK;

/** base58btc of at most 128 bytes; `out` has at least 180 bytes; NUL-terminated; returns length. */
size_t base58_encode(char *out, struct bytes in);
bool base58_decode(uint8_t *out, size_t max, size_t *len, struct text in) METE_MUST_CHECK;

#endif
