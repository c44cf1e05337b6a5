/* SPDX-License-Identifier: Apache-2.0
 * A book in which every handled type has something to do, in two sets of names that have nothing in
 * common, and one event of each type for either set. */
#ifndef METE_TESTS_PROPERTY_COMMUTE_CASES_H
#define METE_TESTS_PROPERTY_COMMUTE_CASES_H

#include "core/event_type.h"
#include "oracle/scene.h"

/** Everything that stands before the two events. */
void commute_before(struct scene *s, int amount);
/** Everything that follows them: it touches all of the book. */
void commute_after(struct scene *s, int amount);
/** One event of a type, about set 0 or 1, under its own id ("x0", "x1"). `variant` chooses among
 *  several for the types that have more than one face. False: no such variant. */
bool commute_event(struct buf *out, enum event_type type, int set, int id, int variant, int amount);

#endif
