/* SPDX-License-Identifier: Apache-2.0
 * Bodies as the sources' clients send them, made into events by tables of names. A member that no
 * table names goes into the payload as it is, where it is kept. */
#ifndef METE_HTTP_MAPPING_H
#define METE_HTTP_MAPPING_H

#include "http/submission.h"

/** The body as a JSON object; NULL: the answer says already why not (400). */
const struct json *body_object(struct exchange *x);
/** The first member that `names`, which ends with NULL, does not list; NULL: there is none. */
const struct json *body_stranger(const struct json *in, const char *const *names);
/** All members are listed: what nobody understood would be lost. False: the answer says so (422).
 */
bool body_is_known(struct exchange *x, const struct json *body, const char *const *names);
/** A member that is a string of 1 to 200 bytes, under one of its names; empty when it is absent.
 *  False: the answer says what is wrong. */
bool body_text(struct exchange *x, const struct json *body, const char *const *names,
               struct text *out);

/** How a body becomes an event. */
struct body_plan {
    enum event_type type;
    const struct body_member *member; /* ends with `to` NULL */
    const char *kind;                 /* begins the id of an event that comes without one */
    struct text about;                /* hashed into that id, beside the body */
    struct text event_id;             /* not empty: the id, whatever the body says */
    struct text first;                /* members of the payload, a comma after each; may be empty */
    const char *said;                 /* a member that the route itself says; may be NULL */
    struct text said_text;            /* what: the body may repeat it, but not contradict */
    bool no_quarantine;
    bool is_act; /* somebody judges: the event says which key did */
};

/** One event of `body`, into the submission: its members, renamed, are the payload; event_id is
 *  body.event_id or body.id, else derived; occurred_at is body.occurred_at. False: the answer says
 *  why not. */
bool body_draft(struct exchange *x, const struct json *body, const struct body_plan *plan);

/** "<kind>:<32 hex digits>" of the canonical body. In the arena. */
struct text body_id(struct exchange *x, const struct json *body, const char *kind,
                    struct text about);

#endif
