/* SPDX-License-Identifier: Apache-2.0
 * What files about payouts share. Private to src/engine. */
#ifndef METE_ENGINE_PAYOUT_PARTS_H
#define METE_ENGINE_PAYOUT_PARTS_H

#include "engine/own_event.h"
#include "engine/payouts.h"

/** Opens the batch of a period, unless it is there: then *is_new is false. METE_CONFLICT: another
 *  one, or none, has its id. */
enum mete_code payout_period_open(struct engine *e, const struct payout_period *p,
                                  struct text actor, struct arena *a, bool *is_new,
                                  struct mete_err *err) METE_MUST_CHECK;

/* A payout that is to be made. */
struct payout_new {
    struct text batch_id;
    struct text party;
    i128 amount;
    const struct asset *asset;
    struct text actor; /* "": nobody */
};

/** Queues it, into the open group. A batch pays a party once: SUBMIT_DUPLICATE when it was queued
 *  before, also with another amount. */
void payout_new_submit(struct engine *e, const struct payout_new *n, struct submit_result *r);

/** A member that is a string, else "". */
struct text payload_text(const struct json *payload, const char *member);

#endif
