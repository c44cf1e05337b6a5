/* SPDX-License-Identifier: Apache-2.0
 * Events about payouts that mete makes itself: begun, filled, submitted. Private to src/engine. */
#ifndef METE_ENGINE_PAYOUT_PARTS_H
#define METE_ENGINE_PAYOUT_PARTS_H

#include "engine/payouts.h"
#include "wire/json_values.h"

struct own_event {
    struct engine *e;
    struct buf out;
    struct json_writer w; /* inside of the payload */
};

/** `actor` may be empty. */
void own_event_begin(struct own_event *o, struct engine *e, struct text id, enum event_type type,
                     struct text actor);
/** Ends the event and submits it, into the open group. */
enum submit_status own_event_end(struct own_event *o, struct mete_err *err) METE_MUST_CHECK;
/** The same. METE_OK: it was applied, or was there already with the same bytes; then *is_new (may
 *  be NULL) is false. */
enum mete_code own_event_submit(struct own_event *o, bool *is_new,
                                struct mete_err *err) METE_MUST_CHECK;

/** A member that is a string, else "". */
struct text payload_text(const struct json *payload, const char *member);

#endif
