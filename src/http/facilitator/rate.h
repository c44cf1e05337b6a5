/* SPDX-License-Identifier: Apache-2.0
 * How often somebody may ask: so many times a minute for each name (a key, an address, a payer),
 * with a minute's worth at once after a rest. Its memory is bounded. */
#ifndef METE_HTTP_FACILITATOR_RATE_H
#define METE_HTTP_FACILITATOR_RATE_H

#include "base/types.h"

struct rate;

/** `per_minute` above 0. */
struct rate *rate_new(unsigned per_minute);
void rate_free(struct rate *r);
/** True, and counted; false: not before *wait_s seconds are over. `kind` keeps names of different
 *  kinds apart. Any thread. */
bool rate_take(struct rate *r, char kind, struct text name, int64_t now_us, unsigned *wait_s);

#endif
