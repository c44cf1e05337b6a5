/* SPDX-License-Identifier: Apache-2.0
 * The ABI of contracts (Solidity documentation, "Contract ABI Specification"): words, offsets and
 * tails, written in order and read with every bound checked. The calls that mete makes are in
 * wire/evm/calls.h. */
#ifndef METE_WIRE_EVM_ABI_H
#define METE_WIRE_EVM_ABI_H

#include "base/buf.h"
#include "base/u256.h"
#include "crypto/hash.h"
#include "wire/evm/address.h"

#define ABI_WORD     32
#define ABI_SELECTOR 4

/* Writing. Heads come first: whoever has tails works out their offsets, from the first word of the
 * list of arguments (or tuple, or array's elements) that the offset stands in. */

/** The first four bytes of the hash of a function's text, as a number: 0xa9059cbb. */
void abi_put_selector(struct buf *out, uint32_t selector);
void abi_put_u256(struct buf *out, struct u256 v);
void abi_put_u64(struct buf *out, uint64_t v); /* also offsets, in bytes, and lengths */
void abi_put_bool(struct buf *out, bool v);
void abi_put_address(struct buf *out, const struct evm_address *a);
void abi_put_hash(struct buf *out, const struct hash *h); /* bytes32 */
/** A tail: the length, the bytes, zeros up to a whole word. */
void abi_put_bytes(struct buf *out, struct bytes in);
/** How long that is. */
size_t abi_bytes_size(size_t len);

/* Reading. `in` is the list of arguments (or tuple, or array's elements) that `slot` counts words
 * of and offsets count bytes of. All are false, and leave *out alone, when a word is outside `in`
 * or holds what its type cannot: an address with something before it, a bool of 2. */

bool abi_u256(struct bytes in, size_t slot, struct u256 *out) METE_MUST_CHECK;
bool abi_u64(struct bytes in, size_t slot, uint64_t *out) METE_MUST_CHECK;
bool abi_bool(struct bytes in, size_t slot, bool *out) METE_MUST_CHECK;
bool abi_address(struct bytes in, size_t slot, struct evm_address *out) METE_MUST_CHECK;
bool abi_hash(struct bytes in, size_t slot, struct hash *out) METE_MUST_CHECK;
/** What the offset in `slot` leads to, up to the end of `in`: a tuple that has tails. */
bool abi_tuple(struct bytes in, size_t slot, struct bytes *out) METE_MUST_CHECK;
/** bytes or string: inside of `in` with its padding, which is zeros. Points into `in`. */
bool abi_bytes(struct bytes in, size_t slot, struct bytes *out) METE_MUST_CHECK;
/** A string, which is UTF-8. */
bool abi_text(struct bytes in, size_t slot, struct text *out) METE_MUST_CHECK;
/** An array: *elements begins at the first; each has `words` in its head, all of them inside. */
bool abi_array(struct bytes in, size_t slot, size_t words, struct bytes *elements,
               size_t *count) METE_MUST_CHECK;

/* Answers of one value: exactly as many bytes as it has. */
bool abi_answer_u256(struct bytes in, struct u256 *out) METE_MUST_CHECK;
bool abi_answer_bool(struct bytes in, bool *out) METE_MUST_CHECK;
bool abi_answer_address(struct bytes in, struct evm_address *out) METE_MUST_CHECK;
bool abi_answer_hash(struct bytes in, struct hash *out) METE_MUST_CHECK;
/** A string that is the one value, in the form that Solidity writes. */
bool abi_answer_text(struct bytes in, struct text *out) METE_MUST_CHECK;

/** The text of a revert: Error(string). False for every other one; points into `in`. */
bool abi_revert_text(struct bytes in, struct text *out) METE_MUST_CHECK;
/** The selector of a revert's error, 0 when there is none. */
uint32_t abi_selector(struct bytes in);

#endif
