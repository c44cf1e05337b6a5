/* SPDX-License-Identifier: Apache-2.0
 * Which settlements somebody was told of: for servers that do not see themselves that a payment is
 * shown to them twice. Of this process, of the last ones alone, and gone when it ends. */
#ifndef METE_HTTP_FACILITATOR_TOLD_H
#define METE_HTTP_FACILITATOR_TOLD_H

#include "base/text.h"

#include <stdbool.h>

struct told;

void told_open(struct told **out);
/** `t` may be NULL. */
void told_close(struct told *t);
/** Whether nobody has been told of `id` yet; from now on somebody has. Any thread. */
bool told_first(struct told *t, struct text id);

#endif
