/* SPDX-License-Identifier: Apache-2.0
 * The facilitator's part of GET /metrics. */
#ifndef METE_HTTP_FACILITATOR_NUMBERS_H
#define METE_HTTP_FACILITATOR_NUMBERS_H

#include "http/exposition.h"

struct facilitator;

/** Nothing when it serves no network. */
void facilitator_numbers(struct facilitator *f, struct exposition *e);

#endif
