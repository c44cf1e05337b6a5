/* SPDX-License-Identifier: Apache-2.0
 * Open connections and what each is at, with a clock that no dripping of bytes sets back: who has
 * not sent a request, or not taken its answer, in time is cut off, and who left in the middle. */
#ifndef METE_HTTP_LINK_H
#define METE_HTTP_LINK_H

#include "base/types.h"

struct links;
struct link;

struct links_options {
    unsigned request_s;       /* for a whole request; an answer has as long, and more by its size */
    unsigned connections_max; /* near it, idle connections have to go early */
};

enum link_stage {
    LINK_NEW,     /* nothing was asked yet */
    LINK_READING, /* from the request line to the last byte of the body */
    LINK_FLOWING, /* a body without a known end: the clock begins anew with every part of it */
    LINK_WORKING, /* no clock: it is our turn */
    LINK_OVER,    /* answered before the end of its body: what comes is thrown away, for a moment */
    LINK_ANSWERING,
    LINK_STREAMING, /* an answer that comes in blocks: see link_stream */
    LINK_IDLE       /* kept open between two requests */
};

/** A thread of its own does the cutting off. */
struct links *links_open(const struct links_options *o);
/** Every link must be closed by then. */
void links_close(struct links *all);

/** `fd` stays the caller's, and open until link_close. */
struct link *link_open(struct links *all, int fd);
void link_close(struct links *all, struct link *l);
/** `size`: bytes of the answer when `to` is LINK_ANSWERING. Any thread, one at a time for a link.
 */
void link_move(const struct links *all, struct link *l, enum link_stage to, size_t size);

/** A block of `size` bytes was given to the client; 0: it took the last one, and we look for the
 *  next, which may take us as long as we like. */
void link_stream(const struct links *all, struct link *l, size_t size);
unsigned links_request_s(const struct links *all);

/** Links that are at a request, or seem to be about to send one. */
unsigned links_busy(struct links *all);
unsigned links_count(struct links *all);
/** How many were cut off so far. */
uint64_t links_cut(const struct links *all);

#endif
