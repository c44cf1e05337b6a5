/* SPDX-License-Identifier: Apache-2.0
 * Tables that may have millions of rows: written block by block, CSV with one header. JSON is the
 * command's own business. */
#ifndef METE_CLI_ROWS_H
#define METE_CLI_ROWS_H

#include "cli/cli.h"

struct rows {
    struct cli *c;
    const struct table_column *column;
    size_t count; /* columns */
    struct table *table;
    struct buf block;
    bool headed; /* the CSV header was written */
};

void rows_begin(struct rows *r, struct cli *c, const struct table_column *column, size_t count);
/** The table that takes the next row's cells. */
struct table *rows_next(struct rows *r);
void rows_end(struct rows *r);

#endif
