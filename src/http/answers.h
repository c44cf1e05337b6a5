/* SPDX-License-Identifier: Apache-2.0
 * Answers, counted by route and by the first digit of their status. Any thread. */
#ifndef METE_HTTP_ANSWERS_H
#define METE_HTTP_ANSWERS_H

#include "http/exposition.h"
#include "http/router.h"

struct answers;

struct answers *answers_new(void);
void answers_free(struct answers *t);

/** An answer that stands in `x`, `us` microseconds after its request was complete. */
void answers_add(struct answers *t, const struct exchange *x, int64_t us);
/** The counters of every route of `roles`, zeros too: what never happened can be told from what is
 *  not counted. Histograms of the routes that were asked for. */
void answers_write(const struct answers *t, unsigned roles, struct exposition *e);

#endif
