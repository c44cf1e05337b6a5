/* SPDX-License-Identifier: Apache-2.0
 * What is a party's own: all that a key which is bound to it may see or speak of. Who is not bound
 * owns everything. */
#ifndef METE_HTTP_OWN_H
#define METE_HTTP_OWN_H

#include "engine/query.h"
#include "http/authority.h"

/** May it send this event, as far as the event itself tells? METE_FORBIDDEN. */
enum mete_code own_may(const struct principal *who, const struct event *event,
                       struct mete_err *err) METE_MUST_CHECK;
/** A share that the party got; false also when there is none of this id. */
bool own_allocation(struct engine *e, const struct principal *who,
                    struct text allocation_id) METE_MUST_CHECK;
/** An event that gave the party a share. */
bool own_event(struct engine *e, const struct principal *who, struct text event_id) METE_MUST_CHECK;
/** An explanation of the party itself or of one line of its own; not of a whole event, which tells
 *  what others got. */
bool own_explanation(const struct principal *who, struct text id,
                     const struct explain_node *root) METE_MUST_CHECK;

#endif
