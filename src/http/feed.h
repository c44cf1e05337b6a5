/* SPDX-License-Identifier: Apache-2.0
 * A row of the log as everybody sees it who reads the feed, in whatever form it comes. */
#ifndef METE_HTTP_FEED_H
#define METE_HTTP_FEED_H

#include "base/buf.h"
#include "store/store.h"

struct desk;
struct exchange;

/** What log_row_json writes, as a server-sent event whose id is its seq. True: events may follow
 *  from it. */
bool feed_row_event(struct buf *out, const struct log_row *row);
/** What follows from a row, each as an event whose id is its place; of very many the first ones,
 *  and where the others are. `desk` for its snapshots. */
bool feed_follows(void *desk, struct buf *out, const char *book, uint64_t seq);
/** Behind the event with this id; 0 when there is none. */
size_t feed_resume(struct text row, const char *id);

/** Answers with everything after a place, and then with whatever comes. */
struct log_wish;
void feed_follow(struct desk *d, struct exchange *x, const struct log_wish *wish);

#endif
