/* SPDX-License-Identifier: Apache-2.0
 * Bodies as the sources' clients send them, made into events by tables of names. A member that no
 * table names goes into the payload as it is, where it is kept. */
#ifndef METE_HTTP_MAPPING_H
#define METE_HTTP_MAPPING_H

#include "http/submission.h"

/** The body as a JSON object; NULL: the answer says already why not (400). */
const struct json *body_object(struct exchange *x);
/** A member that is a string of 1 to 200 bytes, under one of its names; empty when it is absent.
 *  False: the answer says what is wrong. */
bool body_text(struct exchange *x, const struct json *body, const char *const *names,
               struct text *out);

/** One event of `body`: the payload by the table, on top of `first` (members already written, with
 *  a comma after each; may be empty); event_id by body.event_id or body.id, else `kind` and a hash
 *  of the body and `about`; occurred_at by body.occurred_at. False: the answer says why not. */
bool body_draft(struct exchange *x, const struct json *body, enum event_type type,
                const struct body_member *member, const char *kind, struct text about,
                struct text first);

/** "<kind>:<32 hex digits>" of the canonical body. In the arena. */
struct text body_id(struct exchange *x, const struct json *body, const char *kind,
                    struct text about);

#endif
