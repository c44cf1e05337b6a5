/* SPDX-License-Identifier: Apache-2.0
 * Keeping a wallet's or a dashboard's book the same as the distributions service's: its log is read
 * from where this one ends, and every event is decided again here, at the same moments. The other
 * way, the distributions service says when there is something to read. */
#ifndef METE_HTTP_FOLLOW_H
#define METE_HTTP_FOLLOW_H

#include "http/desk.h"

struct follow;

/** A thread of its own; *out NULL when there is nobody to follow and nobody to tell. */
void follow_start(struct follow **out, struct desk *d);
/** It can still be told, to no effect. */
void follow_stop(struct follow *f);
void follow_free(struct follow *f);
/** True when a log is followed; *read_at: when all of it was here, last, 0: not yet. Any thread. */
bool follow_reads(const struct follow *f, mete_time *read_at);
/** There may be something to read. Any thread; never blocks; f may be NULL. */
void follow_wake(struct follow *f);
/** Something was written here that others may want to read. */
void follow_news(struct follow *f);

#endif
