/* SPDX-License-Identifier: Apache-2.0
 * What a streamed answer is read from, block by block, as its client takes it. A source never
 * blocks: what is not there yet is asked for again after source_wake. */
#ifndef METE_HTTP_SOURCE_H
#define METE_HTTP_SOURCE_H

#include "base/types.h"

#include <pthread.h>

#define SOURCE_END    (-1L) /* the answer is whole */
#define SOURCE_BROKEN (-2L) /* it is not: the connection is cut, so that the client sees it */

struct MHD_Connection;

/** Embedded, as the first member, in what its maker owns. */
struct source {
    /** Up to `size` bytes into `to`, and how many; 0: none yet, and source_wake will be called. On
     *  the server's threads, by one at a time. */
    long (*read)(struct source *s, uint8_t *to, size_t size);
    /** The last call, whatever the end was. Then nobody may call source_wake any more. */
    void (*close)(struct source *s);

    /* the server's own */
    pthread_mutex_t lock;
    struct MHD_Connection *waiting; /* suspended until there is something to read */
    bool woken;
};

void source_init(struct source *s, long (*read)(struct source *, uint8_t *, size_t),
                 void (*close)(struct source *));
/** There is something to read, or the end is there. Any thread; never blocks. */
void source_wake(struct source *s);

#endif
