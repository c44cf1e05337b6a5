/* SPDX-License-Identifier: Apache-2.0
 * A page with words in {{double braces}} that are filled in. */
#ifndef METE_HTTP_PAGE_H
#define METE_HTTP_PAGE_H

#include "base/buf.h"

struct page_word {
    const char *name;
    struct text value;
    bool is_markup; /* put in as it is; else as text that shows */
};

/** Every word of the page must be given. */
void page_fill(struct buf *out, struct text page, const struct page_word *word, size_t count);

#endif
