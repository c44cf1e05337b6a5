/* SPDX-License-Identifier: Apache-2.0
 * What the facilitator asks of the book, which may be another process's: a step of a payment, and
 * what has become of one. */
#ifndef METE_HTTP_FACILITATOR_STEP_H
#define METE_HTTP_FACILITATOR_STEP_H

#include "engine/x402.h"
#include "http/desk.h"
#include "wire/json.h"

/** A step under way. The text of `ctx` and what `done` needs is the caller's. */
struct step_ask;

/** Says one step. `done`, on any thread, hears what became of it: METE_OK, it was taken or known;
 *  METE_OVERLOADED, the book gave no answer, and nobody knows whether it was taken; else why it was
 *  not, and result->now is filled as far as the payment is known. `result` and its texts
 *  live until it returns. */
typedef void step_done(void *ctx, enum mete_code code, const struct x402_step_result *result);
void step_say(struct desk *d, const struct x402_step *step, const char *request_id, step_done *done,
              void *ctx);

/** Looks a payment up. `done`, on any thread: METE_NOT_FOUND, nobody has heard of it; the texts
 *  are in `a`, which is `done`'s from here on. */
typedef void status_done(void *ctx, enum mete_code code, const struct x402_status *status,
                         const struct mete_err *err);
void status_ask(struct desk *d, const char *id, struct arena *a, status_done *done, void *ctx);

/** Asks whether nothing of an asset that no settings name can be settled, as x402_nothing_check
 *  does. `done`, on any thread: METE_MEMBER_VALUE, it cannot; other errors: the book gave no
 *  answer; the status is empty. */
void nothing_ask(struct desk *d, const char *code, status_done *done, void *ctx);

#endif
