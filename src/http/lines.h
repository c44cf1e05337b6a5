/* SPDX-License-Identifier: Apache-2.0
 * Log lines on their way to a file descriptor that may be slow, or a pipe that nobody reads: a
 * bounded queue, and one thread that writes. Who logs never waits; what finds no room is dropped
 * and counted, and a line says how many when it flows again. */
#ifndef METE_HTTP_LINES_H
#define METE_HTTP_LINES_H

#include "base/buf.h"

#define LINES_ROOM ((size_t)1 << 20) /* bytes that may wait */

struct lines;

/** `fd` stays the caller's. */
struct lines *lines_open(int fd);
/** Whole lines, each with its end. Any thread; never blocks. */
void lines_put(struct lines *l, struct text line);
/** How many lines were dropped so far. */
uint64_t lines_dropped(struct lines *l);
/** Waits until all is written, but `ms` milliseconds at most. */
void lines_flush(struct lines *l, unsigned ms);
/** Writes what is left, if it flows within a second, and ends. Nobody may put any more. */
void lines_close(struct lines *l);

#endif
