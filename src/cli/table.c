/* SPDX-License-Identifier: Apache-2.0
 * Tables. A cell keeps what people read, of which CSV shows the beginning, and the number behind
 * it; widths are measured once, when the table is shown. */
#include "cli/table.h"

#include "base/i128.h"
#include "base/text.h"
#include "core/amount.h"

#include <stdlib.h>

enum cell_state { CELL_NULL, CELL_TEXT, CELL_NUMBER, CELL_AMOUNT, CELL_FALSE, CELL_TRUE };

struct cell {
    uint8_t state; /* enum cell_state */
    size_t offset; /* of the text, in table.text */
    size_t len;
    size_t csv_len; /* an amount without its code */
    i128 units;     /* amount */
};

struct table {
    const struct table_column *column;
    size_t column_count;
    struct cell *cell; /* row after row */
    size_t cell_count;
    size_t cell_cap;
    struct buf text;
};

struct table *table_new(const struct table_column *column, size_t count)
{
    struct table *t = calloc(1, sizeof *t);
    METE_ASSERT(t != NULL && count > 0);
    t->column = column;
    t->column_count = count;
    return t;
}

void table_free(struct table *t)
{
    if (t != NULL) {
        buf_clear(&t->text);
        free(t->cell);
        free(t);
    }
}

size_t table_row_count(const struct table *t)
{
    METE_ASSERT(t->cell_count % t->column_count == 0);
    return t->cell_count / t->column_count;
}

/* --- cells -------------------------------------------------------------------------------------*/

static struct cell *cell_add(struct table *t, enum cell_state state)
{
    if (t->cell_count == t->cell_cap) {
        t->cell_cap = t->cell_cap == 0 ? 64 : t->cell_cap * 2;
        t->cell = reallocarray(t->cell, t->cell_cap, sizeof *t->cell);
        METE_ASSERT(t->cell != NULL);
    }
    struct cell *c = &t->cell[t->cell_count++];
    *c = (struct cell){.state = (uint8_t)state, .offset = t->text.len};
    return c;
}

/** The column that the next cell belongs to. */
static enum column_kind kind_next(const struct table *t)
{
    return t->column[t->cell_count % t->column_count].kind;
}

static void cell_text(struct table *t, struct cell *c, struct text text)
{
    buf_put_text(&t->text, text);
    c->len = text.len;
    c->csv_len = text.len;
}

void table_text(struct table *t, struct text value)
{
    METE_ASSERT(kind_next(t) == COLUMN_TEXT);
    cell_text(t, cell_add(t, CELL_TEXT), value);
}

void table_str(struct table *t, const char *value)
{
    if (value == NULL) {
        table_null(t);
    } else {
        table_text(t, text_of(value));
    }
}

void table_time(struct table *t, mete_time value)
{
    char text[TIME_TEXT_MAX];
    table_text(t, (struct text){text, time_format(value, text)});
}

void table_number(struct table *t, i128 value)
{
    METE_ASSERT(kind_next(t) == COLUMN_NUMBER && value >= 0);
    char text[I128_TEXT_MAX];
    struct cell *c = cell_add(t, CELL_NUMBER);
    cell_text(t, c, (struct text){text, i128_format(value, text)});
}

void table_amount(struct table *t, i128 value, const struct asset *asset)
{
    METE_ASSERT(kind_next(t) == COLUMN_AMOUNT);
    char text[AMOUNT_TEXT_MAX];
    struct cell *c = cell_add(t, CELL_AMOUNT);
    c->units = value;
    cell_text(t, c, (struct text){text, amount_format(value, asset->scale, text)});
    buf_put_u8(&t->text, ' ');
    buf_put_str(&t->text, asset->code);
    c->len = t->text.len - c->offset;
}

void table_bool(struct table *t, bool value)
{
    METE_ASSERT(kind_next(t) == COLUMN_BOOL);
    cell_text(t, cell_add(t, value ? CELL_TRUE : CELL_FALSE), value ? TEXT("yes") : TEXT("no"));
}

void table_null(struct table *t)
{
    (void)cell_add(t, CELL_NULL);
}

/* --- text --------------------------------------------------------------------------------------*/

size_t text_width(struct text t)
{
    size_t width = 0;
    for (size_t i = 0; i < t.len; i++) {
        width += ((uint8_t)t.p[i] & 0xc0) != 0x80;
    }
    return width;
}

/** C0 and DEL; C1 as it stands in UTF-8: 0xc2, then 0x80 to 0x9f. */
static size_t control_len(struct text t, size_t i)
{
    uint8_t b = (uint8_t)t.p[i];
    if (b < 0x20 || b == 0x7f) {
        return 1;
    }
    bool is_c1 =
        b == 0xc2 && i + 1 < t.len && (uint8_t)t.p[i + 1] >= 0x80 && (uint8_t)t.p[i + 1] < 0xa0;
    return is_c1 ? 2 : 0;
}

void text_put_safe(struct buf *out, struct text t)
{
    for (size_t i = 0; i < t.len;) {
        size_t control = control_len(t, i);
        buf_put_u8(out, control > 0 ? '?' : (uint8_t)t.p[i]);
        i += control > 0 ? control : 1;
    }
}

/** The first `len` bytes of a cell's text. */
static struct text cell_bytes(const struct table *t, const struct cell *c, size_t len)
{
    return len == 0 ? (struct text){0} : (struct text){(const char *)t->text.p + c->offset, len};
}

