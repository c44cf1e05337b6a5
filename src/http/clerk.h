/* SPDX-License-Identifier: Apache-2.0
 * The clerk: says in each book, once a period, through when what was due has cleared
 * (engine/clearing.h). A thread of its own, which asks the clock and hands the keeper small works;
 * of processes that share a store, the one that writes a book says it. */
#ifndef METE_HTTP_CLERK_H
#define METE_HTTP_CLERK_H

#include "http/desk.h"

struct clerk;

/** *out NULL when this process has no role `worker`, or is told to say nothing. */
void clerk_start(struct clerk **out, struct desk *d);
void clerk_stop(struct clerk *c);
void clerk_free(struct clerk *c);

#endif
