/* SPDX-License-Identifier: Apache-2.0
 * A request and its answer as bytes, between processes of the same version of the program. */
#ifndef METE_HTTP_RELAY_PACK_H
#define METE_HTTP_RELAY_PACK_H

#include "base/buf.h"
#include "http/exchange.h"

/** Everything but what proves who asks, which was judged already; unless the client has signed that
 *  it shows it. */
void relay_pack_request(struct buf *out, const struct exchange *x);
/** Into an exchange that is empty; what it points to is copied. False: not ours. */
bool relay_unpack_request(struct bytes in, struct exchange *x) METE_MUST_CHECK;

void relay_pack_answer(struct buf *out, const struct exchange *x);
bool relay_unpack_answer(struct bytes in, struct exchange *x) METE_MUST_CHECK;

/** Forgets the answer. */
void relay_answer_reset(struct exchange *x);

#endif
