/* SPDX-License-Identifier: Apache-2.0
 * Which kind of answer a client would rather have (RFC 9110, section 12.5.1). */
#ifndef METE_HTTP_ACCEPT_H
#define METE_HTTP_ACCEPT_H

#include "http/exchange.h"

/** How much the client wants `type` ("text/html"): 0, not at all, to 1000. The most specific range
 *  that fits decides; parameters of ranges are not looked at. 1000 without an Accept header. */
unsigned accept_quality(const struct exchange *x, const char *type);
/** The place in `offer` (NULL-terminated media types) of the one that the client likes best; of
 *  several the first, and the first also when it likes none. */
size_t accept_pick(const struct exchange *x, const char *const *offer);

#endif
