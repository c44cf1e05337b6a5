/* SPDX-License-Identifier: Apache-2.0
 * Answers kept for requests that are sent again with the same Idempotency-Key (IETF draft 07). In
 * memory only, so a restart forgets them: what must never happen twice has an event id, which
 * outlives every answer. Of an answer with a secret (reply_secret) it is kept that there was one.
 * Any thread. */
#ifndef METE_HTTP_IDEMPOTENCY_H
#define METE_HTTP_IDEMPOTENCY_H

#include "http/exchange.h"

#define IDEMPOTENCY_ENTRIES_MAX 10000u
#define IDEMPOTENCY_BYTES_MAX   ((size_t)64 << 20) /* of all kept answers */
#define IDEMPOTENCY_ANSWER_MAX  ((size_t)1 << 20)  /* larger ones are not kept */
#define IDEMPOTENCY_KEY_MAX     255u
#define IDEMPOTENCY_AGE_US      (INT64_C(86400) * TIME_SECOND_US)

struct idempotency;

struct idempotency *idempotency_new(void);
void idempotency_free(struct idempotency *m);

/** Before a POST, PUT or DELETE is worked on; without the header nothing happens. METE_OK with
 * x->status 0: go on, and call idempotency_end. METE_OK with x->status set: the first answer stands
 * in `x` again, or METE_IDEMPOTENCY_SECRET. METE_IDEMPOTENCY_MISMATCH, METE_IDEMPOTENCY_RUNNING,
 * METE_REQUEST_INVALID. */
enum mete_code idempotency_begin(struct idempotency *m, struct exchange *x,
                                 struct mete_err *err) METE_MUST_CHECK;
/** With the answer in `x`, before headers of the transport are added. An answer of 5xx or 429 is
 *  not kept: the request may be sent again and is then worked on. */
void idempotency_end(struct idempotency *m, struct exchange *x);

struct idempotency_stats {
    size_t entries; /* those at work included */
    size_t bytes;   /* of kept answers */
    uint64_t hits;  /* requests that got the first answer again */
};
void idempotency_stats(struct idempotency *m, struct idempotency_stats *out);

#endif
