/* SPDX-License-Identifier: Apache-2.0
 * Streamed answers, as libmicrohttpd sends them: a block is read when the one before it was taken,
 * so a slow client slows nobody, and one that takes nothing is cut by the clock of its link. */
#ifndef METE_HTTP_OUTFLOW_H
#define METE_HTTP_OUTFLOW_H

#include "http/exchange.h"
#include "http/link.h"

#include <microhttpd.h>

struct outflow_to {
    struct MHD_Connection *connection;
    const struct links *links;
    struct link *link;
};

/** A response that reads x->source, which is the response's from here on; counts what it read in
 *  x->streamed. NULL: no memory, and the source stays with the exchange. */
struct MHD_Response *outflow_response(struct exchange *x, const struct outflow_to *to);

#endif
