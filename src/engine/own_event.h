/* SPDX-License-Identifier: Apache-2.0
 * Events that mete makes itself: begun, filled, submitted. What is said follows from the id, and
 * said again, whenever and by whomever, it is the event of the first time: a duplicate, and only a
 * conflict when it says something else. */
#ifndef METE_ENGINE_OWN_EVENT_H
#define METE_ENGINE_OWN_EVENT_H

#include "engine/engine.h"
#include "wire/json_values.h"

struct own_head {
    struct text id;
    enum event_type type;
    struct when occurred_at; /* not set: now */
    struct text actor;       /* who wanted it: a user; "": nobody */
    const char *service;     /* of the control plane, that it is from; NULL: it does not say */
    struct text campaign_id; /* that it belongs to; "": none */
};

struct own_event {
    struct engine *e;
    struct buf out;
    struct json_writer w; /* inside of the payload */
};

/** When the event of that id happened, and who wanted it, as the log says; the text in `a`. False:
 *  the log has none. */
bool own_event_recall(struct engine *e, struct text id, struct arena *a, mete_time *at,
                      struct text *actor) METE_MUST_CHECK;

#define OWN_PLACE_ID_MAX 64
/** An id for what may be said again, and is an event each time: `what` (40 characters at most) and
 *  the place in the log that is next, "x402.listed.17". In `out`. */
struct text own_event_place_id(struct engine *e, const char *what, char out[OWN_PLACE_ID_MAX]);

void own_event_begin(struct own_event *o, struct engine *e, const struct own_head *head);
/** Ends the event and submits it, into the open group. r->event_id is valid until the next. */
void own_event_end(struct own_event *o, struct submit_result *r);
/** The same. METE_OK: it was applied, or was there already; then *is_new (may be NULL) is false. */
enum mete_code own_event_submit(struct own_event *o, bool *is_new,
                                struct mete_err *err) METE_MUST_CHECK;
/** Ends the event and has it read, to be submitted later, or tried. */
void own_event_prepare(struct own_event *o, struct prepared *p);

#endif
