/* SPDX-License-Identifier: Apache-2.0
 * Long answers, line by line: a thread of its own writes them as fast as the client takes them, so
 * that nobody else waits for either, and however long the answer is, little of it is in memory. */
#ifndef METE_HTTP_PUMP_H
#define METE_HTTP_PUMP_H

#include "http/router.h"
#include "wire/json.h"

struct pump;
struct pumps;

/** Writes the lines, on a thread of its own. What it fails with is told to nobody but the client,
 *  whose connection is cut: the answer has begun. */
typedef enum mete_code pump_run(struct pump *p, void *job, struct mete_err *err);

struct pumps *pumps_new(void);
/** Waits until all have ended. Whoever read them is gone by then, so that is soon. */
void pumps_free(struct pumps *all);

struct pump *pump_new(void);
/** Of what the job needs: the exchange's own memory is gone before its end. */
struct arena *pump_arena(struct pump *p);
/** Answers with what `run` writes, or with a problem; the pump is no longer the caller's. */
void pump_answer(struct pump *p, struct desk *d, struct exchange *x, pump_run *run, void *job);

/** Begins a line: write one value. */
struct json_writer *pump_line(struct pump *p);
/** Hands it to the client, and may wait for it. False: no more lines are wanted. */
bool pump_line_end(struct pump *p) METE_MUST_CHECK;
/** The same with lines that are written already, each with its end. */
bool pump_put(struct pump *p, struct text lines) METE_MUST_CHECK;
/** True when no more lines are wanted: for readings that can be told to stop. */
const _Atomic bool *pump_gone(const struct pump *p);

#endif
