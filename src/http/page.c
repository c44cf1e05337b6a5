/* SPDX-License-Identifier: Apache-2.0
 * Filling words into a page. */
#include "http/page.h"

#include "base/markup.h"
#include "base/text.h"

#include <string.h>

static void word_put(struct buf *out, struct text name, const struct page_word *word, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (text_is(name, word[i].name)) {
            if (word[i].is_markup) {
                buf_put_text(out, word[i].value);
            } else {
                markup_put(out, word[i].value);
            }
            return;
        }
    }
    METE_ASSERT(false); /* the page names a word that nobody gave */
}

void page_fill(struct buf *out, struct text page, const struct page_word *word, size_t count)
{
    const char *at = page.p;
    const char *end = page.p + page.len;
    while (at < end) {
        const char *open = memmem(at, (size_t)(end - at), "{{", 2);
        const char *close = open != NULL ? memmem(open, (size_t)(end - open), "}}", 2) : NULL;
        if (close == NULL) {
            break;
        }
        buf_put(out, at, (size_t)(open - at));
        word_put(out, (struct text){open + 2, (size_t)(close - open) - 2}, word, count);
        at = close + 2;
    }
    buf_put(out, at, (size_t)(end - at));
}
