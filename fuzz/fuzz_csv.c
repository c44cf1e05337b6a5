/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a table. What is read has as many cells as it says, and is read as the same again
 * when it is written. */
#include "base/text.h"
#include "wire/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void table_write(struct buf *out, const struct csv *t)
{
    buf_put_str(out, "\xef\xbb\xbf");
    for (size_t i = 0; i < t->columns; i++) {
        buf_put_str(out, i > 0 ? "," : "");
        csv_put(out, t->column[i]);
    }
    for (size_t i = 0; i < t->rows * t->columns; i++) {
        buf_put_str(out, i % t->columns > 0 ? "," : "\r\n");
        csv_put(out, t->cell[i]);
    }
    buf_put_str(out, "\r\n");
}

static void same(const struct csv *a, const struct csv *b)
{
    METE_ASSERT(a->columns == b->columns && a->rows == b->rows);
    for (size_t i = 0; i < a->columns; i++) {
        METE_ASSERT(text_eq(a->column[i], b->column[i]));
    }
    for (size_t i = 0; i < a->rows * a->columns; i++) {
        METE_ASSERT(text_eq(a->cell[i], b->cell[i]) && text_is_utf8(a->cell[i]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct csv t, again;
    struct buf out = {0};
    struct mete_err err = {0};
    arena_init(&a, (size_t)64 << 20);
    if (csv_parse(&a, (struct text){(const char *)data, size}, &t, &err) != METE_OK) {
        METE_ASSERT(err.code == METE_FILE && err.text[0] != '\0' &&
                    text_is_utf8(text_of(err.text)));
    } else if (t.columns > 1) { /* a row of one empty cell is an empty line */
        table_write(&out, &t);
        METE_ASSERT(csv_parse(&a, buf_text(&out), &again, &err) == METE_OK);
        same(&t, &again);
    }
    buf_clear(&out);
    arena_clear(&a);
    return 0;
}