static struct text cell_shown(const struct table *t, const struct cell *c)
{
    return c->state == CELL_NULL ? TEXT("-") : cell_bytes(t, c, c->len);
}

static void widths_measure(const struct table *t, size_t *width)
{
    for (size_t i = 0; i < t->column_count; i++) {
        width[i] = text_width(text_of(t->column[i].title));
    }
    for (size_t i = 0; i < t->cell_count; i++) {
        size_t w = text_width(cell_shown(t, &t->cell[i]));
        size_t *most = &width[i % t->column_count];
        *most = w > *most ? w : *most;
    }
}

static void spaces(struct buf *out, size_t count)
{
    while (count-- > 0) {
        buf_put_u8(out, ' ');
    }
}

static bool is_shown(const struct table *t, size_t column)
{
    return t->column[column].title != NULL;
}

/** Pads `shown` to its column; nothing follows the last column, so that lines have no blank end. */
static void put_cell(const struct table *t, struct buf *out, size_t column, size_t width,
                     struct text shown)
{
    enum column_kind kind = t->column[column].kind;
    bool right = kind == COLUMN_NUMBER || kind == COLUMN_AMOUNT;
    size_t own = text_width(shown);
    size_t pad = width > own ? width - own : 0;
    bool last = true;
    for (size_t i = column + 1; i < t->column_count; i++) {
        last &= !is_shown(t, i);
    }
    spaces(out, right ? pad : 0);
    text_put_safe(out, shown);
    spaces(out, last ? 0 : (right ? 0 : pad) + 2);
}

static void put_titles(const struct table *t, struct buf *out, const size_t *width, bool color)
{
    buf_put_str(out, color ? "\033[1m" : "");
    for (size_t i = 0; i < t->column_count; i++) {
        if (is_shown(t, i)) {
            put_cell(t, out, i, width[i], text_of(t->column[i].title));
        }
    }
    buf_put_str(out, color ? "\033[0m\n" : "\n");
}

void table_to_text(const struct table *t, struct buf *out, bool color)
{
    size_t *width = calloc(t->column_count, sizeof *width);
    METE_ASSERT(width != NULL);
    widths_measure(t, width);
    put_titles(t, out, width, color);
    size_t row_count = table_row_count(t);
    for (size_t row = 0; row < row_count; row++) {
        const struct cell *cell = &t->cell[row * t->column_count];
        for (size_t i = 0; i < t->column_count; i++) {
            if (is_shown(t, i)) {
                put_cell(t, out, i, width[i], cell_shown(t, &cell[i]));
            }
        }
        buf_put_u8(out, '\n');
    }
    free(width);
}

/* --- CSV ---------------------------------------------------------------------------------------*/

/** RFC 4180: "Fields containing line breaks (CRLF), double quotes, and commas should be enclosed
 *  in double-quotes"; a double quote inside is doubled. */
static void put_field(struct buf *out, struct text field)
{
    bool quote = false;
    for (size_t i = 0; i < field.len; i++) {
        char ch = field.p[i];
        quote |= ch == ',' || ch == '"' || ch == '\r' || ch == '\n';
    }
    if (!quote) {
        buf_put_text(out, field);
        return;
    }
    buf_put_u8(out, '"');
    for (size_t i = 0; i < field.len; i++) {
        buf_put_str(out, field.p[i] == '"' ? "\"" : "");
        buf_put_u8(out, (uint8_t)field.p[i]);
    }
    buf_put_u8(out, '"');
}

static void put_record(const struct table *t, struct buf *out, const struct cell *cell)
{
    bool first = true;
    for (size_t i = 0; i < t->column_count; i++) {
        if (t->column[i].name == NULL) {
            continue;
        }
        buf_put_str(out, first ? "" : ",");
        first = false;
        if (cell == NULL) {
            put_field(out, text_of(t->column[i].name));
        } else {
            put_field(out,
                      (struct text){(const char *)t->text.p + cell[i].offset, cell[i].csv_len});
        }
    }
    buf_put_str(out, "\r\n");
}

void table_to_csv(const struct table *t, struct buf *out)
{
    size_t row_count = table_row_count(t);
    put_record(t, out, NULL);
    for (size_t row = 0; row < row_count; row++) {
        put_record(t, out, &t->cell[row * t->column_count]);
    }
}

/* --- JSON --------------------------------------------------------------------------------------*/

static void put_member(const struct table *t, struct json_writer *w, const char *name,
                       const struct cell *c)
{
    switch ((enum cell_state)c->state) {
    case CELL_NULL:
        jw_null(w, name);
        break;
    case CELL_TEXT:
        jw_text(w, name, cell_shown(t, c));
        break;
    case CELL_NUMBER:
        jw_raw(w, name, cell_shown(t, c));
        break;
    case CELL_AMOUNT:
        jw_i128(w, name, c->units);
        break;
    case CELL_FALSE:
    case CELL_TRUE:
        jw_bool(w, name, c->state == CELL_TRUE);
        break;
    }
}

void table_to_json(const struct table *t, struct json_writer *w, const char *key)
{
    size_t row_count = table_row_count(t);
    jw_array(w, key);
    for (size_t row = 0; row < row_count; row++) {
        jw_object(w, NULL);
        for (size_t i = 0; i < t->column_count; i++) {
            if (t->column[i].name != NULL) {
                put_member(t, w, t->column[i].name, &t->cell[row * t->column_count + i]);
            }
        }
        jw_end_object(w);
    }
    jw_end_array(w);
}
