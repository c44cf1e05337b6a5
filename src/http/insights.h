/* SPDX-License-Identifier: Apache-2.0
 * The bounds of what apps report of themselves, and the thread that throws away what is old. Money
 * goes first: reports are turned away while much waits for the books, and what is let in together
 * is so many rows at most, however many send. */
#ifndef METE_HTTP_INSIGHTS_H
#define METE_HTTP_INSIGHTS_H

#include "http/exchange.h"

struct desk;
struct insights;

/** Takes a place for what the store keeps so many days, 0: for ever. Starts the thread. */
void insights_start(struct insights **out, struct desk *d);
void insights_stop(struct insights *all);
/** After the server has stopped. */
void insights_free(struct insights *all);

/** Is it one that brings reports? */
bool insights_is_report(const struct exchange *x);
/** False: a report would be turned away now, whatever is in it. */
bool insights_has_room(struct insights *all);
/** Lets a request with so many rows of an app in. METE_RATE_LIMITED, METE_OVERLOADED. Any thread.
 */
enum mete_code insights_enter(struct insights *all, struct exchange *x, struct text app,
                              size_t rows, struct mete_err *err) METE_MUST_CHECK;
/** It is answered. */
void insights_leave(struct insights *all, size_t rows);

/** What is older is not kept; TIME_ALWAYS: everything is. */
mete_time insights_oldest(const struct insights *all, mete_time now);

struct insights_stats {
    uint64_t rows;    /* let in */
    uint64_t refused; /* rows that were turned away */
    uint64_t swept;   /* rows that were thrown away for their age */
};
void insights_stats(struct insights *all, struct insights_stats *out);

#endif
