/* SPDX-License-Identifier: Apache-2.0
 * A key that signs on EVM chains, in guarded memory: locked, not dumped, and readable only while it
 * signs. One thread at a time signs. */
#ifndef METE_RAILS_EVM_SIGNER_H
#define METE_RAILS_EVM_SIGNER_H

#include "wire/evm/tx.h"

struct evm_signer;

/** Reads the key: 64 hexadecimal digits, with or without 0x, in a file that nobody else may read,
 *  or by its name among systemd's credentials.
 *  Errors: those of secret_file_line; METE_USAGE: what is in it. */
enum mete_code evm_signer_open(struct evm_signer **out, const char *file,
                               struct mete_err *err) METE_MUST_CHECK;
/** The same from a text, which is the caller's to wipe. `name`: what it is called, for errors. */
enum mete_code evm_signer_of_text(struct evm_signer **out, struct text digits, const char *name,
                                  struct mete_err *err) METE_MUST_CHECK;
/** Wipes the key. `a` may be NULL. */
void evm_signer_close(struct evm_signer *a);
const struct evm_address *evm_signer_address(const struct evm_signer *a);
void evm_signer_sign(struct evm_signer *a, struct evm_tx *tx);

#endif
