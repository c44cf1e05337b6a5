/* SPDX-License-Identifier: Apache-2.0
 * One pass. Cells gather in a growing array of the arena; a line's number is counted for errors
 * alone, since quoted cells may have ends of lines in them. */
#include "wire/csv.h"

#include "base/text.h"

#include <string.h>

struct csv_reader {
    struct arena *a;
    const char *at, *end;
    size_t line;
    struct text *cell;
    size_t count, cap;
    struct mete_err *err;
};

static enum mete_code broken(const struct csv_reader *r, const char *why)
{
    return mete_fail(r->err, METE_FILE, "", "line %zu: %s", r->line, why);
}

static void cell_add(struct csv_reader *r, struct text t)
{
    if (r->count == r->cap) {
        size_t cap = r->cap == 0 ? 64 : 2 * r->cap;
        struct text *more = arena_array(r->a, cap, sizeof *more);
        if (r->count > 0) {
            memcpy(more, r->cell, r->count * sizeof *more);
        }
        r->cell = more;
        r->cap = cap;
    }
    r->cell[r->count++] = t;
}

static struct text trimmed(struct text t)
{
    while (t.len > 0 && (t.p[0] == ' ' || t.p[0] == '\t')) {
        t.p++;
        t.len--;
    }
    while (t.len > 0 && (t.p[t.len - 1] == ' ' || t.p[t.len - 1] == '\t')) {
        t.len--;
    }
    return t;
}

/** Two quotes inside quotes are one. */
static struct text unquoted(struct arena *a, struct text raw, size_t doubled)
{
    if (doubled == 0) {
        return raw;
    }
    char *out = arena_alloc(a, raw.len);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        out[len++] = raw.p[i];
        i += raw.p[i] == '"';
    }
    return (struct text){out, len};
}

static enum mete_code quoted_read(struct csv_reader *r)
{
    const char *from = ++r->at;
    size_t doubled = 0;
    for (; r->at < r->end; r->at++) {
        if (*r->at == '"' && (r->at + 1 == r->end || r->at[1] != '"')) {
            cell_add(r, unquoted(r->a, (struct text){from, (size_t)(r->at - from)}, doubled));
            r->at++;
            return METE_OK;
        }
        if (*r->at == '"') {
            doubled++;
            r->at++;
        }
        r->line += *r->at == '\n';
    }
    return broken(r, "a quote is never closed");
}

static enum mete_code plain_read(struct csv_reader *r)
{
    const char *from = r->at;
    while (r->at < r->end && *r->at != ',' && *r->at != '\n' && *r->at != '\r') {
        if (*r->at == '"') {
            return broken(r, "a quote stands inside a cell that has none around it");
        }
        r->at++;
    }
    cell_add(r, (struct text){from, (size_t)(r->at - from)});
    return METE_OK;
}

static bool line_ends(struct csv_reader *r)
{
    if (r->at < r->end && *r->at == '\r' && r->at + 1 < r->end && r->at[1] == '\n') {
        r->at++;
    }
    if (r->at == r->end || *r->at == '\n') {
        r->at += r->at < r->end;
        r->line++;
        return true;
    }
    return false;
}

/** One line's cells. */
static enum mete_code row_read(struct csv_reader *r)
{
    for (;;) {
        enum mete_code code = r->at < r->end && *r->at == '"' ? quoted_read(r) : plain_read(r);
        if (code != METE_OK || line_ends(r)) {
            return code;
        }
        if (*r->at != ',') {
            return broken(r, "expected a comma or the end of the line");
        }
        r->at++;
    }
}

static enum mete_code columns_check(struct csv_reader *r, struct csv *out)
{
    out->columns = r->count;
    out->column = arena_array(r->a, r->count, sizeof *out->column);
    for (size_t i = 0; i < r->count; i++) {
        out->column[i] = trimmed(r->cell[i]);
        for (size_t k = 0; k < i; k++) {
            if (text_eq(out->column[i], out->column[k])) {
                return mete_fail(r->err, METE_FILE, "",
                                 "line 1: two columns have the same name: %zu and %zu", k + 1,
                                 i + 1);
            }
        }
    }
    r->count = 0;
    return METE_OK;
}

static enum mete_code rows_read(struct csv_reader *r, struct csv *out)
{
    while (r->at < r->end) {
        size_t before = r->count;
        if (*r->at == '\n' || *r->at == '\r') {
            if (!line_ends(r)) {
                return broken(r, "a line ends with a carriage return alone");
            }
            continue;
        }
        enum mete_code code = row_read(r);
        if (code != METE_OK) {
            return code;
        }
        if (r->count - before != out->columns) {
            r->line--;
            return broken(r, "another number of cells than columns");
        }
        if (++out->rows > CSV_ROWS_MAX) {
            return broken(r, "more than a million rows");
        }
    }
    out->cell = r->cell;
    return METE_OK;
}

enum mete_code csv_parse(struct arena *a, struct text input, struct csv *out, struct mete_err *err)
{
    struct csv_reader r = {
        .a = a, .at = input.p, .end = input.p + input.len, .line = 1, .err = err};
    *out = (struct csv){0};
    if (!text_is_utf8(input)) {
        return mete_fail(err, METE_FILE, "", "the table is no UTF-8");
    }
    r.at += text_starts(input, "\xef\xbb\xbf") ? 3 : 0;
    if (r.at == r.end) {
        return mete_fail(err, METE_FILE, "",
                         "the table is empty: its first line names the columns");
    }
    enum mete_code code = row_read(&r);
    if (code == METE_OK && r.count > CSV_COLUMNS_MAX) {
        return mete_fail(err, METE_FILE, "", "more than %u columns", CSV_COLUMNS_MAX);
    }
    code = code == METE_OK ? columns_check(&r, out) : code;
    return code == METE_OK ? rows_read(&r, out) : code;
}

bool csv_column(const struct csv *t, const char *name, size_t *out)
{
    for (size_t i = 0; i < t->columns; i++) {
        if (text_is(t->column[i], name)) {
            *out = i;
            return true;
        }
    }
    return false;
}

struct text csv_cell(const struct csv *t, size_t row, const char *name)
{
    size_t i;
    return csv_column(t, name, &i) ? trimmed(t->cell[row * t->columns + i]) : (struct text){0};
}

void csv_put(struct buf *out, struct text cell)
{
    bool plain = true;
    for (size_t i = 0; i < cell.len && plain; i++) {
        plain = strchr(",\"\r\n", cell.p[i]) == NULL || cell.p[i] == '\0';
    }
    if (plain) {
        buf_put_text(out, cell);
        return;
    }
    buf_put_u8(out, '"');
    for (size_t i = 0; i < cell.len; i++) {
        if (cell.p[i] == '"') {
            buf_put_u8(out, '"');
        }
        buf_put_u8(out, (uint8_t)cell.p[i]);
    }
    buf_put_u8(out, '"');
}
