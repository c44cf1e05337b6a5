/* SPDX-License-Identifier: Apache-2.0
 * How much one act of a key may be about: a share that it disputes, a payout that it asks for,
 * money that it hands on or exchanges. A key whose limits name assets moves no others. */
#ifndef METE_HTTP_LIMITS_H
#define METE_HTTP_LIMITS_H

#include "engine/engine.h"
#include "http/authority.h"

#define LIMITS_MAX 1024u /* bytes */

/** Reads "USD=100.00,SAT=5000" (commas or spaces) and writes it as it is kept, in `a`. METE_USAGE.
 */
enum mete_code limits_parse(struct arena *a, struct text list, struct text *out,
                            struct mete_err *err) METE_MUST_CHECK;
/** METE_KEY_LIMIT: `amount` minor units of `asset` are more than `who` may move at once. */
enum mete_code limits_allow(const struct principal *who, const struct asset *asset, i128 amount,
                            struct mete_err *err) METE_MUST_CHECK;
/** The same of an event. */
enum mete_code limits_check(struct engine *e, const struct principal *who,
                            const struct event *event, struct mete_err *err) METE_MUST_CHECK;

#endif
