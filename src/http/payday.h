/* SPDX-License-Identifier: Apache-2.0
 * Batches of payouts in the background: a thread that opens the periods that are due and fills open
 * batches, page by page, through the keeper. Pages are small, so that whoever writes or reads waits
 * for one at most. */
#ifndef METE_HTTP_PAYDAY_H
#define METE_HTTP_PAYDAY_H

#include "mete/error.h"

struct desk;
struct payday;

/** *out is NULL without the role worker. */
void payday_start(struct payday **out, struct desk *d);
void payday_stop(struct payday *p);
void payday_free(struct payday *p);
/** A batch was opened: it is filled now. Any thread; `p` may be NULL. */
void payday_news(struct payday *p);

#endif
