/* SPDX-License-Identifier: Apache-2.0
 * The event_id of canonical event bytes, and other strings of its outermost object, without parsing
 * the rest of them. */
#ifndef METE_STORE_EVENT_ID_H
#define METE_STORE_EVENT_ID_H

#include "base/buf.h"
#include "base/types.h"

/** The string member "event_id" of the outermost object. It points into `event`, or into `room`
 * when it had escapes. False when the bytes are not canonical JSON with such a member. */
bool event_id_of(struct bytes event, struct buf *room, struct text *out) METE_MUST_CHECK;

/** The same for the string member `wanted`. */
bool event_member_of(struct bytes event, const char *wanted, struct buf *room,
                     struct text *out) METE_MUST_CHECK;

#endif
