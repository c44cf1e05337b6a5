/* SPDX-License-Identifier: Apache-2.0
 * The key by which the nodes of one database seal what they hand to each other. */
#ifndef METE_HTTP_RELAY_KEY_H
#define METE_HTTP_RELAY_KEY_H

#include "crypto/seal.h"
#include "mete/error.h"

/** Reads it from the key file of the store, waiting for the file as long as the book knows of none,
 *  at most half a minute. METE_SEAL_KEY: there is none, or the book was made with another one; the
 *  store's codes. */
enum mete_code relay_key_read(const char *store, const char *book, uint8_t key[SEAL_KEY_LEN],
                              struct mete_err *err);

#endif
