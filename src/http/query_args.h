/* SPDX-License-Identifier: Apache-2.0
 * Members of the query, checked. Each returns false when the answer says already what is wrong; an
 * absent member leaves *out as it is. */
#ifndef METE_HTTP_QUERY_ARGS_H
#define METE_HTTP_QUERY_ARGS_H

#include "http/exchange.h"

/** Digits alone. */
bool text_number(struct text given, uint64_t min, uint64_t max, uint64_t *out) METE_MUST_CHECK;
bool arg_number(struct exchange *x, const char *name, uint64_t min, uint64_t max, uint64_t *out);
/** RFC 3339, or a day: its first moment, or with `end_of_day` its last. */
bool arg_time(struct exchange *x, const char *name, bool end_of_day, mete_time *out);

/** dry_run, if at all, in words that do make a rehearsal, or say that it is none. */
bool arg_rehearsal_is_clear(struct exchange *x);
/** None is asked for, in any words: the route has none. */
bool arg_rehearsal_is_none(struct exchange *x);

/** A key that is bound to a party sees that party alone: others do not exist for it. */
bool arg_own_party(struct exchange *x, struct text party);

#endif
