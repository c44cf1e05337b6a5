/* SPDX-License-Identifier: Apache-2.0
 * What is known of each book that was open since the program began: counters that go on over its
 * closing and opening, and the rest as it was last read. The keeper writes, any thread reads. */
#ifndef METE_HTTP_KNOWN_BOOKS_H
#define METE_HTTP_KNOWN_BOOKS_H

#include "engine/numbers.h"

struct known_books;

struct known_books *known_books_new(void);
void known_books_free(struct known_books *k);

/** Reads the numbers of an open book, on the thread that owns it, between two groups. When that
 *  fails, those of before stay. */
void known_books_look(struct known_books *k, const char *name, struct engine *e);
/** The same, and its counters end: it is about to be closed. */
void known_books_close(struct known_books *k, const char *name, struct engine *e);

/** Books in the order in which they were first open; `n` may be a count of before (books never
 *  leave). False past the end. `name` lives as long as `k`. */
bool known_books_at(struct known_books *k, size_t n, const char **name, struct book_numbers *out);

#endif
