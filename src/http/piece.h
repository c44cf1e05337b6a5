/* SPDX-License-Identifier: Apache-2.0
 * A part of a stream of events, on its way as a request of its own: through the keeper, or through
 * the relay to the process that has the book. Its body and its answer are packed, and no client
 * sees them. */
#ifndef METE_HTTP_PIECE_H
#define METE_HTTP_PIECE_H

#include "engine/engine.h"
#include "http/authority.h"
#include "http/cutter.h"
#include "http/router.h"

struct piece {
    struct exchange x; /* first: it leads back */
    struct piece *next;
    void *owner;
    size_t count;
    size_t weight;  /* of its events, in bytes of what they need */
    uint64_t first; /* line on which the first event begins */
    uint64_t last;  /* line on which the last event ends */
    uint64_t *line; /* of each event */
    size_t line_cap;
};

/** For `who`, whose texts stay the caller's and live as long. `ended` is called as x.ended. */
struct piece *piece_new(const struct principal *who, const char *request_id,
                        void (*ended)(struct exchange *x));
void piece_free(struct piece *p);
/** Reads an event into it. */
void piece_add(struct piece *p, const struct cutting *c);

/** The way of a piece; not in the table of routes. */
extern const struct route PIECE_ROUTE;
/** True, and x->route is set, when `x` came as a piece by the relay. */
bool piece_route_find(struct exchange *x);

/** Outcomes, in the order of its events, then the log. */
struct piece_reader {
    struct reader in;
};
struct piece_reader piece_read(const struct piece *p);
/** One outcome; its texts are the piece's. False: it cannot be read. */
bool piece_read_outcome(struct piece_reader *r, struct submit_result *out) METE_MUST_CHECK;
bool piece_read_log(struct piece_reader *r, struct log_head *out) METE_MUST_CHECK;

#endif
