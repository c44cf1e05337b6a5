/* SPDX-License-Identifier: Apache-2.0
 * What files about payouts share. Private to src/engine. */
#ifndef METE_ENGINE_PAYOUT_PARTS_H
#define METE_ENGINE_PAYOUT_PARTS_H

#include "engine/own_event.h"
#include "engine/payouts.h"

/** A member that is a string, else "". */
struct text payload_text(const struct json *payload, const char *member);

#endif
