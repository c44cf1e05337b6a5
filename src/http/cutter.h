/* SPDX-License-Identifier: Apache-2.0
 * Cuts a body that arrives in parts into events, each with its lines. What is cut how is
 * wire/stream.h's to know; the result does not depend on how the parts fell. */
#ifndef METE_HTTP_CUTTER_H
#define METE_HTTP_CUTTER_H

#include "base/types.h"
#include "mete/error.h"

struct cutter;

/** One event, or what could not be cut into one. Texts are valid until the next call. */
struct cutting {
    struct text text;
    struct text app_id; /* of an ingest body */
    struct text environment;
    uint64_t line; /* where it begins, from 1 */
    uint64_t last; /* where it ends */
    bool broken;
    struct mete_err why; /* broken: what is wrong */
};

struct cutter *cutter_new(void);
void cutter_free(struct cutter *c);
/** The next bytes, which are copied. `at_end`: nothing will follow. */
void cutter_push(struct cutter *c, struct bytes part, bool at_end);
/** False: it needs more bytes, or there is nothing more. */
bool cutter_next(struct cutter *c, struct cutting *out) METE_MUST_CHECK;
/** Bytes that it keeps, of an event whose end has not come. */
size_t cutter_pending(const struct cutter *c);
/** So far the body is objects one after the other: no array, no ingest body. */
bool cutter_is_plain(const struct cutter *c);

#endif
