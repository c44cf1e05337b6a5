/* SPDX-License-Identifier: Apache-2.0
 * The parts of GET /metrics. What a name means never changes; labels have few values, all known
 * beforehand, but for the names of books. */
#ifndef METE_HTTP_METRICS_H
#define METE_HTTP_METRICS_H

#include "http/exposition.h"
#include "http/known_books.h"

/** Of the book of this name; NULL: of each that was open. `now` gives the ages. */
void metrics_books_write(struct exposition *e, struct arena *a, struct known_books *known,
                         const char *name, mete_time now);
/** Memory, descriptors, time, and the file that holds the store. */
void metrics_process_write(struct exposition *e, const char *store, mete_time started_at);

#endif
