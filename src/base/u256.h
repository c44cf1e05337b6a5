/* SPDX-License-Identifier: Apache-2.0
 * Unsigned integers of 256 bits as chains use them: text, bytes and checked arithmetic. The type
 * and the products that apportioning needs are in base/i128.h. Every reader takes the one canonical
 * form and nothing else; nothing wraps around. */
#ifndef METE_BASE_U256_H
#define METE_BASE_U256_H

#include "base/arena.h"
#include "base/i128.h"

#define U256_LEN      32
#define U256_TEXT_MAX 79 /* 78 digits, NUL */
#define U256_HEX_MAX  67 /* 0x, 64 digits, NUL */
#define U256_MAX      ((struct u256){~(u128)0, ~(u128)0})

struct u256 u256_of(u128 v);
bool u256_is_zero(struct u256 v);
bool u256_eq(struct u256 a, struct u256 b);

/** The number, or false when it does not fit; `out` is then untouched. */
bool u256_to_u64(struct u256 v, uint64_t *out) METE_MUST_CHECK;
bool u256_to_i128(struct u256 v, i128 *out) METE_MUST_CHECK;
/** False for a negative number. */
bool u256_of_i128(i128 v, struct u256 *out) METE_MUST_CHECK;

/** False below zero, or past 2^256 - 1; `out` is then untouched. u256_add is in base/i128.h. */
bool u256_sub(struct u256 a, struct u256 b, struct u256 *out) METE_MUST_CHECK;
bool u256_mul_small(struct u256 a, uint64_t by, struct u256 *out) METE_MUST_CHECK;

/** 32 bytes, big-endian, as in a word of the ABI. */
struct u256 u256_from_be(const uint8_t in[U256_LEN]);
void u256_to_be(struct u256 v, uint8_t out[U256_LEN]);
/** At most 32 bytes, big-endian, leading zeros allowed; no bytes are zero. */
bool u256_from_bytes(struct bytes in, struct u256 *out) METE_MUST_CHECK;
/** Bytes without the leading zeros: 0 for zero, else 1 to 32. */
size_t u256_size(struct u256 v);

/** Decimal: digits, no sign, no leading zero but in "0". */
bool u256_parse(struct text t, struct u256 *out) METE_MUST_CHECK;
/** With NUL; returns the length. */
size_t u256_format(struct u256 v, char out[U256_TEXT_MAX]);
/** The same in `a`. */
struct text u256_text(struct arena *a, struct u256 v);

/** A "quantity" of the Ethereum JSON-RPC: 0x and hexadecimal digits of either case, no leading zero
 *  but in "0x0". */
bool u256_parse_quantity(struct text t, struct u256 *out) METE_MUST_CHECK;
/** Lower case, with NUL; returns the length. */
size_t u256_format_quantity(struct u256 v, char out[U256_HEX_MAX]);

#endif
