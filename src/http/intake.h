/* SPDX-License-Identifier: Apache-2.0
 * Bodies of events without a known end: cut as they come, decided and stored piece by piece while
 * the rest still arrives. One piece of a stream is on its way at a time, and another is filled
 * meanwhile; what is more than that is not read from the client. */
#ifndef METE_HTTP_INTAKE_H
#define METE_HTTP_INTAKE_H

#include "http/exchange.h"

struct desk;
struct intakes;

void intakes_start(struct intakes **out, struct desk *d);
/** Ends what is still open. No piece is put any more, and none that was put is under way. */
void intakes_stop(struct intakes *all);
/** After the server has stopped. */
void intakes_free(struct intakes *all);

/** Is the body of this request, whose route is known, taken as it comes? `declared` as in
 *  server_begin. */
bool intake_wants(const struct exchange *x, size_t declared);
/** Takes the body of `x`, of whom x->who asks: sets x->sink. METE_OVERLOADED. */
enum mete_code intake_begin(struct intakes *all, struct exchange *x,
                            struct mete_err *err) METE_MUST_CHECK;

struct intakes_stats {
    unsigned open;
    size_t bytes, bytes_max; /* of the pieces of all */
    uint64_t events;         /* that came by streams */
    uint64_t waits;          /* times that a client was not read on from */
};
void intakes_stats(struct intakes *all, struct intakes_stats *out);

#endif
