/* SPDX-License-Identifier: Apache-2.0
 * What addresses and answers share. */
#ifndef METE_WIRE_LIGHTNING_LNURL_PARTS_H
#define METE_WIRE_LIGHTNING_LNURL_PARTS_H

#include "wire/lightning/lnurl.h"

/** Reads a URL that may be asked: https with a domain, http below .onion, with LNURL_TAKES_LOCAL
 *  any. */
enum mete_code lnurl_url_read(struct text in, unsigned switches, struct url *out,
                              const char *pointer, struct mete_err *err) METE_MUST_CHECK;

#endif
