/* SPDX-License-Identifier: Apache-2.0
 * Texts that are part of the program, from the files beside this one. */
#ifndef METE_HTTP_PAGE_PAGE_H
#define METE_HTTP_PAGE_PAGE_H

#include "base/types.h"

/* index.html: words in {{double braces}} are filled in. */
extern const struct text page_index;
/* llms.txt, as it is */
extern const struct text page_guide;

#endif
