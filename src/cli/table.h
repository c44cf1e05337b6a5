/* SPDX-License-Identifier: Apache-2.0
 * Rows and columns for people and programs: one table, shown as aligned text, CSV (RFC 4180) or a
 * JSON array of objects. Cells are given row by row, from left to right, each by its kind. */
#ifndef METE_CLI_TABLE_H
#define METE_CLI_TABLE_H

#include "base/buf.h"
#include "base/time.h"
#include "core/asset.h"
#include "wire/json.h"

enum column_kind {
    COLUMN_TEXT,   /* to the left */
    COLUMN_NUMBER, /* to the right; a number in JSON */
    COLUMN_AMOUNT, /* to the right; text "12.50 USD", CSV "12.50", JSON "1250" */
    COLUMN_BOOL    /* text "yes" or "no"; true or false in JSON */
};

struct table_column {
    const char *name;  /* in JSON and CSV; NULL: for people only */
    const char *title; /* above the column in text; NULL: for programs only */
    enum column_kind kind;
};

struct table;

/** `column` must live as long as the table. */
struct table *table_new(const struct table_column *column, size_t count);
void table_free(struct table *t);
size_t table_row_count(const struct table *t);

/* The next cell; asserts that it fits its column's kind. Everything is copied. */
void table_text(struct table *t, struct text value);
void table_str(struct table *t, const char *value); /* NULL: as table_null */
void table_time(struct table *t, mete_time value);  /* RFC 3339; TEXT columns */
void table_number(struct table *t, i128 value);     /* not below 0 */
void table_amount(struct table *t, i128 value, const struct asset *asset);
void table_bool(struct table *t, bool value);
void table_null(struct table *t); /* any kind: "-" in text, empty in CSV, null in JSON */

/* Appending to `out`. */
void table_to_text(const struct table *t, struct buf *out, bool color);
void table_to_csv(const struct table *t, struct buf *out);
void table_to_json(const struct table *t, struct json_writer *w, const char *key);

/** Width on a terminal, counted in code points. */
size_t text_width(struct text t);
/** Appends `t` with control characters, which could steer a terminal, as "?". */
void text_put_safe(struct buf *out, struct text t);

#endif
