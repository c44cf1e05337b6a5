/* SPDX-License-Identifier: Apache-2.0
 * The key of what processes of one database relay to each other: that of the store's key file. */
#ifndef METE_HTTP_RELAY_KEY_H
#define METE_HTTP_RELAY_KEY_H

#include "base/types.h"
#include "crypto/seal.h"
#include "mete/error.h"

/** Reads the key file beside the store, waiting for one that another process is just making, and
 *  refuses one that is not that of the book. The caller wipes the key. */
enum mete_code relay_key_read(const char *store, const char *book, uint8_t key[SEAL_KEY_LEN],
                              struct mete_err *err) METE_MUST_CHECK;

#endif
