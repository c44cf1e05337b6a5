/* SPDX-License-Identifier: Apache-2.0
 * Moments as values: microseconds since 1970-01-01T00:00:00Z. Nobody here asks for the time. */
#ifndef METE_BASE_TIME_H
#define METE_BASE_TIME_H

#include "base/types.h"

typedef int64_t mete_time; /* microseconds since the epoch, UTC */

#define TIME_SECOND_US ((mete_time)1000000)
#define TIME_DAY_US    ((mete_time)86400 * TIME_SECOND_US)
#define TIME_MIN       ((mete_time)0)                  /* 1970-01-01T00:00:00Z */
#define TIME_MAX       ((mete_time)253402300799999999) /* 9999-12-31T23:59:59.999999Z */
#define TIME_NEVER     INT64_MAX                       /* later than any moment */
#define TIME_ALWAYS    INT64_MIN                       /* before any moment */
#define TIME_TEXT_MAX  32

enum time_parse { TIME_OK, TIME_INVALID, TIME_RANGE };

/** RFC 3339 date-time: any offset, 1 to 9 fraction digits (those past the sixth are dropped),
 *  second 60 reads as the last microsecond of its minute. TIME_RANGE before 1970 or after 9999. */
enum time_parse time_parse(struct text t, mete_time *out) METE_MUST_CHECK;

/** As time_parse, and a date alone: the first microsecond of that day in UTC, or, with
 *  `end_of_day`, the last. */
enum time_parse time_parse_date(struct text t, bool end_of_day, mete_time *out) METE_MUST_CHECK;

/** "2025-01-31T00:00:00Z", with a fraction of 3 or 6 digits only when there is one. Returns the
 *  length. TIME_NEVER and TIME_ALWAYS read "never" and "always". */
size_t time_format(mete_time t, char out[TIME_TEXT_MAX]);

/** The moment of so many seconds since the epoch; the last second that there is for what is later.
 */
mete_time time_of_seconds(uint64_t s);

/** Days since the epoch, rounded down; and the first moment of such a day. */
int32_t time_day(mete_time t);
mete_time time_of_day(int32_t day);

/** "2025-01-31" of a day number; 11 bytes with NUL. */
void time_format_day(int32_t day, char out[11]);
/** Reads "YYYY-MM-DD". */
bool time_parse_day(struct text t, int32_t *day) METE_MUST_CHECK;

/** First and one-past-last moment of "2025", "2025-03", "2025-Q1" or "2025-03-14". */
bool time_parse_period(struct text t, mete_time *from, mete_time *until) METE_MUST_CHECK;

#endif
