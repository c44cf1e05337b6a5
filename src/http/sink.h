/* SPDX-License-Identifier: Apache-2.0
 * What a body without a known end is given to, part by part, as it comes. The counterpart of
 * http/source.h: a sink never blocks; what it has no room for is not read from the client. */
#ifndef METE_HTTP_SINK_H
#define METE_HTTP_SINK_H

#include "base/types.h"

struct exchange;

/** Embedded in what its maker owns. On the server's threads, one call at a time. */
struct sink {
    /** The next bytes of the body; all of them are taken. False: no more for now, and
     *  server_go_on will be called. */
    bool (*take)(struct sink *s, struct bytes part);
    /** The body is whole. The answer comes by server_done, unless it was given before. */
    void (*end)(struct sink *s);
    /** The last call: the exchange ends now, answered or not, whatever became of its client. */
    void (*gone)(struct sink *s);
};

#endif
