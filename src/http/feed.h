/* SPDX-License-Identifier: Apache-2.0
 * A row of the log as everybody sees it who reads the feed, in whatever form it comes. */
#ifndef METE_HTTP_FEED_H
#define METE_HTTP_FEED_H

#include "base/buf.h"
#include "store/store.h"

struct desk;
struct exchange;

/** What log_row_json writes, as a server-sent event: its id is the cursor that goes on after it. */
void feed_row_event(struct buf *out, const struct log_row *row);

/** Answers with everything after `after`, and then with whatever comes. */
void feed_follow(struct desk *d, struct exchange *x, uint64_t after);

#endif
