/* SPDX-License-Identifier: Apache-2.0
 * What all answers to events share. */
#ifndef METE_HTTP_EVENTS_H
#define METE_HTTP_EVENTS_H

#include "engine/engine.h"

#define EVENTS_ITEMS_MAX 100000u /* a request has fewer events, unless it is a stream */

/** The status of the answer to one event that was sent alone. */
unsigned events_single_status(const struct submit_result *r);

#endif
