/* SPDX-License-Identifier: Apache-2.0
 * Comparing JSON by its meaning: what x402 calls "equal" and "a subset". The order of members does
 * not count, numbers count by their value, texts by their bytes (addresses too: a client has to
 * echo what it was offered). */
#ifndef METE_WIRE_X402_MATCH_H
#define METE_WIRE_X402_MATCH_H

#include "wire/json.h"

/** Deep equality. NULL is equal to NULL alone. */
bool x402_json_eq(const struct json *a, const struct json *b);
/** Whether every member of `part` is in `whole`, objects again by their members and everything else
 *  by x402_json_eq. */
bool x402_json_within(const struct json *part, const struct json *whole);

/** Whether a client chose an offer: both are requirements as JSON objects. All members but `extra`
 *  are equal, none is missing and none is more; offered.extra (none: nothing is asked) is within
 *  accepted.extra. False when one of the two is NULL or no object. */
bool x402_requirements_match(const struct json *offered, const struct json *accepted);

/** Whether a client changed nothing in the extensions that it sends back: for each that was
 *  advertised, advertised.info is within the info that is sent. Leaving one out is allowed, adding
 *  one too. Either may be NULL.
 *  "builder-code" has rules of its own: the list `s` may grow to ten, `a` is the server's alone. */
bool x402_extensions_match(const struct json *advertised, const struct json *sent);

#endif
