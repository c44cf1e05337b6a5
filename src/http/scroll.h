/* SPDX-License-Identifier: Apache-2.0
 * An answer that grows while its request still arrives. A little of it is kept in memory, the rest
 * in a file without a name, which ends with this process. */
#ifndef METE_HTTP_SCROLL_H
#define METE_HTTP_SCROLL_H

#include "base/buf.h"
#include "http/source.h"

#define SCROLL_MAX ((uint64_t)1 << 30) /* bytes of one */

/** A zeroed one is empty; but for `fd`, which scroll_init sets. */
struct scroll {
    struct buf tail; /* what is not in the file yet */
    int fd;          /* -1: none */
    uint64_t written;
    bool failed; /* there was no room for all of it */
};

void scroll_init(struct scroll *s);
void scroll_clear(struct scroll *s);
/** Appends whole texts only: false, now and from then on, when there is no room. */
bool scroll_put(struct scroll *s, struct text t);
/** Appends a last text, for which there is room. */
void scroll_end(struct scroll *s, struct text t);
/** What it holds, to be sent. The scroll is empty after it. */
struct source *scroll_source(struct scroll *s);

#endif
