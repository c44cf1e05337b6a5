/* SPDX-License-Identifier: Apache-2.0
 * Newer versions of policies that a registry has. Policies that came from it and are used are
 * looked after every so often, by a thread of its own: nobody who writes waits for the registry.
 * While it gives no answer the looks become rarer, and go on by themselves when it is back. */
#ifndef METE_HTTP_REFRESH_H
#define METE_HTTP_REFRESH_H

#include "http/desk.h"

struct refresh;

/** *out NULL when there is no registry to look at. */
void refresh_start(struct refresh **out, struct desk *d);
void refresh_stop(struct refresh *r);
void refresh_free(struct refresh *r);

struct refresh_stats {
    uint64_t looks;     /* at a policy, answered */
    uint64_t published; /* newer versions, and what is nested in them */
    uint64_t refused;   /* versions that this book does not take */
    uint64_t failures;  /* looks without an answer */
};
/** Any thread; zeros when r is NULL. */
void refresh_stats(const struct refresh *r, struct refresh_stats *out);

#endif
