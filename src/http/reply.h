/* SPDX-License-Identifier: Apache-2.0
 * Answers: JSON, and problems as RFC 9457 wants them, made from the one table of codes. */
#ifndef METE_HTTP_REPLY_H
#define METE_HTTP_REPLY_H

#include "http/exchange.h"
#include "wire/json.h"

#define TYPE_JSON    "application/json"
#define TYPE_PROBLEM "application/problem+json"
#define TYPE_NDJSON  "application/x-ndjson"
#define TYPE_EVENTS  "text/event-stream"
#define TYPE_HTML    "text/html; charset=utf-8"
#define TYPE_TEXT    "text/plain; charset=utf-8"

/** As if nothing had been answered. */
void reply_void(struct exchange *x);
/** Begins a JSON answer: write the value into *w, into x->out. */
void reply_json(struct exchange *x, unsigned status, struct json_writer *w);
/** A finished body of another type; `type` must live as long as the program. */
void reply_body(struct exchange *x, unsigned status, const char *type, struct text body);
/** A body that is read from `source` while it is sent. `source` is the exchange's from here on. */
void reply_stream(struct exchange *x, const char *type, struct source *source);
/** Adds a header; name and value are copied. */
void reply_header(struct exchange *x, const char *name, struct text value);

/** The answer holds a secret: nobody keeps it, neither on its way nor here (http/idempotency.h). */
void reply_secret(struct exchange *x);
/** Does it? It still does when the answer came from another process. */
bool reply_is_secret(const struct exchange *x);

/** Of a page of HTML that takes nothing from elsewhere and runs nothing. */
void reply_page_headers(struct exchange *x);

/** True when an entity tag stands in a list such as `"a", W/"b"`; "*" is any. */
bool etag_is_listed(struct text list, struct text tag);

/** A problem from `err`: status, retryable and remediation come from its code; what was written so
 *  far is thrown away. Adds Retry-After when the code is of that kind. */
void reply_problem(struct exchange *x, const struct mete_err *err);
/** The same, for a failure of the store whose text names nothing that is nobody's business. */
void reply_problem_shown(struct exchange *x, const struct mete_err *err);
/** reply_problem in one call. `pointer` may be NULL. */
void reply_fail(struct exchange *x, enum mete_code code, const char *pointer, const char *fmt, ...)
    METE_PRINTF(4, 5);

#endif
