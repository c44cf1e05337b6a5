/* SPDX-License-Identifier: Apache-2.0
 * Books that a thread could not tend: what is wrong with each is said once and when it changes, and
 * each is tried again ever more rarely, at least once a minute. One thread uses it. */
#ifndef METE_HTTP_TROUBLE_H
#define METE_HTTP_TROUBLE_H

#include "base/types.h"

struct trouble {
    struct troubled *first; /* zero-initialised: none */
};

/** The book could not be tended. True: `why` is news, and to be said. NULL: nothing to say of. */
bool trouble_add(struct trouble *t, const char *book, const char *why);
/** It was tended. True: there was trouble that had been said. */
bool trouble_end(struct trouble *t, const char *book);
/** Is the book in trouble, and when may it be tried? */
bool trouble_has(const struct trouble *t, const char *book);
bool trouble_rests(const struct trouble *t, const char *book);
/** May any of them be tried now? */
bool trouble_is_due(const struct trouble *t);
void trouble_clear(struct trouble *t);

#endif
