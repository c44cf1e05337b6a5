/* SPDX-License-Identifier: Apache-2.0
 * Long tables in blocks. */
#include "cli/rows.h"

#include <string.h>

#define BLOCK_ROWS 10000u

void rows_begin(struct rows *r, struct cli *c, const struct table_column *column, size_t count)
{
    *r = (struct rows){.c = c, .column = column, .count = count};
}

/** Without its first line once that was written. */
static void put_csv(struct rows *r)
{
    buf_reset(&r->block);
    table_to_csv(r->table, &r->block);
    const uint8_t *start = r->block.p;
    if (r->headed) {
        const uint8_t *line = memchr(start, '\n', r->block.len);
        start = line != NULL ? line + 1 : start;
    }
    buf_put(&r->c->out, start, r->block.len - (size_t)(start - r->block.p));
    r->headed = true;
}

static void put_block(struct rows *r)
{
    if (r->c->csv) {
        put_csv(r);
    } else {
        table_to_text(r->table, &r->c->out, r->c->color);
    }
    table_free(r->table);
    r->table = NULL;
    cli_spill(r->c);
}

struct table *rows_next(struct rows *r)
{
    if (r->table != NULL && table_row_count(r->table) >= BLOCK_ROWS) {
        put_block(r);
    }
    if (r->table == NULL) {
        r->table = table_new(r->column, r->count);
    }
    return r->table;
}

void rows_end(struct rows *r)
{
    if (r->table == NULL && r->c->csv && !r->headed) {
        r->table = table_new(r->column, r->count);
    }
    if (r->table != NULL) {
        put_block(r);
    }
    buf_clear(&r->block);
}

/* --- lists -------------------------------------------------------------------------------------*/

#define ROW_MEMORY ((size_t)1 << 20)

void listing_begin(struct listing *l, struct cli *c, const struct table_column *column,
                   size_t count)
{
    *l = (struct listing){.c = c};
    arena_init(&l->a, ROW_MEMORY);
    rows_begin(&l->rows, c, column, count);
    if (c->json) {
        cli_json_begin(c, &l->w);
        jw_object(&l->w, NULL);
    }
}

void listing_rows(struct listing *l, const char *name)
{
    if (l->c->json) {
        jw_array(&l->w, name);
    }
}

struct table *listing_row(struct listing *l)
{
    l->count++;
    arena_reset(&l->a);
    return l->c->json ? NULL : rows_next(&l->rows);
}

enum mete_code listing_end(struct listing *l, enum mete_code code, const char *nothing)
{
    const struct cli *c = l->c;
    if (!c->json) {
        rows_end(&l->rows);
    } else if (code == METE_OK) {
        jw_end_array(&l->w);
        jw_end_object(&l->w);
        cli_json_end(l->c);
    }
    if (code == METE_OK && l->count == 0 && !c->json && !c->csv) {
        cli_note(c, "%s", nothing);
    }
    arena_clear(&l->a);
    return code;
}
