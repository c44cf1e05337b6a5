/* SPDX-License-Identifier: Apache-2.0
 * Tables that may have millions of rows: written block by block, CSV with one header. JSON is the
 * command's own business, but for lists of one kind of rows: struct listing. */
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

/* A list that is shown as it is found, as --json, --csv or text. */
struct listing {
    struct cli *c;
    struct rows rows;
    struct json_writer w; /* of --json */
    struct arena a;       /* of one row */
    size_t count;
};

/** With --json an object is open: members may be written to l->w before listing_rows. */
void listing_begin(struct listing *l, struct cli *c, const struct table_column *column,
                   size_t count);
/** What follows are its rows, in the array `name` of --json. */
void listing_rows(struct listing *l, const char *name);
/** One more row, and l->a is empty: the table that takes its cells, or NULL, and it is written to
 *  l->w as JSON. */
struct table *listing_row(struct listing *l);
/** Ends what listing_begin began; without rows people see `nothing` on stderr. Returns `code`. */
enum mete_code listing_end(struct listing *l, enum mete_code code, const char *nothing);

#endif
