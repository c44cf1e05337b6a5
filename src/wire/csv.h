/* SPDX-License-Identifier: Apache-2.0
 * Tables that people join to what mete knows: RFC 4180, UTF-8, the first line names the columns. */
#ifndef METE_WIRE_CSV_H
#define METE_WIRE_CSV_H

#include "base/arena.h"
#include "base/buf.h"
#include "mete/error.h"

#define CSV_COLUMNS_MAX 256u
#define CSV_ROWS_MAX    1000000u

struct csv {
    struct text *column; /* names, without white space around them */
    size_t columns;
    struct text *cell; /* rows * columns; row by row */
    size_t rows;       /* without the first line */
};

/** Reads a whole table into `a`; texts point into `input` or, when they had quotes, into `a`. A
 * byte order mark is passed over, empty lines are left out. METE_FILE says in which line it is
 * broken: quotes, another number of cells than columns, a name twice, no UTF-8. */
enum mete_code csv_parse(struct arena *a, struct text input, struct csv *out,
                         struct mete_err *err) METE_MUST_CHECK;
/** False: there is no such column. */
bool csv_column(const struct csv *t, const char *name, size_t *out) METE_MUST_CHECK;
/** Empty when there is no such column. */
struct text csv_cell(const struct csv *t, size_t row, const char *name);

/** Appends a cell, quoted when it has to be. */
void csv_put(struct buf *out, struct text cell);

#endif
