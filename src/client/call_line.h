/* SPDX-License-Identifier: Apache-2.0
 * One recorded call as a line of a spool file: members between tabs, and a checksum, so that a line
 * that a crash cut short is known for what it is. No I/O. */
#ifndef METE_CLIENT_CALL_LINE_H
#define METE_CLIENT_CALL_LINE_H

#include "base/time.h"
#include "mete/tracker.h"

#define CALL_LINE_MAX  1024 /* bytes, with newline */
#define COST_SCALE     18u
#define COST_TEXT_MAX  41
#define COST_DIGITS    12u /* before the point, of one call: so sums of a report cannot overflow */
#define CALLS_MAX      UINT64_C(1000000000)
#define CURRENCY_BYTES 32

struct call {
    mete_time at;
    uint64_t calls;
    i128 cost; /* in 10^-18 */
    struct text currency;
    struct text policy;
    struct text endpoint;
    struct text wallet; /* may be empty */
};

/** Reads a plain decimal without sign and exponent. */
bool cost_parse(struct text t, i128 *out) METE_MUST_CHECK;
/** Without zeros at the end. Returns the length. */
size_t cost_format(i128 cost, char out[COST_TEXT_MAX]);

/** Is every member of a kind that can be reported? */
bool call_is_valid(const struct call *c);
/** A line with checksum and newline. Returns its length. Needs a valid call. */
size_t call_format(const struct call *c, char out[CALL_LINE_MAX]);
/** `line` without its newline. False: it is torn or not of this form. Texts point into it. */
bool call_parse(struct text line, struct call *out) METE_MUST_CHECK;

/** The first line of a spool file: when it was begun and whose calls it has. */
size_t head_format(mete_time begun, struct text cli_id, char out[CALL_LINE_MAX]);
bool head_parse(struct text line, mete_time *begun, struct text *cli_id) METE_MUST_CHECK;

/** Cuts the next line off the front of *rest; false when no whole line is left. */
bool line_next(struct text *rest, struct text *line);

/** 1 to METE_TRACKER_TEXT_MAX bytes of UTF-8 without control characters. */
bool member_is_valid(struct text t);

#endif
