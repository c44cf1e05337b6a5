/* SPDX-License-Identifier: Apache-2.0
 * Steps of payments by x402 between a facilitator and the process that has the book, as JSON: one
 * side writes steps and reads results, the other reads steps and writes results. */
#ifndef METE_HTTP_X402_DOOR_H
#define METE_HTTP_X402_DOOR_H

#include "engine/x402.h"
#include "wire/json.h"

#define X402_STEPS_MAX 1000u /* of one request */

/* The client's side. */

/** One step, an element of `steps`. `counted` and the call are written for SETTLE and REPLACE. */
void x402_step_write(struct json_writer *w, const struct x402_step *s);
/** One element of `results`. Texts are in `a` or point into the document. False: it is none. */
bool x402_result_read(const struct json *j, struct arena *a,
                      struct x402_step_result *out) METE_MUST_CHECK;
/** A payment as GET /v1/x402/payments/{id} and results have it. */
bool x402_status_read(const struct json *j, struct arena *a,
                      struct x402_status *out) METE_MUST_CHECK;

/* The book's side. */

/** What is wrong with the step is in *err, with the pointer "/steps/INDEX/MEMBER". */
enum mete_code x402_step_read(const struct json *j, size_t index, struct x402_step *out,
                              struct mete_err *err) METE_MUST_CHECK;
void x402_result_write(struct json_writer *w, const struct x402_step_result *r);

#endif
