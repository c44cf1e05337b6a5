/* SPDX-License-Identifier: Apache-2.0
 * Which of several forms of an answer a client wants (RFC 9110, 12.5.1). */
#ifndef METE_HTTP_ACCEPT_H
#define METE_HTTP_ACCEPT_H

#include "http/exchange.h"

/** The place in `offer` (NULL-terminated media types, parameters ignored) of the one that the
 *  Accept header likes best; of several the first, and the first also when it likes none. */
size_t accept_pick(const struct exchange *x, const char *const *offer);

#endif
