/* SPDX-License-Identifier: Apache-2.0
 * What became of a stream's events, and the answer that says so: an outcome for each, as any other
 * request has it, as long as there are no more than one may have; for more, or from streams that
 * fail, a sum with the first refusals and the line up to which everything is durable. */
#ifndef METE_HTTP_TALLY_H
#define METE_HTTP_TALLY_H

#include "http/piece.h"
#include "http/scroll.h"

struct tally {
    uint64_t count[SUBMIT_FAILED + 1]; /* by outcome */
    uint64_t events;                   /* all of them */
    uint64_t line;                     /* up to here all is decided and durable */
    struct buf refused;                /* JSON of the first ones that were not applied */
    uint64_t refused_count;
    struct log_head log;
    struct submit_result only; /* of the first event: without its texts */
    struct scroll results;
    bool lines;              /* the client wants a line for each event */
    bool results_given_up;   /* an array of them would be too long */
    uint64_t results_absent; /* lines for which there was no room */
};

void tally_init(struct tally *t, bool lines);
void tally_clear(struct tally *t);
/** Adds a piece that is durable. False: its answer cannot be read. */
bool tally_add(struct tally *t, const struct piece *p) METE_MUST_CHECK;
/** The body is longer than any other request's may be. */
void tally_too_long(struct tally *t);
/** The answer to a body that has ended, and all of which is durable. `plain`: it had the form of
 *  objects, so that one event alone is answered by its own status. */
void tally_reply(struct tally *t, struct exchange *x, bool plain);
/** A problem, and how far it went. */
void tally_fail(struct tally *t, struct exchange *x, const struct mete_err *why);

#endif
