/* SPDX-License-Identifier: Apache-2.0
 * Bytes as EVM chains write them: "0x" and two hexadecimal digits each. */
#ifndef METE_WIRE_EVM_HEX_H
#define METE_WIRE_EVM_HEX_H

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/hash.h"

/** Small digits, in `a`. */
struct text evm_hex(struct arena *a, struct bytes b);
/** The same of a hash. */
struct text evm_hash_text(struct arena *a, const struct hash *h);
/** Appends it. */
void evm_hex_put(struct buf *out, struct bytes b);

/** Reads any number of bytes, in `a`, digits of either case; false, with *out untouched, for
 *  another form. */
bool evm_hex_read(struct arena *a, struct text t, struct bytes *out) METE_MUST_CHECK;
/** Reads exactly `len` bytes. */
bool evm_hex_read_fixed(uint8_t *out, size_t len, struct text t) METE_MUST_CHECK;

#endif
